/* Random sequences of AVX2 among VEX.128 and SSE instructions, straight and in loops, some of which run into
 * a page that is not there: all of the vector registers, as the signal's frame has them there, or as they are
 * stored behind the last instruction. Prints one line for every hundred sequences, sums of all that.
 * usage: [SEED [SEQUENCES]] */
#include "user.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { YMM_BYTES = 32, DATA = 8192, CODE = 4096 /* of a sequence: a page that is written once */ };
#ifdef __x86_64__
enum { REGISTERS = 16, FRAME_EXTRA = 0 };
#define IP REG_RIP
#else
enum { REGISTERS = 8, FRAME_EXTRA = 112 }; /* the old form comes first */
#define IP REG_EIP
#endif

static uint8_t *code, *p, *data;
static uint8_t state[16 * YMM_BYTES], out[16 * YMM_BYTES];
static sigjmp_buf env;
static uint64_t seed, sum, faults;
static bool show_all;

static unsigned any(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void add(const void *v, size_t n)
{
    const uint8_t *b = v;
    for (size_t k = 0; k < n; k++)
        sum = (sum ^ b[k]) * 1099511628211u;
}

static void byte(unsigned v)
{
    *p++ = (uint8_t)v;
}
static void word(uint32_t v)
{
    memcpy(p, &v, 4);
    p += 4;
}

/* [base + disp] or a register; reg is the other operand. */
static void operand(unsigned reg, bool memory, unsigned rm, uint32_t disp)
{
    byte((memory ? 0x80u : 0xc0u) | (reg & 7) << 3 | (rm & 7));
    if (memory)
        word(disp);
}

enum { BASE_DATA = 7 /* di */, BASE_STATE = 6 /* si */, BASE_OUT = 2 /* dx */ };

static void vex(unsigned pp, unsigned map, unsigned opc, bool wide, unsigned reg, unsigned vvvv, bool memory,
                unsigned rm, uint32_t disp)
{
    byte(0xc4);
    byte((reg & 8 ? 0 : 0x80u) | 0x40u | (!memory && rm & 8 ? 0 : 0x20u) | map);
    byte((~vvvv & 15) << 3 | (unsigned)wide << 2 | pp);
    byte(opc);
    operand(reg, memory, rm, disp);
}

static void sse(unsigned prefix, unsigned opc, unsigned reg, bool memory, unsigned rm, uint32_t disp)
{
    if (prefix)
        byte(prefix);
    unsigned rex = 0x40u | (reg & 8) >> 1 | (memory ? 0 : (rm & 8) >> 3);
    if (rex != 0x40)
        byte(rex);
    byte(0x0f);
    byte(opc);
    operand(reg, memory, rm, disp);
}

static const struct {
    uint8_t map, opc;
} ops[] = {{1, 0x74}, {1, 0x75}, {1, 0x76}, {1, 0xda}, {1, 0xde}, {1, 0xdb}, {1, 0xdf}, {1, 0xeb},
           {1, 0xef}, {1, 0xf8}, {1, 0xfc}, {1, 0xfd}, {1, 0xfe}, {1, 0xd4}, {1, 0x60}, {1, 0x68},
           {1, 0x64}, {1, 0x66}, {1, 0x67}, {1, 0x6c}, {1, 0xe0}, {1, 0xd5}, {1, 0xf6}, {1, 0xf4},
           {2, 0x00}, {2, 0x29}, {2, 0x38}, {2, 0x3b}, {2, 0x37}, {2, 0x0b}};

static unsigned used; /* registers of the sequence */

static void one(uint32_t reach)
{
    unsigned r = any(used), a = any(used), b = any(used), kind = any(44);
    bool memory = any(3) == 0, wide = any(5) != 0;
    uint32_t at = any(reach);
    unsigned n = any(sizeof ops / sizeof *ops);
    if (kind < 20)
        vex(1, ops[n].map, ops[n].opc, wide, r, a, memory, memory ? BASE_DATA : b, at);
    else if (kind < 25)
        vex(2, 1, 0x6f, wide, r, 0, true, BASE_DATA, at); /* vmovdqu, both ways */
    else if (kind < 28)
        vex(2, 1, 0x7f, wide, r, 0, true, BASE_DATA, at);
    else if (kind < 30)
        vex(1, 1, 0x6f, wide, r, 0, memory, memory ? BASE_DATA : b, at & ~31u); /* vmovdqa */
    else if (kind < 32)
        vex(1, 1, 0xd7, wide, 0, 0, false, b, 0); /* vpmovmskb */
    else if (kind == 32)
        sse(0x66, ops[n].map == 1 ? ops[n].opc : 0xef, r, false, b, 0);
    else if (kind == 33)
        sse(0xf3, 0x6f, r, true, BASE_DATA, at);
    else if (kind == 34) {
        vex(1, 3, 0x39, true, r, 0, memory, memory ? BASE_DATA : b, at); /* vextracti128 */
        byte(any(2));
    } else if (kind == 35) {
        vex(1, 3, 0x38, true, r, a, memory, memory ? BASE_DATA : b, at); /* vinserti128 */
        byte(any(2));
    } else if (kind == 36) {
        vex(1, 1, 0x70, wide, r, 0, memory, memory ? BASE_DATA : b, at); /* vpshufd */
        byte(any(256));
    } else if (kind == 37) {
        vex(1, 2, 0x78, wide, r, 0, memory, memory ? BASE_DATA : b, at); /* vpbroadcastb */
    } else if (kind == 38) {
        vex(1, 1, 0x72, wide, 2u + 2 * any(3), r, false, b, 0); /* vpsrld vpsrad vpslld */
        byte(any(33));
    } else if (kind >= 41) {
        vex(1, 1, 0x6f, any(4) != 0, r, 0, false, b, 0); /* vmovdqa between registers */
    } else if (kind == 40) {
        unsigned rex = 0x40u | (r & 8) >> 1 | (b & 8) >> 3;
        byte(0x66);
        if (rex != 0x40)
            byte(rex);
        byte(0x0f), byte(0x3a), byte(0x62); /* pcmpistrm */
        operand(r, false, b, 0);
        byte(any(64));
    } else if (any(3) == 0) {
        vex(0, 1, 0x77, false, 0, 0, false, 0, 0); /* vzeroupper has no modrm */
        p--;
    } else {
        vex(1, 2, 0x17, wide, r, 0, memory, memory ? BASE_DATA : b, at); /* vptest, and sets al */
        byte(0x0f);
        byte(any(2) ? 0x92 : 0x94);
        byte(0xc0);
    }
}

static void sequence(bool loop)
{
    p = code;
    for (unsigned r = 0; r < REGISTERS; r++)
        vex(2, 1, 0x6f, true, r, 0, true, BASE_STATE, r * YMM_BYTES);
    uint8_t *again = p;
    used = any(3) ? REGISTERS : 3 + any(3);
    uint32_t reach = any(2) ? 256 : 4096;
    unsigned length = 2 + any(any(3) ? 12 : 40);
    for (unsigned k = 0; k < length; k++)
        one(reach);
    if (loop) {
        if (REGISTERS == 16)
            byte(0x48);
        byte(0x81), byte(0xc7), word(32 * (1 + any(4))); /* add di, n */
        byte(0xff), byte(0xc9);                          /* dec ecx */
        byte(0x0f), byte(0x85), word((uint32_t)(again - (p + 4)));
    }
    for (unsigned r = 0; r < REGISTERS; r++)
        vex(2, 1, 0x7f, true, r, 0, true, BASE_OUT, r * YMM_BYTES);
    vex(0, 1, 0x77, false, 0, 0, false, 0, 0);
    p[-1] = 0xc3; /* for the modrm */
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    const char *area = (const char *)uc->uc_mcontext.fpregs + FRAME_EXTRA;
    uint64_t there;
    memcpy(&there, area + 512, 8);
    memcpy(out, state, sizeof out);
    for (unsigned r = 0; r < REGISTERS; r++) {
        memset(out + YMM_BYTES * r, 0, YMM_BYTES);
        memcpy(out + YMM_BYTES * r, area + 160 + 16 * r, 16);
        if (there & 4)
            memcpy(out + YMM_BYTES * r + 16, area + 576 + 16 * r, 16);
    }
    uint64_t more[] = {(uint64_t)sig, (uint64_t)si->si_code,
                       (uint64_t)((uintptr_t)si->si_addr - (uintptr_t)data),
                       (uint64_t)((uintptr_t)uc->uc_mcontext.gregs[IP] - (uintptr_t)code)};
    if (si->si_code == SI_KERNEL)
        more[2] = 0;
    add(more, sizeof more);
    if (show_all)
        printf("fault at %llx of %llx; ", (unsigned long long)more[3], (unsigned long long)more[2]);
    faults++;
    siglongjmp(env, 1);
}

static void run(bool loop)
{
    uint8_t *at = data + (any(2) ? any(64) : 32 * any(DATA / 32));
    unsigned a = 0, c = loop ? 1 + any(any(4) ? 8 : 60) : 0;
    if (!sigsetjmp(env, 1)) {
        const uint8_t *s = state;
        uint8_t *o = out, *f = code;
        __asm__ volatile("call *%5"
                         : "+a"(a), "+c"(c), "+D"(at), "+S"(s), "+d"(o)
                         : "b"(f)
                         : "memory", "cc"
#ifdef __x86_64__
                           ,
                           "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                           "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#endif
        );
        add(&a, sizeof a);
        add(&c, sizeof c);
    }
    add(out, sizeof out);
    add(data, DATA);
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 400;
    show_all = argc > 3;
    uint8_t *area =
        mmap(NULL, (size_t)CODE * n, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    data = mmap(NULL, DATA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(data + DATA, 4096, PROT_NONE);
    if (!__builtin_cpu_supports("avx2")) {
        puts("no AVX2");
        return 0;
    }
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    for (unsigned k = 0; k < n; k++) {
        bool loop = any(3) != 0;
        for (unsigned i = 0; i < DATA; i++)
            data[i] = (uint8_t)(any(3) ? any(256) : 0);
        for (unsigned i = 0; i < sizeof state; i++)
            state[i] = (uint8_t)any(256);
        if (any(2))
            for (unsigned r = 0; r < REGISTERS; r++)
                memset(state + YMM_BYTES * r + 16, 0, any(2) ? 16 : 0);
        code = area + (size_t)CODE * k;
        sequence(loop);
        for (unsigned again = 0; again < 4; again++) {
            run(loop);
            if (show_all)
                printf("%u.%u: %016llx\n", k, again, (unsigned long long)sum);
        }
        if (k % 100 == 99)
            printf("%u: %016llx, %llu faults\n", k + 1, (unsigned long long)sum, (unsigned long long)faults);
    }
    return 0;
}
