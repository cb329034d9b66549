#include "fuzz_rig.h"

#include <stdio.h>
#include <stdlib.h>

void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

uint64_t next(Input *in, unsigned bytes)
{
    uint64_t v = 0;
    unsigned n = (unsigned)MIN((size_t)(in->end - in->at), (size_t)bytes);
    memcpy(&v, in->at, n);
    in->at += n;
    return v;
}

void change_state(Device *d, size_t at, char c)
{
    enum { ROOM = 1 << 19 };
    static char text[ROOM];
    DevError err;
    Fmt f = {.buf = text, .cap = ROOM};
    dev_save(d, &f);
    if (f.len >= ROOM - 1)
        die("a state that is too long");
    if (c) {
        text[at % f.len] = c;
        if (!dev_load(d, text, &err))
            dev_reset(d); /* what was taken of it by then is no state */
    } else if (!dev_load(d, text, &err)) {
        die(err.text);
    }
}

uint64_t rnd(uint64_t *h)
{
    uint64_t z = *h += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    return z ^ z >> 27;
}

void out(Out *o, unsigned bytes, uint64_t v)
{
    for (unsigned k = 0; k < bytes && o->n < o->cap; k++)
        o->buf[o->n++] = (uint8_t)(v >> 8 * k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 400 };
    Input in = {data, data + size};
    Rig *r = rig_new();
    for (unsigned n = 0; in.at < in.end && n < MOST; n++)
        rig_run(r, &in);
    rig_free(r);
    return 0;
}
