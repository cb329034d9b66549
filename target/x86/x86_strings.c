/* pcmpestri, pcmpestrm, pcmpistrm on registers. Source: AMD64 APM volume 4, "PCMPESTRI" and those after it.
 */
#include "target/x86/x86_trans.h"
#include "tcg/interp/eval_xv.h"

static unsigned explicit_length(uint64_t reg, bool wide, unsigned imm)
{
    int64_t n = wide ? (int64_t)reg : (int32_t)reg;
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    return (unsigned)MIN(size, ir_xv_text_most(imm));
}

static void put_mask(X86Cpu *cpu, uint32_t r, unsigned imm)
{
    uint8_t out[16] = {0};
    if (!(imm & 64)) {
        memcpy(out, &r, 4);
    } else {
        unsigned size = imm & 1 ? 2 : 1;
        for (unsigned k = 0; k < 16; k++)
            out[k] = r >> k / size & 1 ? 0xff : 0;
    }
    memcpy(cpu->zmm[0], out, 16);
}

/* a: xmm | imm << 8 | form << 16 | W << 24; b, c: second operand. Forms: estrm estri istrm istri. */
uint64_t x86_helper_pcmpstr(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    unsigned imm = a >> 8 & 0xff, form = a >> 16 & 3;
    bool wide = a >> 24 & 1;
    uint64_t first[2] = {cpu->zmm[a & 15][0], cpu->zmm[a & 15][1]}, second[2] = {b, c};
    IrXvText x = {.bytes = (const uint8_t *)first}, y = {.bytes = (const uint8_t *)second};
    x.n = form >= 2 ? ir_xv_text_length(x.bytes, imm) : explicit_length(cpu->gpr[X86_RAX], wide, imm);
    y.n = form >= 2 ? ir_xv_text_length(y.bytes, imm) : explicit_length(cpu->gpr[X86_RDX], wide, imm);
    uint32_t r = ir_xv_text_bits(&x, &y, imm);
    if (form & 1)
        cpu->gpr[X86_RCX] = ir_xv_text_index(r, imm);
    else
        put_mask(cpu, r, imm);
    cpu->fl = ir_xv_text_fl(r, &x, &y, imm);
    return 0;
}
