/* Guest memory. Each access instruction gets a record, so that a fault finds its guest instruction. */
#include "tcg/host/x86_64/x64_priv.h"

void x64_record(X64Emit *e, X64Mem m, unsigned size_log2, bool write, bool guest)
{
    X64Code *c = e->code;
    if (c->n_records == X64_MAX_RECORDS) {
        e->failed = true;
        return;
    }
    c->record[c->n_records++] = (X64Record){
        .at = (uint32_t)(e->a->p - e->entry),
        .ordinal = (uint8_t)e->ordinal,
        .base = m.base,
        .index = m.index,
        .scale = m.scale & 15,
        .size = size_log2 & 7,
        .write = write,
        .disp = m.disp,
        .dirty = (uint16_t)x64_dirty_pins(e),
        .fl = x64_fl_recipe(e),
    };
}

static X64Mem address64(X64Emit *e, const IrInsn *i, bool indexed)
{
    IrMem mem = {.raw = i->d};
    int32_t disp = (int32_t)i->imm;
    IrVal base = i->a, idx = indexed ? i->b : IR_NONE;
    unsigned scale = mem.scale;
    if (e->l->flags[base] & IR_L_FUSED) {
        const IrInsn *add = &e->r->insn[base];
        base = add->a;
        int64_t c;
        if (x64_const(e, add->b, &c) && fits_i32(c + disp)) {
            disp += (int32_t)c;
        } else if (e->l->flags[add->b] & IR_L_FUSED) {
            const IrInsn *shl = &e->r->insn[add->b];
            idx = shl->a;
            scale = (unsigned)ir_const_value(e->r, shl->b);
        } else {
            idx = add->b;
            scale = 0;
        }
    }
    int64_t c;
    if (idx == IR_NONE && x64_const(e, base, &c) && fits_i32(c + disp))
        return X64_MEM(X64_NO_REG, (int32_t)(c + disp));
    int rb = x64_use(e, base);
    if (idx == IR_NONE)
        return X64_MEM(rb, disp);
    return X64_MEMI(rb, x64_use(e, idx), scale, disp);
}

/* Bits above 32 of the registers mean nothing then, and a guest address is a host address (base 0). */
static X64Mem address(X64Emit *e, const IrInsn *i, bool indexed)
{
    X64Mem m = address64(e, i, indexed);
    m.seg = (IrMem){.raw = i->d}.mmu == IR_MMU_DIRECT32 ? X64_ADDR32 : X64_SEG_NONE;
    return m;
}

/* The record stands right before the access, behind what making room may take. When the access faults the
 * result's register still has its old content, which may be a NaN to be made canonical. */
static void load_x(X64Emit *e, X64Mem m, unsigned size, bool aligned)
{
    int t = size == 1 ? x64_scratch(e) : -1;
    unsigned dirty = x64_dirty_pins(e);
    int d = x64_def_x(e, -1, 0);
    x64_record(e, m, size, false, true);
    if (!e->failed)
        e->code->record[e->code->n_records - 1].dirty = (uint16_t)dirty;
    if (size == 4 && aligned) {
        x64_movaps_rm(e->a, d, m);
    } else if (size == 4) {
        x64_movups_rm(e->a, d, m);
    } else if (size == 1) {
        x64_movzx_rm(e->a, 16, t, m);
        x64_movd_xr(e->a, 32, d, t);
    } else {
        x64_movs_rm(e->a, size == 3 ? X64_SD : X64_SS, d, m);
    }
}

X64Mem x64_direct_address(X64Emit *e, const IrInsn *i) { return address(e, i, false); }

X64Mem x64_address(X64Emit *e, const IrInsn *i, bool indexed) { return address64(e, i, indexed); }

void x64_emit_ld(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    if (mem.mmu == IR_MMU_TLB) {
        x64_paged_ld(e, i);
        return;
    }
    X64Mem m = address(e, i, true);
    if (ir_type_is_vec((IrType)i->type)) {
        load_x(e, m, mem.size, mem.sext);
        return;
    }
    int d = x64_def(e, m.base >= 0 ? m.base : -1, 0);
    int bits = 8 << mem.size, w = i->type == IR_I64 ? 64 : 32;
    x64_record(e, m, mem.size, false, true);
    if (bits >= w || (bits == 32 && !mem.sext))
        x64_mov_rm(e->a, bits, d, m);
    else if (mem.sext && !mem.bswap)
        x64_movsx_rm(e->a, w, bits, d, m);
    else
        x64_movzx_rm(e->a, bits, d, m);
    if (!mem.bswap || bits == 8)
        return;
    if (bits == 16)
        x64_shift_ri(e->a, 16, X64_ROL, d, 8);
    else
        x64_bswap(e->a, bits, d);
    if (mem.sext && bits < w)
        x64_movsx_rr(e->a, w, bits, d, d);
}

void x64_emit_st(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    if (mem.mmu == IR_MMU_TLB) {
        x64_paged_st(e, i);
        return;
    }
    int bits = 8 << mem.size;
    X64Mem m = address(e, i, true);
    int64_t c;
    IrVal v = x64_val(e, i->c);
    if (ir_type_is_vec((IrType)i->type)) {
        int x = x64_use_x(e, i->c);
        x64_clean(e, i->c, x);
        int t = mem.size == 1 ? x64_scratch(e) : -1;
        if (t >= 0)
            x64_movd_rx(e->a, 32, t, x);
        x64_record(e, m, mem.size, true, true);
        if (t >= 0)
            x64_mov_mr(e->a, 16, m, t);
        else if (mem.size == 4 && mem.sext)
            x64_movaps_mr(e->a, m, x);
        else if (mem.size == 4)
            x64_movups_mr(e->a, m, x);
        else
            x64_movs_mr(e->a, mem.size == 3 ? X64_SD : X64_SS, m, x);
    } else if (e->reg[v] < 0 && !mem.bswap && x64_const(e, v, &c) && (bits < 64 || fits_i32(c))) {
        x64_record(e, m, mem.size, true, true);
        x64_mov_mi(e->a, bits, m, (int32_t)c);
    } else {
        int r = x64_use(e, v);
        if (mem.bswap && bits > 8) {
            int t = x64_scratch(e);
            x64_mov_rr(e->a, 64, t, r);
            if (bits == 16)
                x64_shift_ri(e->a, 16, X64_ROL, t, 8);
            else
                x64_bswap(e->a, bits, t);
            r = t;
        }
        x64_record(e, m, mem.size, true, true);
        x64_mov_mr(e->a, bits, m, r);
    }
    if (mem.order == IR_SEQ_CST)
        x64_lock_or_rsp(e->a);
}

/* ---- two vectors, masked lanes ---- */

/* One host access, so that a fault leaves nothing half done. Hosts without 256 bits have no guest that
 * asks. */
void x64_emit_st2(X64Emit *e, const IrInsn *i)
{
    if (x64_store_pair(e, i))
        return;
    X64Mem m = address(e, i, false);
    int low = x64_use_x(e, i->c), high = x64_use_x(e, i->b), t = x64_scratch_x(e);
    if (!x64_has(e->h->features, X64_F_AVX)) {
        m.disp += 16;
        x64_record(e, m, 4, true, true);
        x64_movups_mr(e->a, m, high);
        m.disp -= 16;
        x64_record(e, m, 4, true, true);
        x64_movups_mr(e->a, m, low);
        return;
    }
    x64_vex_rrr_imm8(e->a, X64_P66, X64_0F3A, 0x18, 0, 1, t, low, high, 1); /* vinsertf128 */
    x64_record(e, m, 5, true, true);
    x64_vex_rrm(e->a, X64_PS, X64_0F, 0x11, 0, 1, t, 0, m); /* vmovups */
    /* vzeroupper: legacy SSE waits for upper halves */
    x64_bytes(e->a, (const uint8_t[]){0xc5, 0xf8, 0x77}, 3);
}

uint8_t x64_masked_lanes(uint64_t features)
{
    if (x64_has(features, X64_F_AVX512VL) && x64_has(features, X64_F_AVX512BW))
        return 15;
    return x64_has(features, X64_F_AVX2) ? 1 << IR_LANE_32 | 1 << IR_LANE_64 : 0;
}

/* vmovdqu8, 16, 32, 64 under k1. */
static void move_masked(X64Emit *e, unsigned lane, bool store, X64Mem m, int x)
{
    X64Evex ev = {.mask = 1, .zero = !store, .disp8 = 4};
    int pp = lane < 2 ? X64_PF2 : X64_PF3, w = lane & 1 ? 64 : 0;
    x64_evex_rrm(e->a, pp, X64_0F, store ? 0x7f : 0x6f, w, ev, x, 0, m);
}

static void masked(X64Emit *e, const IrInsn *i, bool store)
{
    bool evex = x64_masked_lanes(e->h->features) == 15;
    unsigned lane = i->misc;
    X64Mem m = address(e, i, false);
    int rb = x64_use(e, i->b), x = store ? x64_use_x(e, i->c) : -1, t = evex ? -1 : x64_scratch_x(e);
    if (evex)
        x64_vex_rrr(e->a, X64_PF2, X64_0F, 0x92, 0, 0, 1, 0, rb); /* kmovd */
    else
        x64_bits_to_lanes(e, lane, t, rb);
    unsigned dirty = x64_dirty_pins(e);
    if (!store)
        x = x64_def_x(e, -1, t >= 0 ? 1u << t : 0);
    x64_record(e, m, 4, store, true);
    if (!e->failed)
        e->code->record[e->code->n_records - 1].dirty = (uint16_t)dirty;
    if (evex)
        move_masked(e, lane, store, m, x);
    else /* vpmaskmovd, vpmaskmovq */
        x64_vex_rrm(e->a, X64_P66, X64_0F38, store ? 0x8e : 0x8c, lane == IR_LANE_64 ? 64 : 0, 0, x, t, m);
}

void x64_emit_ldm(X64Emit *e, const IrInsn *i) { masked(e, i, false); }
void x64_emit_stm(X64Emit *e, const IrInsn *i) { masked(e, i, true); }

/* The old value, in register r with the memory's width, becomes the result. */
void x64_define_old(X64Emit *e, const IrInsn *i, int r)
{
    IrMem mem = {.raw = i->d};
    int bits = 8 << mem.size, w = i->type == IR_I64 ? 64 : 32;
    if (bits < w && mem.sext)
        x64_movsx_rr(e->a, w, bits, r, r);
    else if (bits == 32 && w == 64)
        x64_mov_rr(e->a, 32, r, r);
    else if (bits < 32)
        x64_movzx_rr(e->a, bits, r, r);
    x64_def_is(e, r);
}

void x64_rmw_step(X64Emit *e, const IrInsn *i, int t, int rv, int bits)
{
    static const uint8_t alu[] = {[IR_RMW_AND] = X64_AND, [IR_RMW_OR] = X64_OR, [IR_RMW_XOR] = X64_XOR};
    static const uint8_t keep[] = {
        [IR_RMW_MIN] = X64_L, [IR_RMW_MAX] = X64_G, [IR_RMW_MINU] = X64_B, [IR_RMW_MAXU] = X64_A};
    if (i->misc >= IR_RMW_MIN) {
        x64_alu_rr(e->a, bits, X64_CMP, X64_RAX, rv);
        x64_mov_rr(e->a, 64, t, rv);
        x64_cmovcc_rr(e->a, 64, keep[i->misc], t, X64_RAX);
    } else {
        x64_mov_rr(e->a, 64, t, X64_RAX);
        x64_alu_rr(e->a, bits, alu[i->misc], t, rv);
    }
}

static void rmw_loop(X64Emit *e, const IrInsn *i, X64Mem m, int rv, int bits)
{
    IrMem mem = {.raw = i->d};
    int t = x64_scratch(e);
    x64_record(e, m, mem.size, true, true);
    x64_mov_rm(e->a, bits, X64_RAX, m);
    uint8_t *again = e->a->p;
    x64_rmw_step(e, i, t, rv, bits);
    x64_record(e, m, mem.size, true, true);
    x64_lock_cmpxchg(e->a, bits, m, t);
    x64_jcc_to(e->a, X64_NE, again);
    x64_define_old(e, i, X64_RAX);
}

void x64_emit_rmw(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    if (mem.mmu == IR_MMU_TLB) {
        x64_paged_update(e, i);
        return;
    }
    int bits = 8 << mem.size;
    if (i->misc == IR_RMW_XCHG || i->misc == IR_RMW_ADD) {
        X64Mem m = address(e, i, false);
        int rv = x64_use(e, i->c), t = x64_scratch(e);
        x64_mov_rr(e->a, 64, t, rv);
        x64_record(e, m, mem.size, true, true);
        if (i->misc == IR_RMW_XCHG)
            x64_xchg_mr(e->a, bits, m, t);
        else
            x64_lock_xadd(e->a, bits, m, t);
        x64_define_old(e, i, t);
        return;
    }
    x64_claim(e, X64_RAX);
    X64Mem m = address(e, i, false);
    rmw_loop(e, i, m, x64_use(e, i->c), bits);
}

void x64_emit_cas(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    if (mem.mmu == IR_MMU_TLB) {
        x64_paged_update(e, i);
        return;
    }
    int bits = 8 << mem.size;
    x64_claim(e, X64_RAX);
    X64Mem m = address(e, i, false);
    int rc = x64_use(e, i->c);
    x64_load_into(e, X64_RAX, i->b, 64);
    x64_record(e, m, mem.size, true, true);
    x64_lock_cmpxchg(e->a, bits, m, rc);
    x64_define_old(e, i, X64_RAX);
}

/* Of the four orders only store-load is not x86's own. */
void x64_emit_fence(X64Emit *e, const IrInsn *i)
{
    if (i->imm & IR_FENCE_WR)
        x64_lock_or_rsp(e->a);
}
