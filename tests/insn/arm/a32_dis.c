/* a32_dis FILE [t] [-s]: prints one line per instruction of a flat file, T32 with t; with -s one at each
 * multiple of 16. */
#include <stdio.h>

#include "target/arm/a32_disas.h"
#include "target/arm/arm_cpu.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 22];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    Gva tag = argc > 2 && argv[2][0] == 't' ? ARM_PC_T : 0;
    bool slots = argc > 2 && !strcmp(argv[argc - 1], "-s");

    if (!f)
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t pc = 0; pc < n;) {
        char text[160];
        unsigned len = a32_disas(pc | tag, bytes + pc, (unsigned)MIN(n - pc, 4), text, sizeof(text));
        if (!len)
            break;
        printf("%s\n", text);
        pc += slots ? 16 : len;
    }
    return 0;
}
