/* The XSAVE family with each choice of x87, SSE and AVX: what memory and registers hold afterwards; images
 * that are none. Not compared: the pointers of the last x87 instruction, and which components a processor
 * takes to be in their initial state. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint8_t image[1024] __attribute__((aligned(64))), start[1024] __attribute__((aligned(64)));
static sigjmp_buf env;

static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(env, 1);
}

static uint32_t sum(const uint8_t *p, unsigned n)
{
    uint32_t h = 0x811c9dc5;
    while (n--)
        h = (h ^ *p++) * 0x01000193;
    return h;
}

#define WITH(insn, area, mask) __asm__ volatile(insn " %0" : "+m"(area) : "a"(mask), "d"(0) : "memory")

/* All registers have something in them. */
static void fill(void)
{
    memset(start, 0, sizeof start);
    WITH("xsave64", start, 7);
    for (unsigned k = 0; k < 256; k++) {
        start[160 + k] = (uint8_t)(k * 7 + 1);
        start[576 + k] = (uint8_t)(k * 11 + 3);
    }
    start[4] = 0xff;
    for (unsigned k = 0; k < 8; k++) {
        memset(start + 32 + 16 * k, 0x80 + (int)k, 8);
        start[40 + 16 * k] = (uint8_t)k;
        start[41 + 16 * k] = 0x40;
    }
    start[25] = 0x3f; /* MXCSR: rounding */
    start[512] = 7;
    WITH("xrstor64", start, 7);
}

static void show(const char *what, unsigned mask)
{
    memset(image + 8, 0, 16);
    printf("%s %u: %08x %08x %08x %08x %08x\n", what, mask, sum(image, 24), sum(image + 24, 4),
           sum(image + 32, 128), sum(image + 160, 256), sum(image + 576, 256));
}

static void saves(void)
{
    for (unsigned mask = 0; mask < 8; mask++) {
        uint64_t header[2];
        memset(image, 0xaa, 512);
        memset(image + 512, 0, 64);
        memset(image + 576, 0xaa, 448);
        fill(); /* last: the C library has the registers, too */
        WITH("xsave64", image, mask);
        memcpy(header, image + 512, 16);
        show("xsave", mask);
        printf("header %lx %lx\n", (long)header[0], (long)header[1]);
        memset(image, 0xaa, 512);
        memset(image + 576, 0xaa, 448);
        fill();
        WITH("xsavec64", image, mask);
        memcpy(header, image + 512, 16);
        show("xsavec", mask);
        printf("header %lx %lx\n", (long)header[0], (long)header[1]);
    }
}

static void restores(void)
{
    for (unsigned mask = 0; mask < 8; mask++)
        for (unsigned have = 0; have < 8; have++) {
            fill();
            memcpy(image, start, sizeof image);
            for (unsigned k = 160; k < 832; k++)
                image[k] = (uint8_t)(k < 512 || k >= 576 ? image[k] ^ 0x55 : image[k]);
            memset(image + 416, 0, 96);
            image[25] = 0x5f;
            image[512] = (uint8_t)have;
            WITH("xrstor64", image, mask);
            memset(image, 0, sizeof image);
            WITH("xsave64", image, 7);
            __asm__ volatile("fninit");
            show("xrstor", mask << 4 | have);
        }
}

/* Byte `at` of a good image is `v`. */
static void bad(unsigned at, unsigned v, unsigned off)
{
    memcpy(image, start, sizeof image);
    image[at] = (uint8_t)v;
    if (sigsetjmp(env, 1))
        printf("byte %u = %x, %u off: signal\n", at, v, off);
    else {
        WITH("xrstor64", image[off], 7);
        printf("byte %u = %x, %u off: taken\n", at, v, off);
    }
}

int main(void)
{
    struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &sa, 0);
    unsigned a = 13, b, c = 1, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!__builtin_cpu_supports("avx2") || !(a & 2)) {
        puts("the host has no AVX2, or no xsavec");
        return 0;
    }
    saves();
    restores();
    bad(512, 7, 0);
    bad(513, 0x80, 0);
    bad(520, 1, 0);
    bad(527, 0x80, 0); /* compacted, and no component */
    bad(528, 1, 0);
    bad(540, 1, 0);
    bad(26, 1, 0); /* MXCSR */
    bad(512, 7, 16);
    return 0;
}
