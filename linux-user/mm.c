/* Layout of the address space, what accel asks of it, limits, listing. */
#include "linux-user/mm_int.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/fault.h"
#include "base/fmt.h"

/* The emulator's own addresses: everything between the lowest of them, minus this, and the top. */
#define WINDOW (64ull << 30)

extern const char lu_image_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* One line of the host's /proc/self/maps: the two hexadecimal numbers at its start. */
static const char *maps_line(const char *s, uint64_t *ret_start, uint64_t *ret_end)
{
    uint64_t v[2] = {0, 0};
    for (int i = 0; i < 2; i++, s++)
        for (; *s && *s != '-' && *s != ' '; s++)
            v[i] = v[i] << 4 | (unsigned)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
    *ret_start = v[0];
    *ret_end = v[1];
    while (*s && *s != '\n')
        s++;
    return *s ? s + 1 : NULL;
}

/* Enters what the emulator has below task_size as foreign. Lines are short: a path is at most PATH_MAX. */
static void add_foreign(LuMm *mm)
{
    char *buf = lu_mm_arena_alloc(mm, 1 << 20);
    long fd = sys_call4(SYS_openat, -100, "/proc/self/maps", 02000000, 0);
    if (!buf || sys_is_err(fd))
        return;
    size_t len = 0;
    for (long n; len < (1 << 20) - 1 && (n = sys_read((int)fd, buf + len, (1 << 20) - 1 - len)) > 0;)
        len += (size_t)n;
    sys_close((int)fd);
    buf[len] = 0;
    for (const char *s = buf; s && *s;) {
        Range r = {.kind = RANGE_FOREIGN};
        s = maps_line(s, &r.start, &r.end);
        if (r.start < mm->layout.task_size && range_free(mm, r.start, r.end - r.start))
            range_insert(mm, &r);
    }
    lu_mm_arena_free(mm, buf, 1 << 20);
}

static void read_limits(LuMm *mm)
{
    static const uint8_t which[2] = {RLIMIT_AS, RLIMIT_DATA};
    for (int i = 0; i < 2; i++) {
        struct rlimit64 r;
        if (sys_is_err(sys_call4(SYS_prlimit64, 0, which[i], 0, &r)))
            r = (struct rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
        mm->rlim[i][0] = r.rlim_cur;
        mm->rlim[i][1] = r.rlim_max;
        /* They bind the guest, not the emulator around it. */
        if (r.rlim_cur != r.rlim_max) {
            r.rlim_cur = r.rlim_max;
            sys_call4(SYS_prlimit64, 0, which[i], &r, 0);
        }
    }
}

/* The limit that is wanted of the guest's addresses, 0: none. `low`: the lowest of what is at the top of the
 * host's space. An emulator that is not there (a sanitizer's build) takes what it finds, unless asked. */
static uint64_t wanted_space(const LuAbi *abi, const LuOptions *opt, Gva low)
{
    const uint64_t usual = (uint64_t)lu_image_start >= low ? abi->usual_space : 0;
    return opt->reserved_va ? opt->reserved_va : usual;
}

static void choose_layout(LuMm *mm, const LuAbi *abi, const LuOptions *opt, const uint64_t random[4], Gva low)
{
    const uint64_t wanted = wanted_space(abi, opt, low);
    LuLayout *l = &mm->layout;
    struct rlimit64 stack;
    long persona = sys_call1(SYS_personality, 0xffffffff);
    l->randomize = sys_is_err(persona) || !(persona & ADDR_NO_RANDOMIZE);
    l->task_size = MIN(abi->task_size, align_down(low - WINDOW, 1 << 21));
    if (wanted)
        l->task_size = MIN(l->task_size, align_down(wanted, PAGE));
    if (sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, 0, &stack)))
        stack.rlim_cur = 8 << 20;
    uint64_t size = opt->stack_size ? opt->stack_size : stack.rlim_cur;

    /* The kernel's amounts for 47 bits (mmap_rnd_bits 28, stack 22 bits of pages), less in a small space. */
    uint64_t few = l->task_size >> 6, wide = MIN(few, 1ull << 40), narrow = MIN(few, 1ull << 34);
    uint64_t on = l->randomize || opt->have_seed ? ~0ull : 0;
    uint64_t stack_random = align_down(random[0] % narrow & on, PAGE);
    uint64_t gap = MAX(MIN(size, few) + narrow + (1 << 20), MIN(few, 128ull << 20));
    l->stack_top = l->task_size - stack_random;
    l->mmap_base = align_down(l->task_size - gap - (random[1] % wide & on), PAGE);
    l->pie_base = align_down(l->task_size / 3 * 2 + (random[2] % wide & on), PAGE);
    if (!wanted && abi->word == 8)
        l->pie_base = align_down(0x555555554000 + (random[2] % wide & on), PAGE);
}

LuMm *lu_mm_new(const LuAbi *abi, const LuOptions *opt, const uint64_t random[4])
{
    size_t head = align_up(sizeof(LuMm), PAGE), size = head + (size_t)MAX_RANGES * sizeof(Range);
    long p = sys_map_own(NULL, size);
    if (sys_is_err(p))
        return NULL;
    LuMm *mm = (LuMm *)p;
    lock_init(&mm->lock, LOCK_RANK_MM);
    mm->slots = (Range *)(p + (long)head);
    uint64_t image = (uint64_t)lu_image_start, vdso = getauxval(AT_SYSINFO_EHDR), low = (uint64_t)p;
    if (vdso && vdso > low - WINDOW)
        low = MIN(low, align_down(vdso, 1 << 16));
    if (image > low - WINDOW)
        low = MIN(low, image);
    if (low < 4 * WINDOW)
        return NULL;
    choose_layout(mm, abi, opt, random, low);
    read_limits(mm);
    if (image < mm->layout.task_size && !opt->reserved_va)
        add_foreign(mm);
    return mm;
}

const LuLayout *lu_mm_layout(const LuMm *mm) { return &mm->layout; }
Gva lu_mm_task_size(const LuMm *mm) { return mm->layout.task_size; }

void *lu_mm_arena_alloc(LuMm *mm, size_t size)
{
    size = align_up(size, PAGE);
    long p = sys_map_own(NULL, size);
    if (sys_is_err(p))
        return NULL;
    if ((uint64_t)p < mm->layout.task_size) {
        /* The window is used up: the kernel went on into the guest's part. */
        sys_munmap((void *)p, size);
        return NULL;
    }
    return (void *)p;
}

void lu_mm_arena_free(LuMm *mm, void *p, size_t size)
{
    if (p)
        sys_munmap(p, align_up(size, PAGE));
}

unsigned lu_mm_exec_bytes(void *opaque, Gva pc)
{
    LuMm *mm = opaque;
    unsigned n = 0;
    mm_lock(mm);
    uint32_t i = range_find(mm, pc);
    for (Gva at = pc; n < PAGE && i < mm->n; i++) {
        const Range *r = range_at(mm, i);
        if (r->start > at || !(r->prot & PROT_EXEC))
            break;
        n += (unsigned)MIN(r->end - at, (uint64_t)(PAGE - n));
        at = r->end;
    }
    lock_release(&mm->lock);
    /* A file may have become shorter than its mapping. */
    if (n && UNLIKELY(fault_ld8(pc + n - 1).fault))
        n = MIN(n, (unsigned)(PAGE - pc % PAGE));
    return n && LIKELY(!fault_ld8(pc).fault) ? n : 0;
}

uint64_t lu_mm_code_size(void *opaque, Gva pc)
{
    LuMm *mm = opaque;
    mm_lock(mm);
    uint32_t i = range_find(mm, pc);
    const Range *r = i < mm->n ? range_at(mm, i) : NULL;
    uint64_t size = r && r->start <= pc && r->prot & PROT_EXEC ? r->end - r->start : 0;
    lock_release(&mm->lock);
    return size;
}

int lu_mm_prot(LuMm *mm, Gva addr)
{
    mm_lock(mm);
    range_sync_growth(mm, align_down(addr, PAGE));
    uint32_t i = range_find(mm, addr);
    bool yes = i < mm->n && range_at(mm, i)->start <= addr && !(range_at(mm, i)->kind & RANGE_FOREIGN);
    int prot = yes ? range_at(mm, i)->prot : -1;
    lock_release(&mm->lock);
    return prot;
}

void lu_mm_rlimit(LuMm *mm, int which, const struct rlimit64 *set, struct rlimit64 *ret_old)
{
    int i = which == RLIMIT_DATA;
    mm_lock(mm);
    struct rlimit64 old = {mm->rlim[i][0], mm->rlim[i][1]};
    if (set) {
        mm->rlim[i][0] = set->rlim_cur;
        mm->rlim[i][1] = set->rlim_max;
    }
    lock_release(&mm->lock);
    if (ret_old)
        *ret_old = old;
}

bool lu_mm_is_narrow(LuMm *mm)
{
    struct rlimit64 as;
    lu_mm_rlimit(mm, RLIMIT_AS, NULL, &as);
    return as.rlim_max < 1ull << 34;
}

void lu_mm_for_each(LuMm *mm, bool (*fn)(void *opaque, const LuMapping *m), void *opaque)
{
    mm_lock(mm);
    for (uint32_t i = 0; i < mm->n; i++) {
        if (range_at(mm, i)->kind & RANGE_FOREIGN)
            continue;
        if (range_at(mm, i)->kind & RANGE_GROWSDOWN)
            range_sync_growth(mm, i ? range_at(mm, i - 1)->end : 0);
        const Range *r = range_at(mm, i);
        LuMapping m = {.start = r->start, .end = r->end, .prot = r->prot, .offset = r->offset, .dev = r->dev,
                       .ino = r->ino, .flags = r->kind & RANGE_SHARED ? MAP_SHARED : MAP_PRIVATE, .name = ""};
        if (r->kind & RANGE_ANON)
            m.flags |= MAP_ANONYMOUS;
        if (r->kind & RANGE_STACK)
            m.name = "[stack]";
        else if (r->kind & RANGE_VDSO)
            m.name = r->start < mm->layout.task_size ? "[vdso]" : "[vectors]";
        else if (r->start < mm->brk && r->end > mm->brk_start)
            m.name = "[heap]";
        if (!fn(opaque, &m))
            break;
    }
    lock_release(&mm->lock);
}

static void name_range(LuMm *mm, Gva at, unsigned kind)
{
    mm_lock(mm);
    uint32_t i = range_find(mm, at);
    if (i < mm->n && range_at(mm, i)->start == at)
        range_at(mm, i)->kind |= (uint16_t)kind;
    lock_release(&mm->lock);
}

void lu_mm_name_vdso(LuMm *mm, Gva at) { name_range(mm, at, RANGE_VDSO); }
void lu_mm_name_stack(LuMm *mm, Gva at) { name_range(mm, at, RANGE_STACK); }

void lu_mm_thread_died(LuMm *mm, uint32_t tid) { lock_owner_died(&mm->lock, tid); }
void lu_mm_fork_prepare(LuMm *mm) { mm_lock(mm); }
void lu_mm_fork_done(LuMm *mm, bool child)
{
    if (child)
        mm->lock_future = LOCK_NOT;
    lock_release(&mm->lock);
}
