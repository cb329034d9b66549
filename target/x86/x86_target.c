/* TargetOps of x86-64 and i386: state tables, context word, and the translation of one instruction. */
#include <elf.h>
#include <stddef.h>

#include "target/x86/x86_disas.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_trans.h"

#include "target/x86/x86_slots.inc"

static const IrSlot slots[X86_SLOTS] = {X86_SLOTS_64};
#undef GSLOT

/* 32-bit mode: the same without r8 to r15 and xmm8 to xmm15, which keep their numbers and are not named. */
#define GSLOT(n, name, rank) [X86_SLOT_GPR + n] = {name, offsetof(X86Cpu, gpr) + 8 * (n), IR_I32, rank}
static const IrSlot slots32[X86_SLOTS] = {
    SHARED_SLOTS,
    GSLOT(0, "eax", 1),
    GSLOT(1, "ecx", 4),
    GSLOT(2, "edx", 3),
    GSLOT(3, "ebx", 5),
    GSLOT(4, "esp", 2),
    GSLOT(5, "ebp", 6),
    GSLOT(6, "esi", 7),
    GSLOT(7, "edi", 8),
    GSLOT(8, "-", 0),
    GSLOT(9, "-", 0),
    GSLOT(10, "-", 0),
    GSLOT(11, "-", 0),
    GSLOT(12, "-", 0),
    GSLOT(13, "-", 0),
    GSLOT(14, "-", 0),
    GSLOT(15, "-", 0),
    SLOT(FL, "fl", fl, IR_FL),
    SLOT(DF, "df", df, IR_I32),
    SLOT(FS, "fsbase", fs_base, IR_I32),
    SLOT(GS, "gsbase", gs_base, IR_I32),
};
_Static_assert(offsetof(X86Cpu, gpr) == sizeof(Cpu), "gpr[] follows the head");

static const IrHelper helpers[X86_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, x86_helper_##name},
#include "target/x86/x86_helpers.def"
#undef HELPER
};

const TargetReg x86_regs[X86_REGS] = {
#define REG(name, field, group) {name, offsetof(X86Cpu, field), sizeof(((X86Cpu *)0)->field), group},
#include "target/x86/x86_regs.def"
#undef REG
};

#define REG32(name, n)                                                                                       \
    {                                                                                                        \
        name, offsetof(X86Cpu, gpr) + 8 * (n), 4, 0                                                          \
    }
static const TargetReg regs32[] = {
    REG32("eax", 0),
    REG32("ecx", 1),
    REG32("edx", 2),
    REG32("ebx", 3),
    REG32("esp", 4),
    REG32("ebp", 5),
    REG32("esi", 6),
    REG32("edi", 7),
    {"eip", offsetof(X86Cpu, base.pc), 8, 2},
    {"fl", offsetof(X86Cpu, fl), 4, 2},
    {"fsbase", offsetof(X86Cpu, fs_base), 4, 2},
    {"gsbase", offsetof(X86Cpu, gs_base), 4, 2},
};

void x86_user_reset(Cpu *base)
{
    X86Cpu *cpu = (X86Cpu *)base;

    memset((char *)cpu + sizeof(Cpu), 0, sizeof(*cpu) - sizeof(Cpu));
    x86_set_rflags(cpu, 0);
    x86_set_mxcsr(cpu, 0x1f80);
    cpu->fpu.cw = 0x37f;
    cpu->fpu.empty = 0xff;
    cpu->code32 = base->ops == &target_i386;
    cpu->seg[1] = cpu->code32 ? X86_CS32 : X86_CS64;
    cpu->seg[2] = X86_DS;
    cpu->cs_limit = 0xffffffff;
    cpu->odd_segs = 3 << 4; /* fs, gs: null */
    if (cpu->code32)
        cpu->seg[0] = cpu->seg[3] = X86_DS;
    else
        cpu->odd_segs |= 1 << 0 | 1 << 3;
    cpu->model = X86_MODEL_MAX;
}

uint32_t x86_user_ctx(const Cpu *base)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    const bool program32 = base->ops == &target_i386;
    const uint32_t mode32 = X86_CTX_32 | (program32 ? 0 : X86_CTX_COMPAT);
    const uint32_t mode64 = program32 ? X86_CTX_CODE64 : 0;
    return (cpu->code32 ? mode32 : mode64) | (cpu->zmm_used ? X86_CTX_ZMM : 0) |
           (cpu->store_in_c ? X86_CTX_STORE : 0) |
           (cpu->mxcsr_masks != X86_MXCSR_MASKS && !cpu->store_in_c ? CTX_X86_TRAPS : 0) |
           (cpu->more_flags & X86_AC && !cpu->base.mem ? X86_CTX_ALIGN : 0) | x86_segs_ctx(cpu);
}

uint32_t x86_fp_modes(const Cpu *base)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    return cpu->fp_modes | (cpu->store_in_c ? X86_MXCSR_MASKS : cpu->mxcsr_masks); /* x86_quiet_begin() */
}

/* Is the instruction one of the model's? Two features are not of rows, but of the operand size and of the
 * mode; syscall in 32-bit mode is AMD's. */
static bool model_has(const Trans *t, const X86Insn *x)
{
    const X86Row *r = x->row;
    if (r->handler == X86_H_cmpxchg8b && x->rex & 8)
        return x86_has(t, X86_FEAT_CX16);
    if (r->handler == X86_H_syscall && x->code32 && !x86_sys(t))
        return x86_is_amd(t);
    if (r->handler == X86_H_lahf || r->handler == X86_H_sahf)
        return x->code32 || x86_has(t, X86_FEAT_LAHF);
    return x86_has(t, (X86Feat)r->feat[x->wide]);
}

void x86_translate(Trans *t)
{
    X86Insn x;
    X86Mode mode = !x86_is32(t) ? X86_MODE_64 : t->ctx & X86_CTX_16 ? X86_MODE_16 : X86_MODE_32;
    X86Decoded how = x86_decode(t->bytes, t->n_bytes, mode | (x86_sys(t) ? X86_MODE_SYS : 0u), &x);

    t->truncated = how == X86_SHORT;
    if (t->truncated)
        return;
    t->next = t->pc + x.len;
    if (x.code32 && !x86_sys(t)) {
        t->next &= 0xffffffff;
        t->b->r->stays |= (t->ctx & X86_CTX_COMPAT) != 0; /* its addresses are not as long as the program's */
    }
    t->flow = (TransFlow){.kind = FLOW_NEXT};
    if (how == X86_BAD) {
        x86_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    if (!model_has(t, &x) || (UNLIKELY(x.evex) && !x86_evex_allowed(t, &x))) {
        x86_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    if (x86_sys(t) && x86_sys_begins(t, &x))
        return;
    if (x86_own_code(t))
        x86_check_fetch(t, &x);
    if (UNLIKELY(x.evex) && x86_zmm_begins(t, &x))
        return;
    if (t->ctx & X86_CTX_ALIGN)
        x86_check_alignment(t, &x);
    const bool quiet = t->ctx & (CTX_X86_TRAPS | X86_CTX_STORE);
    if (UNLIKELY(quiet) && x86_quiet_begins(t, &x))
        return;
    switch ((X86Handler)x.row->handler) {
#define H(name)                                                                                              \
    case X86_H_##name:                                                                                       \
        x86_trans_##name(t, &x);                                                                             \
        break;
#include "target/x86/x86_handlers.def"
#undef H
    }
    if (UNLIKELY(quiet))
        x86_quiet_end(t, &x);
}

/* An alignment check names none. */
Gva x86_no_address(const Cpu *cpu)
{
    return 0;
}

#define OPS                                                                                                  \
    .insn_align = 1, .code_checks = true, .cpu_size = sizeof(X86Cpu), .helpers = helpers,                    \
    .n_slots = X86_SLOTS, .n_helpers = X86_HELPERS, .nan = IR_NAN_X86, .reset = x86_user_reset,              \
    .ctx = x86_user_ctx, .fp_modes = x86_fp_modes, .translate = x86_translate, .unit_load = x86_unit_load,   \
    .unit_store = x86_unit_store, .data_addr = x86_no_address

const TargetOps target_x86_64 = {
    OPS,
    .name = "x86_64",
    .elf_machine = EM_X86_64,
    .elf_class = ELFCLASS64,
    .slots = slots,
    .regs = x86_regs,
    .n_regs = X86_REGS,
    .disas = x86_disas,
};

const TargetOps target_i386 = {
    OPS,
    .name = "i386",
    .elf_machine = EM_386,
    .elf_class = ELFCLASS32,
    .slots = slots32,
    .regs = regs32,
    .n_regs = ARRAY_SIZE(regs32),
    .disas = x86_disas32,
    .other = &target_x86_64,
    .other_ctx = X86_CTX_CODE64,
};
