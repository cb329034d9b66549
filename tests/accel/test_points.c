/*
 * test_points ENGINE [NO_OPT [MAX_INSNS [PROGRAMS [SEED]]]]: precise faults. (rules.md, risk experiment 1)
 *
 * Random programs of the toy target, full of instructions with several effects, run on an engine; some of
 * their accesses fault. At each fault the whole state (registers, memory, pc, fault address) must be that of
 * a reference that executes the same bytes directly, one instruction after the other: nothing of the faulting
 * instruction is done but the stores before its fault. Then both step over the instruction and go on.
 */
#include "tests/accel/toy_target.h"

#include "accel/accel.h"
#include "base/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BODY = 40, LOOPS = 5, WORDS = 512, GUARD = 1 << 24, STRIDE = 256, PROGRAMS = 4096 };
_Static_assert(4 * (BODY + 3) <= STRIDE, "a program fits its place");

typedef struct Ref {
    uint64_t r[8], pc;
    uint16_t fl;
    uint64_t mem[WORDS];
    uint64_t fault; /* address of the fault */
} Ref;

static uint8_t *codes; /* PROGRAMS places of STRIDE bytes */
static uint8_t *code;  /* of this program */
static uint64_t *page; /* WORDS words; GUARD inaccessible bytes on both sides */
static Cpu *cpu;
static uint64_t rng, seed;
static unsigned long n_faults;

static uint64_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * 0x2545f4914f6cdd1dull >> 20;
}

/* ---- reference ---- */

/* The 8 bytes at addr, of any alignment. */
static char *ref_word(Ref *f, uint64_t addr)
{
    uint64_t start = (uint64_t)(uintptr_t)page, end = start + sizeof f->mem;
    if (addr >= start && addr <= end - 8)
        return (char *)f->mem + (addr - start);
    f->fault = addr > end - 8 && addr < end ? end : addr; /* the first byte that is not there */
    return NULL;
}

/* Loads n words, all or none. */
static bool ref_load(Ref *f, uint64_t addr, unsigned n, uint64_t *ret)
{
    for (unsigned k = 0; k < n; k++) {
        const char *w = ref_word(f, addr + 8 * k);
        if (!w)
            return false;
        memcpy(&ret[k], w, 8);
    }
    return true;
}

static bool ref_store(Ref *f, uint64_t addr, uint64_t v)
{
    char *w = ref_word(f, addr);
    if (w)
        memcpy(w, &v, 8);
    return w != NULL;
}

static bool ref_cond(const Ref *f, unsigned cond)
{
    bool n = f->fl & IR_FL_N, z = f->fl & IR_FL_Z, c = f->fl & IR_FL_C, v = f->fl & IR_FL_V;
    const bool t[16] = {z,       !z,     c,      !c,           n,           !n,   v,   !v, c && !z,
                        !c || z, n == v, n != v, !z && n == v, z || n != v, true, true};
    return t[cond & 15];
}

/* N Z C V of a + b + carry. */
static uint16_t ref_flags(uint64_t a, uint64_t b, bool carry)
{
    uint64_t r = a + b + carry;
    unsigned __int128 u = (unsigned __int128)a + b + carry;
    __int128 s = (__int128)(int64_t)a + (int64_t)b + carry;
    return (uint16_t)((r >> 63 ? IR_FL_N : 0) | (r == 0 ? IR_FL_Z : 0) | (u >> 64 ? IR_FL_C : 0) |
                      (s != (int64_t)r ? IR_FL_V : 0));
}

/* Executes one instruction. False: it faulted, and pc is still on it. */
static bool ref_step(Ref *f)
{
    TtInsn i;
    memcpy(&i, (void *)(uintptr_t)f->pc, 4);
    uint64_t *a = &f->r[i.a], *a1 = &f->r[(i.a + 1) & 7], *b = &f->r[i.b], v[3], old = *a, base = *b;
    uint64_t next = f->pc + 4;
    switch (i.op) {
    case TT_ADDI: *a = *b + (uint64_t)(int64_t)i.imm; break;
    case TT_ADD: *a += *b; break;
    case TT_MUL: *a *= *b; break;
    case TT_BNE: next = *a != *b ? f->pc + (uint64_t)(4 * (int64_t)i.imm) : next; break;
    case TT_LD:
        if (!ref_load(f, base + (uint64_t)(int64_t)i.imm, 1, v))
            return false;
        *a = v[0];
        break;
    case TT_ST:
        if (!ref_store(f, base + (uint64_t)(int64_t)i.imm, old))
            return false;
        break;
    case TT_LDP:
        if (!ref_load(f, base, 2, v))
            return false;
        *a = v[0], *b = v[1];
        break;
    case TT_POST:
        if (!ref_load(f, base, 1, v))
            return false;
        *a = v[0], *b = base + (uint64_t)(int64_t)i.imm;
        break;
    case TT_POP:
        if (!ref_load(f, base, 3, v))
            return false;
        for (unsigned k = 0; k < 3; k++)
            f->r[(i.a + k) & 7] = v[k];
        *b = base + 24;
        break;
    case TT_STP:
        if (!ref_store(f, base, old) || !ref_store(f, base + 8, *a1))
            return false;
        break;
    case TT_FADD:
        if (!ref_load(f, base, 1, v))
            return false;
        ref_store(f, base, v[0] + old);
        *a = v[0];
        break;
    case TT_MOVX:
        if (!ref_load(f, base, 1, v) || !ref_store(f, base + 8, old))
            return false;
        *a = v[0], *a1 = old;
        break;
    case TT_CMP: f->fl = ref_flags(old, ~base, true); break;
    case TT_TST: f->fl = ref_flags(old & base, 0, false); break;
    case TT_NZC: {
        uint16_t carry = i.imm < 0 ? f->fl & IR_FL_C : base >> (i.imm & 31) & 1 ? IR_FL_C : 0;
        f->fl =
            (uint16_t)((ref_flags(old & base, 0, false) & ~(IR_FL_C | IR_FL_V)) | carry | (f->fl & IR_FL_V));
        break;
    }
    case TT_ADDS:
        f->fl = ref_flags(old, base, false);
        *a = old + base;
        break;
    case TT_ADCS:
        v[0] = (f->fl & IR_FL_C) != 0;
        f->fl = ref_flags(old, base, v[0]);
        *a = old + base + v[0];
        break;
    case TT_SBCS:
        v[0] = (f->fl & IR_FL_C) != 0;
        f->fl = ref_flags(old, ~base, v[0]);
        *a = old + ~base + v[0];
        break;
    case TT_ADC: *a = old + base + ((f->fl & IR_FL_C) != 0); break;
    case TT_CCMP: f->fl = ref_cond(f, (unsigned)i.imm) ? ref_flags(old, ~base, true) : tt_nzcv(i.imm); break;
    case TT_CSEL: *a = ref_cond(f, (unsigned)i.imm) ? old : base; break;
    case TT_BCC: next = ref_cond(f, i.a) ? f->pc + (uint64_t)(4 * (int64_t)i.imm) : next; break;
    default: abort();
    }
    f->pc = next;
    return true;
}

static void ref_run(Ref *f, uint64_t end)
{
    while (f->pc != end && ref_step(f))
        ;
}

/* ---- engine ---- */

static unsigned exec_bytes(void *opaque, Gva pc)
{
    uint64_t at = pc - (uint64_t)(uintptr_t)codes;
    return at < STRIDE * PROGRAMS ? (unsigned)(4096 - at % 4096) : 0;
}

static AccelCode code_page(void *opaque, Gva at, bool notice) { return ACCEL_CODE_STAYS; }

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    if (!accel_fault(cpu, sig, si, uc))
        signal(sig, SIG_DFL);
}

static void die(const Ref *f, const char *what)
{
    fprintf(stderr, "seed %lu: %s; fault %lu\n", (unsigned long)seed, what, n_faults);
    fprintf(stderr, "pc +%ld want +%ld, exit %u addr %lx want %lx\n",
            (long)(cpu->pc - (uint64_t)(uintptr_t)code), (long)(f->pc - (uint64_t)(uintptr_t)code),
            cpu->exit.kind, (unsigned long)cpu->exit.addr, (unsigned long)f->fault);
    for (unsigned k = 0; k < 8; k++)
        fprintf(stderr, "r%u %lx want %lx\n", k, (unsigned long)((TtCpu *)cpu)->r[k], (unsigned long)f->r[k]);
    for (const TtInsn *i = (const TtInsn *)(const void *)code;
         i < (const TtInsn *)(const void *)code + BODY + 3; i++)
        fprintf(stderr, "+%ld: {%u, %u, %u, %d}\n", (long)((const uint8_t *)i - code), i->op, i->a, i->b,
                i->imm);
    exit(1);
}

static void compare(const Ref *f, bool faulted)
{
    if (cpu->pc != f->pc)
        die(f, "pc");
    if (cpu->exit.kind != (faulted ? CPU_EXIT_FAULT : CPU_EXIT_SYSCALL) ||
        (faulted && cpu->exit.addr != f->fault))
        die(f, "exit");
    if (memcmp(((TtCpu *)cpu)->r, f->r, sizeof f->r))
        die(f, "registers");
    if ((((TtCpu *)cpu)->fl & TT_FL) != f->fl) {
        fprintf(stderr, "flags %x want %x\n", ((TtCpu *)cpu)->fl & TT_FL, f->fl);
        die(f, "flags");
    }
    if (memcmp(page, f->mem, sizeof f->mem))
        die(f, "memory");
}

/* ---- programs ---- */

static TtInsn random_insn(void)
{
    static const uint8_t ops[] = {TT_ADDI, TT_ADD,  TT_MUL,  TT_LD,   TT_LD,   TT_ST,   TT_LDP,
                                  TT_POST, TT_POP,  TT_STP,  TT_FADD, TT_MOVX, TT_CMP,  TT_CMP,
                                  TT_ADDS, TT_ADCS, TT_TST,  TT_NZC,  TT_NZC,  TT_CCMP, TT_CSEL,
                                  TT_SBCS, TT_ADC,  TT_ADCS, TT_MUL};
    TtInsn i = {.op = ops[rnd() % sizeof ops], .a = (uint8_t)(1 + rnd() % 4),
                .imm = (int8_t)(8 * (rnd() % 5) - 16)};
    unsigned k = (unsigned)(rnd() % 16);
    if (i.op >= TT_CMP)
        i.imm = (int8_t)rnd();
    i.b = i.op == TT_ADDI || i.op == TT_ADD || i.op == TT_MUL || i.op >= TT_CMP ? (uint8_t)(1 + rnd() % 4)
          : k == 0                                                              ? 5
          : k < 3                                                               ? 7
                                                                                : 6;
    if (i.op == TT_POP)
        i.a = (uint8_t)(1 + rnd() % 2);
    if (i.op == TT_MOVX)
        i.a = (uint8_t)(1 + rnd() % 3);
    if (i.op == TT_LDP) /* it overwrites its base: only where the base is lost anyway */
        i.b = (uint8_t)(k == 0 ? 7 : 1 + rnd() % 4);
    return i;
}

static void make_program(Ref *f)
{
    TtInsn *p = (TtInsn *)(void *)code;
    *f = (Ref){.pc = (uint64_t)(uintptr_t)code};
    for (unsigned k = 0; k < BODY; k++)
        p[k] = random_insn();
    if (rnd() % 2)
        /* a side exit */
        p[BODY / 2] = rnd() % 2 ? (TtInsn){TT_BNE, 1, 2, 3} : (TtInsn){TT_BCC, (uint8_t)(rnd() % 14), 0, 3};
    p[BODY] = (TtInsn){TT_ADDI, 0, 0, -1};
    p[BODY + 1] = (TtInsn){TT_BNE, 0, 5, -(BODY + 1)};
    if (rnd() % 2) { /* the loop's end decides by flags */
        p[BODY - 1] = p[BODY];
        p[BODY] = (TtInsn){TT_CMP, 0, 5, 0};
        p[BODY + 1] = (TtInsn){TT_BCC, IR_FL_NE, 0, -(BODY + 1)};
    }
    p[BODY + 2] = (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL};
    for (unsigned k = 0; k < WORDS; k++)
        f->mem[k] = rnd() % 3 ? rnd() : (uint64_t)(uintptr_t)&page[rnd() % WORDS];
    for (unsigned k = 1; k < 5; k++)
        f->r[k] = (uint64_t)(uintptr_t)&page[rnd() % WORDS];
    f->fl = (uint16_t)(rnd() & TT_FL);
    f->r[5] = 8;                                          /* never mapped */
    f->r[0] = f->r[5] + 1 + rnd() % LOOPS;
    f->r[6] = (uint64_t)(uintptr_t)&page[WORDS / 2];
    f->r[7] = (uint64_t)(uintptr_t)&page[WORDS - 1];      /* the second access of an instruction faults */
}

static void run_program(Accel *a)
{
    static Ref f;
    TtCpu *t = (TtCpu *)cpu;
    make_program(&f);
    uint64_t end = f.pc + 4 * (BODY + 2);
    memcpy(page, f.mem, sizeof f.mem);
    memcpy(t->r, f.r, sizeof f.r);
    t->fl = f.fl;
    cpu->pc = f.pc;
    accel_invalidate(a, f.pc, STRIDE);
    for (;;) {
        ref_run(&f, end);
        if (f.pc != end && !fault_ld8(f.fault).fault)
            return; /* a random address that something of this process happens to own */
        do
            accel_run(cpu);
        while (cpu->exit.kind == CPU_EXIT_KICK);
        compare(&f, f.pc != end);
        if (f.pc == end)
            return;
        n_faults++;
        f.pc += 4;
        cpu->pc += 4;
    }
}

int main(int argc, char **argv)
{
    unsigned long arg[4] = {0, 0, 1000, 1}; /* NO_OPT MAX_INSNS PROGRAMS SEED */
    for (int k = 2; k < argc && k < 6; k++)
        arg[k - 2] = strtoul(argv[k], NULL, 0);
    codes = mmap(NULL, STRIDE * PROGRAMS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page = mmap(NULL, 2 * GUARD + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    page += GUARD / sizeof *page;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    char err[128] = "";
    AccelConfig cfg = {.jit = argc > 1 && strcmp(argv[1], "dbt") == 0,
                       .no_opt = (uint32_t)arg[0],
                       .max_insns = (unsigned)arg[1],
                       .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    Accel *a = accel_new(&cfg, &target_toy, err, sizeof err);
    cpu = a ? accel_cpu_new(a) : NULL;
    if (!cpu) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    for (unsigned long n = 0; n < arg[2]; n++) {
        seed = arg[3] + n;
        code = codes + n % PROGRAMS * STRIDE;
        rng = seed * 0x9e3779b97f4a7c15ull | 1;
        run_program(a);
    }
    printf("%lu programs, %lu faults\n", arg[2], n_faults);
    accel_free(a);
    return n_faults == 0;
}
