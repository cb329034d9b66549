/*
 * Several harts in one bare-metal test: they meet, and one asks the others for a flush by interrupt. HARTS is
 * defined before.
 */
#ifndef TESTS_BARE_HARTS_H
#define TESTS_BARE_HARTS_H

#include "bare.h"
#include "meet.h"

enum { MSI = 3, ASK_FLUSH = 1, ASK_FENCE_I = 2 /* or-ed */ };

static volatile uint32_t *const msip = (volatile uint32_t *)0x2000000;
static u64 what, asked[HARTS], answered[HARTS];

static void meet(void)
{
    meet_of(HARTS);
}

/* on_trap of those who are asked; mie has MSI. */
static inline bool answer(Frame *f)
{
    u64 hart = csr_read(mhartid);
    if (f->cause != (IRQ | MSI))
        return false;
    msip[hart] = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (load(&what) & ASK_FLUSH)
        sfence();
    if (load(&what) & ASK_FENCE_I)
        fence_i();
    store(&answered[hart], load(&asked[hart]));
    return true;
}

/* Hart 0; returns when all others have done it. */
static inline void ask(u64 kind)
{
    store(&what, kind);
    for (u64 h = 1; h < HARTS; h++) {
        store(&asked[h], asked[h] + 1);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        msip[h] = 1;
    }
    for (u64 h = 1; h < HARTS; h++)
        while (load(&answered[h]) != asked[h]) {
        }
}

#endif
