/* Vector registers of 128 and, with VEX, 256 bits: two values of 128. Most instructions are rows of the IR by
 * their own encoding (xv). The VEX form
 * of an instruction has another first source (vvvv) and clears what is above its result. Source: AMD64 APM
 * volume 4. */
#include "target/x86/x86_trans.h"

static IrVal xmm(Trans *t, unsigned r)
{
    return ir_get(t->b, x86_slot_xmm(r));
}
static IrVal zero(Trans *t)
{
    return ir_vconst(t->b, IR_V128, 0, 0);
}

X86Vec x86_vreg(Trans *t, const X86Insn *x, unsigned r)
{
    return (X86Vec){xmm(t, r), x->wide ? ir_get(t->b, x86_slot_ymmh(r)) : IR_NONE};
}

void x86_put_vreg(Trans *t, const X86Insn *x, unsigned r, X86Vec v)
{
    ir_put(t->b, x86_slot_xmm(r), v.lo);
    if (v.hi)
        ir_put(t->b, x86_slot_ymmh(r), v.hi);
    if (x->vex)
        x86_zero_above(t, r, v.hi ? 2 : 1);
}

void x86_zero_above(Trans *t, unsigned r, unsigned parts)
{
    if (parts < 2)
        ir_put(t->b, x86_slot_xmm(r) + 1, zero(t));
    for (unsigned p = 2; parts < 4 && p < 4 && (r >= 16 || t->ctx & X86_CTX_ZMM); p++)
        ir_put(t->b, x86_slot_xmm(r) + p, zero(t));
}

/* Of 128 bits. */
static void put_xmm(Trans *t, const X86Insn *x, unsigned r, IrVal v)
{
    x86_put_vreg(t, x, r, (X86Vec){v, IR_NONE});
}

static IrMem mem16(Trans *t, bool aligned)
{
    IrMem m = x86_mem(t, 16);
    m.sext = aligned;
    return m;
}

X86Vec x86_vload(Trans *t, X86Addr a, bool wide, bool aligned)
{
    X86Vec v = {ir_ld(t->b, IR_V128, a.base, a.disp, mem16(t, aligned)), IR_NONE};
    if (wide)
        v.hi = ir_ld(t->b, IR_V128, a.base, a.disp + 16, x86_mem(t, 16));
    return v;
}

void x86_vstore(Trans *t, X86Addr a, X86Vec v, bool aligned)
{
    if (a.seg)
        x86_seg_write(t, a.seg - 1u);
    if (v.hi && x86_sys(t)) {
        ir_st(t->b, v.lo, a.base, a.disp, x86_mem(t, 16));
        ir_st(t->b, v.hi, a.base, a.disp + 16, x86_mem(t, 16));
    } else if (v.hi)
        ir_st2(t->b, v.lo, v.hi, a.base, a.disp, x86_mem(t, 16));
    else
        ir_st(t->b, v.lo, a.base, a.disp, mem16(t, aligned));
}

void x86_leave_at_page_end(Trans *t, const X86Insn *x, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrType word = x86_linear_type(t);
    IrVal at = x86_linear(t, x), last = ir_add(b, word, at, x86_c(t, word, bytes - 1));
    IrVal two = ir_cmp(b, IR_GEU, ir_xor(b, word, at, last), x86_c(t, word, 4096));
    ir_put(b, X86_SLOT_STORE, ir_zext(b, IR_I32, two));
    ir_exit_if(b, two, ir_exit_raise(b, t->pc, CPU_EXIT_CTX), false);
}

/* Those of SSE but for the strings, and on AMD's processors those of SHA; moves say it. */
static bool wants_aligned(const Trans *t, const X86Insn *x)
{
    bool free = x->row->handler == X86_H_xvpcmpstr || (x->row->handler == X86_H_xvsha && x86_is_amd(t));
    return !x->vex && !free;
}

X86Vec x86_vsource(Trans *t, const X86Insn *x, unsigned k)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, k);
    if (x->mod == 3)
        return bytes == 32 ? x86_vreg(t, x, x->rm) : (X86Vec){xmm(t, x->rm), IR_NONE};
    X86Addr a = x86_addr(t, x);
    if (bytes >= 16)
        return x86_vload(t, a, bytes == 32, wants_aligned(t, x));
    if (bytes <= 2) {
        IrVal v = ir_zext(b, IR_I32, x86_ld(t, a, bytes));
        return (X86Vec){ir_vzext(b, IR_V128, v), IR_NONE};
    }
    IrVal v = ir_ld(b, bytes == 8 ? IR_F64 : IR_F32, a.base, a.disp, x86_mem(t, bytes));
    return (X86Vec){ir_vzext(b, IR_V128, v), IR_NONE};
}

/* Of 128 bits, or less. */
static IrVal source(Trans *t, const X86Insn *x, unsigned k)
{
    return x86_vsource(t, x, k).lo;
}

X86Vec x86_vfirst(Trans *t, const X86Insn *x)
{
    return x86_vreg(t, x, x->row->attr & X86_NDS ? x->vvvv : x->reg);
}

static IrVal first(Trans *t, const X86Insn *x)
{
    return xmm(t, x->row->attr & X86_NDS ? x->vvvv : x->reg);
}

static unsigned map_of(const X86Insn *x)
{
    return x->row->map >= X86_MAP_V0F ? (x->row->map - X86_MAP_V0F) % 3u + X86_MAP_0F : x->row->map;
}

/* cmpps has eight conditions, with VEX 32; insertps takes all of a memory operand. */
static unsigned imm_mask(const X86Insn *x)
{
    if (map_of(x) == X86_MAP_0F && x->row->opc == 0xc2)
        return x->vex ? 31 : 7;
    return map_of(x) == X86_MAP_3A && x->row->opc == 0x21 && x->mod != 3 ? 0x3f : 0xff;
}

uint32_t x86_encoding(const X86Insn *x)
{
    static const uint8_t pp[] = {[X86_PFX_NP] = 0, [X86_PFX_66] = 1, [X86_PFX_F3] = 2, [X86_PFX_F2] = 3};
    uint32_t enc = IR_XV(pp[x->row->pfx], map_of(x), x->row->opc);
    bool affine = map_of(x) == X86_MAP_3A && (x->row->opc | 1) == 0xcf; /* in the VEX form W is needed */
    if (x->row->attr & X86_W1 || affine)
        enc |= IR_XV_W;
    if (x->row->opd[2] == X86_OPD_Ib)
        enc |= IR_XV_IMM | (uint32_t)(x->imm & imm_mask(x)) << 16;
    return enc;
}

/* The same for the upper half, for which some take other bits of the immediate. */
static uint32_t encoding_high(const X86Insn *x)
{
    uint32_t enc = x86_encoding(x), low = enc & 0xffff;
    unsigned shift = 0;
    if (!(enc & IR_XV_IMM))
        return enc;
    switch ((unsigned)map_of(x) << 8 | x->row->opc) {
    case X86_MAP_0F << 8 | 0xc6: shift = x->row->pfx == X86_PFX_66 ? 2 : 0; break; /* shufpd */
    case X86_MAP_3A << 8 | 0x05:                                                   /* vpermilpd */
    case X86_MAP_3A << 8 | 0x0d: shift = 2; break;                                 /* blendpd */
    case X86_MAP_3A << 8 | 0x02:                                                   /* vpblendd */
    case X86_MAP_3A << 8 | 0x0c: shift = 4; break;                                 /* blendps */
    case X86_MAP_3A << 8 | 0x42: shift = 3; break;                                 /* mpsadbw */
    default: break;
    }
    return low | (enc >> shift & 0xff0000);
}

static bool looks_at_mxcsr(const X86Insn *x)
{
    return x->row->arg;
}

void x86_trans_xv1(Trans *t, const X86Insn *x)
{
    bool fp = looks_at_mxcsr(x);
    X86Vec v = x86_vsource(t, x, 1);
    v.lo = ir_xv(t->b, fp, IR_V128, x86_encoding(x), IR_NONE, v.lo);
    if (x->wide)
        v.hi = ir_xv(t->b, fp, IR_V128, encoding_high(x), IR_NONE, v.hi);
    x86_put_vreg(t, x, x->reg, v);
}

/* Of a scalar the rest of the register is the first source's. */
void x86_trans_xv2(Trans *t, const X86Insn *x)
{
    bool fp = looks_at_mxcsr(x);
    X86Vec y = x86_vsource(t, x, 1), a = x86_vfirst(t, x);
    bool wide = y.hi != IR_NONE;
    a.lo = ir_xv(t->b, fp, IR_V128, x86_encoding(x), a.lo, y.lo);
    a.hi = wide ? ir_xv(t->b, fp, IR_V128, encoding_high(x), a.hi, y.hi) : IR_NONE;
    x86_put_vreg(t, x, x->reg, a);
}

/* FMA: the destination is a source, too. */
void x86_trans_vfma(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1), a = x86_vfirst(t, x), d = x86_vreg(t, x, x->reg);
    uint32_t enc = x86_encoding(x);
    bool wide = y.hi != IR_NONE;
    d.lo = ir_xv3(t->b, true, enc, a.lo, y.lo, d.lo);
    d.hi = wide ? ir_xv3(t->b, true, enc, a.hi, y.hi, d.hi) : IR_NONE;
    x86_put_vreg(t, x, x->reg, d);
}

/* They have no VEX form; sha256rnds2 reads xmm0. */
void x86_trans_xvsha(Trans *t, const X86Insn *x)
{
    IrVal y = source(t, x, 1), a = xmm(t, x->reg);
    uint32_t enc = x86_encoding(x) | IR_XV_SSE;
    put_xmm(t, x, x->reg,
            x->row->arg ? ir_xv3(t->b, false, enc | IR_XV_XMM0, a, y, xmm(t, 0))
                        : ir_xv(t->b, false, IR_V128, enc, a, y));
}

void x86_trans_xvlogic(Trans *t, const X86Insn *x)
{
    static const uint8_t ops[] = {IR_VAND, IR_VANDN, IR_VOR, IR_VXOR};
    unsigned how = x->row->arg;
    if (x->mod == 3 && x->rm == (x->vex ? x->vvvv : x->reg) && how & 1) {
        X86Vec none = {zero(t), x->wide ? zero(t) : IR_NONE};
        x86_put_vreg(t, x, x->reg, none);
        return;
    }
    X86Vec y = x86_vsource(t, x, 1), a = x86_vfirst(t, x);
    if (how == 1) { /* the first is inverted */
        X86Vec s = a;
        a = y;
        y = s;
    }
    IrOp op = (IrOp)ops[how];
    a.lo = ir_vec(t->b, op, IR_V128, IR_LANE_8, 0, a.lo, y.lo, IR_NONE, IR_NONE);
    if (x->wide)
        a.hi = ir_vec(t->b, op, IR_V128, IR_LANE_8, 0, a.hi, y.hi, IR_NONE, IR_NONE);
    x86_put_vreg(t, x, x->reg, a);
}

/* arg: the address must be a multiple of the size. Looked at for 256 bits alone. */
static void align(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (!x->row->arg || !x->wide || x->mod == 3)
        return;
    IrType w = x86_linear_type(t);
    X86Addr a = x86_addr(t, x);
    uint64_t seen = a.base | (uint64_t)(a.disp & 31) << 32 | 1ull << 63;
    if (t->target_store[0] == seen)
        return;
    t->target_store[0] = seen; /* what stands at other multiples of 32 from there is aligned, too */
    IrVal low = ir_and(b, w, x86_linear(t, x), x86_c(t, w, 31));
    ir_exit_if(b, ir_cmp(b, IR_NE, low, x86_c(t, w, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_PROTECTION), false);
}

void x86_trans_xvload(Trans *t, const X86Insn *x)
{
    align(t, x);
    if (x->mod == 3)
        x86_put_vreg(t, x, x->reg, x86_vreg(t, x, x->rm));
    else
        x86_put_vreg(t, x, x->reg, x86_vload(t, x86_addr(t, x), x->wide, x->row->arg));
}

void x86_trans_xvstore(Trans *t, const X86Insn *x)
{
    X86Vec v = x86_vreg(t, x, x->reg);
    align(t, x);
    if (x->mod == 3)
        x86_put_vreg(t, x, x->rm, v);
    else
        x86_vstore(t, x86_addr(t, x), v, x->row->arg);
}

static void store_low(Trans *t, const X86Insn *x, unsigned bytes, IrVal v)
{
    X86Addr a = x86_addr(t, x);
    IrType ty = bytes == 8 ? IR_F64 : IR_F32;
    if (a.seg)
        x86_seg_write(t, a.seg - 1u);
    ir_st(t->b, ir_vlow(t->b, ty, v), a.base, a.disp, x86_mem(t, bytes));
}

/* arg: 0 movss, movsd load; 1 store; 2 movq load; 3 movq store. Between registers the scalars keep what is
 * above, movq clears it. */
void x86_trans_xvmovs(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned how = x->row->arg, bytes = x86_size(x, how & 1 ? 0 : 1);
    if (x->mod != 3) {
        if (how & 1)
            store_low(t, x, bytes, xmm(t, x->reg));
        else
            put_xmm(t, x, x->reg, source(t, x, 1));
        return;
    }
    unsigned to = how & 1 ? x->rm : x->reg, from = how & 1 ? x->reg : x->rm;
    if (how >= 2)
        put_xmm(t, x, to, ir_vzext(b, IR_V128, ir_vlow(b, IR_F64, xmm(t, from))));
    else
        put_xmm(t, x, to,
                ir_vsetv(b, IR_V128, bytes == 8 ? IR_LANE_64 : IR_LANE_32, 0, xmm(t, x->vex ? x->vvvv : to),
                         xmm(t, from)));
}

/* movhlps: low = source's high; movlhps: high = source's low */
void x86_trans_xvmovhl(Trans *t, const X86Insn *x)
{
    uint32_t attr = x->row->arg ? IR_VA_N(1) : IR_VA_M(1);
    put_xmm(t, x, x->reg, ir_vsetv(t->b, IR_V128, IR_LANE_64, attr, first(t, x), xmm(t, x->rm)));
}

static void half(Trans *t, const X86Insn *x, unsigned lane)
{
    IrBuilder *b = t->b;
    if (x->row->arg) {
        X86Addr a = x86_addr(t, x);
        if (lane == 0)
            store_low(t, x, 8, xmm(t, x->reg));
        else
            x86_st(t, a, 8, ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(1), xmm(t, x->reg)));
        return;
    }
    X86Addr a = x86_addr(t, x);
    IrVal v = ir_vzext(b, IR_V128, ir_ld(b, IR_F64, a.base, a.disp, x86_mem(t, 8)));
    put_xmm(t, x, x->reg, ir_vsetv(b, IR_V128, IR_LANE_64, IR_VA_N(lane), first(t, x), v));
}

void x86_trans_xvlow(Trans *t, const X86Insn *x)
{
    half(t, x, 0);
}
void x86_trans_xvhigh(Trans *t, const X86Insn *x)
{
    half(t, x, 1);
}

void x86_trans_xvfromgpr(Trans *t, const X86Insn *x)
{
    if (x->mod != 3) {
        unsigned bytes = x86_size(x, 1);
        X86Addr a = x86_addr(t, x);
        IrVal v = ir_ld(t->b, bytes == 8 ? IR_F64 : IR_F32, a.base, a.disp, x86_mem(t, bytes));
        put_xmm(t, x, x->reg, ir_vzext(t->b, IR_V128, v));
        return;
    }
    put_xmm(t, x, x->reg, ir_vzext(t->b, IR_V128, x86_read(t, x, 1)));
}

void x86_trans_xvtogpr(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    if (x->mod != 3)
        store_low(t, x, bytes, xmm(t, x->reg));
    else
        x86_write(t, x, 0,
                  ir_vget(t->b, x86_type(bytes), bytes == 8 ? IR_LANE_64 : IR_LANE_32, 0, xmm(t, x->reg)));
}

void x86_trans_xvcvtsi(Trans *t, const X86Insn *x)
{
    IrVal v = x86_read(t, x, 1);
    uint32_t enc = x86_encoding(x) | (x->rex & 8 ? IR_XV_W : 0u);
    put_xmm(t, x, x->reg, ir_xv(t->b, true, IR_V128, enc, first(t, x), v));
}

/* cvttss2si ..., movmskps, pmovmskb of 128 bits */
void x86_trans_xvtoint(Trans *t, const X86Insn *x)
{
    bool wide = x86_size(x, 0) == 8;
    uint32_t enc = x86_encoding(x) | (wide ? IR_XV_W : 0u);
    IrVal v = ir_xv(t->b, looks_at_mxcsr(x), wide ? IR_I64 : IR_I32, enc, IR_NONE, source(t, x, 1));
    x86_write(t, x, 0, v);
}

void x86_trans_xvflags(Trans *t, const X86Insn *x)
{
    IrVal y = source(t, x, 1);
    x86_put_fl(t, ir_flxv(t->b, looks_at_mxcsr(x), x86_encoding(x), xmm(t, x->reg), y));
}

static IrVal shifted(Trans *t, unsigned how, unsigned lane, unsigned n, IrVal v)
{
    IrBuilder *b = t->b;
    unsigned bits = ir_lane_bits(lane);
    switch (how) {
    case 0: return n == bits ? zero(t) : ir_vshr(b, IR_V128, lane, IR_VA_N(n), v);
    case 1: return ir_vshr(b, IR_V128, lane, IR_VA_S | IR_VA_N(n), v);
    case 2: return n == bits ? zero(t) : ir_vshl(b, IR_V128, lane, IR_VA_N(n), v);
    case 3: return n == 16 ? zero(t) : ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(n), v, zero(t));
    default: return n == 16 ? zero(t) : ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(16 - n), zero(t), v);
    }
}

/* By an immediate: psrl psra psll psrldq pslldq */
void x86_trans_xvshift(Trans *t, const X86Insn *x)
{
    unsigned how = x->row->arg, lane = x->row->opc - 0x71 + IR_LANE_16;
    unsigned n = (unsigned)MIN(x->imm, how >= 3 ? 16 : ir_lane_bits(lane));
    X86Vec v = x86_vreg(t, x, x->rm);
    if (n) {
        v.lo = shifted(t, how, lane, n, v.lo);
        v.hi = x->wide ? shifted(t, how, lane, n, v.hi) : IR_NONE;
    }
    x86_put_vreg(t, x, x->vex ? x->vvvv : x->rm, v);
}

/* arg: log2 of the lane's bytes; 2 with W: 3 */
static unsigned lane_of(const X86Insn *x, unsigned k)
{
    return x->row->arg == 2 && x86_size(x, k) == 8 ? 3 : x->row->arg;
}

void x86_trans_xvpinsr(Trans *t, const X86Insn *x)
{
    unsigned lane = lane_of(x, 1), n = (unsigned)x->imm & ((16u >> lane) - 1);
    unsigned bytes = 1u << lane;
    IrVal v = x->mod == 3 ? x86_reg(t, x->rm, bytes == 8 ? 8 : 4, false) : x86_ld(t, x86_addr(t, x), bytes);
    if (x->mod != 3 && bytes < 4)
        v = ir_zext(t->b, IR_I32, v);
    put_xmm(t, x, x->reg, ir_vset(t->b, IR_V128, lane, IR_VA_N(n), first(t, x), v));
}

void x86_trans_xvpextr(Trans *t, const X86Insn *x)
{
    bool old = map_of(x) == X86_MAP_0F; /* pextrw of SSE2 */
    unsigned lane = old ? 1 : lane_of(x, 0), n = (unsigned)x->imm & ((16u >> lane) - 1), bytes = 1u << lane;
    IrVal v = ir_vget(t->b, lane == 3 ? IR_I64 : IR_I32, lane, IR_VA_N(n), xmm(t, old ? x->rm : x->reg));
    if (old)
        x86_put_reg(t, x->reg, 4, false, v);
    else if (x->mod == 3)
        x86_put_reg(t, x->rm, lane == 3 ? 8 : 4, false, v);
    else
        x86_st(t, x86_addr(t, x), bytes, bytes < 4 ? ir_trunc(t->b, x86_type(bytes), v) : v);
}

/* By the signs of xmm0, with VEX of another register. */
void x86_trans_xvblendv(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned lane = x->row->arg;
    uint32_t sign = IR_VA_S | IR_VA_N(ir_lane_bits(lane));
    X86Vec y = x86_vsource(t, x, 1), a = x86_vfirst(t, x),
           m = x86_vreg(t, x, x->vex ? (unsigned)x->imm >> 4 & (x->code32 ? 7 : 15) : 0);
    a.lo = ir_vbsl(b, IR_V128, IR_LANE_8, 0, ir_vshr(b, IR_V128, lane, sign, m.lo), y.lo, a.lo);
    if (x->wide)
        a.hi = ir_vbsl(b, IR_V128, IR_LANE_8, 0, ir_vshr(b, IR_V128, lane, sign, m.hi), y.hi, a.hi);
    x86_put_vreg(t, x, x->reg, a);
}

void x86_trans_xvmaskmov(Trans *t, const X86Insn *x)
{
    IrVal to = x86_to_64(t, x86_with_segment(t, x, x86_index(t, x, X86_RDI)));
    IrVal args[] = {to, x86_c(t, IR_I32, x->reg | x->rm << 8)};
    ir_call(t->b, X86_HELPER_maskmov, args, 2);
}

/* pcmpistri is the host's; of the others the second operand travels as two integers. */
void x86_trans_xvpcmpstr(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal y = source(t, x, 1);
    if (x->row->arg == 3) {
        IrVal a = xmm(t, x->reg);
        x86_put_reg(t, X86_RCX, 4, false, ir_xv(b, false, IR_I32, x86_encoding(x), a, y));
        x86_put_fl(t, ir_flxv(b, false, x86_encoding(x), a, y));
        return;
    }
    int64_t what =
        x->reg | (int64_t)(x->imm & 0xff) << 8 | x->row->arg << 16 | (x->rex & 8 && !x->code32 ? 1 << 24 : 0);
    IrVal args[] = {x86_c(t, IR_I32, what), ir_vget(b, IR_I64, IR_LANE_64, 0, y),
                    ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(1), y)};
    ir_call(b, X86_HELPER_pcmpstr, args, 3);
    if (x->vex && !(x->row->arg & 1))
        x86_zero_above(t, 0, 1);
}

void x86_trans_crc32(Trans *t, const X86Insn *x)
{
    IrVal y = x86_read(t, x, 1);
    IrVal v = ir_crc32(t->b, 1, x86_reg(t, x->reg, 4, false), y);
    x86_put_reg(t, x->reg, 4, false, v); /* of 64 bits the upper half is zero, too */
}

void x86_trans_movbe(Trans *t, const X86Insn *x)
{
    X86Addr a = x86_addr(t, x);
    IrMem m = x86_mem(t, x->opsize);
    m.bswap = 1;
    if (x->row->arg)
        ir_st(t->b, x86_read(t, x, 1), a.base, a.disp, m);
    else
        x86_write(t, x, 0, ir_ld(t->b, x86_type(x->opsize), a.base, a.disp, m));
}

/* adcx: through CF; adox: through OF. No other flag. */
void x86_trans_adx(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal y = x86_read(t, x, 1), a = x86_read(t, x, 0), fl = x86_fl(t);
    IrVal sum = ir_adx(b, x->row->arg, a, y, fl);
    fl = ir_fladx(b, x->row->arg, a, y, fl);
    x86_write(t, x, 0, sum);
    x86_put_fl(t, fl);
}
