/*
 * What the targets that drive devices share. An input is a list of operations, each a byte and its operands,
 * on a Rig (devices, guest memory, back ends), which each target defines.
 */
#ifndef TESTS_FUZZ_FUZZ_RIG_H
#define TESTS_FUZZ_FUZZ_RIG_H

#include "fuzz.h"

#include "hw/core/dev.h"

_Noreturn void die(const char *what);

/* Of an input: what is missing at its end is 0. */
typedef struct Input {
    const uint8_t *at, *end;
} Input;
uint64_t next(Input *in, unsigned bytes);

/* Of the target. run() does one operation. */
typedef struct Rig Rig;
Rig *rig_new(void);
void rig_free(Rig *r);
void rig_run(Rig *r, Input *in);

/* Saves and loads the device's state. c: what stands at `at` of the text instead; then it is refused, or
 * taken, and then the device is as good as any, after a reset if it was refused. 0: its own state, which is
 * always taken. */
void change_state(Device *d, size_t at, char c);

/* Seeds: random numbers from h; bytes behind those that are there. */
uint64_t rnd(uint64_t *h);
typedef struct Out {
    uint8_t *buf;
    size_t n, cap;
} Out;
void out(Out *o, unsigned bytes, uint64_t v);

#endif
