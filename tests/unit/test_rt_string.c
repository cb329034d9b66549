/* The string functions of the executable against libc's: all small sizes and alignments, overlaps, and
 * strings that end at the end of mapped memory. The source is compiled here under other names. */
#include "tests/unit/test.h"

#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "tests/unit/rt_string_names.h"

enum { PAGE = 4096, MOST = 600, ROOM = 2048 };

/* The last page before one that faults. */
static char *page_end(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED && !mprotect(p + PAGE, PAGE, PROT_NONE));
    return p + PAGE;
}

static void fill(char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 7 + seed + 1);
}

static void copies(void **state)
{
    static char a[ROOM], b[ROOM], s[ROOM];
    fill(s, sizeof(s), 5);
    for (unsigned n = 0; n < MOST; n++) {
        for (unsigned at = 0; at < 17; at++) {
            fill(a, sizeof(a), n);
            memcpy(b, a, sizeof(a));
            assert_ptr_equal(rt_memcpy(a + at, s + 32 - at, n), a + at);
            memcpy(b + at, s + 32 - at, n);
            assert_memory_equal(a, b, sizeof(a));
            assert_ptr_equal(rt_memset(a + at, (int)(n ^ 0x1f0), n), a + at);
            memset(b + at, (int)(n ^ 0x1f0), n);
            assert_memory_equal(a, b, sizeof(a));
        }
    }
}

static void overlapping_moves(void **state)
{
    static char a[ROOM], b[ROOM];
    for (unsigned n = 0; n < MOST; n += n < 70 ? 1 : 13) {
        for (int by = -70; by <= 70; by++) {
            fill(a, sizeof(a), n);
            memcpy(b, a, sizeof(a));
            assert_ptr_equal(rt_memmove(a + 100 + by, a + 100, n), a + 100 + by);
            memmove(b + 100 + by, b + 100, n);
            assert_memory_equal(a, b, sizeof(a));
        }
    }
}

static int sign(int v) { return (v > 0) - (v < 0); }

static void comparisons(void **state)
{
    char *x = page_end(), *y = page_end();
    for (unsigned n = 0; n < 80; n++) {
        for (unsigned k = 0; k < n; k++) {
            memset(x - n, 'a', n);
            memset(y - n, 'a', n);
            assert_int_equal(rt_memcmp(x - n, y - n, n), 0);
            y[-(int)k - 1] = (char)(k & 1 ? 0x80 : 1);
            assert_int_equal(sign(rt_memcmp(x - n, y - n, n)), sign(memcmp(x - n, y - n, n)));
            assert_int_equal(!rt_bcmp(x - n, y - n, n), !memcmp(x - n, y - n, n));
            x[-1] = y[-1] = 0;
            assert_int_equal(sign(rt_strcmp(x - n, y - n)), sign(strcmp(x - n, y - n)));
            for (unsigned m = 0; m <= n + 1; m += 3)
                assert_int_equal(sign(rt_strncmp(x - n, y - n, m)), sign(strncmp(x - n, y - n, m)));
        }
    }
}

static void lengths_and_searches(void **state)
{
    char *e = page_end(), copy[128];
    for (unsigned n = 1; n < 100; n++) {
        char *s = e - n;
        for (unsigned i = 0; i < n; i++)
            s[i] = (char)('a' + i % 26);
        s[n - 1] = 0;
        assert_int_equal(rt_strlen(s), n - 1);
        s[n - 1] = 'x';
        assert_int_equal(rt_strnlen(s, n), n); /* no end within n */
        s[n - 1] = 0;
        assert_int_equal(rt_strnlen(s, n), n - 1);
        assert_string_equal(rt_strcpy(copy, s), s);
        for (int c = 'a' - 1; c <= 'z' + 1; c++) {
            assert_ptr_equal(rt_strchr(s, c), strchr(s, c));
            assert_ptr_equal(rt_strrchr(s, c), strrchr(s, c));
            assert_ptr_equal(rt_memchr(s, c, n), memchr(s, c, n));
        }
        assert_ptr_equal(rt_strchr(s, 0), s + n - 1);
        assert_ptr_equal(rt_strrchr(s, 0), s + n - 1);
    }
}

static void sets_and_parts(void **state)
{
    static const char *const words[] = {"",       "a",   "ab", "abc", "aab", "aaab",
                                        "abcabd", "xyz", "b",  "bd",  "z=1", "="};
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(words); k++) {
            assert_int_equal(rt_strspn(words[i], words[k]), strspn(words[i], words[k]));
            assert_int_equal(rt_strcspn(words[i], words[k]), strcspn(words[i], words[k]));
            assert_ptr_equal(rt_strstr(words[i], words[k]), strstr(words[i], words[k]));
            assert_int_equal(sign(rt_strcmp(words[i], words[k])), sign(strcmp(words[i], words[k])));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(overlapping_moves),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(lengths_and_searches),
        cmocka_unit_test(sets_and_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
