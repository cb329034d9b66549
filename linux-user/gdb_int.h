/* Between gdb.c (guest threads), gdb_serve.c (the connection) and gdb_fork.c (several processes on it). */
#ifndef LINUX_USER_GDB_INT_H
#define LINUX_USER_GDB_INT_H

#include "accel/accel_debug.h"
#include "debug/gdb_stub.h"
#include "linux-user/abi.h"
#include "linux-user/gdb.h"
#include "linux-user/regset.h"

enum { LU_GDB_CAUGHT = 64, LU_GDB_TAKE = 4, LU_GDB_WATCHES = 16, LU_GDB_WATCHED = 64 };

typedef enum LuGdbKind {
    LU_GDB_SIGNAL,
    LU_GDB_CALL,
    LU_GDB_RETURN,
    LU_GDB_FORKED,
    LU_GDB_VFORKED,
    LU_GDB_VFORK_DONE,
    LU_GDB_EXITED,
    LU_GDB_KILLED
} LuGdbKind;

typedef struct LuGdbEvent {
    LuGdbKind kind;
    int signal; /* or status */
    bool at_break; /* LU_GDB_SIGNAL: of a breakpoint */
    uint64_t nr;   /* or the child's number */
    unsigned parent; /* LU_GDB_VFORKED, which the child tells: its parent's slot + 1 */
    int at;          /* LU_GDB_FORKED, LU_GDB_VFORKED: index of LuProc.gdb_peer */
    const struct LuGdbWatch *watch; /* LU_GDB_SIGNAL: what was hit, or NULL */
} LuGdbEvent;

/* While there is one every thread runs instruction by instruction, and looks whether the bytes are others, or
 * (reads, accesses) is told of what it accesses. */
typedef struct LuGdbWatch {
    Gva at;
    uint32_t n; /* 0: free */
    uint8_t kind; /* GdbPoint */
    uint8_t was[LU_GDB_WATCHED];
} LuGdbWatch;

typedef struct LuGdbSlot {
    LuThread *thread; /* NULL: free. LuGdb.lock */
    unsigned tid, pid;
    uint8_t how;    /* GdbHow: by the server, while everything stands */
    bool step_due;  /* by the thread: the next stop is the step's end */
    int deliver;    /* the signal it goes on with */
    const LuGdbWatch *seen; /* by the thread: accessed by its last instruction, or NULL */
    siginfo_t info; /* of the last that it was stopped for */
} LuGdbSlot;

/* A child that the debugger follows, or one of its children: what it says comes by this socket. One of vfork
 * has nothing to say there before its execve: it is a thread of ours until then. */
typedef struct LuGdbPeer {
    unsigned pid;  /* 0: free */
    int at;        /* index of LuProc.gdb_peer */
    unsigned slot; /* vfork: its slot + 1, until there was something */
} LuGdbPeer;

struct LuGdb {
    LuProc *proc;
    LuThread *server; /* runs no guest: for paths */
    int pid;
    bool over;   /* begun by execve of a process that was looked at */
    bool linked; /* the debugger is behind LuProc.gdb_link, a parent; else at LuProc.gdb_fd */
    bool relay;  /* this is nothing but what an ended process has left behind for its children */
    uint32_t leaving; /* a futex: 0; 1: the process, which is not looked at, ends; 2: it may */
    LuGdbPeer peer[4 * LU_GDB_PEERS];
    char from[2 * GDB_PACKET + 16];
    Lock lock; /* slots */
    uint32_t hold, turn, event;
    bool detached;
    LuGdbEvent what; /* with `event` */
    unsigned n_watches, n_noted; /* noted: of reads or accesses */
    LuGdbWatch watch[LU_GDB_WATCHES];
    bool catching;
    unsigned n_caught;
    uint64_t caught[LU_GDB_CAUGHT];
    bool pass[128]; /* by signal of Linux */
    LuGdbSlot slot[GDB_MOST_THREADS];
    GdbOps ops;
    GdbStub stub;
};

/* gdb_fork.c. Bytes to the debugger; of what the peer at LuProc.gdb_peer[k] has sent; the other processes,
 * for GdbProcessOps. */
void gdb_write(LuGdb *g, const char *bytes, size_t n);
void gdb_from_peer(LuGdb *g, int k);
void gdb_add_peer(LuGdb *g, unsigned pid, int at, unsigned slot);
void gdb_drop_peer(LuGdb *g, unsigned pid);
/* A socket pair for a child that shall be followed: index of LuProc.gdb_peer, *ret_end the child's. -1: it is
 * not. */
int gdb_new_peer(LuGdb *g, int *ret_end);
bool gdb_other(void *o, unsigned pid, const char *packet, size_t n, bool resumes);
void gdb_others(void *o, Fmt *out);
/* Is there another process to speak for? */
bool gdb_has_peers(const LuGdb *g);
/* This process is no longer looked at: another one takes the connection. False: it has others yet to speak
 * for, or none. */
bool gdb_hand_over(LuGdb *g);
/* The parent is no longer looked at: the connection is ours. */
void gdb_take_connection(LuGdb *g);
/* The process ends: others that are reached through it stay so. */
void gdb_stay_behind(LuGdb *g);
/* gdb_serve.c: one round; false: the debugger has gone. All sockets are closed. */
bool gdb_serve_once(LuGdb *g);
void gdb_close_all(LuProc *p);
/* gdb.c: a slot for a child of t by vfork; false: there is none. Its slot is free when this returns, and its
 * LuThread may be freed: nobody looks at its registers any more. */
bool gdb_vfork_slot(LuGdb *g, LuThread *t, LuThread *child);
void gdb_free_slot(LuGdb *g, LuThread *t);
/* gdb_serve.c: the thread of a process that is one of several. False: there is none. */
bool gdb_serve_child(LuGdb *g, LuThread *t);
/* Ctrl-C for a process behind this one. */
void gdb_interrupt_other(LuGdb *g, unsigned pid);

#endif
