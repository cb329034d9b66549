/* Emits every function of the x86-64 encoder with random operands. Writes DIR/code.bin (the bytes) and
 * DIR/expected.txt, one line per instruction: its length in bytes, flags, and the text a disassembler in
 * Intel syntax must print. check_x64_asm.py compares the two with the help of objdump and as.
 *
 * Flags: "-" none; "b" branch (its text depends on the address); "l" may be longer than what as picks.
 * Usage: test_x64_asm DIR [SEED] */
#include "tcg/host/x86_64/asm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF = 4 << 20, ROUNDS = 24 };

typedef struct Test {
    X64Asm a;
    uint8_t *last;
    FILE *text;
    uint64_t seed;
} Test;

static uint64_t rnd(Test *t)
{
    t->seed ^= t->seed << 13;
    t->seed ^= t->seed >> 7;
    t->seed ^= t->seed << 17;
    return t->seed * 0x2545f4914f6cdd1dull >> 16;
}

static int pick(Test *t, int n)
{
    return (int)(rnd(t) % (unsigned)n);
}

static int any_w(Test *t) { return 8 << pick(t, 4); }
static int wide_w(Test *t) { return 16 << pick(t, 3); }
static int big_w(Test *t) { return 32 << pick(t, 2); }
static int gpr(Test *t) { return pick(t, 16); }

/* ---- text ---- */

static char *text_buf(void)
{
    static char bufs[16][96];
    static unsigned next;
    return bufs[next++ % 16];
}

static const char *reg_name(int w, int reg)
{
    static const char low[8][4] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    char *s = text_buf();
    if (reg >= 8) {
        sprintf(s, "r%d%s", reg, w == 8 ? "b" : w == 16 ? "w" : w == 32 ? "d" : "");
    } else if (w == 8) {
        sprintf(s, reg < 4 ? "%.1sl" : "%sl", low[reg]);
    } else {
        sprintf(s, "%s%s", w == 64 ? "r" : w == 32 ? "e" : "", low[reg]);
    }
    return s;
}

static const char *vec_name(char kind, int reg)
{
    char *s = text_buf();
    sprintf(s, "%cmm%d", kind, reg);
    return s;
}

static const char *xmm(int reg)
{
    return vec_name('x', reg);
}

static const char *imm_text(int w, int64_t imm)
{
    char *s = text_buf();
    uint64_t v = w == 64 ? (uint64_t)imm : (uint64_t)imm & ((1ull << w) - 1);
    sprintf(s, "0x%llx", (unsigned long long)v);
    return s;
}

/* size in bits of the access, 0 for none (lea), 128 XMMWORD, 256 YMMWORD, 512 ZMMWORD */
static const char *mem_text(int size, X64Mem m)
{
    static const struct {
        int bits;
        const char name[12];
    } sizes[] = {{8, "BYTE"},      {16, "WORD"},     {32, "DWORD"},    {64, "QWORD"},
                 {128, "XMMWORD"}, {256, "YMMWORD"}, {512, "ZMMWORD"}, {129, "OWORD"}};
    char *s = text_buf(), *p = s;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (size == sizes[i].bits)
            p += sprintf(p, "%s PTR ", sizes[i].name);
    }
    if (m.seg)
        p += sprintf(p, "%s:", m.seg == X64_SEG_FS ? "fs" : "gs");
    if (m.base == X64_NO_REG && m.index < 0) {
        sprintf(p, m.seg ? "0x%llx" : "ds:0x%llx", (unsigned long long)(int64_t)m.disp);
        return s;
    }
    p += sprintf(p, "[");
    if (m.base == X64_RIP) {
        if (m.disp)
            sprintf(p, "rip+0x%llx]", (unsigned long long)(int64_t)m.disp);
        else
            sprintf(p, "rip]");
        return s;
    }
    if (m.base >= 0)
        p += sprintf(p, "%s", reg_name(64, m.base));
    if (m.index >= 0)
        p += sprintf(p, "%s%s*%d", m.base >= 0 ? "+" : "", reg_name(64, m.index), 1 << m.scale);
    if (m.disp)
        p += sprintf(p, "%c0x%x", m.disp < 0 ? '-' : '+', m.disp < 0 ? -(uint32_t)m.disp : (uint32_t)m.disp);
    sprintf(p, "]");
    return s;
}

/* Random memory operand; displacements sit on the borders of the encodings. */
static X64Mem any_mem(Test *t)
{
    static const int32_t disps[] = {0, 0, 1, -1, 8, 127, 128, -128, -129, 0x1000, INT32_MAX, INT32_MIN + 1};
    X64Mem m = X64_MEM(gpr(t), disps[pick(t, 12)]);
    int shape = pick(t, 10);
    if (shape == 0)
        m.base = X64_RIP;
    if (shape == 1 || shape == 2)
        m.base = X64_NO_REG;
    if (shape >= 2 && shape < 7) {
        do {
            m.index = (int8_t)gpr(t);
        } while (m.index == X64_RSP);
        m.scale = (uint8_t)pick(t, 4);
    }
    if (pick(t, 16) == 0)
        m.seg = pick(t, 2) ? X64_SEG_FS : X64_SEG_GS;
    return m;
}

static int32_t any_imm(Test *t, int w)
{
    static const int32_t imms[] = {0,   1,   -1,    127,    128,        -128,     -129,
                                   255, 256, 32767, -32768, 0x12345678, INT32_MIN};
    int32_t v = imms[pick(t, 13)];
    return w == 8 ? (int8_t)v : w == 16 ? (int16_t)v : v;
}

__attribute__((format(printf, 3, 4))) static void expect(Test *t, char flag, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(t->text, "%d %c ", (int)(t->a.p - t->last), flag);
    vfprintf(t->text, fmt, ap);
    fputc('\n', t->text);
    va_end(ap);
    t->last = t->a.p;
}

#define E(...) expect(t, '-', __VA_ARGS__)

/* ---- integer ---- */

static const char alu_names[8][4] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

static void test_alu(Test *t)
{
    X64Asm *a = &t->a;
    for (int alu = X64_ADD; alu <= X64_CMP; alu++) {
        int w = any_w(t), d = gpr(t), s = gpr(t);
        const char *name = alu_names[alu];
        X64Mem m = any_mem(t);
        x64_alu_rr(a, w, alu, d, s);
        E("%s %s,%s", name, reg_name(w, d), reg_name(w, s));
        x64_alu_rm(a, w, alu, d, m);
        E("%s %s,%s", name, reg_name(w, d), mem_text(w, m));
        x64_alu_mr(a, w, alu, m, s);
        E("%s %s,%s", name, mem_text(w, m), reg_name(w, s));
        int32_t imm = any_imm(t, w);
        int dst = pick(t, 4) ? d : X64_RAX;
        x64_alu_ri(a, w, alu, dst, imm);
        E("%s %s,%s", name, reg_name(w, dst), imm_text(w, imm));
        x64_alu_mi(a, w, alu, m, imm);
        E("%s %s,%s", name, mem_text(w, m), imm_text(w, imm));
        if (alu != X64_CMP) {
            x64_lock_alu_mr(a, w, alu, m, s);
            E("lock %s %s,%s", name, mem_text(w, m), reg_name(w, s));
        }
    }
}

static void test_unary(Test *t)
{
    static const char names[8][8] = {"", "", "not", "neg", "mul", "imul", "div", "idiv"};
    X64Asm *a = &t->a;
    for (int kind = X64_NOT; kind <= X64_IDIV; kind++) {
        int w = any_w(t), d = gpr(t);
        X64Mem m = any_mem(t);
        x64_grp3_r(a, w, kind, d);
        E("%s %s", names[kind], reg_name(w, d));
        x64_grp3_m(a, w, kind, m);
        E("%s %s", names[kind], mem_text(w, m));
    }
    int w = any_w(t), d = gpr(t), s = gpr(t);
#define UNARY(fn, text)                                                                                      \
    fn(a, w, d);                                                                                             \
    E(text " %s", reg_name(w, d))
    UNARY(x64_mul, "mul");
    UNARY(x64_imul1, "imul");
    UNARY(x64_div, "div");
    UNARY(x64_idiv, "idiv");
    UNARY(x64_neg, "neg");
    UNARY(x64_not, "not");
    UNARY(x64_inc, "inc");
    UNARY(x64_dec, "dec");
#undef UNARY
    w = wide_w(t);
    X64Mem m = any_mem(t);
    int32_t imm = any_imm(t, w);
    x64_imul_rr(a, w, d, s);
    E("imul %s,%s", reg_name(w, d), reg_name(w, s));
    x64_imul_rm(a, w, d, m);
    E("imul %s,%s", reg_name(w, d), mem_text(w, m));
    x64_imul_rri(a, w, d, s, imm);
    E("imul %s,%s,%s", reg_name(w, d), reg_name(w, s), imm_text(w, imm));
#define PLAIN(name) x64_##name(a), E(#name)
    PLAIN(cqo), PLAIN(cdq), PLAIN(lahf), PLAIN(cmc), PLAIN(stc), PLAIN(clc);
#undef PLAIN
}

static void test_test(Test *t)
{
    X64Asm *a = &t->a;
    int w = any_w(t), x = gpr(t), y = gpr(t);
    int32_t imm = any_imm(t, w);
    X64Mem m = any_mem(t);
    x64_test_rr(a, w, x, y);
    E("test %s,%s", reg_name(w, x), reg_name(w, y));
    x64_test_mr(a, w, m, y);
    E("test %s,%s", mem_text(w, m), reg_name(w, y));
    int r = pick(t, 3) ? x : X64_RAX;
    x64_test_ri(a, w, r, imm);
    E("test %s,%s", reg_name(w, r), imm_text(w, imm));
    x64_test_mi(a, w, m, imm);
    E("test %s,%s", mem_text(w, m), imm_text(w, imm));
    static const char bt_names[4][4] = {"bt", "bts", "btr", "btc"};
    int kind = X64_BT + pick(t, 4);
    w = wide_w(t);
    int bit = pick(t, w);
    x64_bt_ri(a, w, kind, x, bit);
    E("%s %s,%s", bt_names[kind - X64_BT], reg_name(w, x), imm_text(8, bit));
    x64_bt_mi(a, w, kind, m, bit);
    E("%s %s,%s", bt_names[kind - X64_BT], mem_text(w, m), imm_text(8, bit));
    x64_bt_rr(a, w, kind, x, y);
    E("%s %s,%s", bt_names[kind - X64_BT], reg_name(w, x), reg_name(w, y));
}

static void test_moves(Test *t)
{
    X64Asm *a = &t->a;
    int w = any_w(t), d = gpr(t), s = gpr(t);
    X64Mem m = any_mem(t);
    x64_mov_rr(a, w, d, s);
    E("mov %s,%s", reg_name(w, d), reg_name(w, s));
    x64_mov_rm(a, w, d, m);
    E("mov %s,%s", reg_name(w, d), mem_text(w, m));
    x64_mov_mr(a, w, m, s);
    E("mov %s,%s", mem_text(w, m), reg_name(w, s));
    int32_t imm = any_imm(t, w);
    x64_mov_mi(a, w, m, imm);
    E("mov %s,%s", mem_text(w, m), imm_text(w, imm));

    static const uint64_t values[] = {
        0,           1,          0x7fffffff,          0x80000000,         0xffffffff,
        0x100000000, ~0ull,      0xffffffff80000000u, 0xffffffff7fffffff, 1ull << 63,
        0x123456789, ~0ull << 40};
    uint64_t v = values[pick(t, 12)];
    x64_mov_ri(a, 32, d, v);
    E("mov %s,%s", reg_name(32, d), imm_text(32, (int64_t)v));
    x64_mov_ri(a, 64, d, v);
    if (v == (uint32_t)v)
        E("mov %s,%s", reg_name(32, d), imm_text(32, (int64_t)v));
    else
        E("%s %s,%s", (int64_t)v == (int32_t)v ? "mov" : "movabs", reg_name(64, d), imm_text(64, (int64_t)v));
    uint8_t *site = x64_movabs(a, d, 0);
    memcpy(site, &v, 8);
    expect(t, 'l', "movabs %s,%s", reg_name(64, d), imm_text(64, (int64_t)v));

    int w_src = 8 << pick(t, 2), w_dst = big_w(t);
    x64_movzx_rr(a, w_src, d, s);
    E("movzx %s,%s", reg_name(32, d), reg_name(w_src, s));
    x64_movzx_rm(a, w_src, d, m);
    E("movzx %s,%s", reg_name(32, d), mem_text(w_src, m));
    x64_movzx_rr(a, 32, d, s);
    E("mov %s,%s", reg_name(32, d), reg_name(32, s));
    x64_movzx_rm(a, 32, d, m);
    E("mov %s,%s", reg_name(32, d), mem_text(32, m));
    x64_movsx_rr(a, w_dst, w_src, d, s);
    E("movsx %s,%s", reg_name(w_dst, d), reg_name(w_src, s));
    x64_movsx_rm(a, w_dst, w_src, d, m);
    E("movsx %s,%s", reg_name(w_dst, d), mem_text(w_src, m));
    x64_movsx_rr(a, 64, 32, d, s);
    E("movsxd %s,%s", reg_name(64, d), reg_name(32, s));
    x64_movsx_rm(a, 64, 32, d, m);
    E("movsxd %s,%s", reg_name(64, d), mem_text(32, m));
}

static const char cc_names[16][4] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                     "s", "ns", "p", "np", "l", "ge", "le", "g"};

static void test_moves2(Test *t)
{
    X64Asm *a = &t->a;
    int w = wide_w(t), d = gpr(t), s = gpr(t), cc = pick(t, 16);
    X64Mem m = any_mem(t);
    m.seg = 0;
    x64_lea(a, w, d, m);
    E("lea %s,%s", reg_name(w, d), mem_text(0, m));
    x64_push(a, d);
    E("push %s", reg_name(64, d));
    x64_pop(a, d);
    E("pop %s", reg_name(64, d));
    x64_cmovcc_rr(a, w, cc, d, s);
    E("cmov%s %s,%s", cc_names[cc], reg_name(w, d), reg_name(w, s));
    x64_cmovcc_rm(a, w, cc, d, m);
    E("cmov%s %s,%s", cc_names[cc], reg_name(w, d), mem_text(w, m));
    x64_setcc(a, cc, d);
    E("set%s %s", cc_names[cc], reg_name(8, d));
    w = big_w(t);
    x64_bswap(a, w, d);
    E("bswap %s", reg_name(w, d));
    w = any_w(t);
    x64_xchg_rr(a, w, d, s);
    expect(t, 'l', "xchg %s,%s", reg_name(w, d), reg_name(w, s));
    x64_xchg_mr(a, w, m, s);
    E("xchg %s,%s", mem_text(w, m), reg_name(w, s));
}

static void test_shifts(Test *t)
{
    static const struct {
        int kind;
        const char name[4];
    } kinds[] = {{X64_ROL, "rol"}, {X64_ROR, "ror"}, {X64_RCL, "rcl"}, {X64_RCR, "rcr"},
                 {X64_SHL, "shl"}, {X64_SHR, "shr"}, {X64_SAR, "sar"}};
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), c = gpr(t);
    for (int i = 0; i < 7; i++) {
        int w = any_w(t), n = pick(t, 3) ? 2 + pick(t, w - 2) : 1;
        x64_shift_ri(a, w, kinds[i].kind, d, n);
        if (n == 1)
            E("%s %s,1", kinds[i].name, reg_name(w, d));
        else
            E("%s %s,%s", kinds[i].name, reg_name(w, d), imm_text(8, n));
        x64_shift_rcl(a, w, kinds[i].kind, d);
        E("%s %s,cl", kinds[i].name, reg_name(w, d));
    }
    int w = wide_w(t), n = pick(t, w);
    x64_shld_ri(a, w, d, s, n);
    E("shld %s,%s,%s", reg_name(w, d), reg_name(w, s), imm_text(8, n));
    x64_shrd_ri(a, w, d, s, n);
    E("shrd %s,%s,%s", reg_name(w, d), reg_name(w, s), imm_text(8, n));
    w = big_w(t);
#define TERNARY(fn, text)                                                                                    \
    fn(a, w, d, s, c);                                                                                       \
    E(text " %s,%s,%s", reg_name(w, d), reg_name(w, s), reg_name(w, c))
    TERNARY(x64_shlx, "shlx");
    TERNARY(x64_shrx, "shrx");
    TERNARY(x64_sarx, "sarx");
    TERNARY(x64_mulx, "mulx");
    TERNARY(x64_andn, "andn");
    TERNARY(x64_pext, "pext");
    TERNARY(x64_pdep, "pdep");
#undef TERNARY
    x64_rorx(a, w, d, s, n);
    E("rorx %s,%s,%s", reg_name(w, d), reg_name(w, s), imm_text(8, n));
    x64_blsr(a, w, d, s);
    E("blsr %s,%s", reg_name(w, d), reg_name(w, s));
    w = wide_w(t);
#define BINARY(fn, text)                                                                                     \
    fn(a, w, d, s);                                                                                          \
    E(text " %s,%s", reg_name(w, d), reg_name(w, s))
    BINARY(x64_bsf, "bsf");
    BINARY(x64_bsr, "bsr");
    BINARY(x64_tzcnt, "tzcnt");
    BINARY(x64_lzcnt, "lzcnt");
    BINARY(x64_popcnt, "popcnt");
#undef BINARY
}

static void test_atomics(Test *t)
{
    X64Asm *a = &t->a;
    int w = any_w(t), s = gpr(t);
    X64Mem m = any_mem(t);
    x64_lock_cmpxchg(a, w, m, s);
    E("lock cmpxchg %s,%s", mem_text(w, m), reg_name(w, s));
    x64_cmpxchg(a, w, m, s);
    E("cmpxchg %s,%s", mem_text(w, m), reg_name(w, s));
    x64_lock_xadd(a, w, m, s);
    E("lock xadd %s,%s", mem_text(w, m), reg_name(w, s));
    x64_xadd(a, w, m, s);
    E("xadd %s,%s", mem_text(w, m), reg_name(w, s));
    x64_lock_cmpxchg16b(a, m);
    E("lock cmpxchg16b %s", mem_text(129, m));
    x64_mfence(a);
    E("mfence");
    x64_lock_or_rsp(a);
    E("lock or DWORD PTR [rsp],0x0");
}

static unsigned long long offset(Test *t, const uint8_t *p)
{
    return (unsigned long long)(p - t->a.start);
}

static void test_flow(Test *t)
{
    X64Asm *a = &t->a;
    int cc = pick(t, 16), r = gpr(t);
    X64Mem m = any_mem(t);
    const uint8_t *far = a->start + pick(t, (int)(a->p - a->start) + 1), *near = a->p - pick(t, 100);
    if (near < a->start)
        near = a->start;
#define SITE(emit, patch, target, ...)                                                                       \
    do {                                                                                                     \
        uint8_t *site = emit;                                                                                \
        patch(site, target);                                                                                 \
        expect(t, 'b', __VA_ARGS__);                                                                         \
    } while (0)
    SITE(x64_call_rel32(a), x64_patch32, far, "call 0x%llx", offset(t, far));
    SITE(x64_jmp_rel32(a), x64_patch32, far, "jmp 0x%llx", offset(t, far));
    SITE(x64_jcc_rel32(a, cc), x64_patch32, far, "j%s 0x%llx", cc_names[cc], offset(t, far));
    SITE(x64_jmp_rel8(a), x64_patch8, near, "jmp 0x%llx", offset(t, near));
    SITE(x64_jcc_rel8(a, cc), x64_patch8, near, "j%s 0x%llx", cc_names[cc], offset(t, near));
#undef SITE
    x64_jmp_to(a, far);
    expect(t, 'b', "jmp 0x%llx", offset(t, far));
    x64_jcc_to(a, cc, far);
    expect(t, 'b', "j%s 0x%llx", cc_names[cc], offset(t, far));
    near = a->p - 126;
    if (near >= a->start) {
        x64_jmp_to(a, near);
        if (a->p - t->last != 2)
            abort();
        expect(t, 'b', "jmp 0x%llx", offset(t, near));
    }
    x64_call_r(a, r);
    E("call %s", reg_name(64, r));
    x64_call_m(a, m);
    E("call %s", mem_text(64, m));
    x64_jmp_r(a, r);
    E("jmp %s", reg_name(64, r));
    x64_jmp_m(a, m);
    E("jmp %s", mem_text(64, m));
    x64_ret(a);
    E("ret");
    x64_int3(a);
    E("int3");
    x64_ud2(a);
    E("ud2");
    x64_ldmxcsr(a, m);
    E("ldmxcsr %s", mem_text(32, m));
    x64_stmxcsr(a, m);
    E("stmxcsr %s", mem_text(32, m));
}

/* Nops: any length must decode to nops only, of at most 9 bytes. */
static void test_nops(Test *t)
{
    static const char *const names[] = {
        "nop",
        "xchg ax,ax",
        "nop DWORD PTR [rax]",
        "nop DWORD PTR [rax]",
        "nop DWORD PTR [rax+rax*1]",
        "nop WORD PTR [rax+rax*1]",
        "nop DWORD PTR [rax]",
        "nop DWORD PTR [rax+rax*1]",
        "nop WORD PTR [rax+rax*1]",
    };
    for (int n = 1; n <= 20; n++) {
        X64Asm *a = &t->a;
        x64_nop(a, n);
        uint8_t *end = a->p;
        if (end - t->last != n)
            abort();
        for (int left = n; left > 0;) {
            int k = left < 9 ? left : 9;
            a->p = t->last + k;
            expect(t, 'l', "%s", names[k - 1]);
            left -= k;
        }
        a->p = end;
    }
    x64_align(&t->a, 16);
    if (((uintptr_t)t->a.p & 15) != 0)
        abort();
    t->a.p = t->last;
}

/* ---- vector ---- */

static const char fmt_names[4][4] = {"ps", "pd", "ss", "sd"};
static const int fmt_bits[4] = {128, 128, 32, 64};

static void test_farith(Test *t)
{
    static const struct {
        int op;
        const char name[8];
    } ops[] = {{X64_FSQRT, "sqrt"}, {X64_FADD, "add"}, {X64_FMUL, "mul"}, {X64_FSUB, "sub"},
               {X64_FMIN, "min"},   {X64_FDIV, "div"}, {X64_FMAX, "max"}};
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), s2 = gpr(t);
    X64Mem m = any_mem(t);
    for (int fmt = 0; fmt < 4; fmt++) {
        for (int i = 0; i < 7; i++) {
            const char *n = ops[i].name, *f = fmt_names[fmt];
            x64_farith_rr(a, fmt, ops[i].op, d, s);
            E("%s%s %s,%s", n, f, xmm(d), xmm(s));
            x64_farith_rm(a, fmt, ops[i].op, d, m);
            E("%s%s %s,%s", n, f, xmm(d), mem_text(fmt_bits[fmt], m));
            if (ops[i].op == X64_FSQRT && fmt < X64_SS)
                continue; /* packed square root has two operands */
            x64_vfarith_rrr(a, fmt, ops[i].op, d, s, s2);
            E("v%s%s %s,%s,%s", n, f, xmm(d), xmm(s), xmm(s2));
            x64_vfarith_rrm(a, fmt, ops[i].op, d, s, m);
            E("v%s%s %s,%s,%s", n, f, xmm(d), xmm(s), mem_text(fmt_bits[fmt], m));
        }
    }
#define NAMED(n)                                                                                             \
    x64_##n(a, d, s);                                                                                        \
    E(#n " %s,%s", xmm(d), xmm(s))
    NAMED(addss), NAMED(addsd), NAMED(addps), NAMED(addpd);
    NAMED(subss), NAMED(subsd), NAMED(subps), NAMED(subpd);
    NAMED(mulss), NAMED(mulsd), NAMED(mulps), NAMED(mulpd);
    NAMED(divss), NAMED(divsd), NAMED(divps), NAMED(divpd);
    NAMED(sqrtss), NAMED(sqrtsd), NAMED(sqrtps), NAMED(sqrtpd);
    NAMED(minss), NAMED(minsd), NAMED(minps), NAMED(minpd);
    NAMED(maxss), NAMED(maxsd), NAMED(maxps), NAMED(maxpd);
    NAMED(pxor), NAMED(por), NAMED(pand), NAMED(pandn), NAMED(pcmpeqd), NAMED(unpcklps), NAMED(movddup);
    NAMED(cvtsd2ss), NAMED(cvtss2sd);
#undef NAMED
}

static void test_fma(Test *t)
{
    static const char kinds[4][8] = {"fmadd", "fmsub", "fnmadd", "fnmsub"};
    static const char orders[3][4] = {"132", "213", "231"};
    for (int i = 0; i < 48; i++) {
        int fmt = i & 3, kind = i >> 2 & 3, order = i >> 4, d = gpr(t), s = gpr(t), s2 = gpr(t);
        X64Mem m = any_mem(t);
        x64_fma_rrr(&t->a, fmt, X64_FMADD + kind * 2, X64_132 + order * 16, d, s, s2);
        E("v%s%s%s %s,%s,%s", kinds[kind], orders[order], fmt_names[fmt], xmm(d), xmm(s), xmm(s2));
        x64_fma_rrm(&t->a, fmt, X64_FMADD + kind * 2, X64_132 + order * 16, d, s, m);
        E("v%s%s%s %s,%s,%s", kinds[kind], orders[order], fmt_names[fmt], xmm(d), xmm(s),
          mem_text(fmt_bits[fmt], m));
    }
}

static void test_vec_moves(Test *t)
{
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), w = big_w(t), n = pick(t, 2);
    X64Mem m = any_mem(t);
#define LOAD(fn, text, bits)                                                                                 \
    fn(a, d, m);                                                                                             \
    E(text " %s,%s", xmm(d), mem_text(bits, m))
#define STORE(fn, text, bits)                                                                                \
    fn(a, m, s);                                                                                             \
    E(text " %s,%s", mem_text(bits, m), xmm(s))
    LOAD(x64_movss_rm, "movss", 32);
    LOAD(x64_movsd_rm, "movsd", 64);
    LOAD(x64_movaps_rm, "movaps", 128);
    LOAD(x64_movups_rm, "movups", 128);
    LOAD(x64_movq_rm, "movq", 64);
    STORE(x64_movss_mr, "movss", 32);
    STORE(x64_movsd_mr, "movsd", 64);
    STORE(x64_movaps_mr, "movaps", 128);
    STORE(x64_movups_mr, "movups", 128);
    STORE(x64_movq_mr, "movq", 64);
#undef LOAD
#undef STORE
    x64_movaps_rr(a, d, s);
    E("movaps %s,%s", xmm(d), xmm(s));
    x64_movq_rr(a, d, s);
    E("movq %s,%s", xmm(d), xmm(s));
    x64_movs_merge_rr(a, X64_SS + n, d, s);
    E("movs%c %s,%s", "sd"[n], xmm(d), xmm(s));
    x64_movd_xr(a, w, d, s);
    E("mov%c %s,%s", w == 64 ? 'q' : 'd', xmm(d), reg_name(w, s));
    x64_movd_rx(a, w, d, s);
    E("mov%c %s,%s", w == 64 ? 'q' : 'd', reg_name(w, d), xmm(s));
    x64_movmskps(a, d, s);
    E("movmskps %s,%s", reg_name(32, d), xmm(s));
    x64_movmskpd(a, d, s);
    E("movmskpd %s,%s", reg_name(32, d), xmm(s));
    x64_pinsr(a, w, d, s, n);
    E("pinsr%c %s,%s,%s", w == 64 ? 'q' : 'd', xmm(d), reg_name(w, s), imm_text(8, n));
    x64_pextr(a, w, d, s, n);
    E("pextr%c %s,%s,%s", w == 64 ? 'q' : 'd', reg_name(w, d), xmm(s), imm_text(8, n));
}

static void test_fp_other(Test *t)
{
    static const char *const preds[] = {"eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"};
    static const char logic[4][8] = {"and", "andn", "or", "xor"};
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), w = big_w(t), n = pick(t, 2), fmt = X64_SS + n, bits = 32 << n;
    const char *f = fmt_names[fmt];
    X64Mem m = any_mem(t);
    x64_ucomis_rr(a, fmt, d, s);
    E("ucomis%c %s,%s", f[1], xmm(d), xmm(s));
    x64_ucomis_rm(a, fmt, d, m);
    E("ucomis%c %s,%s", f[1], xmm(d), mem_text(bits, m));
    x64_comis_rr(a, fmt, d, s);
    E("comis%c %s,%s", f[1], xmm(d), xmm(s));
    x64_comis_rm(a, fmt, d, m);
    E("comis%c %s,%s", f[1], xmm(d), mem_text(bits, m));
    int pred = pick(t, 8);
    x64_cmps_rr(a, fmt, pred, d, s);
    E("cmp%ss%c %s,%s", preds[pred], f[1], xmm(d), xmm(s));
    int imm = 4 + pick(t, 12);
    x64_rounds_rr(a, fmt, d, s, imm);
    E("rounds%c %s,%s,%s", f[1], xmm(d), xmm(s), imm_text(8, imm));
    x64_roundss(a, d, s, imm);
    E("roundss %s,%s,%s", xmm(d), xmm(s), imm_text(8, imm));
    x64_roundsd(a, d, s, imm);
    E("roundsd %s,%s,%s", xmm(d), xmm(s), imm_text(8, imm));
    x64_cvtsi2sd(a, w, d, s);
    E("cvtsi2sd %s,%s", xmm(d), reg_name(w, s));
    x64_cvtsi2ss(a, w, d, s);
    E("cvtsi2ss %s,%s", xmm(d), reg_name(w, s));
#define TO_INT(n2)                                                                                           \
    x64_##n2(a, w, d, s);                                                                                    \
    E(#n2 " %s,%s", reg_name(w, d), xmm(s))
    TO_INT(cvttsd2si), TO_INT(cvttss2si), TO_INT(cvtsd2si), TO_INT(cvtss2si);
#undef TO_INT
    for (int op = X64_FAND; op <= X64_FXOR; op++) {
        x64_flogic_rr(a, n, op, d, s);
        E("%sp%c %s,%s", logic[op - X64_FAND], f[1], xmm(d), xmm(s));
        x64_flogic_rm(a, n, op, d, m);
        E("%sp%c %s,%s", logic[op - X64_FAND], f[1], xmm(d), mem_text(128, m));
    }
}

static void test_lanes(Test *t)
{
    static const struct {
        int op;
        const char name[12];
    } ops[] = {{X64_PUNPCKLBW, "punpcklbw"},
               {X64_PUNPCKLWD, "punpcklwd"},
               {X64_PUNPCKLDQ, "punpckldq"},
               {X64_PCMPEQB, "pcmpeqb"},
               {X64_PCMPEQW, "pcmpeqw"},
               {X64_PCMPEQD, "pcmpeqd"},
               {X64_PADDQ, "paddq"},
               {X64_PUNPCKLQDQ, "punpcklqdq"},
               {X64_PAND, "pand"},
               {X64_PANDN, "pandn"},
               {X64_POR, "por"},
               {X64_PXOR, "pxor"},
               {X64_PSUBD, "psubd"},
               {X64_PSUBQ, "psubq"},
               {X64_PADDD, "paddd"}};
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), imm = pick(t, 128);
    X64Mem m = any_mem(t);
    for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        x64_pint_rr(a, ops[i].op, d, s);
        E("%s %s,%s", ops[i].name, xmm(d), xmm(s));
        x64_pint_rm(a, ops[i].op, d, m);
        E("%s %s,%s", ops[i].name, xmm(d), mem_text(128, m));
    }
    x64_pshufd(a, d, s, imm);
    E("pshufd %s,%s,%s", xmm(d), xmm(s), imm_text(8, imm));
    for (int w = 32; w <= 64; w += 32) {
        x64_psll_ri(a, w, d, imm);
        E("psll%c %s,%s", w == 64 ? 'q' : 'd', xmm(d), imm_text(8, imm));
        x64_psrl_ri(a, w, d, imm);
        E("psrl%c %s,%s", w == 64 ? 'q' : 'd', xmm(d), imm_text(8, imm));
    }
}

/* The generic forms with opcodes that have no name: SSSE3/SSE4.1 maps, AVX with both lengths and W. */
static void test_generic(Test *t)
{
    X64Asm *a = &t->a;
    int d = gpr(t), s = gpr(t), s2 = gpr(t), imm = pick(t, 256), l = pick(t, 2);
    char k = "xy"[l];
    X64Mem m = any_mem(t);
    x64_sse_rm_imm8(a, X64_P66, X64_0F, 0x70, 0, d, m, imm);
    E("pshufd %s,%s,%s", xmm(d), mem_text(128, m), imm_text(8, imm));
    x64_sse_rr(a, X64_P66, X64_0F38, 0x00, 0, d, s);
    E("pshufb %s,%s", xmm(d), xmm(s));
    x64_sse_rr(a, X64_PF2, X64_0F38, 0xf1, 64, d, s);
    E("crc32 %s,%s", reg_name(64, d), reg_name(64, s));
    x64_vex_rrr(a, X64_P66, X64_0F, 0xfe, 0, l, d, s, s2);
    E("vpaddd %s,%s,%s", vec_name(k, d), vec_name(k, s), vec_name(k, s2));
    x64_vex_rrm(a, X64_P66, X64_0F, 0xfe, 0, l, d, s, m);
    E("vpaddd %s,%s,%s", vec_name(k, d), vec_name(k, s), mem_text(128 << l, m));
    x64_vex_rrr(a, X64_P66, X64_0F38, 0x47, 64, l, d, s, s2);
    E("vpsllvq %s,%s,%s", vec_name(k, d), vec_name(k, s), vec_name(k, s2));
    x64_vex_rrr_imm8(a, X64_P66, X64_0F3A, 0x0f, 0, l, d, s, s2, imm);
    E("vpalignr %s,%s,%s,%s", vec_name(k, d), vec_name(k, s), vec_name(k, s2), imm_text(8, imm));
    x64_vex_rrm_imm8(a, X64_P66, X64_0F3A, 0x0f, 0, l, d, s, m, imm);
    E("vpalignr %s,%s,%s,%s", vec_name(k, d), vec_name(k, s), mem_text(128 << l, m), imm_text(8, imm));
    x64_vex_rrr(a, X64_P66, X64_0F38, 0x13, 0, l, d, 0, s); /* no src1 */
    E("vcvtph2ps %s,%s", vec_name(k, d), xmm(s));
}

static void test_evex(Test *t)
{
    static const char rounding[4][8] = {"rn-sae", "rd-sae", "ru-sae", "rz-sae"};
    X64Asm *a = &t->a;
    for (int i = 0; i < 8; i++) {
        int d = pick(t, 32), s = pick(t, 32), s2 = pick(t, 32), ll = pick(t, 3), mask = pick(t, 8);
        X64Evex e = {.ll = (uint8_t)ll, .mask = (uint8_t)mask, .zero = mask ? pick(t, 2) : 0};
        char k = "xyz"[ll], suffix[16] = "";
        if (mask)
            sprintf(suffix, "{k%d}%s", mask, e.zero ? "{z}" : "");
        /* low registers without mask would also have a VEX form, which as prefers */
        if (!mask && ll < 2)
            d |= 16;
        x64_evex_rrr(a, X64_PNONE, X64_0F, 0x58, 0, e, d, s, s2);
        E("vaddps %s%s,%s,%s", vec_name(k, d), suffix, vec_name(k, s), vec_name(k, s2));
        x64_evex_rrr(a, X64_P66, X64_0F38, 0x46, 64, e, d, s, s2);
        E("vpsravq %s%s,%s,%s", vec_name(k, d), suffix, vec_name(k, s), vec_name(k, s2));
        X64Mem m = any_mem(t);
        if (m.disp > -4096 && m.disp < 4096)
            m.disp *= 16;
        e.disp8 = (uint8_t)(4 + ll);
        x64_evex_rrm(a, X64_P66, X64_0F, 0x58, 64, e, d, s, m);
        E("vaddpd %s%s,%s,%s", vec_name(k, d), suffix, vec_name(k, s), mem_text(128 << ll, m));
        e.b = 1;
        e.disp8 = 3;
        x64_evex_rrm(a, X64_P66, X64_0F, 0x58, 64, e, d, s, m);
        const char *mem = mem_text(64, m) + 10; /* without "QWORD PTR " */
        E("vaddpd %s%s,%s,QWORD BCST %s", vec_name(k, d), suffix, vec_name(k, s), mem);
        e.ll = (uint8_t)pick(t, 4);
        x64_evex_rrr(a, X64_P66, X64_0F, 0x58, 64, e, d, s, s2);
        E("vaddpd %s%s,%s,%s{%s}", vec_name('z', d), suffix, vec_name('z', s), vec_name('z', s2),
          rounding[e.ll]);
    }
}

/* A full buffer: the flag is set, nothing is written past the end, the cursor stands. */
static void test_overflow(void)
{
    uint8_t buf[128];
    X64Asm a;
    memset(buf, 0xaa, sizeof(buf));
    x64_init(&a, buf, 64);
    for (int i = 0; i < 100; i++) {
        x64_mov_ri(&a, 64, X64_R9, 0x123456789abcdef0);
        x64_patch32(x64_jmp_rel32(&a), buf);
    }
    if (!a.overflow || a.p > a.end || a.end - a.p >= X64_ROOM)
        abort();
    for (int i = 64; i < 128; i++) {
        if (buf[i] != 0xaa)
            abort();
    }
}

int main(int argc, char **argv)
{
    static void (*const groups[])(Test *) = {
        test_alu,      test_unary, test_test,    test_moves,  test_moves2, test_shifts,
        test_atomics,  test_flow,  test_nops,    test_farith, test_fma,    test_vec_moves,
        test_fp_other, test_lanes, test_generic, test_evex,
    };
    char path[4096];
    if (argc < 2)
        return 2;
    Test *t = calloc(1, sizeof(*t));
    t->seed = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 0x9e3779b97f4a7c15;
    x64_init(&t->a, aligned_alloc(64, BUF), BUF);
    t->last = t->a.p;
    snprintf(path, sizeof(path), "%s/expected.txt", argv[1]);
    t->text = fopen(path, "w");
    if (!t->text)
        return 1;
    test_overflow();
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
            groups[i](t);
    }
    if (t->a.overflow || fclose(t->text))
        return 1;
    snprintf(path, sizeof(path), "%s/code.bin", argv[1]);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(t->a.start, 1, x64_size(&t->a), f) != x64_size(&t->a) || fclose(f))
        return 1;
    free(t->a.start);
    free(t);
    return 0;
}
