/* Between gdb.c (guest threads) and gdb_serve.c (the connection). */
#ifndef LINUX_USER_GDB_INT_H
#define LINUX_USER_GDB_INT_H

#include "accel/accel_debug.h"
#include "debug/gdb_stub.h"
#include "linux-user/abi.h"
#include "linux-user/gdb.h"
#include "linux-user/regset.h"

enum { LU_GDB_CAUGHT = 64, LU_GDB_WATCHES = 16, LU_GDB_WATCHED = 64 };

typedef enum LuGdbKind { LU_GDB_SIGNAL, LU_GDB_CALL, LU_GDB_RETURN, LU_GDB_EXITED, LU_GDB_KILLED } LuGdbKind;

typedef struct LuGdbEvent {
    LuGdbKind kind;
    int signal; /* or status */
    bool at_break; /* LU_GDB_SIGNAL: of a breakpoint */
    uint64_t nr;
    const struct LuGdbWatch *watch; /* LU_GDB_SIGNAL: what has changed, or NULL */
} LuGdbEvent;

/* While there is one every thread runs instruction by instruction, and looks whether the bytes are others. */
typedef struct LuGdbWatch {
    Gva at;
    uint32_t n; /* 0: free */
    uint8_t was[LU_GDB_WATCHED];
} LuGdbWatch;

typedef struct LuGdbSlot {
    LuThread *thread; /* NULL: free. LuGdb.lock */
    unsigned tid;
    uint8_t how;    /* GdbHow: by the server, while everything stands */
    bool step_due;  /* by the thread: the next stop is the step's end */
    int deliver;    /* the signal it goes on with */
    siginfo_t info; /* of the last that it was stopped for */
} LuGdbSlot;

struct LuGdb {
    LuProc *proc;
    LuThread *server; /* runs no guest: for paths */
    int pid;
    Lock lock; /* slots */
    uint32_t hold, turn, event;
    bool detached;
    LuGdbEvent what; /* with `event` */
    unsigned n_watches;
    LuGdbWatch watch[LU_GDB_WATCHES];
    bool catching;
    unsigned n_caught;
    uint64_t caught[LU_GDB_CAUGHT];
    bool pass[128]; /* by signal of Linux */
    LuGdbSlot slot[GDB_MOST_THREADS];
    GdbOps ops;
    GdbStub stub;
};

#endif
