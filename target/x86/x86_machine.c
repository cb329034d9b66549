/* TargetOps of a machine's cpu: those of user mode, with privileged levels. */
#include <elf.h>

#include "target/x86/x86_disas.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_gdb.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

static const IrHelper helpers[X86_SYS_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, x86_helper_##name},
#include "target/x86/x86_helpers.def"
#include "target/x86/x86_priv_helpers.def"
#undef HELPER
};

#include "target/x86/x86_slots.inc"

#define SYS_SLOT(id, name, field, type) [X86_SLOT_##id] = {name, offsetof(X86Machine, field), type, 0}
#define BASE_SLOT(n, name)              SYS_SLOT(BASE + n, name, sys.seg[n].base, IR_I64)
#define LIMIT_SLOT(n, name)             SYS_SLOT(LIMIT + n, name, sys.seg[n].limit, IR_I64)

static const IrSlot slots[X86_SYS_SLOTS] = {
    X86_SLOTS_64,
    SYS_SLOT(PC_DELTA, "pc_delta", x86.base.pc_delta, IR_I64),
    SYS_SLOT(FLAGS, "flags", x86.more_flags, IR_I32),
    SYS_SLOT(LINES, "lines", sys.lines, IR_I32),
    SYS_SLOT(SHADOW, "shadow", sys.shadow_pc, IR_I64),
    SYS_SLOT(KERNEL_GS, "kgsbase", sys.kernel_gs_base, IR_I64),
    BASE_SLOT(0, "esbase"),
    BASE_SLOT(1, "csbase"),
    BASE_SLOT(2, "ssbase"),
    BASE_SLOT(3, "dsbase"),
    LIMIT_SLOT(0, "eslimit"),
    LIMIT_SLOT(1, "cslimit"),
    LIMIT_SLOT(2, "sslimit"),
    LIMIT_SLOT(3, "dslimit"),
    LIMIT_SLOT(4, "fslimit"),
    LIMIT_SLOT(5, "gslimit"),
};

/* ---- reset ---- */

static void reset_segments(X86Machine *m)
{
    enum { DATA = 0x93, CODE = 0x9b };
    X86Sys *s = &m->sys;
    for (unsigned k = 0; k < 6; k++)
        x86_seg_set(m, k, 0, (X86Seg){.limit = 0xffff, .attr = DATA});
    x86_seg_set(m, X86_CS, 0xf000, (X86Seg){.base = 0xffff0000, .limit = 0xffff, .attr = CODE});
    s->ldt = (X86Seg){.limit = 0xffff, .attr = 0x82};
    s->tr = (X86Seg){.limit = 0xffff, .attr = 0x8b};
    s->gdt_limit = s->idt_limit = 0xffff;
    m->x86.base.pc = 0xfffffff0;
}

/* INIT keeps the floating-point unit, MTRRs and what counts time. */
void x86_reset_cpu(X86Machine *m, bool init)
{
    X86Sys *s = &m->sys, old = *s;
    x86_fpu_settle(&m->x86);
    X86Cpu kept = m->x86;
    uint32_t cpuid[4], lines = __atomic_load_n(&s->lines, __ATOMIC_ACQUIRE) & ~(1u << X86_IN_VIRQ_BIT);
    x86_user_reset(&m->x86.base);
    m->x86.base.exit = (CpuExit){.kind = CPU_EXIT_KICK}; /* it does not sleep any more */
    m->x86.model = kept.model;
    memcpy(m->x86.differs, kept.differs, sizeof m->x86.differs);
    m->x86.odd_segs = 0; /* of programs alone */
    *s = (X86Sys){.board = old.board,
                  .lines = lines,
                  .sipi = old.sipi,
                  .model_chosen = old.model_chosen,
                  .tsc_khz = old.tsc_khz,
                  .shadow_pc = ~0ull,
                  .trap_shadow = ~0ull};
    memcpy(s->hidden, old.hidden, sizeof(s->hidden));
    if (init) {
        memcpy(m->x86.zmm, kept.zmm, sizeof kept.zmm);
        m->x86.fpu = kept.fpu;
        m->x86.zmm_used = kept.zmm_used;
        memcpy(s->mtrr, old.mtrr, sizeof s->mtrr);
        memcpy(s->mtrr_fixed, old.mtrr_fixed, sizeof s->mtrr_fixed);
        s->mtrr_def = old.mtrr_def;
        s->tsc_adjust = old.tsc_adjust;
        memcpy(s->mc, old.mc, sizeof s->mc);
        s->svm.vm_cr = old.svm.vm_cr;
        s->svm.hsave = old.svm.hsave;
    }
    s->cr0 = X86_CR0_ET | X86_CR0_CD | X86_CR0_NW;
    s->xcr0 = X86_XC_X87;
    s->dr[6] = 0xffff0ff0;
    s->dr[7] = 0x400;
    s->pat = 0x0007040600070406;
    s->misc_enable = 1;
    s->mcg_ctl = ~0ull;
    s->smbase = init ? old.smbase : 0x30000;
    reset_segments(m);
    x86_set_all_flags(m, 2);
    x86_cpuid(&m->x86, 1, 0, cpuid);
    m->x86.gpr[X86_RDX] = cpuid[0];
    s->waiting = s->board.number != 0;
    if (m->x86.base.mem) {
        m->x86.base.mem->flush(&m->x86.base);
        x86_select(m);
    }
}

static void machine_reset(Cpu *cpu)
{
    X86Machine *m = x86_machine(cpu);
    if (!m->sys.model_chosen)
        m->x86.model = X86_MODEL_MAX;
    __atomic_fetch_and(&m->sys.lines, 1u << X86_IN_INTR | 1u << X86_IN_A20M, __ATOMIC_ACQ_REL);
    x86_reset_cpu(m, false);
}

/* ---- what code depends on ---- */

/* Of es, cs, ss, ds. */
static bool is_flat(const X86Machine *m)
{
    enum { KIND = X86_A_CODE | X86_A_DOWN | X86_A_WRITABLE };
    for (unsigned k = 0; k < 4; k++) {
        const X86Seg *s = &m->sys.seg[k];
        if (s->base || s->limit != 0xffffffff)
            return false;
        if (k != X86_CS && (s->attr & KIND) != X86_A_WRITABLE)
            return false;
    }
    return true;
}

static bool is_odd(const X86Machine *m)
{
    if (!x86_protected(m))
        return false;
    for (unsigned k = 0; k < 6; k++) {
        uint32_t attr = m->sys.seg[k].attr;
        if (k != X86_CS && !(attr & X86_A_NONE) &&
            (attr & (X86_A_CODE | X86_A_DOWN | X86_A_WRITABLE)) != X86_A_WRITABLE)
            return true;
    }
    return false;
}

static bool fp_is_open(const X86Machine *m)
{
    const X86Sys *s = &m->sys;
    uint64_t all = x86_xcr0(&m->x86);
    if (s->cr0 & (X86_CR0_EM | X86_CR0_TS) || !(s->cr4 & X86_CR4_OSFXSR))
        return false;
    return !(all & X86_XC_AVX) || (s->cr4 & X86_CR4_OSXSAVE && (s->xcr0 & all) == all);
}

static uint32_t segment_bits(const X86Machine *m)
{
    const X86Seg *cs = &m->sys.seg[X86_CS];
    bool big = cs->attr & X86_A_BIG;
    if (x86_code64(m))
        return X86_CTX_FLAT;
    bool plain = cs->limit == 0xffffffff || (cs->limit == 0xffff && !big);
    return X86_CTX_32 | (big ? 0 : X86_CTX_16) | (m->sys.seg[X86_SS].attr & X86_A_BIG ? 0 : X86_CTX_STACK16) |
           (is_flat(m) ? X86_CTX_FLAT : 0) | (is_odd(m) ? X86_CTX_ODD : 0) | (plain ? 0 : X86_CTX_CS_CHECK);
}

static uint32_t machine_ctx(const Cpu *cpu)
{
    const X86Machine *m = (const X86Machine *)cpu;
    const X86Sys *s = &m->sys;
    uint32_t flags = m->x86.more_flags;
    bool trap = x86_may_trap(m);
    return (x86_user_ctx(cpu) & ~(uint32_t)X86_CTX_32) | X86_CTX_SYS | segment_bits(m) |
           x86_data_idx(m) << X86_CTX_IDX_SHIFT | (x86_protected(m) ? X86_CTX_PROTECTED : 0) |
           (s->svm.guest ? X86_CTX_GUEST : 0) |
           (s->cpl == 0 ? X86_CTX_CPL0 : 0) | (fp_is_open(m) ? 0 : X86_CTX_FP_CHECK) |
           (s->cpl == 3 && flags & X86_AC && s->cr0 & X86_CR0_AM ? X86_CTX_ALIGN : 0) |
           (trap ? X86_CTX_TRAP : 0) | (s->cpl > x86_iopl(m) || flags & X86_VM ? X86_CTX_IOPL : 0);
}

static unsigned fetch_idx(uint32_t ctx)
{
    const unsigned idx = x86_ctx_idx(ctx);
    return idx == X86_IDX_USER || idx == X86_IDX_GUEST + X86_IDX_USER ? idx
           : idx < X86_IDX_GUEST                                     ? X86_IDX_KERNEL
                                                                     : X86_IDX_GUEST + X86_IDX_KERNEL;
}

uint64_t x86_go(X86Machine *m)
{
    Cpu *cpu = &m->x86.base;
    x86_notice_irq(m);
    cpu->exit = (CpuExit){.kind = CPU_EXIT_CTX};
    if (cpu->ctx & CTX_STEP)
        return X86_RAISED;
    cpu->mem->context(cpu);
    return IR_STATUS_GO;
}

bool x86_sys_has(const X86Machine *m, X86Feat f)
{
    return x86_cpu_has(&m->x86, f);
}

enum { NS_KHZ = X86_TSC_HZ / 1000 };
_Static_assert(X86_TSC_HZ == 1000000000, "CpuBoard.time() is in ns");

uint64_t x86_tsc_khz(const X86Machine *m)
{
    return m->sys.tsc_khz ? m->sys.tsc_khz : (uint64_t)NS_KHZ;
}

uint64_t x86_tsc_ticks(const X86Machine *m, uint64_t ns)
{
    return m->sys.tsc_khz ? (uint64_t)((unsigned __int128)ns * m->sys.tsc_khz / NS_KHZ) : ns;
}

uint64_t x86_tsc_ns(const X86Machine *m, uint64_t ticks)
{
    const uint64_t khz = m->sys.tsc_khz;
    return khz ? (uint64_t)(((unsigned __int128)ticks * NS_KHZ + (khz - 1)) / khz) : ticks;
}

uint64_t x86_tsc(const X86Machine *m)
{
    const CpuBoard *b = &m->sys.board;
    return x86_tsc_ticks(m, b->time ? b->time(b->opaque) : 0) + m->sys.tsc_adjust;
}

void x86_set_all_flags(X86Machine *m, uint64_t v)
{
    enum {
        MORE = X86_TF | X86_IF | X86_IOPL | X86_NT | X86_RF | X86_VM | X86_AC | X86_VIF | X86_VIP | X86_ID
    };
    x86_set_rflags(&m->x86, v);
    m->x86.more_flags = v & MORE;
    /* Only a look for breakpoints sees RF, and clears it (x86_helper_trap()). */
    if (!x86_may_trap(m))
        m->x86.more_flags &= ~(uint32_t)X86_RF;
}

/* ---- for the board ---- */

static CpuBoard *board(Cpu *cpu)
{
    return &x86_machine(cpu)->sys.board;
}

/* Models by name, each once. */
static const char *model_at(const TargetOps *ops, unsigned n)
{
    for (unsigned k = 0; k < X86_MODELS; k++) {
        const char *name = x86_model_name((X86Model)k);
        if (x86_model_find(name) == k && n-- == 0)
            return name;
    }
    return NULL;
}

static const char *model_of(const char *name)
{
    X86Model m = x86_model_find(name);
    return m == X86_MODELS ? NULL : x86_model_name(m);
}

static bool configure(Cpu *cpu, const char *name, const char *value)
{
    X86Machine *m = x86_machine(cpu);
    if (strcmp(name, "model") != 0)
        return x86_switch_feature(&m->x86, name, strcmp(value, "on") == 0);
    X86Model model = x86_model_find(value);
    if (model == X86_MODELS)
        return false;
    m->x86.model = model;
    m->sys.model_chosen = 1;
    return true;
}

static const TargetSys sys = {
    .n_idx = X86_IDX_COUNT,
    .paged = X86_IDX_PAGED,
    .mostly_global = 1 << X86_IDX_KERNEL,
    .open_bus = true,
    .board = board,
    .walk = x86_walk,
    .bus_error = x86_no_memory,
    .fetch_idx = fetch_idx,
    .exception = x86_exception,
    .interrupt = x86_interrupt,
    .in_shadow = x86_in_shadow,
    .watches = x86_watches,
    .watch = x86_watch,
    .wakes = x86_wakes,
    .ready = x86_ready,
    .set_irq = x86_set_irq,
    .configure = configure,
    .property = x86_property,
    .has_property = x86_has_property,
    .model = model_at,
    .model_of = model_of,
    .state = &x86_state,
};

#define COMMON                                                                                               \
    .insn_align = 1, .insn_longest = 15, .code_checks = true, .cpu_size = sizeof(X86Machine),                \
    .slots = slots, .helpers = helpers, .regs = x86_regs, .n_slots = X86_SYS_SLOTS,                          \
    .n_helpers = X86_SYS_HELPERS, .n_regs = X86_REGS, .nan = IR_NAN_X86, .reset = machine_reset,             \
    .ctx = machine_ctx, .fp_modes = x86_fp_modes, .translate = x86_translate, .data_addr = x86_no_address,   \
    .unit_load = x86_unit_load, .unit_store = x86_unit_store, .sys = &sys

const TargetOps target_x86_64_sys = {
    COMMON,
    .name = "x86_64",
    .elf_machine = EM_X86_64,
    .elf_class = ELFCLASS64,
    .disas = x86_disas,
    .gdb = &x86_gdb64,
};

const TargetOps target_i386_sys = {
    COMMON,
    .name = "i386",
    .elf_machine = EM_386,
    .elf_class = ELFCLASS32,
    .disas = x86_disas32,
    .gdb = &x86_gdb32,
};
