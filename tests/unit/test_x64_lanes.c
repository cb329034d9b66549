/* As test_x64_asm.c, for the integer vectors (asm_lanes.def): every row in every form it has, with random
 * operands, next to the text that a disassembler must print. Usage: test_x64_lanes DIR [SEED] */
#include "tcg/host/x86_64/asm.h"
#include "tcg/host/x86_64/asm_lanes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF = 4 << 20, ROUNDS = 16 };

static X64Asm a;
static uint8_t *last;
static FILE *text;
static uint64_t seed = 0x9e3779b97f4a7c15;

static int pick(int n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int)((seed * 0x2545f4914f6cdd1dull >> 16) % (unsigned)n);
}

/* The instruction just emitted. 'l': as may find a shorter form. */
static void expect(char flag, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(text, "%d %c ", (int)(a.p - last), flag);
    vfprintf(text, fmt, ap);
    fputc('\n', text);
    va_end(ap);
    last = a.p;
}

enum Kind { BIN, COM, UNA, BINI, UNAI, BINIW, VBIN, VUNA, VBINW, EBIN, EUNA, EBINI, EBINW, EUNAW };

static const struct Row {
    unsigned op;
    uint8_t kind;
    char name[16];
} rows[] = {
#define X(NAME, text, pp, map, opc, kind) {XL_##NAME, kind, text},
#include "tcg/host/x86_64/asm_lanes.def"
#undef X
};

static bool one_source(unsigned kind)
{
    return kind == UNA || kind == UNAI || kind == VUNA || kind == EUNA || kind == EUNAW;
}
static bool with_imm(unsigned kind) { return kind == BINI || kind == UNAI || kind == BINIW || kind == EBINI; }

static void finish(const struct Row *r, char flag, const char *operands)
{
    int imm = pick(256);
    if (with_imm(r->kind))
        x64_lane_imm(&a, imm);
    if (with_imm(r->kind))
        expect(flag, "%s,0x%x", operands, (unsigned)imm);
    else
        expect(flag, "%s", operands);
}

static void row_forms(const struct Row *r)
{
    int d = pick(16), x = pick(16), y = pick(16);
    X64Mem m = X64_MEM(X64_RBX, 16 * (pick(7) + 1));
    char s[80], mem[40];
    sprintf(mem, "XMMWORD PTR [rbx+0x%x]", (unsigned)m.disp);
    bool mem_whole = !one_source(r->kind) || r->kind >= EBIN;
    if (r->op == XL_INSERTPS)
        mem_whole = false; /* reads four bytes */
    if (r->kind < VBIN) {
        x64_lane_rr(&a, r->op, d, x);
        sprintf(s, "%s xmm%d,xmm%d", r->name, d, x);
        finish(r, '-', s);
        if (mem_whole) {
            x64_lane_rm(&a, r->op, d, m);
            sprintf(s, "%s xmm%d,%s", r->name, d, mem);
            finish(r, '-', s);
        }
    }
    if (one_source(r->kind)) {
        x64_lane_rrr(&a, r->op, d, 0, y);
        sprintf(s, "v%s xmm%d,xmm%d", r->name, d, y);
        finish(r, '-', s);
    } else {
        x64_lane_rrr(&a, r->op, d, x, y);
        sprintf(s, "v%s xmm%d,xmm%d,xmm%d", r->name, d, x, y);
        finish(r, r->kind == COM ? 'l' : '-', s);
    }
    if (mem_whole && one_source(r->kind)) {
        x64_lane_rrm(&a, r->op, d, 0, m);
        sprintf(s, "v%s xmm%d,%s", r->name, d, mem);
        finish(r, '-', s);
    } else if (mem_whole) {
        x64_lane_rrm(&a, r->op, d, x, m);
        sprintf(s, "v%s xmm%d,xmm%d,%s", r->name, d, x, mem);
        finish(r, '-', s);
    }
}

static void test_shifts(void)
{
    static const struct {
        int opc, digit;
        char name[8];
    } shifts[] = {{0x71, 2, "psrlw"},  {0x71, 4, "psraw"}, {0x71, 6, "psllw"}, {0x72, 2, "psrld"},
                  {0x72, 4, "psrad"},  {0x72, 6, "pslld"}, {0x73, 2, "psrlq"}, {0x73, 6, "psllq"},
                  {0x73, 3, "psrldq"}, {0x73, 7, "pslldq"}};
    for (unsigned k = 0; k < sizeof(shifts) / sizeof(shifts[0]); k++) {
        int d = pick(16), x = pick(16), imm = pick(64);
        x64_lane_shift(&a, false, shifts[k].opc, shifts[k].digit, d, 0, imm);
        expect('-', "%s xmm%d,0x%x", shifts[k].name, d, (unsigned)imm);
        x64_lane_shift(&a, true, shifts[k].opc, shifts[k].digit, d, x, imm);
        expect('-', "v%s xmm%d,xmm%d,0x%x", shifts[k].name, d, x, (unsigned)imm);
    }
    int d = pick(16), x = pick(16), imm = pick(64);
    x64_vprol_ri(&a, 32, d, x, imm);
    expect('-', "vprold xmm%d,xmm%d,0x%x", d, x, (unsigned)imm);
    x64_vprol_ri(&a, 64, d, x, imm);
    expect('-', "vprolq xmm%d,xmm%d,0x%x", d, x, (unsigned)imm);
    x64_vpsraq_ri(&a, d, x, imm);
    expect('-', "vpsraq xmm%d,xmm%d,0x%x", d, x, (unsigned)imm);
}

static const char *gpr(int w, int r)
{
    static const char low[8][4] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    static char s[8];
    if (r >= 8)
        sprintf(s, "r%d%s", r, w == 64 ? "" : "d");
    else
        sprintf(s, "%c%s", w == 64 ? 'r' : 'e', low[r]);
    return s;
}

static void test_others(void)
{
    static const char blend[3][12] = {"vblendvps", "vblendvpd", "vpblendvb"};
    int d = pick(16), x = pick(16), y = pick(16), m = pick(16), r = pick(16), imm = pick(256);
    for (int k = 0; k < 3; k++) {
        x64_vblendv(&a, 0x4a + k, d, x, y, m);
        expect('-', "%s xmm%d,xmm%d,xmm%d,xmm%d", blend[k], d, x, y, m);
    }
    x64_vpmovqd(&a, 0x25, d, x);
    expect('-', "vpmovsqd xmm%d,xmm%d", d, x);
    x64_vpmovqd(&a, 0x15, d, x);
    expect('-', "vpmovusqd xmm%d,xmm%d", d, x);
    for (int k = 0, w = 8; k < 4; k++, w *= 2) {
        char c = "bwdq"[k];
        x64_vpbroadcast_r(&a, w, d, r);
        expect('-', "vpbroadcast%c xmm%d,%s", c, d, gpr(w, r));
        x64_lane_get(&a, w, r, x, imm);
        expect('-', "pextr%c %s,xmm%d,0x%x", c, gpr(w, r), x, (unsigned)imm);
        x64_lane_set(&a, false, w, d, d, r, imm);
        expect('-', "pinsr%c xmm%d,%s,0x%x", c, d, gpr(w, r), (unsigned)imm);
        x64_lane_set(&a, true, w, d, x, r, imm);
        expect('-', "vpinsr%c xmm%d,xmm%d,%s,0x%x", c, d, x, gpr(w, r), (unsigned)imm);
    }
}

static void test_crc32(void)
{
    static const char byte[16][5] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
                                     "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"};
    int d = pick(16), s = pick(16);
    char to[8];
    sprintf(to, "%s", gpr(32, d));
    x64_crc32_rr(&a, 8, d, s);
    expect('-', "crc32 %s,%s", to, byte[s]);
    x64_crc32_rr(&a, 32, d, s);
    expect('-', "crc32 %s,%s", to, gpr(32, s));
    sprintf(to, "%s", gpr(64, d));
    x64_crc32_rr(&a, 64, d, s);
    expect('-', "crc32 %s,%s", to, gpr(64, s));
    x64_crc32_rr(&a, 16, X64_RDX, X64_RSI);
    expect('-', "crc32 edx,si");
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 2)
        return 2;
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 0) | 1;
    x64_init(&a, aligned_alloc(64, BUF), BUF);
    last = a.p;
    snprintf(path, sizeof(path), "%s/expected.txt", argv[1]);
    text = fopen(path, "w");
    if (!text)
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
            row_forms(&rows[k]);
        test_shifts();
        test_others();
        test_crc32();
    }
    if (a.overflow || fclose(text))
        return 1;
    snprintf(path, sizeof(path), "%s/code.bin", argv[1]);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(a.start, 1, x64_size(&a), f) != x64_size(&a) || fclose(f))
        return 1;
    return 0;
}
