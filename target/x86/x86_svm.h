/*
 * Secure virtual machine: AMD's virtualization, as a cpu shows it to its own system (AMD64 APM volume 2,
 * chapter 15; layouts of the VMCB and exit codes: its appendices B and C). docs/adr/0035-svm.md
 *
 * While a guest runs (X86Svm.guest) the state in X86Machine is the guest's, and the host's is in X86Svm.host.
 * An intercept is raised as an exception is (x86_svm_raise()): nothing of the instruction is done, and
 * x86_exception() makes the #VMEXIT of it. Codes of exits below 0xc0 are at the same time numbers of bits in
 * the VMCB's intercept vectors.
 * Threads: the cpu's own. Owner: X86Sys. Physical addresses are those of the machine.
 */
#ifndef TARGET_X86_X86_SVM_H
#define TARGET_X86_X86_SVM_H

#include <stdbool.h>

#include "target/mem.h"
#include "target/x86/x86_seg.h"

struct X86Machine;

/* Codes of exits; those of a row of registers, vectors or bits: the first. */
enum {
    SVM_READ_CR = 0x00,
    SVM_WRITE_CR = 0x10,
    SVM_READ_DR = 0x20,
    SVM_WRITE_DR = 0x30,
    SVM_EXCEPTION = 0x40,
    SVM_INTR = 0x60,
    SVM_NMI,
    SVM_SMI,
    SVM_INIT,
    SVM_VINTR,
    SVM_CR0_SELECTIVE,
    SVM_READ_IDTR,
    SVM_READ_GDTR,
    SVM_READ_LDTR,
    SVM_READ_TR,
    SVM_WRITE_IDTR,
    SVM_WRITE_GDTR,
    SVM_WRITE_LDTR,
    SVM_WRITE_TR,
    SVM_RDTSC,
    SVM_RDPMC,
    SVM_PUSHF,
    SVM_POPF,
    SVM_CPUID,
    SVM_RSM,
    SVM_IRET,
    SVM_INT_N,
    SVM_INVD,
    SVM_PAUSE,
    SVM_HLT,
    SVM_INVLPG,
    SVM_INVLPGA,
    SVM_IO,
    SVM_MSR,
    SVM_TASK_SWITCH,
    SVM_FERR_FREEZE,
    SVM_SHUTDOWN,
    SVM_VMRUN = 0x80,
    SVM_VMMCALL,
    SVM_VMLOAD,
    SVM_VMSAVE,
    SVM_STGI,
    SVM_CLGI,
    SVM_SKINIT,
    SVM_RDTSCP,
    SVM_INT1,
    SVM_WBINVD,
    SVM_MONITOR,
    SVM_MWAIT,
    SVM_MWAIT_ARMED,
    SVM_XSETBV,
    SVM_RDPRU,
    SVM_EFER_WRITTEN,      /* a trap: behind the instruction; */
    SVM_CR_WRITTEN = 0x90, /* these, too */
    SVM_INVPCID = 0xa2,
    SVM_CODES = 0xc0, /* with a bit */
    SVM_NPF = 0x400,
    SVM_INVALID = -1,
};
enum { SVM_VECTORS = SVM_CODES / 32, SVM_ASIDS = 1 << 15, SVM_ASID_SHIFT = 48 };
enum { X86_SIG_SVM = 255 }; /* CpuExit.sig of CPU_EXIT_FAULT: an intercept, which SvmExit says */

/* EXITINTINFO and EVENTINJ. */
enum { SVM_EVENT_TYPE_SHIFT = 8, SVM_EVENT_ERROR = 1 << 11, SVM_EVENT_ERROR_SHIFT = 32 };
#define SVM_EVENT_VALID (1ull << 31)
enum { SVM_EVENT_INTR = 0, SVM_EVENT_NMI = 2, SVM_EVENT_EXCEPTION = 3, SVM_EVENT_SOFT = 4 };

/* V_TPR and what follows it. */
enum {
    SVM_V_TPR = 0xff,
    SVM_V_IRQ = 1 << 8,
    SVM_V_PRIORITY_SHIFT = 16,
    SVM_V_IGNORE_TPR = 1 << 20,
    SVM_V_MASKING = 1 << 24
};
enum { SVM_V_VECTOR_SHIFT = 32 };

typedef struct SvmHost {
    X86Seg seg[4]; /* es cs ss ds */
    uint64_t gdt_base, idt_base, cr0, cr3, cr4, efer, flags, pc /* linear */, rsp, rax, pat;
    uint32_t gdt_limit, idt_limit;
    uint16_t selector[4];
} SvmHost;

/* The exit that has been raised. */
typedef struct SvmExit {
    int64_t code;
    uint64_t info1, info2;
    uint64_t next;  /* instruction pointer behind the instruction; 0: none is given */
    uint64_t event; /* EXITINTINFO: what is being delivered */
} SvmExit;

typedef struct X86Svm {
    uint64_t vm_cr, hsave; /* MSRs */
    uint64_t tsc_ratio;    /* .. of 1 << 32, by exclusive or: 0 is power-on */
    uint64_t vmcb;         /* where the guest that runs came from */
    uint64_t io_map, msr_map, ncr3, tsc_offset;
    uint64_t v_intr; /* V_TPR and what follows it in the VMCB */
    SvmHost host;
    uint32_t intercept[SVM_VECTORS];
    uint32_t asid;      /* of the guest that runs; 0: none does */
    uint32_t guest;     /* 1: a guest runs */
    uint32_t nested;    /* 1: it has nested paging */
    uint32_t no_gif;    /* 1: the global interrupt flag is clear */
    uint32_t smm_guest; /* the value of guest that rsm restores */
    uint32_t pauses;    /* that are left before one is intercepted */
    uint32_t pause_filter, pause_gap; /* what that begins with; cycles behind the last pause, 0: any */
    uint64_t paused_ns;               /* when the last one was over */
    SvmExit exit;
} X86Svm;

/* x86_svm.c: instructions, registers */
bool x86_svm_shown(const struct X86Machine *m); /* the model has it */
void x86_svm_cpuid(const struct X86Machine *m, uint32_t leaf, uint32_t ret[4]);
/* False: not one of these registers. */
bool x86_svm_msr(struct X86Machine *m, uint32_t n, bool write, uint64_t *io, bool *ret_ok);
/* The instruction 0f 01 modrm, `len` bytes long, which uses asize bytes of rax. */
uint64_t x86_svm_insn(struct X86Machine *m, unsigned modrm, unsigned len, unsigned asize);
bool x86_svm_off(const struct X86Machine *m);                   /* EFER.SVME cannot be set */
uint64_t x86_svm_tsc(const struct X86Machine *m, uint64_t tsc); /* as the guest sees it */

/* x86_svm_state.c: a guest comes and goes */
bool x86_svm_there(struct X86Machine *m, uint64_t vmcb); /* is it aligned, and RAM? */
/* vmrun: the guest is there, and nothing of it has run. False: the VMCB asks for what no cpu is, and says so
 * (VMEXIT_INVALID); the host goes on. */
bool x86_svm_enter(struct X86Machine *m, uint64_t vmcb, uint64_t host_pc, uint64_t *ret_event,
                   uint64_t *ret_next);
void x86_svm_load(struct X86Machine *m, uint64_t vmcb); /* vmload */
void x86_svm_save(struct X86Machine *m, uint64_t vmcb);
/* #VMEXIT, by X86Svm.exit; then the host runs. */
void x86_svm_leave(struct X86Machine *m);

/* x86_svm_intercept.c */
bool x86_svm_wants(const struct X86Machine *m, unsigned code); /* a guest runs, and this is intercepted */
/* TPR and the interrupt flag are the guest's own, not the processor's. */
bool x86_svm_masks(const struct X86Machine *m);
bool x86_svm_interrupts_open(const struct X86Machine *m); /* to INTR */
bool x86_svm_virtual_due(const struct X86Machine *m);
bool x86_svm_virtual_tpr(struct X86Machine *m, bool write,
                         uint64_t *io); /* CR8; false: it is the local APIC's */
/* X86_RAISED. len: of the instruction, or 0. */
uint64_t x86_svm_raise(struct X86Machine *m, int64_t code, uint64_t info1, uint64_t info2, unsigned len);
static inline bool x86_svm_raised(const CpuExit *x)
{
    return x->kind == CPU_EXIT_FAULT && x->sig == X86_SIG_SVM;
}

/* A guest's pause is over. */
void x86_svm_paused(struct X86Machine *m);

/* x86_svm_npt.c: nested paging. how: MMU_WRITE where the guest's own tables are read. False: raised. */
bool x86_svm_translate(struct X86Machine *m, Gpa at, MmuHow how, bool of_table, MmuPage *ret);

#endif
