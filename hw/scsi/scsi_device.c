#include "hw/scsi/scsi_device.h"

static void tray_moved(void *opaque)
{
    ScsiDevice *d = opaque;
    if (d->requests && d->requests->changed)
        d->requests->changed(d->requests->opaque, &d->dev);
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text[0] ? text : otherwise;
}

static bool device_realize(Device *dev, DevError *err)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    const bool cd = dev->cls == &scsi_cd_class;
    if (!d->host)
        return dev_fail(err, "%s: no adapter", dev->id);
    const char *serial = d->serial[0] || !d->drive ? d->serial : d->drive->serial;
    const uint32_t block = d->block ? d->block : cd ? SCSI_CD_BLOCK : 512;
    d->u = (ScsiUnit){.drive = d->drive,
                      .is_cd = cd,
                      .removable = cd || d->removable,
                      .queues = true,
                      .unmaps = !cd && d->drive && d->drive->discard && !d->drive->read_only,
                      .block = block,
                      .physical_block = MAX(d->physical_block, block),
                      .vendor = or_else(d->vendor, "Tinamou"),
                      .product = or_else(d->product, cd ? "CD-ROM" : "HARDDISK"),
                      .revision = or_else(d->ver, "1.0"),
                      .serial = serial,
                      .name = or_else(d->device_id, serial),
                      .wwn = d->wwn,
                      .rotation_rate = (uint16_t)d->rotation_rate,
                      .tray_moved = tray_moved,
                      .opaque = d};
    const char *why =
        cd && block != SCSI_CD_BLOCK ? "blocks of CDs are of 2048 bytes" : scsi_check_unit(&d->u);
    if (why || d->channel)
        return dev_fail(err, "%s: %s", dev->id, why ? why : "there is channel 0 alone");
    if (d->rotation_rate > UINT16_MAX)
        return dev_fail(err, "%s: %u turns a minute", dev->id, d->rotation_rate);
    return d->host->plug(d->host, d, err);
}

static void device_reset(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    lock_take(d->host->lock);
    scsi_reset(&d->s);
    d->s.no_cache = !d->write_cache;
    d->s.attention = SCSI_POWER_ON & 0xffff;
    lock_release(d->host->lock);
}

static bool device_loaded(Device *dev, DevError *err)
{
    scsi_state_check(&((ScsiDevice *)dev)->s);
    return true;
}

static void device_clear(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    if (d->place)
        d->host->unplug(d->host, d);
}

bool scsi_device_is(const Device *d)
{
    return d->cls == &scsi_hd_class || d->cls == &scsi_cd_class;
}

void scsi_device_leave(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    d->host->leave(d->host, d);
}

/* ---- trays ---- */

bool scsi_cd_is(const Device *d)
{
    return d->cls == &scsi_cd_class && ((const ScsiDevice *)d)->place;
}

void scsi_cd_ask(Device *dev, CdAsk what)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    lock_take(d->host->lock);
    scsi_cd_tell(&d->s, what);
    lock_release(d->host->lock);
}

void scsi_cd_look(Device *dev, bool *ret_open, bool *ret_locked)
{
    const ScsiDevice *d = (const ScsiDevice *)dev;
    lock_take(d->host->lock);
    *ret_open = d->s.tray_open;
    *ret_locked = d->s.locked;
    lock_release(d->host->lock);
}

void scsi_cd_pause(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    d->host->pause(d->host, d);
}

void scsi_cd_resume(Device *dev)
{
    ScsiDevice *d = (ScsiDevice *)dev;
    d->host->go_on(d->host, d);
}

/* ---- classes ---- */

#define NUMBER(name_, member, help_, value_)                                                                 \
    {                                                                                                        \
        name_, help_, offsetof(ScsiDevice, member), PROP_U32, 4, value_                                      \
    }
#define DEVICE_PROPS                                                                                         \
    DEV_TEXT(ScsiDevice, bus, "id of an adapter, and .0"), DEV_TEXT(ScsiDevice, serial, "serial number"),    \
        DEV_TEXT(ScsiDevice, vendor, "whose it is"), DEV_TEXT(ScsiDevice, product, "what it is called"),     \
        DEV_TEXT(ScsiDevice, ver, "version of its firmware"),                                                \
        DEV_TEXT(ScsiDevice, device_id, "what the guest finds it by; else the serial number"),               \
        DEV_U32(ScsiDevice, channel, "0", 0),                                                                \
        NUMBER("scsi-id", target, "target; else the first that is free", SCSI_ANY),                          \
        DEV_U32(ScsiDevice, lun, "unit of the target; else the first that is free", SCSI_ANY),               \
        NUMBER("logical_block_size", block, "the guest's unit", 0),                                          \
        NUMBER("physical_block_size", physical_block, "that of the medium", 0),                              \
        DEV_U64(ScsiDevice, wwn, "number in the world; 0: none", 0),                                         \
        {"controller", "that it is plugged into", offsetof(ScsiDevice, host), PROP_PTR, sizeof(void *), 0},  \
        DEV_PTR(ScsiDevice, drive, "what it reads and writes"),                                              \
        DEV_PTR(ScsiDevice, requests, "who is told of the tray")

static const DevProp hd_props[] = {
    DEVICE_PROPS,
    DEV_U32(ScsiDevice, rotation_rate, "turns a minute; 1: nothing turns; 0: nothing is said", 0),
    DEV_BOOL(ScsiDevice, removable, "says that it can be taken out", 0),
    {"write-cache", "what is written may wait for a flush", offsetof(ScsiDevice, write_cache), PROP_BOOL,
     sizeof(bool), 1},
};
static const DevProp cd_props[] = {DEVICE_PROPS};
static const DevField state[] = {SCSI_ROWS(ScsiDevice, s)};

const DevClass scsi_hd_class = {
    .name = "scsi-hd",
    .help = "disk on SCSI",
    .version = 1,
    .bus = "SCSI",
    DEV_TABLES(ScsiDevice, hd_props, state),
    .realize = device_realize,
    .reset = device_reset,
    .loaded = device_loaded,
    .clear = device_clear,
};
const DevClass scsi_cd_class = {
    .name = "scsi-cd",
    .help = "CD-ROM on SCSI",
    .version = 1,
    .bus = "SCSI",
    DEV_TABLES(ScsiDevice, cd_props, state),
    .realize = device_realize,
    .reset = device_reset,
    .loaded = device_loaded,
    .clear = device_clear,
};
