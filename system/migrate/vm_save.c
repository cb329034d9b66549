#include "system/migrate/vm_save.h"

#include "system/block/block.h"

#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static bool put_text(VmSaver *s, VmRecordKind kind, char *text, GError **err)
{
    const VmRecordHead head = {.first = text ? strlen(text) : 0};
    bool ok = !text                        ? sys_fail(err, "no memory for the machine's state")
              : head.first > VM_MOST_TEXT ? sys_fail(err, "the machine's state is too long")
                                          : vm_writer_put(&s->w, kind, &head, text, head.first, err);
    free(text);
    return ok;
}

bool vm_save_begin(VmSaver *s, Machine *m, VmSink sink, GError **err)
{
    *s = (VmSaver){.m = m, .copy = g_malloc(VM_RUN_PAGES * VM_PAGE)};
    s->n_blocks = machine_ram_blocks(m, s->block);
    return vm_writer_begin(&s->w, sink, err) && put_text(s, VM_SHAPE, machine_shape(m), err);
}

static bool is_wanted(const uint64_t *wanted, uint64_t page)
{
    return !wanted || wanted[page / 64] >> page % 64 & 1;
}

/* A run of wanted pages that are all zero, or all not. Returns where it ends. */
static uint64_t run_end(const uint8_t *host, const uint64_t *wanted, uint64_t at, uint64_t end, bool zero)
{
    const uint64_t stop = zero ? end : MIN(end, at + VM_RUN_PAGES);
    while (++at < stop && is_wanted(wanted, at) && block_is_zero(host + at * VM_PAGE, VM_PAGE) == zero) {
    }
    return at;
}

bool vm_save_pages(VmSaver *s, unsigned block, const uint64_t *wanted, uint64_t first, uint64_t n,
                   GError **err)
{
    const uint8_t *host = s->block[block]->host;
    uint64_t next;
    for (uint64_t at = first; at < first + n; at = next) {
        next = at + 1;
        if (!is_wanted(wanted, at))
            continue;
        bool zero = block_is_zero(host + at * VM_PAGE, VM_PAGE);
        next = run_end(host, wanted, at, MIN(first + n, at + UINT32_MAX), zero);
        const VmRecordHead head = {.block = block, .pages = (uint32_t)(next - at), .first = at};
        if (!zero)
            memcpy(s->copy, host + at * VM_PAGE, (next - at) * VM_PAGE);
        if (!vm_writer_put(&s->w, zero ? VM_ZEROES : VM_PAGES, &head, zero ? NULL : s->copy,
                           zero ? 0 : (next - at) * VM_PAGE, err))
            return false;
        *(zero ? &s->zeroes : &s->pages) += next - at;
    }
    return true;
}

bool vm_save_all_pages(VmSaver *s, GError **err)
{
    for (unsigned k = 0; k < s->n_blocks; k++)
        if (!vm_save_pages(s, k, NULL, 0, s->block[k]->bytes / VM_PAGE, err))
            return false;
    return true;
}

bool vm_save_state(VmSaver *s, GError **err)
{
    const VmRecordHead end = {0};
    return put_text(s, VM_STATE, machine_state_save(s->m), err) &&
           vm_writer_put(&s->w, VM_END, &end, NULL, 0, err);
}

void vm_save_end(VmSaver *s)
{
    vm_writer_end(&s->w);
    g_free(s->copy);
    s->copy = NULL;
}

/* ---- in ---- */

typedef struct Loader {
    Machine *m;
    VmReader r;
    bool check; /* only */
    VmPutState put;
    unsigned n_blocks;
    RamBlock *block[MACHINE_MOST_BLOCKS];
    uint8_t *pages; /* of one record */
} Loader;

static bool fail_dev(GError **err, const DevError *why)
{
    return sys_fail(err, "%s", why->text);
}

static bool load_shape(Loader *l, GError **err)
{
    VmRecordKind kind;
    DevError why = {""};
    if (!vm_reader_next(&l->r, &kind, err))
        return false;
    if (kind != VM_SHAPE)
        return sys_fail(err, "the saved machine is damaged: its shape is missing");
    g_autofree char *shape = vm_reader_text(&l->r, err);
    return shape && (machine_shape_fits(l->m, shape, &why) || fail_dev(err, &why));
}

static bool range_is_right(const Loader *l, bool zero)
{
    const VmRecordHead *h = &l->r.head;
    const uint64_t have = h->block < l->n_blocks ? l->block[h->block]->bytes / VM_PAGE : 0;
    return h->pages && h->first < have && h->pages <= have - h->first && (zero || h->pages <= VM_RUN_PAGES);
}

/* What is the same is left alone: pages of zeroes need not be given to the guest, code stays what it is. */
static void put_page(const Loader *l, RamBlock *b, uint64_t page, const uint8_t *from)
{
    uint8_t *to = b->host + page * VM_PAGE;
    if (from ? memcmp(to, from, VM_PAGE) == 0 : block_is_zero(to, VM_PAGE))
        return;
    if (from)
        memcpy(to, from, VM_PAGE);
    else
        memset(to, 0, VM_PAGE);
    mem_map_note_write(&l->m->map, b, page * VM_PAGE, VM_PAGE);
}

static bool load_pages(Loader *l, bool zero, GError **err)
{
    const VmRecordHead *h = &l->r.head;
    if (!range_is_right(l, zero))
        return sys_fail(err, "the saved machine is damaged: pages that there are not");
    if (!zero && !vm_reader_body(&l->r, l->pages, (size_t)h->pages * VM_PAGE, err))
        return false;
    for (uint32_t k = 0; !l->check && k < h->pages; k++)
        put_page(l, l->block[h->block], h->first + k, zero ? NULL : l->pages + (size_t)k * VM_PAGE);
    return true;
}

static bool load_state(Loader *l, GError **err)
{
    DevError why = {""};
    g_autofree char *text = vm_reader_text(&l->r, err);
    if (!text)
        return false;
    if (!machine_state_check(l->m, text, &why))
        return fail_dev(err, &why);
    if (l->check)
        return true;
    if (l->put.put)
        return l->put.put(l->put.opaque, text, err);
    return machine_state_load(l->m, text, &why) || fail_dev(err, &why);
}

static bool load_records(Loader *l, GError **err)
{
    bool state = false;
    for (VmRecordKind kind;;) {
        if (!vm_reader_next(&l->r, &kind, err))
            return false;
        switch (kind) {
        case VM_PAGES:
        case VM_ZEROES:
            if (!load_pages(l, kind == VM_ZEROES, err))
                return false;
            break;
        case VM_STATE:
            if (state || !load_state(l, err))
                return state ? sys_fail(err, "the saved machine is damaged: two states") : false;
            state = true;
            break;
        case VM_END: return state || sys_fail(err, "the saved machine is damaged: it has no state");
        case VM_SHAPE: return sys_fail(err, "the saved machine is damaged: two shapes");
        }
    }
}

static bool load(Machine *m, VmSource source, VmPutState put, bool check, GError **err)
{
    Loader l = {.m = m, .put = put, .check = check, .pages = g_malloc(VM_RUN_PAGES * VM_PAGE)};
    l.n_blocks = machine_ram_blocks(m, l.block);
    bool ok = vm_reader_begin(&l.r, source, err) && load_shape(&l, err) && load_records(&l, err);
    vm_reader_end(&l.r);
    g_free(l.pages);
    return ok;
}

bool vm_load_check(Machine *m, VmSource source, GError **err)
{
    return load(m, source, (VmPutState){0}, true, err);
}

bool vm_load(Machine *m, VmSource source, VmPutState put, GError **err)
{
    return load(m, source, put, false, err);
}
