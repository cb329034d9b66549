/* The rows of cpus' states: they cover the structs; what is saved comes back; texts that no machine has
 * written are refused or harmless. And whole machines: one is saved, and loaded into another one. */
#include "tests/unit/test.h"

#include "base/state_rows.h"
#include "hw/machine/machine_state.h"
#include "target/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void take_request(void *opaque, MachineRequest what, int code) {}

static Machine *make(const BoardClass *board, unsigned cpus)
{
    const MachineConfig cfg = {.ram_bytes = 16 << 20, .cpus = cpus, .requests = {.request = take_request},
                               .accel = {.jit = false}};
    DevError err;
    Machine *m = machine_new(board, &cfg, &err);
    if (!m)
        fail_msg("%s", err.text);
    clock_stop(&m->clock, true);
    return m;
}

/* ---- every byte has a row ---- */

static void cover(const TargetOps *ops)
{
    enum { WIDEST = 64 };
    const TargetState *t = ops->sys->state;
    size_t at = sizeof(Cpu);
    for (unsigned k = 0; k < t->n; k++) {
        const StateField *f = &t->rows[k];
        size_t align = f->offset % WIDEST == 0 ? WIDEST : f->offset % 16 == 0 ? 16 : 8;
        if (f->offset < at || f->offset - at >= align)
            fail_msg("%s: between '%s' and '%s' is a member without a row, or they are not in order",
                     ops->name, k ? t->rows[k - 1].name : "the head", f->name);
        assert_true(f->kind == STATE_NOT || f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8);
        at = f->offset + (size_t)f->size * f->count;
    }
    if (at > ops->cpu_size || ops->cpu_size - at >= WIDEST)
        fail_msg("%s: behind '%s' is a member without a row", ops->name, t->rows[t->n - 1].name);
}

static void covered(void **unused)
{
    cover(&target_riscv64_sys);
    cover(&target_riscv32_sys);
    cover(&target_aarch64_sys);
    cover(&target_arm_sys);
    cover(&target_x86_64_sys);
    cover(&target_i386_sys);
}

/* ---- values ---- */

enum { ROOM = 1 << 16 };

static void save(Cpu *cpu, char *to)
{
    Fmt f = {.buf = to, .cap = ROOM};
    accel_cpu_save(cpu, &f);
    assert_true(f.len < ROOM - 1);
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 29;
}

/* Puts another number in the place of a value. */
static void mutate(const char *text, uint64_t *seed, char *to)
{
    size_t n = strlen(text), at = next(seed) % n, end;
    while (text[at] != '=' && text[at] != ',')
        at = at + 1 < n ? at + 1 : 0;
    at++;
    end = at + strspn(text + at, "0123456789abcdef");
    uint64_t v = next(seed) << 32 ^ next(seed);
    snprintf(to, ROOM, "%.*s%lx%s", (int)at, text, (unsigned long)(v >> (next(seed) % 16 * 4)), text + end);
}

/* Values that the cpu keeps in another form, of which the text is one of several. */
static bool is_another_form(const char *a, const char *b)
{
    static const char *const names[] = {"frm=", "arm.fpcr="};
    for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
        const char *x = strstr(a, names[k]), *y = strstr(b, names[k]);
        if (x && y && strncmp(x, y, strcspn(x, "\n") + 1) != 0)
            return true;
    }
    return false;
}

static void tell_difference(const BoardClass *board, const char *a, const char *b)
{
    enum { BEFORE = 20 };
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    at -= MIN(at, (size_t)BEFORE);
    fail_msg("%s: %.60s is then %.60s", board->name, a + at, b + at);
}

static void hostile(const BoardClass *board, unsigned rounds)
{
    Machine *m = make(board, 1);
    Cpu *cpu = m->cpu[0];
    char *text = malloc(ROOM), *bad = malloc(ROOM), *again = malloc(ROOM), why[200] = "";
    void *room = malloc(cpu->ops->cpu_size);
    uint64_t seed = 7;
    unsigned taken = 0;
    save(cpu, text);
    for (unsigned k = 0; k < rounds; k++) {
        Fmt f = FMT_ON(why);
        mutate(text, &seed, bad);
        bool could = accel_cpu_check(cpu, bad, room, &f);
        bool done = accel_cpu_load(cpu, bad, &f);
        assert_true(could || !done);
        taken += done;
        if (!done) {
            assert_true(why[0]);
            continue;
        }
        save(cpu, again);
        if (strcmp(bad, again) != 0 && !is_another_form(bad, again) && !strstr(board->isa, "riscv"))
            tell_difference(board, bad, again);
        for (unsigned n = 0; n < 4; n++) { /* it runs, whatever it is */
            cpu->ctx |= CTX_STEP;
            accel_run(cpu);
        }
    }
    assert_true(taken > rounds / 4);
    free(text);
    free(bad);
    free(again);
    free(room);
    machine_free(m);
}

static void values(void **unused)
{
    const BoardClass *const boards[] = {&riscv_virt_board, &riscv32_virt_board, &arm_virt_board,
                                        &arm32_virt_board, &x86_pc_board};
    for (unsigned k = 0; k < ARRAY_SIZE(boards); k++)
        hostile(boards[k], 3000);
}

/* ---- whole machines ---- */

static void pass_on(const BoardClass *board)
{
    Machine *a = make(board, 2), *b = make(board, 2), *other = make(board, 1);
    DevError err = {""};
    char *shape = machine_shape(a), *text = machine_state_save(a);
    assert_true(machine_shape_fits(b, shape, &err));
    assert_false(machine_shape_fits(other, shape, &err));
    assert_non_null(strstr(err.text, "cpus"));
    if (!machine_state_check(b, text, &err) || !machine_state_load(b, text, &err))
        fail_msg("%s", err.text);
    char *again = machine_state_save(b);
    char *third = NULL; /* what a reset leaves otherwise than devices drive it has settled by then */
    if (!machine_state_load(a, again, &err))
        fail_msg("%s", err.text);
    third = machine_state_save(a);
    if (strcmp(third, again) != 0 && !strstr(board->isa, "riscv")) /* whose counters are the host's */
        tell_difference(board, again, third);
    free(third);
    assert_false(machine_state_check(other, text, &err));
    text[strlen(text) / 2] = 0;
    assert_false(machine_state_check(b, text, &err));
    assert_false(machine_state_load(b, text, &err));
    free(shape);
    free(text);
    free(again);
    machine_free(a);
    machine_free(b);
    machine_free(other);
}

static void machines(void **unused)
{
    pass_on(&riscv_virt_board);
    pass_on(&arm_virt_board);
    pass_on(&arm32_virt_board);
    pass_on(&x86_pc_board);
    pass_on(&x86_q35_board);
    pass_on(&x86_microvm_board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(covered), cmocka_unit_test(values),
                                       cmocka_unit_test(machines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
