/* Row bulk: a host that is x86 has an instruction for it. It stands in a routine of base/fault.S, so that a
 * fault ends it where it is. rdi and rsi, which are pins, are put aside in temporaries meanwhile. */
#include "tcg/host/x86_64/x64_priv.h"

#include "base/fault.h"

/* reg = v; rdi and rsi were put aside in these. */
static void load_string_operand(X64Emit *e, int reg, IrVal v, int old_rdi, int old_rsi)
{
    int at = e->reg[x64_val(e, v)];
    if (at == X64_RDI)
        x64_mov_rr(e->a, 64, reg, old_rdi);
    else if (at == X64_RSI)
        x64_mov_rr(e->a, 64, reg, old_rsi);
    else
        x64_load_into(e, reg, v, 64);
}

void x64_emit_bulk(X64Emit *e, const IrInsn *i)
{
    static const uint8_t temps[] = {X64_RAX, X64_RCX, X64_RDX, X64_R11};
    X64Asm *a = e->a;
    unsigned kind = i->misc & ~3u;
    bool two = kind == FAULT_COPY || kind == FAULT_MATCH || kind == FAULT_COMPARE; /* addresses */
    bool compares = kind >= FAULT_FIND;
    for (unsigned k = 0; k < ARRAY_SIZE(temps); k++)
        x64_claim(e, temps[k]);
    x64_load_into(e, X64_RCX, i->c, 64);
    if (!two)
        x64_load_into(e, X64_RAX, i->b, 64);
    x64_mov_rr(a, 64, X64_RDX, X64_RDI);
    if (two)
        x64_mov_rr(a, 64, X64_R11, X64_RSI);
    load_string_operand(e, X64_RDI, i->a, X64_RDX, two ? X64_R11 : X64_RSI);
    if (two)
        load_string_operand(e, X64_RSI, i->b, X64_RDX, X64_R11);
    int routine = two ? X64_RAX : X64_R11;
    x64_mov_host(e, routine, fault_bulk_routine(i->misc));
    x64_call_r(a, routine);
    x64_mov_rr(a, 64, X64_RDI, X64_RDX);
    if (two)
        x64_mov_rr(a, 64, X64_RSI, X64_R11);
    if (compares) {
        x64_shift_ri(a, 64, X64_SHL, X64_RAX, 32);
        x64_alu_rr(a, 64, X64_OR, X64_RCX, X64_RAX);
    }
    x64_def_is(e, X64_RCX);
}
