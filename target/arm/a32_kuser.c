/* The page of code that Linux gives to 32-bit Arm programs at 0xffff0000. Source: Documentation/arch/arm/
 * kernel_user_helpers.rst: addresses, registers, results. The code is ours, guest code like any other. */
#include "base/bits.h"
#include "target/arm/arm_cpu.h"

enum {
    AT_CMPXCHG64 = 0xf60,
    AT_BARRIER = 0xfa0,
    AT_CMPXCHG = 0xfc0,
    AT_GET_TLS = 0xfe0,
    AT_VERSION = 0xffc,
    VERSION = 5,
    BODY_CMPXCHG = 0x100,
    BODY_CMPXCHG64 = 0x200,
};

static const uint32_t barrier[] = {
    0xf57ff05b, /* dmb ish */
    0xe12fff1e, /* bx lr */
};
static const uint32_t get_tls[] = {
    0xee1d0f70, /* mrc p15, #0, r0, c13, c0, #3 */
    0xe12fff1e, /* bx lr */
};
/* r0 old value, r1 new value, r2 address. r0 = 0 and C = 1 if exchanged; r3, ip and flags are lost. */
static const uint32_t cmpxchg[] = {
    0xf57ff05b, /*    dmb ish */
    0xe1923f9f, /* 1: ldrex r3, [r2] */
    0xe1530000, /*    cmp r3, r0 */
    0x1a000005, /*    bne 2f */
    0xe182cf91, /*    strex r12, r1, [r2] */
    0xe35c0000, /*    cmp r12, #0 */
    0x1afffff9, /*    bne 1b */
    0xf57ff05b, /*    dmb ish */
    0xe0500000, /*    subs r0, r0, r0 */
    0xe12fff1e, /*    bx lr */
    0xe3a00001, /* 2: mov r0, #1 */
    0xe3700000, /*    cmn r0, #0 */
    0xe12fff1e, /*    bx lr */
};
/* r0 pointer to the old value, r1 to the new, r2 address. r0 = 0 and C = 1 if exchanged. */
static const uint32_t cmpxchg64[] = {
    0xe92d03f0, /*    push {r4-r9} */
    0xe1c040d0, /*    ldrd r4, r5, [r0] */
    0xe1c160d0, /*    ldrd r6, r7, [r1] */
    0xf57ff05b, /*    dmb ish */
    0xe1b28f9f, /* 1: ldrexd r8, r9, [r2] */
    0xe1580004, /*    cmp r8, r4 */
    0x01590005, /*    cmpeq r9, r5 */
    0x1a000006, /*    bne 2f */
    0xe1a23f96, /*    strexd r3, r6, r7, [r2] */
    0xe3530000, /*    cmp r3, #0 */
    0x1afffff8, /*    bne 1b */
    0xf57ff05b, /*    dmb ish */
    0xe8bd03f0, /*    pop {r4-r9} */
    0xe0500000, /*    subs r0, r0, r0 */
    0xe12fff1e, /*    bx lr */
    0xe8bd03f0, /* 2: pop {r4-r9} */
    0xe3a00001, /*    mov r0, #1 */
    0xe3700000, /*    cmn r0, #0 */
    0xe12fff1e, /*    bx lr */
};

static void put_word(uint8_t *page, unsigned at, uint32_t word) { memcpy(page + at, &word, 4); }

static void put_code(uint8_t *page, unsigned at, const uint32_t *code, size_t bytes)
{
    memcpy(page + at, code, bytes);
}

static void put_branch(uint8_t *page, unsigned at, unsigned to)
{
    put_word(page, at, 0xea000000 | ((to - at - 8) >> 2 & 0xffffff));
}

void arm_kuser_page(uint8_t *page)
{
    for (unsigned at = 0; at < 4096; at += 4)
        put_word(page, at, 0xe7fddef1); /* undefined */
    put_code(page, AT_BARRIER, barrier, sizeof(barrier));
    put_code(page, AT_GET_TLS, get_tls, sizeof(get_tls));
    put_code(page, BODY_CMPXCHG, cmpxchg, sizeof(cmpxchg));
    put_code(page, BODY_CMPXCHG64, cmpxchg64, sizeof(cmpxchg64));
    put_branch(page, AT_CMPXCHG, BODY_CMPXCHG);
    put_branch(page, AT_CMPXCHG64, BODY_CMPXCHG64);
    put_word(page, AT_VERSION, VERSION);
}
