/*
 * KVM on x86 hosts: what a VM and a cpu need, exits of this ISA.
 *
 * Source: Documentation/virt/kvm/api and .../x86; asm/kvm.h; AMD64 APM volume 2 for the state of a processor.
 */
#include "accel/kvm/kvm_x86.h"

#include "target/x86/x86_sys.h"

#include <elf.h>

const size_t kvm_arch_vm_bytes = sizeof(KvmX86Vm), kvm_arch_cpu_bytes = sizeof(KvmX86Cpu);

/* Four pages below the firmware that no board uses: Intel's processors without unrestricted guests want them
 * in real mode. */
enum { IDENTITY_MAP = 0xfeffc000u, TSS = 0xfeffd000u };

bool kvm_arch_runs(const TargetOps *ops)
{
    return ops->elf_machine == EM_X86_64 || ops->elf_machine == EM_386;
}

/* ---- the VM ---- */

enum { MSR_TSC = 0x10, MSR_DEADLINE = 0x6e0 };

static void add_msr(KvmX86MsrList *l, uint32_t number)
{
    for (unsigned n = 0; n < l->n; n++)
        if (l->index[n] == number)
            return;
    if (l->n < ARRAY_SIZE(l->index))
        l->index[l->n++] = number;
}

/* Older names of the paravirtual clock's, registers that are elsewhere or count, another hypervisor's. */
static bool is_no_state(uint32_t number)
{
    static const uint32_t numbers[] = {0x11, 0x12, 0x1b, 0xe7, 0xe8, 0xc0000080, 0xc0000100, 0xc0000101};
    enum { HYPERV = 0x40000000, HYPERV_END = 0x40001000 };
    for (unsigned n = 0; n < ARRAY_SIZE(numbers); n++)
        if (numbers[n] == number)
            return true;
    return number >= HYPERV && number < HYPERV_END;
}

/* The kernel does not list all that it has. */
static bool fill_msr_list(KvmVm *vm, Fmt *err)
{
    enum {
        MTRR = 0x200,
        MTRR_FIX64 = 0x250,
        MTRR_FIX16 = 0x258,
        MTRR_FIX4 = 0x268,
        MTRR_DEF = 0x2ff,
        BANK = 0x400
    };
    KvmX86Vm *x = kvm_x86_vm(vm);
    KvmX86MsrList all = {.n = ARRAY_SIZE(all.index)};
    long e = kvm_ioctl_at(vm->dev, KVM_GET_MSR_INDEX_LIST, &all);
    if (sys_is_err(e)) {
        fmt_printf(err, "the host's KVM has %u registers of models: too many, or error %d", all.n, (int)-e);
        return false;
    }
    x->msrs.n = 0;
    add_msr(&x->msrs, MSR_TSC);
    for (unsigned n = 0; n < all.n; n++)
        if (!is_no_state(all.index[n]) && all.index[n] != MSR_DEADLINE)
            add_msr(&x->msrs, all.index[n]);
    for (unsigned n = 0; n < 2 * X86_MTRRS; n++)
        add_msr(&x->msrs, MTRR + n);
    add_msr(&x->msrs, MTRR_FIX64);
    add_msr(&x->msrs, MTRR_FIX16);
    add_msr(&x->msrs, MTRR_FIX16 + 1);
    for (unsigned n = 0; n < 8; n++)
        add_msr(&x->msrs, MTRR_FIX4 + n);
    add_msr(&x->msrs, MTRR_DEF);
    for (unsigned n = 0; n < 4 * X86_MC_BANKS; n++)
        add_msr(&x->msrs, BANK + n);
    add_msr(&x->msrs, MSR_DEADLINE);
    return true;
}

static bool fill_cpuid(KvmVm *vm, Fmt *err)
{
    KvmX86Vm *x = kvm_x86_vm(vm);
    x->cpuid.n = ARRAY_SIZE(x->cpuid.leaf);
    long e = kvm_ioctl_at(vm->dev, KVM_GET_SUPPORTED_CPUID, &x->cpuid);
    if (sys_is_err(e))
        fmt_printf(err, "the host's KVM does not say what cpus it has: error %d", (int)-e);
    return !sys_is_err(e);
}

enum { PIC_INPUTS = 8, PICS = 2, TIMER = 0, TIMER_AT_IOAPIC = 2 };

static void add_route(KvmVm *vm, unsigned input, unsigned chip, unsigned pin)
{
    vm->routes.entry[vm->routes.n++] = (struct kvm_irq_routing_entry){
        .gsi = input, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = {.irqchip = chip, .pin = pin}};
}

/* Each input leads to the PIC, if it has so many, and to the I/O APIC; the timer to another one there, as the
 * ACPI tables of PCs say. */
static bool route_inputs(KvmVm *vm)
{
    for (unsigned n = 0; n < PICS * PIC_INPUTS; n++)
        if (n != TIMER_AT_IOAPIC) /* the second PIC's place */
            add_route(vm, n, n < PIC_INPUTS ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, n % PIC_INPUTS);
    for (unsigned n = 0; n < KVM_IOAPIC_NUM_PINS; n++)
        if (n != TIMER_AT_IOAPIC)
            add_route(vm, n, KVM_IRQCHIP_IOAPIC, n == TIMER ? TIMER_AT_IOAPIC : n);
    return kvm_routes_set(vm);
}

static bool make_all_chips(KvmVm *vm)
{
    const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    KvmX86Vm *x = kvm_x86_vm(vm);
    bool ok = !sys_is_err(kvm_ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0)) &&
              !sys_is_err(kvm_ioctl_at(vm->fd, KVM_CREATE_PIT2, &pit)) && route_inputs(vm) &&
              !sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_PIT2, &x->pit));
    for (unsigned n = 0; ok && n < KVM_NR_IRQCHIPS; n++) {
        x->chip[n].chip_id = n;
        ok = !sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_IRQCHIP, &x->chip[n]));
    }
    return ok;
}

/* Split, the kernel tells of ends of interrupts from so many inputs of the board, and of no others. */
enum { SPLIT_INPUTS = X86_CHIP_IOAPICS * X86_CHIP_INPUTS };

static bool make_irqchip(KvmVm *vm, Fmt *err)
{
    bool ok = true;
    switch (vm->irqchip) {
    case ACCEL_IRQCHIP_BOARD: break;
    case ACCEL_IRQCHIP_SPLIT: ok = kvm_enable(vm, KVM_CAP_SPLIT_IRQCHIP, SPLIT_INPUTS); break;
    case ACCEL_IRQCHIP_ENGINE: ok = make_all_chips(vm);
    }
    if (!ok)
        fmt_puts(err, "the host's KVM lacks the interrupt controllers that are wanted");
    return ok;
}

void kvm_arch_vm_clear(KvmVm *vm)
{
    (void)vm;
}

/* The board's own time counts. */
uint64_t kvm_arch_time_hz(KvmVm *vm)
{
    (void)vm;
    return 0;
}

/* The struct has it (kvm_x86_irq.c). */
void kvm_arch_cpu_irq(KvmCpu *k, unsigned input, bool level)
{
    if (k->cpu->ops->sys->set_irq(k->cpu, input, level))
        accel_wake(k->cpu);
}

uint32_t kvm_arch_irq_number(unsigned input)
{
    return input;
}

void kvm_arch_vm_reset(KvmVm *vm)
{
    const KvmX86Vm *x = kvm_x86_vm(vm);
    if (vm->irqchip != ACCEL_IRQCHIP_ENGINE)
        return;
    for (unsigned n = 0; n < KVM_NR_IRQCHIPS; n++)
        kvm_ioctl_at(vm->fd, KVM_SET_IRQCHIP, &x->chip[n]);
    kvm_ioctl_at(vm->fd, KVM_SET_PIT2, &x->pit);
}

void kvm_arch_vm_stand(KvmVm *vm, bool stop)
{
    kvm_x86_stand(vm, stop);
}

bool kvm_arch_vm_init(KvmVm *vm, Fmt *err)
{
    const uint64_t identity = IDENTITY_MAP;
    KvmX86Vm *x = kvm_x86_vm(vm);
    if (kvm_has(vm, KVM_CAP_SET_IDENTITY_MAP_ADDR))
        kvm_ioctl_at(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    if (kvm_has(vm, KVM_CAP_SET_TSS_ADDR))
        kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS);
    int xsave = kvm_has(vm, KVM_CAP_XSAVE2);
    x->xsave2 = xsave > 0;
    if (xsave > (int)KVM_X86_XSAVE_ROOM) {
        fmt_printf(err, "the host's processor has %d bytes of extended state: too many", xsave);
        return false;
    }
    x->sregs2 = kvm_has(vm, KVM_CAP_SREGS2) != 0;
    x->debugregs = kvm_has(vm, KVM_CAP_DEBUGREGS) != 0;
    x->xcrs = kvm_has(vm, KVM_CAP_XCRS) != 0;
    x->block_irq = kvm_has(vm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ;
    x->triple_fault = kvm_enable(vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
    return fill_msr_list(vm, err) && fill_cpuid(vm, err) && make_irqchip(vm, err);
}

/* ---- a trial ---- */

bool kvm_arch_probe(int vm, int cpu, uint8_t *mem, uint32_t rounds)
{
    static const uint8_t code[] = {0x49, 0x75, 0xfd, 0xf4}; /* dec ecx; jnz -3; hlt */
    const struct kvm_segment text = {
        .limit = ~0u, .selector = 8, .type = 11, .present = 1, .db = 1, .s = 1, .g = 1};
    const struct kvm_regs regs = {.rcx = rounds, .rflags = 2};
    struct kvm_segment data = text;
    struct kvm_sregs s;
    data.selector = 16;
    data.type = 3;
    memcpy(mem, code, sizeof(code));
    if (sys_is_err(kvm_ioctl_at(cpu, KVM_GET_SREGS, &s)))
        return false;
    s.cs = text;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.cr0 |= 1;
    return !sys_is_err(kvm_ioctl_at(cpu, KVM_SET_SREGS, &s)) &&
           !sys_is_err(kvm_ioctl_at(cpu, KVM_SET_REGS, &regs));
}

/* ---- a cpu ---- */

bool kvm_arch_cpu_init(KvmCpu *k)
{
    (void)k;
    return true;
}

/* As many banks as the translator has, with a register of control. */
static void set_up_machine_check(KvmCpu *k)
{
    enum { CONTROL = 1 << 8 };
    const KvmVm *vm = kvm_vm(k->cpu->accel);
    uint64_t can = 0, want;
    kvm_ioctl_at(vm->dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &can);
    want = (can & CONTROL) | (uint64_t)MIN(kvm_has(vm, KVM_CAP_MCE), (int)X86_MC_BANKS);
    if (kvm_has(vm, KVM_CAP_MCE))
        kvm_ioctl_at(k->fd, KVM_X86_SETUP_MCE, &want);
}

bool kvm_arch_set_up(KvmCpu *k)
{
    KvmX86Cpu *x = kvm_x86_cpu(k);
    char text[500] = "";
    Fmt why = FMT_ON(text);
    set_up_machine_check(k);
    if (!k->adopting)
        kvm_x86_set_tsc_rate(k, false, &why);
    if (!kvm_x86_set_cpuid(k, k->adopting, &why))
        return kvm_broken(k, "%s", text);
    if (!kvm_x86_get(k, &x->fresh, KVM_ALL))
        return kvm_broken(k, "its registers cannot be read");
    return true;
}

/* What the kernel made the cpu with is what a processor has after power-on. Kernels (Linux 6.1 on AMD) that
 * have lost their page tables with a triple fault make new ones when CR0 changes, so it changes. */
bool kvm_arch_reset(KvmCpu *k)
{
    enum { CR0_WP = 1 << 16 };
    KvmX86Cpu *x = kvm_x86_cpu(k);
    x->now = x->fresh;
    x->now.sregs.cr0 ^= CR0_WP;
    bool ok = kvm_x86_put(k, &x->now, KVM_ALL) && kvm_x86_put(k, &x->fresh, KVM_ALL);
    x->now = x->fresh;
    x->halted = x->inject_bp = false;
    return ok;
}

bool kvm_arch_fetch(KvmCpu *k, KvmPart part)
{
    if ((part == KVM_ALL && !kvm_x86_take_back(k)) || !kvm_x86_get(k, &kvm_x86_cpu(k)->now, part))
        return false;
    kvm_x86_to_cpu(k, part);
    return true;
}

bool kvm_arch_store(KvmCpu *k, KvmPart part)
{
    kvm_x86_from_cpu(k, part);
    return kvm_x86_put(k, &kvm_x86_cpu(k)->now, part);
}

bool kvm_arch_translate(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    struct kvm_translation t = {.linear_address = va};
    bool ok = !sys_is_err(kvm_ioctl_at(kvm_cpu(cpu)->fd, KVM_TRANSLATE, &t)) && t.valid;
    if (ok)
        *ret_pa = t.physical_address;
    return ok;
}

void kvm_arch_enter(KvmCpu *k)
{
    kvm_x86_debug_enter(k);
    kvm_x86_irq_enter(k);
}
void kvm_arch_left(KvmCpu *k)
{
    kvm_x86_irq_left(k);
}

bool kvm_arch_serve(KvmCpu *k, bool *ret_out)
{
    const CpuBoard *board = k->cpu->ops->sys->board(k->cpu);
    switch (k->run->exit_reason) {
    case KVM_EXIT_HLT: kvm_x86_cpu(k)->halted = true; return true;
    case KVM_EXIT_DEBUG: *ret_out = kvm_x86_debug_exit(k); return true;
    case KVM_EXIT_IOAPIC_EOI:
        if (board->irq_end)
            board->irq_end(board->opaque, k->run->eoi.vector);
        return true;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR: return true;
    default: return false;
    }
}

/* ---- reports ---- */

static void print_segment(Fmt *out, const char *name, const struct kvm_segment *s)
{
    fmt_printf(out, "%s %04x base %lx limit %x type %x dpl %u%s%s%s%s\n", name, s->selector,
               (unsigned long)s->base, s->limit, s->type, s->dpl, s->present ? "" : " absent",
               s->s ? "" : " system", s->l ? " long" : "", s->db ? " 32" : "");
}

void kvm_arch_print(KvmCpu *k, Fmt *out)
{
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    if (!kvm_x86_get(k, s, KVM_RUNTIME)) {
        fmt_puts(out, "its registers cannot be read");
        return;
    }
    const struct kvm_regs *r = &s->regs;
    const uint64_t v[] = {r->rax,       r->rbx,       r->rcx,       r->rdx,       r->rsi,       r->rdi,
                          r->rsp,       r->rbp,       r->r8,        r->r9,        r->r10,       r->r11,
                          r->r12,       r->r13,       r->r14,       r->r15,       r->rip,       r->rflags,
                          s->sregs.cr0, s->sregs.cr2, s->sregs.cr3, s->sregs.cr4, s->sregs.efer};
    static const char names[][7] = {"rax", "rbx",    "rcx", "rdx", "rsi", "rdi", "rsp", "rbp",
                                    "r8",  "r9",     "r10", "r11", "r12", "r13", "r14", "r15",
                                    "rip", "rflags", "cr0", "cr2", "cr3", "cr4", "efer"};
    for (unsigned n = 0; n < ARRAY_SIZE(v); n++)
        fmt_printf(out, "%s %lx%c", names[n], (unsigned long)v[n], n % 4 == 3 ? '\n' : ' ');
    fmt_putc(out, '\n');
    print_segment(out, "cs", &s->sregs.cs);
    print_segment(out, "ss", &s->sregs.ss);
    print_segment(out, "ds", &s->sregs.ds);
    print_segment(out, "es", &s->sregs.es);
    fmt_printf(out, "gdt %lx+%x idt %lx+%x", (unsigned long)s->sregs.gdt.base, s->sregs.gdt.limit,
               (unsigned long)s->sregs.idt.base, s->sregs.idt.limit);
}
