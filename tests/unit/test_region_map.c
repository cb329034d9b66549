/* DbtMap (accel/dbt/region.h) by itself: regions without code in a map without a cache. */
#include "test.h"

#include "accel/dbt/dbt.h"

enum { REWRITES = 2000, MANY = 3000 };

static DbtMap map;
static CodeCache cache;
static CodeSegment segment;

static int setup(void **state)
{
    segment = (CodeSegment){.state = SEG_CLOSED, .region = calloc(MANY, sizeof(DbtRegion *))};
    cache = (CodeCache){.segment = &segment, .n_segments = 1, .next = 1};
    lock_init(&cache.lock, LOCK_RANK_CODE);
    map = (DbtMap){.cache = &cache};
    map.mask = (1u << DBT_HASH_MIN_BITS) - 1;
    map.table = calloc(1u << DBT_HASH_BITS, sizeof(*map.table));
    map.filter = calloc(1u << DBT_FILTER_BITS, 1);
    map.page = calloc(1u << DBT_PAGE_BITS, sizeof(*map.page));
    return map.table && map.filter && map.page ? 0 : -1;
}

static int teardown(void **state)
{
    for (uint32_t k = 0; k < segment.n_regions; k++)
        free(segment.region[k]);
    free(segment.region);
    free(map.table);
    free(map.filter);
    free(map.page);
    return 0;
}

/* Of 8 guest bytes at pc. Freed at the end. */
static DbtRegion *make_region(Gva pc)
{
    DbtRegion *r = calloc(1, sizeof(*r) + sizeof(r->run[0]) + sizeof(DbtBytes));
    r->pc = pc;
    r->size = 16;
    r->dead = r->blocked = true;
    r->n_runs = 1;
    r->run[0] = (DbtRun){.pc = pc, .len = 8};
    r->own = (DbtBytes *)&r->run[1];
    return segment.region[segment.n_regions++] = r;
}

static DbtRegion *insert(DbtRegion *r)
{
    assert_int_equal(dbt_map_insert(&map, r, map.generation, map.fence), DBT_INSERTED);
    return r;
}

static void a_dropped_region_is_not_found_and_its_successor_is(void **state)
{
    DbtRegion *first = insert(make_region(0x10000)), *other = insert(make_region(0x10008));
    assert_ptr_equal(dbt_map_find(&map, 0x10000, 0), first);
    assert_int_equal(segment.live, 32);
    assert_int_equal(dbt_map_invalidate(&map, 0x10004, 2), 1);
    assert_int_equal(segment.live, 16);
    assert_true(first->blocked);
    assert_null(dbt_map_find(&map, 0x10000, 0));
    assert_ptr_equal(dbt_map_find(&map, 0x10008, 0), other);
    DbtRegion *second = insert(make_region(0x10000));
    assert_ptr_equal(dbt_map_find(&map, 0x10000, 0), second);
}

static void a_translation_of_bytes_invalidated_meanwhile_is_refused(void **state)
{
    DbtRegion *r = make_region(0x20000);
    uint64_t seen = map.generation;
    dbt_map_invalidate(&map, 0x20004, 1);
    assert_int_equal(dbt_map_insert(&map, r, seen, 0), DBT_CHANGED);
    assert_null(dbt_map_find(&map, 0x20000, 0));
    seen = map.generation;
    for (int i = 0; i < DBT_CHANGES; i++)
        dbt_map_invalidate(&map, 0x50000, 4096);
    assert_int_equal(dbt_map_insert(&map, r, seen, 0), DBT_INSERTED);
    DbtRegion *late = make_region(0x20100);
    dbt_map_invalidate(&map, 0x50000, 4096); /* one more than is remembered */
    assert_int_equal(dbt_map_insert(&map, late, seen, 0), DBT_CHANGED);
}

/* JIT compilers in the guest rewrite one place for ever: the table must not fill, nor its chains grow. */
static void code_rewritten_at_one_address_takes_one_entry(void **state)
{
    insert(make_region(0x30002)); /* the next entry of the table: what is removed before it leaves tombs */
    for (int i = 0; i < REWRITES; i++) {
        insert(make_region(0x30000));
        assert_int_equal(dbt_map_invalidate(&map, 0x30000, 2), 1);
    }
    assert_int_equal(map.n_entries, 1);
    assert_true(map.n_tombs <= 1);
    dbt_map_invalidate(&map, 0x30000, 64);
    assert_int_equal(map.n_entries + map.n_tombs, 0);
}

static void rebuilding_keeps_what_is_live(void **state)
{
    for (Gva n = 0; n < 1000; n++)
        insert(make_region(0x40000 + 4096 * n + 16 * (n % 100)));
    dbt_map_invalidate(&map, 0x40000, 4096 * 990);
    assert_int_equal(map.n_pages, 1000);
    dbt_map_rebuild(&map);
    assert_int_equal(map.n_pages, 10);
    assert_int_equal(map.n_entries, 10);
    assert_int_equal(map.n_tombs, 0);
    for (Gva n = 0; n < 1000; n++)
        assert_int_equal(dbt_map_known(&map, 0x40000 + 4096 * n + 16 * (n % 100), 0), n >= 990);
    assert_int_equal(dbt_map_invalidate(&map, 0, UINT64_MAX), 10);
    assert_int_equal(segment.live, 0);
}

static void evicting_takes_everything_of_the_segment(void **state)
{
    for (Gva n = 0; n < 100; n++)
        insert(make_region(0x60000 + 8 * n));
    dbt_map_evict(&map, &segment);
    assert_int_equal(segment.live, 0);
    assert_int_equal(map.n_entries + map.n_tombs, 0);
    assert_int_equal(dbt_map_invalidate(&map, 0x60000, 4096), 0);
}

/* After mprotect(): what has kept its bytes waits for a comparison, and goes when it may not be executed. */
static void rechecking_keeps_what_can_be_compared(void **state)
{
    static uint8_t code[64], copy[8];
    Gva pc = (Gva)(uintptr_t)code & ~1ull;
    DbtRegion *r = make_region(pc), *fixed = insert(make_region(pc + 8));
    r->writable = true;
    r->own->bytes = copy;
    insert(r);
    assert_int_equal(dbt_map_recheck(&map, pc, 16), 2);
    assert_true(fixed->dead && !r->dead && r->blocked && !dbt_region_checked(&map, r));
    dbt_map_fence(&map);
    assert_false(dbt_region_checked(&map, r));
    assert_true(dbt_map_check(&map, r, map.generation, true));
    assert_true(!r->blocked && dbt_region_checked(&map, r));
    dbt_map_recheck(&map, pc, 16);
    assert_false(dbt_map_check(&map, r, map.generation, false));
    assert_true(r->dead);
}

/* A writable region may run until the next fence, then after a comparison. */
static void fences_ask_for_a_comparison(void **state)
{
    static uint8_t code[64] = {1, 2, 3, 4, 5, 6, 7, 8}, copy[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    Gva pc = (Gva)(uintptr_t)code & ~1ull;
    DbtRegion *r = make_region(pc);
    memcpy(copy, (void *)(uintptr_t)pc, 8);
    r->writable = true;
    r->own->bytes = copy;
    insert(r);
    assert_false(r->blocked);
    assert_int_equal(dbt_map_fence(&map), 1);
    assert_true(r->blocked && !dbt_region_checked(&map, r));
    assert_int_equal(dbt_map_fence(&map), 0); /* nothing ran: nothing to do */
    assert_false(dbt_map_check(&map, r, map.generation - 1, true)); /* something changed meanwhile: again */
    assert_true(dbt_map_check(&map, r, map.generation, true));
    assert_true(!r->blocked && dbt_region_checked(&map, r));
    dbt_map_fence(&map);
    *(uint8_t *)(uintptr_t)pc ^= 1;
    assert_false(dbt_map_check(&map, r, map.generation, true));
    assert_null(dbt_map_find(&map, pc, 0));
    /* A fence during the translation: found, but compared before it runs. */
    DbtRegion *late = make_region(pc);
    late->writable = true;
    late->own->bytes = copy;
    uint64_t seen = map.fence;
    dbt_map_fence(&map);
    assert_int_equal(dbt_map_insert(&map, late, map.generation, seen), DBT_INSERTED);
    assert_true(late->blocked && !dbt_region_checked(&map, late));
}

static void jump_caches_forget_what_has_gone(void **state)
{
    static DbtJump jump[X64_JC_ENTRIES];
    uint64_t gone = map.n_gone;
    jump[0x70000 >> 1 & (X64_JC_ENTRIES - 1)] = (DbtJump){.pc = 0x70000, .rx = 1};
    jump[0x70008 >> 1 & (X64_JC_ENTRIES - 1)] = (DbtJump){.pc = 0x70008, .rx = 1};
    insert(make_region(0x70000));
    dbt_map_invalidate(&map, 0x70000, 4);
    assert_true(dbt_map_forget(&map, &gone, jump, 1));
    assert_int_equal(gone, map.n_gone);
    assert_int_equal(jump[0x70000 >> 1 & (X64_JC_ENTRIES - 1)].rx, 0);
    assert_int_equal(jump[0x70008 >> 1 & (X64_JC_ENTRIES - 1)].rx, 1);
    for (unsigned n = 0; n <= DBT_GONE; n++) {
        insert(make_region(0x90000));
        dbt_map_invalidate(&map, 0x90000, 4);
    }
    assert_false(dbt_map_forget(&map, &gone, jump, 1)); /* that many that everything has to go */
    assert_int_equal(gone, map.n_gone);
    dbt_jumps_clear(jump);
    assert_int_equal(jump[0x70008 >> 1 & (X64_JC_ENTRIES - 1)].rx, 0);
    assert_int_equal(jump[0].pc, 1); /* so that pc 0 misses */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_dropped_region_is_not_found_and_its_successor_is),
        T(a_translation_of_bytes_invalidated_meanwhile_is_refused),
        T(code_rewritten_at_one_address_takes_one_entry),
        T(rebuilding_keeps_what_is_live),
        T(evicting_takes_everything_of_the_segment),
        T(fences_ask_for_a_comparison),
        T(rechecking_keeps_what_can_be_compared),
        T(jump_caches_forget_what_has_gone),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
