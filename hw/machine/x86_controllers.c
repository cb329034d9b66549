/* Interrupt controllers of a PC that move between the board's devices and an engine. Levels of inputs do not
 * move: the board knows them, and drives them again where they matter, at inputs that are level-triggered. */
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"
#include "hw/intc/i8259.h"
#include "hw/intc/x86_ioapic.h"
#include "hw/machine/x86_board.h"
#include "hw/timer/i8254.h"
#include "target/x86/x86_machine.h"

enum { PICS = 2, CASCADE = 2 };

/* ---- from an engine ---- */

/* First of all: other times are compared with it. */
static void fetch_clock(Machine *m)
{
    uint64_t ns = 0;
    if (accel_chip(m->accel, X86_CHIP_CLOCK, 0, &ns, false) && ns > clock_now(&m->clock))
        clock_set_now(&m->clock, ns);
}

static uint32_t levels_of(const X86Board *b, unsigned ioapic)
{
    uint64_t level = b->level;
    if (level & 1 << X86_GSI_PIT)
        level = (level & ~(1ull << X86_GSI_PIT)) | 1 << CASCADE;
    return (uint32_t)(level >> ioapic * X86_IOAPIC_INPUTS);
}

static bool fetch(Machine *m, X86Board *b)
{
    X86LapicState lapic;
    X86IoapicState ioapic;
    X86PicState pic;
    X86PitState pit;
    fetch_clock(m);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        accel_cpu_whole(m->cpu[k]);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        if (accel_chip(m->accel, X86_CHIP_LAPIC, k, &lapic, false))
            x86_lapic_put(b->lapic, k, &lapic);
    if (b->n_ioapics && accel_chip(m->accel, X86_CHIP_IOAPIC, 0, &ioapic, false))
        x86_ioapic_put(b->ioapic[0], &ioapic, levels_of(b, 0));
    for (unsigned k = 0; b->pic && k < PICS; k++)
        if (accel_chip(m->accel, X86_CHIP_PIC, k, &pic, false))
            i8259_put(b->pic, k, &pic);
    if (b->pit && accel_chip(m->accel, X86_CHIP_PIT, 0, &pit, false))
        i8254_put(b->pit, &pit);
    return true;
}

/* ---- to an engine ---- */

static bool hand_over_cpus(Machine *m, X86Board *b, DevError *err)
{
    X86LapicState lapic;
    bool ok = true;
    for (unsigned k = 0; ok && k < m->cfg.cpus; k++) {
        Fmt why = FMT_ON(err->text);
        x86_lapic_get(b->lapic, k, &lapic);
        accel_chip(m->accel, X86_CHIP_LAPIC, k, &lapic, true);
        ok = accel_cpu_adopt(m->cpu[k], &why);
    }
    return ok;
}

static bool hand_over_ioapic(Machine *m, X86Board *b, unsigned n)
{
    enum { LEVEL = 1 << 15 };
    X86IoapicState s;
    x86_ioapic_get(b->ioapic[n], &s);
    if (!accel_chip(m->accel, X86_CHIP_IOAPIC, n, &s, true))
        return false;
    for (unsigned k = 0; accel_irqchip(m->accel) == ACCEL_IRQCHIP_ENGINE && k < X86_IOAPIC_INPUTS; k++)
        if (s.entry[k] & LEVEL && levels_of(b, n) >> k & 1)
            accel_irq(m->accel, k == CASCADE ? (unsigned)X86_GSI_PIT : k, true);
    return true;
}

static bool hand_over_others(Machine *m, X86Board *b, AccelIrqchip has, DevError *err)
{
    X86PicState pic;
    X86PitState pit;
    bool ok = true, all = has == ACCEL_IRQCHIP_ENGINE;
    for (unsigned k = 0; all && b->pic && ok && k < PICS; k++) {
        i8259_get(b->pic, k, &pic);
        ok = accel_chip(m->accel, X86_CHIP_PIC, k, &pic, true);
    }
    if (ok && all && b->pit) {
        i8254_get(b->pit, &pit);
        ok = accel_chip(m->accel, X86_CHIP_PIT, 0, &pit, true);
    }
    for (unsigned k = 0; ok && has != ACCEL_IRQCHIP_BOARD && k < b->n_ioapics; k++)
        ok = hand_over_ioapic(m, b, k);
    return ok || dev_fail(err, "the engine refuses the state of the interrupt controllers");
}

static bool hand_over(Machine *m, X86Board *b, AccelIrqchip has, DevError *err)
{
    uint64_t now = clock_now(&m->clock);
    accel_chip(m->accel, X86_CHIP_CLOCK, 0, &now, true);
    x86_lapic_rest(b->lapic, has != ACCEL_IRQCHIP_BOARD);
    if (b->pit)
        i8254_rest(b->pit, has == ACCEL_IRQCHIP_ENGINE);
    return hand_over_cpus(m, b, err) && hand_over_others(m, b, has, err);
}

/* ---- where they are ---- */

static bool look(Device *d, DevError *err)
{
    lock_take(&d->lock);
    const bool ok = d->cls->loaded(d, err);
    lock_release(&d->lock);
    return ok;
}

static bool settle(const X86Board *b, AccelIrqchip has, DevError *err)
{
    if (has == ACCEL_IRQCHIP_ENGINE)
        return true;
    if (has == ACCEL_IRQCHIP_BOARD && !look(b->lapic, err))
        return false;
    for (unsigned k = 0; k < b->n_ioapics; k++)
        x86_ioapic_drive(b->ioapic[k]);
    return (!b->pic || look(b->pic, err)) && (!b->pit || look(b->pit, err));
}

void x86_board_take_back(void *opaque, uint64_t cpu, unsigned vector)
{
    const X86Board *b = opaque;
    X86LapicState s;
    x86_lapic_get(b->lapic, (unsigned)cpu, &s);
    if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_BOARD && x86_lapic_take_back(&s, vector)) {
        x86_lapic_put(b->lapic, (unsigned)cpu, &s);
        x86_lapic_rest(b->lapic, false); /* it asks again */
    } else if (b->pic) {
        i8259_take_back(b->pic, vector);
    }
}

bool x86_board_controllers(Machine *m, X86Board *b, BoardMove what, DevError *err)
{
    const AccelIrqchip has = accel_irqchip(m->accel);
    return what == BOARD_FETCH       ? fetch(m, b)
           : what == BOARD_HAND_OVER ? hand_over(m, b, has, err)
                                     : settle(b, has, err);
}
