/*
 * What bare-metal tests stand on (RISC-V, machine mode, hart 0 of the `virt` board): traps, running a
 * function at another level, page tables, output, checks.
 *
 * A test defines test(). Code runs at its physical address; with tables of bare_map_program() also at the
 * same virtual one for the supervisor, and for user level ALIAS bytes higher. A trap of a function that run()
 * started ends that function. Facts are those of the privileged manual, 20240411.
 */
#ifndef TESTS_BARE_BARE_H
#define TESTS_BARE_BARE_H

#include "bare_kit.h"

/* OUTSIDE: qemu-system 7.2 differs from the manual in AMOs that raise load faults, order of interrupts, bit 0
 * of xEPC, page tables where no memory is; it lacks extensions by default, and may go on running code that
 * one cpu translates while another one changes it. */

enum { U = 0, S = 1, M = 3 };
enum {
    X_FETCH_ALIGN,
    X_FETCH_ACCESS,
    X_ILLEGAL,
    X_BREAK,
    X_LOAD_ALIGN,
    X_LOAD_ACCESS,
    X_STORE_ALIGN,
    X_STORE_ACCESS,
    X_ECALL_U,
    X_ECALL_S,
    X_ECALL_M = 11,
    X_FETCH_PAGE,
    X_LOAD_PAGE,
    X_STORE_PAGE = 15,
    NO_TRAP = 99
};
#define IRQ (1ull << 63)
enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
enum { RWX = PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D, RW = RWX & ~PTE_X };

#define MIE   (1ull << 3)
#define SIE   (1ull << 1)
#define MPP   (3ull << 11)
#define SUM   (1ull << 18)
#define MXR   (1ull << 19)
#define MPRV  (1ull << 17)
#define TVM   (1ull << 20)
#define TW    (1ull << 21)
#define TSR   (1ull << 22)
#define ALIAS 0x80000000ull

#define csr_read(name)                                                                                       \
    ({                                                                                                       \
        u64 v_;                                                                                              \
        __asm__ volatile("csrr %0, " #name : "=r"(v_)::"memory");                                            \
        v_;                                                                                                  \
    })
#define csr_write(name, v)                                                                                   \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("csrw " #name ", %0" ::"r"(v_) : "memory");                                         \
    })
#define csr_set(name, v)                                                                                     \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("csrs " #name ", %0" ::"r"(v_) : "memory");                                         \
    })
#define csr_clear(name, v)                                                                                   \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("csrc " #name ", %0" ::"r"(v_) : "memory");                                         \
    })
#define csr_swap(name, v)                                                                                    \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("csrrw %0, " #name ", %0" : "+r"(v_)::"memory");                                    \
        v_;                                                                                                  \
    })
static inline void fence_i(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}
static inline void sfence(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}
static inline void sfence_va(u64 va)
{
    __asm__ volatile("sfence.vma %0" ::"r"(va) : "memory");
}

typedef struct Frame {
    u64 x[32], pc, cause, tval, status;
} Frame;

typedef struct Seen {
    u64 cause; /* NO_TRAP: it returned `value` */
    u64 pc, tval, status, value;
    bool by_s;  /* the supervisor's handler took it: its CSRs say what */
    bool by_vs; /* that of a guest's supervisor */
} Seen;

Op op_lb, op_lbu, op_lh, op_lhu, op_lw, op_lwu, op_ld, op_sb, op_sh, op_sw, op_sd, op_fld, op_fsd, op_amoadd,
    op_amoswap, op_amomax, op_lr, op_sc, op_ecall, op_ebreak, op_illegal, op_mret, op_sret, op_wfi, op_sfence,
    op_satp, op_nop, op_jump;
void bare_s_trap(void);

/* At this level; bits: MSTATUS bits besides MPP (SUM, MXR). U functions run at their ALIAS. */
Seen run_with(unsigned level, u64 bits, Op *fn, u64 a0, u64 a1);
static inline Seen run(unsigned level, Op *fn, u64 a0, u64 a1)
{
    return run_with(level, 0, fn, a0, a1);
}
/* Tries what returns true for the trap and has it go on as the frame then says. NULL: none. */
extern bool (*volatile on_trap)(Frame *f);

/* Page tables: `levels` 3, 4 or 5. Pages for them come from pages(). */
typedef struct Tables {
    unsigned levels;
    u64 *root;
} Tables;
Tables tables_new(unsigned levels);
/* The entry for va at this level (0: 4 KiB), with tables above it. */
u64 *pte_of(Tables *t, u64 va, unsigned level);
static inline u64 pte_make(u64 pa, unsigned flags)
{
    return pa >> 12 << 10 | flags;
}
void map(Tables *t, u64 va, u64 pa, unsigned level, unsigned flags);
void bare_map_program(Tables *t);
u64 satp_of(const Tables *t, unsigned asid);
void use_tables(const Tables *t, unsigned asid); /* and flushes */

/* Everything to everybody by PMP entry 15. */
void open_pmp(void);

void check_trap(Seen s, u64 cause, u64 tval, int line);
#define CHECK_TRAP(s, cause, tval) check_trap(s, (u64)(cause), (u64)(tval), __LINE__)
#define CHECK_VALUE(s, v)                                                                                    \
    ({                                                                                                       \
        Seen s_ = (s);                                                                                       \
        check_eq(s_.cause, NO_TRAP, "no trap in " #s, __LINE__);                                             \
        check_eq(s_.value, v, #s, __LINE__);                                                                 \
    })

static inline u64 time_now(void)
{
    return *(volatile u64 *)0x200bff8;
}

#endif
