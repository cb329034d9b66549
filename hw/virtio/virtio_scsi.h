/* virtio-scsi: a host adapter of SCSI (specification 1.2, "SCSI Host Device"). */
#ifndef HW_VIRTIO_VIRTIO_SCSI_H
#define HW_VIRTIO_VIRTIO_SCSI_H

#include "hw/scsi/scsi_device.h"
#include "hw/virtio/virtio.h"

extern const DevClass virtio_scsi_class;

bool virtio_scsi_is(const Device *d);
/* For those who plug a ScsiDevice into it. */
ScsiHost *virtio_scsi_host(Device *d);

#endif
