/* Floating-point exceptions of SSE that are not masked: SIGFPE with its code, at the instruction, which has
 * changed nothing but MXCSR; scalars, vectors, conversions, comparisons; in loops; what handlers and other
 * threads have. */
#include "user.h"

#include <immintrin.h>
#include <pthread.h>
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf env;
static struct {
    int code;
    long pc;
    unsigned mxcsr, inside, trapno;
} got;
static const char *volatile here;

static void on_fpe(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    (void)sig;
    got.code = si->si_code;
    got.pc = (char *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP] - here;
    got.trapno = (unsigned)uc->uc_mcontext.gregs[REG_TRAPNO];
    if ((char *)si->si_addr - here != got.pc)
        got.pc = -1000;
    got.mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    got.inside = _mm_getcsr();
    siglongjmp(env, 1);
}

typedef union V {
    double d[4];
    float f[8];
    uint64_t q[4];
    uint32_t w[8];
} V;

/* One instruction on x (and y), with unmask (of MXCSR's low bits) not masked. */
#define ONE(name, text)                                                                                      \
    static void do_##name(V *x, const V *y, unsigned mxcsr)                                                  \
    {                                                                                                        \
        unsigned masked = 0x1f80;                                                                            \
        const void *p;                                                                                       \
        __asm__ volatile("lea 1f(%%rip), %0\n mov %0, %1" : "=&r"(p), "=m"(here));                           \
        __asm__ volatile("movups (%0), %%xmm0\n movups (%1), %%xmm1\n mov $7, %%eax\n ldmxcsr %2\n"          \
                         "1: " text "\n ldmxcsr %3\n movups %%xmm0, (%0)"                                    \
                         :                                                                                   \
                         : "r"(x), "r"(y), "m"(mxcsr), "m"(masked)                                           \
                         : "xmm0", "xmm1", "rax", "memory");                                                 \
    }

ONE(addsd, "addsd %%xmm1, %%xmm0")
ONE(mulsd, "mulsd %%xmm1, %%xmm0")
ONE(divsd, "divsd %%xmm1, %%xmm0")
ONE(divss, "divss %%xmm1, %%xmm0")
ONE(divpd, "divpd %%xmm1, %%xmm0")
ONE(divps, "divps %%xmm1, %%xmm0")
ONE(sqrtsd, "sqrtsd %%xmm1, %%xmm0")
ONE(ucomisd, "ucomisd %%xmm1, %%xmm0")
ONE(comisd, "comisd %%xmm1, %%xmm0")
ONE(cvttsd2si, "cvttsd2si %%xmm1, %%eax")
ONE(cvtsd2ss, "cvtsd2ss %%xmm1, %%xmm0")
ONE(cvtss2sd, "cvtss2sd %%xmm1, %%xmm0")
ONE(maxsd, "maxsd %%xmm1, %%xmm0")
ONE(cmpltpd, "cmpltpd %%xmm1, %%xmm0")
ONE(roundsd, "roundsd $0, %%xmm1, %%xmm0")
ONE(memory, "addpd (%1), %%xmm0")

static void run(const char *what, void (*fn)(V *, const V *, unsigned), V x, V y, unsigned unmask)
{
    V before = x;
    memset(&got, 0, sizeof got);
    if (!sigsetjmp(env, 1)) {
        fn(&x, &y, 0x1f80 & ~(unmask << 7));
        printf("%s %x: %016lx %016lx\n", what, unmask, (unsigned long)x.q[0], (unsigned long)x.q[1]);
        return;
    }
    unsigned after = _mm_getcsr();
    _mm_setcsr(0x1f80);
    printf("%s %x: code %d pc %ld mxcsr %x inside %x after %x trap %u same %d\n", what, unmask, got.code,
           got.pc, got.mxcsr, got.inside, after, got.trapno, !memcmp(&x, &before, sizeof x));
}

static void instructions(void)
{
    static const struct {
        const char *what;
        void (*fn)(V *, const V *, unsigned);
        V x, y;
    } rows[] = {
        {"division by zero", do_divsd, {.d = {1, 2}}, {.d = {0, 1}}},
        {"0 / 0", do_divsd, {.d = {0, 2}}, {.d = {0, 1}}},
        {"single", do_divss, {.f = {1, 2, 3, 4}}, {.f = {0, 0, 0, 0}}},
        {"one third", do_divsd, {.d = {1, 2}}, {.d = {3, 1}}},
        {"overflow", do_mulsd, {.d = {1e300, 2}}, {.d = {1e300, 1}}},
        {"underflow", do_mulsd, {.d = {1e-300, 2}}, {.d = {1e-300, 1}}},
        {"denormal", do_addsd, {.q = {1, 0}}, {.d = {1, 1}}},
        {"infinities", do_addsd, {.q = {0x7ff0000000000000, 0}}, {.q = {0xfff0000000000000, 0}}},
        {"signaling", do_addsd, {.q = {0x7ff0000000000001, 0}}, {.d = {1, 1}}},
        {"quiet", do_addsd, {.q = {0x7ff8000000000001, 0}}, {.d = {1, 1}}},
        {"high lane", do_divpd, {.d = {1, 2}}, {.d = {1, 0}}},
        {"lanes", do_divps, {.f = {1, 2, 0, 4}}, {.f = {3, 0, 0, 1}}},
        {"root", do_sqrtsd, {.d = {1, 2}}, {.d = {-1, 0}}},
        {"unordered", do_ucomisd, {.q = {0x7ff8000000000001, 0}}, {.d = {1, 0}}},
        {"ordered", do_comisd, {.q = {0x7ff8000000000001, 0}}, {.d = {1, 0}}},
        {"to integer", do_cvttsd2si, {.d = {1, 2}}, {.d = {1e30, 0}}},
        {"to integer inexact", do_cvttsd2si, {.d = {1, 2}}, {.d = {1.5, 0}}},
        {"narrow", do_cvtsd2ss, {.d = {1, 2}}, {.d = {1e300, 0}}},
        {"widen", do_cvtss2sd, {.d = {1, 2}}, {.w = {0x7f800001}}},
        {"maximum", do_maxsd, {.d = {1, 2}}, {.q = {0x7ff8000000000001, 0}}},
        {"less", do_cmpltpd, {.d = {1, 2}}, {.q = {0, 0x7ff8000000000001}}},
        {"round", do_roundsd, {.d = {1, 2}}, {.d = {1.5, 0}}},
        {"from memory", do_memory, {.q = {0x7ff0000000000001, 0}}, {.d = {1, 1}}},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof *rows; k++)
        for (unsigned bit = 0; bit <= 6; bit++)
            run(rows[k].what, rows[k].fn, rows[k].x, rows[k].y, bit < 6 ? 1u << bit : 0x3f);
}

/* The loop's counter and sum are where they were when the quotient of the 1000th round failed. */
static void in_a_loop(void)
{
    static volatile double sum;
    static volatile int at;
    static double by[2000];
    for (int k = 0; k < 2000; k++)
        by[k] = k == 1000 ? 0 : k + 1;
    here = NULL;
    if (!sigsetjmp(env, 1)) {
        _mm_setcsr(0x1f80 & ~(4u << 7));
        for (int k = 0; k < 2000; k++) {
            at = k;
            sum += 1 / by[k];
        }
        printf("no exception\n");
    }
    _mm_setcsr(0x1f80);
    printf("at %d, sum %.17g, code %d\n", at, sum, got.code);
}

/* A handler that masks the exception and returns: the instruction is done again. */
static void on_mask(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    got.code = si->si_code;
    uc->uc_mcontext.fpregs->mxcsr |= 0x1f80;
}

static void masked_by_handler(void)
{
    struct sigaction sa = {.sa_sigaction = on_mask, .sa_flags = SA_SIGINFO};
    volatile double zero = 0, one = 1;
    sigaction(SIGFPE, &sa, NULL);
    _mm_setcsr(0x1f80 & ~(4u << 7));
    volatile double r = one / zero;
    printf("masked: %g code %d mxcsr %x\n", r, got.code, _mm_getcsr());
    _mm_setcsr(0x1f80);
}

static void *other(void *arg)
{
    volatile double zero = 0, one = 1;
    (void)arg;
    printf("other thread: %x\n", _mm_getcsr());
    _mm_setcsr(0x1f80);
    printf("%g\n", one / zero);
    return NULL;
}

static void threads(void)
{
    pthread_t t;
    _mm_setcsr(0x1f80 & ~(4u << 7));
    pthread_create(&t, NULL, other, NULL);
    pthread_join(t, NULL);
    printf("this thread: %x\n", _mm_getcsr());
    _mm_setcsr(0x1f80);
}

/* x87: `text` with its operands in st(0) and st(1), then an instruction that waits. */
typedef struct X87 {
    unsigned cw, sw, tags, trapno, code;
    long pc;
    uint16_t st[16];
} X87;
static X87 fp;

static void on_x87(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    const struct _libc_fpstate *f = uc->uc_mcontext.fpregs;
    (void)sig;
    fp = (X87){f->cwd,
               f->swd,
               f->ftw & 0xff,
               (unsigned)uc->uc_mcontext.gregs[REG_TRAPNO],
               (unsigned)si->si_code,
               (char *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP] - here,
               {0}};
    for (int i = 0; i < 2; i++)
        memcpy(fp.st + 5 * i, &f->_st[i], 10);
    uc->uc_mcontext.fpregs->cwd = 0x37f;
    uc->uc_mcontext.fpregs->swd &= ~0x80ff;
}

#define TRY(name, text)                                                                                      \
    static void x87_##name(long double a, long double b, unsigned cw, void *at)                              \
    {                                                                                                        \
        const void *p;                                                                                       \
        unsigned short sw;                                                                                   \
        __asm__ volatile("lea 1f(%%rip), %0\n mov %0, %1" : "=&r"(p), "=m"(here));                           \
        __asm__ volatile("fninit\n fldt %3\n fldt %2\n fldcw %4\n " text                                     \
                         "\n nop\n 1: fwait\n fnstsw %0\n fninit"                                            \
                         : "=m"(sw)                                                                          \
                         : "r"(at), "m"(a), "m"(b), "m"(cw)                                                  \
                         : "memory", "cc");                                                                  \
        printf(" %x", sw);                                                                                   \
    }
TRY(div, "fdivp %%st, %%st(1)")
TRY(add, "fadd %%st(1), %%st")
TRY(root, "fsqrt")
TRY(store, "fstps (%1)")
TRY(integer, "fistpl (%1)")
TRY(compare, "fcomi %%st(1), %%st")
TRY(full, "fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n fldpi")

static void x87(void)
{
    static const struct {
        const char *what;
        void (*fn)(long double, long double, unsigned, void *);
        long double a, b;
    } rows[] = {
        {"division by zero", x87_div, 0, 1},
        {"0 / 0", x87_div, 0, 0},
        {"third", x87_div, 3, 1},
        {"signaling", x87_add, __builtin_nansl(""), 1},
        {"root", x87_root, -1, 2},
        {"store", x87_store, 1e30L, 2},
        {"store large", x87_store, 1e300L, 2},
        {"store small", x87_store, 1e-300L, 2},
        {"store third", x87_store, 1 / 3.0L, 2},
        {"integer", x87_integer, 1e30L, 2},
        {"integer rounds", x87_integer, 1.5L, 2},
        {"comparison", x87_compare, __builtin_nanl(""), 2},
        {"stack", x87_full, 1, 2},
        {"fine", x87_add, 1, 2},
    };
    struct sigaction sa = {.sa_sigaction = on_x87, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, NULL);
    for (unsigned k = 0; k < sizeof rows / sizeof *rows; k++) {
        for (unsigned bit = 0; bit <= 6; bit++) {
            uint32_t memory[4] = {1, 2, 3, 4};
            fp = (X87){0};
            printf("x87 %s %u:", rows[k].what, bit);
            rows[k].fn(rows[k].a, rows[k].b, bit < 6 ? 0x37f & ~(1u << bit) : 0x340, memory);
            printf(" memory %x, code %u pc %ld cw %x sw %x tags %x trap %u", memory[0], fp.code, fp.pc, fp.cw,
                   fp.sw, fp.tags, fp.trapno);
            for (int i = 0; i < 10; i++)
                printf(" %x", fp.st[i]);
            puts("");
        }
    }
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, NULL);
    instructions();
    in_a_loop();
    masked_by_handler();
    threads();
    x87();
    return 0;
}
