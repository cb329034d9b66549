#include "accel/accel_priv.h"

#include "base/fmt.h"
#include "base/sys.h"
#include "tcg/ir/print.h"

enum { LOG_CAP = 1 << 18 };

/* What the program counter is at this address of the region: with its tag. */
static Gva tagged(const TargetOps *isa, const IrRegion *r, Gva at)
{
    for (unsigned k = 0; k < r->n_guest; k++)
        if ((r->guest_pc[k] & ~isa->pc_tag) == at)
            return r->guest_pc[k];
    return at;
}

static bool wants(const Accel *a, Gva first, Gva last)
{
    for (unsigned k = 0; k < a->cfg.n_filter; k++)
        if (first <= a->cfg.filter[k].last && last >= a->cfg.filter[k].first)
            return true;
    return !a->cfg.n_filter;
}

bool accel_log_wants(const Accel *a, Gva pc)
{
    return wants(a, pc, pc);
}

bool accel_log_wants_region(const Cpu *cpu, const Superblock *sb)
{
    bool any = false;
    for (unsigned n = 0; n < sb->n_runs; n++) {
        Gva at = sb->run[n].pc + cpu->pc_delta;
        any |= sb->run[n].len && wants(cpu->accel, at, at + sb->run[n].len - 1);
    }
    return any;
}

static void put_name(const Accel *a, Gva pc, Fmt *f)
{
    if (!a->cfg.observer.name)
        return;
    size_t len = f->len;
    fmt_putc(f, ' ');
    a->cfg.observer.name(a->cfg.observer.opaque, pc, f);
    if (f->len == len + 1 && f->len)
        f->buf[f->len = len] = 0;
}

static void log_in_asm(const Cpu *cpu, const TargetOps *isa, const Superblock *sb, Fmt *f)
{
    const uint8_t *next = sb->bytes;
    for (unsigned n = 0; n < sb->n_runs; n++) {
        const SuperblockRun *run = &sb->run[n];
        fmt_printf(f, "IN: 0x%lx + %u", (unsigned long)run->pc, run->len);
        put_name(cpu->accel, run->pc + cpu->pc_delta, f);
        fmt_putc(f, '\n');
        for (unsigned at = 0; at < run->len;) {
            char text[128] = "";
            const uint8_t *bytes = next + at;
            Gva pc = tagged(isa, sb->region, run->pc + at);
            unsigned len = isa->disas ? isa->disas(pc, bytes, run->len - at, text, sizeof text) : 0;
            if (len == 0)
                len = MIN(isa->insn_align, run->len - at);
            fmt_printf(f, "  0x%lx  ", (unsigned long)(run->pc + at));
            for (unsigned k = len; k-- > 0;)
                fmt_printf(f, "%02x", bytes[k]);
            fmt_printf(f, "  %s\n", text);
            at += len;
        }
        next += run->len;
    }
}

void accel_log_region(const Cpu *cpu, const Superblock *sb)
{
    const Accel *a = cpu->accel;
    if (LIKELY(!(a->cfg.log & (ACCEL_LOG_IN_ASM | ACCEL_LOG_IR))) || !accel_log_wants_region(cpu, sb))
        return;
    Arena *arena = sb->region->arena;
    char *text = arena_alloc(arena, LOG_CAP, 8);
    if (!text)
        return;
    Fmt f = {.buf = text, .cap = LOG_CAP};
    if (a->cfg.log & ACCEL_LOG_IN_ASM)
        log_in_asm(cpu, target_isa(a->ops, sb->region->ctx), sb, &f);
    if (a->cfg.log & ACCEL_LOG_IR)
        ir_print(sb->region, &f);
    for (size_t at = 0; at < f.len;) {
        long n = sys_write(a->cfg.log_fd, text + at, f.len - at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
}

void accel_log(const Accel *a, const char *format, ...)
{
    char text[1024];
    Fmt f = FMT_ON(text);
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    sys_write(a->cfg.log_fd, f.buf, f.len);
}

void accel_log_cpu(const Cpu *cpu)
{
    const TargetOps *ops = cpu->ops;
    char text[4096];
    Fmt f = FMT_ON(text);
    if (!accel_log_wants(cpu->accel, cpu->pc & ~cpu_isa(cpu)->pc_tag))
        return;
    if (cpu->accel->cfg.log & ACCEL_LOG_EXEC) {
        fmt_printf(&f, "exec: %lx", (unsigned long)cpu->pc);
        put_name(cpu->accel, cpu->pc, &f);
        fmt_putc(&f, '\n');
    }
    if (!(cpu->accel->cfg.log & ACCEL_LOG_CPU)) {
        sys_write(cpu->accel->cfg.log_fd, f.buf, f.len);
        return;
    }
    fmt_printf(&f, "pc=%lx ff=%x", (unsigned long)cpu->pc, cpu->ff);
    for (unsigned k = 0; k < ops->n_regs; k++) {
        uint64_t v[2] = {0};
        memcpy(v, (const char *)cpu + ops->regs[k].offset, MIN(ops->regs[k].size, sizeof(v)));
        if (v[1])
            fmt_printf(&f, " %s=%lx:%016lx", ops->regs[k].name, (unsigned long)v[1], (unsigned long)v[0]);
        else if (v[0])
            fmt_printf(&f, " %s=%lx", ops->regs[k].name, (unsigned long)v[0]);
    }
    fmt_putc(&f, '\n');
    sys_write(cpu->accel->cfg.log_fd, f.buf, f.len);
}

void accel_log_walk(const Cpu *cpu, Gva va, unsigned idx, MmuHow how, const MmuPage *page)
{
    static const char *const hows[] = {[MMU_READ] = "read", [MMU_WRITE] = "write", [MMU_FETCH] = "fetch"};
    if (page)
        accel_log(cpu->accel, "mmu: %s %lx index %u: at %lx, %u bits, may %x%s%s\n", hows[how],
                  (unsigned long)va, idx, (unsigned long)page->pa, page->bits, page->may,
                  page->global ? ", global" : "", page->aligned ? ", aligned" : "");
    else
        accel_log(cpu->accel, "mmu: %s %lx index %u: no, code %d\n", hows[how], (unsigned long)va, idx,
                  cpu->exit.code);
}

void accel_log_unknown(Cpu *cpu)
{
    uint8_t bytes[4] = {0};
    char text[128] = "";
    unsigned n = 0;
    const CpuExit exit = cpu->exit;
    const TargetOps *isa = cpu_isa(cpu);
    while (n < 4 && cpu->mem->fetch(cpu, (cpu->pc & ~isa->pc_tag) + n, &bytes[n], 1))
        n++;
    cpu->exit = exit;
    if (isa->disas)
        isa->disas(cpu->pc, bytes, n, text, sizeof(text));
    accel_log(cpu->accel, "unimp: undefined here at %lx: %02x%02x%02x%02x %s\n", (unsigned long)cpu->pc,
              bytes[3], bytes[2], bytes[1], bytes[0], text);
}

static bool number(const char **at, uint64_t *ret)
{
    const char *s = *at;
    unsigned base = s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10;
    s += base == 16 ? 2 : 0;
    const char *digits = s;
    for (*ret = 0;; s++) {
        unsigned c = (unsigned char)*s, d = c - '0' < 10         ? c - '0'
                                            : (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10
                                                                 : 99;
        if (d >= base)
            break;
        if (*ret > (UINT64_MAX - d) / base)
            return false;
        *ret = *ret * base + d;
    }
    *at = s;
    return s != digits;
}

static bool range(const char **at, AccelRange *ret)
{
    uint64_t a, b;
    if (!number(at, &a))
        return false;
    char op = **at;
    *at += op == '.' ? 2 : 1;
    if (!op || !strchr(".+-", op) || (op == '.' && (*at)[-1] != '.') || !number(at, &b) ||
        (**at && **at != ','))
        return false;
    *ret = op == '.'   ? (AccelRange){a, b}
           : op == '+' ? (AccelRange){a, a + (b - 1)}
                       : (AccelRange){a - (b - 1), a};
    return op == '.' ? a <= b : b && ret->first <= ret->last;
}

bool accel_parse_ranges(const char *text, AccelRange *to, unsigned cap, unsigned *n, Fmt *err)
{
    for (const char *at = text;; at++) {
        const char *item = at;
        if (*n == cap) {
            fmt_printf(err, "more than %u ranges", cap);
            return false;
        }
        if (!range(&at, &to[*n])) {
            fmt_printf(err, "'%.*s' is no range: FIRST..LAST, START+SIZE or END-SIZE",
                       (int)strcspn(item, ","), item);
            return false;
        }
        ++*n;
        if (!*at)
            return true;
    }
}

void accel_each_region(Accel *a, void (*fn)(void *opaque, const AccelRegion *r), void *opaque)
{
    if (a->engine->each_region)
        a->engine->each_region(a, fn, opaque);
}

void accel_log_to(Accel *a, int fd)
{
    a->cfg.log_fd = fd;
}
