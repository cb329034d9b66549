/*
 * The privileged side of RISC-V: machine, supervisor and user level, and guests of a hypervisor (the
 * privileged manual, 20240411 and its later chapters). Private to target/riscv.
 *
 * Inputs (`lines`) are bits of mip that hardware owns, written by any thread; `soft` has those that
 * software owns, those of hvip among them. hgeip is a word of inputs of its own. A CSR is a row of
 * rv_priv_csrs.def. mmuidx stands for privilege, SUM and MXR (RV_IDX_*), so that none of these ever flushes
 * a TLB; whether it is a guest's, too. The address space (rv_select) is named by satp, or for a guest by
 * vsatp and hgatp: a TLB's entry combines both stages. PMP has a granularity of 4 KiB, so that a page is
 * checked when a TLB is filled.
 * Implementation choices that the manual leaves open: mtval is the instruction for illegal ones; an access of
 * a LR/SC or AMO that is misaligned raises; FS is Dirty from the first FP instruction on; writes of reserved
 * modes to satp, vsatp, hgatp are ignored; whether an instruction that raises is illegal or a virtual one is
 * found out when it has raised (rv_qualified).
 */
#ifndef TARGET_RISCV_RV_SYS_H
#define TARGET_RISCV_RV_SYS_H

#include <elf.h>

#include "target/mem.h"
#include "target/riscv/rv_cpu.h"

enum { RV_U = 0, RV_S = 1, RV_M = 3 };
/* RV_IDX_MXR is added for MXR. A guest's (RV_IDX_GUEST + U, S, SUM) has three: none, vsstatus's, the
 * supervisor's, which counts for both stages. */
enum { RV_IDX_U, RV_IDX_S, RV_IDX_SUM, RV_IDX_MXR /* + U, S, SUM */, RV_IDX_GUEST = 6, RV_IDX_M = 15,
       RV_IDX_COUNT };

/* Extensions: bits of RvSys.ext. */
enum {
#define EXT(id, name, how, user) RV_HAS_##id = 1ull << RV_EXT_##id,
#include "target/riscv/rv_ext.def"
#undef EXT
};
/* RV32: registers hold their values sign-extended, CSRs have nothing in their upper halves but those that are
 * 64 bits wide; pc is zero-extended. */
static inline bool rv_machine32(const RvCpu *cpu) { return cpu->base.ops->elf_class == ELFCLASS32; }
static inline bool rv_has(const RvCpu *cpu, uint64_t ext) { return (cpu->sys.ext & ext) != 0; }

/* mstatus */
#define RV_SIE     (1ull << 1)
#define RV_MIE     (1ull << 3)
#define RV_SPIE    (1ull << 5)
#define RV_MPIE    (1ull << 7)
#define RV_SPP     (1ull << 8)
#define RV_MPP     (3ull << 11)
#define RV_FS      (3ull << 13)
#define RV_MPRV    (1ull << 17)
#define RV_SUM     (1ull << 18)
#define RV_MXR     (1ull << 19)
#define RV_TVM     (1ull << 20)
#define RV_TW      (1ull << 21)
#define RV_TSR     (1ull << 22)
#define RV_UXL     (3ull << 32)
#define RV_SXL     (3ull << 34)
#define RV_GVA     (1ull << 38)
#define RV_MPV     (1ull << 39)
#define RV_SD      (1ull << 63)

#define RV_SSTATUS_WRITE (RV_SIE | RV_SPIE | RV_SPP | RV_FS | RV_SUM | RV_MXR)
#define RV_SSTATUS_READ  (RV_SSTATUS_WRITE | RV_UXL | RV_SD)

/* hstatus */
#define RV_H_GVA   (1ull << 6)
#define RV_H_SPV   (1ull << 7)
#define RV_H_SPVP  (1ull << 8)
#define RV_H_HU    (1ull << 9)
#define RV_H_VGEIN (63ull << 12)
#define RV_H_VTVM  (1ull << 20)
#define RV_H_VTW   (1ull << 21)
#define RV_H_VTSR  (1ull << 22)
#define RV_H_VSXL  (3ull << 32)
#define RV_HSTATUS_WRITE \
    (RV_H_GVA | RV_H_SPV | RV_H_SPVP | RV_H_HU | RV_H_VGEIN | RV_H_VTVM | RV_H_VTW | RV_H_VTSR)
static inline unsigned rv_vgein(const RvCpu *cpu) { return cpu->sys.hstatus >> 12 & 63; }

/* menvcfg, henvcfg, senvcfg */
#define RV_FIOM  (1ull << 0)
#define RV_CBIE  (3ull << 4)
#define RV_CBCFE (1ull << 6)
#define RV_CBZE  (1ull << 7)
#define RV_ADUE  (1ull << 61) /* hardware marks pages accessed and dirty (Svadu); else they fault (Svade) */
#define RV_PBMTE (1ull << 62) /* entries of page tables have memory types (Svpbmt) */
#define RV_STCE (1ull << 63) /* stimecmp is there, and STIP is its */

/* mseccfg */
#define RV_MML  (1ull << 0)
#define RV_MMWP (1ull << 1)
#define RV_RLB  (1ull << 2)

/* mstateen0 */
#define RV_SE_ENVCFG (1ull << 62)
#define RV_SE_CSRIND (1ull << 60)
#define RV_SE_AIA    (1ull << 59)
#define RV_SE_IMSIC  (1ull << 58)
#define RV_SE        (1ull << 63)

/* hvictl */
#define RV_VTI (1ull << 30)

/* mhpmevent */
#define RV_HPM_OF  (1ull << 63)
#define RV_HPM_INH (31ull << 58)

/* Interrupts, by number. */
enum {
    RV_IRQ_SSI = 1,
    RV_IRQ_VSSI,
    RV_IRQ_MSI,
    RV_IRQ_STI = 5,
    RV_IRQ_VSTI,
    RV_IRQ_MTI,
    RV_IRQ_SEI = 9,
    RV_IRQ_VSEI,
    RV_IRQ_MEI,
    RV_IRQ_SGEI,
    RV_IRQ_LCOFI,
    RV_IRQ_GUEST = 64 /* + n: a bit of hgeip */
};
#define RV_IRQ_BIT(n) (1ull << (n))
#define RV_S_IRQS (RV_IRQ_BIT(RV_IRQ_SSI) | RV_IRQ_BIT(RV_IRQ_STI) | RV_IRQ_BIT(RV_IRQ_SEI))
#define RV_VS_IRQS (RV_IRQ_BIT(RV_IRQ_VSSI) | RV_IRQ_BIT(RV_IRQ_VSTI) | RV_IRQ_BIT(RV_IRQ_VSEI))
#define RV_M_IRQS (RV_IRQ_BIT(RV_IRQ_MSI) | RV_IRQ_BIT(RV_IRQ_MTI) | RV_IRQ_BIT(RV_IRQ_MEI))
#define RV_H_IRQS (RV_VS_IRQS | RV_IRQ_BIT(RV_IRQ_SGEI)) /* those of hip and hie */
#define RV_CAUSE_IRQ (1ull << 63)

/* Exceptions. */
enum {
    RV_X_FETCH_ACCESS = 1,
    RV_X_ILLEGAL,
    RV_X_BREAK,
    RV_X_LOAD_ALIGN,
    RV_X_LOAD_ACCESS,
    RV_X_STORE_ALIGN,
    RV_X_STORE_ACCESS,
    RV_X_ECALL_U,
    RV_X_ECALL_S,
    RV_X_ECALL_VS,
    RV_X_ECALL_M,
    RV_X_FETCH_PAGE,
    RV_X_LOAD_PAGE,
    RV_X_STORE_PAGE = 15,
    RV_X_FETCH_GUEST = 20,
    RV_X_LOAD_GUEST,
    RV_X_VIRTUAL,
    RV_X_STORE_GUEST,
};

/* rv_mmu.c. Data accesses' index; a guest's of its level 0 or 1. */
unsigned rv_data_idx(const RvCpu *cpu);
unsigned rv_guest_idx(const RvCpu *cpu, unsigned priv);
static inline bool rv_idx_is_guest(unsigned idx) { return idx >= RV_IDX_GUEST && idx < RV_IDX_M; }
bool rv_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
void rv_bus_error(Cpu *cpu, Gva va, MmuHow how);
/* The present address space, after level or status changed. */
void rv_select(RvCpu *cpu);
/* Its name, a guest's or not. */
uint64_t rv_space_key(const RvCpu *cpu, bool guest);
/* Bits of a name: a guest's; its VMID. */
#define RV_KEY_GUEST (1ull << 62)
#define RV_KEY_VMID_SHIFT 30
#define RV_KEY_VMID (0x3fffull << RV_KEY_VMID_SHIFT)
enum { RV_HGATP_VMID_SHIFT = 44, RV_SATP_ASID_SHIFT = 44, RV_SATP_MODE_SHIFT = 60 };
#define RV_SATP_ASID (0xffffull << RV_SATP_ASID_SHIFT)

/* rv_pmp.c. Physical protection of the 4 KiB of pa, for effective privilege priv: MMU_* that are allowed. */
unsigned rv_pmp(const RvCpu *cpu, Gpa pa, unsigned priv);
/* log2 of an aligned range around pa, of 2^bits bytes at most, for which it says the same. */
unsigned rv_pmp_even(const RvCpu *cpu, Gpa pa, unsigned bits);
bool rv_pmp_read(const RvCpu *cpu, unsigned csr, uint64_t *ret); /* false: not one of its CSRs */
bool rv_pmp_write(RvCpu *cpu, unsigned csr, uint64_t v);
void rv_mseccfg_write(RvCpu *cpu, uint64_t v);

/* rv_trap.c */
bool rv_exception(Cpu *cpu);
bool rv_interrupt(Cpu *cpu);
bool rv_wakes(const Cpu *cpu);
bool rv_set_irq(Cpu *cpu, unsigned n, bool level);
/* If an interrupt is pending and enabled the cpu kicks itself. */
void rv_notice_irq(RvCpu *cpu);
/* A helper's status: on at cpu->pc, with the context that its state asks for. */
uint64_t rv_go(RvCpu *cpu);
uint64_t rv_leave(RvCpu *cpu, CpuExitKind kind);
uint64_t rv_mip(const RvCpu *cpu);
/* What is pending and enabled for M, S (HS), VS, whatever the level now lets in; VS by the guest's numbers.
 */
typedef struct RvPending {
    uint64_t m, s, vs;
} RvPending;
RvPending rv_pending(const RvCpu *cpu);
/* The most urgent by default of a set that is not empty. */
unsigned rv_first_irq(uint64_t set);
/* The instruction at pc, 0 if it cannot be read any more. */
uint32_t rv_insn_at_pc(Cpu *cpu);

/* rv_csr.c, rv_csr_read.c */
/* Would the CSR instruction be legal? qualified: in HS mode with TVM = 0 instead of here. */
bool rv_csr_legal(const RvCpu *cpu, unsigned number, bool write, bool qualified);
bool rv_debug_reg(Cpu *cpu, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok);
uint64_t rv_time(const RvCpu *cpu, bool guest);
/* After vstimecmp or htimedelta changed. */
void rv_set_guest_alarm(RvCpu *cpu);

/* rv_hyp.c. Would the instruction that has raised in a guest be legal in HS mode? */
bool rv_qualified(const RvCpu *cpu, uint32_t bits);
/* htinst, for an access to addr that the instruction at pc made. */
uint64_t rv_transformed(const RvCpu *cpu, uint32_t bits, Gva addr);
/* Is the cache-block instruction with these bits of xenvcfg enabled here? */
bool rv_cbo_enabled(const RvCpu *cpu, uint64_t bits, bool qualified);

/* rv_aia.c */
void rv_aia_reset(RvCpu *cpu);
/* Number of guest interrupt files. */
static inline unsigned rv_geilen(const RvCpu *cpu) { return (unsigned)cpu->sys.geilen; }
uint64_t rv_topi(const RvCpu *cpu, unsigned level /* RV_U: that of a guest */);
/* The CSRs that reach into an interrupt file or array by *iselect, and *topei. */
bool rv_aia_indirect(unsigned number);
bool rv_aia_reaches(const RvCpu *cpu, unsigned number, bool qualified);
bool rv_aia_access(RvCpu *cpu, unsigned number, bool write, uint64_t mask, uint64_t v, uint64_t *ret_old);

/* rv_state.c */
extern const TargetState rv_state;

/* rv_model.c */
bool rv_configure(Cpu *cpu, const char *name, const char *value);
bool rv_property(const TargetOps *ops, unsigned n, TargetProperty *ret);
bool rv_extension(const Cpu *cpu, unsigned n, const char **ret_name);
void rv_model_default(RvCpu *cpu);

#endif
