/* SVM: what CPUID and the registers say of it, and its instructions. Source: AMD64 APM volume 2, chapter 15;
 * volume 3. */
#include "target/x86/x86_sysop.h"

#include "target/x86/x86_sys.h"

/* 8000000a.edx */
enum {
    HAS_NESTED = 1 << 0,
    HAS_NEXT = 1 << 3,
    HAS_TSC_RATIO = 1 << 4,
    HAS_CLEAN = 1 << 5, /* which is never looked at: all is read at each vmrun */
    HAS_FLUSH_ASID = 1 << 6,
    HAS_DECODE = 1 << 7,
    HAS_PAUSE_FILTER = 1 << 10,
    HAS_PAUSE_THRESHOLD = 1 << 12
};
enum { REVISION = 1 };
enum { MSR_TSC_RATIO = 0xc0000104u, MSR_VM_CR = 0xc0010114u, MSR_HSAVE = 0xc0010117u };
enum { VM_CR_KNOWN = 0x1f, VM_CR_LOCK = 1 << 3, VM_CR_OFF = 1 << 4 };
#define TSC_RATIO_1     (1ull << 32)
#define TSC_RATIO_KNOWN 0xffffffffffull

/* ---- what there is ---- */

bool x86_svm_shown(const X86Machine *m)
{
    return x86_sys_has(m, X86_FEAT_SVM);
}

void x86_svm_cpuid(const X86Machine *m, uint32_t leaf, uint32_t ret[4])
{
    enum { LEAF = 0x8000000a };
    if (!x86_svm_shown(m))
        return;
    if (leaf == 0x80000000) {
        ret[0] = MAX(ret[0], (uint32_t)LEAF);
    } else if (leaf == LEAF) {
        ret[0] = REVISION;
        ret[1] = SVM_ASIDS;
        ret[3] = HAS_NESTED | HAS_NEXT | HAS_TSC_RATIO | HAS_CLEAN | HAS_FLUSH_ASID | HAS_DECODE |
                 HAS_PAUSE_FILTER | HAS_PAUSE_THRESHOLD;
    }
}

/* ---- registers ---- */

static bool write_vm_cr(X86Machine *m, uint64_t v)
{
    uint64_t *reg = &m->sys.svm.vm_cr;
    if (v & ~(uint64_t)VM_CR_KNOWN || (v & VM_CR_OFF && m->sys.efer & X86_EFER_SVME))
        return false;
    const uint64_t kept = *reg & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_OFF : 0;
    *reg = (*reg & kept) | (v & ~kept);
    return true;
}

static bool write(X86Machine *m, uint32_t n, uint64_t v)
{
    if (n == MSR_VM_CR)
        return write_vm_cr(m, v);
    if (n == MSR_TSC_RATIO ? v & ~TSC_RATIO_KNOWN : v & 0xfff || v >> X86_PHYS_BITS)
        return false;
    if (n == MSR_TSC_RATIO)
        m->sys.svm.tsc_ratio = v ^ TSC_RATIO_1;
    else
        m->sys.svm.hsave = v;
    return true;
}

bool x86_svm_msr(X86Machine *m, uint32_t n, bool is_write, uint64_t *io, bool *ret_ok)
{
    const X86Svm *v = &m->sys.svm;
    if (!x86_svm_shown(m) || (n != MSR_VM_CR && n != MSR_HSAVE && n != MSR_TSC_RATIO))
        return false;
    *ret_ok = true;
    if (is_write)
        *ret_ok = write(m, n, *io);
    else
        *io = n == MSR_VM_CR ? v->vm_cr : n == MSR_HSAVE ? v->hsave : v->tsc_ratio ^ TSC_RATIO_1;
    return true;
}

bool x86_svm_off(const X86Machine *m)
{
    return !x86_svm_shown(m) || m->sys.svm.vm_cr & VM_CR_OFF;
}

uint64_t x86_svm_tsc(const X86Machine *m, uint64_t tsc)
{
    const X86Svm *v = &m->sys.svm;
    if (!v->guest)
        return tsc;
    const unsigned __int128 scaled = (unsigned __int128)tsc * (v->tsc_ratio ^ TSC_RATIO_1);
    return (uint64_t)(scaled >> 32) + v->tsc_offset;
}

/* ---- instructions ---- */

static uint64_t on_behind(X86Machine *m, unsigned len)
{
    m->x86.base.pc += len;
    if (!x86_code64(m) && !x86_long(m))
        m->x86.base.pc = (uint32_t)m->x86.base.pc;
    return x86_go(m);
}

static uint64_t vmrun(X86Machine *m, uint64_t at, unsigned len)
{
    uint64_t event = 0, next = 0, pc = m->x86.base.pc + len;
    if (!x86_long(m))
        pc = (uint32_t)pc;
    if (!x86_svm_enter(m, at, pc, &event, &next)) {
        m->x86.base.pc = pc;
        return x86_go(m);
    }
    if (event & SVM_EVENT_VALID)
        x86_inject(m, event, next);
    return x86_go(m);
}

static uint64_t set_gif(X86Machine *m, bool on, unsigned len)
{
    m->sys.svm.no_gif = !on;
    return on ? on_behind(m, len) : X86_DONE;
}

/* The page of one guest, or, ASID 0, of the host. */
static uint64_t invlpga(X86Machine *m, uint64_t va, unsigned len)
{
    const uint64_t asid = (uint32_t)m->x86.gpr[X86_RCX], mask = 0xffffull << SVM_ASID_SHIFT;
    Cpu *cpu = &m->x86.base;
    if (asid == m->sys.svm.asid)
        cpu->mem->flush_page(cpu, va);
    else if (asid < SVM_ASIDS)
        cpu->mem->flush_space(cpu, asid << SVM_ASID_SHIFT, mask, true, va);
    return on_behind(m, len);
}

/* 0f 01 d8 to df, by the bits in which they differ. */
enum { VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA };

static unsigned code_of(unsigned which)
{
    return which == INVLPGA ? SVM_INVLPGA : SVM_VMRUN + which;
}

uint64_t x86_svm_insn(X86Machine *m, unsigned modrm, unsigned len, unsigned asize)
{
    const unsigned which = modrm & 7;
    const uint64_t ax = m->x86.gpr[X86_RAX];
    const uint64_t at = asize == 8 ? ax : asize == 4 ? (uint32_t)ax : (uint16_t)ax;
    if (!(m->sys.efer & X86_EFER_SVME) || !x86_protected(m) || which == SKINIT)
        return x86_raise_vector(m, X86_V_UD, 0);
    if (m->sys.cpl)
        return x86_gp(m, 0);
    if (x86_svm_wants(m, code_of(which)))
        return x86_svm_raise(m, code_of(which), 0, 0, len);
    if ((which == VMRUN || which == VMLOAD || which == VMSAVE) && !x86_svm_there(m, at))
        return x86_gp(m, 0);
    switch (which) {
    case VMRUN: return vmrun(m, at, len);
    case VMLOAD: x86_svm_load(m, at); return on_behind(m, len);
    case VMSAVE: x86_svm_save(m, at); return X86_DONE;
    case STGI: return set_gif(m, true, len);
    case CLGI: return set_gif(m, false, len);
    default: return invlpga(m, at, len);
    }
}
