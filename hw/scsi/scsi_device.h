/*
 * ScsiDevice: scsi-hd and scsi-cd, logical units that are plugged into a host adapter of SCSI.
 *
 * A device is the child of its adapter and shares the adapter's lock. The adapter hands it commands in a job
 * of its drive, one after the other. Links: controller (ScsiHost), drive (BlockPort), requests.
 * Threads, errors: as dev.h; what says so takes the adapter's lock.
 */
#ifndef HW_SCSI_SCSI_DEVICE_H
#define HW_SCSI_SCSI_DEVICE_H

#include "hw/core/request.h"
#include "hw/scsi/scsi.h"

typedef struct ScsiDevice ScsiDevice;

/* What an adapter does for its devices; takes its lock. */
typedef struct ScsiHost {
    Device *dev;
    Lock *lock;
    /* Sets target and LUN, where they are open. False: err. */
    bool (*plug)(struct ScsiHost *h, ScsiDevice *d, DevError *err);
    /* Tells the guest, and answers what has not begun: there is no such unit. */
    void (*leave)(struct ScsiHost *h, ScsiDevice *d);
    void (*unplug)(struct ScsiHost *h, ScsiDevice *d); /* in clear: nothing runs for it any more */
    /* What is under way is done, and nothing begins until go_on(). */
    void (*pause)(struct ScsiHost *h, ScsiDevice *d);
    void (*go_on)(struct ScsiHost *h, ScsiDevice *d);
} ScsiHost;

enum { SCSI_ANY = UINT32_MAX }; /* target, LUN: the adapter chooses */

struct ScsiDevice {
    Device dev;
    ScsiHost *host;
    BlockPort *drive;
    const MachineRequests *requests; /* who is told of its tray; may be NULL */
    char bus[64], serial[37], vendor[9], product[17], ver[5], device_id[64]; /* properties */
    uint32_t channel, target, lun, block, physical_block, rotation_rate;
    uint64_t wwn;
    bool removable, write_cache;
    ScsiUnit u;
    void *place; /* the adapter's; NULL: not plugged in */
    DEV_STATE_BEGIN
    ScsiState s;
    DEV_STATE_END
};

extern const DevClass scsi_hd_class, scsi_cd_class;

bool scsi_device_is(const Device *d);
/* Before dev_free(), while the machine goes on. */
void scsi_device_leave(Device *d);

/* ---- for the owner of a CD-ROM: trays.h ---- */

bool scsi_cd_is(const Device *d); /* on an adapter; the others are for those alone */
void scsi_cd_ask(Device *d, CdAsk what);
void scsi_cd_look(Device *d, bool *ret_open, bool *ret_locked);
void scsi_cd_pause(Device *d);
void scsi_cd_resume(Device *d);

#endif
