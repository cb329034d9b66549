/* Does what CPUID says of each instruction come true? An instance of each row with a feature raises SIGILL
 * exactly when CPUID does not show that feature. Runs natively, too; with the emulator once for each model
 * (test_x86_features.py).
 *
 * Prints the rows of which it is not so, then how many were looked at and how many were there. Exit status 1
 * when some were wrong. */
#include <cpuid.h>

#include "tests/insn/x86/x86_encode.h"

static int st_out; /* nothing of the state counts */
#include "tests/insn/x86/x86_run.h"

#ifdef __x86_64__
__asm__(".text\n.globl run_one, leave\nrun_one:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\nmov %rsp, host_sp(%rip)\n"
        "mov $0x50000800, %ebx; mov %rbx, %rbp; mov %rbx, %rdi; mov %rbx, %rsi; mov %rbx, %r11\n"
        "xor %r14d, %r14d; xor %edx, %edx; xor %ecx, %ecx; xor %eax, %eax\n"
        "jmp *target(%rip)\nleave:\nmov host_sp(%rip), %rsp; fninit; push $0x1f80; ldmxcsr (%rsp); pop %rcx\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");
#else
__asm__(".text\n.globl run_one, leave\nrun_one:\n"
        "push %ebx; push %ebp; push %esi; push %edi\nmov %esp, host_sp\n"
        "mov $0x50000800, %ebx; mov %ebx, %ebp; mov %ebx, %edi; xor %esi, %esi; xor %edx, %edx\n"
        "xor %ecx, %ecx; xor %eax, %eax\n"
        "jmp *target\nleave:\nmov host_sp, %esp; fninit; push $0x1f80; ldmxcsr (%esp); pop %ecx\n"
        "pop %edi; pop %esi; pop %ebp; pop %ebx; ret\n");
#endif

typedef struct Feature {
    unsigned leaf;
    char reg;
    unsigned bit;
} Feature;
static const Feature features[] = {
#define FEAT(id, leaf, reg, bit, name) {leaf, #reg[0], bit},
#include "target/x86/x86_features.def"
#undef FEAT
};

static bool has(unsigned f)
{
    unsigned r[4] = {0}, leaf = features[f].leaf, sub = leaf == 0xd || leaf == 0x71;
    leaf = leaf == 0x81 ? 0x80000001 : leaf == 0x71 ? 7 : leaf;
    if (__get_cpuid_max(leaf & 0x80000000, NULL) >= leaf)
        __cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
    return r[features[f].reg - 'A'] >> features[f].bit & 1;
}

static bool there(const RowInfo *r, const X86Insn *x)
{
    if (r->handler == X86_H_cmpxchg8b && x->rex & 8)
        return has(X86_FEAT_CX16);
    bool shorter = x->vl < 2 && !(r->evex & LIG) && !(r->attr & L0);
    if (r->map >= X86_MAP_E0F && (!has(X86_FEAT_AVX512F) || (shorter && !has(X86_FEAT_AVX512VL))))
        return false;
    return has((unsigned)r->feat[x->wide]);
}

/* What would not come back if it is there. */
static bool leaves(const RowInfo *r)
{
    return r->handler == X86_H_syscall || (r->handler == X86_H_fsgsbase && r->arg & 2);
}

static void set_state(const RowInfo *r, const X86Insn *x) {}
static void print_state(bool all, int sig) {}

/* A gather's registers must differ. */
static bool is_none(const X86Insn *x)
{
    return x->row->attr & VSIB && !x->evex &&
           (x->reg == x->vvvv || x->reg == x->index || x->vvvv == x->index);
}

static bool illegal(const RowInfo *r, X86Insn *x, uint8_t *code)
{
    unsigned n = instance(r, code, x);
    while (n && is_none(x))
        n = instance(r, code, x);
    if (!n) {
        x->row = NULL;
        return false;
    }
    end_code(code + n);
    memset((void *)AREA, 0, AREA_BYTES);
    target = (uintptr_t)code;
    got_signal = 0;
    if (!leaves(r) || !there(r, x))
        run_one();
    return got_signal == SIGILL;
}

/* With F3, bsf and bsr become other instructions where there are these. */
static unsigned counts_wrong(void)
{
    unsigned t = 5, l = 0;
    __asm__("tzcnt %1, %0" : "+r"(t) : "r"(0) : "cc");
    __asm__("lzcnt %1, %0" : "=r"(l) : "r"(0x100) : "cc");
    return (t != (has(X86_FEAT_BMI1) ? 32 : 5)) + (l != (has(X86_FEAT_LZCNT) ? 23 : 8));
}

int main(void)
{
    unsigned wrong = counts_wrong(), looked = 0, found = 0;
    if (!prepare())
        return 2;
    uint8_t *code = (uint8_t *)CODE;
    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        const RowInfo *r = &rows[n];
        if (r->feat[0] == X86_FEAT_FPU || r->attr & (IS32 ? O64 : O32) || r->attr & SYS)
            continue;
        for (unsigned k = 0; k < 3; k++, code += 64) {
            X86Insn x = {.row = NULL};
            seed = n * 1000003 + k;
            bool ill = illegal(r, &x, code);
            if (!x.row)
                continue;
            looked++;
            found += !ill;
            if (ill != !there(r, &x)) {
                wrong++;
                printf("%s %s: %s\n", r->id, r->name, ill ? "SIGILL" : "it runs");
            }
        }
    }
    printf("%u instances, %u run, %u wrong\n", looked, found, wrong);
    return wrong || looked < 2000;
}
