/* Segments of the program's own: bases, limits, kinds and presence of those in the LDT, null selectors, what
 * lar, lsl, verr and verw tell of them; alignment checks; syscall in 32-bit mode. Native and guest are the
 * same program: processor and kernel of the host say what is right. */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { FLAT = 0x2b, WORDS = 2048, AC = 1 << 18 };
static sigjmp_buf env;
static uint32_t *words;

/* Segments and EFLAGS.AC are as they were; stdio may want neither. */
static void on_fault(int sig, siginfo_t *si, void *uc)
{
    greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    int ac = (g[REG_EFL] & AC) != 0;
#ifdef __i386__
    __asm__ volatile("pushf; andl $~0x40000, (%esp); popf");
#else
    __asm__ volatile("pushf; andl $~0x40000, (%rsp); popf");
#endif
    printf("signal %d code %d address %p number %d error %x%s\n", sig, si->si_code,
           si->si_addr ? (void *)((uintptr_t)si->si_addr - (uintptr_t)words) : NULL, (int)g[REG_TRAPNO],
           (int)g[REG_ERR], ac ? " ac" : "");
    siglongjmp(env, 1);
}

#define TRY(what, ...)                                                                                       \
    do {                                                                                                     \
        printf("%s: ", what);                                                                                \
        if (!sigsetjmp(env, 1)) {                                                                            \
            __VA_ARGS__;                                                                                     \
            puts("done");                                                                                    \
        }                                                                                                    \
        __asm__ volatile("mov %0, %%es; mov %0, %%ds" ::"r"(FLAT));                                          \
    } while (0)

/* ---- lar, lsl, verr, verw ---- */

static void ask(unsigned selector)
{
    unsigned long rights = 0x11111111, limit = 0x33333333;
    unsigned char a, b, c, d;
    __asm__ volatile("lar %2, %0; setz %1" : "+r"(rights), "=q"(a) : "r"((unsigned long)selector) : "cc");
    __asm__ volatile("lsl %2, %0; setz %1" : "+r"(limit), "=q"(b) : "r"((unsigned long)selector) : "cc");
    __asm__ volatile("verr %w1; setz %0" : "=q"(c) : "r"(selector) : "cc");
    __asm__ volatile("verw %w1; setz %0" : "=q"(d) : "r"(selector) : "cc");
    if ((selector | 3) == 0x7b) /* which processor it is */
        limit = 0;
    printf("%x: lar %d %lx lsl %d %lx verr %d verw %d\n", selector, a, rights, b, limit, c, d);
}

static int set(unsigned n, unsigned flags, unsigned limit)
{
    struct user_desc d = {.entry_number = n,
                          .base_addr = (uint32_t)(uintptr_t)words,
                          .limit = limit,
                          .seg_32bit = flags & 1,
                          .contents = flags >> 1 & 3,
                          .read_exec_only = flags >> 3 & 1,
                          .limit_in_pages = flags >> 4 & 1,
                          .seg_not_present = flags >> 5 & 1,
                          .useable = flags >> 6 & 1};
    return (int)syscall(SYS_modify_ldt, 0x11, &d, sizeof d);
}

static void kinds(void)
{
    for (unsigned s = 0; s < 0x100; s += s & 3 ? 5 : 3)
        if (s < 0x60 || s >= 0x78) /* of the thread: not the same on all machines */
            ask(s);
    ask(0xffff);
    for (unsigned flags = 0; flags < 128; flags++)
        if (!set(20, flags, 0x1234))
            ask(20 << 3 | 7);
    unsigned long r = 0x11112222;
    __asm__ volatile("larw %w1, %w0" : "+r"(r) : "r"(FLAT));
    printf("larw %lx\n", r);
    __asm__ volatile("lslw %w1, %w0" : "+r"(r) : "r"(FLAT));
    printf("lslw %lx\n", r);
    r = (unsigned long)0x1111111122222222;
    __asm__ volatile("larl %k1, %k0" : "+r"(r) : "r"(0));
    printf("larl of none %lx\n", r);
}

/* ---- accesses ---- */

#ifdef __i386__
#define LOAD(seg, sel, off)                                                                                  \
    ({                                                                                                       \
        uint32_t v;                                                                                          \
        uint16_t r;                                                                                          \
        __asm__ volatile("mov %%" seg ", %w1; mov %w2, %%" seg "; movl %%" seg ":(%3), %0; mov %w1, %%" seg  \
                         : "=&r"(v), "=&r"(r)                                                                \
                         : "r"(sel), "r"(off)                                                                \
                         : "memory");                                                                        \
        printf("%u ", v);                                                                                    \
    })
#define WITH(seg, sel, insn)                                                                                 \
    __asm__ volatile("mov %0, %%" seg "; " insn : : "r"(sel) : "eax", "ecx", "esi", "edi", "memory", "cc")

static void limits(void)
{
    static const unsigned offsets[] = {0, 0xfc, 0xfd, 0x100, 0x1ffc, 0x1ffd, 0x2000, -4u, -3u};
    static const struct {
        unsigned flags, limit;
    } segs[] = {{1, 0xff},      {1 | 8, 0xff}, {1 | 2, 0xff},    {1 | 16, 1},
                {1 | 32, 0xff}, {1 | 4, 0xff}, {1 | 4 | 8, 0xff}};
    for (unsigned s = 0; s < sizeof segs / sizeof *segs; s++) {
        unsigned sel = s << 3 | 7;
        printf("segment %u: %d\n", s, set(s, segs[s].flags, segs[s].limit));
        for (unsigned k = 0; k < sizeof offsets / sizeof *offsets; k++) {
            unsigned off = offsets[k];
            char what[40];
            sprintf(what, "offset %x", off);
            if (s == 2 && off + 4 > 0x2000) /* beyond the words */
                continue;
            TRY(what, LOAD("es", sel, off));
            TRY(what, WITH("es", sel, "movl $7, %%es:0x10; movb $8, %%es:0xff"));
            TRY(what, LOAD("fs", sel, off));
            TRY(what, LOAD("ss", sel, off));
        }
        TRY("ds", LOAD("ds", sel, 0x20));
    }
}

static void instructions(void)
{
    unsigned sel = 7, ro = 15;
    TRY("rep movsb", WITH("es", sel, "mov $0x80, %%edi; mov words, %%esi; mov $0x100, %%ecx; rep movsb"));
    TRY("rep stosl", WITH("es", sel, "mov $0x80, %%edi; mov $9, %%eax; mov $32, %%ecx; rep stosl"));
    TRY("stosl beyond", WITH("es", sel, "mov $0x80, %%edi; mov $9, %%eax; mov $33, %%ecx; rep stosl"));
    printf("%u %u\n", words[0x20], words[0x3f]);
    TRY("add to what can be read", WITH("es", ro, "addl %%eax, %%es:0x10"));
    TRY("lock", WITH("es", ro, "lock addl %%eax, %%es:0x10"));
    TRY("cmp", WITH("es", ro, "cmpl %%eax, %%es:0x10"));
    TRY("movups", WITH("es", sel, "movups %%es:0xf0, %%xmm0; movups %%xmm0, %%es:0xe0"));
    TRY("movups beyond", WITH("es", sel, "movups %%es:0xf1, %%xmm0"));
    TRY("movups to be read", WITH("es", ro, "movups %%xmm0, %%es:0x10"));
    TRY("fldt", WITH("es", sel, "fldt %%es:0xf6; fstp %%st(0)"));
    TRY("fldt beyond", WITH("es", sel, "fldt %%es:0xf7; fstp %%st(0)"));
    TRY("cs is not written", __asm__ volatile("movl $5, %%cs:(%0)" ::"r"(words) : "memory"));
    TRY("cs is read", __asm__ volatile("movl %%cs:(%0), %%eax" ::"r"(words) : "eax"));
    unsigned pushed = 0;
    TRY("push",
        __asm__ volatile("mov %%esp, %%ebx; mov %1, %%ss; mov $0x40, %%esp; push $77; push $78; pop %0; "
                         "mov %2, %%ss; mov %%ebx, %%esp"
                         : "=&r"(pushed)
                         : "r"(sel), "r"(FLAT)
                         : "ebx", "memory"));
    printf("%u %u\n", pushed, words[15]);
}

static void nulls(void)
{
    TRY("null es", LOAD("es", 0, words));
    TRY("null fs", LOAD("fs", 0, words));
    TRY("null fs with 3", LOAD("fs", 3, words));
    TRY("null ds", LOAD("ds", 0, words));
    TRY("null ss", LOAD("ss", 0, words));
    TRY("a limit for a number", LOAD("es", 0x7b, 0));
    TRY("code of 64 bits", LOAD("es", 0x33, words));
    TRY("ss with another level", LOAD("ss", 0x28, words));
    TRY("code as a stack", LOAD("ss", 0x23, words));
}

static void by_syscall(void)
{
    int r;
    __asm__ volatile("push $1f; push %%ecx; push %%edx; push %%ebp; mov %%ecx, %%ebp; syscall; ud2; 1:"
                     : "=a"(r)
                     : "a"(SYS_getpid)
                     : "memory");
    printf("syscall %d\n", r == getpid());
    __asm__ volatile(
        "push %%ebx; mov $-1, %%ebx; push $1f; push %%ecx; push %%edx; push %%ebp; mov %%ecx, %%ebp; "
        "syscall; ud2; 1: pop %%ebx"
        : "=a"(r)
        : "a"(SYS_dup2), "c"(5)
        : "memory");
    printf("syscall %d\n", r);
    char *p;
    register long off __asm__("esi") = MAP_PRIVATE | MAP_ANONYMOUS;
    __asm__ volatile(
        "push %%ebx; push %%ebp; push %%edi; mov $-1, %%edi; xor %%ebx, %%ebx; xor %%ebp, %%ebp; push $1f; "
        "push %%ecx; push %%edx; push %%ebp; mov %%ecx, %%ebp; syscall; ud2; 1: pop %%edi; pop %%ebp; "
        "pop %%ebx"
        : "=a"(p)
        : "a"(SYS_mmap2), "c"(4096), "d"(3), "r"(off)
        : "memory");
    *p = 1;
    printf("six arguments %d\n", munmap(p, 4096));
}
#else
static void limits(void) {}
static void instructions(void) {}
static void nulls(void) {}
static void by_syscall(void) {}
#endif

/* ---- alignment checks ---- */

#ifdef __i386__
#define SP "%%esp"
#else
#define SP "%%rsp"
#endif
#define CHECKED(insn)                                                                                        \
    TRY(insn, char *to = at; uint32_t *from = words; unsigned long a = 5; unsigned long c = 0;               \
        unsigned long d = 0; __asm__ volatile("pushf; orl $0x40000, (" SP "); popf; " insn                   \
                                              "; pushf; andl $~0x40000, (" SP "); popf"                      \
                                              : "+D"(to), "+S"(from), "+a"(a), "+c"(c), "+d"(d)              \
                                              :                                                              \
                                              : "memory", "cc"))

static void alignment(void)
{
    for (unsigned k = 1; k <= 16; k *= 2) {
        char *at = (char *)words + 256 + k;
        printf("misaligned by %u\n", k);
        CHECKED("movb (%%edi), %%al");
        CHECKED("movw (%%edi), %%ax");
        CHECKED("movl (%%edi), %%eax");
        CHECKED("movl %%eax, (%%edi)");
        CHECKED("addl %%eax, (%%edi)");
        CHECKED("lock addl %%eax, (%%edi)");
        CHECKED("movq (%%edi), %%xmm0");
        if (OF_AMD) { /* on Intel's it may be unaligned */
            CHECKED("movups (%%edi), %%xmm0");
            CHECKED("movups %%xmm0, (%%edi)");
        }
        CHECKED("movaps (%%edi), %%xmm0");
        CHECKED("paddb (%%edi), %%xmm0");
        CHECKED("fldt (%%edi); fstp %%st(0)");
        CHECKED("fldl (%%edi); fstp %%st(0)");
        CHECKED("filds (%%edi); fstp %%st(0)");
        CHECKED("fnstcw (%%edi)");
        CHECKED("fnstenv (%%edi)");
        CHECKED("stmxcsr (%%edi)");
        CHECKED("cmpxchg8b (%%edi)");
        CHECKED("movsl");
        CHECKED("mov $3, %%ecx; rep movsb");
        CHECKED("rep movsl");
        CHECKED("leal (%%edi), %%eax");
        CHECKED("prefetcht0 (%%edi)");
        CHECKED("movntps %%xmm0, (%%edi)");
    }
    unsigned long on;
    __asm__ volatile("pushf; orl $0x40000, (" SP "); popf; pushf; pop %0; pushf; andl $~0x40000, (" SP
                     "); popf"
                     : "=r"(on)
                     :
                     : "cc", "memory");
    printf("kept %d\n", (on & AC) != 0);
}

int main(void)
{
    static char stack[65536];
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef __x86_64__
    flags |= MAP_32BIT;
#endif
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (unsigned k = 0; k < sizeof sigs / sizeof *sigs; k++)
        sigaction(sigs[k], &sa, NULL);
    words = mmap(0, 4 * WORDS, PROT_READ | PROT_WRITE, flags, -1, 0);
    for (unsigned k = 0; k < WORDS; k++)
        words[k] = k;
    kinds();
    limits();
    instructions();
    nulls();
    if (OF_AMD) /* Intel's processors have no syscall in 32-bit mode */
        by_syscall();
    alignment();
    return 0;
}
