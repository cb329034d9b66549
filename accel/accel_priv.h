/*
 * What the files of accel/ share: the Accel object and the table of an engine.
 *
 * Stopping. `stop` is taken by one thread at a time. The taker kicks the cpus that are running and waits
 * until each is OUT; a cpu that wants to run while `stop` is held waits in accel_run(). Whoever is outside of
 * accel_run() is OUT, so system calls need nothing. A thread of another process can be killed while its cpu
 * is running: after a while the waiter asks the kernel, and counts it as OUT.
 * Ownership: cpus belong to the list of their Accel. All memory comes from accel_map().
 */
#ifndef ACCEL_ACCEL_PRIV_H
#define ACCEL_ACCEL_PRIV_H

#include "accel/accel.h"
#include "accel/accel_debug.h"
#include "accel/softmmu.h"
#include "accel/superblock.h"
#include "base/lock.h"
#include "tcg/interp/interp.h"

typedef struct AccelCpu AccelCpu;

/* An engine. Calls without a comment are those of accel.h. */
typedef struct AccelOps {
    size_t (*cpu_bytes)(const Accel *a); /* of the engine's own data per cpu (AccelCpu.engine); page-sized
                                          * parts of it stay untouched until used */
    bool (*init)(Accel *a, char *err, size_t err_cap);
    void (*clear)(Accel *a); /* accepts a half-built object */
    bool (*cpu_init)(Cpu *cpu); /* false: fmt_err() has said why */
    void (*cpu_clear)(Cpu *cpu);
    /* Instead of cpu_init() for a cpu in the memory of one that was freed without cpu_clear(): the engine's
     * part is as that left it. NULL: there are none such. */
    void (*cpu_again)(Cpu *cpu);
    /* As accel_run(), but: no exit kind is dealt with, the kick word stays, and with CTX_STEP in cpu->ctx it
     * returns CPU_EXIT_KICK after one region, and not before it. */
    void (*run)(Cpu *cpu);
    /* After CPU_EXIT_CTX, with this cpu outside: work that needs the others stopped. May be NULL. */
    void (*outside)(Cpu *cpu);
    void (*invalidate)(Accel *a, Gva start, uint64_t len);
    void (*recheck)(Accel *a, Gva start, uint64_t len); /* NULL: invalidate */
    void (*fence_i)(Cpu *cpu, bool all); /* all: those that run come out of code of before */
    /* The fault is not in fault.h. False: not in generated code either. */
    bool (*fault)(Cpu *cpu, int sig, void *siginfo, void *ucontext);
    bool (*region_of)(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc);
    bool (*unit_insn)(const Cpu *cpu, uint32_t host_pc, Gva *ret_pc); /* CpuHooks.unit_insn; may be NULL */
    void (*stats)(Accel *a); /* may be NULL */
    void (*each_region)(Accel *a, void (*fn)(void *opaque, const AccelRegion *r),
                        void *opaque);           /* may be NULL */
    void (*thread_died)(Accel *a, uint32_t tid); /* may be NULL */
    void (*fork_learn)(Cpu *cpu); /* see accel_fork_learn(); may be NULL */
    void (*fork_prepare)(Accel *a);
    void (*fork_done)(Accel *a, bool child);
    /* Engines that are no translators; all may be NULL otherwise. run() then takes exceptions and interrupts
     * itself, and the cpu counts as running only between accel_resume() and accel_pause(), which it calls. */
    bool native;
    void (*kick)(Cpu *cpu);           /* after the kick word was set, by any thread */
    void (*cpu_reset)(Cpu *cpu);      /* see accel_cpu_reset(), after TargetOps.reset() */
    void (*sync)(Cpu *cpu);           /* see accel_sync() */
    void (*whole)(Cpu *cpu);          /* see accel_cpu_whole(); NULL: sync */
    bool (*adopt)(Cpu *cpu, Fmt *err); /* see accel_cpu_adopt(); NULL: nothing to do */
    bool (*chip)(Accel *a, unsigned kind, unsigned n, void *state, bool put); /* see accel_chip() */
    void (*stand)(Accel *a, bool stop);
    uint64_t (*time_hz)(Accel *a); /* see accel_time_hz(); NULL: 0 */
    void (*irq)(Accel *a, unsigned input, bool level); /* NULL: the board has the interrupt controllers */
    void (*cpu_irq)(Cpu *cpu, unsigned input, bool level); /* NULL: TargetSys.set_irq() and accel_wake() */
    void (*msi)(Accel *a, int input, uint64_t address, uint32_t data, uint32_t requester);
    unsigned (*gic_versions)(Accel *a); /* NULL: none */
    bool (*gic)(Accel *a, const AccelGic *g, Fmt *err);
    int (*events_fd)(Accel *a);
    void (*events)(Accel *a);
    void (*map_changed)(void *accel); /* MemMap.changed */
    void (*note_writes)(Accel *a, bool on); /* see accel_note_writes() */
    void (*fetch_writes)(Accel *a);
    bool (*translate)(Cpu *cpu, Gva va, uint64_t *ret_pa); /* see accel_debug_translate() */
    bool (*points_changed)(Accel *a); /* break- and watchpoints; false: it has no room for them */
} AccelOps;

enum { ACCEL_CPU_OUT = 0 }; /* AccelCpu.state */

/* accel's own part of a cpu; cpu->accel_cpu. */
struct AccelCpu {
    CpuHooks hooks;
    Cpu *cpu;
    AccelCpu *next;      /* list of the Accel, under its lock */
    size_t bytes;        /* of the allocation that holds this and the cpu */
    uint32_t state;      /* ACCEL_CPU_OUT, or running: the id of its thread; futex word */
    bool waiting;        /* counted in Accel.waiting */
    bool halted;         /* in accel_halt() */
    bool killed;         /* its thread ended in the middle of something */
    bool watch_hit;      /* while stepping, at watch_at */
    uint64_t watch_at;
    uint64_t fault_addr; /* si_addr of the last fault in fault.h */
    SoftMmu *mmu;        /* machines; NULL in user mode */
    MmuHot hot;
    _Alignas(64) char engine[];
};

typedef struct AccelFree {
    struct AccelFree *next;
    size_t bytes;
} AccelFree;

/* What a debugger has set (accel_debug.h); changed while no cpu runs. */
typedef struct AccelWatch {
    Gva at;
    uint64_t n;
    unsigned how;
} AccelWatch;
typedef struct AccelDebug {
    unsigned n_breaks, n_watches;
    Gva brk[ACCEL_MOST_BREAKS];
    AccelWatch watch[ACCEL_MOST_WATCHES];
} AccelDebug;

struct Accel {
    AccelConfig cfg;
    uint64_t host;            /* X64_F_* that may be used */
    const TargetOps *ops;
    const AccelOps *engine;
    void *engine_data;
    Lock lock;           /* LOCK_RANK_CPUS: cpus, used, free, arena_used */
    AccelCpu *cpus;
    AccelCpu *used;      /* of threads that ended, for the next ones (AccelOps.cpu_again) */
    unsigned n_used;
    AccelFree *free;
    size_t arena_used;   /* bytes of cfg.arena_base */
    char *chunk;         /* rest of a mapping that small allocations are cut from */
    size_t chunk_left;
    Lock stop;           /* LOCK_RANK_STOP */
    uint32_t waiting;    /* cpus that `stop` keeps from running */
    uint32_t ctx_set;    /* context bits of every cpu */
    Lock track;          /* LOCK_RANK_TRACK, machines: bits of RamBlock.code are set and cleared under it */
    uint64_t map_changes; /* machines: how often the memory map changed */
    AccelDebug debug;
    size_t cpu_room; /* of AccelCpu.engine: enough for each engine that may run the machine */
    struct {
        const AccelOps *ops; /* NULL: free */
        void *data;
    } parked[2]; /* translators that ran before (accel_switch()) */
};

extern const AccelOps accel_engine_interp, accel_engine_dbt;

/* Which of the processor's features are used: those it has and the options leave. False: not enough. */
bool accel_choose_host(Accel *a, Fmt *err);

/* Bytes from an AccelCpu to its Cpu. */
static inline size_t accel_cpu_head(const Accel *a)
{
    return align_up(sizeof(AccelCpu) + a->cpu_room, 64);
}

/* Zeroed pages for the life of the Accel, or until accel_unmap(). NULL: out of memory. */
void *accel_map(Accel *a, size_t bytes);
void accel_unmap(Accel *a, void *p, size_t bytes);
/* Frees what is kept of cpus that are gone. */
void accel_cpus_give_back(Accel *a);
/* Counts the cpu among those that `stop` keeps from running, or no more. */
void accel_set_waiting(Accel *a, AccelCpu *ac, bool on);
/* Kicks all cpus that are running. Returns one of them; NULL: none. */
AccelCpu *accel_kick_running(Accel *a);

/* Of one fault of an access [addr, addr + size) made through fault.h: fills cpu->exit. */
void accel_exit_fault(Cpu *cpu, uint64_t addr, unsigned size, bool write);

/* Applies the end of a run of the IR interpreter to the cpu. True: go on at cpu->pc. */
bool accel_run_ended(Cpu *cpu, const IrRegion *r, const IrRun *run);

/* The context word, and what follows from it, for the cpu's present state. */
void accel_update_ctx(Cpu *cpu);
/* A running cpu counts as outside between the two; it may wait in the second. */
void accel_pause(Cpu *cpu);
void accel_resume(Cpu *cpu);
/* Machines: puts the key of the region at cpu->pc into *ret_key, and sets pc_delta. NULL: cpu->exit says why
 * not. */
const FetchPlace *accel_locate(Cpu *cpu, Gva *ret_key);
/* superblock_build() at cpu->pc. Machines: from the page where that is, with stores to its bytes being
 * noticed from then on.
 * False: cpu->exit is filled in. */
bool accel_build(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Cpu *cpu, uint32_t ctx,
                 Superblock *ret);
/* Building had to be begun again so often, since others write to these bytes all the time: is it worth
 * another try? False: cpu->exit says that this instruction is to be run with the others stopped. */
bool accel_build_goes_on(Cpu *cpu, unsigned tries);
/* Does the present mapping agree with that second page? */
bool accel_second_agrees(Cpu *cpu, uint64_t second);

/* accel_debug_translate() by the page tables that the struct's registers name. */
bool accel_debug_walk(Cpu *cpu, Gva va, uint64_t *ret_pa);
/* Has a debugger a breakpoint at this place of a page? Does it watch the page, the access (then cpu->exit
 * says so)? */
bool accel_debug_stops_at(const Accel *a, Gva pc);
bool accel_debug_watched_page(const Accel *a, Gva page);
bool accel_debug_hits(Cpu *cpu, const IrAccess *x);

/* Text to the log. */
void accel_log(const Accel *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* pc and registers in one line each. */
void accel_log_cpu(const Cpu *cpu);
/* ACCEL_LOG_MMU: what a walk found; page NULL: what it raised is in cpu->exit. ACCEL_LOG_UNIMP, of machines:
 * the instruction at pc, which raised ILLEGAL. */
void accel_log_walk(const Cpu *cpu, Gva va, unsigned idx, MmuHow how, const MmuPage *page);
void accel_log_unknown(Cpu *cpu);
/* What cfg.log asks for of a region just built at cpu->pc. */
void accel_log_region(const Cpu *cpu, const Superblock *sb);
/* Is this of the addresses that are logged (AccelConfig.filter)? Of the region: any of its bytes. */
bool accel_log_wants(const Accel *a, Gva pc);
bool accel_log_wants_region(const Cpu *cpu, const Superblock *sb);

#endif
