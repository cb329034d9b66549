/* Motorola MC146818A, with 128 bytes of memory and a century in byte 32 (hex), as in PCs since the AT. The
 * divider always runs. Flags are brought up to date when somebody looks, or when an enabled one can come; of
 * periodic interrupts that the host is too late for one is left. */
#include "hw/timer/mc146818.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum {
    BYTES = 128,
    SECONDS = 0,
    SECONDS_ALARM = 1,
    MINUTES = 2,
    MINUTES_ALARM = 3,
    HOURS = 4,
    HOURS_ALARM = 5,
    WEEKDAY = 6,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    REG_A = 10,
    REG_B = 11,
    REG_C = 12,
    REG_D = 13,
    CENTURY = 0x32
};
enum {
    A_UIP = 0x80,
    B_SET = 0x80,
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_BINARY = 4,
    B_24 = 2,
    B_DAYLIGHT = 1,
    C_IRQ = 0x80,
    D_VALID = 0x80,
    PM = 0x80,
    ANY = 0xc0
};
enum { UPDATE_NS = 244000, CRYSTAL = 32768, DAY_SECONDS = 86400 };
#define SECOND 1000000000ull

typedef struct Rtc {
    Device dev;
    uint64_t base;
    const IrqLine *irq;
    Timer timer;
    DEV_STATE_BEGIN
    uint64_t offset;     /* time of day - clock, ns; wraps */
    uint64_t looked;     /* time of day up to which flags are known */
    uint8_t cmos[BYTES]; /* time: as written, while B_SET is on */
    uint8_t index;
    DEV_STATE_END
} Rtc;

typedef struct Date {
    unsigned second, minute, hour, weekday, day, month, year; /* weekday: 1 is Sunday */
} Date;

static uint64_t now_of(const Rtc *r)
{
    return clock_now(r->dev.clock) + r->offset;
}

/* ---- calendar (Gregorian) ---- */

/* Days from 1970-01-01; years from 1970 on. */
static uint64_t days_to(unsigned year, unsigned month, unsigned day)
{
    const uint64_t y = month <= 2 ? year - 1u : year, m = (month + 9) % 12; /* from March on */
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static Date date_of(uint64_t seconds)
{
    const uint64_t days = seconds / DAY_SECONDS, z = days + 719468, era = z / 146097, doe = z % 146097;
    const uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    Date d = {.second = seconds % 60,
              .minute = seconds / 60 % 60,
              .hour = seconds / 3600 % 24,
              .weekday = (unsigned)((days + 4) % 7 + 1)};
    d.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    d.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    d.year = (unsigned)(yoe + era * 400 + (d.month <= 2));
    return d;
}

static uint64_t seconds_of(const Date *d)
{
    enum { FIRST = 1970, LAST = 2500 }; /* of which ns since 1970 are 64 bits */
    return days_to(MIN(MAX(d->year, (unsigned)FIRST), (unsigned)LAST), MIN(MAX(d->month, 1u), 12u),
                   MAX(d->day, 1u)) *
               DAY_SECONDS +
           d->hour * 3600 + d->minute * 60 + d->second;
}

/* ---- registers of time ---- */

static uint8_t encode(const Rtc *r, unsigned v)
{
    return (uint8_t)(r->cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}
static unsigned decode(const Rtc *r, uint8_t v)
{
    return r->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t encode_hour(const Rtc *r, unsigned hour)
{
    if (r->cmos[REG_B] & B_24)
        return encode(r, hour);
    return (uint8_t)(encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? PM : 0));
}
static unsigned decode_hour(const Rtc *r, uint8_t v)
{
    if (r->cmos[REG_B] & B_24)
        return decode(r, v);
    return decode(r, v & 0x7f) % 12 + (v & PM ? 12 : 0);
}

static void store_time(Rtc *r)
{
    const Date d = date_of(now_of(r) / SECOND);
    r->cmos[SECONDS] = encode(r, d.second);
    r->cmos[MINUTES] = encode(r, d.minute);
    r->cmos[HOURS] = encode_hour(r, d.hour);
    r->cmos[WEEKDAY] = encode(r, d.weekday);
    r->cmos[DAY] = encode(r, d.day);
    r->cmos[MONTH] = encode(r, d.month);
    r->cmos[YEAR] = encode(r, d.year % 100);
    r->cmos[CENTURY] = encode(r, d.year / 100);
}

/* The clock goes on from what the registers say; keep: the fraction of the second. */
static void take_time(Rtc *r, bool keep)
{
    const Date d = {.second = decode(r, r->cmos[SECONDS]),
                    .minute = decode(r, r->cmos[MINUTES]),
                    .hour = decode_hour(r, r->cmos[HOURS]),
                    .day = decode(r, r->cmos[DAY]),
                    .month = decode(r, r->cmos[MONTH]),
                    .year = decode(r, r->cmos[CENTURY]) * 100 + decode(r, r->cmos[YEAR])};
    const uint64_t part = keep ? now_of(r) % SECOND : 0;
    r->offset = seconds_of(&d) * SECOND + part - clock_now(r->dev.clock);
    r->looked = now_of(r);
}

static bool is_time(unsigned at)
{
    return at == CENTURY || (at <= YEAR && at != SECONDS_ALARM && at != MINUTES_ALARM && at != HOURS_ALARM);
}

/* ---- flags and interrupts ---- */

static uint64_t period_ns(const Rtc *r)
{
    unsigned rate = r->cmos[REG_A] & 15;
    return rate == 0 ? 0 : (SECOND << ((rate <= 2 ? rate + 7 : rate) - 1)) / CRYSTAL;
}

static bool alarm_field(uint8_t want, unsigned is, unsigned wanted)
{
    return want >= ANY || is == wanted;
}

static bool is_alarm(const Rtc *r, uint64_t second)
{
    const uint8_t *c = r->cmos;
    return alarm_field(c[SECONDS_ALARM], second % 60, decode(r, c[SECONDS_ALARM])) &&
           alarm_field(c[MINUTES_ALARM], second / 60 % 60, decode(r, c[MINUTES_ALARM])) &&
           alarm_field(c[HOURS_ALARM], second / 3600 % 24, decode_hour(r, c[HOURS_ALARM]));
}

static void update_irq(Rtc *r)
{
    const uint8_t on = r->cmos[REG_C] & r->cmos[REG_B] & (B_PIE | B_AIE | B_UIE);
    r->cmos[REG_C] = (uint8_t)((r->cmos[REG_C] & ~C_IRQ) | (on ? C_IRQ : 0));
    irq_set(r->irq, on != 0);
}

static void catch_up(Rtc *r)
{
    const uint64_t now = now_of(r), period = period_ns(r);
    uint64_t from = r->looked / SECOND, to = now / SECOND;
    if (now <= r->looked)
        return;
    if (period && r->looked / period != now / period)
        r->cmos[REG_C] |= B_PIE;
    if (!(r->cmos[REG_B] & B_SET) && from != to) {
        r->cmos[REG_C] |= B_UIE;
        from = MAX(from, to > DAY_SECONDS ? to - DAY_SECONDS : 0);
        while (!(r->cmos[REG_C] & B_AIE) && from++ < to)
            if (is_alarm(r, from))
                r->cmos[REG_C] |= B_AIE;
    }
    r->looked = now;
    update_irq(r);
}

static void rearm(Rtc *r)
{
    const uint8_t b = r->cmos[REG_B];
    const uint64_t now = now_of(r), period = period_ns(r);
    uint64_t due = UINT64_MAX;
    if ((b & B_PIE) && period)
        due = (now / period + 1) * period;
    if ((b & (B_UIE | B_AIE)) && !(b & B_SET))
        due = MIN(due, (now / SECOND + 1) * SECOND);
    if (due != UINT64_MAX)
        timer_set(r->dev.clock, &r->timer, due - r->offset);
    else
        timer_cancel(r->dev.clock, &r->timer);
}

static void fire(void *opaque)
{
    catch_up(opaque);
    rearm(opaque);
}

/* ---- ports ---- */

static uint8_t read_byte(Rtc *r, unsigned at)
{
    catch_up(r);
    if (is_time(at) && !(r->cmos[REG_B] & B_SET))
        store_time(r);
    uint8_t v = r->cmos[at];
    if (at == REG_A && !(r->cmos[REG_B] & B_SET) && now_of(r) % SECOND >= SECOND - UPDATE_NS)
        v |= A_UIP;
    if (at == REG_C) {
        r->cmos[REG_C] = 0;
        update_irq(r);
    }
    return v;
}

static void write_b(Rtc *r, uint8_t v)
{
    const bool was = r->cmos[REG_B] & B_SET, sets = v & B_SET;
    if (sets && !was)
        store_time(r);
    if (sets)
        v &= (uint8_t)~B_UIE;
    r->cmos[REG_B] = v;
    if (was && !sets)
        take_time(r, false);
    update_irq(r);
}

static void write_byte(Rtc *r, unsigned at, uint8_t v)
{
    catch_up(r);
    dev_trace(&r->dev, CMOS_WRITE, "0x%x: 0x%x", at, v);
    if (at == REG_A) {
        r->cmos[REG_A] = v & 0x7f;
    } else if (at == REG_B) {
        write_b(r, v);
    } else if (is_time(at) && !(r->cmos[REG_B] & B_SET)) {
        store_time(r);
        r->cmos[at] = v;
        take_time(r, at != SECONDS);
    } else if (at != REG_C && at != REG_D) {
        r->cmos[at] = v;
    }
    rearm(r);
}

static uint64_t rtc_read(void *dev, uint64_t at, unsigned size)
{
    Rtc *r = dev;
    return at ? read_byte(r, r->index) : 0xff; /* the index is write-only */
}

static void rtc_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Rtc *r = dev;
    if (at)
        write_byte(r, r->index, (uint8_t)value);
    else
        r->index = value & 0x7f;
}

void mc146818_put(Device *d, unsigned at, uint8_t value)
{
    lock_take(&d->lock);
    ((Rtc *)d)->cmos[at & 0x7f] = value;
    lock_release(&d->lock);
}

static const MmioOps ops = {.read = rtc_read, .write = rtc_write, .min = 1, .max = 1};

static bool rtc_realize(Device *dev, DevError *err)
{
    Rtc *r = (Rtc *)dev;
    r->timer = (Timer){.fire = fire, .opaque = r, .lock = &dev->lock};
    r->offset = r->base;
    r->cmos[REG_A] = 0x26;
    r->cmos[REG_B] = B_24;
    r->cmos[REG_D] = D_VALID;
    r->looked = now_of(r);
    store_time(r);
    dev_add_mmio(dev, "rtc", &ops, 2);
    return true;
}

/* The clock goes on, its alarm too, and memory stays: they have a battery. */
static void rtc_reset(Device *dev)
{
    Rtc *r = (Rtc *)dev;
    r->index = 0;
    catch_up(r);
    update_irq(r);
    rearm(r);
}

static bool rtc_loaded(Device *dev, DevError *err)
{
    Rtc *r = (Rtc *)dev;
    if (r->index >= BYTES)
        return dev_fail(err, "a clock with an index of %u", r->index);
    irq_set(r->irq, r->cmos[REG_C] & C_IRQ);
    rearm(r);
    return true;
}

static void rtc_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((Rtc *)dev)->timer);
}

static const DevProp props[] = {DEV_U64(Rtc, base, "time of day when the machine's clock was 0, ns", 0),
                                DEV_PTR(Rtc, irq, "interrupt line")};
static const DevField state[] = {DEV_FIELD(Rtc, offset), DEV_FIELD(Rtc, looked), DEV_ARRAY(Rtc, cmos),
                                 DEV_FIELD(Rtc, index)};

const DevClass mc146818_class = {
    .name = "mc146818",
    .help = "real-time clock and its memory",
    .version = 1,
    DEV_TABLES(Rtc, props, state),
    .realize = rtc_realize,
    .reset = rtc_reset,
    .loaded = rtc_loaded,
    .clear = rtc_clear,
};
