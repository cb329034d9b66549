/*
 * riscv-imsic: the incoming MSI controllers of all harts (RISC-V Advanced Interrupt Architecture 1.0, chapter
 * 3). A hart has an interrupt file for machine level, one for supervisor level, and `guests` for virtual
 * machines.
 *
 * Regions: 0 the machine-level files, a page each hart; 1 the supervisor's, for each hart 1 << shift pages:
 * its own, then guests' (shift: the least with room for all). Harts have registers of these files as CSRs,
 * which riscv_imsic_reg() implements (CpuBoard.msi_reg).
 * Lines: m and s (IrqLine[harts]), guest (IrqLine[harts * guests], a hart's together).
 * Threads: any; locks: the device's, of an interrupt controller; it calls lines only.
 */
#ifndef HW_INTC_RISCV_IMSIC_H
#define HW_INTC_RISCV_IMSIC_H

#include "hw/core/dev.h"

enum { IMSIC_MAX_HARTS = 16, IMSIC_MAX_GUESTS = 7, IMSIC_MAX_IDS = 255, IMSIC_PAGE = 4096 };

extern const DevClass riscv_imsic_class;

/* Files of a hart: machine's, supervisor's, guest 1's (hstatus.VGEIN = 1), ... */
enum { IMSIC_FILE_M, IMSIC_FILE_S, IMSIC_FILE_GUEST };
/* Registers: the number that *iselect has, or *topei. */
enum {
    IMSIC_TOPEI = 0,
    IMSIC_EIDELIVERY = 0x70,
    IMSIC_EITHRESHOLD = 0x72,
    IMSIC_EIP = 0x80, /* to 0xbf; even ones only, of 64 bits */
    IMSIC_EIE = 0xc0, /* to 0xff */
};

/*
 * Reads a register and, if `write`, changes it in the same step: bits of mask become those of value. A write
 * of *topei, of whatever, claims the interrupt that was read. False: no such file or register. 64 bits.
 */
bool riscv_imsic_reg(Device *imsic, unsigned hart, unsigned file, unsigned reg, bool write, uint64_t mask,
                     uint64_t value, uint64_t *ret_old);

/* A message to a page of region 1 (supervisor = true) or 0: as the store of data to it. */
void riscv_imsic_send(Device *imsic, bool supervisor, uint64_t offset, uint32_t data);
/* log2 of the supervisor's pages of a hart, for so many guests. */
unsigned riscv_imsic_shift(unsigned guests);

#endif
