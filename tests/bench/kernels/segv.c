// Faults on protected pages, repaired in the handler.
#include "bench.h"
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *page;
static volatile uint64_t faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if ((uint8_t *)info->si_addr != page + 24)
        _exit(1);
    faults++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long rounds = bench_count(argc, argv, 12000);
    for (long r = 0; r < rounds; r++) {
        mprotect(page, 4096, PROT_READ);
        *(volatile uint64_t *)(page + 24) = (uint64_t)r;
    }
    return bench_report(bench_mix(faults, *(uint64_t *)(page + 24)));
}
