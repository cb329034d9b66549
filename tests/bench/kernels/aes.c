// AES-128 encryption by the FIPS 197 description: S-box bytes, xtime, no tables of words.
#include "bench.h"

static uint8_t sbox[256];

static uint8_t xtime(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

static void make_sbox(void)
{
    uint8_t p = 1, q = 1;
    do { // p runs through the powers of 3, q through their inverses (FIPS 197, 5.1.1)
        p = (uint8_t)(p ^ xtime(p));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        if (q & 0x80)
            q ^= 0x09;
        uint8_t x = q;
        for (int i = 1; i < 5; i++)
            x ^= (uint8_t)(q << i | q >> (8 - i));
        sbox[p] = x ^ 0x63;
    } while (p != 1);
    sbox[0] = 0x63;
}

static void expand(const uint8_t key[16], uint8_t round[176])
{
    uint8_t rcon = 1;
    memcpy(round, key, 16);
    for (int i = 16; i < 176; i += 4) {
        uint8_t t[4];
        memcpy(t, round + i - 4, 4);
        if (i % 16 == 0) {
            uint8_t first = t[0];
            t[0] = sbox[t[1]] ^ rcon;
            t[1] = sbox[t[2]];
            t[2] = sbox[t[3]];
            t[3] = sbox[first];
            rcon = xtime(rcon);
        }
        for (int j = 0; j < 4; j++)
            round[i + j] = round[i + j - 16] ^ t[j];
    }
}

static void encrypt(const uint8_t round[176], uint8_t s[16])
{
    for (int i = 0; i < 16; i++)
        s[i] ^= round[i];
    for (int r = 1; r <= 10; r++) {
        uint8_t t[16];
        for (int c = 0; c < 4; c++)
            for (int i = 0; i < 4; i++)
                t[4 * c + i] = sbox[s[4 * ((c + i) & 3) + i]];
        for (int c = 0; c < 4; c++) {
            uint8_t *in = t + 4 * c, *out = s + 4 * c;
            uint8_t all = in[0] ^ in[1] ^ in[2] ^ in[3];
            for (int i = 0; i < 4; i++)
                out[i] = r < 10 ? in[i] ^ all ^ xtime(in[i] ^ in[(i + 1) & 3]) : in[i];
        }
        for (int i = 0; i < 16; i++)
            s[i] ^= round[16 * r + i];
    }
}

int main(int argc, char **argv)
{
    // FIPS 197, appendix B.
    static const uint8_t key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                    0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    static const uint8_t plain[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                                      0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
    uint8_t round[176], s[16];
    make_sbox();
    expand(key, round);
    memcpy(s, plain, 16);
    encrypt(round, s);
    if (s[0] != 0x39 || s[15] != 0x32)
        return 1;
    long rounds = bench_count(argc, argv, 250000);
    for (long r = 0; r < rounds; r++)
        encrypt(round, s);
    uint64_t sum;
    memcpy(&sum, s, 8);
    return bench_report(sum);
}
