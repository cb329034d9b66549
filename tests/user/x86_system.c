/* Instructions that are of the system, of identity, of clocks and of chance, as a program sees them: what the
 * privileged ones raise, CET's markers that do nothing, flags of rdrand, the processor's number of rdtscp,
 * bases of fs and gs, states of the x87 unit and MXCSR that are stored and loaded. Both modes; native and
 * guest are the same program. */
#include "user.h"

#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf env;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    printf("signal %d code %d number %d error %x\n", sig, si->si_code,
           (int)((ucontext_t *)uc)->uc_mcontext.gregs[REG_TRAPNO],
           (int)((ucontext_t *)uc)->uc_mcontext.gregs[REG_ERR]);
    siglongjmp(env, 1 + sig);
}

/* With its address in ax, and 0 in cx and dx. */
static uint8_t area[4096] __attribute__((aligned(4096)));

#define TRY(what, bytes)                                                                                     \
    do {                                                                                                     \
        printf("%s: ", what);                                                                                \
        if (!sigsetjmp(env, 1)) {                                                                            \
            unsigned long c = 0, d = 0, a = (unsigned long)area;                                             \
            __asm__ volatile(bytes : "+a"(a), "+c"(c), "+d"(d)::"memory", "cc");                             \
            puts("ok");                                                                                      \
        }                                                                                                    \
    } while (0)

static void privileged(void)
{
    TRY("hlt", "hlt");
    TRY("cli", "cli");
    TRY("sti", "sti");
    TRY("clts", "clts");
    TRY("in", "in $0x80, %%al");
    TRY("in dx", "in %%dx, %%al");
    TRY("in, 32 bits", "in %%dx, %%eax");
    TRY("out", "out %%al, $0x80");
    TRY("out dx", "out %%eax, %%dx");
    TRY("insb", "insb");
    TRY("outsl", "outsl");
    TRY("rep outsb", "rep outsb");
    TRY("rdmsr", "rdmsr");
    TRY("wrmsr", "wrmsr");
    TRY("rdpmc", "rdpmc");
    TRY("invd", "invd");
    TRY("wbinvd", "wbinvd");
    TRY("invlpg", ".byte 0x0f, 1, 0x38");
    TRY("lgdt", ".byte 0x0f, 1, 0x10");
    TRY("lidt", ".byte 0x0f, 1, 0x18");
    TRY("lldt", "lldt %%cx");
    TRY("ltr", "ltr %%cx");
    TRY("lmsw", "lmsw %%cx");
    TRY("mov to cr0", ".byte 0x0f, 0x22, 0xc1");
    TRY("mov from cr3", ".byte 0x0f, 0x20, 0xd9");
    TRY("mov to dr7", ".byte 0x0f, 0x23, 0xf9");
    TRY("mov from dr7", ".byte 0x0f, 0x21, 0xf9");
    TRY("sysexit", ".byte 0x0f, 0x35");
    TRY("xsetbv", "xsetbv");
    TRY("int 0x81", "int $0x81");
    TRY("int 4", "int $4");
    TRY("ud0", ".byte 0x0f, 0xff, 0x00");
    TRY("ud1", ".byte 0x0f, 0xb9, 0x00");
    TRY("ud2", "ud2");
    TRY("rsm", ".byte 0x0f, 0xaa");
    TRY("monitor", ".byte 0x0f, 1, 0xc8");
    TRY("mwait", ".byte 0x0f, 1, 0xc9");
#ifdef __x86_64__
    TRY("swapgs", "swapgs");
    TRY("sysret", ".byte 0x48, 0x0f, 0x07");
    TRY("mov to cr8", ".byte 0x44, 0x0f, 0x22, 0xc1");
#endif
}

static void hints(void)
{
    TRY("endbr64", "endbr64");
    TRY("endbr32", "endbr32");
    TRY("pause", "pause");
    TRY("prefetch", "prefetcht0 (%%eax); prefetcht2 1; prefetchnta 8");
    TRY("long nop", "nopw 1(%%eax); nopl 8(%%ecx)");
    TRY("clflush", "clflush (%%eax); mfence; lfence; sfence");
    TRY("incssp", ".byte 0xf3, 0x0f, 0xae, 0xe9");
    TRY("setssbsy", ".byte 0xf3, 0x0f, 1, 0xe8");
    unsigned long was = 0x12345678, got = was, flags, other;
    __asm__ volatile("stc; .byte 0xf3, 0x0f, 0x1e, 0xc8; pushf; pop %1"
                     : "+a"(got), "=r"(flags)); /* rdsspd %eax */
    printf("rdsspd: %lx carry %lx\n", got, flags & 1);
#ifdef __x86_64__
    got = other = 0x123456789abcdef0;
    __asm__ volatile("stc; .byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8; pushf; pop %1" : "+a"(got), "=r"(flags));
    printf("rdsspq: %lx carry %lx\n", got, flags & 1);
#endif
}

/* ---- chance, clocks, identity ---- */

#define RANDOM(insn, width, mod)                                                                             \
    do {                                                                                                     \
        unsigned long v = 0, flags = 0, all = 0, none = ~0ul, odd = 0,                                       \
                      start = (unsigned long)0x7777777777777777ull;                                          \
        for (unsigned k = 0; k < 200; k++) {                                                                 \
            do {                                                                                             \
                v = start;                                                                                   \
                __asm__ volatile("mov $0x7fffffff, %%ecx; add $1, %%ecx; " insn " %" mod "0; pushf; pop %1"  \
                                 : "+a"(v), "=r"(flags)::"ecx", "cc");                                       \
                odd |= flags & 0x8d4;                                                                        \
            } while (!(flags & 1));                                                                          \
            all |= v;                                                                                        \
            none &= v;                                                                                       \
        }                                                                                                    \
        printf("%s %u: set %lx clear %lx other flags %lx\n", insn, width, all, ~none, odd);                  \
    } while (0)

static void random_numbers(void)
{
    RANDOM("rdrand", 16, "w");
    RANDOM("rdrand", 32, "k");
    RANDOM("rdseed", 16, "w");
    RANDOM("rdseed", 32, "k");
#ifdef __x86_64__
    RANDOM("rdrand", 64, "q");
    RANDOM("rdseed", 64, "q");
#endif
}

static void clocks(void)
{
    unsigned lo, hi, aux, cpu, node, same = 0, later = 0;
    uint64_t last = 0;
    for (unsigned k = 0; k < 1000; k++) {
        getcpu(&cpu, &node);
        __asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
        same += aux == (node << 12 | cpu);
        later += ((uint64_t)hi << 32 | lo) > last;
        last = (uint64_t)hi << 32 | lo;
    }
    printf("rdtscp: %d %d\n", same > 500, later == 1000);
    same = later = 0;
    for (unsigned k = 0; k < 1000; k++) {
        getcpu(&cpu, &node);
        unsigned long id = ~0ul;
        __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xf8; rdtsc" : "=a"(id), "=d"(hi)::"cc"); /* rdpid; rdtsc */
        uint64_t now = (uint64_t)hi << 32 | (uint32_t)id;
        __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xf8" : "=a"(id)); /* all of the register */
        same += id == (node << 12 | cpu);
        later += now > last;
        last = now;
    }
    printf("rdpid: %d, rdtsc: %d\n", same > 500, later == 1000);
}

static void identity(void)
{
    unsigned long flags;
    unsigned a, b, c, d;
    __asm__ volatile("mov $0x7fffffff, %%eax; add $1, %%eax; stc; mov $0, %%eax; cpuid; pushf; pop %4"
                     : "=&a"(a), "=&b"(b), "=&c"(c), "=&d"(d), "=r"(flags));
    printf("cpuid leaves the flags: %lx\n", flags & 0xcd5);
    __cpuid_count(1, 0, a, b, c, d);
    printf("osxsave %d, fpu %d\n", c >> 27 & 1, d & 1);
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    printf("xcr0: %x\n", a & 7);
    __asm__ volatile("xgetbv" : "=a"(b), "=d"(d) : "c"(1));
    printf("in use: %d\n", (b & ~a) == 0);
    TRY("xgetbv 5", "mov $5, %%ecx; xgetbv");
}

/* ---- states that are stored and loaded ---- */

static void print_bytes(const char *what, const uint8_t *p, unsigned n)
{
    printf("%s:", what);
    for (unsigned k = 0; k < n; k++)
        printf(" %02x", p[k]);
    puts("");
}

static void states(void)
{
    static uint8_t fx[512] __attribute__((aligned(16))), fx2[512] __attribute__((aligned(16))), saved[128],
        env2[32];
    unsigned mx = 0x7f81, back = 0, vmx = 0x3fa2, vback = 0;
    unsigned short cw = 0x0a7f, cw2 = 0;
    __asm__ volatile("ldmxcsr %2; stmxcsr %0; vldmxcsr %3; vstmxcsr %1; ldmxcsr %4"
                     : "=m"(back), "=m"(vback)
                     : "m"(mx), "m"(vmx), "m"((unsigned){0x1f80}));
    printf("mxcsr %x %x\n", back, vback);
    __asm__ volatile(
        "fninit; fldcw %1; fnstcw %0; fld1; fldpi; fldl2e; fcompp; fnsave %2; fnstsw %%ax; mov %%ax, %3"
        : "=m"(cw2), "+m"(cw), "=m"(saved), "=m"(env2)::"ax");
    printf("cw %x, after fnsave %x\n", cw2, env2[0]);
    print_bytes("fnsave", saved, 12);
    print_bytes("st0", saved + 28, 10);
    __asm__ volatile(
        "frstor %1; fnstenv %0; fld1; faddp; fldenv %0; fxsave %2; fninit; fxrstor %2; fxsave %3; fninit"
        : "=m"(env2)
        : "m"(saved), "m"(fx), "m"(fx2));
    print_bytes("fnstenv", env2, 12);
    print_bytes("fxsave", fx, 5);
    print_bytes("st0", fx + 32, 10);
    printf("fxrstor: %d\n", memcmp(fx, fx2, 416));
    for (unsigned k = 0; k < 4096; k++) {
        static unsigned long all;
        unsigned long set = (unsigned long)(k * 2654435761u) & 0x240cd5, got;
        __asm__ volatile("push %1; popf; pushf; pop %0; push $2; popf" : "=&r"(got) : "r"(set) : "cc");
        all = (all ^ (got & 0x240fd5) ^ set) & 0x240fd5;
        if (k == 4095)
            printf("popf, pushf: %lx\n", all);
    }
}

#ifdef __x86_64__
static void bases(void)
{
    unsigned long old, got, other;
    __asm__ volatile("rdfsbase %0" : "=r"(old));
    printf("fs: %d\n", old == (unsigned long)pthread_self());
    __asm__ volatile("mov $0x123456789abc, %%rax; wrgsbase %%rax; rdgsbase %0; wrgsbase %%eax; rdgsbase %1"
                     : "=&r"(got), "=&r"(other)::"rax");
    printf("gs: %lx %lx\n", got, other);
    __asm__ volatile("mov $-1, %%rax; rdgsbase %%eax; mov %%rax, %0; mov %%rsp, %%rax; wrgsbase %%rax; push "
                     "$77; mov %%gs:-8, %1; pop %%rax"
                     : "=&r"(got), "=&r"(other)::"rax", "memory");
    printf("gs: %lx %lx\n", got, other);
    TRY("no base", "mov $1, %%rax; rol $63, %%rax; wrgsbase %%rax");
    __asm__ volatile("mov %%fs:0, %0; wrfsbase %1; mov %%fs:0, %2" : "=&r"(got) : "r"(old), "r"(other));
    printf("fs: %d\n", got == old);
}
#else
static void bases(void)
{
    TRY("sysenter",
        "mov $20, %%eax; push %%ebp; mov %%esp, %%ebp; call *%%gs:0x10; pop %%ebp"); /* through the vDSO */
}
#endif

int main(void)
{
    static const int all[] = {SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    for (unsigned k = 0; k < sizeof all / sizeof *all; k++)
        sigaction(all[k], &sa, NULL);
    setbuf(stdout, NULL);
    privileged();
    hints();
    random_numbers();
    clocks();
    identity();
    states();
    bases();
    return 0;
}
