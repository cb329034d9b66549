/* Rings of events and interrupts (4.9.4, 4.17). An event that finds its ring full is lost, and said so. */
#include "hw/usb/xhci_priv.h"

enum { IMAN_PENDING = 1, IMAN_ON = 2, ERDP_BUSY = 8, COMMAND_INTERRUPTS = 4, STATUS_EVENT = 8 };
enum { LEAST_SEGMENT = 16, MOST_SEGMENT = 4096 };

/* Where the n-th segment is, and how many events it has; false: it makes no sense. */
static bool segment(const Xhci *x, unsigned intr, uint64_t *ret_at, uint32_t *ret_n)
{
    struct {
        uint64_t at;
        uint32_t n, reserved;
    } entry;
    if (x->event_seg[intr] >= x->erst_n[intr] ||
        !mem_map_read(x->f.dev.mem, x->erst_at[intr] + 16ull * x->event_seg[intr], &entry, sizeof(entry)))
        return false;
    *ret_at = entry.at & ~63ull;
    *ret_n = entry.n & 0xffff;
    return *ret_n >= LEAST_SEGMENT && *ret_n <= MOST_SEGMENT && x->event_at[intr] < *ret_n;
}

void xhci_interrupt(Xhci *x)
{
    bool level = false;
    for (unsigned n = 0; n < XHCI_INTRS; n++) {
        const bool now = x->iman[n] == (IMAN_PENDING | IMAN_ON) && x->command & COMMAND_INTERRUPTS;
        if (now && pci_msix_on(&x->f)) {
            x->iman[n] &= ~(uint32_t)IMAN_PENDING;
            pci_msix_send(&x->f, n);
        } else {
            level |= now;
        }
    }
    pci_set_intx(&x->f, level);
}

static void announce(Xhci *x, unsigned intr)
{
    if (x->erdp[intr] & ERDP_BUSY)
        return; /* whoever reads them will see it */
    x->erdp[intr] |= ERDP_BUSY;
    x->iman[intr] |= IMAN_PENDING;
    x->status |= STATUS_EVENT;
    xhci_interrupt(x);
}

/* Where the next goes, after this one. */
static void advance(Xhci *x, unsigned intr, uint32_t n)
{
    if (++x->event_at[intr] < n)
        return;
    x->event_at[intr] = 0;
    if (++x->event_seg[intr] < x->erst_n[intr])
        return;
    x->event_seg[intr] = 0;
    x->event_cycle[intr] ^= 1;
}

void xhci_event(Xhci *x, unsigned intr, XhciTrb t)
{
    uint64_t at;
    uint32_t n;
    intr = intr < XHCI_INTRS ? intr : 0;
    if (!segment(x, intr, &at, &n)) {
        log_guest(&x->f.dev, "an event without a ring");
        return;
    }
    const uint64_t place = at + 16ull * x->event_at[intr];
    const uint32_t seg = x->event_seg[intr], was = x->event_at[intr];
    const uint8_t cycle = x->event_cycle[intr];
    advance(x, intr, n);
    uint64_t next_at;
    uint32_t next_n;
    if (segment(x, intr, &next_at, &next_n) &&
        next_at + 16ull * x->event_at[intr] == (x->erdp[intr] & ~15ull)) {
        x->event_seg[intr] = seg;
        x->event_at[intr] = was;
        x->event_cycle[intr] = cycle;
        log_guest(&x->f.dev, "the ring of events is full");
        return;
    }
    t.control = (t.control & ~1u) | (cycle & 1);
    mem_map_write(x->f.dev.mem, place, &t, 12);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* its last word says that it is there */
    mem_map_write(x->f.dev.mem, place + 12, &t.control, 4);
    announce(x, intr);
}

void xhci_dequeued(Xhci *x, unsigned intr)
{
    uint64_t at;
    uint32_t n;
    if (!(x->erdp[intr] & ERDP_BUSY) && segment(x, intr, &at, &n) &&
        at + 16ull * x->event_at[intr] != (x->erdp[intr] & ~15ull))
        announce(x, intr);
}
