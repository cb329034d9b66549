/*
 * fault.h for hosts that have machines only: what is accessed is memory that is there, so nothing needs to
 * come back from a fault.
 *
 * Each load keeps later accesses behind it and each store earlier ones before it: guests' own fences need no
 * more then, whatever their ISA.
 */
#include "base/fault.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

/* What is aligned is one access, which the compiler makes of memcpy() on some hosts only. */
#define PLAIN(bits)                                                                                          \
    FaultVal fault_ld##bits(uint64_t addr)                                                                   \
    {                                                                                                        \
        uint##bits##_t v;                                                                                    \
        if (addr % sizeof(v) == 0)                                                                           \
            v = *(const volatile uint##bits##_t *)addr;                                                      \
        else                                                                                                 \
            memcpy(&v, (const void *)addr, sizeof(v));                                                       \
        __atomic_thread_fence(__ATOMIC_ACQUIRE);                                                             \
        return (FaultVal){.val = v};                                                                         \
    }                                                                                                        \
    uint64_t fault_st##bits(uint64_t addr, uint64_t val)                                                     \
    {                                                                                                        \
        uint##bits##_t v = (uint##bits##_t)val;                                                              \
        __atomic_thread_fence(__ATOMIC_RELEASE);                                                             \
        if (addr % sizeof(v) == 0)                                                                           \
            *(volatile uint##bits##_t *)addr = v;                                                            \
        else                                                                                                 \
            memcpy((void *)addr, &v, sizeof(v));                                                             \
        return 0;                                                                                            \
    }                                                                                                        \
    FaultVal fault_cas##bits(uint64_t addr, uint64_t expected, uint64_t desired)                             \
    {                                                                                                        \
        uint##bits##_t was = (uint##bits##_t)expected;                                                       \
        __atomic_compare_exchange_n((uint##bits##_t *)addr, &was, (uint##bits##_t)desired, false,            \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                     \
        return (FaultVal){.val = was};                                                                       \
    }
PLAIN(8)
PLAIN(16)
PLAIN(32)
PLAIN(64)

uint64_t fault_ld128(uint64_t addr, void *to)
{
    const uint64_t v[2] = {fault_ld64(addr).val, fault_ld64(addr + 8).val};
    memcpy(to, v, sizeof(v));
    return 0;
}

uint64_t fault_st128(uint64_t addr, const void *from)
{
    uint64_t v[2];
    memcpy(v, from, sizeof(v));
    return fault_st64(addr, v[0]) | fault_st64(addr + 8, v[1]);
}

#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16
uint64_t fault_cas128(uint64_t addr, uint64_t memory[2], const uint64_t desired[2])
{
    const unsigned __int128 was = memory[0] | (unsigned __int128)memory[1] << 64,
                            to = desired[0] | (unsigned __int128)desired[1] << 64,
                            is = __sync_val_compare_and_swap((unsigned __int128 *)addr, was, to);
    memory[0] = (uint64_t)is;
    memory[1] = (uint64_t)(is >> 64);
    return 0;
}
#else
/* These are atomic among each other; to accesses of other sizes they are two. */
uint64_t fault_cas128(uint64_t addr, uint64_t memory[2], const uint64_t desired[2])
{
    static char taken;
    uint64_t was[2];
    while (__atomic_test_and_set(&taken, __ATOMIC_ACQUIRE))
        ;
    fault_ld128(addr, was);
    if (was[0] == memory[0] && was[1] == memory[1])
        fault_st128(addr, desired);
    __atomic_clear(&taken, __ATOMIC_RELEASE);
    memory[0] = was[0];
    memory[1] = was[1];
    return 0;
}
#endif

size_t fault_copy(void *dst, const void *src, size_t n)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    while (n--)
        *to++ = *from++;
    return 0;
}

int64_t fault_strnlen(const char *s, size_t max)
{
    return (int64_t)strnlen(s, max);
}

/* x86's, of whose guests there are none here. */
uint64_t fault_bulk(unsigned kind, uint64_t a, uint64_t b, uint64_t n)
{
    (void)kind, (void)a, (void)b;
    return n;
}

bool fault_fixup(uint64_t *pc)
{
    (void)pc;
    return false;
}

#ifdef __aarch64__
#define HOST_PC(uc) (uc)->uc_mcontext.pc
#else
#define HOST_PC(uc) (uc)->uc_mcontext.__gregs[REG_PC]
#endif

uint64_t fault_pc(const void *ucontext)
{
    const ucontext_t *uc = ucontext;
    return HOST_PC(uc);
}

void fault_set_pc(void *ucontext, uint64_t pc)
{
    ucontext_t *uc = ucontext;
    HOST_PC(uc) = pc;
}

long sys_compat5(long nr, long a, long b, long c, long d, long e)
{
    (void)nr, (void)a, (void)b, (void)c, (void)d, (void)e;
    return -ENOSYS;
}
