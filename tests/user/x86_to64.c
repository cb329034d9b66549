/* A 32-bit program that goes into 64-bit code (selector 33) and back: ways there, registers, addresses,
 * vectors and x87, system calls of 64 bits and by int 0x80, faults and timers there, handlers of either
 * width. Native and guest are the same program: processor and kernel of the host say what is right. What
 * 32-bit code leaves of the upper halves of registers is undefined. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE32 = 0x23, CODE64 = 0x33 };
enum { ACTION = 16, SEEN = 8 }; /* words of data[] */

uint64_t data[64] __attribute__((aligned(64)));
uint32_t saved_sp, far_to[2];

/* 64-bit code: edi is data, eax and ebx are arguments; it returns far, to the 8 bytes on the stack. The
 * result is eax. */
__asm__(".text\n.balign 64\n.code64\n"
        "g_regs: mov $0x1122334455667788, %rax; mov %rax, %rcx; bswap %rcx; imul %rcx, %rax; mov %rax, "
        "8(%rdi)\n"
        "mov %rcx, 16(%rdi); shr $32, %rax; lret\n"
        "g_upper: mov %ebx, %ebx; mov %rbx, 16(%rdi); mov %rsp, %rcx; shr $32, %rcx; mov %rcx, 24(%rdi); mov "
        "$-1, %rax\n"
        "mov $-1, %rbx; mov $-1, %rcx; lret\n"
        "g_new: mov $1, %r8d; lea 2(%r8), %r9; lea (%r9, %r8, 8), %r15; mov %r15, %r12; push %r12; pop %r10\n"
        "mov %r10, 8(%rdi); mov %sil, %al; mov %al, %r13b; mov %r13, 16(%rdi); movzx %al, %eax; lret\n"
        "g_vectors: movd %eax, %xmm9; pshufd $0, %xmm9, %xmm15; paddd %xmm15, %xmm9; movaps %xmm9, 16(%rdi)\n"
        "movq %xmm15, %rcx; mov %rcx, 8(%rdi); paddd %xmm1, %xmm1; movups %xmm1, 32(%rdi); lret\n"
        "g_fpu: fldpi; fmulp; fldl2e; faddp; lret\n"
        "g_getpid: mov $39, %eax; mov $-1, %rcx; mov $-1, %r11; syscall; 1: lea 1b(%rip), %rsi; sub %rsi, "
        "%rcx\n"
        "mov %rcx, 8(%rdi); lret\n"
        "g_write: push %rdi; mov %rdi, %rsi; mov $1, %edi; mov $11, %edx; mov $1, %eax; syscall; pop %rdi; "
        "lret\n"
        "g_none: mov $9999, %eax; syscall; mov %rax, 8(%rdi); mov $9999, %eax; int $0x80; mov %rax, "
        "16(%rdi); lret\n"
        "g_int80: mov $20, %eax; movabs $0x500000000, %rcx; or %rcx, %rax; int $0x80; lret\n"
        "g_cs: mov %cs, %eax; mov %ss, %ecx; shl $8, %ecx; or %ecx, %eax; lret\n"
        "g_call: call 2f; add %rbx, %rax; jmp 3f; 2: add $1000, %rax; ret; 3: push %rax; pop %rcx; call "
        "*4f(%rip); lret\n"
        "4: .long 2b, 0\n"
        "g_string: lea 256(%rdi), %rsi; xchg %rsi, %rdi; mov $17, %ecx; cld; rep movsb; mov $3, %ecx; mov "
        "$0x77, %al\n"
        "rep stosb; mov %edi, %eax; sub %esi, %eax; lret\n"
        "g_loop: mov %eax, %ecx; xor %eax, %eax; 1: add %ecx, %eax; rol $5, %eax; dec %rcx; jnz 1b; mov "
        "%rax, 8(%rdi); lret\n"
        "g_ud: mov $0x123456789, %rcx; ud2; mov $1, %eax; lret\n"
        "g_int3: mov $5, %eax; int3; inc %eax; lret\n"
        "g_read: mov 1, %eax; lret\n"
        "g_high: movabs $0x8000000000000000, %rcx; mov (%rcx), %eax; lret\n"
        "g_divide: xor %edx, %edx; xor %ecx, %ecx; div %rcx; lret\n"
        "g_iret: pop %rcx; mov %rcx, %rdx; shr $32, %rdx; mov %ecx, %ecx; mov %rsp, %rsi; mov %ss, %eax; "
        "push %rax\n"
        "push %rsi; pushf; push %rdx; push %rcx; mov $0x4242, %eax; iretq\n"
        "g_jump: mov $0x4343, %eax; ljmp *(%rsp)\n"
        "g_out: mov $0x99, %eax; lret\n"
        "g_table: lea 1f(%rip), %rcx; movslq (%rcx, %rax, 4), %rax; add %rcx, %rax; jmp *%rax\n"
        "2: mov $20, %eax; lret; 3: mov $30, %eax; lret; 1: .long 2b - 1b, 3b - 1b\n"
        "g_gs: mov %gs:0, %eax; lret\n"
        "g_locked: mov $5, %ecx; lock xadd %rcx, 8(%rdi); mov 16(%rdi), %rax; mov $7, %ecx; lock cmpxchg "
        "%rcx, 16(%rdi)\n"
        "push %rbx; mov $1, %ebx; mov $2, %ecx; mov 32(%rdi), %rax; mov 40(%rdi), %rdx; lock cmpxchg16b "
        "32(%rdi); pop %rbx\n"
        "setz %al; movzx %al, %eax; lret\n"
        "g_cpuid: push %rbx; mov $0x80000001, %eax; cpuid; pop %rbx; mov %edx, %eax; shr $29, %eax; and $1, "
        "%eax; lret\n"
        "g_act: push %rdi; lea 128(%rdi), %rsi; mov %ebx, %edi; mov $13, %eax; xor %edx, %edx; mov $8, "
        "%r10d; syscall\n"
        "pop %rdi; lret\n"
        "g_kill: push %rdi; mov $39, %eax; syscall; mov %eax, %edi; mov %ebx, %esi; mov $62, %eax; syscall; "
        "pop %rdi; lret\n"
        "g_fs: push %rdi; mov $158, %eax; mov %rdi, %rsi; mov $0x1002, %edi; syscall; pop %rdi; mov %fs:8, "
        "%ecx\n" /* ARCH_SET_FS */
        "mov %rcx, 16(%rdi); lret\n"
        /* a handler of 64 bits */
        "g_handler: incl 64 + data(%rip); mov %edi, 72 + data(%rip); mov %cs, %eax; mov %eax, 80 + "
        "data(%rip)\n"
        "movzwl 40 + 18 * 8(%rdx), %eax; mov %eax, 88 + data(%rip); mov %rsp, %rax; and $15, %eax\n"
        "mov %eax, 96 + data(%rip); ret\n"
        "g_restorer: mov $15, %eax; syscall\n"
        ".code32\n");

#define ENTER "push %%ebp; mov %%esp, saved_sp; lcall *far_to; mov saved_sp, %%esp; pop %%ebp"

static uint32_t enter(const char *to, uint32_t a, uint32_t b)
{
    uint32_t si = 0x5678, di = (uint32_t)(uintptr_t)data, c, d;
    far_to[0] = (uint32_t)(uintptr_t)to;
    far_to[1] = CODE64;
    __asm__ volatile(ENTER : "+a"(a), "+b"(b), "+D"(di), "+S"(si), "=c"(c), "=d"(d)::"memory", "cc");
    return a;
}

#define GO(name, a, b)                                                                                       \
    ({                                                                                                       \
        extern char g_##name[];                                                                              \
        uint32_t got = enter(g_##name, a, b);                                                                \
        got;                                                                                                 \
    })
#define SHOW(name, a, b) printf(#name ": %x\n", GO(name, a, b))

static void print_data(const char *what, unsigned from, unsigned n)
{
    printf("%s:", what);
    for (unsigned k = from; k < from + n; k++)
        printf(" %llx", (unsigned long long)data[k]);
    puts("");
}

static void plain(void)
{
    SHOW(cs, 0, 0);
    SHOW(regs, 0, 0);
    print_data("data", 1, 2);
    SHOW(upper, 5, 0x80000001);
    print_data("data", 2, 2);
    SHOW(new, 0x100, 0);
    print_data("data", 1, 1);
    __asm__ volatile("movd %0, %%xmm1; pshufd $0x4e, %%xmm1, %%xmm1" ::"r"(0x1234567));
    SHOW(vectors, 0x11223344, 0);
    print_data("data", 1, 5);
    SHOW(call, 7, 0x20);
    for (unsigned k = 0; k < 17; k++)
        ((uint8_t *)data)[256 + k] = 0;
    SHOW(string, 0, 0);
    print_data("copied", 32, 3);
    SHOW(iret, 0, 0);
    SHOW(jump, 0, 0);
    SHOW(table, 0, 0);
    SHOW(table, 1, 0);
    SHOW(cpuid, 0, 0);
    memcpy(data + 4, (uint64_t[]){3, 4}, 16);
    data[1] = 10, data[2] = 20;
    SHOW(locked, 0, 0);
    print_data("data", 1, 5);
    uint32_t gs;
    __asm__("mov %%gs:0, %0" : "=r"(gs));
    printf("gs: %d\n", GO(gs, 0, 0) == gs);
    extern char g_fpu[];
    long double x;
    uint32_t c, d, si, di;
    far_to[0] = (uint32_t)(uintptr_t)g_fpu;
    __asm__ volatile("fld1; fadd %%st, %%st; " ENTER "; fstpt %0"
                     : "=m"(x), "=c"(c), "=d"(d), "=S"(si), "=D"(di)::"eax", "memory");
    printf("fpu: %.18Lg\n", x);
    uint32_t sum = 0;
    for (unsigned k = 0; k < 20000; k++)
        sum = sum * 31 + GO(new, k, 0) + GO(call, k, sum);
    printf("often: %x\n", sum);
}

static void calls(void)
{
    printf("getpid: %d\n", GO(getpid, 0, 0) == (uint32_t)getpid());
    print_data("rcx", 1, 1);
    memcpy(data, "of 64 bits\n", 11);
    SHOW(write, 0, 0);
    SHOW(none, 0, 0);
    print_data("rax", 1, 2);
    printf("int 0x80: %d\n", GO(int80, 0, 0) == (uint32_t)getpid());
    data[1] = 0x12345678;
    uint16_t fs = 0;
    SHOW(fs, 0, 0);
    print_data("fs:8", 2, 1);
    __asm__ volatile("mov %0, %%fs" ::"r"(fs));
}

/* ---- signals ---- */

static volatile int ticks, in64;

static void on_signal(int sig, siginfo_t *si, void *context)
{
    extern char g_regs[], g_out[];
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned cs = g[REG_CS] & 0xffff, now;
    if (sig == SIGALRM) {
        ticks++;
        in64 += cs == CODE64;
        return;
    }
    __asm__("mov %%cs, %0" : "=r"(now));
    printf("signal %d code %d cs %x ip + %x err %x trap %d ecx %x, here %x\n", sig, si->si_code, cs,
           (int)(g[REG_EIP] - (int)g_regs), (int)g[REG_ERR], (int)g[REG_TRAPNO],
           sig == SIGILL ? (int)g[REG_ECX] : 0, now);
    if (sig != SIGTRAP && sig != SIGUSR1)
        g[REG_EIP] = (greg_t)(uintptr_t)g_out;
}

static void signals(void)
{
    extern char g_handler[], g_restorer[];
    static const int all[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGALRM, SIGUSR1};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (unsigned k = 0; k < sizeof all / sizeof *all; k++)
        sigaction(all[k], &sa, NULL);
    SHOW(ud, 0, 0);
    SHOW(int3, 0, 0);
    SHOW(read, 0, 0);
    SHOW(high, 0, 0);
    SHOW(divide, 1, 0);
    SHOW(kill, 0, SIGUSR1);
    memcpy(data + ACTION,
           (uint64_t[]){(uint32_t)(uintptr_t)g_handler, SA_SIGINFO | 0x04000000,
                        (uint32_t)(uintptr_t)g_restorer, 0},
           32);
    memset(data + SEEN, 0, 40);
    SHOW(act, 0, SIGUSR2);
    SHOW(kill, 0, SIGUSR2);
    print_data("a handler of 64 bits", SEEN, 5);
    kill(getpid(), SIGUSR2);
    print_data("of 32-bit code", SEEN, 5);
    signal(SIGUSR2, SIG_DFL);
    struct itimerval it = {{0, 500}, {0, 500}}, off = {{0}};
    setitimer(ITIMER_REAL, &it, NULL);
    do
        GO(loop, 3000000, 0);
    while (ticks < 20 || !in64);
    setitimer(ITIMER_REAL, &off, NULL);
    print_data("under a timer", 1, 1);
}

int main(void)
{
    setbuf(stdout, NULL);
    plain();
    calls();
    signals();
    return 0;
}
