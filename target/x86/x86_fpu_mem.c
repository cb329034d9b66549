/* x87 with memory: loads, stores, environments, fxsave. */
#include "target/x86/x86_fpu_priv.h"
#include "target/x86/x86_mem.h"

/* ---- memory ---- */

typedef enum Kind { F32, F64, EXT, I16, I32, I64, BCD } Kind;
static const uint8_t kind_bytes[] = {4, 8, 10, 2, 4, 8, 10};

static F80 load(const X86Fpu *u, Kind k, const uint64_t m[2], uint16_t *ret_flags)
{
    Host h = host_of(u);
    F80 v = {m[0], (uint16_t)m[1]};
    h.sw = 0;
    switch (k) {
    case F32: v = ld_f32(&h, (uint32_t)m[0]); break;
    case F64: v = ld_f64(&h, m[0]); break;
    case I16: v = ld_i16(&h, (uint16_t)m[0]); break;
    case I32: v = ld_i32(&h, (uint32_t)m[0]); break;
    case I64: v = ld_i64(&h, m[0]); break;
    case BCD: v = ld_bcd(&h, v); break;
    case EXT: break;
    }
    *ret_flags = h.sw & FLAGS;
    return v;
}

static Host store(const X86Fpu *u, Kind k, bool truncate, F80 v, uint64_t m[2])
{
    Host h = host_of(u);
    h.sw = 0;
    m[1] = 0;
    switch (k) {
    case F32: m[0] = st_f32(&h, v); break;
    case F64: m[0] = st_f64(&h, v); break;
    case I16: m[0] = truncate ? st_t16(&h, v) : st_i16(&h, v); break;
    case I32: m[0] = truncate ? st_t32(&h, v) : st_i32(&h, v); break;
    case I64: m[0] = truncate ? st_t64(&h, v) : st_i64(&h, v); break;
    case BCD: v = st_bcd(&h, v); __attribute__((fallthrough));
    case EXT:
        m[0] = v.sig;
        m[1] = v.exp;
        break;
    }
    return h;
}

static uint64_t load_memory(X86Cpu *cpu, Kind k, uint64_t addr)
{
    X86Fpu *u = &cpu->fpu;
    uint64_t m[2] = {0, 0};
    uint16_t flags;
    if (x86_copy_in(cpu, m, addr, kind_bytes[k]))
        return x86_raise_fault(cpu, addr, false);
    F80 v = load(u, k, m, &flags);
    u->sw &= (uint16_t)~C1;
    if (is_empty(u, 7))
        raise(u, flags);
    push(u, v);
    return 0;
}

static uint64_t store_memory(X86Cpu *cpu, Kind k, bool truncate, bool and_pop, uint64_t addr)
{
    X86Fpu *u = &cpu->fpu;
    uint64_t m[2];
    bool ok = !is_empty(u, 0);
    Host h = store(u, k, truncate, ok ? get(u, 0) : indefinite, m);
    uint16_t stop = (ok ? h.sw : IE) & ~u->cw & FLAGS & ~PE; /* nothing is stored then */
    if (!stop && x86_copy_out(cpu, addr, m, kind_bytes[k]))
        return x86_raise_fault(cpu, addr, true);
    if (stop && ok) {
        raise(u, stop);
        return 0;
    }
    if (ok)
        take(u, h, C1);
    else
        stack_fault(u, false);
    if (and_pop)
        pop(u);
    return 0;
}

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
    u->fdp = w[5];
    summary(u);
}

void x86_fsave(const X86Fpu *u, uint8_t out[X86_FSAVE_BYTES])
{
    save_env(u, out);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(out + ENV_BYTES + 10 * i, &u->st[phys(u, i)].sig, 8);
        memcpy(out + ENV_BYTES + 10 * i + 8, &u->st[phys(u, i)].exp, 2);
    }
}

void x86_frstor(X86Fpu *u, const uint8_t in[X86_FSAVE_BYTES])
{
    load_env(u, in);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&u->st[phys(u, i)].sig, in + ENV_BYTES + 10 * i, 8);
        memcpy(&u->st[phys(u, i)].exp, in + ENV_BYTES + 10 * i + 8, 2);
    }
}

static uint64_t environment(X86Cpu *cpu, bool is_load, bool all, uint64_t addr)
{
    X86Fpu *u = &cpu->fpu;
    uint8_t buf[X86_FSAVE_BYTES];
    size_t n = all ? X86_FSAVE_BYTES : ENV_BYTES;
    if (is_load) {
        if (x86_copy_in(cpu, buf, addr, n))
            return x86_raise_fault(cpu, addr, false);
        all ? x86_frstor(u, buf) : load_env(u, buf);
        return 0;
    }
    all ? x86_fsave(u, buf) : save_env(u, buf);
    if (x86_copy_out(cpu, addr, buf, n))
        return x86_raise_fault(cpu, addr, true);
    if (all)
        x86_fpu_init(u);
    else
        u->cw |= 0x3f;
    summary(u);
    return 0;
}

static uint64_t word16(X86Cpu *cpu, uint16_t *load_to, uint16_t v, uint64_t addr)
{
    if (!load_to)
        return x86_mem_st(cpu, addr, v, 2) ? x86_raise_fault(cpu, addr, true) : 0;
    FaultVal w = x86_mem_ld(cpu, addr, 2);
    if (w.fault)
        return x86_raise_fault(cpu, addr, false);
    *load_to = (uint16_t)((w.val & 0x1f7f) | 0x40);
    summary(&cpu->fpu);
    return 0;
}

/* One of d9, db, dd, df with memory by opcode and modrm.reg. */
uint64_t x86_fpu_memory(X86Cpu *cpu, unsigned opc, unsigned op, uint64_t addr, bool *ret_bad)
{
    static const uint8_t kinds[8] = {F32, F32, I32, I32, F64, F64, I16, I16};
    X86Fpu *u = &cpu->fpu;
    Kind k = (Kind)kinds[opc];
    if (!(opc & 1)) {
        uint64_t m[2] = {0, 0};
        uint16_t flags;
        if (x86_copy_in(cpu, m, addr, kind_bytes[k]))
            return x86_raise_fault(cpu, addr, false);
        F80 v = load(u, k, m, &flags);
        x86_fpu_arith_memory(u, op, v, flags);
        return 0;
    }
    switch (op) {
    case 0: return load_memory(cpu, k, addr);
    case 1:
        *ret_bad = opc == 1;
        return opc == 1 ? 0 : store_memory(cpu, opc == 5 ? I64 : k, true, true, addr);
    case 2:
    case 3: return store_memory(cpu, k, false, op == 3, addr);
    default: break;
    }
    switch (opc << 4 | op) {
    case 0x14: return environment(cpu, true, false, addr);
    case 0x15: return word16(cpu, &u->cw, 0, addr);
    case 0x16: return environment(cpu, false, false, addr);
    case 0x17: return word16(cpu, NULL, u->cw, addr);
    case 0x35: return load_memory(cpu, EXT, addr);
    case 0x37: return store_memory(cpu, EXT, false, true, addr);
    case 0x54: return environment(cpu, true, true, addr);
    case 0x56: return environment(cpu, false, true, addr);
    case 0x57: return word16(cpu, NULL, u->sw, addr);
    case 0x74: return load_memory(cpu, BCD, addr);
    case 0x75: return load_memory(cpu, I64, addr);
    case 0x76: return store_memory(cpu, BCD, false, true, addr);
    case 0x77: return store_memory(cpu, I64, false, true, addr);
    default: *ret_bad = true; return 0;
    }
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
    memcpy(out + 6, &u->fop, 2);
    memcpy(out + 24, &mxcsr, 4);
    memcpy(out + 28, &mask, 4);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(out + 32 + 16 * i, &u->st[phys(u, i)].sig, 8);
        memcpy(out + 40 + 16 * i, &u->st[phys(u, i)].exp, 2);
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
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&u->st[phys(u, i)].sig, in + 32 + 16 * i, 8);
        memcpy(&u->st[phys(u, i)].exp, in + 40 + 16 * i, 2);
    }
    for (unsigned r = 0; r < x86_vector_registers(cpu); r++)
        memcpy(cpu->zmm[r], in + 160 + 16 * r, 16);
    summary(u);
}

/* a: address, b: flags of MXCSR */
uint64_t x86_helper_fxsave(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FXSAVE_BYTES];
    x86_fxsave(cpu, (x86_mxcsr(cpu) & ~0x3fu) | (uint32_t)b, image);
    size_t n = 160 + 16 * x86_vector_registers(cpu); /* what is above belongs to the program */
    if (x86_copy_out(cpu, a, image, n))
        return x86_raise_fault(cpu, a, true);
    return 0;
}

uint64_t x86_helper_fxrstor(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FXSAVE_BYTES];
    uint32_t mxcsr;
    if (x86_copy_in(cpu, image, a, sizeof image))
        return x86_raise_fault(cpu, a, false);
    x86_fxrstor(cpu, image);
    memcpy(&mxcsr, image + 24, 4);
    x86_set_mxcsr(cpu, mxcsr);
    return 0;
}
