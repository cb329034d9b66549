/* Admin commands (NVM Express 1.4, chapter 5) and those of the NVM command set (chapter 6). */
#include "hw/block/nvme_priv.h"

enum {
    DELETE_SQ = 0x00,
    CREATE_SQ = 0x01,
    GET_LOG = 0x02,
    DELETE_CQ = 0x04,
    CREATE_CQ = 0x05,
    IDENTIFY = 0x06,
    ABORT = 0x08,
    SET_FEATURES = 0x09,
    GET_FEATURES = 0x0a,
    ASYNC_EVENT = 0x0c
};
enum { FLUSH = 0x00, WRITE = 0x01, READ = 0x02, WRITE_ZEROES = 0x08, MANAGE = 0x09 };
enum {
    FEATURE_CACHE = 6,
    FEATURE_QUEUES = 7,
    ALL_NAMESPACES = -1,
    FORCE_UNIT = 1 << 30,
    DEALLOCATE = 1 << 25
};

/* ---- data ---- */

static bool add(NvmeLane *l, uint64_t at, uint64_t n)
{
    if (l->n_segs == NVME_SEGS)
        return false;
    l->seg[l->n_segs++] = (NvmeSeg){at, (uint32_t)n};
    return true;
}

/* Where `bytes` of data are, by physical region pages (4.3): the first may begin inside of a page; then one
 * more page, or a list of them, whose last entry in a page goes on to the next. */
static uint16_t find_data(NvmeLane *l, uint64_t bytes)
{
    const NvmeCommand *c = &l->c;
    uint64_t first = MIN(bytes, NVME_PAGE - c->prp1 % NVME_PAGE), list = c->prp2;
    l->n_segs = 0;
    if (c->flags >> 6)
        return NVME_BAD_FIELD; /* other lists than these */
    add(l, c->prp1, first);
    bytes -= first;
    if (bytes && bytes <= NVME_PAGE) {
        add(l, c->prp2, bytes);
        return c->prp2 % NVME_PAGE ? NVME_BAD_PRP : NVME_OK;
    }
    if (bytes && list % 8)
        return NVME_BAD_PRP;
    for (unsigned reads = 0; bytes; reads++, list += 8) {
        uint64_t entry, n = MIN(bytes, (uint64_t)NVME_PAGE);
        if (reads > 2 * NVME_SEGS || !mem_map_read(l->n->f.dev.mem, list, &entry, sizeof(entry)))
            return NVME_TRANSFER_ERROR;
        if (entry % NVME_PAGE)
            return NVME_BAD_PRP;
        if (list % NVME_PAGE == NVME_PAGE - 8 && bytes > NVME_PAGE) {
            list = entry - 8;
            continue;
        }
        if (!add(l, entry, n))
            return NVME_BAD_FIELD;
        bytes -= n;
    }
    return NVME_OK;
}

static bool give_locked(const NvmeLane *l, const uint8_t *from)
{
    for (unsigned k = 0; k < l->n_segs; from += l->seg[k++].bytes)
        if (!mem_map_write(l->n->f.dev.mem, l->seg[k].at, from, l->seg[k].bytes))
            return false;
    return true;
}

/* What an I/O queue does to guest memory it does with the lock held, as long as there was no reset. */
static bool give(const NvmeLane *l)
{
    lock_take(l->n->f.lock);
    bool ok = l->n->epoch == l->epoch && give_locked(l, l->bounce);
    lock_release(l->n->f.lock);
    return ok;
}

static bool take(const NvmeLane *l)
{
    uint8_t *to = l->bounce;
    for (unsigned k = 0; k < l->n_segs; to += l->seg[k++].bytes)
        if (!mem_map_read(l->n->f.dev.mem, l->seg[k].at, to, l->seg[k].bytes))
            return false;
    return true;
}

/* ---- I/O ---- */

static uint16_t transfer(NvmeLane *l, uint64_t at, uint64_t bytes, bool write)
{
    const Nvme *n = l->n;
    const BlockPort *d = n->drive;
    if (bytes > NVME_MOST)
        return NVME_BAD_FIELD;
    uint16_t status = find_data(l, bytes);
    if (status != NVME_OK)
        return status;
    if (!write)
        return !d->read(d->backend, at, l->bounce, bytes) ? NVME_READ_FAULT
               : give(l)                                  ? NVME_OK
                                                          : NVME_TRANSFER_ERROR;
    if (!take(l))
        return NVME_TRANSFER_ERROR;
    return !d->read_only && d->write(d->backend, at, l->bounce, bytes) ? NVME_OK : NVME_WRITE_FAULT;
}

static uint16_t zero(NvmeLane *l, uint64_t at, uint64_t bytes)
{
    const BlockPort *d = l->n->drive;
    if (d->read_only)
        return NVME_WRITE_FAULT;
    if (d->write_zeroes)
        return d->write_zeroes(d->backend, at, bytes, l->c.dw12 & DEALLOCATE) ? NVME_OK : NVME_WRITE_FAULT;
    memset(l->bounce, 0, NVME_MOST);
    for (uint64_t part; bytes; at += part, bytes -= part) {
        part = MIN(bytes, (uint64_t)NVME_MOST);
        if (!d->write(d->backend, at, l->bounce, part))
            return NVME_WRITE_FAULT;
    }
    return NVME_OK;
}

static bool in_range(const BlockPort *d, uint64_t block, uint64_t blocks)
{
    return block <= d->bytes / NVME_BLOCK && blocks <= d->bytes / NVME_BLOCK - block;
}

/* Dataset management: ranges that hold nothing any more. */
static uint16_t manage(NvmeLane *l)
{
    const BlockPort *d = l->n->drive;
    const unsigned ranges = (l->c.dw10 & 0xff) + 1;
    uint16_t status = find_data(l, ranges * 16ull);
    if (status != NVME_OK)
        return status;
    if (!take(l))
        return NVME_TRANSFER_ERROR;
    for (unsigned k = 0; k < ranges && (l->c.dw11 & 4); k++) {
        uint64_t blocks = ld_u32(l->bounce + 16ull * k + 4), start = ld_u64(l->bounce + 16ull * k + 8);
        if (!in_range(d, start, blocks))
            return NVME_OUT_OF_RANGE;
        if (d->discard && !d->read_only && !d->discard(d->backend, start * NVME_BLOCK, blocks * NVME_BLOCK))
            return NVME_WRITE_FAULT;
    }
    return NVME_OK;
}

uint16_t nvme_io(NvmeLane *l)
{
    const NvmeCommand *c = &l->c;
    const BlockPort *d = l->n->drive;
    const uint64_t start = (uint64_t)c->dw11 << 32 | c->dw10, blocks = (c->dw12 & 0xffff) + 1;
    uint16_t status;
    if (c->nsid != 1 && !(c->opcode == FLUSH && c->nsid == (uint32_t)ALL_NAMESPACES))
        return NVME_BAD_NAMESPACE;
    if (c->opcode == FLUSH)
        return d->flush(d->backend) ? NVME_OK : NVME_WRITE_FAULT;
    if (c->opcode == MANAGE)
        return manage(l);
    if (c->opcode != READ && c->opcode != WRITE && c->opcode != WRITE_ZEROES)
        return NVME_NO_COMMAND;
    if (!in_range(d, start, blocks))
        return NVME_OUT_OF_RANGE;
    if (c->opcode == READ)
        return transfer(l, start * NVME_BLOCK, blocks * NVME_BLOCK, false);
    if (c->opcode == WRITE)
        status = transfer(l, start * NVME_BLOCK, blocks * NVME_BLOCK, true);
    else
        status = zero(l, start * NVME_BLOCK, blocks * NVME_BLOCK);
    bool through = (c->dw12 & FORCE_UNIT) || !(l->n->feature[FEATURE_CACHE] & 1);
    return status == NVME_OK && through && !d->flush(d->backend) ? NVME_WRITE_FAULT : status;
}

/* ---- admin ---- */

static uint16_t answer(NvmeLane *l, const uint8_t *bytes, uint64_t n)
{
    uint16_t status = find_data(l, n);
    return status != NVME_OK ? status : give_locked(l, bytes) ? NVME_OK : NVME_TRANSFER_ERROR;
}

static void put_text(uint8_t *to, size_t room, const char *text)
{
    memset(to, ' ', room);
    memcpy(to, text, MIN(strlen(text), room));
}

static void identify_controller(const Nvme *n, uint8_t *to)
{
    static const char name[] = "nqn.2014-08.org.nvmexpress:tinamou:";
    const char *serial = n->serial[0] ? n->serial : n->drive->serial;
    const uint16_t oncs = 4 | 8;
    to[0] = 0x36;
    to[1] = 0x1b;
    to[2] = 0xf4;
    to[3] = 0x1a;
    put_text(to + 4, 20, serial);
    put_text(to + 24, 40, "Tinamou NVMe disk");
    put_text(to + 64, 8, "1");
    to[72] = 6;             /* commands it would like at once, as a power of two */
    to[77] = NVME_MDTS;
    to[82] = 1;             /* version 1.4 */
    to[81] = 4;
    to[258] = 3;            /* aborts */
    to[259] = NVME_EVENTS - 1;
    to[260] = 3;            /* one firmware slot, not to be written */
    to[266] = 0x57;         /* temperatures, K */
    to[267] = 1;
    to[268] = 0x75;
    to[269] = 1;
    to[512] = 0x66;         /* sizes of entries */
    to[513] = 0x44;
    to[516] = 1;            /* namespaces */
    memcpy(to + 520, &oncs, sizeof(oncs)); /* dataset management, write zeroes */
    to[525] = 1;            /* has a write cache */
    memcpy(to + 768, name, sizeof(name) - 1);
    memcpy(to + 768 + sizeof(name) - 1, serial, strlen(serial));
    to[2048] = 0xc4;        /* power state 0: 25 W */
    to[2049] = 0x09;
}

/* An EUI-64 of the machine's own. */
static void put_eui(const Nvme *n, uint8_t *to)
{
    memcpy(to, "\x52\x54\x00TNM", 6);
    to[7] = n->f.devfn;
}

static void identify_namespace(const Nvme *n, uint8_t *to)
{
    const uint64_t blocks = n->drive->bytes / NVME_BLOCK;
    for (unsigned k = 0; k < 3; k++)
        memcpy(to + 8 * k, &blocks, sizeof(blocks)); /* size, capacity, use */
    to[33] = 0;              /* what was deallocated reads as anything */
    put_eui(n, to + 120);
    to[130] = 9;             /* the only format: 2^9 bytes */
}

static uint16_t identify(NvmeLane *l)
{
    uint8_t page[NVME_PAGE] = {0};
    switch (l->c.dw10 & 0xff) {
    case 0:
        if (l->c.nsid != 1)
            return NVME_BAD_NAMESPACE;
        identify_namespace(l->n, page);
        break;
    case 1: identify_controller(l->n, page); break;
    case 2: page[0] = l->c.nsid == 0; break; /* namespaces above this one */
    case 3:
        if (l->c.nsid != 1)
            return NVME_BAD_NAMESPACE;
        page[0] = 1; /* an EUI-64 */
        page[1] = 8;
        put_eui(l->n, page + 4);
        break;
    default: return NVME_BAD_FIELD;
    }
    return answer(l, page, sizeof(page));
}

static uint16_t get_log(NvmeLane *l)
{
    uint8_t page[NVME_PAGE] = {0}, id = (uint8_t)l->c.dw10;
    const uint64_t bytes = (((uint64_t)(l->c.dw11 & 0xffff) << 16 | l->c.dw10 >> 16) + 1) * 4;
    if (id < 1 || id > 3 || bytes > sizeof(page) || l->c.dw12 || l->c.dw13)
        return NVME_BAD_FIELD;
    if (id == 2) {
        page[1] = 0x2c; /* 300 K */
        page[2] = 1;
        page[3] = 100;  /* per cent of spare blocks */
    }
    page[0] = id == 3; /* firmware slot */
    return answer(l, page, bytes);
}

static uint16_t features(NvmeLane *l, bool set)
{
    Nvme *n = l->n;
    unsigned id = l->c.dw10 & 0xff;
    if (id == 0 || id >= NVME_FEATURES)
        return NVME_BAD_FIELD;
    if (id == FEATURE_QUEUES)
        n->feature[id] = (n->io_queues - 1) | (n->io_queues - 1) << 16;
    else if (set)
        n->feature[id] = l->c.dw11;
    l->result = n->feature[id];
    return NVME_OK;
}

static uint16_t create_cq(NvmeLane *l)
{
    Nvme *n = l->n;
    const NvmeCommand *c = &l->c;
    unsigned q = c->dw10 & 0xffff, size = (c->dw10 >> 16) + 1, vector = c->dw11 >> 16;
    if (q == 0 || q > n->io_queues || n->cq_size[q])
        return NVME_BAD_QUEUE;
    if (size < 2 || size > NVME_ENTRIES)
        return NVME_BAD_SIZE;
    if (vector > n->io_queues)
        return NVME_BAD_VECTOR;
    if (!(c->dw11 & 1) || c->prp1 % NVME_PAGE)
        return NVME_BAD_FIELD;
    n->cq_base[q] = c->prp1;
    n->cq_size[q] = (uint16_t)size;
    n->cq_head[q] = n->cq_tail[q] = 0;
    n->cq_phase[q] = 1;
    n->cq_interrupts[q] = c->dw11 >> 1 & 1;
    n->cq_vector[q] = (uint16_t)vector;
    return NVME_OK;
}

static uint16_t create_sq(NvmeLane *l)
{
    Nvme *n = l->n;
    const NvmeCommand *c = &l->c;
    unsigned q = c->dw10 & 0xffff, size = (c->dw10 >> 16) + 1, cq = c->dw11 >> 16;
    if (q == 0 || q > n->io_queues || n->sq_size[q] || n->busy[q])
        return NVME_BAD_QUEUE;
    if (cq == 0 || cq > n->io_queues || !n->cq_size[cq])
        return NVME_BAD_CQ;
    if (size < 2 || size > NVME_ENTRIES)
        return NVME_BAD_SIZE;
    if (!(c->dw11 & 1) || c->prp1 % NVME_PAGE)
        return NVME_BAD_FIELD;
    n->sq_base[q] = c->prp1;
    n->sq_size[q] = (uint16_t)size;
    n->sq_head[q] = n->sq_tail[q] = 0;
    n->sq_cq[q] = (uint16_t)cq;
    return NVME_OK;
}

/* A queue with a command under way is gone at once; the command completes into nothing. */
static uint16_t delete_queue(NvmeLane *l, bool completions)
{
    Nvme *n = l->n;
    unsigned q = l->c.dw10 & 0xffff;
    if (q == 0 || q > n->io_queues || !(completions ? n->cq_size[q] : n->sq_size[q]))
        return NVME_BAD_QUEUE;
    for (unsigned k = 1; completions && k < NVME_QUEUES; k++)
        if (n->sq_size[k] && n->sq_cq[k] == q)
            return NVME_BAD_DELETION;
    if (completions)
        n->cq_size[q] = 0;
    else
        n->sq_size[q] = 0;
    return NVME_OK;
}

static uint16_t wait_for_event(NvmeLane *l)
{
    Nvme *n = l->n;
    if (n->n_events == NVME_EVENTS)
        return NVME_TOO_MANY_EVENTS;
    n->event[n->n_events++] = l->c.id;
    return NVME_LATER;
}

uint16_t nvme_admin(NvmeLane *l)
{
    switch (l->c.opcode) {
    case DELETE_SQ: return delete_queue(l, false);
    case CREATE_SQ: return create_sq(l);
    case GET_LOG: return get_log(l);
    case DELETE_CQ: return delete_queue(l, true);
    case CREATE_CQ: return create_cq(l);
    case IDENTIFY: return identify(l);
    case ABORT: l->result = 1; return NVME_OK; /* it was too late */
    case SET_FEATURES: return features(l, true);
    case GET_FEATURES: return features(l, false);
    case ASYNC_EVENT: return wait_for_event(l);
    default: return NVME_NO_COMMAND;
    }
}
