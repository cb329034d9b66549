/* A call of a null pointer is a fault at address 0, before and after other jumps have been cached. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static sigjmp_buf back;
static volatile int hits;

static void on_segv(int sig, siginfo_t *info, void *context)
{
    (void)context;
    hits += sig == SIGSEGV && info->si_addr == 0 && info->si_code == SEGV_MAPERR;
    siglongjmp(back, 1);
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    void (*volatile nothing)(void) = 0;
    size_t (*volatile something)(const char *) = strlen;
    size_t sum = 0;

    sigaction(SIGSEGV, &act, 0);
    for (int k = 0; k < 20; k++) {
        if (sigsetjmp(back, 1) == 0)
            nothing();
        sum += something("four");
    }
    printf("%d calls of nothing, %zu\n", hits, sum);
    return 0;
}
