/* As x86_rows.c, for the rows of AVX-512 (x86_evex.def, x86_mask.def): random instructions of every row with
 * random vector and mask registers, MXCSR and memory, every length, masks, broadcasts and rounding; what they
 * leave is printed. Run natively and on the emulator the output must be the same (test_x86_rows.py compares).
 *
 * usage: evex_rows SEED COUNT [ROW]    as x86_rows. Not compared: vrcp14, vrsqrt14, of which the manual
 * bounds the error only; of a gather that faults, what is above its elements. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "target/x86/x86_decode.h"
#include "target/x86/x86_evex.h"
#include "tests/insn/x86/x86_random.h"

typedef struct RowInfo {
    const char *id, *name;
    int map, pfx, opc, ext, attr, evex, handler, arg, opd[3], lane, source;
} RowInfo;
enum {
    D64 = X86_D64,
    LOCK = X86_LOCK,
    MEM = X86_MEM,
    REG = X86_REG,
    W0 = X86_W0,
    W1 = X86_W1,
    RM = X86_RM,
    REP = X86_REP,
    NDS = X86_NDS,
    L0 = X86_L0,
    L1 = X86_L1,
    VSIB = X86_VSIB,
    O32 = X86_O32,
    SYS = X86_SYS,
    O64 = X86_O64
};
enum {
    K = X86_EV_K,
    KM = X86_EV_KM,
    BC = X86_EV_BC,
    ER = X86_EV_ER,
    SAE = X86_EV_SAE,
    L12 = X86_EV_L12,
    L2 = X86_EV_L2,
    LIG = X86_EV_LIG,
    NF = X86_EV_NF
};
static const RowInfo rows[] = {
#define EVEX(id, map, pfx, opc, ext, attr, evex, name, handler, arg, a, b, c, lane, source, feat)            \
    {#id,                                                                                                    \
     name,                                                                                                   \
     X86_MAP_##map,                                                                                          \
     X86_PFX_##pfx,                                                                                          \
     opc,                                                                                                    \
     ext,                                                                                                    \
     attr,                                                                                                   \
     evex,                                                                                                   \
     X86_H_##handler,                                                                                        \
     arg,                                                                                                    \
     {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c},                                                                \
     lane,                                                                                                   \
     source},
#define INSN(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c)                                      \
    EVEX(id, map, pfx, opc, ext, attr, 0, name, handler, arg, a, b, c, 0, 0, 0)
#include "target/x86/x86_rows.inc"
#undef INSN
};

typedef struct State {
    uint64_t gpr[16], flags, mxcsr, pad[6];
    uint64_t zmm[32][8], k[8];
} State;

State st_in, st_out;
uint64_t host_sp, target;
void run_one(void), leave(void);
enum { AREA = 0x50000000, CODE = 0x58000000, CODE_BYTES = 64 << 20, BUF = AREA + 2048, SHOWN = 4096 };

__asm__(
    ".macro zmms op\n.irp "
    "n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "\\op \\n\n.endr\n.endm\n"
    ".macro zload n\nvmovdqu64 st_in+192+64*\\n(%rip), %zmm\\n\n.endm\n"
    ".macro zstore n\nvmovdqu64 %zmm\\n, st_out+192+64*\\n(%rip)\n.endm\n"
    ".macro kload n\nkmovq st_in+2240+8*\\n(%rip), %k\\n\n.endm\n"
    ".macro kstore n\nkmovq %k\\n, st_out+2240+8*\\n(%rip)\n.endm\n"
    ".macro ks op\n.irp n,0,1,2,3,4,5,6,7\n\\op \\n\n.endr\n.endm\n"
    ".macro gpr reg n\nmov st_in+8*\\n(%rip), %\\reg\n.endm\n"
    ".macro out reg n\nmov %\\reg, st_out+8*\\n(%rip)\n.endm\n"
    ".macro gprs op\n\\op rcx 1\n\\op rdx 2\n\\op rbx 3\n\\op rbp 5\n\\op rsi 6\n\\op rdi 7\n\\op r8 8\n\\op "
    "r9 9\n"
    "\\op r10 10\n\\op r11 11\n\\op r12 12\n\\op r13 13\n\\op r14 14\n\\op r15 15\n.endm\n"
    ".text\n.globl run_one, leave\nrun_one:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, host_sp(%rip)\nzmms zload\nks kload\nldmxcsr st_in+136(%rip)\ngprs gpr\n"
    "push st_in+128(%rip); popfq\nmov st_in(%rip), %rax\njmp *target(%rip)\nleave:\n"
    "mov %rax, st_out(%rip)\npushfq; pop st_out+128(%rip)\ngprs out\nmov host_sp(%rip), %rsp\n"
    "stmxcsr st_out+136(%rip)\nzmms zstore\nks kstore\nvzeroupper; movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static int got_signal;
static void on_signal(int sig, siginfo_t *si, void *uc)
{
    (void)si;
    got_signal = sig;
    ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)leave;
}

static bool has_where(const RowInfo *r, unsigned where)
{
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_where[r->opd[k]] == where)
            return true;
    return false;
}

static bool uses_vvvv(const RowInfo *r)
{
    return r->attr & NDS || has_where(r, X86_WH_H) || has_where(r, X86_WH_KV);
}

static uint8_t *put_prefix(const RowInfo *r, uint8_t *q, unsigned rex, unsigned index, bool mem)
{
    static const uint8_t pp[] = {[X86_PFX_66] = 1, [X86_PFX_F3] = 2, [X86_PFX_F2] = 3};
    bool w = r->attr & W1 || (!(r->attr & W0) && rnd() % 2);
    unsigned v = uses_vvvv(r) ? rnd() % (r->map >= X86_MAP_E0F ? 32 : 8) : 0;
    if (r->map < X86_MAP_E0F) {
        *q++ = 0xc4;
        *q++ = (uint8_t)((rex & 4 ? 0 : 0x80) | 0x40 | (rex & 1 ? 0 : 0x20) | (r->map - X86_MAP_V0F + 1));
        *q++ = (uint8_t)(w << 7 | (~v & 15) << 3 | (r->attr & L1 ? 4 : 0) | pp[r->pfx]);
        return q;
    }
    unsigned vl = r->attr & L0 ? 0 : r->evex & L2 ? 2 : r->evex & L12 ? 1 + rnd() % 2 : rnd() % 3;
    unsigned mask = r->evex & KM ? 1 + rnd() % 7 : r->evex & K && rnd() % 4 ? rnd() % 8 : 0;
    bool can_b = mem ? r->evex & BC : r->evex & (ER | SAE), b = can_b && rnd() % 3 == 0;
    bool z = mask && r->evex & K && rnd() % 3 == 0,
         high = rnd() % 2 && !has_where(r, X86_WH_KG) && !has_where(r, X86_WH_G);
    bool x = mem ? index & 8 : rnd() % 2 && (has_where(r, X86_WH_W) || has_where(r, X86_WH_U));
    if (b && !mem)
        vl = rnd() % 4;
    if (r->attr & VSIB)
        v = (index & 16) | (v & 15);
    *q++ = 0x62;
    *q++ = (uint8_t)((rex & 4 ? 0 : 0x80) | (x ? 0 : 0x40) | (rex & 1 ? 0 : 0x20) | (high ? 0 : 0x10) |
                     (r->map - X86_MAP_E0F + 1));
    *q++ = (uint8_t)(w << 7 | (~v & 15) << 3 | 4 | pp[r->pfx]);
    *q++ = (uint8_t)(z << 7 | vl << 5 | b << 4 | (v & 16 ? 0 : 8) | mask);
    return q;
}

/* Base registers of memory operands: rbx, rbp, rdi, r11 point into the buffer; r14 is a small index. */
static unsigned encode(const RowInfo *r, uint8_t *p)
{
    static const uint8_t bases[] = {3, 5, 7, 11};
    uint8_t *q = p, base = bases[rnd() % 4];
    bool mem = r->attr & MEM || (!(r->attr & REG) && rnd() % 2), sib = r->attr & VSIB || rnd() % 4 == 0;
    unsigned index = r->attr & VSIB ? rnd() % 32 : 14, rex = rnd() & 5;
    uint8_t modrm = (uint8_t)rnd();
    if (r->ext >= 0)
        modrm = (uint8_t)((modrm & 0xc7) | r->ext << 3);
    if (has_where(r, X86_WH_KG) || has_where(r, X86_WH_KV))
        rex &= 1;
    if (!mem && (has_where(r, X86_WH_KE)))
        rex &= 4;
    if (mem) {
        modrm = (uint8_t)((modrm & 0x38) | 0x40 | (sib ? 4 : base & 7));
        rex = base & 8 ? rex | 1 : rex & ~1u;
    } else {
        modrm |= 0xc0;
    }
    q = put_prefix(r, q, rex, sib ? index : 0, mem);
    if (r->map < X86_MAP_E0F && mem && sib)
        p[1] &= 0xbf;
    *q++ = (uint8_t)r->opc;
    *q++ = modrm;
    if (mem && sib)
        *q++ = (uint8_t)((rnd() & 0xc0) | (index & 7) << 3 | (base & 7));
    if (mem)
        *q++ = (uint8_t)(rnd() % 16 - 8);
    if (has_where(r, X86_WH_I))
        *q++ = (uint8_t)(rnd() % 2 ? rnd() : rnd() % 8);
    return (unsigned)(q - p);
}

static bool good(const RowInfo *r, const uint8_t *p, unsigned n, X86Insn *x)
{
    if (x86_decode(p, n, X86_MODE_64, x) != X86_OK || x->len != n || strcmp(x86_row_name(x->row), r->name) ||
        x->row->map != r->map || x->row->opc != r->opc || x->row->pfx != r->pfx ||
        (int)x->row->attr != r->attr || x->row->evex != r->evex || x->row->ext != r->ext)
        return false;
    for (unsigned k = 0; k < 3; k++) { /* not rsp */
        unsigned where = x86_opd_where[r->opd[k]];
        if ((where == X86_WH_G && x->reg == 4) ||
            ((where == X86_WH_E || where == X86_WH_RY) && x->mod == 3 && x->rm == 4))
            return false;
    }
    return !(r->attr & VSIB && (unsigned)x->index == x->reg);
}

static void set_index(const RowInfo *r, unsigned index)
{
    for (unsigned i = 0; i < 64 >> r->source; i++) {
        int64_t v = (int64_t)(rnd() % 256) - 128;
        memcpy((char *)st_in.zmm[index] + (i << r->source), &v, 1u << r->source);
    }
}

static uint64_t mask_value(void)
{
    switch (rnd() % 4) {
    case 0: return ~0ull;
    case 1: return rnd() % 4 ? rnd() & rnd() & rnd() : 0;
    default: return rnd();
    }
}

static void set_state(const RowInfo *r, const X86Insn *x)
{
    for (unsigned k = 0; k < 16; k++)
        st_in.gpr[k] = value();
    uint64_t base =
        rnd() % 5 == 0 ? AREA + 8192 - rnd() % 256 : BUF + rnd() % 3 * 64 + (rnd() % 4 ? 0 : rnd() % 64);
    st_in.gpr[3] = st_in.gpr[5] = st_in.gpr[7] = st_in.gpr[11] = base;
    st_in.gpr[14] = rnd() % 3 * 64;
    st_in.flags = (rnd() & 0x8d5) | 2;
    st_in.mxcsr =
        0x1f80 | (rnd() % 4) << 13 | (rnd() % 4 ? 0 : rnd() & 0x8040) | (rnd() % 4 ? 0 : rnd() & 0x3f);
    bool in_c = r->handler == X86_H_evc && r->arg != EV_SCALEF;
    if (rnd() % 6 == 0 && !x86_sae(x) && (in_c || r->evex & LIG)) /* of the others see docs/status.md */
        st_in.mxcsr &= ~(rnd() & 0x1f80);
    for (unsigned k = 0; k < 32; k++)
        for (unsigned i = 0; i < 4; i++)
            fill16((uint8_t *)st_in.zmm[k] + 16 * i);
    for (unsigned k = 0; k < 8; k++)
        st_in.k[k] = mask_value();
    if (r->attr & VSIB)
        set_index(r, (unsigned)x->index);
    for (unsigned k = 0; k < 8192; k += 16)
        fill16((uint8_t *)AREA + k);
}

static void print_state(bool all, int sig)
{
    uint64_t h = 0xcbf29ce484222325;
    st_out.flags &= 0x8d5;
    const struct {
        const void *p;
        size_t n;
    } part[] = {{&st_out, sizeof st_out}, {(void *)AREA, 8192}, {&sig, 4}};
    for (unsigned k = 0; k < ARRAY_SIZE(part); k++)
        for (size_t i = 0; i < part[k].n; i++)
            h = (h ^ ((const uint8_t *)part[k].p)[i]) * 0x100000001b3;
    printf(" %016lx\n", (unsigned long)h);
    if (!all)
        return;
    printf("  sig %d flags %lx mxcsr %lx (before %lx %lx)\n", sig, (unsigned long)st_out.flags,
           (unsigned long)st_out.mxcsr, (unsigned long)st_in.flags, (unsigned long)st_in.mxcsr);
    for (unsigned k = 0; k < 16; k++)
        printf("  r%u %016lx (before %016lx)\n", k, (unsigned long)st_out.gpr[k],
               (unsigned long)st_in.gpr[k]);
    for (unsigned k = 0; k < 8; k++)
        printf("  k%u %016lx (before %016lx)\n", k, (unsigned long)st_out.k[k], (unsigned long)st_in.k[k]);
    for (unsigned k = 0; k < 32; k++)
        for (unsigned i = 0; i < 8; i++)
            printf("  z%u.%u %016lx (before %016lx)\n", k, i, (unsigned long)st_out.zmm[k][i],
                   (unsigned long)st_in.zmm[k][i]);
    for (unsigned at = 0; at < 8192; at += 8)
        printf("  m%d %016lx\n", (int)at - 2048, *(unsigned long *)(uintptr_t)(AREA + at));
}

static bool left_out(const RowInfo *r)
{
    return !x86_avx512((unsigned)r->map, (unsigned)r->handler) ||
           (r->handler == X86_H_evc && (r->arg == EV_RCP14 || r->arg == EV_RSQRT14));
}

static void run_row(unsigned n, unsigned count, bool all, uint8_t **code)
{
    const RowInfo *r = &rows[n];
    for (unsigned k = 0; k < count; k++) {
        uint8_t bytes[32];
        X86Insn x;
        unsigned len = 0, tries = 0;
        do
            len = encode(r, bytes);
        while (!good(r, bytes, len, &x) && ++tries < 400);
        if (tries == 400) {
            printf("%u %s %s no encoding\n", n, r->id, r->name);
            return;
        }
        set_state(r, &x);
        memcpy(*code, bytes, len);
        (*code)[len] = 0xe9; /* jmp leave */
        int32_t rel = (int32_t)((intptr_t)leave - (intptr_t)(*code + len + 5));
        memcpy(*code + len + 1, &rel, 4);
        target = (uint64_t)*code;
        *code += 32;
        got_signal = 0;
        memset(&st_out, 0, sizeof st_out);
        printf("%u %s %s ", n, r->id, r->name);
        for (unsigned i = 0; i < len; i++)
            printf("%02x", bytes[i]);
        run_one();
        if (got_signal && r->attr & VSIB &&
            r->opd[0] != X86_OPD_Mx) { /* above the elements: the manual does not say */
            unsigned used = (16u << x.vl) >> MAX(r->lane, r->source) << r->lane;
            memset((char *)st_out.zmm[x.reg] + used, 0, 64 - used);
        }
        print_state(all, got_signal);
    }
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    static uint8_t stack[65536];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    const int sigs[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS};
    for (unsigned k = 0; k < 4; k++)
        sigaction(sigs[k], &sa, NULL);
    if (mmap((void *)AREA, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
            MAP_FAILED ||
        mmap((void *)CODE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return 2;
    uint8_t *code = (uint8_t *)CODE;
    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        seed = first * 1000003 + n;
        if (!left_out(&rows[n]) && (argc < 4 || (unsigned)atoi(argv[3]) == n))
            run_row(n, count, argc > 3, &code);
    }
    return 0;
}
