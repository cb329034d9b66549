/* The items of -d and -no-opt: words that stand for bits. Numbers. */
#include "linux-user/options_items.h"

#include "base/fmt.h"
#include "linux-user/options.h"

typedef struct NamedBit {
    char name[13];
    uint8_t kind; /* which word the bit is in */
    uint32_t bit;
    char text[64];
} NamedBit;

enum { BIT_LU = 1, BIT_ACCEL, BIT_OPT, BIT_NOTHING, BIT_REFUSED };

/* NOTHING: about machines, or parts that there are not; others write nothing for them either where they run a
 * program, and lists of items have them all the same. */
static const NamedBit log_items[] = {
    {"strace", BIT_LU, LU_LOG_STRACE, "system calls, as they are made"},
    {"unimp", BIT_LU, LU_LOG_UNIMP, "instructions and system calls that are not supported"},
    {"in_asm", BIT_ACCEL, ACCEL_LOG_IN_ASM, "guest instructions, as they are translated"},
    {"ir", BIT_ACCEL, ACCEL_LOG_IR, "what they become between guest and host"},
    {"op", BIT_ACCEL, ACCEL_LOG_IR, "the same"},
    {"op_opt", BIT_ACCEL, ACCEL_LOG_IR, "the same"},
    {"out_asm", BIT_ACCEL, ACCEL_LOG_OUT_ASM, "host instructions in hexadecimal, for tinamou-disas"},
    {"cpu", BIT_ACCEL, ACCEL_LOG_CPU, "registers, where the translator's own code enters a region"},
    {"stats", BIT_ACCEL, ACCEL_LOG_STATS, "figures of the translator and hot regions, at the end"},
    {"exec", BIT_ACCEL, ACCEL_LOG_EXEC, "address of each region that the translator's own code enters"},
    {"kept", BIT_ACCEL, ACCEL_LOG_KEPT, "of -cache: what is kept is compared with new translations"},
    {"nochain", BIT_OPT, ACCEL_NO_CHAIN | ACCEL_NO_JUMP_CACHE | ACCEL_NO_RETURN_STACK,
     "no log: the translator's own code enters every region"},
    {"op_ind", BIT_NOTHING, 0, ""},
    {"op_plugin", BIT_NOTHING, 0, ""},
    {"int", BIT_NOTHING, 0, ""},
    {"fpu", BIT_REFUSED, 0, ""},
    {"mmu", BIT_NOTHING, 0, ""},
    {"pcall", BIT_NOTHING, 0, ""},
    {"cpu_reset", BIT_REFUSED, 0, ""},
    {"guest_errors", BIT_NOTHING, 0, ""},
    {"page", BIT_REFUSED, 0, ""},
    {"plugin", BIT_NOTHING, 0, ""},
    {"tid", BIT_REFUSED, 0, ""},
    {"vpu", BIT_REFUSED, 0, ""},
    {"invalid_mem", BIT_NOTHING, 0, ""},
};

static const NamedBit no_opt_items[] = {
    {"pins", BIT_OPT, ACCEL_NO_PINS, ""},
    {"chain", BIT_OPT, ACCEL_NO_CHAIN, ""},
    {"jump-cache", BIT_OPT, ACCEL_NO_JUMP_CACHE, ""},
    {"return-stack", BIT_OPT, ACCEL_NO_RETURN_STACK, ""},
    {"loops", BIT_OPT, ACCEL_NO_LOOPS, ""},
    {"superblock", BIT_OPT, ACCEL_NO_SUPERBLOCK, ""},
    {"fold", BIT_OPT, ACCEL_NO_FOLD, ""},
    {"lazy-nan", BIT_OPT, ACCEL_NO_LAZY_NAN, ""},
    {"lazy-flags", BIT_OPT, ACCEL_NO_LAZY_FLAGS, ""},
    {"loop-pins", BIT_OPT, ACCEL_NO_LOOP_PINS, ""},
    {"fork-hints", BIT_OPT, ACCEL_NO_FORK_HINTS, ""},
    {"llsc-match", BIT_OPT, ACCEL_NO_LLSC_MATCH, ""},
    {"exact-llsc", BIT_OPT, ACCEL_NO_EXACT_LLSC, ""},
    {"all", BIT_OPT, ~(uint32_t)ACCEL_NO_EXACT_LLSC, ""},
};

bool lu_option_u64(const char *s, bool suffix, uint64_t *ret, Fmt *err)
{
    const char *start = s;
    uint64_t v = 0;
    unsigned base = s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10;
    if (base == 16)
        s += 2;
    const char *digits = s;
    for (;; s++) {
        unsigned c = (unsigned char)*s, d = c - '0' < 10         ? c - '0'
                                            : (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10
                                                                 : 99;
        if (d >= base)
            break;
        if (v > (UINT64_MAX - d) / base)
            goto bad;
        v = v * base + d;
    }
    if (s == digits)
        goto bad;
    if (suffix && *s) {
        unsigned c = *s | 32, shift = c == 'k' ? 10 : c == 'm' ? 20 : c == 'g' ? 30 : c == 't' ? 40 : 0;
        if (shift) {
            if (v >> (64 - shift))
                goto bad;
            v <<= shift;
            s++;
        }
    }
    if (*s)
        goto bad;
    *ret = v;
    return true;
bad:
    fmt_printf(err, "'%s' is not a number", start);
    return false;
}

static bool named_bits(LuOptions *opt, const NamedBit *rows, size_t n, const char *item, Fmt *err)
{
    for (const NamedBit *row = rows; row < rows + n; row++) {
        if (strcmp(row->name, item))
            continue;
        switch (row->kind) {
        case BIT_LU: opt->log |= row->bit; break;
        case BIT_ACCEL: opt->accel_log |= row->bit; break;
        case BIT_OPT: opt->no_opt |= row->bit; break;
        case BIT_NOTHING: break;
        default: fmt_printf(err, "'%s' is not supported", item); return false;
        }
        return true;
    }
    fmt_printf(err, "no item '%s'; there are", item);
    for (const NamedBit *row = rows; row < rows + n; row++)
        if (row->kind < BIT_NOTHING)
            fmt_printf(err, " %s", row->name);
    return false;
}

static void print_log_items(void)
{
    for (const NamedBit *row = log_items; row < log_items + ARRAY_SIZE(log_items); row++) {
        char line[100];
        Fmt f = FMT_ON(line);
        if (row->kind >= BIT_NOTHING)
            continue;
        fmt_printf(&f, "%s%*s%s\n", row->name, 12 - (int)strlen(row->name), "", row->text);
        sys_write(1, f.buf, f.len);
    }
}

bool lu_option_log(LuOptions *opt, const char *item, Fmt *err)
{
    if (!strcmp(item, "help") || !strcmp(item, "?")) {
        print_log_items();
        sys_exit_group(0);
    }
    return named_bits(opt, log_items, ARRAY_SIZE(log_items), item, err);
}

bool lu_option_no_opt(LuOptions *opt, const char *item, Fmt *err)
{
    return named_bits(opt, no_opt_items, ARRAY_SIZE(no_opt_items), item, err);
}
