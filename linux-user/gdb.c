/*
 * Threads and the debugger. Words of LuGdb that are futexes: `turn` changes whenever threads may go on;
 * `event` is the slot + 1 of the thread that is being told of, 0: none. A thread that has something to tell
 * takes `event`, and stays until the server has given it back. `hold` stops the others at lu_gdb_before().
 */
#include "linux-user/gdb_int.h"
#include "linux-user/guest.h"

#include <linux/futex.h>

static LuGdb *gdb_of(LuThread *t)
{
    LuGdb *g = t->proc->gdb;
    bool followed = g && (t->pid == g->pid || t->gdb_slot);
    return followed && !__atomic_load_n(&g->detached, __ATOMIC_ACQUIRE) ? g : NULL;
}

static void wait_word(uint32_t *word, uint32_t seen)
{
    sys_futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen);
}

/* The first that is free. NULL: there are too many threads. */
static LuGdbSlot *new_slot(LuGdb *g, LuThread *t, GdbHow how)
{
    lock_take(&g->lock);
    for (unsigned k = 0; k < GDB_MOST_THREADS && !t->gdb_slot; k++) {
        if (g->slot[k].thread)
            continue;
        g->slot[k] = (LuGdbSlot){.thread = t, .tid = (unsigned)t->tid, .pid = (unsigned)t->pid, .how = how};
        t->gdb_slot = (uint16_t)(k + 1);
    }
    lock_release(&g->lock);
    return t->gdb_slot ? &g->slot[t->gdb_slot - 1] : NULL;
}

/* The thread's slot; a new one gets one. NULL: there is none. */
static LuGdbSlot *slot_of(LuGdb *g, LuThread *t)
{
    return t->gdb_slot ? &g->slot[t->gdb_slot - 1] : new_slot(g, t, GDB_RUN);
}

/* Not while the server may look at the registers. */
void gdb_free_slot(LuGdb *g, LuThread *t)
{
    for (bool done = false; t->gdb_slot && !done;) {
        uint32_t turn = __atomic_load_n(&g->turn, __ATOMIC_SEQ_CST);
        lock_take(&g->lock);
        LuGdbSlot *s = t->gdb_slot ? &g->slot[t->gdb_slot - 1] : NULL; /* the server may take it */
        done = !s || s->thread != t || !__atomic_load_n(&g->hold, __ATOMIC_SEQ_CST);
        if (done && s && s->thread == t)
            s->thread = NULL;
        lock_release(&g->lock);
        if (!done)
            wait_word(&g->turn, turn);
    }
    t->gdb_slot = 0;
}

/* False: this is a child of vfork, and nobody looks at it any more. */
static bool wait_turn(LuGdb *g, const LuThread *t, LuGdbSlot *s)
{
    for (;;) {
        uint32_t turn = __atomic_load_n(&g->turn, __ATOMIC_SEQ_CST);
        uint8_t how = __atomic_load_n(&s->how, __ATOMIC_SEQ_CST);
        s->step_due = how == GDB_STEP;
        if (!__atomic_load_n(&t->gdb_slot, __ATOMIC_SEQ_CST))
            return false;
        if (!__atomic_load_n(&g->hold, __ATOMIC_SEQ_CST) && how != GDB_STAY)
            return true;
        wait_word(&g->turn, turn);
    }
}

static Gva code_address(const LuThread *t)
{
    return t->cpu->pc & ~t->proc->abi->target->pc_tag;
}

/* CpuHooks.note: the accesses of one instruction. */
static bool note_access(void *cpu, uint64_t at, uint64_t n, unsigned how)
{
    const LuThread *t = ((const Cpu *)cpu)->owner;
    LuGdb *g = t->proc->gdb;
    for (const LuGdbWatch *w = g->watch; w < &g->watch[LU_GDB_WATCHES]; w++) {
        bool wanted = w->kind == GDB_ACCESS_WATCH || (w->kind == GDB_READ_WATCH && how & IR_READS);
        if (w->n && wanted && at < w->at + w->n && w->at < at + n)
            g->slot[t->gdb_slot - 1].seen = w;
    }
    return true;
}

void lu_gdb_before(LuThread *t)
{
    LuGdb *g = gdb_of(t);
    LuGdbSlot *s = g ? slot_of(g, t) : NULL;
    bool over = t->gdb_over;
    t->gdb_over = false;
    CpuHooks *hooks = cpu_hooks(t->cpu);
    hooks->note = NULL;
    bool here = s && wait_turn(g, t, s);
    if (here) {
        /* Who steps because of watchpoints passes breakpoints. */
        while (here && g->n_watches && !over && !s->step_due &&
               accel_debug_is_break(t->proc->accel, code_address(t))) {
            lu_gdb_break(t);
            here = wait_turn(g, t, s);
        }
        s->seen = NULL;
        if (here && g->n_noted)
            hooks->note = note_access;
    }
    bool step = over || (here && (s->step_due || g->n_watches));
    t->cpu->ctx = step ? t->cpu->ctx | CTX_STEP : t->cpu->ctx & ~(uint32_t)CTX_STEP;
}

/* False: another thread was first, and nothing was told. */
static bool take_event(LuGdb *g, uint32_t me, bool or_not)
{
    for (uint32_t seen = 0;
         !__atomic_compare_exchange_n(&g->event, &seen, me, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
         seen = 0) {
        if (or_not || __atomic_load_n(&g->detached, __ATOMIC_ACQUIRE))
            return false;
        wait_word(&g->event, seen);
    }
    if (!__atomic_load_n(&g->detached, __ATOMIC_SEQ_CST))
        return true;
    __atomic_store_n(&g->event, 0, __ATOMIC_SEQ_CST); /* the server, which clears it, has been there */
    sys_futex(&g->event, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX);
    return false;
}

/* Tells the server, and waits until it is this thread's turn again. */
static bool tell(LuGdb *g, LuThread *t, LuGdbEvent what, bool or_not)
{
    static const uint64_t one = 1;
    LuGdbSlot *s = slot_of(g, t);
    const uint32_t me = t->gdb_slot; /* which the server takes from a child of vfork that it lets go */
    if (!s || !take_event(g, me, or_not))
        return false;
    s->step_due = false;
    s->deliver = what.kind == LU_GDB_SIGNAL ? what.signal : 0; /* should nobody decide, as he has left */
    g->what = what;
    sys_write(t->proc->gdb_wake, &one, sizeof one);
    while (__atomic_load_n(&g->event, __ATOMIC_SEQ_CST) == me)
        wait_word(&g->event, me);
    return true;
}

static const LuGdbWatch *changed(LuGdb *g)
{
    for (LuGdbWatch *w = g->watch; g->n_watches && w < &g->watch[LU_GDB_WATCHES]; w++) {
        uint8_t now[LU_GDB_WATCHED];
        if (!w->n || w->kind != GDB_WRITE_WATCH || !guest_read(now, w->at, w->n) ||
            memcmp(now, w->was, w->n) == 0)
            continue;
        memcpy(w->was, now, w->n);
        return w;
    }
    return NULL;
}

void lu_gdb_after(LuThread *t)
{
    LuGdb *g = gdb_of(t);
    LuGdbSlot *s = g ? slot_of(g, t) : NULL;
    const LuGdbWatch *w = s ? changed(g) : NULL;
    if (!w && s && t->cpu->exit.kind != CPU_EXIT_FAULT) /* whose accesses are made again */
        w = s->seen;
    if (w)
        tell(g, t, (LuGdbEvent){.kind = LU_GDB_SIGNAL, .signal = SIGTRAP, .watch = w}, false);
    else if (s && s->step_due)
        tell(g, t, (LuGdbEvent){.kind = LU_GDB_SIGNAL, .signal = SIGTRAP}, false);
}

void lu_gdb_break(LuThread *t)
{
    LuGdb *g = gdb_of(t);
    Gva pc = code_address(t);
    LuGdbSlot *s = g ? slot_of(g, t) : NULL;
    if (s && accel_debug_is_break(t->proc->accel, pc)) {
        s->info = (siginfo_t){.si_signo = SIGTRAP, .si_code = TRAP_BRKPT};
        s->info.si_addr = (void *)(uintptr_t)pc;
        tell(g, t, (LuGdbEvent){.kind = LU_GDB_SIGNAL, .signal = SIGTRAP, .at_break = true},
             true); /* who is late gets here again */
        return;
    }
    t->gdb_over = true; /* it is gone by now, or the process is not looked at */
}

int lu_gdb_signal(LuThread *t, const siginfo_t *si)
{
    LuGdb *g = gdb_of(t);
    LuGdbSlot *s = g ? slot_of(g, t) : NULL;
    int sig = si->si_signo;
    if (!s || (g->pass[sig & 127] && !s->step_due))
        return sig;
    s->info = *si;
    return tell(g, t, (LuGdbEvent){.kind = LU_GDB_SIGNAL, .signal = sig}, false) ? s->deliver : sig;
}

static bool is_caught(const LuGdb *g, uint64_t nr)
{
    bool found = g->catching && !g->n_caught;
    for (unsigned k = 0; g->catching && k < g->n_caught; k++)
        found |= g->caught[k] == nr;
    return found;
}

void lu_gdb_call(LuThread *t, uint64_t nr, bool before)
{
    LuGdb *g = gdb_of(t);
    if (g && is_caught(g, nr))
        tell(g, t, (LuGdbEvent){.kind = before ? LU_GDB_CALL : LU_GDB_RETURN, .nr = nr}, false);
}

void lu_gdb_thread_gone(LuThread *t)
{
    LuGdb *g = t->proc->gdb;
    if (t->pid == g->pid)
        gdb_free_slot(g, t);
}

/* Of a process that is not looked at any more: the server may speak for others. */
static void leave_others(LuGdb *g)
{
    static const uint64_t one = 1;
    uint32_t seen = 0;
    if (!gdb_has_peers(g))
        return;
    if (__atomic_compare_exchange_n(&g->leaving, &seen, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        sys_write(g->proc->gdb_wake, &one, sizeof one);
    while (__atomic_load_n(&g->leaving, __ATOMIC_SEQ_CST) == 1)
        wait_word(&g->leaving, 1);
}

void lu_gdb_exit(LuThread *t, unsigned status, bool by_signal)
{
    LuGdb *g = gdb_of(t);
    if (g)
        tell(g, t, (LuGdbEvent){.kind = by_signal ? LU_GDB_KILLED : LU_GDB_EXITED, .signal = (int)status},
             false);
    else if (t->pid == t->proc->gdb->pid)
        leave_others(t->proc->gdb);
}

bool lu_gdb_forked(LuThread *t, unsigned child)
{
    LuGdb *g = gdb_of(t);
    return g && tell(g, t, (LuGdbEvent){.kind = LU_GDB_FORKED, .nr = child, .at = t->gdb_at}, false);
}

bool gdb_vfork_slot(LuGdb *g, LuThread *t, LuThread *child)
{
    child->tid = child->pid = 0; /* it has none yet, which hides it */
    child->gdb_parent = t->gdb_slot;
    return new_slot(g, child, GDB_STAY);
}

void lu_gdb_vfork_child(LuThread *child)
{
    LuGdb *g = child->proc->gdb;
    if (!child->gdb_vfork)
        return;
    LuGdbSlot *s = &g->slot[child->gdb_slot - 1];
    s->pid = (unsigned)child->pid;
    s->tid = (unsigned)child->tid;
    const LuGdbEvent what = {
        .kind = LU_GDB_VFORKED, .nr = s->pid, .parent = child->gdb_parent, .at = child->gdb_at};
    tell(g, child, what, false);
}

/* The debugger hears of it when the parent may go on. */
void lu_gdb_vfork_done(LuThread *t)
{
    LuGdb *g = gdb_of(t);
    LuGdbSlot *s = g ? slot_of(g, t) : NULL;
    if (!s)
        return;
    wait_turn(g, t, s);
    tell(g, t, (LuGdbEvent){.kind = LU_GDB_VFORK_DONE}, false);
}
