/*
 * Files of kept translations (accel/dbt/kept.h) on arbitrary bytes: opened, looked up in, copied from, merged
 * with what is new. What may not happen: a read outside of the file, a write outside of a region's room, an
 * exit of a kind that there is not. What is found is not run: code is as good as who wrote it.
 *
 * Key, size and checksums of the input are put right first, or nothing would get past them.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/dbt/kept_priv.h"
#include "tests/accel/toy_target.h"

enum { REGIONS = 18, PAGE = 4096, MERGE_EVERY = 256 };

static Accel *accel;
static Cpu *cpu;
static uint8_t *code;
static Arena room; /* for a copy of a region */

static unsigned exec_bytes(void *opaque, Gva pc)
{
    Gva at = pc - (Gva)(uintptr_t)code;
    return at < PAGE ? (unsigned)(PAGE - at) : 0;
}

static AccelCode code_page(void *opaque, Gva page, bool notice) { return ACCEL_CODE_STAYS; }

/* Regions that load, call the next, and raise at last. */
static void put_code(void)
{
    for (unsigned k = 0; k < REGIONS; k++) {
        const TtInsn insn[3] = {{TT_LD, 1, 2, 0}, {TT_FDIV, 3, 1, 0}, {TT_CALL, 7, 0, 1}};
        memcpy(code + sizeof(insn) * k, insn, sizeof(insn));
    }
    memcpy(code + 12 * REGIONS, &(TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL}, sizeof(TtInsn));
}

static Dbt *begin(void)
{
    char err[128] = "";
    if (accel)
        return accel->engine_data;
    if (!arena_init(&room, 1 << 20))
        abort();
    code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put_code();
    AccelConfig cfg = {.jit = true, .keep = true, .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    accel = accel_new(&cfg, &target_toy, err, sizeof(err));
    cpu = accel ? accel_cpu_new(accel) : NULL;
    if (!cpu || !accel_kept_key(accel))
        abort(); /* without a build id nothing is kept */
    cpu->pc = (Gva)(uintptr_t)code;
    ((TtCpu *)cpu)->r[2] = cpu->pc;
    do
        accel_run(cpu);
    while (cpu->exit.kind == CPU_EXIT_KICK);
    return accel->engine_data;
}

/* The checksums of what look like regions. */
static void put_right(uint8_t *file, size_t size, const Dbt *d)
{
    KeptHead *h = (KeptHead *)(void *)file;
    if (size < sizeof(*h))
        return;
    memcpy(h->magic, KEPT_MAGIC, sizeof(h->magic));
    h->key = d->kept.key;
    h->bytes = size;
    const DbtKept as = {.file = file, .bytes = size};
    for (uint32_t unit = 0; unit < size / KEPT_UNIT; unit++) {
        const KeptRegion *k = kept_at(&as, unit);
        if (k && k->look && kept_layout(k).end == k->bytes)
            kept_put64(file + (size_t)unit * KEPT_UNIT, kept_check(k));
    }
}

static void copy(Dbt *d, const KeptRegion *k)
{
    CodeSegment *seg = code_cache_claim(&d->cache, dbt_kept_slots(k));
    if (!seg)
        abort();
    size_t mark = seg->meta.used;
    const DbtRegion *r = dbt_kept_copy(d, seg, k, cpu->pc);
    if (r)
        dbt_kept_exits(d, k, r);
    for (unsigned i = 0; r && i < r->n_exits; i++)
        if (d->cache.exit[r->first_exit + i].kind > IR_EXIT_RAISE)
            abort();
    arena_rewind(&seg->meta, mark);
    code_cache_release(&d->cache, seg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned n;
    Dbt *d = begin();
    /* Against the end of a page: who reads further falls. */
    size_t whole = align_up(size, PAGE), used = align_up(size, KEPT_UNIT);
    uint8_t *pages = mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + whole, PAGE, PROT_NONE))
        abort();
    uint8_t *file = pages + whole - used;
    memcpy(file, data, size);
    put_right(file, used, d);
    AccelKept made;
    if (kept_open(file, used, d->kept.key, &d->kept)) {
        for (unsigned k = 0; k < REGIONS; k++) {
            cpu->pc = (Gva)(uintptr_t)code + 12 * k;
            arena_rewind(&room, 0);
            const KeptRegion *found = dbt_kept_find(d, cpu, dbt_kept_look(d, cpu), false, &room);
            if (found)
                copy(d, found);
        }
        if (n++ % MERGE_EVERY == 0) /* whose memory stays */
            accel_kept_make(accel, file, used, &made);
    }
    d->kept.file = NULL;
    munmap(pages, whole + PAGE);
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    static AccelKept made;
    begin();
    if (i > 0 || (!made.file && !accel_kept_make(accel, NULL, 0, &made)) || made.bytes > cap)
        return 0;
    memcpy(buf, made.file, made.bytes);
    return made.bytes;
}
