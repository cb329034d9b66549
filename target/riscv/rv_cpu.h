/*
 * RvCpu: the architectural state of one RISC-V hart in user mode, and what a translation depends on.
 *
 * x[] stands right behind the common head, so that generated code reaches all integer registers with short
 * offsets. x[0] exists and stays 0. On RV32 registers hold their 32 bits sign-extended. f[] is 64 bits wide;
 * a single-precision value is NaN-boxed (manual, "NaN Boxing of Narrower Values").
 * fcsr is spread: the rounding mode as the guest wrote it is `frm`; the sticky flags are base.ff in IR_FF_*
 * order, while the cpu runs also in the host's register. rv_fcsr() and rv_set_fcsr() put them together.
 * Invariant: base.frm = frm if that is a mode of IEEE hardware (0..3), else 0.
 * Ownership and threads: as Cpu (target.h).
 */
#ifndef TARGET_RISCV_RV_CPU_H
#define TARGET_RISCV_RV_CPU_H

#include "target/mem.h"

/* Extensions: rv_ext.def. */
typedef enum RvExt {
#define EXT(id, name, how, user) RV_EXT_##id,
#include "target/riscv/rv_ext.def"
#undef EXT
    RV_EXT_COUNT
} RvExt;

/* Models of user mode, each with all that the next one has. Machines: RV_MODEL_MAX, but for what they switch
 * off by themselves. */
typedef enum RvModel { RV_MODEL_SYS = -1, RV_MODEL_MAX, RV_MODEL_RVA22, RV_MODEL_GC, RV_MODELS } RvModel;
static inline bool rv_model_has(RvModel model, RvExt ext)
{
    static const int8_t last[RV_EXT_COUNT] = {
#define EXT(id, name, how, user) RV_MODEL_##user,
#include "target/riscv/rv_ext.def"
#undef EXT
    };
    return (int)model <= last[ext];
}
const char *rv_ext_name(RvExt ext); /* as in the device tree */

enum { RV_PMP_ENTRIES = 16, RV_HPM_COUNTERS = 29, RV_STATEEN = 4 };

/* A counter of cycles: count is added to the host's counter while it runs, and is the value while it does
 * not. */
typedef struct RvCounter {
    uint64_t count;
    uint64_t stopped;
} RvCounter;

/* The privileged state (rv_sys.h); unused in user mode. Field names are those of the CSRs. */
typedef struct RvSys {
    CpuBoard board;
    uint64_t ext;    /* RV_HAS_*, the cpu model's; kept over resets */
    uint64_t geilen; /* interrupt files for guests; as ext */
    uint64_t priv;   /* RV_U, RV_S, RV_M */
    uint64_t virt;   /* 1: of a guest (VS, VU) */
    uint64_t lines, soft; /* mip, and hvip: rv_sys.h */
    uint64_t hgeip;       /* as lines */
    uint64_t mstatus, medeleg, mideleg, mie, mtvec, mscratch, mepc, mcause, mtval, mcounteren, mcountinhibit,
        menvcfg, mtval2, mtinst, mseccfg;
    uint64_t stvec, sscratch, sepc, scause, stval, scounteren, senvcfg, satp, stimecmp;
    uint64_t hstatus, hedeleg, hideleg, hcounteren, hgeie, henvcfg, htval, htinst, hgatp, htimedelta;
    uint64_t vsstatus, vstvec, vsscratch, vsepc, vscause, vstval, vsatp, vstimecmp;
    uint64_t miselect, siselect, vsiselect, mvien, mvip, hvictl, hviprio1, hviprio2;
    uint64_t sie_virtual; /* sie where mvien has a bit and mideleg has none */
    uint64_t mstateen[RV_STATEEN], hstateen[RV_STATEEN], sstateen[RV_STATEEN];
    RvCounter cycle, instret;
    uint64_t hpmcounter[RV_HPM_COUNTERS], hpmevent[RV_HPM_COUNTERS];
    uint64_t pmpaddr[RV_PMP_ENTRIES];
    uint8_t pmpcfg[RV_PMP_ENTRIES];
    /* Not architectural: what the last look-up of an address found (rv_mmu.c), for the trap it leads to. */
    uint64_t fault_gpa;
    uint32_t fault_pseudo; /* an implicit access faulted: what htinst then is */
    bool fault_gva;        /* a guest's address was looked up */
    bool fetching_data;    /* HLVX: execute permission counts for loads */
} RvSys;

typedef struct RvCpu {
    Cpu base;
    uint64_t x[32];
    uint64_t f[32];
    uint64_t res_addr; /* LR/SC reservation: its address, RV_NO_RESERVATION if none */
    uint64_t res_val;  /* what LR read, sign-extended */
    uint32_t frm;      /* 0..7 */
    uint32_t model;    /* RvModel */
    uint32_t lr_exclusive; /* not architectural: the next LR asks for CPU_EXIT_EXCLUSIVE
                            * (rv_trans_atomic.c) */
    RvSys sys;
} RvCpu;

#define RV_NO_RESERVATION (~0ull) /* misaligned: no LR sets it */

enum { RV_RA = 1, RV_SP = 2, RV_T0 = 5 };

/* Context word. */
enum {
    RV_CTX_XLEN32 = 1,  /* RV32 (not a cpu state of user mode: set by the owner of the cpu model) */
    RV_CTX_FRM_RMM = 2, /* frm = 4: dynamic rounding is to nearest, ties away, which hosts do not have */
    RV_CTX_FRM_BAD = 4, /* frm = 5..7: instructions with dynamic rounding are illegal */
    RV_CTX_LR_EXCLUSIVE = 8, /* RvCpu.lr_exclusive */
    RV_CTX_SYS = 16,         /* a machine's hart; what follows is 0 in user mode */
    RV_CTX_PRIV_SHIFT = 5,   /* two bits */
    RV_CTX_IDX_SHIFT = 7,    /* four bits: mmuidx of data accesses */
    RV_CTX_FS_OFF = 1 << 11, /* mstatus.FS: FP instructions are illegal; */
    RV_CTX_FS_CLEAN = 1 << 12, /* the first one makes it dirty */
    RV_CTX_VIRT = 1 << 13,     /* a guest: VS or VU */
    RV_CTX_IRQ_BY_C = 1 << 14, /* what is pending cannot be told in line */
    RV_CTX_CBZE = 1 << 15,     /* cbo.zero may be used */
    RV_CTX_MODEL_SHIFT = 21,   /* two bits: RvModel */
};

enum { RV_CACHE_BLOCK = 64 }; /* what cbo.* are about */
enum { RV_CBO_INVAL, RV_CBO_CLEAN, RV_CBO_FLUSH };

/* Frequency of the time CSR. */
enum { RV_TIME_HZ = 10000000 };

/* Accrued exception flags in the manual's order. */
enum { RV_FF_NX = 1, RV_FF_UF = 2, RV_FF_OF = 4, RV_FF_DZ = 8, RV_FF_NV = 16 };

/* Outside of accel_run() only. */
uint32_t rv_fcsr(const RvCpu *cpu);
void rv_set_fcsr(RvCpu *cpu, uint32_t fcsr);

#endif
