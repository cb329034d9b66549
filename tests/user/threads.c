/* Threads: create/join storm, thread-local storage, contended locks and conditions, robust mutexes, signals
 * to threads, detached threads, the main thread's end before the others'. */
#include "ksignal.h"

#include <pthread.h>
#include <stdatomic.h>

static __thread int tls_value = 77;
static __thread char tls_big[3000];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static atomic_long atomic_counter;

static void *work(void *arg)
{
    long id = (long)arg;
    CHECK(tls_value == 77 && tls_big[2999] == 0);
    tls_value = (int)id;
    memset(tls_big, (int)id, sizeof tls_big);
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
        atomic_fetch_add(&atomic_counter, 3);
    }
    CHECK(tls_value == (int)id && tls_big[1500] == (char)id);
    return (void *)(id * 2);
}

static void storm(void)
{
    enum { N = 16, ROUNDS = 60 };
    pthread_t t[N];
    long sum = 0;
    for (int r = 0; r < ROUNDS; r++) {
        for (long i = 0; i < N; i++)
            CHECK(pthread_create(&t[i], NULL, work, (void *)i) == 0);
        for (int i = 0; i < N; i++) {
            void *ret;
            CHECK(pthread_join(t[i], &ret) == 0);
            sum += (long)ret;
        }
    }
    printf("storm: counter %ld atomic %ld sum %ld\n", counter, atomic_counter, sum);
}

static int turn;
static void *ping(void *arg)
{
    int me = (int)(long)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&cond, &lock);
        turn = !me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void pingpong(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, ping, (void *)0);
    pthread_create(&b, NULL, ping, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("pingpong: turn %d\n", turn);
}

static pthread_mutex_t robust;
static void *die_with_lock(void *arg)
{
    pthread_mutex_lock(&robust);
    return NULL;
}

static void robust_lists(void)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&robust, &a);
    pthread_t t;
    pthread_create(&t, NULL, die_with_lock, NULL);
    pthread_join(t, NULL);
    int r = pthread_mutex_lock(&robust);
    printf("robust: %s\n", r == EOWNERDEAD ? "owner died" : "?");
    printf("consistent: %d\n", pthread_mutex_consistent(&robust));
    pthread_mutex_unlock(&robust);
    /* and across processes */
    pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_init(m, &a);
    pid_t pid = fork();
    if (!pid) {
        pthread_mutex_lock(m);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
    r = pthread_mutex_lock(m);
    printf("robust, process: %s\n", r == EOWNERDEAD ? "owner died" : "?");
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_STALLED);
    pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t pi;
    pthread_mutex_init(&pi, &a);
    r = pthread_mutex_lock(&pi);
    printf("pi: %d %d\n", r, pthread_mutex_unlock(&pi));
}

static volatile int signalled_tid;
static void who(int sig, siginfo_t *si, void *uc) { signalled_tid = gettid(); }
static volatile bool stop;
static volatile int spinner_tid;
static void *spin(void *arg)
{
    spinner_tid = gettid();
    while (!stop)
        ;
    return NULL;
}

static void *wait_usr2(void *arg)
{
    sigset_t s;
    int sig = 0;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    sigwait(&s, &sig);
    return (void *)(long)sig;
}

static void to_threads(void)
{
    pthread_t t, w;
    sigset_t s;
    on_signal(SIGUSR1, who, 0);
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    pthread_create(&t, NULL, spin, NULL);
    pthread_create(&w, NULL, wait_usr2, NULL);
    while (!spinner_tid)
        ;
    pthread_kill(t, SIGUSR1); /* it only computes: the signal must get through */
    while (!signalled_tid)
        nap_ms(1);
    printf("spinner got it: %d\n", signalled_tid == spinner_tid);
    kill(getpid(), SIGUSR2); /* blocked everywhere: sigwait has it */
    void *ret;
    pthread_join(w, &ret);
    printf("sigwait: %ld\n", (long)ret);
    stop = true;
    pthread_join(t, NULL);
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 200; i++) {
        while (pthread_create(&t, &a, work, (void *)1l))
            nap_ms(1);
    }
    while (counter < 50 * 16 * 60 + 200 * 50)
        nap_ms(1);
    printf("detached: %ld\n", counter);
}

static void *cancel_me(void *arg)
{
    for (;;)
        pause();
    return NULL;
}

static void *last(void *arg)
{
    nap_ms(30);
    printf("the main thread is gone\n");
    done();
    exit(0);
}

int main(void)
{
    storm();
    pingpong();
    robust_lists();
    to_threads();
    pthread_t t;
    pthread_create(&t, NULL, cancel_me, NULL);
    nap_ms(5);
    void *ret;
    pthread_cancel(t); /* glibc's signal 32 */
    pthread_join(t, &ret);
    printf("cancelled: %d\n", ret == PTHREAD_CANCELED);
    pthread_create(&t, NULL, last, NULL);
    fflush(stdout);
    pthread_exit(NULL);
}
