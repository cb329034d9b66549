/* C functions called by generated code; the list with flags and types is x86_helpers.def. Those that fault
 * return 1 with the exit filled in. Source: AMD64 APM volume 3. */
#include "base/sys.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"
#include "tcg/ir/eval.h"

#define ARGS void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d

/* ---- division ---- */

static uint64_t raise_divide(X86Cpu *cpu)
{
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_DIVIDE};
    return 1;
}

/* high:low / y, where the quotient fits. */
static uint64_t divide128(uint64_t high, uint64_t low, uint64_t y, uint64_t *ret_rest)
{
#ifdef __x86_64__
    uint64_t q;
    __asm__("divq %[y]" : "=a"(q), "=d"(*ret_rest) : "a"(low), "d"(high), [y] "r"(y) : "cc");
    return q;
#else
    for (unsigned k = 0; k < 64; k++) {
        bool top = high >> 63;
        high = high << 1 | low >> 63;
        low <<= 1;
        if (top || high >= y) {
            high -= y;
            low |= 1;
        }
    }
    *ret_rest = high;
    return low;
#endif
}

static bool divide64(X86Cpu *cpu, uint64_t y, bool sign, uint64_t *q, uint64_t *r)
{
    uint64_t low = cpu->gpr[X86_RAX], high = cpu->gpr[X86_RDX];
    bool minus = sign && high >> 63, minus_y = sign && y >> 63;
    if (minus) { /* by absolute values */
        high = ~high + (low == 0);
        low = 0 - low;
    }
    y = minus_y ? 0 - y : y;
    if (!y || high >= y)
        return false;
    *q = divide128(high, low, y, r);
    if (sign && *q > (uint64_t)INT64_MAX + (minus != minus_y))
        return false;
    *q = minus != minus_y ? 0 - *q : *q;
    *r = minus ? 0 - *r : *r;
    return true;
}

static bool divide16(X86Cpu *cpu, uint64_t y, unsigned bits, bool sign, uint64_t *q, uint64_t *r)
{
    uint64_t low = cpu->gpr[X86_RAX], mask = (1u << bits) - 1;
    uint64_t n = bits == 8 ? low & 0xffff : (low & 0xffff) | (cpu->gpr[X86_RDX] & 0xffff) << 16;
    if (!y)
        return false;
    if (!sign) {
        *q = n / y;
        *r = n % y;
        return *q <= mask;
    }
    int64_t sn = bits_sext(n, 2 * bits), sy = (int64_t)y, sq = sn / sy;
    *q = (uint64_t)sq;
    *r = (uint64_t)(sn % sy);
    return sq == bits_sext((uint64_t)sq, bits);
}

static void put_low(uint64_t *reg, unsigned shift, unsigned bits, uint64_t v)
{
    uint64_t mask = ((1ull << bits) - 1) << shift;
    *reg = (*reg & ~mask) | (v << shift & mask);
}

/* a: divisor, extended; b: bytes | 16 signed */
uint64_t x86_helper_div(ARGS)
{
    X86Cpu *cpu = opaque;
    unsigned bytes = b & 15;
    uint64_t q = 0, r = 0;
    bool ok = bytes == 8 ? divide64(cpu, a, b & 16, &q, &r) : divide16(cpu, a, 8 * bytes, b & 16, &q, &r);
    if (!ok)
        return raise_divide(cpu);
    if (bytes == 8) {
        cpu->gpr[X86_RAX] = q;
        cpu->gpr[X86_RDX] = r;
    } else if (bytes == 2) {
        put_low(&cpu->gpr[X86_RAX], 0, 16, q);
        put_low(&cpu->gpr[X86_RDX], 0, 16, r);
    } else {
        put_low(&cpu->gpr[X86_RAX], 0, 8, q);
        put_low(&cpu->gpr[X86_RAX], 8, 8, r);
    }
    cpu->fl = (cpu->fl & (IR_FL_C | IR_FL_V)) | IR_FL_HALF | IR_FL_BIT9;
    return 0;
}

/* ---- shifts ---- */

/* a through the carry of the word c, b times; d: bytes | 16 right */
uint64_t x86_helper_rotate_carry(ARGS)
{
    unsigned bits = 8 * (d & 15), n = (unsigned)b % (bits + 1);
    if (d & 16)
        n = (bits + 1 - n) % (bits + 1);
    unsigned __int128 x = (unsigned __int128)((c & IR_FL_C) != 0) << bits | a;
    return n ? (uint64_t)(x << n | x >> (bits + 1 - n)) : a;
}

/* shld, shrd by the host: what counts beyond 16 bits leave, and flags, is undefined and the processor's. */
#ifdef __x86_64__
#define DOUBLE(insn, suffix, reg)                                                                            \
    __asm__("addb $0x7f, %%al; sahf; " insn suffix " %%cl, %" reg "[b], %" reg "[a]; lahf; seto %%al"        \
            : [a] "+r"(a), "+a"(word)                                                                        \
            : [b] "r"(b), "c"(n)                                                                             \
            : "cc")

static uint64_t double_shift(uint64_t a, uint64_t b, uint64_t c, uint64_t old, uint32_t *ret_word)
{
    uint64_t word = old;
    unsigned n = c & 63, bytes = c >> 8 & 15;
    bool right = c >> 16 & 1;
    if (bytes == 2 && right)
        DOUBLE("shrd", "w", "w");
    else if (bytes == 2)
        DOUBLE("shld", "w", "w");
    else if (bytes == 4 && right)
        DOUBLE("shrd", "l", "k");
    else if (bytes == 4)
        DOUBLE("shld", "l", "k");
    else if (right)
        DOUBLE("shrd", "q", "q");
    else
        DOUBLE("shld", "q", "q");
    *ret_word = (uint16_t)word;
    return a;
}
#else
#error "shld in C is missing for hosts that are not x86"
#endif

/* To, from, count | bytes << 8 | right << 16, word before. */
uint64_t x86_helper_shld(ARGS)
{
    uint32_t word;
    return double_shift(a, b, c, d, &word);
}

uint64_t x86_helper_shld_flags(ARGS)
{
    uint32_t word;
    double_shift(a, b, c, d, &word);
    return word;
}

/* ---- flags ---- */

static uint64_t rflags_of(uint32_t word, uint32_t df, uint32_t more)
{
    return (word >> 8 & (X86_SF | X86_ZF | X86_AF | X86_PF | X86_CF)) | (word & 1 ? X86_OF : 0) |
           (df ? X86_DF : 0) | 2 | more;
}

uint64_t x86_rflags(const X86Cpu *cpu)
{
    return rflags_of(cpu->fl, cpu->df, cpu->more_flags);
}

void x86_set_rflags(X86Cpu *cpu, uint64_t v)
{
    cpu->fl =
        (uint32_t)(v & (X86_SF | X86_ZF | X86_AF | X86_PF | X86_CF)) << 8 | IR_FL_BIT9 | (v & X86_OF ? 1 : 0);
    cpu->df = v & X86_DF ? 1 : 0;
    cpu->more_flags = (v & (X86_AC | X86_ID)) | X86_IF;
}

uint64_t x86_helper_rflags(ARGS)
{
    return rflags_of((uint32_t)a, (uint32_t)b, ((X86Cpu *)opaque)->more_flags);
}

uint64_t x86_helper_set_rflags(ARGS)
{
    X86Cpu *cpu = opaque;
    x86_set_rflags(cpu, b == 2 ? (a & 0xffff) | cpu->more_flags : a);
    return 0;
}

/* ---- MXCSR ---- */

static const uint8_t rc_of_round[4] = {[IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2};
static const uint8_t round_of_rc[4] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ};

static uint32_t mxcsr_modes(const X86Cpu *cpu)
{
    return cpu->mxcsr_masks | cpu->fp_modes | (uint32_t)rc_of_round[cpu->base.frm & 3] << 13;
}

static void set_mxcsr_modes(X86Cpu *cpu, uint32_t v)
{
    cpu->mxcsr_masks = v & X86_MXCSR_MASKS;
    cpu->fp_modes = v & (X86_MXCSR_FZ | X86_MXCSR_DAZ);
    cpu->base.frm = round_of_rc[v >> 13 & 3];
}

uint32_t x86_mxcsr(const X86Cpu *cpu)
{
    return mxcsr_modes(cpu) | (cpu->base.ff & 0x3f) | cpu->ff_before;
}

void x86_set_mxcsr(X86Cpu *cpu, uint32_t v)
{
    set_mxcsr_modes(cpu, v);
    cpu->base.ff = v & 0x3f;
    cpu->ff_before = 0;
}

uint64_t x86_helper_mxcsr_modes(ARGS)
{
    return mxcsr_modes(opaque);
}

/* As IrRound. */
uint64_t x86_helper_round(ARGS)
{
    return ((const X86Cpu *)opaque)->base.frm & 3;
}

uint64_t x86_helper_set_mxcsr_modes(ARGS)
{
    set_mxcsr_modes(opaque, (uint32_t)a);
    return 0;
}

/* ---- the processor ---- */

uint64_t x86_helper_cpuid(ARGS)
{
    X86Cpu *cpu = opaque;
    uint32_t r[4];
    if (cpu->base.mem)
        x86_machine_cpuid(opaque, (uint32_t)cpu->gpr[X86_RAX], (uint32_t)cpu->gpr[X86_RCX], r);
    else
        x86_cpuid(cpu, (uint32_t)cpu->gpr[X86_RAX], (uint32_t)cpu->gpr[X86_RCX], r);
    cpu->gpr[X86_RAX] = r[0];
    cpu->gpr[X86_RBX] = r[1];
    cpu->gpr[X86_RCX] = r[2];
    cpu->gpr[X86_RDX] = r[3];
    return 0;
}

uint64_t x86_helper_tsc(ARGS)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return sys_monotonic(1000000000);
#endif
}

/* What Linux puts there: node << 12 | cpu. */
uint64_t x86_helper_tsc_aux(ARGS)
{
    unsigned cpu = 0, node = 0;
    if (((X86Cpu *)opaque)->base.mem)
        return x86_machine(opaque)->sys.tsc_aux;
    sys_call3(SYS_getcpu, &cpu, &node, 0);
    return node << 12 | cpu;
}

/* ---- memory ---- */

/* a: address. Sets ZF alone. */
uint64_t x86_helper_cmpxchg16(ARGS)
{
    X86Cpu *cpu = opaque;
    uint64_t *g = cpu->gpr;
    uint64_t want[2] = {g[X86_RAX], g[X86_RDX]}, seen[2] = {want[0], want[1]};
    uint64_t desired[2] = {g[X86_RBX], g[X86_RCX]};
    if (a & 15) { /* #GP */
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
        return 1;
    }
    if (x86_mem_cas(cpu, a, seen, desired, 16))
        return x86_raise_fault(cpu, a, true);
    bool equal = seen[0] == want[0] && seen[1] == want[1];
    if (!equal) {
        g[X86_RAX] = seen[0];
        g[X86_RDX] = seen[1];
    }
    cpu->fl = equal ? cpu->fl | IR_FL_Z : cpu->fl & ~(uint32_t)IR_FL_Z;
    return 0;
}

/* Bytes from `at` on that can be had in one piece without crossing too much: what a signal may have to wait
 * for. */
enum { PIECE = 1 << 20 };

/* Index registers wrap where their mode has them end. */
static void wrap_index(X86Cpu *cpu)
{
    if (x86_cpu_is32(cpu)) {
        cpu->gpr[X86_RCX] = (uint32_t)cpu->gpr[X86_RCX];
        cpu->gpr[X86_RSI] = (uint32_t)cpu->gpr[X86_RSI];
        cpu->gpr[X86_RDI] = (uint32_t)cpu->gpr[X86_RDI];
    }
}

/* How many elements in one go. */
static uint64_t piece(const X86Cpu *cpu, unsigned bytes)
{
    uint64_t n = cpu->gpr[X86_RCX];
    return MIN(n, (uint64_t)PIECE / bytes);
}

/* Of them, those that the host can do: upward, not over the end of the addresses. */
static uint64_t for_host(const X86Cpu *cpu, unsigned bytes, bool two)
{
    uint64_t n = piece(cpu, bytes), last = MAX(cpu->gpr[X86_RDI], two ? cpu->gpr[X86_RSI] : 0);
    if (cpu->df)
        return 0;
    return x86_cpu_is32(cpu) ? MIN(n, ((1ull << 32) - last) / bytes) : n;
}

static unsigned log2_of(unsigned bytes)
{
    return (unsigned)__builtin_ctz(bytes);
}

static void advance(X86Cpu *cpu, uint64_t n, unsigned bytes, bool two)
{
    uint64_t by = cpu->df ? 0 - n * bytes : n * bytes;
    cpu->gpr[X86_RDI] += by;
    cpu->gpr[X86_RSI] += two ? by : 0;
    cpu->gpr[X86_RCX] -= n;
    wrap_index(cpu);
}

/* Returns 1 for a fault. */
static uint64_t move_one(X86Cpu *cpu, unsigned bytes)
{
    uint64_t *g = cpu->gpr;
    FaultVal v = x86_mem_ld(cpu, g[X86_RSI], bytes);
    if (v.fault)
        return x86_raise_fault(cpu, g[X86_RSI], false);
    if (x86_mem_st(cpu, g[X86_RDI], v.val, bytes))
        return x86_raise_fault(cpu, g[X86_RDI], true);
    advance(cpu, 1, bytes, true);
    return 0;
}

static uint64_t store_one(X86Cpu *cpu, unsigned bytes)
{
    uint64_t *g = cpu->gpr;
    if (x86_mem_st(cpu, g[X86_RDI], g[X86_RAX], bytes))
        return x86_raise_fault(cpu, g[X86_RDI], true);
    advance(cpu, 1, bytes, false);
    return 0;
}

/* n elements at rdi by the host; how many are left. */
static uint64_t bulk(X86Cpu *cpu, unsigned kind, uint64_t from, uint64_t n)
{
    uint64_t to = cpu->gpr[X86_RDI], left = fault_bulk(kind, to, from, n);
    IrNoteFn *note = cpu_hooks(&cpu->base)->note;
    if (UNLIKELY(note != NULL))
        ir_note_bulk(note, cpu, kind, to, from, n - left);
    return left;
}

/* What the host leaves, or one by one. */
uint64_t x86_helper_rep_movs(ARGS)
{
    X86Cpu *cpu = opaque;
    unsigned bytes = (unsigned)a;
    wrap_index(cpu); /* upper halves that are left of 64-bit code */
    uint64_t n = piece(cpu, bytes), host = for_host(cpu, bytes, true);
    cpu->store_in_c = 0;
    if (host) {
        uint64_t left = bulk(cpu, FAULT_COPY | log2_of(bytes), cpu->gpr[X86_RSI], host);
        advance(cpu, host - left, bytes, true);
        return left ? move_one(cpu, bytes) : 0;
    }
    while (n--)
        if (move_one(cpu, bytes))
            return 1;
    return 0;
}

uint64_t x86_helper_rep_stos(ARGS)
{
    X86Cpu *cpu = opaque;
    unsigned bytes = (unsigned)a;
    wrap_index(cpu); /* upper halves that are left of 64-bit code */
    uint64_t n = piece(cpu, bytes), host = for_host(cpu, bytes, false);
    cpu->store_in_c = 0;
    if (host) {
        uint64_t left = bulk(cpu, FAULT_FILL | log2_of(bytes), cpu->gpr[X86_RAX], host);
        advance(cpu, host - left, bytes, false);
        return left ? store_one(cpu, bytes) : 0;
    }
    while (n--)
        if (store_one(cpu, bytes))
            return 1;
    return 0;
}

/* rep scas, rep cmps; a: FaultBulk, log2 of an element's bytes. */
uint64_t x86_helper_rep_scan(ARGS)
{
    X86Cpu *cpu = opaque;
    unsigned bytes = 1u << (a & 3), kind = a & ~3u;
    bool two = kind == FAULT_MATCH || kind == FAULT_COMPARE, while_equal = kind >= FAULT_SKIP;
    uint64_t *g = cpu->gpr;
    wrap_index(cpu);
    cpu->store_in_c = 0;
    bool equal = while_equal;
    for (uint64_t n = piece(cpu, bytes); n && equal == while_equal; n--) {
        FaultVal y = x86_mem_ld(cpu, g[X86_RDI], bytes); /* first, as Zen does */
        if (y.fault)
            return x86_raise_fault(cpu, g[X86_RDI], false);
        FaultVal x = two ? x86_mem_ld(cpu, g[X86_RSI], bytes) : (FaultVal){.val = g[X86_RAX]};
        if (x.fault)
            return x86_raise_fault(cpu, g[X86_RSI], false);
        IrType t = x86_type(bytes);
        cpu->fl = (uint32_t)ir_eval_fl(IR_FLCMP, t, ir_canon(t, x.val), y.val, false);
        equal = ir_canon(t, x.val) == y.val;
        advance(cpu, 1, bytes, two);
    }
    return 0;
}

/* maskmovdqu: a address; b: source | mask << 8 */
uint64_t x86_helper_maskmov(ARGS)
{
    X86Cpu *cpu = opaque;
    bool mmx = b >> 16;
    x86_fpu_settle(cpu);
    const uint8_t *from = (const uint8_t *)cpu->zmm[b & 15], *mask = (const uint8_t *)cpu->zmm[b >> 8 & 15];
    if (mmx) {
        from = (const uint8_t *)&cpu->fpu.st[b & 7].sig;
        mask = (const uint8_t *)&cpu->fpu.st[b >> 8 & 7].sig;
    }
    for (unsigned k = 0; k < (mmx ? 8u : 16u); k++)
        if (mask[k] >> 7 && x86_mem_st(cpu, a + k, from[k], 1))
            return x86_raise_fault(cpu, a + k, true);
    return 0;
}
