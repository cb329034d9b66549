/* A bare program that makes each call of its host once, and ends as its command line says. For RISC-V
 * (machine mode, user mode with USER), A64, A32 and T32 (these call by SVC, by HLT with BY_HLT). A trap,
 * which is what the instruction means without semihosting, ends it with status 3 (Arm: 0). */
#include <stddef.h>
#include <stdint.h>

typedef uintptr_t word;

#if defined(__riscv)
#define STATUS 0x100000
__asm__(".section .start,\"ax\"\n.globl _start\n"
        "_start: la sp, stack_end\n la t0, on_trap\n csrw mtvec, t0\n"
#ifdef USER
        "li t0, -1\n csrw pmpaddr0, t0\n li t0, 31\n csrw pmpcfg0, t0\n"
        "li t0, 0x1800\n csrc mstatus, t0\n la t0, start_c\n csrw mepc, t0\n mret\n"
#else
        "j start_c\n"
#endif
        ".align 2\non_trap: li t0, 0x100000\n li t1, 0x33333\n sw t1, 0(t0)\n1: j 1b\n"
        ".globl host_call\n.align 4\nhost_call:\n.option push\n.option norvc\n"
        "slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n ret\n.option pop\n");
#elif defined(__arm__)
#if defined(__thumb__)
#define CALL_SVC "svc #0xab"
#define CALL_HLT ".inst.n 0xbabc"
#else
#define CALL_SVC "svc #0x123456"
#define CALL_HLT ".inst 0xe10f0070"
#endif
#ifdef BY_HLT
#define CALL CALL_HLT
#else
#define CALL CALL_SVC
#endif
__asm__(".section .start,\"ax\"\n.globl _start\n.arm\n"
        "_start: ldr sp, =stack_end\n ldr r0, =vectors\n mcr p15, 0, r0, c12, c0, 0\n isb\n"
        "ldr r0, =start_c\n bx r0\n.ltorg\n"
        ".arch_extension virt\n.align 5\nvectors: .rept 8\n b on_trap\n.endr\n"
        "on_trap: ldr r0, =0x84000008\n hvc #0\n1: b 1b\n.ltorg\n"
#if defined(__thumb__)
        ".thumb\n.thumb_func\n"
#endif
        ".globl host_call\n.type host_call, %function\nhost_call: " CALL "\n bx lr\n");
#else
__asm__(".section .start,\"ax\"\n.globl _start\n"
        "_start: ldr x0, =stack_end\n mov sp, x0\n ldr x0, =vectors\n msr vbar_el1, x0\n isb\n b "
        "start_c\n.ltorg\n"
        ".align 11\nvectors: .rept 16\n b on_trap\n .align 7\n.endr\n"
        "on_trap: ldr w0, =0x84000008\n hvc #0\n1: b 1b\n.ltorg\n"
        ".globl host_call\nhost_call: hlt #0xf000\n ret\n");
#endif

char stack[16384] __attribute__((aligned(16)));
__asm__(".globl stack_end\n.set stack_end, stack + 16384\n");

intptr_t host_call(word number, const volatile void *arg);

static size_t length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static void say(const char *s)
{
    host_call(4, s);
}

static void check(int ok, const char *what)
{
    say(ok ? "ok " : "BAD ");
    say(what);
    say("\n");
}

static intptr_t call3(word number, word a, word b, word c)
{
    const volatile word block[4] = {a, b, c, 0};
    return host_call(number, block);
}

static intptr_t open_file(const char *name, word mode)
{
    return call3(1, (word)name, mode, length(name));
}

static int same(const char *a, const char *b, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (a[k] != b[k])
            return 0;
    return 1;
}

static void files(void)
{
    static const char text[] = "what is written is read";
    char got[64];
    intptr_t f = open_file("semihost.tmp", 4);
    check(f > 0 && call3(5, (word)f, (word)text, sizeof(text)) == 0, "write");
    check(call3(9, (word)f, 0, 0) == 0 && call3(2, (word)f, 0, 0) == 0, "close");
    check(call3(2, (word)f, 0, 0) == -1, "closed");
    f = open_file("semihost.tmp", 1);
    check(call3(0xc, (word)f, 0, 0) == sizeof(text), "length");
    check(call3(6, (word)f, (word)got, sizeof(got)) == sizeof(got) - sizeof(text) &&
              same(got, text, sizeof(text)),
          "read");
    check(call3(6, (word)f, (word)got, 5) == 5, "end");
    check(call3(0xa, (word)f, 5, 0) == 0 && call3(6, (word)f, (word)got, 2) == 0 && same(got, "is", 2),
          "seek");
    call3(2, (word)f, 0, 0);
    const volatile word names[4] = {(word) "semihost.tmp", 12, (word) "semihost.new", 12};
    check(host_call(0xf, names) == 0 && open_file("semihost.tmp", 0) == -1, "rename");
    check(host_call(0x13, 0) == 2, "errno");
    check(call3(0xe, (word) "semihost.new", 12, 0) == 0 && open_file("semihost.new", 0) == -1, "remove");
    check(call3(0xd, (word)got, 1, sizeof(got)) == 0 && got[0] == '/', "name");
}

/* What an outside emulator is known to do otherwise, or to end at. */
static void refused(void)
{
    check(open_file("semihost.tmp", 12) == -1 && call3(6, 77, (word)stack, 1) == -1, "refused");
    check(host_call(0x777, 0) == -1, "unknown");
}

static void input(void)
{
    char got[16];
    intptr_t in = open_file(":tt", 0);
    check(in > 0 && call3(9, (word)in, 0, 0) == 1, "console");
    check(call3(6, (word)in, (word)got, 4) == 0 && same(got, "line", 4), "input");
    check(host_call(7, 0) == 'x' && host_call(7, 0) == 'y', "keys");
}

static void console(void)
{
    char features[8] = "";
    intptr_t out = open_file(":tt", 4), f = open_file(":semihosting-features", 0);
    check(call3(6, (word)f, (word)features, 8) == 3 && same(features, "SHFB\3", 5), "features");
    check(call3(5, (word)out, (word) "by handle\n", 10) == 0, "handle");
    host_call(3, "c");
    host_call(3, "\n");
}

static void clocks(void)
{
    volatile uint64_t before = 0, after = 0;
    check(host_call(0x10, 0) >= 0, "clock");
    check(host_call(0x11, 0) > 1700000000, "time");
    check(host_call(0x31, 0) > 0, "frequency");
    check(host_call(0x30, &before) == 0, "ticks");
    while (host_call(0x30, &after) == 0 && after == before)
        ;
    check(after > before, "later");
}

void start_c(void)
{
    static char line[256];
    volatile word block[4] = {(word)line, sizeof(line), 0, 0}, heap[4] = {0};
    check(host_call(0x15, block) == 0 && block[1] == length(line), "command line");
    say("args: ");
    say(line);
    say("\n");
    char end = line[block[1] - 1];
    if (end != '0') {
        files();
        console();
        clocks();
        block[0] = (word)heap;
        host_call(0x16, block);
        check(heap[0] > (word)start_c && heap[1] > heap[0] && heap[2] > heap[3], "heap");
        check(call3(8, (word)-5, 0, 0) != 0 && call3(8, 5, 0, 0) == 0, "error");
    }
    if (end != '0' && end != '6') {
        refused();
        input();
    }
    block[0] = end == '9' ? 0x20023 : 0x20026;
    block[1] = 40u + (unsigned char)end - '0';
    host_call(end == '8' || sizeof(word) == 4 ? 0x20 : 0x18, block); /* of 32 bits the other has no status */
    say("BAD it goes on\n");
    for (;;)
        ;
}
