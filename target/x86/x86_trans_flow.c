/* Jumps, calls, the stack, and what leaves for the system. Source: AMD64 APM volume 3. */
#include "target/x86/x86_trans.h"

static Gva target_of(const Trans *t, const X86Insn *x)
{
    Gva to = t->pc + x->len + x->imm;
    if (x86_sys(t)) /* physical: what it wraps around is not seen */
        return to;
    if (x->opsize != 2)
        return x->code32 ? to & 0xffffffff : to;
    t->b->r->stays = true;
    return to & 0xffff; /* so on AMD's */
}

/* A jump of 16 bits may wrap around the end of its segment: a machine's lies behind that of its page, a
 * program's is known when it runs. */
static bool may_wrap(const Trans *t, const X86Insn *x)
{
    return x->opsize == 2 && (x86_own_code(t) || (x86_sys(t) && (target_of(t, x) ^ t->pc) >> 12));
}

/* The offset that a jump with a displacement goes to. */
static IrVal near_offset(Trans *t, const X86Insn *x)
{
    return x86_pc_pushed(t, x->opsize, t->pc + x->len + x->imm);
}

static void go_wrapped(Trans *t, const X86Insn *x, IrHint hint)
{
    x86_go_to(t, x, near_offset(t, x), hint);
}

/* The target was checked. */
static void branch(Trans *t, const X86Insn *x, IrVal cond)
{
    if (may_wrap(t, x)) {
        ir_exit_if(t->b, ir_not(t->b, IR_I1, cond), x86_exit_to(t, t->pc + x->len, false), true);
        go_wrapped(t, x, IR_HINT_JUMP);
        return;
    }
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = cond, .target = target_of(t, x)};
}

void x86_trans_jcc(Trans *t, const X86Insn *x)
{
    IrVal cond = x86_cond(t, x->row->arg);
    x86_check_target(t, x, IR_NONE, cond);
    branch(t, x, cond);
}

static void go(Trans *t, const X86Insn *x, IrVal to, IrHint hint)
{
    if (x86_opd_where[x->row->opd[0]] == X86_WH_J && may_wrap(t, x))
        go_wrapped(t, x, hint);
    else if (x86_opd_where[x->row->opd[0]] == X86_WH_J)
        t->flow =
            (TransFlow){.kind = hint == IR_HINT_CALL ? FLOW_CALL : FLOW_JUMP, .target = target_of(t, x)};
    else
        x86_go_to(t, x, to, hint);
}

static IrVal destination(Trans *t, const X86Insn *x)
{
    IrVal to = x86_opd_where[x->row->opd[0]] == X86_WH_J ? IR_NONE : x86_read(t, x, 0);
    x86_check_target(t, x, to, IR_NONE);
    return to;
}

void x86_trans_jmp(Trans *t, const X86Insn *x)
{
    go(t, x, destination(t, x), IR_HINT_JUMP);
}

void x86_trans_call(Trans *t, const X86Insn *x)
{
    IrVal to = destination(t, x);
    x86_push(t, x->opsize, x86_pc_pushed(t, x->opsize, t->pc + x->len));
    go(t, x, to, IR_HINT_CALL);
}

void x86_trans_ret(Trans *t, const X86Insn *x)
{
    IrVal to = x86_top(t, x->opsize);
    int64_t more = x->row->opd[0] == X86_OPD_Iw ? (int64_t)x->imm : 0;
    x86_check_target(t, x, to, IR_NONE);
    x86_drop(t, x->opsize + more);
    x86_go_to(t, x, to, IR_HINT_RET);
}

/* loopne loope loop jrcxz */
void x86_trans_loop(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal n = x86_index(t, x, X86_RCX);
    if (x->row->arg < 3)
        n = x86_cut(t, x, ir_sub(b, x86_word(t), n, x86_cw(t, 1)));
    IrVal cond = ir_cmp(b, x->row->arg == 3 ? IR_EQ : IR_NE, n, x86_cw(t, 0));
    if (x->row->arg < 2)
        cond = ir_and(b, IR_I1, cond, x86_cond(t, x->row->arg ? 4 : 5));
    x86_check_target(t, x, IR_NONE, cond);
    if (x->row->arg < 3)
        x86_put_index(t, x, X86_RCX, n);
    branch(t, x, cond);
}

void x86_trans_push(Trans *t, const X86Insn *x)
{
    x86_push(t, x->opsize, x86_read(t, x, 0));
}

/* The address of a memory operand sees rsp after the pop. */
void x86_trans_pop(Trans *t, const X86Insn *x)
{
    IrVal v = x86_top(t, x->opsize);
    if (x86_is32(t) && x86_seg_odd(t, x86_data_segment(x)) &&
        x86_opd_mem(x, 0)) { /* a limit is compared before registers change */
        X86Insn after = *x;
        after.disp += x->base == X86_RSP ? x->opsize : 0;
        x86_write(t, &after, 0, v);
        x86_drop(t, x->opsize);
        return;
    }
    x86_drop(t, x->opsize);
    x86_write(t, x, 0, v);
}

/* With a level, the frame pointers of that many outer frames are copied. */
void x86_trans_enter(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    int32_t n = x->opsize, level = (int32_t)(x->imm2 & 31), at = -n;
    IrVal sp = x86_gpr(t, X86_RSP), outer = x86_gpr(t, X86_RBP), frame = ir_sub(b, w, sp, x86_cw(t, n));
    x86_st(t, x86_stack_at(t, sp, at, x->opsize), x->opsize, x86_reg(t, X86_RBP, x->opsize, false));
    for (int32_t k = 1; k < level; k++) {
        IrVal v = x86_ld(t, x86_stack_at(t, outer, -k * n, x->opsize), x->opsize);
        x86_st(t, x86_stack_at(t, sp, at -= n, x->opsize), x->opsize, v);
    }
    if (level)
        x86_st(t, x86_stack_at(t, sp, at -= n, x->opsize), x->opsize,
               x->opsize == x86_word_bytes(t) ? frame : ir_trunc(b, x86_type(x->opsize), frame));
    /* the new top is tried for writing */
    IrVal new_sp = ir_add(b, w, sp, x86_cw(t, at - (int64_t)x->imm));
    X86Addr top = x86_stack_at(t, new_sp, 0, x->opsize);
    x86_st(t, top, x->opsize, x86_ld(t, top, x->opsize));
    x86_put_reg(t, X86_RBP, x->opsize, false,
                x->opsize == x86_word_bytes(t) ? frame : ir_trunc(b, x86_type(x->opsize), frame));
    x86_put_sp(t, new_sp);
}

void x86_trans_leave(Trans *t, const X86Insn *x)
{
    IrVal frame = x86_gpr(t, X86_RBP);
    IrVal v = x86_ld(t, x86_stack_at(t, frame, 0, x->opsize), x->opsize);
    x86_put_sp(t, ir_add(t->b, x86_word(t), frame, x86_cw(t, x->opsize)));
    x86_put_reg(t, X86_RBP, x->opsize, false, v);
}

void x86_trans_pushf(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_sys(t) && (t->ctx & X86_CTX_IOPL) && !(t->ctx & X86_CTX_PROTECTED)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal args[] = {ir_flbits(b, x86_fl(t)), ir_get(b, X86_SLOT_DF)};
    IrVal v = ir_call(b, X86_HELPER_rflags, args, 2);
    x86_push(t, x->opsize, x->opsize == 8 ? v : ir_trunc(b, x86_type(x->opsize), v));
}

/* Regions with checks of alignment are others. */
static void leave_if_ac_changed(Trans *t, IrVal fl, unsigned bytes)
{
    IrBuilder *b = t->b;
    if (bytes == 2)
        return;
    IrVal now = ir_and(b, IR_I64, fl, x86_c(t, IR_I64, X86_AC));
    IrVal was = x86_c(t, IR_I64, t->ctx & X86_CTX_ALIGN ? X86_AC : 0);
    ir_exit_if(b, ir_cmp(b, IR_NE, now, was), ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

void x86_trans_popf(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal v = x86_top(t, x->opsize);
    x86_drop(t, x->opsize);
    IrVal args[] = {x->opsize == 8 ? v : ir_zext(b, IR_I64, v), x86_c(t, IR_I32, x->opsize)};
    ir_call(b, X86_HELPER_set_rflags, args, 2);
    leave_if_ac_changed(t, args[0], x->opsize);
}

void x86_system_call(Trans *t)
{
    x86_raise(t, t->ctx & X86_CTX_COMPAT ? CPU_EXIT_PROTECTION : CPU_EXIT_SYSCALL);
}

void x86_trans_syscall(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        x86_system_call(t);
}
void x86_trans_ud(Trans *t, const X86Insn *x)
{
    x86_raise(t, CPU_EXIT_ILLEGAL);
}
void x86_trans_int3(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_BREAK}; /* a trap: pc is behind it */
}
void x86_trans_privileged(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        x86_raise(t, CPU_EXIT_PROTECTION);
}
/* What user mode does not have, and machines do. */
void x86_trans_machine(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        x86_raise(t, CPU_EXIT_ILLEGAL);
}
void x86_trans_int_n(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else if (x->imm == 3)
        x86_trans_int3(t, x);
    else if (x->imm == 0x80 && x->code32 && !(t->ctx & X86_CTX_COMPAT))
        x86_system_call(t);
    else if (x->imm == 0x80)
        x86_raise(t, CPU_EXIT_VECTOR);
    else if (x->imm == 4) /* into, always */
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_OVERFLOW};
    else
        x86_raise(t, CPU_EXIT_PROTECTION);
}
/* Who spins waits for another cpu, whose thread may have to wait for this one's to end its time slice. */
void x86_trans_nop(Trans *t, const X86Insn *x)
{
    if (x86_sys(t) && x86_is_pause(x))
        ir_call(t->b, X86_HELPER_pause, (IrVal[]){ir_const(t->b, IR_I64, x->len)}, 1);
}
void x86_trans_nop_ea(Trans *t, const X86Insn *x) {}
void x86_trans_fence(Trans *t, const X86Insn *x)
{
    ir_fence(t->b, IR_FENCE_RR | IR_FENCE_RW | IR_FENCE_WR | IR_FENCE_WW);
}

/* It serializes: what another processor wrote before is fetched after it, so the region ends here, and the
 * next one looks at its bytes. */
void x86_trans_cpuid(Trans *t, const X86Insn *x)
{
    ir_call(t->b, X86_HELPER_cpuid, NULL, 0);
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

void x86_trans_rdtsc(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal v = ir_call(b, X86_HELPER_tsc, NULL, 0);
    x86_put_reg(t, X86_RAX, 4, false, ir_trunc(b, IR_I32, v));
    x86_put_reg(t, X86_RDX, 4, false, ir_trunc(b, IR_I32, ir_shr(b, IR_I64, v, x86_c(t, IR_I64, 32))));
    if (x->row->arg)
        x86_put_reg(t, X86_RCX, 4, false, ir_call(b, X86_HELPER_tsc_aux, NULL, 0));
}

static IrVal pair(Trans *t, unsigned high, unsigned low)
{
    IrBuilder *b = t->b;
    IrVal h = ir_zext(b, IR_I64, x86_reg(t, high, 4, false)),
          l = ir_zext(b, IR_I64, x86_reg(t, low, 4, false));
    return ir_or(b, IR_I64, ir_shl(b, IR_I64, h, x86_c(t, IR_I64, 32)), l);
}

/* ZF alone changes; edx:eax keep their upper halves where it was equal. cmpxchg16b: by C. */
void x86_trans_cmpxchg8b(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x->rex & 8) {
        ir_call(b, X86_HELPER_cmpxchg16, (IrVal[]){x86_linear64(t, x)}, 1);
        return;
    }
    IrVal acc = pair(t, X86_RDX, X86_RAX), desired = pair(t, X86_RCX, X86_RBX), old;
    if (x86_atomic(t, x)) {
        IrMem m = x86_mem(t, 8);
        m.order = IR_SEQ_CST;
        old = ir_cas(b, IR_I64, x86_linear(t, x), acc, desired, m);
    } else {
        old = x86_ld(t, x86_addr(t, x), 8);
        x86_st(t, x86_addr(t, x), 8, ir_select(b, ir_cmp(b, IR_EQ, old, acc), desired, old));
    }
    IrVal equal = ir_cmp(b, IR_EQ, old, acc), word = ir_flbits(b, x86_fl(t));
    for (unsigned k = 0; k < 2; k++) {
        unsigned r = k ? X86_RDX : X86_RAX;
        IrVal before = x86_gpr(t, r), part = k ? ir_shr(b, IR_I64, old, x86_c(t, IR_I64, 32)) : old;
        IrVal seen = x86_to_word(t, ir_trunc(b, IR_I32, part), 4);
        x86_put_gpr(t, r, ir_select(b, equal, before, seen));
    }
    word = ir_and(b, IR_I32, word, x86_c(t, IR_I32, ~IR_FL_Z));
    word = ir_or(b, IR_I32, word, ir_select(b, equal, x86_c(t, IR_I32, IR_FL_Z), x86_c(t, IR_I32, 0)));
    x86_put_fl(t, ir_flmake(b, word));
}

static void raise_protection_if(Trans *t, IrVal v, IrType type)
{
    IrVal bad = ir_cmp(t->b, IR_NE, v, x86_c(t, type, 0));
    ir_exit_if(t->b, bad, ir_exit_raise(t->b, t->pc, CPU_EXIT_PROTECTION), false);
}

static void refuse_reserved(Trans *t, IrVal mxcsr)
{
    raise_protection_if(t, ir_and(t->b, IR_I32, mxcsr, x86_c(t, IR_I32, (int32_t)~X86_MXCSR_VALID)), IR_I32);
}

/* Intel's processors want it at a multiple of 16. */
void x86_trans_fxsave(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    X86Addr a = x86_addr(t, x);
    IrVal at = x86_linear64(t, x);
    if (!x86_is_amd(t))
        raise_protection_if(t, ir_and(b, IR_I64, at, x86_c(t, IR_I64, 15)), IR_I64);
    if (!x->row->arg) {
        ir_call(b, X86_HELPER_fxsave, (IrVal[]){at, ir_ffget(b), x86_c(t, IR_I32, x86_pointers(x))}, 3);
        return;
    }
    IrVal mxcsr = x86_ld(t, (X86Addr){a.base, a.disp + 24, a.seg}, 4);
    refuse_reserved(t, mxcsr);
    ir_call(b, X86_HELPER_fxrstor, (IrVal[]){at, x86_c(t, IR_I32, x86_pointers(x))}, 2);
    ir_ffput(b, ir_and(b, IR_I32, mxcsr, x86_c(t, IR_I32, 0x3f)));
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

/* Its flags are those of the host's register and of the cpu together (ffget). */
void x86_trans_stmxcsr(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal v = ir_or(b, IR_I32, ir_ffget(b), ir_call(b, X86_HELPER_mxcsr_modes, NULL, 0));
    x86_write(t, x, 0, v);
}

/* The modes take effect when generated code is entered again. */
void x86_trans_ldmxcsr(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal v = x86_read(t, x, 0), args[] = {v};
    refuse_reserved(t, v);
    ir_call(b, X86_HELPER_set_mxcsr_modes, args, 1);
    ir_ffput(b, ir_and(b, IR_I32, v, x86_c(t, IR_I32, 0x3f)));
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}
