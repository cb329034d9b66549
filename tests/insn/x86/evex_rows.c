/* As x86_rows.c, for the rows of AVX-512 (x86_evex.def, x86_mask.def): random instructions of every row with
 * random vector and mask registers, MXCSR and memory, every length, masks, broadcasts and rounding; what they
 * leave is printed. Run natively and on the emulator the output must be the same (test_x86_rows.py compares).
 * Compiled for i386 it does so in 32-bit mode.
 *
 * usage: evex_rows SEED COUNT [ROW]    as x86_rows. Not compared: vrcp14, vrsqrt14, of which the manual
 * bounds the error only; of a gather that faults, what is above its elements. */
#include "tests/insn/x86/x86_encode.h"

typedef struct State {
    uint64_t gpr[16], flags, mxcsr, pad[6];
    uint64_t zmm[32][8], k[8];
} State;

enum { UNDERFLOW_MASK = 1 << 11 };
State st_in, st_out;
#include "tests/insn/x86/x86_run.h"

#ifdef __x86_64__
enum { VECTORS = 32 };
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
#else
enum { VECTORS = 8 };
__asm__(".macro zmms op\n.irp n,0,1,2,3,4,5,6,7\n\\op \\n\n.endr\n.endm\n"
        ".macro zload n\nvmovdqu64 st_in+192+64*\\n, %zmm\\n\n.endm\n"
        ".macro zstore n\nvmovdqu64 %zmm\\n, st_out+192+64*\\n\n.endm\n"
        ".macro kload n\nkmovq st_in+2240+8*\\n, %k\\n\n.endm\n"
        ".macro kstore n\nkmovq %k\\n, st_out+2240+8*\\n\n.endm\n"
        ".text\n.globl run_one, leave\nrun_one:\n"
        "push %ebx; push %ebp; push %esi; push %edi\n"
        "mov %esp, host_sp\nzmms zload\nzmms kload\nldmxcsr st_in+136\n"
        "mov st_in+8, %ecx; mov st_in+16, %edx; mov st_in+24, %ebx; mov st_in+40, %ebp; mov st_in+48, %esi\n"
        "mov st_in+56, %edi; push st_in+128; popf; mov st_in, %eax; jmp *target\nleave:\n"
        "mov %eax, st_out; pushf; pop st_out+128; mov %ecx, st_out+8; mov %edx, st_out+16\n"
        "mov %ebx, st_out+24; mov %ebp, st_out+40; mov %esi, st_out+48; mov %edi, st_out+56\n"
        "mov host_sp, %esp; stmxcsr st_out+136\nzmms zstore\nzmms kstore\n"
        "vzeroupper; movl $0x1f80, -8(%esp); ldmxcsr -8(%esp)\n"
        "pop %edi; pop %esi; pop %ebp; pop %ebx; ret\n");
#endif

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
    for (unsigned k = 0; k < REGS; k++)
        st_in.gpr[k] = IS32 ? (uint32_t)value() : value();
    uint64_t base =
        rnd() % 5 == 0 ? AREA + 8192 - rnd() % 256 : BUF + rnd() % 3 * 64 + (rnd() % 4 ? 0 : rnd() % 64);
    st_in.gpr[3] = st_in.gpr[5] = st_in.gpr[7] = st_in.gpr[11] = base;
    st_in.gpr[SMALL] = rnd() % 3 * 64;
    st_in.flags = (rnd() & 0x8d5) | 2;
    st_in.mxcsr =
        0x1f80 | (rnd() % 4) << 13 | (rnd() % 4 ? 0 : rnd() & 0x8040) | (rnd() % 4 ? 0 : rnd() & 0x3f);
    if (rnd() % 6 == 0)
        st_in.mxcsr &= ~(rnd() & 0x1f80);
    if (!x86_sae(x) && r->handler != X86_H_evc && x->vl && !(r->evex & LIG)) /* see docs/status.md */
        st_in.mxcsr |= UNDERFLOW_MASK;
    for (unsigned k = 0; k < VECTORS; k++)
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
    printf(" %016llx\n", (unsigned long long)h);
    if (!all)
        return;
    printf("  sig %d flags %llx mxcsr %llx (before %llx %llx)\n", sig, (unsigned long long)st_out.flags,
           (unsigned long long)st_out.mxcsr, (unsigned long long)st_in.flags,
           (unsigned long long)st_in.mxcsr);
    for (unsigned k = 0; k < REGS; k++)
        printf("  r%u %016llx (before %016llx)\n", k, (unsigned long long)st_out.gpr[k],
               (unsigned long long)st_in.gpr[k]);
    for (unsigned k = 0; k < 8; k++)
        printf("  k%u %016llx (before %016llx)\n", k, (unsigned long long)st_out.k[k],
               (unsigned long long)st_in.k[k]);
    for (unsigned k = 0; k < VECTORS; k++)
        for (unsigned i = 0; i < 8; i++)
            printf("  z%u.%u %016llx (before %016llx)\n", k, i, (unsigned long long)st_out.zmm[k][i],
                   (unsigned long long)st_in.zmm[k][i]);
    for (unsigned at = 0; at < 8192; at += 8)
        printf("  m%d %016llx\n", (int)at - 2048, *(unsigned long long *)(uintptr_t)(AREA + at));
}

static bool wanted(const RowInfo *r)
{
    return x86_avx512((unsigned)r->map, (unsigned)r->handler) && !(IS32 && r->attr & O64) &&
           !(r->handler == X86_H_evc && (r->arg == EV_RCP14 || r->arg == EV_RSQRT14));
}

/* Of a gather that faults, what is above the elements: the manual does not say. Of a store that does, the
 * flags of its conversion: Intel's have them, AMD's not. */
static void ran(const RowInfo *r, const X86Insn *x)
{
    if (got_signal && r->handler == X86_H_evcvtph)
        st_out.mxcsr = st_in.mxcsr;
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
