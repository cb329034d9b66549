/*
 * Runner of the .ir files of this folder. Usage: run_ir FILE...
 *
 * A file holds cases, each begun by a line `; case NAME`. Its directives are comments; the rest is a region
 * in text form.
 *   ; error TEXT        ir_parse() refuses it, and the message contains TEXT. Nothing else is done.
 *   ; invalid TEXT      ir_verify() refuses it, and the message contains TEXT
 *   ; pass: NAME ...    dce, deadput: runs the passes and compares the text with the lines after `; expect`
 *   ; in SLOT=N ...     before the run; also mem+OFF=N: 8 bytes in a scratch page, whose address a slot gets
 *                       by SLOT=&OFF.
 *                       &4096 and up is not mapped, kick=1, ff=N, frm=N
 *                       A vector slot v0 is its low half, v0h its upper half.
 *   ; out SLOT=N ...    after the run, ends: exit=N, indirect=N, fault=OFF, helper, pc=N
 * Every case without `error` is printed, read back and printed again, which must give the same text; without
 * `invalid` it is verified, and if it has `out` it is run as it is and again after all passes.
 */
#include "tests/ir/toy.h"

#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { TEXT = 1 << 16, LINES = 64 };

typedef struct Case {
    char name[80];
    char text[TEXT], expect[TEXT];
    char error[128], invalid[128], pass[128];
    char in[LINES][256], out[LINES][256];
    unsigned n_in, n_out;
} Case;

static unsigned n_passed, n_failed;
static Arena arena;
static uint64_t val[IR_MAX_INSNS];
static char *page; /* one page, followed by nothing */

static bool check(bool ok, const Case *c, const char *what, const char *more)
{
    if (!ok) {
        printf("FAIL %s: %s\n%s\n", c->name, what, more);
        n_failed++;
    }
    return ok;
}

static IrRegion *parse(const char *text, char *err, size_t cap)
{
    return ir_parse(&arena, text, strlen(text), toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS, err, cap);
}

static const char *print(const IrRegion *r, char *buf)
{
    Fmt f = {.buf = buf, .cap = TEXT};
    buf[0] = 0;
    ir_print(r, &f);
    return buf;
}

static bool round_trip(const Case *c, const IrRegion *r)
{
    static char first[TEXT], second[TEXT];
    char err[128] = "";
    print(r, first);
    IrRegion *again = parse(first, err, sizeof err);
    return check(again != NULL, c, "own text is refused", err) &&
           check(strcmp(print(again, second), first) == 0, c, "round trip changes the text", second);
}

/* ---- running ---- */

static int slot_of(const char *name)
{
    for (int k = 0; k < TOY_SLOTS; k++)
        if (strcmp(toy_slots[k].name, name) == 0)
            return k;
    return -1;
}

static uint64_t number(const char *s)
{
    return *s == '&' ? (uint64_t)(uintptr_t)page + strtoull(s + 1, NULL, 0) : strtoull(s, NULL, 0);
}

/* One KEY=VALUE: sets it (want false), or compares it. */
static bool apply(const Case *c, ToyCpu *cpu, const IrRegion *r, const IrRun *run, char *word, bool want)
{
    char *eq = strchr(word, '='), copy[256];
    snprintf(copy, sizeof copy, "%s", word);
    if (!want && !check(eq != NULL, c, "no value in", copy))
        return false;
    uint64_t v = eq ? number(eq + 1) : 0, is;
    if (eq)
        *eq = 0;
    int slot = slot_of(word);
    if (want && strcmp(word, "exit") == 0)
        return check(run->kind == IR_RUN_EXIT && run->exit == v, c, "not left by", copy);
    if (want && strcmp(word, "indirect") == 0)
        return check(run->kind == IR_RUN_INDIRECT && run->pc == v, c, "not left by", copy);
    if (want && strcmp(word, "fault") == 0)
        return check(run->kind == IR_RUN_FAULT && run->addr == (uint64_t)(uintptr_t)page + v, c,
                     "no fault as in", copy);
    if (want && strcmp(word, "helper") == 0)
        return check(run->kind == IR_RUN_HELPER, c, "not left by", copy);
    if (want && strcmp(word, "pc") == 0)
        return check(run->pc == v, c, "other pc than", copy);
    uint64_t *high = NULL; /* v0h: the upper half of vector slot v0 */
    if (slot < 0 && word[0] == 'v' && word[1] && word[2] == 'h') {
        word[2] = 0;
        slot = slot_of(word);
        high = slot >= TOY_V ? &cpu->v[slot - TOY_V].w[1] : NULL;
        slot = -1;
    }
    uint32_t *word32 = strcmp(word, "kick") == 0 ? &cpu->kick
                       : strcmp(word, "ff") == 0 ? &cpu->ff
                       : strcmp(word, "frm") == 0 ? &cpu->frm : NULL;
    char *mem = high                            ? (char *)high
                : strncmp(word, "mem+", 4) == 0 ? page + strtoul(word + 4, NULL, 0)
                                                : NULL;
    if (!check(slot >= 0 || word32 || mem, c, "unknown key", copy))
        return false;
    if (want) {
        is = slot >= 0 ? toy_slot_get(cpu, (unsigned)slot) : word32 ? *word32 : ld_u64(mem);
        char more[400];
        snprintf(more, sizeof more, "want %s, is 0x%llx", copy, (unsigned long long)is);
        return check(is == v, c, "result", more);
    }
    if (slot >= 0)
        toy_slot_set(cpu, (unsigned)slot, v);
    else if (word32)
        *word32 = (uint32_t)v;
    else
        memcpy(mem, &v, sizeof v);
    return true;
}

static bool apply_all(const Case *c, ToyCpu *cpu, const IrRegion *r, const IrRun *run, bool want)
{
    unsigned n = want ? c->n_out : c->n_in;
    for (unsigned k = 0; k < n; k++) {
        char line[256], *save = NULL;
        snprintf(line, sizeof line, "%s", want ? c->out[k] : c->in[k]);
        for (char *w = strtok_r(line, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
            if (!apply(c, cpu, r, run, w, want))
                return false;
    }
    return true;
}

static bool run(const Case *c, const IrRegion *r)
{
    ToyCpu cpu = {0};
    IrRun result;
    memset(page, 0, 4096);
    if (!apply_all(c, &cpu, r, NULL, false))
        return false;
    toy_run(&cpu, r, val, 100, &result);
    return apply_all(c, &cpu, r, &result, true);
}

/* ---- cases ---- */

static bool run_passes(const Case *c, IrRegion *r, const char *names)
{
    char err[256] = "";
    Fmt f = FMT_ON(err);
    IrRegion *before = ir_region_copy(&arena, r);
    if (strstr(names, "deadput"))
        ir_opt_dead_puts(r);
    if (strstr(names, "dce"))
        ir_opt_dce(r);
    return check(ir_verify(r, &f), c, "the passes broke it", err) &&
           check(ir_verify_same_effects(before, r, &f), c, "the passes changed effects", err);
}

static bool run_case(const Case *c)
{
    static char text[TEXT];
    char err[256] = "";
    Fmt f = FMT_ON(err);
    arena_reset(&arena);
    IrRegion *r = parse(c->text, err, sizeof err);
    if (c->error[0])
        return check(!r && strstr(err, c->error), c, "expected another error than", err);
    if (!check(r != NULL, c, "parse", err) || !round_trip(c, r))
        return false;
    bool ok = ir_verify(r, &f);
    if (c->invalid[0])
        return check(!ok && strstr(err, c->invalid), c, "expected another violation than", err);
    if (!check(ok, c, "verify", err))
        return false;
    if (c->n_out && !run(c, r))
        return false;
    if (c->pass[0]) {
        if (!run_passes(c, r, c->pass))
            return false;
        /* only the blocks: the head is as it was */
        const char *body = strstr(print(r, text), "block 0:");
        if (!check(body && strcmp(body, c->expect) == 0, c, "after the passes", text))
            return false;
    }
    return !c->n_out || (run_passes(c, r, "deadput dce") && run(c, r));
}

static bool directive(const char *line, const char *key, const char **ret_rest)
{
    size_t n = strlen(key);
    if (strncmp(line, "; ", 2) != 0 || strncmp(line + 2, key, n) != 0 ||
        (line[2 + n] != ' ' && line[2 + n] != '\n' && line[2 + n] != ':'))
        return false;
    *ret_rest = line + 2 + n + strspn(line + 2 + n, ": ");
    return true;
}

static void copy_line(char *to, size_t cap, const char *from)
{
    snprintf(to, cap, "%.*s", (int)strcspn(from, "\n"), from);
}

static void add_line(Case *c, const char *line, bool *expect)
{
    const char *rest;
    if (directive(line, "error", &rest))
        copy_line(c->error, sizeof c->error, rest);
    else if (directive(line, "invalid", &rest))
        copy_line(c->invalid, sizeof c->invalid, rest);
    else if (directive(line, "pass", &rest))
        copy_line(c->pass, sizeof c->pass, rest);
    else if (directive(line, "in", &rest) && c->n_in < LINES)
        copy_line(c->in[c->n_in++], sizeof c->in[0], rest);
    else if (directive(line, "out", &rest) && c->n_out < LINES)
        copy_line(c->out[c->n_out++], sizeof c->out[0], rest);
    else if (directive(line, "expect", &rest))
        *expect = true;
    else if (!*expect || (line[0] != ';' && line[0] != '\n'))
        strncat(*expect ? c->expect : c->text, line, TEXT - 1 - strlen(*expect ? c->expect : c->text));
}

static void run_file(const char *path)
{
    static Case c;
    FILE *f = fopen(path, "r");
    char line[1024];
    bool expect = false;
    if (!f) {
        printf("FAIL cannot open %s\n", path);
        n_failed++;
        return;
    }
    c.name[0] = 0;
    for (;;) {
        const char *rest = NULL;
        bool more = fgets(line, sizeof line, f) != NULL;
        if (!more || directive(line, "case", &rest)) {
            if (c.name[0] && run_case(&c))
                n_passed++;
            if (!more)
                break;
            memset(&c, 0, sizeof c);
            copy_line(c.name, sizeof c.name, rest);
            expect = false;
        } else {
            add_line(&c, line, &expect);
        }
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    if (!arena_init(&arena, 16 << 20))
        return 2;
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + 4096, 4096, PROT_NONE); /* not a hole: the C library might map something there */
    toy_catch_faults();
    for (int k = 1; k < argc; k++)
        run_file(argv[k]);
    printf("%u passed, %u failed\n", n_passed, n_failed);
    return n_failed != 0 || n_passed == 0;
}
