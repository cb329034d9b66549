/* Build-time program: writes the index of the rows by map and opcode (x86_decode_tables.h) to standard
 * output. */
#include <stdio.h>

#include "target/x86/x86_attrs.h"

static const struct {
    int map, pfx, opc, attr, ext, handler, opd[3];
} rows[] = {
#define INSN(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c)                                      \
    {X86_MAP_##map, X86_PFX_##pfx, opc, attr, ext, X86_H_##handler, {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c}},
#include "target/x86/x86_rows.inc"
#undef INSN
#undef VEX
#undef EVEX
};

static const uint8_t where[] = {
#define OPD(name, where, size) X86_WH_##where,
#include "target/x86/x86_opds.def"
#undef OPD
};

static unsigned asks_of(unsigned where)
{
    switch ((X86Where)where) {
    case X86_WH_X:
    case X86_WH_Y: return 0;
    case X86_WH_E:
    case X86_WH_G:
    case X86_WH_M: return X86_ASKS_MODRM;
    case X86_WH_I:
    case X86_WH_S:
    case X86_WH_J:
    case X86_WH_O:
    case X86_WH_FAR: return X86_ASKS_IMM;
    case X86_WH_L: return X86_ASKS_MODRM | X86_ASKS_IMM;
    case X86_WH_SEG:
    case X86_WH_KG:
    case X86_WH_CR:
    case X86_WH_DR: return X86_ASKS_MODRM | X86_ASKS_REGISTER;
    default: return where > X86_WH_SEG ? X86_ASKS_MODRM : 0;
    }
}

static unsigned row_asks(unsigned i)
{
    unsigned asks = rows[i].ext >= 0 || rows[i].attr & (X86_MEM | X86_REG) ? X86_ASKS_MODRM : 0;
    for (unsigned k = 0; k < 3; k++)
        asks |= asks_of(where[rows[i].opd[k]]);
    return asks | (rows[i].attr & X86_RM ? X86_ASKS_RM : 0);
}

/* What has to be as the row says, and how. */
static void conditions(unsigned i, unsigned *ret_mask, unsigned *ret_want)
{
    static const unsigned prefix[][2] = {
        [X86_PFX_NP] = {X86_FIT_66 | X86_FIT_F3 | X86_FIT_F2, 0},
        [X86_PFX_66] = {X86_FIT_66 | X86_FIT_F3 | X86_FIT_F2, X86_FIT_66},
        [X86_PFX_F3] = {X86_FIT_F3, X86_FIT_F3},
        [X86_PFX_F2] = {X86_FIT_F2, X86_FIT_F2},
        [X86_PFX_ANY] = {0, 0},
    };
    static const struct {
        unsigned attr, mask, want;
        bool vex; /* means something else, or nothing, elsewhere */
    } of[] = {
        {X86_MEM, X86_FIT_REG, 0, false},
        {X86_REG, X86_FIT_REG, X86_FIT_REG, false},
        {X86_W0, X86_FIT_W, 0, false},
        {X86_W1, X86_FIT_W, X86_FIT_W, false},
        {X86_O64, X86_FIT_32, 0, false},
        {X86_O32, X86_FIT_32, X86_FIT_32, false},
        {X86_L0, X86_FIT_WIDE, 0, true},
        {X86_L1, X86_FIT_WIDE, X86_FIT_WIDE, true},
        {X86_SYS, X86_FIT_SYS, X86_FIT_SYS, false},
    };
    bool is_vex = rows[i].map >= X86_MAP_V0F && rows[i].map <= X86_MAP_V3A;
    unsigned mask = prefix[rows[i].pfx][0], want = prefix[rows[i].pfx][1];
    for (unsigned k = 0; k < ARRAY_SIZE(of); k++)
        if (rows[i].attr & of[k].attr && (is_vex || !of[k].vex)) {
            mask |= of[k].mask;
            want |= of[k].want;
        }
    if (rows[i].ext >= 0 && !(rows[i].attr & X86_RM)) {
        mask |= X86_FIT_EXT;
        want |= (unsigned)rows[i].ext << X86_FIT_EXT_SHIFT;
    }
    if (rows[i].opc == 0x90 && rows[i].handler == X86_H_nop) /* nop and pause: with rex.b it is xchg */
        mask |= X86_FIT_B;
    *ret_mask = mask;
    *ret_want = want;
}

int main(void)
{
    unsigned n = 0, first[X86_MAPS * 256 + 1], mask, want;
    printf("static const X86Fit x86_order[] = {");
    for (int k = 0; k < X86_MAPS * 256; k++) {
        first[k] = n;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
            if (rows[i].map * 256 + rows[i].opc == k) {
                conditions(i, &mask, &want);
                printf("%s{%u, %u, %u, %u},", n++ % 8 ? " " : "\n", mask, want, i, row_asks(i));
            }
    }
    first[X86_MAPS * 256] = n;
    printf("\n};\nstatic const uint16_t x86_first[] = {");
    for (int k = 0; k <= X86_MAPS * 256; k++)
        printf("%s%u,", k % 16 ? " " : "\n", first[k]);
    printf("\n};\n");
    return n != ARRAY_SIZE(rows); /* a row outside of the maps */
}
