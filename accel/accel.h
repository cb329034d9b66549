/*
 * Accel: the ways to run a Cpu. linux-user knows nothing else of the translator.
 *
 * One Accel per guest address space; each Cpu belongs to one. Engines: the translator ("dbt"), the IR
 * interpreter ("interp", --no-jit); of machines also the host's processor by KVM (accel/kvm/kvm.h).
 * Threads: accel_run() by the cpu's thread. accel_kick() by any thread and by signal handlers.
 * accel_invalidate() by any cpu thread. The fork calls by the forking thread.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "target/target.h"

typedef struct Accel Accel;
typedef struct Fmt Fmt;

/* How code in a page can change. */
typedef enum AccelCode {
    ACCEL_CODE_STAYS,     /* not but by accel_invalidate() */
    ACCEL_CODE_NOTICED,   /* before it does accel_recheck() or accel_invalidate() is called */
    ACCEL_CODE_UNNOTICED, /* the guest can write it, through this or another mapping, and nobody is told */
} AccelCode;

/* What accel needs from the owner of the guest address space. Called in cpu threads, with no accel lock
 * held. */
typedef struct AccelMem {
    void *opaque;
    /* How many bytes from pc are mapped executable, up to 4096; 0: none. The bytes are read directly. */
    unsigned (*exec_bytes)(void *opaque, Gva pc);
    /* Code from this page is about to be translated, or to run again after accel_recheck(). notice: stores to
     * it shall be noticed from now on, if that can be had (TargetOps.code_checks); else what can be written
     * is UNNOTICED. */
    AccelCode (*code_page)(void *opaque, Gva page, bool notice);
    /* A store to addr was refused (SEGV_ACCERR). True if only for a page's code: it has been told
     * (accel_recheck()), and the store may be tried again. NULL: code_page never says NOTICED. */
    bool (*code_written)(void *opaque, Accel *a, Gva addr);
    /* Bytes of the executable mapping that pc is in, from its start to its end: tells large programs. NULL:
     * unknown. */
    uint64_t (*code_size)(void *opaque, Gva pc);
} AccelMem;

/* AccelMem.code_size from which on a program counts as large. One that has it in its own file had better be
 * told so from its first region on (AccelConfig.returns_from = 1): what changes later is translated anew. */
enum { ACCEL_LARGE_CODE = 2 << 20 };

/* Who has the machine's interrupt controllers: the board; the engine that of each cpu alone; the engine. */
typedef enum AccelIrqchip { ACCEL_IRQCHIP_BOARD, ACCEL_IRQCHIP_SPLIT, ACCEL_IRQCHIP_ENGINE } AccelIrqchip;

/* A region that was translated: `size` bytes of host code at rx, made of n_insns guest instructions, the
 * first at pc (of machines a virtual address; of regions that were there before, one of the page's memory).
 */
typedef struct AccelRegion {
    Gva pc;
    const void *rx;
    uint32_t size, n_insns; /* n_insns: 0 = not known any more */
} AccelRegion;

/* Who wants to know what is translated. Each may be NULL; by the thread that translates, with no lock held.
 */
typedef struct AccelObserver {
    void *opaque;
    void (*region)(void *opaque, const AccelRegion *r);
    /* Puts into a log what a person calls this address; nothing, if it has no name. */
    void (*name)(void *opaque, Gva pc, struct Fmt *out);
    void (*dropped)(void *opaque, Gva start, uint64_t len); /* accel_invalidate() */
} AccelObserver;

/* Addresses of the guest, `last` included. */
typedef struct AccelRange {
    Gva first, last;
} AccelRange;

typedef struct AccelConfig {
    bool jit;              /* false: interpreter */
    const struct AccelOps *engine; /* one of another library; NULL: as `jit` says */
    const struct AccelOps *other;  /* one of another library that the machine may change to; may be NULL */
    AccelIrqchip irqchip;  /* what is wanted of it */
    const char *cpu_props; /* "NAME=on|off,...": of the host's own cpu, where that is what guests see */
    const char *host_cpu;  /* host features to use, as x64_features_parse() reads them; NULL: all */
    uint64_t host;         /* what x64_detect() said, which costs; 0: not asked yet */
    uint32_t no_opt;       /* ACCEL_NO_* */
    unsigned max_insns;    /* guest instructions per region; 0 = default */
    unsigned returns_from; /* regions, from which on a program counts as large and the return stack is used; 0
                            * = default */
    Gva program_entry;     /* what runs before it is start-up, which runs once; 0: not known. Bit 0 means
                            * nothing */
    size_t cache_bytes;    /* code cache; 0 = default */
    bool keep;             /* user mode: accel_kept_use() and accel_kept_make() will be called */
    uint32_t model;        /* keep: number of the cpus' model, which translation may depend on (Trans.cpu) */
    uint32_t log;          /* ACCEL_LOG_* */
    int log_fd;
    const AccelRange *filter; /* IN_ASM, IR, OUT_ASM, EXEC, CPU of these addresses only; the caller's; */
    unsigned n_filter;        /* 0: of all */
    AccelObserver observer;
    AccelMem mem;
    struct MemMap *machine; /* its physical memory; NULL: user mode, `mem` counts */
    void *arena_base;      /* address range reserved by the owner for the accel's own mappings, or NULL */
    size_t arena_bytes;
} AccelConfig;

/* Optimisations that can be switched off; each is a column of the test matrix. */
enum {
    ACCEL_NO_PINS = 1,
    ACCEL_NO_CHAIN = 2,
    ACCEL_NO_JUMP_CACHE = 4,
    ACCEL_NO_LOOPS = 8,
    ACCEL_NO_SUPERBLOCK = 16,
    ACCEL_NO_FOLD = 32,
    ACCEL_NO_LAZY_NAN = 64,
    ACCEL_NO_LOOP_PINS = 128,
    ACCEL_NO_LAZY_FLAGS = 512,
    ACCEL_NO_RETURN_STACK = 1024,
    ACCEL_NO_FORK_HINTS = 2048,
    ACCEL_NO_LLSC_MATCH = 8192, /* load-reserved and store-conditional as one compare and swap */
    ACCEL_NO_TLB = 4096,       /* every access of a machine by C code */
    ACCEL_NO_SHARED_CHECKS = 16384, /* machines: every access looks into the TLB by itself */
    ACCEL_NO_EXACT_LLSC = 256, /* no optimisation: gives up a promise (CTX_LLSC_BY_VALUE), so that tests show
                                * its worth */
};
enum { ACCEL_LOG_IN_ASM = 1, ACCEL_LOG_IR = 2, ACCEL_LOG_OUT_ASM = 4, ACCEL_LOG_UNIMP = 8,
       ACCEL_LOG_STATS = 16,
       ACCEL_LOG_CPU = 32, /* all registers before each region that C code enters */
       ACCEL_LOG_EXEC = 64, /* its address only */
       ACCEL_LOG_INT = 128, /* machines: exceptions and interrupts */
       ACCEL_LOG_KEPT = 512, /* user mode: kept translations are compared with new ones */
       ACCEL_LOG_MMU = 256 /* machines: what the page tables said */ };

/* Is there a translator for this host? Else machines are interpreted, or run by the processor. */
bool accel_can_translate(void);
/* NULL on failure, with one line in err (e.g. no executable memory: the caller may try again with jit =
 * false). */
Accel *accel_new(const AccelConfig *cfg, const TargetOps *ops, char *err, size_t err_cap);
void accel_free(Accel *a);

Cpu *accel_cpu_new(Accel *a);                        /* reset state; NULL: out of memory */
/* TargetOps.reset(), with which the engine begins anew. The cpu is outside of accel_run(), as in the next
 * two. */
void accel_cpu_reset(Cpu *cpu);
/* Some engines have a cpu's registers elsewhere: after this they are in the struct, and what is changed there
 * counts. */
void accel_sync(Cpu *cpu);
/* The same for all there is of it, not its registers alone; an interrupt that was being delivered is pending
 * again. All cpus are outside. */
void accel_cpu_whole(Cpu *cpu);
/* All of the struct counts: the cpu was loaded, or another engine had it. False: err says what of it this
 * engine does not have. */
bool accel_cpu_adopt(Cpu *cpu, Fmt *err);
/* Does the host's processor run the guest? Then TargetSys is asked for neither exceptions nor interrupts,
 * nor whether a cpu sleeps. */
bool accel_is_native(const Accel *a);
/* Which runs the machine now. */
const struct AccelOps *accel_engine(const Accel *a);
/* Who has the interrupt controllers. ENGINE: inputs as the I/O APIC counts them (which a PIC's are too; 0 is
 * its input 2). ENGINE and SPLIT: messages to a cpu; input: of the board's I/O APIC, where it is from there:
 * CpuBoard.irq_end() is then told of its end. Else ACCEL_NO_INPUT. requester: the PCI function, where that
 * counts. By any thread. */
enum { ACCEL_NO_INPUT = -1 };
AccelIrqchip accel_irqchip(const Accel *a);
void accel_irq(Accel *a, unsigned input, bool level);
/* BOARD: a cpu's own input (TargetSys.set_irq()), and what it does to a cpu that sleeps. By any thread. */
void accel_cpu_irq(Cpu *cpu, unsigned input, bool level);
/* How often in a second the timer counts that cpus have from the engine; 0: they have the board's. */
uint64_t accel_time_hz(Accel *a);
void accel_msi(Accel *a, int input, uint64_t address, uint32_t data, uint32_t requester);
/* ENGINE, machines of Arm. Its inputs are the shared ones, from 0. Of which versions it can be: bit 2, bit 3;
 * and it is made, when all cpus are there and none has run. False: err says why. */
typedef struct AccelGic {
    unsigned version, irqs; /* irqs: all of them, a cpu's own with them */
    uint64_t dist, cpu;     /* cpu: version 2's cpu interface, version 3's redistributors */
    uint64_t its;           /* 0: none */
} AccelGic;
unsigned accel_gic_versions(Accel *a);
bool accel_gic(Accel *a, const AccelGic *g, Fmt *err);
/* ENGINE and SPLIT, machines of x86: the state of a controller of the engine's, or what else
 * hw/core/x86_chips.h names: from it, behind accel_cpu_whole() of all cpus; or (put) into it: a local APIC
 * before accel_cpu_adopt(), the others behind it. All cpus are outside. False: the engine has none such. */
bool accel_chip(Accel *a, unsigned kind, unsigned n, void *state, bool put);
/* What the engine has for the machine's main thread to do, with no lock held, whenever this descriptor can be
 * read. -1: it never has. */
int accel_events_fd(Accel *a);
void accel_events(Accel *a);
/* All cpus are outside, and the machine's clock stands still, from `stop` until not. */
void accel_stand(Accel *a, bool stop);
Cpu *accel_cpu_clone(Accel *a, const Cpu *from);     /* same guest registers */
void accel_cpu_free(Cpu *cpu);

/* Runs until something for the caller happens; cpu->exit and cpu->pc say what. Exits of kind CTX, FENCE_I and
 * EXCLUSIVE are dealt with inside; of a machine's cpu also exceptions, and interrupts where it was kicked:
 * KICK and HALT remain. Before KICK is returned the kick word is cleared, so the caller looks at its queues
 * after. */
void accel_run(Cpu *cpu);
/* Makes accel_run() of that cpu return CPU_EXIT_KICK soon (at a poll), or at once if it is not running. */
void accel_kick(Cpu *cpu);
/* The same, and ends its accel_halt(). */
void accel_wake(Cpu *cpu);
/* Machines: the cpu's thread, outside of accel_run(), sleeps until somebody wakes the cpu. */
void accel_halt(Cpu *cpu);
/* Guest bytes [start, start + len) changed, were unmapped or lost their permission. */
void accel_invalidate(Accel *a, Gva start, uint64_t len);
/* They may have changed or lost their permission, but most likely will run as before (mprotect, a flush of a
 * range): code made from them is compared, and permission asked for, before it runs again. */
void accel_recheck(Accel *a, Gva start, uint64_t len);
/* Code in pages that the guest can write is compared with memory before it runs again, on every cpu; on
 * return none is in code of before. The caller is outside of accel_run() and holds no lock. (An exit of kind
 * FENCE_I, which is dealt with inside, means the cpu that made it; others too, soon, where
 * TargetOps.fence_for_all says so.) */
void accel_fence_i(Cpu *cpu);
/* Every cpu's context word gets `set` bits, those of later cpus too; returns when no cpu runs code of the old
 * context. Stops the others as accel_exclusive_begin() does: not inside of that, and with no lock held. */
void accel_ctx_set(Accel *a, Cpu *self, uint32_t set);

/* Other cpus are stopped between instructions until accel_exclusive_end(). Outside of accel_run() a cpu
 * counts as stopped, so system calls need no word to accel, and waits when it enters it. The caller is
 * outside of accel_run() and holds no lock. */
void accel_exclusive_begin(Cpu *self);
void accel_exclusive_end(Cpu *self);

/* Kicks every cpu, also those outside, and returns when all are outside. The caller runs no cpu and holds no
 * lock; what keeps them there is its business. */
void accel_stand_still(Accel *a);

/* Ranges separated by commas: FIRST..LAST, START+SIZE, END-SIZE. They are added to the *n at `to`, which has
 * room for cap. False: err says what is wrong. */
bool accel_parse_ranges(const char *text, AccelRange *to, unsigned cap, unsigned *n, Fmt *err);
/* With ACCEL_LOG_STATS: the figures of this address space so far, to the log. */
void accel_stats(Accel *a);
/* Calls fn for each region there is. No cpu translates meanwhile. */
void accel_each_region(Accel *a, void (*fn)(void *opaque, const AccelRegion *r), void *opaque);
/* The log goes elsewhere from now on; by the only thread. */
void accel_log_to(Accel *a, int fd);

/* Machines: the whole architectural state of a cpu as text (TargetState), and back into one of the same
 * configuration. All cpus are outside and stay there. An LL/SC reservation is lost. False: err says why; then
 * the cpu is as after a reset, or has parts of the state. check: would the text be read? room:
 * TargetOps.cpu_size bytes for it. */
void accel_cpu_save(Cpu *cpu, Fmt *out);
bool accel_cpu_load(Cpu *cpu, const char *text, Fmt *err);
bool accel_cpu_check(const Cpu *cpu, const char *text, void *room, Fmt *err);

/* Machines, with all cpus outside and whole: from now on `engine` runs them (AccelConfig.other), or, NULL,
 * the translator (jit) or the interpreter. Between these that is all; else accel_cpu_adopt() follows, with
 * all that goes with it. False: err says why, and the cpus have no engine that could run: the one of before
 * is to be switched to. */
bool accel_switch(Accel *a, const struct AccelOps *engine, bool jit, char *err, size_t err_cap);
/* Machines, with all cpus outside. After RamBlock.dirty of some blocks was set, or read and cleared: writes
 * from now on are noted there (on), or nobody asks any more. Before it is read: what the engine has noted
 * elsewhere is in it. */
void accel_note_writes(Accel *a, bool on);
void accel_fetch_writes(Accel *a);

/* Translations that are kept from run to run, in a file (accel/dbt/kept.h). Its key says what they are good
 * for: this very build, with these options, on such a processor. 0: none are kept. */
uint64_t accel_kept_key(const Accel *a);
/* Before the guest runs: `bytes` of a file, mapped for reading for the life of the Accel. False: it is none
 * with our key. */
bool accel_kept_use(Accel *a, const void *file, size_t bytes);
/* Before the guest runs: none are kept after all, and code is made as without. */
void accel_kept_stop(Accel *a);
/* Is enough new for a new file? Not in a forked child. */
bool accel_kept_worth(const Accel *a);
/* Its contents: what was translated, and what is in this one of the same key (NULL: nothing), in memory for
 * the life of the Accel, or until accel_kept_drop(). False: too little is new, or there is no room. */
typedef struct AccelKept {
    void *file;
    size_t bytes, mapped;
} AccelKept;
bool accel_kept_make(Accel *a, const void *file, size_t bytes, AccelKept *ret);
void accel_kept_drop(Accel *a, AccelKept *made);

/* From the SIGSEGV/SIGBUS/SIGFPE handler of the thread of `cpu`, with the kernel's siginfo_t and ucontext_t.
 * True: the fault was in generated code or in fault.h on its behalf; the context now resumes where
 * accel_run() returns with CPU_EXIT_FAULT (or at fault.h's landing; after SIGFPE, a trapped floating-point
 * instruction, it goes on). False: not ours, a bug of the emulator. */
bool accel_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext);

/* For messages about the emulator's own bugs, with its pc on the host: where the region begins that this cpu
 * is in, or called C from. False: none. Looks at the cpu as it stands, and cannot fault. */
bool accel_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc);

/* A thread that ran a cpu of this Accel was killed from outside: breaks its locks. Threads that nobody
 * reports are found when somebody waits for them. */
void accel_thread_died(Accel *a, uint32_t tid);

/* fork(): prepare in the parent before, then one of the two after. */
void accel_fork_prepare(Accel *a);
/* By the forking thread before it takes any lock: earlier children have told what they translated, so that
 * the next one finds it done. */
void accel_fork_learn(Cpu *cpu);
void accel_fork_parent(Accel *a);
void accel_fork_child(Accel *a, Cpu *survivor);

#endif
