// Two threads hand a turn to each other through a condition variable: futex wait and wake.
#include "bench.h"
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, rounds;

static void *player(void *argument)
{
    long me = (long)argument;
    for (long r = 0; r < rounds; r++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != me)
            pthread_cond_wait(&changed, &mutex);
        turn++;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t other;
    rounds = bench_count(argc, argv, 15000);
    if (pthread_create(&other, NULL, player, (void *)1L))
        return 1;
    player((void *)0L);
    pthread_join(other, NULL);
    return bench_report((uint64_t)turn);
}
