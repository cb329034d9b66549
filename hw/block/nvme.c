/* Registers, queues, interrupts. Admin commands are served by who rings the doorbell; each I/O queue by a
 * job, which does without the device's lock while the back end works. As with virtio-blk, a reset does not
 * wait for what is with the back end, and a saved state has it as not begun. */
#include "hw/block/nvme_priv.h"

#include <stdlib.h>

enum { BAR_REGISTERS = 0, BAR_MSIX = 4, BAR_BYTES = 0x4000 };
enum {
    CAP = 0x00,
    CAP_HIGH = 0x04,
    VS = 0x08,
    INTMS = 0x0c,
    INTMC = 0x10,
    CC = 0x14,
    CSTS = 0x1c,
    AQA = 0x24,
    ASQ = 0x28,
    ACQ = 0x30,
    DOORBELLS = 0x1000
};
enum { CC_ENABLE = 1, CC_SHUTDOWN = 0xc000, CSTS_READY = 1, CSTS_FATAL = 2, CSTS_SHUT_DOWN = 8 };
enum { CAP_CONTIGUOUS = 1 << 16, CAP_TIMEOUT = 15 << 24, CAP_NVM = 1 << 5 };

/* ---- interrupts ---- */

static void update_pin(Nvme *n)
{
    bool level = false;
    for (unsigned q = 0; q < NVME_QUEUES && !pci_msix_on(&n->f); q++)
        level |= n->cq_size[q] && n->cq_interrupts[q] && n->cq_head[q] != n->cq_tail[q] &&
                 !(n->cq_vector[q] < 32 && n->masked >> n->cq_vector[q] & 1);
    pci_set_intx(&n->f, level);
}

/* ---- queues ---- */

static unsigned cq_room(const Nvme *n, unsigned q)
{
    unsigned used = (n->cq_tail[q] + n->cq_size[q] - n->cq_head[q]) % n->cq_size[q];
    for (unsigned k = 0; k < NVME_QUEUES; k++)
        used += n->busy[k] && n->sq_cq[k] == q; /* will come */
    return used < n->cq_size[q] - 1u ? n->cq_size[q] - 1u - used : 0;
}

static void fatal(Nvme *n, const char *why)
{
    log_guest(&n->f.dev, "%s", why);
    n->csts |= CSTS_FATAL;
}

static void complete(Nvme *n, unsigned sq, const NvmeLane *l, uint16_t status)
{
    unsigned q = n->sq_cq[sq];
    const struct {
        uint32_t result, reserved;
        uint16_t sq_head, sq, id, status;
    } entry = {l->result, 0, n->sq_head[sq], (uint16_t)sq, l->c.id,
               (uint16_t)(status << 1 | n->cq_phase[q])};
    if (!n->cq_size[q])
        return; /* deleted meanwhile */
    dev_trace(&n->f.dev, NVME_DONE, "queue %u id %u status 0x%x", sq, l->c.id, status);
    if (!mem_map_write(n->f.dev.mem, n->cq_base[q] + n->cq_tail[q] * sizeof(entry), &entry,
                       sizeof(entry) - 2)) {
        fatal(n, "a completion queue outside of memory");
        return;
    }
    __atomic_thread_fence(__ATOMIC_RELEASE);
    mem_map_write(n->f.dev.mem, n->cq_base[q] + n->cq_tail[q] * sizeof(entry) + sizeof(entry) - 2,
                  &entry.status, 2);
    n->cq_tail[q] = (uint16_t)(n->cq_tail[q] + 1);
    if (n->cq_tail[q] == n->cq_size[q]) {
        n->cq_tail[q] = 0;
        n->cq_phase[q] ^= 1;
    }
    if (n->cq_interrupts[q])
        pci_msix_send(&n->f, n->cq_vector[q]);
    update_pin(n);
}

static bool works(const Nvme *n) { return (n->csts & CSTS_READY) && !(n->csts & CSTS_FATAL); }

/* One command; lock held, but not while the back end works. False: there is none. */
static bool serve_next(NvmeLane *l)
{
    Nvme *n = l->n;
    unsigned q = l->queue;
    if (!works(n) || !pci_is_master(&n->f) || !n->sq_size[q] || n->sq_head[q] == n->sq_tail[q] ||
        n->busy[q] || !n->cq_size[n->sq_cq[q]] || !cq_room(n, n->sq_cq[q]))
        return false;
    if (!mem_map_read(n->f.dev.mem, n->sq_base[q] + n->sq_head[q] * sizeof(l->c), &l->c, sizeof(l->c))) {
        fatal(n, "a submission queue outside of memory");
        return false;
    }
    n->sq_head[q] = (uint16_t)((n->sq_head[q] + 1) % n->sq_size[q]);
    l->result = 0;
    l->epoch = n->epoch;
    dev_trace(&n->f.dev, NVME_COMMAND, "queue %u id %u opcode 0x%x namespace %u", q, l->c.id, l->c.opcode,
              l->c.nsid);
    uint16_t status;
    if (q == 0) {
        status = nvme_admin(l);
    } else {
        n->busy[q] = 1;
        lock_release(n->f.lock);
        status = nvme_io(l);
        lock_take(n->f.lock);
        if (n->epoch != l->epoch)
            return true;
        n->busy[q] = 0;
    }
    if (status != NVME_LATER)
        complete(n, q, l, status);
    return true;
}

static void run_lane(void *opaque)
{
    NvmeLane *l = opaque;
    lock_take(l->n->f.lock);
    while (serve_next(l)) {}
    lock_release(l->n->f.lock);
}

void nvme_kick(Nvme *n, unsigned q)
{
    NvmeLane *l = &n->lane[q];
    const JobPort *jobs = n->drive->jobs;
    if (q && jobs)
        jobs->post(jobs->backend, &l->job);
    else
        while (serve_next(l)) {}
}

/* ---- registers ---- */

static void reset_controller(Nvme *n)
{
    n->epoch++;
    n->csts = n->masked = 0;
    memset(n->sq_size, 0, sizeof(n->sq_size));
    memset(n->cq_size, 0, sizeof(n->cq_size));
    memset(n->busy, 0, sizeof(n->busy));
    memset(n->feature, 0, sizeof(n->feature));
    n->feature[6] = 1; /* the write cache is on */
    n->n_events = 0;
    update_pin(n);
}

static void enable(Nvme *n)
{
    n->sq_base[0] = n->asq;
    n->cq_base[0] = n->acq;
    n->sq_size[0] = (uint16_t)((n->aqa & 0xfff) + 1);
    n->cq_size[0] = (uint16_t)((n->aqa >> 16 & 0xfff) + 1);
    n->sq_head[0] = n->sq_tail[0] = n->cq_head[0] = n->cq_tail[0] = 0;
    n->sq_cq[0] = n->cq_vector[0] = 0;
    n->cq_phase[0] = n->cq_interrupts[0] = 1;
    bool fits = (n->cc >> 7 & 15) == 0 && (n->cc >> 4 & 7) == 0 && n->sq_size[0] > 1 && n->cq_size[0] > 1 &&
                !((n->asq | n->acq) & (NVME_PAGE - 1));
    n->csts = fits ? CSTS_READY : CSTS_FATAL;
}

static void write_cc(Nvme *n, uint32_t v)
{
    bool was = n->cc & CC_ENABLE;
    n->cc = v;
    if (was && !(v & CC_ENABLE))
        reset_controller(n);
    if (!was && (v & CC_ENABLE))
        enable(n);
    if (v & CC_SHUTDOWN)
        n->csts |= CSTS_SHUT_DOWN;
    else
        n->csts &= ~(uint32_t)CSTS_SHUT_DOWN;
}

static void ring(Nvme *n, uint64_t at, uint32_t v)
{
    unsigned q = (unsigned)(at / 8);
    bool completions = at & 4;
    if (q >= NVME_QUEUES || v >= (completions ? n->cq_size[q] : n->sq_size[q])) {
        log_guest(&n->f.dev, "doorbell %u", q);
        return;
    }
    if (!completions) {
        n->sq_tail[q] = (uint16_t)v;
        nvme_kick(n, q);
        return;
    }
    n->cq_head[q] = (uint16_t)v;
    update_pin(n);
    for (unsigned k = 0; k < NVME_QUEUES; k++) /* what had no room to complete */
        if (n->sq_size[k] && n->sq_cq[k] == q && n->sq_head[k] != n->sq_tail[k])
            nvme_kick(n, k);
}

static uint64_t nvme_read(void *dev, uint64_t at, unsigned size)
{
    const Nvme *n = dev;
    switch (at) {
    case CAP: return (NVME_ENTRIES - 1) | CAP_CONTIGUOUS | CAP_TIMEOUT;
    case CAP_HIGH: return CAP_NVM;
    case VS: return 0x10400;
    case INTMS:
    case INTMC: return n->masked;
    case CC: return n->cc;
    case CSTS: return n->csts;
    case AQA: return n->aqa;
    case ASQ: return (uint32_t)n->asq;
    case ASQ + 4: return n->asq >> 32;
    case ACQ: return (uint32_t)n->acq;
    case ACQ + 4: return n->acq >> 32;
    default: return 0;
    }
}

static void set_half(uint64_t *v, bool high, uint32_t value)
{
    *v = high ? (*v & 0xffffffff) | (uint64_t)value << 32 : (*v & ~0xffffffffull) | value;
}

static void nvme_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Nvme *n = dev;
    uint32_t v = (uint32_t)value;
    if (at >= DOORBELLS) {
        ring(n, at - DOORBELLS, v);
        return;
    }
    switch (at) {
    case INTMS: n->masked |= v; break;
    case INTMC: n->masked &= ~v; break;
    case CC: write_cc(n, v); break;
    case AQA: n->aqa = v & 0x0fff0fff; break;
    case ASQ:
    case ASQ + 4: set_half(&n->asq, at & 4, v); break;
    case ACQ:
    case ACQ + 4: set_half(&n->acq, at & 4, v); break;
    default: break;
    }
    update_pin(n);
}

static const MmioOps ops = {.read = nvme_read, .write = nvme_write, .min = 4, .max = 4};

/* ---- the device ---- */

static void config_written(PciFunction *f, unsigned at, unsigned size)
{
    Nvme *n = (Nvme *)f;
    update_pin(n); /* MSI-X may be on or off now */
    for (unsigned q = 0; q < NVME_QUEUES && at == PCI_COMMAND && pci_is_master(f); q++)
        if (n->sq_size[q] && n->sq_head[q] != n->sq_tail[q]) /* rung for while it was not allowed to read */
            nvme_kick(n, q);
}

static bool nvme_realize(Device *dev, DevError *err)
{
    static const PciIds ids = {0x1b36, 0x0010, 0x1af4, 0x1100, 0x010802, 2};
    Nvme *n = (Nvme *)dev;
    if (!n->drive)
        return dev_fail(err, "nvme: which drive?");
    if (n->io_queues == 0 || n->io_queues >= NVME_QUEUES)
        return dev_fail(err, "nvme: %u queues; 1 to %u are possible", n->io_queues, NVME_QUEUES - 1u);
    if (!pci_init(&n->f, &n->p, &ids, NULL, err))
        return false;
    n->lane = calloc(NVME_QUEUES, sizeof(*n->lane));
    for (unsigned q = 0; n->lane && q < NVME_QUEUES; q++) {
        n->lane[q] = (NvmeLane){.n = n, .queue = q, .bounce = malloc(NVME_MOST)};
        n->lane[q].job = (Job){.run = run_lane, .opaque = &n->lane[q]};
        if (!n->lane[q].bounce)
            return dev_fail(err, "no memory");
    }
    if (!n->lane)
        return dev_fail(err, "no memory");
    pci_shape(&n->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_add_bar(&n->f, BAR_REGISTERS, BAR_BYTES, PCI_BAR_64, &ops, n);
    pci_want_msix(&n->f, BAR_MSIX, n->io_queues + 1);
    n->f.written = config_written;
    return true;
}

static void nvme_reset(Device *dev)
{
    Nvme *n = (Nvme *)dev;
    n->cc = n->aqa = 0;
    n->asq = n->acq = 0;
    reset_controller(n);
    pci_reset(&n->f);
}

static bool queue_is_sound(const Nvme *n, unsigned q)
{
    const bool sq = !n->sq_size[q] || (n->sq_head[q] < n->sq_size[q] && n->sq_tail[q] < n->sq_size[q] &&
                                       n->sq_cq[q] < NVME_QUEUES);
    const bool cq = !n->cq_size[q] || (n->cq_head[q] < n->cq_size[q] && n->cq_tail[q] < n->cq_size[q]);
    return sq && cq && n->sq_size[q] != 1 && n->cq_size[q] != 1 && n->cq_phase[q] <= 1 &&
           n->sq_cq[q] < NVME_QUEUES;
}

static bool nvme_loaded(Device *dev, DevError *err)
{
    Nvme *n = (Nvme *)dev;
    n->epoch++;
    for (unsigned q = 0; q < NVME_QUEUES; q++) {
        if (!queue_is_sound(n, q) || n->n_events > NVME_EVENTS) {
            n->csts = 0;
            memset(n->sq_size, 0, sizeof(n->sq_size));
            memset(n->cq_size, 0, sizeof(n->cq_size));
            n->n_events = 0;
            return dev_fail(err, "%s: queue %u is none", dev->id, q);
        }
        if (n->busy[q] && n->sq_size[q])
            n->sq_head[q] = (uint16_t)((n->sq_head[q] + n->sq_size[q] - 1) % n->sq_size[q]);
        n->busy[q] = 0;
    }
    if (!pci_check(&n->f, err))
        return false;
    update_pin(n);
    for (unsigned q = 1; q < NVME_QUEUES && n->drive->jobs; q++)
        nvme_kick(n, q);
    return true;
}

static void nvme_clear(Device *dev)
{
    Nvme *n = (Nvme *)dev;
    for (unsigned q = 0; n->lane && q < NVME_QUEUES; q++) {
        if (n->drive->jobs)
            n->drive->jobs->drain(n->drive->jobs->backend, &n->lane[q].job);
        free(n->lane[q].bounce);
    }
    free(n->lane);
    pci_clear(&n->f);
}

static const DevProp props[] = {
    PCI_PROPS(Nvme),
    DEV_TEXT(Nvme, serial, "what the disk is called"),
    {"max_ioqpairs", "pairs of queues besides the first", offsetof(Nvme, io_queues), PROP_U32, 4,
     NVME_QUEUES - 1},
    DEV_PTR(Nvme, drive, "back end"),
};
static const DevField state[] = {
    PCI_ROWS(Nvme),
    DEV_FIELD(Nvme, cc),
    DEV_FIELD(Nvme, csts),
    DEV_FIELD(Nvme, masked),
    DEV_FIELD(Nvme, aqa),
    DEV_FIELD(Nvme, asq),
    DEV_FIELD(Nvme, acq),
    DEV_ARRAY(Nvme, sq_base),
    DEV_ARRAY(Nvme, cq_base),
    DEV_ARRAY(Nvme, sq_size),
    DEV_ARRAY(Nvme, cq_size),
    DEV_ARRAY(Nvme, sq_head),
    DEV_ARRAY(Nvme, sq_tail),
    DEV_ARRAY(Nvme, cq_head),
    DEV_ARRAY(Nvme, cq_tail),
    DEV_ARRAY(Nvme, sq_cq),
    DEV_ARRAY(Nvme, cq_vector),
    DEV_ARRAY(Nvme, cq_phase),
    DEV_ARRAY(Nvme, cq_interrupts),
    DEV_ARRAY(Nvme, busy),
    DEV_ARRAY(Nvme, event),
    DEV_ARRAY(Nvme, feature),
    DEV_FIELD(Nvme, n_events),
};

const DevClass nvme_class = {
    .name = "nvme", .help = "NVM Express disk", .version = 1, .bus = "pci",
    DEV_TABLES(Nvme, props, state),
    .realize = nvme_realize, .reset = nvme_reset, .loaded = nvme_loaded, .clear = nvme_clear,
};
