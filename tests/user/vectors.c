/* Loops over vectors whose loads and stores fault on every page: the handler fills the page in, may look at
 * no register of the loop, and returns. A register that the fault did not put back, or an access that was
 * done twice, changes the sums. By the compiler's vector types: a guest without vectors does the same by
 * lanes. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGES = 24, PAGE = 4096 };

typedef uint32_t V32 __attribute__((vector_size(16)));
typedef uint16_t V16 __attribute__((vector_size(16)));
typedef uint8_t V8 __attribute__((vector_size(16)));

static char *from, *to;
static volatile unsigned faults;

static void fill_in(int sig, siginfo_t *si, void *uc)
{
    char *page = (char *)((uintptr_t)si->si_addr & ~(uintptr_t)(PAGE - 1));
    V32 mess = {1, 2, 3, 4}; /* uses vector registers of its own */
    if (++faults > 4 * PAGES || mprotect(page, PAGE, PROT_READ | PROT_WRITE))
        abort();
    if (page < from || page >= from + PAGES * PAGE)
        return;
    for (unsigned k = 0; k < PAGE / 16; k++) {
        mess = mess * 1664525u + (uint32_t)((page - from) / PAGE + k);
        memcpy(page + 16 * k, &mess, 16);
    }
}

/* Ten vectors live across the loop; the accesses are not aligned and cross pages. */
static __attribute__((noinline)) void walk(const char *p, char *q, unsigned n, V32 sum[10])
{
    V32 s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3], s4 = sum[4], s5 = sum[5], s6 = sum[6],
        s7 = sum[7], s8 = sum[8], s9 = sum[9];
    for (unsigned k = 0; k < n; k++) {
        V32 v, w;
        memcpy(&v, p + 16 * k, 16);
        s0 += v;
        s1 ^= v + s0;
        s2 = (V32)((V16)s2 * 3 + (V16)v);
        s3 = (V32)((V8)s3 - (V8)s1);
        s4 = (s4 << 3) ^ (v >> 5) ^ s2;
        s5 = (V32)((V16)s5 > (V16)v) + s5;
        w = (V32)__builtin_shuffle((V8)v, (V8)s3,
                                   (V8){3, 2, 1, 0, 20, 21, 22, 23, 8, 24, 9, 25, 15, 14, 31, 30});
        s6 += w;
        s7 -= w & s4;
        s8 = s8 * 5 + s6;
        s9 |= (v & ~s7) << 1;
        memcpy(q + 16 * k, &w, 16);
    }
    V32 all[10] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9};
    memcpy(sum, all, sizeof all);
}

static uint64_t digest(const void *p, size_t n)
{
    uint64_t h = 1469598103934665603ull;
    for (size_t k = 0; k < n; k++)
        h = (h ^ ((const uint8_t *)p)[k]) * 1099511628211ull;
    return h;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = fill_in, .sa_flags = SA_SIGINFO};
    V32 sum[10];
    sigaction(SIGSEGV, &sa, NULL);
    for (unsigned shift = 0; shift < 16; shift += 5) {
        from = mmap(NULL, 2 * PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        to = from + PAGES * PAGE;
        for (unsigned k = 0; k < 10; k++)
            sum[k] = (V32){k, k * 77, k + 9, ~k};
        faults = 0;
        walk(from + shift, to + shift, (PAGES * PAGE - 32) / 16, sum);
        printf("shift %u: %u faults, sums %016llx, stored %016llx\n", shift, faults,
               (unsigned long long)digest(sum, sizeof sum),
               (unsigned long long)digest(to + shift, PAGES * PAGE - 32));
        for (unsigned k = 0; k < 10; k++)
            printf("  %08x %08x %08x %08x\n", sum[k][0], sum[k][1], sum[k][2], sum[k][3]);
        munmap(from, 2 * PAGES * PAGE);
    }
    return 0;
}
