/* Two cpus take turns, spinning with pause, on one cpu of the host: a turn must not cost a time slice there.
 * options: -smp 2
 * one host cpu: 2 seconds */
#include "x86_bare.h"

enum { TURNS = 1000, AP_PAGE = 0x8000, WHOSE = 0x7000, ICR = 0xfee00300, ICR_HIGH = 0xfee00310 };
enum { TO_INIT = 0x4500, TO_START = 0x4600 | AP_PAGE >> 12, PENDING = 0x1000 };

static const uint8_t ap_code[] = {
    0x31, 0xc0, 0x8e, 0xd8,       /*    xor ax, ax; mov ds, ax */
    0xf3, 0x90,                   /* 1: pause */
    0x80, 0x3e, 0x00, 0x70, 0x01, /*    cmp byte [WHOSE], 1 */
    0x75, 0xf7,                   /*    jne 1b */
    0xc6, 0x06, 0x00, 0x70, 0x00, /*    mov byte [WHOSE], 0 */
    0xeb, 0xf0,                   /*    jmp 1b */
};

static void send(uint32_t what)
{
    volatile uint32_t *icr = (volatile uint32_t *)(word)ICR;
    *(volatile uint32_t *)(word)ICR_HIGH = 1u << 24; /* the second cpu */
    *icr = what;
    while (*icr & PENDING)
        ;
}

void test(void)
{
    volatile uint8_t *whose = (volatile uint8_t *)(word)WHOSE, *page = (volatile uint8_t *)(word)AP_PAGE;
    for (unsigned k = 0; k < sizeof(ap_code); k++)
        page[k] = ap_code[k];
    *whose = 0;
    send(TO_INIT);
    send(TO_START);
    for (unsigned k = 0; k < TURNS; k++) {
        *whose = 1;
        while (*whose)
            __asm__ volatile("pause");
    }
}
