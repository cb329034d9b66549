/* Repeated string instructions: all of them, upward and downward, over memory that overlaps, up to pages that
 * are not there or cannot be written. Where a fault ends one, the registers say how far it came. For x86-64
 * and i386.
 *
 * Without OF_AMD flags after a fault are not compared: Intel's processors have those from before a scas or
 * cmps then. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, ROOM = 3 * PAGE, TRIALS = 24000, GROUP = 500 };

typedef struct Regs {
    uintptr_t di, si, cx, ax, flags;
} Regs;

typedef struct Row {
    const char *name;
    void (*run)(Regs *r);
    const char *end;
    unsigned bytes;
} Row;

#ifdef __x86_64__
#define LOAD                                                                                                 \
    "mov %rdi, %r8; mov (%r8), %rdi; mov 8(%r8), %rsi; mov 16(%r8), %rcx; mov 24(%r8), %rax; pushq "         \
    "32(%r8); popf;"
#define STORE "mov %rdi, (%r8); mov %rsi, 8(%r8); mov %rcx, 16(%r8); pushf; popq 32(%r8); cld; ret;"
#define OTHER REG_RIP
#define FLAGS REG_EFL
#else
#define LOAD                                                                                                 \
    "push %edi; push %esi; push %ebx; mov 16(%esp), %ebx; mov (%ebx), %edi; mov 4(%ebx), %esi;"              \
    "mov 8(%ebx), %ecx; mov 12(%ebx), %eax; pushl 16(%ebx); popf;"
#define STORE                                                                                                \
    "mov %edi, (%ebx); mov %esi, 4(%ebx); mov %ecx, 8(%ebx); pushf; popl 16(%ebx); cld;"                     \
    "pop %ebx; pop %esi; pop %edi; ret;"
#define OTHER REG_EIP
#define FLAGS REG_EFL
#endif

#define ROW(id, insn)                                                                                        \
    __asm__(".text; .globl run_" #id "; run_" #id ":" LOAD insn "; .globl end_" #id "; end_" #id ":" STORE); \
    void run_##id(Regs *r);                                                                                  \
    extern const char end_##id[];
#define ROWS(X)                                                                                              \
    X(movsb, "rep movsb", 1)                                                                                 \
    X(movsw, "rep movsw", 2) X(movsl, "rep movsl", 4) X(stosb, "rep stosb", 1) X(stosw, "rep stosw", 2)      \
        X(stosl, "rep stosl", 4) X(scasb, "repne scasb", 1) X(scasl, "repne scasl", 4)                       \
            X(scasew, "repe scasw", 2) X(scaseb, "repe scasb", 1) X(cmpsb, "repe cmpsb", 1)                  \
                X(cmpsl, "repe cmpsl", 4) X(cmpsnw, "repne cmpsw", 2) X(cmpsnb, "repne cmpsb", 1)            \
                    X(lodsb, "rep lodsb", 1) X(lodsw, "rep lodsw", 2) ROWS64(X)
#ifdef __x86_64__
#define ROWS64(X)                                                                                            \
    X(movsq, "rep movsq", 8)                                                                                 \
    X(stosq, "rep stosq", 8) X(scasq, "repe scasq", 8) X(cmpsq, "repe cmpsq", 8) X(cmpsnq, "repne cmpsq", 8) \
        X(movsd, "rep addr32 movsb", 1)
#else
#define ROWS64(X)
#endif

#define DEFINE(id, insn, bytes) ROW(id, insn)
ROWS(DEFINE)
static const Row rows[] = {
#define LIST(id, insn, bytes) {#id, run_##id, end_##id, bytes},
    ROWS(LIST)};

static const Row *running;
static uint8_t *room;
static struct {
    int sig, code;
    uintptr_t at;
} fault;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    fault.sig = sig;
    fault.code = si->si_code;
    fault.at = (uintptr_t)si->si_addr - (uintptr_t)room;
    g[OTHER] = (greg_t)(uintptr_t)running->end;
}

static uint64_t seed = 88172645463325252;

static unsigned rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

/* Near an end of the room at times, beyond it seldom. */
static unsigned place(void)
{
    switch (rnd(4)) {
    case 0: return rnd(200);
    case 1: return ROOM - 1 - rnd(200);
    case 2: return PAGE - 100 + rnd(200);
    default: return rnd(ROOM);
    }
}

static unsigned count(void)
{
    switch (rnd(8)) {
    case 0: return rnd(3);
    case 1: return rnd(ROOM);
    case 2: return ~0u >> 4;
    default: return rnd(130);
    }
}

static uint64_t mix(uint64_t sum, uint64_t v)
{
    return (sum ^ v) * 0x100000001b3 + (sum >> 29);
}

static uint64_t trial(void)
{
    enum { FLAG_BITS = 0x8d5, DF = 0x400 };
    static const uintptr_t values[] = {0, 'x', 0x01010101, 0x7878787878787878};
    const Row *row = &rows[rnd(sizeof rows / sizeof *rows)];
    uint8_t fill = rnd(2) ? 'x' : 0;
    for (unsigned k = 0; k < 40; k++)
        room[place()] = rnd(2) ? fill : (uint8_t)rnd(256);
    unsigned to = place(), from = rnd(3) ? place() : to + rnd(40) - 20;
    if (from >= ROOM)
        from = 0;
    Regs r = {.di = (uintptr_t)room + to,
              .si = (uintptr_t)room + from,
              .cx = count(),
              .ax = values[rnd(4)],
              .flags = 2 | (rnd(256) & FLAG_BITS) | (rnd(4) ? 0 : DF)};
    running = row;
    memset(&fault, 0, sizeof fault);
    row->run(&r);
    if (!OF_AMD && fault.sig)
        r.flags = 0;
    uint64_t sum = mix(mix(mix(row->bytes, r.di - (uintptr_t)room), r.si - (uintptr_t)room), r.cx);
    sum = mix(mix(mix(mix(sum, r.flags & FLAG_BITS), (unsigned)fault.sig), (unsigned)fault.code), fault.at);
    for (unsigned k = 0; k < ROOM; k += 8) {
        uint64_t w;
        memcpy(&w, room + k, 8);
        sum = mix(sum, w);
    }
#ifdef REPEAT_VERBOSE
    printf("%s %zx -> %zx %zx, %zx, flags %zx, fault %d at %zx: %016llx\n", row->name, (size_t)from,
           (size_t)(r.di - (uintptr_t)room), (size_t)(r.si - (uintptr_t)room), (size_t)r.cx,
           (size_t)r.flags & FLAG_BITS, fault.sig, (size_t)fault.at, (unsigned long long)sum);
#endif
    return sum;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    /* below 4 GiB: an address of 32 bits is one, too */
    uint8_t *all =
        mmap((void *)0x20000000, ROOM + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    room = all + PAGE;
    mprotect(room, ROOM, PROT_READ | PROT_WRITE);
    for (unsigned k = 0; k < TRIALS / GROUP; k++) {
        uint64_t sum = 0;
        if (k % 8 == 7) /* the last page can be read alone */
            mprotect(room + ROOM - PAGE, PAGE, PROT_READ), seed += 1;
        for (unsigned i = 0; i < GROUP && k % 8 != 7; i++)
            sum = mix(sum, trial());
        if (k % 8 == 7) {
            for (unsigned i = 0; i < 20; i++) {
                Regs r = {.di = (uintptr_t)room + ROOM - PAGE - 100 + rnd(90),
                          .si = (uintptr_t)room + rnd(50),
                          .cx = 200,
                          .flags = 2};
                running = &rows[i % 6];
                memset(&fault, 0, sizeof fault);
                running->run(&r);
                sum = mix(mix(mix(sum, r.cx), r.di - (uintptr_t)room), fault.at + (unsigned)fault.code);
            }
            mprotect(room + ROOM - PAGE, PAGE, PROT_READ | PROT_WRITE);
        }
        printf("%u %016llx\n", k, (unsigned long long)sum);
    }
    return 0;
}
