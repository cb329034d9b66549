/* Vectors and crc32 in the interpreter; values of at most 64 bits are in val, wider ones in vec. */
#include "tcg/interp/interp_vec.h"
#include "tcg/interp/interp_priv.h"
#include "tcg/ir/eval.h"

#include "base/fault.h"

static IrType type_of(const Interp *x, IrVal v) { return ir_result_type(x->r, &x->r->insn[v]); }

IrVec interp_vec_get(const Interp *x, IrVal v)
{
    return ir_type_bits(type_of(x, v)) > 64 ? x->m->vec[v] : (IrVec){{x->val[v], 0}};
}

void interp_vec_set(Interp *x, IrVal v, IrVec value)
{
    if (ir_type_bits(type_of(x, v)) > 64)
        x->m->vec[v] = value;
    else
        x->val[v] = value.w[0];
}

static bool access_wide(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrMem m = {.raw = i->d};
    uint64_t addr;
    if (m.size != 4 || (i->op != IR_LD && i->op != IR_ST) || !interp_address(x, i, &addr))
        return interp_end(x, IR_RUN_BAD, at);
    IrVec v = {{0, 0}};
    if (m.sext && addr & 15) {
        x->ret->addr = addr;
        x->ret->size = 0; /* see IR_RUN_FAULT */
        return interp_end(x, IR_RUN_FAULT, at);
    }
    if (i->op == IR_ST)
        v = interp_vec_get(x, i->c);
    if (m.mmu == IR_MMU_TLB) {
        IrAccess a = {.addr = addr, .mem = i->d, .op = (uint8_t)i->op, .value = {v.w[0], v.w[1]}};
        if (!interp_access(x, at, &a))
            return false;
        if (i->op == IR_LD)
            interp_vec_set(x, (IrVal)at, (IrVec){{a.value[0], a.value[1]}});
        return true;
    }
    if (!interp_note(x, at, addr, 16, i->op == IR_LD ? IR_READS : IR_WRITES))
        return false;
    if (UNLIKELY(i->op == IR_ST ? fault_st128(addr, &v) : fault_ld128(addr, &v))) {
        x->ret->addr = addr;
        x->ret->size = 16;
        x->ret->write = i->op == IR_ST;
        return interp_end(x, IR_RUN_FAULT, at);
    }
    if (i->op == IR_LD)
        interp_vec_set(x, (IrVal)at, v);
    else if (m.order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

/* The first n pieces of a store, which does not end. */
static void put_back(uint64_t mask, uint64_t base, unsigned size, unsigned n, const uint64_t *old, bool store)
{
    while (store && n-- > 0)
        if (mask >> n & 1)
            fault_st(base + n * size, old[n], size);
}

/* st2, ldm, stm: in pieces. What a store has written before one faults is put back. */
static bool access_pieces(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    bool two = i->op == IR_ST2, store = i->op != IR_LDM;
    unsigned size = two ? 8 : 1u << i->misc, n = two ? 4 : 16 / size;
    uint64_t mask = two ? 15 : x->val[i->b], base = x->val[i->a] + (uint64_t)(int64_t)(int32_t)i->imm;
    uint64_t old[16];
    if ((IrMem){.raw = i->d}.mmu == IR_MMU_DIRECT32)
        base = (uint32_t)base;
    IrVec v[2] = {{{0, 0}}, {{0, 0}}};
    if (store)
        v[0] = interp_vec_get(x, i->c);
    if (two)
        v[1] = interp_vec_get(x, i->b);
    for (unsigned k = 0; k < n; k++) {
        uint64_t addr = base + k * size, value = 0;
        if (!(mask >> k & 1))
            continue;
        if (!interp_note(x, at, addr, size, store ? IR_WRITES : IR_READS)) {
            put_back(mask, base, size, k, old, store);
            return false;
        }
        FaultVal was = fault_ld(addr, size);
        old[k] = was.val;
        memcpy(&value, (char *)v + k * size, size);
        if (LIKELY(!was.fault && !(store && fault_st(addr, value, size)))) {
            if (!store)
                memcpy((char *)v + k * size, &was.val, size);
            continue;
        }
        put_back(mask, base, size, k, old, store);
        x->ret->addr = addr;
        x->ret->size = (uint8_t)size;
        x->ret->write = store;
        return interp_end(x, IR_RUN_FAULT, at);
    }
    if (!store)
        interp_vec_set(x, (IrVal)at, v[0]);
    return true;
}

bool interp_wide(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    char *slot = (char *)x->m->cpu + (i->op == IR_GET || i->op == IR_PUT ? x->r->slots[i->imm].offset : 0);
    IrVec v;
    if (!x->m->vec || i->type != IR_V128)
        return interp_end(x, IR_RUN_BAD, at);
    switch (i->op) {
    case IR_PARAM: return true;
    case IR_CONST: v = ir_const_vec(x->r, (IrVal)at); break;
    case IR_GET: memcpy(&v, slot, sizeof(v)); break;
    case IR_PUT:
        v = interp_vec_get(x, i->a);
        memcpy(slot, &v, sizeof(v));
        return true;
    case IR_SELECT: v = interp_vec_get(x, x->val[i->a] ? i->b : i->c); break;
    case IR_LD:
    case IR_ST: return access_wide(x, at);
    case IR_ST2:
    case IR_LDM:
    case IR_STM: return access_pieces(x, at);
    default: return interp_vec(x, at);
    }
    interp_vec_set(x, (IrVal)at, v);
    return true;
}

bool interp_vec(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrVec arg[4], v;
    unsigned sig = ir_op_info[i->op].sig;
    if (ir_op_info[i->op].flags & IR_F_FPX || sig == IR_SIG_XV || sig == IR_SIG_XFL)
        return interp_fp(x, at);
    if (i->op == IR_CRC32) {
        unsigned bytes = ir_type_bits(type_of(x, i->b)) / 8;
        x->val[at] = ir_eval_crc32(i->imm >> 8 & 1, (uint32_t)x->val[i->a], x->val[i->b], bytes);
        return true;
    }
    if (i->op == IR_VZEXT || i->op == IR_VANY || i->op == IR_VLOW) {
        v = interp_vec_get(x, i->a);
        if (i->op == IR_VLOW)
            v.w[0] = ir_canon((IrType)i->type, v.w[0]);
        interp_vec_set(x, (IrVal)at, v);
        return true;
    }
    for (unsigned k = 0; k < 4; k++)
        arg[k] = k < ir_operand_count(i) && i->arg[k] ? interp_vec_get(x, i->arg[k]) : (IrVec){{0, 0}};
    if (!ir_eval_vec(i, arg, &v))
        return interp_end(x, IR_RUN_BAD, at);
    interp_vec_set(x, (IrVal)at, v);
    return true;
}
