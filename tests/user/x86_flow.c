/* Every jump, call, return and loop of x86: whether it goes, and what it leaves of flags, counter and stack.
 * Code is written as bytes, so that each encoding is there; native and guest are the same program. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

typedef struct Result {
    unsigned long ax, cx, flags;
} Result;

static uint8_t *code;

static Result run(const uint8_t *at, unsigned long flags, unsigned long cx)
{
    Result r = {.cx = cx, .flags = flags};
    __asm__ volatile("push %2; popf; call *%3; pushf; pop %2"
                     : "=&a"(r.ax), "+c"(r.cx), "+r"(r.flags)
                     : "r"(at)
                     : "memory", "cc", "edx", "esi");
    r.flags &= 0xcd5;
    return r;
}

static uint64_t hash = 0xcbf29ce484222325;
static unsigned taken;

static void add(Result r)
{
    taken += r.ax == 0;
    hash = ((hash ^ r.ax) * 0x100000001b3 ^ r.cx) * 0x100000001b3;
    hash = (hash ^ r.flags) * 0x100000001b3;
}

static void show(const char *what, unsigned n)
{
    printf("%s %x: taken %u, %llx\n", what, n, taken, (unsigned long long)hash);
    taken = 0;
}

/* The branch jumps over the second move, or does not: forwards, and backwards over three bytes that jump on.
 */
static void put_branch(const uint8_t *insn, unsigned n, unsigned rel)
{
    static const uint8_t zero[] = {0xb8, 0, 0, 0, 0}, one[] = {0xb8, 1, 0, 0, 0, 0xc3}, ret[] = {0xc3};
    uint8_t *p = code;
    memcpy(p, zero, 5);
    memcpy(p += 5, insn, n);
    p += n;
    int32_t forwards = sizeof one;
    memcpy(p, &forwards, rel);
    memcpy(p += rel, one, sizeof one);
    memcpy(p + sizeof one, ret, 1);
    uint8_t *q = code + 128; /* the same, to a ret before it */
    memcpy(q - 1, ret, 1);
    memcpy(q, zero, 5);
    memcpy(q + 5, insn, n);
    int32_t back = -(int32_t)(1 + 5 + n + rel);
    memcpy(q + 5 + n, &back, rel);
    memcpy(q + 5 + n + rel, one, sizeof one);
}

static void branches(const char *what, const uint8_t *insn, unsigned n, unsigned rel)
{
    static const unsigned long counts[] = {0,
                                           1,
                                           2,
                                           0x10000,
                                           0x80000000,
                                           (unsigned long)-1,
                                           (unsigned long)0x100000000ull,
                                           (unsigned long)0x100000001ull};
    put_branch(insn, n, rel);
    for (unsigned f = 0; f < 64; f++) {
        unsigned long flags = 2 | (f & 1) | (f & 2 ? 4 : 0) | (f & 4 ? 16 : 0) | (f & 8 ? 64 : 0) |
                              (f & 16 ? 128 : 0) | (f & 32 ? 2048 : 0);
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
            add(run(code, flags, counts[c]));
            add(run(code + 128, flags, counts[c]));
        }
    }
    show(what, insn[n - 1]);
}

static void conditional(void)
{
    for (unsigned cc = 0; cc < 16; cc++) {
        uint8_t brief[] = {0x70 | cc}, near[] = {0x0f, 0x80 | cc}, hint[] = {0x3e, 0x70 | cc};
        branches("jcc", brief, 1, 1);
        branches("jcc near", near, 2, 4);
        branches("jcc with a prefix", hint, 2, 1);
    }
    for (unsigned k = 0xe0; k < 0xe4; k++) {
        uint8_t plain[] = {k}, narrow[] = {0x67, k};
        branches("loop, jcxz", plain, 1, 1);
        branches("loop, jcxz of the other address size", narrow, 2, 1);
    }
    const uint8_t brief[] = {0xeb}, near[] = {0xe9}, bound[] = {0xf2, 0xe9};
    branches("jmp", brief, 1, 1);
    branches("jmp near", near, 1, 4);
    branches("bnd jmp", bound, 2, 4);
}

#ifdef __x86_64__
#define BP     "rbp"
#define SP     "%%rsp"
#define REG(r) "%%r" r
#else
#define BP     "ebp"
#define SP     "%%esp"
#define REG(r) "%%e" r
#endif

/* How far the stack has moved in the end. */
#define CALLS(what, ...)                                                                                     \
    do {                                                                                                     \
        unsigned long ax = 0, moved;                                                                         \
        __asm__ volatile("mov " SP ", " REG("si") "\n" __VA_ARGS__ "\nmov " SP ", " REG(                     \
                             "dx") "\n"                                                                      \
                                   "mov " REG("si") ", " SP "\nsub " REG("si") ", " REG("dx")                \
                         : "+a"(ax), "=&d"(moved)::"esi", "ecx", "edi", "memory", "cc");                     \
        printf("%s: %lx %ld\n", what, ax, (long)moved);                                                      \
    } while (0)

static void calls(void)
{
    CALLS("call", "call 1f; add $1, %%eax; jmp 2f; 1: add $0x100, %%eax; ret; 2:");
    CALLS("call back", "jmp 2f; 1: add $0x200, %%eax; ret; 2: call 1b; add $1, %%eax");
    CALLS("call of a register", "call 3f; 3: pop " REG("cx") "; add $(1f - 3b), " REG("cx") "; call *" REG(
                                    "cx") "; jmp 2f; 1: add $0x300, %%eax; ret; 2:");
    CALLS("call of memory", "call 3f; 3: pop " REG("cx") "; add $(1f - 3b), " REG("cx") "; push " REG(
                                "cx") "; call *(" SP ")\n"
                                      "pop " REG("cx") "; jmp 2f; 1: add $0x400, %%eax; ret; 2:");
    CALLS("jump to memory", "call 3f; 3: pop " REG("cx") "; add $(1f - 3b), " REG("cx") "; push " REG(
                                "cx") "; jmp *(" SP ")\n"
                                      "add $2, %%eax; 1: add $0x500, %%eax; pop " REG("cx"));
    CALLS("jump to a register", "call 3f; 3: pop " REG("cx") "; add $(1f - 3b), " REG("cx") "; jmp *" REG(
                                    "cx") "; add $2, %%eax; 1: add $1, %%eax");
    CALLS("return that drops", "sub $16, " SP "; call 1f; jmp 2f; 1: add $0x600, %%eax; ret $16; 2:");
    CALLS("return that drops more",
          "sub $4096, " SP "; call 1f; jmp 2f; 1: add $0x700, %%eax; ret $0xfff0; 2:");
    CALLS("return to another place",
          "call 1f; add $1, %%eax; 1: add $0x800, %%eax; pop " REG("cx") "; add $3, " REG("cx") "; push " REG(
              "cx") "\n"
                    "cmp $0x900, %%eax; ja 2f; ret; 2: add $7, %%eax; pop " REG("cx"));
    CALLS("repz ret", "call 1f; jmp 2f; 1: add $0x900, %%eax; repz ret; 2:");
}

int main(void)
{
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    conditional();
    calls();
    return 0;
}
