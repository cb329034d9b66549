/* DbtMap (accel/dbt/region.h) by itself: regions without code in a map without a cache. */
#include "test.h"

#include "accel/dbt/region.h"

enum { REWRITES = 2000 };

static DbtMap map;
static CodeCache cache;

static int setup(void **state)
{
    cache = (CodeCache){0};
    lock_init(&cache.lock, LOCK_RANK_CODE);
    map = (DbtMap){.cache = &cache};
    map.table = calloc(1u << DBT_HASH_BITS, sizeof(*map.table));
    map.filter = calloc(1u << DBT_FILTER_BITS, 1);
    map.page = calloc(1u << DBT_PAGE_BITS, sizeof(*map.page));
    return map.table && map.filter && map.page ? 0 : -1;
}

static int teardown(void **state)
{
    free(map.table);
    free(map.filter);
    free(map.page);
    return 0;
}

static DbtRegion *make_region(Gva pc)
{
    DbtRegion *r = calloc(1, sizeof(*r) + sizeof(r->run[0]) + sizeof(DbtPageRef));
    r->pc = pc;
    r->n_runs = 1;
    r->run[0] = (SuperblockRun){.pc = pc, .len = 8};
    r->ref = (DbtPageRef *)&r->run[1];
    return r;
}

static void a_dropped_region_is_not_found_and_its_successor_is(void **state)
{
    DbtRegion *first = make_region(0x10000), *other = make_region(0x10008), *second = make_region(0x10000);
    assert_true(dbt_map_insert(&map, first, map.generation));
    assert_true(dbt_map_insert(&map, other, map.generation));
    assert_ptr_equal(dbt_map_find(&map, 0x10000, 0), first);
    assert_int_equal(dbt_map_invalidate(&map, 0x10004, 2), 1);
    assert_null(dbt_map_find(&map, 0x10000, 0));
    assert_ptr_equal(dbt_map_find(&map, 0x10008, 0), other);
    assert_true(dbt_map_insert(&map, second, map.generation));
    assert_ptr_equal(dbt_map_find(&map, 0x10000, 0), second);
    free(first);
    free(other);
    free(second);
}

static void a_translation_older_than_an_invalidation_is_refused(void **state)
{
    DbtRegion *r = make_region(0x20000);
    uint64_t seen = map.generation;
    dbt_map_invalidate(&map, 0x50000, 4096);
    assert_false(dbt_map_insert(&map, r, seen));
    assert_null(dbt_map_find(&map, 0x20000, 0));
    free(r);
}

/* JIT compilers in the guest rewrite one place for ever: the table must not fill, nor its chains grow. */
static void code_rewritten_at_one_address_takes_one_entry(void **state)
{
    DbtRegion *all[REWRITES];
    for (int i = 0; i < REWRITES; i++) {
        all[i] = make_region(0x30000);
        assert_true(dbt_map_insert(&map, all[i], map.generation));
        assert_int_equal(dbt_map_invalidate(&map, 0x30000, 4), 1);
    }
    assert_int_equal(map.n_entries, 1);
    for (int i = 0; i < REWRITES; i++)
        free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dropped_region_is_not_found_and_its_successor_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_translation_older_than_an_invalidation_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(code_rewritten_at_one_address_takes_one_entry, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
