#include "system/vcpu.h"

#include "base/sys.h"
#include "system/fp_faults.h"
#include "target/mem.h"

static bool may_run(const Vcpu *self)
{
    return !self->all->pause && self->how != VCPU_STAY;
}

/* Returns false when the thread is to end. */
static bool wait_while_paused(Vcpu *self)
{
    Vcpus *v = self->all;
    g_mutex_lock(&v->lock);
    if (!may_run(self)) {
        v->n_paused++;
        g_cond_broadcast(&v->changed);
        while (!may_run(self) && !v->quit)
            g_cond_wait(&v->changed, &v->lock);
        v->n_paused--;
    }
    bool on = !v->quit;
    g_mutex_unlock(&v->lock);
    return on;
}

/* After an instruction that waits for interrupts (the last exit) it sleeps on until there is one: neither a
 * pause nor a wish of others ends that. */
static bool is_asleep(Cpu *cpu)
{
    if (cpu->exit.kind != CPU_EXIT_HALT || accel_is_native(cpu->accel))
        return false;
    __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
    if (!cpu->ops->sys->wakes(cpu))
        return true;
    accel_kick(cpu); /* so that it is taken */
    return false;
}

/* What a debugger has to hear of. */
static void report(Vcpu *self)
{
    Vcpus *v = self->all;
    if (v->stopped && v->stopped(v->opaque, (unsigned)(self - v->vcpu)))
        return;
    g_mutex_lock(&v->lock);
    self->how = v->stopped ? VCPU_STAY : VCPU_RUN;
    g_mutex_unlock(&v->lock);
}

/* A cpu that is switched off sleeps until it is told something; what it was told before counts. */
static bool is_on(Cpu *cpu)
{
    bool (*ready)(Cpu * cpu) = cpu->ops->sys->ready;
    if (!ready || accel_is_native(cpu->accel) || ready(cpu))
        return true;
    __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
    return ready(cpu);
}

/* After is_on() or is_asleep(), which take the word back that whoever wants the thread to pause left for
 * it. */
static bool is_wanted(Vcpu *self)
{
    g_mutex_lock(&self->all->lock);
    bool wanted = !may_run(self) || self->all->quit;
    g_mutex_unlock(&self->all->lock);
    return wanted;
}

static void *vcpu_run(void *opaque)
{
    Vcpu *self = opaque;
    Cpu *cpu = self->cpu;
    FpFaults faults;
    self->host_tid = (uint64_t)sys_call0(SYS_gettid);
    fp_faults_begin(&faults, cpu);
    while (wait_while_paused(self)) {
        if (!is_on(cpu)) {
            cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
            if (!is_wanted(self))
                accel_halt(cpu);
            continue;
        }
        bool step = self->how == VCPU_STEP;
        if (!step && is_asleep(cpu)) {
            if (!is_wanted(self))
                accel_halt(cpu);
            continue;
        }
        if ((cpu->ctx & CTX_STEP) && !step)
            accel_kick(cpu); /* interrupts were not looked at */
        cpu->ctx = step ? cpu->ctx | CTX_STEP : cpu->ctx & ~(uint32_t)CTX_STEP;
        accel_run(cpu);
        if (cpu->exit.kind == CPU_EXIT_SYSCALL && self->all->call)
            self->all->call(self->all->call_opaque, self);
        if (cpu->exit.kind == CPU_EXIT_BROKEN && self->all->broken)
            self->all->broken(self->all->broken_opaque);
        else if (step || cpu->exit.kind == CPU_EXIT_DEBUG)
            report(self);
    }
    fp_faults_end(&faults);
    return NULL;
}

void vcpus_start(Vcpus *v, Machine *m)
{
    g_mutex_init(&v->lock);
    g_cond_init(&v->changed);
    v->n = m->cfg.cpus;
    v->pause = v->started = true;
    for (unsigned k = 0; k < v->n; k++) {
        v->vcpu[k] = (Vcpu){.all = v, .cpu = m->cpu[k]};
        v->vcpu[k].thread = g_thread_new("vcpu", vcpu_run, &v->vcpu[k]);
    }
}

static void wake_all(Vcpus *v)
{
    for (unsigned k = 0; k < v->n; k++)
        accel_wake(v->vcpu[k].cpu);
}

void vcpus_pause(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    v->pause = true;
    wake_all(v);
    while (v->n_paused < v->n)
        g_cond_wait(&v->changed, &v->lock);
    g_mutex_unlock(&v->lock);
}

void vcpus_resume(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    v->pause = false;
    v->resumed++;
    g_cond_broadcast(&v->changed);
    g_mutex_unlock(&v->lock);
}

void vcpus_end(Vcpus *v)
{
    if (!v->started)
        return;
    g_mutex_lock(&v->lock);
    v->quit = v->pause = true;
    wake_all(v);
    g_cond_broadcast(&v->changed);
    g_mutex_unlock(&v->lock);
    for (unsigned k = 0; k < v->n; k++)
        g_thread_join(v->vcpu[k].thread);
}

bool vcpu_should_stop(Vcpu *self)
{
    g_mutex_lock(&self->all->lock);
    bool stop = self->all->pause || self->all->quit;
    g_mutex_unlock(&self->all->lock);
    return stop;
}

void vcpu_stay(Vcpu *self)
{
    g_mutex_lock(&self->all->lock);
    self->how = VCPU_STAY;
    g_mutex_unlock(&self->all->lock);
}

/* ---- waiting inside of devices ---- */

bool vcpus_may_wait(Vcpus *v, unsigned *ret_since)
{
    g_mutex_lock(&v->lock);
    bool may = !v->quit && !v->abandon;
    *ret_since = v->resumed;
    g_mutex_unlock(&v->lock);
    return may;
}

static bool is_vcpu(const Vcpus *v)
{
    for (unsigned k = 0; k < v->n; k++)
        if (v->vcpu[k].thread == g_thread_self())
            return true;
    return false;
}

bool vcpus_wait_resumed(Vcpus *v, unsigned since, const bool *given_up)
{
    bool cpu = is_vcpu(v);
    g_mutex_lock(&v->lock);
    v->n_paused += cpu;
    v->n_waiting++;
    g_cond_broadcast(&v->changed);
    while (v->resumed == since && !v->quit && !v->abandon && !__atomic_load_n(given_up, __ATOMIC_SEQ_CST))
        g_cond_wait(&v->changed, &v->lock);
    v->n_paused -= cpu;
    v->n_waiting--;
    g_cond_broadcast(&v->changed);
    bool again = v->resumed != since;
    g_mutex_unlock(&v->lock);
    return again;
}

bool vcpus_any_waiting(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    bool any = v->n_waiting != 0;
    g_mutex_unlock(&v->lock);
    return any;
}

void vcpus_look(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    g_cond_broadcast(&v->changed);
    g_mutex_unlock(&v->lock);
}

void vcpus_abandon(Vcpus *v, bool on)
{
    g_mutex_lock(&v->lock);
    v->abandon = on;
    g_cond_broadcast(&v->changed);
    while (on && v->n_waiting)
        g_cond_wait(&v->changed, &v->lock);
    g_mutex_unlock(&v->lock);
}
