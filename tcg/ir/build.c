#include "tcg/ir/build.h"
#include "tcg/ir/eval.h"
#include "tcg/ir/fold.h"

_Static_assert(IR_MAX_SLOTS <= 256, "pending_slot is a byte");

static IrVal emit(IrBuilder *b, IrInsn i)
{
    IrRegion *r = b->r;
    unsigned at = r->n_insns;
    /* The translator ends a region once `full` is set; a guest instruction of more than IR_BUILD_SLACK is our
     * bug. */
    if (UNLIKELY(at >= IR_MAX_INSNS))
        __builtin_trap();
    r->insn[at] = i;
    r->n_insns = (uint16_t)(at + 1);
    return (IrVal)at;
}

typedef struct InsnWords {
    uint64_t w[2];
} InsnWords;

static InsnWords words_of(const IrInsn *i)
{
    InsnWords x;
    memcpy(&x, i, sizeof x);
    return x;
}

static unsigned insn_hash(const IrInsn *i)
{
    InsnWords x = words_of(i);
    uint64_t h = (x.w[0] ^ (x.w[1] << 29 | x.w[1] >> 35)) * 0x9e3779b97f4a7c15ull;
    return (unsigned)(h >> 32) % IR_BUILD_HASH;
}

/* No call of memcmp: most candidates are the one. */
static bool insn_equal(const IrInsn *i, const IrInsn *k)
{
    InsnWords x = words_of(i), y = words_of(k);
    return ((x.w[0] ^ y.w[0]) | (x.w[1] ^ y.w[1])) == 0;
}

/* A PURE op: the equal one made before in this block, or a new one. */
static IrVal emit_pure(IrBuilder *b, IrInsn i)
{
    if (b->no_fold)
        return emit(b, i);
    IrVal *h = &b->hash[insn_hash(&i)];
    if (*h && insn_equal(&b->r->insn[*h], &i))
        return *h;
    return *h = emit(b, i);
}

static IrType type_of(const IrBuilder *b, IrVal v) { return ir_result_type(b->r, &b->r->insn[v]); }

void ir_builder_init(IrBuilder *b, IrRegion *r)
{
    b->r = r;
    b->block = 0;
    b->n_pending = 0;
    b->no_fold = b->moves = false;
    b->reversed.is = IR_NONE;
    memset(b->cur, 0, r->n_slots * sizeof b->cur[0]);
    memset(b->hash, 0, sizeof b->hash);
}

static void update_full(IrRegion *r)
{
    r->full |= (r->n_insns > IR_MAX_INSNS - IR_BUILD_SLACK) | (r->n_exits > IR_MAX_EXITS - 16) |
               (r->n_pool > IR_MAX_INSNS - 2 * IR_BUILD_SLACK) | (r->n_blocks > IR_MAX_BLOCKS - 8) |
               (r->n_guest >= IR_MAX_GUEST - 1);
}

/* Its end is not kept up to date while it grows. */
static void close_block(IrBuilder *b) { b->r->block[b->block].end = b->r->n_insns; }

void ir_builder_finish(IrBuilder *b)
{
    ir_commit(b);
    close_block(b);
    update_full(b->r);
}

/* ---- guest state ---- */

static inline void commit(IrBuilder *b)
{
    for (unsigned k = 0; k < b->n_pending; k++) {
        unsigned slot = b->pending_slot[k];
        emit(b, (IrInsn){.op = IR_PUT, .type = b->r->slots[slot].type, .a = b->pending_val[k], .imm = slot});
    }
    b->n_pending = 0;
}

void ir_commit(IrBuilder *b) { commit(b); }

void ir_insn_start(IrBuilder *b, uint64_t guest_pc)
{
    commit(b);
    IrRegion *r = b->r;
    if (UNLIKELY(r->n_guest >= IR_MAX_GUEST))
        __builtin_trap();
    r->guest_pc[r->n_guest] = guest_pc;
    emit(b, (IrInsn){.op = IR_INSN_START, .imm = r->n_guest});
    r->n_guest++;
    update_full(r);
}

IrVal ir_get(IrBuilder *b, unsigned slot)
{
    if (!b->cur[slot])
        b->cur[slot] = emit(b, (IrInsn){.op = IR_GET, .type = b->r->slots[slot].type, .imm = slot});
    return b->cur[slot];
}

void ir_put(IrBuilder *b, unsigned slot, IrVal v)
{
    if (b->cur[slot] == v && !b->no_fold)
        return; /* the slot holds it already, or will at the commit */
    b->cur[slot] = v;
    for (unsigned k = 0; k < b->n_pending; k++) {
        if (b->pending_slot[k] == slot) {
            b->pending_val[k] = v;
            return;
        }
    }
    if (UNLIKELY(b->n_pending == IR_BUILD_PENDING))
        __builtin_trap();
    b->pending_slot[b->n_pending] = (uint8_t)slot;
    b->pending_val[b->n_pending++] = v;
}

void ir_forget_slots(IrBuilder *b)
{
    memset(b->cur, 0, b->r->n_slots * sizeof b->cur[0]);
    for (unsigned k = 0; k < b->n_pending; k++)
        b->cur[b->pending_slot[k]] = b->pending_val[k];
}

/* ---- values ---- */

static IrVal const_wide(IrBuilder *b, IrType t, int64_t v)
{
    IrRegion *r = b->r;
    IrVal *h = &b->hash[((uint64_t)v * 0x9e3779b97f4a7c15ull >> 32) % IR_BUILD_HASH];
    const IrInsn *i = &r->insn[*h];
    if (*h && !b->no_fold && i->op == IR_CONST && i->type == t && i->misc == 1 &&
        r->pool[i->imm] == (uint64_t)v)
        return *h;
    r->pool[r->n_pool] = (uint64_t)v;
    return *h = emit(b, (IrInsn){.op = IR_CONST, .type = t, .misc = 1, .imm = r->n_pool++});
}

IrVal ir_vconst(IrBuilder *b, IrType t, uint64_t low, uint64_t high)
{
    IrRegion *r = b->r;
    if (t != IR_V128 || (fits_i32((int64_t)low) && high == 0 - (low >> 63)))
        return ir_const(b, t, (int64_t)low);
    IrVal *h = &b->hash[((low ^ high * 31) * 0x9e3779b97f4a7c15ull >> 32) % IR_BUILD_HASH];
    const IrInsn *i = &r->insn[*h];
    if (*h && !b->no_fold && i->op == IR_CONST && i->type == t && i->misc == 1 && r->pool[i->imm] == low &&
        r->pool[i->imm + 1] == high)
        return *h;
    if (UNLIKELY(r->n_pool > IR_MAX_INSNS - 2))
        __builtin_trap(); /* as in emit() */
    unsigned at = r->n_pool;
    r->pool[at] = low;
    r->pool[at + 1] = high;
    r->n_pool = (uint16_t)(at + 2);
    return *h = emit(b, (IrInsn){.op = IR_CONST, .type = t, .misc = 1, .imm = at});
}

IrVal ir_vconst_dup(IrBuilder *b, IrType t, unsigned lane, uint64_t v)
{
    unsigned bits = ir_lane_bits(lane);
    if (bits < 64)
        v &= BIT(bits) - 1;
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return ir_vconst(b, t, v, v);
}

IrVal ir_const(IrBuilder *b, IrType t, int64_t v)
{
    unsigned bits = ir_type_bits(t);
    v = bits == 1 ? v & 1 : bits < 64 ? bits_sext((uint64_t)v, bits) : v;
    if (!fits_i32(v))
        return t == IR_V128 ? ir_vconst(b, t, (uint64_t)v, (uint64_t)(v >> 63)) : const_wide(b, t, v);
    return emit_pure(b, (IrInsn){.op = IR_CONST, .type = t, .imm = (uint32_t)v});
}

/* Which equal ones are found does not depend on where the region is: who compares copies sees the same. */
IrVal ir_here(IrBuilder *b, IrType t, uint64_t v)
{
    IrRegion *r = b->r;
    if (!b->moves)
        return ir_const(b, t, (int64_t)v);
    v = ir_canon(t, v);
    IrVal *h = &b->hash[(ir_canon(t, v - r->pc) * 0x9e3779b97f4a7c15ull >> 32) % IR_BUILD_HASH];
    const IrInsn *i = &r->insn[*h];
    if (*h && !b->no_fold && i->op == IR_HERE && i->type == t && r->pool[i->imm] == v)
        return *h;
    r->pool[r->n_pool] = v;
    return *h = emit(b, (IrInsn){.op = IR_HERE, .type = t, .misc = 1, .imm = r->n_pool++});
}

static IrVal emit_by_flags(IrBuilder *b, IrInsn i)
{
    return ir_op_info[i.op].flags & IR_F_PURE ? emit_pure(b, i) : emit(b, i);
}

IrVal ir_emit(IrBuilder *b, IrInsn i) { return emit_by_flags(b, i); }

IrVal ir_v(IrBuilder *b, IrOp op, IrType t, IrVal a)
{
    if (ir_op_info[op].flags & IR_F_FPX)
        return ir_fp2(b, op, t, IR_RDYN, a, IR_NONE);
    IrVal v = b->no_fold ? IR_NONE : ir_fold_v(b, op, t, a);
    return v ? v : emit_by_flags(b, (IrInsn){.op = op, .type = t, .a = a});
}

IrVal ir_vv(IrBuilder *b, IrOp op, IrType t, IrVal a, IrVal bb)
{
    unsigned flags = ir_op_info[op].flags;
    if (flags & IR_F_FPX)
        return ir_fp2(b, op, t, IR_RDYN, a, bb);
    if (!b->no_fold) {
        if ((flags & IR_F_COMM) &&
            (ir_is_const(b->r, a) ? !ir_is_const(b->r, bb) : !ir_is_const(b->r, bb) && a > bb)) {
            IrVal x = a;
            a = bb;
            bb = x;
        }
        IrVal v = ir_fold_vv(b, op, t, a, bb);
        if (v)
            return v;
    }
    return emit_by_flags(b, (IrInsn){.op = op, .type = t, .a = a, .b = bb});
}

IrVal ir_swap_groups(IrBuilder *b, IrType t, IrVal v, unsigned bits)
{
    uint64_t lower = ir_canon(t, UINT64_MAX / ((1u << bits) + 1));
    IrVal m = ir_const(b, t, (int64_t)lower), n = ir_const(b, t, bits);
    IrVal up = ir_shl(b, t, ir_and(b, t, v, m), n);
    return ir_or(b, t, up, ir_and(b, t, ir_shr(b, t, v, n), m));
}

IrVal ir_rbit(IrBuilder *b, IrType t, IrVal v)
{
    IrVal is = ir_bswap(b, t, v);
    for (unsigned bits = 4; bits; bits >>= 1)
        is = ir_swap_groups(b, t, is, bits);
    b->reversed.of = v;
    b->reversed.is = is;
    b->reversed.type = t;
    return is;
}

IrVal ir_fp2(IrBuilder *b, IrOp op, IrType t, IrRound rm, IrVal a, IrVal bb)
{
    return emit(b, (IrInsn){.op = op, .type = t, .misc = rm, .a = a, .b = bb});
}

static IrVal build_cvt(IrBuilder *b, IrOp op, IrType to, IrVal a)
{
    IrVal v = b->no_fold ? IR_NONE : ir_fold_cvt(b, op, to, a);
    return v ? v : emit_pure(b, (IrInsn){.op = op, .type = to, .misc = type_of(b, a), .a = a});
}

IrVal ir_sext(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_SEXT, to, a); }
IrVal ir_zext(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_ZEXT, to, a); }
IrVal ir_trunc(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_TRUNC, to, a); }
IrVal ir_cast(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_CAST, to, a); }

/* ---- vectors ---- */

IrVal ir_vec(IrBuilder *b, IrOp op, IrType t, unsigned lane, uint32_t attr, IrVal x, IrVal y, IrVal z,
             IrVal w)
{
    IrInsn i = {.op = op, .type = t, .misc = (uint8_t)lane, .a = x, .b = y, .c = z, .d = w, .imm = attr};
    if (!b->no_fold) {
        if ((ir_op_info[op].flags & IR_F_COMM) &&
            (ir_is_const(b->r, x) ? !ir_is_const(b->r, y) : !ir_is_const(b->r, y) && x > y)) {
            i.a = y;
            i.b = x;
        }
        IrVal v = ir_fold_vec(b, &i);
        if (v)
            return v;
    }
    return emit_by_flags(b, i);
}

IrVal ir_vzext(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_VZEXT, to, a); }
IrVal ir_vany(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_VANY, to, a); }
IrVal ir_vlow(IrBuilder *b, IrType to, IrVal a) { return build_cvt(b, IR_VLOW, to, a); }

IrVal ir_xv(IrBuilder *b, bool fp, IrType t, uint32_t enc, IrVal x, IrVal y)
{
    b->r->vectors = true;
    return emit_by_flags(b, (IrInsn){.op = fp ? IR_XVF : IR_XV, .type = t, .a = x, .b = y, .imm = enc});
}

IrVal ir_xv3(IrBuilder *b, bool fp, uint32_t enc, IrVal x, IrVal y, IrVal z)
{
    IrOp op = fp ? IR_XVF : IR_XV;
    b->r->vectors = true;
    return emit_by_flags(b, (IrInsn){.op = op, .type = type_of(b, z), .a = x, .b = y, .c = z, .imm = enc});
}

IrVal ir_flxv(IrBuilder *b, bool fp, uint32_t enc, IrVal x, IrVal y)
{
    IrOp op = fp ? IR_FLXVF : IR_FLXV;
    return emit_by_flags(b, (IrInsn){.op = op, .type = IR_I32, .a = x, .b = y, .imm = enc});
}

IrVal ir_unit(IrBuilder *b, IrType t, uint32_t enc, unsigned helper, IrVal addr, IrVal x)
{
    return emit(b, (IrInsn){.op = IR_UNIT, .type = t, .a = addr, .b = x, .d = (IrVal)helper, .imm = enc});
}

IrVal ir_crc32(IrBuilder *b, unsigned kind, IrVal crc, IrVal data)
{
    return emit_pure(b, (IrInsn){.op = IR_CRC32, .type = IR_I32, .a = crc, .b = data, .imm = IR_VA_N(kind)});
}

IrVal ir_cmp(IrBuilder *b, IrCond c, IrVal a, IrVal bb)
{
    if (!b->no_fold) {
        if (ir_is_const(b->r, a) && !ir_is_const(b->r, bb)) {
            IrVal x = a;
            a = bb;
            bb = x;
            c = ir_cond_swap(c);
        }
        IrVal v = ir_fold_cmp(b, c, a, bb);
        if (v)
            return v;
    }
    return emit_pure(b, (IrInsn){.op = IR_CMP, .type = type_of(b, a), .misc = c, .a = a, .b = bb});
}

/* A comparison for one user: a host compares again for less than it makes a truth value and tests that. */
static IrVal own_compare(IrBuilder *b, IrVal cond)
{
    IrInsn i = b->r->insn[cond];
    if (b->no_fold || i.op != IR_CMP)
        return cond;
    if (cond + 1u < b->r->n_insns)
        return emit(b, i);
    b->hash[insn_hash(&i)] = IR_NONE;
    return cond;
}

IrVal ir_select(IrBuilder *b, IrVal cond, IrVal if_true, IrVal if_false)
{
    IrVal v = b->no_fold ? IR_NONE : ir_fold_select(b, cond, if_true, if_false);
    return v ? v
             : emit_pure(b, (IrInsn){
                                .op = IR_SELECT, .type = type_of(b, if_true), .a = own_compare(b, cond),
                                .b = if_true, .c = if_false});
}

/* ---- memory ---- */

/* base + *disp as the address to use. */
static IrVal data_address(IrBuilder *b, IrVal base, int32_t *disp)
{
    if (LIKELY(!b->untag))
        return base;
    IrVal top = ir_const(b, IR_I64, 8), sum = ir_add(b, IR_I64, base, ir_const(b, IR_I64, *disp));
    *disp = 0;
    return ir_sar(b, IR_I64, ir_shl(b, IR_I64, sum, top), top);
}

IrVal ir_ld(IrBuilder *b, IrType t, IrVal base, int32_t disp, IrMem mem)
{
    base = data_address(b, base, &disp);
    b->r->vectors |= t == IR_V128;
    return emit(b, (IrInsn){.op = IR_LD, .type = t, .a = base, .d = mem.raw, .imm = (uint32_t)disp});
}

void ir_st(IrBuilder *b, IrVal value, IrVal base, int32_t disp, IrMem mem)
{
    base = data_address(b, base, &disp);
    emit(b,
         (IrInsn){.op = IR_ST, .type = type_of(b, value), .a = base, .c = value, .d = mem.raw,
                  .imm = (uint32_t)disp});
}

void ir_st2(IrBuilder *b, IrVal low, IrVal high, IrVal base, int32_t disp, IrMem mem)
{
    base = data_address(b, base, &disp);
    mem.size = 5;
    emit(b, (IrInsn){.op = IR_ST2, .type = IR_V128, .a = base, .b = high, .c = low, .d = mem.raw,
                     .imm = (uint32_t)disp});
}

IrVal ir_ldm(IrBuilder *b, unsigned lane, IrVal mask, IrVal base, int32_t disp, IrMem mem)
{
    base = data_address(b, base, &disp);
    mem.size = 4;
    return emit(b, (IrInsn){.op = IR_LDM, .type = IR_V128, .misc = (uint8_t)lane, .a = base, .b = mask,
                            .d = mem.raw, .imm = (uint32_t)disp});
}

void ir_stm(IrBuilder *b, unsigned lane, IrVal mask, IrVal value, IrVal base, int32_t disp, IrMem mem)
{
    base = data_address(b, base, &disp);
    mem.size = 4;
    emit(b, (IrInsn){.op = IR_STM, .type = IR_V128, .misc = (uint8_t)lane, .a = base, .b = mask, .c = value,
                     .d = mem.raw, .imm = (uint32_t)disp});
}

IrVal ir_rmw(IrBuilder *b, IrRmw op, IrType t, IrVal addr, IrVal value, IrMem mem)
{
    addr = data_address(b, addr, &(int32_t){0});
    return emit(b, (IrInsn){.op = IR_RMW, .type = t, .misc = op, .a = addr, .c = value, .d = mem.raw});
}

IrVal ir_rmw_value(IrBuilder *b, IrRmw op, IrType t, IrVal old, IrVal value)
{
    switch (op) {
    case IR_RMW_ADD: return ir_add(b, t, old, value);
    case IR_RMW_AND: return ir_and(b, t, old, value);
    case IR_RMW_OR: return ir_or(b, t, old, value);
    case IR_RMW_XOR: return ir_xor(b, t, old, value);
    case IR_RMW_MIN: return ir_select(b, ir_cmp(b, IR_LT, old, value), old, value);
    case IR_RMW_MAX: return ir_select(b, ir_cmp(b, IR_LT, old, value), value, old);
    case IR_RMW_MINU: return ir_select(b, ir_cmp(b, IR_LTU, old, value), old, value);
    case IR_RMW_MAXU: return ir_select(b, ir_cmp(b, IR_LTU, old, value), value, old);
    case IR_RMW_XCHG: return value;
    }
    __builtin_unreachable();
}

IrVal ir_cas(IrBuilder *b, IrType t, IrVal addr, IrVal expected, IrVal desired, IrMem mem)
{
    addr = data_address(b, addr, &(int32_t){0});
    return emit(b, (IrInsn){.op = IR_CAS, .type = t, .a = addr, .b = expected, .c = desired, .d = mem.raw});
}

IrVal ir_bulk(IrBuilder *b, unsigned kind, IrVal x, IrVal y, IrVal n)
{
    return emit(b, (IrInsn){.op = IR_BULK, .type = IR_I64, .misc = (uint8_t)kind, .a = x, .b = y, .c = n});
}

void ir_fence(IrBuilder *b, unsigned mask) { emit(b, (IrInsn){.op = IR_FENCE, .imm = mask}); }

/* ---- floating point ---- */

IrVal ir_fma(IrBuilder *b, IrType t, IrRound rm, bool neg_product, bool neg_addend, IrVal x, IrVal y, IrVal z)
{
    return emit(b, (IrInsn){.op = IR_FMA, .type = t, .misc = rm, .a = x, .b = y, .c = z,
                            .imm = (neg_product ? 1u : 0) | (neg_addend ? 2u : 0)});
}

IrVal ir_fcmp(IrBuilder *b, IrFcond c, IrVal x, IrVal y)
{
    return emit(b, (IrInsn){.op = IR_FCMP, .type = type_of(b, x), .misc = c, .a = x, .b = y});
}

IrVal ir_fsgn(IrBuilder *b, unsigned how, IrVal x, IrVal sign)
{
    IrVal v = b->no_fold ? IR_NONE : ir_fold_fsgn(b, how, x, sign);
    return v ? v
           : emit_pure(b, (IrInsn){.op = IR_FSGN, .type = type_of(b, x), .misc = how, .a = x, .b = sign});
}

IrVal ir_fclass(IrBuilder *b, IrVal x)
{
    return emit_pure(b, (IrInsn){.op = IR_FCLASS, .type = IR_I32, .misc = type_of(b, x), .a = x});
}

IrVal ir_fcvt(IrBuilder *b, IrOp op, IrType to, unsigned round_and_flags, IrVal x)
{
    return emit(b,
                (IrInsn){.op = op, .type = to, .misc = type_of(b, x), .a = x, .d = (IrVal)round_and_flags});
}

IrVal ir_fcvt_fixed(IrBuilder *b, IrOp op, IrType to, unsigned round_and_flags, unsigned fbits, IrVal x)
{
    return emit(b,
                (IrInsn){.op = op, .type = to, .misc = type_of(b, x), .a = x, .d = (IrVal)round_and_flags,
                         .imm = fbits});
}

IrVal ir_flfcmp(IrBuilder *b, bool signaling, IrVal x, IrVal y)
{
    return emit(b, (IrInsn){.op = IR_FLFCMP, .type = type_of(b, x), .misc = signaling, .a = x, .b = y});
}

IrVal ir_fcc(IrBuilder *b, unsigned cond, IrVal x, IrVal y)
{
    return emit_pure(b, (IrInsn){.op = IR_FCC, .type = type_of(b, x), .misc = (uint8_t)cond, .a = x, .b = y});
}

IrVal ir_ffget(IrBuilder *b) { return emit(b, (IrInsn){.op = IR_FFGET, .type = IR_I32}); }
void ir_ffput(IrBuilder *b, IrVal flags) { emit(b, (IrInsn){.op = IR_FFPUT, .a = flags}); }
void ir_frmput(IrBuilder *b, IrVal round) { emit(b, (IrInsn){.op = IR_FRMPUT, .a = round}); }

/* ---- leaving ---- */

IrVal ir_call(IrBuilder *b, unsigned helper, const IrVal *args, unsigned n_args)
{
    const IrHelper *h = &b->r->helpers[helper];
    IrInsn i = {.op = IR_CALL, .type = h->ret, .imm = helper};
    for (unsigned k = 0; k < n_args; k++)
        i.arg[k] = args[k];
    if (h->flags & IR_H_STATE)
        ir_commit(b);
    IrVal v = emit(b, i);
    if (h->flags & IR_H_STATE)
        ir_forget_slots(b);
    return v;
}

static unsigned add_exit(IrBuilder *b, IrExit x)
{
    IrRegion *r = b->r;
    if (UNLIKELY(r->n_exits == IR_MAX_EXITS))
        __builtin_trap();
    r->exit[r->n_exits] = x;
    return r->n_exits++;
}

unsigned ir_exit_direct(IrBuilder *b, uint64_t pc, bool poll)
{
    return add_exit(b, (IrExit){.pc = pc, .kind = IR_EXIT_DIRECT, .poll = poll});
}

unsigned ir_exit_far(IrBuilder *b, uint64_t pc)
{
    return add_exit(b, (IrExit){.pc = pc, .kind = IR_EXIT_FAR});
}

unsigned ir_exit_raise(IrBuilder *b, uint64_t pc, unsigned code)
{
    return add_exit(b, (IrExit){.pc = pc, .kind = IR_EXIT_RAISE, .code = (uint16_t)code});
}

void ir_expect_return(IrBuilder *b, uint64_t pc)
{
    unsigned k = ir_exit_direct(b, pc, false);
    b->r->ret_exit = (uint16_t)(k + 1);
}

void ir_exit_if(IrBuilder *b, IrVal cond, unsigned exit, bool likely)
{
    ir_commit(b);
    if (!b->no_fold && ir_is_const(b->r, cond) && ir_const_value(b->r, cond) == 0)
        return;
    cond = own_compare(b, cond);
    emit(b, (IrInsn){.op = IR_EXIT_IF, .misc = likely, .a = cond, .imm = exit});
}

void ir_poll(IrBuilder *b, unsigned exit)
{
    ir_commit(b);
    emit(b, (IrInsn){.op = IR_POLL, .imm = exit});
}

void ir_exit(IrBuilder *b, unsigned exit)
{
    ir_commit(b);
    emit(b, (IrInsn){.op = IR_EXIT, .imm = exit});
}

void ir_exit_ind(IrBuilder *b, IrVal target, IrHint hint)
{
    ir_commit(b);
    emit(b, (IrInsn){.op = IR_EXIT_IND, .misc = hint, .a = target});
}

bool ir_writes_since(const IrRegion *r, const IrInsn *from)
{
    for (const IrInsn *i = from + 1; i < r->insn + r->n_insns; i++)
        if (ir_stores(i->op) || i->op == IR_CALL || i->op == IR_UNIT)
            return true;
    return false;
}

bool ir_accesses_since(const IrRegion *r, const IrInsn *from)
{
    for (const IrInsn *i = from + 1; i < r->insn + r->n_insns; i++)
        if (i->op == IR_LD || i->op == IR_LDM || i->op == IR_FENCE)
            return true;
    return ir_writes_since(r, from);
}

unsigned ir_block(IrBuilder *b)
{
    IrRegion *r = b->r;
    if (UNLIKELY(r->n_blocks == IR_MAX_BLOCKS))
        __builtin_trap();
    close_block(b);
    b->block = r->n_blocks++;
    r->block[b->block] = (IrBlock){.first = r->n_insns, .end = r->n_insns};
    /* what is known of slots, and values of blocks that need not dominate this one */
    memset(b->cur, 0, r->n_slots * sizeof b->cur[0]);
    memset(b->hash, 0, sizeof b->hash);
    return b->block;
}

void ir_br(IrBuilder *b, unsigned block)
{
    ir_commit(b);
    emit(b, (IrInsn){.op = IR_BR, .imm = block});
}

void ir_brcond(IrBuilder *b, IrVal cond, unsigned if_true, unsigned if_false)
{
    ir_commit(b);
    emit(b, (IrInsn){.op = IR_BRCOND, .a = cond, .b = (IrVal)if_false, .imm = if_true});
}
