/*
 * x86-lapic: the local APICs of all cpus of a PC, as one device. Region 0 (4 KiB) is the page that each cpu
 * sees its own in; the registers are also MSRs in x2APIC mode. Cpu n has APIC id n.
 *
 * links: cpu (X86LapicCpus), pic (X86PicAck, what acknowledges interrupts of LINT0 as ExtINT; may be NULL),
 * eoi (IrqLine, set() is called with the vector of a level-triggered interrupt that has ended, as n).
 * The clock of the timers is 1 GHz before the divider.
 * Threads: the functions may be called by any; those of X86LapicCpus are called with the device's lock held,
 * and call back nothing.
 */
#ifndef HW_INTC_X86_LAPIC_H
#define HW_INTC_X86_LAPIC_H

#include "hw/core/dev.h"
#include "hw/core/x86_chips.h"

enum { X86_LAPIC_CPUS = 16, X86_LAPIC_BYTES = 4096 };

/* What happens to a cpu besides interrupts. */
typedef enum X86LapicEvent { X86_LAPIC_SMI, X86_LAPIC_NMI, X86_LAPIC_INIT, X86_LAPIC_SIPI } X86LapicEvent;

typedef struct X86LapicCpus {
    void *opaque;
    /* There is, or is not, an interrupt that x86_lapic_ack() would give. */
    void (*intr)(void *opaque, unsigned cpu, bool level);
    void (*event)(void *opaque, unsigned cpu, X86LapicEvent e, unsigned vector); /* vector: of SIPI */
} X86LapicCpus;

typedef struct X86PicAck {
    void *opaque;
    unsigned (*ack)(void *opaque); /* the vector */
} X86PicAck;

extern const DevClass x86_lapic_class;

/* The cpu takes an interrupt; its vector, X86_LAPIC_NONE: there is none (any more). */
enum { X86_LAPIC_NONE = 256 };
unsigned x86_lapic_ack(Device *d, unsigned cpu);
/* Another engine has the local APICs: this one keeps still. */
void x86_lapic_rest(Device *d, bool on);
/* The state of one, while nobody uses it; its fields alone: then `loaded` of the class. */
void x86_lapic_get(Device *d, unsigned cpu, X86LapicState *ret);
void x86_lapic_put(Device *d, unsigned cpu, const X86LapicState *s);
/* Bits 7 to 4 of TPR, as CR8 has them. */
unsigned x86_lapic_cr8(Device *d, unsigned cpu);
void x86_lapic_set_cr8(Device *d, unsigned cpu, unsigned v);
/* IA32_APIC_BASE (1b), IA32_TSC_DEADLINE (6e0, a time of the machine's clock in ns) and those of x2APIC (800
 * to 83f). False: #GP. */
bool x86_lapic_msr(Device *d, unsigned cpu, uint32_t msr, bool write, uint64_t *value);

/* An interrupt message (MsiTarget.send; receiver: the device). */
void x86_lapic_send(void *d, uint64_t address, uint32_t data, uint32_t requester);
/* The pin LINT0 or LINT1 of all cpus. */
IrqLine x86_lapic_pin(Device *d, unsigned n);

#endif
