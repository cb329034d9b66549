/* CSRs of machines: what the CSR instructions do beyond the checks of the CSR's number. Private to
 * target/riscv. */
#ifndef TARGET_RISCV_RV_CSR_H
#define TARGET_RISCV_RV_CSR_H

#include "target/riscv/rv_trans.h"

/* how: 0 write, 1 set, 2 clear. write: does it write at all? */
#define RV_CSR_ARG(csr, rd, how, write) ((csr) | (rd) << 12 | (how) << 17 | (unsigned)(write) << 19)

void rv_trans_ecall_machine(Trans *t);
void rv_trans_csr_machine(Trans *t, const RvArgs *a, unsigned how, IrVal operand, bool operand_is_x0);

#endif
