/*
 * SysObjects: what -object and object-add make: sources of random bytes, memory, secrets, threads by name. (A
 * filter-dump is its network's.)
 *
 * An iothread is a name and no more: each disk has a thread of its own anyway. Nothing here asks for a
 * secret yet. Ownership: the Vm's; what devices hold of an object outlives them, and an object in use is not
 * removed. Threads: the main thread, but for the ports.
 */
#ifndef SYSTEM_OBJECTS_H
#define SYSTEM_OBJECTS_H

#include "hw/core/ports.h"
#include "system/key_vals.h"

typedef struct SysObjects SysObjects;

SysObjects *objects_new(void);
void objects_free(SysObjects *all);
/* False: err. *ret_known: the kind is one of these. */
bool objects_add(SysObjects *all, KeyVals *kv, bool *ret_known, GError **err);
bool objects_remove(SysObjects *all, const char *id, GError **err);
/* The n-th; false: there are fewer. */
bool objects_at(const SysObjects *all, unsigned n, const char **ret_kind, const char **ret_id);
/* The n-th kind there is; NULL: there are fewer. */
const char *objects_kind(unsigned n);
/* These take an object into use. NULL, false: err. */
EntropyPort *objects_entropy(SysObjects *all, const char *id, GError **err);
bool objects_iothread(SysObjects *all, const char *id, GError **err);
/* And this ends such a use. */
void objects_give_back(SysObjects *all, const char *id);
/* The machine's memory, to be laid over `host`. */
typedef struct SysMemory SysMemory;
SysMemory *objects_memory(SysObjects *all, const char *id, GError **err);
uint64_t memory_bytes(const SysMemory *m);
bool memory_map(void *memory, void *host, uint64_t bytes); /* MachineConfig.map_ram */

#endif
