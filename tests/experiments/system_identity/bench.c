/* What the rules for system-mode identity cost (README.md has the questions and the figures).
 *
 * Regions are written by hand with the assembler: rings of them, one to a guest page, that differ only in the
 * way they leave. Times are the least of several rounds, so that a busy machine disturbs little.
 *
 * usage: bench [exits|storm|handshake|aliases]...     default: all
 */
#include "base/bits.h"
#include "tcg/host/x86_64/asm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static volatile uint64_t keep; /* what was computed, so that it is */

enum { JC_BITS = 12, JC_ENTRIES = 1 << JC_BITS, CODE_BYTES = 4 << 20 };

/* rules.md 9 */
typedef struct Jump {
    uint64_t pc;
    uint32_t ctx, generation;
    uint64_t host;
    uint64_t unused; /* 32 bytes: one shift */
} Jump;

typedef struct Env {
    uint64_t counter, pc_base;
    uint64_t tag;   /* ctx id, generation: one compare */
    uint32_t kick;
    uint64_t result;
    Jump jump[JC_ENTRIES];
} Env;

static uint8_t *code;
static uint64_t *slots;
static Env *env;

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

#define ENV(f) X64_MEM(X64_RBP, (int32_t)offsetof(Env, f))

/* ---- exits ---- */

typedef enum Exit { EXIT_REL32, EXIT_SLOT, EXIT_PROBE, EXIT_PROBE_PINNED, EXIT_INDIRECT, EXIT_CONST_CALL,
                    EXIT_BASE_CALL,
                    N_EXITS } Exit;

static const char *const exit_name[N_EXITS] = {
    "rel32 jump", "slot, jmp [rip]", "probe, pc_base in env", "probe, pc_base in a register",
    "indirect: index computed, probe", "call: constant pc, slot", "call: pc_base + constant, slot",
};

enum { RING = 32 };

static uint64_t guest_pc(unsigned n) { return 0x7f0012340000ull + n * 4096ull + n * 24; }
static unsigned jump_index(uint64_t pc) { return (unsigned)((pc >> 1) ^ (pc >> 13)) & (JC_ENTRIES - 1); }

static void emit_probe(X64Asm *a, unsigned to, bool pinned, uint8_t *miss)
{
    int32_t entry = (int32_t)(offsetof(Env, jump) + jump_index(guest_pc(to)) * sizeof(Jump));
    int32_t distance = (int32_t)(guest_pc(to) - guest_pc(0));
    if (!pinned)
        x64_mov_rm(a, 64, X64_RCX, ENV(pc_base));
    x64_lea(a, 64, X64_RAX, X64_MEM(pinned ? X64_R15 : X64_RCX, distance));
    x64_mov_rm(a, 64, X64_RDX, ENV(tag));
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, X64_MEM(X64_RBP, entry));
    x64_patch32(x64_jcc_rel32(a, X64_NE), miss);
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, X64_MEM(X64_RBP, entry + 8));
    x64_patch32(x64_jcc_rel32(a, X64_NE), miss);
    x64_jmp_m(a, X64_MEM(X64_RBP, entry + 16));
}

static void emit_indirect(X64Asm *a, uint8_t *miss)
{
    x64_mov_rr(a, 64, X64_RCX, X64_RAX);
    x64_mov_rr(a, 64, X64_RDX, X64_RAX);
    x64_shift_ri(a, 64, X64_SHR, X64_RCX, 1);
    x64_shift_ri(a, 64, X64_SHR, X64_RDX, 13);
    x64_alu_rr(a, 32, X64_XOR, X64_RCX, X64_RDX);
    x64_alu_ri(a, 32, X64_AND, X64_RCX, JC_ENTRIES - 1);
    x64_shift_ri(a, 64, X64_SHL, X64_RCX, 5);
    x64_mov_rm(a, 64, X64_RDX, ENV(tag));
    int32_t at = offsetof(Env, jump);
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, X64_MEMI(X64_RBP, X64_RCX, 0, at));
    x64_patch32(x64_jcc_rel32(a, X64_NE), miss);
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, X64_MEMI(X64_RBP, X64_RCX, 0, at + 8));
    x64_patch32(x64_jcc_rel32(a, X64_NE), miss);
    x64_jmp_m(a, X64_MEMI(X64_RBP, X64_RCX, 0, at + 16));
}

/* A ring of regions of `work` dependent additions; the first counts rounds and returns at 0. */
static void (*emit_ring(Exit kind, unsigned work))(Env *)
{
    static unsigned used;
    X64Asm a;
    x64_init(&a, code + used, CODE_BYTES - used);
    uint8_t *miss = a.p;
    x64_byte(&a, 0x0f), x64_byte(&a, 0x0b); /* ud2: no probe may miss */
    uint8_t *enter = a.p;
    x64_push(&a, X64_RBX);
    x64_push(&a, X64_RBP);
    x64_push(&a, X64_R15);
    x64_mov_rr(&a, 64, X64_RBP, X64_RDI);
    x64_mov_rm(&a, 64, X64_R15, ENV(pc_base));
    uint8_t *region[RING + 1], *jump[RING] = {0};
    for (unsigned n = 0; n < RING; n++) {
        region[n] = a.p;
        if (n == 0) {
            x64_alu_mi(&a, 64, X64_SUB, ENV(counter), 1);
            uint8_t *more = x64_jcc_rel32(&a, X64_NE);
            x64_mov_mr(&a, 64, ENV(result), X64_RBX);
            x64_pop(&a, X64_R15);
            x64_pop(&a, X64_RBP);
            x64_pop(&a, X64_RBX);
            x64_ret(&a);
            x64_patch32(more, a.p);
        }
        for (unsigned k = 0; k < work; k++)
            x64_alu_ri(&a, 64, X64_ADD, X64_RBX, (int)k + 3);
        unsigned to = (n + 7) % RING;
        switch (kind) {
        case EXIT_REL32: jump[n] = x64_jmp_rel32(&a); break;
        case EXIT_PROBE: emit_probe(&a, to, false, miss); break;
        case EXIT_PROBE_PINNED: emit_probe(&a, to, true, miss); break;
        case EXIT_INDIRECT:
            x64_lea(&a, 64, X64_RAX, X64_MEM(X64_R15, (int32_t)(guest_pc(to) - guest_pc(0))));
            emit_indirect(&a, miss);
            break;
        case EXIT_CONST_CALL: x64_mov_ri(&a, 64, X64_RAX, guest_pc(n) + 4); goto slot;
        case EXIT_BASE_CALL:
            x64_mov_rm(&a, 64, X64_RAX, ENV(pc_base));
            x64_alu_ri(&a, 64, X64_ADD, X64_RAX, (int32_t)(guest_pc(n) + 4 - guest_pc(0)));
            goto slot;
        default:
        slot:
            if (kind != EXIT_SLOT)
                x64_mov_mr(&a, 64, ENV(result), X64_RAX);
            x64_jmp_m(&a, X64_MEM(X64_RIP, (int32_t)((uint8_t *)&slots[n] - (a.p + 6))));
            break;
        }
        for (unsigned k = 0; k < 64; k++) /* what stands between regions: exit stubs */
            x64_byte(&a, 0xcc);
    }
    for (unsigned n = 0; n < RING; n++) {
        unsigned to = (n + 7) % RING;
        slots[n] = (uint64_t)(uintptr_t)region[to];
        if (jump[n])
            x64_patch32(jump[n], region[to]);
        env->jump[jump_index(guest_pc(n))] =
            (Jump){.pc = guest_pc(n), .ctx = 5, .generation = 9, .host = (uint64_t)(uintptr_t)region[n]};
    }
    used = (unsigned)(a.p - code + 63) & ~63u;
    void (*fn)(Env *);
    memcpy(&fn, &enter, sizeof fn);
    return fn;
}

static double ring_ns(void (*enter)(Env *))
{
    enum { ROUNDS = 9, LAPS = 20000 };
    double best = 1e9;
    for (unsigned r = 0; r < ROUNDS; r++) {
        env->counter = LAPS;
        double t = seconds();
        enter(env);
        t = seconds() - t;
        best = t < best ? t : best;
    }
    return best * 1e9 / LAPS / RING;
}

static void bench_exits(void)
{
    static const unsigned work[] = {1, 4, 16};
    env->pc_base = guest_pc(0);
    env->tag = 5 | 9ull << 32;
    printf("ns per region, ring of %d          work of 1    4   16 dependent additions\n", RING);
    for (Exit e = 0; e < N_EXITS; e++) {
        printf("  %-34s", exit_name[e]);
        for (unsigned k = 0; k < ARRAY_SIZE(work); k++)
            printf(" %7.2f", ring_ns(emit_ring(e, work[k])));
        printf("\n");
    }
}

/* ---- flushes ---- */

/* The look-up behind the jump cache: an open table of all regions. */
enum { TABLE = 1 << 16, REGIONS = 8192 };
static struct Row {
    uint64_t pc, host;
} table[TABLE];

static uint64_t slow_lookup(uint64_t pc)
{
    for (unsigned h = (unsigned)((pc >> 1) ^ (pc >> 17)) & (TABLE - 1);; h = (h + 1) & (TABLE - 1))
        if (table[h].pc == pc)
            return table[h].host;
}

typedef enum Flush { FLUSH_CLEAR, FLUSH_ONE_GENERATION, FLUSH_PER_ASID, FLUSH_MIXED_INDEX } Flush;

static unsigned long misses;

/* One time slice of address space `asid`: `n` indirect jumps to distinct targets, twice. */
static uint64_t slice(unsigned asid, unsigned n, uint64_t tag, bool mixed)
{
    uint64_t sum = 0;
    for (unsigned r = 0; r < 2; r++) {
        for (unsigned k = 0; k < n; k++) {
            uint64_t pc = 0x400000 + (uint64_t)(asid * 4096 + k) * 56;
            Jump *j = &env->jump[(jump_index(pc) ^ (mixed ? asid * 0x5a5 : 0)) & (JC_ENTRIES - 1)];
            uint64_t have;
            memcpy(&have, &j->ctx, 8);
            if (j->pc != pc || have != tag) {
                misses++;
                j->pc = pc;
                j->host = slow_lookup(pc);
                memcpy(&j->ctx, &tag, 8);
            }
            sum += j->host;
        }
    }
    return sum;
}

static void fill_table(void)
{
    memset(table, 0, sizeof table);
    for (unsigned n = 0; n < REGIONS; n++) {
        uint64_t pc = 0x400000 + (uint64_t)n * 56;
        unsigned h = (unsigned)((pc >> 1) ^ (pc >> 17)) & (TABLE - 1);
        while (table[h].pc)
            h = (h + 1) & (TABLE - 1);
        table[h] = (struct Row){pc, pc + 1};
    }
}

static void bench_storm(void)
{
    static const char *const name[] = {"cleared (memset)", "one generation", "generation per address space",
                                       "the same, index mixed with it"};
    static const unsigned targets[] = {20, 100, 500, 1500};
    fill_table();
    printf(
        "us per switch between two address spaces (misses), by targets each jumps to in its slice\n  %-32s",
        "");
    for (unsigned k = 0; k < ARRAY_SIZE(targets); k++)
        printf(" %13u", targets[k]);
    printf("\n");
    for (Flush f = FLUSH_CLEAR; f <= FLUSH_MIXED_INDEX; f++) {
        printf("  %-32s", name[f]);
        for (unsigned k = 0; k < ARRAY_SIZE(targets); k++) {
            enum { SWITCHES = 4000 };
            double best = 1e9;
            for (unsigned round = 0; round < 5; round++) {
                uint32_t generation = 1;
                memset(env->jump, 0, sizeof env->jump);
                misses = 0;
                double t = seconds();
                for (unsigned s = 0; s < SWITCHES; s++) {
                    uint64_t tag = f >= FLUSH_PER_ASID ? 1 + (s & 1) : 1 | (uint64_t)generation++ << 32;
                    if (f == FLUSH_CLEAR)
                        memset(env->jump, 0, sizeof env->jump);
                    keep = slice(s & 1, targets[k], tag, f == FLUSH_MIXED_INDEX);
                }
                t = seconds() - t;
                best = t < best ? t : best;
            }
            printf(" %6.2f (%4lu)", best * 1e6 / SWITCHES, misses / SWITCHES);
        }
        printf("\n");
    }
}

/* ---- the handshake for a page that becomes code ---- */

static atomic_uint kick, acknowledged, quit;
static volatile uint64_t notdirty[64];

/* A vCPU in generated code: a poll every few instructions, the acknowledgement outside. */
static void *vcpu(void *arg)
{
    volatile uint64_t work = 0;
    while (!atomic_load_explicit(&quit, memory_order_relaxed)) {
        for (unsigned k = 0; k < 8; k++)
            work = work + k;
        unsigned k = atomic_load_explicit(&kick, memory_order_relaxed);
        if (k != atomic_load_explicit(&acknowledged, memory_order_relaxed))
            atomic_store(&acknowledged, k);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_handshake(void)
{
    enum { N = 3000 };
    static double us[N];
    pthread_t t;
    pthread_create(&t, NULL, vcpu, NULL);
    struct timespec pause = {0, 50000};
    nanosleep(&pause, NULL);
    unsigned n = 0;
    for (double end = seconds() + 5; n < N && seconds() < end; n++) {
        double start = seconds();
        notdirty[n % 64] |= 1;
        unsigned k = atomic_fetch_add(&kick, 1) + 1;
        while (atomic_load(&acknowledged) != k)
            __builtin_ia32_pause();
        us[n] = (seconds() - start) * 1e6;
    }
    atomic_store(&quit, 1);
    pthread_join(t, NULL);
    qsort(us, n, sizeof us[0], by_value);
    printf("handshake for a new code page, other vCPU in code: us least %.2f, median %.2f, 90 %% %.2f, worst "
           "%.0f (%u)\n",
           us[0], us[n / 2], us[n * 9 / 10], us[n - 1], n);
    double start = seconds();
    atomic_uint state = 0;
    for (unsigned k = 0; k < 1000000; k++) {
        atomic_fetch_add(&kick, 1);
        if (atomic_load(&state))
            break;
    }
    printf("  other vCPU blocked (its state word says so): %.3f us\n", (seconds() - start));
}

/* ---- one page seen at many addresses ---- */

static void bench_aliases(void)
{
    enum { ALIASES = 50 };
    double best = 1e9;
    fill_table();
    for (unsigned round = 0; round < 20; round++) {
        memset(env->jump, 0, sizeof env->jump);
        double t = seconds();
        for (unsigned k = 0; k < ALIASES; k++)
            keep = slice(0, 1, 1 + k, false); /* another tag each time: one miss, one fill, one hit */
        t = seconds() - t;
        best = t < best ? t : best;
    }
    printf("one page at %d addresses, shared code: %.0f ns for each new address\n", ALIASES,
           best * 1e9 / ALIASES);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {{"exits", bench_exits},
               {"storm", bench_storm},
               {"handshake", bench_handshake},
               {"aliases", bench_aliases}};
    size_t bytes = CODE_BYTES + 4096;
    code = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    slots = (uint64_t *)(void *)(code + CODE_BYTES);
    env = aligned_alloc(64, sizeof(Env));
    if (code == MAP_FAILED || !env)
        return 1;
    memset(env, 0, sizeof *env);
    for (unsigned k = 0; k < ARRAY_SIZE(all); k++) {
        bool wanted = argc == 1;
        for (int n = 1; n < argc; n++)
            wanted |= strcmp(argv[n], all[k].name) == 0;
        if (wanted)
            all[k].run();
    }
    return 0;
}
