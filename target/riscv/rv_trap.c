/* Traps and the way back (the privileged manual, "Trap Handling", "Interrupts"), and the instructions that
 * leave the present context: xRET, WFI, SFENCE.VMA. */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"

uint64_t rv_mip(const RvCpu *cpu)
{
    uint64_t lines = __atomic_load_n(&cpu->sys.lines, __ATOMIC_ACQUIRE), stip = RV_IRQ_BIT(RV_IRQ_STI);
    return cpu->sys.menvcfg & RV_STCE ? lines | (cpu->sys.soft & ~stip) : (lines & ~stip) | cpu->sys.soft;
}

bool rv_set_irq(Cpu *base, unsigned n, bool level)
{
    RvSys *s = &((RvCpu *)base)->sys;
    if (!level) {
        __atomic_fetch_and(&s->lines, ~RV_IRQ_BIT(n), __ATOMIC_ACQ_REL);
        return false;
    }
    return !(__atomic_fetch_or(&s->lines, RV_IRQ_BIT(n), __ATOMIC_ACQ_REL) & RV_IRQ_BIT(n));
}

/* The interrupts that would be taken now. */
static uint64_t due(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    uint64_t pending = rv_mip(cpu) & s->mie;
    bool m = s->priv < RV_M || (s->mstatus & RV_MIE),
         sup = s->priv < RV_S || (s->priv == RV_S && (s->mstatus & RV_SIE));
    uint64_t to_m = m ? pending & ~s->mideleg : 0;
    return to_m ? to_m : sup ? pending & s->mideleg : 0;
}

bool rv_wakes(const Cpu *base)
{
    const RvCpu *cpu = (const RvCpu *)base;
    return (rv_mip(cpu) & cpu->sys.mie) != 0;
}

void rv_notice_irq(RvCpu *cpu)
{
    if (due(cpu))
        __atomic_store_n(&cpu->base.kick, 1, __ATOMIC_RELEASE);
}

#define CAUSE_IRQ (1ull << 63)

static Gva handler(uint64_t tvec, uint64_t cause)
{
    Gva base = tvec & ~3ull;
    return (tvec & 1) && (cause & CAUSE_IRQ) ? base + 4 * (cause & ~CAUSE_IRQ) : base;
}

static void trap_to_s(RvCpu *cpu, uint64_t cause, uint64_t tval)
{
    RvSys *s = &cpu->sys;
    uint64_t m = s->mstatus & ~(RV_SPIE | RV_SPP | RV_SIE);
    s->mstatus = m | (s->mstatus & RV_SIE ? RV_SPIE : 0) | (s->priv == RV_S ? RV_SPP : 0);
    s->scause = cause;
    s->stval = tval;
    s->sepc = cpu->base.pc;
    s->priv = RV_S;
    cpu->base.pc = handler(s->stvec, cause);
}

static void trap_to_m(RvCpu *cpu, uint64_t cause, uint64_t tval)
{
    RvSys *s = &cpu->sys;
    uint64_t m = s->mstatus & ~(RV_MPIE | RV_MPP | RV_MIE);
    s->mstatus = m | (s->mstatus & RV_MIE ? RV_MPIE : 0) | s->priv << 11;
    s->mcause = cause;
    s->mtval = tval;
    s->mepc = cpu->base.pc;
    s->priv = RV_M;
    cpu->base.pc = handler(s->mtvec, cause);
}

static void trap(RvCpu *cpu, uint64_t cause, uint64_t tval)
{
    const RvSys *s = &cpu->sys;
    uint64_t deleg = cause & CAUSE_IRQ ? s->mideleg : s->medeleg;
    cpu->res_addr = RV_NO_RESERVATION;
    cpu->lr_exclusive = 0;
    if (s->priv <= RV_S && (deleg >> (cause & 63) & 1))
        trap_to_s(cpu, cause, tval);
    else
        trap_to_m(cpu, cause, tval);
}

bool rv_interrupt(Cpu *base)
{
    static const uint8_t order[] = {RV_IRQ_MEI, RV_IRQ_MSI, RV_IRQ_MTI, RV_IRQ_SEI, RV_IRQ_SSI, RV_IRQ_STI};
    RvCpu *cpu = (RvCpu *)base;
    uint64_t pending = due(cpu);
    for (unsigned k = 0; pending && k < ARRAY_SIZE(order); k++) {
        if (pending >> order[k] & 1) {
            trap(cpu, CAUSE_IRQ | order[k], 0);
            return true;
        }
    }
    return false;
}

/* The instruction at pc, 0 if it cannot be read any more. */
static uint32_t insn_at_pc(Cpu *cpu)
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
    uint32_t bits = insn_at_pc(&cpu->base);
    if ((cpu->base.ctx & RV_CTX_FS_CLEAN) && rv_is_fp(bits, RV_XLEN_64)) {
        cpu->sys.mstatus |= RV_FS; /* and it runs again */
        return;
    }
    trap(cpu, RV_X_ILLEGAL, bits);
}

static void misaligned(RvCpu *cpu)
{
    enum { FUNCT5_LR = 2 };
    bool lr = insn_at_pc(&cpu->base) >> 27 == FUNCT5_LR;
    trap(cpu, lr ? RV_X_LOAD_ALIGN : RV_X_STORE_ALIGN, cpu->base.exit.addr);
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
    const CpuExit *x = &base->exit;
    switch ((CpuExitKind)x->kind) {
    case CPU_EXIT_BREAK:
        if (is_semihosting(base)) {
            base->exit.kind = CPU_EXIT_SYSCALL;
            return false;
        }
        trap(cpu, RV_X_BREAK, base->pc);
        return true;
    case CPU_EXIT_ILLEGAL: illegal(cpu); return true;
    case CPU_EXIT_FETCH:
    case CPU_EXIT_FAULT: trap(cpu, (uint64_t)x->code, x->addr); return true;
    case CPU_EXIT_MISALIGNED: misaligned(cpu); return true;
    default: return false;
    }
}

/* ---- instructions ---- */

static uint64_t leave(RvCpu *cpu, CpuExitKind kind)
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

uint64_t rv_helper_xret(void *opaque, uint64_t from, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    RvSys *s = &cpu->sys;
    uint64_t m = s->mstatus;
    if (from == RV_S && s->priv == RV_S && (m & RV_TSR))
        return leave(cpu, CPU_EXIT_ILLEGAL);
    uint64_t to = from == RV_M ? (m & RV_MPP) >> 11 : m & RV_SPP ? RV_S : RV_U;
    if (from == RV_M)
        s->mstatus = (m & ~(RV_MIE | RV_MPP)) | (m & RV_MPIE ? RV_MIE : 0) | RV_MPIE;
    else
        s->mstatus = (m & ~(RV_SIE | RV_SPP)) | (m & RV_SPIE ? RV_SIE : 0) | RV_SPIE;
    if (to != RV_M)
        s->mstatus &= ~RV_MPRV;
    s->priv = to;
    cpu->base.pc = from == RV_M ? s->mepc : s->sepc;
    return rv_go(cpu);
}

uint64_t rv_helper_ecall(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    trap(cpu, RV_X_ECALL_U + cpu->sys.priv, 0);
    return rv_go(cpu);
}

uint64_t rv_helper_wfi(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    if (cpu->sys.priv == RV_S && (cpu->sys.mstatus & RV_TW))
        return leave(cpu, CPU_EXIT_ILLEGAL);
    cpu->base.pc += 4;
    if (rv_wakes(&cpu->base))
        return rv_go(cpu);
    return leave(cpu, CPU_EXIT_HALT);
}

uint64_t rv_helper_sfence_vma(void *opaque, uint64_t va, uint64_t asid, uint64_t which, uint64_t d)
{
    enum { BY_ADDRESS = 1, BY_ASID = 2, ASID_SHIFT = 44 };
    RvCpu *cpu = opaque;
    const CpuMem *mem = cpu->base.mem;
    const uint64_t asid_mask = 0xffffull << ASID_SHIFT;
    if (cpu->sys.priv == RV_S && (cpu->sys.mstatus & RV_TVM))
        return leave(cpu, CPU_EXIT_ILLEGAL);
    if (which & BY_ASID)
        mem->flush_space(&cpu->base, asid << ASID_SHIFT, asid_mask, which & BY_ADDRESS, va);
    else if (which & BY_ADDRESS)
        mem->flush_page(&cpu->base, va);
    else
        mem->flush(&cpu->base);
    cpu->base.pc += 4;
    return rv_go(cpu);
}
