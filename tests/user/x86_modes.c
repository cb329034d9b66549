/* A 64-bit program in segments of 32-bit and 16-bit code: ways there and back, registers, addresses, what is
 * refused, what signals find. Native and guest are the same program: processor and kernel of the host say
 * what is right. */
#include "user.h"

#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { CODE64 = 0x33, CODE32 = 0x23, FLAT = 0x2b };
enum { LOW_BYTES = 1 << 18, STACK_AT = 1 << 17, DATA_AT = 1 << 16 };

/* What the code of 32 bits gets and leaves; below 4 GiB. */
typedef struct Regs {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
    uint32_t to;
    uint16_t selector;
} Regs;

/* Copied to below 4 GiB. Functions of 32 bits return far; they find their data at edi. */
extern uint8_t blob[], blob_end[], by_call[], by_jump[], by_iret[], come_back[], out32[];
__asm__(".text\n.balign 64\nblob:\n"
/* (Regs *, stack) */
#define ENTER                                                                                                \
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"                                     \
    "mov %rdi, %r15; mov %rsp, %r14; mov %rsi, %rsp\n"                                                       \
    "mov (%r15), %rax; mov 8(%r15), %rbx; mov 16(%r15), %rcx; mov 24(%r15), %rdx; mov 40(%r15), %rdi\n"      \
    "mov 48(%r15), %rbp; mov 32(%r15), %rsi\n"
        "by_call:\n" ENTER "lcall *56(%r15)\n"
        "come_back: mov %rax, (%r15); mov %rbx, 8(%r15); mov %rcx, 16(%r15); mov %rdx, 24(%r15)\n"
        "mov %rsi, 32(%r15); mov %rdi, 40(%r15); mov %rbp, 48(%r15)\n"
        "mov %r14, %rsp; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        /* their functions go on at esi */
        "by_jump:\n" ENTER "lea come_back(%rip), %esi; ljmp *56(%r15)\n"
        "by_iret:\n" ENTER "mov %ss, %r13d; push %r13; lea 16(%rsp), %r13; push %r13; pushf\n"
        "movzwl 60(%r15), %r13d; push %r13; mov 56(%r15), %r13d; push %r13\n"
        "lea come_back(%rip), %esi; iretq\n"
        ".code32\n"
        "f_adds: inc %eax; add %ebx, %eax; dec %ecx; lret\n" /* 40 and 49 are prefixes elsewhere */
        "f_stack: push %eax; pusha; mov %esp, %ecx; popa; pop %edx; lret\n"
        "f_wraps: mov -8(%edi, %ebx), %eax; lret\n"
        "f_string: mov %edi, %esi; add $64, %edi; cld; rep movsb; lret\n"
        "f_fill: mov $0x5a, %eax; cld; rep stosb; sub $3, %edi; mov $9, %ecx; std; repe scasb; cld; lret\n"
        "f_bcd: aaa; daa; aam; bound %eax, (%edi); lret\n"
        "f_cs: mov %cs, %eax; mov %ss, %ebx; mov %ds, %edx; lret\n"
        "f_jump: push $0x33; push %esi; add $5, %eax; lret\n"
        "f_iret: pushf; push $0x33; push %esi; stc; sbb %eax, %eax; iret\n"
        "f_vectors: movd %eax, %xmm3; pshufd $0x1b, %xmm3, %xmm4; paddd %xmm4, %xmm3; movups %xmm3, (%edi)\n"
        "fldpi; fldl2e; fmulp; fstpt 16(%edi); fxsave 512(%edi); lret\n"
        "f_ud: ud2; lret\n"
        "f_int3: mov $7, %eax; int3; lret\n"
        "f_into: mov $0x7fffffff, %eax; inc %eax; into; lret\n"
        "f_read: mov (%ebx), %eax; lret\n"
        "f_divide: xor %edx, %edx; xor %ebx, %ebx; div %ebx; lret\n"
        "f_loop: add %ecx, %eax; rol $3, %eax; dec %ecx; jnz f_loop; lret\n"
        "f_call: call 1f; inc %eax; lret; 1: add %ebx, %eax; ret\n"
        "f_gs: mov %ebx, %gs; mov %gs:4, %eax; xor %edx, %edx; mov %edx, %gs; lret\n"
        "f_long: lcall *60(%edi); lret\n" /* there and back once more */
        "out32: lret\n"
        ".code64\n"
        "f_wide: mov $0x123456789abcdef0, %r8; mov %r8, %rax; lret\n"
        ".code16\n"
        "f_small: mov $0x1111, %ax; add %cx, %ax; push %ax; pop %dx; lretl\n"
        ".code64\nblob_end:\n");

static uint8_t *low;
static Regs *regs;

static uint8_t *moved(const uint8_t *p)
{
    return low + (p - blob);
}
typedef void Enter(Regs *r, void *stack);

static void print_regs(const char *what)
{
    uint32_t low32 = (uint32_t)(uintptr_t)low;
    const uint64_t *r = &regs->rax;
    printf("%s:", what);
    for (unsigned k = 0; k < 7; k++) /* addresses differ from run to run */
        if ((uint32_t)r[k] - low32 < LOW_BYTES)
            printf(" %lx+low+%x", (long)(r[k] >> 32), (uint32_t)r[k] - low32);
        else
            printf(" %lx", (long)r[k]);
    puts("");
}

static void enter(const char *what, const uint8_t *how, const uint8_t *to, unsigned selector)
{
    const uint64_t upper = 0xabcd000000000000;
    *regs = (Regs){upper | 0x1234567,
                   upper | 0x10,
                   upper | 5,
                   upper | 0x80000001,
                   0x77,
                   upper | (uintptr_t)(low + DATA_AT),
                   upper | 3,
                   (uint32_t)(uintptr_t)moved(to),
                   (uint16_t)selector};
    ((Enter *)(void *)moved(how))(regs, low + STACK_AT);
    print_regs(what);
}

#define F(name) extern uint8_t f_##name[]
F(gs);
F(adds);
F(stack);
F(wraps);
F(string);
F(fill);
F(bcd);
F(cs);
F(jump);
F(iret);
F(vectors);
F(ud);
F(int3);
F(into);
F(read);
F(divide);
F(loop);
F(call);
F(long);
F(wide);
F(small);

static void set_data_segments(unsigned selector)
{
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(selector));
}

static void print_data(const char *what, unsigned from, unsigned n)
{
    printf("%s:", what);
    for (unsigned k = 0; k < n; k++)
        printf(" %02x", low[DATA_AT + from + k]);
    puts("");
}

static void plain(void)
{
    for (unsigned k = 0; k < 256; k++)
        low[DATA_AT + k] = (uint8_t)k;
    enter("adds", by_call, f_adds, CODE32);
    enter("stack", by_call, f_stack, CODE32);
    enter("wraps", by_call, f_wraps, CODE32);
    enter("string", by_call, f_string, CODE32);
    enter("fill", by_call, f_fill, CODE32);
    print_data("data", 56, 24);
    memset(low + DATA_AT, 0xff, 4);
    memset(low + DATA_AT + 4, 0x7f, 4);
    enter("bcd", by_call, f_bcd, CODE32);
    enter("cs", by_call, f_cs, CODE32);
    enter("jump", by_jump, f_jump, CODE32);
    enter("iret", by_iret, f_iret, CODE32);
    enter("call", by_call, f_call, CODE32);
    memset(low + DATA_AT + 512, 0xee, 512);
    enter("vectors", by_call, f_vectors, CODE32);
    print_data("data", 0, 26);
    print_data("xmm3", 512 + 160 + 48, 16);
    print_data("no xmm8", 512 + 160 + 128, 8);
    enter("wide", by_call, f_wide, CODE64);
    uint32_t there[2] = {(uint32_t)(uintptr_t)moved(f_wide), CODE64};
    memcpy(low + DATA_AT + 60, there, 6);
    enter("there and back", by_call, f_long, CODE32);
}

/* ---- signals ---- */

static volatile int ticks, in32;

static void on_signal(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    unsigned cs = g[REG_CSGSFS] & 0xffff, ss = (uint64_t)g[REG_CSGSFS] >> 48, now;
    if (sig == SIGALRM) {
        ticks++;
        in32 += cs == CODE32;
        return;
    }
    __asm__("mov %%cs, %0" : "=r"(now));
    printf("signal %d code %d: cs %x ss %x ip + %lx rax %lx err %lx trap %ld, here %x\n", sig, si->si_code,
           cs, ss, (long)(g[REG_RIP] - (cs & 4 ? 0 : (greg_t)(uintptr_t)low)), (long)g[REG_RAX],
           (long)g[REG_ERR], (long)g[REG_TRAPNO], now);
    if (sig == SIGTRAP)
        return;
    g[REG_RAX] = 0x99;
    g[REG_RIP] = (greg_t)(uintptr_t)moved(cs == CODE64 ? come_back : out32);
}

static void signals(void)
{
    static const int all[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGALRM};
    const struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (unsigned k = 0; k < sizeof all / sizeof *all; k++)
        sigaction(all[k], &sa, NULL);
    enter("ud2", by_call, f_ud, CODE32);
    enter("int3", by_call, f_int3, CODE32);
    enter("into", by_call, f_into, CODE32);
    enter("not there", by_call, f_read, CODE32);
    enter("divide", by_call, f_divide, CODE32);
    enter("no such segment", by_call, f_adds, 0x53);
    enter("a segment of data", by_call, f_adds, FLAT);
    enter("null", by_call, f_adds, 0);
    enter("null, by iret", by_iret, f_iret, 3);
    set_data_segments(0);
    enter("no data", by_call, f_wraps, CODE32);
    set_data_segments(FLAT);
    struct itimerval it = {{0, 500}, {0, 500}}, off = {0};
    setitimer(ITIMER_REAL, &it, NULL);
    do {
        *regs = (Regs){.rcx = 3000000, .to = (uint32_t)(uintptr_t)moved(f_loop), .selector = CODE32};
        ((Enter *)(void *)moved(by_call))(regs, low + STACK_AT);
    } while (ticks < 20 || !in32);
    setitimer(ITIMER_REAL, &off, NULL);
    print_regs("under a timer");
}

/* ---- segments of its own ---- */

static void own_segments(void)
{
    struct user_desc d = {.entry_number = 0,
                          .base_addr = (uint32_t)(uintptr_t)low,
                          .limit = LOW_BYTES - 1,
                          .seg_32bit = 1,
                          .contents = MODIFY_LDT_CONTENTS_CODE,
                          .useable = 1};
    show("modify_ldt", syscall(SYS_modify_ldt, 0x11, &d, sizeof d));
    d.entry_number = 1;
    d.seg_32bit = 0;
    d.limit = 0xffff;
    show("modify_ldt", syscall(SYS_modify_ldt, 0x11, &d, sizeof d));
    struct {
        const char *what;
        const uint8_t *to;
        unsigned selector;
    } rows[] = {{"based", f_adds, 7}, {"based, ud2", f_ud, 7}, {"of 16 bits", f_small, 15}};
    for (unsigned k = 0; k < 3; k++) {
        *regs = (Regs){.rax = 1,
                       .rbx = 2,
                       .rcx = 3,
                       .to = (uint32_t)(rows[k].to - blob),
                       .selector = (uint16_t)rows[k].selector};
        if (rows[k].to == f_ud)
            continue; /* the handler would go on at a linear address */
        ((Enter *)(void *)moved(by_call))(regs, low + STACK_AT);
        print_regs(rows[k].what);
    }
}

/* The GDT's: 64-bit code has no other call for them. */
static void thread_area(void)
{
    struct user_desc *d = (struct user_desc *)(void *)(low + DATA_AT);
    long r;
    *d = (struct user_desc){.entry_number = ~0u,
                            .base_addr = (uint32_t)(uintptr_t)low + DATA_AT + 256,
                            .limit = 4095,
                            .seg_32bit = 1,
                            .useable = 1};
    memcpy(low + DATA_AT + 260, "here", 4);
    __asm__ volatile("int $0x80" : "=a"(r) : "0"(243l), "b"(d) : "memory");
    printf("set_thread_area: %ld entry %u\n", r, d->entry_number);
    *regs =
        (Regs){.rbx = d->entry_number << 3 | 3, .to = (uint32_t)(uintptr_t)moved(f_gs), .selector = CODE32};
    ((Enter *)(void *)moved(by_call))(regs, low + STACK_AT);
    print_regs("gs");
}

int main(void)
{
    setbuf(stdout, NULL);
    low = mmap(NULL, LOW_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
               -1, 0);
    memcpy(low, blob, (size_t)(blob_end - blob));
    regs = (Regs *)(void *)(low + DATA_AT - 128);
    set_data_segments(FLAT);
    plain();
    signals();
    own_segments();
    thread_area();
    return 0;
}
