/*
 * matrix FILE: guest program (32-bit Arm, A64, RISC-V, x86 of both modes). Runs random code and goes on
 * behind each instruction that raises a signal; the whole state at each signal is written to standard output,
 * at the end the data.
 *
 * FILE: number of words of code, number of resume points (offsets, ascending, the last one is the end), the
 * resume points, the code. It runs at CODE, its data is DATA_SIZE bytes at DATA with nothing around them; the
 * word at COUNTER is for its loops. Bit 31 of the number of words: T32.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE = 0x18000000, COUNTER = 0x1c000000, DATA = 0x20000000, DATA_SIZE = 8192, AROUND = 1 << 20,
       MAX_SIGNALS = 20000, MAX_CODE = 1 << 20 };

/* test_matrix.py knows them. */
#ifdef __aarch64__
typedef struct State {
    uint64_t sig, addr, r[34]; /* x0-x30, sp, pc, pstate */
    uint32_t fpsr, fpcr;
    uint64_t v[64];
} State;
#elif defined(__riscv)
typedef struct State {
    uint64_t sig, addr, r[32], fcsr, f[32]; /* pc, x1-x31 */
} State;
#elif defined(__x86_64__) || defined(__i386__)
typedef struct State {
    uint64_t sig, addr, r[18];            /* pc, flags, rax rcx .. r15 */
    uint64_t control, st[16], v[32], h[32]; /* mxcsr, x87's tags, sw, cw; xmm0 .., upper halves */
} State;
#else
typedef struct State {
    uint32_t sig, addr, r[17], fpscr; /* r0-r15, cpsr */
    uint64_t d[32];
} State;
#endif

static uint32_t file[MAX_CODE], n_resume;
static const uint32_t *resume;
static State *log_at, *log_start;

static void write_all(const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t k = write(1, (const char *)p + at, n - at);
        if (k <= 0)
            _exit(3);
        at += (size_t)k;
    }
}

/* Fills in what the frame has; returns the address of its pc. */
#ifdef __aarch64__
static uint64_t *take_state(State *s, ucontext_t *uc)
{
    mcontext_t *m = &uc->uc_mcontext;

    memcpy(s->r, m->regs, sizeof(m->regs));
    s->r[31] = m->sp;
    s->r[32] = m->pc;
    s->r[33] = m->pstate;
    memcpy(&s->fpsr, (const uint8_t *)m->__reserved + 8, 8); /* struct fpsimd_context */
    memcpy(s->v, (const uint8_t *)m->__reserved + 16, sizeof(s->v));
    return (uint64_t *)(void *)&m->pc;
}
#elif defined(__riscv)
static uint64_t thread_pointer; /* what random code makes of it means nothing to libc; gp is not used */

static uint64_t *take_state(State *s, ucontext_t *uc)
{
    mcontext_t *m = &uc->uc_mcontext;

    __asm__ volatile("ld tp, %0" : : "m"(thread_pointer));
    memcpy(s->r, m->__gregs, sizeof(s->r));
    memcpy(s->f, m->__fpregs.__d.__f, sizeof(s->f));
    s->fcsr = m->__fpregs.__d.__fcsr;
    return (uint64_t *)(void *)&m->__gregs[0];
}
#elif defined(__x86_64__) || defined(__i386__)
#ifdef __x86_64__
static const uint8_t order[] = {REG_RIP, REG_EFL, REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,  REG_R9,
                                REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
enum { LEGACY = 0, VECTORS = 256 };
#else
static const uint8_t order[] = {REG_EIP, REG_EFL, REG_EAX, REG_ECX, REG_EDX,
                                REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
enum { LEGACY = 112, VECTORS = 128 }; /* before the image of fxsave, that of fnsave */
#endif

static greg_t *take_state(State *s, ucontext_t *uc)
{
    mcontext_t *m = &uc->uc_mcontext;
    const uint8_t *fx = (const uint8_t *)m->fpregs + LEGACY;
    uint32_t mxcsr;
    for (unsigned k = 0; k < sizeof(order); k++)
        s->r[k] = (unsigned long)m->gregs[order[k]];
    memcpy(&mxcsr, fx + 24, 4);
    memcpy(&s->control, fx, 5); /* cw, sw, tags */
    s->control |= (uint64_t)mxcsr << 40;
    for (unsigned k = 0; k < 8; k++)
        memcpy(&s->st[2 * k], fx + 32 + 16 * k, 10);
    memcpy(s->v, fx + 160, VECTORS);
    memcpy(s->h, fx + 576, VECTORS);
    m->gregs[order[1]] &= ~0x400ll; /* DF */
    return &m->gregs[order[0]];
}
#else
static uint32_t *take_state(State *s, ucontext_t *uc)
{
    mcontext_t *m = &uc->uc_mcontext;
    const uint8_t *vfp = (const uint8_t *)uc->uc_regspace + 8; /* struct vfp_sigframe: d0-d31, FPSCR */

    memcpy(s->r, &m->arm_r0, 64);
    s->r[16] = (uint32_t)m->arm_cpsr;
    memcpy(s->d, vfp, sizeof(s->d));
    memcpy(&s->fpscr, vfp + sizeof(s->d), 4);
    m->arm_cpsr &= ~0x0600fc00u; /* goes on outside of an IT block */
    return (uint32_t *)(void *)&m->arm_pc;
}
#endif

static void on_signal(int sig, siginfo_t *si, void *opaque)
{
    State *s = log_at++;
    __typeof__(take_state(s, opaque)) pc = take_state(s, opaque);
    uint32_t offset = (uint32_t)*pc - CODE, lo = 0, hi = n_resume - 1;

    s->sig = (uint32_t)sig;
    s->addr = (__typeof__(s->addr))(uintptr_t)si->si_addr;
    if (offset >= resume[n_resume - 1] || log_at == log_start + MAX_SIGNALS) {
        write_all(log_start, (size_t)((char *)log_at - (char *)log_start));
        write_all((void *)(uintptr_t)DATA, DATA_SIZE);
        _exit(offset == resume[n_resume - 1] ? 0 : 2);
    }
    while (lo < hi) { /* the first point behind pc */
        uint32_t mid = (lo + hi) / 2;
        if (resume[mid] > offset)
            hi = mid;
        else
            lo = mid + 1;
    }
    *pc = CODE + resume[lo];
}

static void *map(uintptr_t at, size_t size, int prot)
{
    void *p = mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    if (p != (void *)at)
        _exit(4);
    return p;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t alt = {.ss_sp = malloc(65536), .ss_size = 65536};
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    ssize_t got = fd < 0 ? -1 : read(fd, file, sizeof(file));
    uint32_t n_words = file[0] & 0x7fffffff, seed = 1;

    if (got < 8 || n_words > MAX_CODE / 2)
        return 5;
    n_resume = file[1];
    resume = &file[2];
    log_at = log_start = mmap(NULL, (MAX_SIGNALS + 1) * sizeof(State), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(map(CODE, 4 * MAX_CODE, PROT_READ | PROT_WRITE), &file[2 + n_resume], 4 * n_words);
    mprotect((void *)(uintptr_t)CODE, 4 * MAX_CODE, PROT_READ | PROT_EXEC);
#ifdef __riscv
    __asm__ volatile("sd tp, %0" : "=m"(thread_pointer));
#endif
    __builtin___clear_cache((char *)CODE, (char *)CODE + 4 * n_words);
    *(uint32_t *)map(COUNTER, 4096, PROT_READ | PROT_WRITE) = 3;
    map(DATA - AROUND, 2 * AROUND + DATA_SIZE, PROT_NONE);
    uint32_t *data = map(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
    for (unsigned k = 0; k < DATA_SIZE / 4; k++)
        data[k] = seed = seed * 1664525 + 1013904223;
    sigaltstack(&alt, NULL);
    for (unsigned k = 0; k < sizeof(signals) / sizeof(signals[0]); k++)
        sigaction(signals[k], &sa, NULL);
    ((void (*)(void))(uintptr_t)(CODE | file[0] >> 31))();
    return 6;
}
