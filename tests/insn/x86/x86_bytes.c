/* A program that asks what a processor makes of byte strings: is there an instruction, and how long is it?
 *
 * usage: x86_bytes SEED COUNT [-d]    One line a string: bytes, what happens, length, opcode. With -d it is
 * not executed: the lines say what x86_decode() says. COUNT 0: all strings of the sets (see set_of()).
 *
 * How: the first n bytes stand at the end of a page, behind which is none, n = 1, 2, ... Once the fault is no
 * longer the fetch of the next byte, n is the length. Registers hold addresses that do not exist, so that no
 * instruction touches memory; what happens then is "ok" whether it faulted or not, "ill" is SIGILL. A string
 * of which more than 15 bytes would be the instruction faults as one of 15 bytes may: its length is 15, too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "target/x86/x86_decode.h"

enum { ROOM = 24, PAGE = 4096 };
#define EDGE 0x2000001000ull /* more than 2 GiB from everything else */

uint64_t host_sp, host_fs, target, no_address = 0x80007f7ffffffff0;
uint8_t clean[576 + 256] __attribute__((aligned(64)));
void run_bytes(void), back(void);

__asm__(".text\n.globl run_bytes, back\nrun_bytes:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, host_sp(%rip)\nmov $7, %eax; xor %edx, %edx; xrstor64 clean(%rip)\n"
        "mov no_address(%rip), %rax; mov %rax, %rcx; mov %rax, %rdx; mov %rax, %rbx; mov %rax, %rsp\n"
        "mov %rax, %rbp; mov %rax, %rsi; mov %rax, %rdi; mov %rax, %r8; mov %rax, %r9; mov %rax, %r10\n"
        "mov %rax, %r11; mov %rax, %r12; mov %rax, %r13; mov %rax, %r14; mov %rax, %r15\n"
        "jmp *target(%rip)\nback:\n"
        "mov host_sp(%rip), %rsp; mov $158, %eax; mov $0x1002, %edi; mov host_fs(%rip), %rsi; syscall\n"
        "cld; mov $7, %eax; xor %edx, %edx; xrstor64 clean(%rip)\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static uint64_t seed;
static unsigned rnd(unsigned n)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (unsigned)((z ^ z >> 31) >> 32) % n;
}

/* What the last signal said. The handler and what it calls use no thread-local data: fs may be anything. */
static struct {
    int sig;
    bool fetch; /* of the byte behind the edge */
} seen;

static void on_signal(int sig, siginfo_t *si, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    seen.sig = sig;
    seen.fetch = sig == SIGSEGV && (uint64_t)(uintptr_t)si->si_addr == EDGE && r[REG_ERR] & 16 &&
                 (uint64_t)r[REG_RIP] == target;
    if ((uint64_t)r[REG_RIP] != target && sig == SIGILL)
        seen.sig = 0; /* of something it went to */
    r[REG_RIP] = (greg_t)(uintptr_t)back;
}

typedef struct Verdict {
    const char *what;
    unsigned len;
} Verdict;

static Verdict execute(const uint8_t *bytes)
{
    for (unsigned n = 1; n <= X86_MAX_LEN; n++) {
        target = EDGE - n;
        memcpy((void *)(uintptr_t)target, bytes, n);
        run_bytes();
        if (seen.sig == SIGILL)
            return (Verdict){"ill", 0};
        if (!seen.fetch && n < X86_MAX_LEN)
            return (Verdict){"ok", n};
    }
    return (Verdict){"ok", X86_MAX_LEN};
}

static Verdict decode(const uint8_t *bytes)
{
    X86Insn x;
    if (x86_decode(bytes, ROOM, X86_MODE_64, &x) == X86_OK)
        return x.row->handler == X86_H_ud ? (Verdict){"ill", 0} : (Verdict){"ok", x.len};
    return x.len > X86_MAX_LEN ? (Verdict){"ok", X86_MAX_LEN} : (Verdict){"ill", 0};
}

typedef struct Opcode {
    unsigned at, map; /* where it is; 1 after 0f, 2 and 3 after 0f 38 and 0f 3a, 4 behind VEX, EVEX or XOP */
} Opcode;

static bool is_prefix(uint8_t b)
{
    return b == 0x66 || b == 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3 || b >> 4 == 4 ||
           (b & 0xe7) == 0x26 || b == 0x64 || b == 0x65;
}

static Opcode opcode_of(const uint8_t *p)
{
    Opcode o = {0};
    while (o.at < ROOM - 8 && is_prefix(p[o.at]))
        o.at++;
    if (p[o.at] == 0xc4 || p[o.at] == 0xc5 || p[o.at] == 0x62)
        return (Opcode){o.at + (p[o.at] == 0xc5 ? 2 : p[o.at] == 0xc4 ? 3 : 4), 4};
    if (p[o.at] != 0x0f)
        return o;
    o.map = p[o.at + 1] == 0x38 ? 2 : p[o.at + 1] == 0x3a ? 3 : 1;
    o.at += o.map == 1 ? 1 : 2;
    return o;
}

/* No jump to what is there: it would be executed, perhaps for ever. */
static void tame(uint8_t *p)
{
    Opcode o = opcode_of(p);
    uint8_t op = p[o.at];
    if ((o.map == 0 && (op == 0xe8 || op == 0xe9)) || (o.map == 1 && op >> 4 == 8))
        p[o.at + 2] = p[o.at + 4] = 0x11;
    if (o.map == 0 && (op >> 4 == 7 || op == 0xeb || (op & 0xfc) == 0xe0))
        p[o.at + 1] = 0x11;
}

static const struct {
    uint8_t n, bytes[3];
} prefixes[] = {{0, {0}},          {1, {0x66}},       {1, {0xf3}},       {1, {0xf2}},
                {1, {0x48}},       {1, {0x41}},       {2, {0x66, 0x48}}, {2, {0xf3, 0x48}},
                {2, {0xf2, 0x48}}, {1, {0xf0}},       {1, {0x67}},       {2, {0xf0, 0x66}},
                {2, {0x66, 0xf3}}, {2, {0xf2, 0xf3}}, {1, {0x65}},       {3, {0x66, 0xf2, 0x41}},
                {2, {0x48, 0x66}}};

/* The sets of short strings: each of prefixes[], then all of an opcode and the byte behind it in maps 0 to 3.
 */
enum { SHORT_SETS = 4 * ARRAY_SIZE(prefixes) };

static unsigned start(uint8_t *p, unsigned set)
{
    unsigned map = set % 4, n = prefixes[set / 4].n;
    memcpy(p, prefixes[set / 4].bytes, n);
    if (map)
        p[n++] = 0x0f;
    if (map > 1)
        p[n++] = map == 2 ? 0x38 : 0x3a;
    return n;
}

static void fill_random(uint8_t *p)
{
    for (unsigned k = 0; k < ROOM; k++)
        p[k] = (uint8_t)rnd(256);
}

/* VEX in all its fields, with other prefixes now and then. */
static void put_vex(uint8_t *p)
{
    unsigned n = rnd(8) ? 0 : start(p, 4 * rnd(ARRAY_SIZE(prefixes)));
    bool three = rnd(3);
    p[n] = three ? 0xc4 : 0xc5;
    if (three)
        p[n + 1] = (uint8_t)((p[n + 1] & 0xe0) | (rnd(16) ? 1 + rnd(3) : rnd(32)));
    if (rnd(2))
        p[n + 1 + three] |= 0x78;
}

static void put_evex(uint8_t *p)
{
    p[0] = 0x62;
    p[1] = (uint8_t)((p[1] & 0xf0) | (1 + rnd(3)));
    p[2] |= 4;
    if (rnd(2))
        p[2] |= 0x78;
    p[3] = (uint8_t)(rnd(2) ? p[3] | 8 : (p[3] & 0x68) | 8);
}

static void put_string(uint8_t *p, unsigned how)
{
    static const uint8_t legacy[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x3e,
                                     0x26, 0x36, 0x65, 0x48, 0x4f, 0x44};
    fill_random(p);
    if (how == 0) {
        rnd(2) ? put_vex(p) : put_evex(p);
    } else if (how == 1) {
        unsigned n = rnd(14);
        for (unsigned k = 0; k < n; k++)
            p[k] = legacy[rnd(ARRAY_SIZE(legacy))];
        if (rnd(2))
            p[n] = 0x0f;
    } else if (how < 6) {
        start(p, rnd(SHORT_SETS));
    }
}

static void say(const uint8_t *p, bool only_decode)
{
    Opcode o = opcode_of(p);
    uint8_t copy[ROOM];
    memcpy(copy, p, ROOM);
    tame(copy);
    if (memchr(copy, 0x64, 16)) /* fs belongs to the library */
        return;
    if (o.map == 1 && copy[o.at] == 0x34) /* sysenter: Intel's would go on in 32-bit mode */
        return;
    Verdict v = only_decode ? decode(copy) : execute(copy);
    for (unsigned k = 0; k < X86_MAX_LEN; k++)
        printf("%02x", copy[k]);
    printf(" %s %u map %u opcode %02x\n", v.what, v.len, o.map, copy[o.at]);
}

static void all_short(bool only_decode)
{
    uint8_t p[ROOM];
    for (unsigned set = 0; set < SHORT_SETS; set++)
        for (unsigned k = 0; k < 0x10000; k++) {
            fill_random(p);
            unsigned n = start(p, set);
            p[n] = (uint8_t)(k >> 8);
            p[n + 1] = (uint8_t)k;
            say(p, only_decode);
        }
}

static void set_up(void)
{
    static const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP};
    static char stack[65536];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    void *at = mmap((void *)(EDGE - PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != (void *)(EDGE - PAGE) || sigaltstack(&ss, NULL) || syscall(SYS_arch_prctl, 0x1003, &host_fs))
        exit(98);
    memset(at, 0xcc, PAGE);
    for (unsigned k = 0; k < ARRAY_SIZE(signals); k++)
        sigaction(signals[k], &sa, NULL);
    clean[0] = 0x7f; /* x87 control word 0x37f, MXCSR 0x1f80; everything else as initialised */
    clean[1] = 3;
    clean[24] = 0x80;
    clean[25] = 0x1f;
    clean[512] = 3;
}

int main(int argc, char **argv)
{
    bool only_decode = argc > 3 && !strcmp(argv[3], "-d");
    if (argc < 3)
        return 2;
    seed = strtoull(argv[1], NULL, 0);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 0);
    set_up();
    if (!count)
        all_short(only_decode);
    for (unsigned k = 0; k < count; k++) {
        uint8_t p[ROOM];
        put_string(p, k % 8);
        say(p, only_decode);
    }
    return 0;
}
