/* AVX-512: memory operands, moves between registers and memory, masked elements of which are not touched. */
#include "target/x86/x86_trans_evex.h"

static unsigned log2_of(unsigned bytes)
{
    return (unsigned)__builtin_ctz(bytes);
}

/* `bytes` at a + at: 1 to 16. */
static IrVal load_part(Trans *t, X86Addr a, unsigned at, unsigned bytes)
{
    IrBuilder *b = t->b;
    a.disp += (int32_t)at;
    if (bytes == 16)
        return ir_ld(b, IR_V128, a.base, a.disp, x86_mem(t, 16));
    if (bytes <= 2)
        return ir_vzext(b, IR_V128, ir_zext(b, IR_I32, x86_ld(t, a, bytes)));
    return ir_vzext(b, IR_V128, ir_ld(b, bytes == 8 ? IR_F64 : IR_F32, a.base, a.disp, x86_mem(t, bytes)));
}

static X86Zmm load_plain(Trans *t, X86Addr a, unsigned bytes)
{
    X86Zmm v = {.n = (bytes + 15) / 16};
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = load_part(t, a, 16 * p, MIN(bytes, 16u));
    return v;
}

/* By C, which leaves them in X86Cpu.scratch. */
static X86Zmm load_in_c(Trans *t, const X86Insn *x, unsigned bytes)
{
    X86Zmm v = {.n = (bytes + 15) / 16};
    x86_z_call(t, x, EV_LOAD, bytes, x86_linear64(t, x));
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = ir_get(t->b, X86_SLOT_SCRATCH + p);
    return v;
}

/* The mask's bits of part p of `bytes` bytes in memory. */
static IrVal bits_for(Trans *t, IrVal k, unsigned lane, unsigned p, unsigned bytes)
{
    unsigned each = 16u >> lane, n = MIN(bytes >> lane, each);
    return x86_k_bits(t, ir_shr(t->b, IR_I64, k, x86_c(t, IR_I64, p * each)), n);
}

static X86Zmm load_lanes(Trans *t, const X86Insn *x, unsigned bytes, unsigned lane)
{
    X86Zmm v = {.n = (bytes + 15) / 16};
    X86Addr a = x86_addr(t, x);
    IrVal k = x86_k(t, x->mask);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = ir_ldm(t->b, lane, bits_for(t, k, lane, p, bytes), a.base, a.disp + 16 * (int32_t)p,
                        x86_mem(t, 16));
    return v;
}

/* One element for all, of 1 << lane bytes, if any is asked for. */
static X86Zmm load_any(Trans *t, const X86Insn *x, unsigned lane)
{
    unsigned n = (16u << x->vl) >> MAX(x->row->lane, x->row->source);
    X86Addr a = x86_addr(t, x);
    IrVal any = ir_cmp(t->b, IR_NE, x86_k_bits(t, x86_k(t, x->mask), n), x86_c(t, IR_I64, 0));
    IrVal bit = ir_zext(t->b, IR_I64, any);
    return (X86Zmm){{ir_ldm(t->b, lane, bit, a.base, a.disp, x86_mem(t, 16))}, 1};
}

/* Elements that the mask asks for, zeros for the others. Where elements of the source and of the result are
 * not the same number, by C. */
static X86Zmm load_masked(Trans *t, const X86Insn *x, unsigned bytes)
{
    unsigned source = x->row->source, handler = x->row->handler;
    bool grouped = source > x->row->lane && handler == X86_H_evbcast;
    if (grouped || source > IR_LANE_64 || !(t->b->masked >> source & 1))
        return load_in_c(t, x, bytes);
    if (x->evb || handler == X86_H_evbcast)
        return load_any(t, x, source);
    return load_lanes(t, x, bytes, source);
}

X86Zmm x86_z_source(Trans *t, const X86Insn *x, unsigned k)
{
    unsigned bytes = x86_size(x, k), source = x->row->source;
    if (x->mod == 3) {
        X86Zmm v = {.n = MAX(bytes / 16, 1u)};
        for (unsigned p = 0; p < v.n; p++)
            v.p[p] = ir_get(t->b, x86_slot_xmm(x->rm) + p);
        return v;
    }
    unsigned in_memory = x->evb ? 1u << source : bytes;
    bool masked = x->mask && !(x->row->evex & X86_EV_NF);
    X86Zmm v = masked ? load_masked(t, x, in_memory) : load_plain(t, x86_addr(t, x), in_memory);
    if (x->evb) {
        v.p[0] = ir_vdupl(t->b, IR_V128, source, 0, v.p[0]);
        v.n = MAX(bytes / 16, 1u);
        for (unsigned p = 1; p < v.n; p++)
            v.p[p] = v.p[0];
    }
    return v;
}

/* Raises where the address is no multiple of `bytes`, if the mask asks for anything. */
static void align(Trans *t, const X86Insn *x, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrVal low = ir_and(b, IR_I64, x86_linear64(t, x), x86_c(t, IR_I64, bytes - 1));
    IrVal bad = ir_cmp(b, IR_NE, low, x86_c(t, IR_I64, 0));
    if (x->mask) {
        IrVal asked = x86_k_bits(t, x86_k(t, x->mask), bytes >> x->row->lane);
        bad = ir_and(b, IR_I1, bad, ir_cmp(b, IR_NE, asked, x86_c(t, IR_I64, 0)));
    }
    ir_exit_if(b, bad, ir_exit_raise(b, t->pc, CPU_EXIT_PROTECTION), false);
}

/* arg: the address must be a multiple of the size. */
void x86_trans_evload(Trans *t, const X86Insn *x)
{
    if (x->row->arg && x->mod != 3)
        align(t, x, x86_size(x, 1));
    x86_z_result(t, x, x86_z_source(t, x, 1));
}

void x86_trans_evstore(Trans *t, const X86Insn *x)
{
    x86_z_store(t, x, x86_z_reg(t, x, x->reg), x86_size(x, 0), x->row->arg);
}

static void store_part(Trans *t, X86Addr a, unsigned bytes, IrVal v)
{
    IrBuilder *b = t->b;
    if (bytes == 16)
        ir_st(b, v, a.base, a.disp, x86_mem(t, 16));
    else if (bytes >= 4)
        ir_st(b, ir_vlow(b, bytes == 8 ? IR_F64 : IR_F32, v), a.base, a.disp, x86_mem(t, bytes));
    else
        x86_st(t, a, bytes, ir_trunc(b, x86_type(bytes), ir_vget(b, IR_I32, bytes - 1, 0, v)));
}

static void store_in_c(Trans *t, const X86Insn *x, X86Zmm v, unsigned bytes)
{
    for (unsigned p = 0; p < v.n; p++)
        ir_put(t->b, X86_SLOT_SCRATCH + p, v.p[p]);
    x86_z_call(t, x, EV_STORE, bytes, x86_linear64(t, x));
    if (t->ctx & X86_CTX_STORE)
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

static void store_lanes(Trans *t, const X86Insn *x, X86Zmm v, unsigned bytes)
{
    unsigned lane = x->row->lane;
    X86Addr a = x86_addr(t, x);
    IrVal k = x86_k(t, x->mask);
    for (unsigned p = 0; p < v.n; p++)
        ir_stm(t->b, lane, bits_for(t, k, lane, p, bytes), v.p[p], a.base, a.disp + 16 * (int32_t)p,
               x86_mem(t, 16));
}

void x86_z_store(Trans *t, const X86Insn *x, X86Zmm v, unsigned bytes, bool aligned)
{
    bool whole = x->row->evex & X86_EV_NF; /* masked elements must be there, too */
    if (x->mod == 3) {
        v = x86_z_merge(t, x, x->rm, v);
        if (bytes < 16)
            v.p[0] = bytes == 8 ? ir_vzext(t->b, IR_V128, ir_vlow(t->b, IR_F64, v.p[0]))
                                : ir_vzext(t->b, IR_V128, ir_vget(t->b, IR_I32, log2_of(bytes), 0, v.p[0]));
        x86_z_put(t, x->rm, v);
        return;
    }
    if (aligned)
        align(t, x, bytes);
    if (t->ctx & X86_CTX_STORE || (x->mask && (whole || !(t->b->masked >> x->row->lane & 1)))) {
        store_in_c(t, x, v, bytes);
        return;
    }
    if (!aligned && bytes > (x->mask ? 16 : 32))
        x86_leave_at_page_end(t, x, bytes);
    if (x->mask)
        store_lanes(t, x, v, bytes);
    else if (bytes < 32)
        store_part(t, x86_addr(t, x), bytes, v.p[0]);
    for (unsigned p = 0; !x->mask && bytes >= 32 && p < v.n; p += 2) {
        X86Addr a = x86_addr(t, x);
        x86_vstore(t, (X86Addr){a.base, a.disp + 16 * (int32_t)p}, (X86Vec){v.p[p], v.p[p + 1]}, false);
    }
}

/* vmovss, vmovsd. arg: 0 load, 1 store; between registers the rest is vvvv's. */
void x86_trans_evmovs(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned store = x->row->arg, lane = x->row->lane, to = store ? x->rm : x->reg;
    if (x->mod != 3 && store) {
        x86_z_store(t, x, x86_z_reg(t, x, x->reg), 1u << lane, false);
        return;
    }
    IrVal m = x86_z_mask0(t, x, lane), old = x->zero ? x86_zero(t) : ir_get(b, x86_slot_xmm(to)), v;
    if (x->mod != 3) {
        v = x86_z_source(t, x, 1).p[0];
        if (m)
            old = ir_vzext(b, IR_V128, ir_vlow(b, lane == 3 ? IR_F64 : IR_F32, old));
    } else {
        v = ir_vsetv(b, IR_V128, lane, 0, ir_get(b, x86_slot_xmm(x->vvvv)),
                     ir_get(b, x86_slot_xmm(store ? x->reg : x->rm)));
    }
    if (m)
        v = ir_vbsl(b, IR_V128, IR_LANE_8, 0, m, v, old);
    x86_z_put(t, to, (X86Zmm){{v}, 1});
}

/* arg: log2 of the bytes that are repeated. */
void x86_trans_evbcast(Trans *t, const X86Insn *x)
{
    unsigned how = x->row->arg;
    X86Zmm y = x86_z_source(t, x, 1), v = {.n = x86_z_parts(x)};
    if (how < 4)
        y.p[0] = ir_vdupl(t->b, IR_V128, how, 0, y.p[0]);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = how == 5 ? y.p[p & 1] : y.p[0];
    x86_z_result(t, x, v);
}

/* From a general register; arg: the lane. */
void x86_trans_evbcastg(Trans *t, const X86Insn *x)
{
    unsigned lane = x->row->arg;
    IrVal v = ir_vdup(t->b, IR_V128, lane, 0, x86_reg(t, x->rm, lane == 3 ? 8 : 4, false));
    x86_z_result(t, x, (X86Zmm){{v, v, v, v}, x86_z_parts(x)});
}

/* arg: 1, 2: of so many parts */
void x86_trans_evinsert(Trans *t, const X86Insn *x)
{
    unsigned n = x->row->arg, at = (unsigned)x->imm * n & (x86_z_parts(x) - 1);
    X86Zmm y = x86_z_source(t, x, 1), v = x86_z_first(t, x);
    for (unsigned p = 0; p < n; p++)
        v.p[at + p] = y.p[p];
    x86_z_result(t, x, v);
}

void x86_trans_evextract(Trans *t, const X86Insn *x)
{
    unsigned n = x->row->arg, at = (unsigned)x->imm * n & (x86_z_parts(x) - 1);
    X86Zmm y = x86_z_reg(t, x, x->reg), v = {.n = n};
    for (unsigned p = 0; p < n; p++)
        v.p[p] = y.p[at + p];
    x86_z_store(t, x, v, 16 * n, false);
}
