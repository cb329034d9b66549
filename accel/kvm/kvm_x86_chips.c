/*
 * The kernel's interrupt controllers and timer in the form in which they move (hw/core/x86_chips.h).
 *
 * Source: asm/kvm.h; Documentation/virt/kvm/api, KVM_GET_LAPIC, KVM_GET_IRQCHIP, KVM_GET_PIT2.
 */
#include "accel/kvm/kvm_x86.h"
#include "target/x86/x86_sys.h"

#include <time.h>

static KvmCpu *cpu_of(const KvmVm *vm, unsigned id)
{
    for (AccelCpu *ac = vm->accel->cpus; ac; ac = ac->next)
        if (kvm_cpu(ac->cpu)->id == id)
            return kvm_cpu(ac->cpu);
    return NULL;
}

/* ---- local APICs ---- */

enum { LAPIC_ID = 2, MSR_DEADLINE = 0x6e0, REG_BYTES = 16 };

void kvm_x86_lapic_regs(struct kvm_lapic_state *l, uint32_t reg[X86_LAPIC_REGS], bool put)
{
    for (unsigned n = 0; n < X86_LAPIC_REGS; n++) {
        void *at = l->regs + (size_t)n * REG_BYTES;
        memcpy(put ? at : &reg[n], put ? (const void *)&reg[n] : at, sizeof(reg[n]));
    }
}

static uint64_t deadline_of(KvmCpu *k)
{
    const X86Machine *m = (const X86Machine *)k->cpu;
    const struct kvm_msr_entry *e = kvm_x86_msr(&kvm_x86_cpu(k)->now, MSR_DEADLINE);
    const uint64_t at = e ? e->data : 0, ahead = m->sys.tsc_adjust;
    return !at ? 0 : MAX((int64_t)(at - ahead) > 0 ? x86_tsc_ns(m, at - ahead) : 0, 1u);
}

/* The timer may have run out while the cpu was outside: the kernel says so when it runs again, and not here.
 * One tick too many does no harm. */
static void request_lost_tick(X86LapicState *s)
{
    enum {
        ISR = 0x10,
        IRR = 0x20,
        TIMER = 0x32,
        INITIAL = 0x38,
        CURRENT = 0x39,
        NOT_ONCE = 0x60000,
        OFF = 0x10000
    };
    const uint32_t lvt = s->reg[TIMER], vector = lvt & 0xff, bit = 1u << vector % 32;
    if (!(lvt & (NOT_ONCE | OFF)) && vector >= 16 && s->reg[INITIAL] && !s->reg[CURRENT] &&
        !(s->reg[ISR + vector / 32] & bit))
        s->reg[IRR + vector / 32] |= bit;
}

static bool move_lapic(KvmVm *vm, unsigned n, X86LapicState *s, bool put)
{
    KvmCpu *k = cpu_of(vm, n);
    KvmX86Cpu *x = k ? kvm_x86_cpu(k) : NULL;
    if (!x || vm->irqchip == ACCEL_IRQCHIP_BOARD)
        return false;
    if (put) {
        x->lapic = *s;
        x->lapic_waits = true;
        return true;
    }
    kvm_x86_lapic_regs(&x->now.lapic, s->reg, false);
    s->reg[LAPIC_ID] = n << 24;
    request_lost_tick(s);
    s->base = x->now.sregs.apic_base;
    s->deadline = deadline_of(k);
    return true;
}

/* ---- I/O APIC and PIC ---- */

enum { LEVEL = 1 << 15, MASKED = 1 << 16 };
#define ENTRY_BITS 0xff0000000001efffull /* all but the delivery status */

static void ioapic_from(const struct kvm_ioapic_state *io, X86IoapicState *s)
{
    *s = (X86IoapicState){.id = (uint8_t)(io->id & 15), .select = (uint8_t)io->ioregsel};
    for (unsigned n = 0; n < X86_CHIP_INPUTS; n++) {
        s->entry[n] = io->redirtbl[n].bits & ENTRY_BITS;
        if ((s->entry[n] & (LEVEL | MASKED)) == MASKED)
            s->edges |= io->irr & 1u << n;
    }
}

static void ioapic_to(const X86IoapicState *s, struct kvm_ioapic_state *io)
{
    io->ioregsel = s->select;
    io->id = s->id;
    io->irr = s->edges;
    for (unsigned n = 0; n < X86_CHIP_INPUTS; n++)
        io->redirtbl[n].bits = s->entry[n];
}

enum { ICW4_AUTO = 2, ICW4_NESTED = 0x10, PIC_INPUTS = 8 };

static void pic_from(const struct kvm_pic_state *p, X86PicState *s)
{
    static const uint8_t awaits[] = {0, 2, 3, 4};
    *s = (X86PicState){
        .irr = p->irr,
        .imr = p->imr,
        .isr = p->isr,
        .level = p->last_irr,
        .elcr = p->elcr,
        .base = p->irq_base,
        .icw4 = (uint8_t)((p->auto_eoi ? ICW4_AUTO : 0) | (p->special_fully_nested_mode ? ICW4_NESTED : 0)),
        .wants_icw4 = p->init4 != 0,
        .lowest = (uint8_t)((p->priority_add + PIC_INPUTS - 1u) % PIC_INPUTS),
        .reads_isr = p->read_reg_select & 1,
        .poll = p->poll != 0,
        .special_mask = p->special_mask != 0,
        .rotates = p->rotate_on_auto_eoi != 0,
        .awaits = p->init_state < 4 ? awaits[p->init_state] : (uint8_t)0};
}

static void pic_to(const X86PicState *s, struct kvm_pic_state *p)
{
    *p = (struct kvm_pic_state){.last_irr = s->level,
                                .irr = s->irr,
                                .imr = s->imr,
                                .isr = s->isr,
                                .priority_add = (uint8_t)((s->lowest + 1u) % PIC_INPUTS),
                                .irq_base = s->base,
                                .read_reg_select = s->reads_isr,
                                .poll = s->poll,
                                .special_mask = s->special_mask,
                                .init_state = (uint8_t)(s->awaits ? s->awaits - 1 : 0),
                                .auto_eoi = (s->icw4 & ICW4_AUTO) != 0,
                                .rotate_on_auto_eoi = s->rotates,
                                .special_fully_nested_mode = (s->icw4 & ICW4_NESTED) != 0,
                                .init4 = s->wants_icw4,
                                .elcr = s->elcr,
                                .elcr_mask = p->elcr_mask};
}

static bool move_irqchip(const KvmVm *vm, unsigned id, void *state, bool put)
{
    struct kvm_irqchip c = {.chip_id = id};
    if (vm->irqchip != ACCEL_IRQCHIP_ENGINE || sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_IRQCHIP, &c)))
        return false;
    if (id == KVM_IRQCHIP_IOAPIC)
        put ? ioapic_to(state, &c.chip.ioapic) : ioapic_from(&c.chip.ioapic, state);
    else
        put ? pic_to(state, &c.chip.pic) : pic_from(&c.chip.pic, state);
    return !put || !sys_is_err(kvm_ioctl_at(vm->fd, KVM_SET_IRQCHIP, &c));
}

/* The ends of interrupts that are in service are told of by what the kernel knows of messages. */
static bool route_inputs(KvmVm *vm, unsigned n, const X86IoapicState *s)
{
    for (unsigned k = 0; k < X86_CHIP_INPUTS; k++)
        if (!(s->entry[k] & MASKED))
            kvm_route_message(vm, n * X86_CHIP_INPUTS + k, x86_ioapic_address(s->entry[k]),
                              x86_ioapic_data(s->entry[k]));
    return true;
}

/* ---- timer ---- */

/* Which byte comes next, or is left of what was latched. */
enum { BYTE_NONE, BYTE_LOW, BYTE_HIGH, BYTE_FIRST, BYTE_SECOND };
enum { NO_MODE = 0xff, SQUARE_WAVE = 3 }; /* NO_MODE: the kernel's counter that was never written to */

static uint64_t host_time(void)
{
    struct timespec t = {0};
    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t machine_time(const KvmVm *vm)
{
    const CpuBoard *b = &((X86Machine *)cpu_of(vm, 0)->cpu)->sys.board;
    return b->time ? b->time(b->opaque) : 0;
}

/* Its time is the host's; early: of the machine's time that the host's is ahead. */
static void pit_from(const struct kvm_pit_state2 *p, X86PitState *s, uint64_t early)
{
    *s = (X86PitState){.speaker = (p->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON) != 0,
                       .muted = (p->flags & KVM_PIT_FLAGS_HPET_LEGACY) != 0};
    for (unsigned n = 0; n < X86_CHIP_COUNTERS; n++) {
        const struct kvm_pit_channel_state *c = &p->channels[n];
        const int64_t loaded = (int64_t)((uint64_t)c->count_load_time - early);
        s->counter[n].loaded = loaded > 0 ? (uint64_t)loaded : 0;
        s->counter[n].count = c->mode == NO_MODE ? 0 : c->count;
        s->counter[n].latch = c->latched_count;
        s->counter[n].mode = c->mode == NO_MODE ? SQUARE_WAVE : c->mode;
        s->counter[n].bcd = c->bcd != 0;
        s->counter[n].rw = c->rw_mode & 3;
        s->counter[n].gate = c->gate != 0;
        s->counter[n].low = c->write_latch;
        s->counter[n].second_write = c->write_state == BYTE_SECOND;
        s->counter[n].second_read = c->read_state == BYTE_SECOND;
        s->counter[n].latched = c->count_latched == BYTE_FIRST ? 2 : c->count_latched != BYTE_NONE;
        s->counter[n].status = c->status;
        s->counter[n].status_latched = c->status_latched != 0;
    }
}

static uint8_t byte_state(unsigned rw, bool second)
{
    return (uint8_t)(rw == 3 ? (second ? BYTE_SECOND : BYTE_FIRST) : rw);
}

static void pit_to(const X86PitState *s, struct kvm_pit_state2 *p, uint64_t early)
{
    p->flags = (s->speaker ? (uint32_t)KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0) |
               (s->muted ? (uint32_t)KVM_PIT_FLAGS_HPET_LEGACY : 0);
    for (unsigned n = 0; n < X86_CHIP_COUNTERS; n++) {
        struct kvm_pit_channel_state *c = &p->channels[n];
        const unsigned rw = s->counter[n].rw, latched = s->counter[n].latched;
        *c = (struct kvm_pit_channel_state){
            .count = s->counter[n].count,
            .latched_count = s->counter[n].latch,
            .count_latched = latched ? byte_state(rw, latched == 1) : BYTE_NONE,
            .status_latched = s->counter[n].status_latched,
            .status = s->counter[n].status,
            .read_state = byte_state(rw, s->counter[n].second_read),
            .write_state = byte_state(rw, s->counter[n].second_write),
            .write_latch = s->counter[n].low,
            .rw_mode = s->counter[n].rw,
            .mode = s->counter[n].count ? s->counter[n].mode : (uint8_t)NO_MODE,
            .bcd = s->counter[n].bcd,
            .gate = s->counter[n].gate,
            .count_load_time = (int64_t)(s->counter[n].loaded + early)};
    }
}

static bool move_pit(const KvmVm *vm, X86PitState *s, bool put)
{
    struct kvm_pit_state2 p;
    const uint64_t early = host_time() - machine_time(vm);
    if (vm->irqchip != ACCEL_IRQCHIP_ENGINE || sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_PIT2, &p)))
        return false;
    if (!put) {
        pit_from(&p, s, early);
        return true;
    }
    pit_to(s, &p, early);
    return !sys_is_err(kvm_ioctl_at(vm->fd, KVM_SET_PIT2, &p));
}

/* ---- all of them ---- */

static bool move_clock(KvmVm *vm, uint64_t *ns, bool put)
{
    KvmX86Vm *x = kvm_x86_vm(vm);
    struct kvm_clock_data c = {.clock = *ns};
    if (put) {
        x->clock = *ns;
        return !sys_is_err(kvm_ioctl_at(vm->fd, KVM_SET_CLOCK, &c));
    }
    if (!x->stood) /* it has not run yet */
        return false;
    *ns = x->clock;
    return true;
}

bool kvm_arch_chip(KvmVm *vm, unsigned kind, unsigned n, void *state, bool put)
{
    switch ((X86ChipKind)kind) {
    case X86_CHIP_LAPIC: return move_lapic(vm, n, state, put);
    case X86_CHIP_IOAPIC:
        if (vm->irqchip == ACCEL_IRQCHIP_SPLIT)
            return put && route_inputs(vm, n, state);
        return n == 0 && move_irqchip(vm, KVM_IRQCHIP_IOAPIC, state, put);
    case X86_CHIP_PIC:
        return move_irqchip(vm, n ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER, state, put);
    case X86_CHIP_PIT: return move_pit(vm, state, put);
    case X86_CHIP_CLOCK: return move_clock(vm, state, put);
    }
    return false;
}
