/* Drives as devices, and their places on controllers. */
#include "hw/block/ata_bus.h"

#include "hw/block/ahci.h"
#include "hw/block/ide.h"

#include <stdlib.h>

AtaBus *ata_bus_of(Device *d)
{
    return d->cls == &piix3_ide_class ? ide_bus(d) : d->cls == &ich9_ahci_class ? ahci_bus(d) : NULL;
}

bool ata_bus_plug(AtaBus *b, unsigned bus, unsigned unit, Device *drive, DevError *err)
{
    AtaDrive *d = (AtaDrive *)drive;
    const unsigned place = bus * b->units + unit;
    if (bus >= b->buses || unit >= b->units || b->at[place])
        return dev_fail(err, "%s: unit %u of the bus is in use, or there is none", drive->id, unit);
    b->at[place] = d;
    d->on = b;
    d->place = place;
    d->number = 1 + place;
    d->unit = unit;
    d->serial_ata = b->serial_ata;
    d->job = (Job){.run = b->work, .opaque = d};
    return true;
}

void ata_bus_clear(AtaBus *b)
{
    for (unsigned k = 0; k < ATA_PLACES; k++) {
        AtaDrive *d = b->at[k];
        if (d && d->drive && d->drive->jobs)
            d->drive->jobs->drain(d->drive->jobs->backend, &d->job);
        if (d)
            d->on = NULL;
        b->at[k] = NULL;
    }
}

void ata_bus_post(AtaDrive *d)
{
    const JobPort *jobs = d->drive ? d->drive->jobs : NULL;
    if (jobs) {
        jobs->post(jobs->backend, &d->job);
        return;
    }
    lock_release(d->on->lock);
    d->job.run(d->job.opaque);
    lock_take(d->on->lock);
}

/* ---- the device ---- */

static void tray_moved(void *opaque)
{
    AtaDrive *d = opaque;
    if (d->requests && d->requests->changed)
        d->requests->changed(d->requests->opaque, &d->dev);
}

static bool drive_realize(Device *dev, DevError *err)
{
    AtaDrive *d = (AtaDrive *)dev;
    const uint32_t size = d->physical_bytes;
    d->is_cd = dev->cls == &ide_cd_class;
    if (!d->drive && !d->is_cd)
        return dev_fail(err, "ide-hd: which drive?");
    if (size < ATA_SECTOR || size > 2 << 20 || size & (size - 1))
        return dev_fail(err, "ide-hd: blocks of physically %u bytes", size);
    if (!d->is_cd && (d->drive->read_only || d->drive->bytes / ATA_SECTOR == 0))
        return dev_fail(err, "ide-hd: its drive %s", d->drive->read_only ? "is read-only" : "has no sectors");
    d->scsi = (ScsiUnit){.drive = d->drive,
                         .is_cd = true,
                         .removable = true,
                         .atapi = true,
                         .block = SCSI_CD_BLOCK,
                         .physical_block = SCSI_CD_BLOCK,
                         .vendor = "Tinamou",
                         .product = d->model[0] ? d->model : "DVD-ROM",
                         .revision = d->ver[0] ? d->ver : "1.0",
                         .serial = d->serial,
                         .wwn = d->wwn,
                         .tray_moved = tray_moved,
                         .opaque = d};
    d->bounce = malloc(ATA_PART);
    return d->bounce || dev_fail(err, "no memory");
}

static void drive_clear(Device *dev)
{
    AtaDrive *d = (AtaDrive *)dev;
    if (d->drive && d->drive->jobs && d->on)
        d->drive->jobs->drain(d->drive->jobs->backend, &d->job);
    if (d->on)
        d->on->at[d->place] = NULL;
    free(d->bounce);
}

/* ---- trays ---- */

bool ide_cd_is(const Device *d)
{
    return d->cls == &ide_cd_class && ((const AtaDrive *)d)->on;
}

static AtaState *state_of(const AtaDrive *d)
{
    return d->on->state[d->place];
}

void ide_cd_tell(Device *dev, CdAsk what)
{
    const AtaDrive *d = (const AtaDrive *)dev;
    lock_take(d->on->lock);
    scsi_cd_tell(&state_of(d)->scsi, what);
    lock_release(d->on->lock);
}

void ide_cd_look(Device *dev, bool *ret_open, bool *ret_locked)
{
    const AtaDrive *d = (const AtaDrive *)dev;
    lock_take(d->on->lock);
    *ret_open = state_of(d)->scsi.tray_open;
    *ret_locked = state_of(d)->scsi.locked;
    lock_release(d->on->lock);
}

void ide_cd_pause(Device *dev)
{
    AtaDrive *d = (AtaDrive *)dev;
    if (d->drive && d->drive->jobs)
        d->drive->jobs->drain(d->drive->jobs->backend, &d->job);
}

void ide_cd_resume(Device *dev)
{
    AtaDrive *d = (AtaDrive *)dev;
    lock_take(d->on->lock);
    ata_bus_post(d);
    lock_release(d->on->lock);
}

#define DRIVE_PROPS                                                                                          \
    DEV_TEXT(AtaDrive, serial, "what the drive is called"), DEV_TEXT(AtaDrive, model, "whose it is"),        \
        DEV_TEXT(AtaDrive, ver, "version of its firmware"),                                                  \
        DEV_TEXT(AtaDrive, bus, "channel or port of a controller; empty: the first that has room"),          \
        DEV_U32(AtaDrive, unit, "place on the channel", UINT32_MAX),                                         \
        DEV_U64(AtaDrive, wwn, "number in the world; 0: none", 0),                                           \
        DEV_U32(AtaDrive, rotation_rate, "turns a minute; 1: it has no disks that turn; 0: nothing is said", \
                0),                                                                                          \
        {"physical_block_size",                                                                              \
         "that of the medium",                                                                               \
         offsetof(AtaDrive, physical_bytes),                                                                 \
         PROP_U32,                                                                                           \
         4,                                                                                                  \
         ATA_SECTOR},                                                                                        \
        DEV_PTR(AtaDrive, drive, "back end"), DEV_PTR(AtaDrive, requests, "who is told of the tray")

static const DevProp hd_props[] = {DRIVE_PROPS};
static const DevProp cd_props[] = {DRIVE_PROPS};

const DevClass ide_hd_class = {
    .name = "ide-hd",
    .help = "disk on an IDE or SATA controller",
    .version = 1,
    .bus = "ide",
    .size = sizeof(AtaDrive),
    .state_begin = offsetof(AtaDrive, state_begin),
    .state_end = offsetof(AtaDrive, state_end),
    .props = hd_props,
    .n_props = ARRAY_SIZE(hd_props),
    .realize = drive_realize,
    .clear = drive_clear,
};
const DevClass ide_cd_class = {
    .name = "ide-cd",
    .help = "CD-ROM on an IDE or SATA controller",
    .version = 1,
    .bus = "ide",
    .size = sizeof(AtaDrive),
    .state_begin = offsetof(AtaDrive, state_begin),
    .state_end = offsetof(AtaDrive, state_end),
    .props = cd_props,
    .n_props = ARRAY_SIZE(cd_props),
    .realize = drive_realize,
    .clear = drive_clear,
};
