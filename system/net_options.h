/*
 * SysNet: what -netdev, -nic and -object filter-dump ask for, as back ends.
 *
 * Owned by main; lives until sys_net_close(). Errors name what was not understood.
 */
#ifndef SYSTEM_NET_OPTIONS_H
#define SYSTEM_NET_OPTIONS_H

#include "system/key_vals.h"
#include "system/net_back.h"

enum { SYS_MAX_NETS = 16 };

typedef struct SysNet {
    NetBack *net[SYS_MAX_NETS];
    unsigned n;
    struct {
        char *model, *mac; /* of a -nic; NULL: not said */
        NetBack *net;
    } nic[SYS_MAX_NETS];
    unsigned n_nics;
    bool none; /* -nic none */
} SysNet;

/* The n-th kind of network there is; NULL: there are fewer. */
const char *sys_net_kind(unsigned n);
bool sys_net_add_netdev(SysNet *s, const char *text, GError **err);
bool sys_net_add_nic(SysNet *s, const char *text, GError **err);
/* All of -net: the n-th card has the n-th network. */
bool sys_net_add_pairs(SysNet *s, const GPtrArray *texts, GError **err);
/* A network that has no device. */
bool sys_net_remove(SysNet *s, const char *id, GError **err);
/* The keys of a filter-dump. All networks must be there. */
bool sys_net_add_dump(SysNet *s, KeyVals *kv, GError **err);
/* The network of an id, which has no device yet; NULL: err says why. */
NetBack *sys_net_take(SysNet *s, const char *id, GError **err);
void sys_net_close(SysNet *s);

#endif
