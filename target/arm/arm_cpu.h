/*
 * ArmCpu: the architectural state of one Arm PE at EL0 (A64; A32 and T32 will use the same struct), cpu
 * models and their features, and what a translation depends on.
 *
 * x[] stands right behind the common head, so that generated code reaches it with short offsets. XZR has no
 * field. In A32/T32, r0-r14 are x[0]-x[14] with upper halves of zero (Arm ARM, "Mapping of the
 * general-purpose registers between the Execution states") where generated code has not been; only the low
 * halves count. r15 is base.pc, tagged: bits 31..1 are the address of the instruction, bit 0 is CPSR.T, bits
 * 63..56 are CPSR.IT (physical addresses, by which machines key their code, end below). So what is a jump to
 * T32 code in a register is one in base.pc, and code is keyed by all of it. q0-q15 are v[0]-v[15]; FPSCR is
 * fpcr, fp_fl, qc and base.ff.
 * fl holds N, Z, C, V as values of type IR_FL do (bits 15, 14, 8, 0; the others mean nothing): arm_nzcv() and
 * arm_set_nzcv() speak PSTATE's own order. C after a subtraction is Arm's: not borrow.
 * v[] is vector registers as two 64-bit halves, low half first, aligned to 16 bytes.
 * FPCR is kept as written in fpcr, its rounding mode also in base.frm (IrRound). Of FPSR the six
 * floating-point flags are base.ff (IDC is IR_FF_DENORM), QC is "qc is not zero"; there is nothing else.
 * fp_strict: see IR_FP_UFC. Ownership and threads: as Cpu (target.h).
 */
#ifndef TARGET_ARM_ARM_CPU_H
#define TARGET_ARM_ARM_CPU_H

#include "target/target.h"

typedef struct ArmCpu {
    Cpu base;
    uint64_t x[31];
    uint64_t sp;
    uint32_t fl;
    uint32_t fpcr;         /* as written; outside of accel_run(): arm_set_fpcr() */
    uint32_t fp_strict;    /* not architectural: bit 0 once the program has looked at FPSR or written it;
                            * ARM_FP_LOOKED once a machine's privileged levels have, bit 1 once they have
                            * computed floats after that */
    uint32_t ldx_exclusive; /* not architectural: the next load exclusive asks for CPU_EXIT_EXCLUSIVE */
    uint64_t v[32][2] __attribute__((aligned(16)));
    uint64_t qc[2];        /* saturating instructions OR bits into it */
    uint64_t excl_addr;    /* exclusive monitor: address, ARM_NO_RESERVATION if none */
    uint64_t excl_val;     /* what the load exclusive read, zero-extended: low part */
    uint64_t excl_high;    /* second register of a pair */
    uint64_t tpidr;        /* TPIDR_EL0 */
    uint64_t tpidrro;      /* TPIDRRO_EL0 */
    uint64_t tpidr2;       /* TPIDR2_EL0; kept for signal frames and debuggers */
    uint64_t pac_key[5][2]; /* ArmPacKey; low, high. The default algorithm uses the low half */
    uint32_t ic_pending;   /* not architectural: IC IVAU was executed, DSB or ISB not yet */
    uint32_t model;        /* ArmModel; of 32-bit guests A32Model */
    uint32_t pstate;       /* ARM_PSTATE_* that EL0 can see besides NZCV */
    uint32_t q;            /* A32, T32: CPSR.Q, 0 or 1 */
    uint32_t ge;           /* A32, T32: CPSR.GE, a byte of 0 or 255 for each bit */
    uint32_t fp_fl;        /* A32, T32: FPSCR.NZCV, bits as in fl */
    uint32_t e;            /* A32, T32: CPSR.E, 0 or 1 */
    uint32_t neon_used;    /* not architectural: 1 once Advanced SIMD has computed with floats (IR_FP_STD) */
} ArmCpu;

/* Of ArmCpu.fp_strict. A kernel saves and restores FPSR for others, who need not look at it, and mostly
 * computes nothing itself: then all of its code need not be made anew. */
enum { ARM_FP_LOOKED = 4 };
static inline uint32_t arm_fp_strict_bit(unsigned el) { return el ? 2 : 1; }
/* What an access to FPSR sets. */
static inline uint32_t arm_fp_touched_bit(unsigned el)
{
    return el ? ARM_FP_LOOKED : 1;
}

#define ARM_NO_RESERVATION (~0ull) /* misaligned: no load exclusive sets it */

enum { ARM_LR = 30, ARM_ZR_SP = 31 };
/* base.pc of A32 and T32: what is not address. */
enum { ARM_PC_T = 1, ARM_PC_IT_SHIFT = 56 };
#define ARM_PC_TAG (0xffull << ARM_PC_IT_SHIFT | ARM_PC_T)
typedef enum ArmPacKey { ARM_KEY_IA, ARM_KEY_IB, ARM_KEY_DA, ARM_KEY_DB, ARM_KEY_GA } ArmPacKey;

/* ArmCpu.pstate, at the bits of SPSR_EL1. */
enum { ARM_PSTATE_SSBS = 1 << 12, ARM_PSTATE_DIT = 1 << 24, ARM_PSTATE_TCO = 1 << 25 };

/* Context word. */
enum {
    ARM_CTX_A32 = 1,           /* A32 or T32, else A64 */
    ARM_CTX_BIG = 2,           /* A32, T32: ArmCpu.e */
    ARM_CTX_LDX_EXCLUSIVE = 4, /* ArmCpu.ldx_exclusive */
    ARM_CTX_FP = CTX_ARM_FP_MASK << CTX_ARM_FP_SHIFT, /* IR_FP_*: modes of FPCR, and fp_strict */
    ARM_CTX_MODEL_SHIFT = 10,  /* four bits: ArmModel, A32Model */
    ARM_CTX_MODEL = 15 << ARM_CTX_MODEL_SHIFT,
    ARM_CTX_NEON = 1 << 14,    /* A32, T32: ArmCpu.neon_used */
    ARM_CTX_DEBUG = 1 << 15,   /* machines: self-hosted debug wants to look at each instruction */
    ARM_CTX_SYS = 1 << 21,     /* a machine's cpu; what follows is 0 in user mode, but for A32 and T32: */
    ARM_CTX_LEN_SHIFT = 22,    /* three bits: FPSCR.LEN */
    ARM_CTX_STRIDE_SHIFT = 25, /* two bits: FPSCR.STRIDE */
    ARM_CTX_SHORT = 31 << 22,  /* both */
    ARM_CTX_EL_SHIFT = 22,     /* two bits */
    ARM_CTX_IDX_SHIFT = 24,    /* two bits: mmuidx of data accesses */
    ARM_CTX_UAO = 1 << 26,     /* LDTR and STTR are as LDR and STR */
    ARM_CTX_NO_FP = 1 << 27,   /* FP and SIMD instructions trap */
    ARM_CTX_E2H = 1 << 29,     /* EL2 with HCR_EL2.E2H */
    ARM_CTX_WATCHED = 1 << 30, /* EL2 traps some of what this level does */
    ARM_CTX_EL0_LESS = 1 << 28, /* EL0 may not use one of DC ZVA, cache maintenance, CTR_EL0 */
    ARM_CTX_NO_SETEND = ARM_CTX_UAO, /* A32, T32: undefined, as the barriers of coprocessor 15 */
    ARM_CTX_NO_BARRIERS = ARM_CTX_E2H,
    /* Data accesses have to be aligned whatever they reach: A64's bit, that of A32 and T32. */
    ARM_CTX_ALIGN64 = ARM_CTX_BIG,
    ARM_CTX_ALIGN32 = ARM_CTX_WATCHED,
    ARM_CTX_SP64 = ARM_CTX_NEON, /* A64: SP is not aligned, and should be where it is used */
};

typedef enum ArmFeat {
#define FEAT(id, ...) ARM_FEAT_##id,
#include "target/arm/arm_features.def"
#undef FEAT
    ARM_FEATS
} ArmFeat;

typedef enum ArmModel {
#define MODEL(id, ...) ARM_MODEL_##id,
#include "target/arm/arm_models.def"
#undef MODEL
    ARM_MODELS
} ArmModel;
_Static_assert(ARM_MODELS <= 16, "four bits of the context word");

/* The same of A32 and T32, whose guests have models of their own. */
typedef enum A32Feat {
#define FEAT(id, ...) A32_FEAT_##id,
#include "target/arm/a32_features.def"
#undef FEAT
    A32_FEATS
} A32Feat;

typedef enum A32Model {
#define MODEL(id, ...) A32_MODEL_##id,
#include "target/arm/a32_models.def"
#undef MODEL
    A32_MODELS
} A32Model;
_Static_assert(A32_MODELS <= 16, "four bits of the context word");

/* CNTFRQ_EL0, in Hz. */
enum { ARM_CNTFRQ = 62500000 };
/* Bytes that DC ZVA clears. */
enum { ARM_ZVA_BYTES = 64 };
/* CTR_EL0: lines of 64 bytes, instruction cache PIPT; neither IDC nor DIC: programs must clean and
 * invalidate. */
#define ARM_CTR_EL0 0x8444c004u
/* DCZID_EL0: log2 of the words that DC ZVA clears. */
#define ARM_DCZID_EL0 4u
/* What MSR keeps of FPCR: AHP DN FZ RMode FZ16. */
#define ARM_FPCR_MASK 0x07c80000
#define ARM_FPSR_QC 0x08000000u

/* The identification registers that EL0 can read (Linux shows the others as zero). */
typedef enum ArmIdReg {
    ARM_ID_AA64PFR0, ARM_ID_AA64PFR1, ARM_ID_AA64ISAR0, ARM_ID_AA64ISAR1, ARM_ID_AA64ISAR2, ARM_ID_AA64MMFR0,
    ARM_ID_AA64MMFR1, ARM_ID_AA64MMFR2, ARM_ID_REGS
} ArmIdReg;

/* By the name of `-cpu`; ARM_MODELS when there is none of that name. arm_model_name(ARM_MODELS - 1 and
 * below). */
ArmModel arm_model_find(const char *name);
const char *arm_model_name(ArmModel model);
uint32_t arm_model_midr(ArmModel model);
bool arm_model_has(ArmModel model, ArmFeat feat);
uint64_t arm_id_value(ArmModel model, ArmIdReg reg);
/* The core of the same features that an AArch64 model is in programs of AArch32; A32_MODELS: it runs none. */
A32Model arm_model_a32(ArmModel model);

/* 32-bit guests: A32_MODELS when there is none of that name. a32_model_arch(): 5 to 8. */
A32Model a32_model_find(const char *name);
const char *a32_model_name(A32Model model);
uint32_t a32_model_midr(A32Model model);
unsigned a32_model_arch(A32Model model);
bool a32_model_has(A32Model model, A32Feat feat);
/* The modes in FPSCR that can be written, LEN and STRIDE among them. */
uint32_t a32_fpscr_modes(A32Model model);

/* Store exclusive of 1 << size bytes: stores if memory at a is what the load exclusive read. `failed` is the
 * result register's value. False: the access has raised. */
bool arm_store_if_equal(ArmCpu *cpu, uint64_t a, const uint64_t value[2], unsigned size,
                        uint64_t *ret_failed);

/* Where a helper's access by address `a` goes: the builder does the same to the loads and stores that it
 * makes. */
static inline uint64_t arm_data_address(const ArmCpu *cpu, uint64_t a)
{
    return cpu->base.ctx & CTX_UNTAG ? (uint64_t)((int64_t)(a << 8) >> 8) : a;
}

/* Outside of accel_run() only. */
uint32_t arm_nzcv(const ArmCpu *cpu); /* bits 31..28 */
void arm_set_nzcv(ArmCpu *cpu, uint32_t nzcv);
/* A32, T32: CPSR with T and IT from base.pc, and back (execution state included). */
uint32_t arm_cpsr(const ArmCpu *cpu);
void arm_set_cpsr(ArmCpu *cpu, uint32_t cpsr);
uint32_t arm_fpscr(const ArmCpu *cpu);
void arm_set_fpscr(ArmCpu *cpu, uint32_t fpscr);
/* Where they belong. What is there may be of any architecture version, whatever the model. */
#define ARM_KUSER_PAGE 0xffff0000u
/* A32, T32: fills the 4096 bytes that belong at 0xffff0000, readable and executable: Linux's helpers for user
 * programs. */
void arm_kuser_page(uint8_t *page);
/* A32, T32: base.pc behind the instruction of `len` bytes at base.pc, which was done by somebody else
 * (SVC). */
uint64_t arm_pc_after(const ArmCpu *cpu, unsigned len);
uint32_t arm_fpcr(const ArmCpu *cpu);
void arm_set_fpcr(ArmCpu *cpu, uint32_t fpcr);
uint32_t arm_fpsr(const ArmCpu *cpu);
void arm_set_fpsr(ArmCpu *cpu, uint32_t fpsr);

/* FPSR is read or written at level el; slot: that of ArmCpu.fp_strict. */
void arm_touch_fpsr(Trans *t, unsigned el, unsigned slot);
/* For TargetOps. */
bool arm_floats_watched(uint32_t ctx);
void arm_look_at_floats(Trans *t, unsigned slot);

#endif
