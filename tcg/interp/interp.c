#include "tcg/interp/interp_priv.h"
#include "tcg/ir/eval.h"

#include "base/fault.h"

/* ---- guest state ---- */

static uint64_t slot_read(const Interp *x, unsigned slot)
{
    const IrSlot *s = &x->r->slots[slot];
    uint64_t v = 0;
    memcpy(&v, (const char *)x->m->cpu + s->offset, MAX(ir_type_bits((IrType)s->type) / 8, 1u));
    return v;
}

static void slot_write(const Interp *x, unsigned slot, uint64_t v)
{
    const IrSlot *s = &x->r->slots[slot];
    memcpy((char *)x->m->cpu + s->offset, &v, MAX(ir_type_bits((IrType)s->type) / 8, 1u));
}

/* ---- memory ---- */

static uint64_t bytes_swap(uint64_t v, unsigned size)
{
    return size > 1 ? __builtin_bswap64(v) >> (64 - size * 8) : v;
}

static uint64_t from_memory(IrMem m, IrType t, uint64_t v)
{
    unsigned size = 1u << m.size;
    if (m.bswap)
        v = bytes_swap(v, size);
    return m.sext ? ir_canon(t, (uint64_t)bits_sext(v, size * 8)) : v;
}

static uint64_t to_memory(IrMem m, uint64_t v)
{
    unsigned size = 1u << m.size;
    if (size < 8)
        v &= (1ull << size * 8) - 1;
    return m.bswap ? bytes_swap(v, size) : v;
}

/* Result of an operation on memory of the given size, in memory order. */
static uint64_t rmw_value(const IrInsn *i, IrMem m, uint64_t old, uint64_t operand)
{
    static const uint8_t int_of_size[] = {IR_I8, IR_I16, IR_I32, IR_I64};
    IrType t = (IrType)int_of_size[m.size];
    uint64_t was = m.bswap ? bytes_swap(old, 1u << m.size) : old;
    return to_memory(m, ir_eval_rmw((IrRmw)i->misc, t, was, ir_canon(t, operand)));
}

static FaultVal run_rmw(const IrInsn *i, IrMem m, uint64_t addr, uint64_t operand)
{
    unsigned size = 1u << m.size;
    FaultVal old = fault_ld(addr, size);
    while (!old.fault) {
        FaultVal seen = fault_cas(addr, old.val, rmw_value(i, m, old.val, operand), size);
        if (seen.fault || seen.val == old.val)
            return seen;
        old = seen;
    }
    return old;
}

bool interp_address(const Interp *x, const IrInsn *i, uint64_t *ret)
{
    IrMem m = {.raw = i->d};
    uint64_t addr = x->val[i->a] + (uint64_t)(int64_t)(int32_t)i->imm;
    if (i->op != IR_CAS && i->b)
        addr += x->val[i->b] << m.scale;
    *ret = m.mmu == IR_MMU_DIRECT32 ? (uint32_t)addr : addr;
    return m.mmu <= IR_MMU_TLB;
}

bool interp_access(Interp *x, unsigned at, IrAccess *a)
{
    if (!x->m->access)
        return interp_end(x, IR_RUN_BAD, at);
    *x->m->pc = x->pc + x->m->pc_delta;
    return x->m->access(x->m->cpu, a) || interp_end(x, IR_RUN_HELPER, at);
}

bool interp_told(Interp *x, unsigned at, uint64_t addr, uint64_t n, unsigned how)
{
    *x->m->pc = x->pc + x->m->pc_delta;
    return x->m->note(x->m->cpu, addr, n, how) || interp_end(x, IR_RUN_HELPER, at);
}

static bool run_checked(Interp *x, unsigned at, uint64_t addr)
{
    const IrInsn *i = &x->r->insn[at];
    IrMem m = {.raw = i->d};
    IrAccess a = {.addr = addr, .mem = i->d, .op = (uint8_t)i->op, .rmw = i->misc};
    a.value[0] = i->op == IR_LD ? 0 : x->val[i->c];
    a.expected[0] = i->op == IR_CAS ? x->val[i->b] : 0;
    if (!interp_access(x, at, &a))
        return false;
    m.bswap = 0;
    x->val[at] = from_memory(m, (IrType)i->type, a.value[0]);
    return true;
}

static bool run_memory(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrMem m = {.raw = i->d};
    unsigned size = 1u << m.size;
    uint64_t addr;
    if (m.size > 3 || !interp_address(x, i, &addr))
        return interp_end(x, IR_RUN_BAD, at);
    if (m.mmu == IR_MMU_TLB)
        return run_checked(x, at, addr);
    FaultVal v = {0};
    if (!interp_note(x, at, addr, size,
                     i->op == IR_LD   ? IR_READS
                     : i->op == IR_ST ? IR_WRITES
                                      : IR_READS | IR_WRITES))
        return false;
    switch (i->op) {
    case IR_LD: v = fault_ld(addr, size); break;
    case IR_ST:
        v.fault = fault_st(addr, to_memory(m, x->val[i->c]), size);
        if (m.order == IR_SEQ_CST)
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
        break;
    case IR_RMW: v = run_rmw(i, m, addr, x->val[i->c]); break;
    default: v = fault_cas(addr, to_memory(m, x->val[i->b]), to_memory(m, x->val[i->c]), size); break;
    }
    if (UNLIKELY(v.fault)) {
        x->ret->addr = addr;
        x->ret->size = (uint8_t)size;
        x->ret->write = i->op != IR_LD;
        return interp_end(x, IR_RUN_FAULT, at);
    }
    x->val[at] = from_memory(m, (IrType)i->type, v.val);
    return true;
}

static void run_bulk(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    uint64_t a = x->val[i->a], b = x->val[i->b], n = x->val[i->c];
    x->val[at] = fault_bulk(i->misc, a, b, n);
    if (UNLIKELY(x->m->note != NULL))
        ir_note_bulk(x->m->note, x->m->cpu, i->misc, a, b, n - (uint32_t)x->val[at]);
}

/* ---- leaving ---- */

bool interp_end(Interp *x, IrRunKind kind, unsigned at)
{
    x->ret->kind = (uint8_t)kind;
    x->ret->insn = (uint16_t)at;
    x->ret->pc = x->pc;
    return false;
}

static bool run_exit(Interp *x, unsigned at)
{
    x->ret->exit = (uint16_t)x->r->insn[at].imm;
    return interp_end(x, IR_RUN_EXIT, at);
}

static bool run_poll(Interp *x, unsigned at)
{
    bool kicked = __atomic_load_n(x->m->kick, __ATOMIC_RELAXED) != 0;
    if (kicked || (x->m->max_loops && ++x->polls > x->m->max_loops))
        return run_exit(x, at);
    return true;
}

static bool run_exit_ind(Interp *x, unsigned at)
{
    interp_end(x, IR_RUN_INDIRECT, at);
    x->ret->pc = x->val[x->r->insn[at].a];
    x->ret->hint = x->r->insn[at].misc;
    return false;
}

static bool run_call(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    const IrHelper *h = &x->r->helpers[i->imm];
    if (h->flags & (IR_H_PC | IR_H_STATUS))
        *x->m->pc = x->pc + x->m->pc_delta;
    uint64_t v = h->fn(x->m->cpu, x->val[i->a], x->val[i->b], x->val[i->c], x->val[i->d]);
    if ((h->flags & IR_H_STATUS) && v)
        return interp_end(x, IR_RUN_HELPER, at);
    x->val[at] = ir_canon((IrType)h->ret, v);
    return true;
}

/* x87 and MMX: state of the helper's. */
static bool run_unit(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    uint64_t result = 0;
    *x->m->pc = x->pc + x->m->pc_delta;
    if (x->r->helpers[i->d].fn(x->m->cpu, i->imm, x->val[i->a], x->val[i->b], (uint64_t)(uintptr_t)&result))
        return interp_end(x, IR_RUN_HELPER, at);
    x->val[at] = ir_canon((IrType)i->type, result);
    return true;
}

/* Goes to a block; its parameters come from the list, read before any is written. */
static bool run_jump(Interp *x, unsigned at, unsigned block, const IrVal *args, unsigned n_args)
{
    const IrBlock *b = &x->r->block[block];
    IrVec tmp[256];
    for (unsigned k = 0; k < n_args; k++)
        tmp[k] = interp_vec_get(x, args[k]);
    for (unsigned k = 0; k < n_args; k++)
        interp_vec_set(x, (IrVal)(b->first + k), tmp[k]);
    if (block <= x->block && x->m->max_loops && ++x->jumps_back > x->m->max_loops * 2ull + 64)
        return interp_end(x, IR_RUN_STUCK, at);
    x->block = block;
    x->next = b->first;
    return true;
}

static bool run_flow(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    switch (i->op) {
    case IR_CALL: return run_call(x, at);
    case IR_POLL: return run_poll(x, at);
    case IR_EXIT_IF: return x->val[i->a] ? run_exit(x, at) : true;
    case IR_EXIT: return run_exit(x, at);
    case IR_EXIT_IND: return run_exit_ind(x, at);
    case IR_BR: return run_jump(x, at, i->imm, x->r->args + i->a, i->misc);
    case IR_BRCOND: return run_jump(x, at, x->val[i->a] ? i->imm : i->b, NULL, 0);
    default: return interp_end(x, IR_RUN_BAD, at);
    }
}

/* ---- everything else ---- */

static bool run_misc(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    uint64_t *v = x->val;
    IrType t = (IrType)i->type;
    switch (i->op) {
    case IR_NOP:
    case IR_PARAM: return true;
    case IR_INSN_START: x->pc = x->r->guest_pc[i->imm]; return true;
    case IR_HERE:
    case IR_CONST: v[at] = ir_canon(t, (uint64_t)ir_const_value(x->r, (IrVal)at)); return true;
    case IR_GET: v[at] = slot_read(x, i->imm); return true;
    case IR_PUT: slot_write(x, i->imm, v[i->a]); return true;
    case IR_SEXT:
    case IR_ZEXT:
    case IR_TRUNC:
    case IR_CAST: v[at] = ir_eval_cvt((IrOp)i->op, t, (IrType)i->misc, v[i->a]); return true;
    case IR_CMP: v[at] = ir_eval_cmp((IrCond)i->misc, t, v[i->a], v[i->b]); return true;
    case IR_FLSUB:
    case IR_FLADD:
    case IR_FLCMP:
    case IR_FLSHL:
    case IR_FLSHR:
    case IR_FLSAR:
    case IR_FLLOGIC: v[at] = ir_eval_fl((IrOp)i->op, t, v[i->a], v[i->b], false); return true;
    case IR_FLX: v[at] = ir_eval_flx((IrX86Fl)i->misc, t, v[i->a], v[i->b], v[i->c]); return true;
    case IR_FLADC:
    case IR_FLSBB:
    case IR_FLSBC: v[at] = ir_eval_fl((IrOp)i->op, t, v[i->a], v[i->b], v[i->c] & IR_FL_C); return true;
    case IR_FLADCX:
    case IR_FLADOX: v[at] = ir_eval_fladx((IrOp)i->op, t, v[i->a], v[i->b], v[i->c]); return true;
    case IR_ADDV: v[at] = ir_eval_adc(IR_ADDC, t, v[i->a], v[i->b], v[i->c] & IR_FL_V); return true;
    case IR_FLNZC: v[at] = ir_eval_flnzc(t, v[i->a], v[i->b], i->misc, v[i->c]); return true;
    case IR_ADDC:
    case IR_SBB:
    case IR_SUBC: v[at] = ir_eval_adc((IrOp)i->op, t, v[i->a], v[i->b], v[i->c] & IR_FL_C); return true;
    case IR_BULK: run_bulk(x, at); return true;
    case IR_FLMAKE: v[at] = (uint16_t)v[i->a]; return true;
    case IR_FLBITS: v[at] = v[i->a]; return true;
    case IR_SELECT: v[at] = v[i->a] ? v[i->b] : v[i->c]; return true;
    case IR_FSGN: v[at] = ir_eval_fsgn(i->misc, t, v[i->a], v[i->b]); return true;
    case IR_BOX: v[at] = v[i->a] | 0xffffffffull << 32; return true;
    case IR_UNBOX: v[at] = ir_eval_unbox(v[i->a]); return true;
    case IR_FENCE:
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return true;
    case IR_FFGET: v[at] = *x->m->ff; return true;
    case IR_FFPUT: *x->m->ff = (uint32_t)v[i->a]; return true;
    case IR_FRMPUT: *x->m->frm = (uint32_t)v[i->a]; return true;
    default: return interp_end(x, IR_RUN_BAD, at);
    }
}

static bool run_insn(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    unsigned flags = ir_op_info[i->op].flags;
    uint64_t *v = x->val;
    if (ir_type_bits((IrType)i->type) > 64)
        return interp_wide(x, at);
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_V:
        if (flags & IR_F_FPX)
            return interp_fp(x, at);
        if (i->op == IR_BOX || i->op == IR_UNBOX)
            return run_misc(x, at);
        v[at] = ir_eval_v((IrOp)i->op, (IrType)i->type, v[i->a]);
        return true;
    case IR_SIG_VV:
        if (flags & IR_F_FPX)
            return interp_fp(x, at);
        v[at] = ir_eval_vv((IrOp)i->op, (IrType)i->type, v[i->a], v[i->b]);
        return true;
    case IR_SIG_LD:
    case IR_SIG_ST:
    case IR_SIG_RMW:
    case IR_SIG_CAS: return run_memory(x, at);
    case IR_SIG_ST2:
    case IR_SIG_LDM:
    case IR_SIG_STM: return interp_wide(x, at);
    case IR_SIG_FMA:
    case IR_SIG_FCMP:
    case IR_SIG_FLF:
    case IR_SIG_FCLS:
    case IR_SIG_FCVT: return interp_fp(x, at);
    case IR_SIG_VEC1:
    case IR_SIG_VEC2:
    case IR_SIG_VEC3:
    case IR_SIG_VEC4:
    case IR_SIG_VGET:
    case IR_SIG_VSET:
    case IR_SIG_VDUP:
    case IR_SIG_VCVT:
    case IR_SIG_XV:
    case IR_SIG_XFL:
    case IR_SIG_CRC: return interp_vec(x, at);
    case IR_SIG_UNIT: return run_unit(x, at);
    case IR_SIG_CALL:
    case IR_SIG_EXIT:
    case IR_SIG_EXITIF:
    case IR_SIG_EXITIND:
    case IR_SIG_BR:
    case IR_SIG_BRCOND: return run_flow(x, at);
    default: return run_misc(x, at);
    }
}

void ir_run(const IrRegion *r, const IrMachine *m, IrRun *ret)
{
    *ret = (IrRun){0};
    Interp x = {.r = r, .m = m, .val = m->val, .ret = ret, .pc = r->pc, .next = r->block[0].first};
    x.val[IR_NONE] = 0;
    for (;;) {
        unsigned at = x.next++;
        if (UNLIKELY(at >= r->n_insns)) {
            interp_end(&x, IR_RUN_BAD, at);
            return;
        }
        if (!run_insn(&x, at))
            return;
    }
}
