/* The few encoder functions that are not worth inlining. */
#include "tcg/host/x86_64/asm.h"

/* The multi-byte nops recommended by both vendors (SDM, NOP: table 4-12), one after the other: the nop of
 * n bytes starts at n*(n-1)/2. */
static const uint8_t nops[] = {
    0x90,                                                 /* 1 */
    0x66, 0x90,                                           /* 2 */
    0x0f, 0x1f, 0x00,                                     /* 3 */
    0x0f, 0x1f, 0x40, 0x00,                               /* 4 */
    0x0f, 0x1f, 0x44, 0x00, 0x00,                         /* 5 */
    0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00,                   /* 6 */
    0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,             /* 7 */
    0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00,       /* 8 */
    0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, /* 9 */
};

void x64_nop(X64Asm *a, int n)
{
    while (n > 0) {
        int k = n < 9 ? n : 9;
        x64_bytes(a, nops + k * (k - 1) / 2, k);
        n -= k;
    }
}

void x64_align(X64Asm *a, unsigned align)
{
    x64_nop(a, (int)(-(uintptr_t)a->p & (align - 1)));
}
