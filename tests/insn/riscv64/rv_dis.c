/* rv_dis FILE [32]: prints one line per instruction of a flat file, which starts at address 0. */
#include <stdio.h>
#include <stdlib.h>

#include "target/riscv/rv_decode.h"
#include "target/riscv/rv_disas.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 22];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    unsigned xlen = argc > 2 ? RV_XLEN_32 : RV_XLEN_64;

    if (!f)
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t pc = 0; pc < n;) {
        char text[64];
        unsigned len = rv_disas_xlen(xlen, pc, bytes + pc, (unsigned)MIN(n - pc, 4), text, sizeof(text));
        if (!len)
            break;
        printf("%s\n", text);
        pc += len;
    }
    return 0;
}
