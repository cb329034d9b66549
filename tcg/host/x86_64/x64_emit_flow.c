/* State, calls and the ways out of a region. */
#include "tcg/host/x86_64/x64_priv.h"

void x64_emit_nop(X64Emit *e, const IrInsn *i) {}
void x64_emit_insn_start(X64Emit *e, const IrInsn *i)
{
    e->ordinal = i->imm;
}
void x64_emit_const(X64Emit *e, const IrInsn *i) {} /* made where it is used */

void x64_emit_param(X64Emit *e, const IrInsn *i) {} /* lives in its stack slot, see x64_emit_br */

void x64_emit_get(X64Emit *e, const IrInsn *i)
{
    unsigned slot = i->imm, v = e->cur;
    if ((int)slot == e->h->fl_slot)
        x64_fl_flush(e);
    if (UNLIKELY(e->uppers_kept) && x64_get_upper(e, slot))
        return;
    int pin = e->slot_reg[slot];
    IrVal old = pin >= 0 ? e->reg_val[pin] : e->slot_val[slot];
    if (old && pin >= X64_XMM)
        x64_clean(e, old, pin - X64_XMM); /* the new value would not be known to be dirty */
    if (pin >= 0) {
        x64_evict(e, pin);
        x64_def_is(e, pin);
    } else {
        x64_lose_home(e, slot);
        e->slot_val[slot] = (IrVal)v;
        e->home[v] = (uint8_t)(slot + 1);
    }
}

void x64_emit_put(X64Emit *e, const IrInsn *i)
{
    if (i->type == IR_V64 && x64_put_half(e, i))
        return;
    if (i->type != IR_FL || !x64_fl_put(e, i->imm, i->a))
        x64_put_slot(e, i->imm, i->a);
}

void x64_count(X64Emit *e, unsigned index, unsigned n)
{
    if (LIKELY(!e->h->count))
        return;
    x64_mov_ri(e->a, 64, X64_RAX, (uint64_t)(uintptr_t)&e->h->count[index]);
    x64_alu_mi(e->a, 64, X64_ADD, X64_MEM(X64_RAX, 0), (int32_t)n);
}

void x64_count_runs(X64Emit *e)
{
    x64_count(e, X64_COUNT_INSNS, e->r->n_guest);
    if (LIKELY(!e->exits.runs))
        return;
    x64_mov_ri(e->a, 64, X64_RAX, (uint64_t)(uintptr_t)e->exits.runs);
    x64_alu_mi(e->a, 64, X64_ADD, X64_MEM(X64_RAX, 0), 1);
}

unsigned x64_count_of(const IrInsn *i)
{
    return 2 * i->op + (i->type == IR_F16 || (ir_has_lane(i) && i->misc == IR_LANE_F16));
}

X64Cold *x64_cold(X64Emit *e, X64ColdKind kind)
{
    if (e->n_cold == X64_MAX_COLD) {
        e->failed = true;
        e->n_cold--;
    }
    X64Cold *c = &e->cold[e->n_cold++];
    *c = (X64Cold){.kind = (uint8_t)kind, .count = (uint16_t)x64_count_of(&e->r->insn[e->cur])};
    return c;
}

/* Word n of the region's slots, as operand of the instruction of `len` bytes that comes now. */
static X64Mem slot_word(X64Emit *e, unsigned n, unsigned len)
{
    x64_reloc(e, X64_RELOC_SLOT, e->a->p + len - 4);
    uint64_t next = (uint64_t)(uintptr_t)e->a->p + (uint64_t)e->h->rx_delta + len;
    return X64_MEM(X64_RIP, (int32_t)(e->exits.slots_rx + 8ull * n - next));
}

static void jump_slot(X64Emit *e, unsigned k) { x64_jmp_m(e->a, slot_word(e, k, 6)); }

unsigned x64_dirty_pins(const X64Emit *e)
{
    unsigned mask = 0;
    if (LIKELY(!e->any_dirty))
        return 0;
    for (int r = 0; r < 16; r++) {
        IrVal v = x64_is_temp(e, X64_XMM + r) ? 0 : e->reg_val[X64_XMM + r];
        if (v && e->dirty[v])
            mask |= 1u << r;
    }
    return mask;
}

static void canonicalise(X64Emit *e, int x)
{
    x64_ucomis_rr(e->a, X64_SD, x, x);
    uint8_t *ok = x64_jcc_rel8(e->a, X64_NP);
    x64_load_const(e, x, offsetof(X64Const, canon64));
    x64_patch8(ok, e->a->p);
}

static void clean_pins(X64Emit *e, unsigned dirty)
{
    for (int x = 0; dirty; x++, dirty >>= 1)
        if (dirty & 1)
            canonicalise(e, x);
}

/* On the main path: from here on no pin is dirty. */
static void clean_all_pins(X64Emit *e)
{
    unsigned dirty = x64_dirty_pins(e);
    for (int x = 0; dirty; x++, dirty >>= 1)
        if (dirty & 1)
            x64_clean(e, e->reg_val[X64_XMM + x], x);
}

static uint8_t *stub(const X64Emit *e, unsigned k) { return e->exits.stubs + X64_STUB_BYTES * k; }

/* What comes before the jump through the slot of exit k; at a poll the cpu may leave by the stub. */
static void before_slot(X64Emit *e, unsigned k)
{
    if (!e->r->exit[k].poll)
        return;
    x64_alu_mi(e->a, 32, X64_CMP, x64_env(e->h->at.kick), 0);
    x64_outside(e, x64_jcc_rel32(e->a, X64_NE), stub(e, k));
}

/* The code of an exit, at the place it is reached (hot or cold): checks, then the slot, or the stub. */
static void exit_body(X64Emit *e, unsigned k, unsigned dirty, bool through_slot)
{
    clean_pins(e, dirty);
    x64_leave_loop(e);
    x64_vzeroupper(e);
    const IrExit *x = &e->r->exit[k];
    if (through_slot && x->kind == IR_EXIT_FAR) {
        x64_mov_ri(e->a, 64, X64_RAX, x->pc);
        x64_jmp_to(e->a, e->h->far_exit);
        return;
    }
    if (!through_slot || x->kind != IR_EXIT_DIRECT) {
        x64_jmp_outside(e, stub(e, k));
        return;
    }
    before_slot(e, k);
    jump_slot(e, k);
}

/* Leaves by exit k when cc holds. */
static void exit_when(X64Emit *e, int cc, unsigned k, bool through_slot)
{
    unsigned dirty = x64_dirty_pins(e);
    uint8_t fl = x64_fl_recipe(e);
    bool fl_host = x64_fl_compared(e);
    uint8_t *site[2] = {NULL};
    bool direct = !dirty && !fl && !e->wide && !e->code->n_loop_pins &&
                  !(through_slot && e->r->exit[k].kind != IR_EXIT_RAISE);
    bool is_near = e->is_near && !direct && cc < X64_CC_FEQ, compared = e->cmp_end == e->a->p;
    if (is_near)
        site[0] = x64_jcc_rel8(e->a, cc);
    unsigned n = is_near ? 1 : x64_jump_if(e, cc, site);
    if (compared) /* jumps leave the host's flags alone */
        e->cmp_end = e->a->p;
    if (direct) {
        uint8_t *to = stub(e, k);
        while (n-- > 0)
            x64_outside(e, site[n], to);
        return;
    }
    X64Cold *c = x64_cold(e, COLD_EXIT);
    c->exit = (uint16_t)k;
    c->dirty = (uint16_t)dirty;
    c->fl = fl;
    c->fl_host = fl_host;
    c->mode = through_slot;
    c->is_near = is_near;
    c->site = site[0];
    c->site2 = site[1];
}

void x64_leave(X64Emit *e, unsigned k)
{
    x64_fl_flush(e);
    exit_body(e, k, x64_dirty_pins(e), true);
}

/* Does the exit at hand, the region's last op, call? Then a landing follows it. */
static bool is_call(const X64Emit *e)
{
    return e->r->ret_exit && e->cur + 1 == e->r->n_insns &&
           !(e->h->no_opt & (X64_NO_JUMP_CACHE | X64_NO_RETURN_STACK));
}

/* Where the guest's return comes out: rax is its target. x64_stubs.c knows the length of the compare. */
static void landing(X64Emit *e)
{
    unsigned k = e->r->ret_exit - 1u;
    x64_alu_rm(e->a, 64, X64_CMP, X64_RAX, slot_word(e, k + 1, X64_LANDING_CMP));
    x64_outside(e, x64_jcc_rel32(e->a, X64_NE), e->h->exit_return);
    jump_slot(e, k);
}

void x64_emit_exit(X64Emit *e, const IrInsn *i)
{
    if (!is_call(e) || e->r->exit[i->imm].kind != IR_EXIT_DIRECT) {
        x64_leave(e, i->imm);
        return;
    }
    x64_fl_flush(e);
    clean_pins(e, x64_dirty_pins(e));
    x64_leave_loop(e);
    x64_vzeroupper(e);
    before_slot(e, i->imm);
    x64_call_m(e->a, slot_word(e, i->imm, 6));
    landing(e);
}

void x64_emit_exit_if(X64Emit *e, const IrInsn *i)
{
    exit_when(e, x64_condition(e, i->a), i->imm, true);
}

unsigned x64_jump_if(X64Emit *e, int cc, uint8_t *ret_site[2])
{
    uint8_t *skip;
    switch (cc) {
    case X64_CC_FEQ:
        skip = x64_jcc_rel8(e->a, X64_P);
        ret_site[0] = x64_jcc_rel32(e->a, X64_E);
        x64_patch8(skip, e->a->p);
        return 1;
    case X64_CC_FNE:
        ret_site[0] = x64_jcc_rel32(e->a, X64_P);
        ret_site[1] = x64_jcc_rel32(e->a, X64_NE);
        return 2;
    default: ret_site[0] = x64_jcc_rel32(e->a, cc); return 1;
    }
}

void x64_emit_poll(X64Emit *e, const IrInsn *i)
{
    const IrInsn *next = &e->r->insn[e->cur + 1];
    /* the end of a loop: one branch for both */
    if (next->op == IR_BR && next->imm == 0 && e->cur + 2 == e->r->n_insns) {
        uint8_t fl = x64_fl_round(e);
        clean_all_pins(e);
        x64_alu_mi(e->a, 32, X64_CMP, x64_env(e->h->at.kick), 0);
        x64_jcc_to(e->a, X64_E, e->block_at[0]);
        if (fl)
            x64_fl_store(e, fl, false);
        exit_body(e, i->imm, 0, false);
        e->cur++;
        return;
    }
    x64_alu_mi(e->a, 32, X64_CMP, x64_env(e->h->at.kick), 0);
    exit_when(e, X64_NE, i->imm, false);
}

void x64_shifted(uint64_t features, X64Asm *a, int dst, int src, int n)
{
    if (x64_has(features, X64_F_BMI2)) {
        x64_rorx(a, 64, dst, src, n);
    } else {
        x64_mov_rr(a, 64, dst, src);
        x64_shift_ri(a, 64, X64_SHR, dst, n);
    }
}

/* x64_near_index(); entries are 16 bytes */
X64Mem x64_jump_entry(const X64Host *h, X64Asm *a)
{
    if (h->insn_shift) {
        x64_mov_rr(a, 32, X64_RCX, X64_RAX);
    } else {
        x64_shifted(h->features, a, X64_RCX, X64_RAX, X64_JC_BITS);
        x64_alu_rr(a, 32, X64_XOR, X64_RCX, X64_RAX);
    }
    x64_alu_ri(a, 32, X64_AND, X64_RCX, (X64_JC_ENTRIES - 1) << h->insn_shift);
    unsigned scale = 4 - h->insn_shift;
    if (scale > 3) {
        x64_shift_ri(a, 32, X64_SHL, X64_RCX, (int)(scale - 3));
        scale = 3;
    }
    return X64_MEMI(X64_RBP, X64_RCX, scale, h->at.jump_cache - X64_ENV_BIAS);
}

/* rax = the target v of 32 bits, extended only now that the flags are stored, which takes rax. */
static void load_target32(X64Emit *e, IrVal v)
{
    v = x64_val(e, v);
    if (e->reg[v] >= 0)
        x64_mov_rr(e->a, 32, X64_RAX, e->reg[v]);
    else
        x64_load_into(e, X64_RAX, v, 32);
    if (e->reg[v] < 0 && ir_result_type(e->r, &e->r->insn[v]) == IR_I64)
        x64_mov_rr(e->a, 32, X64_RAX, X64_RAX);
}

/* rax = target; the inline cache of {guest pc, host address} pairs. */
void x64_emit_exit_ind(X64Emit *e, const IrInsn *i)
{
    const X64Host *h = e->h;
    X64Asm *a = e->a;
    x64_fl_flush(e);
    if (e->l->flags[i->a] & IR_L_FUSED)
        load_target32(e, e->r->insn[i->a].a);
    else
        x64_load_into(e, X64_RAX, i->a, 64);
    clean_pins(e, x64_dirty_pins(e));
    x64_leave_loop(e);
    x64_vzeroupper(e);
    if (h->paged.on) {
        x64_far_jump(h, a);
        return;
    }
    if (h->no_opt & X64_NO_JUMP_CACHE) {
        x64_jmp_outside(e, h->exit_indirect);
        return;
    }
    x64_alu_mi(a, 32, X64_CMP, x64_env(h->at.kick), 0);
    x64_outside(e, x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    if (i->misc == IR_HINT_RET && !(h->no_opt & X64_NO_RETURN_STACK)) {
        x64_ret(a);
        return;
    }
    X64Mem entry = x64_jump_entry(h, a);
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, entry);
    uint8_t *miss = x64_jcc_rel32(a, X64_NE);
    entry.disp += 8;
    if (!is_call(e)) {
        x64_outside(e, miss, h->exit_indirect);
        x64_jmp_m(a, entry);
        return;
    }
    x64_call_m(a, entry);
    X64Cold *c = x64_cold(e, COLD_CALL);
    c->site = miss;
    landing(e);
}

/* The call itself, arguments are in [args]; no_state: whatever the helper's flags, it touches no slots. */
static void call_helper(X64Emit *e, unsigned helper, bool no_state)
{
    const IrHelper *hp = &e->r->helpers[helper];
    X64Asm *a = e->a;
    clean_all_pins(e); /* helpers see architectural floats */
    x64_evict_temps(e);
    x64_vzeroupper(e);
    if ((hp->flags & IR_H_STATE) && !no_state)
        x64_forget_pins(e);
    if (hp->flags & (IR_H_PC | IR_H_STATUS)) {
        if (e->h->paged.on)
            x64_virtual_pc(e->h, a, e->r->guest_pc[e->ordinal]);
        else
            x64_mov_pc(e, X64_RAX, e->r->guest_pc[e->ordinal]);
        x64_mov_mr(a, 64, x64_env(e->h->at.pc), X64_RAX);
    }
    if (hp->flags != IR_H_PURE)
        e->unit_live = false;
    x64_count(e, X64_COUNT_HELPERS + helper, 1);
    x64_mov_host(e, X64_RAX, (uint64_t)(uintptr_t)hp->fn);
    x64_outside(e, x64_call_rel32(a), e->h->call);
    if (hp->flags & IR_H_STATUS) {
        x64_test_rr(a, 64, X64_RAX, X64_RAX);
        x64_outside(e, x64_jcc_rel32(a, X64_NE), e->h->helper_left);
    }
}

/* All values in temporaries go to memory, pins through the cpu object; arguments by [args]. */
void x64_emit_call(X64Emit *e, const IrInsn *i)
{
    const IrHelper *hp = &e->r->helpers[i->imm];
    X64Asm *a = e->a;
    e->calls++;
    if (hp->flags & (IR_H_STATE | IR_H_STATUS))
        x64_fl_flush(e);
    for (unsigned k = 0; k < 4 && hp->arg[k] != IR_VOID; k++) {
        X64Mem slot = x64_env(e->h->at.args + 8 * (int)k);
        int64_t c;
        IrVal v = x64_val(e, i->arg[k]);
        if (ir_type_is_vec((IrType)hp->arg[k])) {
            int x = x64_use_x(e, v);
            x64_clean(e, v, x);
            x64_movsd_mr(a, slot, x);
        } else if (e->reg[v] < 0 && x64_const(e, v, &c) && fits_i32(c)) {
            x64_mov_mi(a, 64, slot, (int32_t)c);
        } else {
            x64_mov_mr(a, 64, slot, x64_use(e, v));
        }
        e->locked = 0;
    }
    call_helper(e, i->imm, false);
    if (hp->ret == IR_VOID)
        return;
    if (ir_type_is_vec((IrType)hp->ret))
        x64_movd_xr(a, 64, x64_def_x(e, -1, 0), X64_RAX);
    else
        x64_def_is(e, X64_RAX);
}

void x64_unit_call(X64Emit *e, const IrInsn *i, X64Mem m)
{
    x64_claim(e, X64_RAX);
    x64_lea(e->a, 64, X64_RAX, m);
    x64_mov_mr(e->a, 64, x64_env(e->h->at.args + 8), X64_RAX);
    e->calls++;
    x64_mov_mi(e->a, 64, x64_env(e->h->at.args), (int32_t)i->imm);
    x64_lea(e->a, 64, X64_RAX, x64_env(e->h->at.link)); /* no such row has a result */
    x64_mov_mr(e->a, 64, x64_env(e->h->at.args + 24), X64_RAX);
    e->locked = 0;
    call_helper(e, i->d, true);
}

static void branch_to(X64Emit *e, uint8_t *site, unsigned block)
{
    if (e->block_at[block]) {
        x64_patch32(site, e->block_at[block]);
        return;
    }
    e->fix[e->n_fix].site = site;
    e->fix[e->n_fix++].block = (uint16_t)block;
}

void x64_emit_br(X64Emit *e, const IrInsn *i)
{
    unsigned block = i->imm, first = e->r->block[block].first;
    x64_fl_round(e);
    if (i->misc)
        x64_claim(e, X64_RAX);
    for (unsigned k = 0; k < i->misc; k++) { /* first all reads, then all writes: parallel assignment */
        IrVal v = e->r->args[i->a + k];
        X64Mem m = x64_env(e->h->at.save + 16 * (int)k);
        if (k == X64_MAX_BR_ARGS) {
            e->failed = true;
            return;
        }
        if (x64_type(e, v) == IR_V128) {
            x64_movups_mr(e->a, m, x64_use_x(e, v));
            e->locked = 1u << X64_RAX;
            continue;
        }
        x64_load_into(e, X64_RAX, v, 64);
        x64_mov_mr(e->a, 64, m, X64_RAX);
    }
    for (unsigned k = 0; k < i->misc; k++) {
        unsigned to = e->spill[first + k] - 1u;
        for (unsigned half = 0; half <= (x64_type(e, (IrVal)(first + k)) == IR_V128); half++) {
            x64_mov_rm(e->a, 64, X64_RAX, x64_env(e->h->at.save + 16 * (int)k + 8 * (int)half));
            x64_mov_mr(e->a, 64, x64_spill_mem(e, to + half), X64_RAX);
        }
    }
    clean_all_pins(e);
    branch_to(e, x64_jmp_rel32(e->a), block);
}

void x64_emit_brcond(X64Emit *e, const IrInsn *i)
{
    x64_fl_flush(e);
    clean_all_pins(e);
    int cc = x64_condition(e, i->a);
    uint8_t *site[2];
    for (unsigned n = x64_jump_if(e, cc, site); n-- > 0;)
        branch_to(e, site[n], i->imm);
    branch_to(e, x64_jmp_rel32(e->a), i->b);
}

/* ---- cold code, after the region ---- */

static void cold_soft(X64Emit *e, const X64Cold *c)
{
    X64Asm *a = e->a;
    for (unsigned k = 0; k < c->n_args; k++) {
        X64Mem m = x64_env(e->h->at.args + 8 * (int)k);
        if (c->arg_reg[k] >= X64_XMM)
            x64_movsd_mr(a, m, c->arg_reg[k] - X64_XMM);
        else
            x64_mov_mr(a, 64, m, c->arg_reg[k]);
    }
    if (c->mode != IR_RDYN)
        x64_mov_mi(a, 64, x64_env(e->h->at.args + 24), c->mode);
    x64_mov_mr(a, 64, x64_env(e->h->at.save), X64_RAX); /* the stub saves the others */
    x64_count(e, c->count, 1);
    x64_mov_host(e, X64_RAX, c->fn);
    x64_outside(e, x64_call_rel32(a), c->mode == IR_RDYN ? e->h->soft_dyn : e->h->soft);
    if (c->reg >= X64_XMM)
        x64_movsd_rm(a, c->reg - X64_XMM, x64_env(e->h->at.link));
    else
        x64_mov_rm(a, 64, c->reg, x64_env(e->h->at.link));
    x64_patch32(x64_jmp_rel32(a), c->back);
}

static void cold_soft_ir(X64Emit *e, const X64Cold *c)
{
    X64Asm *a = e->a;
    int32_t area = e->h->at.soft;
    for (unsigned k = 0; k < c->n_args; k++) {
        X64Mem m = x64_env(area + 16 * (int)k);
        if (c->arg_reg[k] >= X64_XMM)
            x64_movups_mr(a, m, c->arg_reg[k] - X64_XMM);
        else
            x64_mov_mr(a, 64, m, c->arg_reg[k]);
    }
    x64_mov_mi(a, 32, x64_env(area + (int32_t)offsetof(X64SoftArea, d)),
               (int32_t)(c->soft_d | (uint32_t)e->r->nan << 16 | (uint32_t)e->r->fp << 24));
    x64_mov_mr(a, 64, x64_env(e->h->at.save), X64_RAX); /* the stub saves the others */
    x64_count(e, c->count, 1);
    x64_mov_ri(a, 64, X64_RAX, c->fn);
    x64_outside(e, x64_call_rel32(a), e->h->soft_ir);
    X64Mem out = x64_env(area + (int32_t)offsetof(X64SoftArea, out));
    if (c->reg >= X64_XMM)
        x64_movups_rm(a, c->reg - X64_XMM, out);
    else
        x64_mov_rm(a, 64, c->reg, out);
    x64_patch32(x64_jmp_rel32(a), c->back);
}

/* A signaling compare of a quiet NaN, done quietly: invalid, and the compare again for its flags. */
static void cold_signal(X64Emit *e, const X64Cold *c)
{
    x64_alu_mi(e->a, 32, X64_OR, x64_env(e->h->at.ff), IR_FF_INVALID);
    x64_ucomis_rr(e->a, c->mode ? X64_SD : X64_SS, c->arg_reg[0], c->arg_reg[1]);
    x64_patch32(x64_jmp_rel32(e->a), c->back);
}

void x64_cold_raise(X64Emit *e, const X64Cold *c)
{
    if (c->fl)
        x64_fl_store(e, c->fl, false);
    clean_pins(e, c->dirty);
    x64_leave_loop(e);
    x64_mov_ri(e->a, 64, X64_RAX, e->r->guest_pc[c->exit]);
    x64_jmp_to(e->a, e->h->raise_at);
}

static void cold_one(X64Emit *e, const X64Cold *c)
{
    X64Asm *a = e->a;
    if (c->is_near)
        e->missed |= !x64_patch8(c->site, a->p);
    else if (c->site)
        x64_patch32(c->site, a->p);
    if (c->site2)
        x64_patch32(c->site2, a->p);
    for (unsigned k = 0; k < c->n_more; k++)
        x64_patch32(c->more[k], a->p);
    switch ((X64ColdKind)c->kind) {
    case COLD_EXIT:
        if (c->fl)
            x64_fl_store(e, c->fl, c->fl_host);
        exit_body(e, c->exit, c->dirty, c->mode != 0);
        break;
    case COLD_CANON:
    case COLD_UNBOX:
        x64_load_const(e, c->reg, c->width == 64 ? offsetof(X64Const, canon64) : offsetof(X64Const, canon32));
        x64_patch32(x64_jmp_rel32(a), c->back);
        break;
    case COLD_SOFT: cold_soft(e, c); break;
    case COLD_SOFT_IR: cold_soft_ir(e, c); break;
    case COLD_SIGNAL: cold_signal(e, c); break;
    case COLD_UNORDERED: /* undo what the compare raised; the result is 0 */
        x64_ldmxcsr(a, x64_env(e->h->at.host_fp));
        x64_alu_rr(a, 32, X64_XOR, c->reg, c->reg);
        x64_patch32(x64_jmp_rel32(a), c->back);
        break;
    case COLD_CALL: /* the jump cache does not have it */
        x64_outside(e, x64_call_rel32(a), e->h->exit_indirect);
        landing(e);
        break;
    case COLD_ACCESS: x64_cold_access(e, c); break;
    case COLD_UNIT:
        x64_mov_mr(a, 64, x64_env(e->h->at.save), X64_RAX); /* the stub saves the others */
        x64_outside(e, x64_call_rel32(a), e->h->load_unit);
        x64_mov_rm(a, 64, X64_RAX, x64_env(e->h->at.save));
        x64_patch32(x64_jmp_rel32(a), c->back);
        break;
    }
}

void x64_cold_emit(X64Emit *e)
{
    x64_paged_cold_start(e);
    for (unsigned k = 0; k < e->n_cold; k++)
        cold_one(e, &e->cold[k]);
}
