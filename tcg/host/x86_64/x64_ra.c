/* Register state during emission: one forward walk, no second pass. See x64_priv.h for the invariants.
 *
 * Tier 1 needs no global allocator (measured: pins plus memory operands are as fast as pins plus caching).
 * What is left is small: values that are not guest state live in four general and eight vector temporaries
 * and, when those run out, in private stack slots.
 */
#include "tcg/host/x86_64/x64_priv.h"

static const uint8_t temp_gpr[] = {X64_RAX, X64_R11, X64_RDX, X64_RCX};
enum { TEMP_GPRS = 1 << X64_RAX | 1 << X64_RCX | 1 << X64_RDX | 1 << X64_R11 };

/* Bits of a value of this type in its slot of the cpu object. */
static int slot_width(IrType t) { return t == IR_FL ? 16 : t == IR_I32 ? 32 : 64; }

void x64_load_value(X64Emit *e, int reg, IrVal v, X64Mem m)
{
    int w = slot_width(ir_result_type(e->r, &e->r->insn[v]));
    if (w == 16)
        x64_movzx_rm(e->a, 16, reg, m);
    else
        x64_mov_rm(e->a, w, reg, m);
}

bool x64_is_temp(const X64Emit *e, int reg) { return (e->temps >> reg & 1) != 0; }

static void lock(X64Emit *e, int reg) { e->locked |= 1u << reg; }

static bool reg_busy(const X64Emit *e, int reg)
{
    IrVal v = e->reg_val[reg];
    return (v && e->reg[v] == reg && e->l->last[v] >= e->cur) || x64_upper_wanted(e, reg, e->cur);
}

static void move_reg(X64Emit *e, int dst, int src)
{
    if (dst >= X64_XMM)
        x64_movaps_rr(e->a, dst - X64_XMM, src - X64_XMM);
    else
        x64_mov_rr(e->a, 64, dst, src);
}

static uint64_t spill_bits(const X64Emit *e, IrVal v, unsigned at)
{
    return (x64_type(e, v) == IR_V128 ? 3ull : 1ull) << at;
}

/* Slots of values that are needed no more. Those of block parameters are written from afar. */
static void spills_reclaim(X64Emit *e)
{
    for (unsigned v = 1; v < e->cur; v++) {
        if (!e->spill[v] || e->l->last[v] >= e->cur || e->r->insn[v].op == IR_PARAM)
            continue;
        e->spills &= ~spill_bits(e, (IrVal)v, e->spill[v] - 1u);
        e->spill[v] = 0;
    }
}

bool x64_spill_alloc(X64Emit *e, IrVal v)
{
    bool wide = x64_type(e, v) == IR_V128;
    for (unsigned again = 0; again < 2; again++) {
        uint64_t taken = e->spills | ~0ull << X64_SPILLS;
        if (wide) /* an even slot and the next */
            taken = taken | taken >> 1 | 0xaaaaaaaaaaaaaaaa;
        if (~taken) {
            unsigned n = (unsigned)__builtin_ctzll(~taken);
            e->spills |= spill_bits(e, v, n);
            e->spill[v] = (uint8_t)(n + 1);
            return true;
        }
        spills_reclaim(e);
    }
    e->failed = true;
    return false;
}

void x64_spill(X64Emit *e, IrVal v)
{
    int reg = e->reg[v];
    if (e->spill[v] || !x64_spill_alloc(e, v))
        return;
    X64Mem m = x64_spill_mem(e, e->spill[v] - 1u);
    if (reg >= X64_XMM)
        x64_store_x(e->a, x64_type(e, v), m, reg - X64_XMM);
    else
        x64_mov_mr(e->a, 64, m, reg);
}

/* A free temporary of the class, or -1. */
static int free_temp(X64Emit *e, bool vec)
{
    if (vec) {
        for (int r = X64_XMM + 8; r < X64_XMM + 16; r++)
            if (x64_is_temp(e, r) && !(e->locked >> r & 1) && !reg_busy(e, r))
                return r;
        return -1;
    }
    for (unsigned k = 0; k < ARRAY_SIZE(temp_gpr); k++)
        if (!(e->locked >> temp_gpr[k] & 1) && !reg_busy(e, temp_gpr[k]))
            return temp_gpr[k];
    return -1;
}

/* Whose register is taken first: the value that is in memory already, then the one needed last. */
static unsigned evict_rank(const X64Emit *e, int reg)
{
    IrVal v = e->reg_val[reg];
    return e->l->last[v] + (e->home[v] || e->spill[v] ? IR_MAX_INSNS : 0u);
}

static int alloc_temp(X64Emit *e, bool vec)
{
    int r = free_temp(e, vec);
    if (r < 0) {
        int best = -1;
        for (int k = vec ? X64_XMM + 8 : 0; k < (vec ? X64_XMM + 16 : 16); k++)
            if (x64_is_temp(e, k) && !(e->locked >> k & 1) &&
                (best < 0 || evict_rank(e, k) > evict_rank(e, best)))
                best = k;
        if (best < 0) {
            e->failed = true;
            return vec ? X64_XMM + 8 : X64_RAX;
        }
        r = best;
        x64_evict(e, r);
    }
    e->reg_val[r] = 0;
    if (vec)
        e->upper[r - X64_XMM] = 0;
    lock(e, r);
    return r;
}

/* v, which is in reg, goes elsewhere. */
static __attribute__((noinline)) void move_away(X64Emit *e, int reg, IrVal v)
{
    for (unsigned k = 0; k < e->n_pins; k++) {
        int r = e->pin[k].reg;
        if (r != reg && e->reg_val[r] == v) {
            e->reg[v] = (int8_t)r;
            return;
        }
    }
    uint32_t saved = e->locked;
    lock(e, reg);
    int t = free_temp(e, reg >= X64_XMM);
    e->locked = saved;
    if (t < 0)
        x64_spill(e, v);
    else {
        x64_upper_out(e, t);
        move_reg(e, t, reg);
        e->reg_val[t] = v;
    }
    e->reg[v] = (int8_t)t;
}

/* Whoever lives in reg is moved elsewhere if it is needed now or later. */
void x64_evict(X64Emit *e, int reg)
{
    IrVal v = e->reg_val[reg];
    if (reg >= X64_XMM)
        x64_upper_out(e, reg);
    e->reg_val[reg] = 0;
    if (!v || e->reg[v] != reg || e->l->last[v] < e->cur)
        return;
    if (e->home[v] || e->spill[v])
        e->reg[v] = -1;
    else
        move_away(e, reg, v);
}

void x64_evict_temps(X64Emit *e)
{
    for (int r = 0; r < 32; r++) {
        IrVal v = e->reg_val[r];
        if (!x64_is_temp(e, r) || !v || e->reg[v] != r)
            continue;
        if (e->l->last[v] > e->cur) {
            if (!e->home[v])
                x64_spill(e, v);
            e->reg[v] = -1;
        }
        e->reg_val[r] = 0;
    }
}

/* The content of pinned registers is about to change behind our back. */
void x64_forget_pins(X64Emit *e)
{
    for (unsigned k = 0; k < e->n_pins; k++) {
        int r = e->pin[k].reg;
        IrVal v = e->reg_val[r];
        e->reg_val[r] = 0;
        if (v && e->reg[v] == r) {
            if (e->l->last[v] > e->cur && !e->home[v])
                x64_spill(e, v);
            e->reg[v] = -1;
        }
    }
    for (unsigned s = 0; s < e->h->n_slots; s++) {
        IrVal v = e->slot_val[s];
        e->slot_val[s] = 0;
        if (!v || e->home[v] != s + 1)
            continue;
        if (e->l->last[v] > e->cur && e->reg[v] < 0 && !e->spill[v]) {
            bool vec = ir_type_is_vec((IrType)e->r->insn[v].type);
            int t = alloc_temp(e, vec);
            if (vec)
                x64_load_x(e->a, x64_type(e, v), t - X64_XMM, x64_slot_mem(e, s));
            else
                x64_load_value(e, t, v, x64_slot_mem(e, s));
            e->reg[v] = (int8_t)t;
            e->home[v] = 0;
            x64_spill(e, v);
            e->reg[v] = -1;
            e->locked &= ~(1u << t); /* the next one's */
        }
        e->home[v] = 0;
    }
}

void x64_claim(X64Emit *e, int reg)
{
    lock(e, reg);
    x64_evict(e, reg);
}

bool x64_temp_x_is_free(X64Emit *e) { return free_temp(e, true) >= 0; }
int x64_scratch(X64Emit *e) { return alloc_temp(e, false); }
void x64_scratch_room(X64Emit *e) { e->locked &= ~(1u << alloc_temp(e, false)); }
int x64_scratch_x(X64Emit *e) { return alloc_temp(e, true) - X64_XMM; }

void x64_const_x(X64Emit *e, int x, IrVec v)
{
    if ((v.w[0] | v.w[1]) == 0 && e->wide) {
        x64_vex_rrr(e->a, X64_PS, X64_0F, 0x57, 0, 0, x, x, x);
    } else if ((v.w[0] | v.w[1]) == 0) {
        x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, x, x);
    } else if ((v.w[0] & v.w[1]) == ~0ull) {
        x64_pint_rr(e->a, X64_PCMPEQD, x, x);
    } else {
        x64_movaps_rm(e->a, x, x64_lit(e, v));
        x64_lit_used(e, 0);
    }
}

/* The bits of constant v, whose low half is c, in an xmm register. */
static void const_x(X64Emit *e, int x, IrVal v, int64_t c)
{
    if (x64_type(e, v) == IR_V128) {
        x64_const_x(e, x, ir_const_vec(e->r, v));
        return;
    }
    if (x64_type(e, v) == IR_F32)
        c = (uint32_t)c;
    if (c == 0) {
        x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, x, x);
        return;
    }
    int t = x64_scratch(e);
    x64_mov_ri(e->a, 64, t, (uint64_t)c);
    x64_movd_xr(e->a, 64, x, t);
}

static bool value_mem(const X64Emit *e, IrVal v, X64Mem *ret)
{
    if (e->home[v])
        *ret = x64_slot_mem(e, e->home[v] - 1u);
    else if (e->spill[v])
        *ret = x64_spill_mem(e, e->spill[v] - 1u);
    else
        return false;
    return true;
}

bool x64_use_mem(X64Emit *e, IrVal v, X64Mem *ret)
{
    bool wide = x64_type(e, v) == IR_V128;
    v = x64_val(e, v);
    if (wide && x64_type(e, v) != IR_V128 && !(e->home[v] && e->h->slots[e->home[v] - 1].type == IR_V128))
        return false; /* a vzext: its upper half is zero in a register only */
    return e->reg[v] < 0 && value_mem(e, v, ret);
}

/* xor would change flags that are a held word. */
static void zero(X64Emit *e, int reg)
{
    if (e->hold != IR_NONE)
        x64_mov_ri(e->a, 32, reg, 0);
    else
        x64_alu_rr(e->a, 32, X64_XOR, reg, reg);
}

/* v is in no register. */
static __attribute__((noinline)) int fetch(X64Emit *e, IrVal v)
{
    int t = alloc_temp(e, false);
    int64_t c;
    X64Mem m;
    if (value_mem(e, v, &m)) {
        x64_load_value(e, t, v, m);
        if (x64_live_after(e, v)) {
            e->reg[v] = (int8_t)t;
            e->reg_val[t] = v;
        }
    } else if (x64_const(e, v, &c)) {
        int w = x64_width((IrType)e->r->insn[v].type);
        if (c == 0)
            zero(e, t);
        else
            x64_mov_ri(e->a, w == 64 ? 64 : 32, t, w == 64 ? (uint64_t)c : (uint32_t)c);
        if (x64_live_after(e, v)) {
            e->reg[v] = (int8_t)t;
            e->reg_val[t] = v;
        }
    } else {
        e->failed = true;
    }
    return t;
}

int x64_use(X64Emit *e, IrVal v)
{
    v = x64_val(e, v);
    if (e->reg[v] < 0)
        return fetch(e, v);
    lock(e, e->reg[v]);
    return e->reg[v];
}

int x64_use_x(X64Emit *e, IrVal v)
{
    v = x64_val(e, v);
    if (e->reg[v] >= 0) {
        lock(e, e->reg[v]);
        return e->reg[v] - X64_XMM;
    }
    int t = alloc_temp(e, true);
    X64Mem m;
    int64_t c;
    if (value_mem(e, v, &m)) {
        x64_load_x(e->a, e->l->flags[v] & IR_L_LATE ? IR_V64 : x64_type(e, v), t - X64_XMM, m);
    } else if (x64_const(e, v, &c)) {
        const_x(e, t - X64_XMM, v, c);
    } else if (!x64_upper_to(e, t - X64_XMM, v)) {
        e->failed = true;
        return t - X64_XMM;
    }
    if (x64_live_after(e, v)) {
        e->reg[v] = (int8_t)t;
        e->reg_val[t] = v;
    }
    return t - X64_XMM;
}

/* May register r be given to the current result? Its occupant must not be needed after this op. */
static bool can_take(const X64Emit *e, int r, uint32_t avoid)
{
    if (avoid >> r & 1)
        return false;
    IrVal u = e->reg_val[r];
    return !x64_upper_wanted(e, r, e->cur + 1) && (!u || e->reg[u] != r || e->l->last[u] <= e->cur);
}

static int define(X64Emit *e, int want, uint32_t avoid, bool vec)
{
    unsigned v = e->cur;
    unsigned hint = e->l->hint[v];
    int d = -1;
    if (hint) {
        int pin = e->slot_reg[hint - 1];
        if (pin >= 0 && (pin >= X64_XMM) == vec && !(avoid >> pin & 1)) {
            if (!can_take(e, pin, 0))
                x64_evict(e, pin); /* its old value is wanted later, say for flags */
            d = pin;
        }
    }
    if (d < 0 && want >= 0 && x64_is_temp(e, want) && can_take(e, want, avoid))
        d = want;
    if (d < 0) {
        uint32_t saved = e->locked;
        e->locked |= avoid;
        d = alloc_temp(e, vec);
        e->locked = saved | 1u << d;
    }
    x64_def_is(e, d);
    return d;
}

int x64_def(X64Emit *e, int want, uint32_t avoid) { return define(e, want, avoid, false); }

int x64_def_x(X64Emit *e, int want, uint32_t avoid)
{
    return define(e, want < 0 ? -1 : want + X64_XMM, avoid << X64_XMM, true) - X64_XMM;
}

void x64_def_is(X64Emit *e, int reg)
{
    IrVal u = e->reg_val[reg];
    if (u && e->reg[u] == reg)
        e->reg[u] = -1;
    e->reg_val[reg] = (IrVal)e->cur;
    e->reg[e->cur] = (int8_t)reg;
    if (reg >= X64_XMM)
        e->upper[reg - X64_XMM] = 0;
    lock(e, reg);
}

int x64_def_x_for(X64Emit *e, IrVal v, int pin, int want)
{
    int d = pin >= X64_XMM ? pin : -1;
    if (d >= 0 && !can_take(e, d, 0))
        x64_evict(e, d);
    if (d < 0 && want >= 0 && x64_is_temp(e, want + X64_XMM) && can_take(e, want + X64_XMM, 0))
        d = want + X64_XMM;
    if (d < 0)
        d = alloc_temp(e, true);
    IrVal u = e->reg_val[d];
    if (u && e->reg[u] == d)
        e->reg[u] = -1;
    e->reg_val[d] = v;
    e->reg[v] = (int8_t)d;
    lock(e, d);
    return d - X64_XMM;
}

static void put_pinned(X64Emit *e, int pin, IrVal v)
{
    int64_t c;
    if (e->reg[v] == pin && e->reg_val[pin] == v)
        return;
    x64_evict(e, pin);
    X64Mem m;
    if (e->reg[v] >= 0) {
        int src = e->reg[v];
        if (pin >= X64_XMM && !x64_is_temp(e, src)) /* two registers will hold it: no pending clean-up then */
            x64_clean(e, v, src - X64_XMM);
        if (src >= X64_XMM && e->upper[src - X64_XMM])
            x64_move_wide(e, pin - X64_XMM, src - X64_XMM);
        else
            move_reg(e, pin, src);
        if (x64_is_temp(e, src)) { /* the pin is the better home */
            if (src >= X64_XMM)
                e->upper[src - X64_XMM] = 0;
            e->reg_val[src] = 0;
            e->reg[v] = (int8_t)pin;
        }
    } else if (value_mem(e, v, &m)) {
        if (pin >= X64_XMM)
            x64_load_x(e->a, x64_type(e, v), pin - X64_XMM, m);
        else
            x64_load_value(e, pin, v, m);
        e->reg[v] = (int8_t)pin;
    } else if (x64_const(e, v, &c)) {
        if (pin >= X64_XMM)
            const_x(e, pin - X64_XMM, v, c);
        else if (c == 0)
            zero(e, pin);
        else
            x64_mov_ri(e->a, 64, pin, (uint64_t)c);
        e->reg[v] = (int8_t)pin;
    } else if (pin >= X64_XMM && x64_upper_to(e, pin - X64_XMM, v)) {
        e->reg[v] = (int8_t)pin;
    } else {
        e->failed = true;
    }
    e->reg_val[pin] = v;
}

/* The value that the slot's memory holds will have to live elsewhere. */
void x64_lose_home(X64Emit *e, unsigned slot)
{
    IrVal u = e->slot_val[slot], before = slot ? e->slot_val[slot - 1] : 0;
    if (before && e->home[before] == slot && x64_type(e, before) == IR_V128 &&
        e->h->slots[slot].type == IR_V64 && !(e->l->flags[before] & IR_L_LATE))
        x64_lose_home(e, slot - 1); /* a vector in both slots; what comes late is an upper half */
    e->slot_val[slot] = 0;
    if (!u || e->home[u] != slot + 1)
        return;
    /* what exits want of it counts up to behind the last op, where there are none any more */
    bool wanted = e->l->last[u] > e->cur && e->cur + 1 < e->r->n_insns;
    if (wanted && e->reg[u] < 0 && !e->spill[u]) {
        if (ir_type_is_vec((IrType)e->r->insn[u].type))
            x64_use_x(e, u);
        else
            x64_use(e, u);
    }
    e->home[u] = 0;
}

/* Does the slot hold less than somebody may want of v? v is wider, or shares its register with a trunc or
 * zext. */
static bool is_cut(const X64Emit *e, unsigned slot, IrVal v)
{
    IrType t = (IrType)e->h->slots[slot].type, of = ir_result_type(e->r, &e->r->insn[v]);
    return t == IR_I32 ? of != IR_I32 || e->l->uses[v] >= IR_USES_SHARED : t == IR_V64 && of == IR_V128;
}

static void put_memory(X64Emit *e, unsigned slot, IrVal v)
{
    if (e->slot_val[slot] == v && e->home[v] == slot + 1)
        return;
    x64_lose_home(e, slot);
    int64_t c;
    X64Mem m = x64_slot_mem(e, slot);
    if (e->h->slots[slot].type == IR_V128 && x64_upper_store(e, m, v)) {
        ;
    } else if (ir_type_is_vec((IrType)e->h->slots[slot].type)) {
        int x = x64_use_x(e, v);
        x64_clean(e, v, x);
        x64_store_x(e->a, (IrType)e->h->slots[slot].type, m, x);
    } else if (e->reg[v] < 0 && x64_const(e, v, &c) && fits_i32(c)) {
        x64_mov_mi(e->a, slot_width((IrType)e->h->slots[slot].type), m, (int32_t)c);
    } else {
        x64_mov_mr(e->a, slot_width((IrType)e->h->slots[slot].type), m, x64_use(e, v));
    }
    e->slot_val[slot] = v;
    if (!ir_is_const(e->r, v) && !is_cut(e, slot, v))
        e->home[v] = (uint8_t)(slot + 1);
}

/* Of which nothing has been emitted yet? */
static bool is_late(const X64Emit *e, IrVal v)
{
    return (e->l->flags[v] & IR_L_LATE) && e->reg[v] < 0 && !e->home[v] && !e->spill[v];
}

static void hold_in_slot(X64Emit *e, unsigned slot, IrVal v)
{
    e->slot_val[slot] = v;
    if (!ir_is_const(e->r, v))
        e->home[v] = (uint8_t)(slot + 1);
}

/* slot = upper half of a vector; v is the value that it makes */
static void put_high(X64Emit *e, unsigned slot, IrVal v)
{
    int pin = e->slot_reg[slot];
    if (pin >= 0) {
        x64_evict(e, pin);
        x64_pshufd(e->a, pin - X64_XMM, x64_use_x(e, e->r->insn[v].a), 0xee);
        e->reg[v] = (int8_t)pin;
        e->reg_val[pin] = v;
        return;
    }
    x64_lose_home(e, slot);
    x64_movhps_mr(e->a, x64_slot_mem(e, slot), x64_use_x(e, e->r->insn[v].a));
    hold_in_slot(e, slot, v);
}

static bool is_upper_half(const IrInsn *i)
{
    return i->op == IR_VDUPL && i->type == IR_V128 && i->misc == IR_LANE_64 && i->imm == IR_VA_N(1);
}

bool x64_put_half(X64Emit *e, const IrInsn *i)
{
    IrVal v = x64_val(e, i->a);
    unsigned slot = i->imm;
    const IrInsn *next = i + 1;
    if (is_late(e, v)) {
        put_high(e, slot, v);
        return true;
    }
    if (x64_type(e, v) != IR_V128 || e->slot_reg[slot] >= 0 || e->cur + 1u >= e->r->n_insns ||
        next->op != IR_PUT || next->imm != slot + 1 || (e->l->flags[e->cur + 1] & IR_L_DEAD))
        return false;
    IrVal high = x64_val(e, next->a);
    bool late = is_late(e, high);
    if ((!late && !is_upper_half(&e->r->insn[high])) || x64_val(e, e->r->insn[high].a) != v ||
        e->slot_reg[slot + 1] >= 0 || e->h->slots[slot + 1].offset != e->h->slots[slot].offset + 8)
        return false;
    x64_lose_home(e, slot);
    x64_lose_home(e, slot + 1);
    x64_movups_mr(e->a, x64_slot_mem(e, slot), x64_use_x(e, v));
    hold_in_slot(e, slot, v);
    if (late) /* else it may be used as two halves */
        hold_in_slot(e, slot + 1, high);
    else
        e->slot_val[slot + 1] = high;
    e->cur++;
    return true;
}

void x64_put_slot(X64Emit *e, unsigned slot, IrVal v)
{
    v = x64_val(e, v);
    int pin = e->slot_reg[slot];
    if (UNLIKELY(e->uppers_kept) && x64_put_upper(e, slot, v))
        return;
    if (pin >= 0)
        put_pinned(e, pin, v);
    else
        put_memory(e, slot, v);
}

/* Nothing is known at the start of a block but the boundary convention and the spilled globals. */
void x64_start_block(X64Emit *e, unsigned block)
{
    for (unsigned v = 0; v < e->r->block[block].first; v++) {
        e->reg[v] = -1;
        e->home[v] = 0;
        if (ir_is_const(e->r, (IrVal)v)) /* its stack slot was written in a block that may not come before
                                          * this one */
            e->spill[v] = 0;
    }
    memset(e->reg_val, 0, sizeof(e->reg_val));
    memset(e->slot_val, 0, sizeof(e->slot_val));
    memset(e->upper, 0, sizeof(e->upper));
    e->unit_live = false;
}

/* ---- pins of a loop ---- */

bool x64_is_plain_loop(const X64Emit *e)
{
    const IrRegion *r = e->r;
    const IrInsn *last = &r->insn[r->n_insns - 1];
    if (r->n_blocks != 1 || last->op != IR_BR || last->misc)
        return false;
    for (unsigned k = 1; k < r->n_insns; k++)
        if (r->insn[k].op == IR_CALL || (r->insn[k].op == IR_UNIT && e->h->paged.on))
            return false;
    return true;
}

/* What a loop does with its slots, once around. */
typedef struct SlotUse {
    uint16_t uses[IR_MAX_SLOTS];
    uint64_t puts[(IR_MAX_SLOTS + 63) / 64], gets[(IR_MAX_SLOTS + 63) / 64];
    bool joins; /* whole vectors are made of halves */
} SlotUse;

/* Of a vector that is read or written as a whole: better in memory, with its other half. */
static bool is_half(const X64Emit *e, const IrInsn *i, unsigned at)
{
    if (i->type != IR_V64)
        return false;
    return i->op == IR_PUT ? x64_type(e, x64_val(e, i->a)) == IR_V128
                           : e->r->insn[e->l->user[at]].op == IR_VJOIN;
}

static void count_uses(const X64Emit *e, SlotUse *u)
{
    const IrRegion *r = e->r;
    memset(u, 0, sizeof *u);
    for (unsigned k = 1; k < r->n_insns; k++) {
        const IrInsn *i = &r->insn[k];
        u->joins |= i->op == IR_VJOIN;
        if ((i->op != IR_GET && i->op != IR_PUT) || (e->l->flags[k] & IR_L_DEAD))
            continue;
        bool vec = ir_type_is_vec((IrType)e->h->slots[i->imm].type);
        if (i->op == IR_PUT)
            u->puts[i->imm >> 6] |= 1ull << (i->imm & 63);
        if (is_half(e, i, k))
            continue;
        if (i->op == IR_GET)
            u->gets[i->imm >> 6] |= 1ull << (i->imm & 63);
        if (i->op == IR_PUT) {
            u->uses[i->imm] += vec ? 2 : 1; /* of a float: a NaN check and a store */
        } else {
            u->uses[i->imm] += vec ? 1 : MIN(e->l->uses[k], 8);
        }
    }
}

static void add_loop_pin(X64Emit *e, const SlotUse *u, unsigned slot, int reg)
{
    IrType t = (IrType)e->h->slots[slot].type;
    X64Pin p = {.slot = (uint8_t)slot, .reg = (uint8_t)reg, .offset = e->h->slots[slot].offset,
                .bytes = t == IR_I32 ? 4 : x64_slot_bytes(e->h, slot)}; /* what is behind it may be another */
    e->slot_reg[slot] = (int8_t)reg;
    if (u->puts[slot >> 6] >> (slot & 63) & 1)
        e->loop_dirty |= 1u << reg;
    e->code->loop_pin[e->code->n_loop_pins++] = p;
    if (reg >= X64_XMM)
        x64_load_x(e->a, t, reg - X64_XMM, x64_env(p.offset));
    else
        x64_mov_rm(e->a, p.bytes * 8, reg, x64_env(p.offset));
}

/* What is only put saves a store, no more: where whole vectors want the temporaries it is left in memory. */
static bool is_kept(const SlotUse *u, unsigned slot)
{
    return !u->joins || (u->gets[slot >> 6] >> (slot & 63) & 1);
}

/* xmm temporaries become pins. */
static void loop_pin_vectors(X64Emit *e, const SlotUse *u)
{
    uint64_t taken[(IR_MAX_SLOTS + 63) / 64] = {0};
    for (unsigned n = 0; n < e->max_loop_pins; n++) {
        unsigned best = 0, most = 0;
        for (unsigned s = 0; s < e->h->n_slots; s++)
            if (u->uses[s] > most && e->slot_reg[s] < 0 && !(taken[s >> 6] >> (s & 63) & 1) &&
                ir_type_is_vec((IrType)e->h->slots[s].type) && is_kept(u, s) && !x64_is_upper_slot(e, s)) {
                best = s;
                most = u->uses[s];
            }
        if (most == 0)
            break;
        taken[best >> 6] |= 1ull << (best & 63);
        int reg = X64_XMM + 15 - (int)n;
        e->temps &= ~(1u << reg);
        add_loop_pin(e, u, best, reg);
        e->pin[e->n_pins++] = e->code->loop_pin[e->code->n_loop_pins - 1];
    }
}

static bool is_general(const X64Emit *e, unsigned slot)
{
    return e->h->slots[slot].type == IR_I64 || e->h->slots[slot].type == IR_I32;
}

/* How many more uses an exchange should save: it costs four memory accesses whenever the loop is entered and
 * left. Loops with many registers that are not pinned, such as those that copy blocks, run for longer. */
static unsigned worth_an_exchange(const X64Emit *e, const SlotUse *u)
{
    enum { MANY = 8 };
    unsigned in_memory = 0;
    for (unsigned s = 0; s < e->h->n_slots; s++)
        in_memory += u->uses[s] && e->slot_reg[s] < 0 && is_general(e, s);
    return in_memory >= MANY ? 2 : 3;
}

/* General registers whose slots the loop hardly looks at hold others meanwhile. */
static void loop_swap_pins(X64Emit *e, const SlotUse *u)
{
    unsigned worth = worth_an_exchange(e, u);
    for (unsigned n = 0; n < X64_MAX_LOOP_SWAPS; n++) {
        unsigned in = 0, most = 0, out = e->h->n_pins, least = ~0u;
        for (unsigned s = 0; s < e->h->n_slots; s++)
            if (u->uses[s] > most && e->slot_reg[s] < 0 && is_general(e, s)) {
                in = s;
                most = u->uses[s];
            }
        for (unsigned k = 0; k < e->h->n_pins; k++)
            if (e->pin[k].reg < X64_XMM && e->pin[k].slot == e->h->pin[k].slot &&
                u->uses[e->pin[k].slot] < least) {
                out = k;
                least = u->uses[e->pin[k].slot];
            }
        if (out == e->h->n_pins || most < least + worth)
            break;
        X64Pin old = e->pin[out];
        e->slot_reg[old.slot] = -1;
        x64_mov_mr(e->a, slot_width((IrType)e->h->slots[old.slot].type), x64_env(old.offset), old.reg);
        add_loop_pin(e, u, in, old.reg);
        e->pin[out] = e->code->loop_pin[e->code->n_loop_pins - 1];
    }
}

void x64_loop_pins(X64Emit *e)
{
    e->temps = TEMP_GPRS | 0xff000000;
    e->n_pins = e->h->n_pins;
    e->loop_dirty = 0;
    e->code->n_loop_pins = 0;
    if (e->pins_of != e->h) {
        memcpy(e->pin, e->h->pin, e->n_pins * sizeof(e->pin[0]));
        memcpy(e->slot_reg, e->h->slot_reg, sizeof(e->slot_reg));
        e->pins_of = e->h;
    }
    if ((e->h->no_opt & (X64_NO_LOOP_PINS | X64_NO_PINS)) || !x64_is_plain_loop(e))
        return;
    SlotUse u;
    e->pins_of = NULL;
    count_uses(e, &u);
    loop_pin_vectors(e, &u);
    loop_swap_pins(e, &u);
    x64_loop_uppers(e);
    x64_fl_enter_loop(e);
}

void x64_leave_loop(X64Emit *e)
{
    if (LIKELY(e->code->n_loop_pins == 0))
        return;
    x64_leave_uppers(e);
    for (unsigned k = 0; k < e->n_pins; k++) {
        bool extra = k >= e->h->n_pins;
        const X64Pin *p = &e->pin[k], *old = extra ? p : &e->h->pin[k];
        bool swapped = p->slot != old->slot;
        if (!extra && !swapped)
            continue;
        if (e->loop_dirty >> p->reg & 1) {
            if (p->reg >= X64_XMM)
                x64_store_x(e->a, (IrType)e->h->slots[p->slot].type, x64_env(p->offset), p->reg - X64_XMM);
            else
                x64_mov_mr(e->a, p->bytes * 8, x64_env(p->offset), p->reg);
        }
        if (swapped)
            x64_mov_rm(e->a, slot_width((IrType)e->h->slots[old->slot].type), old->reg,
                       x64_env(old->offset));
    }
}
