/* Alignment checks of programs that have set EFLAGS.AC: before an instruction, in regions of their own
 * (X86_CTX_ALIGN). What is looked at: AMD64 APM volume 2, 8.2.18; of operands of 16 bytes and more, of those
 * of AVX and AVX-512 as Zen 4 does, of Intel's models as Sapphire Rapids. */
#include "target/x86/x86_trans.h"

/* Largest power of two in n that counts. */
static unsigned of_bytes(unsigned n)
{
    return n >= 16 ? 16 : n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

/* Of 16 bytes: raises #GP instead, by itself. */
static bool must_be_aligned(const X86Insn *x)
{
    switch ((X86Handler)x->row->handler) {
    case X86_H_xvload:
    case X86_H_xvstore:
    case X86_H_evload:
    case X86_H_evstore: return x->row->arg;
    case X86_H_xvpcmpstr:
    case X86_H_xvsha:
    case X86_H_mmx: return false;
    default: return !x->vex;
    }
}

/* vcvtph2ps vcvtps2ph */
static bool is_half(const X86Insn *x)
{
    switch ((X86Handler)x->row->handler) {
    case X86_H_vwiden:
    case X86_H_evwiden: return x->opc == 0x13;
    case X86_H_vcvtph:
    case X86_H_evcvtph: return true;
    default: return false;
    }
}

/* Of the operand in memory; 1: it is not looked at. */
static unsigned of_operand(const X86Insn *x, bool intel)
{
    unsigned n = x->evb ? 1u << x->row->source : x86_memory_bytes(x);
    switch ((X86Handler)x->row->handler) {
    case X86_H_lea:
    case X86_H_nop:
    case X86_H_nop_ea:
    case X86_H_fence:
    case X86_H_privileged:
    case X86_H_vmaskmov: return 1;
    case X86_H_xsave: return intel ? 4 : 1; /* #GP looks at more bits, afterwards */
    case X86_H_fxsave: return 4;
    case X86_H_bound:
    case X86_H_lseg:
    case X86_H_call_far:
    case X86_H_jmp_far: return of_bytes(x->opsize);
    case X86_H_x87: return n > 10 ? (x->opsize == 2 ? 2 : 4) : of_bytes(n);
    default: break;
    }
    if (x->row->attr & X86_VSIB)
        return 1;
    if (intel && (n >= 16 || is_half(x)))
        return 1;
    if (x->evex && x->mask)
        return of_bytes(1u << x->row->lane);
    return n >= 16 && must_be_aligned(x) ? 1 : of_bytes(n);
}

static void check(Trans *t, IrVal at, unsigned align)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    if (align < 2)
        return;
    IrVal low = ir_and(b, w, at, x86_cw(t, (int64_t)align - 1));
    ir_exit_if(b, ir_cmp(b, IR_NE, low, x86_cw(t, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_MISALIGNED), false);
}

static bool is_string(const X86Insn *x, bool *ret_from, bool *ret_to)
{
    X86Handler h = (X86Handler)x->row->handler;
    *ret_from = h == X86_H_movs || h == X86_H_lods || h == X86_H_cmps;
    *ret_to = h == X86_H_movs || h == X86_H_stos || h == X86_H_cmps || h == X86_H_scas;
    return *ret_from || *ret_to;
}

/* Repeated zero times they touch nothing. */
static void check_string(Trans *t, const X86Insn *x, bool from, bool to)
{
    IrBuilder *b = t->b;
    IrVal none = x86_cw(t, 0), zero = none;
    if (x->rep)
        zero = ir_zext(b, x86_word(t), ir_cmp(b, IR_EQ, x86_index(t, x, X86_RCX), none));
    IrVal mask = ir_sub(b, x86_word(t), zero, x86_cw(t, 1)); /* 0 or all ones */
    unsigned align = of_bytes(x86_size(x, 0));
    if (from)
        check(t, ir_and(b, x86_word(t), mask, x86_index(t, x, X86_RSI)), align);
    if (to)
        check(t, ir_and(b, x86_word(t), mask, x86_index(t, x, X86_RDI)), align);
}

static void check_stack(Trans *t, const X86Insn *x)
{
    switch ((X86Handler)x->row->handler) {
    case X86_H_push:
    case X86_H_push_seg:
    case X86_H_pop:
    case X86_H_pop_seg:
    case X86_H_call:
    case X86_H_call_far:
    case X86_H_ret:
    case X86_H_ret_far:
    case X86_H_iret:
    case X86_H_pushf:
    case X86_H_popf:
    case X86_H_pusha:
    case X86_H_popa:
    case X86_H_enter: check(t, x86_gpr(t, X86_RSP), of_bytes(x->opsize)); break;
    case X86_H_leave: check(t, x86_gpr(t, X86_RBP), of_bytes(x->opsize)); break;
    default: break;
    }
}

void x86_check_alignment(Trans *t, const X86Insn *x)
{
    bool from, to;
    if (is_string(x, &from, &to)) {
        check_string(t, x, from, to);
        return;
    }
    const bool intel = !x86_is_amd(t);
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_mem(x, k) || (k == 0 && x->row->handler == X86_H_kmov && x->mod != 3))
            check(t, x86_offset(t, x), of_operand(x, intel));
    if (x86_opd_where[x->row->opd[0]] == X86_WH_O || x86_opd_where[x->row->opd[1]] == X86_WH_O)
        check(t, x86_cw(t, (int64_t)x->imm), of_operand(x, intel));
    if (x->row->handler == X86_H_xvmaskmov || (x->row->handler == X86_H_mmxlane && x->row->arg == 3))
        check(t, x86_index(t, x, X86_RDI), 8); /* maskmovdqu, maskmovq */
    check_stack(t, x);
}
