/* virtio-net: an Ethernet card (specification 1.2, "Network Device"), one pair of queues and a control queue.
 * No offloads: frames are whole, and what is sent has its checksums. */
#ifndef HW_VIRTIO_VIRTIO_NET_H
#define HW_VIRTIO_VIRTIO_NET_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_net_class; /* links: netdev (NetPort) */
/* Cable in or out. By any thread, without locks. */
void virtio_net_set_link(Device *net, bool up);

#endif
