/* Traps and the way back (the privileged manual, "Trap Handling", "Interrupts"), and the instructions that
 * leave the present context: xRET, WFI, ECALL. */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"

/* ---- what is pending ---- */

uint64_t rv_mip(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    uint64_t lines = __atomic_load_n(&s->lines, __ATOMIC_ACQUIRE), soft = s->soft, up;
    const uint64_t sti = RV_IRQ_BIT(RV_IRQ_STI), vsti = RV_IRQ_BIT(RV_IRQ_VSTI), sei = RV_IRQ_BIT(RV_IRQ_SEI);
    if (s->menvcfg & RV_STCE)
        soft &= ~sti;
    else
        lines &= ~(sti | vsti);
    if (!(s->henvcfg & RV_STCE))
        lines &= ~vsti;
    if (s->mvien & sei)
        soft &= ~sei;
    if (!s->geilen)
        return lines | soft;
    up = __atomic_load_n(&s->hgeip, __ATOMIC_ACQUIRE);
    return lines | soft | (up & s->hgeie ? RV_IRQ_BIT(RV_IRQ_SGEI) : 0) |
           (up & ~1ull & 1ull << rv_vgein(cpu) ? RV_IRQ_BIT(RV_IRQ_VSEI) : 0);
}

bool rv_set_irq(Cpu *base, unsigned n, bool level)
{
    RvSys *s = &((RvCpu *)base)->sys;
    uint64_t *word = n < RV_IRQ_GUEST ? &s->lines : &s->hgeip, bit = RV_IRQ_BIT(n % RV_IRQ_GUEST);
    if (!level) {
        __atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL);
        return false;
    }
    return !(__atomic_fetch_or(word, bit, __ATOMIC_ACQ_REL) & bit);
}

RvPending rv_pending(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    uint64_t up = rv_mip(cpu) & s->mie, guest = s->hideleg & RV_VS_IRQS, virt = s->mvien & ~s->mideleg;
    RvPending p = {.m = up & ~s->mideleg, .s = up & s->mideleg & ~guest, .vs = (up & guest) >> 1};
    if (virt) {
        uint64_t mvip = s->mvip | (s->soft & RV_IRQ_BIT(RV_IRQ_SEI));
        p.s |= mvip & virt & s->sie_virtual;
    }
    return p;
}

unsigned rv_first_irq(uint64_t set)
{
    static const uint8_t order[] = {RV_IRQ_MEI, RV_IRQ_MSI,  RV_IRQ_MTI,  RV_IRQ_SEI,
                                    RV_IRQ_SSI, RV_IRQ_STI,  RV_IRQ_SGEI, RV_IRQ_VSEI,
                                    RV_IRQ_VSSI, RV_IRQ_VSTI, RV_IRQ_LCOFI};
    for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
        if (set >> order[k] & 1)
            return order[k];
    return (unsigned)__builtin_ctzll(set);
}

/* The interrupt that would be taken now, and the level that takes it: RV_M, RV_S, RV_U for a guest's
 * supervisor. -1: none. */
static int due(const RvCpu *cpu, unsigned *ret_level)
{
    const RvSys *s = &cpu->sys;
    RvPending p = rv_pending(cpu);
    bool m = s->priv < RV_M || (s->mstatus & RV_MIE),
         sup = s->virt || s->priv < RV_S || (s->priv == RV_S && (s->mstatus & RV_SIE)),
         guest = s->virt && (s->priv < RV_S || (s->vsstatus & RV_SIE));
    *ret_level = RV_M;
    if (m && p.m)
        return (int)rv_first_irq(p.m);
    *ret_level = RV_S;
    if (sup && p.s)
        return (int)rv_first_irq(p.s);
    *ret_level = RV_U;
    if (!guest)
        return -1;
    if (rv_has(cpu, RV_HAS_SSAIA)) {
        uint64_t top = rv_topi(cpu, RV_U);
        return top ? (int)(top >> 16) : -1;
    }
    return p.vs ? (int)rv_first_irq(p.vs) : -1;
}

bool rv_wakes(const Cpu *base)
{
    const RvCpu *cpu = (const RvCpu *)base;
    RvPending p = rv_pending(cpu);
    return p.m || p.s || p.vs || ((cpu->sys.hvictl & RV_VTI) && rv_topi(cpu, RV_U));
}

void rv_notice_irq(RvCpu *cpu)
{
    unsigned level;
    if (due(cpu, &level) >= 0)
        __atomic_store_n(&cpu->base.kick, 1, __ATOMIC_RELEASE);
}

/* ---- traps ---- */

typedef struct Cause {
    uint64_t cause, tval;
    bool gva;      /* tval is a guest's address */
    uint64_t gpa;  /* of a guest-page fault */
    uint64_t tinst;
} Cause;

static Gva handler(uint64_t tvec, uint64_t cause)
{
    Gva base = tvec & ~3ull;
    return (tvec & 1) && (cause & RV_CAUSE_IRQ) ? base + 4 * (cause & ~RV_CAUSE_IRQ) : base;
}

/* As xcause has it. */
static uint64_t cause_code(const RvCpu *cpu, uint64_t cause)
{
    return rv_machine32(cpu) && (cause & RV_CAUSE_IRQ) ? cause ^ RV_CAUSE_IRQ ^ 1ull << 31 : cause;
}

/* sstatus or vsstatus at a trap. */
static void stack_level(uint64_t *status, uint64_t priv)
{
    uint64_t m = *status & ~(RV_SPIE | RV_SPP | RV_SIE);
    *status = m | (*status & RV_SIE ? RV_SPIE : 0) | (priv == RV_S ? RV_SPP : 0);
}

static void trap_to_guest(RvCpu *cpu, const Cause *c)
{
    RvSys *s = &cpu->sys;
    stack_level(&s->vsstatus, s->priv);
    s->vscause = c->cause;
    s->vstval = c->tval;
    s->vsepc = cpu->base.pc;
    s->priv = RV_S;
    cpu->base.pc = handler(s->vstvec, c->cause);
}

static void trap_to_s(RvCpu *cpu, const Cause *c)
{
    RvSys *s = &cpu->sys;
    stack_level(&s->mstatus, s->priv);
    if (rv_has(cpu, RV_HAS_H)) {
        s->hstatus &= ~(RV_H_SPV | RV_H_GVA);
        s->hstatus |= (s->virt ? RV_H_SPV : 0) | (c->gva ? RV_H_GVA : 0);
        if (s->virt)
            s->hstatus = (s->hstatus & ~RV_H_SPVP) | (s->priv == RV_S ? RV_H_SPVP : 0);
        s->htval = c->gpa >> 2;
        s->htinst = c->tinst;
    }
    s->scause = cause_code(cpu, c->cause);
    s->stval = c->tval;
    s->sepc = cpu->base.pc;
    s->priv = RV_S;
    s->virt = 0;
    cpu->base.pc = handler(s->stvec, c->cause);
}

static void trap_to_m(RvCpu *cpu, const Cause *c)
{
    RvSys *s = &cpu->sys;
    uint64_t m = s->mstatus & ~(RV_MPIE | RV_MPP | RV_MIE | RV_MPV | RV_GVA);
    s->mstatus = m | (s->mstatus & RV_MIE ? RV_MPIE : 0) | s->priv << 11 | (s->virt ? RV_MPV : 0) |
                 (c->gva ? RV_GVA : 0);
    s->mtval2 = c->gpa >> 2;
    s->mtinst = c->tinst;
    s->mcause = cause_code(cpu, c->cause);
    s->mtval = c->tval;
    s->mepc = cpu->base.pc;
    s->priv = RV_M;
    s->virt = 0;
    cpu->base.pc = handler(s->mtvec, c->cause);
}

static void trap_at(RvCpu *cpu, unsigned level, const Cause *c)
{
    cpu->res_addr = RV_NO_RESERVATION;
    cpu->lr_exclusive = 0;
    if (level == RV_M)
        trap_to_m(cpu, c);
    else if (level == RV_S)
        trap_to_s(cpu, c);
    else
        trap_to_guest(cpu, c);
    if (rv_machine32(cpu))
        cpu->base.pc = (uint32_t)cpu->base.pc;
    rv_select(cpu);
}

/* An exception. */
static void trap(RvCpu *cpu, Cause c)
{
    const RvSys *s = &cpu->sys;
    if (s->priv == RV_M || !(s->medeleg >> c.cause & 1))
        trap_at(cpu, RV_M, &c);
    else
        trap_at(cpu, s->virt && (s->hedeleg >> c.cause & 1) ? RV_U : RV_S, &c);
}

bool rv_interrupt(Cpu *base)
{
    RvCpu *cpu = (RvCpu *)base;
    unsigned level;
    int n = due(cpu, &level);
    if (n < 0)
        return false;
    trap_at(cpu, level, &(Cause){.cause = RV_CAUSE_IRQ | (uint64_t)n});
    return true;
}

uint32_t rv_insn_at_pc(Cpu *cpu)
{
    uint16_t half[2] = {0};
    if (!cpu->mem->fetch(cpu, cpu->pc, &half[0], 2))
        return 0;
    if (rv_insn_len(half[0]) == 4 && !cpu->mem->fetch(cpu, cpu->pc + 2, &half[1], 2))
        return 0;
    return half[0] | (uint32_t)half[1] << 16;
}

static void illegal(RvCpu *cpu)
{
    uint32_t bits = rv_insn_at_pc(&cpu->base);
    unsigned xlen = cpu->base.ctx & RV_CTX_XLEN32 ? RV_XLEN_32 : RV_XLEN_64;
    if ((cpu->base.ctx & RV_CTX_FS_CLEAN) && rv_is_fp(bits, xlen)) {
        cpu->sys.mstatus |= RV_FS; /* and it runs again */
        if (cpu->sys.virt)
            cpu->sys.vsstatus |= RV_FS;
        return;
    }
    bool virt = cpu->sys.virt && rv_qualified(cpu, bits);
    trap(cpu, (Cause){.cause = virt ? RV_X_VIRTUAL : RV_X_ILLEGAL, .tval = bits});
}

/* Of an instruction that accesses memory: what the trap says besides the address. */
static Cause access_cause(RvCpu *cpu, uint64_t cause, Gva addr, bool fetch)
{
    const RvSys *s = &cpu->sys;
    bool gpf = cause >= RV_X_FETCH_GUEST && cause != RV_X_VIRTUAL;
    Cause c = {.cause = cause, .tval = addr, .gva = s->fault_gva, .gpa = gpf ? s->fault_gpa : 0,
               .tinst = gpf ? s->fault_pseudo : 0};
    if (c.gva && !c.tinst && !fetch)
        c.tinst = rv_transformed(cpu, rv_insn_at_pc(&cpu->base), addr);
    return c;
}

static void misaligned(RvCpu *cpu)
{
    enum { FUNCT5_LR = 2 };
    bool lr = rv_insn_at_pc(&cpu->base) >> 27 == FUNCT5_LR;
    cpu->sys.fault_gva = rv_idx_is_guest(rv_data_idx(cpu));
    trap(cpu, access_cause(cpu, lr ? RV_X_LOAD_ALIGN : RV_X_STORE_ALIGN, cpu->base.exit.addr, false));
}

/* The three instructions that make a call of the host ("RISC-V Semihosting", 2): all are there or it is a
 * breakpoint. */
static bool is_semihosting(Cpu *base)
{
    enum { SLLI_ENTRY = 0x01f01013, EBREAK = 0x00100073, SRAI_NUMBER = 0x40705013 };
    static const uint32_t wanted[] = {SLLI_ENTRY, EBREAK, SRAI_NUMBER};
    const RvCpu *cpu = (const RvCpu *)base;
    uint32_t on = cpu->sys.board.semihosting, bits[ARRAY_SIZE(wanted)] = {0};
    if (on == CPU_SEMIHOST_OFF || (on == CPU_SEMIHOST_KERNEL && cpu->sys.priv == RV_U))
        return false;
    const CpuExit exit = base->exit;
    bool is = true;
    for (unsigned k = 0; is && k < ARRAY_SIZE(wanted); k++)
        is = base->mem->fetch(base, base->pc + 4 * k - 4, &bits[k], 4) && bits[k] == wanted[k];
    base->exit = exit;
    return is;
}

bool rv_exception(Cpu *base)
{
    RvCpu *cpu = (RvCpu *)base;
    const CpuExit x = base->exit;
    switch ((CpuExitKind)x.kind) {
    case CPU_EXIT_BREAK:
        if (is_semihosting(base)) {
            base->exit.kind = CPU_EXIT_SYSCALL;
            return false;
        }
        trap(cpu, (Cause){RV_X_BREAK, base->pc, .gva = cpu->sys.virt});
        return true;
    case CPU_EXIT_ILLEGAL: illegal(cpu); return true;
    case CPU_EXIT_FETCH:
    case CPU_EXIT_FAULT:
        trap(cpu, access_cause(cpu, (uint64_t)x.code, x.addr, x.kind == CPU_EXIT_FETCH));
        return true;
    case CPU_EXIT_MISALIGNED: misaligned(cpu); return true;
    default: return false;
    }
}

/* ---- instructions ---- */

uint64_t rv_leave(RvCpu *cpu, CpuExitKind kind)
{
    cpu->base.exit = (CpuExit){.kind = (uint16_t)kind};
    return 1;
}

uint64_t rv_go(RvCpu *cpu)
{
    rv_notice_irq(cpu);
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    if (cpu->base.ctx & CTX_STEP)
        return 1;
    cpu->base.mem->context(&cpu->base);
    return IR_STATUS_GO;
}

static void mret(RvCpu *cpu)
{
    RvSys *s = &cpu->sys;
    uint64_t m = s->mstatus, to = (m & RV_MPP) >> 11;
    s->mstatus = (m & ~(RV_MIE | RV_MPP | RV_MPV)) | (m & RV_MPIE ? RV_MIE : 0) | RV_MPIE;
    if (to != RV_M)
        s->mstatus &= ~RV_MPRV;
    s->virt = to != RV_M && (m & RV_MPV);
    s->priv = to;
    cpu->base.pc = s->mepc;
}

static void sret(RvCpu *cpu)
{
    RvSys *s = &cpu->sys;
    uint64_t *status = s->virt ? &s->vsstatus : &s->mstatus, m = *status;
    cpu->base.pc = s->virt ? s->vsepc : s->sepc;
    s->priv = m & RV_SPP ? RV_S : RV_U;
    *status = (m & ~(RV_SIE | RV_SPP)) | (m & RV_SPIE ? RV_SIE : 0) | RV_SPIE;
    if (s->virt)
        return;
    s->mstatus &= ~RV_MPRV;
    s->virt = (s->hstatus & RV_H_SPV) != 0;
    s->hstatus &= ~RV_H_SPV;
}

uint64_t rv_helper_xret(void *opaque, uint64_t from, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    const RvSys *s = &cpu->sys;
    if (from == RV_S && s->priv == RV_S && (s->virt ? s->hstatus & RV_H_VTSR : s->mstatus & RV_TSR))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    if (from == RV_M)
        mret(cpu);
    else
        sret(cpu);
    if (rv_machine32(cpu))
        cpu->base.pc = (uint32_t)cpu->base.pc;
    rv_select(cpu);
    return rv_go(cpu);
}

uint64_t rv_helper_ecall(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    bool guest = cpu->sys.virt && cpu->sys.priv == RV_S;
    trap(cpu, (Cause){.cause = guest ? RV_X_ECALL_VS : RV_X_ECALL_U + cpu->sys.priv});
    return rv_go(cpu);
}

uint64_t rv_helper_wfi(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    const RvSys *s = &cpu->sys;
    if (s->priv == RV_S && ((s->mstatus & RV_TW) || (s->virt && (s->hstatus & RV_H_VTW))))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    cpu->base.pc += 4;
    if (rv_wakes(&cpu->base))
        return rv_go(cpu);
    return rv_leave(cpu, CPU_EXIT_HALT);
}
