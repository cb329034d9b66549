/* riscv-clint: software and timer interrupts of RISC-V harts (SiFive CLINT; ACLINT MSWI + MTIMER at the same
 * places). */
#ifndef HW_INTC_RISCV_CLINT_H
#define HW_INTC_RISCV_CLINT_H

#include "hw/core/dev.h"

enum { CLINT_MAX_HARTS = 512, CLINT_HZ = 10000000 };

extern const DevClass riscv_clint_class; /* links: software, timer, supervisor, guest (IrqLine[harts]) */

/* mtime, for the time CSR; any thread. */
uint64_t riscv_clint_time(void *clint);
/* The timers of hart n / 2 besides its machine's (Sstc): the supervisor's, n odd a guest's. The line is up
 * from `when` on. By the hart's thread. */
void riscv_clint_alarm(void *clint, uint64_t n, uint64_t when);

#endif
