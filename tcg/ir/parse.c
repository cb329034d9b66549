/* The reader of the text form; the grammar is the example in print.h. Recursive descent without recursion: a
 * line is an op with its operands, read from left to right. Names of values are kept in a hash table of the
 * region's arena. */
#include "tcg/ir/print.h"

#include "tcg/ir/vec.h"
#include "base/fault.h"

enum { NAMES = 2 * IR_MAX_INSNS };

typedef struct Word {
    const char *s;
    size_t n;
} Word;

typedef struct Parser {
    IrRegion *r;
    const char *p, *end; /* rest of the text */
    unsigned line;
    bool bad;
    char *err;
    size_t err_cap;
    Word *name;          /* of each value: [IR_MAX_INSNS] */
    IrVal *table;        /* hash of a name to its value: [NAMES] */
} Parser;

static void fail(Parser *x, const char *what)
{
    if (x->bad)
        return;
    x->bad = true;
    Fmt f = {.buf = x->err, .cap = x->err_cap};
    fmt_printf(&f, "line %u: %s", x->line, what);
}

/* ---- words ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '%' || c == '.';
}

static void skip_space(Parser *x)
{
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\t' || *x->p == '\r'))
        x->p++;
    if (x->p < x->end && *x->p == ';')
        while (x->p < x->end && *x->p != '\n')
            x->p++;
}

static Word next_word(Parser *x)
{
    skip_space(x);
    Word w = {x->p, 0};
    while (x->p < x->end && is_word(*x->p))
        x->p++;
    w.n = (size_t)(x->p - w.s);
    return w;
}

/* The next word without taking it. */
static Word peek_word(Parser *x)
{
    const char *at = x->p;
    Word w = next_word(x);
    x->p = at;
    return w;
}

/* name may fill its field without a NUL */
static bool word_is(Word w, const char *name, size_t cap)
{
    return w.n > 0 && w.n <= cap && memcmp(w.s, name, w.n) == 0 && (w.n == cap || name[w.n] == 0);
}
#define WORD_IS(w, literal) word_is(w, literal, sizeof literal)

static bool take_word(Parser *x, const char *literal)
{
    if (!word_is(peek_word(x), literal, strlen(literal)))
        return false;
    next_word(x);
    return true;
}

static bool take_char(Parser *x, char c)
{
    skip_space(x);
    if (x->p >= x->end || *x->p != c)
        return false;
    x->p++;
    return true;
}

static void need_char(Parser *x, char c)
{
    if (!take_char(x, c))
        fail(x, "punctuation is missing");
}

static bool word_number(Word w, uint64_t *ret)
{
    bool neg = w.n && *w.s == '-';
    const char *s = w.s + neg, *end = w.s + w.n;
    uint64_t v = 0;
    unsigned base = 10;
    if (end - s > 2 && s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    if (s >= end)
        return false;
    for (; s < end; s++) {
        unsigned d = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                     : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10
                                              : 99;
        if (d >= base)
            return false;
        v = v * base + d;
    }
    *ret = neg ? 0 - v : v;
    return true;
}

static uint64_t need_number(Parser *x, uint64_t limit)
{
    uint64_t v = 0;
    if (!word_number(next_word(x), &v))
        fail(x, "a number is missing");
    else if (v >= limit && limit)
        fail(x, "number out of range");
    return v;
}

/* key=number */
static bool take_field(Parser *x, const char *key, uint64_t *ret)
{
    const char *at = x->p;
    if (take_word(x, key) && take_char(x, '=')) {
        *ret = need_number(x, 0);
        return true;
    }
    x->p = at;
    return false;
}

/* Index of the next word in a table of names; `rows` when it is none of them. */
static unsigned match_table(Word w, const char *table, size_t width, unsigned rows)
{
    for (unsigned k = 0; k < rows; k++)
        if (word_is(w, table + k * width, width))
            return k;
    return rows;
}

static unsigned need_in_table(Parser *x, const char *table, size_t width, unsigned rows)
{
    unsigned k = match_table(next_word(x), table, width, rows);
    if (k == rows) {
        fail(x, "unknown word");
        k = 0;
    }
    return k;
}
#define NEED_WORD(x, table)     need_in_table(x, table[0], sizeof table[0], ARRAY_SIZE(table))
#define MATCH_WORD(w, table)    match_table(w, table[0], sizeof table[0], ARRAY_SIZE(table))

/* ---- values ---- */

static IrVal *name_entry(Parser *x, Word w)
{
    uint64_t h = 14695981039346656037ull;
    for (size_t k = 0; k < w.n; k++)
        h = (h ^ (uint8_t)w.s[k]) * 1099511628211ull;
    unsigned at = (unsigned)(h % NAMES);
    while (x->table[at] &&
           !(x->name[x->table[at]].n == w.n && memcmp(x->name[x->table[at]].s, w.s, w.n) == 0))
        at = (at + 1) % NAMES;
    return &x->table[at];
}

static IrVal need_value(Parser *x)
{
    Word w = next_word(x);
    IrVal v = w.n > 1 && *w.s == '%' ? *name_entry(x, w) : IR_NONE;
    if (!v)
        fail(x, "unknown value");
    return v;
}

static bool next_is_value(Parser *x)
{
    Word w = peek_word(x);
    return w.n > 1 && *w.s == '%';
}

/* Values in parentheses, at most cap. */
static unsigned parse_args(Parser *x, IrVal *arg, unsigned cap)
{
    unsigned n = 0;
    need_char(x, '(');
    while (!x->bad && !take_char(x, ')')) {
        if (n)
            need_char(x, ',');
        if (n == cap)
            fail(x, "too many arguments");
        else
            arg[n++] = need_value(x);
    }
    return n;
}

/* ---- operands by kind ---- */

static void parse_address(Parser *x, IrInsn *i, IrMem *m, bool index)
{
    need_char(x, '[');
    i->a = need_value(x);
    while (!x->bad && !take_char(x, ']')) {
        bool neg = false;
        if (!take_char(x, '+')) {
            neg = true;
            if (!take_word(x, "-"))
                fail(x, "+ or - is missing");
        }
        if (next_is_value(x)) {
            if (neg || !index || i->b)
                fail(x, "no index here");
            i->b = need_value(x);
            if (take_char(x, '<') && take_char(x, '<'))
                m->scale = (uint16_t)(need_number(x, 4) & 3);
            continue;
        }
        uint64_t disp = need_number(x, 1ull << 31 | neg);
        i->imm = (uint32_t)(neg ? 0 - disp : disp);
    }
}

static void parse_mem(Parser *x, IrMem *m)
{
    Word w = next_word(x);
    static const char sizes[7][4] = {"b1", "b2", "b4", "b8", "b16", "b32", "b64"};
    unsigned size = MATCH_WORD(w, sizes);
    if (size == ARRAY_SIZE(sizes))
        fail(x, "size of the access is missing");
    m->size = (uint16_t)(size & 7);
    for (;;) {
        w = peek_word(x);
        unsigned order = MATCH_WORD(w, ir_order_name), mmu = MATCH_WORD(w, ir_mmu_name);
        uint64_t idx;
        if (w.n == 0)
            return;
        if (WORD_IS(w, "sext"))
            m->sext = 1;
        else if (WORD_IS(w, "bswap"))
            m->bswap = 1;
        else if (order < ARRAY_SIZE(ir_order_name))
            m->order = (uint16_t)(order & 7);
        else if (mmu < ARRAY_SIZE(ir_mmu_name))
            m->mmu = (uint16_t)(mmu & 3);
        else if (w.n == 2 && m->order == IR_ELEMENTS && w.s[0] == 'e' && memchr("1248", w.s[1], 4))
            m->scale = (uint16_t)(__builtin_ctz((unsigned)w.s[1] & 15) & 3);
        else if (w.n > 3 && memcmp(w.s, "idx", 3) == 0 && word_number((Word){w.s + 3, w.n - 3}, &idx) &&
                 idx < 16)
            m->mmuidx = (uint16_t)(idx & 15);
        else
            fail(x, "unknown attribute");
        if (x->bad)
            return;
        next_word(x);
    }
}

static void parse_access(Parser *x, IrInsn *i)
{
    IrMem m = {0};
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_LD: parse_address(x, i, &m, true); break;
    case IR_SIG_ST:
        i->c = need_value(x);
        parse_address(x, i, &m, true);
        break;
    case IR_SIG_ST2:
        i->c = need_value(x);
        i->b = need_value(x);
        parse_address(x, i, &m, false);
        break;
    case IR_SIG_LDM:
    case IR_SIG_STM:
        i->misc = (uint8_t)need_number(x, IR_LANE_64 + 1);
        i->b = need_value(x);
        if (i->op == IR_STM)
            i->c = need_value(x);
        parse_address(x, i, &m, false);
        break;
    case IR_SIG_RMW:
        i->misc = (uint8_t)NEED_WORD(x, ir_rmw_name);
        parse_address(x, i, &m, true);
        i->c = need_value(x);
        break;
    default:
        parse_address(x, i, &m, false);
        i->b = need_value(x);
        i->c = need_value(x);
        break;
    }
    parse_mem(x, &m);
    i->d = m.raw;
}

static void parse_const(Parser *x, IrInsn *i)
{
    IrRegion *r = x->r;
    int64_t v = (int64_t)need_number(x, 0);
    if (i->type == IR_V128) {
        uint64_t high = v < 0 ? ~0ull : 0;
        Word w = peek_word(x);
        bool two = word_number(w, &high);
        if (two)
            next_word(x);
        i->imm = (uint32_t)v;
        if (!two && fits_i32(v))
            return;
        if (r->n_pool > IR_MAX_INSNS - 2) {
            fail(x, "too many constants");
            return;
        }
        i->misc = 1;
        i->imm = r->n_pool;
        r->pool[r->n_pool++] = (uint64_t)v;
        r->pool[r->n_pool++] = high;
        return;
    }
    if (r->n_pool == IR_MAX_INSNS) {
        fail(x, "too many constants");
        return;
    }
    unsigned bits = ir_type_bits((IrType)i->type);
    if (bits > 64 || bits == 0)
        fail(x, "no constants of this type");
    else
        v = bits == 1 ? v & 1 : bits < 64 ? bits_sext((uint64_t)v, bits) : v;
    i->imm = (uint32_t)v;
    if (!fits_i32(v)) {
        i->misc = 1;
        i->imm = r->n_pool;
        r->pool[r->n_pool++] = (uint64_t)v;
    }
}

static void parse_slot(Parser *x, IrInsn *i)
{
    Word w = next_word(x);
    for (unsigned k = 0; k < x->r->n_slots; k++) {
        if (word_is(w, x->r->slots[k].name, sizeof x->r->slots[k].name)) {
            i->imm = k;
            if (i->type == IR_VOID)
                i->type = x->r->slots[k].type;
            return;
        }
    }
    fail(x, "unknown slot");
}

static void parse_fp(Parser *x, IrInsn *i)
{
    unsigned round;
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_FMA:
        i->misc = (uint8_t)NEED_WORD(x, ir_round_name);
        i->imm = take_word(x, "np") ? 1 : 0;
        i->imm |= take_word(x, "na") ? 2 : 0;
        break;
    case IR_SIG_FCMP:
        i->misc = (uint8_t)NEED_WORD(x, ir_fcond_name);
        i->misc |= take_word(x, "not") ? IR_FCC_NOT : 0;
        break;
    case IR_SIG_FLF: i->misc = take_word(x, "signaling"); break;
    case IR_SIG_FL3:
        i->misc = i->op == IR_FLNZC && take_word(x, "bit")    ? (uint8_t)need_number(x, 33)
                  : i->op == IR_FLX && take_word(x, "kind") ? (uint8_t)need_number(x, 256)
                                                            : 0;
        break;
    case IR_SIG_FSGN: i->misc = (uint8_t)need_number(x, 256); break;
    default:
        round = NEED_WORD(x, ir_round_name);
        if (take_word(x, i->op == IR_FRINT ? "exact" : "unsigned"))
            round |= IR_CVT_UNSIGNED;
        round |= take_word(x, "r32") ? IR_FRINT_32 : take_word(x, "r64") ? IR_FRINT_64 : 0u;
        i->d = (uint16_t)round;
        i->imm = take_word(x, "fix") ? (uint32_t)need_number(x, 65) : 0;
        break;
    }
}

/* Attributes, numbers and operands; a missing optional operand is `none`. */
static void parse_vec(Parser *x, IrInsn *i)
{
    const IrVecRow *row = ir_vec_row((IrOp)i->op);
    for (; !x->bad && !next_is_value(x); next_word(x)) {
        Word w = peek_word(x);
        unsigned attr = MATCH_WORD(w, ir_vattr_name), cond = MATCH_WORD(w, ir_vcond_name);
        uint64_t n = 0;
        if (attr < ARRAY_SIZE(ir_vattr_name))
            i->imm |= 1u << attr;
        else if (row && row->n == IR_VNUM_COND && cond < ARRAY_SIZE(ir_vcond_name))
            i->imm |= IR_VA_N(cond);
        else if (w.n > 1 && (*w.s == 'n' || *w.s == 'm') && word_number((Word){w.s + 1, w.n - 1}, &n) &&
                 n < 256)
            i->imm |= *w.s == 'n' ? IR_VA_N(n) : IR_VA_M(n);
        else
            fail(x, "unknown attribute");
    }
    for (unsigned k = 0; k < ir_operand_count(i) && !x->bad; k++)
        i->arg[k] = take_word(x, "none") ? IR_NONE : need_value(x);
}

static unsigned need_helper(Parser *x)
{
    Word w = next_word(x);
    for (unsigned k = 0; k < x->r->n_helpers; k++)
        if (word_is(w, x->r->helpers[k].name, sizeof x->r->helpers[k].name))
            return k;
    fail(x, "unknown helper");
    return 0;
}

static void parse_call(Parser *x, IrInsn *i)
{
    i->imm = need_helper(x);
    if (x->bad)
        return;
    i->type = x->r->helpers[i->imm].ret;
    parse_args(x, i->arg, 4);
}

static uint32_t parse_block_name(Parser *x)
{
    if (!take_word(x, "block"))
        fail(x, "block is missing");
    return (uint32_t)need_number(x, IR_MAX_BLOCKS);
}

static void parse_leave(Parser *x, IrInsn *i)
{
    IrRegion *r = x->r;
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_CALL: parse_call(x, i); break;
    case IR_SIG_EXIT: i->imm = (uint32_t)need_number(x, IR_MAX_EXITS); break;
    case IR_SIG_EXITIF:
        i->a = need_value(x);
        if (!take_word(x, "exit"))
            fail(x, "exit is missing");
        i->imm = (uint32_t)need_number(x, IR_MAX_EXITS);
        i->misc = take_word(x, "likely");
        break;
    case IR_SIG_EXITIND:
        i->a = need_value(x);
        i->misc = (uint8_t)NEED_WORD(x, ir_hint_name);
        break;
    case IR_SIG_BR:
        i->imm = parse_block_name(x);
        skip_space(x);
        if (x->p < x->end && *x->p == '(') {
            i->a = r->n_args;
            i->misc =
                (uint8_t)parse_args(x, r->args + r->n_args, MIN(255u, (unsigned)IR_MAX_ARGS - r->n_args));
            r->n_args = (uint16_t)(r->n_args + i->misc);
        }
        break;
    default:
        i->a = need_value(x);
        i->imm = parse_block_name(x);
        i->b = (IrVal)parse_block_name(x);
        break;
    }
}

static void parse_operands(Parser *x, IrInsn *i)
{
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_NONE:
    case IR_SIG_START: return;
    case IR_SIG_CONST: parse_const(x, i); return;
    case IR_SIG_PARAM: i->imm = (uint32_t)need_number(x, 256); return;
    case IR_SIG_GET: parse_slot(x, i); return;
    case IR_SIG_PUT: parse_slot(x, i); break;
    case IR_SIG_CMP: i->misc = (uint8_t)NEED_WORD(x, ir_cond_name); break;
    case IR_SIG_LD:
    case IR_SIG_ST:
    case IR_SIG_ST2:
    case IR_SIG_LDM:
    case IR_SIG_STM:
    case IR_SIG_RMW:
    case IR_SIG_CAS: parse_access(x, i); return;
    case IR_SIG_FENCE: i->imm = (uint32_t)need_number(x, 16); return;
    case IR_SIG_BULK: i->misc = (uint8_t)need_number(x, FAULT_BULKS); break;
    case IR_SIG_FL3:
    case IR_SIG_FMA:
    case IR_SIG_FCMP:
    case IR_SIG_FLF:
    case IR_SIG_FSGN:
    case IR_SIG_FCVT: parse_fp(x, i); break;
    case IR_SIG_VEC1:
    case IR_SIG_VEC2:
    case IR_SIG_VEC3:
    case IR_SIG_VEC4:
    case IR_SIG_VGET:
    case IR_SIG_VSET:
    case IR_SIG_VDUP:
    case IR_SIG_CRC: parse_vec(x, i); return;
    case IR_SIG_XV:
    case IR_SIG_XFL:
        i->imm = (uint32_t)need_number(x, 1 << 24);
        for (unsigned k = 0; k < 2 && !x->bad; k++)
            i->arg[k] = take_word(x, "none") ? IR_NONE : need_value(x);
        if (!x->bad && ir_op_info[i->op].sig == IR_SIG_XV && next_is_value(x))
            i->c = need_value(x);
        return;
    case IR_SIG_UNIT:
        i->imm = (uint32_t)need_number(x, 1ull << 32);
        for (unsigned k = 0; k < 2 && !x->bad; k++)
            i->arg[k] = take_word(x, "none") ? IR_NONE : need_value(x);
        i->d = (IrVal)need_helper(x);
        return;
    case IR_SIG_FPENV:
        if (i->op == IR_FFGET)
            return;
        break;
    case IR_SIG_CALL:
    case IR_SIG_EXIT:
    case IR_SIG_EXITIF:
    case IR_SIG_EXITIND:
    case IR_SIG_BR:
    case IR_SIG_BRCOND: parse_leave(x, i); return;
    default: break;
    }
    for (unsigned k = 0, n = ir_operand_count(i); k < n && !x->bad; k++)
        i->arg[k] = need_value(x);
}

/* ---- lines ---- */

/* The lane that goes by this type's name. */
static unsigned lane_of(unsigned type)
{
    for (unsigned k = 0; k < IR_LANE_COUNT; k++)
        if (type != IR_VOID && ir_lane_type[k] == type)
            return k;
    return IR_LANE_COUNT;
}

/* op.type.type of a word */
static void parse_op(Parser *x, IrInsn *i)
{
    Word w = next_word(x), part[3] = {{0}};
    unsigned n = 0;
    for (size_t k = 0; k < w.n; k++) {
        if (w.s[k] == '.' && ++n == 3)
            break;
        if (w.s[k] != '.') {
            part[n].s = part[n].n ? part[n].s : &w.s[k];
            part[n].n++;
        }
    }
    for (i->op = 0; i->op < IR_OP_COUNT; i->op++)
        if (word_is(part[0], ir_op_info[i->op].name, sizeof ir_op_info[i->op].name))
            break;
    unsigned type = part[1].n ? MATCH_WORD(part[1], ir_type_name) : 0;
    unsigned misc = part[2].n ? MATCH_WORD(part[2], ir_type_name) : 0;
    if (n == 3 || i->op == IR_OP_COUNT || type == IR_TYPE_COUNT || misc == IR_TYPE_COUNT) {
        i->op = IR_NOP;
        fail(x, "unknown op or type");
        return;
    }
    i->type = (uint8_t)type;
    i->misc = (uint8_t)misc;
    unsigned sig = ir_op_info[i->op].sig;
    bool from = sig == IR_SIG_CVT || sig == IR_SIG_FCVT || sig == IR_SIG_FCLS || sig == IR_SIG_VCVT;
    if (ir_has_lane(i)) {
        i->misc = (uint8_t)lane_of(misc);
        if (i->misc == IR_LANE_COUNT)
            fail(x, "lane is missing");
        return;
    }
    bool typed = ir_result_type(x->r, &(IrInsn){.op = i->op, .type = IR_I8}) != IR_VOID || i->op == IR_ST ||
                 i->op == IR_PUT;
    if (from != (misc != IR_VOID) || (type != IR_VOID && !typed))
        fail(x, "wrong number of types");
    if ((ir_op_info[i->op].flags & IR_F_FPX) && (sig == IR_SIG_V || sig == IR_SIG_VV))
        i->misc = (uint8_t)NEED_WORD(x, ir_round_name);
}

static void add_insn(Parser *x, IrInsn i, Word name)
{
    IrRegion *r = x->r;
    if (r->n_insns >= IR_MAX_INSNS || r->n_blocks == 0) {
        fail(x, "region is full, or not in a block");
        return;
    }
    IrVal v = r->n_insns;
    bool has_value = ir_result_type(r, &i) != IR_VOID;
    if (has_value != (name.n > 0)) {
        fail(x, "a name for a value, and only then");
        return;
    }
    r->insn[v] = i;
    r->vectors = true;
    r->n_insns++;
    IrBlock *b = &r->block[r->n_blocks - 1];
    b->end = r->n_insns;
    if (i.op == IR_PARAM && b->params == v - b->first)
        b->params++;
    if (!has_value)
        return;
    IrVal *entry = name_entry(x, name);
    if (*entry)
        fail(x, "value named twice");
    x->name[v] = name;
    *entry = v;
}

static void parse_insn_start(Parser *x)
{
    IrRegion *r = x->r;
    uint64_t pc = need_number(x, 0);
    if (r->n_guest == IR_MAX_GUEST) {
        fail(x, "too many guest instructions");
        return;
    }
    r->guest_pc[r->n_guest] = pc;
    add_insn(x, (IrInsn){.op = IR_INSN_START, .imm = r->n_guest++}, (Word){0});
}

static void parse_region(Parser *x)
{
    uint64_t v;
    for (;;) {
        if (take_field(x, "pc", &v))
            x->r->pc = v;
        else if (take_field(x, "ctx", &v))
            x->r->ctx = (uint32_t)v;
        else if (take_field(x, "nan", &v))
            x->r->nan = (uint8_t)v;
        else if (take_field(x, "fp", &v))
            x->r->fp = (uint8_t)v;
        else
            return;
    }
}

/* `exit` begins a row of the table before the first block, and an instruction after. */
static void parse_exit_row(Parser *x)
{
    IrRegion *r = x->r;
    uint64_t code = 0;
    if (need_number(x, IR_MAX_EXITS) != r->n_exits)
        fail(x, "exits must be numbered from 0");
    bool direct = take_word(x, "direct"), far = !direct && take_word(x, "far");
    if (!direct && !far && !take_word(x, "raise"))
        fail(x, "direct, far or raise is missing");
    IrExit e = {.kind = direct ? IR_EXIT_DIRECT : far ? IR_EXIT_FAR : IR_EXIT_RAISE, .pc = need_number(x, 0)};
    if (direct)
        e.poll = take_word(x, "poll");
    if (direct && take_word(x, "return"))
        r->ret_exit = (uint16_t)(r->n_exits + 1);
    if (e.kind == IR_EXIT_RAISE && take_field(x, "code", &code))
        e.code = (uint16_t)code;
    if (!x->bad)
        r->exit[r->n_exits++] = e;
}

static void parse_block(Parser *x)
{
    IrRegion *r = x->r;
    if (need_number(x, IR_MAX_BLOCKS) != r->n_blocks)
        fail(x, "blocks must be numbered from 0");
    need_char(x, ':');
    if (!x->bad)
        r->block[r->n_blocks++] = (IrBlock){.first = r->n_insns, .end = r->n_insns};
}

static void parse_line(Parser *x)
{
    Word name = {0};
    skip_space(x);
    if (x->p >= x->end || *x->p == '\n')
        return;
    if (next_is_value(x)) {
        name = next_word(x);
        need_char(x, '=');
    } else if (take_word(x, "region")) {
        parse_region(x);
        return;
    } else if (x->r->n_blocks == 0 && take_word(x, "exit")) {
        parse_exit_row(x);
        return;
    } else if (take_word(x, "block")) {
        parse_block(x);
        return;
    } else if (take_word(x, "insn")) {
        parse_insn_start(x);
        return;
    }
    IrInsn i = {0};
    parse_op(x, &i);
    if (!x->bad)
        parse_operands(x, &i);
    if (!x->bad)
        add_insn(x, i, name);
}

/* What a later line defines: exits by number, blocks. */
static void check_targets(Parser *x)
{
    const IrRegion *r = x->r;
    if (r->n_blocks == 0)
        fail(x, "no block");
    for (unsigned at = 1; at < r->n_insns && !x->bad; at++) {
        const IrInsn *i = &r->insn[at];
        unsigned sig = ir_op_info[i->op].sig;
        if ((sig == IR_SIG_EXIT || sig == IR_SIG_EXITIF) && i->imm >= r->n_exits)
            fail(x, "unknown exit");
        if ((sig == IR_SIG_BR || sig == IR_SIG_BRCOND) && i->imm >= r->n_blocks)
            fail(x, "unknown block");
        if (sig == IR_SIG_BRCOND && i->b >= r->n_blocks)
            fail(x, "unknown block");
        if (i->type == IR_VOID && (ir_op_info[i->op].sig == IR_SIG_ST))
            fail(x, "store of no type");
    }
}

IrRegion *ir_parse(Arena *arena, const char *text, size_t len, const IrSlot *slots, unsigned n_slots,
                   const IrHelper *helpers, unsigned n_helpers, char *err, size_t err_cap)
{
    Parser x = {.p = text, .end = text + len, .line = 1, .err = err, .err_cap = err_cap};
    x.r = ir_region_new(arena, slots, n_slots, helpers, n_helpers);
    x.name = arena_array(arena, Word, IR_MAX_INSNS);
    x.table = arena_array(arena, IrVal, NAMES);
    if (!x.r || !x.name || !x.table) {
        fail(&x, "out of memory");
        return NULL;
    }
    memset(x.name, 0, IR_MAX_INSNS * sizeof *x.name);
    memset(x.table, 0, NAMES * sizeof *x.table);
    x.r->n_blocks = 0;
    while (x.p < x.end && !x.bad) {
        parse_line(&x);
        skip_space(&x);
        if (!x.bad && x.p < x.end && *x.p != '\n')
            fail(&x, "unexpected text");
        x.p++;
        x.line += !x.bad;
    }
    if (!x.bad)
        check_targets(&x);
    return x.bad ? NULL : x.r;
}
