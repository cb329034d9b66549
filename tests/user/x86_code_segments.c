/* Code segments of a 32-bit program's own, in the LDT: with a base, a limit, of 16 bits; far jumps, calls and
 * returns; what is refused; what signal frames say. Native and guest are the same program: processor and
 * kernel of the host say what is right. */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { FLAT_CODE = 0x23, FLAT = 0x2b, AC = 1 << 18 };
/* Entries of the LDT. */
enum { WIDE, NO_READ, SMALL, ABSENT, DATA, STACK16, WHOLE, MOVES };
#define SELECTOR(n) ((n) << 3 | 7)

/* Offsets are those from the segment's base. Every function is called far, and ends with a far return. */
extern char wide[], wide_end[], small[], small_end[];
__asm__(".text\n.balign 64\n"
        "wide:\n.long 0x12345678\n"
        "w_answer: mov $42, %eax; lret\n"
        "w_where: call 1f\n1: pop %eax; sub $(1b - wide), %eax; lret\n"
        "w_cs: mov %cs, %eax; push %cs; pop %ecx; cmp %ax, %cx; jne 1f; lret\n1: xor %eax, %eax; lret\n"
        "w_near: push %ebx; mov $(1f - wide), %ebx; xor %eax, %eax; call *%ebx; inc %eax; mov $(2f - wide), "
        "%ecx\n"
        "jmp *%ecx\n1: add $10, %eax; ret $0\n2: mov $5, %ecx\n3: add $100, %eax; loop 3b; pop %ebx; lret\n"
        "w_read: mov %cs:0, %eax; lret\n"
        "w_write: movl $1, %cs:0; lret\n"
        "w_ud: ud2; mov $77, %eax; lret\n"
        "w_int3: int3; mov $78, %eax; lret\n"
        "w_fault: mov $1, %eax; mov (%eax), %eax; lret\n"
        "w_call: mov $20, %eax; int $0x80; lret\n"
        "w_drop: mov 8(%esp), %eax; lret $4\n"
        "w_jump_out: jmp . + 0x100000\n"
        "w_call_out: call . + 0x100000\n"
        "w_branch_out: xor %eax, %eax; jz . + 0x100000\n"
        "w_no_branch: xor %eax, %eax; jnz . + 0x100000; mov $3, %eax; lret\n"
        "w_ret_out: push $0x200000; ret\n"
        "w_short: .byte 0x66; jmp 1f\n1: mov $6, %eax; lret\n"
        "w_to_small: lcall $2 * 8 + 7, $(s_answer - small); add $1, %eax; lret\n"
        ".fill 512, 1, 0x90\nwide_end:\n"
        ".code16\n.balign 64\n"
        "small:\n.word 0x1234\n"
        "s_answer: mov $43, %eax; lretl\n"
        "s_half: mov $0x1111, %ax; mov $0x2222, %cx; add %cx, %ax; lretl\n"
        "s_near: call 1f; inc %ax; jmp 2f\n1: mov $7, %ax; ret\n2: mov $4, %cx\n3: add $10, %ax; loop 3b; "
        "cwtl; lretl\n"
        "s_where: call 1f\n1: pop %ax; sub $(1b - small), %ax; movzwl %ax, %eax; lretl\n"
        "s_far: push %cs; call 1f; movzwl %ax, %eax; lretl\n1: mov $99, %ax; lret\n"
        "s_read: movzwl %cs:0, %eax; lretl\n"
        "s_ud: ud2; mov $79, %eax; lretl\n"
        "s_table: xor %bx, %bx; jmp *%cs:(1f - small)(%bx)\n1: .word 2f - small\n2: mov $80, %eax; lretl\n"
        "s_call: mov $20, %eax; int $0x80; lretl\n"
        "s_string: push %es; push %ds; pop %es; xor %di, %di; mov $8, %cx; mov $0x55, %al; cld; rep stosb; "
        "movzwl %di, %eax; pop %es; lretl\n"
        "s_enter: enter $8, $0; movw $21, -2(%bp); mov -2(%bp), %ax; leave; cwtl; lretl\n"
        "s_back: jmp . - 0x4000\n" /* below 0: around the end of 64 KiB, beyond the limit */
        ".fill 64, 1, 0x90\nsmall_end:\n"
        ".code32\n");

static sigjmp_buf env;
static uint32_t *words;
static int patched;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    static int count;
    int own = g[REG_CS] & 4;
    if (++count > 500)
        _exit(9);
    printf("(signal %d code %d number %d error %x cs %x ip %x) ", sig, si->si_code, (int)g[REG_TRAPNO],
           (int)g[REG_ERR], (int)g[REG_CS] & 0xffff, own ? (int)g[REG_EIP] : 0);
    if (patched && (sig == SIGILL || sig == SIGTRAP)) {
        g[REG_EIP] += sig == SIGILL ? 2 : 0;
        return;
    }
    siglongjmp(env, 1);
}

static int set(unsigned n, const void *base, unsigned limit, unsigned contents, unsigned wide_code,
               unsigned no_read, unsigned pages, unsigned absent)
{
    struct user_desc d = {.entry_number = n,
                          .base_addr = (uint32_t)(uintptr_t)base,
                          .limit = limit,
                          .seg_32bit = wide_code,
                          .contents = contents,
                          .read_exec_only = no_read,
                          .limit_in_pages = pages,
                          .seg_not_present = absent,
                          .useable = 1};
    return (int)syscall(SYS_modify_ldt, 0x11, &d, sizeof d);
}

static uint32_t far_call(unsigned selector, uint32_t offset)
{
    uint32_t v, to[2] = {offset, selector}, *at = to;
    __asm__ volatile("mov %%esp, %%esi; push $0x1234; lcall *(%1); mov %%esi, %%esp"
                     : "=a"(v), "+c"(at)
                     :
                     : "edx", "esi", "edi", "ebx", "memory", "cc");
    return v;
}

static void try(const char *what, unsigned selector, uint32_t offset)
{
    printf("%s: ", what);
    if (!sigsetjmp(env, 1))
        printf("%x\n", far_call(selector, offset));
    else
        puts("");
    __asm__ volatile("mov %0, %%es; mov %0, %%ds" ::"r"(FLAT));
}

#define WIDE_ONE(name)                                                                                       \
    do {                                                                                                     \
        extern char name[];                                                                                  \
        try(#name, SELECTOR(WIDE), (uint32_t)(name - wide));                                                 \
    } while (0)
#define SMALL_ONE(name)                                                                                      \
    do {                                                                                                     \
        extern char name[];                                                                                  \
        try(#name, SELECTOR(SMALL), (uint32_t)(name - small));                                               \
    } while (0)

static void in_wide(void)
{
    WIDE_ONE(w_answer);
    WIDE_ONE(w_where);
    WIDE_ONE(w_cs);
    WIDE_ONE(w_near);
    WIDE_ONE(w_read);
    WIDE_ONE(w_write);
    WIDE_ONE(w_ud);
    WIDE_ONE(w_int3);
    WIDE_ONE(w_fault);
    WIDE_ONE(w_drop);
    WIDE_ONE(w_jump_out);
    WIDE_ONE(w_call_out);
    WIDE_ONE(w_branch_out);
    WIDE_ONE(w_no_branch);
    WIDE_ONE(w_ret_out);
    WIDE_ONE(w_short);
    WIDE_ONE(w_to_small);
    extern char w_call[], w_answer[], w_read[];
    printf("w_call: %d\n", far_call(SELECTOR(WIDE), (uint32_t)(w_call - wide)) == (uint32_t)getpid());
    patched = 1;
    WIDE_ONE(w_ud);
    WIDE_ONE(w_int3);
    patched = 0;
    try("off the end", SELECTOR(WIDE), (uint32_t)(wide_end - wide) - 3);
    try("the last byte", SELECTOR(WIDE), (uint32_t)(wide_end - wide) - 1);
    try("behind it", SELECTOR(WIDE), (uint32_t)(wide_end - wide));
    try("not to be read", SELECTOR(NO_READ), (uint32_t)(w_answer - wide));
    try("read all the same", SELECTOR(NO_READ), (uint32_t)(w_read - wide));
    try("all of it", SELECTOR(WHOLE), (uint32_t)(uintptr_t)w_answer);
    try("all of it, cs", SELECTOR(WHOLE), (uint32_t)(uintptr_t)w_answer);
}

static void in_small(void)
{
    SMALL_ONE(s_answer);
    SMALL_ONE(s_half);
    SMALL_ONE(s_near);
    SMALL_ONE(s_where);
    SMALL_ONE(s_far);
    SMALL_ONE(s_read);
    SMALL_ONE(s_ud);
    SMALL_ONE(s_table);
    SMALL_ONE(s_back);
    extern char s_call[], s_string[];
    printf("s_call: %d\n", far_call(SELECTOR(SMALL), (uint32_t)(s_call - small)) == (uint32_t)getpid());
    patched = 1;
    SMALL_ONE(s_ud);
    patched = 0;
    memset(words, 0, 64);
    uint32_t v, to[2] = {(uint32_t)(s_string - small), SELECTOR(SMALL)}, *at = to;
    __asm__ volatile("mov %2, %%ds; lcall *%%ss:(%1); mov %%ss, %%ebx; mov %%ebx, %%ds"
                     : "=a"(v), "+c"(at)
                     : "d"(SELECTOR(DATA))
                     : "ebx", "edi", "memory", "cc");
    printf("s_string: %x %x %x\n", v, words[1], words[2]);
}

/* With a stack of 16 bits, as old programs have it. */
static void on_small_stack(uint32_t offset)
{
    uint32_t v, sp, to[2] = {offset, SELECTOR(SMALL)}, *at = to;
    __asm__ volatile(
        "mov %%esp, %%esi; mov %%ss, %%ebx; mov %%edx, %%ss; mov $0x12340800, %%esp; lcall *(%%ecx); "
        "mov %%esp, %%edx; mov %%ebx, %%ss; mov %%esi, %%esp"
        : "=a"(v), "=d"(sp), "+c"(at)
        : "d"(SELECTOR(STACK16))
        : "ebx", "edi", "esi", "memory", "cc");
    printf("small stack: %x sp %x\n", v, sp);
}

static void refused(void)
{
    extern char w_answer[];
    static const uint16_t selectors[] = {0,
                                         3,
                                         0x2b,
                                         0x10,
                                         0x13,
                                         0x08,
                                         0x50,
                                         0x8c,
                                         0xffff,
                                         0xfff7,
                                         0x7b,
                                         0x43,
                                         0x4b,
                                         0x24,
                                         0x20,
                                         0x22,
                                         SELECTOR(ABSENT),
                                         SELECTOR(DATA),
                                         SELECTOR(STACK16),
                                         SELECTOR(500),
                                         SELECTOR(WIDE) & ~3};
    for (unsigned k = 0; k < sizeof selectors / sizeof *selectors; k++) {
        char what[40];
        sprintf(what, "selector %x", selectors[k]);
        try(what, selectors[k],
            (uint32_t)((selectors[k] & ~3u) == 0x20 ? (uintptr_t)w_answer : (uintptr_t)(w_answer - wide)));
    }
    printf("return to another level: ");
    if (!sigsetjmp(env, 1))
        __asm__ volatile("push %0; push $1f; lret; 1:" ::"i"(FLAT_CODE & ~3));
    puts("");
    printf("return to none: ");
    if (!sigsetjmp(env, 1))
        __asm__ volatile("push $0; push $1f; lret; 1:");
    puts("");
}

static void by_iret(void)
{
    uint32_t flags, out;
    __asm__ volatile(
        "pushf; orl $0x400, (%%esp); push %2; push $1f; iret; 1: pushf; pop %0; cld; mov %%cs, %1"
        : "=r"(flags), "=r"(out)
        : "i"(FLAT_CODE)
        : "memory", "cc");
    printf("iret: direction %d cs %x\n", flags >> 10 & 1, out);
    printf("jump: ");
    __asm__ volatile("ljmp %1, $1f; 1: mov %%cs, %0" : "=r"(out) : "i"(FLAT_CODE));
    printf("%x ", out);
    __asm__ volatile("ljmp %1, $1f; 1: mov %%cs, %0; ljmp %2, $2f; 2:"
                     : "=r"(out)
                     : "i"(SELECTOR(WHOLE)), "i"(FLAT_CODE));
    printf("%x\n", out);
}

/* A descriptor that changes takes effect at once, for whoever runs in it as well. */
static void changed(void)
{
    extern char w_answer[], s_answer[];
    uint32_t off = (uint32_t)(w_answer - wide);
    set(MOVES, wide, 0xffff, 2, 1, 0, 0, 0);
    try("before", SELECTOR(MOVES), off);
    set(MOVES, wide + 1, 0xffff, 2, 1, 0, 0, 0);
    try("one byte on", SELECTOR(MOVES), off - 1);
    set(MOVES, small, 0xffff, 2, 0, 0, 0, 0);
    try("of 16 bits", SELECTOR(MOVES), (uint32_t)(s_answer - small));
    set(MOVES, wide, 0xffff, 2, 1, 0, 0, 1);
    try("not there", SELECTOR(MOVES), off);
}

int main(void)
{
    static char stack[65536];
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
    extern char s_answer[], s_near[], s_far[], s_enter[], s_where[];
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (unsigned k = 0; k < sizeof sigs / sizeof *sigs; k++)
        sigaction(sigs[k], &sa, NULL);
    words = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned last = (unsigned)(wide_end - wide) - 1;
    printf("%d ", set(WIDE, wide, last, 2, 1, 0, 0, 0));
    printf("%d ", set(NO_READ, wide, last, 2, 1, 1, 0, 0));
    printf("%d ", set(SMALL, small, (unsigned)(small_end - small) - 1, 2, 0, 0, 0, 0));
    printf("%d ", set(ABSENT, wide, last, 2, 1, 0, 0, 1));
    printf("%d ", set(DATA, words, 0xffff, 0, 1, 0, 0, 0));
    printf("%d ", set(STACK16, words, 0xfff, 0, 0, 0, 0, 0));
    printf("%d\n", set(WHOLE, NULL, 0xfffff, 2, 1, 0, 1, 0));
    in_wide();
    in_small();
    on_small_stack((uint32_t)(s_answer - small));
    on_small_stack((uint32_t)(s_near - small));
    on_small_stack((uint32_t)(s_far - small));
    on_small_stack((uint32_t)(s_where - small));
    on_small_stack((uint32_t)(s_enter - small));
    refused();
    by_iret();
    changed();
    return 0;
}
