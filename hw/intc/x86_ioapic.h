/* x86-ioapic: an I/O APIC of 24 inputs. Region 0: 4 KiB. links: send (MsiTarget; requester is the input). */
#ifndef HW_INTC_X86_IOAPIC_H
#define HW_INTC_X86_IOAPIC_H

#include "hw/core/dev.h"
#include "hw/core/x86_chips.h"

enum { X86_IOAPIC_INPUTS = 24 };

extern const DevClass x86_ioapic_class; /* property: id */

IrqLine x86_ioapic_input(Device *d, unsigned n);
/* A level-triggered interrupt of this vector has ended. */
void x86_ioapic_eoi(Device *d, unsigned vector);

/* Its state; levels: of the inputs. Nothing is sent before all of what is due is, by drive. */
void x86_ioapic_get(Device *d, X86IoapicState *ret);
void x86_ioapic_put(Device *d, const X86IoapicState *s, uint32_t levels);
void x86_ioapic_drive(Device *d);

#endif
