#include "system/fp_faults.h"

#include "base/fault.h"
#include "base/fmt.h"
#include "base/self.h"

#include <signal.h>
#include <sys/auxv.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { OWN_STACK = TINAMOU_SANITIZED ? 256 * 1024 : 24 * 1024 }; /* beside the kernel's frame */

static void on_fault(int sig, siginfo_t *si, void *context)
{
    Cpu *cpu = thread_self()->owner;
    if (si->si_code > 0 && cpu && accel_fault(cpu, sig, si, context))
        return;
    fmt_err("signal %d (code %d) at host address 0x%lx, guest pc 0x%lx", sig, si->si_code,
            (unsigned long)fault_pc(context), cpu ? (unsigned long)cpu->pc : 0ul);
    signal(sig, SIG_DFL); /* raised when the handler returns */
    raise(sig);
}

void fp_faults_begin(FpFaults *f, Cpu *cpu)
{
    size_t bytes = MAX(getauxval(AT_MINSIGSTKSZ), 4096ul) + OWN_STACK;
    f->stack = g_malloc(bytes);
    stack_t stack = {.ss_sp = f->stack, .ss_size = bytes};
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&a.sa_mask);
    thread_self()->owner = cpu;
    sigaltstack(&stack, NULL); /* generated code has rsp where a frame must not be put */
    sigaction(SIGFPE, &a, NULL);
}

void fp_faults_end(FpFaults *f)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    thread_self()->owner = NULL;
    g_free(f->stack);
}
