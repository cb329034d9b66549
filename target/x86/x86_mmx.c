/* MMX instructions one by one, for the interpreter: the host's own on values from the guest's registers,
 * which are the significands of x87's. Source: AMD64 APM volume 5. */
#include "target/x86/x86_fpu_priv.h"

/* Every MMX instruction makes all registers valid and TOP 0; what is written looks like a NaN to x87. */
static void enter(X86Fpu *u)
{
    u->empty = 0;
    u->sw &= (uint16_t)~X87_TOP;
}

static void put(X86Fpu *u, unsigned r, uint64_t v)
{
    u->st[r].sig = v;
    u->st[r].exp = 0xffff;
}

static uint64_t align(uint64_t x, uint64_t y, unsigned n)
{
    unsigned __int128 both = (unsigned __int128)x << 64 | y;
    return n >= 16 ? 0 : (uint64_t)(both >> 8 * n);
}

static uint64_t shuffle(uint64_t y, unsigned order)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < 4; k++)
        v |= (y >> 16 * (order >> 2 * k & 3) & 0xffff) << 16 * k;
    return v;
}

enum { MAP_0F = X86_MAP_0F, MAP_38 = X86_MAP_38, MAP_3A = X86_MAP_3A };
#define KEY(map, opc) ((map) << 8 | (opc))

/* The rows of two operands; those with an immediate are apart. */
static uint64_t combine(unsigned key, unsigned imm, uint64_t x, uint64_t y)
{
    uint64_t v = 0;
    switch (key) {
#define TWO(map, opc, name)                                                                                  \
    case KEY(MAP_##map, opc):                                                                                \
        __asm__("movq %1, %%mm0; movq %2, %%mm1; " name " %%mm1, %%mm0; movq %%mm0, %0; emms"                \
                : "=m"(v)                                                                                    \
                : "m"(x), "m"(y));                                                                           \
        break;
#define ROW_mmx(arg, map, opc, name) ROW_mmx_##arg(map, opc, name)
#define ROW_mmx_0                    TWO
#define ROW_mmx_1                    TWO
#define ROW_mmx_2                    TWO
#define ROW_mmx_4                    TWO
#define ROW_mmx_5                    TWO
#define ROW_mmx_7                    TWO
#define ROW_mmx_3(map, opc, name)                                                                            \
    case KEY(MAP_##map, opc):                                                                                \
        v = shuffle(y, imm);                                                                                 \
        break;
#define ROW_mmx_6(map, opc, name)                                                                            \
    case KEY(MAP_##map, opc):                                                                                \
        v = align(x, y, imm);                                                                                \
        break;
#define ROW_mmxshift(arg, map, opc, name)
#define ROW_mmxmov(arg, map, opc, name)
#define ROW_mmxlane(arg, map, opc, name)
#define ROW_mmxcvt(arg, map, opc, name)
#define VEX(id, map, prefix, opc, ext, attr, name, handler, arg, ...) ROW_##handler(arg, map, opc, name)
#include "target/x86/x86_mmx.def"
#undef VEX
    default: __builtin_trap();
    }
    return v;
}

/* psrl psra psll by an immediate, as by a register: modrm.reg 2 4 6 become d0 e0 f0. */
static uint64_t shift(unsigned opc, unsigned reg, unsigned n, uint64_t x)
{
    return combine(KEY(MAP_0F, 0xc0 + 8 * reg + (opc & 15)), 0, x, n);
}

static uint64_t signs(uint64_t v)
{
    uint64_t mask = 0;
    for (unsigned k = 0; k < 8; k++)
        mask |= (v >> (8 * k + 7) & 1) << k;
    return mask;
}

/* What an instruction does to its register: y is the other operand. False: it writes none. */
static bool result(const X86Fpu *u, uint32_t enc, uint64_t y, uint64_t *ret)
{
    unsigned opc = enc & 0xff, key = KEY(enc >> 8 & 3, opc), reg = enc >> 27 & 7, imm = enc >> 16 & 0xff;
    uint64_t x = u->st[reg].sig;
    switch (key) {
    case KEY(MAP_0F, 0x6e):
    case KEY(MAP_0F, 0x6f): *ret = y; return true;
    case KEY(MAP_0F, 0x71):
    case KEY(MAP_0F, 0x72):
    case KEY(MAP_0F, 0x73): *ret = shift(opc, reg, imm, y); return true;
    case KEY(MAP_0F, 0xc4): {
        unsigned at = 16 * (imm & 3);
        *ret = (x & ~(0xffffull << at)) | (y & 0xffff) << at;
        return true;
    }
    case KEY(MAP_0F, 0x77): return false;
    case KEY(MAP_0F, 0xc5): *ret = y >> 16 * (imm & 3) & 0xffff; return false;
    case KEY(MAP_0F, 0xd7): *ret = signs(y); return false;
    case KEY(MAP_0F, 0x7e): *ret = enc & IR_XV_W ? x : (uint32_t)x; return false;
    default: *ret = combine(key, imm, x, y); return true;
    }
}

static unsigned memory_bytes(uint32_t enc)
{
    switch (enc & 0xff) {
    case 0xc4: return 2;
    case 0x6e:
    case 0x7e: return enc & IR_XV_W ? 8 : 4;
    case 0x60:
    case 0x61:
    case 0x62: return enc >> 8 & 2 ? 8 : 4;
    default: return 8;
    }
}

uint64_t x86_mmx(X86Cpu *cpu, uint32_t enc, uint64_t addr, uint64_t x, uint64_t *ret)
{
    X86Fpu *u = &cpu->fpu;
    unsigned opc = enc & 0xff, reg = enc >> 27 & 7, rm = enc >> 24 & 7;
    bool memory = enc >> 30 != 3, map_0f = (enc >> 8 & 3) == MAP_0F;
    bool store = map_0f && (opc == 0x7e || opc == 0x7f || opc == 0xe7) && memory;
    bool general = map_0f && (opc == 0x6e || opc == 0xc4);
    uint64_t y = 0;
    x86_fpu_settle(cpu);
    if (store && x86_copy_out(cpu, addr, &u->st[reg].sig, memory_bytes(enc)))
        return x86_raise_fault(cpu, addr, true);
    if (memory && !store && x86_copy_in(cpu, &y, addr, memory_bytes(enc)))
        return x86_raise_fault(cpu, addr, false);
    if (!memory)
        y = general ? x : u->st[rm].sig;
    enter(u);
    if (map_0f && opc == 0x77) { /* emms */
        u->empty = 0xff;
    } else if (map_0f && opc == 0x7f) {
        if (!memory)
            put(u, rm, u->st[reg].sig);
    } else if (!store && result(u, enc, y, ret)) {
        put(u, map_0f && opc >= 0x71 && opc <= 0x73 ? rm : reg, *ret);
    }
    return 0;
}

/* a: register, 8: none, b: value */
uint64_t x86_helper_mmx_put(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    x86_fpu_settle(cpu);
    enter(&cpu->fpu);
    if (a < 8)
        put(&cpu->fpu, (unsigned)a, b);
    return 0;
}
