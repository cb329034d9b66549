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

enum { GDB_MOST_THREADS = 4096, GDB_PACKET = 16384, GDB_MOST_REG = 64, GDB_SIGNALS = 160, GDB_FILES = 8 };

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
    const struct GdbProcessOps *process; /* NULL: a machine */
} GdbOps;

/* What processes have besides. Signals have GDB's numbers. */
typedef struct GdbProcessOps {
    unsigned (*id)(void *o, unsigned thread); /* as the debugger sees it; 0: there is no such thread now */
    void (*name)(void *o, unsigned thread, Fmt *out);
    void (*signal)(void *o, unsigned thread,
                   unsigned signal); /* it goes on with this one; 0, and before each resume(): none */
    void (*pass)(void *o, const bool signals[GDB_SIGNALS]);                /* of these nobody need stop */
    void (*catch_calls)(void *o, bool on, const uint64_t *nr,
                        unsigned n); /* stop at system calls; n = 0: at all */
    /* "auxv", "exec-file", "siginfo": n bytes from `at` on; how many there were, -1: no such object. */
    long (*object)(void *o, const char *name, uint64_t at, void *to, size_t n);
    long (*open)(void *o,
                 const char *path); /* for reading; a descriptor above 0, which the stub closes, or -errno */
    long (*readlink)(void *o, const char *path, char *to, size_t n);
    /* The number of the process that a thread is of; 0: of the first, which is there to the end. Those of
     * vfork are here as well while they share memory; all others are reached by other(). */
    unsigned (*pid)(void *o, unsigned thread);
    bool (*ours)(void *o, unsigned pid);
    /* Nobody looks at this child of vfork any more. */
    void (*release)(void *o, unsigned pid, bool kill);
    /* A packet for another of them; its answer, or, if it resumes, some later stop, is sent. False: there is
     * no such process. */
    bool (*other)(void *o, unsigned pid, const char *packet, size_t n, bool resumes);
    /* The threads of the others, each as packets name it, behind a comma. */
    void (*others)(void *o, Fmt *out);
} GdbProcessOps;

typedef struct GdbStub {
    const GdbOps *ops;
    void *o;
    unsigned g_thread; /* of g, m and the like */
    unsigned n_g;      /* registers in a g packet: those of the first two features */
    unsigned g_pid;    /* g_thread is of this process; 0: of this one */
    unsigned listed;   /* threads that the debugger has been told of */
    bool no_ack, running, tell_breaks;
    bool multi, tell_forks, tell_vforks, tell_execs; /* the debugger knows of several processes, fork, vfork,
                                                      * execve */
    int file[GDB_FILES]; /* open for the debugger; 0: none */
    uint8_t state, sum; /* of the packet that comes */
    size_t n_in;
    char in[GDB_PACKET + 8], out[2 * GDB_PACKET + 16], text[GDB_PACKET];
    char last[2 * 4096 + 96]; /* the last stop, for ?; it may name a file, in hex */
} GdbStub;

void gdb_init(GdbStub *s, const GdbOps *ops, void *o);
/* By a forked child, whose copy this is: what has come so far was its parent's. */
void gdb_forget_packets(GdbStub *s);
/* Bytes of the debugger. */
void gdb_take(GdbStub *s, const uint8_t *bytes, size_t n);
/* Is what comes next no part of a packet? */
bool gdb_between_packets(const GdbStub *s);
/* Everything stands. point: the GdbPoint that was hit, a watchpoint at `at`; -1: none. A debugger that is not
 * told of a breakpoint takes an x86 program counter behind one of a byte for that breakpoint. */
void gdb_stopped(GdbStub *s, unsigned thread, unsigned signal, int point, uint64_t at);
/* Processes: everything stands, `thread` before or behind a system call; there is no process any more. */
void gdb_stopped_at_call(GdbStub *s, unsigned thread, bool before, uint64_t nr);
void gdb_exited(GdbStub *s, unsigned pid, unsigned status, bool by_signal);
/* The thread has made this child, which stands, too; the child of vfork has left the memory to it; the
 * process has begun another program. */
void gdb_stopped_at_fork(GdbStub *s, unsigned thread, unsigned child, bool vfork);
void gdb_stopped_at_vfork_done(GdbStub *s, unsigned thread);
void gdb_stopped_at_exec(GdbStub *s, unsigned thread, const char *path);
/* A process that shares the connection has said this by itself: a stop, or its end. */
void gdb_other_stopped(GdbStub *s, unsigned pid);
void gdb_other_killed(GdbStub *s, unsigned pid);

/* Types of vector registers, for GdbReg.types. */
extern const char gdb_types_aarch64[];

#endif
