/* Machine code that programs of tests/user write: of the guest they are compiled for, or of the host. */
#ifndef TESTS_USER_USERCODE_H
#define TESTS_USER_USERCODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { RETURN_CODE = 12 }; /* bytes */

/* At `at`: a function that returns value (below 2^31). */
static inline void put_return(void *at, uint32_t value)
{
#if defined(__riscv)
    /* lui a0, high; addiw a0, a0, low; ret */
    uint32_t w[3] = {0x00000537u | ((value + 0x800) & 0xfffff000u), 0x0005051bu | (value & 0xfff) << 20,
                     0x00008067u};
#elif defined(__arm__)
    /* movw r0, #low; movt r0, #high; bx lr */
    uint32_t w[3] = {0xe3000000u | (value & 0xf000) << 4 | (value & 0xfff),
                     0xe3400000u | (value >> 28) << 16 | (value >> 16 & 0xfff), 0xe12fff1eu};
#elif defined(__aarch64__)
    /* movz w0, #low; movk w0, #high, lsl #16; ret */
    uint32_t w[3] = {0x52800000u | (value & 0xffff) << 5, 0x72a00000u | (value >> 16) << 5, 0xd65f03c0u};
#else
    /* mov $value, %eax; ret */
    uint8_t w[RETURN_CODE] = {
        0xb8, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24), 0xc3};
#endif
    memcpy(at, w, sizeof w);
}

/* One aligned store: the function at `at`, which returned less than 2048, returns value, which is less as
 * well. */
static inline void change_return(void *at, uint32_t value)
{
#if defined(__riscv)
    __atomic_store_n((uint32_t *)at + 1, 0x0005051bu | value << 20, __ATOMIC_SEQ_CST);
#elif defined(__arm__)
    __atomic_store_n((uint32_t *)at, 0xe3000000u | value, __ATOMIC_SEQ_CST);
#elif defined(__aarch64__)
    __atomic_store_n((uint32_t *)at, 0x52800000u | value << 5, __ATOMIC_SEQ_CST);
#else
    __atomic_store_n((uint32_t *)((char *)at + 1), value, __ATOMIC_SEQ_CST);
#endif
}

/* At `at`, a multiple of 4: a function that loops until leave_loop(). */
static inline void put_loop(void *at)
{
#if defined(__riscv)
    uint32_t w[3] = {0x00000013u, 0xffdff06fu, 0x00008067u}; /* nop; j .-4; ret */
#elif defined(__arm__)
    uint32_t w[3] = {0xe320f000u, 0xeafffffdu, 0xe12fff1eu}; /* nop; b .-4; bx lr */
#elif defined(__aarch64__)
    uint32_t w[3] = {0xd503201fu, 0x17ffffffu, 0xd65f03c0u}; /* nop; b .-4; ret */
#else
    uint8_t w[RETURN_CODE] = {0x0f, 0x1f, 0x40, 0x00, 0xeb, 0xfa, 0xc3}; /* nopl; jmp .-4; ret */
#endif
    memcpy(at, w, sizeof w);
}

/* One aligned store of an instruction that may take the other's place while it runs: a jump instead of a
 * nop. */
static inline void leave_loop(void *at)
{
#if defined(__riscv)
    uint32_t jump = 0x0080006fu;
#elif defined(__arm__)
    uint32_t jump = 0xea000000u;
#elif defined(__aarch64__)
    uint32_t jump = 0x14000002u;
#else
    uint32_t jump = 0x909004ebu;
#endif
    __atomic_store_n((uint32_t *)at, jump, __ATOMIC_SEQ_CST);
}

/* What the calling thread runs from now on is what is in memory, as far as that was flushed. */
static inline void sync_self(void)
{
#if defined(__riscv)
    __asm__ volatile("fence.i" ::: "memory");
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* The calling thread runs what is in memory at [start, start + len), its address as code. */
static inline void sync_code(void *start, size_t len)
{
#if defined(__aarch64__) || defined(__arm__)
    __builtin___clear_cache((char *)start, (char *)start + len);
#else
    sync_self();
#endif
}

#endif
