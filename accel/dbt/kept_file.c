/* Noting what this run has made, and the file that it becomes. */
#include "accel/dbt/kept_priv.h"

/* A file is made anew when so many regions are new, and not less than this part of those it has. */
enum { FEWEST_NEW = 16, NEW_FRACTION = 16 };

/* ---- notes ---- */

/* Does an instruction of it look at its operands because it, or another of the same bit, has trapped? */
static bool is_checked(const Dbt *d, const IrRegion *ir)
{
    bool yes = false;
    for (unsigned i = 0; ir->nan == IR_NAN_ARM && i < ir->n_guest; i++) {
        unsigned bit = x64_checked_bit(ir->guest_pc[i]);
        yes |= __atomic_load_n(&d->fp_checked[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1;
    }
    return yes;
}

const DbtNote *dbt_kept_note(Dbt *d, CodeSegment *seg, const DbtRegion *r, const DbtScratch *s, uint64_t look)
{
    const X64Code *c = &s->code;
    const IrRegion *ir = s->sb.region;
    if (!d->kept.notes || !look || c->stays || r->writable || r->second)
        return NULL;
    Arena *m = &seg->meta;
    DbtNote *n = arena_new(m, DbtNote);
    X64Reloc *reloc = arena_array(m, X64Reloc, c->n_relocs);
    uint8_t *bytes = arena_array(m, uint8_t, s->sb.n_bytes);
    if (!n || !reloc || !bytes)
        return NULL;
    *n = (DbtNote){.region = r, .look = look, .n_relocs = c->n_relocs, .n_bytes = s->sb.n_bytes,
                   .reloc = memcpy(reloc, c->reloc, c->n_relocs * sizeof(*reloc)),
                   .bytes = memcpy(bytes, s->sb.bytes, s->sb.n_bytes), .n_insns = ir->n_guest,
                   .flags = (uint8_t)((r->brief ? KEPT_BRIEF : 0) | (ir->ret_exit ? KEPT_RET_EXIT : 0) |
                                      (is_checked(d, ir) ? KEPT_CHECKED : 0))};
    __atomic_store_n(seg->notes ? &seg->last_note->next : &seg->notes, n, __ATOMIC_RELEASE);
    seg->last_note = n;
    __atomic_fetch_add(&d->kept.n_noted, 1, __ATOMIC_RELAXED);
    return n;
}

void dbt_kept_fork_child(Dbt *d) { d->kept.notes = false; }

/* ---- writing a region ---- */

static KeptRegion head_of(const DbtNote *n)
{
    const DbtRegion *r = n->region;
    const DbtRecovery none = {0}, *f = r->recovery ? r->recovery : &none;
    KeptRegion k = {.look = n->look, .pc = r->pc, .ctx = r->ctx, .size = r->size, .n_bytes = n->n_bytes,
                    .n_runs = r->n_runs, .n_exits = r->n_exits, .n_pcs = f->n_pcs, .n_fl = f->n_fl,
                    .n_records = f->n_records, .n_relocs = (uint16_t)n->n_relocs, .n_insns = n->n_insns,
                    .n_loop_pins = f->n_loop_pins, .flags = n->flags};
    k.bytes = (uint32_t)kept_layout(&k).end;
    return k;
}

/* The opposite of what a copy does to it (kept.c). */
static bool unmove(const KeptPlace *p, const X64Reloc *x, uint8_t *code)
{
    const CodeCache *c = p->cache;
    const uint64_t rx = (uint64_t)(uintptr_t)c->rx;
    uint8_t *at = code + x->at;
    uint64_t to = p->rx + x->at + 4 + (uint64_t)(int64_t)(int32_t)ld_u32(at), n = 0, each = 1, end = 0;
    switch ((X64RelocKind)x->kind) {
    case X64_RELOC_STUB:
        n = to - rx;
        end = SEG_BYTES;
        break;
    case X64_RELOC_EXIT:
        n = to - rx - code_cache_stub(c, p->first_exit);
        each = CACHE_STUB_BYTES;
        end = p->n_exits;
        break;
    case X64_RELOC_SLOT:
        n = to - (uint64_t)(uintptr_t)&c->slot[p->first_exit];
        each = 8;
        end = p->n_slots;
        break;
    case X64_RELOC_HOST:
        n = ld_u64(at) - kept_image();
        kept_put64(at, n);
        return n < p->image_bytes;
    case X64_RELOC_PC64:
    case X64_RELOC_PC32: return true;
    case X64_RELOC_COUNT:
    default: return false;
    }
    kept_put32(at, (uint32_t)(n / each));
    return n % each == 0 && n / each < end;
}

/* False: something in it cannot be kept. */
static bool write_region(const Dbt *d, const DbtNote *n, uint8_t *to)
{
    const KeptRegion k = head_of(n);
    const KeptLayout l = kept_layout(&k);
    const DbtRegion *r = n->region;
    const DbtRecovery *f = r->recovery;
    memcpy(to, &k, sizeof(k));
    for (unsigned i = 0; i < k.n_runs; i++)
        memcpy(to + l.runs + i * sizeof(KeptRun), &(KeptRun){r->run[i].pc, r->run[i].len}, sizeof(KeptRun));
    for (unsigned i = 0; i < k.n_exits; i++) {
        const ExitInfo *x = &d->cache.exit[r->first_exit + i];
        const KeptExit e = {.pc = x->pc, .kind = x->kind, .code = x->code, .back = x->back};
        memcpy(to + l.exits + i * sizeof(e), &e, sizeof(e));
    }
    if (f) {
        memcpy(to + l.pcs, f->guest_pc, k.n_pcs * sizeof(uint64_t));
        memcpy(to + l.fl, f->fl, k.n_fl * sizeof(X64FlRecipe));
        memcpy(to + l.records, f->record, k.n_records * sizeof(X64Record));
        memcpy(to + l.pins, f->loop_pin, k.n_loop_pins * sizeof(X64Pin));
    }
    memcpy(to + l.relocs, n->reloc, n->n_relocs * sizeof(X64Reloc));
    memcpy(to + l.guest, n->bytes, n->n_bytes);
    memcpy(to + l.code, (const void *)(uintptr_t)r->rx, r->size);
    const KeptPlace p = {.cache = &d->cache, .image_bytes = d->kept.image_bytes, .rx = r->rx,
                         .first_exit = r->first_exit, .n_exits = k.n_exits, .n_slots = dbt_kept_slots(&k)};
    for (unsigned i = 0; i < n->n_relocs; i++)
        if (!unmove(&p, &n->reloc[i], to + l.code))
            return false;
    kept_put64(to + offsetof(KeptRegion, check), kept_check((const KeptRegion *)(const void *)to));
    return true;
}

/* ---- comparing ---- */

static void move_addresses(uint8_t *code, const X64Reloc *x, unsigned n, uint64_t by)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *at = code + x[i].at;
        if (x[i].kind == X64_RELOC_PC64)
            kept_put64(at, ld_u64(at) + by);
        else if (x[i].kind == X64_RELOC_PC32)
            kept_put32(at, (uint32_t)(ld_u32(at) + by));
    }
}

static bool same_exits(const Dbt *d, const KeptExit *x, const KeptExit *y, unsigned n, uint64_t by)
{
    bool same = true;
    for (unsigned i = 0; i < n; i++)
        same &= kept_moved(d, x[i].pc, by) == y[i].pc && x[i].kind == y[i].kind && x[i].code == y[i].code &&
                x[i].back == y[i].back;
    return same;
}

/* What differs? NULL: nothing. x, which was kept, is moved; y was made just now. */
static const char *difference(const Dbt *d, uint8_t *x_bytes, const uint8_t *y_bytes)
{
    const KeptRegion *x = (const void *)x_bytes, *y = (const void *)y_bytes;
    const KeptLayout l = kept_layout(x);
    const uint64_t by = y->pc - x->pc;
    if (x->bytes != y->bytes || x->size != y->size || x->n_relocs != y->n_relocs ||
        x->n_records != y->n_records || x->n_fl != y->n_fl)
        return "sizes";
    if (!same_exits(d, KEPT_PART(x, l, exits, KeptExit), KEPT_PART(y, l, exits, KeptExit), x->n_exits, by))
        return "exits";
    for (unsigned i = 0; i < x->n_pcs; i++)
        if (KEPT_PART(x, l, pcs, uint64_t)[i] + by != KEPT_PART(y, l, pcs, uint64_t)[i])
            return "addresses";
    if (memcmp(x_bytes + l.records, y_bytes + l.records, l.guest - l.records) != 0)
        return "records, pins or relocations";
    move_addresses(x_bytes + l.code, KEPT_PART(x, l, relocs, X64Reloc), x->n_relocs, by);
    return memcmp(x_bytes + l.code, y_bytes + l.code, x->size) != 0 ? "code" : NULL;
}

/* Of the same instructions, made for the same purpose? */
static bool same_shape(const KeptRegion *x, const KeptRegion *y)
{
    return x->n_bytes == y->n_bytes && x->n_runs == y->n_runs && x->n_insns == y->n_insns &&
           x->n_exits == y->n_exits && x->flags == y->flags;
}

void dbt_kept_compare(Dbt *d, const Cpu *cpu, const DbtNote *n, bool loop_head, Arena *room)
{
    KeptRegion *k = dbt_kept_find(d, cpu, n->look, loop_head, room), head = head_of(n);
    if (!k)
        return;
    __atomic_fetch_add(&d->kept.n_used, 1, __ATOMIC_RELAXED);
    if (!same_shape(k, &head)) {
        __atomic_fetch_add(&d->kept.n_shapes, 1, __ATOMIC_RELAXED);
        return;
    }
    uint8_t *new = arena_alloc(room, head.bytes, KEPT_UNIT);
    const char *what = "size, which is too much to compare";
    if (new) {
        memset(new, 0, head.bytes);
        what = write_region(d, n, new) ? difference(d, (uint8_t *)k, new) : "kinds";
    }
    if (what) {
        __atomic_fetch_add(&d->kept.n_differ, 1, __ATOMIC_RELAXED);
        accel_log(d->accel, "kept: a new translation of 0x%lx differs in its %s\n", (unsigned long)cpu->pc,
                  what);
    }
}

void dbt_kept_stats(const Dbt *d)
{
    const DbtKept *k = &d->kept;
    if (k->compares)
        accel_log(d->accel, "kept: %u compared, %u of another shape, %u differ\n", k->n_used, k->n_shapes,
                  k->n_differ);
    else if (k->key)
        accel_log(d->accel, "kept: %u regions of %u taken, %u new\n", k->n_used, k->n_regions, k->n_noted);
}

/* ---- the file ---- */

static Dbt *dbt_of(const Accel *a) { return a->engine == &accel_engine_dbt ? a->engine_data : NULL; }

uint64_t accel_kept_key(const Accel *a)
{
    const Dbt *d = dbt_of(a);
    return d ? d->kept.key : 0;
}

bool accel_kept_use(Accel *a, const void *file, size_t bytes)
{
    Dbt *d = dbt_of(a);
    return d && kept_open(file, bytes, d->kept.key, &d->kept);
}

void accel_kept_stop(Accel *a)
{
    Dbt *d = dbt_of(a);
    if (!d)
        return;
    d->kept = (DbtKept){0};
    d->host.moves = d->step_host.moves = d->returns_host.moves = false;
}

static bool worth(uint32_t n_new, uint32_t n_old)
{
    return n_new >= MAX((uint32_t)FEWEST_NEW, n_old / NEW_FRACTION);
}

bool accel_kept_worth(const Accel *a)
{
    const Dbt *d = dbt_of(a);
    return d && d->kept.notes &&
           worth(__atomic_load_n(&d->kept.n_noted, __ATOMIC_RELAXED), d->kept.n_regions);
}

typedef struct Writer {
    const Dbt *d;
    const DbtKept *old; /* of the file as it is; .file NULL: there is none */
    uint8_t *file;
    KeptSlot *slot;
    uint32_t mask, n;
    size_t at, limit;
} Writer;

static void enter(Writer *w, uint64_t look, size_t bytes)
{
    uint32_t h = (uint32_t)look & w->mask;
    while (w->slot[h].at)
        h = (h + 1) & w->mask;
    w->slot[h] = (KeptSlot){.tag = (uint32_t)(look >> 32), .at = (uint32_t)(w->at / KEPT_UNIT)};
    w->at += bytes;
    w->n++;
}

/* Has the file the region already, and as good? Another process may have been faster. */
static bool has(const DbtKept *old, const DbtNote *n)
{
    const KeptRegion new = head_of(n);
    uint32_t h = (uint32_t)n->look & old->mask;
    for (uint32_t i = 0; old->file && old->slot[h].at && i <= old->mask; h = (h + 1) & old->mask, i++) {
        const KeptRegion *k = old->slot[h].tag == n->look >> 32 ? kept_at(old, old->slot[h].at) : NULL;
        if (!k || k->look != new.look || k->ctx != new.ctx || k->n_runs != new.n_runs ||
            k->n_bytes != new.n_bytes || ((k->flags & KEPT_BRIEF) && !(new.flags & KEPT_BRIEF)))
            continue;
        const KeptLayout l = kept_layout(k);
        if (l.end == k->bytes && !memcmp(KEPT_PART(k, l, guest, uint8_t), n->bytes, n->n_bytes))
            return true;
    }
    return false;
}

typedef void OnNote(Writer *w, const DbtNote *n);

/* Calls fn for each region that can still be found and is new. */
static void each_new(Writer *w, OnNote *fn)
{
    const CodeCache *c = &w->d->cache;
    for (unsigned s = 0; s < c->next; s++) {
        const DbtNote *n = __atomic_load_n(&c->segment[s].notes, __ATOMIC_ACQUIRE);
        for (; n; n = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE))
            if (!n->region->dead && !has(w->old, n))
                fn(w, n);
    }
}

static void count_new(Writer *w, const DbtNote *n)
{
    w->n++;
    w->limit += head_of(n).bytes;
}

static void write_new(Writer *w, const DbtNote *n)
{
    const size_t bytes = head_of(n).bytes;
    if (bytes <= w->limit - w->at && write_region(w->d, n, w->file + w->at))
        enter(w, n->look, bytes);
}

/* As they are, up to the first that is damaged. */
static void write_old(Writer *w)
{
    const DbtKept *old = w->old;
    size_t at = sizeof(KeptHead) + ((size_t)old->mask + 1) * sizeof(KeptSlot);
    for (uint32_t i = 0; old->file && i < old->n_regions; i++) {
        const KeptRegion *k = kept_at(old, (uint32_t)(at / KEPT_UNIT));
        if (!k || k->bytes > w->limit - w->at || kept_check(k) != k->check)
            return;
        memcpy(w->file + w->at, k, k->bytes);
        enter(w, k->look, k->bytes);
        at += k->bytes;
    }
}

/* Under the cache's lock. */
static bool make_file(Accel *a, const Dbt *d, DbtKept *old, AccelKept *ret)
{
    Writer w = {.d = d, .old = old};
    each_new(&w, count_new);
    if (!worth(w.n, old->n_regions))
        return false;
    unsigned bits = 4;
    while (1u << bits < 2 * (w.n + old->n_regions))
        bits++;
    size_t table = sizeof(KeptSlot) << bits;
    if (w.limit + table + old->bytes > KEPT_MOST_BYTES)
        *old = (DbtKept){0}; /* it begins anew: what nobody asks for any more goes as well */
    w.limit = align_up(w.limit + sizeof(KeptHead) + table + old->bytes, KEPT_UNIT);
    if (bits > KEPT_MAX_TABLE_BITS || w.limit > KEPT_MOST_BYTES || !(w.file = accel_map(a, w.limit)))
        return false;
    w.slot = (KeptSlot *)(void *)(w.file + sizeof(KeptHead));
    w.mask = (1u << bits) - 1;
    w.at = sizeof(KeptHead) + table;
    w.n = 0;
    each_new(&w, write_new); /* first, so that they are found before brief ones of the same place */
    write_old(&w);
    KeptHead h = {.key = d->kept.key, .bytes = w.at, .n_regions = w.n, .table_bits = bits};
    memcpy(h.magic, KEPT_MAGIC, sizeof(h.magic));
    memcpy(w.file, &h, sizeof(h));
    *ret = (AccelKept){.file = w.file, .bytes = w.at, .mapped = w.limit};
    return true;
}

bool accel_kept_make(Accel *a, const void *file, size_t bytes, AccelKept *ret)
{
    Dbt *d = dbt_of(a);
    DbtKept old = {0};
    if (!d || !d->kept.notes)
        return false;
    if (file)
        kept_open(file, bytes, d->kept.key, &old);
    lock_take(&d->cache.lock);
    bool ok = !d->cache.lock.broken && make_file(a, d, &old, ret);
    lock_release(&d->cache.lock);
    return ok;
}

void accel_kept_drop(Accel *a, AccelKept *made)
{
    accel_unmap(a, made->file, made->mapped);
    *made = (AccelKept){0};
}
