/* The walk over a region. One emitter function per op, by name: an op without one does not link. */
#include "tcg/host/x86_64/x64_priv.h"

const size_t x64_emit_size = sizeof(X64Emit);

static X64EmitFn *const emitters[IR_OP_COUNT] = {
#define OP(name, NAME, sig, flags, doc) [IR_##NAME] = x64_emit_##name,
#include "tcg/ir/ops.def"
#undef OP
};

unsigned x64_fuse(const X64Host *h)
{
    if (h->no_opt & X64_NO_FUSE)
        return 0;
    bool rotates = x64_has(h->features, X64_F_AVX512VL) && x64_has(h->features, X64_F_AVX512F);
    return IR_FUSE_CMP | IR_FUSE_ADDR | IR_FUSE_SCALE | IR_FUSE_ZEXT | IR_FUSE_HIGH |
           (rotates ? IR_FUSE_ROTATE : 0);
}
unsigned x64_emit_calls(const X64Emit *e) { return e->calls; }

static void start(X64Emit *e, const IrRegion *r)
{
    unsigned n = r->n_insns;
    memset(e->reg, -1, n);
    memset(e->home, 0, n);
    memset(e->spill, 0, n);
    memset(e->dirty, 0, n);
    memset(e->upper0, 0, n);
    memset(e->reg_val, 0, sizeof(e->reg_val));
    memset(e->slot_val, 0, e->h->n_slots * sizeof(e->slot_val[0]));
    memset(e->block_at, 0, r->n_blocks * sizeof(e->block_at[0]));
    e->spills = 0;
    e->failed = false;
    e->any_dirty = e->unit_live = false;
    e->calls = 0;
    e->n_cold = e->n_fix = 0;
    e->n_lits = e->n_lit_uses = e->n_accesses = 0;
    e->ordinal = 0;
    e->fp_image = 0;
    e->arm = r->nan == IR_NAN_ARM;
    e->fcmp_end = e->test_end = e->cmp_end = NULL;
    e->fl = e->fl_loop = e->hold = IR_NONE;
    e->fl_head = 0;
    e->code->n_fl = 0;
    for (unsigned b = 0; b < r->n_blocks; b++) { /* block parameters live in private stack slots */
        for (unsigned k = 0; k < r->block[b].params; k++) {
            if (!x64_spill_alloc(e, (IrVal)(r->block[b].first + k)))
                return;
        }
    }
}

/* In a region with operations of 256 bits: is the op done with that? */
static bool wide_before(X64Emit *e, const IrInsn *i)
{
    bool native = i->op == IR_XVF || i->op == IR_FLXVF;
    if (i->op == IR_CALL || i->op == IR_UNIT || ((ir_op_info[i->op].flags & IR_F_FPX) && !native))
        x64_uppers_out(e);
    return x64_emit_pair(e, i);
}

static void emit_block(X64Emit *e, unsigned block)
{
    const IrRegion *r = e->r;
    const IrBlock *b = &r->block[block];
    if (block)
        x64_start_block(e, block);
    e->block_at[block] = e->a->p;
    if (block == 0)
        x64_count_runs(e);
    for (e->cur = b->first; e->cur < b->end && !e->failed; e->cur++) {
        const IrInsn *i = &r->insn[e->cur];
        if (i->op == IR_INSN_START) { /* every third */
            e->ordinal = i->imm;
            continue;
        }
        unsigned flags = e->l->flags[e->cur];
        if (flags & (IR_L_DEAD | IR_L_FUSED | IR_L_LATE))
            continue;
        e->locked = 0;
        if (e->hold != IR_NONE && !x64_keeps_flags(e, i))
            x64_fl_unhold(e);
        if (e->wide && wide_before(e, i))
            continue;
        if (i->op == IR_GET) /* the most frequent: their branches are foreseen better by themselves */
            x64_emit_get(e, i);
        else if (i->op == IR_PUT)
            x64_emit_put(e, i);
        else if (!(ir_op_info[i->op].flags & IR_F_FPX) ||
                 !(e->arm ? x64_arm_emit(e, i) : x64_half_emit(e, i)))
            emitters[i->op](e, i);
        if ((flags & IR_L_GLOBAL) && i->op != IR_CONST && i->op != IR_PARAM) {
            IrVal v = x64_val(e, (IrVal)e->cur);
            if (e->reg[v] < 0 && e->home[v]) { /* an unpinned get */
                if (ir_type_is_vec((IrType)i->type))
                    x64_use_x(e, v);
                else
                    x64_use(e, v);
            }
            if (e->dirty[v])
                x64_clean(e, v, e->reg[v] - X64_XMM);
            if (e->reg[v] >= 0)
                x64_spill(e, v);
        }
    }
}

void x64_exit_stub(const X64Host *h, uint8_t *p, uint32_t id)
{
    *p = 0xb8; /* mov eax, id */
    x64_put32(p + 1, id);
    p[5] = 0xe9; /* jmp */
    x64_patch32(p + 6, h->exit);
}

static void emit_stubs(X64Emit *e)
{
    for (unsigned k = 0; k < e->r->n_exits; k++)
        x64_exit_stub(e->h, e->exits.stubs + X64_STUB_BYTES * k, e->exits.first_id + k);
}

static void emit_region(X64Emit *e, const IrRegion *r)
{
    e->a->p = e->entry;
    e->code->n_records = e->code->n_relocs = 0;
    e->code->stays = r->stays;
    start(e, r);
    x64_wide_plan(e);
    x64_share_plan(e);
    x64_share_enter(e);
    x64_loop_pins(e);
    for (unsigned b = 0; b < r->n_blocks; b++)
        emit_block(e, b);
    if (e->failed)
        return;
    for (unsigned k = 0; k < e->n_fix; k++)
        x64_patch32(e->fix[k].site, e->block_at[e->fix[k].block]);
    x64_cold_emit(e);
    x64_lits_emit(e);
}

X64Result x64_emit_region(X64Emit *e, const X64Host *h, const IrRegion *r, const IrLive *live, X64Asm *a,
                          const X64Exits *exits, X64Code *code)
{
    enum { NEAR_INSNS = 56 }; /* as many mostly make less than 128 bytes */
    e->a = a;
    e->h = h;
    e->r = r;
    e->l = live;
    e->code = code;
    e->exits = *exits;
    e->entry = a->p;
    e->is_near = r->n_insns <= NEAR_INSNS;
    e->missed = false;
    e->max_loop_pins = X64_MAX_LOOP_XMM;
    emit_region(e, r);
    while (e->missed || (e->failed && code->n_loop_pins && e->max_loop_pins)) {
        if (!e->missed) /* vector rows may want more temporaries than the loop's pins leave */
            e->max_loop_pins = e->max_loop_pins > 2 ? 2 : 0;
        else
            e->is_near = e->missed = false;
        emit_region(e, r);
    }
    emit_stubs(e);
    code->size = (uint32_t)(a->p - e->entry);
    if (a->overflow)
        return X64_NO_ROOM;
    return e->failed ? X64_TOO_COMPLEX : X64_OK;
}
