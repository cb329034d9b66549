/* Uart: how bytes come into a serial port, whatever its registers are. A port's struct begins with it, its
 * class gives `chardev` and `irq` as properties. The functions are called with the device's lock held. */
#ifndef HW_CHAR_UART_H
#define HW_CHAR_UART_H

#include "hw/core/char_port.h"
#include "hw/core/dev_impl.h"

typedef struct Uart Uart;

typedef struct UartOps {
    unsigned (*room)(const Uart *u);      /* characters that it takes now */
    bool (*listens)(const Uart *u);       /* not looped back to itself; else what comes is lost */
    void (*receive)(Uart *u, uint8_t c);
    void (*settle)(Uart *u);              /* after some of them: the interrupt line */
} UartOps;

struct Uart {
    Device dev;
    CharPort *chardev;
    const IrqLine *irq;
    const UartOps *ops;
};

void uart_attach(Uart *u, const UartOps *ops); /* in realize */
void uart_taken(const Uart *u);                /* software took one: there may be room */

#endif
