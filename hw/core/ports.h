/*
 * BlockPort, EntropyPort, NetPort: what devices get from outside of the machine, as CharPort is for bytes.
 *
 * The owner of the back end makes a port and gives it to one device. Calls come by any thread; what says so
 * may be called with the device's lock held and returns at once, the others wait for the host and are called
 * without it.
 */
#ifndef HW_CORE_PORTS_H
#define HW_CORE_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Job: something to be done in a thread where waiting hurts nobody. It belongs to a device. post() may be
 * called with locks held; run() is called without any, once for each time the job was posted, but once only
 * for posts that it had not begun to serve. A job never runs in two threads at once.
 */
typedef struct Job {
    void (*run)(void *opaque);
    void *opaque;
    struct Job *next;  /* of the back end, as the rest is */
    bool queued, running;
} Job;

typedef struct JobPort {
    void *backend;
    void (*post)(void *backend, Job *job);
    void (*drain)(void *backend,
                  Job *job); /* it is not posted any more when this returns, and does not run */
} JobPort;

typedef struct BlockPort {
    void *backend;
    uint64_t bytes; /* a multiple of 512 */
    bool read_only;
    char serial[21];
    /* False: an I/O error. Ranges are inside of [0, bytes). */
    bool (*read)(void *backend, uint64_t at, void *to, size_t n);
    bool (*write)(void *backend, uint64_t at, const void *from, size_t n);
    bool (*flush)(void *backend); /* what was written before is on the medium */
    /* May be NULL. After a discard the range reads as anything. unmap: room may be given back. */
    bool (*discard)(void *backend, uint64_t at, uint64_t n);
    bool (*write_zeroes)(void *backend, uint64_t at, uint64_t n, bool unmap);
    JobPort *jobs;  /* NULL: requests are served by the thread that makes them */
} BlockPort;

typedef struct EntropyPort {
    void *backend;
    bool (*fill)(void *backend, void *to, size_t n);
} EntropyPort;

enum { NET_FRAME_MAX = 65536, NET_MAC_BYTES = 6 };
/* "52:54:00:12:34:56". False: it is no address. */
bool net_parse_mac(const char *text, uint8_t ret[6]);

/*
 * NetPort: frames of an Ethernet, without their checksums, between a device and a network. The device fills
 * its half in realize.
 */
typedef struct NetPort {
    void *backend;
    /* Device's lock held. False: there is no room; then room() comes when there is. */
    bool (*send)(void *backend, const uint8_t *frame, size_t n);
    void (*more)(void *backend); /* lock held: the device takes frames again; may be NULL */
    void *device;
    /* Without locks. False: the device has no room, and says more() later. */
    bool (*receive)(void *device, const uint8_t *frame, size_t n);
    void (*room)(void *device);
} NetPort;

#endif
