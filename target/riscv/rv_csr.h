/* CSRs of machines: what the CSR instructions do beyond the checks of the CSR's number. Private to
 * target/riscv. */
#ifndef TARGET_RISCV_RV_CSR_H
#define TARGET_RISCV_RV_CSR_H

#include "target/riscv/rv_sys.h"
#include "target/riscv/rv_trans.h"

/* how: 0 write, 1 set, 2 clear. write: does it write at all? */
#define RV_CSR_ARG(csr, rd, how, write) ((csr) | (rd) << 12 | (how) << 17 | (unsigned)(write) << 19)

void rv_trans_ecall_machine(Trans *t);
void rv_trans_csr_machine(Trans *t, const RvArgs *a, unsigned how, IrVal operand, bool operand_is_x0);

/* Rows of rv_priv_csrs.def. */
typedef enum RvCsrId {
#define PCSR(id, name, number, how, field, bits, ext) PCSR_##id,
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    PCSR_COUNT
} RvCsrId;

/* Numbers without a row. */
enum { RV_CSR_HPM_FIRST = 3, RV_CSR_HPM_LAST = 31, RV_CSR_MHPMEVENT = 0x320, RV_CSR_MHPMCOUNTER = 0xb00,
       RV_CSR_HPMCOUNTER = 0xc00 };

/* What a guest reaches by the number of a supervisor's CSR. */
static inline unsigned rv_csr_of_guest(unsigned number)
{
    switch (number) {
    case 0x100: case 0x104: case 0x105: case 0x140: case 0x141: case 0x142: case 0x143: case 0x144:
    case 0x14d: case 0x150: case 0x151: case 0x15c: case 0x180: case 0xdb0: return number ^ 0x300;
    default: return number;
    }
}
/* The least level for a CSR's number; a hypervisor's are a supervisor's. */
static inline unsigned rv_csr_level(unsigned number)
{
    unsigned level = number >> 8 & 3;
    return level == 2 ? RV_S : level;
}
/* Is it a hypervisor's or a guest's own number, which guests do not have? */
static inline bool rv_csr_of_host(unsigned number) { return (number >> 8 & 3) == 2; }

/* RV32: the CSR whose upper half this number reaches; 0: none. */
static inline unsigned rv_csr_low_half(unsigned number)
{
    if ((number >= 0xb80 && number <= 0xb9f) || (number >= 0xc80 && number <= 0xc9f))
        return number - 0x80; /* counters */
    if (number >= 0x720 + RV_CSR_HPM_FIRST && number <= 0x720 + RV_CSR_HPM_LAST)
        return number - 0x400; /* events */
    switch (number) {
    case 0x310: case 0x312: case 0x31a: case 0x757: case 0x15d: /* mstatus, medeleg, menvcfg, mseccfg,
                                                                 * stimecmp */
    case 0x31c: case 0x31d: case 0x31e: case 0x31f: return number - 0x10; /* mstateen */
    default: return 0;
    }
}

/* rv_csr_fn.c: those of kind FN. */
uint64_t rv_csr_read_fn(const RvCpu *cpu, RvCsrId id);
void rv_csr_write_fn(RvCpu *cpu, RvCsrId id, uint64_t v);
/* Counters and events, which have no row each; false: no such number. */
bool rv_csr_read_hpm(const RvCpu *cpu, unsigned number, uint64_t *ret);
bool rv_csr_write_hpm(RvCpu *cpu, unsigned number, uint64_t v);
/* A running counter counts on from its value, which `count` is then (stop), or adds the host's clock again.
 */
void rv_counter_stand(RvCounter *c, bool stop);
/* Of xenvcfg: bits whose extension is there. */
uint64_t rv_envcfg_bits(const RvCpu *cpu);
/* What set and clear start from: what an interrupt controller drives is read, but not written back (the
 * privileged manual, "mip and mie"). */
uint64_t rv_csr_base(const RvCpu *cpu, int id, uint64_t old);

#endif
