/* x86_dis FILE: for the bytes at each multiple of 32 of a flat file, a line: length (0: no instruction) and
 * text of our own disassembler, length and name of capstone's, with tabs between. */
#include <capstone/capstone.h>
#include <stdio.h>

#include "target/x86/x86_decode.h"
#include "target/x86/x86_disas.h"

enum { SLOT = 32 };

static unsigned ours(Gva pc, const uint8_t *p, char *text, size_t cap)
{
    X86Insn x;
    unsigned n = x86_disas(pc, p, SLOT, text, cap);
    return x86_decode(p, SLOT, X86_MODE_64, &x) == X86_OK ? n : 0;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[16 << 20];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    csh cs;

    if (!f || cs_open(CS_ARCH_X86, CS_MODE_64, &cs))
        return 98;
    cs_insn *insn = cs_malloc(cs);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t pc = 0; pc + SLOT <= n; pc += SLOT) {
        char text[160] = "";
        const uint8_t *p = bytes + pc;
        size_t left = SLOT;
        uint64_t addr = pc;
        unsigned len = ours(pc, p, text, sizeof(text));
        bool known = cs_disasm_iter(cs, &p, &left, &addr, insn);
        printf("%u\t%s\t%u\t%s\n", len, text, known ? insn->size : 0, known ? insn->mnemonic : "");
    }
    cs_free(insn, 1);
    cs_close(&cs);
    return 0;
}
