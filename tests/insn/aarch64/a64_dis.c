/* a64_dis FILE: prints one line per instruction of a flat file, which starts at address 0. */
#include <stdio.h>

#include "target/arm/a64_disas.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 22];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;

    if (!f)
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t pc = 0; pc + 4 <= n; pc += 4) {
        char text[128];
        a64_disas(pc, bytes + pc, 4, text, sizeof(text));
        printf("%s\n", text);
    }
    return 0;
}
