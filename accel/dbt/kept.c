/* Finding a kept region, and making one of this run of it. */
#include "accel/dbt/kept_priv.h"
#include "base/fault.h"

#include <elf.h>

enum { LOOK_BYTES = 16 };

uint64_t kept_check(const KeptRegion *k)
{
    const uint64_t *w = (const uint64_t *)(const void *)k;
    uint64_t h[4] = {KEPT_MIX, ~KEPT_MIX, KEPT_MIX << 1, ~KEPT_MIX << 1}; /* lanes, which do not wait */
    size_t n = k->bytes / 8, i = 2;
    for (; i + 4 <= n; i += 4) {
        for (unsigned lane = 0; lane < 4; lane++) {
            h[lane] = (h[lane] ^ w[i + lane]) * KEPT_MIX;
            h[lane] ^= h[lane] >> 32;
        }
    }
    for (; i < n; i++)
        h[0] = kept_mix(h[0], w[i]);
    return kept_mix(kept_mix(kept_mix(kept_mix(h[0], h[1]), h[2]), h[3]), w[1]);
}

/* ---- the key ---- */

/* Of the linker, in the notes of a segment. 0: none is there. */
static uint64_t build_id(const char *notes, size_t bytes)
{
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes;) {
        const Elf64_Nhdr *n = (const void *)(notes + at);
        const char *id = (const char *)(n + 1) + align_up(n->n_namesz, 4);
        if (n->n_type == NT_GNU_BUILD_ID && n->n_descsz >= 16)
            return kept_mix(ld_u64(id), ld_u64(id + 8)) | 1;
        at = (size_t)(id + align_up(n->n_descsz, 4) - notes);
    }
    return 0;
}

/* This program's build id, and the size of its image. 0: it has none. */
static uint64_t program_id(size_t *ret_bytes)
{
    const char *image = (const char *)(uintptr_t)kept_image();
    const Elf64_Ehdr *eh = (const void *)image;
    const Elf64_Phdr *ph = (const void *)(image + eh->e_phoff);
    uint64_t id = 0;
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD)
            *ret_bytes = MAX(*ret_bytes, ph[i].p_vaddr + ph[i].p_memsz);
        else if (ph[i].p_type == PT_NOTE && !id)
            id = build_id(image + ph[i].p_vaddr, ph[i].p_memsz);
    }
    return id;
}

/* All that code depends on besides the guest's bytes and the context word. */
static uint64_t key_of(const Dbt *d, uint64_t id)
{
    const Accel *a = d->accel;
    const X64Host *h = &d->host;
    const uint8_t *const stubs[] = {h->enter,  h->exit,     h->exit_indirect, h->exit_return, h->helper_left,
                                    h->call,   h->soft,     h->soft_dyn,      h->vec,         h->soft_ir,
                                    h->consts, h->load_unit};
    uint64_t key = kept_mix(id, h->features);
    key = kept_mix(key, (uint64_t)h->no_opt << 32 | a->cfg.no_opt);
    key = kept_mix(key, (uint64_t)a->cfg.max_insns << 32 | a->ops->elf_machine << 8 | a->ops->elf_class);
    key = kept_mix(key, a->cfg.model);
    for (unsigned i = 0; i < ARRAY_SIZE(stubs); i++)
        key = kept_mix(key, stubs[i] ? (uint64_t)(stubs[i] - d->cache.rw) : 0);
    return key ? key : 1;
}

void dbt_kept_init(Dbt *d)
{
    enum { SHOWN = ACCEL_LOG_IN_ASM | ACCEL_LOG_IR | ACCEL_LOG_OUT_ASM };
    const AccelConfig *cfg = &d->accel->cfg;
    if (!cfg->keep || cfg->machine || (cfg->log & SHOWN))
        return;
    uint64_t id = program_id(&d->kept.image_bytes);
    if (!id)
        return;
    d->kept.key = key_of(d, id);
    d->kept.compares = (cfg->log & ACCEL_LOG_KEPT) != 0;
    d->kept.notes = d->host.moves = !d->host.count; /* whose addresses would be in the code */
}

/* ---- looking up ---- */

bool kept_open(const void *file, size_t bytes, uint64_t key, DbtKept *ret)
{
    KeptHead h;
    if (!key || bytes < sizeof(h) || bytes > KEPT_MOST_BYTES || (uintptr_t)file % KEPT_UNIT)
        return false;
    if (fault_copy(&h, file, sizeof(h)) || memcmp(h.magic, KEPT_MAGIC, sizeof(h.magic)) != 0 ||
        h.key != key || h.bytes != bytes || h.table_bits < 1 || h.table_bits > KEPT_MAX_TABLE_BITS ||
        sizeof(KeptSlot) << h.table_bits > bytes - sizeof(h) || h.n_regions >= 1u << h.table_bits)
        return false;
    ret->file = file;
    ret->bytes = bytes;
    ret->slot = (const void *)(ret->file + sizeof(h));
    ret->mask = (1u << h.table_bits) - 1;
    ret->n_regions = h.n_regions;
    return true;
}

const KeptRegion *kept_at(const DbtKept *kept, uint32_t unit)
{
    size_t at = (size_t)unit * KEPT_UNIT;
    if (kept->bytes < sizeof(KeptRegion) || at > kept->bytes - sizeof(KeptRegion))
        return NULL;
    const KeptRegion *k = (const void *)(kept->file + at);
    return k->bytes >= sizeof(*k) && k->bytes % KEPT_UNIT == 0 && k->bytes <= kept->bytes - at ? k : NULL;
}

/* Can nobody write to that page, which may be run? */
static bool stays(const Dbt *d, const Cpu *cpu, Gva pc)
{
    AccelCode code;
    return dbt_fetchable(d, cpu, pc, false, &code) >= DBT_PAGE - pc % DBT_PAGE && code == ACCEL_CODE_STAYS;
}

/* Bits of a pc that a move leaves alone. */
static uint64_t low_bits(const Dbt *d) { return d->accel->ops->pc_tag | 4095; }

uint64_t dbt_kept_look(const Dbt *d, const Cpu *cpu)
{
    uint64_t w[2] = {0};
    Gva at = cpu->pc & ~d->accel->ops->pc_tag;
    unsigned n = (unsigned)MIN((Gva)LOOK_BYTES, 4096 - at % 4096);
    const uint32_t not_kept = CTX_STEP | d->accel->ops->other_ctx; /* a file is for one set of slots */
    const AccelDebug *debug = &d->accel->debug; /* its points are in the code, and not in the guest's bytes */
    if ((cpu->ctx & not_kept) || debug->n_breaks || debug->n_watches || !stays(d, cpu, at) ||
        fault_copy(w, (const void *)(uintptr_t)at, n))
        return 0;
    uint64_t h = kept_mix(kept_mix(KEPT_MIX, w[0]), w[1]);
    return kept_mix(h, (cpu->pc & low_bits(d)) ^ (uint64_t)cpu->ctx << 24) | 1;
}

static bool same_bytes(const Dbt *d, const Cpu *cpu, const KeptRegion *k, const KeptLayout *l)
{
    const KeptRun *run = KEPT_PART(k, *l, runs, KeptRun);
    const uint8_t *have = KEPT_PART(k, *l, guest, uint8_t), *end = have + k->n_bytes;
    const uint64_t by = cpu->pc - k->pc;
    for (unsigned i = 0; i < k->n_runs; i++) {
        uint8_t now[4096];
        Gva at = run[i].pc + by;
        size_t len = run[i].len;
        if (len > (size_t)(end - have) || len > 4096 - at % 4096 || (d->host.pc32 && at >> 32) ||
            !stays(d, cpu, at) || fault_copy(now, (const void *)(uintptr_t)at, len) ||
            memcmp(now, have, len) != 0)
            return false;
        have += len;
    }
    return have == end;
}

static bool is_place(const Dbt *d, const X64Loc *l)
{
    int64_t low = -(int64_t)accel_cpu_head(d->accel), end = (int64_t)d->accel->ops->cpu_size;
    return l->kind <= X64_LOC_CONST && l->reg < 32 &&
           (l->kind != X64_LOC_ENV || (l->value >= low && l->value <= end - 8));
}

/* A recipe names earlier ones only, so following them ends. */
static bool is_recipe(const Dbt *d, const X64FlRecipe *f, unsigned index)
{
    return f->base <= index && f->type < IR_TYPE_COUNT && f->sel_type < IR_TYPE_COUNT && is_place(d, &f->a) &&
           is_place(d, &f->b) && is_place(d, &f->sel) && is_place(d, &f->sel_b) && is_place(d, &f->old);
}

/* Do its numbers name what is there? The parts fill the region. */
static bool is_sound(const Dbt *d, const KeptRegion *k, const KeptLayout *l)
{
    const X64Record *rec = KEPT_PART(k, *l, records, X64Record);
    const X64Pin *pin = KEPT_PART(k, *l, pins, X64Pin);
    const X64FlRecipe *fl = KEPT_PART(k, *l, fl, X64FlRecipe);
    const KeptExit *x = KEPT_PART(k, *l, exits, KeptExit);
    bool ok = k->n_fl <= X64_MAX_FL && k->n_pcs <= IR_MAX_GUEST && k->n_exits <= IR_MAX_EXITS &&
              (k->n_exits || !(k->flags & KEPT_RET_EXIT));
    for (unsigned i = 0; ok && i < k->n_records; i++)
        ok = rec[i].ordinal < k->n_pcs && rec[i].fl <= k->n_fl && rec[i].base < 16 && rec[i].index < 16;
    for (unsigned i = 0; ok && i < k->n_loop_pins; i++)
        ok = pin[i].reg < 48 && pin[i].bytes <= 16 && pin[i].offset + 16u <= d->accel->ops->cpu_size;
    for (unsigned i = 0; ok && i < k->n_fl; i++)
        ok = is_recipe(d, &fl[i], i);
    for (unsigned i = 0; ok && i < k->n_exits; i++)
        ok = x[i].kind <= IR_EXIT_RAISE && x[i].code <= CPU_EXIT_BROKEN;
    return ok;
}

/* Is it, by its head, one for there? */
static bool is_for(const Dbt *d, const KeptRegion *k, const Cpu *cpu, uint64_t look, bool loop_head)
{
    return k->look == look && k->ctx == cpu->ctx && !((k->pc ^ cpu->pc) & low_bits(d)) &&
           !(loop_head && (k->flags & KEPT_BRIEF)) && k->size && k->n_runs && k->n_runs <= SB_MAX_RUNS &&
           kept_layout(k).end == k->bytes;
}

/* A copy of the region there, if it is whole and may be used. NULL: it is not. */
static KeptRegion *fetch(const Dbt *d, const Cpu *cpu, uint64_t look, bool loop_head, uint32_t unit,
                         Arena *room)
{
    const DbtKept *kept = &d->kept;
    size_t at = (size_t)unit * KEPT_UNIT;
    KeptRegion head;
    if (at > kept->bytes || sizeof(head) > kept->bytes - at ||
        fault_copy(&head, kept->file + at, sizeof(head)) || !is_for(d, &head, cpu, look, loop_head) ||
        head.bytes > kept->bytes - at)
        return NULL;
    KeptRegion *k = arena_alloc(room, head.bytes, KEPT_UNIT);
    if (!k || fault_copy((char *)k + sizeof(head), kept->file + at + sizeof(head), head.bytes - sizeof(head)))
        return NULL;
    *k = head;
    const KeptLayout l = kept_layout(k);
    return kept_check(k) == k->check && is_sound(d, k, &l) && same_bytes(d, cpu, k, &l) ? k : NULL;
}

KeptRegion *dbt_kept_find(const Dbt *d, const Cpu *cpu, uint64_t look, bool loop_head, Arena *room)
{
    const DbtKept *kept = &d->kept;
    const size_t mark = room->used;
    uint32_t h = (uint32_t)look & kept->mask;
    for (uint32_t n = 0; kept->file && n <= kept->mask; h = (h + 1) & kept->mask, n++) {
        KeptSlot slot;
        if (fault_copy(&slot, &kept->slot[h], sizeof(slot)) || !slot.at)
            return NULL;
        KeptRegion *k = slot.tag == look >> 32 ? fetch(d, cpu, look, loop_head, slot.at, room) : NULL;
        if (k)
            return k;
        arena_rewind(room, mark);
    }
    return NULL;
}

unsigned dbt_kept_slots(const KeptRegion *k) { return k->n_exits + ((k->flags & KEPT_RET_EXIT) != 0); }
unsigned dbt_kept_insns(const KeptRegion *k) { return k->n_insns; }

/* ---- copying ---- */

/* In a file a distance is a number that means the same anywhere: bytes from the start of the code memory, an
 * exit, a slot; an address of this program is bytes from its start. */
static bool move(const KeptPlace *p, const X64Reloc *x, uint8_t *code, uint32_t size)
{
    const CodeCache *c = p->cache;
    const unsigned width = x->kind == X64_RELOC_HOST || x->kind == X64_RELOC_PC64 ? 8 : 4;
    if (x->at > size || width > size - x->at)
        return false;
    uint8_t *at = code + x->at;
    uint64_t v = width == 8 ? ld_u64(at) : ld_u32(at), to = (uint64_t)(uintptr_t)c->rx;
    switch ((X64RelocKind)x->kind) {
    case X64_RELOC_STUB:
        to += v;
        if (v >= SEG_BYTES)
            return false;
        break;
    case X64_RELOC_EXIT:
        to += code_cache_stub(c, p->first_exit) + v * CACHE_STUB_BYTES;
        if (v >= p->n_exits)
            return false;
        break;
    case X64_RELOC_SLOT:
        to = (uint64_t)(uintptr_t)&c->slot[p->first_exit] + v * 8;
        if (v >= p->n_slots)
            return false;
        break;
    case X64_RELOC_HOST:
        kept_put64(at, kept_image() + v);
        return v < p->image_bytes;
    case X64_RELOC_PC64: kept_put64(at, v + p->by); return true;
    case X64_RELOC_PC32: kept_put32(at, (uint32_t)(v + p->by)); return true;
    case X64_RELOC_COUNT:
    default: return false;
    }
    kept_put32(at, (uint32_t)(to - (p->rx + x->at + 4)));
    return true;
}

/* The arrays that a fault asks for are one piece. NULL: no room. */
static DbtRecovery *describe_faults(Arena *m, const KeptRegion *k, const KeptLayout *l, uint64_t by)
{
    const size_t end = l->pins + k->n_loop_pins * sizeof(X64Pin);
    DbtRecovery *f = arena_new(m, DbtRecovery);
    char *copy = arena_alloc(m, end - l->pcs, 8);
    if (!f || !copy)
        return NULL;
    memcpy(copy, (const char *)k + l->pcs, end - l->pcs);
    uint64_t *pcs = (uint64_t *)(void *)copy;
    for (unsigned i = 0; i < k->n_pcs; i++)
        pcs[i] += by;
    *f = (DbtRecovery){.record = (const void *)(copy + (l->records - l->pcs)),
                       .loop_pin = (const void *)(copy + (l->pins - l->pcs)),
                       .fl = (const void *)(copy + (l->fl - l->pcs)), .guest_pc = pcs,
                       .n_records = k->n_records, .n_pcs = k->n_pcs, .n_loop_pins = k->n_loop_pins,
                       .n_fl = (uint8_t)k->n_fl};
    return f;
}

static DbtRegion *describe(Dbt *d, CodeSegment *seg, const KeptRegion *k, const KeptLayout *l, Gva pc)
{
    const uint64_t by = pc - k->pc;
    Arena *m = &seg->meta;
    DbtRegion *r = arena_alloc(m, sizeof(*r) + k->n_runs * sizeof(r->run[0]), 8);
    DbtRecovery *f = k->n_records ? describe_faults(m, k, l, by) : NULL;
    if (!r || !f != !k->n_records)
        return NULL;
    *r = (DbtRegion){.pc = pc, .ctx = k->ctx, .size = k->size, .n_exits = k->n_exits,
                     .first_exit = code_segment_first_exit(&d->cache, seg) + seg->n_exits,
                     .rx = code_segment_next(&d->cache, seg), .n_runs = (uint8_t)k->n_runs, .dead = true,
                     .blocked = true, .brief = (k->flags & KEPT_BRIEF) != 0, .recovery = f};
    const KeptRun *run = KEPT_PART(k, *l, runs, KeptRun);
    for (unsigned i = 0; i < k->n_runs; i++)
        r->run[i] = (DbtRun){.pc = run[i].pc + by, .len = (uint32_t)run[i].len, .k = i};
    return r;
}

DbtRegion *dbt_kept_copy(Dbt *d, CodeSegment *seg, const KeptRegion *k, Gva pc)
{
    const KeptLayout l = kept_layout(k);
    code_segment_populate(&d->cache, seg);
    DbtRegion *r = k->size <= d->cache.limit - seg->used ? describe(d, seg, k, &l, pc) : NULL;
    if (!r)
        return NULL;
    uint8_t *code = code_segment_rw(&d->cache, seg) + seg->used;
    memcpy(code, KEPT_PART(k, l, code, uint8_t), k->size);
    const KeptPlace p = {.cache = &d->cache, .image_bytes = d->kept.image_bytes, .rx = r->rx,
                         .first_exit = r->first_exit, .n_exits = k->n_exits, .n_slots = dbt_kept_slots(k),
                         .by = pc - k->pc};
    const X64Reloc *x = KEPT_PART(k, l, relocs, X64Reloc);
    for (unsigned i = 0; i < k->n_relocs; i++)
        if (!move(&p, &x[i], code, k->size))
            return NULL;
    for (uint32_t id = r->first_exit; id < r->first_exit + k->n_exits; id++)
        x64_exit_stub(&d->host, d->cache.rw + code_cache_stub(&d->cache, id), id);
    __atomic_fetch_add(&d->kept.n_used, 1, __ATOMIC_RELAXED);
    return r;
}

void dbt_kept_exits(const Dbt *d, const KeptRegion *k, const DbtRegion *r)
{
    const KeptLayout l = kept_layout(k);
    const KeptExit *x = KEPT_PART(k, l, exits, KeptExit);
    for (unsigned i = 0; i < k->n_exits; i++) {
        uint32_t id = r->first_exit + i;
        d->cache.exit[id] = (ExitInfo){.pc = kept_moved(d, x[i].pc, r->pc - k->pc), .kind = x[i].kind,
                                       .code = x[i].code, .back = x[i].back};
        d->cache.slot[id] = (uint64_t)(uintptr_t)d->cache.rx + code_cache_stub(&d->cache, id);
    }
    if (k->flags & KEPT_RET_EXIT)
        d->cache.slot[r->first_exit + k->n_exits] = d->cache.exit[r->first_exit + k->n_exits - 1].pc;
}
