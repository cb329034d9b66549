/* x87. On an x86 host each operation is the host's own instruction, in a C function: the control word is the
 * guest's with all exceptions masked, one or two registers are loaded, the instruction executed, its result
 * stored again, and the host's stack is empty before and after. So values, flags and C1 are exact. Stack
 * faults are found before. Exceptions that the guest has unmasked are noted (ES, B) and raised by the next
 * instruction that waits; what raised invalid, denormal or division by zero has then done nothing else. Not
 * there: the other exponent of an unmasked overflow or underflow in a register. Source: AMD64 APM volume 5,
 * chapter 3; volume 1, 6. */
#include "target/x86/x86_fpu_priv.h"

/* ---- arithmetic ---- */

/* add mul com comp sub subr div divr of modrm.reg; a, b: destination and source. */
static F80 arith(Host *h, unsigned op, F80 a, F80 b)
{
    switch (op) {
    case 0: return do_add(h, a, b);
    case 1: return do_mul(h, a, b);
    case 4: return do_sub(h, a, b);
    case 5: return do_subr(h, a, b);
    case 6: return do_div(h, a, b);
    default: return do_divr(h, a, b);
    }
}

/* st(to) = st(to) op v */
static void arith_on(X86Fpu *u, unsigned op, unsigned to, F80 v)
{
    Host h = host_of(u);
    F80 r = arith(&h, op, get(u, to), v);
    take(u, h, C1);
    put(u, to, r);
}

static void compare(X86Fpu *u, bool quiet, bool ok, F80 v)
{
    Host h = host_of(u);
    if (!ok) {
        stack_fault(u, false);
        u->sw |= C0 | C2 | C3;
        return;
    }
    quiet ? do_ucom(&h, get(u, 0), v) : do_com(&h, get(u, 0), v);
    take(u, h, CC);
}

/* fcomi: to the flags; unordered where the stack is at fault. */
static void compare_flags(X86Cpu *cpu, bool quiet, unsigned i)
{
    X86Fpu *u = &cpu->fpu;
    uint16_t before = u->sw & (C0 | C2 | C3);
    bool ok = !is_empty(u, 0) && !is_empty(u, i);
    uint16_t c1 = ok ? u->sw & C1 : 0;
    compare(u, quiet, ok, get(u, i));
    cpu->fl = IR_FL_BIT9 | (u->sw & C0 ? IR_FL_C : 0) | (u->sw & C2 ? IR_FL_PARITY : 0) |
              (u->sw & C3 ? IR_FL_Z : 0);
    u->sw = (uint16_t)((u->sw & ~CC) | before | c1); /* the condition codes stay */
}

/* d8 dc with memory, da de with integers in memory. */
/* raised: flags of the operand's conversion. "Denormal operand" gives way to "invalid", and to a NaN. */
void x86_fpu_arith_memory(X86Fpu *u, unsigned op, F80 v, uint16_t raised)
{
    uint16_t before = u->sw & FLAGS;
    bool nan = is_nan(get(u, 0));
    u->sw &= (uint16_t) ~(FLAGS & ~PE);
    if (op == 2 || op == 3) {
        compare(u, false, !is_empty(u, 0), v);
        if (op == 3)
            pop(u);
    } else if (need(u, 0)) {
        arith_on(u, op, 0, v);
    } else {
        put(u, 0, indefinite);
    }
    raise(u, (uint16_t)(before | (u->sw & IE || nan ? raised & ~DE : raised)));
}

static void arith_regs(X86Fpu *u, unsigned op, unsigned to, unsigned from, bool and_pop)
{
    if (!is_empty(u, to) && !is_empty(u, from)) {
        arith_on(u, op, to, get(u, from));
    } else {
        stack_fault(u, false);
        put(u, to, indefinite);
    }
    if (and_pop)
        pop(u);
}

/* ---- d9 ---- */

static void unary(X86Fpu *u, F80 (*fn)(Host *, F80), uint16_t codes, bool keeps)
{
    Host h = host_of(u);
    if (!need(u, 0)) {
        u->sw &= (uint16_t)(codes & C2 ? ~C2 : ~0); /* fsin, fcos: as if done */
        if (!keeps)
            put(u, 0, indefinite);
        else
            u->sw |= C0 | C2 | C3;
        return;
    }
    F80 r = fn(&h, get(u, 0));
    take(u, h, codes);
    if (!keeps)
        put(u, 0, r);
}

static void binary(X86Fpu *u, F80 (*fn)(Host *, F80, F80), uint16_t codes, bool to_st1)
{
    Host h = host_of(u);
    F80 r = indefinite;
    if (is_empty(u, 0) || is_empty(u, 1)) {
        stack_fault(u, false);
        u->sw &= (uint16_t)(codes & C2 ? ~C2 : ~0); /* fprem: as if done */
    } else {
        r = fn(&h, get(u, 0), get(u, 1));
        take(u, h, codes == CC && is_nan(r) ? C1 | C2 : codes); /* fprem: no quotient, C0 and C3 stay */
    }
    if (to_st1)
        pop(u);
    put(u, 0, r);
}

static void two_results(X86Fpu *u, unsigned which)
{
    Host h = host_of(u);
    bool far = false;
    F80 low = indefinite, high = indefinite;
    if (!need(u, 0)) {
        u->sw &= (uint16_t)(which ? ~C2 : ~0);
        put(u, 0, indefinite);
        set_top(u, top(u) - 1);
        put(u, 0, indefinite);
        return;
    }
    if (!is_empty(u, 7)) {
        stack_fault(u, true);
        u->sw &= (uint16_t)(which ? ~C2 : ~0);
    } else if (which == 0) {
        high = do_xtract(&h, get(u, 0), &low);
        take(u, h, C1);
    } else {
        low = do_two_of(&h, get(u, 0), which == 1, &high, &far);
        take(u, h, C1 | C2);
    }
    if (far)
        return;
    put(u, 0, low);
    set_top(u, top(u) - 1);
    put(u, 0, high);
}

static void examine(X86Fpu *u)
{
    Host h = host_of(u);
    F80 v = get(u, 0);
    do_xam(&h, v);
    uint16_t codes = is_empty(u, 0) ? (uint16_t)(C3 | C0 | (v.exp >> 15 ? C1 : 0)) : h.sw & CC;
    u->sw = (uint16_t)((u->sw & ~CC) | codes);
}

/* d9 e0 .. ff by their low six bits less 0x20. False: no such instruction. */
static bool group_d9(X86Fpu *u, unsigned n)
{
    switch (n) {
    case 0x00: unary(u, do_chs, C1, false); break;
    case 0x01: unary(u, do_abs, C1, false); break;
    case 0x04: unary(u, do_tst, CC, true); break;
    case 0x05: examine(u); break;
    case 0x08:
    case 0x09:
    case 0x0a:
    case 0x0b:
    case 0x0c:
    case 0x0d:
    case 0x0e:
        u->sw &= (uint16_t)~C1;
        push(u, constant(u, n - 8));
        break;
    case 0x10: unary(u, do_2xm1, C1, false); break;
    case 0x11: binary(u, do_yl2x, C1, true); break;
    case 0x12: two_results(u, 1); break;
    case 0x13: binary(u, do_patan, C1, true); break;
    case 0x14: two_results(u, 0); break;
    case 0x15: binary(u, do_prem1, CC, false); break;
    case 0x16:
        set_top(u, top(u) - 1);
        u->sw &= (uint16_t)~C1;
        break;
    case 0x17:
        set_top(u, top(u) + 1);
        u->sw &= (uint16_t)~C1;
        break;
    case 0x18: binary(u, do_prem, CC, false); break;
    case 0x19: binary(u, do_yl2xp1, C1, true); break;
    case 0x1a: unary(u, do_sqrt, C1, false); break;
    case 0x1b: two_results(u, 2); break;
    case 0x1c: unary(u, do_rndint, C1, false); break;
    case 0x1d: binary(u, do_scale, C1, false); break;
    case 0x1e: unary(u, do_sin, C1 | C2, false); break;
    case 0x1f: unary(u, do_cos, C1 | C2, false); break;
    default: return false;
    }
    return true;
}

static void exchange(X86Fpu *u, unsigned i)
{
    if (is_empty(u, 0) || is_empty(u, i)) {
        stack_fault(u, false);
        if (is_empty(u, 0))
            put(u, 0, indefinite);
        if (is_empty(u, i))
            put(u, i, indefinite);
    } else {
        u->sw &= (uint16_t)~C1;
    }
    F80 v = get(u, 0);
    put(u, 0, get(u, i));
    put(u, i, v);
}

static void load_reg(X86Fpu *u, unsigned i)
{
    u->sw &= (uint16_t)~C1;
    if (need(u, i)) {
        push(u, get(u, i));
        return;
    }
    set_top(u, top(u) - 1);
    put(u, 0, indefinite);
}

static void store_reg(X86Fpu *u, unsigned i, bool and_pop);

/* d9 d8+i: fstp for which an empty register is no fault; nothing is stored then. */
static void store_silently(X86Fpu *u, unsigned i)
{
    u->sw &= (uint16_t)~C1;
    if (is_empty(u, 0))
        pop(u);
    else
        store_reg(u, i, true);
}

static void store_reg(X86Fpu *u, unsigned i, bool and_pop)
{
    F80 v = indefinite;
    u->sw &= (uint16_t)~C1;
    if (need(u, 0))
        v = get(u, 0);
    put(u, i, v);
    if (and_pop)
        pop(u);
}

/* fcmov: b e be u, and their opposites */
static void move_if(X86Cpu *cpu, unsigned cc, bool opposite, unsigned i)
{
    X86Fpu *u = &cpu->fpu;
    static const uint16_t bits[] = {IR_FL_C, IR_FL_Z, IR_FL_C | IR_FL_Z, IR_FL_PARITY};
    bool yes = ((cpu->fl & bits[cc]) != 0) != opposite;
    if (is_empty(u, 0) || is_empty(u, i)) {
        stack_fault(u, false);
        put(u, 0, indefinite);
    } else if (yes) {
        put(u, 0, get(u, i));
    }
}

void x86_fpu_init(X86Fpu *u)
{
    u->cw = 0x37f;
    u->sw = u->fop = 0;
    u->empty = 0xff;
    u->fip = u->fdp = 0;
}

/* d8, dc and de. */
static bool regs_arith(X86Fpu *u, unsigned opc, unsigned op, unsigned i)
{
    bool dst = opc != 0;
    if (op == 2 || (op == 3 && opc != 6)) {
        compare(u, false, !is_empty(u, 0) && !is_empty(u, i), get(u, i));
        if (op == 3 || opc == 6)
            pop(u);
    } else if (op == 3) { /* fcompp */
        if (i != 1)
            return false;
        compare(u, false, !is_empty(u, 0) && !is_empty(u, 1), get(u, 1));
        pop(u);
        pop(u);
    } else { /* with the register as destination sub and subr, div and divr have changed places */
        arith_regs(u, dst && op >= 4 ? op ^ 1 : op, dst ? i : 0, dst ? 0 : i, opc == 6);
    }
    return true;
}

static bool regs_d9(X86Fpu *u, unsigned op, unsigned i, unsigned modrm)
{
    switch (op) {
    case 0: load_reg(u, i); return true;
    case 1: exchange(u, i); return true;
    case 2: return i == 0; /* fnop */
    case 3: store_silently(u, i); return true;
    default: return group_d9(u, modrm - 0xe0);
    }
}

static bool regs_da_db(X86Cpu *cpu, unsigned opc, unsigned op, unsigned modrm)
{
    X86Fpu *u = &cpu->fpu;
    unsigned i = modrm & 7;
    if (op < 4) {
        move_if(cpu, op, opc == 3, i);
    } else if (opc == 2) {
        if (modrm != 0xe9) /* fucompp */
            return false;
        compare(u, true, !is_empty(u, 0) && !is_empty(u, 1), get(u, 1));
        pop(u);
        pop(u);
    } else if (modrm == 0xe2) {
        u->sw &= 0x7f00;
    } else if (modrm == 0xe3) {
        x86_fpu_init(u);
    } else if (op == 5 || op == 6) {
        compare_flags(cpu, op == 5, i);
    } else {
        return modrm == 0xe0 || modrm == 0xe1 || modrm == 0xe4; /* old ones without effect */
    }
    return true;
}

static bool regs_dd(X86Fpu *u, unsigned op, unsigned i)
{
    switch (op) {
    case 0: u->sw &= (uint16_t)~C1;
        u->empty |= (uint8_t)(1u << phys(u, i)); return true;
    case 1: exchange(u, i); return true;
    case 2:
    case 3: store_reg(u, i, op == 3); return true;
    case 4:
    case 5:
        compare(u, true, !is_empty(u, 0) && !is_empty(u, i), get(u, i));
        if (op == 5)
            pop(u);
        return true;
    default: return false;
    }
}

static bool regs_df(X86Cpu *cpu, unsigned op, unsigned i)
{
    X86Fpu *u = &cpu->fpu;
    switch (op) {
    case 0: /* ffreep */
        u->sw &= (uint16_t)~C1;
        u->empty |= (uint8_t)(1u << phys(u, i));
        pop(u);
        return true;
    case 1: exchange(u, i); return true;
    case 2:
    case 3: store_reg(u, i, true); return true;
    case 4:
        if (i)
            return false;
        cpu->gpr[X86_RAX] = (cpu->gpr[X86_RAX] & ~0xffffull) | u->sw;
        return true;
    case 5:
    case 6:
        compare_flags(cpu, op == 5, i);
        pop(u);
        return true;
    default: return false;
    }
}

static bool on_registers(X86Cpu *cpu, unsigned opc, unsigned modrm)
{
    unsigned op = modrm >> 3 & 7, i = modrm & 7;
    switch (opc) {
    case 1: return regs_d9(&cpu->fpu, op, i, modrm);
    case 2:
    case 3: return regs_da_db(cpu, opc, op, modrm);
    case 5: return regs_dd(&cpu->fpu, op, i);
    case 7: return regs_df(cpu, op, i);
    default: return regs_arith(&cpu->fpu, opc, op, i);
    }
}

static uint64_t execute(X86Cpu *cpu, unsigned opc, unsigned modrm, uint64_t addr)
{
    bool bad = false;
    uint64_t left = 0;
    if (modrm >= 0xc0)
        bad = !on_registers(cpu, opc, modrm);
    else
        left = x86_fpu_memory(cpu, opc, modrm >> 3 & 7, addr, &bad);
    if (bad)
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_ILLEGAL};
    return bad || left;
}

/* ---- exceptions that are not masked ---- */

/* fnclex fninit fnstsw fnstcw fnstenv fnsave do not wait for an exception. */
static bool waits(unsigned opc, unsigned modrm)
{
    unsigned op = modrm >> 3 & 7;
    if (modrm >= 0xc0)
        return !(opc == 3 && op == 4) && !(opc == 7 && modrm == 0xe0);
    return !((opc == 1 || opc == 5) && op >= 6);
}

/* Those, fldcw, fldenv and frstor: what they do to the status is no exception of theirs. */
static bool controls(unsigned opc, unsigned modrm)
{
    unsigned op = modrm >> 3 & 7;
    return !waits(opc, modrm) || (modrm < 0xc0 && ((opc == 1 && op >= 4) || (opc == 5 && op == 4)));
}

static uint64_t execute_unmasked(X86Cpu *cpu, unsigned opc, unsigned modrm, uint64_t addr)
{
    X86Fpu *u = &cpu->fpu, before = *u;
    uint32_t fl = cpu->fl;
    if ((u->sw & ES) && waits(opc, modrm)) {
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_FLOAT, .code = u->sw & ~u->cw & FLAGS};
        return 1;
    }
    if (controls(opc, modrm))
        return execute(cpu, opc, modrm, addr);
    u->sw &= (uint16_t)~(FLAGS | SF);
    uint64_t left = execute(cpu, opc, modrm, addr);
    uint16_t sw = u->sw, stop = sw & ~u->cw & (IE | DE | ZE);
    if (left || stop) {
        *u = before;
        cpu->fl = fl;
        if (!left)
            u->sw |= stop | (sw & SF) | (sw & SF ? sw & C1 : 0);
    } else {
        u->sw |= before.sw & (FLAGS | SF);
    }
    summary(u);
    return left;
}

/* a: opcode << 8 | modrm, b: address */
uint64_t x86_helper_x87(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    bool masked = (cpu->fpu.cw & FLAGS) == FLAGS && !(cpu->fpu.sw & ES);
    return (LIKELY(masked) ? execute : execute_unmasked)(cpu, a >> 8 & 7, a & 0xff, b);
}
