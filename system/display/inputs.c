#include "system/display/inputs.h"
#include "system/vm.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WAITING = 4096 };

typedef struct Waiting {
    unsigned key;
    bool down;
    unsigned pause_ms; /* instead of a key */
} Waiting;

struct Inputs {
    GPtrArray *ports; /* InputPort */
    GQueue *waiting;
    guint timer;
    unsigned buttons;
    unsigned place[2]; /* as of InputPort.point */
    int x, y;          /* the last place, in dots of its picture */
    bool placed;
};

Inputs *inputs_new(void)
{
    Inputs *in = g_new0(Inputs, 1);
    in->ports = g_ptr_array_new_with_free_func(g_free);
    in->waiting = g_queue_new();
    return in;
}

void inputs_free(Inputs *in)
{
    if (!in)
        return;
    if (in->timer)
        g_source_remove(in->timer);
    g_queue_free_full(in->waiting, g_free);
    g_ptr_array_unref(in->ports);
    g_free(in);
}

InputPort *inputs_add(Inputs *in)
{
    InputPort *p = g_new0(InputPort, 1);
    g_ptr_array_add(in->ports, p);
    return p;
}

void inputs_remove(Inputs *in, InputPort *p)
{
    g_ptr_array_remove(in->ports, p);
}

/* ---- who gets it ---- */

static bool listens(const InputPort *p)
{
    return p->device && (!p->ready || p->ready(p->device));
}

static const InputPort *keyboard(const Inputs *in)
{
    for (unsigned k = in->ports->len; k-- > 0;) {
        const InputPort *p = in->ports->pdata[k];
        if (p->key && listens(p))
            return p;
    }
    return NULL;
}

static const InputPort *pointer(const Inputs *in)
{
    for (unsigned k = in->ports->len; k-- > 0;) {
        const InputPort *p = in->ports->pdata[k];
        if ((p->move || p->point) && listens(p))
            return p;
    }
    return NULL;
}

bool inputs_pointer(const Inputs *in, unsigned n, const char **ret_name, bool *ret_absolute,
                    bool *ret_current)
{
    for (unsigned k = 0; k < in->ports->len; k++) {
        const InputPort *p = in->ports->pdata[k];
        if (!p->device || !p->pointer || n--)
            continue;
        *ret_name = p->pointer;
        *ret_absolute = p->point != NULL;
        *ret_current = p == pointer(in);
        return true;
    }
    return false;
}

/* ---- keys ---- */

void inputs_key(Inputs *in, unsigned key, bool down)
{
    const InputPort *p = keyboard(in);
    if (p)
        p->key(p->device, key, down);
}

static gboolean type_on(void *opaque)
{
    Inputs *in = opaque;
    Waiting *w;
    in->timer = 0;
    while (!in->timer && (w = g_queue_pop_head(in->waiting))) {
        if (w->pause_ms)
            in->timer = g_timeout_add(w->pause_ms, type_on, in);
        else
            inputs_key(in, w->key, w->down);
        g_free(w);
    }
    return G_SOURCE_REMOVE;
}

static void wait_for(Inputs *in, Waiting w)
{
    Waiting *copy = g_new(Waiting, 1);
    *copy = w;
    g_queue_push_tail(in->waiting, copy);
}

void inputs_type(Inputs *in, const unsigned *key, unsigned n, unsigned hold_ms)
{
    enum { LEAST_MS = 1, BETWEEN_MS = 10 };
    if (in->waiting->length > MAX_WAITING)
        return;
    for (unsigned k = 0; k < n; k++)
        wait_for(in, (Waiting){.key = key[k], .down = true});
    wait_for(in, (Waiting){.pause_ms = MAX(hold_ms, (unsigned)LEAST_MS)});
    for (unsigned k = n; k-- > 0;)
        wait_for(in, (Waiting){.key = key[k]});
    wait_for(in, (Waiting){.pause_ms = BETWEEN_MS});
    if (!in->timer)
        type_on(in);
}

/* ---- pointing ---- */

void inputs_move(Inputs *in, int dx, int dy, int wheel)
{
    const InputPort *p = pointer(in);
    if (p && p->move)
        p->move(p->device, dx, dy, wheel, in->buttons);
}

unsigned inputs_held(const Inputs *in)
{
    return in->buttons;
}

void inputs_place(Inputs *in, unsigned x, unsigned y, int wheel)
{
    const InputPort *p = pointer(in);
    in->place[0] = MIN(x, INPUT_ABSOLUTE_MAX);
    in->place[1] = MIN(y, INPUT_ABSOLUTE_MAX);
    if (p && p->point)
        p->point(p->device, in->place[0], in->place[1], wheel, in->buttons);
}

void inputs_placed(const Inputs *in, unsigned *ret_place)
{
    memcpy(ret_place, in->place, sizeof(in->place));
}

void inputs_point(Inputs *in, unsigned x, unsigned y, const DisplayFrame *f, int wheel, unsigned buttons)
{
    const InputPort *p = pointer(in);
    const int dx = in->placed ? (int)x - in->x : 0, dy = in->placed ? (int)y - in->y : 0;
    in->buttons = buttons;
    in->x = (int)x;
    in->y = (int)y;
    in->placed = true;
    if (p && p->point)
        inputs_place(in, x * INPUT_ABSOLUTE_MAX / MAX(f->width - 1, 1u),
                     y * INPUT_ABSOLUTE_MAX / MAX(f->height - 1, 1u), wheel);
    else
        inputs_move(in, dx, dy, wheel);
}

void inputs_buttons(Inputs *in, unsigned buttons)
{
    const InputPort *p = pointer(in);
    in->buttons = buttons;
    if (p && p->point)
        inputs_place(in, in->place[0], in->place[1], 0);
    else
        inputs_move(in, 0, 0, 0);
}

/* ---- names of keys ---- */

static const struct {
    char name[16];
    uint16_t key, sym, shifted;
    uint8_t xt;
} keys[] = {
#define KEY(name, key, xt, sym, shifted) {#name, KEY_##key, sym, shifted, xt},
#include "system/display/key_names.def"
#undef KEY
};

unsigned input_key_by_name(const char *name, size_t n)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++)
        if (strlen(keys[k].name) == n && strncmp(keys[k].name, name, n) == 0)
            return keys[k].key;
    return 0;
}

unsigned input_key_by_xt(unsigned code)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++)
        if (keys[k].xt == code)
            return keys[k].key;
    return 0;
}

unsigned input_key_by_sym(unsigned sym)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++)
        if (sym && (keys[k].sym == sym || keys[k].shifted == sym))
            return keys[k].key;
    return 0;
}
