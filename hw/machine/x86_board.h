/*
 * What the PC boards share: memory, interrupt controllers and their wiring to cpus, firmware, the devices
 * every PC has. Private to hw/machine. Errors as of machine_new().
 *
 * Interrupts: a source raises a GSI, which leads to the 8259 pair (0 to 15) and to the I/O APICs (0 to its
 * input 2). Where the engine has controllers of its own (accel_irqchip()) they lead there instead, and the
 * board's are made and have nothing to say.
 */
#ifndef HW_MACHINE_X86_BOARD_H
#define HW_MACHINE_X86_BOARD_H

#include "hw/boot/x86_linux.h"
#include "hw/intc/x86_lapic.h"
#include "hw/machine/board.h"

enum { X86_IOAPICS = X86_CHIP_IOAPICS, X86_GSIS = X86_IOAPICS * X86_CHIP_INPUTS };
enum {
    X86_GSI_PIT = 0,
    X86_GSI_KEYBOARD = 1,
    X86_GSI_SERIAL1 = 3,
    X86_GSI_SERIAL = 4,
    X86_GSI_RTC = 8,
    X86_GSI_SCI = 9,
    X86_GSI_MOUSE = 12,
    X86_GSI_FERR = 13,
    X86_GSI_DISK = 14 /* and 15, where disks are as on the first PCs */
};
#define X86_ROM_END     0x100000000ull /* firmware ends there */
#define X86_IOAPIC_BASE 0xfec00000ull
#define X86_LAPIC_BASE  0xfee00000ull
#define X86_SMRAM       (1ull << 50) /* beyond what a guest can name */
enum { X86_IOAPIC_STRIDE = 0x10000 };

typedef struct X86Board {
    Machine *machine;
    uint64_t low_bytes; /* of RAM below 4 GiB */
    RamBlock ram, rom;
    MemRegion ram_low, ram_high, rom_high, rom_low, smram;
    unsigned n_ioapics;
    Device *lapic, *pic, *ioapic[X86_IOAPICS], *pit, *rtc, *fw_cfg, *control, *flash[2];
    Device *panic; /* a pvpanic of the user's; NULL: none */
    X86LapicCpus cpus;
    X86PicAck pic_ack;
    MsiTarget msi, ioapic_msi[X86_IOAPICS]; /* of PCI functions; of the I/O APICs */
    IrqLine pic_out, eoi;
    IrqLine gsi[X86_GSIS];
    uint64_t level; /* of each, as its source drives it; by any thread */
    struct {
        uint64_t base, bytes;
        uint32_t type;
    } __attribute__((packed)) e820[8]; /* as the file etc/e820 has it */
    unsigned n_e820;
    X86Linux kernel;
    char append[4096];
    uint8_t kernel_rom[X86_LINUX_ROM_BYTES];
    AcpiBuf smbios;
    uint8_t smbios_anchor[SMBIOS_ANCHOR];
} X86Board;

/* b is calloc()ed. RAM up to `split`; what is more begins at 4 GiB. */
bool x86_board_memory(Machine *m, X86Board *b, uint64_t split, DevError *err);
/* -drive if=pflash, before the following. */
bool x86_board_flash(Machine *m, X86Board *b, DevError *err);
/* Below 4 GiB; low: its end below 1 MiB, too, where it can be written (else that is the chip set's). */
bool x86_board_firmware(Machine *m, X86Board *b, bool low, DevError *err);
/* Controllers and the cpus' side of them; pic: is there an 8259 pair? */
bool x86_board_interrupts(Machine *m, X86Board *b, unsigned ioapics, bool pic, DevError *err);
/* fw-cfg at its ports, system control. */
bool x86_board_control(Machine *m, X86Board *b, DevError *err);
bool x86_board_timer(Machine *m, X86Board *b, DevError *err);
/* irq: NULL: its GSI. */
bool x86_board_clock(Machine *m, X86Board *b, IrqLine *irq, DevError *err);
/* -serial n, at its port. */
bool x86_board_serial(Machine *m, X86Board *b, unsigned n, DevError *err);
/* The user's devices that plug into "isa". */
bool x86_board_isa(Machine *m, X86Board *b, DevError *err);
/* Firmware into its place again, CMOS, and what fw-cfg has on every PC. */
bool x86_board_load(Machine *m, X86Board *b, DevError *err);
/* In which order firmware tries kinds of devices, into CMOS. */
void x86_board_order(const Machine *m, const X86Board *b);
/* After that: SMBIOS tables for firmware. */
bool x86_board_smbios(Machine *m, X86Board *b, DevError *err);
/* With -kernel: what firmware needs to start it; more: of the board, behind the user's words.
 * (x86_boot.c) */
bool x86_board_kernel(Machine *m, X86Board *b, const char *more, DevError *err);
/* BoardClass.controllers (x86_controllers.c) */
void x86_board_take_back(void *b, uint64_t cpu, unsigned vector); /* CpuBoard.take_back */
bool x86_board_controllers(Machine *m, X86Board *b, BoardMove what, DevError *err);
/* An SMI of one cpu. */
void x86_board_smi(const X86Board *b, unsigned cpu);
void x86_board_clear(X86Board *b);

#endif
