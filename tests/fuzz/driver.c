/*
 * driver N [SEED [FOLDER]]: the files of FOLDER (the target's corpus), its seeds, then N random changes of
 * both, the same ones for the same numbers. Prints the input's number before each thousand, for bisecting.
 *
 * driver --pick FOLDER N [SEED]: looks for inputs that reach code which neither seeds nor FOLDER reach, and
 * puts a few there, shortened. For that the build must have -Dfuzz_pick=true.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 8192, MOST = 1 << 16 };

typedef struct Bytes {
    uint8_t *at;
    size_t n;
} Bytes;

/* Inputs of which others are made. */
typedef struct Pool {
    Bytes of[MOST];
    unsigned n;
} Pool;

static Pool pool;
static uint64_t state;

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s\n", name, what);
    exit(1);
}

static uint64_t rnd(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* ---- inputs ---- */

static void keep(const uint8_t *bytes, size_t n)
{
    Bytes b = {malloc(n + 1), n};
    if (!b.at || pool.n == MOST)
        fail("no room", "inputs");
    memcpy(b.at, bytes, n);
    pool.of[pool.n++] = b;
}

static void keep_seeds(void)
{
    static uint8_t buf[CAP];
    size_t n;
    for (unsigned k = 0; (n = fuzz_seed(k, buf, CAP)); k++)
        keep(buf, n);
}

static void keep_file(const char *folder, const char *name)
{
    static uint8_t buf[CAP];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail("cannot be read", path);
    keep(buf, fread(buf, 1, CAP, f));
    fclose(f);
}

static int is_file(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static unsigned keep_folder(const char *folder)
{
    struct dirent **list;
    int n = scandir(folder, &list, is_file, alphasort);
    if (n < 0)
        fail("no such folder", folder);
    for (int k = 0; k < n; k++) {
        keep_file(folder, list[k]->d_name);
        free(list[k]);
    }
    free(list);
    return (unsigned)n;
}

/* Values at which checks break. */
static uint64_t edge(void)
{
    static const uint64_t v[] = {0, 1, 2, 55, 56, 57, 4095, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff};
    uint64_t x = rnd() % 3 ? v[rnd() % (sizeof(v) / sizeof(v[0]))] : 1ull << rnd() % 64;
    return rnd() % 4 ? x : -x;
}

static size_t change(uint8_t *buf, size_t n)
{
    for (uint64_t times = 1 + rnd() % 4; times && n; times--) {
        uint64_t x = edge();
        size_t at = rnd() % (rnd() % 2 ? n : (n < 256 ? n : 256)), width = 1u << rnd() % 4;
        if (rnd() % 16 == 0)
            n = rnd() % n;
        else if (rnd() % 3 == 0)
            buf[at] = (uint8_t)rnd();
        else if ((at &= ~(width - 1)) + width <= n)
            memcpy(buf + at, &x, width);
    }
    return n;
}

/* One of the pool, changed; some go on as another one does. */
static size_t make_input(uint8_t *buf)
{
    const Bytes *b = &pool.of[rnd() % pool.n];
    size_t n = b->n;
    memcpy(buf, b->at, n);
    if (n && rnd() % 8 == 0) {
        const Bytes *other = &pool.of[rnd() % pool.n];
        size_t at = rnd() % n, from = other->n ? rnd() % other->n : 0, more = other->n - from;
        more = more < CAP - at ? more : CAP - at;
        memcpy(buf + at, other->at + from, more);
        n = at + more;
    }
    return change(buf, n);
}

static void show(unsigned long i)
{
    if (i % 1000 == 0)
        fprintf(stderr, "\r%lu", i);
}

/* ---- what an input reaches ---- */

#ifdef __clang__
#define NOT_COUNTED __attribute__((no_sanitize("coverage")))
#else
#define NOT_COUNTED __attribute__((no_sanitize_coverage))
#endif

enum { EDGES = 1 << 16, WORDS = EDGES / 64 };
typedef struct Reach {
    uint64_t word[WORDS];
} Reach;
static Reach reached; /* since the last input began */

/* Compilers call it at each edge (SanitizerCoverage, "Tracing PCs"). */
void __sanitizer_cov_trace_pc(void);
NOT_COUNTED void __sanitizer_cov_trace_pc(void)
{
    uint64_t pc = (uint64_t)(uintptr_t)__builtin_return_address(0) * 0x9e3779b97f4a7c15;
    reached.word[pc >> 48 & (WORDS - 1)] |= 1ull << (pc >> 58);
}

static void run(const uint8_t *bytes, size_t n)
{
    memset(&reached, 0, sizeof(reached));
    LLVMFuzzerTestOneInput(bytes, n);
}

static void join(Reach *all)
{
    for (unsigned k = 0; k < WORDS; k++)
        all->word[k] |= reached.word[k];
}

/* Edges that the last input reached and `all` lacks. */
static unsigned gain(const Reach *all)
{
    unsigned n = 0;
    for (unsigned k = 0; k < WORDS; k++)
        n += (unsigned)__builtin_popcountll(reached.word[k] & ~all->word[k]);
    return n;
}

/* Of an input with this gain, what can go without losing it; of a long one not to the byte. */
static void shorten(Bytes *b, const Reach *all, unsigned wanted)
{
    static uint8_t less[CAP];
    for (size_t part = b->n / 2, least = b->n / 256; part > least; part /= 2)
        for (size_t at = 0; at + part <= b->n;) {
            memcpy(less, b->at, at);
            memcpy(less + at, b->at + at + part, b->n - at - part);
            run(less, b->n - part);
            if (gain(all) < wanted) {
                at += part;
                continue;
            }
            b->n -= part;
            memcpy(b->at, less, b->n);
        }
}

/* ---- picking ---- */

static void write_file(const char *folder, unsigned number, const Bytes *b)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%u", folder, number);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->at, 1, b->n, f) != b->n || fclose(f))
        fail("cannot be written", path);
}

/* Of those from `first` on: the one that gains most for its length; pool.n: none gains. */
static unsigned best_of(unsigned first, const Reach *all, unsigned *ret_gain)
{
    unsigned best = pool.n;
    *ret_gain = 0;
    for (unsigned k = first; k < pool.n; k++) {
        run(pool.of[k].at, pool.of[k].n);
        unsigned g = gain(all);
        if (g > *ret_gain || (g && g == *ret_gain && pool.of[k].n < pool.of[best].n)) {
            best = k;
            *ret_gain = g;
        }
    }
    return best;
}

static void pick(const char *folder, unsigned long n)
{
    enum { FILES = 6, MOST_BYTES = 4096 };
    static uint8_t buf[CAP];
    Reach known = {{0}};
    unsigned there = keep_folder(folder), g;
    keep_seeds();
    for (unsigned k = 0; k < pool.n; k++) {
        run(pool.of[k].at, pool.of[k].n);
        join(&known);
    }
    if (!gain(&(Reach){{0}}))
        fail("what is reached is only known in a build with -Dfuzz_pick=true", "driver");
    const unsigned first = pool.n;
    Reach all = known;
    for (unsigned long i = 0; i < n && pool.n < MOST; i++) {
        show(i);
        size_t size = make_input(buf);
        run(buf, size);
        if (!gain(&all))
            continue;
        join(&all);
        keep(buf, size);
    }
    fprintf(stderr, "\r%u inputs reach what the %u before did not\n", pool.n - first, first);
    for (size_t bytes = 0; there < FILES;) {
        unsigned k = best_of(first, &known, &g);
        if (k == pool.n)
            break;
        Bytes *b = &pool.of[k];
        shorten(b, &known, g);
        run(b->at, b->n);
        join(&known);
        if (!b->n || bytes + b->n > MOST_BYTES)
            continue;
        bytes += b->n;
        write_file(folder, ++there, b);
        fprintf(stderr, "%s/%u: %zu bytes, %u edges\n", folder, there, b->n, g);
    }
}

int main(int argc, char **argv)
{
    static uint8_t buf[CAP];
    bool picks = argc > 3 && strcmp(argv[1], "--pick") == 0;
    const int at = picks ? 3 : 1; /* of N, SEED, FOLDER */
    const unsigned long n = argc > at ? strtoul(argv[at], NULL, 0) : 1000;
    state = argc > at + 1 ? strtoul(argv[at + 1], NULL, 0) : 1;
    if (picks) {
        pick(argv[2], n);
        return 0;
    }
    if (argc > 3 && !keep_folder(argv[3]))
        fail("no inputs there", argv[3]);
    keep_seeds();
    for (unsigned k = 0; k < pool.n; k++)
        LLVMFuzzerTestOneInput(pool.of[k].at, pool.of[k].n);
    for (unsigned long i = 0; i < n && pool.n; i++) {
        show(i);
        LLVMFuzzerTestOneInput(buf, make_input(buf));
    }
    fprintf(stderr, "\r%lu inputs\n", n);
    return pool.n == 0;
}
