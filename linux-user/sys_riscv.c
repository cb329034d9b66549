/* riscv_hwprobe(2) and riscv_flush_icache(2): the calls of RISC-V alone. Sources: the kernel's documentation
 * Documentation/arch/riscv/hwprobe.rst; cacheflush(2). What is reported agrees with AT_HWCAP and
 * /proc/cpuinfo: all come from LuProc.hwcap and the cpu model. */
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"
#include "linux-user/riscv64/abi_riscv.h"

enum ProbeKey {
    KEY_MVENDORID,
    KEY_MARCHID,
    KEY_MIMPID,
    KEY_BASE,
    KEY_IMA_EXT,
    KEY_CPUPERF,
    KEY_ZICBOZ_BLOCK,
    KEY_HIGHEST_ADDR,
    KEY_TIME_FREQ,
    KEY_MISALIGNED_SCALAR,
    KEY_MISALIGNED_VECTOR,
    KEY_THEAD,
    KEY_ZICBOM_BLOCK,
    KEY_ZICBOP_BLOCK = 15,
};

enum {
    BASE_IMA = 1,
    EXT_FD = 1, EXT_C = 2, /* the others: probe_bits */
    MISALIGNED_FAST = 3,        /* KEY_CPUPERF and KEY_MISALIGNED_SCALAR */
    MISALIGNED_VECTOR_NONE = 4, /* no vector unit */
    WHICH_CPUS = 1,             /* flag */
};

typedef struct ProbePair {
    int64_t key;
    uint64_t value;
} ProbePair;

static bool has_all(uint64_t hwcap, const char *letters)
{
    for (; *letters; letters++) {
        if (!(hwcap >> (*letters - 'A') & 1))
            return false;
    }
    return true;
}

/* Bits of KEY_IMA_EXT. */
static const struct {
    uint8_t bit, ext;
} probe_bits[] = {
    {3, RV_EXT_ZBA}, {4, RV_EXT_ZBB}, {5, RV_EXT_ZBS}, {6, RV_EXT_ZICBOZ}, {7, RV_EXT_ZBC},
    {8, RV_EXT_ZBKB}, {9, RV_EXT_ZBKC}, {10, RV_EXT_ZBKX}, {11, RV_EXT_ZKND}, {12, RV_EXT_ZKNE},
    {13, RV_EXT_ZKNH}, {14, RV_EXT_ZKSED}, {15, RV_EXT_ZKSH}, {27, RV_EXT_ZFH}, {28, RV_EXT_ZFHMIN},
    {29, RV_EXT_ZIHINTNTL}, {32, RV_EXT_ZFA}, {34, RV_EXT_ZACAS}, {35, RV_EXT_ZICOND},
    {36, RV_EXT_ZIHINTPAUSE}, {42, RV_EXT_ZIMOP}, {44, RV_EXT_ZCB}, {47, RV_EXT_ZCMOP},
    {48, RV_EXT_ZAWRS}, {50, RV_EXT_ZICNTR}, {55, RV_EXT_ZICBOM}, {58, RV_EXT_ZABHA},
    {60, RV_EXT_ZICBOP},
};
enum { EXT_ZCA = 43, EXT_ZCD = 45, EXT_ZCF = 46 }; /* what C is made of; */
enum { EXT_ZAAMO = 56, EXT_ZALRSC = 57 };          /* and A */

static bool has(const LuThread *t, RvExt ext)
{
    return lu_riscv_has(t->proc, ext);
}

static uint64_t ima_ext(LuThread *t)
{
    uint64_t hwcap = t->proc->hwcap[0], v = has_all(hwcap, "FD") ? EXT_FD : 0;
    if (has_all(hwcap, "C"))
        v |= EXT_C | 1ull << EXT_ZCA | 1ull << EXT_ZCD | (t->proc->abi->word == 4 ? 1ull << EXT_ZCF : 0);
    if (has_all(hwcap, "A"))
        v |= 1ull << EXT_ZAAMO | 1ull << EXT_ZALRSC;
    for (unsigned k = 0; k < ARRAY_SIZE(probe_bits); k++)
        if (has(t, probe_bits[k].ext))
            v |= 1ull << probe_bits[k].bit;
    return v;
}

/* False: a key the emulated kernel does not know. */
static bool probe(LuThread *t, int64_t key, uint64_t *ret_value)
{
    uint64_t hwcap = t->proc->hwcap[0], v = 0;
    switch (key) {
    case KEY_MVENDORID:
    case KEY_MARCHID:
    case KEY_MIMPID: break;
    case KEY_BASE: v = has_all(hwcap, "IMA") ? BASE_IMA : 0; break;
    case KEY_IMA_EXT: v = ima_ext(t); break;
    case KEY_CPUPERF:
    case KEY_MISALIGNED_SCALAR: v = MISALIGNED_FAST; break;
    case KEY_MISALIGNED_VECTOR: v = MISALIGNED_VECTOR_NONE; break;
    case KEY_HIGHEST_ADDR: v = t->proc->task_size - 1; break;
    case KEY_ZICBOZ_BLOCK: v = has(t, RV_EXT_ZICBOZ) ? RV_CACHE_BLOCK : 0; break;
    case KEY_ZICBOM_BLOCK: v = has(t, RV_EXT_ZICBOM) ? RV_CACHE_BLOCK : 0; break;
    case KEY_ZICBOP_BLOCK: v = has(t, RV_EXT_ZICBOP) ? RV_CACHE_BLOCK : 0; break;
    case KEY_THEAD: break;
    default: return false; /* KEY_TIME_FREQ: said by nobody, as on kernels before 6.11 */
    }
    *ret_value = v;
    return true;
}

static bool is_bitmap(int64_t key)
{
    return key == KEY_BASE || key == KEY_IMA_EXT || key == KEY_CPUPERF || key == KEY_THEAD;
}

/* All emulated processors are alike: the set stays as it is, or becomes empty. */
static long probe_which(LuThread *t, Gva pairs, uint64_t n, uint64_t size, Gva cpus)
{
    uint8_t set[1024] = {0}, online[1024] = {0};
    bool match = true, any = false;
    if (!size || !cpus)
        return -EINVAL;
    size = MIN(size, sizeof(set));
    if (!guest_read(set, cpus, size))
        return -EFAULT;
    for (uint64_t i = 0; i < n; i++) {
        ProbePair p;
        uint64_t have;
        if (!guest_read(&p, pairs + i * sizeof(p), sizeof(p)))
            return -EFAULT;
        if (!probe(t, p.key, &have)) {
            p = (ProbePair){.key = -1};
            match = false;
            if (!guest_write(pairs + i * sizeof(p), &p, sizeof(p)))
                return -EFAULT;
        } else {
            match &= is_bitmap(p.key) ? (have & p.value) == p.value : have == p.value;
        }
    }
    for (uint64_t i = 0; i < size; i++)
        any |= set[i] != 0;
    sys_call3(SYS_sched_getaffinity, 0, sizeof(online), online);
    for (uint64_t i = 0; i < size; i++)
        set[i] = match ? (any ? set[i] & online[i] : online[i]) : 0;
    return guest_write(cpus, set, size) ? 0 : -EFAULT;
}

/* The processors asked about must exist; none named means all. */
static long check_cpus(uint64_t size, Gva cpus)
{
    uint8_t set[1024] = {0};
    bool any = false;
    if (!size && !cpus)
        return 0;
    size = MIN(size, sizeof(set));
    if (!guest_read(set, cpus, size))
        return -EFAULT;
    for (uint64_t i = 0; i < size; i++)
        any |= set[i] != 0;
    return any ? 0 : -EINVAL;
}

long lu_sys_riscv_hwprobe(LuThread *t, const uint64_t a[6])
{
    if (a[4] & ~(uint64_t)WHICH_CPUS)
        return -EINVAL;
    if (a[4])
        return probe_which(t, a[0], a[1], a[2], a[3]);
    long r = check_cpus(a[2], a[3]);
    for (uint64_t i = 0; !r && i < a[1]; i++) {
        Gva at = a[0] + i * sizeof(ProbePair);
        FaultVal key = fault_ld64(at);
        ProbePair p = {.key = (int64_t)key.val};
        if (key.fault)
            return -EFAULT;
        if (!probe(t, p.key, &p.value))
            p = (ProbePair){.key = -1};
        if (!guest_write(at, &p, sizeof(p)))
            return -EFAULT;
    }
    return r;
}

long lu_sys_riscv_flush_icache(LuThread *t, const uint64_t a[6])
{
    enum { LOCAL = 1 };
    if (a[2] & ~(uint64_t)LOCAL)
        return -EINVAL;
    if (a[0] < a[1])
        accel_recheck(t->proc->accel, a[0], a[1] - a[0]);
    accel_fence_i(t->cpu);
    return 0;
}
