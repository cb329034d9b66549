// Signals raised and handled in one thread.
#include "bench.h"
#include <signal.h>
#include <unistd.h>

static volatile uint64_t handled;

static void on_signal(int number, siginfo_t *info, void *context)
{
    handled += (uint64_t)(number == SIGUSR1) + (uint64_t)(info->si_code == SI_TKILL) + (context != NULL);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    long rounds = bench_count(argc, argv, 30000);
    for (long r = 0; r < rounds; r++)
        raise(SIGUSR1);
    return bench_report(handled);
}
