/*
 * X86Cpu: the architectural state of one x86 processor at CPL 3, of a program of 64 bits or of 32
 * (target_x86_64, target_i386), cpu models, and what a translation depends on.
 *
 * In 32-bit code a register is the lower half of gpr[]. In a 32-bit program the upper half is always 0; in a
 * 64-bit one that goes into a segment of 32-bit code (X86_CTX_COMPAT) it stays until the register is written.
 * Segments of 32-bit code are flat but for fs and gs, or the program's own by the LDT: then code and data of
 * it are translated apart (X86_CTX_SEGS, X86_CTX_CS_CHECK, X86_CTX_16). base.pc is a linear address;
 * x86_user_ip() is what the guest sees. The numbers of selectors are those of Linux on x86-64, which runs
 * 32-bit programs beside others.
 *
 * gpr[] stands right behind the common head, so that generated code reaches it with short offsets; the
 * numbering is the encoding's (rax rcx rdx rbx rsp rbp rsi rdi r8 ..). fl holds SF ZF AF PF CF in its
 * bits 15..8, as lahf gives them, and OF in bit 0 (IR_FL_*; docs/adr/0021-x86-guest.md); x86_rflags() and
 * x86_set_rflags() speak RFLAGS. The other flags a program can change are DF (df: 0 or 1, not architectural
 * form) and those of `more_flags` (AC, ID, TF is not kept). MXCSR: rounding in base.frm, flags in base.ff
 * (and the host's register while generated code runs), FZ and DAZ in fp_modes, the masks in mxcsr_masks.
 * zmm[] is eight 64-bit parts, the lowest first, of which the first two are xmm, the first four ymm; those of
 * registers 16 to 31 are there with AVX-512 only, as are the masks k[]. zmm_used: the upper halves of the
 * first sixteen may be other than zero. While they are not, VEX need not clear them (X86_CTX_ZMM;
 * x86_put_vreg). x87: st[] is physical registers, each the ten bytes that fstp m80 stores; MMX registers are
 * their significands. Ownership and threads: as Cpu (target.h).
 */
#ifndef TARGET_X86_X86_CPU_H
#define TARGET_X86_X86_CPU_H

#include "target/target.h"

enum {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI,
    X86_R8,
    X86_R9,
    X86_R10,
    X86_R11,
    X86_R12,
    X86_R13,
    X86_R14,
    X86_R15
};

typedef struct X86Fpu {
    struct {
        uint64_t sig;
        uint16_t exp;
        uint16_t pad[3];
    } st[8];              /* physical */
    uint16_t cw, sw, fop; /* sw with TOP in bits 13..11 */
    uint8_t empty;        /* bit per physical register */
    uint8_t pad;
    uint64_t fip, fdp;
} X86Fpu;

enum {
    X86_CS32 = 0x23,
    X86_DS = 0x2b,
    X86_CS64 = 0x33,
    X86_TLS_FIRST = 12, /* descriptors that set_thread_area(2) sets */
    X86_TLS_COUNT = 3,
    X86_CPU_NODE = 0x7b,
    X86_LDT_COUNT = 8192
};

/* A segment of data as struct user_desc has it (asm/ldt.h). */
typedef struct X86Desc {
    uint32_t base, limit;
    uint32_t flags; /* X86_DESC_*; 0: there is none */
} X86Desc;
enum {
    X86_DESC_32 = 1,
    X86_DESC_CONTENTS = 6, /* bit 2: code */
    X86_DESC_READ_ONLY = 8,
    X86_DESC_PAGES = 16, /* the limit counts pages */
    X86_DESC_NOT_PRESENT = 32,
    X86_DESC_USEABLE = 64,
    X86_DESC_SET = 1 << 31
};

typedef struct X86Cpu {
    Cpu base;
    uint64_t gpr[16];
    uint32_t fl;
    uint32_t df;
    uint64_t fs_base, gs_base;
    uint64_t zmm[32][8] __attribute__((aligned(64)));
    uint64_t scratch[8]; /* of the instruction that runs */
    uint64_t k[8];
    X86Fpu fpu;
    uint32_t more_flags;  /* RFLAGS: AC, ID */
    uint32_t mxcsr_masks; /* bits 12..7 */
    uint32_t fp_modes;    /* FZ, DAZ of MXCSR */
    uint16_t seg[6];      /* es cs ss ds fs gs: selectors */
    uint32_t model;       /* X86Model */
    uint64_t differs[2];  /* features that it has and its model has not, or the other way round: sets of
                           * X86Feat, those of programs and those of systems */
    X86Desc tls[X86_TLS_COUNT];
    const X86Desc *const *ldt; /* where the owner keeps the address of X86_LDT_COUNT of them; NULL: nowhere */
    uint32_t zmm_used;         /* 0, 1 */
    uint32_t code32;           /* of programs: 1 in 32-bit and 16-bit code */
    uint32_t odd_segs; /* of programs, for 32-bit code: segments that are no flat data, or fs and gs without
                        * limits: bits */
    uint32_t cs_base;  /* of programs; in 64-bit mode 0 */
    int64_t cs_limit;  /* last offset inside */
    uint32_t store_in_c; /* 1: the next instruction, a store, is done by a C function (X86_CTX_STORE), or
                          * masks all exceptions (x86_evex_run.c; 2: it will) */
    uint32_t ff_before;  /* .. its sticky flags of before, which are not in base.ff meanwhile */
    struct {
        uint64_t pc, addr;
        uint8_t operand[16];
    } x87_in_c; /* the last x87 instruction that C did: its operand in memory, and what was there */
} X86Cpu;

enum {
    X86_CF = 1,
    X86_PF = 4,
    X86_AF = 16,
    X86_ZF = 64,
    X86_SF = 128,
    X86_TF = 256,
    X86_IF = 512,
    X86_DF = 1024,
    X86_OF = 2048,
    X86_AC = 1 << 18,
    X86_ID = 1 << 21
};
enum { X86_MXCSR_DAZ = 1 << 6, X86_MXCSR_MASKS = 0x1f80, X86_MXCSR_FZ = 1 << 15, X86_MXCSR_VALID = 0xffff };

/* Components of XCR0: x87, SSE, AVX, masks, upper halves of zmm0 to 15, zmm16 to 31; rights of keys, which
 * only machines have. Bytes that xsave writes at most. */
enum {
    X86_XC_X87 = 1,
    X86_XC_SSE = 2,
    X86_XC_AVX = 4,
    X86_XC_AVX512 = 0xe0,
    X86_XC_PKRU = 0x200,
    X86_XC_END = 10, /* the bit behind the last */
    X86_XSAVE_BYTES = 2696
};

/* Context word. */
enum {
    X86_CTX_ZMM = 64,
    X86_CTX_STORE = 128,
    X86_CTX_SYS = 1 << 8,   /* a machine's; what follows is 0 in user mode, but for 32, 16, CS_CHECK */
    X86_CTX_IDX_SHIFT = 9,  /* two bits: by whose right data accesses are, X86_IDX_USER to _OPEN */
    X86_CTX_FLAT = 1 << 11, /* es, cs, ss, ds are flat, or the mode is 64-bit */
    X86_CTX_CODE64 = 1 << 11, /* i386 programs: 64-bit code (TargetOps.other) */
    X86_CTX_ODD = 1 << 12,  /* some segment may not be written to, expands down, or is not there */
    X86_CTX_16 = 1 << 13,   /* with 32: 16-bit code */
    X86_CTX_32 = 1 << 15,   /* 32-bit or 16-bit code */
    X86_CTX_STACK16 = 1 << 21,
    X86_CTX_PROTECTED = 1 << 22, /* protected mode, and not virtual-8086 */
    X86_CTX_CPL0 = 1 << 23,
    X86_CTX_COMPAT = 1 << 23,   /* programs of 64 bits: with 32 */
    X86_CTX_FP_CHECK = 1 << 24, /* x87, MMX, SSE or AVX may be switched off: C looks */
    X86_CTX_CS_CHECK = 1 << 25, /* cs has a limit that each instruction is compared with; of a program also
                                 * if it has a base, or is of 16 bits */
    X86_CTX_TRAP = 1 << 26,     /* TF, or breakpoints of the debug registers: each instruction asks C */
    X86_CTX_IOPL = 1 << 27,     /* CPL is above IOPL, or virtual-8086 mode: C looks at cli, sti, pushf, .. */
    X86_CTX_ALIGN = 1 << 5,     /* EFLAGS.AC of programs; with CR0.AM, at CPL 3 of machines */
    X86_CTX_SEGS = 1 << 28,     /* i386 programs: es, ss or ds is not a flat segment of data; with STACK16 */
    X86_CTX_FS = 1 << 29,       /* .. fs has a limit, or is null */
    X86_CTX_GS = 1 << 30,
    X86_CTX_GUEST = 1 << 30, /* machines: a guest of SVM runs */
    X86_CTX_IDX_GUEST = 3,   /* .. how far its X86_IDX_* are from the host's */
};
static inline unsigned x86_ctx_idx(uint32_t ctx)
{
    const bool guest = (ctx & (X86_CTX_SYS | X86_CTX_GUEST)) == (X86_CTX_SYS | X86_CTX_GUEST);
    return (ctx >> X86_CTX_IDX_SHIFT & 3) + (guest ? X86_CTX_IDX_GUEST : 0);
}

/* In 32-bit code? Of a machine: while it runs; 16-bit code counts as well. */
static inline bool x86_cpu_is32(const X86Cpu *cpu)
{
    return cpu->base.ctx & X86_CTX_SYS ? cpu->base.ctx & X86_CTX_32 : cpu->code32;
}

/* What programs can use, and behind it what is of systems alone. */
typedef enum X86Feat {
#define FEAT(id, leaf, reg, bit, name) X86_FEAT_##id,
#include "target/x86/x86_features.def"
#undef FEAT
    X86_FEATS,
    X86_SYS_FEAT_FIRST = 64,
    X86_SYS_FEAT_BEFORE = X86_SYS_FEAT_FIRST - 1,
#define FEAT(id, leaf, reg, bit, name) X86_FEAT_##id,
#include "target/x86/x86_sys_features.def"
#undef FEAT
    X86_SYS_FEATS_END
} X86Feat;

typedef enum X86Model {
#define MODEL(id, ...) X86_MODEL_##id,
#include "target/x86/x86_models.def"
#undef MODEL
    X86_MODELS
} X86Model;

/* Loads segment register `seg` (es ss ds fs gs) of a program; false: the selector is refused. */
bool x86_set_selector(X86Cpu *cpu, unsigned seg, uint16_t selector);
/* The same of cs, which decides of 64-bit or 32-bit code; pc, a linear address, stays. */
bool x86_set_code_segment(X86Cpu *cpu, uint16_t selector);
/* A program's instruction pointer: an offset in the code segment. */
static inline uint64_t x86_user_ip(const X86Cpu *cpu)
{
    return cpu->cs_base ? (uint32_t)(cpu->base.pc - cpu->cs_base) : cpu->base.pc;
}
static inline void x86_set_user_ip(X86Cpu *cpu, uint64_t ip)
{
    cpu->base.pc = cpu->cs_base ? (uint32_t)(ip + cpu->cs_base) : ip;
}
uint64_t x86_desc_raw(const X86Desc *d);  /* as the processor has it; 0: none */
uint32_t x86_segs_ctx(const X86Cpu *cpu); /* of the context word */
uint64_t x86_xcr0(const X86Cpu *cpu);     /* what a program has */
/* Where component `bit` of XCR0 stands in the standard form of xsave, and its bytes. The layout is the
 * vendor's. */
uint32_t x86_xsave_at(const X86Cpu *cpu, unsigned bit);
uint32_t x86_xsave_size(unsigned bit);
uint32_t x86_xsave_bytes(const X86Cpu *cpu, uint64_t components); /* of the standard form */
/* CPUID leaf 0xd of a cpu that has the components `all`, of which some are enabled. ret has zeros. */
void x86_xsave_leaf(const X86Cpu *cpu, uint64_t all, uint64_t enabled, uint32_t sub, uint32_t ret[4]);
uint64_t x86_rflags(const X86Cpu *cpu);
void x86_set_rflags(X86Cpu *cpu, uint64_t rflags); /* of those that CPL 3 can change */
/* xmm and ymm registers that there are. */
static inline unsigned x86_vector_registers(const X86Cpu *cpu)
{
    return x86_cpu_is32(cpu) ? 8 : 16;
}
uint32_t x86_mxcsr(const X86Cpu *cpu);
void x86_set_mxcsr(X86Cpu *cpu, uint32_t mxcsr);
bool x86_model_has(X86Model m, X86Feat f);
bool x86_model_is_amd(X86Model m);
bool x86_cpu_has(const X86Cpu *cpu, X86Feat f);  /* as CPUID shows it */
bool x86_cpu_runs(const X86Cpu *cpu, X86Feat f); /* .. and in 64-bit code of what has no such mode */
X86Model x86_model_find(const char *name);      /* X86_MODELS: none */
const char *x86_model_name(X86Model m);
/* Where CPUID has its bit; reg: 0 to 3 for eax, ebx, ecx, edx. */
void x86_feature_place(X86Feat f, uint32_t *ret_leaf, uint32_t *ret_sub, unsigned *ret_reg,
                       uint32_t *ret_bit);
const char *x86_feature_name(X86Feat f);                                         /* as in /proc/cpuinfo */
/* Adds to a leaf's registers the bits of systems' features that the cpu has there. */
void x86_cpuid_add_sys(const X86Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t io[4]);
void x86_cpuid(const X86Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t ret[4]); /* eax ebx ecx edx */

#endif
