/* a64_dis FILE [rows]: prints one line per instruction of a flat file, which starts at address 0. With `rows`
 * the id of the row and a tab stand before it. */
#include <stdio.h>
#include <stdlib.h>

#include "target/arm/a64_decode.h"
#include "target/arm/a64_disas.h"

static const char row_name[A64_INSN_COUNT + 1][24] = {
#define INSN(id, ...) #id,
#include "target/arm/a64_rows.inc"
#undef INSN
    "-"};

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 24];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;

    if (!f)
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t pc = 0; pc + 4 <= n; pc += 4) {
        char text[128];
        A64Args a;
        a64_disas(pc, bytes + pc, 4, text, sizeof(text));
        if (argc > 2)
            printf("%s\t", row_name[a64_decode(ld_u32(bytes + pc), &a)]);
        printf("%s\n", text);
    }
    return 0;
}
