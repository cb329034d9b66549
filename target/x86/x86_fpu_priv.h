/* x87 by the host's own instructions, see x86_fpu.c; and the guest's stack, flags and tags. Private to
 * x86_fpu*.c. */
#ifndef TARGET_X86_X86_FPU_PRIV_H
#define TARGET_X86_X86_FPU_PRIV_H

#include "base/fault.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_trans.h"

enum {
    IE = 1,
    DE = 2,
    ZE = 4,
    OE = 8,
    UE = 16,
    PE = 32,
    SF = 0x40,
    ES = 0x80,
    C0 = 0x100,
    C1 = 0x200,
    C2 = 0x400,
    C3 = 0x4000,
    CC = C0 | C1 | C2 | C3,
    FLAGS = 0x3f
};

typedef struct F80 {
    uint64_t sig;
    uint16_t exp;
} __attribute__((packed)) F80;

/* What the host's unit had to say. */
typedef struct Host {
    uint16_t cw, sw;
    uint16_t known; /* PE if the guest has it anyway: of the host it says nothing then */
} Host;

static const F80 indefinite = {0xc000000000000000, 0xffff};

static inline unsigned top(const X86Fpu *u)
{
    return u->sw >> 11 & 7;
}
static inline unsigned phys(const X86Fpu *u, unsigned i)
{
    return (top(u) + i) & 7;
}
static inline bool is_empty(const X86Fpu *u, unsigned i)
{
    return u->empty >> phys(u, i) & 1;
}
static inline void set_top(X86Fpu *u, unsigned n)
{
    u->sw = (uint16_t)((u->sw & ~0x3800) | (n & 7) << 11);
}

static inline F80 get(const X86Fpu *u, unsigned i)
{
    return (F80){u->st[phys(u, i)].sig, u->st[phys(u, i)].exp};
}

static inline bool is_nan(F80 v)
{
    return (v.exp & 0x7fff) == 0x7fff && v.sig << 1;
}

static inline void put(X86Fpu *u, unsigned i, F80 v)
{
    u->st[phys(u, i)].sig = v.sig;
    u->st[phys(u, i)].exp = v.exp;
    u->empty &= (uint8_t) ~(1u << phys(u, i));
}

static inline void pop(X86Fpu *u)
{
    u->empty |= (uint8_t)(1u << phys(u, 0));
    set_top(u, top(u) + 1);
}

/* ES and B follow from the flags and the masks. */
static inline void summary(X86Fpu *u)
{
    bool on = u->sw & ~u->cw & FLAGS;
    u->sw = (uint16_t)(on ? u->sw | 0x8080 : u->sw & ~0x8080);
}

static inline void raise(X86Fpu *u, uint16_t flags)
{
    u->sw |= flags;
    summary(u);
}

/* Stack fault: C1 says overflow. */
static inline void stack_fault(X86Fpu *u, bool overflow)
{
    u->sw = (uint16_t)((u->sw & ~C1) | (overflow ? C1 : 0));
    raise(u, IE | SF);
}

static inline bool need(X86Fpu *u, unsigned i)
{
    if (!is_empty(u, i))
        return true;
    stack_fault(u, false);
    return false;
}

/* Flags of the host's status word join the guest's; condition codes of `which` are taken over. */
static inline void take(X86Fpu *u, Host h, uint16_t which)
{
    u->sw = (uint16_t)((u->sw & ~which) | (h.sw & which) | (h.sw & FLAGS));
    summary(u);
}

static inline void push(X86Fpu *u, F80 v)
{
    if (!is_empty(u, 7)) {
        stack_fault(u, true);
        v = indefinite;
    }
    set_top(u, top(u) - 1);
    put(u, 0, v);
}

static inline Host host_of(const X86Fpu *u)
{
    return (Host){.cw = (uint16_t)((u->cw & 0x1f00) | 0x7f), .known = u->sw & PE};
}

/* Between helpers the host's unit is empty and its control word the usual one; its flags are anything. The
 * pattern of all: host_begin(), loads, the instruction, fnstsw, stores, host_end(). The status word is taken
 * before the results are stored, since those may raise as well, but for stores that are the instruction
 * itself. fninit, fnclex and fldcw are slow: the flag PE may stay where the guest has it anyway. */
#define LEAVE "fnstsw %[sw]; "
enum { USUAL_CW = 0x37f };

#ifdef __x86_64__
static inline void host_begin(const Host *h)
{
    uint16_t sw;
    __asm__ volatile("fnstsw %0" : "=a"(sw));
    if (sw & FLAGS & ~h->known)
        __asm__ volatile("fnclex");
    if (h->cw != USUAL_CW)
        __asm__ volatile("fldcw %0" ::"m"(h->cw));
}

static inline void host_end(const Host *h)
{
    static const uint16_t usual = USUAL_CW;
    if (h->cw != USUAL_CW)
        __asm__ volatile("fldcw %0" ::"m"(usual));
}

#define DROP "; fstp %%st(0)"
#define UNARY(name, insn)                                                                                    \
    static inline F80 name(Host *h, F80 a)                                                                   \
    {                                                                                                        \
        F80 r;                                                                                               \
        host_begin(h);                                                                                       \
        __asm__ volatile("fldt %[a]; " insn "; " LEAVE "fstpt %[r]"                                          \
                         : [r] "=m"(r), [sw] "=m"(h->sw)                                                     \
                         : [a] "m"(a)                                                                        \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
        return r;                                                                                            \
    }
/* st0 = a, st1 = b; the result is in st0, the other is dropped */
#define BINARY(name, insn, drop)                                                                             \
    static inline F80 name(Host *h, F80 a, F80 b)                                                            \
    {                                                                                                        \
        F80 r;                                                                                               \
        host_begin(h);                                                                                       \
        __asm__ volatile("fldt %[b]; fldt %[a]; " insn "; " LEAVE "fstpt %[r]" drop                          \
                         : [r] "=m"(r), [sw] "=m"(h->sw)                                                     \
                         : [a] "m"(a), [b] "m"(b)                                                            \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
        return r;                                                                                            \
    }
/* two results, st0 and st1 */
#define TWO(name, insn)                                                                                      \
    static inline F80 name(Host *h, F80 a, F80 *ret_st1)                                                     \
    {                                                                                                        \
        F80 r, s;                                                                                            \
        host_begin(h);                                                                                       \
        __asm__ volatile("fldt %[a]; " insn "; " LEAVE "fstpt %[r]; fstpt %[s]"                              \
                         : [r] "=m"(r), [s] "=m"(s), [sw] "=m"(h->sw)                                        \
                         : [a] "m"(a)                                                                        \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
        *ret_st1 = s;                                                                                        \
        return r;                                                                                            \
    }
#define COMPARE(name, insn)                                                                                  \
    static inline void name(Host *h, F80 a, F80 b)                                                           \
    {                                                                                                        \
        host_begin(h);                                                                                       \
        __asm__ volatile("fldt %[b]; fldt %[a]; " insn "; " LEAVE DROP DROP                                  \
                         : [sw] "=m"(h->sw)                                                                  \
                         : [a] "m"(a), [b] "m"(b)                                                            \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
    }
#define LOAD(name, insn, type)                                                                               \
    static inline F80 name(Host *h, type v)                                                                  \
    {                                                                                                        \
        F80 r;                                                                                               \
        host_begin(h);                                                                                       \
        __asm__ volatile(insn " %[v]; " LEAVE "fstpt %[r]"                                                   \
                         : [r] "=m"(r), [sw] "=m"(h->sw)                                                     \
                         : [v] "m"(v)                                                                        \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
        return r;                                                                                            \
    }
#define STORE(name, insn, type)                                                                              \
    static inline type name(Host *h, F80 a)                                                                  \
    {                                                                                                        \
        type v;                                                                                              \
        host_begin(h);                                                                                       \
        __asm__ volatile("fldt %[a]; " insn " %[v]; " LEAVE                                                  \
                         : [v] "=m"(v), [sw] "=m"(h->sw)                                                     \
                         : [a] "m"(a)                                                                        \
                         : "memory");                                                                        \
        host_end(h);                                                                                         \
        return v;                                                                                            \
    }
#else
#error "an f80 in C is missing for hosts that are not x86"
#endif

UNARY(do_chs, "fchs")
UNARY(do_abs, "fabs")
UNARY(do_sqrt, "fsqrt")
UNARY(do_rndint, "frndint")
UNARY(do_2xm1, "f2xm1")
UNARY(do_sin, "fsin")
UNARY(do_cos, "fcos")
UNARY(do_tst, "ftst")
UNARY(do_xam, "fxam")
BINARY(do_add, "fadd %%st(1), %%st", DROP)
BINARY(do_mul, "fmul %%st(1), %%st", DROP)
BINARY(do_sub, "fsub %%st(1), %%st", DROP)
BINARY(do_subr, "fsubr %%st(1), %%st", DROP)
BINARY(do_div, "fdiv %%st(1), %%st", DROP)
BINARY(do_divr, "fdivr %%st(1), %%st", DROP)
BINARY(do_scale, "fscale", DROP)
BINARY(do_prem, "fprem", DROP)
BINARY(do_prem1, "fprem1", DROP)
BINARY(do_patan, "fpatan", "")
BINARY(do_yl2x, "fyl2x", "")
BINARY(do_yl2xp1, "fyl2xp1", "")
TWO(do_xtract, "fxtract")
COMPARE(do_com, "fcom %%st(1)")
COMPARE(do_ucom, "fucom %%st(1)")
LOAD(ld_f32, "flds", uint32_t)
LOAD(ld_f64, "fldl", uint64_t)
LOAD(ld_i16, "filds", uint16_t)
LOAD(ld_i32, "fildl", uint32_t)
LOAD(ld_i64, "fildll", uint64_t)
LOAD(ld_bcd, "fbld", F80)
STORE(st_f32, "fstps", uint32_t)
STORE(st_f64, "fstpl", uint64_t)
STORE(st_i16, "fistps", uint16_t)
STORE(st_i32, "fistpl", uint32_t)
STORE(st_i64, "fistpll", uint64_t)
STORE(st_t16, "fisttps", uint16_t)
STORE(st_t32, "fisttpl", uint32_t)
STORE(st_t64, "fisttpll", uint64_t)
STORE(st_bcd, "fbstp", F80)

/* fptan, fsincos: st1 is not there when the operand is out of range. */
static inline F80 do_two_of(Host *h, F80 a, bool tan, F80 *ret_st0, bool *ret_far)
{
    F80 r = a, s = a;
    if (tan)
        __asm__ volatile("fninit; fldcw %[cw]; fldt %[a]; fptan; " LEAVE "fstpt %[r]; fstpt %[s]; fninit"
                         : [r] "=m"(r), [s] "=m"(s), [sw] "=m"(h->sw)
                         : [cw] "m"(h->cw), [a] "m"(a)
                         : "memory");
    else
        __asm__ volatile("fninit; fldcw %[cw]; fldt %[a]; fsincos; " LEAVE "fstpt %[r]; fstpt %[s]; fninit"
                         : [r] "=m"(r), [s] "=m"(s), [sw] "=m"(h->sw)
                         : [cw] "m"(h->cw), [a] "m"(a)
                         : "memory");
    *ret_far = h->sw & C2;
    *ret_st0 = r;
    return s;
}

/* fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz: they look at the rounding. */
static inline F80 constant(const X86Fpu *u, unsigned which)
{
    Host h = host_of(u);
    F80 r;
#define CONSTANT(n, insn)                                                                                    \
    case n:                                                                                                  \
        __asm__ volatile("fninit; fldcw %[cw]; " insn "; fstpt %[r]; fninit"                                 \
                         : [r] "=m"(r)                                                                       \
                         : [cw] "m"(h.cw));                                                                  \
        break;
    switch (which) {
        CONSTANT(0, "fld1")
        CONSTANT(1, "fldl2t")
        CONSTANT(2, "fldl2e")
        CONSTANT(3, "fldpi")
        CONSTANT(4, "fldlg2")
        CONSTANT(5, "fldln2")
    default: CONSTANT(6, "fldz")
    }
#undef CONSTANT
    return r;
}

/* x86_fpu.c, x86_fpu_mem.c */
void x86_fpu_arith_memory(X86Fpu *u, unsigned op, F80 v, uint16_t raised);
uint64_t x86_fpu_memory(X86Cpu *cpu, unsigned opc, unsigned op, uint64_t addr, bool *ret_bad);

#endif
