/*
 * The privileged side of RISC-V: machine, supervisor and user level (the privileged manual, 20240411).
 * Private to target/riscv.
 *
 * Inputs (`lines`) are bits of mip that hardware owns, written by any thread; `soft` has those that software
 * owns. A CSR is a row of rv_priv_csrs.def. mmuidx stands for privilege, SUM and MXR (RV_IDX_*), so that none
 * of these ever flushes a TLB. PMP has a granularity of 4 KiB, so that a page is checked when a TLB is
 * filled.
 * Implementation choices that the manual leaves open: A and D bits are written by hardware; mtval is the
 * instruction for illegal ones; an access of a LR/SC or AMO that is misaligned raises; FS is Dirty from the
 * first FP instruction on.
 */
#ifndef TARGET_RISCV_RV_SYS_H
#define TARGET_RISCV_RV_SYS_H

#include "target/mem.h"
#include "target/riscv/rv_cpu.h"

enum { RV_U = 0, RV_S = 1, RV_M = 3 };
enum { RV_IDX_U, RV_IDX_S, RV_IDX_SUM, RV_IDX_MXR /* + U, S, SUM */, RV_IDX_M = 6, RV_IDX_COUNT };

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
#define RV_SD      (1ull << 63)

#define RV_SSTATUS_WRITE (RV_SIE | RV_SPIE | RV_SPP | RV_FS | RV_SUM | RV_MXR)
#define RV_SSTATUS_READ  (RV_SSTATUS_WRITE | RV_UXL | RV_SD)

#define RV_PBMTE (1ull << 62) /* menvcfg: entries of page tables have memory types (Svpbmt) */
#define RV_STCE (1ull << 63) /* menvcfg: stimecmp is there, and STIP is its */

/* Interrupts, by number. */
enum { RV_IRQ_SSI = 1, RV_IRQ_MSI = 3, RV_IRQ_STI = 5, RV_IRQ_MTI = 7, RV_IRQ_SEI = 9, RV_IRQ_MEI = 11 };
#define RV_IRQ_BIT(n) (1ull << (n))
#define RV_S_IRQS (RV_IRQ_BIT(RV_IRQ_SSI) | RV_IRQ_BIT(RV_IRQ_STI) | RV_IRQ_BIT(RV_IRQ_SEI))

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
    RV_X_ECALL_M = 11,
    RV_X_FETCH_PAGE,
    RV_X_LOAD_PAGE,
    RV_X_STORE_PAGE = 15,
};

/* Data accesses' effective privilege. */
unsigned rv_data_idx(const RvCpu *cpu);
/* Physical protection of the 4 KiB of pa, for effective privilege priv: MMU_* that are allowed. */
unsigned rv_pmp(const RvCpu *cpu, Gpa pa, unsigned priv);

bool rv_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
void rv_bus_error(Cpu *cpu, Gva va, MmuHow how);

bool rv_exception(Cpu *cpu);
bool rv_interrupt(Cpu *cpu);
bool rv_wakes(const Cpu *cpu);
bool rv_set_irq(Cpu *cpu, unsigned n, bool level);
/* If an interrupt is pending and enabled the cpu kicks itself. */
void rv_notice_irq(RvCpu *cpu);
/* A helper's status: on at cpu->pc, with the context that its state asks for. */
uint64_t rv_go(RvCpu *cpu);
uint64_t rv_mip(const RvCpu *cpu);
bool rv_debug_reg(Cpu *cpu, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok);

#endif
