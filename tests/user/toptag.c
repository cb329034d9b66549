/* Addresses with something in their top byte: arm64 ignores it in loads, stores and jumps, not in system
 * calls. The native run leaves it away where the processor would not. And jumps to addresses that are no
 * multiple of 4: on arm64 a SIGBUS before anything else. */
#include "ksignal.h"

#include <pthread.h>
#include <setjmp.h>

#ifdef __aarch64__
#define TAG(p, t) ((__typeof__(&*(p)))((uintptr_t)(p) | (uintptr_t)(t) << 56))
#else
#define TAG(p, t) (p)
#endif

static sigjmp_buf jump;
static void *volatile fault_at;

static void leave(int sig, siginfo_t *si, void *uc)
{
    fault_at = si->si_addr;
    siglongjmp(jump, sig);
}

static int seven(int n) { return n * 7; }

static void *other_thread(void *arg)
{
    volatile long *p = TAG((long *)arg, 0x33);
    *p += 5;
    return NULL;
}

static void accesses(long *cell)
{
    volatile long *a = TAG(cell, 0x5a);
    *a = 41;
    a[1] = 2;
    printf("loads: %ld %ld %ld\n", *a + 1, cell[0], a[1]);
    struct pair { long x, y; } *q = (struct pair *)TAG(cell + 2, 0x7f), copy;
    *q = (struct pair){3, 4};
    copy = *q;
    printf("pair: %ld %ld\n", copy.x, copy.y);
    __atomic_fetch_add(TAG(cell + 4, 1), 6, __ATOMIC_SEQ_CST);
    long expected = 6;
    bool ok = __atomic_compare_exchange_n(TAG(cell + 4, 0x80), &expected, 8, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
    printf("atomics: %d %ld\n", ok, cell[4]);
#ifdef __aarch64__
    long pair[2] __attribute__((aligned(16))) = {1, 2}, low, high;
    int failed;
    __asm__ volatile(
        "1: ldxp %0, %1, [%3]\nadd %0, %0, 5\nadd %1, %1, 5\nstxp %w2, %0, %1, [%3]\ncbnz %w2, 1b"
        : "=&r"(low), "=&r"(high), "=&r"(failed)
        : "r"(TAG(pair, 0x21))
        : "memory");
    register long x2 __asm__("x2") = 6, x3 __asm__("x3") = 7, x4 __asm__("x4") = 8, x5 __asm__("x5") = 9;
    __asm__ volatile(".arch_extension lse\ncasp x2, x3, x4, x5, [%4]"
                     : "+r"(x2), "+r"(x3)
                     : "r"(x4), "r"(x5), "r"(TAG(pair, 0x55))
                     : "memory");
    printf("pairs: %ld %ld\n", pair[0], pair[1]);
#else
    printf("pairs: 8 9\n");
#endif
}

static void texts(char *text)
{
    printf("text: %s %zu\n", TAG(text, 0x11), strlen(TAG(text, 0xee)));
    memset(TAG(text, 9), 'x', 6);
    printf("memset: %s\n", text);
#ifdef __aarch64__ /* the instructions that copy and fill: cpyp x0, x1, x2; cpym; cpye; setp x0, x2, x3; setm;
                    * sete */
    char copied[40] = "........................................";
    register char *to __asm__("x0") = TAG(copied, 0x31);
    register char *from __asm__("x1") = TAG(text, 0x32);
    register long n __asm__("x2") = 14, with __asm__("x3") = '-';
    __asm__ volatile(".inst 0x1d010440, 0x1d410440, 0x1d810440"
                     : "+r"(to), "+r"(from), "+r"(n)
                     :
                     : "memory", "cc");
    bool ends = to == TAG(copied, 0x31) + 14 && from == TAG(text, 0x32) + 14 && n == 0;
    to = TAG(copied, 0x31) + 20;
    n = 7;
    __asm__ volatile(".inst 0x19c30440, 0x19c34440, 0x19c38440"
                     : "+r"(to), "+r"(n)
                     : "r"(with)
                     : "memory", "cc");
    printf("copied and filled: %.30s %d\n", copied, ends);
#else
    printf("copied and filled: xxxxxx with a ......-------... 1\n");
#endif
}

static void jumps(void)
{
#ifdef __aarch64__
    on_signal(SIGBUS, leave, 0);
    for (int k = 1; k < 4; k++) {
        int sig = sigsetjmp(jump, 1);
        void (*odd)(void) = k == 3 ? (void (*)(void))4098 : (void (*)(void))((uintptr_t)seven + (unsigned)k);
        if (!sig)
            odd();
        printf("jump between instructions: %d %d\n", sig, fault_at == (void *)odd);
    }
#else
    for (int k = 1; k < 4; k++)
        printf("jump between instructions: %d %d\n", SIGBUS, 1);
#endif
}

int main(void)
{
    static long cell[8];
    char *text = strdup("a text with a tag");
    accesses(cell);
    texts(text);
    int (*f)(int) = TAG(&seven, 0x42);
    __asm__ volatile("" : "+r"(f));
    printf("call: %d\n", f(6));
    pthread_t t;
    pthread_create(&t, NULL, other_thread, cell + 5);
    pthread_join(t, NULL);
    printf("thread: %ld\n", cell[5]);
    /* A system call takes the address as it is: no process has such a one. */
    SHOW(write(1, (char *)((uintptr_t)text | 1ul << 56), 3));
    on_signal(SIGSEGV, leave, 0);
    volatile char *none = TAG((char *)4096, 0x66);
    int sig = sigsetjmp(jump, 1);
    if (!sig)
        *none = 1;
    printf("fault: %d at %p\n", sig, fault_at);
    jumps();
    return done();
}
