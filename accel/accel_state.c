/* The state of a machine's cpu as text: what all have in common, then the rows of its ISA. */
#include "accel/accel_priv.h"
#include "base/fmt.h"
#include "base/state_rows.h"

enum { VERSION = 1 };

/* Of Cpu. */
typedef struct CpuHead {
    uint64_t pc;
    uint32_t ff, frm;
    uint8_t sleeps; /* until there is an interrupt */
} CpuHead;

static const StateField head_rows[] = {STATE_FIELD(CpuHead, pc), STATE_FIELD(CpuHead, ff),
                                       STATE_FIELD(CpuHead, frm), STATE_FIELD(CpuHead, sleeps)};

static void write_title(const Cpu *cpu, Fmt *out)
{
    unsigned long number = cpu->ops->sys->board((Cpu *)(uintptr_t)cpu)->number;
    fmt_printf(out, "[cpu %lu] %s %u\n", number, cpu->ops->name, (unsigned)VERSION);
}

static void stand(Cpu *cpu, bool stop)
{
    if (cpu->ops->sys->state->stand)
        cpu->ops->sys->state->stand(cpu, stop);
}

void accel_cpu_save(Cpu *cpu, Fmt *out)
{
    const TargetState *t = cpu->ops->sys->state;
    accel_cpu_whole(cpu);
    const CpuHead head = {
        .pc = cpu->pc, .ff = cpu->ff, .frm = cpu->frm, .sleeps = cpu->exit.kind == CPU_EXIT_HALT};
    write_title(cpu, out);
    state_save(head_rows, ARRAY_SIZE(head_rows), &head, out);
    stand(cpu, true);
    state_save(t->rows, t->n, cpu, out);
    stand(cpu, false);
}

/* Into `to`, which is the cpu or as large. */
static bool read_rows(const Cpu *cpu, const char *text, CpuHead *head, void *to, Fmt *err)
{
    const TargetState *t = cpu->ops->sys->state;
    const StateField *bad = NULL;
    char title[64];
    Fmt f = FMT_ON(title);
    write_title(cpu, &f);
    if (!state_take(&text, title))
        fmt_printf(err, "the state has no %.*s", (int)f.len - 1, title);
    else if (!state_load(head_rows, ARRAY_SIZE(head_rows), head, &text, &bad) ||
             !state_load(t->rows, t->n, to, &text, &bad))
        fmt_printf(err, "state of cpu %lu: '%s' is missing, or not what this cpu can have",
                   (unsigned long)cpu->ops->sys->board((Cpu *)(uintptr_t)cpu)->number, bad->name);
    else
        return true;
    return false;
}

bool accel_cpu_check(const Cpu *cpu, const char *text, void *room, Fmt *err)
{
    CpuHead head;
    memcpy(room, cpu, cpu->ops->cpu_size);
    return read_rows(cpu, text, &head, room, err);
}

bool accel_cpu_load(Cpu *cpu, const char *text, Fmt *err)
{
    enum { MOST_FRM = 3, ALL_FLAGS = 63 };
    CpuHead head;
    accel_cpu_reset(cpu);
    if (!read_rows(cpu, text, &head, cpu, err))
        return false;
    cpu->pc = head.pc;
    cpu->ff = head.ff;
    cpu->frm = head.frm;
    cpu->exit.kind = head.sleeps ? CPU_EXIT_HALT : CPU_EXIT_KICK;
    stand(cpu, false);
    if (head.ff > ALL_FLAGS || head.frm > MOST_FRM || head.sleeps > 1 || !cpu->ops->sys->state->loaded(cpu)) {
        fmt_printf(err, "state of cpu %lu: no cpu can be in it",
                   (unsigned long)cpu->ops->sys->board(cpu)->number);
        return false;
    }
    cpu->mem->flush(cpu);
    accel_update_ctx(cpu);
    accel_kick(cpu); /* an interrupt may be pending */
    return true;
}

/* ---- which memory was written ---- */

void accel_note_writes(Accel *a, bool on)
{
    if (a->engine->note_writes)
        a->engine->note_writes(a, on);
    else
        __atomic_fetch_add(&a->map_changes, 1, __ATOMIC_SEQ_CST); /* each cpu begins with an empty TLB */
}

void accel_fetch_writes(Accel *a)
{
    if (a->engine->fetch_writes)
        a->engine->fetch_writes(a);
}
