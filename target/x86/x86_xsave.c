/* The XSAVE family: x87, SSE and AVX state. Sources: Intel SDM volume 1, chapter 13; AMD64 APM volume
 * 2, 11.5. */
#include "base/fault.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_trans.h"

#define ARGS void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d

enum { X87 = 1, SSE = 2, AVX = 4, HEADER = 512, AVX_AT = 576 };
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
        v |= (is_zero(cpu->ymm[r], 2) ? 0u : SSE) | (is_zero(cpu->ymm[r] + 2, 2) ? 0u : AVX);
    return v;
}

void x86_xsave(const X86Cpu *cpu, X86XsaveKind kind, uint32_t mxcsr, uint64_t want,
               uint8_t image[X86_XSAVE_BYTES])
{
    uint8_t old[X86_FXSAVE_BYTES];
    uint64_t used = in_use(cpu), header[2];
    memcpy(old, image, sizeof old);
    memcpy(header, image + HEADER, sizeof header);
    if (kind == X86_XSAVEC && mxcsr != 0x1f80)
        used |= SSE;
    uint64_t put = kind == X86_XSAVE ? want : want & used;
    bool csr = kind == X86_XSAVEC ? put & SSE : want & (SSE | AVX);
    x86_fxsave(cpu, mxcsr, image);
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
    for (unsigned r = 0; put & AVX && r < n; r++)
        memcpy(image + AVX_AT + 16 * r, cpu->ymm[r] + 2, 16);
    header[0] = kind == X86_XSAVEC ? want & used : (header[0] & ~want) | (want & used);
    if (kind == X86_XSAVEC)
        header[1] = want | compact;
    memcpy(image + HEADER, header, sizeof header);
}

static bool header_ok(const uint64_t h[8], uint32_t mxcsr, uint64_t want)
{
    uint64_t form = h[1] & compact ? h[1] & ~compact : X86_XCR0;
    if ((h[0] & ~(uint64_t)X86_XCR0) || (form & ~(uint64_t)X86_XCR0) || (h[0] & ~form))
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
        memcpy(low[r], cpu->ymm[r], 16);
    memcpy(legacy, image, sizeof legacy);
    x86_fxrstor(cpu, legacy);
    if (!(want & X87))
        cpu->fpu = saved;
    else if (!(from & X87)) {
        memset(&cpu->fpu, 0, sizeof cpu->fpu);
        x86_fpu_init(&cpu->fpu);
    }
    for (unsigned r = 0; !(want & from & SSE) && r < 16; r++)
        want &SSE ? memset(cpu->ymm[r], 0, 16) : memcpy(cpu->ymm[r], low[r], 16);
}

bool x86_xrstor(X86Cpu *cpu, uint64_t want, const uint8_t image[X86_XSAVE_BYTES])
{
    uint64_t h[8];
    uint32_t mxcsr;
    memcpy(h, image + HEADER, sizeof h);
    memcpy(&mxcsr, image + 24, 4);
    if (!header_ok(h, mxcsr, want))
        return false;
    restore_legacy(cpu, want, h[0], image);
    if (h[1] & compact ? want & h[0] & SSE : want & (SSE | AVX))
        x86_set_mxcsr(cpu, mxcsr);
    else if (h[1] & compact && want & SSE)
        x86_set_mxcsr(cpu, 0x1f80);
    for (unsigned r = 0; want & AVX && r < x86_vector_registers(cpu); r++)
        h[0] & AVX ? memcpy(cpu->ymm[r] + 2, image + AVX_AT + 16 * r, 16) : memset(cpu->ymm[r] + 2, 0, 16);
    return true;
}

/* ---- instructions ---- */

static uint64_t raise_fault(X86Cpu *cpu, uint64_t addr, bool write)
{
    cpu->base.exit.kind = CPU_EXIT_FAULT;
    cpu->base.exit.write = write;
    cpu->base.exit.addr = addr;
    return 1;
}

static uint64_t protection(X86Cpu *cpu)
{
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
    return 1;
}

static uint64_t wanted(const X86Cpu *cpu)
{
    bool avx = x86_model_has((X86Model)cpu->model, X86_FEAT_AVX);
    return (avx ? X86_XCR0 : X87 | SSE) & ((cpu->gpr[X86_RAX] & 0xffffffff) | cpu->gpr[X86_RDX] << 32);
}

static size_t bytes_of(uint64_t want)
{
    return want & AVX ? X86_XSAVE_BYTES : AVX_AT;
}

uint64_t x86_helper_xsave(ARGS)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_XSAVE_BYTES];
    uint64_t want = wanted(cpu);
    if (a & 63)
        return protection(cpu);
    if (fault_copy(image, (const void *)a, bytes_of(want)))
        return raise_fault(cpu, a, true);
    x86_xsave(cpu, (X86XsaveKind)c, (x86_mxcsr(cpu) & ~0x3fu) | (uint32_t)b, want, image);
    if (fault_copy((void *)a, image, bytes_of(want)))
        return raise_fault(cpu, a, true);
    return 0;
}

uint64_t x86_helper_xrstor(ARGS)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_XSAVE_BYTES] = {0};
    uint64_t want = wanted(cpu);
    if (a & 63)
        return protection(cpu);
    if (fault_copy(image, (const void *)a, bytes_of(want)))
        return raise_fault(cpu, a, false);
    cpu->base.ff = (uint32_t)b;
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
    uint64_t v = x86_model_has((X86Model)cpu->model, X86_FEAT_AVX) ? X86_XCR0 : X87 | SSE;
    if (which == 1 && x86_model_has((X86Model)cpu->model, X86_FEAT_XGETBV1))
        v &= in_use(cpu);
    else if (which)
        return protection(cpu);
    cpu->gpr[X86_RAX] = v;
    cpu->gpr[X86_RDX] = 0;
    return 0;
}
