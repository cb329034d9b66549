/*
 * Interrupt controllers, timer and clock of a PC in a form of their own, for when they move between the
 * board's devices and an engine that has such: accel_chip(kind, n, state).
 *
 * Times are CpuBoard.time(). What a kind does not say is the same on both sides, or follows from it.
 * Source: Intel SDM volume 3, "Advanced Programmable Interrupt Controller"; 82093AA, 8259A, 8254.
 */
#ifndef HW_CORE_X86_CHIPS_H
#define HW_CORE_X86_CHIPS_H

#include <stdbool.h>
#include <stdint.h>

/* Of an I/O APIC, of which a board has at most so many; counters of the timer. */
enum { X86_CHIP_INPUTS = 24, X86_CHIP_IOAPICS = 2, X86_CHIP_COUNTERS = 3, X86_LAPIC_REGS = 64 };

typedef enum X86ChipKind {
    X86_CHIP_LAPIC,  /* X86LapicState; n: of the cpu */
    X86_CHIP_IOAPIC, /* X86IoapicState; n: which. To an engine that has the local APICs alone, too: it hears
                      * of the messages that will come */
    X86_CHIP_PIC,    /* X86PicState; n: 0, 1 */
    X86_CHIP_PIT,    /* X86PitState */
    X86_CHIP_CLOCK,  /* uint64_t: ns, what the paravirtual clock shows */
} X86ChipKind;

typedef struct X86LapicState {
    uint64_t base;                /* IA32_APIC_BASE */
    uint64_t deadline;            /* 0: none */
    uint32_t reg[X86_LAPIC_REGS]; /* at their offset / 16; the id in bits 31 to 24, in x2APIC mode, too; the
                                   * current count counts */
} X86LapicState;

/* An interrupt that was acknowledged and not delivered is requested again. False: it is none of this one's.
 */
static inline bool x86_lapic_take_back(X86LapicState *s, unsigned vector)
{
    enum { ISR = 0x10, IRR = 0x20 };
    const uint32_t bit = 1u << vector % 32;
    uint32_t *isr = &s->reg[ISR + vector / 32 % 8];
    if (!(*isr & bit))
        return false;
    *isr &= ~bit;
    s->reg[IRR + vector / 32 % 8] |= bit;
    return true;
}

typedef struct X86IoapicState {
    uint64_t entry[X86_CHIP_INPUTS];
    uint32_t edges; /* of edge-triggered inputs that were masked */
    uint8_t id, select;
} X86IoapicState;

/* The message that an entry sends. */
static inline uint64_t x86_ioapic_address(uint64_t entry)
{
    return 0xfee00000 | (entry >> 56) << 12 | (entry >> 11 & 1) << 2;
}
static inline uint32_t x86_ioapic_data(uint64_t entry)
{
    enum { LEVEL = 1 << 15 };
    return (uint32_t)(entry & 0x7ff) | (entry & LEVEL ? 0xc000u : 0);
}

/* One of the two; see hw/intc/i8259.c. */
typedef struct X86PicState {
    uint8_t irr, imr, isr, level, elcr, base, icw4, wants_icw4, lowest, reads_isr, poll, special_mask,
        rotates;
    uint8_t awaits; /* ICW2, 3 or 4; 0: none */
} X86PicState;

typedef struct X86PitState {
    struct {
        uint64_t loaded;
        uint32_t count; /* 1 to 65536; 0: none came since the control word */
        uint16_t latch;
        uint8_t mode, bcd, rw, gate, low, second_write, second_read, latched, status, status_latched;
    } counter[X86_CHIP_COUNTERS];
    uint8_t speaker; /* the data bit of port 61 */
    uint8_t muted;   /* a HPET has the place of counter 0 */
} X86PitState;

#endif
