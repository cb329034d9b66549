/* The mouse of the IBM PS/2 Hardware Interface Technical Reference, and the wheel of Microsoft's IntelliMouse
 * (id 3). Scaling 2:1 is kept, and reported, but motions are those of the user's own mouse. */
#include "hw/input/ps2.h"

enum {
    ACK = 0xfa,
    RESEND = 0xfe,
    TEST_OK = 0xaa,
    WHEEL_ID = 3,
    DEFAULT_RATE = 100,
    DEFAULT_RESOLUTION = 2,
    SENT = 4 /* bytes of a report */
};

static void set_defaults(Ps2Mouse *m)
{
    m->rate = DEFAULT_RATE;
    m->resolution = DEFAULT_RESOLUTION;
    m->scaling = m->enabled = m->remote = m->wrap = m->command = 0;
    m->dx = m->dy = m->wheel = 0;
}

void ps2_mouse_reset(Ps2Mouse *m)
{
    *m = (Ps2Mouse){0};
    set_defaults(m);
}

static void answer(Ps2Mouse *m, const uint8_t *bytes, unsigned n)
{
    m->last = bytes[n - 1];
    ps2_put(&m->queue, bytes, n);
}
static void ack(Ps2Mouse *m)
{
    answer(m, &(uint8_t){ACK}, 1);
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* One packet of what has not been reported. */
static bool report(Ps2Mouse *m)
{
    const int dx = clamp(m->dx, -255, 255), dy = clamp(m->dy, -255, 255), wheel = clamp(m->wheel, -8, 7);
    const uint8_t text[] = {(uint8_t)(8 | m->buttons | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0)),
                            (uint8_t)dx, (uint8_t)dy, (uint8_t)wheel};
    if (!ps2_put(&m->queue, text, m->id == WHEEL_ID ? 4 : 3))
        return false;
    m->dx = (int16_t)(m->dx - dx);
    m->dy = (int16_t)(m->dy - dy);
    m->wheel = (int16_t)(m->wheel - wheel);
    return true;
}

void ps2_mouse_move(Ps2Mouse *m, int dx, int dy, int wheel, unsigned buttons)
{
    enum { FAR = 2000 };
    m->dx = (int16_t)clamp(m->dx + clamp(dx, -FAR, FAR), -FAR, FAR);
    m->dy = (int16_t)clamp(m->dy + clamp(dy, -FAR, FAR), -FAR, FAR);
    m->wheel = (int16_t)clamp(m->wheel + clamp(wheel, -FAR, FAR), -FAR, FAR);
    m->buttons = buttons & 7;
    if (!m->enabled || m->remote)
        return;
    bool more = true;
    for (unsigned k = 0; more && k < PS2_QUEUE / SENT; k++) {
        if (!report(m))
            break;
        more = m->dx || m->dy || m->wheel;
    }
}

static void set_rate(Ps2Mouse *m, uint8_t v)
{
    if (m->knock[0] == 200 && m->knock[1] == 100 && v == 80)
        m->id = WHEEL_ID;
    m->knock[0] = m->knock[1];
    m->knock[1] = v;
    m->rate = v;
}

static bool take_operand(Ps2Mouse *m, uint8_t v)
{
    const uint8_t command = m->command;
    m->command = 0;
    if (!command)
        return false;
    if (command == 0xe8)
        m->resolution = v & 3;
    else
        set_rate(m, v);
    ack(m);
    return true;
}

void ps2_mouse_command(Ps2Mouse *m, uint8_t v)
{
    if (take_operand(m, v))
        return;
    if (m->wrap && v != 0xec && v != 0xff) {
        answer(m, &v, 1);
        return;
    }
    switch (v) {
    case 0xe6:
    case 0xe7:
        m->scaling = v & 1;
        ack(m);
        break;
    case 0xe8:
    case 0xf3:
        m->command = v;
        ack(m);
        break;
    case 0xe9:
        answer(m,
               (uint8_t[]){ACK,
                           (uint8_t)(m->remote << 6 | m->enabled << 5 | m->scaling << 4 |
                                     (m->buttons & 1) << 2 | (m->buttons & 4) >> 1 | (m->buttons & 2) >> 1),
                           m->resolution, m->rate},
               4);
        break;
    case 0xea:
    case 0xf0:
        m->remote = v == 0xf0;
        ack(m);
        break;
    case 0xeb:
        ack(m);
        report(m);
        break;
    case 0xec:
    case 0xee:
        m->wrap = v == 0xee;
        ack(m);
        break;
    case 0xf2: answer(m, (uint8_t[]){ACK, m->id}, 2); break;
    case 0xf4:
    case 0xf5:
        m->enabled = v == 0xf4;
        ack(m);
        break;
    case 0xf6:
        set_defaults(m);
        ack(m);
        break;
    case 0xff:
        ps2_mouse_reset(m);
        answer(m, (uint8_t[]){ACK, TEST_OK, 0}, 3);
        break;
    default: answer(m, &(uint8_t){RESEND}, 1);
    }
}
