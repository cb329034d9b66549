/*
 * riscv-aplic: the advanced platform-level interrupt controller (RISC-V AIA 1.0, chapter 4) with two domains,
 * machine level (region 0) and supervisor level (region 1), which gets the sources that the first delegates.
 *
 * With property `messages` interrupts leave as MSIs, to what `send` is; else by a line a hart and domain.
 * Hart indexes are the harts' numbers.
 * Threads: any; the device's lock, with which lines and `send` are called.
 */
#ifndef HW_INTC_RISCV_APLIC_H
#define HW_INTC_RISCV_APLIC_H

#include "hw/core/dev.h"

enum { APLIC_MAX_SOURCES = 127, APLIC_MAX_HARTS = 16, APLIC_BYTES = 0x8000 };

/* links: m, s (IrqLine[harts]), send (MsiTarget) */
extern const DevClass riscv_aplic_class;

/* The line that source n, from 1, is driven by. */
IrqLine riscv_aplic_source(Device *aplic, unsigned n);

#endif
