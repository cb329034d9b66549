/*
 * IrqLine: a wire from one device to another, or to a cpu. The receiver fills it; the sender holds a pointer
 * to it.
 *
 * Level-triggered: 0 or 1. The sender calls irq_set() with its own lock held; the receiver takes its own
 * inside, and calls nothing but the next line. So locks rise from devices to interrupt controllers to cpus.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct IrqLine {
    void (*set)(void *receiver, unsigned n, bool level);
    void *receiver;
    unsigned n;
} IrqLine;

/* NULL, or a line without receiver: not connected. */
static inline void irq_set(const IrqLine *line, bool level)
{
    if (line && line->set)
        line->set(line->receiver, line->n, level);
}

/* MsiTarget: what takes messages, stores that mean interrupts. requester: the function's number on PCI, where
 * it is one. By any thread, with locks of the sender. */
typedef struct MsiTarget {
    void *receiver;
    void (*send)(void *receiver, uint64_t address, uint32_t data, uint32_t requester);
} MsiTarget;

#endif
