/*
 * Disks: what -drive, -blockdev and -snapshot ask for, as back ends of devices.
 *
 * A Disk is a node with a policy for errors (werror, rerror) and caching. Its requests are served by a thread
 * of its own. An error whose policy is `stop` stops the machine and is tried again when it goes on; a full
 * host disk does so unless the user says otherwise. Ownership: the Vm's; outlives the machine. Threads: the
 * main thread, but for the port, whose calls may come by any.
 */
#ifndef SYSTEM_DISKS_H
#define SYSTEM_DISKS_H

#include "system/block/qcow2.h"
#include "system/vm.h"
#include "system/worker.h"

typedef enum DiskError { DISK_REPORT, DISK_IGNORE, DISK_STOP, DISK_ENOSPC } DiskError;

typedef struct DiskStats {
    uint64_t reads, read_bytes, writes, written_bytes, flushes, discards;
} DiskStats;

typedef struct Disk {
    Vm *vm;
    char *id;         /* of -drive; NULL: a -blockdev that no drive names */
    BlockNode *node;  /* on top; with a temporary one, that */
    BlockNode *below; /* what `commit` writes to; NULL: nothing is temporary */
    BlockPort port;
    Worker worker;
    DiskError on_write, on_read;
    bool writethrough, unsafe, used, wants_device;
    bool cdrom;   /* read only, and its medium may go: then there is no node */
    int ide;      /* number on the board's controller of disks; -1: it is not for that */
    int flash;    /* number of the board's flash; -1: none */
    bool guessed; /* raw because nobody said what: must not become something else */
    bool tray_told; /* open, as the user was told last */
    DiskStats stats;
} Disk;

Disks *disks_new(Vm *vm);
/* With the machine's devices gone. */
void disks_free(Disks *all);
bool disks_add_drive(Disks *all, KeyVals *kv, GError **err);
bool disks_add_blockdev(Disks *all, KeyVals *kv, GError **err);
/* A node that nothing is on top of. */
bool disks_remove_blockdev(Disks *all, const char *name, GError **err);
BlockNode *disks_node_at(Disks *all, unsigned n); /* of these; NULL: there are fewer */
/* For a device: by the drive's id or the node's name. NULL: err says why. */
Disk *disks_take(Disks *all, const char *id, GError **err);
/* A node of -blockdev that nothing is on top of, for who owns it from then on. NULL: err says why. */
BlockNode *disks_take_node(Disks *all, const char *name, GError **err);
/* Another medium, or none, of a drive whose device does nothing now; the one before is closed. */
void disk_set_medium(Disk *d, BlockNode *node);
/* Its device is gone: a node is one without a device again, a -drive ends if its device was there. */
void disks_give_back(Disks *all, Disk *d, bool was_there);
/* Of if=pflash; NULL: none of this number. */
BlockPort *disks_flash(Disks *all, unsigned unit);
/* The n-th; NULL: there are fewer. */
Disk *disks_at(Disks *all, unsigned n);
/* What was written to temporary files goes to the images. device: an id or "all". */
bool disks_commit(Disks *all, const char *device, GError **err);
/* Requests under way are finished, and no other begins until release. False: one waits for the user. */
bool disks_hold(Disks *all, GError **err);
void disks_release(Disks *all);
const char *disk_name(const Disk *d);

#endif
