/* The XSAVE family: x87, SSE, AVX and AVX-512 state, of machines the rights of keys (PKRU), too. Sources:
 * Intel SDM volume 1, chapter 13; AMD64 APM volume 2, 11.5. */
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

/* XCR0. */
static uint64_t enabled(const X86Cpu *cpu)
{
    return cpu->base.mem ? ((const X86Machine *)cpu)->sys.xcr0 : x86_xcr0(cpu);
}

#define ARGS void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d

enum { X87 = X86_XC_X87, SSE = X86_XC_SSE, AVX = X86_XC_AVX, HEADER = 512 };
enum { K = 1 << 5, UPPER = 1 << 6, HIGH = 1 << 7 }; /* masks, upper halves of zmm0 to 15, zmm16 to 31 */
static const uint64_t compact = 1ull << 63;

static bool is_zero(const uint64_t *p, unsigned n)
{
    uint64_t any = 0;
    for (unsigned k = 0; k < n; k++)
        any |= p[k];
    return any == 0;
}

static bool fresh_x87(const X86Fpu *u)
{
    X86Fpu init = {.cw = 0x37f, .empty = 0xff};
    return memcmp(u, &init, sizeof init) == 0;
}

/* Which components are not in their initial state. */
static uint64_t in_use(const X86Cpu *cpu)
{
    uint64_t v = fresh_x87(&cpu->fpu) ? 0 : X87;
    for (unsigned r = 0; r < 16; r++)
        v |= (is_zero(cpu->zmm[r], 2) ? 0u : SSE) | (is_zero(cpu->zmm[r] + 2, 2) ? 0u : AVX) |
             (is_zero(cpu->zmm[r] + 4, 4) ? 0u : UPPER) | (is_zero(cpu->zmm[r + 16], 8) ? 0u : HIGH);
    if (cpu->base.mem && ((const X86Machine *)cpu)->sys.pkru)
        v |= X86_XC_PKRU;
    return v | (is_zero(cpu->k, 8) ? 0u : K);
}

/* Where a component stands: of the compacted form, `form` says which are there. */
static uint32_t place(const X86Cpu *cpu, unsigned bit, uint64_t form)
{
    uint32_t at = 576;
    if (!(form & compact))
        return x86_xsave_at(cpu, bit);
    for (unsigned k = 2; k < bit; k++)
        at += form >> k & 1 ? x86_xsave_size(k) : 0;
    return at;
}

/* Copies a component from bit 2 on from the cpu, or to it: from an image, or zeros. */
static void copy_out(const X86Cpu *cpu, unsigned bit, uint8_t *p)
{
    unsigned n = x86_vector_registers(cpu);
    for (unsigned r = 0; r < n; r++) {
        if (bit == 2)
            memcpy(p + 16 * r, cpu->zmm[r] + 2, 16);
        else if (bit == 6)
            memcpy(p + 32 * r, cpu->zmm[r] + 4, 32);
        else if (bit == 7 && n == 16)
            memcpy(p + 64 * r, cpu->zmm[16 + r], 64);
    }
    if (bit == 5)
        memcpy(p, cpu->k, sizeof cpu->k);
    if (bit == 9) {
        const uint64_t keys = ((const X86Machine *)cpu)->sys.pkru;
        memcpy(p, &keys, sizeof keys);
    }
}

static void copy_in(X86Cpu *cpu, unsigned bit, const uint8_t *p)
{
    static const uint8_t zeros[1024];
    p = p ? p : zeros;
    unsigned n = x86_vector_registers(cpu);
    for (unsigned r = 0; r < n; r++) {
        if (bit == 2)
            memcpy(cpu->zmm[r] + 2, p + 16 * r, 16);
        else if (bit == 6)
            memcpy(cpu->zmm[r] + 4, p + 32 * r, 32);
        else if (bit == 7 && n == 16)
            memcpy(cpu->zmm[16 + r], p + 64 * r, 64);
    }
    if (bit == 5)
        memcpy(cpu->k, p, sizeof cpu->k);
    if (bit == 6)
        cpu->zmm_used = p != zeros;
    if (bit == 9)
        x86_set_pkru(x86_machine(cpu), ld_u32(p));
}

void x86_xsave(const X86Cpu *cpu, X86XsaveKind how, uint32_t mxcsr, uint64_t want,
               uint8_t image[X86_XSAVE_BYTES])
{
    const X86XsaveKind kind = how & ~X86_XSAVE_NARROW;
    uint8_t old[X86_FXSAVE_BYTES];
    uint64_t used = in_use(cpu), header[2];
    memcpy(old, image, sizeof old);
    memcpy(header, image + HEADER, sizeof header);
    if (kind == X86_XSAVEC && mxcsr != 0x1f80)
        used |= SSE;
    uint64_t put = kind == X86_XSAVE ? want : want & used;
    bool csr = kind == X86_XSAVEC ? put & SSE : want & (SSE | AVX);
    x86_fxsave(cpu, mxcsr, image);
    if (how & X86_XSAVE_NARROW)
        x86_narrow_pointers(image);
    if (!(put & X87)) {
        memcpy(image, old, 24);
        memcpy(image + 32, old + 32, 128);
    }
    if (!csr)
        memcpy(image + 24, old + 24, 8);
    unsigned n = x86_vector_registers(cpu), used_bytes = 160 + 16 * n;
    if (!(put & SSE))
        memcpy(image + 160, old + 160, 16 * n);
    memcpy(image + used_bytes, old + used_bytes, X86_FXSAVE_BYTES - used_bytes);
    for (unsigned bit = 2; bit < X86_XC_END; bit++)
        if (put >> bit & 1)
            copy_out(cpu, bit, image + place(cpu, bit, kind == X86_XSAVEC ? want | compact : 0));
    header[0] = kind == X86_XSAVEC ? want & used : (header[0] & ~want) | (want & used);
    if (kind == X86_XSAVEC)
        header[1] = want | compact;
    memcpy(image + HEADER, header, sizeof header);
}

static bool header_ok(const X86Cpu *cpu, const uint64_t h[8], uint32_t mxcsr, uint64_t want)
{
    uint64_t all = enabled(cpu), form = h[1] & compact ? h[1] & ~compact : all;
    if ((h[0] & ~all) || (form & ~all) || (h[0] & ~form))
        return false;
    if (!(h[1] & compact) && (h[1] || h[2]))
        return false;
    if (h[1] & compact && !is_zero(h + 2, 6))
        return false;
    bool csr = h[1] & compact ? want & h[0] & SSE : want & (SSE | AVX);
    return !csr || !(mxcsr & ~(uint32_t)X86_MXCSR_VALID);
}

static void restore_legacy(X86Cpu *cpu, uint64_t want, uint64_t from, const uint8_t *image)
{
    uint8_t legacy[X86_FXSAVE_BYTES];
    X86Fpu saved = cpu->fpu;
    uint64_t low[16][2];
    for (unsigned r = 0; r < 16; r++)
        memcpy(low[r], cpu->zmm[r], 16);
    memcpy(legacy, image, sizeof legacy);
    x86_fxrstor(cpu, legacy);
    if (!(want & X87))
        cpu->fpu = saved;
    else if (!(from & X87)) {
        memset(&cpu->fpu, 0, sizeof cpu->fpu);
        x86_fpu_init(&cpu->fpu);
    }
    for (unsigned r = 0; !(want & from & SSE) && r < 16; r++)
        want &SSE ? memset(cpu->zmm[r], 0, 16) : memcpy(cpu->zmm[r], low[r], 16);
}

bool x86_xrstor(X86Cpu *cpu, uint64_t want, const uint8_t image[X86_XSAVE_BYTES])
{
    uint64_t h[8];
    uint32_t mxcsr;
    memcpy(h, image + HEADER, sizeof h);
    memcpy(&mxcsr, image + 24, 4);
    if (!header_ok(cpu, h, mxcsr, want))
        return false;
    restore_legacy(cpu, want, h[0], image);
    if (h[1] & compact ? want & h[0] & SSE : want & (SSE | AVX))
        x86_set_mxcsr(cpu, mxcsr);
    else if (h[1] & compact && want & SSE)
        x86_set_mxcsr(cpu, 0x1f80);
    for (unsigned bit = 2; bit < X86_XC_END; bit++)
        if (want >> bit & 1)
            copy_in(cpu, bit, h[0] >> bit & 1 ? image + place(cpu, bit, h[1]) : NULL);
    return true;
}

/* ---- instructions ---- */

static uint64_t protection(X86Cpu *cpu)
{
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
    return 1;
}

static uint64_t wanted(const X86Cpu *cpu)
{
    return enabled(cpu) & ((cpu->gpr[X86_RAX] & 0xffffffff) | cpu->gpr[X86_RDX] << 32);
}

/* form: as XCOMP_BV has it, of the compacted one. */
static size_t bytes_of(const X86Cpu *cpu, uint64_t want, uint64_t form)
{
    return form & compact ? place(cpu, X86_XC_END, form) : x86_xsave_bytes(cpu, want);
}

uint64_t x86_helper_xsave(ARGS)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_XSAVE_BYTES];
    uint64_t want = wanted(cpu);
    size_t n = bytes_of(cpu, want, (c & ~(uint64_t)X86_XSAVE_NARROW) == X86_XSAVEC ? want | compact : 0);
    if (a & 63)
        return protection(cpu);
    if (x86_copy_in(cpu, image, a, n))
        return x86_raise_fault(cpu, a, true);
    x86_fpu_settle(cpu);
    x86_xsave(cpu, (X86XsaveKind)c, (x86_mxcsr(cpu) & ~0x3fu) | (uint32_t)b, want, image);
    if (x86_copy_out(cpu, a, image, n))
        return x86_raise_fault(cpu, a, true);
    return 0;
}

uint64_t x86_helper_xrstor(ARGS)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_XSAVE_BYTES] = {0};
    uint64_t want = wanted(cpu), form;
    if (a & 63)
        return protection(cpu);
    if (x86_copy_in(cpu, image, a, bytes_of(cpu, 0, 0)))
        return x86_raise_fault(cpu, a, false);
    memcpy(&form, image + HEADER + 8, sizeof form);
    if (x86_copy_in(cpu, image, a, MIN(bytes_of(cpu, want, form), sizeof image)))
        return x86_raise_fault(cpu, a, false);
    if (c)
        x86_narrow_pointers(image);
    cpu->base.ff = (uint32_t)b;
    x86_fpu_settle(cpu);
    return x86_xrstor(cpu, want, image) ? 0 : protection(cpu);
}

uint64_t x86_helper_sticky(ARGS)
{
    return ((X86Cpu *)opaque)->base.ff & 0x3f;
}

uint64_t x86_helper_xgetbv(ARGS)
{
    X86Cpu *cpu = opaque;
    uint32_t which = (uint32_t)cpu->gpr[X86_RCX];
    uint64_t v = enabled(cpu);
    if (cpu->base.mem && !(x86_machine(cpu)->sys.cr4 & X86_CR4_OSXSAVE))
        return x86_raise_vector(x86_machine(cpu), X86_V_UD, 0);
    if (which == 1 && x86_cpu_has(cpu, X86_FEAT_XGETBV1))
        x86_fpu_settle(cpu), v &= in_use(cpu);
    else if (which)
        return protection(cpu);
    cpu->gpr[X86_RAX] = v;
    cpu->gpr[X86_RDX] = 0;
    return 0;
}
