/*
 * The privileged side of a guest ISA: TargetSys, what a machine needs of it; CpuMem, what it needs of the
 * machine; the software TLB that the engines keep for it (docs/adr/0018-system-memory.md).
 *
 * An access has an index (IrMem.mmuidx) that stands for everything its permission depends on besides the
 * address space; it is part of the context word. Indexes below `paged` go through the present address space,
 * the others are the same in all.
 * Threads: all calls by the cpu's own thread, but for set_irq (any).
 */
#ifndef TARGET_MEM_H
#define TARGET_MEM_H

#include "target/target.h"
#include "tcg/ir/access.h"

typedef uint64_t Gpa; /* guest physical address */

typedef enum MmuHow { MMU_READ, MMU_WRITE, MMU_FETCH } MmuHow;
enum { MMU_EVEN = 21 };
enum { MMU_R = 1 << MMU_READ, MMU_W = 1 << MMU_WRITE, MMU_X = 1 << MMU_FETCH };

typedef struct MmuPage {
    Gpa pa;            /* of the address asked for */
    uint8_t bits;      /* log2 of the page's bytes, 12 and more */
    uint8_t even;      /* log2 of an aligned range around it in which all is alike: at the same distance, with
                        * the same rights, now. Up to `bits`, if there are tables; MMU_EVEN is enough. 0: the
                        * page is all that is known */
    uint8_t may;       /* MMU_*: what may be done to its 4 KiB now without asking again (write: only if it is
                        * marked dirty) */
    bool global;       /* the same in all address spaces */
    uint16_t attr;     /* the ISA's own: the kind of memory that its tables name */
    bool aligned;      /* takes aligned accesses only: walk_misaligned() says which it does not take */
} MmuPage;

typedef enum CpuPower { CPU_POWER_OFF, CPU_POWER_RESET } CpuPower;

/* Whose semihosting calls (nobody's, all but the user's, everybody's) come back as CPU_EXIT_SYSCALL, pc being
 * at the instruction that makes them. */
enum { CPU_SEMIHOST_OFF, CPU_SEMIHOST_KERNEL, CPU_SEMIHOST_ALL };

/* What a board gives a cpu; kept over resets. */
typedef struct CpuBoard {
    uint64_t number, reset_pc;
    uint32_t semihosting; /* CPU_SEMIHOST_* */
    uint64_t (*time)(void *opaque); /* the platform's timer, in its own units */
    /* From `when` on the cpu's timer input is up; now is not too late. An ISA with several timers counts
     * them: number * timers + which (RISC-V: supervisor's, guest's). */
    void (*alarm)(void *opaque, uint64_t number, uint64_t when);
    void *opaque;
    /* What firmware would be asked for: NULL where the ISA asks for nothing. */
    Cpu *(*peer)(void *opaque, unsigned number); /* NULL: no such cpu */
    void (*power)(void *opaque, CpuPower what);  /* of the whole machine; soon */
    void (*wake)(Cpu *cpu);   /* ends its sleep, by any thread */
    void (*yield)(void *opaque); /* it waits for another cpu: the host may run that first */
    /* Registers that a device of the board implements (interrupt controller). False: there is none. */
    bool (*device_reg)(void *opaque, uint64_t number, unsigned reg, bool write, uint64_t *value);
    /* RISC-V: registers of the hart's IMSIC (hw/intc/riscv_imsic.h has files, numbers and rules). A read and,
     * if `write`, a change of the bits in mask, in one step. False: no such file or register. NULL: there is
     * no IMSIC. */
    bool (*msi_reg)(void *opaque, uint64_t number, unsigned file, unsigned reg, bool write, uint64_t mask,
                    uint64_t value, uint64_t *ret_old);
    /* x86 (target/x86/x86_machine.h): an access of 1, 2 or 4 bytes to the I/O ports, which always succeeds;
     * the interrupt that INTR is about, which is in service from now on (its vector; -1: there is none any
     * more); the line FERR#, that says of an error of the x87 unit to come by IRQ 13. */
    void (*port)(void *opaque, uint64_t number, uint16_t port, unsigned size, bool write, uint32_t *value);
    int (*acknowledge)(void *opaque, uint64_t number);
    void (*take_back)(void *opaque, uint64_t number, unsigned vector); /* it was not delivered: as before */
    void (*ferr)(void *opaque, uint64_t number, bool level);
    /* x86: where a cpu in system management mode finds what is at this address. NULL: where others do, and
     * there is no such mode. By any cpu's thread. */
    Gpa (*smram)(void *opaque, Gpa at);
    uint64_t day_ns; /* x86: the time of day, since 1970, when time() was 0 */
    /* RISC-V, of an engine that has firmware's calls (SBI): a byte to the console, or from it; false: there
     * was none. NULL: there is no console. By any cpu's thread. */
    bool (*console)(void *opaque, bool put, uint8_t *byte);
    /* A level-triggered interrupt of this vector has ended, of an engine with local APICs of its own
     * (accel_msi()). By any cpu's thread. */
    void (*irq_end)(void *opaque, unsigned vector);
} CpuBoard;

struct Fmt;
/* What a saved state has of a cpu besides the common head. */
typedef struct TargetState {
    const struct StateField *rows; /* base/state_rows.h; of the ISA's struct, each member has one */
    unsigned n;
    /* What is kept relative to the host's clock becomes a value, and that again. NULL: there is nothing. */
    void (*stand)(Cpu *cpu, bool stop);
    /* The rows were read, into a cpu that had been reset: what follows from them. False: no cpu has such a
     * state. */
    bool (*loaded)(Cpu *cpu);
    /* Can a translator go on with what another engine left? False: err says what it lacks. NULL: always. */
    bool (*translates)(const Cpu *cpu, struct Fmt *err);
} TargetState;

/* What the user may say of a model besides its name. */
typedef enum TargetPropertyKind {
    TARGET_PROP_SWITCH,  /* on or off, which TargetSys.configure() is told */
    TARGET_PROP_ON,      /* it is on */
    TARGET_PROP_OFF,     /* it is off */
    TARGET_PROP_MISSING, /* the same, and programs do without: on is left out */
    TARGET_PROP_IDLE,    /* nothing depends on it */
    TARGET_PROP_MODELS,  /* a value that is the model's own */
} TargetPropertyKind;
typedef struct TargetProperty {
    const char *name; /* '-', '_' and '.' in it mean nothing */
    TargetPropertyKind kind;
    const char *same_as; /* it is another name of this one; NULL: of none */
} TargetProperty;

typedef struct TargetSys {
    uint8_t n_idx, paged; /* indexes; how many of them, from 0, depend on the address space */
    uint32_t mostly_global; /* a bit for each index below `paged` by which hardly any pages are reached but
                             * global ones (MmuPage.global): a kernel's. All spaces share what is known of
                             * them */
    bool open_bus; /* where nothing answers data read as ones, and stores are lost: no bus_error */
    CpuBoard *(*board)(Cpu *cpu); /* to be filled in; then TargetOps.reset is power-on */
    /* Finds va, or fills cpu->exit (FAULT or FETCH, addr, code = the ISA's own number) and returns false. */
    bool (*walk)(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
    /* walk() for an access that is not aligned: on memory that does not take it, it raises. What an access of
     * IR_ALIGNED raises then wherever it goes (fills cpu->exit). NULL: all memory takes all accesses. */
    bool (*walk_misaligned)(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
    void (*misaligned)(Cpu *cpu, Gva va, MmuHow how);
    /* The physical access failed: nothing answers there. Fills cpu->exit likewise. */
    void (*bus_error)(Cpu *cpu, Gva va, MmuHow how);
    /* Index that instructions are fetched by in context ctx. */
    unsigned (*fetch_idx)(uint32_t ctx);
    /* Takes the exception that cpu->exit names: state and pc are the handler's. False: it is the caller's. */
    bool (*exception)(Cpu *cpu);
    /* Takes an interrupt if one is pending and enabled. */
    bool (*interrupt)(Cpu *cpu);
    /* Does the instruction at pc run before an interrupt is taken? Asked once. NULL: never. */
    bool (*in_shadow)(Cpu *cpu);
    /* Does a halted cpu go on? */
    bool (*wakes)(const Cpu *cpu);
    /* Before the cpu is run: false if it is switched off. NULL: it never is. */
    bool (*ready)(Cpu *cpu);
    /* A property that the board has for its cpus ("model"), before the first reset. False: there is no such
     * thing. NULL: there are none. */
    bool (*configure)(Cpu *cpu, const char *name, const char *value);
    /* The n-th property that the user may give a model; false: there are fewer. NULL: there are none. */
    bool (*property)(const struct TargetOps *ops, unsigned n, TargetProperty *ret);
    /* Does the cpu have it? Of those that are switched. NULL: nobody can say. */
    bool (*has_property)(const Cpu *cpu, const char *name);
    /* The n-th name that the user may choose a model by; NULL: there are fewer. */
    const char *(*model)(const struct TargetOps *ops, unsigned n);
    /* Whose other name this is; NULL: no model's. May be NULL. */
    const char *(*model_of)(const char *name);
    /* The n-th of the extensions that the cpu has, in the order in which the ISA's own string names them
     * (RISC-V); false: there are fewer. NULL: there are no such names. */
    bool (*extension)(const Cpu *cpu, unsigned n, const char **ret_name);
    /* System register n for a debugger, read or written as the most privileged level does; false: there are
     * fewer. It may have no value (*ret_ok). May be NULL. */
    bool (*debug_reg)(Cpu *cpu, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok);
    /* A debugger inside of the guest watches data: some of this page; this access, whose data are there (then
     * cpu->exit is filled in). What is watched changes with a flush. NULL: never. */
    bool (*watches)(const Cpu *cpu, Gva page);
    bool (*watch)(Cpu *cpu, const IrAccess *a);
    /* Line n of the cpu's own inputs (RISC-V: a bit of mip; 64 + g: guest external interrupt g, a bit of
     * hgeip). True: the cpu should be kicked. */
    bool (*set_irq)(Cpu *cpu, unsigned n, bool level);
    const TargetState *state;
} TargetSys;

typedef struct MmuFlush {
    bool by_key, one; /* of the spaces that key & mask names, or all; of one address, or all */
    Gva va;
    uint64_t key, mask;
} MmuFlush;

/* What helpers of the target call. */
typedef struct CpuMem {
    IrAccessFn *access;
    /* Page tables and the like: RAM only, naturally aligned, size 4 or 8. False: no RAM there. cas: *expected
     * becomes what was there. */
    bool (*phys_ld)(Cpu *cpu, Gpa pa, unsigned size, uint64_t *ret);
    bool (*phys_cas)(Cpu *cpu, Gpa pa, unsigned size, uint64_t *expected, uint64_t desired);
    /* Where the byte at va is in the host's memory, of which the rest of its page may be read or written
     * (how) as it is; *ret NULL: only by access(). False: it raises. */
    bool (*host)(Cpu *cpu, Gva va, unsigned idx, MmuHow how, uint8_t **ret);
    /* n bytes of the instruction at va, which is executing or has raised. False: they are gone. */
    bool (*fetch)(Cpu *cpu, Gva va, void *ret, unsigned n);
    /* The address space that `key` names is the present one from now on. */
    void (*select)(Cpu *cpu, uint64_t key);
    /* The context word depends on state that a helper has just changed. Then, but for CTX_STEP, it may return
     * IR_STATUS_GO. */
    void (*context)(Cpu *cpu);
    /* Forgets translations: of all spaces or one (by key & mask), of all addresses or one. */
    void (*flush)(Cpu *cpu);
    void (*flush_page)(Cpu *cpu, Gva va);
    void (*flush_space)(Cpu *cpu, uint64_t key, uint64_t mask, bool one, Gva va); /* global pages may stay */
    /* All other cpus do that. They have done it when this one goes on after the next CPU_EXIT_CTX. */
    void (*flush_others)(Cpu *cpu, const MmuFlush *what);
} CpuMem;

/* One entry. A tag is the page's address; bits below the page in it send accesses the slow way. Free: no tag
 * matches. */
typedef struct TlbEntry {
    uint64_t tag[3]; /* by MmuHow */
    uint64_t addend; /* host address - guest address */
} TlbEntry;
enum { TLB_BITS = 10, TLB_ENTRIES = 1 << TLB_BITS, TLB_SLOW = 1, TLB_MAX_IDX = 16 };

#endif
