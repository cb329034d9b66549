/*
 * The privileged side of x86: real, protected, virtual-8086 and long mode (AMD64 APM volume 2; Intel SDM
 * volume 3). Private to target/x86.
 *
 * A machine's cpu is an X86Machine; user mode allocates the X86Cpu in it only. `pc` is a linear address
 * everywhere: the program counter that the guest sees is that less the base of cs. Selectors are in
 * X86Cpu.seg[], the bases of fs and gs in fs_base and gs_base, what else a segment register hides in
 * X86Sys.seg[]. X86Cpu.more_flags holds all flags but the arithmetic ones and DF. Registers hold zeros in
 * their upper halves outside of 64-bit mode, but for what 64-bit mode left there.
 * Code depends on the mode by the context word (x86_cpu.h): while es, cs, ss and ds are flat an access costs
 * what it costs in user mode. Otherwise base and limit are added and compared in line (limit -1: there is no
 * segment), and only where some segment is odd C looks at each.
 * Address spaces are named by CR3. A write of CR3 that does not keep what is cached forgets that space; what
 * else paging depends on forgets all.
 * Exceptions found by C are CPU_EXIT_VECTOR: exit.code the vector, exit.addr the error code. Helpers that end
 * with X86_DONE have changed nothing that code depends on; x86_go() is for those that may have.
 * `lines` is written by other threads, everything else by the cpu's own.
 */
#ifndef TARGET_X86_X86_SYS_H
#define TARGET_X86_X86_SYS_H

#include "target/x86/x86_cpu.h"
#include "target/x86/x86_machine.h"
#include "target/x86/x86_svm.h"

/* By whose right: of the cpu as it is now. A guest of SVM has indexes of its own, X86_IDX_GUEST on, in the
 * same order (x86_idx_now()); physical addresses are one more. */
enum { X86_IDX_USER, X86_IDX_KERNEL /* SMAP counts */, X86_IDX_OPEN /* it does not */, X86_IDX_GUEST };
enum { X86_IDX_PAGED = 2 * X86_IDX_GUEST, X86_IDX_PHYS = X86_IDX_PAGED, X86_IDX_COUNT };
enum { X86_ES, X86_CS, X86_SS, X86_DSEG, X86_FS, X86_GS };

/* Of physical addresses, as PCs of virtual machines have: firmware makes tables for all of them. */
enum { X86_PHYS_BITS = 40 };
#define X86_BEYOND (0x000ffffffffff000ull & ~((1ull << X86_PHYS_BITS) - 1)) /* bits of an entry, an address */
enum { X86_MTRRS = 8, X86_MTRR_FIXED = 11, X86_MC_BANKS = 10 };
enum { X86_FEATURE_REGS = 11, X86_MOST_OTHERS = 64 };

typedef struct X86Sys {
    CpuBoard board;
    X86Seg seg[6]; /* base of fs and gs: X86Cpu */
    X86Seg ldt, tr;
    uint16_t ldt_sel, tr_sel;
    uint64_t gdt_base, idt_base;
    uint32_t gdt_limit, idt_limit;
    uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
    uint64_t pdpte[4]; /* PAE */
    uint64_t dr[8];
    uint64_t star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_adjust, tsc_aux, pat, misc_enable, mtrr_def, mcg_status, spec_ctrl;
    uint64_t mtrr[2 * X86_MTRRS], mtrr_fixed[X86_MTRR_FIXED];
    uint64_t mcg_ctl, mc[4 * X86_MC_BANKS]; /* machine check: control, status, address, more */
    uint64_t pv_clock, pv_wall;             /* MSRs of x86_pv.c */
    uint32_t pkru;
    uint32_t keys_seen; /* a bit for each protection key by which translations were found since all were
                         * forgotten for a change of pkru */
    uint32_t cpl;
    uint32_t lines;    /* 1 << X86_IN_*: INTR and A20M are levels, the others latched; 1 << X86_IN_SIPI_BIT */
    uint32_t sipi;     /* vector */
    uint32_t waiting;  /* for SIPI */
    uint32_t smbase, in_smm;
    uint32_t in_nmi;   /* NMI is held back until iret */
    uint32_t trapping; /* TF: the instruction at pc has run */
    uint32_t watch_hit; /* bits of DR6: of the instruction that runs, or has run */
    uint32_t model_chosen;             /* kept over resets, as board, and the next two */
    uint32_t hidden[X86_FEATURE_REGS]; /* bits of x86_feature_regs[] that the model has and CPUID does not
                                        * show: the host lacks them, under KVM */
    uint32_t tsc_khz;                  /* 0: X86_TSC_HZ */
    /* MSRs that only KVM has, where they are not what they were at power-on. The translator runs no cpu with
     * such (TargetState.translates). */
    uint32_t n_others;
    uint32_t other[X86_MOST_OTHERS];
    uint64_t other_value[X86_MOST_OTHERS];
    uint64_t shadow_pc;    /* no interrupt is taken here: it follows sti, mov ss */
    uint64_t trap_shadow;  /* no debug trap is taken here: it follows mov ss with traps on */
    X86Svm svm;
} X86Sys;
enum {
    X86_IN_SIPI_BIT = 8,
    X86_IN_KICK_BIT, /* ends hlt (x86_pv.c) */
    X86_IN_VIRQ_BIT, /* of SVM */
    X86_IN_NMI2_BIT, /* one more NMI behind that of X86_IN_NMI */
};

typedef struct X86Machine {
    X86Cpu x86;
    X86Sys sys;
} X86Machine;

/* RFLAGS, beside those of x86_cpu.h. */
enum {
    X86_IOPL = 3 << 12,
    X86_NT = 1 << 14,
    X86_RF = 1 << 16,
    X86_VM = 1 << 17,
    X86_VIF = 1 << 19,
    X86_VIP = 1 << 20,
    X86_FLAGS_ALL = 0x3f7fd5,
};
enum {
    X86_CR0_PE = 1,
    X86_CR0_MP = 2,
    X86_CR0_EM = 4,
    X86_CR0_TS = 8,
    X86_CR0_ET = 16,
    X86_CR0_NE = 32,
    X86_CR0_WP = 1 << 16,
    X86_CR0_AM = 1 << 18,
    X86_CR0_NW = 1 << 29,
    X86_CR0_CD = 1 << 30,
};
#define X86_CR0_PG (1ull << 31)
enum {
    X86_CR4_VME = 1 << 0,
    X86_CR4_TSD = 1 << 2,
    X86_CR4_DE = 1 << 3,
    X86_CR4_PSE = 1 << 4,
    X86_CR4_PAE = 1 << 5,
    X86_CR4_MCE = 1 << 6,
    X86_CR4_PGE = 1 << 7,
    X86_CR4_PCE = 1 << 8,
    X86_CR4_OSFXSR = 1 << 9,
    X86_CR4_OSXMMEXCPT = 1 << 10,
    X86_CR4_UMIP = 1 << 11,
    X86_CR4_LA57 = 1 << 12,
    X86_CR4_FSGSBASE = 1 << 16,
    X86_CR4_PCIDE = 1 << 17,
    X86_CR4_OSXSAVE = 1 << 18,
    X86_CR4_SMEP = 1 << 20,
    X86_CR4_SMAP = 1 << 21,
    X86_CR4_PKE = 1 << 22,
};
enum {
    X86_EFER_SCE = 1,
    X86_EFER_LME = 1 << 8,
    X86_EFER_LMA = 1 << 10,
    X86_EFER_NXE = 1 << 11,
    X86_EFER_SVME = 1 << 12,
};
#define X86_CR3_KEEP (1ull << 63)

/* Vectors. */
enum {
    X86_V_DE,
    X86_V_DB,
    X86_V_NMI,
    X86_V_BP,
    X86_V_OF,
    X86_V_BR,
    X86_V_UD,
    X86_V_NM,
    X86_V_DF,
    X86_V_TS = 10,
    X86_V_NP,
    X86_V_SS,
    X86_V_GP,
    X86_V_PF,
    X86_V_MF = 16,
    X86_V_AC,
    X86_V_MC,
    X86_V_XM
};

enum { X86_DONE = 0, X86_RAISED = 1 };

static inline X86Machine *x86_machine(void *cpu)
{
    return cpu;
}
static inline bool x86_protected(const X86Machine *m) /* and not virtual-8086 */
{
    return (m->sys.cr0 & X86_CR0_PE) && !(m->x86.more_flags & X86_VM);
}
static inline bool x86_long(const X86Machine *m)
{
    return m->sys.efer & X86_EFER_LMA;
}
static inline bool x86_code64(const X86Machine *m)
{
    return x86_long(m) && (m->sys.seg[X86_CS].attr & X86_A_LONG);
}
static inline unsigned x86_iopl(const X86Machine *m)
{
    return m->x86.more_flags >> 12 & 3;
}
static inline uint64_t x86_seg_base(const X86Machine *m, unsigned seg)
{
    return seg == X86_FS ? m->x86.fs_base : seg == X86_GS ? m->x86.gs_base : m->sys.seg[seg].base;
}
static inline uint64_t *x86_seg_base_at(X86Machine *m, unsigned seg)
{
    return seg == X86_FS ? &m->x86.fs_base : seg == X86_GS ? &m->x86.gs_base : &m->sys.seg[seg].base;
}
/* The index of an access by this right, X86_IDX_USER to X86_IDX_OPEN. */
static inline unsigned x86_idx_now(const X86Machine *m, unsigned right)
{
    return right + (m->sys.svm.guest ? (unsigned)X86_IDX_GUEST : 0);
}
/* The program counter as the guest sees it, of a linear address. */
static inline uint64_t x86_ip(const X86Machine *m, uint64_t pc)
{
    return x86_code64(m) ? pc : (uint32_t)(pc - m->sys.seg[X86_CS].base);
}
static inline uint64_t x86_stack_mask(const X86Machine *m)
{
    return x86_code64(m) ? ~0ull : m->sys.seg[X86_SS].attr & X86_A_BIG ? 0xffffffff : 0xffff;
}

/* x86_machine.c */
uint64_t x86_go(X86Machine *m); /* a helper's status: on at pc, with the context that the state asks for */
bool x86_sys_has(const X86Machine *m, X86Feat f);
uint64_t x86_tsc(const X86Machine *m);
/* Ticks of the TSC in that many ns; ns that so many ticks take, rounded up. */
uint64_t x86_tsc_ticks(const X86Machine *m, uint64_t ns);
uint64_t x86_tsc_ns(const X86Machine *m, uint64_t ticks);
uint64_t x86_tsc_khz(const X86Machine *m);
void x86_set_all_flags(X86Machine *m, uint64_t rflags);
void x86_reset_cpu(X86Machine *m, bool init); /* power-on, or INIT */

/* x86_props.c: what the user may say of a model */
bool x86_property(const TargetOps *ops, unsigned n, TargetProperty *ret);
bool x86_has_property(const Cpu *cpu, const char *name);
bool x86_switch_feature(X86Cpu *cpu, const char *name, bool on); /* false: there is no such feature */

/* x86_state.c */
extern const TargetState x86_state;

/* x86_mmu.c */
bool x86_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
/* By the present paging; by the most that the cpu can have, as bases in registers are. */
bool x86_canonical(const X86Machine *m, Gva va);
bool x86_canonical_base(const X86Machine *m, Gva va);
void x86_no_memory(Cpu *cpu, Gva va, MmuHow how);
void x86_select(X86Machine *m);
/* Translations go: all, or those of one guest of SVM while it runs; of the space that a value of CR3 names,
 * or all of which `mask` names with it. */
void x86_forget_all(X86Machine *m);
void x86_forget_space(X86Machine *m, uint64_t cr3, uint64_t mask, bool one, uint64_t va);
bool x86_load_pdptes(X86Machine *m, uint64_t cr3); /* false: #GP */
/* Of the cpu itself, at this level: idx says by whose right (X86_IDX_USER to X86_IDX_OPEN). False: raised. */
bool x86_lin_ld(X86Machine *m, unsigned idx, uint64_t addr, unsigned size, uint64_t *ret);
bool x86_lin_st(X86Machine *m, unsigned idx, uint64_t addr, unsigned size, uint64_t v);
unsigned x86_data_idx(const X86Machine *m);

/* x86_exc.c */
uint64_t x86_raise_vector(X86Machine *m, unsigned vector, uint32_t error); /* X86_RAISED */
static inline uint64_t x86_gp(X86Machine *m, uint32_t error)
{
    return x86_raise_vector(m, X86_V_GP, error);
}
void x86_shutdown(X86Machine *m);
bool x86_exception(Cpu *cpu);
bool x86_interrupt(Cpu *cpu);
bool x86_wakes(const Cpu *cpu);
bool x86_in_shadow(Cpu *cpu);
bool x86_set_irq(Cpu *cpu, unsigned n, bool level);
void x86_nmi_taken(X86Machine *m); /* one of those that are latched */
bool x86_ready(Cpu *cpu);
void x86_notice_irq(X86Machine *m);
/* What vmrun injects (EVENTINJ); next: where int n, int3 and into come back to, 0: where the guest is. */
void x86_inject(X86Machine *m, uint64_t event, uint64_t next);
/* int n, int3, into, int1, which is `len` bytes long. */
uint64_t x86_soft_int(X86Machine *m, unsigned vector, unsigned len, bool checked);
/* x86_iret.c */
uint64_t x86_iret(X86Machine *m, unsigned size);
uint32_t x86_flags_changeable(const X86Machine *m, unsigned size);
void x86_flags_merge(X86Machine *m, uint64_t v, uint32_t mask);

/* x86_desc.c: descriptors */
typedef struct X86Desc8 {
    uint64_t low, high; /* high: of a system descriptor in long mode */
    uint64_t at;        /* linear */
} X86Desc8;
static inline uint32_t x86_desc_attr(uint64_t d)
{
    return (uint32_t)(d >> 40) & 0xf0ff;
}
/* False: raised, #GP or (vector) with the selector. */
bool x86_desc_read(X86Machine *m, uint16_t sel, unsigned vector, X86Desc8 *ret);
bool x86_desc_read_wide(X86Machine *m, uint16_t sel, unsigned vector, X86Desc8 *ret);
X86Seg x86_desc_seg(uint64_t d);
bool x86_desc_set_accessed(X86Machine *m, const X86Desc8 *d);
bool x86_seg_load(X86Machine *m, unsigned seg, uint16_t sel);
void x86_seg_real(X86Machine *m, unsigned seg, uint16_t sel);
void x86_seg_null(X86Machine *m, unsigned seg, uint16_t sel);
void x86_seg_set(X86Machine *m, unsigned seg, uint16_t sel, X86Seg s);
/* Is [off, off + n) in the segment? Fills the exit, with #SS of the stack. */
bool x86_seg_inside(const X86Seg *s, uint64_t off, unsigned n);
bool x86_seg_check(X86Machine *m, unsigned seg, uint64_t off, unsigned n, bool write);
/* Leaves the segments that level cpl may not use. */
void x86_seg_drop(X86Machine *m, unsigned cpl);
/* Goes to cs:ip at level cpl; the descriptor has been looked at. False: #GP. */
bool x86_cs_go(X86Machine *m, uint16_t sel, X86Seg s, unsigned cpl, uint64_t ip);
/* May cs be loaded with it by a jump, or (`ret_cpl` >= 0) a return to that level? */
bool x86_cs_check(X86Machine *m, uint16_t sel, const X86Desc8 *d, int ret_cpl);
/* lar lsl verr verw: what the instruction finds; false: ZF = 0. */
bool x86_desc_ask(X86Machine *m, unsigned what, uint16_t sel, uint64_t *ret);

/* x86_far.c, x86_task.c: far transfers; len: of the instruction */
typedef struct X86Stack {
    X86Machine *m;
    X86Seg seg;
    uint64_t sp, mask;
    unsigned idx, size; /* by whose right; bytes of a word */
    uint16_t error;     /* of #SS */
    bool wide;          /* 64-bit: no segment */
} X86Stack;
X86Stack x86_stack_now(X86Machine *m, unsigned size);
bool x86_stack_push(X86Stack *s, uint64_t v);
bool x86_stack_pop(X86Stack *s, uint64_t *ret);
void x86_stack_put(X86Machine *m, const X86Stack *s); /* rsp of the present ss */
/* The stack of level cpl by the TSS; false: raised. */
bool x86_stack_inner(X86Machine *m, unsigned cpl, X86Stack *ret, uint16_t *ret_sel, unsigned size);
uint64_t x86_far_jump(X86Machine *m, uint16_t sel, uint64_t off, unsigned size);
uint64_t x86_far_call(X86Machine *m, uint16_t sel, uint64_t off, unsigned size, unsigned len);
uint64_t x86_far_ret(X86Machine *m, unsigned size, unsigned more);
enum { X86_TASK_JUMP, X86_TASK_CALL, X86_TASK_IRET };
/* pc is where the old task goes on. */
bool x86_task_switch(X86Machine *m, uint16_t sel, unsigned how, const uint32_t *error);

/* x86_smm.c */
void x86_smm_enter(X86Machine *m);
uint64_t x86_rsm(X86Machine *m);
uint32_t x86_attr_pack(uint32_t attr); /* twelve bits */
X86Seg x86_seg_unpack(uint64_t base, uint32_t limit, uint32_t packed, bool data);

/* x86_debug.c */
bool x86_watches(const Cpu *cpu, Gva page);
bool x86_watch(Cpu *cpu, const IrAccess *a);
void x86_watch_port(X86Machine *m, unsigned port, unsigned size);
bool x86_may_trap(const X86Machine *m);                       /* then each instruction begins with a look */
bool x86_take_trap(X86Machine *m);                            /* true: #DB is raised */
void x86_debug_merge(X86Machine *m);
bool x86_read_dr(X86Machine *m, unsigned number, uint64_t *ret); /* false: raised */
bool x86_write_dr(X86Machine *m, unsigned number, uint64_t v);
void x86_debug_delivered(X86Machine *m, unsigned vector, bool soft);

/* x86_pv.c: what the hypervisor tells */
bool x86_pv_cpuid(const X86Machine *m, uint32_t leaf, uint32_t ret[4]); /* false: not one of these leaves */
bool x86_pv_msr(X86Machine *m, uint32_t n, bool write, uint64_t *io);   /* false: not one of these */
void x86_pv_show_clock(X86Machine *m);                                  /* the TSC was set */
void x86_pv_call(X86Machine *m);                                        /* vmcall, vmmcall */

/* x86_cr.c, x86_msr.c */
uint64_t x86_cr4_known(const X86Machine *m);
uint64_t x86_xcr0_known(const X86Machine *m);
void x86_set_pkru(X86Machine *m, uint32_t v);
uint64_t x86_efer_known(const X86Machine *m);
uint64_t x86_write_cr(X86Machine *m, unsigned n, uint64_t v);
bool x86_read_cr(X86Machine *m, unsigned n, uint64_t *ret);
bool x86_msr_read(X86Machine *m, uint32_t n, uint64_t *ret); /* false: #GP */
bool x86_msr_write(X86Machine *m, uint32_t n, uint64_t v);
void x86_cpuid_machine(X86Machine *m, uint32_t leaf, uint32_t sub, uint32_t ret[4]);
/* Registers of CPUID that are bits of features, of which a host may lack some. */
typedef struct X86FeatureReg {
    uint32_t leaf;
    uint8_t sub, reg; /* reg: 0 to 3 */
    char name[11];
} X86FeatureReg;
extern const X86FeatureReg x86_feature_regs[X86_FEATURE_REGS];
bool x86_msr_ignored(uint32_t n); /* read as 0, and may be written */
/* Where the struct has a register of a model's; NULL: elsewhere, or nowhere. */
uint64_t *x86_msr_home(X86Machine *m, uint32_t n);

#endif
