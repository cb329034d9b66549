/*
 * NetBack: what all networks of the host side share: a queue of frames in each direction between a device,
 * whose cpus' threads send, and the main loop, where networks live.
 *
 * Life: net_back_init() by the kind's own open, net_back_clear() by its close. The device comes and goes with
 * the machine, which must be gone before the clear.
 * Queues are bounded: a device that sends too fast is told to wait; frames for a device that does not take
 * them are dropped in the end, as on any Ethernet. Threads: port.send and port.more any; everything else,
 * `out` too, the main thread.
 */
#ifndef SYSTEM_NET_BACK_H
#define SYSTEM_NET_BACK_H

#include "base/bits.h" /* before GLib, which has the same names */
#include "hw/core/ports.h"

#include <glib.h>

typedef struct NetBack NetBack;
typedef struct NetDump NetDump;

struct NetBack {
    NetPort port;
    char *id;
    const char *kind; /* as -netdev names it */
    bool used;        /* it has a device */
    void (*out)(NetBack *b, const uint8_t *frame, size_t n); /* a frame from the machine */
    void (*close)(NetBack *b); /* everything, and the NetBack itself */
    NetDump *dump;    /* may be NULL; owned */
    GSource *wake;
    GMutex lock;      /* of the next two */
    GQueue from_guest;
    bool full;        /* the device waits for room */
    GQueue to_guest;
};

void net_back_init(NetBack *b, const char *id);
void net_back_clear(NetBack *b);
/* A frame for the machine. */
void net_back_give(NetBack *b, const uint8_t *frame, size_t n);

/* Kinds. text: the option's value after the kind, e.g. "id=n0,tftp=dir". NULL: err says why. */
NetBack *net_user_open(const char *text, GError **err);
NetBack *net_socket_open(const char *text, GError **err);
NetBack *net_stream_open(const char *text, GError **err);
NetBack *net_dgram_open(const char *text, GError **err);
NetBack *net_tap_open(const char *text, GError **err);

/* -object filter-dump: what goes over the network, into a file of the pcap format. */
NetDump *net_dump_open(const char *path, uint32_t max_bytes, GError **err);
void net_dump_frame(NetDump *d, const uint8_t *frame, size_t n);
void net_dump_close(NetDump *d);

/* "a=b,c=d" with commas doubled inside of values. Calls set for each; a key without '=' has the value NULL.
 */
bool net_keys(const char *what, const char *text,
              bool (*set)(void *opaque, const char *key, const char *value, GError **err), void *opaque,
              GError **err);
bool net_parse_switch(const char *key, const char *value, bool *ret, GError **err);

#endif
