/* As x86_rows.c, for the rows of AVX-512 (x86_evex.def, x86_mask.def): random instructions of every row with
 * random vector and mask registers, MXCSR and memory, every length, masks, broadcasts and rounding; what they
 * leave is printed. Run natively and on the emulator the output must be the same (test_x86_rows.py compares).
 *
 * usage: evex_rows SEED COUNT [ROW]    as x86_rows. Not compared: vrcp14, vrsqrt14, of which the manual
 * bounds the error only; of a gather that faults, what is above its elements. */
#include "tests/insn/x86/x86_encode.h"

typedef struct State {
    uint64_t gpr[16], flags, mxcsr, pad[6];
    uint64_t zmm[32][8], k[8];
} State;

State st_in, st_out;
#include "tests/insn/x86/x86_run.h"

__asm__(
    ".macro zmms op\n.irp "
    "n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "\\op \\n\n.endr\n.endm\n"
    ".macro zload n\nvmovdqu64 st_in+192+64*\\n(%rip), %zmm\\n\n.endm\n"
    ".macro zstore n\nvmovdqu64 %zmm\\n, st_out+192+64*\\n(%rip)\n.endm\n"
    ".macro kload n\nkmovq st_in+2240+8*\\n(%rip), %k\\n\n.endm\n"
    ".macro kstore n\nkmovq %k\\n, st_out+2240+8*\\n(%rip)\n.endm\n"
    ".macro ks op\n.irp n,0,1,2,3,4,5,6,7\n\\op \\n\n.endr\n.endm\n"
    ".macro gpr reg n\nmov st_in+8*\\n(%rip), %\\reg\n.endm\n"
    ".macro out reg n\nmov %\\reg, st_out+8*\\n(%rip)\n.endm\n"
    ".macro gprs op\n\\op rcx 1\n\\op rdx 2\n\\op rbx 3\n\\op rbp 5\n\\op rsi 6\n\\op rdi 7\n\\op r8 8\n\\op "
    "r9 9\n"
    "\\op r10 10\n\\op r11 11\n\\op r12 12\n\\op r13 13\n\\op r14 14\n\\op r15 15\n.endm\n"
    ".text\n.globl run_one, leave\nrun_one:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, host_sp(%rip)\nzmms zload\nks kload\nldmxcsr st_in+136(%rip)\ngprs gpr\n"
    "push st_in+128(%rip); popfq\nmov st_in(%rip), %rax\njmp *target(%rip)\nleave:\n"
    "mov %rax, st_out(%rip)\npushfq; pop st_out+128(%rip)\ngprs out\nmov host_sp(%rip), %rsp\n"
    "stmxcsr st_out+136(%rip)\nzmms zstore\nks kstore\nvzeroupper; movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static void set_index(const RowInfo *r, unsigned index)
{
    for (unsigned i = 0; i < 64 >> r->source; i++) {
        int64_t v = (int64_t)(rnd() % 256) - 128;
        memcpy((char *)st_in.zmm[index] + (i << r->source), &v, 1u << r->source);
    }
}

static uint64_t mask_value(void)
{
    switch (rnd() % 4) {
    case 0: return ~0ull;
    case 1: return rnd() % 4 ? rnd() & rnd() & rnd() : 0;
    default: return rnd();
    }
}

static void set_state(const RowInfo *r, const X86Insn *x)
{
    for (unsigned k = 0; k < 16; k++)
        st_in.gpr[k] = value();
    uint64_t base =
        rnd() % 5 == 0 ? AREA + 8192 - rnd() % 256 : BUF + rnd() % 3 * 64 + (rnd() % 4 ? 0 : rnd() % 64);
    st_in.gpr[3] = st_in.gpr[5] = st_in.gpr[7] = st_in.gpr[11] = base;
    st_in.gpr[14] = rnd() % 3 * 64;
    st_in.flags = (rnd() & 0x8d5) | 2;
    st_in.mxcsr =
        0x1f80 | (rnd() % 4) << 13 | (rnd() % 4 ? 0 : rnd() & 0x8040) | (rnd() % 4 ? 0 : rnd() & 0x3f);
    bool in_c = r->handler == X86_H_evc && r->arg != EV_SCALEF;
    if (rnd() % 6 == 0 && !x86_sae(x) && (in_c || r->evex & LIG)) /* of the others see docs/status.md */
        st_in.mxcsr &= ~(rnd() & 0x1f80);
    for (unsigned k = 0; k < 32; k++)
        for (unsigned i = 0; i < 4; i++)
            fill16((uint8_t *)st_in.zmm[k] + 16 * i);
    for (unsigned k = 0; k < 8; k++)
        st_in.k[k] = mask_value();
    if (r->attr & VSIB)
        set_index(r, (unsigned)x->index);
    for (unsigned k = 0; k < 8192; k += 16)
        fill16((uint8_t *)AREA + k);
}

static void print_state(bool all, int sig)
{
    uint64_t h = 0xcbf29ce484222325;
    st_out.flags &= 0x8d5;
    const struct {
        const void *p;
        size_t n;
    } part[] = {{&st_out, sizeof st_out}, {(void *)AREA, 8192}, {&sig, 4}};
    for (unsigned k = 0; k < ARRAY_SIZE(part); k++)
        for (size_t i = 0; i < part[k].n; i++)
            h = (h ^ ((const uint8_t *)part[k].p)[i]) * 0x100000001b3;
    printf(" %016lx\n", (unsigned long)h);
    if (!all)
        return;
    printf("  sig %d flags %lx mxcsr %lx (before %lx %lx)\n", sig, (unsigned long)st_out.flags,
           (unsigned long)st_out.mxcsr, (unsigned long)st_in.flags, (unsigned long)st_in.mxcsr);
    for (unsigned k = 0; k < 16; k++)
        printf("  r%u %016lx (before %016lx)\n", k, (unsigned long)st_out.gpr[k],
               (unsigned long)st_in.gpr[k]);
    for (unsigned k = 0; k < 8; k++)
        printf("  k%u %016lx (before %016lx)\n", k, (unsigned long)st_out.k[k], (unsigned long)st_in.k[k]);
    for (unsigned k = 0; k < 32; k++)
        for (unsigned i = 0; i < 8; i++)
            printf("  z%u.%u %016lx (before %016lx)\n", k, i, (unsigned long)st_out.zmm[k][i],
                   (unsigned long)st_in.zmm[k][i]);
    for (unsigned at = 0; at < 8192; at += 8)
        printf("  m%d %016lx\n", (int)at - 2048, *(unsigned long *)(uintptr_t)(AREA + at));
}

static bool wanted(const RowInfo *r)
{
    return x86_avx512((unsigned)r->map, (unsigned)r->handler) &&
           !(r->handler == X86_H_evc && (r->arg == EV_RCP14 || r->arg == EV_RSQRT14));
}

/* Of a gather that faults, what is above the elements: the manual does not say. */
static void ran(const RowInfo *r, const X86Insn *x)
{
    if (got_signal && r->attr & VSIB && r->opd[0] != X86_OPD_Mx) {
        unsigned used = (16u << x->vl) >> MAX(r->lane, r->source) << r->lane;
        memset((char *)st_out.zmm[x->reg] + used, 0, 64 - used);
    }
}

int main(int argc, char **argv)
{
    if (!prepare())
        return 2;
    run_rows(argc > 1 ? strtoull(argv[1], NULL, 0) : 1, argc > 2 ? (unsigned)atoi(argv[2]) : 10,
             argc > 3 ? atoi(argv[3]) : -1, wanted, ran);
    return 0;
}
