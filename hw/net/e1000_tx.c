/* Frames to the network: descriptors of the old form and contexts with data, checksums, and frames that are
 * cut into segments (8254x manual, 3.3 to 3.6). A frame is looked at once all of its descriptors are there,
 * so nothing of one half read is state; `sent` says how many parts of it went out before the network was
 * full. */
#include "hw/net/e1000_priv.h"

enum { TCTL_ON = 1 << 1, DESC_BYTES = 16, DONE = 1 };
enum { CMD_LAST = 1, CMD_CUT = 4, CMD_TELL = 8, CMD_NEW_FORM = 0x20, CMD_TAG = 0x40, CMD_OLD_SUM = 4 };
enum { KIND_CONTEXT = 0, KIND_DATA = 1, SUM_IP = 1, SUM_TCP = 2, TAG_AT = 12, TAG_BYTES = 4 };

/* A frame as its descriptors tell it. */
typedef struct Frame {
    uint32_t bytes, next; /* gathered; the descriptor behind its last */
    uint8_t command, sums;
    uint8_t sum_to, sum_from; /* of the old form */
    uint16_t tag;
    bool old, broken;
} Frame;

/* ---- checksums ---- */

uint32_t e1000_add_words(const uint8_t *p, size_t n, uint32_t sum)
{
    for (; n > 1; n -= 2, p += 2)
        sum += (uint32_t)p[0] << 8 | p[1];
    return n ? sum + ((uint32_t)p[0] << 8) : sum;
}

uint16_t e1000_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Over [from, end), into `to`; end 0: all that follows. */
static void put_sum(uint8_t *f, uint32_t bytes, unsigned from, unsigned to, unsigned end)
{
    const unsigned last = end && end < bytes ? end + 1 : bytes;
    if (from >= last || to + 2 > bytes)
        return;
    const uint16_t sum = (uint16_t)~e1000_fold(e1000_add_words(f + from, last - from, 0));
    f[to] = (uint8_t)(sum >> 8);
    f[to + 1] = (uint8_t)sum;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put_sums(const uint32_t context[4], uint8_t sums, uint8_t *f, uint32_t bytes)
{
    for (unsigned k = 0; k < 2; k++)
        if (sums & (k ? SUM_TCP : SUM_IP))
            put_sum(f, bytes, context[k] & 0xff, context[k] >> 8 & 0xff, context[k] >> 16);
}

/* ---- out ---- */

/* False: the network is full. */
static bool send(E1000 *e, const Frame *t, const uint8_t *f, uint32_t bytes)
{
    uint8_t *to = e->segment + NET_FRAME_MAX;
    if ((t->command & CMD_TAG) && (e->reg[R_CTRL / 4] & CTRL_VLAN) && bytes > TAG_AT) {
        memcpy(to, f, TAG_AT);
        put16(to + TAG_AT, e->reg[R_VET / 4] & 0xffff);
        put16(to + TAG_AT + 2, t->tag);
        memcpy(to + TAG_AT + TAG_BYTES, f + TAG_AT, bytes - TAG_AT);
        bytes += TAG_BYTES;
        f = to;
    }
    if (e1000_link(e) && e->netdev && bytes >= TAG_AT && !e->netdev->send(e->netdev->backend, f, bytes))
        return false;
    e1000_count(e, R_GPTC, 1);
    e1000_count(e, R_TPT, 1);
    e1000_count(e, R_GOTC, bytes);
    e1000_count(e, R_TOTC, bytes);
    return true;
}

/* The headers of one segment: lengths, numbers, flags. `done` bytes of data went before it. */
static void fix_headers(const uint32_t context[4], uint8_t *f, uint32_t bytes, uint32_t done, unsigned number,
                        bool last)
{
    enum { CONTEXT_TCP = 1 << 24, CONTEXT_IPV4 = 1 << 25, FLAGS_AT = 13, AT_END = 0x09, UDP_LENGTH = 4 };
    const unsigned ip = context[0] & 0xff, tcp = context[1] & 0xff, sum_at = context[1] >> 8 & 0xff;
    if (context[2] & CONTEXT_IPV4 && ip + 6 <= bytes) {
        put16(f + ip + 2, bytes - ip);
        put16(f + ip + 4, get16(f + ip + 4) + number);
    } else if (ip + 40 <= bytes) {
        put16(f + ip + 4, bytes - ip - 40);
    }
    if (context[2] & CONTEXT_TCP && tcp + FLAGS_AT < bytes) {
        const uint32_t seq = ((uint32_t)get16(f + tcp + 4) << 16 | get16(f + tcp + 6)) + done;
        put16(f + tcp + 4, seq >> 16);
        put16(f + tcp + 6, seq & 0xffff);
        if (!last)
            f[tcp + FLAGS_AT] &= (uint8_t)~AT_END;
    } else if (!(context[2] & CONTEXT_TCP) && tcp + UDP_LENGTH + 2 <= bytes) {
        put16(f + tcp + UDP_LENGTH, bytes - tcp);
    }
    if (sum_at + 2 <= bytes && tcp < bytes) /* what the driver has summed up has no length in it */
        put16(f + sum_at, e1000_fold(get16(f + sum_at) + (bytes - tcp)));
}

/* The network may have taken some of its segments before. There may be very many, and it is the network that
 * stops us: what does not go there is not cut at all. */
static bool send_cut(E1000 *e, const Frame *t)
{
    const uint32_t *context = e->context[1], head = context[3] >> 8 & 0xff, most = context[3] >> 16;
    const uint32_t body = t->bytes - MIN(t->bytes, head);
    if (head < TAG_AT || !most || !body || head + most > NET_FRAME_MAX - TAG_BYTES || !e1000_link(e) ||
        !e->netdev)
        return true;
    for (uint32_t at = e->sent * most; at < body; at += most) {
        const uint32_t part = MIN(most, body - at), bytes = head + part;
        memcpy(e->segment, e->frame, head);
        memcpy(e->segment + head, e->frame + head + at, part);
        fix_headers(context, e->segment, bytes, at, e->sent, at + part == body);
        put_sums(context, t->sums, e->segment, bytes);
        if (!send(e, t, e->segment, bytes))
            return false;
        e->sent++;
    }
    return true;
}

static bool send_frame(E1000 *e, const Frame *t)
{
    uint8_t *f = e->frame;
    if (t->broken || !t->bytes)
        return true;
    if (!t->old && (t->command & CMD_CUT))
        return send_cut(e, t);
    if (t->bytes > NET_FRAME_MAX - TAG_BYTES)
        return true;
    if (t->old && (t->command & CMD_OLD_SUM))
        put_sum(f, t->bytes, t->sum_from, t->sum_to, 0);
    if (!t->old)
        put_sums(e->context[0], t->sums, f, t->bytes);
    return send(e, t, f, t->bytes);
}

/* ---- descriptors ---- */

static uint32_t ring_size(const E1000 *e)
{
    return (e->reg[R_TDLEN / 4] & 0xfff80) / DESC_BYTES;
}
static uint64_t desc_at(const E1000 *e, uint32_t n)
{
    return ((uint64_t)e->reg[R_TDBAH / 4] << 32 | (e->reg[R_TDBAL / 4] & ~15u)) + (uint64_t)n * DESC_BYTES;
}

static bool is_new(const uint32_t d[4])
{
    return d[2] >> 24 & CMD_NEW_FORM;
}
static bool is_context(const uint32_t d[4])
{
    return is_new(d) && (d[2] >> 20 & 15) == KIND_CONTEXT;
}

static void add_part(E1000 *e, Frame *t, const uint32_t d[4], bool first)
{
    const uint32_t n = is_new(d) ? d[2] & 0xfffff : d[2] & 0xffff;
    const uint64_t from = (uint64_t)d[1] << 32 | d[0];
    t->command |= (uint8_t)(d[2] >> 24);
    if (first) {
        t->old = !is_new(d);
        t->sums = (uint8_t)(d[3] >> 8);
        t->sum_to = (uint8_t)(d[2] >> 16);
        t->sum_from = (uint8_t)(d[3] >> 8);
    }
    t->tag = (uint16_t)(d[3] >> 16);
    if (n > E1000_TX_MOST - t->bytes || !mem_map_read(e->f.dev.mem, from, e->frame + t->bytes, n))
        t->broken = true;
    else
        t->bytes += n;
}

/* A whole frame from `head` on; false: its end is not there yet. */
static bool gather(E1000 *e, uint32_t head, Frame *t)
{
    const uint32_t n = ring_size(e), tail = e->reg[R_TDT / 4];
    bool first = true;
    *t = (Frame){0};
    for (uint32_t at = head; at != tail; at = (at + 1) % n) {
        uint32_t d[4];
        if (!mem_map_read(e->f.dev.mem, desc_at(e, at), d, sizeof(d))) {
            log_guest(&e->f.dev, "a ring outside of memory");
            return false;
        }
        if (is_context(d) && first)
            return false; /* not for here */
        if (!is_context(d))
            add_part(e, t, d, first);
        first = false;
        t->next = (at + 1) % n;
        if (!is_context(d) && d[2] >> 24 & CMD_LAST)
            return true;
    }
    return false;
}

/* Those up to `end` are done; what asks for it is told so. */
static void give_back(E1000 *e, uint32_t end)
{
    uint32_t *head = e1000_reg(e, R_TDH), causes = 0;
    for (; *head != end; *head = (*head + 1) % ring_size(e)) {
        uint32_t d[4];
        if (!mem_map_read(e->f.dev.mem, desc_at(e, *head), d, sizeof(d)) || !(d[2] >> 24 & CMD_TELL))
            continue;
        d[3] |= DONE;
        mem_map_write(e->f.dev.mem, desc_at(e, *head) + 12, &d[3], sizeof(d[3]));
        causes = CAUSE_TXDW | (e->express ? CAUSE_TXQ0 : 0);
    }
    if (*head == e->reg[R_TDT / 4])
        causes |= CAUSE_TXQE;
    if (causes)
        e1000_raise(e, causes);
}

static bool take_context(E1000 *e, uint32_t head)
{
    uint32_t d[4];
    if (!mem_map_read(e->f.dev.mem, desc_at(e, head), d, sizeof(d)) || !is_context(d))
        return false;
    memcpy(e->context[(d[2] >> 24 & CMD_CUT) != 0], d, sizeof(d));
    return true;
}

void e1000_send_all(E1000 *e)
{
    const uint32_t n = ring_size(e);
    const uint32_t *head = e1000_reg(e, R_TDH), *tail = e1000_reg(e, R_TDT);
    for (uint32_t done = 0; done < n && *head != *tail; done++) { /* one round at most */
        Frame t;
        if (!(e->reg[R_TCTL / 4] & TCTL_ON) || *head >= n || *tail >= n || !pci_is_master(&e->f))
            return;
        if (take_context(e, *head)) {
            give_back(e, (*head + 1) % n);
            continue;
        }
        if (!gather(e, *head, &t) || !send_frame(e, &t))
            return;
        e->sent = 0;
        give_back(e, t.next);
    }
}
