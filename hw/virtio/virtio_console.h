/* virtio-serial with one port, which is a console (specification 1.2, "Console Device"), without the control
 * queues of several ports. */
#ifndef HW_VIRTIO_VIRTIO_CONSOLE_H
#define HW_VIRTIO_VIRTIO_CONSOLE_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_console_class; /* links: chardev (CharPort), may be NULL */

#endif
