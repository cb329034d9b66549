#include "system/vcpu.h"

#include "target/mem.h"

/* Returns false when the thread is to end. */
static bool wait_while_paused(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    if (v->pause) {
        v->n_paused++;
        g_cond_broadcast(&v->changed);
        while (v->pause && !v->quit)
            g_cond_wait(&v->changed, &v->lock);
        v->n_paused--;
    }
    bool on = !v->quit;
    g_mutex_unlock(&v->lock);
    return on;
}

/* A cpu that is switched off sleeps until it is told something; what it was told before counts. */
static bool is_on(Cpu *cpu)
{
    bool (*ready)(Cpu *cpu) = cpu->ops->sys->ready;
    if (!ready || ready(cpu))
        return true;
    __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
    return ready(cpu);
}

static void *vcpu_run(void *opaque)
{
    Vcpu *self = opaque;
    Cpu *cpu = self->cpu;
    while (wait_while_paused(self->all)) {
        if (!is_on(cpu)) {
            accel_halt(cpu);
            continue;
        }
        accel_run(cpu);
        if (cpu->exit.kind == CPU_EXIT_HALT && !cpu->ops->sys->wakes(cpu))
            accel_halt(cpu);
    }
    return NULL;
}

void vcpus_start(Vcpus *v, Machine *m)
{
    g_mutex_init(&v->lock);
    g_cond_init(&v->changed);
    v->n = m->cfg.cpus;
    v->pause = true;
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
    g_cond_broadcast(&v->changed);
    g_mutex_unlock(&v->lock);
}

void vcpus_end(Vcpus *v)
{
    g_mutex_lock(&v->lock);
    v->quit = v->pause = true;
    wake_all(v);
    g_cond_broadcast(&v->changed);
    g_mutex_unlock(&v->lock);
    for (unsigned k = 0; k < v->n; k++)
        g_thread_join(v->vcpu[k].thread);
}
