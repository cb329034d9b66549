/* A program that executes random instructions of every row of target/x86 with random registers, flags, vector
 * and x87 state and memory, and prints what they leave. Run natively and on the emulator the output must be
 * the same (test_x86_rows.py compares); the values come from the processor, so undefined flags are compared
 * too. Compiled for i386 it does so in 32-bit mode.
 *
 * Then sequences of x87 and MMX instructions, with loops, jumps, other control words and faults, which the
 * emulator has to keep state across.
 *
 * usage: x86_rows [-defined] SEED COUNT [ROW]    COUNT instances of each row; with ROW (its number, or
 * SEQUENCES
 * + that of a sequence) all state is printed. Lines: row number, name, bytes, hash of the state. A signal is
 * part of the state.
 *
 * -defined: for processors that are not AMD's, which the models are. Undefined state is left out
 * (x86_undefined.h), and where the two makers differ: SSE4A; operands of SHA that are not aligned; what a
 * gather or vcvtps2ph leaves that faults; what stands above a selector of 16 bits that was pushed as 32. */
#include "tests/insn/x86/x86_undefined.h"

typedef struct State {
    uint64_t gpr[16], flags;
    uint64_t pad[7];
    uint8_t fx[832] __attribute__((aligned(64))); /* as xsave leaves it */
} State;

State st_in, st_out;
#include "tests/insn/x86/x86_run.h"
enum { STACK = AREA + 6144, SHOWN = 1024, SEQUENCES = 100000 };
enum { FX_MXCSR = 24, FX_XMM = 160, FX_YMM = 576 }; /* in State.fx; YMM: the upper halves */
static bool defined_only;

#ifdef __x86_64__
__asm__(
    ".text\n.globl run_one, leave\nrun_one:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, host_sp(%rip)\nmov $7, %eax; xor %edx, %edx; xrstor64 st_in+192(%rip)\n"
    "mov st_in+128(%rip), %rax; push %rax; popfq\n"
    "mov st_in(%rip), %rax; mov st_in+8(%rip), %rcx; mov st_in+16(%rip), %rdx; mov st_in+24(%rip), %rbx\n"
    "mov st_in+32(%rip), %rsp; mov st_in+40(%rip), %rbp; mov st_in+48(%rip), %rsi; mov st_in+56(%rip), %rdi\n"
    "mov st_in+64(%rip), %r8; mov st_in+72(%rip), %r9; mov st_in+80(%rip), %r10; mov st_in+88(%rip), %r11\n"
    "mov st_in+96(%rip), %r12; mov st_in+104(%rip), %r13; mov st_in+112(%rip), %r14; mov st_in+120(%rip), "
    "%r15\n"
    "jmp *target(%rip)\nleave:\n"
    "mov %rax, st_out(%rip); mov %rcx, st_out+8(%rip); mov %rdx, st_out+16(%rip); mov %rbx, st_out+24(%rip)\n"
    "mov %rsp, st_out+32(%rip); mov %rbp, st_out+40(%rip); mov %rsi, st_out+48(%rip); mov %rdi, "
    "st_out+56(%rip)\n"
    "mov %r8, st_out+64(%rip); mov %r9, st_out+72(%rip); mov %r10, st_out+80(%rip); mov %r11, "
    "st_out+88(%rip)\n"
    "mov %r12, st_out+96(%rip); mov %r13, st_out+104(%rip); mov %r14, st_out+112(%rip); mov %r15, "
    "st_out+120(%rip)\n"
    "mov host_sp(%rip), %rsp; pushfq; popq st_out+128(%rip); cld\n"
    "mov $7, %eax; xor %edx, %edx; xsave64 st_out+192(%rip); vzeroupper; fninit; movl $0x1f80, -8(%rsp); "
    "ldmxcsr -8(%rsp)\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");
#else
__asm__(".text\n.globl run_one, leave\nrun_one:\n"
        "push %ebx; push %ebp; push %esi; push %edi\n"
        "mov %esp, host_sp\nmov $7, %eax; xor %edx, %edx; xrstor st_in+192\n"
        "mov st_in+128, %eax; push %eax; popf\n"
        "mov st_in, %eax; mov st_in+8, %ecx; mov st_in+16, %edx; mov st_in+24, %ebx\n"
        "mov st_in+32, %esp; mov st_in+40, %ebp; mov st_in+48, %esi; mov st_in+56, %edi\n"
        "jmp *target\nleave:\n"
        "mov %eax, st_out; mov %ecx, st_out+8; mov %edx, st_out+16; mov %ebx, st_out+24\n"
        "mov %esp, st_out+32; mov %ebp, st_out+40; mov %esi, st_out+48; mov %edi, st_out+56\n"
        "mov host_sp, %esp; pushf; popl st_out+128; cld\n"
        "mov $7, %eax; xor %edx, %edx; xsave st_out+192; vzeroupper; fninit; movl $0x1f80, -8(%esp); "
        "ldmxcsr -8(%esp)\n"
        "pop %edi; pop %esi; pop %ebp; pop %ebx; ret\n");
#endif

static void fill_fx(uint8_t *fx)
{
    static const uint16_t exps[] = {0, 1, 0x3ffe, 0x3fff, 0x4000, 0x403e, 0x403f, 0x7ffe, 0x7fff};
    memset(fx, 0, 832);
    fx[512] = 7; /* all of it counts */
    uint16_t cw = (uint16_t)(0x7f | (rnd() % 4) << 10 |
                             (rnd() % 2   ? 3
                              : rnd() % 2 ? 2
                                          : 0)
                                 << 8),
             sw = (uint16_t)(rnd() & 0x7f00);
    uint32_t mxcsr = (uint32_t)(0x1f80 | (rnd() % 4) << 13 | (rnd() % 4 ? 0 : rnd() & 0x8040) |
                                (rnd() % 4 ? 0 : rnd() & 0x3f));
    memcpy(fx, &cw, 2);
    memcpy(fx + 2, &sw, 2);
    fx[4] = rnd() % 3 ? 0xff : (uint8_t)rnd();
    memcpy(fx + 24, &mxcsr, 4);
    for (unsigned k = 0; k < 8; k++) {
        uint16_t e = (uint16_t)((rnd() % 2 ? exps[rnd() % ARRAY_SIZE(exps)] : 0x3fe0 + rnd() % 0x60) |
                                (rnd() & 0x8000));
        uint64_t sig = (rnd() % 3 ? rnd() : 0) | ((e & 0x7fff) ? 1ull << 63 : 0);
        memcpy(fx + 32 + 16 * k, &sig, 8);
        memcpy(fx + 40 + 16 * k, &e, 2);
    }
    for (unsigned k = 0; k < 16; k++)
        fill16(fx + 160 + 16 * k);
    for (unsigned k = 0; k < 16; k++)
        fill16(fx + 576 + 16 * k);
}

/* Rows that are tried where memory ends, and not aligned, too: what is left after a fault. */
static bool near_end(const RowInfo *r)
{
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_size_code[r->opd[k]] == X86_SZ_X && r->handler != X86_H_xvmaskmov)
            return true;
    return r->handler == X86_H_vmaskmov || r->handler == X86_H_vgather || r->handler == X86_H_vcvtph;
}

/* Small indexes for a gather, and a mask. */
static void set_gather(const X86Insn *x)
{
    bool quad = x->row->arg >> 2 == 3;
    unsigned at[2] = {(unsigned)x->index, x->vvvv};
    for (unsigned k = 0; k < 32; k += 4) {
        uint32_t i = quad && k & 4 ? 0 : (uint32_t)rnd() % 128, m = (uint32_t)rnd();
        if (!quad && rnd() % 2)
            i = 0 - i % 64;
        memcpy(st_in.fx + (k < 16 ? FX_XMM : FX_YMM - 16) + 16 * at[0] + k, &i, 4);
        memcpy(st_in.fx + (k < 16 ? FX_XMM : FX_YMM - 16) + 16 * at[1] + k, &m, 4);
    }
}

static void set_state(const RowInfo *r, const X86Insn *x)
{
    uint8_t *area = (uint8_t *)AREA;
    for (unsigned k = 0; k < REGS; k++)
        st_in.gpr[k] = IS32 ? (uint32_t)value() : value();
    st_in.gpr[3] = st_in.gpr[5] = st_in.gpr[7] = st_in.gpr[11] = BUF;
    st_in.gpr[SMALL] = rnd() % 3 * 16;
    st_in.gpr[4] = STACK;
    if (r->attr & REP || has_where(r, X86_WH_X)) {
        st_in.gpr[6] = BUF + rnd() % 200;
        st_in.gpr[7] = BUF + rnd() % 200;
        st_in.gpr[1] = rnd() % 20;
    }
    if (near_end(r) && x->mod != 3 && rnd() % 6 == 0)
        st_in.gpr[3] = st_in.gpr[5] = st_in.gpr[7] = st_in.gpr[11] =
            (rnd() % 2 ? AREA + 8192 - rnd() % 256 : AREA + 64 - rnd() % 128) &
            (defined_only && r->feat[0] == X86_FEAT_SHA ? ~15u : ~0u);
    if (r->handler == X86_H_bt && x->mod != 3)
        st_in.gpr[x->reg] = st_in.gpr[x->reg] % 512;
    st_in.flags = (rnd() & 0xcd5) | 2;
    if (!(r->attr & REP))
        st_in.flags &= ~0x400ull;
    fill_fx(st_in.fx);
    if (r->attr & VSIB)
        set_gather(x);
    for (unsigned k = 0; k < 8192; k += 16)
        fill16(area + k);
    if (r->handler == X86_H_x87 || r->handler == X86_H_bt)
        for (unsigned k = 0; k < 512; k += 8) {
            uint64_t v = rnd() % 2 ? f64() : f32() | (uint64_t)f32() << 32;
            memcpy(area + BUF - AREA - 256 + k, &v, 8);
        }
}

/* The pointers of the last x87 instruction are not compared: Zen saves them only with pending exceptions. */
static void print_state(bool all, int sig)
{
    uint64_t h = 0xcbf29ce484222325;
    memset(st_out.fx + 6, 0, 18);
    memset(st_out.fx + 28, 0, 4); /* MXCSR_MASK */
    memset(st_out.fx + 416, 0, 160);
    st_out.flags &= 0xcd5;
    const struct {
        const void *p;
        size_t n;
    } part[] = {{st_out.gpr, 128},
                {&st_out.flags, 8},
                {st_out.fx, 832},
                {(void *)(BUF - SHOWN / 2), SHOWN},
                {(void *)(STACK - 64), 128},
                {(void *)AREA, 256},
                {(void *)(AREA + 8192 - 256), 256},
                {&sig, 4}};
    for (unsigned k = 0; k < ARRAY_SIZE(part); k++)
        for (size_t i = 0; i < part[k].n; i++)
            h = (h ^ ((const uint8_t *)part[k].p)[i]) * 0x100000001b3;
    printf(" %016llx\n", (unsigned long long)h);
    if (!all)
        return;
    printf("  sig %d flags %llx (before %llx)\n", sig, (unsigned long long)st_out.flags,
           (unsigned long long)st_in.flags);
    for (unsigned k = 0; k < REGS; k++)
        printf("  r%u %016llx (before %016llx)\n", k, (unsigned long long)st_out.gpr[k],
               (unsigned long long)st_in.gpr[k]);
    for (unsigned k = 0; k < 832; k += k == 408 ? 168 : 8)
        printf("  fx+%u %016llx (before %016llx)\n", k, *(unsigned long long *)(st_out.fx + k),
               *(unsigned long long *)(st_in.fx + k));
    for (uintptr_t at = BUF - SHOWN / 2; at < BUF + SHOWN / 2; at += 8)
        printf("  m%ld %016llx\n", (long)(at - BUF), *(unsigned long long *)at);
}

/* ---- sequences ---- */

/* Of x87 or, at times, MMX: rows that leave the general registers alone but for ax. */
static const RowInfo *pick_x87(bool mmx)
{
    for (;;) {
        const RowInfo *r = &rows[rnd() % ARRAY_SIZE(rows)];
        if (r->handler == X86_H_x87_wait ||
            (r->handler == (mmx ? X86_H_mmx : X86_H_x87) && !is_environment(r)))
            return r;
    }
}

static uint8_t *put_row(uint8_t *p, const RowInfo *r)
{
    X86Insn x;
    return p + instance(r, p, &x);
}

/* fldcw of a word of the buffer. */
static uint8_t *put_fldcw(uint8_t *p)
{
    const uint8_t insn[] = {0xd9, 0x6b, 0x70};
    memcpy(p, insn, sizeof insn);
    return p + sizeof insn;
}

/* Some of the stack is in use; mostly nothing is unmasked. */
static void set_sequence(void)
{
    static const RowInfo load = {.handler = X86_H_x87};
    X86Insn x = {.mod = 0};
    set_state(&load, &x);
    uint8_t *fx = st_in.fx;
    unsigned top = rnd() % 8, used = rnd() % 7;
    uint16_t cw = (uint16_t)(rnd() & 0xf00), sw = (uint16_t)(top << 11 | (rnd() & 0x4700));
    cw |= (uint16_t)(0x40 | (rnd() % 4 ? 0x3f : 0x3f & ~(1u << rnd() % 6)));
    memcpy(fx, &cw, 2);
    memcpy(fx + 2, &sw, 2);
    fx[4] = 0;
    for (unsigned k = 0; k < used; k++)
        fx[4] |= (uint8_t)(1u << (top + k) % 8);
    cw = (uint16_t)(0x40 | (rnd() & 0xf00) | (rnd() % 4 ? 0x3f : 0x3f & rnd()));
    memcpy((void *)(BUF + 0x70), &cw, 2);
    if (rnd() % 5 == 0)
        st_in.gpr[rnd() % 2 ? 5 : 7] = AREA + 8192 - rnd() % 128;
}

static uint8_t *put_body(uint8_t *p)
{
    uint8_t *jump = NULL;
    bool mmx = rnd() % 4 == 0;
    for (unsigned k = 3 + rnd() % 24; k > 0; k--) {
        if (jump && rnd() % 4 == 0) {
            jump[1] = (uint8_t)(p - jump - 2);
            jump = NULL;
        } else if (!jump && rnd() % 8 == 0) {
            jump = p;
            *p++ = (uint8_t)(0x70 | rnd() % 16); /* jcc */
            *p++ = 0;
        }
        p = rnd() % 12 ? put_row(p, pick_x87(mmx && rnd() % 3 == 0)) : put_fldcw(p);
        if (jump && p - jump > 100) {
            jump[1] = (uint8_t)(p - jump - 2);
            jump = NULL;
        }
    }
    if (jump)
        jump[1] = (uint8_t)(p - jump - 2);
    return p;
}

static void run_sequence(unsigned n, bool all, uint8_t **code)
{
    uint8_t *p = *code;
    int32_t rel;
    set_sequence();
    target = (uintptr_t)p;
    if (rnd() % 2) {
        p = put_body(p);
    } else { /* mov ecx, n; again: ..; dec ecx; jnz again */
        uint32_t rounds = 1 + rnd() % 40;
        *p = 0xb9;
        memcpy(p + 1, &rounds, 4);
        uint8_t *again = p + 5;
        p = put_body(again);
        memcpy(p, "\xff\xc9\x0f\x85", 4);
        rel = (int32_t)(again - (p + 8));
        memcpy(p + 4, &rel, 4);
        p += 8;
    }
    uint8_t *next = end_code(p);
    got_signal = 0;
    memset(&st_out, 0, sizeof st_out);
    printf("%u x87 sequence ", SEQUENCES + n);
    for (const uint8_t *q = *code; q < p + 5; q++)
        printf("%02x", *q);
    *code = next;
    run_one();
    print_state(all, got_signal);
}

static bool wanted(const RowInfo *r)
{
    if (defined_only && r->feat[0] == X86_FEAT_SSE4A)
        return false;
    return !left_out(r) && !x86_avx512((unsigned)r->map, (unsigned)r->handler);
}

/* Takes away what is not defined, or another maker's. */
static void keep_defined(const RowInfo *r, const X86Insn *x)
{
    uint8_t cl = (uint8_t)st_in.gpr[1];
    if (undefined_result(r, x, cl)) {
        memset(&st_out, 0, sizeof st_out);
        memset((void *)AREA, 0, AREA_BYTES);
    }
    if (!got_signal)
        st_out.flags &= ~(uint64_t)undefined_flags(r, x, cl);
    if (r->handler == X86_H_push_seg && x->opsize == 4)
        memset((void *)(uintptr_t)(st_out.gpr[4] + 2), 0, 2);
    if (got_signal && r->handler == X86_H_vcvtph)
        memcpy(st_out.fx + FX_MXCSR, st_in.fx + FX_MXCSR, 4);
    if (got_signal && r->attr & VSIB) {
        memset(st_out.fx + FX_XMM + 16 * x->reg, 0, 16);
        memset(st_out.fx + FX_YMM + 16 * x->reg, 0, 16);
        memset(st_out.fx + FX_XMM + 16 * x->vvvv, 0, 16);
        memset(st_out.fx + FX_YMM + 16 * x->vvvv, 0, 16);
    }
}

int main(int argc, char **argv)
{
    defined_only = argc > 1 && !strcmp(argv[1], "-defined");
    argc -= defined_only;
    argv += defined_only;
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    int only = argc > 3 ? atoi(argv[3]) : -1;
    if (!prepare())
        return 2;
    uint8_t *code = run_rows(first, count, only, wanted, defined_only ? keep_defined : NULL);
    for (unsigned n = 0; n < 25 * count; n++) {
        seed = first * 1000003 + SEQUENCES + n;
        if (only < 0 || (unsigned)only == SEQUENCES + n)
            run_sequence(n, only >= 0, &code);
    }
    return 0;
}
