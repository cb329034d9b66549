#include "tests/dev/dev_kit.h"

static uint64_t kit_now(void *opaque) { return ((DevKit *)opaque)->now_ns; }

static void watch(void *receiver, unsigned n, bool level)
{
    DevKit *k = receiver;
    k->level = level ? k->level | 1u << n : k->level & ~(1u << n);
}

void kit_init(DevKit *k)
{
    *k = (DevKit){0};
    mem_map_init(&k->map);
    clock_init(&k->clock, kit_now, NULL, k);
    for (unsigned n = 0; n < ARRAY_SIZE(k->line); n++)
        k->line[n] = (IrqLine){watch, k, n};
}

static Device *make(DevKit *k, const DevClass *cls, const char *const *props, const void *const *links)
{
    DevError err;
    Device *d = dev_new(cls, NULL, "it");
    assert_non_null(d);
    for (; props && *props; props += 2)
        assert_true(dev_set(d, props[0], props[1], &err));
    for (; links && *links; links += 2)
        assert_true(dev_set_ptr(d, links[0], (void *)(uintptr_t)links[1], &err));
    assert_true(dev_realize(d, &k->map, &k->clock, &err));
    dev_reset(d);
    return d;
}

void kit_device(DevKit *k, const DevClass *cls, const char *const *props, const void *const *links)
{
    k->dev = make(k, cls, props, links);
    assert_true(mem_map_add(&k->map, &k->dev->region[0]));
}

void kit_clear(DevKit *k)
{
    dev_free(k->dev);
    mem_map_clear(&k->map);
}

uint64_t kit_read(DevKit *k, uint64_t at, unsigned size)
{
    uint64_t v = 0;
    MemRange r;
    assert_true(mem_map_find(&k->map, at, &r));
    assert_true(mem_range_read(&r, at, size, &v));
    return v;
}

void kit_write(DevKit *k, uint64_t at, unsigned size, uint64_t value)
{
    MemRange r;
    assert_true(mem_map_find(&k->map, at, &r));
    assert_true(mem_range_write(&k->map, &r, at, size, value));
}

void kit_pass(DevKit *k, uint64_t ns)
{
    k->now_ns += ns;
    clock_run(&k->clock);
}

enum { TEXT_ROOM = 1 << 20 };

void kit_round_trip(DevKit *k, const char *const *props, const void *const *links)
{
    DevError err;
    const DevClass *cls = k->dev->cls;
    char *before = malloc(TEXT_ROOM), *after = malloc(TEXT_ROOM);
    Fmt f = {.buf = before, .cap = TEXT_ROOM}, g = {.buf = after, .cap = TEXT_ROOM};
    uint32_t lines = k->level;
    dev_save(k->dev, &f);
    assert_true(f.len < TEXT_ROOM - 1);
    mem_map_remove(&k->map, &k->dev->region[0]);
    Device *other = make(k, cls, props, links);
    assert_true(dev_load(other, before, &err));
    dev_save(other, &g);
    assert_string_equal(before, after);
    assert_memory_equal((char *)other + cls->state_begin, (char *)k->dev + cls->state_begin,
                        cls->state_end - cls->state_begin);
    assert_int_equal(k->level, lines);
    before[f.len / 2] = 0; /* cut off: refused, and nothing crashes */
    assert_true(cls->n_state == 0 || !dev_load(other, before, &err));
    before[f.len / 2] = '\n';
    assert_true(f.len < 40 || !dev_load(other, "[it] nothing 1\n", &err));
    after[f.len] = 0;
    assert_true(dev_load(other, after, &err));
    dev_free(k->dev);
    k->dev = other;
    assert_true(mem_map_add(&k->map, &other->region[0]));
    free(before);
    free(after);
}
