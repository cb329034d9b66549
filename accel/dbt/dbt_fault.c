/* A host fault in generated code: the record of the host address gives the guest instruction; the state at
 * its start is in the pinned registers (of the signal frame) and in the cpu object. The context is changed to
 * leave through the stub that does not store the pins again; MXCSR comes back with sigreturn, as the guest
 * had it. */
#include "accel/dbt/dbt.h"
#include "tcg/ir/eval.h"

#include <signal.h>
#include <ucontext.h>

/* gregs order of the hardware's register numbers */
static const uint8_t greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static const X64Record *find_record(const DbtRegion *r, uint64_t rx)
{
    const DbtRecovery *f = r->recovery;
    unsigned lo = 0, hi = f ? f->n_records : 0;
    uint32_t at = (uint32_t)(rx - r->rx);
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (f->record[mid].at < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return f && lo < f->n_records && f->record[lo].at == at ? &f->record[lo] : NULL;
}

/* Bits 128 to 255 of ymm register x. Of a component that is in its initial state nothing is stored. Layout:
 * Intel SDM volume 1, 13.4; asm/sigcontext.h. */
static void ymm_high(const ucontext_t *uc, unsigned x, uint64_t ret[2])
{
    enum { SOFTWARE = 464, XSTATE_BV = 512, YMM_HIGH = 576, MAGIC = 0x46505853, AVX = 4 };
    const char *area = (const char *)uc->uc_mcontext.fpregs;
    uint32_t magic;
    uint64_t there;
    memcpy(&magic, area + SOFTWARE, 4);
    memcpy(&there, area + XSTATE_BV, 8);
    ret[0] = ret[1] = 0;
    if (magic == MAGIC && (there & AVX))
        memcpy(ret, area + YMM_HIGH + 16 * x, 16);
}

/* skip: registers that the region uses for other slots */
static void store_pins(const X64Pin *pin, unsigned n, uint32_t skip, Cpu *cpu, const ucontext_t *uc,
                       unsigned dirty)
{
    for (unsigned k = 0; k < n; k++) {
        const X64Pin *p = &pin[k];
        uint64_t *slot = (uint64_t *)(void *)((char *)cpu + p->offset);
        if (p->reg >= 32) {
            ymm_high(uc, p->reg - 32u, slot);
            continue;
        }
        if (skip >> p->reg & 1)
            continue;
        if (p->reg < 16) {
            memcpy(slot, &uc->uc_mcontext.gregs[greg_of[p->reg]], p->bytes);
            continue;
        }
        memcpy(slot, &uc->uc_mcontext.fpregs->_xmm[p->reg - 16], p->bytes);
        if ((dirty >> (p->reg - 16) & 1) && (*slot & ~(1ull << 63)) > 0x7ff0000000000000)
            *slot = 0x7ff8000000000000;
    }
}

static uint64_t loc_value(const X64Loc *l, const Cpu *cpu, const ucontext_t *uc)
{
    uint64_t v = (uint64_t)l->value;
    switch ((X64LocKind)l->kind) {
    case X64_LOC_REG:
        if (l->reg >= 16) {
            memcpy(&v, &uc->uc_mcontext.fpregs->_xmm[l->reg - 16], 8);
            return v;
        }
        return (uint64_t)uc->uc_mcontext.gregs[greg_of[l->reg]];
    case X64_LOC_ENV: memcpy(&v, (const char *)cpu + l->value, 8); return v;
    case X64_LOC_NONE:
    case X64_LOC_CONST: return v;
    }
    return v;
}

/* What lahf; seto would leave. */
static uint16_t host_flags(const ucontext_t *uc, bool inv)
{
    uint64_t efl = (uint64_t)uc->uc_mcontext.gregs[REG_EFL];
    return (uint16_t)((efl << 8 | (efl >> 11 & 1)) ^ (inv ? IR_FL_C : 0));
}

static void store_flags(const X64FlRecipe *all, unsigned recipe, const IrSlot *slot, Cpu *cpu,
                        const ucontext_t *uc);

static void store_change(const X64FlRecipe *all, const X64FlRecipe *f, const IrSlot *slot, Cpu *cpu,
                      const ucontext_t *uc)
{
    uint64_t a = loc_value(&f->a, cpu, uc), b = loc_value(&f->b, cpu, uc), old = loc_value(&f->sel, cpu, uc),
             word;
    if (f->base) {
        store_flags(all, f->base, slot, cpu, uc);
        memcpy(&old, (char *)cpu + slot->offset, 2);
    }
    a = ir_canon((IrType)f->type, a);
    if (f->op == IR_FLX)
        word = ir_eval_flx((IrX86Fl)f->sel_cond, (IrType)f->type, a, ir_canon((IrType)f->type, b), old);
    else
        word = ir_eval_flnzc((IrType)f->type, a, b, f->sel_cond, old);
    memcpy((char *)cpu + slot->offset, &word, 2);
}

/* The word that was not chosen. */
static void store_other(const X64FlRecipe *all, const X64FlRecipe *f, const IrSlot *slot, Cpu *cpu,
                        const ucontext_t *uc)
{
    uint64_t word;
    if (f->base) {
        store_flags(all, f->base, slot, cpu, uc);
        return;
    }
    word = loc_value(&f->old, cpu, uc);
    memcpy((char *)cpu + slot->offset, &word, 2);
}

/* The flags slot, which was not up to date in the cpu object. */
static void store_flags(const X64FlRecipe *all, unsigned recipe, const IrSlot *slot, Cpu *cpu,
                        const ucontext_t *uc)
{
    const X64FlRecipe *f = &all[recipe - 1];
    if (f->op == IR_FLNZC || f->op == IR_FLX) {
        store_change(all, f, slot, cpu, uc);
        return;
    }
    if (f->op >= X64_FL_HOST_INV) {
        uint16_t host = host_flags(uc, f->op == X64_FL_HOST_INV);
        memcpy((char *)cpu + slot->offset, &host, 2);
        return;
    }
    IrType t = (IrType)f->type;
    uint64_t sel = f->sel.kind == X64_LOC_NONE ? f->when : loc_value(&f->sel, cpu, uc) & (f->keep ? 3 : 1);
    if (f->sel_type != IR_VOID) {
        IrType st = (IrType)f->sel_type;
        sel = ir_eval_cmp((IrCond)f->sel_cond, st, ir_canon(st, loc_value(&f->sel, cpu, uc)),
                          ir_canon(st, loc_value(&f->sel_b, cpu, uc)));
    }
    if (sel == 0 && f->keep)
        return;
    if (f->alt && sel != f->when) {
        store_other(all, f, slot, cpu, uc);
        return;
    }
    uint64_t a = ir_canon(t, loc_value(&f->a, cpu, uc)), b = ir_canon(t, loc_value(&f->b, cpu, uc)), word;
    if (f->op == IR_FLFCMP) { /* no flags are raised: they were */
        uint32_t flags = 0;
        ir_eval_fp(&(IrInsn){.op = IR_FLFCMP, .type = f->type}, (IrFpEnv){.nan = IR_NAN_ARM},
                   (uint64_t[]){a, b, 0}, &word, &flags);
    } else {
        word = ir_eval_fl((IrOp)f->op, t, a, b, false);
    }
    if (sel != f->when)
        word = f->other;
    memcpy((char *)cpu + slot->offset, &word, 2);
}

bool dbt_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc)
{
    const Dbt *d = cpu->accel->engine_data;
    const DbtCpu *dc = dbt_cpu(cpu);
    const DbtRegion *r = code_cache_find(&d->cache, host_pc);
    uint64_t at = cpu->ret_top - (uintptr_t)dc->ret;
    if (!r && at <= sizeof(dc->ret) - 8) /* a call to C leaves its return address there */
        r = code_cache_find(&d->cache, ld_u64(dc->ret + at));
    if (r)
        *ret_pc = r->pc + cpu->pc_delta;
    return r != NULL;
}

/* Regions are there until they are evicted, with every cpu outside and so with no unit in registers. */
bool dbt_unit_insn(const Cpu *cpu, uint32_t host_pc, Gva *ret_pc)
{
    const Dbt *d = cpu->accel->engine_data;
    uint64_t rx = (uint64_t)(uintptr_t)d->cache.rx;
    rx += host_pc - (uint32_t)rx;
    const DbtRegion *r = code_cache_find(&d->cache, rx);
    const X64Record *rec = r ? find_record(r, rx) : NULL;
    if (rec)
        *ret_pc = r->recovery->guest_pc[rec->ordinal] + cpu->pc_delta;
    return rec != NULL;
}

enum { TRAP_X87 = 16 }; /* #MF */

static uint64_t record_address(const X64Record *r, const ucontext_t *uc)
{
    uint64_t a = (uint64_t)(int64_t)r->disp;
    if (r->base >= 0)
        a += (uint64_t)uc->uc_mcontext.gregs[greg_of[r->base]];
    if (r->index >= 0)
        a += (uint64_t)uc->uc_mcontext.gregs[greg_of[r->index]] << r->scale;
    return a;
}

/* Does the guest say it as the host does? */
static bool is_x86(const Cpu *cpu) { return cpu->ops->nan == IR_NAN_X86; }

static void set_fault(Cpu *cpu, const X64Record *rec, int sig, const siginfo_t *si, const ucontext_t *uc)
{
    cpu->exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = (uint8_t)sig, .write = rec->write,
                          .code = si->si_code};
    cpu->exit.addr = (uint64_t)(uintptr_t)si->si_addr;
    if (si->si_code != SI_KERNEL)
        return;
    /* an address that is not canonical, or not aligned where it has to be: the host does not say which */
    if (is_x86(cpu)) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
        return;
    }
    cpu->exit.code = SEGV_MAPERR;
    cpu->exit.addr = record_address(rec, uc);
}

bool dbt_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext)
{
    Dbt *d = cpu->accel->engine_data;
    const siginfo_t *si = siginfo;
    ucontext_t *uc = ucontext;
    uint64_t rx = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (uc->uc_mcontext.gregs[REG_RSP] == (greg_t)(uintptr_t)dbt_ret_stack(dbt_cpu(cpu)) &&
        (uintptr_t)si->si_addr - (uintptr_t)dbt_ret_guard(dbt_cpu(cpu)) < DBT_PAGE) { /* a call too deep */
        uc->uc_mcontext.gregs[REG_RSP] = (greg_t)x64_ret_overflow(dbt_ret_stack(dbt_cpu(cpu)));
        return true;
    }
    const DbtRegion *r = code_cache_find(&d->cache, rx);
    const X64Record *rec = r ? find_record(r, rx) : NULL;
    if (!rec)
        return false;
    const DbtRecovery *f = r->recovery;
    const X64Host *host = dbt_host(d, r->ctx);
    if (rec->fl) /* before the pins: an operand may be in the cpu object */
        store_flags(f->fl, rec->fl, &host->slots[host->fl_slot], cpu, uc);
    uint32_t swapped = 0;
    for (unsigned k = 0; k < f->n_loop_pins; k++)
        swapped |= (uint32_t)(1ull << f->loop_pin[k].reg);
    store_pins(host->pin, host->n_pins, swapped, cpu, uc, rec->dirty);
    store_pins(f->loop_pin, f->n_loop_pins, 0, cpu, uc, rec->dirty);
    cpu->pc = f->guest_pc[rec->ordinal] + cpu->pc_delta;
    if (sig == SIGFPE && is_x86(cpu) && uc->uc_mcontext.gregs[REG_TRAPNO] == TRAP_X87) {
        uint16_t cw = uc->uc_mcontext.fpregs->cwd, sw = uc->uc_mcontext.fpregs->swd;
        cpu->exit = (CpuExit){.kind = CPU_EXIT_FLOAT, .code = sw & ~cw & 0x3f};
    } else if (sig == SIGFPE && is_x86(cpu)) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = SIGFPE, .code = si->si_code};
        cpu->exit.addr = cpu->pc;
    } else if (sig == SIGFPE) {
        /* the flags of exceptions that are not masked are the interpreter's to raise */
        uint32_t *csr = &uc->uc_mcontext.fpregs->mxcsr;
        *csr &= *csr >> 7 | ~(uint32_t)0x3f;
        dbt_cpu(cpu)->fp_trap = true;
    } else {
        set_fault(cpu, rec, sig, si, uc);
    }
    uc->uc_mcontext.gregs[REG_RAX] = X64_ID_FAULT;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)(host->exit_stored + host->rx_delta);
    return true;
}
