/* SVM: what a guest does that its host wants to know of. An instruction is looked at before it does anything,
 * by its own rules of privilege first. Source: AMD64 APM volume 2, 15.7 to 15.14, 15.21, 15.33 (what a decode
 * assist says). */
#include "target/x86/x86_port.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_sysop.h"
#include "target/x86/x86_trans.h"

bool x86_svm_wants(const X86Machine *m, unsigned code)
{
    const X86Svm *v = &m->sys.svm;
    return v->guest && v->intercept[code / 32] >> code % 32 & 1;
}

uint64_t x86_svm_raise(X86Machine *m, int64_t code, uint64_t info1, uint64_t info2, unsigned len)
{
    SvmExit *e = &m->sys.svm.exit;
    e->code = code;
    e->info1 = info1;
    e->info2 = info2;
    e->next = len ? x86_ip(m, m->x86.base.pc + len) : 0;
    m->x86.base.exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = X86_SIG_SVM, .addr = info2};
    return X86_RAISED;
}

/* ---- interrupts ---- */

bool x86_svm_masks(const X86Machine *m)
{
    return m->sys.svm.guest && m->sys.svm.v_intr & SVM_V_MASKING;
}

bool x86_svm_interrupts_open(const X86Machine *m)
{
    return (x86_svm_masks(m) ? m->sys.svm.host.flags : m->x86.more_flags) & X86_IF;
}

bool x86_svm_virtual_due(const X86Machine *m)
{
    const uint64_t v = m->sys.svm.v_intr;
    if (!m->sys.svm.guest || !(v & SVM_V_IRQ) || !(m->x86.more_flags & X86_IF))
        return false;
    return v & SVM_V_IGNORE_TPR || (v >> SVM_V_PRIORITY_SHIFT & 15) > (v & 15);
}

bool x86_svm_virtual_tpr(X86Machine *m, bool write, uint64_t *io)
{
    uint64_t *v = &m->sys.svm.v_intr;
    if (!x86_svm_masks(m))
        return false;
    if (write) {
        *v = (*v & ~(uint64_t)SVM_V_TPR) | *io;
        x86_notice_irq(m);
    } else {
        *io = *v & 15;
    }
    return true;
}

/* ---- maps of ports and registers ---- */

static bool map_bits(X86Machine *m, Gpa map, unsigned bit, unsigned n)
{
    Cpu *cpu = &m->x86.base;
    const Gpa at = map + bit / 8;
    uint64_t word, behind = 0;
    if (!cpu->mem->phys_ld(cpu, at & ~7ull, 8, &word))
        return true;
    const unsigned shift = (unsigned)(at & 7) * 8 + bit % 8;
    if (shift + n > 64 && !cpu->mem->phys_ld(cpu, (at & ~7ull) + 8, 8, &behind))
        return true;
    word = word >> shift | (shift ? behind << (64 - shift) : 0);
    return word & ((1u << n) - 1);
}

/* Two bits a register, in three ranges; others always are intercepted. */
static bool msr_wanted(X86Machine *m, uint32_t n, bool write)
{
    enum { RANGE = 0x2000 };
    static const uint32_t first[] = {0, 0xc0000000, 0xc0010000};
    for (unsigned k = 0; k < ARRAY_SIZE(first); k++)
        if (n - first[k] < RANGE)
            return map_bits(m, m->sys.svm.msr_map, (k * RANGE + (n - first[k])) * 2 + write, 1);
    return true;
}

typedef struct Look {
    X86Machine *m;
    X86SysWhat w;
    uint64_t a;
} Look;

static bool take(const Look *l, unsigned code, uint64_t info1, uint64_t info2)
{
    return x86_svm_wants(l->m, code) && x86_svm_raise(l->m, code, info1, info2, l->w.len);
}

/* Where level 0 alone may, the others' #GP comes first. */
static bool take_at_0(const Look *l, unsigned code, uint64_t info1)
{
    return !l->m->sys.cpl && take(l, code, info1, 0);
}

static bool port(const Look *l)
{
    enum {
        IN = 1,
        STRING = 4,
        REP = 8,
        SIZE_SHIFT = 4,
        ADDRESS_SHIFT = 7,
        SEGMENT_SHIFT = 10,
        PORT_SHIFT = 16
    };
    X86Machine *m = l->m;
    const bool in = l->w.op == X86_OP_IN || l->w.op == X86_OP_INS;
    const bool string = l->w.op == X86_OP_INS || l->w.op == X86_OP_OUTS;
    const unsigned n = string ? m->x86.gpr[X86_RDX] & 0xffff : (unsigned)l->a;
    const uint64_t mask = l->w.asize == 8 ? ~0ull : l->w.asize == 4 ? 0xffffffff : 0xffff;
    if (!x86_svm_wants(m, SVM_IO) || (l->w.rep && string && !(m->x86.gpr[X86_RCX] & mask)))
        return false;
    if (!x86_port_allowed(m, n, l->w.size))
        return true;
    if (!map_bits(m, m->sys.svm.io_map, n, l->w.size))
        return false;
    uint64_t info = (in ? IN : 0) | (uint64_t)n << PORT_SHIFT | (uint64_t)l->w.size << SIZE_SHIFT;
    if (string)
        info |= STRING | (l->w.rep ? REP : 0) | (uint64_t)l->w.asize / 2 << ADDRESS_SHIFT |
                (uint64_t)(in ? X86_ES : l->w.arg) << SEGMENT_SHIFT;
    return take(l, SVM_IO, info, x86_ip(m, m->x86.base.pc + l->w.len));
}

/* ---- registers ---- */

/* Of CR0; from a register: what a decode assist says of it. */
static bool write_cr0(const Look *l, uint64_t v, uint64_t info)
{
    const uint64_t quiet = X86_CR0_TS | X86_CR0_MP;
    return take_at_0(l, SVM_WRITE_CR, info) ||
           ((v ^ l->m->sys.cr0) & ~quiet && take_at_0(l, SVM_CR0_SELECTIVE, info));
}

static bool registers(const Look *l)
{
    const uint64_t of_mov = 1ull << 63 | l->w.reg;
    X86Machine *m = l->m;
    const uint64_t cr0 = m->sys.cr0;
    switch ((X86SysOp)l->w.op) {
    case X86_OP_READ_CR: return take_at_0(l, SVM_READ_CR + l->w.arg, of_mov);
    case X86_OP_WRITE_CR:
        return l->w.arg == 0 ? write_cr0(l, l->a, of_mov) : take_at_0(l, SVM_WRITE_CR + l->w.arg, of_mov);
    case X86_OP_LMSW: /* whatever it writes (15.9) */
        return write_cr0(l, (cr0 & ~0xeull) | (l->a & 15), 0) || take_at_0(l, SVM_CR0_SELECTIVE, 0);
    case X86_OP_CLTS: return write_cr0(l, cr0 & ~(uint64_t)X86_CR0_TS, 0);
    case X86_OP_READ_DR: return take_at_0(l, SVM_READ_DR + l->w.arg, l->w.reg);
    case X86_OP_WRITE_DR: return take_at_0(l, SVM_WRITE_DR + l->w.arg, l->w.reg);
    case X86_OP_RDMSR:
    case X86_OP_WRMSR: {
        const bool write = l->w.op == X86_OP_WRMSR;
        return x86_svm_wants(m, SVM_MSR) && !m->sys.cpl &&
               msr_wanted(m, (uint32_t)m->x86.gpr[X86_RCX], write) && take(l, SVM_MSR, write, 0);
    }
    case X86_OP_XSETBV: return m->sys.cr4 & X86_CR4_OSXSAVE && take_at_0(l, SVM_XSETBV, 0);
    case X86_OP_RDPMC: return (!m->sys.cpl || m->sys.cr4 & X86_CR4_PCE) && take(l, SVM_RDPMC, 0, 0);
    case X86_OP_RDTSC:
        return (!m->sys.cpl || !(m->sys.cr4 & X86_CR4_TSD)) &&
               take(l, l->w.arg ? SVM_RDTSCP : SVM_RDTSC, 0, 0);
    default: return false;
    }
}

static bool tables(const Look *l)
{
    const X86Machine *m = l->m;
    const bool hidden = m->sys.cpl && m->sys.cr4 & X86_CR4_UMIP;
    switch ((X86SysOp)l->w.op) {
    case X86_OP_STORE_SEL:
        return !hidden && take(l,
                               l->w.arg == 0   ? SVM_READ_LDTR
                               : l->w.arg == 1 ? SVM_READ_TR
                                               : SVM_READ_CR,
                               0, 0);
    case X86_OP_SGDT: return !hidden && take(l, l->w.arg ? SVM_READ_IDTR : SVM_READ_GDTR, 0, 0);
    case X86_OP_LGDT: return take_at_0(l, l->w.arg ? SVM_WRITE_IDTR : SVM_WRITE_GDTR, 0);
    case X86_OP_LLDT: return take_at_0(l, SVM_WRITE_LDTR, 0);
    case X86_OP_LTR: return take_at_0(l, SVM_WRITE_TR, 0);
    case X86_OP_INVLPG: return take_at_0(l, SVM_INVLPG, l->a);
    case X86_OP_INVPCID: return take_at_0(l, SVM_INVPCID, 0);
    default: return registers(l);
    }
}

bool x86_svm_intercepts(X86Machine *m, X86SysWhat w, uint64_t a)
{
    const Look l = {m, w, a};
    const bool monitor = x86_sys_has(m, X86_FEAT_MONITOR);
    switch ((X86SysOp)w.op) {
    case X86_OP_IN:
    case X86_OP_OUT:
    case X86_OP_INS:
    case X86_OP_OUTS: return port(&l);
    case X86_OP_IRET: return take(&l, SVM_IRET, 0, 0);
    case X86_OP_INT: return take(&l, SVM_INT_N, a, 0);
    case X86_OP_INT1: return take(&l, SVM_INT1, 0, 0) || take(&l, SVM_EXCEPTION + X86_V_DB, 0, 0);
    case X86_OP_INT3: return take(&l, SVM_EXCEPTION + X86_V_BP, 0, 0);
    case X86_OP_INTO: return m->x86.fl & IR_FL_V && take(&l, SVM_EXCEPTION + X86_V_OF, 0, 0);
    case X86_OP_HLT: return take_at_0(&l, SVM_HLT, 0);
    case X86_OP_RSM: return take(&l, SVM_RSM, 0, 0);
    case X86_OP_CACHES: return take_at_0(&l, w.arg ? SVM_WBINVD : SVM_INVD, 0);
    case X86_OP_MONITOR: return monitor && take_at_0(&l, SVM_MONITOR, 0);
    case X86_OP_MWAIT: return monitor && (take_at_0(&l, SVM_MWAIT_ARMED, 1) || take_at_0(&l, SVM_MWAIT, 1));
    case X86_OP_VMCALL: /* Intel's, and AMD's where nobody asked for it, are no instructions */
        return (w.arg && take(&l, SVM_VMMCALL, 0, 0)) || x86_raise_vector(m, X86_V_UD, 0);
    default: return tables(&l);
    }
}

/* ---- those that are done in line ---- */

static uint64_t now_ns(const X86Machine *m)
{
    const CpuBoard *b = &m->sys.board;
    return b->time ? b->time(b->opaque) : 0;
}

void x86_svm_paused(X86Machine *m)
{
    if (m->sys.svm.guest && m->sys.svm.pause_gap)
        m->sys.svm.paused_ns = now_ns(m);
}

/* The filter lets so many go, and begins anew with each vmrun, and where one comes later than the threshold
 * behind the last, which so is no part of a loop that spins. Here a cycle is as long as asking for the time
 * lets it be. */
static bool pause_is_due(X86Machine *m)
{
    enum { CYCLE_NS = 16 };
    X86Svm *v = &m->sys.svm;
    if (v->pause_gap && now_ns(m) - v->paused_ns > (uint64_t)v->pause_gap * CYCLE_NS)
        v->pauses = v->pause_filter;
    else if (!v->pauses)
        return true;
    else
        v->pauses--;
    return false;
}

uint64_t x86_helper_svm_looks(void *opaque, uint64_t code, uint64_t len, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    if (!x86_svm_wants(m, (unsigned)code) || (code == SVM_PAUSE && !pause_is_due(m)))
        return X86_DONE;
    return x86_svm_raise(m, (int64_t)code, 0, 0, (unsigned)len);
}

/* Translation of an instruction while a guest runs. */
void x86_svm_begins(Trans *t, const X86Insn *x)
{
    unsigned code = 0;
    switch (x->row->handler) {
    case X86_H_cpuid: code = SVM_CPUID; break;
    case X86_H_pushf: code = SVM_PUSHF; break;
    case X86_H_popf: code = SVM_POPF; break;
    case X86_H_nop: code = x86_is_pause(x) ? SVM_PAUSE : 0; break;
    default: break;
    }
    if (!code)
        return;
    ir_call(t->b, X86_HELPER_svm_looks,
            (IrVal[]){ir_const(t->b, IR_I64, code), ir_const(t->b, IR_I64, x->len)}, 2);
}
