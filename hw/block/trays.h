/* Trays and media of CD-ROMs, for the owner of the machine, whatever they are plugged into. Each takes the
 * lock of the device's controller. */
#ifndef HW_BLOCK_TRAYS_H
#define HW_BLOCK_TRAYS_H

#include "hw/scsi/scsi.h"

bool cd_is(const Device *d); /* a CD-ROM that is plugged in; the others are for those alone */
void cd_tell(Device *d, CdAsk what);
void cd_look(Device *d, bool *ret_open, bool *ret_locked);
/* What it has under way is done when this returns, or is not begun and is not before resume. */
void cd_pause(Device *d);
void cd_resume(Device *d);

#endif
