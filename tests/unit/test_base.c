/* base: text against libc's printf, arenas, accesses to memory that is not there, locks and their dead
 * owners. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/fmt.h"
#include "base/lock.h"
#include "base/sys.h"

enum { PAGE = 4096, TURNS = 20000 };

/* ---- text ---- */

#define SAME(...)                                                                                            \
    do {                                                                                                     \
        char want[128], got[128] = "";                                                                       \
        Fmt f = FMT_ON(got);                                                                                 \
        snprintf(want, sizeof(want), __VA_ARGS__);                                                           \
        fmt_printf(&f, __VA_ARGS__);                                                                         \
        assert_string_equal(got, want);                                                                      \
        assert_int_equal(f.len, strlen(want));                                                               \
    } while (0)

static void text_is_that_of_printf(void **state)
{
    static const long values[] = {0, 1, -1, 9, 10, -10, 255, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (unsigned k = 0; k < ARRAY_SIZE(values); k++) {
        long v = values[k];
        SAME("%d %u %x", (int)v, (unsigned)v, (unsigned)v);
        SAME("%ld %lu %lx %zu", v, v, v, (size_t)v);
        SAME("[%5d] [%-5d] [%05d] [%*d]", (int)v, (int)v, (int)v, 12, (int)v);
        SAME("[%016lx] [%-20lu]", v, v);
    }
    SAME("%s|%c|%%|%p", "text", 'c', (void *)values);
    SAME("[%8s] [%-8s] [%.2s] [%.*s]", "abc", "abc", "abc", 1, "abc");
}

static void text_that_does_not_fit_is_cut(void **state)
{
    char buf[8] = "xxxxxxx";
    Fmt f = {.buf = buf, .cap = 5};
    fmt_printf(&f, "%s%d", "ab", 12345);
    assert_string_equal(buf, "ab12");
    assert_int_equal(f.len, 4);
    assert_string_equal(buf + 5, "xx");
}

/* ---- arenas ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (p[k])
            return false;
    return true;
}

static void arena_memory_is_zero_also_after_a_reset(void **state)
{
    Arena a;
    size_t size = 1 << 20;
    assert_true(arena_init(&a, size));
    for (int k = 0; k < 3; k++) {
        uint8_t *p = arena_alloc(&a, size, 1);
        assert_non_null(p);
        assert_true(is_zero(p, size));
        memset(p, 0xff, size);
        assert_null(arena_alloc(&a, 1, 1));
        arena_rewind(&a, 16); /* what was above is still known to be dirty */
        arena_reset(&a);
    }
    arena_clear(&a);
    arena_clear(&a);
    arena_clear(NULL);
}

static void arena_alignment_and_limits_hold(void **state)
{
    Arena a;
    assert_true(arena_init(&a, PAGE));
    for (size_t align = 1; align <= 256; align *= 2)
        assert_int_equal((uintptr_t)arena_alloc(&a, 3, align) % align, 0);
    assert_null(arena_alloc(&a, PAGE, 1));
    assert_null(arena_alloc(&a, SIZE_MAX, 1));
    assert_null(arena_alloc(&a, SIZE_MAX - 8, 16));
    size_t rest = a.limit - a.used;
    assert_non_null(arena_alloc(&a, rest, 1));
    arena_clear(&a);
}

/* ---- memory that is not there ---- */

static void on_fault(int sig, siginfo_t *info, void *context)
{
    uint64_t pc = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (!fault_fixup(&pc))
        abort();
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

/* A page that is there and behind it one that is not; returns the end of the first. */
static uint8_t *edge(void)
{
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &act, NULL);
    uint8_t *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
    return p + PAGE;
}

static void accesses_say_whether_they_faulted(void **state)
{
    uint8_t *end = edge();
    for (unsigned size = 1; size <= 8; size *= 2) {
        uint64_t at = (uint64_t)(uintptr_t)(end - size), value = 0x8877665544332211ull >> (64 - 8 * size);
        assert_int_equal(fault_st(at, value, size), 0);
        FaultVal v = fault_ld(at, size);
        assert_true(!v.fault && v.val == value);
        v = fault_cas(at, value, 7, size);
        assert_true(!v.fault && v.val == value);
        v = fault_cas(at, value, 9, size);
        assert_true(!v.fault && v.val == 7);
        assert_int_not_equal(fault_ld(at + 1, size).fault,
                             0); /* all but the first byte, or all, are not there */
        assert_int_not_equal(fault_ld(at + size, size).fault, 0);
        assert_int_not_equal(fault_st(at + size, 1, size), 0);
        assert_int_not_equal(fault_cas(at + size, 0, 1, size).fault, 0);
        assert_int_equal(fault_ld(at, size).val, 7);
    }
    uint64_t at = (uint64_t)(uintptr_t)(end - 16), memory[2] = {1, 2};
    const uint64_t one_two[2] = {1, 2}, big[2] = {~0ull, 1ull << 63};
    memcpy(end - 16, one_two, 16);
    assert_int_equal(fault_cas128(at, memory, big), 0); /* equal: stores */
    assert_true(memory[0] == 1 && memory[1] == 2 && !memcmp(end - 16, big, 16));
    assert_int_equal(fault_cas128(at, memory, one_two), 0); /* not equal: says what is there */
    assert_true(memory[0] == big[0] && memory[1] == big[1] && !memcmp(end - 16, big, 16));
    assert_int_not_equal(fault_cas128(at + 16, memory, one_two), 0);
    munmap(end - PAGE, 2 * PAGE);
}

static void copies_say_how_much_is_left(void **state)
{
    uint8_t *end = edge(), buf[1024];
    for (size_t n = 0; n < 600; n += n < 70 ? 1 : 33) {
        for (size_t there = 0; there <= n; there++) {
            memset(end - there, 'x', there);
            memset(buf, 'y', sizeof(buf));
            assert_int_equal(fault_copy(buf, end - there, n), n - there);
            assert_true(!memcmp(buf, end - there, there) && buf[there] == 'y');
            assert_int_equal(fault_copy(end - there, buf, n), n - there);
        }
        assert_int_equal(fault_strnlen((char *)end - n, n), n);
        assert_int_equal(fault_strnlen((char *)end - n, n + 1), -1);
        if (n > 0) {
            end[-1] = 0;
            assert_int_equal(fault_strnlen((char *)end - n, 1000), n - 1);
        }
    }
    munmap(end - PAGE, 2 * PAGE);
}

/* Downwards as by bytes, and what is behind stays. */
static void overlapping_copies_are_as_by_bytes(void **state)
{
    uint8_t buf[256], want[256];
    for (size_t apart = 1; apart < 40; apart++) {
        for (size_t n = 0; n < 200; n++) {
            for (size_t k = 0; k < sizeof buf; k++)
                buf[k] = want[k] = (uint8_t)(k * 7 + n);
            memmove(want, want + apart, n);
            assert_int_equal(fault_copy(buf, buf + apart, n), 0);
            assert_memory_equal(buf, want, sizeof buf);
        }
    }
}

/* ---- locks ---- */

static Lock lock;
static volatile unsigned counter; /* not atomic: the lock is what is tested */

static void *count(void *arg)
{
    for (unsigned k = 0; k < TURNS; k++) {
        lock_take(&lock);
        counter = counter + 1;
        lock_release(&lock);
    }
    return NULL;
}

static void a_lock_lets_in_one_at_a_time(void **state)
{
    pthread_t thread[4];
    lock_init(&lock, LOCK_RANK_LOG);
    counter = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(thread); k++)
        assert_int_equal(pthread_create(&thread[k], NULL, count, NULL), 0);
    for (unsigned k = 0; k < ARRAY_SIZE(thread); k++)
        pthread_join(thread[k], NULL);
    assert_int_equal(counter, TURNS * ARRAY_SIZE(thread));
    assert_int_equal(lock.state, 0);
}

static void the_lock_of_a_dead_owner_is_taken_over_and_says_so(void **state)
{
    Lock *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    lock_init(shared, LOCK_RANK_LOG);
    pid_t child = fork();
    if (child == 0) {
        shared->state = (uint32_t)getpid(); /* as lock_take() of a thread that dies inside */
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(shared->state, child);
    lock_take(shared);
    assert_int_not_equal(shared->broken, 0);
    lock_release(shared);
    shared->broken = 0;
    shared->state = (uint32_t)child;
    lock_owner_died(shared, (uint32_t)child);
    assert_int_equal(shared->state, 0);
    munmap(shared, PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_that_of_printf),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        cmocka_unit_test(arena_memory_is_zero_also_after_a_reset),
        cmocka_unit_test(arena_alignment_and_limits_hold),
        cmocka_unit_test(accesses_say_whether_they_faulted),
        cmocka_unit_test(copies_say_how_much_is_left), cmocka_unit_test(overlapping_copies_are_as_by_bytes),
        cmocka_unit_test(a_lock_lets_in_one_at_a_time),
        cmocka_unit_test(the_lock_of_a_dead_owner_is_taken_over_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
