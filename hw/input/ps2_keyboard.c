/* The 101/102-key keyboard of the IBM PS/2 Hardware Interface Technical Reference, scan code sets 1 and 2
 * (set 3 is accepted and sends set 2). Repeating keys is the user's own keyboard's business. */
#include "hw/input/ps2.h"

#include <linux/input-event-codes.h>

enum { ACK = 0xfa, RESEND = 0xfe, TEST_OK = 0xaa, BREAK = 0xf0, EXTENDED = 0xe0, RELEASED = 0x80 };

bool ps2_put(Ps2Queue *q, const uint8_t *bytes, unsigned n)
{
    if (q->n + n > PS2_QUEUE)
        return false;
    memcpy(q->byte + q->n, bytes, n);
    q->n = (uint8_t)(q->n + n);
    return true;
}

bool ps2_take(Ps2Queue *q, uint8_t *ret)
{
    if (!q->n)
        return false;
    *ret = q->byte[0];
    memmove(q->byte, q->byte + 1, PS2_QUEUE - 1);
    q->byte[PS2_QUEUE - 1] = 0;
    q->n--;
    return true;
}

/* Set 2 to set 1, as the keyboard controller translates. */
static const uint8_t set1_of[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

uint8_t ps2_translate(uint8_t code)
{
    return code < 128 ? set1_of[code] : code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

static uint8_t set2_of(uint8_t set1)
{
    if (set1 == 0x41) /* F7, which is not where the table has it */
        return 0x83;
    for (unsigned k = 1; k < ARRAY_SIZE(set1_of); k++)
        if (set1_of[k] == set1)
            return (uint8_t)k;
    return 0;
}

/* Keys up to F12 have the numbers of set 1. These come after EXTENDED. */
static const struct {
    uint16_t key;
    uint8_t set1;
} extended[] = {
    {KEY_KPENTER, 0x1c}, {KEY_RIGHTCTRL, 0x1d}, {KEY_KPSLASH, 0x35},  {KEY_RIGHTALT, 0x38},
    {KEY_HOME, 0x47},    {KEY_UP, 0x48},        {KEY_PAGEUP, 0x49},   {KEY_LEFT, 0x4b},
    {KEY_RIGHT, 0x4d},   {KEY_END, 0x4f},       {KEY_DOWN, 0x50},     {KEY_PAGEDOWN, 0x51},
    {KEY_INSERT, 0x52},  {KEY_DELETE, 0x53},    {KEY_LEFTMETA, 0x5b}, {KEY_RIGHTMETA, 0x5c},
    {KEY_COMPOSE, 0x5d}, {KEY_SYSRQ, 0x37},     {KEY_POWER, 0x5e},    {KEY_SLEEP, 0x5f},
    {KEY_WAKEUP, 0x63},
};

static bool pause_key(Ps2Keyboard *k, bool down)
{
    static const uint8_t set1[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5},
                         set2[] = {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77};
    if (!down)
        return true; /* it has no release */
    return k->set == 1 ? ps2_put(&k->queue, set1, sizeof(set1)) : ps2_put(&k->queue, set2, sizeof(set2));
}

bool ps2_keyboard_key(Ps2Keyboard *k, unsigned key, bool down)
{
    uint8_t text[4], code = key <= KEY_F12 ? (uint8_t)key : 0;
    unsigned n = 0;
    if (!k->enabled)
        return false;
    if (key == KEY_PAUSE)
        return pause_key(k, down);
    for (unsigned e = 0; e < ARRAY_SIZE(extended); e++) {
        if (extended[e].key == key) {
            code = extended[e].set1;
            text[n++] = EXTENDED;
        }
    }
    if (!code)
        return false;
    if (k->set == 1) {
        text[n++] = (uint8_t)(code | (down ? 0 : RELEASED));
        return ps2_put(&k->queue, text, n);
    }
    if (!down)
        text[n++] = BREAK;
    text[n++] = set2_of(code);
    return ps2_put(&k->queue, text, n);
}

/* ---- commands ---- */

static void set_defaults(Ps2Keyboard *k)
{
    k->set = 2;
    k->rate = 0x2b;
    k->leds = k->command = 0;
}

void ps2_keyboard_reset(Ps2Keyboard *k)
{
    *k = (Ps2Keyboard){.enabled = 1};
    set_defaults(k);
}

static void answer(Ps2Keyboard *k, const uint8_t *bytes, unsigned n)
{
    k->last = bytes[n - 1];
    ps2_put(&k->queue, bytes, n);
}
static void ack(Ps2Keyboard *k)
{
    answer(k, &(uint8_t){ACK}, 1);
}

static bool take_operand(Ps2Keyboard *k, uint8_t v)
{
    const uint8_t command = k->command;
    k->command = 0;
    if (!command || v >= 0xed) /* a command instead ends it */
        return false;
    switch (command) {
    case 0xed: k->leds = v & 7; break;
    case 0xf3: k->rate = v & 0x7f; break;
    case 0xf0:
        if (v == 0) {
            answer(k, (uint8_t[]){ACK, k->set}, 2);
            return true;
        }
        k->set = v == 1 ? 1 : 2;
        break;
    default: break; /* keys of set 3 */
    }
    ack(k);
    return true;
}

void ps2_keyboard_command(Ps2Keyboard *k, uint8_t v)
{
    if (take_operand(k, v))
        return;
    switch (v) {
    case 0xed:
    case 0xf0:
    case 0xf3:
    case 0xfb:
    case 0xfc:
    case 0xfd:
        k->command = v;
        ack(k);
        break;
    case 0xee: answer(k, &v, 1); break;
    case 0xf2: answer(k, (uint8_t[]){ACK, 0xab, 0x83}, 3); break;
    case 0xf4:
        k->queue.n = 0;
        k->enabled = 1;
        ack(k);
        break;
    case 0xf5:
    case 0xf6:
        k->queue.n = 0;
        set_defaults(k);
        k->enabled = v == 0xf6;
        ack(k);
        break;
    case 0xf7:
    case 0xf8:
    case 0xf9:
    case 0xfa: ack(k); break; /* key types, of set 3 */
    case 0xfe: ps2_put(&k->queue, &k->last, 1); break;
    case 0xff:
        ps2_keyboard_reset(k);
        answer(k, (uint8_t[]){ACK, TEST_OK}, 2);
        break;
    default: answer(k, &(uint8_t){RESEND}, 1);
    }
}
