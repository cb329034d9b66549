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

static void log_in_asm(const TargetOps *isa, const Superblock *sb, Fmt *f)
{
    const uint8_t *next = sb->bytes;
    for (unsigned n = 0; n < sb->n_runs; n++) {
        const SuperblockRun *run = &sb->run[n];
        fmt_printf(f, "IN: 0x%lx + %u\n", (unsigned long)run->pc, run->len);
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

void accel_log_region(const Accel *a, const Superblock *sb)
{
    if (LIKELY(!(a->cfg.log & (ACCEL_LOG_IN_ASM | ACCEL_LOG_IR))))
        return;
    Arena *arena = sb->region->arena;
    char *text = arena_alloc(arena, LOG_CAP, 8);
    if (!text)
        return;
    Fmt f = {.buf = text, .cap = LOG_CAP};
    if (a->cfg.log & ACCEL_LOG_IN_ASM)
        log_in_asm(target_isa(a->ops, sb->region->ctx), sb, &f);
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
    if (!(cpu->accel->cfg.log & ACCEL_LOG_CPU)) {
        accel_log(cpu->accel, "exec: %lx\n", (unsigned long)cpu->pc);
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
        accel_log(cpu->accel, "mmu: %s %lx index %u: at %lx, %u bits, may %x%s\n", hows[how],
                  (unsigned long)va, idx, (unsigned long)page->pa, page->bits, page->may,
                  page->global ? ", global" : "");
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
