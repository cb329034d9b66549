/* Instructions of the system, and what else a machine has to ask before an instruction. Nearly all of them
 * are one call of C, `sys`; cli and sti stand in line. Source: AMD64 APM volume 3. */
#include "target/x86/x86_sysop.h"
#include "target/x86/x86_trans.h"

static void call_sys(Trans *t, const X86Insn *x, X86SysWhat w, IrVal a, IrVal b)
{
    IrVal zero = x86_c(t, IR_I64, 0);
    w.len = x->len;
    if (!w.size)
        w.size = x->opsize;
    w.asize = x->asize;
    IrVal args[] = {x86_c(t, IR_I64, (int64_t)w.raw), a ? a : zero, b ? b : zero};
    ir_call(t->b, X86_HELPER_sys, args, 3);
}

static void op0(Trans *t, const X86Insn *x, X86SysOp op)
{
    call_sys(t, x, (X86SysWhat){.op = (uint8_t)op}, IR_NONE, IR_NONE);
}

/* It goes on elsewhere, if it does not raise. */
static void leave(Trans *t, const X86Insn *x, X86SysOp op)
{
    op0(t, x, op);
    t->flow.kind = FLOW_STOP;
}

static IrVal wide(Trans *t, IrVal v)
{
    return t->b->r->insn[v].type == IR_I64 ? v : ir_zext(t->b, IR_I64, v);
}

static IrVal operand(Trans *t, const X86Insn *x, unsigned k)
{
    return wide(t, x86_read(t, x, k));
}

/* ---- segments and far transfers ---- */

static void far_transfer(Trans *t, const X86Insn *x, X86SysOp op)
{
    IrVal selector, off = x86_far_target(t, x, &selector);
    call_sys(t, x, (X86SysWhat){.op = (uint8_t)op}, wide(t, off), wide(t, selector));
    t->flow.kind = FLOW_STOP;
}

static void load_pointer(Trans *t, const X86Insn *x)
{
    X86Addr a = x86_addr(t, x), behind = {a.base, a.disp + x->opsize, a.seg};
    IrVal off = x86_ld(t, a, x->opsize), sel = x86_ld(t, behind, 2);
    call_sys(t, x, (X86SysWhat){.op = X86_OP_LSEG, .reg = x->reg, .arg = x->row->arg}, wide(t, off),
             wide(t, sel));
}

static bool segment_insn(Trans *t, const X86Insn *x)
{
    switch (x->row->handler) {
    case X86_H_mov_to_seg:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_MOV_SEG, .reg = x->reg & 7},
                 wide(t, x->mod == 3 ? x86_reg(t, x->rm, 2, false) : x86_ld(t, x86_addr(t, x), 2)), IR_NONE);
        return true;
    case X86_H_pop_seg:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_POP_SEG, .reg = x->row->arg}, IR_NONE, IR_NONE);
        return true;
    case X86_H_lseg: load_pointer(t, x); return true;
    case X86_H_jmp_far: far_transfer(t, x, X86_OP_JMP_FAR); return true;
    case X86_H_call_far: far_transfer(t, x, X86_OP_CALL_FAR); return true;
    case X86_H_ret_far:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_RET_FAR},
                 x86_c(t, IR_I64, x->row->opd[0] == X86_OPD_Iw ? (int64_t)x->imm : 0), IR_NONE);
        t->flow.kind = FLOW_STOP;
        return true;
    case X86_H_iret: leave(t, x, X86_OP_IRET); return true;
    case X86_H_int_n:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_INT}, x86_c(t, IR_I64, (int64_t)(x->imm & 0xff)), IR_NONE);
        t->flow.kind = FLOW_STOP;
        return true;
    case X86_H_int3: leave(t, x, x->opc == 0xf1 ? X86_OP_INT1 : X86_OP_INT3); return true;
    case X86_H_into: op0(t, x, X86_OP_INTO); return true;
    case X86_H_pushf: op0(t, x, X86_OP_PUSHF); return true;
    case X86_H_popf: op0(t, x, X86_OP_POPF); return true;
    case X86_H_rdtsc:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_RDTSC, .arg = x->row->arg}, IR_NONE, IR_NONE);
        return true;
    default: return false;
    }
}

/* ---- interrupt flag ---- */

static void put_flag(Trans *t, bool on)
{
    IrBuilder *b = t->b;
    IrVal v = ir_get(b, X86_SLOT_FLAGS);
    v = on ? ir_or(b, IR_I32, v, x86_c(t, IR_I32, X86_IF)) : ir_and(b, IR_I32, v, x86_c(t, IR_I32, ~X86_IF));
    ir_put(b, X86_SLOT_FLAGS, v);
}

/* What is pending is seen behind this instruction, and taken behind the next. What another thread raises
 * after these reads comes with a kick. */
static void sti(Trans *t, const X86Insn *x)
{
    enum { INPUTS = 0x40f }; /* INTR NMI SMI INIT, the virtual interrupt of SVM */
    IrBuilder *b = t->b;
    IrVal off = ir_cmp(b, IR_EQ, ir_and(b, IR_I32, ir_get(b, X86_SLOT_FLAGS), x86_c(t, IR_I32, X86_IF)),
                       x86_c(t, IR_I32, 0));
    IrVal up = ir_and(b, IR_I32, ir_get(b, X86_SLOT_LINES), x86_c(t, IR_I32, INPUTS));
    IrVal next = ir_add(b, IR_I64, ir_get(b, X86_SLOT_PC_DELTA), x86_c(t, IR_I64, (int64_t)t->next));
    IrVal due = ir_and(b, IR_I1, off, ir_cmp(b, IR_NE, up, x86_c(t, IR_I32, 0)));
    put_flag(t, true);
    ir_put(b, X86_SLOT_SHADOW, ir_select(b, off, next, x86_c(t, IR_I64, -1)));
    ir_exit_if(b, due, ir_exit_raise(b, t->next, CPU_EXIT_KICK), false);
}

/* ---- port I/O ---- */

static void port_insn(Trans *t, const X86Insn *x)
{
    bool out = x->opc & 2, at_dx = x->opc >= 0xec, byte = !(x->opc & 1);
    IrVal port = at_dx ? wide(t, x86_reg(t, X86_RDX, 2, false)) : x86_c(t, IR_I64, (int64_t)(x->imm & 0xff));
    call_sys(t, x, (X86SysWhat){.op = out ? X86_OP_OUT : X86_OP_IN, .size = byte ? 1 : MIN(x->opsize, 4u)},
             port, IR_NONE);
}

static void port_string(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool out = x->opc & 2, byte = !(x->opc & 1);
    call_sys(t, x,
             (X86SysWhat){.op = out ? X86_OP_OUTS : X86_OP_INS,
                          .size = byte ? 1 : MIN(x->opsize, 4u),
                          .rep = x->rep != 0,
                          .arg = out ? (uint8_t)x86_data_segment(x) : 0},
             IR_NONE, IR_NONE);
    if (!x->rep)
        return;
    IrVal more = ir_cmp(b, IR_NE, x86_index(t, x, X86_RCX), x86_cw(t, 0));
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = more, .target = t->pc};
}

/* ---- opcodes 0f 00 and 0f 01 ---- */

static void to_operand(Trans *t, const X86Insn *x, unsigned which)
{
    IrVal at = x->mod == 3 ? IR_NONE : x86_linear64(t, x);
    call_sys(t, x,
             (X86SysWhat){.op = X86_OP_STORE_SEL, .arg = (uint8_t)which, .mem = x->mod != 3, .reg = x->rm},
             at, IR_NONE);
}

static void with_value(Trans *t, const X86Insn *x, X86SysOp op, unsigned arg, IrVal v)
{
    call_sys(t, x, (X86SysWhat){.op = (uint8_t)op, .arg = (uint8_t)arg, .reg = x->reg}, v, IR_NONE);
}

static void group6(Trans *t, const X86Insn *x)
{
    static const uint8_t ops[] = {
        [2] = X86_OP_LLDT, [3] = X86_OP_LTR, [4] = X86_OP_VERIFY, [5] = X86_OP_VERIFY};
    unsigned n = x->modrm >> 3 & 7;
    if (!(t->ctx & X86_CTX_PROTECTED))
        x86_raise(t, CPU_EXIT_ILLEGAL);
    else if (n < 2)
        to_operand(t, x, n);
    else
        with_value(t, x, (X86SysOp)ops[n], n - 2, operand(t, x, 0));
}

static void svm(Trans *t, const X86Insn *x)
{
    with_value(t, x, X86_OP_SVM, x->modrm, IR_NONE);
}

static void swapgs(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (!(t->ctx & X86_CTX_CPL0)) {
        op0(t, x, X86_OP_SWAPGS);
        return;
    }
    IrVal user = ir_get(b, X86_SLOT_GS), kernel = ir_get(b, X86_SLOT_KERNEL_GS);
    ir_put(b, X86_SLOT_GS, kernel);
    ir_put(b, X86_SLOT_KERNEL_GS, user);
}

static void group7_register(Trans *t, const X86Insn *x)
{
    switch (x->modrm) {
    case 0xc1:
    case 0xd9: with_value(t, x, X86_OP_VMCALL, x->modrm == 0xd9, IR_NONE); break;
    case 0xd8: svm(t, x), t->flow.kind = FLOW_STOP; break;
    case 0xda:
    case 0xdb:
    case 0xdc:
    case 0xdd:
    case 0xde:
    case 0xdf: svm(t, x); break;
    case 0xc8:
        call_sys(t, x, (X86SysWhat){.op = X86_OP_MONITOR},
                 x86_to_64(t, x86_with_segment(t, x, x86_index(t, x, X86_RAX))), IR_NONE);
        break;
    case 0xc9: leave(t, x, X86_OP_MWAIT); break;
    case 0xca:
    case 0xcb: with_value(t, x, X86_OP_SET_AC, x->modrm & 1, IR_NONE); break;
    case 0xd1: op0(t, x, X86_OP_XSETBV); break;
    case 0xee: op0(t, x, X86_OP_RDPKRU); break;
    case 0xef: op0(t, x, X86_OP_WRPKRU); break;
    case 0xf8: swapgs(t, x); break;
    default: x86_raise(t, CPU_EXIT_ILLEGAL); break;
    }
}

static void group7(Trans *t, const X86Insn *x)
{
    unsigned n = x->modrm >> 3 & 7;
    if (n == 4)
        to_operand(t, x, 2);
    else if (n == 6)
        with_value(t, x, X86_OP_LMSW, 0, operand(t, x, 0));
    else if (x->mod == 3)
        group7_register(t, x);
    else if (n == 7)
        with_value(t, x, X86_OP_INVLPG, 0, x86_linear64(t, x));
    else
        with_value(t, x, n < 2 ? X86_OP_SGDT : X86_OP_LGDT, n & 1, x86_linear64(t, x));
}

/* ---- all others ---- */

/* mov of control and debug registers: 32 bits outside of 64-bit mode. */
static void register_insn(Trans *t, const X86Insn *x)
{
    bool write = x->opc & 2, debug = x->opc & 1;
    X86SysOp op = debug ? write ? X86_OP_WRITE_DR : X86_OP_READ_DR : write ? X86_OP_WRITE_CR : X86_OP_READ_CR;
    unsigned number = x->reg == 0 && x->lock && !debug ? 8 : x->reg;
    IrVal v = write ? wide(t, x86_gpr(t, x->rm)) : IR_NONE;
    call_sys(t, x, (X86SysWhat){.op = (uint8_t)op, .arg = (uint8_t)number, .reg = x->rm}, v, IR_NONE);
}

static void ask_descriptor(Trans *t, const X86Insn *x)
{
    if (t->ctx & X86_CTX_PROTECTED)
        with_value(t, x, X86_OP_LAR, x->opc & 1,
                   wide(t, x->mod == 3 ? x86_reg(t, x->rm, 2, false) : x86_ld(t, x86_addr(t, x), 2)));
    else
        x86_raise(t, CPU_EXIT_ILLEGAL);
}

static void insn_0f(Trans *t, const X86Insn *x)
{
    switch (x->opc) {
    case 0x00: group6(t, x); break;
    case 0x01: group7(t, x); break;
    case 0x02:
    case 0x03: ask_descriptor(t, x); break;
    case 0x05: leave(t, x, X86_OP_SYSCALL); break;
    case 0x06: op0(t, x, X86_OP_CLTS); break;
    case 0x07: leave(t, x, X86_OP_SYSRET); break;
    case 0x08:
    case 0x09: with_value(t, x, X86_OP_CACHES, x->opc & 1, IR_NONE); break;
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23: register_insn(t, x); break;
    case 0x30: op0(t, x, X86_OP_WRMSR); break;
    case 0x32: op0(t, x, X86_OP_RDMSR); break;
    case 0x33: op0(t, x, X86_OP_RDPMC); break;
    case 0x34: leave(t, x, X86_OP_SYSENTER); break;
    case 0x35: leave(t, x, X86_OP_SYSEXIT); break;
    case 0xaa: leave(t, x, X86_OP_RSM); break;
    default: x86_raise(t, CPU_EXIT_ILLEGAL); break;
    }
}

static void insn_1b(Trans *t, const X86Insn *x)
{
    bool by_c = t->ctx & X86_CTX_IOPL;
    switch (x->opc) {
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f: port_string(t, x); break;
    case 0xf4: leave(t, x, X86_OP_HLT); break;
    case 0xfa:
        if (by_c)
            op0(t, x, X86_OP_CLI);
        else
            put_flag(t, false);
        break;
    case 0xfb:
        if (by_c)
            op0(t, x, X86_OP_STI);
        else
            sti(t, x);
        break;
    default: port_insn(t, x); break;
    }
}

void x86_sys_insn(Trans *t, const X86Insn *x)
{
    if (segment_insn(t, x))
        return;
    if (x->row->map == X86_MAP_1B)
        insn_1b(t, x);
    else if (x->row->map == X86_MAP_0F)
        insn_0f(t, x);
    else
        call_sys(t, x, (X86SysWhat){.op = X86_OP_INVPCID}, wide(t, x86_gpr(t, x->reg)), x86_linear64(t, x));
}

/* ---- before an instruction ---- */

static bool has_operand(const X86Insn *x, X86Where first, X86Where last)
{
    for (unsigned k = 0; k < 3; k++) {
        X86Where where = (X86Where)x86_opd_where[x->row->opd[k]];
        if (where >= first && where <= last)
            return true;
    }
    return false;
}

static X86FpKind fp_kind(const X86Insn *x)
{
    switch (x->row->handler) {
    case X86_H_x87: return X86_FP_X87;
    case X86_H_x87_wait: return X86_FP_WAIT;
    case X86_H_fxsave: return X86_FP_SAVE;
    case X86_H_xsave: return X86_FP_XSAVE;
    case X86_H_stmxcsr:
    case X86_H_ldmxcsr: return x->vex ? X86_FP_AVX : X86_FP_SSE;
    case X86_H_mmx:
    case X86_H_mmxshift:
    case X86_H_mmxmov:
    case X86_H_mmxlane: return X86_FP_MMX;
    case X86_H_andn:
    case X86_H_bls:
    case X86_H_bextr:
    case X86_H_pdep:
    case X86_H_mulx:
    case X86_H_shiftx:
    case X86_H_rorx: return X86_FP_NONE;
    default: break;
    }
    if (x->evex)
        return X86_FP_AVX512;
    if (has_operand(x, X86_WH_KG, X86_WH_KV))
        return X86_FP_AVX512;
    if (x->vex)
        return X86_FP_AVX;
    if (has_operand(x, X86_WH_V, X86_WH_H) || has_operand(x, X86_WH_X0, X86_WH_X0))
        return X86_FP_SSE;
    return has_operand(x, X86_WH_P, X86_WH_N) ? X86_FP_MMX : X86_FP_NONE;
}

bool x86_sys_begins(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (t->ctx & X86_CTX_TRAP)
        ir_call(b, X86_HELPER_trap, NULL, 0);
    if (t->ctx & X86_CTX_CS_CHECK)
        ir_call(b, X86_HELPER_cs_check, (IrVal[]){x86_c(t, IR_I64, x->len)}, 1);
    if (x->vex && !(t->ctx & X86_CTX_PROTECTED)) {
        x86_raise(t, CPU_EXIT_ILLEGAL);
        return true;
    }
    if (t->ctx & X86_CTX_GUEST)
        x86_svm_begins(t, x);
    X86FpKind kind = x->row->handler == X86_H_fsgsbase ? X86_FP_FSGSBASE
                     : t->ctx & X86_CTX_FP_CHECK       ? fp_kind(x)
                                                       : X86_FP_NONE;
    if (kind != X86_FP_NONE)
        ir_call(b, X86_HELPER_fp_check, (IrVal[]){x86_c(t, IR_I64, kind)}, 1);
    return false;
}
