/* The architected algorithms of pointer authentication, FEAT_PACQARMA5 and FEAT_PACQARMA3.
 * Sources: Arm ARM, shared pseudocode ComputePACQARMA(); R. Avanzi, "The QARMA Block Cipher Family", 2016,
 * whose numbering of cells is used here: cell 0 is the top four bits. */
#include "target/arm/a64_trans.h"

typedef struct Cells {
    uint8_t c[16];
} Cells;

static Cells split(uint64_t v)
{
    Cells s;
    for (unsigned i = 0; i < 16; i++)
        s.c[i] = v >> (60 - 4 * i) & 15;
    return s;
}

static uint64_t join(Cells s)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 16; i++)
        v = v << 4 | s.c[i];
    return v;
}

/* Permutations: where cell i comes from. */
static const uint8_t tau[16] = {0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2};
static const uint8_t tweak[16] = {6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11};
enum { TWEAK_ROTATED = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 11 | 1 << 13 };

/* sigma 1 is its own inverse */
static const uint8_t sigma1[16] = {10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4};
static const uint8_t sigma2[16] = {11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10};

static uint64_t shuffle(uint64_t v, const uint8_t *from, bool inverse)
{
    Cells s = split(v), r;
    for (unsigned i = 0; i < 16; i++) {
        if (inverse)
            r.c[from[i]] = s.c[i];
        else
            r.c[i] = s.c[from[i]];
    }
    return join(r);
}

static uint64_t substitute(uint64_t v, const uint8_t *box, bool inverse)
{
    Cells s = split(v);
    for (unsigned i = 0; i < 16; i++) {
        uint8_t to = box[s.c[i]];
        for (unsigned k = 0; inverse && k < 16; k++)
            if (box[k] == s.c[i])
                to = (uint8_t)k;
        s.c[i] = to;
    }
    return join(s);
}

static unsigned rotated(unsigned cell, unsigned n) { return (cell << n | cell >> (4 - n)) & 15; }

/* The circulant matrix (0, 1, 2, 1) of rotations, on columns; its own inverse. */
static uint64_t mix(uint64_t v)
{
    Cells s = split(v), r;
    for (unsigned i = 0; i < 16; i++)
        r.c[i] = (uint8_t)(rotated(s.c[(i + 4) & 15], 1) ^ rotated(s.c[(i + 8) & 15], 2) ^
                           rotated(s.c[(i + 12) & 15], 1));
    return join(r);
}

static uint64_t next_tweak(uint64_t v)
{
    Cells s = split(shuffle(v, tweak, false));
    for (unsigned i = 0; i < 16; i++)
        if (TWEAK_ROTATED >> i & 1)
            s.c[i] = (uint8_t)(s.c[i] >> 1 | ((s.c[i] ^ s.c[i] >> 1) & 1) << 3);
    return join(s);
}

static uint64_t last_tweak(uint64_t v)
{
    Cells s = split(v);
    for (unsigned i = 0; i < 16; i++)
        if (TWEAK_ROTATED >> i & 1)
            s.c[i] = (uint8_t)((s.c[i] << 1 & 14) | (s.c[i] >> 3 ^ (s.c[i] & 1)));
    return shuffle(join(s), tweak, true);
}

uint64_t arm_qarma(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1, unsigned sigma,
                   unsigned rounds)
{
    static const uint64_t rc[] = {0, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
                                  0x452821e638d01377};
    const uint64_t alpha = 0xc0ac29b7c97c50dd, mod_key = (key0 << 63 | key0 >> 1) ^ key0 >> 63;
    const uint8_t *box = sigma == 1 ? sigma1 : sigma2;
    uint64_t v = data ^ key0, run = modifier;

    for (unsigned i = 0; i < rounds; i++) {
        v ^= key1 ^ run ^ rc[i];
        if (i)
            v = mix(shuffle(v, tau, false));
        v = substitute(v, box, false);
        run = next_tweak(run);
    }
    v = substitute(mix(shuffle(v ^ mod_key ^ run, tau, false)), box, false);
    v = shuffle(mix(shuffle(v, tau, false)) ^ key1, tau, true);
    v = shuffle(mix(substitute(v, box, true)), tau, true) ^ key0 ^ run;
    for (unsigned i = rounds; i-- > 0;) {
        v = substitute(v, box, true);
        if (i)
            v = shuffle(mix(v), tau, true);
        run = last_tweak(run);
        v ^= rc[i] ^ key1 ^ run ^ alpha;
    }
    return v ^ mod_key;
}

uint64_t arm_helper_pac(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const ArmCpu *cpu = opaque;
    const uint64_t *key = cpu->pac_key[c & ARM_PAC_KEY];
    bool three = c & ARM_PAC_QARMA3;

    return arm_qarma(a, b, key[1], key[0], three ? 1 : 2, three ? 3 : 5);
}
