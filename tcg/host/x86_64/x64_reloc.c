/* What a copy of a region has to change, noted as it is emitted. Where nobody asks (X64Host.moves), the
 * shortest forms. */
#include "tcg/host/x86_64/x64_priv.h"

void x64_reloc(X64Emit *e, X64RelocKind kind, const uint8_t *at)
{
    X64Code *c = e->code;
    if (LIKELY(!e->h->moves))
        return;
    if (c->n_relocs == X64_MAX_RELOCS)
        c->stays = true;
    else
        c->reloc[c->n_relocs++] = (X64Reloc){.at = (uint32_t)(at - e->entry) & 0xffffff, .kind = kind & 255};
}

void x64_outside(X64Emit *e, uint8_t *site, const uint8_t *target)
{
    bool own = target >= e->exits.stubs && target < e->exits.stubs + e->r->n_exits * X64_STUB_BYTES;
    x64_patch32(site, target);
    x64_reloc(e, own ? X64_RELOC_EXIT : X64_RELOC_STUB, site);
}

void x64_jmp_outside(X64Emit *e, const uint8_t *target)
{
    if (LIKELY(!e->h->moves))
        x64_jmp_to(e->a, target);
    else
        x64_outside(e, x64_jmp_rel32(e->a), target);
}

void x64_mov_host(X64Emit *e, int reg, uint64_t fn)
{
    if (LIKELY(!e->h->moves))
        x64_mov_ri(e->a, 64, reg, fn);
    else
        x64_reloc(e, X64_RELOC_HOST, x64_movabs(e->a, reg, fn));
}

void x64_mov_pc(X64Emit *e, int reg, uint64_t pc)
{
    if (LIKELY(!e->h->moves))
        x64_mov_ri(e->a, 64, reg, pc);
    else
        x64_reloc(e, e->h->pc32 ? X64_RELOC_PC32 : X64_RELOC_PC64, x64_movabs(e->a, reg, pc));
}

void x64_emit_here(X64Emit *e, const IrInsn *i)
{
    uint64_t v = (uint64_t)ir_const_value(e->r, (IrVal)e->cur);
    int reg = x64_def(e, -1, 0);
    if (i->type == IR_I64) {
        x64_reloc(e, X64_RELOC_PC64, x64_movabs(e->a, reg, v));
        return;
    }
    x64_mov_ri(e->a, 32, reg, v);
    x64_reloc(e, X64_RELOC_PC32, e->a->p - 4);
}
