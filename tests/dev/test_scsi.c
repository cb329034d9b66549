/* virtio-scsi with scsi-hd and scsi-cd by a driver in C: commands and what is wrong with them, units that
 * come and go, task management, requests that a drive's thread has not begun. */
#include "tests/dev/virtio_rig.h"

#include "hw/block/trays.h"
#include "hw/virtio/virtio_scsi.h"

enum {
    DATA = RIG_DATA,
    BUFFER = RIG_DATA + 0x2000,
    ANSWER = RIG_DATA + 0x1000,
    FUNCTION = RIG_DATA + 0x1800
};
enum { HEAD = 19 + 32, STATUS = 12 + 96, ROOM = 0x4000 };
enum { CHECK = 2, S_OVERRUN = 1, S_BAD_TARGET = 3, S_INCORRECT_LUN = 12 };

typedef struct Answer {
    uint32_t sense_bytes, residual;
    uint16_t qualifier;
    uint8_t status, response;
    uint8_t sense[96];
} Answer;

/* A thread that runs when the test wants it. */
typedef struct Held {
    JobPort port;
    Job *job;
} Held;

static void hold(void *backend, Job *job)
{
    ((Held *)backend)->job = job;
}
static void forget(void *backend, Job *job)
{
    Held *h = backend;
    h->job = h->job == job ? NULL : h->job;
}
static void let_go(Held *h)
{
    Job *job = h->job;
    h->job = NULL;
    assert_non_null(job);
    job->run(job->opaque);
}

static ScsiDevice *plug(Rig *r, const DevClass *cls, BlockPort *drive, const char *const *props, bool works)
{
    DevError err;
    Device *d = dev_new(cls, &r->device->dev, cls->name);
    assert_true(dev_set_ptr(d, "controller", virtio_scsi_host(&r->device->dev), &err));
    assert_true(dev_set_ptr(d, "drive", drive, &err));
    for (; props && *props; props += 2)
        assert_true(dev_set(d, props[0], props[1], &err));
    assert_int_equal(dev_realize(d, &r->k.map, &r->k.clock, &err), works);
    if (works)
        dev_reset(d);
    return (ScsiDevice *)d;
}

static void prepare(Rig *r)
{
    rig_prepare(r);
    rig_plug(r, &virtio_scsi_class, NULL, NULL, NULL, 3);
}

/* Puts a request into the ring: 0 bytes out or in leave that buffer out. */
static void offer(Rig *r, unsigned target, unsigned lun, const uint8_t *command, unsigned n, uint32_t out,
                  uint32_t in)
{
    uint8_t head[HEAD] = {1, (uint8_t)target, (uint8_t)(0x40 | lun >> 8), (uint8_t)lun};
    const Answer none = {.response = 0xff};
    unsigned k = 0;
    memcpy(head + 19, command, n);
    rig_poke(r, DATA, head, sizeof(head));
    rig_poke(r, ANSWER, &none, sizeof(none));
    rig_desc(r, 2, k++, DATA, HEAD, 1, 1);
    if (out) {
        rig_desc(r, 2, k, BUFFER, out, 1, (uint16_t)(k + 1));
        k++;
    }
    rig_desc(r, 2, k, ANSWER, STATUS, (uint16_t)(in ? 3 : 2), (uint16_t)(k + 1));
    if (in)
        rig_desc(r, 2, k + 1, BUFFER, in, 2, 0);
    rig_offer(r, 2, 0);
}

static Answer answer(Rig *r)
{
    Answer a;
    rig_peek(r, ANSWER, &a, sizeof(a));
    return a;
}

/* One that is served at once. Returns its status << 24 | key << 16 | code << 8 | qualifier. */
static uint32_t ask(Rig *r, unsigned target, unsigned lun, const uint8_t *command, unsigned n, uint32_t out,
                    uint32_t in)
{
    const uint16_t before = rig_used(r, 2);
    offer(r, target, lun, command, n, out, in);
    assert_int_equal((uint16_t)(rig_used(r, 2) - before), 1);
    const Answer a = answer(r);
    assert_int_equal(a.response, 0);
    assert_int_equal(a.sense_bytes, a.status ? 18 : 0);
    return a.status ? (uint32_t)a.status << 24 | (uint32_t)a.sense[2] << 16 | (uint32_t)a.sense[12] << 8 |
                          a.sense[13]
                    : 0;
}
#define ASK(r, out, in, ...)                                                                                 \
    ask(r, 0, 0, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), out, in)
#define BAD(sense) (0x02000000u | (sense))

static const uint8_t *got(const Rig *r)
{
    return r->ram.host + (BUFFER - RIG_RAM);
}

static void start(Rig *r)
{
    rig_start(r, 1 << 1);
    assert_int_equal(ASK(r, 0, 0, 0), BAD(SCSI_POWER_ON)); /* told once */
    assert_int_equal(ASK(r, 0, 0, 0), 0);
}

static void names(void **unused)
{
    static const char *const props[] = {"serial", "a-serial",           "device_id", "a-name",
                                        "wwn",    "0x5000000000000001", NULL};
    Rig r;
    prepare(&r);
    plug(&r, &scsi_hd_class, &r.drive, props, true);
    plug(&r, &scsi_hd_class, &r.drive, (const char *const[]){"scsi-id", "0", "lun", "0", NULL}, false);
    plug(&r, &scsi_hd_class, &r.drive, (const char *const[]){"scsi-id", "0", "lun", "300", NULL}, true);
    plug(&r, &scsi_hd_class, &r.drive, (const char *const[]){"scsi-id", "256", NULL}, false);
    start(&r);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 0, 0, 0, 96), 0);
    assert_int_equal(got(&r)[0], 0);
    assert_memory_equal(got(&r) + 8, "Tinamou HARDDISK        1.0 ", 28);
    assert_int_equal(answer(&r).residual, 60);
    assert_int_equal(rig_used_bytes(&r, 2, (unsigned)rig_used(&r, 2) - 1), STATUS + 36);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 1, 0, 0, 96), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2}), 10);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 1, 0x80, 0, 96), 0);
    assert_memory_equal(got(&r),
                        "\0\x80\0\x08"
                        "a-serial",
                        12);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 1, 0x83, 0, 96), 0);
    assert_memory_equal(got(&r) + 4, "\2\0\0\6a-name\1\3\0\x08\x50\0\0\0\0\0\0\1", 22);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 1, 0xb0, 0, 96), 0);
    assert_int_equal(got(&r)[26], 0); /* unmap descriptors: 255 */
    assert_int_equal(got(&r)[27], 255);
    assert_int_equal(ASK(&r, 0, 96, 0x12, 1, 0xc0, 0, 96), BAD(SCSI_BAD_FIELD));
    /* units of the target; one that is not there; a target that is not there */
    assert_int_equal(ASK(&r, 0, 64, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64), 0);
    assert_memory_equal(got(&r),
                        ((const uint8_t[]){0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0x2c}), 18);
    assert_int_equal(ask(&r, 0, 7, (const uint8_t[]){0x12, 0, 0, 0, 36}, 5, 0, 36), 0);
    assert_int_equal(got(&r)[0], 0x7f);
    assert_int_equal(ask(&r, 0, 7, (const uint8_t[]){0}, 1, 0, 0), BAD(SCSI_NO_UNIT));
    assert_int_equal(ask(&r, 0, 300, (const uint8_t[]){0}, 1, 0, 0), BAD(SCSI_POWER_ON));
    offer(&r, 9, 0, (const uint8_t[]){0x12, 0, 0, 0, 36}, 5, 0, 36);
    assert_int_equal(answer(&r).response, S_BAD_TARGET);
    rig_clear(&r);
}

static void blocks(void **unused)
{
    Rig r;
    prepare(&r);
    plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    start(&r);
    assert_int_equal(ASK(&r, 0, 8, 0x25), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){0, 0, 0, 63, 0, 0, 2, 0}), 8);
    assert_int_equal(ASK(&r, 0, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), 0);
    assert_int_equal(got(&r)[7], 63);
    assert_int_equal(got(&r)[14], 0x80);
    for (unsigned k = 0; k < RIG_DISK_BYTES; k++)
        r.disk[k] = (uint8_t)(k / 512 + k);
    assert_int_equal(ASK(&r, 0, 1024, 0x08, 0, 0, 5, 2), 0);
    assert_memory_equal(got(&r), r.disk + 5 * 512, 1024);
    assert_int_equal(ASK(&r, 0, 512, 0x28, 0, 0, 0, 0, 63, 0, 0, 1), 0);
    assert_memory_equal(got(&r), r.disk + 63 * 512, 512);
    assert_int_equal(ASK(&r, 0, 512, 0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 1), 0);
    assert_memory_equal(got(&r), r.disk + 9 * 512, 512);
    assert_int_equal(ASK(&r, 0, 512, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1), 0);
    assert_memory_equal(got(&r), r.disk + 8 * 512, 512);
    const struct {
        uint8_t command[16], block;
    } writes[] = {{{0x0a, 0, 0, 1, 1}, 1},
                  {{0x2a, 0, 0, 0, 0, 2, 0, 0, 1}, 2},
                  {{0xaa, 0, 0, 0, 0, 3, 0, 0, 0, 1}, 3},
                  {{0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1}, 4}};
    for (unsigned k = 0; k < ARRAY_SIZE(writes); k++) {
        const uint8_t text[8] = {'b', writes[k].block};
        rig_poke(&r, BUFFER, text, 8);
        assert_int_equal(ask(&r, 0, 0, writes[k].command, 16, 512, 0), 0);
        assert_memory_equal(r.disk + 512 * writes[k].block, text, 8);
    }
    assert_int_equal(r.flushes, 0);
    assert_int_equal(ASK(&r, 512, 0, 0x2a, 8, 0, 0, 0, 2, 0, 0, 1), 0); /* to the medium */
    assert_int_equal(ASK(&r, 0, 0, 0x35), 0);
    assert_int_equal(r.flushes, 2);
    assert_int_equal(ASK(&r, 0, 1024, 0x28, 0, 0, 0, 0, 63, 0, 0, 2), BAD(SCSI_BAD_BLOCK));
    assert_int_equal(ASK(&r, 0, 512, 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1),
                     BAD(SCSI_BAD_BLOCK));
    assert_int_equal(ASK(&r, 0, 0, 0x77), BAD(SCSI_BAD_OPCODE));
    assert_int_equal(ASK(&r, 0, 0, 0x2f, 0, 0, 0, 0, 0, 0, 0, 64), 0);
    offer(&r, 0, 0, (const uint8_t[]){0x28, 0, 0, 0, 0, 0, 0, 0, 2}, 9, 0, 512); /* no room for the second */
    assert_int_equal(answer(&r).response, S_OVERRUN);
    r.fails = true;
    assert_int_equal(ASK(&r, 0, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), BAD(SCSI_READ_ERROR));
    assert_int_equal(ASK(&r, 512, 0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1), BAD(SCSI_WRITE_ERROR));
    r.fails = false;
    r.drive.read_only = true;
    assert_int_equal(ASK(&r, 512, 0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1), BAD(SCSI_PROTECTED));
    rig_clear(&r);
}

static void given_back(void **unused)
{
    const uint8_t list[40] = {0, 38, 0, 32, [15] = 3, [19] = 2, [31] = 10, [35] = 1};
    Rig r;
    prepare(&r);
    plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    start(&r);
    rig_poke(&r, BUFFER, list, sizeof(list));
    assert_int_equal(ASK(&r, 40, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 40), 0);
    assert_int_equal(r.discards, 2);
    assert_int_equal(r.disk[3 * 512 - 1] | r.disk[5 * 512] | r.disk[11 * 512], 0);
    assert_true(r.disk[3 * 512] == 0xdd && r.disk[5 * 512 - 1] == 0xdd && r.disk[10 * 512] == 0xdd);
    rig_poke(&r, BUFFER + 15, "\x40", 1); /* behind the end */
    assert_int_equal(ASK(&r, 40, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 40), BAD(SCSI_BAD_BLOCK));
    assert_int_equal(ASK(&r, 40, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 4), BAD(SCSI_BAD_LIST_LENGTH));
    memset(r.ram.host + (BUFFER - RIG_RAM), 'x', 512);
    assert_int_equal(ASK(&r, 512, 0, 0x41, 0, 0, 0, 0, 20, 0, 0, 12), 0);
    assert_true(r.disk[20 * 512] == 'x' && r.disk[32 * 512 - 1] == 'x' && r.disk[20 * 512 - 1] == 0 &&
                r.disk[32 * 512] == 0);
    assert_int_equal(ASK(&r, 0, 0, 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 2),
                     0); /* zeros, without a block */
    assert_true(r.disk[21 * 512 - 1] == 'x' && r.disk[21 * 512] == 0 && r.disk[23 * 512 - 1] == 0 &&
                r.disk[23 * 512] == 'x');
    assert_int_equal(ASK(&r, 512, 0, 0x41, 0, 0, 0, 0, 20, 0, 0, 0), BAD(SCSI_BAD_FIELD));
    rig_clear(&r);
}

static void modes(void **unused)
{
    uint8_t select[24] = {0, 0, 0, 0, 0x08, 0x12};
    Rig r;
    prepare(&r);
    plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    start(&r);
    assert_int_equal(ASK(&r, 0, 64, 0x1a, 0, 0x08, 0, 64), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){31, 0, 0x10, 8, 0, 0, 0, 64, 0, 0, 2, 0, 0x08, 0x12, 4}),
                        15);
    assert_int_equal(ASK(&r, 0, 64, 0x5a, 8, 0x3f, 0, 0, 0, 0, 0, 64), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){0, 46, 0, 0x10, 0, 0, 0, 0, 0x01, 0x06}), 10);
    assert_int_equal(ASK(&r, 0, 64, 0x1a, 0, 0x07, 0, 64), BAD(SCSI_BAD_FIELD));
    assert_int_equal(ASK(&r, 0, 64, 0x1a, 0, 0xc8, 0, 64), BAD(SCSI_BAD_SAVE));
    rig_poke(&r, BUFFER, select, sizeof(select));
    assert_int_equal(ASK(&r, 24, 0, 0x15, 0x10, 0, 0, 24), 0);
    assert_int_equal(r.flushes, 1);
    assert_int_equal(ASK(&r, 512, 0, 0x2a, 0, 0, 0, 0, 2, 0, 0, 1), 0);
    assert_int_equal(r.flushes, 2); /* nothing stays in a cache */
    select[4] = 0x07;
    rig_poke(&r, BUFFER, select, sizeof(select));
    assert_int_equal(ASK(&r, 24, 0, 0x15, 0x10, 0, 0, 24), BAD(SCSI_BAD_PARAMETER));
    assert_int_equal(ASK(&r, 3, 0, 0x15, 0x10, 0, 0, 3), BAD(SCSI_BAD_LIST_LENGTH));
    rig_clear(&r);
}

/* A function of the control queue; its answer, or 0xff. */
static unsigned manage(Rig *r, uint32_t what, unsigned target, unsigned lun)
{
    const struct {
        uint32_t type, what;
        uint8_t lun[8];
        uint64_t id;
    } m = {0, what, {1, (uint8_t)target, 0, (uint8_t)lun}, 0};
    rig_poke(r, FUNCTION, &m, sizeof(m));
    rig_poke(r, FUNCTION + 64, "\xff", 1);
    rig_desc(r, 0, 0, FUNCTION, sizeof(m), 1, 1);
    rig_desc(r, 0, 1, FUNCTION + 64, 1, 2, 0);
    rig_offer(r, 0, 0);
    return r->ram.host[FUNCTION + 64 - RIG_RAM];
}

/* What the drive's thread has not begun: functions wait for it, a saved state has it as not begun, who goes
 * leaves no request behind. */
static void not_begun(void **unused)
{
    enum { ABORT = 0, UNIT_RESET = 5, QUERY = 6, BUFFER_BYTES = 1 << 16 };
    Rig r;
    DevError err;
    Held held = {.port = {.backend = &held, .post = hold, .drain = forget}};
    prepare(&r);
    r.drive.jobs = &held.port;
    ScsiDevice *d = plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    const uint8_t read[9] = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
    rig_start(&r, 1 << 1);
    offer(&r, 0, 0, (const uint8_t[]){0}, 1, 0, 0);
    let_go(&held);
    memcpy(r.disk + 512, "a block", 8);
    offer(&r, 0, 0, read, 9, 0, 512);
    assert_int_equal(rig_used(&r, 2), 1);
    assert_int_equal(manage(&r, QUERY, 0, 0), 10);
    assert_int_equal(manage(&r, ABORT, 0, 1), S_INCORRECT_LUN);
    assert_int_equal(manage(&r, ABORT, 1, 0), S_BAD_TARGET);
    assert_int_equal(manage(&r, ABORT, 0, 0), 0xff);
    char *text = malloc(BUFFER_BYTES);
    Fmt f = {.buf = text, .cap = BUFFER_BYTES};
    dev_save(&r.device->dev, &f);
    let_go(&held);
    assert_int_equal(r.ram.host[FUNCTION + 64 - RIG_RAM], 0);
    assert_int_equal(rig_used(&r, 2), 2);
    assert_memory_equal(got(&r), "a block", 8);
    /* the same again, from the state */
    rig_poke(&r, rig_used_at(2) + 2, "\1", 2);
    rig_poke(&r, BUFFER, "nothing", 8);
    dev_reset(&r.device->dev);
    assert_true(dev_load(&r.device->dev, text, &err));
    d->s.attention = 0; /* of its own reset */
    kit_pass(&r.k, 1000000);
    let_go(&held);
    assert_int_equal(rig_used(&r, 2), 2);
    assert_memory_equal(got(&r), "a block", 8);
    offer(&r, 0, 0, read, 9, 0, 512);
    assert_int_equal(manage(&r, UNIT_RESET, 0, 0), 0xff);
    let_go(&held); /* what was under way is done before the reset is */
    assert_int_equal(answer(&r).status, 0);
    assert_int_equal(r.ram.host[FUNCTION + 64 - RIG_RAM], 0);
    assert_int_equal(d->s.attention, SCSI_WAS_RESET & 0xffff);
    /* it goes */
    rig_desc(&r, 1, 0, DATA + 0x800, 16, 2, 0);
    rig_offer(&r, 1, 0);
    offer(&r, 0, 0, read, 9, 0, 512);
    scsi_device_leave(&d->dev);
    assert_int_equal(answer(&r).response, S_BAD_TARGET);
    assert_null(held.job);
    assert_memory_equal(r.ram.host + (DATA + 0x800 - RIG_RAM),
                        ((const uint8_t[16]){1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2}), 16);
    dev_free(&d->dev);
    free(text);
    rig_clear(&r);
}

/* A reset while the drive is at work: nothing of it is seen. */
static Rig *reset_by;
static bool read_and_reset(void *backend, uint64_t at, void *to, size_t n)
{
    if (reset_by)
        rig_put(reset_by, 0x70, 0);
    reset_by = NULL;
    return true;
}

static void reset_meanwhile(void **unused)
{
    Rig r;
    prepare(&r);
    r.drive.read = read_and_reset;
    plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    start(&r);
    reset_by = &r;
    offer(&r, 0, 0, (const uint8_t[]){0x28, 0, 0, 0, 0, 0, 0, 0, 1}, 9, 0, 512);
    assert_int_equal(answer(&r).response, 0xff);
    rig_start(&r, 0);
    assert_int_equal(ASK(&r, 0, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), 0);
    rig_clear(&r);
}

static void cd(void **unused)
{
    Rig r;
    bool open, locked;
    prepare(&r);
    r.drive.read_only = true;
    Device *d = &plug(&r, &scsi_cd_class, &r.drive, NULL, true)->dev;
    start(&r);
    assert_true(cd_is(d));
    assert_int_equal(ASK(&r, 0, 36, 0x12, 0, 0, 0, 36), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){5, 0x80, 5}), 3);
    assert_int_equal(ASK(&r, 0, 8, 0x25), 0);
    assert_memory_equal(got(&r), ((const uint8_t[]){0, 0, 0, 15, 0, 0, 8, 0}), 8);
    memcpy(r.disk + 3 * 2048, "track", 6);
    assert_int_equal(ASK(&r, 0, 2048, 0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0);
    assert_memory_equal(got(&r), "track", 6);
    assert_int_equal(ASK(&r, 2048, 0, 0x2a, 0, 0, 0, 0, 3, 0, 0, 1), BAD(SCSI_BAD_OPCODE));
    assert_int_equal(ASK(&r, 0, 0, 0x1e, 0, 0, 0, 1), 0);
    assert_int_equal(ASK(&r, 0, 0, 0x1b, 0, 0, 0, 2), BAD(SCSI_LOCKED));
    cd_look(d, &open, &locked);
    assert_true(locked && !open);
    assert_int_equal(ASK(&r, 0, 0, 0x1e), 0);
    assert_int_equal(ASK(&r, 0, 0, 0x1b, 0, 0, 0, 2), 0);
    assert_int_equal(ASK(&r, 0, 0, 0), BAD(SCSI_NO_MEDIUM_OPEN));
    cd_tell(d, CD_CLOSE);
    cd_tell(d, CD_CAME);
    assert_int_equal(ASK(&r, 0, 0, 0), BAD(SCSI_MEDIUM_MAY_DIFFER));
    assert_int_equal(ASK(&r, 0, 0, 0), 0);
    rig_clear(&r);
}

/* Units that come, told of when there is a buffer; too many to remember. */
static void events(void **unused)
{
    enum { KEPT = 16, AT = DATA + 0x800 };
    Rig r;
    ScsiDevice *d[KEPT + 1];
    prepare(&r);
    rig_start(&r, 1 << 1);
    for (unsigned k = 0; k <= KEPT; k++)
        d[k] = plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    assert_int_equal(d[KEPT]->target, KEPT);
    rig_desc(&r, 1, 0, AT, 16, 2, 0);
    for (unsigned k = 0; k < KEPT; k++) {
        const uint8_t wanted[16] = {1, 0, 0, k ? 0 : 0x80, 1, (uint8_t)k, 0, 0, 0, 0, 0, 0, 1};
        rig_offer(&r, 1, 0);
        assert_memory_equal(r.ram.host + (AT - RIG_RAM), wanted, 16);
    }
    rig_offer(&r, 1, 0);
    assert_int_equal(rig_used(&r, 1), KEPT);
    rig_clear(&r);
}

/* Queues that make no sense. */
static void nonsense(void **unused)
{
    Rig r;
    prepare(&r);
    plug(&r, &scsi_hd_class, &r.drive, NULL, true);
    start(&r);
    rig_desc(&r, 2, 0, DATA, HEAD - 1, 1, 1);
    rig_desc(&r, 2, 1, ANSWER, STATUS, 2, 0);
    rig_offer(&r, 2, 0);
    assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    rig_start(&r, 0); /* a reset mends it */
    assert_int_equal(ASK(&r, 0, 0, 0), 0);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(blocks),    cmocka_unit_test(given_back),
        cmocka_unit_test(modes), cmocka_unit_test(not_begun), cmocka_unit_test(reset_meanwhile),
        cmocka_unit_test(cd),    cmocka_unit_test(events),    cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
