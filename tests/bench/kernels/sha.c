// SHA-256 (FIPS 180-4); the constants are computed as the standard defines them, from cube roots of primes.
#include "bench.h"

static uint32_t k[64];

static void make_constants(void)
{
    int n = 0;
    for (uint64_t p = 2; n < 64; p++) {
        int prime = 1;
        for (uint64_t d = 2; d * d <= p; d++)
            prime &= p % d != 0;
        if (!prime)
            continue;
        unsigned __int128 root = 0; // floor(cbrt(p) * 2^32)
        for (int bit = 35; bit >= 0; bit--) {
            unsigned __int128 t = root | (unsigned __int128)1 << bit;
            if (t * t * t <= (unsigned __int128)p << 96)
                root = t;
        }
        k[n++] = (uint32_t)root;
    }
}

static uint32_t ror(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void block(uint32_t h[8], const uint8_t *data)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)data[4 * i] << 24 | data[4 * i + 1] << 16 | data[4 * i + 2] << 8 | data[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
                      ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
                      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

int main(int argc, char **argv)
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t data[64] = "abc\x80";
    make_constants();
    data[63] = 24;
    block(h, data);
    if (h[0] != 0xba7816bf || h[7] != 0xf20015ad) // FIPS 180-4 example "abc"
        return 1;
    long rounds = bench_count(argc, argv, 120000);
    for (long r = 0; r < rounds; r++) {
        data[r & 63] ^= (uint8_t)h[r & 7];
        block(h, data);
    }
    return bench_report((uint64_t)h[0] << 32 | h[7]);
}
