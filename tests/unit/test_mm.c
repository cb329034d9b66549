/*
 * The guest's address space (linux-user/mm.h), without a guest: the same random calls go to it and, in
 * another place, to the kernel; results, errnos and what is mapped with which protection must agree page by
 * page.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "linux-user/mm_int.h"

enum { AREA_PAGES = 96, ROUNDS = 40000 };

static LuProc proc;
static LuThread thread;
static LuOptions opt;

static int setup(void **state)
{
    uint64_t random[4] = {0x123456789, 0xabcdef12345, 0x777777777777, 5};
    thread.proc = &proc;
    proc.abi = thread.abi = &lu_abi_riscv64;
    proc.opt = &opt;
    opt.sysroot = "";
    proc.mm = lu_mm_new(proc.abi, &opt, random);
    return proc.mm ? 0 : -1;
}

/* Protection per page of [start, start + AREA_PAGES pages): 8 = unmapped, else PROT_*. */
static void host_pages(Gva start, uint8_t *page)
{
    char line[600], perm[5];
    memset(page, 8, AREA_PAGES);
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), f)) {
        unsigned long a, b;
        sscanf(line, "%lx-%lx %4s", &a, &b, perm);
        for (Gva at = MAX(a, start); at < MIN(b, start + AREA_PAGES * PAGE); at += PAGE)
            page[(at - start) / PAGE] =
                (uint8_t)((perm[0] == 'r') | (perm[1] == 'w') << 1 | (perm[2] == 'x') << 2);
    }
    fclose(f);
}

static void map_pages(Gva start, uint8_t *page)
{
    const LuMm *mm = proc.mm;
    memset(page, 8, AREA_PAGES);
    for (uint32_t i = 0; i < mm->n; i++) {
        const Range *r = range_at(mm, i);
        assert_true(r->start < r->end);
        if (i)
            assert_true(range_at(mm, i - 1)->end <= r->start);
        for (Gva at = MAX(r->start, start); at < MIN(r->end, start + AREA_PAGES * PAGE); at += PAGE)
            page[(at - start) / PAGE] = r->prot;
    }
}

/* Two areas of the same size far from everything: one for each side. */
static Gva area(unsigned which) { return 0x280000000000 + which * 0x10000000000; }

typedef struct Call {
    int kind, prot, flags;
    unsigned a, n, b, m; /* pages */
} Call;

static Call random_call(void)
{
    Call c = {.kind = rand() % 10, .prot = rand() & 7, .a = (unsigned)rand() % AREA_PAGES};
    c.n = 1 + (unsigned)rand() % (AREA_PAGES - c.a);
    c.n = rand() % 3 ? 1 + c.n / 8 : c.n;
    c.b = (unsigned)rand() % AREA_PAGES;
    c.m = 1 + (unsigned)rand() % (AREA_PAGES - c.b);
    c.m = rand() % 3 ? 1 + c.m / 8 : c.m;
    c.flags = MAP_ANONYMOUS | (rand() & 1 ? MAP_SHARED : MAP_PRIVATE) |
              (rand() & 1 ? MAP_FIXED : MAP_FIXED_NOREPLACE);
    return c;
}

/* What an address becomes relative to its area, so that both sides compare. */
static long relative(long r, Gva base) { return r < 0 && r > -4096 ? r : r - (long)base; }

static long on_guest(const Call *c, Gva base)
{
    Gva a = base + c->a * PAGE, b = base + c->b * PAGE;
    switch (c->kind) {
    case 0: case 1: case 2: case 3:
        return relative(lu_mm_mmap(&thread, a, c->n * PAGE, c->prot, c->flags, -1, 0), base);
    case 4: return lu_mm_munmap(&thread, a, c->n * PAGE);
    case 5: case 6: return lu_mm_mprotect(&thread, a, c->n * PAGE, c->prot);
    case 7: return relative(lu_mm_mremap(&thread, a, c->n * PAGE, c->m * PAGE, 3, b), base);
    case 8: return relative(lu_mm_mremap(&thread, a, c->n * PAGE, c->m * PAGE, 0, 0), base);
    default: return lu_mm_madvise(&thread, a, c->n * PAGE, MADV_DONTNEED);
    }
}

static long on_kernel(const Call *c, Gva base)
{
    Gva a = base + c->a * PAGE, b = base + c->b * PAGE;
    int prot = c->prot & PROT_EXEC ? (c->prot & ~PROT_EXEC) | PROT_READ : c->prot;
    switch (c->kind) {
    case 0: case 1: case 2: case 3:
        return relative(sys_mmap((void *)a, c->n * PAGE, prot, c->flags, -1, 0), base);
    case 4: return sys_munmap((void *)a, c->n * PAGE);
    case 5: case 6: return sys_mprotect((void *)a, c->n * PAGE, prot);
    case 7: return relative(sys_call5(SYS_mremap, a, c->n * PAGE, c->m * PAGE, 3, b), base);
    case 8: return relative(sys_call5(SYS_mremap, a, c->n * PAGE, c->m * PAGE, 0, 0), base);
    default: return sys_madvise((void *)a, c->n * PAGE, MADV_DONTNEED);
    }
}

/* The guest's EXEC differs between pages that are one mapping for the kernel, so mremap across them may
 * differ. */
static bool may_differ(const Call *c, long guest, long kernel)
{
    return (c->kind == 7 || c->kind == 8) && guest == -EFAULT && kernel >= 0;
}

static void test_random_calls(void **state)
{
    uint8_t want[AREA_PAGES], have[AREA_PAGES], host[AREA_PAGES];
    srand(7);
    for (int round = 0; round < ROUNDS; round++) {
        Call c = random_call();
        /* Without EXEC both maps join the same neighbours, and every result must agree. */
        if (round & 1024)
            c.prot &= 3;
        long g = on_guest(&c, area(0));
        if (c.kind >= 7 && c.kind <= 8 && g == -EFAULT)
            continue;
        long k = on_kernel(&c, area(1));
        if (g != k && !may_differ(&c, g, k))
            fail_msg("round %d kind %d prot %d flags %x page %u n %u to %u n %u: %ld, kernel %ld", round,
                     c.kind, c.prot, c.flags, c.a, c.n, c.b, c.m, g, k);
        if (round % 16)
            continue;
        map_pages(area(0), have);
        host_pages(area(0), host);
        host_pages(area(1), want);
        for (int i = 0; i < AREA_PAGES; i++) {
            uint8_t p = have[i] == 8 || !(have[i] & 4) ? have[i] : (have[i] & 3) | 1;
            if (p != host[i] || p != want[i])
                fail_msg("round %d page %d: map %d, host %d, kernel %d", round, i, p, host[i], want[i]);
        }
    }
    assert_int_equal(lu_mm_munmap(&thread, area(0), AREA_PAGES * PAGE), 0);
    sys_munmap((void *)area(1), AREA_PAGES * PAGE);
}

/* What the kernel accounts: the sums must follow exactly. */
static void test_accounting(void **state)
{
    uint64_t total = 0, data = 0;
    for (uint32_t i = 0; i < proc.mm->n; i++) {
        const Range *r = range_at(proc.mm, i);
        if (r->kind & RANGE_FOREIGN)
            continue;
        total += r->end - r->start;
        data += range_is_data(r) ? r->end - r->start : 0;
    }
    assert_int_equal(total, proc.mm->total);
    assert_int_equal(data, proc.mm->data);
}

static long map(Gva a, uint64_t n, int prot, int flags, int fd, uint64_t off)
{
    return lu_mm_mmap(&thread, a, n, prot, flags, fd, off);
}

static void test_errors(void **state)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
    Gva task = lu_mm_task_size(proc.mm);
    assert_int_equal(map(0, 0, rw, anon, -1, 0), -EINVAL);
    assert_int_equal(map(0, 1, rw, anon, -1, 1), -EINVAL);
    assert_int_equal(map(0, 1, rw, MAP_ANONYMOUS, -1, 0), -EINVAL);
    assert_int_equal(map(0, -1, rw, anon, -1, 0), -ENOMEM);
    assert_int_equal(map(0, task, rw, anon, -1, 0), -ENOMEM);
    assert_int_equal(map(0, PAGE, rw, MAP_PRIVATE, -1, 0), -EBADF);
    assert_int_equal(map(0, PAGE, rw, MAP_PRIVATE, 99, 0), -EBADF);
    assert_int_equal(map(0, PAGE, rw, anon, -1, (uint64_t)-PAGE), -EOVERFLOW);
    assert_int_equal(map(0x100001, PAGE, rw, anon | MAP_FIXED, -1, 0), -EINVAL);
    assert_int_equal(map(task, PAGE, rw, anon | MAP_FIXED, -1, 0), -ENOMEM);
    assert_int_equal(map(task - PAGE, 2 * PAGE, rw, anon | MAP_FIXED, -1, 0), -ENOMEM);
    assert_int_equal(map(~0xfffull, PAGE, rw, anon | MAP_FIXED, -1, 0), -ENOMEM);
    assert_int_equal(map(1ull << 47, PAGE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0), -ENOMEM);
    Gva p = (Gva)map(0, 4 * PAGE, rw, anon, -1, 0);
    assert_int_equal(map(p + PAGE, PAGE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    assert_int_equal(lu_mm_munmap(&thread, p + 1, PAGE), -EINVAL);
    assert_int_equal(lu_mm_munmap(&thread, p, 0), -EINVAL);
    assert_int_equal(lu_mm_munmap(&thread, task, PAGE), -EINVAL);
    assert_int_equal(lu_mm_mprotect(&thread, p + 1, PAGE, rw), -EINVAL);
    assert_int_equal(lu_mm_mprotect(&thread, p, 0, rw), 0);
    assert_int_equal(lu_mm_mprotect(&thread, p, PAGE, 0x40), -EINVAL);
    assert_int_equal(lu_mm_mprotect(&thread, task, PAGE, rw), -ENOMEM);
    assert_int_equal(lu_mm_mremap(&thread, p, PAGE, PAGE, MREMAP_FIXED, p), -EINVAL);
    assert_int_equal(lu_mm_mremap(&thread, p, PAGE, 0, 0, 0), -EINVAL);
    assert_int_equal(lu_mm_mremap(&thread, p, 8 * PAGE, 9 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
    assert_int_equal(lu_mm_mremap(&thread, p, PAGE, 2 * PAGE, 3, task - PAGE), -EINVAL);
    assert_int_equal(lu_mm_munmap(&thread, p, 4 * PAGE), 0);
}

static void test_hints(void **state)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
    Gva want = 0x200000000000;
    Gva p = (Gva)map(want + 123, PAGE, PROT_READ, anon, -1, 0);
    assert_int_equal(p, want + PAGE);
    Gva q = (Gva)map(p, PAGE, PROT_READ, anon, -1, 0); /* taken: elsewhere */
    assert_true(q != p && q < lu_mm_task_size(proc.mm));
    lu_mm_munmap(&thread, p, PAGE);
    lu_mm_munmap(&thread, q, PAGE);
    Gva low = (Gva)map(0x1000, PAGE, PROT_READ, anon, -1, 0);
    assert_true(low >= 0x10000 && low < lu_mm_task_size(proc.mm));
    lu_mm_munmap(&thread, low, PAGE);
}

/* New mappings go right below the last one, as with the kernel's top-down search. */
static void test_top_down(void **state)
{
    const int anon = MAP_SHARED | MAP_ANONYMOUS;
    Gva a = (Gva)map(0, PAGE, PROT_READ, anon, -1, 0), b = (Gva)map(0, PAGE, PROT_READ, anon, -1, 0);
    assert_int_equal(a - PAGE, b);
    lu_mm_munmap(&thread, a, PAGE);
    assert_int_equal(map(0, PAGE, PROT_READ, anon, -1, 0), a);
    lu_mm_munmap(&thread, b, 2 * PAGE);
    Gva huge = (Gva)map(0, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(huge % (2 << 20), 0);
    lu_mm_munmap(&thread, huge, 4 << 20);
}

/* The end of the highest gap below mmap_base that holds len bytes, found the slow way. */
static Gva highest_gap(uint64_t len)
{
    const LuMm *mm = proc.mm;
    Gva top = mm->layout.mmap_base;
    for (uint32_t i = mm->n; i-- > 0;) {
        const Range *r = range_at(mm, i);
        if (r->start >= mm->layout.mmap_base)
            continue;
        if (top > r->end && top - r->end >= len)
            return top;
        top = MIN(top, r->start);
    }
    return top;
}

static void test_highest_gap(void **state)
{
    enum { N = 400 };
    static struct { Gva at; uint64_t len; } block[N];
    srand(3);
    for (int round = 0; round < 20000; round++) {
        int i = rand() % N;
        if (block[i].at) {
            lu_mm_munmap(&thread, block[i].at, block[i].len);
            block[i].at = 0;
            continue;
        }
        block[i].len = (1 + (unsigned)rand() % (rand() % 4 ? 2 : 40)) * PAGE;
        Gva want = highest_gap(block[i].len) - block[i].len;
        block[i].at = (Gva)map(0, block[i].len, rand() & 1, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (block[i].at != want)
            fail_msg("round %d: %lx instead of %lx", round, block[i].at, want);
    }
    for (int i = 0; i < N; i++)
        if (block[i].at)
            lu_mm_munmap(&thread, block[i].at, block[i].len);
}

static void test_brk(void **state)
{
    Gva start = 0x300000000123;
    lu_mm_set_brk(proc.mm, start);
    assert_int_equal(lu_mm_brk(&thread, 0), start);
    assert_int_equal(lu_mm_brk(&thread, start - 1), start);
    assert_int_equal(lu_mm_brk(&thread, start + 100000), start + 100000);
    *(volatile char *)(align_up(start, PAGE) + 5) = 7;
    assert_int_equal(lu_mm_brk(&thread, start + 10), start + 10);
    assert_int_equal(lu_mm_brk(&thread, start + 50000), start + 50000);
    assert_int_equal(*(volatile char *)(align_up(start, PAGE) + 5), 0); /* fresh memory after shrinking */
    /* Something in the way: the break stays. */
    Gva block = 0x300000100000;
    assert_int_equal(map(block, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), block);
    assert_int_equal(lu_mm_brk(&thread, block + PAGE), start + 50000);
    assert_int_equal(lu_mm_brk(&thread, block), start + 50000); /* the page before it stays free */
    lu_mm_munmap(&thread, block, PAGE);
    assert_int_equal(lu_mm_brk(&thread, start), start);
}

static void test_limits(void **state)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
    struct rlimit64 old, as = {proc.mm->total + 10 * PAGE, RLIM64_INFINITY};
    lu_mm_rlimit(proc.mm, RLIMIT_AS, &as, &old);
    Gva p = (Gva)map(0, 8 * PAGE, rw, anon, -1, 0);
    assert_true(p < lu_mm_task_size(proc.mm));
    assert_int_equal(map(0, 3 * PAGE, rw, anon, -1, 0), -ENOMEM);
    assert_int_equal(map(p, 8 * PAGE, rw, anon | MAP_FIXED, -1, 0), p); /* replaces: no more than before */
    assert_int_equal(lu_mm_mremap(&thread, p, 8 * PAGE, 11 * PAGE, MREMAP_MAYMOVE, 0), -ENOMEM);
    lu_mm_rlimit(proc.mm, RLIMIT_AS, &old, NULL);
    struct rlimit64 data = {proc.mm->data + 2 * PAGE, RLIM64_INFINITY};
    lu_mm_rlimit(proc.mm, RLIMIT_DATA, &data, &old);
    assert_int_equal(map(0, 3 * PAGE, rw, anon, -1, 0), -ENOMEM);
    Gva q = (Gva)map(0, 3 * PAGE, PROT_READ, anon, -1, 0);
    assert_int_equal(lu_mm_mprotect(&thread, q, 3 * PAGE, rw), -ENOMEM);
    lu_mm_rlimit(proc.mm, RLIMIT_DATA, &old, NULL);
    assert_int_equal(lu_mm_mprotect(&thread, q, 3 * PAGE, rw), 0);
    lu_mm_munmap(&thread, p, 8 * PAGE);
    lu_mm_munmap(&thread, q, 3 * PAGE);
}

static void test_exec(void **state)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
    Gva p = (Gva)map(0, 4 * PAGE, PROT_READ, anon, -1, 0);
    assert_int_equal(lu_mm_exec_bytes(proc.mm, p), 0);
    lu_mm_mprotect(&thread, p + PAGE, 2 * PAGE, PROT_READ | PROT_EXEC);
    assert_int_equal(lu_mm_exec_bytes(proc.mm, p + PAGE), 4096);
    assert_int_equal(lu_mm_exec_bytes(proc.mm, p + 3 * PAGE - 6), 6);
    assert_int_equal(lu_mm_exec_bytes(proc.mm, p + 3 * PAGE), 0);
    assert_int_equal(lu_mm_code_page(proc.mm, p + PAGE, false),
                     ACCEL_CODE_UNNOTICED); /* anonymous: written before, and perhaps again */
    lu_mm_munmap(&thread, p, 4 * PAGE);
    /* The same bytes writable through another mapping. */
    int fd = memfd_create("code", 0);
    assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int ro = open(link, O_RDONLY);
    Gva x = (Gva)map(0, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, ro, PAGE);
    assert_int_equal(lu_mm_code_page(proc.mm, x, false), ACCEL_CODE_STAYS);
    Gva w = (Gva)map(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * PAGE);
    assert_int_equal(lu_mm_code_page(proc.mm, x, false), ACCEL_CODE_STAYS);
    assert_int_equal(lu_mm_code_page(proc.mm, x + PAGE, false), ACCEL_CODE_UNNOTICED);
    lu_mm_munmap(&thread, w, 2 * PAGE);
    assert_int_equal(lu_mm_code_page(proc.mm, x + PAGE, false), ACCEL_CODE_STAYS);
    lu_mm_munmap(&thread, x, 2 * PAGE);
    /* What can change without a writable mapping here. */
    x = (Gva)map(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, ro, 0);
    assert_int_equal(lu_mm_code_page(proc.mm, x, false), ACCEL_CODE_STAYS);
    lu_mm_munmap(&thread, x, PAGE);
    x = (Gva)map(0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    assert_int_equal(lu_mm_code_page(proc.mm, x, false), ACCEL_CODE_UNNOTICED);
    lu_mm_munmap(&thread, x, PAGE);
    x = (Gva)map(0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(lu_mm_code_page(proc.mm, x, false), ACCEL_CODE_UNNOTICED);
    lu_mm_munmap(&thread, x, PAGE);
    close(ro);
    close(fd);
}

/* An owner of the lock was killed in the middle of a cut: both pieces are there, the upper one still
 * whole. */
static void test_repair(void **state)
{
    int fd = memfd_create("file", 0);
    assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
    Gva p = (Gva)map(0, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    uint64_t total = proc.mm->total;
    lu_mm_mprotect(&thread, p, PAGE, PROT_READ | PROT_WRITE);
    Range *high = range_at(proc.mm, range_find(proc.mm, p + PAGE));
    assert_int_equal(high->start, p + PAGE);
    high->start = p;
    high->offset = 0;
    proc.mm->total += PAGE;
    proc.mm->lock.state = 0x3fffffff; /* no thread has this id */
    assert_int_equal(lu_mm_prot(proc.mm, p), PROT_READ | PROT_WRITE);
    assert_int_equal(lu_mm_prot(proc.mm, p + PAGE), PROT_READ);
    high = range_at(proc.mm, range_find(proc.mm, p + PAGE));
    assert_true(high->start == p + PAGE && high->offset == PAGE && proc.mm->total == total);
    assert_int_equal(proc.mm->lock.broken, 0);
    lu_mm_munmap(&thread, p, 4 * PAGE);
    close(fd);
}

static void test_growth(void **state)
{
    Gva top = 0x400000000000, size = 16 * PAGE;
    Gva p = (Gva)map(top - size, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    assert_int_equal(p, top - size);
    for (unsigned i = 1; i <= 64; i++)
        *(volatile char *)(p - i * PAGE) = 1;
    assert_true(lu_mm_prot(proc.mm, p - 64 * PAGE) >= 0);
    assert_int_equal(lu_mm_prot(proc.mm, p - 512 * PAGE), -1);
    assert_int_equal(lu_mm_mprotect(&thread, p - 60 * PAGE, PAGE, PROT_READ), 0);
    assert_int_equal(lu_mm_munmap(&thread, p - 512 * PAGE, size + 512 * PAGE), 0);
    assert_int_equal(lu_mm_prot(proc.mm, p - 64 * PAGE), -1);
    assert_int_equal(sys_madvise((void *)(p - 64 * PAGE), PAGE, MADV_NORMAL), -ENOMEM);
}

static void test_shm(void **state)
{
    int id = shmget(IPC_PRIVATE, 3 * PAGE, IPC_CREAT | 0600);
    assert_true(id >= 0);
    Gva p = (Gva)lu_mm_shmat(&thread, id, 0, 0);
    assert_true(p < lu_mm_task_size(proc.mm));
    *(volatile int *)p = 42;
    Gva q = (Gva)lu_mm_shmat(&thread, id, 0, SHM_RDONLY);
    assert_int_equal(*(volatile int *)q, 42);
    assert_int_equal(lu_mm_shmat(&thread, id, p, 0), -EINVAL);
    assert_int_equal(lu_mm_shmat(&thread, id, p + 1, 0), -EINVAL);
    assert_int_equal(lu_mm_shmdt(&thread, p), 0);
    assert_int_equal(lu_mm_prot(proc.mm, p), -1);
    assert_int_equal(lu_mm_shmdt(&thread, p), -EINVAL);
    assert_int_equal(lu_mm_shmdt(&thread, q), 0);
    shmctl(id, IPC_RMID, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_hints),
        cmocka_unit_test(test_top_down),    cmocka_unit_test(test_random_calls),
        cmocka_unit_test(test_highest_gap), cmocka_unit_test(test_brk),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_exec),
        cmocka_unit_test(test_repair),      cmocka_unit_test(test_growth),
        cmocka_unit_test(test_shm),         cmocka_unit_test(test_accounting),
    };
    return cmocka_run_group_tests_name("mm", tests, setup, NULL);
}
