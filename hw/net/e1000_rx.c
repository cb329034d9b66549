/* Frames from the network: which are wanted, and into descriptors of either form, or of four buffers (82574,
 * "packet split"; headers are not told from the rest: one buffer after the other is filled). Checksums of
 * IPv4, and of TCP and UDP in there, are compared where the driver wants that; of others the descriptor says
 * that nobody did. */
#include "hw/net/e1000_priv.h"

enum {
    RCTL_ON = 1 << 1,
    RCTL_ALL = 1 << 3,
    RCTL_ALL_MULTI = 1 << 4,
    RCTL_LONG = 1 << 5,
    RCTL_BROADCAST = 1 << 15
};
enum { RCTL_VLANS = 1 << 18, RCTL_BIG = 1 << 25, RCTL_STRIP = 1 << 26, RFCTL_EXTENDED = 1 << 15 };
enum { DESC_BYTES = 16, DONE = 1, LAST = 2, IGNORE_SUMS = 4, TAGGED = 8, OTHER_ADDRESS = 0x80 };
enum { SPLIT_TYPE = 1, SPLIT_PARTS = 4, SPLIT_BYTES = 32 };
enum { SHORT_MOST = 1522, SUM_BYTES = 4, TAG_BYTES = 4, ADDRESSES = 16, TAG_AT = 12 };

/* ---- what is wanted ---- */

static bool is_own(const E1000 *e, const uint8_t *to)
{
    for (unsigned k = 0; k < ADDRESSES; k++) {
        const uint32_t low = e->reg[R_RA / 4 + 2 * k], high = e->reg[R_RA / 4 + 2 * k + 1];
        if (high >> 31 && ld_u32(to) == low && ld_u16(to + 4) == (high & 0xffff))
            return true;
    }
    return false;
}

static bool in_table(const E1000 *e, const uint8_t *to)
{
    static const uint8_t shift[] = {4, 3, 2, 0};
    const uint32_t rctl = e->reg[R_RCTL / 4];
    const unsigned hash = (to[4] | (unsigned)to[5] << 8) >> shift[rctl >> 12 & 3] & 0xfff;
    return e->reg[R_MTA / 4 + (hash >> 5)] >> (hash & 31) & 1;
}

static bool has_tag(const E1000 *e, const uint8_t *f, size_t n)
{
    return n >= TAG_AT + TAG_BYTES &&
           (unsigned)(f[TAG_AT] << 8 | f[TAG_AT + 1]) == (e->reg[R_VET / 4] & 0xffff);
}

static bool wants(const E1000 *e, const uint8_t *f, size_t n)
{
    static const uint8_t all[E1000_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint32_t rctl = e->reg[R_RCTL / 4];
    if (n < TAG_AT + 2 || n > NET_FRAME_MAX / 4 || (n + SUM_BYTES > SHORT_MOST && !(rctl & RCTL_LONG)))
        return false;
    if ((rctl & RCTL_VLANS) && has_tag(e, f, n)) {
        const unsigned id = (unsigned)(f[TAG_AT + 2] << 8 | f[TAG_AT + 3]) & 0xfff;
        if (!(e->reg[R_VFTA / 4 + (id >> 5)] >> (id & 31) & 1))
            return false;
    }
    if (memcmp(f, all, E1000_MAC) == 0)
        return rctl & (RCTL_BROADCAST | RCTL_ALL_MULTI | RCTL_ALL);
    if (f[0] & 1)
        return (rctl & RCTL_ALL_MULTI) || in_table(e, f) || is_own(e, f);
    return (rctl & RCTL_ALL) || is_own(e, f);
}

/* ---- descriptors ---- */

static bool is_split(const E1000 *e)
{
    return e->express && (e->reg[R_RCTL / 4] >> 10 & 3) == SPLIT_TYPE;
}

/* Head and tail count units of 16 bytes whatever a descriptor has. */
static uint32_t desc_units(const E1000 *e)
{
    return is_split(e) ? SPLIT_BYTES / DESC_BYTES : 1;
}

/* Of the k-th buffer of a descriptor of four. */
static uint32_t split_bytes(const E1000 *e, unsigned k)
{
    const uint32_t sizes = e->reg[R_PSRCTL / 4];
    return k ? (sizes >> 8 * k & 0x3f) << 10 : (sizes & 0x7f) << 7;
}

/* Of a descriptor; may be 0 where there are four. */
static uint32_t buffer_bytes(const E1000 *e)
{
    const uint32_t rctl = e->reg[R_RCTL / 4], flex = e->express ? rctl >> 27 & 15 : 0, size = rctl >> 16 & 3;
    if (is_split(e))
        return split_bytes(e, 0) + split_bytes(e, 1) + split_bytes(e, 2) + split_bytes(e, 3);
    if (flex)
        return flex << 10;
    return rctl & RCTL_BIG && size ? 0x8000u >> size : 0x800u >> size;
}

static uint32_t ring_size(const E1000 *e)
{
    return (e->reg[R_RDLEN / 4] & 0xfff80) / DESC_BYTES;
}

/* Units that are the card's. */
static uint32_t ring_room(const E1000 *e)
{
    const uint32_t n = ring_size(e), head = e->reg[R_RDH / 4], tail = e->reg[R_RDT / 4];
    return head >= n || tail >= n ? 0 : (tail + n - head) % n;
}

typedef struct Received {
    uint32_t bytes, at; /* all of it, with the sum; of what this descriptor has */
    uint32_t body;      /* without the sum */
    uint16_t tag;
    uint8_t sums, errors; /* of checksums: bits of the status, and of the errors */
    bool tagged, last;
} Received;

static uint8_t status_of(const Received *r)
{
    return DONE | r->sums | (r->last ? LAST : 0) | (r->tagged ? TAGGED : 0);
}

/* n bytes from `at` of the frame on; behind its body are the sum's. */
static bool put_bytes(const E1000 *e, const uint8_t *f, const Received *r, uint32_t at, uint32_t n,
                      uint64_t to)
{
    static const uint8_t sum[SUM_BYTES]; /* the wire has none */
    const uint32_t from_frame = at < r->body ? MIN(n, r->body - at) : 0;
    return mem_map_write(e->f.dev.mem, to, f + at, from_frame) &&
           mem_map_write(e->f.dev.mem, to + from_frame, sum, n - from_frame);
}

/* A descriptor is filled and given back. What it says of a frame it says with the last part. */
static bool put_part(const E1000 *e, const uint8_t *f, const Received *r, uint32_t n, uint64_t desc)
{
    uint8_t d[DESC_BYTES] = {0};
    const uint16_t length = (uint16_t)n;
    uint64_t to;
    if (!mem_map_read(e->f.dev.mem, desc, &to, sizeof(to)) || !put_bytes(e, f, r, r->at, n, to))
        return false;
    if (e->express && e->reg[R_RFCTL / 4] & RFCTL_EXTENDED) {
        d[8] = status_of(r);
        d[11] = r->errors;
        memcpy(d + 12, &length, 2);
        memcpy(d + 14, &r->tag, 2);
        return mem_map_write(e->f.dev.mem, desc, d, sizeof(d));
    }
    memcpy(d + 8, &length, 2);
    d[12] = status_of(r);
    d[13] = r->errors;
    memcpy(d + 14, &r->tag, 2);
    return mem_map_write(e->f.dev.mem, desc + 8, d + 8, sizeof(d) - 8);
}

static bool put_split(const E1000 *e, const uint8_t *f, const Received *r, uint32_t n, uint64_t desc)
{
    enum { FIRST_LENGTH = 12, LENGTHS = 16 };
    uint8_t d[SPLIT_BYTES] = {[8] = status_of(r), [11] = r->errors};
    uint64_t to[SPLIT_PARTS];
    uint32_t at = r->at;
    if (!mem_map_read(e->f.dev.mem, desc, to, sizeof(to)))
        return false;
    for (unsigned k = 0; k < SPLIT_PARTS; k++) {
        const uint32_t part = MIN(split_bytes(e, k), r->at + n - at);
        const uint16_t length = (uint16_t)part;
        if (!put_bytes(e, f, r, at, part, to[k]))
            return false;
        memcpy(d + (k ? LENGTHS + 2 * k : FIRST_LENGTH), &length, 2);
        at += part;
    }
    memcpy(d + 14, &r->tag, 2);
    return mem_map_write(e->f.dev.mem, desc, d, sizeof(d));
}

static void put_frame(E1000 *e, const uint8_t *f, Received *r)
{
    const uint32_t n = ring_size(e), room = buffer_bytes(e), whole = r->bytes;
    const uint64_t base = (uint64_t)e->reg[R_RDBAH / 4] << 32 | (e->reg[R_RDBAL / 4] & ~15u);
    const bool split = is_split(e);
    uint32_t *head = e1000_reg(e, R_RDH);
    r->body = e->reg[R_RCTL / 4] & RCTL_STRIP ? whole : whole - SUM_BYTES;
    for (r->at = 0; r->at < whole;) {
        const uint64_t desc = base + (uint64_t)*head * DESC_BYTES;
        const uint32_t part = MIN(room, whole - r->at);
        r->last = r->at + part == whole;
        if (!(split ? put_split : put_part)(e, f, r, part, desc)) {
            log_guest(&e->f.dev, "a buffer outside of memory");
            return;
        }
        r->at += part;
        *head = (*head + desc_units(e)) % n;
    }
}

static void check_sums(const E1000 *e, const uint8_t *f, uint32_t n, Received *r)
{
    enum { IP_AT = 14, IP_LEAST = 20, TCP = 6, UDP = 17, L4_LEAST = 8, UDP_SUM = 6 };
    enum { WANTS_IP = 1 << 8, WANTS_L4 = 1 << 9, UDP_DONE = 0x10, L4_DONE = 0x20, IP_DONE = 0x40 };
    enum { L4_WRONG = 0x20, IP_WRONG = 0x40, RIGHT = 0xffff };
    const uint32_t wants = e->reg[R_RXCSUM / 4];
    const uint8_t *ip = f + IP_AT;
    r->sums = IGNORE_SUMS;
    if (!(wants & (WANTS_IP | WANTS_L4)) || n < IP_AT + IP_LEAST || f[12] != 8 || f[13] || ip[0] >> 4 != 4)
        return;
    const unsigned head = (ip[0] & 15u) * 4, total = (unsigned)ip[2] << 8 | ip[3];
    if (head < IP_LEAST || total < head || total > n - IP_AT)
        return;
    r->sums = 0;
    if (wants & WANTS_IP) {
        r->sums |= IP_DONE;
        r->errors |= e1000_fold(e1000_add_words(ip, head, 0)) == RIGHT ? 0 : IP_WRONG;
    }
    const unsigned protocol = ip[9], bytes = total - head;
    const bool part = (ip[6] & 0x3f) | ip[7];
    const uint8_t *l4 = ip + head;
    if (!(wants & WANTS_L4) || part || (protocol != TCP && protocol != UDP) || bytes < L4_LEAST ||
        (protocol == UDP && !ld_u16(l4 + UDP_SUM)))
        return;
    r->sums |= L4_DONE | (protocol == UDP ? UDP_DONE : 0);
    const uint32_t pseudo = e1000_add_words(ip + 12, 8, protocol + bytes);
    r->errors |= e1000_fold(e1000_add_words(l4, bytes, pseudo)) == RIGHT ? 0 : L4_WRONG;
}

/* Without its tag, if that is taken out; with zeros up to the least length. */
static uint32_t shape_frame(E1000 *e, const uint8_t *f, size_t n, Received *r)
{
    uint8_t *to = e->segment;
    r->tagged = (e->reg[R_CTRL / 4] & CTRL_VLAN) && has_tag(e, f, n);
    memcpy(to, f, n);
    if (r->tagged) {
        r->tag = (uint16_t)(f[TAG_AT + 2] << 8 | f[TAG_AT + 3]);
        n -= TAG_BYTES;
        memmove(to + TAG_AT, to + TAG_AT + TAG_BYTES, n - TAG_AT);
    }
    if (n < E1000_FRAME_LEAST) {
        memset(to + n, 0, E1000_FRAME_LEAST - n);
        n = E1000_FRAME_LEAST;
    }
    return (uint32_t)n;
}

bool e1000_receive(E1000 *e, const uint8_t *frame, size_t n)
{
    const uint32_t rctl = e->reg[R_RCTL / 4], size = ring_size(e);
    Received r = {0};
    if (!(rctl & RCTL_ON) || !e1000_link(e) || !pci_is_master(&e->f) || !wants(e, frame, n))
        return true; /* lost */
    r.bytes = shape_frame(e, frame, n, &r) + (rctl & RCTL_STRIP ? 0 : SUM_BYTES);
    check_sums(e, e->segment, r.bytes - (rctl & RCTL_STRIP ? 0 : SUM_BYTES), &r);
    const uint32_t room = buffer_bytes(e), need = room ? (r.bytes + room - 1) / room * desc_units(e) : size;
    if (need >= size) {
        e1000_count(e, R_MPC, 1);
        return true; /* it will never fit */
    }
    if (ring_room(e) < need) {
        e->waits = 1;
        e1000_raise(e, CAUSE_RXO);
        return false;
    }
    put_frame(e, e->segment, &r);
    e1000_count(e, R_GPRC, 1);
    e1000_count(e, R_TPR, 1);
    e1000_count(e, R_GORC, r.bytes);
    e1000_count(e, R_TORC, r.bytes);
    const bool few = ring_room(e) <= size >> (1 + (rctl >> 8 & 3));
    e1000_raise(e, CAUSE_RXT | (e->express ? CAUSE_RXQ0 : 0) | (few ? CAUSE_RXDMT : 0));
    return true;
}
