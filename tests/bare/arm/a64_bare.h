/*
 * What bare-metal tests for AArch64 stand on: exceptions, running a function at another level, page tables,
 * output, checks. The harness is where the `virt` board starts an ELF program: EL1, or EL2 with
 * virtualization=on.
 *
 * A test defines test(). Code runs at its physical address; with tables of bare_map_program() also at the
 * same virtual one for EL1, and for EL0 ALIAS bytes higher. An exception of a function that run() started
 * ends that function. Facts are those of the Arm ARM, DDI 0487.
 */
#ifndef TESTS_BARE_ARM_A64_BARE_H
#define TESTS_BARE_ARM_A64_BARE_H

#include "bare_kit.h"

/* SPSR.M */
enum { EL0 = 0, EL1T = 4, EL1H = 5, EL2T = 8, EL2H = 9 };
/* ESR_ELx.EC */
enum {
    EC_UNKNOWN = 0,
    EC_WFX = 1,
    EC_FP = 7,
    EC_IL = 14,
    EC_SVC = 21,
    EC_HVC = 22,
    EC_SMC = 23,
    EC_SYSREG = 24,
    EC_FETCH_LOWER = 32,
    EC_FETCH_SAME,
    EC_PC,
    EC_DATA_LOWER = 36,
    EC_DATA_SAME,
    EC_SP,
    EC_BREAK_LOWER = 48,
    EC_BREAK_SAME,
    EC_STEP_LOWER,
    EC_STEP_SAME,
    EC_WATCH_LOWER,
    EC_WATCH_SAME,
    EC_BRK = 60,
    NO_TRAP = 99
};
enum { FSC_SIZE = 0, FSC_TRANSLATION = 4, FSC_ACCESS = 8, FSC_PERMISSION = 12, FSC_ALIGNMENT = 33 };
#define ISS_WNR 0x40u
#define ISS_CM  0x100u

#define PSTATE_DAIF (15u << 6)
#define PSTATE_IL   (1u << 20)
#define PSTATE_SS   (1u << 21)
#define PSTATE_PAN  (1u << 22)
#define PSTATE_UAO  (1u << 23)

/* Descriptors */
#define D_VALID 1ull
#define D_TABLE 2ull
#define D_USER  (1ull << 6)
#define D_RO    (1ull << 7)
#define D_INNER (3ull << 8)
#define D_AF    (1ull << 10)
#define D_NG    (1ull << 11)
#define D_DBM   (1ull << 51)
#define D_CONT  (1ull << 52)
#define D_PXN   (1ull << 53)
#define D_UXN   (1ull << 54)
#define D_RW    (D_VALID | D_AF | D_INNER | D_PXN | D_UXN) /* data of EL1 */
#define ALIAS   0x80000000ull

#define reg_read(name)                                                                                       \
    ({                                                                                                       \
        u64 v_;                                                                                              \
        __asm__ volatile("mrs %0, " #name : "=r"(v_)::"memory");                                             \
        v_;                                                                                                  \
    })
#define reg_write(name, v)                                                                                   \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("msr " #name ", %0\n isb" ::"r"(v_) : "memory");                                    \
    })
#define barrier(text) __asm__ volatile(text ::: "memory")
#define tlbi(what)    __asm__ volatile("dsb ish\n tlbi " #what "\n dsb ish\n isb" ::: "memory")
#define tlbi_by(what, v)                                                                                     \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("dsb ish\n tlbi " #what ", %0\n dsb ish\n isb" ::"r"(v_) : "memory");               \
    })

typedef struct Frame {
    u64 x[31], sp, elr, spsr, esr, far, vector;
} Frame;

typedef struct Seen {
    unsigned ec; /* NO_TRAP: it returned `value` */
    unsigned iss, vector;
    u64 elr, far, spsr, value;
    bool by_el1; /* EL1 took it, the harness being at EL2 */
} Seen;

Op op_ldrb, op_ldrh, op_ldr32, op_ldr, op_strb, op_strh, op_str32, op_str, op_ldp, op_stp, op_ldtr, op_sttr,
    op_ldrq, op_strq, op_ldxr, op_stlr, op_ldar, op_ldadd, op_dc_zva, op_dc_civac, op_ic_ivau, op_svc, op_hvc,
    op_smc, op_brk, op_udf, op_hole, op_fmov, op_mrs_fpcr, op_mrs_ctr, op_mrs_sctlr, op_msr_sctlr, op_mrs_hcr,
    op_mrs_far, op_msr_esr, op_mrs_midr, op_mrs_mpidr, op_mrs_pfr0, op_mrs_cntvct, op_mrs_cntpct,
    op_mrs_cntpctl, op_mrs_daif, op_daifset, op_mrs_currentel, op_msr_actlr, op_mrs_contextidr,
    op_msr_contextidr, op_tlbi, op_wfi, op_wfe, op_eret, op_nop, op_jump, op_sp, op_dc_isw, op_mrs_pmccntr;
extern unsigned bare_level; /* 1 or 2: the harness's */

/* spsr: level, and bits of PSTATE. Interrupts are masked unless PSTATE_UNMASKED. EL0 functions run at their
 * ALIAS when the MMU is on. */
#define PSTATE_UNMASKED (1ull << 63)
Seen run(u64 spsr, Op *fn, u64 a0, u64 a1);
/* Tries what returns true for the exception and has it go on as the frame then says. NULL: none. */
extern bool (*volatile on_trap)(Frame *f);

/* Page tables of stage 1, one half. */
typedef struct Tables {
    unsigned page_bits, va_bits; /* 12, 14, 16; 64 - TxSZ */
    u64 *root;
} Tables;
Tables tables_new(unsigned page_bits, unsigned va_bits);
/* The entry of va at this level (3: a page), with tables above it. */
u64 *pte_of(Tables *t, u64 va, int level);
unsigned level_bits(const Tables *t, int level); /* log2 of what an entry maps */
int first_level(const Tables *t);
void map(Tables *t, u64 va, u64 pa, int level, u64 attrs);
/* Program, arena, devices for EL1 (or EL2); the program at ALIAS for EL0. */
void bare_map_program(Tables *t);
u64 tcr_of(const Tables *t, unsigned half); /* size, granule; IPS 48 bits */
/* TTBR0 of EL1, MMU on and all flushed; NULL: off. */
void use_tables(const Tables *t, unsigned asid, u64 tcr_bits);

void check_trap(Seen s, unsigned ec, unsigned iss, int line);
#define CHECK_TRAP(s, ec, iss) check_trap(s, ec, iss, __LINE__)
void check_abort(Seen s, unsigned ec, unsigned iss, u64 far, int line);
#define CHECK_ABORT(s, ec, iss, far) check_abort(s, ec, iss, (u64)(far), __LINE__)
void check_value(Seen s, u64 v, const char *what, int line);
#define CHECK_VALUE(s, v) check_value(s, (u64)(v), #s, __LINE__)

/* PSCI: by HVC at EL1, by SMC at EL2. */
u64 psci(u64 fn, u64 a, u64 b, u64 c);
static inline u64 my_number(void)
{
    return reg_read(tpidr_el0);
}
void start_others(unsigned cpus); /* they call other() */

/* The interrupt controller, GICv2. */
enum { GICD = 0x08000000, GICC = 0x08010000 };
void gic_start(void); /* of this cpu; the distributor by cpu 0 */
void gic_enable(unsigned intid);
static inline volatile uint32_t *mmio(u64 a)
{
    return (volatile uint32_t *)a;
}

#endif
