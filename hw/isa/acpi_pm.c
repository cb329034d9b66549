/* ACPI 6.4, 4.8 (fixed hardware); the places of Intel's PIIX4 (290562) and ICH9 (316972). Of the sleeping
 * states there are S5, as type 0, and S3, as type 1. The TCO watchdog is registers without effect. That
 * firmware's SMIs are enabled already (where cpus have no system management mode) says that there is nothing
 * to set up. */
#include "hw/isa/acpi_pm.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"
#include "hw/core/request.h"

enum {
    STATUS = 0,
    ENABLE = 2,
    CONTROL = 4,
    TIMER = 8,
    GPE0 = 0x20,
    GLOBAL_CONTROL = 0x28, /* of PIIX4 */
    SMI_ENABLE = 0x30,
    SMI_STATUS = 0x34,
    TCO = 0x60,
    ICH_BYTES = 0x80,
    PIIX_BYTES = 0x40,
    GPE_BYTES = 8,
    PIIX_GPE_BYTES = 4,
    TCO_BYTES = 0x20
};
enum {
    STS_TIMER = 1,
    STS_GLOBAL = 0x20,
    STS_BUTTON = 0x100,
    STS_RTC = 0x400,
    STS_WAKE = 0x8000,
    STS_ALL = 0x8f31,
    CAN_SCI = STS_TIMER | STS_GLOBAL | STS_BUTTON | STS_RTC
};
enum { SCI_ON = 1, SLEEP_TYPE = 0x1c00, SLEEP = 0x2000, SMI_GLOBAL = 1, SMI_COMMAND = 0x20, SMI_ON = 0x21 };
enum { SMI_BROADCAST = 1 };
typedef enum AcpiPmSleep { AWAKE, ASLEEP, WAKING } AcpiPmSleep;
#define SECOND     1000000000ull
#define HALF_TIMER (1u << 23)

typedef struct AcpiPm {
    Device dev;
    bool ich, smm, smi_locked; /* locked: by the bridge, which keeps it */
    bool no_s3;
    const IrqLine *sci;
    const MachineRequests *machine;
    Timer timer;
    DEV_STATE_BEGIN
    uint64_t looked; /* ns up to which STS_TIMER is known */
    uint16_t status, enable, control;
    uint8_t gpe[2 * GPE_BYTES]; /* status, then enable */
    uint8_t tco[TCO_BYTES];
    uint32_t smi_enable, smi_status;
    uint8_t smi_asked[ACPI_PM_SMI_BYTES], smi_broadcast, smi_answer;
    uint8_t sleep; /* AcpiPmSleep */
    DEV_STATE_END
} AcpiPm;

static uint64_t ticks_at(uint64_t ns)
{
    return ns / SECOND * ACPI_PM_HZ + ns % SECOND * ACPI_PM_HZ / SECOND;
}

/* The highest bit of the timer has changed since. */
static void catch_up(AcpiPm *p)
{
    const uint64_t now = clock_now(p->dev.clock);
    if (ticks_at(now) / HALF_TIMER != ticks_at(p->looked) / HALF_TIMER)
        p->status |= STS_TIMER;
    p->looked = now;
}

static void show(const AcpiPm *p)
{
    bool on = p->status & p->enable & CAN_SCI;
    for (unsigned k = 0; k < GPE_BYTES; k++)
        on |= (p->gpe[k] & p->gpe[GPE_BYTES + k]) != 0;
    irq_set(p->sci, on && (p->control & SCI_ON));
}

static void update(AcpiPm *p)
{
    const uint64_t next = (ticks_at(p->looked) / HALF_TIMER + 1) * HALF_TIMER;
    show(p);
    if (p->enable & STS_TIMER && !(p->status & STS_TIMER))
        timer_set(p->dev.clock, &p->timer,
                  next / ACPI_PM_HZ * SECOND + next % ACPI_PM_HZ * SECOND / ACPI_PM_HZ + 1);
    else
        timer_cancel(p->dev.clock, &p->timer);
}

static void fire(void *opaque)
{
    catch_up(opaque);
    update(opaque);
}

static void wake(AcpiPm *p)
{
    if (p->sleep != ASLEEP)
        return;
    p->sleep = WAKING;
    p->machine->request(p->machine->opaque, MACHINE_WAKE, 0);
}

void acpi_pm_press(Device *d)
{
    AcpiPm *p = (AcpiPm *)d;
    lock_take(&d->lock);
    p->status |= STS_BUTTON;
    dev_trace(d, ACPI_PM, "button, enabled 0x%x control 0x%x", p->enable, p->control);
    wake(p);
    show(p);
    lock_release(&d->lock);
}

void acpi_pm_alarm(Device *d)
{
    AcpiPm *p = (AcpiPm *)d;
    lock_take(&d->lock);
    p->status |= STS_RTC;
    if (p->enable & STS_RTC)
        wake(p);
    show(p);
    lock_release(&d->lock);
}

void acpi_pm_allow_s3(Device *d, bool on)
{
    ((AcpiPm *)d)->no_s3 = !on;
}
bool acpi_pm_has_s3(const Device *d)
{
    return !((const AcpiPm *)d)->no_s3;
}

bool acpi_pm_is_asleep(Device *d)
{
    lock_take(&d->lock);
    const bool asleep = ((const AcpiPm *)d)->sleep != AWAKE;
    lock_release(&d->lock);
    return asleep;
}

void acpi_pm_event(Device *d, unsigned n)
{
    AcpiPm *p = (AcpiPm *)d;
    lock_take(&d->lock);
    p->gpe[n / 8] |= (uint8_t)(1u << n % 8);
    show(p);
    lock_release(&d->lock);
}

void acpi_pm_switch(Device *d, bool on)
{
    AcpiPm *p = (AcpiPm *)d;
    lock_take(&d->lock);
    p->control = (uint16_t)(on ? p->control | SCI_ON : p->control & ~SCI_ON);
    show(p);
    lock_release(&d->lock);
}

bool acpi_pm_command_smi(Device *d)
{
    AcpiPm *p = (AcpiPm *)d;
    const uint32_t need = p->ich ? SMI_GLOBAL | SMI_COMMAND : SMI_GLOBAL;
    lock_take(&d->lock);
    const bool on = p->smm && (p->smi_enable & need) == need;
    if (on && p->ich)
        p->smi_status |= SMI_COMMAND;
    lock_release(&d->lock);
    return on;
}

const uint8_t acpi_pm_smi_features[ACPI_PM_SMI_BYTES] = {SMI_BROADCAST};

uint8_t *acpi_pm_smi_asked(Device *d)
{
    return ((AcpiPm *)d)->smi_asked;
}
const uint8_t *acpi_pm_smi_answer(const Device *d)
{
    return &((const AcpiPm *)d)->smi_answer;
}

/* What was asked for holds from the first answer until reset, if all of it is there. */
void acpi_pm_answer(void *d)
{
    AcpiPm *p = d;
    lock_take(&p->dev.lock);
    const uint64_t asked = ld_u64(p->smi_asked);
    if (!p->smi_answer && !(asked & ~(uint64_t)SMI_BROADCAST)) {
        p->smi_broadcast = asked & SMI_BROADCAST;
        p->smi_answer = 1;
    }
    lock_release(&p->dev.lock);
}

bool acpi_pm_broadcasts(Device *d)
{
    lock_take(&d->lock);
    const bool on = ((AcpiPm *)d)->smi_broadcast;
    lock_release(&d->lock);
    return on;
}

void acpi_pm_lock_smi(Device *d, bool locked)
{
    lock_take(&d->lock);
    ((AcpiPm *)d)->smi_locked = locked;
    lock_release(&d->lock);
}

static void write_control(AcpiPm *p, uint16_t v)
{
    p->control = (uint16_t)((p->control & SCI_ON) | (v & SLEEP_TYPE) | (v & 2));
    dev_trace(&p->dev, ACPI_PM, "control 0x%x", v);
    if (!(v & SLEEP))
        return;
    const unsigned type = (v & SLEEP_TYPE) >> 10;
    if (type == ACPI_PM_TYPE_S5 && p->machine) {
        p->machine->request(p->machine->opaque, MACHINE_POWER_OFF, 0);
    } else if (type == ACPI_PM_TYPE_S3 && p->machine && !p->no_s3) {
        p->sleep = ASLEEP;
        p->machine->request(p->machine->opaque, MACHINE_SUSPEND, 0);
    } else {
        log_guest(&p->dev, "there is no sleeping state of type %u", type);
    }
}

/* ---- registers, byte by byte: some are written in halves ---- */

static uint8_t byte_of(uint64_t v, uint64_t at)
{
    return (uint8_t)(v >> at * 8);
}

static uint8_t read_byte(AcpiPm *p, uint64_t at)
{
    if (at < ENABLE)
        return byte_of(p->status, at);
    if (at < CONTROL)
        return byte_of(p->enable, at - ENABLE);
    if (at < CONTROL + 2)
        return byte_of(p->control, at - CONTROL);
    if (at >= TIMER && at < TIMER + 4)
        return byte_of(ticks_at(p->looked) & (2 * HALF_TIMER - 1), at - TIMER);
    if (!p->ich)
        return at >= GLOBAL_CONTROL && at < GLOBAL_CONTROL + 4 ? byte_of(p->smi_enable, at - GLOBAL_CONTROL)
                                                               : 0;
    if (at >= GPE0 && at < GPE0 + 2 * GPE_BYTES)
        return p->gpe[at - GPE0];
    if (at >= SMI_ENABLE && at < SMI_STATUS)
        return byte_of(p->smi_enable, at - SMI_ENABLE);
    if (at >= SMI_STATUS && at < SMI_STATUS + 4)
        return byte_of(p->smi_status, at - SMI_STATUS);
    return at >= TCO ? p->tco[at - TCO] : 0;
}

static void set_byte(uint32_t *to, uint64_t at, uint8_t v)
{
    *to = (*to & ~(0xffu << at * 8)) | (uint32_t)v << at * 8;
}

static void write_gpe(AcpiPm *p, uint64_t at, unsigned half, uint8_t v)
{
    if (at < half)
        p->gpe[at] &= (uint8_t)~v;
    else
        p->gpe[GPE_BYTES + at - half] = v;
}

static void write_smi_enable(AcpiPm *p, uint64_t at, uint8_t v)
{
    const uint32_t global = p->smi_enable & SMI_GLOBAL;
    set_byte(&p->smi_enable, at, v);
    if (p->smi_locked)
        p->smi_enable = (p->smi_enable & ~(uint32_t)SMI_GLOBAL) | global;
}

static void write_byte(AcpiPm *p, uint64_t at, uint8_t v)
{
    if (at < ENABLE) {
        p->status &= (uint16_t) ~((unsigned)v << at * 8 & STS_ALL);
    } else if (at < CONTROL) {
        p->enable = (uint16_t)((p->enable & ~(0xff << (at - ENABLE) * 8)) | v << (at - ENABLE) * 8);
    } else if (at == CONTROL) {
        write_control(p, (uint16_t)((p->control & 0xff00) | v));
    } else if (at == CONTROL + 1) {
        write_control(p, (uint16_t)((p->control & 0xff) | v << 8));
    } else if (p->ich && at >= GPE0 && at < GPE0 + 2 * GPE_BYTES) {
        write_gpe(p, at - GPE0, GPE_BYTES, v);
    } else if (p->ich && at >= SMI_ENABLE && at < SMI_STATUS) {
        write_smi_enable(p, at - SMI_ENABLE, v);
    } else if (p->ich && at >= SMI_STATUS && at < SMI_STATUS + 4) {
        p->smi_status &= ~((uint32_t)v << (at - SMI_STATUS) * 8);
    } else if (!p->ich && at >= GLOBAL_CONTROL && at < GLOBAL_CONTROL + 4) {
        set_byte(&p->smi_enable, at - GLOBAL_CONTROL, v);
    } else if (p->ich && at >= TCO) {
        p->tco[at - TCO] = v;
    }
}

static uint64_t pm_read(void *dev, uint64_t at, unsigned size)
{
    uint64_t v = 0;
    catch_up(dev);
    for (unsigned k = 0; k < size; k++)
        v |= (uint64_t)read_byte(dev, at + k) << 8 * k;
    return v;
}

static void pm_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    AcpiPm *p = dev;
    catch_up(p);
    if (at == CONTROL && size >= 2)
        write_control(p, (uint16_t)value);
    for (unsigned k = at == CONTROL && size >= 2 ? 2 : 0; k < size; k++)
        write_byte(p, at + k, byte_of(value, k));
    update(p);
}

static uint64_t gpe_read(void *dev, uint64_t at, unsigned size)
{
    const AcpiPm *p = dev;
    return p->gpe[at < PIIX_GPE_BYTES / 2 ? at : GPE_BYTES + at - PIIX_GPE_BYTES / 2];
}

static void gpe_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    write_gpe(dev, at, PIIX_GPE_BYTES / 2, (uint8_t)value);
    show(dev);
}

static const MmioOps ops = {.read = pm_read, .write = pm_write, .min = 1, .max = 4};
static const MmioOps gpe_ops = {.read = gpe_read, .write = gpe_write, .min = 1, .max = 1};

static bool pm_realize(Device *dev, DevError *err)
{
    AcpiPm *p = (AcpiPm *)dev;
    p->timer = (Timer){.fire = fire, .opaque = p, .lock = &dev->lock};
    dev_add_mmio(dev, "acpi-pm", &ops, p->ich ? ICH_BYTES : PIIX_BYTES);
    dev_add_mmio(dev, "acpi-gpe0", &gpe_ops, PIIX_GPE_BYTES);
    return true;
}

static void pm_reset(Device *dev)
{
    AcpiPm *p = (AcpiPm *)dev;
    const AcpiPm before = *p;
    memset((char *)p + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    p->looked = clock_now(dev->clock);
    p->smi_enable = p->smm ? 0 : SMI_ON;
    if (before.sleep == WAKING) {
        p->status = before.status | STS_WAKE;
        p->enable = before.enable;
        p->control = before.control & SCI_ON;
        memcpy(p->gpe, before.gpe, sizeof(p->gpe));
    }
    update(p);
}

static bool pm_loaded(Device *dev, DevError *err)
{
    AcpiPm *p = (AcpiPm *)dev;
    if (p->sleep > ASLEEP) /* WAKING: somebody has to ask again */
        p->sleep = ASLEEP;
    update(p);
    return true;
}

static void pm_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((AcpiPm *)dev)->timer);
}

static const DevProp props[] = {
    DEV_BOOL(AcpiPm, ich, "the block of ICH9", false),
    DEV_BOOL(AcpiPm, smm, "cpus have system management mode", false),
    DEV_PTR(AcpiPm, sci, "interrupt line"),
    DEV_PTR(AcpiPm, machine, "what the machine's owner does"),
};
static const DevField state[] = {
    DEV_FIELD(AcpiPm, looked),        DEV_FIELD(AcpiPm, status),     DEV_FIELD(AcpiPm, enable),
    DEV_FIELD(AcpiPm, control),       DEV_ARRAY(AcpiPm, gpe),        DEV_ARRAY(AcpiPm, tco),
    DEV_FIELD(AcpiPm, smi_enable),    DEV_FIELD(AcpiPm, smi_status), DEV_ARRAY(AcpiPm, smi_asked),
    DEV_FIELD(AcpiPm, smi_broadcast), DEV_FIELD(AcpiPm, smi_answer), DEV_FIELD(AcpiPm, sleep),
};

const DevClass acpi_pm_class = {
    .name = "acpi-pm",
    .help = "power management of PC chip sets",
    .version = 3,
    DEV_TABLES(AcpiPm, props, state),
    .realize = pm_realize,
    .reset = pm_reset,
    .loaded = pm_loaded,
    .clear = pm_clear,
};
