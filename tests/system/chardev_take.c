/* Input arrives as it was typed though the device has another amount of room each time that it is asked, as
 * one does whose cpu reads at the same time. */
#include "system/chardev/chardev.h"

#include <stdio.h>
#include <string.h>

typedef struct Device {
    CharFront front;
    GString *got;
    unsigned asked;
} Device;

static size_t can_take(void *opaque)
{
    static const size_t room[] = {1, 16, 0, 3, 16};
    return room[((Device *)opaque)->asked++ % G_N_ELEMENTS(room)];
}

static void take(void *opaque, const uint8_t *bytes, size_t n)
{
    g_string_append_len(((Device *)opaque)->got, (const char *)bytes, (gssize)n);
}

int main(void)
{
    static const char text[] = "virtio write 84000000 1800 1000";
    g_autoptr(GError) err = NULL;
    Chardevs *all = chardevs_new(&(CharHost){0});
    Chardev *c = chardev_add_short(all, "-serial", "ringbuf", "typed", &err);
    Device d = {.got = g_string_new(NULL)};
    d.front.port.device = &d;
    d.front.port.can_take = can_take;
    d.front.port.take = take;
    if (!c || !chardev_attach(c, &d.front, "device", &err)) {
        printf("%s\n", err->message);
        return 1;
    }
    for (unsigned k = 0; k < sizeof(text) - 1; k++)
        chardev_ring_write(c, (const uint8_t *)text + k, 1);
    for (unsigned k = 0; k < 2 * sizeof(text); k++) {
        d.front.port.more(d.front.port.backend);
        g_main_context_iteration(NULL, FALSE);
    }
    printf("%s\n", d.got->str);
    const bool same = strcmp(d.got->str, text) == 0;
    g_string_free(d.got, TRUE);
    chardevs_free(all);
    return !same;
}
