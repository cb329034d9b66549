/* For the programs about signals, threads and processes: checks that print only when they fail, raw signal
 * calls, time. A program ends with done(): one that stops early differs from its native run. */
#ifndef TESTS_USER_KSIGNAL_H
#define TESTS_USER_KSIGNAL_H

#include "user.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define CHECK(cond) \
    do { \
        if (!(cond)) { \
            printf("%s:%d: %s (errno %d)\n", "check", __LINE__, #cond, errno); \
            fflush(stdout); \
        } \
    } while (0)
/* The kernel's struct sigaction: C libraries keep signals 32 and 33 to themselves. */
typedef struct KernelAction {
    void *handler;
    unsigned long flags;
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__)
    void *restorer;
#endif
    uint64_t mask;
} __attribute__((packed, aligned(4))) KernelAction; /* masks are longs, which have no alignment of 8 in 32-bit
                                                     * ABIs */

#ifdef __x86_64__
__asm__(".text\nuser_restorer: movl $15, %eax\nsyscall\n");
void user_restorer(void);
#endif

static inline long raw_sigaction(int sig, void *handler, unsigned long flags, uint64_t mask)
{
    KernelAction a = {.handler = handler, .flags = flags, .mask = mask};
#ifdef __x86_64__
    a.flags |= 0x04000000;
    a.restorer = (void *)user_restorer;
#endif
    return syscall(SYS_rt_sigaction, sig, &a, NULL, 8);
}

static inline void on_signal(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO};
    sigaction(sig, &a, NULL);
}

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline void nap_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

static inline int done(void)
{
    printf("done\n");
    fflush(stdout);
    return 0;
}

#endif
