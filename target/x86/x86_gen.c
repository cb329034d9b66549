/* Build-time program: writes the index of the rows by map and opcode (x86_decode_tables.h) to standard
 * output. */
#include <stdio.h>

#include "target/x86/x86_decode.h"

static const struct {
    int map, opc;
} rows[] = {
#define INSN(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c) {X86_MAP_##map, opc},
#include "target/x86/x86_rows.inc"
#undef INSN
#undef VEX
#undef EVEX
};

int main(void)
{
    unsigned n = 0, first[X86_MAPS * 256 + 1];
    printf("static const uint16_t x86_order[] = {");
    for (int k = 0; k < X86_MAPS * 256; k++) {
        first[k] = n;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
            if (rows[i].map * 256 + rows[i].opc == k)
                printf("%s%u,", n++ % 16 ? " " : "\n", i);
    }
    first[X86_MAPS * 256] = n;
    printf("\n};\nstatic const uint16_t x86_first[] = {");
    for (int k = 0; k <= X86_MAPS * 256; k++)
        printf("%s%u,", k % 16 ? " " : "\n", first[k]);
    printf("\n};\n");
    return n != ARRAY_SIZE(rows); /* a row outside of the maps */
}
