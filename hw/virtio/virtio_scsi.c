/* Queue 0 has task management, queue 1 takes events, the others requests. A request queue goes on request by
 * request, in the order they came: each is handed to its unit, whose job serves it, and when that is done the
 * next one is looked at. So a request under way is the last one that was popped, and a saved state has it as
 * not begun.
 * A reset does not wait for a request that is with a drive: its epoch has gone by when it comes back, and
 * nothing of it is seen any more. */
#include "hw/virtio/virtio_scsi.h"

#include <stdlib.h>

#define F_HOTPLUG (1ull << 1)

enum { CONTROL, EVENTS, REQUESTS }; /* queues */
enum { UNITS = 64, TARGETS = 256, LUNS = 16384, EVENTS_KEPT = 16 };
enum {
    LUN_BYTES = 8,
    HEAD = 19,
    ANSWER = 12,
    CDB_BYTES = 32,
    CDB_MOST = 256,
    SENSE_BYTES = 96,
    SENSE_MOST = 252
};
enum { BOUNCE = 256 << 10, TASK_BYTES = 24, QUERY_BYTES = 16, EVENT_BYTES = 16 };
enum { S_OK, S_OVERRUN, S_ABORTED, S_BAD_TARGET }; /* responses */
enum { S_FUNCTION_SUCCEEDED = 10, S_FUNCTION_REJECTED = 11, S_INCORRECT_LUN = 12 };
enum { T_TMF, T_QUERY, T_SUBSCRIBE }; /* messages of the control queue */
enum {
    TMF_ABORT,
    TMF_ABORT_SET,
    TMF_CLEAR_ACA,
    TMF_CLEAR_SET,
    TMF_NEXUS_RESET,
    TMF_UNIT_RESET,
    TMF_QUERY,
    TMF_QUERY_SET
};
enum { EVENT_TRANSPORT = 1, REASON_RESCAN = 1, REASON_REMOVED = 2 };
#define EVENT_MISSED 0x80000000u

typedef struct VirtioScsi VirtioScsi;

/* A place for a device. */
typedef struct Unit {
    VirtioScsi *c;
    ScsiDevice *d;
    Job job;
    bool running;
    uint64_t queues; /* whose request is for it */
    VirtChain chain; /* that is being served: of its own, since a reset may begin another in its queue */
    uint8_t reply[SCSI_TAKE_BYTES]; /* or parameters */
    uint8_t *bounce;
} Unit;

struct VirtioScsi {
    VirtioDevice v;
    ScsiHost host;
    uint32_t num_queues, max_sectors, cmd_per_lun;
    bool hotplug;
    Unit *unit[UNITS];  /* NULL: none */
    VirtChain *request; /* of each queue */
    VirtChain control, event;
    uint64_t epoch;   /* of resets */
    uint64_t awaited; /* queues whose request has to be over before the function in `control` is */
    DEV_STATE_BEGIN
    VirtioState s;
    uint16_t busy[VIRTIO_QUEUES]; /* slots of the ring that the request under way takes */
    uint32_t sense_bytes, cdb_bytes;
    uint8_t n_events, missed; /* that wait for a buffer; there were too many */
    uint8_t event_target[EVENTS_KEPT], event_reason[EVENTS_KEPT];
    uint16_t event_lun[EVENTS_KEPT];
    DEV_STATE_END
};

_Static_assert(SCSI_REPLY_BYTES <= SCSI_TAKE_BYTES, "the buffer is for both");

static unsigned answer_bytes(const VirtioScsi *c)
{
    return ANSWER + c->sense_bytes;
}

/* ---- units ---- */

static Unit *find_unit(const VirtioScsi *c, uint32_t target, uint32_t lun)
{
    for (unsigned k = 0; k < UNITS; k++)
        if (c->unit[k] && c->unit[k]->d->target == target && c->unit[k]->d->lun == lun)
            return c->unit[k];
    return NULL;
}

/* Any of the target. */
static Unit *find_target(const VirtioScsi *c, uint32_t target)
{
    for (unsigned k = 0; k < UNITS; k++)
        if (c->unit[k] && c->unit[k]->d->target == target)
            return c->unit[k];
    return NULL;
}

/* LUN 0 is told of although there may be none: who asks for the list asks that one. */
static unsigned list_luns(void *opaque, uint16_t luns[SCSI_LUNS])
{
    const ScsiDevice *d = opaque;
    const VirtioScsi *c = ((Unit *)d->place)->c;
    unsigned n = 1;
    luns[0] = 0;
    for (unsigned k = 0; k < UNITS && n < SCSI_LUNS; k++)
        if (c->unit[k] && c->unit[k]->d->target == d->target && c->unit[k]->d->lun)
            luns[n++] = (uint16_t)c->unit[k]->d->lun;
    return n;
}

/* 1, the target, and the LUN by flat or peripheral addressing. False: it is no such address. */
static bool read_lun(const uint8_t from[LUN_BYTES], uint32_t *ret_target, uint32_t *ret_lun)
{
    *ret_target = from[1];
    *ret_lun = (from[2] & 0x3fu) << 8 | from[3];
    return from[0] == 1 && from[2] >> 6 <= 1;
}

/* ---- the answer to a request ---- */

/* moved: bytes that went to the guest; left: of its buffers, which nothing went through. */
static void answer(VirtioScsi *c, unsigned queue, const VirtChain *chain, unsigned response, ScsiState *s,
                   uint64_t moved, uint64_t left)
{
    struct {
        uint32_t sense_bytes, residual;
        uint16_t qualifier;
        uint8_t status, response;
        uint8_t sense[SENSE_MOST];
    } a = {.residual = (uint32_t)MIN(left, (uint64_t)UINT32_MAX), .response = (uint8_t)response};
    if (s && scsi_failed(s)) {
        a.status = SCSI_CHECK_CONDITION;
        a.sense_bytes = MIN((uint32_t)SCSI_SENSE_BYTES, c->sense_bytes);
        scsi_take_sense(s, a.sense);
    }
    c->busy[queue] = 0;
    if (!virtio_give(&c->v, chain, 0, &a, answer_bytes(c))) {
        virtio_broken(&c->v, "an answer outside of memory");
        return;
    }
    virtio_push(&c->v, queue, chain, (uint32_t)MIN(answer_bytes(c) + moved, (uint64_t)UINT32_MAX));
    virtio_signal(&c->v, queue);
}

static void end_function(VirtioScsi *c);
static void take_functions(VirtioScsi *c);
static void go_on(VirtioScsi *c, unsigned queue);

/* Its request is over: the next one. */
static void request_done(VirtioScsi *c, unsigned queue)
{
    const bool last = c->awaited == 1ull << queue;
    c->awaited &= ~(1ull << queue);
    if (last) {
        end_function(c);
        take_functions(c);
    }
    go_on(c, queue);
}

/* ---- serving ---- */

typedef struct Request {
    Unit *u;
    unsigned queue;
    uint64_t epoch;
    ScsiTask t;
    uint64_t in, out; /* room for bytes to the guest, bytes from it */
} Request;

static bool is_over(const Request *r)
{
    return r->u->c->epoch != r->epoch;
}

/* Lock held, but not while the drive is at work. Returns how it went; pointless after a reset. */
static ScsiSense move(const Request *r)
{
    Unit *u = r->u;
    VirtioScsi *c = u->c;
    const bool read = r->t.kind == SCSI_READ;
    for (uint64_t at = 0, n; at < r->t.bytes; at += n) {
        n = MIN(r->t.bytes - at, (uint64_t)BOUNCE);
        bool ok = read || virtio_take(&c->v, &u->chain, HEAD + c->cdb_bytes + at, u->bounce, n);
        if (ok) {
            lock_release(&c->v.dev.lock);
            ok = scsi_move(&u->d->u, &r->t, at, u->bounce, n);
            lock_take(&c->v.dev.lock);
        }
        if (is_over(r))
            return SCSI_OK;
        if (!ok || (read && !virtio_give(&c->v, &u->chain, answer_bytes(c) + at, u->bounce, n)))
            return scsi_move_error(&r->t);
    }
    return SCSI_OK;
}

static ScsiSense work(const Request *r)
{
    Unit *u = r->u;
    VirtioScsi *c = u->c;
    if (!virtio_take(&c->v, &u->chain, HEAD + c->cdb_bytes, u->reply, r->t.bytes))
        return SCSI_WRITE_ERROR;
    lock_release(&c->v.dev.lock);
    const ScsiSense how = scsi_work(&u->d->u, &r->t, u->reply);
    lock_take(&c->v.dev.lock);
    return how;
}

/* The request that was popped last from the queue. Lock held, but not while the drive is at work. */
static void serve(Unit *u, unsigned queue)
{
    VirtioScsi *c = u->c;
    uint8_t block[CDB_MOST] = {0};
    ScsiState *s = &u->d->s;
    Request r = {.u = u, .queue = queue, .epoch = c->epoch};
    const ScsiCommand command = {&u->d->u, s, u->reply, &r.t};
    const VirtChain *from = &c->request[queue];
    memcpy(&u->chain, from, offsetof(VirtChain, seg) + from->n * sizeof(from->seg[0]));
    r.in = u->chain.writable - answer_bytes(c);
    r.out = u->chain.readable - HEAD - c->cdb_bytes;
    if (!virtio_take(&c->v, &u->chain, HEAD, block, c->cdb_bytes)) {
        virtio_broken(&c->v, "a request outside of memory");
        return;
    }
    scsi_begin(&command, block);
    dev_trace(&c->v.dev, SCSI_COMMAND, "%s 0x%02x at 0x%lx bytes %lu", u->d->dev.id, block[0],
              (unsigned long)r.t.at, (unsigned long)r.t.bytes);
    const ScsiKind kind = (ScsiKind)r.t.kind;
    const bool to_guest = kind == SCSI_READ || kind == SCSI_REPLY;
    const uint64_t room = kind == SCSI_DONE ? r.in + r.out : to_guest ? r.in : r.out;
    uint64_t moved = kind == SCSI_REPLY ? MIN(r.t.bytes, room) : r.t.bytes;
    const bool fits = moved <= room;
    ScsiSense how = SCSI_OK;
    if (!fits || kind == SCSI_DONE)
        moved = 0;
    else if (kind == SCSI_REPLY)
        how = virtio_give(&c->v, &u->chain, answer_bytes(c), u->reply, moved) ? SCSI_OK : SCSI_READ_ERROR;
    else
        how = kind == SCSI_READ || kind == SCSI_WRITE ? move(&r) : work(&r);
    if (is_over(&r))
        return;
    if (fits && kind != SCSI_DONE)
        scsi_end(&command, how, u->reply);
    moved = how == SCSI_OK ? moved : 0;
    answer(c, queue, &u->chain, fits ? S_OK : S_OVERRUN, s, to_guest ? moved : 0, room - moved);
    request_done(c, queue);
}

/* Lock held. */
static void serve_all(Unit *u)
{
    u->running = true;
    while (u->queues) {
        const unsigned queue = (unsigned)__builtin_ctzll(u->queues);
        u->queues &= u->queues - 1;
        serve(u, queue);
    }
    u->running = false;
}

static void run_job(void *opaque)
{
    Unit *u = opaque;
    lock_take(&u->c->v.dev.lock);
    serve_all(u);
    lock_release(&u->c->v.dev.lock);
}

/* Has the unit serve what is for it; within its own job that goes on with it. */
static void rouse(Unit *u)
{
    const JobPort *jobs = u->d->drive ? u->d->drive->jobs : NULL;
    if (u->running || !u->queues)
        return;
    if (jobs)
        jobs->post(jobs->backend, &u->job);
    else
        serve_all(u);
}

/* To a unit that there is none of, in a target that has others. */
static void answer_absent(VirtioScsi *c, unsigned queue, const ScsiUnit *other)
{
    const VirtChain *chain = &c->request[queue];
    uint8_t block[CDB_MOST] = {0}, reply[SCSI_REPLY_BYTES];
    ScsiState s = {0};
    ScsiTask t;
    const ScsiCommand command = {other, &s, reply, &t};
    const uint64_t room = chain->writable - answer_bytes(c);
    if (!virtio_take(&c->v, chain, HEAD, block, c->cdb_bytes)) {
        virtio_broken(&c->v, "a request outside of memory");
        return;
    }
    scsi_begin_absent(&command, block);
    const uint64_t n = t.kind == SCSI_REPLY ? MIN(t.bytes, room) : 0;
    if (virtio_give(&c->v, chain, answer_bytes(c), reply, n))
        answer(c, queue, chain, S_OK, &s, n, room - n);
    else
        virtio_broken(&c->v, "an answer outside of memory");
}

/* Hands out what is in the queue, if nothing of it is under way. */
static void go_on(VirtioScsi *c, unsigned queue)
{
    VirtChain *chain = &c->request[queue];
    while (!c->busy[queue] && virtio_pop(&c->v, queue, chain)) {
        uint8_t address[LUN_BYTES];
        uint32_t target, lun;
        if (chain->readable < HEAD + c->cdb_bytes || chain->writable < answer_bytes(c) ||
            !virtio_take(&c->v, chain, 0, address, sizeof(address))) {
            virtio_broken(&c->v, "a request without command or answer");
            return;
        }
        c->busy[queue] = chain->slots;
        const bool valid = read_lun(address, &target, &lun);
        Unit *other = valid ? find_target(c, target) : NULL, *u = valid ? find_unit(c, target, lun) : NULL;
        if (u) {
            u->queues |= 1ull << queue;
            rouse(u);
        } else if (other) {
            answer_absent(c, queue, &other->d->u);
        } else {
            answer(c, queue, chain, S_BAD_TARGET, NULL, 0, 0);
        }
    }
}

/* ---- task management ---- */

static void finish_function(VirtioScsi *c, unsigned response)
{
    const uint8_t byte = (uint8_t)response;
    c->busy[CONTROL] = 0;
    if (!virtio_give(&c->v, &c->control, 0, &byte, 1)) {
        virtio_broken(&c->v, "an answer outside of memory");
        return;
    }
    virtio_push(&c->v, CONTROL, &c->control, 1);
    virtio_signal(&c->v, CONTROL);
}

/* Queues with a request under way that is for units of the target, or for that one of them. */
static uint64_t under_way(const VirtioScsi *c, uint32_t target, const Unit *only)
{
    uint64_t queues = 0;
    for (unsigned q = REQUESTS; q < virtio_queues(&c->v); q++) {
        uint8_t address[LUN_BYTES];
        uint32_t t, lun;
        if (c->busy[q] && virtio_take(&c->v, &c->request[q], 0, address, sizeof(address)) &&
            read_lun(address, &t, &lun) && t == target && (!only || only->d->lun == lun))
            queues |= 1ull << q;
    }
    return queues;
}

static void reset_units(VirtioScsi *c, uint32_t target, const Unit *only)
{
    for (unsigned k = 0; k < UNITS; k++) {
        Unit *u = c->unit[k];
        if (u && u->d->target == target && (!only || u == only))
            u->d->s.attention = SCSI_WAS_RESET & 0xffff;
    }
}

/* Nothing that it is about is under way any more. */
static void end_function(VirtioScsi *c)
{
    uint8_t message[TASK_BYTES];
    uint32_t target, lun;
    if (!virtio_take(&c->v, &c->control, 0, message, sizeof(message)) ||
        !read_lun(message + 8, &target, &lun))
        return finish_function(c, S_BAD_TARGET);
    const uint32_t what = ld_u32(message + 4);
    const Unit *u = find_unit(c, target, lun);
    if (what == TMF_NEXUS_RESET || (what == TMF_UNIT_RESET && u))
        reset_units(c, target, what == TMF_UNIT_RESET ? u : NULL);
    finish_function(c, S_OK);
}

/* What is in the ring has not begun, and will; what has is awaited. */
static void take_function(VirtioScsi *c, const uint8_t message[TASK_BYTES])
{
    uint32_t target, lun;
    const bool valid = read_lun(message + 8, &target, &lun);
    const Unit *u = valid ? find_unit(c, target, lun) : NULL;
    const unsigned what = ld_u32(message + 4);
    if (!valid || !find_target(c, target))
        return finish_function(c, S_BAD_TARGET);
    if (!u && what != TMF_NEXUS_RESET)
        return finish_function(c, S_INCORRECT_LUN);
    const uint64_t queues = under_way(c, target, what == TMF_NEXUS_RESET ? NULL : u);
    switch (what) {
    case TMF_NEXUS_RESET:
    case TMF_UNIT_RESET:
    case TMF_ABORT:
    case TMF_ABORT_SET:
    case TMF_CLEAR_SET: break;
    case TMF_QUERY:
    case TMF_QUERY_SET: return finish_function(c, queues ? S_FUNCTION_SUCCEEDED : S_OK);
    default: return finish_function(c, S_FUNCTION_REJECTED);
    }
    c->awaited = queues;
    if (!queues)
        end_function(c);
}

/* Events of media, which nobody may ask for. */
static void answer_query(VirtioScsi *c)
{
    const uint8_t none[5] = {0};
    c->busy[CONTROL] = 0;
    if (c->control.writable < sizeof(none) || !virtio_give(&c->v, &c->control, 0, none, sizeof(none))) {
        virtio_broken(&c->v, "a query without an answer");
        return;
    }
    virtio_push(&c->v, CONTROL, &c->control, sizeof(none));
    virtio_signal(&c->v, CONTROL);
}

static void take_functions(VirtioScsi *c)
{
    while (!c->busy[CONTROL] && virtio_pop(&c->v, CONTROL, &c->control)) {
        uint8_t message[TASK_BYTES] = {0};
        const uint64_t n = MIN(c->control.readable, sizeof(message));
        if (n < QUERY_BYTES || !c->control.writable || !virtio_take(&c->v, &c->control, 0, message, n)) {
            virtio_broken(&c->v, "a function without a name or an answer");
            return;
        }
        c->busy[CONTROL] = c->control.slots;
        const uint32_t type = ld_u32(message);
        if (type == T_QUERY || type == T_SUBSCRIBE)
            answer_query(c);
        else if (type == T_TMF && n == TASK_BYTES)
            take_function(c, message);
        else
            finish_function(c, S_FUNCTION_REJECTED);
    }
}

/* ---- events ---- */

static void tell_events(VirtioScsi *c)
{
    while ((c->n_events || c->missed) && virtio_pop(&c->v, EVENTS, &c->event)) {
        struct {
            uint32_t what;
            uint8_t lun[LUN_BYTES];
            uint32_t reason;
        } e = {.what = c->missed ? EVENT_MISSED : 0};
        if (c->n_events) {
            const unsigned n = c->event_lun[0], flat = n < 256 ? n : 0x4000 | n; /* as REPORT LUNS has it */
            const uint8_t lun[LUN_BYTES] = {1, c->event_target[0], (uint8_t)(flat >> 8), (uint8_t)flat};
            memcpy(e.lun, lun, LUN_BYTES);
            e.what |= EVENT_TRANSPORT;
            e.reason = c->event_reason[0];
            c->n_events--;
            memmove(c->event_target, c->event_target + 1, EVENTS_KEPT - 1);
            memmove(c->event_reason, c->event_reason + 1, EVENTS_KEPT - 1);
            memmove(c->event_lun, c->event_lun + 1, (EVENTS_KEPT - 1) * sizeof(c->event_lun[0]));
        }
        c->missed = 0;
        if (c->event.writable < EVENT_BYTES || !virtio_give(&c->v, &c->event, 0, &e, EVENT_BYTES)) {
            virtio_broken(&c->v, "no room for an event");
            return;
        }
        virtio_push(&c->v, EVENTS, &c->event, EVENT_BYTES);
        virtio_signal(&c->v, EVENTS);
    }
}

static void add_event(VirtioScsi *c, const ScsiDevice *d, unsigned reason)
{
    if (!(c->s.driver_features & F_HOTPLUG) || !(c->s.status & VIRTIO_S_DRIVER_OK))
        return;
    if (c->n_events == EVENTS_KEPT) {
        c->missed = 1;
    } else {
        c->event_target[c->n_events] = (uint8_t)d->target;
        c->event_lun[c->n_events] = (uint16_t)d->lun;
        c->event_reason[c->n_events++] = (uint8_t)reason;
    }
    tell_events(c);
}

/* ---- devices come and go ---- */

static bool choose_address(const VirtioScsi *c, ScsiDevice *d, DevError *err)
{
    for (uint32_t t = 0; d->target == SCSI_ANY && t < TARGETS; t++)
        if (!(d->lun == SCSI_ANY ? find_target(c, t) : find_unit(c, t, d->lun)))
            d->target = t;
    for (uint32_t n = 0; d->lun == SCSI_ANY && n < SCSI_LUNS; n++)
        if (!find_unit(c, d->target, n))
            d->lun = n;
    if (d->target >= TARGETS || d->lun >= LUNS)
        return dev_fail(err, "%s: scsi-id %u, lun %u; 0 to %u and 0 to %u are possible", d->dev.id, d->target,
                        d->lun, TARGETS - 1u, LUNS - 1u);
    return !find_unit(c, d->target, d->lun) ||
           dev_fail(err, "%s: lun %u of scsi-id %u is in use", d->dev.id, d->lun, d->target);
}

static bool plug_locked(VirtioScsi *c, ScsiDevice *d, DevError *err)
{
    unsigned k = 0;
    while (k < UNITS && c->unit[k])
        k++;
    if (k == UNITS)
        return dev_fail(err, "%s: more than %u units", d->dev.id, (unsigned)UNITS);
    if (!choose_address(c, d, err))
        return false;
    Unit *u = calloc(1, sizeof(*u));
    uint8_t *bounce = malloc(BOUNCE);
    if (!u || !bounce) {
        free(u);
        free(bounce);
        return dev_fail(err, "no memory");
    }
    *u = (Unit){.c = c, .d = d, .job = {.run = run_job, .opaque = u}, .bounce = bounce};
    c->unit[k] = d->place = u;
    d->u.luns = list_luns;
    add_event(c, d, REASON_RESCAN);
    return true;
}

static bool host_plug(ScsiHost *h, ScsiDevice *d, DevError *err)
{
    lock_take(h->lock);
    const bool ok = plug_locked((VirtioScsi *)h->dev, d, err);
    lock_release(h->lock);
    return ok;
}

static void host_pause(ScsiHost *h, ScsiDevice *d)
{
    Unit *u = d->place;
    if (d->drive && d->drive->jobs)
        d->drive->jobs->drain(d->drive->jobs->backend, &u->job);
}

static void host_go_on(ScsiHost *h, ScsiDevice *d)
{
    lock_take(h->lock);
    rouse(d->place);
    lock_release(h->lock);
}

/* Nothing finds it any more. */
static void remove_unit(VirtioScsi *c, const Unit *u)
{
    for (unsigned k = 0; k < UNITS; k++)
        if (c->unit[k] == u)
            c->unit[k] = NULL;
}

static void host_leave(ScsiHost *h, ScsiDevice *d)
{
    VirtioScsi *c = (VirtioScsi *)h->dev;
    Unit *u = d->place;
    lock_take(h->lock);
    remove_unit(c, u);
    lock_release(h->lock);
    host_pause(h, d);
    lock_take(h->lock);
    while (u->queues) {
        const unsigned queue = (unsigned)__builtin_ctzll(u->queues);
        u->queues &= u->queues - 1;
        answer(c, queue, &c->request[queue], S_BAD_TARGET, NULL, 0, 0);
        request_done(c, queue);
    }
    add_event(c, d, REASON_REMOVED);
    lock_release(h->lock);
}

static void host_unplug(ScsiHost *h, ScsiDevice *d)
{
    Unit *u = d->place;
    host_pause(h, d);
    remove_unit((VirtioScsi *)h->dev, u);
    free(u->bounce);
    free(u);
    d->place = NULL;
}

/* ---- the device ---- */

static void scsi_notify(VirtioDevice *v, unsigned queue)
{
    VirtioScsi *c = (VirtioScsi *)v;
    if (queue == CONTROL)
        take_functions(c);
    else if (queue == EVENTS)
        tell_events(c);
    else
        go_on(c, queue);
}

static void scsi_started(VirtioDevice *v)
{
    for (unsigned q = 0; q < virtio_queues(v); q++)
        virtio_notify(v, q);
}

static unsigned scsi_queues(const VirtioDevice *v)
{
    return REQUESTS + ((const VirtioScsi *)v)->num_queues;
}

static uint64_t scsi_features(const VirtioDevice *v)
{
    return ((const VirtioScsi *)v)->hotplug ? F_HOTPLUG : 0;
}

enum { SENSE_AT = 20, CDB_AT = 24 };
static void scsi_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    const VirtioScsi *c = (const VirtioScsi *)v;
    const struct {
        uint32_t num_queues, seg_max, max_sectors, cmd_per_lun, event_bytes, sense_bytes, cdb_bytes;
        uint16_t max_channel, max_target;
        uint32_t max_lun;
    } config = {c->num_queues,  VIRTIO_QUEUE_MAX - 2,
                c->max_sectors, c->cmd_per_lun,
                EVENT_BYTES,    c->sense_bytes,
                c->cdb_bytes,   0,
                TARGETS - 1,    LUNS - 1};
    memcpy(to, &config, sizeof(config));
}

/* How much is in a request: only before there are any. */
static void scsi_write_config(VirtioDevice *v, unsigned at, uint64_t value, unsigned size)
{
    VirtioScsi *c = (VirtioScsi *)v;
    if (size != 4 || (c->s.status & VIRTIO_S_DRIVER_OK))
        return;
    if (at == SENSE_AT && value <= SENSE_MOST)
        c->sense_bytes = (uint32_t)value;
    else if (at == CDB_AT && value >= SCSI_COMMAND_BYTES && value <= CDB_MOST)
        c->cdb_bytes = (uint32_t)value;
}

static const VirtioOps ops = {.id = 8,
                              .queues = VIRTIO_QUEUES,
                              .queues_now = scsi_queues,
                              .features = scsi_features,
                              .notify = scsi_notify,
                              .config = scsi_config,
                              .write_config = scsi_write_config,
                              .started = scsi_started,
                              .pci_class = 0x010000,
                              .pci_old_id = 0x1004};

static bool scsi_realize(Device *dev, DevError *err)
{
    VirtioScsi *c = (VirtioScsi *)dev;
    if (!c->num_queues || c->num_queues > VIRTIO_QUEUES - REQUESTS)
        return dev_fail(err, "%s: %u queues; 1 to %u are possible", dev->id, c->num_queues,
                        (unsigned)(VIRTIO_QUEUES - REQUESTS));
    if (!c->max_sectors || !c->cmd_per_lun)
        return dev_fail(err, "%s: max_sectors and cmd_per_lun are 1 or more", dev->id);
    c->request = calloc(scsi_queues(&c->v), sizeof(*c->request));
    c->host = (ScsiHost){.dev = dev,
                         .lock = &dev->lock,
                         .plug = host_plug,
                         .leave = host_leave,
                         .unplug = host_unplug,
                         .pause = host_pause,
                         .go_on = host_go_on};
    virtio_init(&c->v, &ops, &c->s);
    return c->request || dev_fail(err, "no memory");
}

/* Whatever is under way: nobody waits for its end any more. */
static void forget_requests(VirtioScsi *c)
{
    c->epoch++;
    c->awaited = 0;
    for (unsigned k = 0; k < UNITS; k++)
        if (c->unit[k])
            c->unit[k]->queues = 0;
}

static void scsi_host_reset(Device *dev)
{
    VirtioScsi *c = (VirtioScsi *)dev;
    forget_requests(c);
    memset(c->busy, 0, sizeof(c->busy));
    memset(c->event_target, 0, sizeof(c->event_target));
    memset(c->event_reason, 0, sizeof(c->event_reason));
    memset(c->event_lun, 0, sizeof(c->event_lun));
    c->n_events = c->missed = 0;
    c->sense_bytes = SENSE_BYTES;
    c->cdb_bytes = CDB_BYTES;
    virtio_reset(&c->v);
}

/* What was under way is popped again when time goes on. */
static bool scsi_loaded(Device *dev, DevError *err)
{
    VirtioScsi *c = (VirtioScsi *)dev;
    forget_requests(c);
    if (c->sense_bytes > SENSE_MOST || c->cdb_bytes < SCSI_COMMAND_BYTES || c->cdb_bytes > CDB_MOST ||
        c->n_events > EVENTS_KEPT)
        return dev_fail(err, "%s: commands of %u bytes, sense data of %u, %u events", dev->id, c->cdb_bytes,
                        c->sense_bytes, c->n_events);
    c->missed &= 1;
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++) {
        if (!c->busy[q])
            continue;
        if (q < virtio_queues(&c->v)) {
            virtio_unpop(&c->v, q, c->busy[q]);
            c->s.more |= 1ull << q;
        }
        c->busy[q] = 0;
    }
    return virtio_check(&c->v, err);
}

static void scsi_host_clear(Device *dev)
{
    virtio_clear((VirtioDevice *)dev);
    free(((VirtioScsi *)dev)->request);
}

bool virtio_scsi_is(const Device *d)
{
    return d->cls == &virtio_scsi_class;
}

ScsiHost *virtio_scsi_host(Device *d)
{
    return &((VirtioScsi *)d)->host;
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioScsi),
    DEV_U32(VirtioScsi, num_queues, "request queues", 1),
    DEV_U32(VirtioScsi, max_sectors, "the most that a request moves", 0xffff),
    DEV_U32(VirtioScsi, cmd_per_lun, "requests of a unit at a time", 128),
    DEV_BOOL(VirtioScsi, hotplug, "the guest is told of units that come and go", 1),
};
static const DevField state[] = {
    VIRTIO_ROWS(VirtioScsi),
    DEV_ARRAY(VirtioScsi, busy),
    DEV_FIELD(VirtioScsi, sense_bytes),
    DEV_FIELD(VirtioScsi, cdb_bytes),
    DEV_FIELD(VirtioScsi, n_events),
    DEV_FIELD(VirtioScsi, missed),
    DEV_ARRAY(VirtioScsi, event_target),
    DEV_ARRAY(VirtioScsi, event_reason),
    DEV_ARRAY(VirtioScsi, event_lun),
};

const DevClass virtio_scsi_class = {
    .name = "virtio-scsi-device",
    .help = "SCSI adapter; scsi-hd and scsi-cd are plugged in",
    .version = 1,
    .bus = "virtio",
    DEV_TABLES(VirtioScsi, props, state),
    .realize = scsi_realize,
    .reset = scsi_host_reset,
    .loaded = scsi_loaded,
    .clear = scsi_host_clear,
};
