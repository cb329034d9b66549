#include "hw/char/uart.h"

static size_t can_take(void *dev)
{
    Uart *u = dev;
    lock_take(&u->dev.lock);
    unsigned n = u->ops->room(u);
    lock_release(&u->dev.lock);
    return n;
}

static void take(void *dev, const uint8_t *bytes, size_t n)
{
    Uart *u = dev;
    lock_take(&u->dev.lock);
    for (size_t k = 0; k < n && u->ops->listens(u); k++)
        u->ops->receive(u, bytes[k]);
    u->ops->settle(u);
    lock_release(&u->dev.lock);
}

void uart_attach(Uart *u, const UartOps *ops)
{
    u->ops = ops;
    if (!u->chardev)
        return;
    u->chardev->can_take = can_take;
    u->chardev->take = take;
    u->chardev->device = u;
}

void uart_taken(const Uart *u)
{
    if (u->chardev && u->chardev->more)
        u->chardev->more(u->chardev->backend);
}
