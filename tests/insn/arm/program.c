/* A program for the 32-bit Arm engines, without a C library: calls, switches, loops, 64-bit and
 * floating-point arithmetic, function pointers between A32 and T32, exclusives. Prints checksums; the outside
 * emulator must print the same. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

static long call3(long nr, long a, long b, long c)
{
    register long r7 __asm__("r7") = nr, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}

void *memset(void *to, int v, unsigned long n)
{
    u8 *p = to;
    while (n--)
        *p++ = (u8)v;
    return to;
}
void *memcpy(void *to, const void *from, unsigned long n)
{
    u8 *p = to;
    const u8 *q = from;
    while (n--)
        *p++ = *q++;
    return to;
}
#if !__ARM_FEATURE_IDIV
/* What compilers call on cores without a divide instruction. */
unsigned __aeabi_uidiv(unsigned n, unsigned d)
{
    unsigned q = 0, r = 0;
    for (int k = 31; k >= 0; k--) {
        r = r << 1 | (n >> k & 1);
        if (r >= d) {
            r -= d;
            q |= 1u << k;
        }
    }
    return q;
}
#endif

static void print(const char *name, u32 v)
{
    char line[40];
    unsigned n = 0;
    while (name[n])
        line[n] = name[n], n++;
    line[n++] = ' ';
    for (int k = 28; k >= 0; k -= 4)
        line[n++] = "0123456789abcdef"[v >> k & 15];
    line[n++] = '\n';
    call3(4, 1, (long)line, (long)n);
}

static u32 seed = 1;
static u32 random32(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

/* ---- sorting by a comparison function ---- */
static int by_value(const u32 *a, const u32 *b) { return *a < *b ? -1 : *a > *b; }
static int by_low_bits(const u32 *a, const u32 *b) { return (int)(*a & 0xffff) - (int)(*b & 0xffff); }
static void sort(u32 *v, int lo, int hi, int (*cmp)(const u32 *, const u32 *))
{
    while (lo < hi) {
        u32 pivot = v[(lo + hi) / 2], x;
        int i = lo, j = hi;
        while (i <= j) {
            while (cmp(&v[i], &pivot) < 0)
                i++;
            while (cmp(&v[j], &pivot) > 0)
                j--;
            if (i <= j) {
                x = v[i];
                v[i++] = v[j];
                v[j--] = x;
            }
        }
        sort(v, lo, j, cmp);
        lo = i;
    }
}
static u32 sum_of(const u32 *v, int n)
{
    u32 s = 0;
    for (int k = 0; k < n; k++)
        s = (s << 5 | s >> 27) ^ (v[k] + (u32)k);
    return s;
}
static u32 test_sort(void)
{
    static u32 v[1000];
    for (int k = 0; k < 1000; k++)
        v[k] = random32();
    sort(v, 0, 999, by_value);
    u32 s = sum_of(v, 1000);
    sort(v, 0, 999, by_low_bits);
    for (int k = 1; k < 1000; k++)
        s += (v[k - 1] & 0xffff) > (v[k] & 0xffff);
    return s;
}

/* ---- a machine of its own: switches and tables ---- */
static u32 test_switch(void)
{
    u32 acc = 1, pc = 0;
    for (int n = 0; n < 20000; n++) {
        u32 op = random32();
        switch (op >> 27) {
        case 0: acc += op; break;
        case 1: acc -= op; break;
        case 2: acc ^= op; break;
        case 3: acc |= op & 0x10101; break;
        case 4: acc = acc >> (op & 31) | acc << (-op & 31); break;
        case 5: acc = (u32)((int)acc >> (op & 31)); break;
        case 6: acc *= op | 1; break;
        case 7: acc = acc > op ? acc - op : op - acc; break;
        case 8: acc = (u32)((int)acc < (int)op ? -(int)acc : (int)acc + 1); break;
        case 9: acc = __builtin_bswap32(acc); break;
        case 10: acc += acc ? (u32)__builtin_clz(acc) : 32; break;
        case 11: acc /= (op & 0xff) + 1; break;
        case 12: pc = acc & 0xff; break;
        case 13: acc += (u8)pc; break;
        case 14: acc = (u32)(short)acc; break;
        case 15: acc &= ~op; break;
        case 16: acc += (u32)((u64)acc * op >> 32); break;
        case 17: acc += (u32)((long long)(int)acc * (int)op >> 32); break;
        case 18: acc ^= ((acc & op) == 0) + 2u * (acc == op) + 4u * (acc < op); break;
        default: acc = acc << 1 ^ (acc & 0x80000000u ? 0x04c11db7u : 0); break;
        }
    }
    return acc;
}

/* ---- 64 bits ---- */
static u32 test_long(void)
{
    u64 a = 0x0123456789abcdefull, b = 0xfedcba9876543210ull;
    for (u32 n = 0; n < 5000; n++) {
        a = a * 6364136223846793005ull + b;
        b ^= a >> (n & 31) | a << 7;
        if ((long long)a < (long long)b)
            a -= b;
        if (a > b)
            b += n;
    }
    return (u32)(a ^ a >> 32 ^ b ^ b >> 32);
}

/* ---- SHA-256 of a buffer ---- */
static u32 ror(u32 x, int n) { return x >> n | x << (32 - n); }
static u32 test_sha(void)
{
    static u32 k[64];
    u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (int i = 0; i < 64; i++)
        k[i] = random32();
    for (int block = 0; block < 40; block++) {
        u32 w[64], s[8];
        for (int i = 0; i < 16; i++)
            w[i] = random32();
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
        for (int i = 0; i < 8; i++)
            s[i] = h[i];
        for (int i = 0; i < 64; i++) {
            u32 t1 = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) +
                     ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            u32 t2 = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) +
                     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            for (int j = 7; j > 0; j--)
                s[j] = s[j - 1];
            s[4] += t1;
            s[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
            h[i] += s[i];
    }
    return sum_of(h, 8);
}

#if __ARM_FP
/* ---- floating point: a matrix, a series, integers and back ---- */
static u32 test_float(void)
{
    static double m[12][12];
    static float f[256];
    double det = 1, sum = 0;
    u64 bits;
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 12; j++)
            m[i][j] = (double)(int)(random32() >> 8) / 65536.0 + (i == j) * 300.0;
    for (int i = 0; i < 12; i++) {
        det *= m[i][i];
        for (int r = i + 1; r < 12; r++) {
            double q = m[r][i] / m[i][i];
            for (int c = i; c < 12; c++)
                m[r][c] -= q * m[i][c];
        }
    }
    for (int k = 1; k < 2000; k++)
        sum += (k & 1 ? 1.0 : -1.0) / (double)k + __builtin_sqrt((double)k) * 1e-3;
    for (int k = 0; k < 256; k++)
        f[k] = (float)(int)random32() * 1.5e-9f;
    for (int round = 0; round < 20; round++)
        for (int k = 0; k < 256; k++)
            f[k] = f[k] * f[(k + 7) & 255] + (f[(k + 1) & 255] > 0.25f ? 0.5f : -0.125f);
    u32 s = 0;
    for (int k = 0; k < 256; k++)
        s = (s << 1 | s >> 31) ^ (u32)(int)(f[k] * 1000000.0f);
    det = det / 1e30 + sum;
    __builtin_memcpy(&bits, &det, 8);
    return (u32)bits ^ (u32)(bits >> 32) ^ s;
}
#endif

#if __ARM_ARCH >= 7
/* ---- exclusives ---- */
static u32 test_atomic(void)
{
    static u32 word;
    static u64 pair;
    for (u32 k = 0; k < 1000; k++) {
        __atomic_fetch_add(&word, k, __ATOMIC_SEQ_CST);
        u32 expected = word;
        __atomic_compare_exchange_n(&word, &expected, word ^ k, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        __atomic_fetch_xor((u8 *)&word, (u8)k, __ATOMIC_RELAXED);
        __atomic_fetch_add(&pair, (u64)k << 20 | word, __ATOMIC_SEQ_CST);
    }
    return word ^ (u32)pair ^ (u32)(pair >> 32);
}
#endif

/* ---- Linux's helper page ---- */
static u32 test_kuser(void)
{
    int (*cmpxchg)(int, int, volatile int *) = (int (*)(int, int, volatile int *))0xffff0fc0;
    int (*cmpxchg64)(const u64 *, const u64 *, volatile u64 *) =
        (int (*)(const u64 *, const u64 *, volatile u64 *))0xffff0f60;
    void (*barrier)(void) = (void (*)(void))0xffff0fa0;
    static volatile int word = 5;
    static volatile u64 pair = 0x100000002ull;
    u64 from = 0x100000002ull, to = 0x123456789abcull;
    u32 r = !cmpxchg(4, 6, &word);
    r = r << 1 | !cmpxchg(5, 7, &word);
    r = r << 1 | !cmpxchg64(&to, &from, &pair);
    r = r << 1 | !cmpxchg64(&from, &to, &pair);
    barrier();
    return r << 16 | (u32)word << 8 | (pair == to) << 4 | *(volatile u32 *)0xffff0ffc;
}

/* ---- the other instruction set ---- */
#if __ARM_ARCH >= 7
#if __thumb__
__attribute__((target("arm"), noinline)) static u32 other(u32 x, u32 (*back)(u32))
{
    return x & 1 ? back(x * 3 + 1) : x >> 1;
}
#else
__attribute__((target("thumb"), noinline)) static u32 other(u32 x, u32 (*back)(u32))
{
    return x & 1 ? back(x * 3 + 1) : x >> 1;
}
#endif
static u32 steps;
static u32 here(u32 x)
{
    steps++;
    return x >> 1;
}
static u32 test_interworking(void)
{
    u32 x = 27, n = 0;
    for (; x != 1; n++)
        x = other(x, here);
    return n << 16 | steps;
}
#endif

void start(void);
void start(void)
{
    print("sort", test_sort());
    print("switch", test_switch());
    print("long", test_long());
    print("sha", test_sha());
#if __ARM_FP
    print("float", test_float());
#endif
    print("kuser", test_kuser());
#if __ARM_ARCH >= 7
    print("atomic", test_atomic());
    print("interworking", test_interworking());
#endif
    call3(1, 0, 0, 0);
}

u8 stack[1 << 16] __attribute__((aligned(16)));
__attribute__((naked)) void _start(void)
{
    __asm__("ldr r0, 1f\n mov sp, r0\n bl start\n .balign 4\n1: .word stack + 65536");
}
