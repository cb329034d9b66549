// An uncontended mutex in a process of one thread.
#include "bench.h"
#include <pthread.h>

int main(int argc, char **argv)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 12000000);
    for (long r = 0; r < rounds; r++) {
        pthread_mutex_lock(&mutex);
        sum += (uint64_t)r;
        pthread_mutex_unlock(&mutex);
    }
    return bench_report(sum);
}
