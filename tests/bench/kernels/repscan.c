// repne scasb over short strings and long ones, repe cmpsb.
#include "rep.h"

int main(int argc, char **argv)
{
    static uint8_t a[4200], b[4200];
    uint64_t seed = 19, sum = 0;
    long rounds = bench_count(argc, argv, 120000);
    memset(a, 'x', sizeof a - 1);
    memset(b, 'x', sizeof b - 1);
    for (long r = 0; r < rounds; r++) {
        uint32_t x = bench_random(&seed);
        size_t n = r % 16 ? (x & 31) + 1 : (x & 4095) + 1;
        uint8_t *from = a + (x >> 16 & 63);
        from[n] = 0;
        size_t k = rep_scan(from, 0, sizeof a);
        sum += k + rep_compare(from, b, k);
        from[n] = 'x';
    }
    return bench_report(sum);
}
