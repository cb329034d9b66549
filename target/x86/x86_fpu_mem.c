/* Images of the x87 unit in memory: environments, fsave, fxsave. */
#include "target/x86/x86_fpu_priv.h"

static unsigned tag_of(const X86Fpu *u, unsigned p)
{
    uint16_t exp = u->st[p].exp & 0x7fff;
    if (u->empty >> p & 1)
        return 3;
    if (exp == 0)
        return u->st[p].sig ? 2 : 1;
    return exp == 0x7fff || !(u->st[p].sig >> 63) ? 2 : 0;
}

enum { ENV_BYTES = 28 };

static void save_env(const X86Fpu *u, uint8_t out[ENV_BYTES])
{
    uint32_t w[7] = {0xffff0000u | u->cw,    0xffff0000u | u->sw, 0xffff0000u, (uint32_t)u->fip,
                     (uint32_t)u->fop << 16, (uint32_t)u->fdp,    0xffff0000u};
    for (unsigned p = 0; p < 8; p++)
        w[2] |= tag_of(u, p) << 2 * p;
    memcpy(out, w, sizeof w);
}

static void load_env(X86Fpu *u, const uint8_t in[ENV_BYTES])
{
    uint32_t w[7];
    memcpy(w, in, sizeof w);
    u->cw = (uint16_t)((w[0] & 0x1f7f) | 0x40);
    u->sw = (uint16_t)w[1];
    u->empty = 0;
    for (unsigned p = 0; p < 8; p++)
        u->empty |= (uint8_t)(((w[2] >> 2 * p & 3) == 3) << p);
    u->fip = w[3];
    u->fop = w[4] >> 16 & 0x7ff;
    u->fdp = w[5];
    x87_summary(u);
}

void x86_fsave(const X86Fpu *u, uint8_t out[X86_FSAVE_BYTES])
{
    save_env(u, out);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(out + ENV_BYTES + 10 * i, &u->st[x87_phys(u, i)].sig, 8);
        memcpy(out + ENV_BYTES + 10 * i + 8, &u->st[x87_phys(u, i)].exp, 2);
    }
}

void x86_frstor(X86Fpu *u, const uint8_t in[X86_FSAVE_BYTES])
{
    load_env(u, in);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&u->st[x87_phys(u, i)].sig, in + ENV_BYTES + 10 * i, 8);
        memcpy(&u->st[x87_phys(u, i)].exp, in + ENV_BYTES + 10 * i + 8, 2);
    }
}

/* The form of a 16-bit operand size: the lower halves of the seven words; what follows is the same. */
enum { SMALL_ENV_BYTES = ENV_BYTES / 2 };

static void to_small(uint8_t image[X86_FSAVE_BYTES])
{
    for (unsigned k = 1; k < ENV_BYTES / 4; k++)
        memcpy(image + 2 * k, image + 4 * k, 2);
    memmove(image + SMALL_ENV_BYTES, image + ENV_BYTES, X86_FSAVE_BYTES - ENV_BYTES);
}

static void from_small(uint8_t image[X86_FSAVE_BYTES])
{
    memmove(image + ENV_BYTES, image + SMALL_ENV_BYTES, X86_FSAVE_BYTES - ENV_BYTES);
    for (unsigned k = ENV_BYTES / 4; k-- > 0;) {
        memmove(image + 4 * k, image + 2 * k, 2);
        memset(image + 4 * k + 2, 0, 2);
    }
}

enum { IS_STORE = 1, IS_ALL = 2, IS_SMALL = 4 };

static uint64_t environment(X86Cpu *cpu, unsigned how, uint64_t addr)
{
    X86Fpu *u = &cpu->fpu;
    uint8_t image[X86_FSAVE_BYTES];
    size_t n =
        (how & IS_SMALL ? SMALL_ENV_BYTES : ENV_BYTES) + (how & IS_ALL ? X86_FSAVE_BYTES - ENV_BYTES : 0);
    if (!(how & IS_STORE)) {
        if (x86_copy_in(cpu, image, addr, n))
            return x86_raise_fault(cpu, addr, false);
        if (how & IS_SMALL)
            from_small(image);
        how &IS_ALL ? x86_frstor(u, image) : load_env(u, image);
        return 0;
    }
    x86_fsave(u, image);
    if (how & IS_SMALL)
        to_small(image);
    if (x86_copy_out(cpu, addr, image, n))
        return x86_raise_fault(cpu, addr, true);
    if (how & IS_ALL)
        x86_fpu_init(u);
    else
        u->cw |= 0x3f;
    x87_summary(u);
    return 0;
}

/* a: fldenv fnstenv frstor fnsave, | 4 with 16 bits; b: address */
uint64_t x86_helper_x87_env(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    x86_fpu_settle(cpu);
    if (!(a & IS_STORE) && (cpu->fpu.sw & X87_ES)) { /* the others do not wait */
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_FLOAT, .code = cpu->fpu.sw & ~cpu->fpu.cw & X87_FLAGS};
        return 1;
    }
    return environment(cpu, (unsigned)a, b);
}

/* ---- fxsave ---- */

void x86_fxsave(const X86Cpu *cpu, uint32_t mxcsr, uint8_t out[X86_FXSAVE_BYTES])
{
    const X86Fpu *u = &cpu->fpu;
    const uint32_t mask = X86_MXCSR_VALID;
    uint8_t valid = (uint8_t)~u->empty;
    memset(out, 0, X86_FXSAVE_BYTES);
    memcpy(out, &u->cw, 2);
    memcpy(out + 2, &u->sw, 2);
    out[4] = valid;
    if ((u->sw & X87_ES) || !x86_model_is_amd((X86Model)cpu->model)) { /* else AMD's leave them zero */
        memcpy(out + 6, &u->fop, 2);
        memcpy(out + 8, &u->fip, 8);
        memcpy(out + 16, &u->fdp, 8);
    }
    memcpy(out + 24, &mxcsr, 4);
    memcpy(out + 28, &mask, 4);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(out + 32 + 16 * i, &u->st[x87_phys(u, i)].sig, 8);
        memcpy(out + 40 + 16 * i, &u->st[x87_phys(u, i)].exp, 2);
    }
    for (unsigned r = 0; r < x86_vector_registers(cpu); r++)
        memcpy(out + 160 + 16 * r, cpu->zmm[r], 16);
}

void x86_fxrstor(X86Cpu *cpu, const uint8_t in[X86_FXSAVE_BYTES])
{
    X86Fpu *u = &cpu->fpu;
    memcpy(&u->cw, in, 2);
    u->cw = (uint16_t)((u->cw & 0x1f7f) | 0x40);
    memcpy(&u->sw, in + 2, 2);
    u->empty = (uint8_t)~in[4];
    memcpy(&u->fop, in + 6, 2);
    u->fop &= 0x7ff;
    memcpy(&u->fip, in + 8, 8);
    memcpy(&u->fdp, in + 16, 8);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&u->st[x87_phys(u, i)].sig, in + 32 + 16 * i, 8);
        memcpy(&u->st[x87_phys(u, i)].exp, in + 40 + 16 * i, 2);
    }
    for (unsigned r = 0; r < x86_vector_registers(cpu); r++)
        memcpy(cpu->zmm[r], in + 160 + 16 * r, 16);
    x87_summary(u);
}

void x86_narrow_pointers(uint8_t image[X86_FXSAVE_BYTES])
{
    memset(image + 12, 0, 4);
    memset(image + 20, 0, 4);
}

/* a: address, b: flags of MXCSR, c: X86_XSAVE_NARROW or 0 */
uint64_t x86_helper_fxsave(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FXSAVE_BYTES];
    x86_fpu_settle(cpu);
    x86_fxsave(cpu, (x86_mxcsr(cpu) & ~0x3fu) | (uint32_t)b, image);
    if (c)
        x86_narrow_pointers(image);
    size_t n = 160 + 16 * x86_vector_registers(cpu); /* what is above belongs to the program */
    if (x86_copy_out(cpu, a, image, n))
        return x86_raise_fault(cpu, a, true);
    return 0;
}

/* a: address, b: X86_XSAVE_NARROW or 0 */
uint64_t x86_helper_fxrstor(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FXSAVE_BYTES];
    uint32_t mxcsr;
    if (x86_copy_in(cpu, image, a, sizeof image))
        return x86_raise_fault(cpu, a, false);
    if (b)
        x86_narrow_pointers(image);
    x86_fpu_settle(cpu);
    x86_fxrstor(cpu, image);
    memcpy(&mxcsr, image + 24, 4);
    x86_set_mxcsr(cpu, mxcsr);
    return 0;
}
