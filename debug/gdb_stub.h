/*
 * GdbStub: the remote protocol of GDB ("Remote Protocol" in its manual), for whoever has threads with
 * registers and memory: machines and processes.
 *
 * It keeps no threads and allocates nothing: bytes go in by gdb_take(), come out by GdbOps.write, and
 * gdb_stopped() says that what was resumed stands. Threads have the numbers 1 and up. Invariant: registers
 * and memory are asked for only while everything stands. Ownership: the struct is the caller's. Threads: one
 * at a time.
 */
#ifndef DEBUG_GDB_STUB_H
#define DEBUG_GDB_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fmt.h"

enum { GDB_MOST_THREADS = 64, GDB_PACKET = 16384, GDB_MOST_REG = 64 };

typedef enum GdbHow { GDB_STAY, GDB_RUN, GDB_STEP } GdbHow;
typedef enum GdbPoint {
    GDB_SW_BREAK,
    GDB_HW_BREAK,
    GDB_WRITE_WATCH,
    GDB_READ_WATCH,
    GDB_ACCESS_WATCH
} GdbPoint;

typedef struct GdbReg {
    const char *name, *feature, *type, *group; /* group may be NULL */
    const char *types; /* what the first register of a feature has in front of it: XML; may be NULL */
    unsigned bits;
} GdbReg;

typedef struct GdbOps {
    const char *arch; /* as GDB names it */
    void (*write)(void *o, const char *bytes, size_t n);
    unsigned (*n_threads)(void *o);
    bool (*describe)(void *o, unsigned reg, GdbReg *ret);                  /* false behind the last */
    bool (*read_reg)(void *o, unsigned thread, unsigned reg, uint8_t *to); /* bits / 8 bytes, as in memory */
    bool (*write_reg)(void *o, unsigned thread, unsigned reg, const uint8_t *from);
    bool (*read)(void *o, unsigned thread, uint64_t at, void *to, size_t n);
    bool (*poke)(void *o, unsigned thread, uint64_t at, const void *from, size_t n);
    bool (*point)(void *o, GdbPoint kind, uint64_t at, uint64_t n, bool on);
    void (*resume)(void *o, const uint8_t *how);          /* GdbHow by thread - 1 */
    void (*interrupt)(void *o);                           /* gdb_stopped() follows */
    void (*leave)(void *o, bool kill);                    /* the debugger goes */
    void (*command)(void *o, const char *line, Fmt *out); /* `monitor`; may be NULL */
    bool (*physical)(void *o, int set); /* memory by physical address: 0, 1, or -1 asks; may be NULL */
} GdbOps;

typedef struct GdbStub {
    const GdbOps *ops;
    void *o;
    unsigned g_thread; /* of g, m and the like */
    unsigned n_g;      /* registers in a g packet: those of the first two features */
    bool no_ack, running;
    uint8_t state, sum; /* of the packet that comes */
    size_t n_in;
    char in[GDB_PACKET + 8], out[2 * GDB_PACKET + 16], text[GDB_PACKET];
    char last[160]; /* the last stop, for ? */
} GdbStub;

void gdb_init(GdbStub *s, const GdbOps *ops, void *o);
/* Bytes of the debugger. */
void gdb_take(GdbStub *s, const uint8_t *bytes, size_t n);
/* Everything stands. watch: the kind of watchpoint that was hit at `at`; -1: none. */
void gdb_stopped(GdbStub *s, unsigned thread, unsigned signal, int watch, uint64_t at);

#endif
