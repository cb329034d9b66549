/* What stands at the other end of a PS/2 cable: a queue of bytes for the host, and commands from it. Private
 * to hw/input; the functions are called with the controller's lock held. */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "hw/core/dev_impl.h"

enum { PS2_QUEUE = 32 };

typedef struct Ps2Queue {
    uint8_t byte[PS2_QUEUE], n;
} Ps2Queue;

bool ps2_put(Ps2Queue *q, const uint8_t *bytes, unsigned n); /* all of them; false: no room */
bool ps2_take(Ps2Queue *q, uint8_t *ret);

typedef struct Ps2Keyboard {
    Ps2Queue queue;
    uint8_t command; /* whose operand comes next; 0: none */
    uint8_t enabled, set, leds, rate, last;
} Ps2Keyboard;

typedef struct Ps2Mouse {
    Ps2Queue queue;
    uint8_t command;
    uint8_t enabled, remote, wrap, scaling, resolution, rate, id, buttons, last;
    uint8_t knock[2];      /* the rates before the last: 200, 100 switches the wheel on at 80 */
    int16_t dx, dy, wheel; /* not reported yet */
} Ps2Mouse;

#define PS2_QUEUE_ROWS(S, q) DEV_ARRAY(S, q.byte), DEV_FIELD(S, q.n)
#define PS2_KEYBOARD_ROWS(S, m)                                                                              \
    PS2_QUEUE_ROWS(S, m.queue), DEV_FIELD(S, m.command), DEV_FIELD(S, m.enabled), DEV_FIELD(S, m.set),       \
        DEV_FIELD(S, m.leds), DEV_FIELD(S, m.rate), DEV_FIELD(S, m.last)
#define PS2_MOUSE_ROWS(S, m)                                                                                 \
    PS2_QUEUE_ROWS(S, m.queue), DEV_FIELD(S, m.command), DEV_FIELD(S, m.enabled), DEV_FIELD(S, m.remote),    \
        DEV_FIELD(S, m.wrap), DEV_FIELD(S, m.scaling), DEV_FIELD(S, m.resolution), DEV_FIELD(S, m.rate),     \
        DEV_FIELD(S, m.id), DEV_FIELD(S, m.buttons), DEV_FIELD(S, m.last), DEV_ARRAY(S, m.knock),            \
        DEV_FIELD(S, m.dx), DEV_FIELD(S, m.dy), DEV_FIELD(S, m.wheel)

void ps2_keyboard_reset(Ps2Keyboard *k);
void ps2_keyboard_command(Ps2Keyboard *k, uint8_t v);
bool ps2_keyboard_key(Ps2Keyboard *k, unsigned key, bool down); /* KEY_* */
/* A code of set 2 as the controller translates it into set 1. */
uint8_t ps2_translate(uint8_t code);

void ps2_mouse_reset(Ps2Mouse *m);
void ps2_mouse_command(Ps2Mouse *m, uint8_t v);
void ps2_mouse_move(Ps2Mouse *m, int dx, int dy, int wheel, unsigned buttons);

#endif
