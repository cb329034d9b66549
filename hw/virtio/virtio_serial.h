/* virtio-serial (specification 1.2, "Console Device") and its ports, each a device of its own: consoles, and
 * byte streams that have names. Ports come before the guest or while it runs.
 * What belongs to a port is guarded by the controller's lock. */
#ifndef HW_VIRTIO_VIRTIO_SERIAL_H
#define HW_VIRTIO_VIRTIO_SERIAL_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_serial_class;
/* links: controller (virtio-serial), chardev (CharPort; may be NULL). Children of their controller. */
extern const DevClass virtio_console_port_class, virtio_serial_port_class;

bool virtio_port_is(const Device *d);
bool virtio_port_bus_is(const Device *d); /* a virtio-serial */
/* Before dev_free() of a port while the guest is there: it is told. Without locks. */
void virtio_port_leave(Device *port);

#endif
