/*
 * X64Host: the x86-64 back end. One region of IR becomes host code; a few shared stubs enter it and leave it.
 *
 * Roles of registers in generated code
 *   rsp  the return stack, see X64_RET_BYTES
 *   rbp  cpu object + X64_ENV_BIAS, so that the end of its head and most integer registers are one byte away
 *   rax rcx rdx r11  temporaries; the other ten hold pinned guest slots
 *   xmm0-7 pinned guest slots, xmm8-15 temporaries
 * Boundary convention: at every region entry and exit, pinned slots are in their registers and all others in
 * the cpu object. Inside a region the same holds at every insn_start (tier 1 keeps no other state), except
 * that a pinned float may hold a NaN that is not yet canonical, and that the flags slot may be out of date;
 * records say so. A region that is a loop may, from its entry to its exits, keep further vector slots in xmm
 * registers and exchange general ones that it hardly uses for others (X64Code.loop_pin). MXCSR is the
 * guest's: rounding mode and sticky flags, all exceptions masked (so is the x87 unit of a guest that is x86,
 * from its first use until accel_run() returns: IR_UNIT); but for a guest with IR_NAN_ARM invalid is
 * not: where the host would raise it, SIGFPE comes, and the record of that host instruction says which guest
 * instruction is to be done by the interpreter (docs/adr/0015-arm-nan-by-trap.md). Its DENORM flag means
 * nothing then.
 *
 * Code is write-once. Exits go through data slots (`jmp [rip + slot]`), one 8-byte word each, first pointing
 * to the exit's own stub, which loads the exit's id and leaves to C. Kicks and exceptions go to the stub at
 * once.
 *
 * Two views of the code memory exist, one to write and one to run; all addresses here are of the writing view
 * except where a name says rx. The distance is the same for the whole code memory.
 *
 * Threads: X64Host is constant after x64_host_init() and x64_stubs_emit(); an X64Emit belongs to one thread.
 */
#ifndef TCG_HOST_X86_64_X64_H
#define TCG_HOST_X86_64_X64_H

#include "tcg/host/x86_64/asm.h"
#include "tcg/ir/access.h"
#include "tcg/ir/ir.h"
#include "tcg/ra/liveness.h"

enum { X64_ENV_BIAS = 224, X64_SPILLS = 48, X64_MAX_PINS = 18 };

/* Offsets in bytes from the start of the cpu object. */
typedef struct X64Layout {
    int32_t kick, pc, ctx, ff, frm, link, host_fp;
    int32_t unit_live;  /* u32: the state of IR_UNIT rows is in the host's registers */
    int32_t host_sp;    /* C's stack while generated code runs */
    int32_t spill;      /* X64_SPILL_BYTES at a multiple of 16: private slots (a v128 takes two), four
                         * operands of vector calls */
    int32_t save;       /* 16 * 8 + 16 * 16 bytes for the stubs */
    int32_t fl_loop;    /* 3 * 8 bytes: operands of the flags that a loop's last round left, and whether it
                         * did; 0: none */
    int32_t args;       /* 4 * 8 bytes: arguments of a call */
    int32_t soft;       /* X64SoftArea, if the guest has IR_NAN_ARM */
    int32_t jump_cache; /* X64_JC_ENTRIES of {u64 guest pc, u64 host address} */
    int32_t ret_top;    /* rsp while C runs */
    int32_t shared;     /* machines: X64_SHARED * 8 bytes, addends that accesses of a region share */
} X64Layout;

enum { X64_SHARED = 4 };

enum { X64_JC_BITS = 12, X64_JC_ENTRIES = 1 << X64_JC_BITS };

/* The return stack: rsp while generated code runs, so that the host foresees returns. A guest's call is a
 * host's, through the slot of the exit; behind it stands the landing, which compares rax, where a guest's
 * return has put its target, with the address that the call was to come back to, and goes on through the slot
 * of the region's last exit. (That slot is linked like any other, and the guest address stands behind it.) A
 * guest's return is a host's. Where the landing finds another target, the entry is put back, and one of the
 * next few that does fit is taken with all above it (longjmp); else the jump cache serves, and nothing is
 * taken (the return of a signal handler). So a stale entry is as right as any while its segment's code and
 * slots keep their meaning; then the owner clears the stack. C code runs on its own stack, signal handlers on
 * the alternate one. Below the stack is a page that cannot be written: the owner answers its fault by
 * x64_ret_overflow(). */
enum { X64_RET_BYTES = 1 << 16, X64_SPILL_BYTES = X64_SPILLS * 8 + 4 * 16 };

typedef struct X64Pin {
    uint8_t slot, reg; /* reg: 0-15 general, 16-31 xmm, of loop pins 32-47: the upper half of ymm */
    uint16_t offset;   /* of the slot in the cpu object */
    uint16_t bytes;    /* 8 or 16; of loop pins that are i32: 4 */
} X64Pin;

enum { X64_NO_PINS = 1, X64_NO_JUMP_CACHE = 2, X64_NO_FUSE = 4, X64_NO_LAZY_NAN = 8, X64_NO_LOOP_PINS = 16,
       X64_NO_LAZY_FLAGS = 32,
       X64_NO_RETURN_STACK = 64, X64_NO_TLB = 128, X64_NO_SHARED_CHECKS = 256 };

/* A hash table of regions that the stub for indirect jumps looks into before it gives up: entries of {u64
 * guest pc + 1, region pointer}, index = (pc >> 1 ^ pc >> fold) & mask, then those behind it without
 * wrapping, up to one of 0: the table has some of these behind its end. Offsets are inside a region. */
typedef struct X64Lookup {
    const void *table; /* NULL: none */
    const uint32_t *mask; /* of the index; changes while no generated code runs */
    unsigned fold;
    int32_t pc, ctx, blocked, rx; /* u64, u32, bool, u64 */
} X64Lookup;

/* Machines (docs/adr/0018-system-memory.md). A jump cache entry is then {u64 virtual pc, key, host address,
 * pc_delta}. */
enum { X64_FAR_BITS = 14, X64_FAR_ENTRIES = 1 << X64_FAR_BITS };
/* Index of the jump cache. Where instructions stand at any address, functions still begin at multiples of
 * 16. */
static inline unsigned x64_near_index(uint64_t pc, unsigned insn_shift)
{
    return (unsigned)(insn_shift ? pc >> insn_shift : pc ^ pc >> X64_JC_BITS) & (X64_JC_ENTRIES - 1);
}

static inline unsigned x64_far_index(uint64_t pc, unsigned insn_shift)
{
    return (unsigned)(pc >> insn_shift ^ pc >> X64_FAR_BITS) & (X64_FAR_ENTRIES - 1);
}
/* Words of a group that keeps its page: how far from the page's start its first byte may be, the page, the
 * addend. */
enum { X64_LOOP_LIMIT, X64_LOOP_PAGE, X64_LOOP_ADDEND, X64_LOOP_WORDS, X64_LOOP_SETS = 8 };
typedef struct X64Paged {
    bool on;
    uint32_t tlb_entries;  /* of a table; TlbEntry of target/mem.h */
    /* Offsets in bytes from the start of the cpu object. */
    int32_t tlb;           /* pointer to the table of each mmuidx */
    int32_t jump_key;      /* u64 */
    int32_t pc_delta;      /* u64 */
    int32_t loops;         /* X64_LOOP_SETS * u32: which loop a set belongs to (0: none); then the sets: rows
                            * X64_LOOP_*, X64_SHARED of u64 each (x64_emit_share.c). Whoever changes what is
                            * mapped clears all of it; whoever enters from C, whose they are */
    int32_t place;         /* pointer to pages that code is known to be fetched from: {u64 virtual address,
                            * jump_key for which it holds, address of code, any}, indexed by the address */
    uint32_t places;
    unsigned n_idx;        /* of mmuidx */
    IrAccessFn *fn;        /* called with it */
} X64Paged;

/* Stubs that look into the TLB for an access of a group whose leader found nothing: by mmuidx, for writing or
 * not, for more than 8 bytes or not, by the register (x64_emit_paged.c). It has the address; then the addend,
 * if ZF is set. */
enum { X64_LOOKERS = 4, X64_MAX_IDX = 16 };
typedef uint8_t *X64Look[X64_MAX_IDX][2][2][X64_LOOKERS];

typedef struct X64Host {
    uint64_t features;        /* X64_F_* that may be used */
    uint32_t no_opt;          /* X64_NO_* */
    X64Layout at;
    X64Lookup lookup;         /* set before x64_stubs_emit() */
    X64Paged paged;           /* likewise */
    bool moves;               /* X64Code.reloc is asked for; not of machines */
    bool pc32;                /* guest addresses have 32 bits */
    void (*unit_load)(void *cpu); /* likewise: puts the state of IR_UNIT rows there */
    const IrSlot *slots;
    unsigned n_slots, n_pins;
    int16_t fl_slot;          /* the slot of guest flags, -1: the guest has none. Never pinned, one at most */
    unsigned insn_shift;      /* log2 of the guest's instruction alignment: index of the jump cache */
    int8_t slot_reg[IR_MAX_SLOTS]; /* register of a pinned slot, -1: in the cpu object */
    X64Pin pin[X64_MAX_PINS];
    ptrdiff_t rx_delta;       /* running address - writing address */
    /* stubs */
    uint8_t *enter;           /* int enter(cpu, rx address): returns an exit id or X64_ID_* */
    uint8_t *exit;            /* eax = id: stores pins, returns to C */
    uint8_t *exit_indirect;   /* rax = guest pc */
    uint8_t *exit_indirect_plain; /* the same, always to C */
    uint8_t *far_exit;            /* machines: rax = where to go on, on another page, counted from this page's
                                   * address of code */
    uint8_t *far_exit_plain;      /* the same, always to C */
    uint8_t *far_again;       /* machines: the jump cache has rax (entry at rcx), but not with the key rdx */
    uint8_t *exit_return;     /* rax = guest pc; the landing of the entry just taken found that it is
                               * another's */
    uint64_t no_return;       /* running address of a landing that nothing fits */
    uint8_t *helper_left;     /* a helper has returned eax, not 0 (IR_H_STATUS) */
    uint8_t *exit_stored;     /* as exit, but the pins are already in the cpu object (after a fault) */
    uint8_t *call;            /* rax = function, arguments in [args]: all pins through the cpu object */
    uint8_t *soft;            /* rax = X64SoftFn; keeps every register; result in [link], flags or-ed in */
    uint8_t *soft_dyn;        /* the same, rounding as the guest has set it */
    uint8_t *vec;             /* rax = packed vector op, operands and result on the stack; keeps every other
                               * register */
    uint8_t *soft_ir;         /* rax = X64SoftOp.raw, the rest in [soft]; keeps every register; flags or-ed
                               * in */
    uint8_t *load_unit;       /* rax = any: unit_load(), keeps every other register */
    uint8_t *access;          /* paged: behind the call stands what it is about (x64_emit_paged.c) */
    X64Look look;             /* paged */
    uint8_t *raised;          /* cpu->exit and cpu->pc are filled in; pins are in their registers */
    uint8_t *raise_at;        /* paged: likewise, but the pc is in rax, as an address of code */
    uint8_t *consts;          /* X64Const */
    uint64_t *count;          /* [X64_COUNTS] of what generated code runs, for statistics; or NULL: not
                               * counted */
    const uint64_t *checked;  /* bits x64_checked_bit(pc): floating-point instructions there have trapped
                               * often; or NULL */
} X64Host;

/* Indices of counts: ops that a C function executes (those on f16 apart), helpers, guest instructions of
 * regions entered (those behind a side exit included). */
enum { X64_COUNT_HELPERS = 2 * IR_OP_COUNT, X64_COUNT_INSNS = X64_COUNT_HELPERS + 64, X64_COUNTS };

enum { X64_CHECKED_WORDS = 64 };
static inline unsigned x64_checked_bit(uint64_t pc)
{
    return (unsigned)((pc >> 1) * 0x9e3779b97f4a7c15ull >> 52);
}

/* Exceptions of MXCSR's masks that are unmasked for a guest with IR_NAN_ARM in modes `fp` (IR_FP_*). */
static inline uint32_t x64_arm_unmasked(unsigned fp)
{
    uint32_t denormal = fp & (IR_FP_FZ | IR_FP_STD) ? 0x100 | 0x800 : 0;
    return 0x80 | denormal | (fp & IR_FP_PX ? 0x1000 : 0);
}

/* Ids that are not exits. Exit ids are 0 .. 2^31. */
enum { X64_ID_INDIRECT = -1, X64_ID_FAULT = -2, X64_ID_HELPER = -3 };

typedef struct X64Const { /* rows of 16 bytes, so that each can be a vector operand */
    uint64_t canon64[2], canon32[2], box[2], sign64[2], sign32[2], abs64[2], abs32[2], sign16[2], abs16[2];
    uint64_t two31_64[2], two63_64[2], minus1_64[2], two31_32[2], two63_32[2], minus1_32[2], zero[2];
    uint64_t half_64[2], minus_half_64[2], half_32[2], minus_half_32[2];
    uint64_t tiny_64[2], tiny_32[2]; /* bits of the smallest normal number, twice as an integer */
} X64Const;

/* How to make the word of flags that a slot should hold: op (IrOp of a row that makes flags) on two operands;
 * or, where `sel` is given and is not `when`, the constant `other`. keep: `sel` is a number, 0 the slot is
 * right, 1 op, 2 other. Rows flnzc and flx change a former word, which `base` or `sel` is.
 * X64_FL_HOST: the word is in the host's flags (as lahf, seto would leave it); INV: with its carry inverted.
 * Records only. */
enum { X64_FL_HOST = 0xff, X64_FL_HOST_INV = 0xfe };
typedef enum X64LocKind { X64_LOC_NONE, X64_LOC_REG, X64_LOC_ENV, X64_LOC_CONST } X64LocKind;
/* Packed: every second region has recipes, of five places each. */
typedef struct __attribute__((packed)) X64Loc {
    uint8_t kind;  /* X64LocKind */
    uint8_t reg;   /* REG: general register, or 16 + xmm */
    int64_t value; /* ENV: bytes from the start of the cpu. CONST */
} X64Loc;
typedef struct __attribute__((aligned(8))) X64FlRecipe {
    uint8_t op, type; /* IrOp or X64_FL_HOST*, IrType of the operands */
    uint8_t when;     /* 0 or 1 */
    bool keep;
    uint8_t sel_type; /* IR_VOID: sel is an i1. Else when = (sel compared with sel_b, of this type), by
                       * sel_cond */
    uint8_t sel_cond;
    uint16_t other;
    X64Loc a, b, sel, sel_b;
    bool alt;         /* instead of `other`: what the recipe `base` gives; or, if that is 0, the word `old` */
    uint8_t base;     /* FLNZC, FLX: index + 1 of the recipe of the former word; 0: that is sel. sel_cond:
                       * the row's misc */
    X64Loc old;
} X64FlRecipe;

/* A floating-point op done by ir_eval_fp(): operands, result, and the row. */
typedef struct X64SoftArea {
    IrVec in[3], out;
    uint16_t d; /* of the IrInsn */
    uint8_t nan, fp;
    uint32_t round;
} X64SoftArea;
typedef union X64SoftOp {
    uint64_t raw;
    struct { uint16_t op; uint8_t type, misc; uint32_t imm; };
} X64SoftOp;

/* What a faulting host address means. Sorted by `at`. */
typedef struct X64Record {
    uint32_t at;       /* bytes from the region's start */
    uint8_t ordinal;   /* guest instruction, index into the region's guest_pc */
    int8_t base, index; /* address = base + (index << scale) + disp; registers or -1 */
    uint8_t scale : 4, size : 3, write : 1; /* size: log2 bytes */
    int32_t disp;
    uint16_t dirty;    /* xmm registers that may hold a NaN to be made canonical */
    uint8_t fl;        /* index + 1 of the recipe of the flags slot; 0: it is in the cpu object */
} X64Record;

/* Where the exits of a region are: exit k has id first_id + k, the data slot at running address slots_rx + 8
 * * k, and the stub, where the slot points at first, at stubs + X64_STUB_BYTES * k. Stubs are apart from the
 * code because they run once. */
typedef struct X64Exits {
    uint32_t first_id;
    uint64_t slots_rx;
    uint8_t *stubs;
    uint64_t *runs; /* counts how often the region's first block is run; NULL: nobody counts */
} X64Exits;

enum { X64_STUB_BYTES = 10 };

enum { X64_MAX_RECORDS = 1024, X64_MAX_LOOP_XMM = 5, X64_MAX_LOOP_SWAPS = 8,
    X64_MAX_LOOP_PINS = X64_MAX_LOOP_XMM + X64_MAX_LOOP_SWAPS + 16, X64_MAX_FL = 64,
    X64_MAX_RELOCS = 1024 };

typedef struct X64Emit X64Emit; /* scratch state of one translating thread, ~150 KiB */
extern const size_t x64_emit_size;

/* What in a region's code depends on where it lies and on where its guest instructions do. `at`: of the
 * bytes, from the region's start. STUB, EXIT, SLOT: 4 bytes that end an instruction, the distance to
 * something that x64_stubs_emit() made, to an exit's own stub, to an exit's data slot. HOST: 8 bytes, an
 * address in this program. PC32, PC64: a guest address. */
typedef enum X64RelocKind { X64_RELOC_STUB, X64_RELOC_EXIT, X64_RELOC_SLOT, X64_RELOC_HOST, X64_RELOC_PC32,
                            X64_RELOC_PC64, X64_RELOC_COUNT } X64RelocKind;
typedef struct X64Reloc {
    uint32_t at : 24, kind : 8; /* kind: X64RelocKind */
} X64Reloc;

typedef struct X64Code {
    uint32_t size;          /* bytes */
    uint32_t n_relocs;      /* X64Host.moves; */
    bool stays;             /* and they do not say it all */
    uint32_t n_records;
    uint32_t n_loop_pins;   /* slots that this region keeps in registers besides the boundary's */
    X64Pin loop_pin[X64_MAX_LOOP_PINS];
    uint32_t n_fl;          /* recipes of flags */
    X64FlRecipe fl[X64_MAX_FL];
    X64Record record[X64_MAX_RECORDS];
    X64Reloc reloc[X64_MAX_RELOCS];
} X64Code;

void x64_host_init(X64Host *h, uint64_t features, uint32_t no_opt, const IrSlot *slots, unsigned n_slots,
                   unsigned insn_align, const X64Layout *at);
/* Emits constants and stubs at a->p; fills the stub fields. Code refers to *h itself. */
void x64_stubs_emit(X64Host *h, X64Asm *a);

typedef enum X64Result { X64_OK, X64_NO_ROOM, X64_TOO_COMPLEX } X64Result;
/* Makes the return stack in these X64_RET_BYTES empty; returns its top. */
uint64_t x64_ret_clear(const X64Host *h, void *stack);
/* Makes room in a full one: the older half goes. Returns its top. */
uint64_t x64_ret_overflow(void *stack);
/* Emits r at a->p (entry = the first byte) and the stubs of its exits, for which there must be room.
 * X64_NO_ROOM: the buffer is full. X64_TOO_COMPLEX: spills or records are used up; translate fewer guest
 * instructions. */
X64Result x64_emit_region(X64Emit *e, const X64Host *h, const IrRegion *r, const IrLive *live, X64Asm *a,
                          const X64Exits *exits, X64Code *ret_code);

/* The stub of an exit, X64_STUB_BYTES at p. */
void x64_exit_stub(const X64Host *h, uint8_t *p, uint32_t id);

/* Number of C calls (helpers, soft float) the last region can make on its hot paths; for statistics. */
unsigned x64_emit_calls(const X64Emit *e);

/* The fuse mask for ir_liveness(). */
unsigned x64_fuse(const X64Host *h);

/* IrBuilder.masked on a host with these features. */
uint8_t x64_masked_lanes(uint64_t features);

#endif
