/* What a hypervisor's extension adds to the instructions (the privileged manual, "Hypervisor Instructions",
 * "Traps"), the fences of all levels, and cache blocks at privileged levels ("CMO"). */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"

/* ---- virtual-instruction exceptions ---- */

bool rv_cbo_enabled(const RvCpu *cpu, uint64_t bits, bool qualified)
{
    const RvSys *s = &cpu->sys;
    if (s->priv == RV_M && !qualified)
        return true;
    if (!(s->menvcfg & bits))
        return false;
    if (qualified)
        return true;
    return (!s->virt || (s->henvcfg & bits)) && (s->priv == RV_S || (s->senvcfg & bits));
}

bool rv_qualified(const RvCpu *cpu, uint32_t bits)
{
    RvArgs a;
    RvInsn insn = rv_decode(bits, cpu->base.ctx & RV_CTX_XLEN32 ? RV_XLEN_32 : RV_XLEN_64, &a);
    switch (insn) {
    case RV_csrrw:
    case RV_csrrwi: return rv_csr_legal(cpu, a.csr, true, true);
    case RV_csrrs:
    case RV_csrrc:
    case RV_csrrsi:
    case RV_csrrci: return rv_csr_legal(cpu, a.csr, a.rs1 != 0, true);
    case RV_wfi: return !(cpu->sys.mstatus & RV_TW);
    case RV_sret:
    case RV_sfence_vma:
    case RV_sinval_vma:
    case RV_sfence_w_inval:
    case RV_sfence_inval_ir:
    case RV_hfence_vvma:
    case RV_hfence_gvma:
    case RV_hinval_vvma:
    case RV_hinval_gvma: return true;
    case RV_cbo_inval: return rv_has(cpu, RV_HAS_ZICBOM) && rv_cbo_enabled(cpu, RV_CBIE, true);
    case RV_cbo_clean:
    case RV_cbo_flush: return rv_has(cpu, RV_HAS_ZICBOM) && rv_cbo_enabled(cpu, RV_CBCFE, true);
    case RV_cbo_zero: return rv_has(cpu, RV_HAS_ZICBOZ) && rv_cbo_enabled(cpu, RV_CBZE, true);
    default: return insn >= RV_hlv_b && insn <= RV_hsv_d;
    }
}

/* ---- htinst ---- */

enum { OP_LOAD = 0x03, OP_LOAD_FP = 0x07, OP_STORE = 0x23, OP_STORE_FP = 0x27, OP_AMO = 0x2f,
       OP_SYSTEM = 0x73, RS1_SHIFT = 15, RD_SHIFT = 7, RS2_SHIFT = 20, FUNCT3_SHIFT = 12 };

/* What a compressed access is short for: opcode and funct3, in place; 0: it is none. */
static uint32_t expanded(RvInsn insn)
{
    switch (insn) {
    case RV_c_lw:
    case RV_c_lwsp: return OP_LOAD | 2 << FUNCT3_SHIFT;
    case RV_c_ld:
    case RV_c_ldsp: return OP_LOAD | 3 << FUNCT3_SHIFT;
    case RV_c_flw:
    case RV_c_flwsp: return OP_LOAD_FP | 2 << FUNCT3_SHIFT;
    case RV_c_fld:
    case RV_c_fldsp: return OP_LOAD_FP | 3 << FUNCT3_SHIFT;
    case RV_c_sw:
    case RV_c_swsp: return OP_STORE | 2 << FUNCT3_SHIFT;
    case RV_c_sd:
    case RV_c_sdsp: return OP_STORE | 3 << FUNCT3_SHIFT;
    case RV_c_fsw:
    case RV_c_fswsp: return OP_STORE_FP | 2 << FUNCT3_SHIFT;
    case RV_c_fsd:
    case RV_c_fsdsp: return OP_STORE_FP | 3 << FUNCT3_SHIFT;
    default: return 0;
    }
}

uint64_t rv_transformed(const RvCpu *cpu, uint32_t bits, Gva addr)
{
    const uint32_t rd_bits = 31u << RD_SHIFT, rs1_bits = 31u << RS1_SHIFT, rs2_bits = 31u << RS2_SHIFT;
    RvArgs a;
    RvInsn insn = rv_decode(bits, cpu->base.ctx & RV_CTX_XLEN32 ? RV_XLEN_32 : RV_XLEN_64, &a);
    if (insn == RV_ILLEGAL)
        return 0;
    uint32_t full = a.len == 4 ? bits : expanded(insn), keep;
    if (a.len == 2 && full)
        full |= (uint32_t)a.rd << RD_SHIFT | (uint32_t)a.rs2 << RS2_SHIFT;
    bool by_register = false; /* no immediate */
    switch (full & 127) {
    case OP_LOAD:
    case OP_LOAD_FP: keep = 127 | rd_bits | 7u << FUNCT3_SHIFT; break;
    case OP_STORE:
    case OP_STORE_FP: keep = 127 | 7u << FUNCT3_SHIFT | rs2_bits; break;
    case OP_AMO: keep = ~rs1_bits; by_register = true; break;
    case OP_SYSTEM:
        if (insn < RV_hlv_b || insn > RV_hsv_d)
            return 0;
        keep = ~rs1_bits;
        by_register = true;
        break;
    default: return 0;
    }
    uint64_t from = cpu->x[a.rs1] + (by_register ? 0 : (uint64_t)(int64_t)a.imm);
    uint32_t t = (full & keep) | (uint32_t)((addr - from) & 31) << RS1_SHIFT;
    return a.len == 2 ? t & ~2u : t;
}

/* ---- accesses to a guest's memory ---- */

/* arg: size, sign << 3, execute permission << 4, rd << 5. */
static bool guest_access(RvCpu *cpu, IrAccess *x, unsigned size, bool fetching)
{
    RvSys *s = &cpu->sys;
    unsigned idx = rv_guest_idx(cpu, s->hstatus & RV_H_SPVP ? RV_S : RV_U);
    IrMem m = {.size = size & 7, .mmu = IR_MMU_TLB, .mmuidx = idx & 15};
    x->mem = m.raw;
    cpu->base.mem->select(&cpu->base, rv_space_key(cpu, true));
    s->fetching_data = x->walks = fetching;
    bool ok = cpu->base.mem->access(cpu, x);
    s->fetching_data = false;
    rv_select(cpu);
    return ok;
}

static bool may_access_guest(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    return rv_has(cpu, RV_HAS_H) && !s->virt && (s->priv >= RV_S || (s->hstatus & RV_H_HU));
}

uint64_t rv_helper_hlv(void *opaque, uint64_t addr, uint64_t arg, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned size = arg & 7, rd = arg >> 5 & 31;
    IrAccess x = {.addr = addr, .op = IR_LD};
    if (!may_access_guest(cpu))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    if (!guest_access(cpu, &x, size, arg >> 4 & 1))
        return 1;
    if (rd)
        cpu->x[rd] = arg >> 3 & 1 ? (uint64_t)bits_sext(x.value[0], 8u << size) : x.value[0];
    return 0;
}

uint64_t rv_helper_hsv(void *opaque, uint64_t addr, uint64_t value, uint64_t size, uint64_t d)
{
    RvCpu *cpu = opaque;
    IrAccess x = {.addr = addr, .value = {value}, .op = IR_ST};
    if (!may_access_guest(cpu))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    return guest_access(cpu, &x, (unsigned)size, false) ? 0 : 1;
}

/* ---- fences ---- */

enum { BY_ADDRESS = 1, BY_NUMBER = 2 };

static uint64_t vmid_of(const RvCpu *cpu) { return rv_space_key(cpu, true) & RV_KEY_VMID; }

/* A guest's own table of one virtual machine. */
static void fence_guest(RvCpu *cpu, uint64_t va, uint64_t asid, uint64_t which)
{
    uint64_t key = RV_KEY_GUEST | vmid_of(cpu), mask = RV_KEY_GUEST | RV_KEY_VMID;
    if (which & BY_NUMBER) {
        key |= asid << RV_SATP_ASID_SHIFT & RV_SATP_ASID;
        mask |= RV_SATP_ASID;
    }
    cpu->base.mem->flush_space(&cpu->base, key, mask, which & BY_ADDRESS, va);
}

/* A name of a space is satp, so of RV32 the number stands elsewhere in it. */
static void fence_supervisor(RvCpu *cpu, uint64_t va, uint64_t asid, uint64_t which)
{
    enum { SV32_ASID_SHIFT = 22, SV32_ASID_BITS = 9 };
    const CpuMem *mem = cpu->base.mem;
    bool sv32 = cpu->base.ctx & RV_CTX_XLEN32;
    unsigned shift = sv32 ? SV32_ASID_SHIFT : RV_SATP_ASID_SHIFT;
    uint64_t mask = sv32 ? ((1ull << SV32_ASID_BITS) - 1) << SV32_ASID_SHIFT : RV_SATP_ASID | RV_KEY_GUEST;
    if (which & BY_NUMBER)
        mem->flush_space(&cpu->base, asid << shift & mask & ~RV_KEY_GUEST, mask, which & BY_ADDRESS, va);
    else if (which & BY_ADDRESS)
        mem->flush_page(&cpu->base, va);
    else
        mem->flush(&cpu->base);
}

uint64_t rv_helper_sfence_vma(void *opaque, uint64_t va, uint64_t asid, uint64_t which, uint64_t d)
{
    RvCpu *cpu = opaque;
    const RvSys *s = &cpu->sys;
    if (s->priv == RV_S && (s->virt ? s->hstatus & RV_H_VTVM : s->mstatus & RV_TVM))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    if (s->virt)
        fence_guest(cpu, va, asid, which);
    else
        fence_supervisor(cpu, va, asid, which);
    /* RV32: data is looked up by sign-extended addresses, instructions by zero-extended ones. */
    if (rv_machine32(cpu) && (which & BY_ADDRESS) && va != (uint32_t)va)
        fence_supervisor(cpu, (uint32_t)va, asid, which);
    cpu->base.pc += 4;
    return rv_go(cpu);
}

/* second: of the guest physical addresses. Entries of TLBs combine both stages, so that the address does not
 * help. */
uint64_t rv_helper_hfence(void *opaque, uint64_t va, uint64_t number, uint64_t which, uint64_t second)
{
    RvCpu *cpu = opaque;
    const RvSys *s = &cpu->sys;
    if (!rv_has(cpu, RV_HAS_H) || s->virt || (second && s->priv == RV_S && (s->mstatus & RV_TVM)))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    uint64_t key = RV_KEY_GUEST, mask = RV_KEY_GUEST;
    if (second && (which & BY_NUMBER)) {
        key |= number << RV_KEY_VMID_SHIFT & RV_KEY_VMID;
        mask |= RV_KEY_VMID;
    }
    if (second)
        cpu->base.mem->flush_space(&cpu->base, key, mask, false, 0);
    else
        fence_guest(cpu, va, number, which);
    cpu->base.pc += 4;
    return rv_go(cpu);
}

/* ---- cache blocks ---- */

/* There are no caches: what is left are the checks. op: RV_CBO_*. */
uint64_t rv_helper_cbo(void *opaque, uint64_t addr, uint64_t op, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    MmuPage p;
    unsigned idx = cpu->base.ctx >> RV_CTX_IDX_SHIFT & 15;
    if (!rv_has(cpu, RV_HAS_ZICBOM) || !rv_cbo_enabled(cpu, op == RV_CBO_INVAL ? RV_CBIE : RV_CBCFE, false))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    /* Who may load or store may do it, and who may not has failed to store. */
    bool may = rv_walk(&cpu->base, addr, idx, MMU_READ, &p) || rv_walk(&cpu->base, addr, idx, MMU_WRITE, &p);
    return may ? 0 : 1;
}
