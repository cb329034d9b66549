// Threads made and joined one after the other.
#include "bench.h"
#include <pthread.h>

static void *body(void *argument)
{
    *(uint64_t *)argument += 3;
    return argument;
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 2500);
    for (long r = 0; r < rounds; r++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, body, &sum) || pthread_join(thread, NULL))
            return 1;
    }
    return bench_report(sum);
}
