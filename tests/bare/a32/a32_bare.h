/*
 * What bare-metal tests for AArch32 stand on: exceptions, running a function in another mode, output,
 * checks. The harness is in Supervisor mode, the MMU off. An exception of a function that run() started
 * ends that function. Facts are those of the Arm ARM, DDI 0406C and DDI 0487.
 */
#ifndef TESTS_BARE_A32_A32_BARE_H
#define TESTS_BARE_A32_A32_BARE_H

#include "bare_kit.h"

typedef uint32_t u32;

enum { USR = 16, FIQ, IRQ, SVC, ABT = 23, UND = 27, SYS = 31 };
enum { CPSR_T = 1 << 5, CPSR_F = 1 << 6, CPSR_I = 1 << 7, CPSR_A = 1 << 8, CPSR_MASKS = 7 << 6 };
enum { VECTOR_UND = 4, VECTOR_SVC = 8, VECTOR_PREFETCH = 12, VECTOR_DATA = 16, VECTOR_IRQ = 24 };
enum { SCTLR_M = 1, SCTLR_WXN = 1 << 19, SCTLR_UWXN = 1 << 20, SCTLR_AFE = 1 << 29, SCTLR_TE = 1 << 30 };
enum { FSR_WRITE = 1 << 11, FSR_LPAE = 1 << 9 };

/* What an exception found (start.S). */
typedef struct Seen {
    u32 spsr, lr, cpsr, vector, value, dfsr, dfar, ifsr, ifar;
} Seen;
extern volatile Seen seen;

typedef void Op32(void);
Op32 op_ldr, op_str, op_ldrb, op_strb, op_ldrd, op_ldm, op_ldrt, op_strt, op_svc, op_bkpt, op_udf, op_vadd,
    op_vmrs_fpscr, op_vmrs_fpexc, op_mrc_sctlr, op_mrc_tpidrurw, op_mcr_tpidruro, op_mrrc_cntvct,
    op_mrc_cntfrq, op_mrs_spsr, op_cpsie, op_mrs_cpsr, op_msr_mode, op_jump, op_wfi, op_hvc_high,
    op_ldm_return, op_rfe, op_srs, op_user_regs, op_banked, op_t_svc, op_t_udf, op_t_ldr, op_t_it_ldr,
    op_t_wide_udf, op_t_mrs, stub;

/* In this mode, interrupts masked, in the instruction set of fn. */
void run(u32 mode, Op32 *fn, u32 a0, u32 a1);
/* Did the function return, and what? */
bool returned(void);

#define cp15_read(opc1, crn, crm, opc2)                                                                      \
    ({                                                                                                       \
        u32 v_;                                                                                              \
        __asm__ volatile("mrc p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 : "=r"(v_)::"memory");         \
        v_;                                                                                                  \
    })
#define cp15_write(opc1, crn, crm, opc2, v)                                                                  \
    __asm__ volatile("mcr p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 "\n isb" ::"r"((u32)(v)) : "memor" \
                                                                                                     "y")
#define cp15_write64(opc1, crm, v)                                                                           \
    __asm__ volatile("mcrr p15, " #opc1 ", %Q0, %R0, " #crm "\n isb" ::"r"((u64)(v)) : "memory")

u32 psci(u32 fn, u32 a, u32 b, u32 c);
void tlb_flush(void);

#endif
