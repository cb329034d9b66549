#include "linux-user/host_tls.h"
#include "base/sys.h"

#include <linux/futex.h>
#include <pthread.h>

static void *donor(void *arg)
{
    void **ret_tp = arg;
    __atomic_store_n(ret_tp, host_tls_current(), __ATOMIC_RELEASE);
    uint32_t never = 0;
    for (;;)
        sys_futex(&never, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0);
    return NULL;
}

size_t host_tls_size(void)
{
    return 0;
}

/* The donor inherits a full mask, or the kernel would choose it for signals of the process. */
void *host_tls_make(void *mem)
{
    void *tp = NULL;
    pthread_t thread;
    uint64_t all = ~0ull, old;
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof all);
    bool ok = pthread_create(&thread, NULL, donor, &tp) == 0;
    while (ok && !__atomic_load_n(&tp, __ATOMIC_ACQUIRE))
        sys_call0(SYS_sched_yield);
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return tp;
}

bool host_tls_has_donors(void)
{
    return true;
}

/* ASan wants to clear the shadow of the whole stack before a call that does not return. Guest threads run on
 * stacks of our own, which it does not know, and nobody jumps over frames here. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void) {}

/* The guest's signals are the guest's. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0:use_sigaltstack=0";
}
