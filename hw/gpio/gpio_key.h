/* gpio-key: a key on a pin. Pressing it raises the pin for a tenth of a second. */
#ifndef HW_GPIO_GPIO_KEY_H
#define HW_GPIO_GPIO_KEY_H

#include "hw/core/dev.h"

extern const DevClass gpio_key_class; /* links: pin (IrqLine) */
/* By any thread without locks of devices. */
void gpio_key_press(Device *key);

#endif
