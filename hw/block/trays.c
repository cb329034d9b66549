#include "hw/block/trays.h"

#include "hw/block/ata.h"
#include "hw/scsi/scsi_device.h"

bool cd_is(const Device *d)
{
    return ide_cd_is(d) || scsi_cd_is(d);
}

void cd_tell(Device *d, CdAsk what)
{
    ide_cd_is(d) ? ide_cd_tell(d, what) : scsi_cd_ask(d, what);
}

void cd_look(Device *d, bool *ret_open, bool *ret_locked)
{
    ide_cd_is(d) ? ide_cd_look(d, ret_open, ret_locked) : scsi_cd_look(d, ret_open, ret_locked);
}

void cd_pause(Device *d)
{
    ide_cd_is(d) ? ide_cd_pause(d) : scsi_cd_pause(d);
}

void cd_resume(Device *d)
{
    ide_cd_is(d) ? ide_cd_resume(d) : scsi_cd_resume(d);
}
