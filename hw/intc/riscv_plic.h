/* riscv-plic: the platform-level interrupt controller (RISC-V PLIC specification 1.0), level-triggered
 * sources. */
#ifndef HW_INTC_RISCV_PLIC_H
#define HW_INTC_RISCV_PLIC_H

#include "hw/core/dev.h"

enum { PLIC_MAX_SOURCES = 1024, PLIC_MAX_CONTEXTS = 1024 };

extern const DevClass riscv_plic_class; /* links: out (IrqLine[contexts]) */

/* The line that source n, from 1, is driven by. */
IrqLine riscv_plic_source(Device *plic, unsigned n);

#endif
