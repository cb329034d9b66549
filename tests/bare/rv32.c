/* RV32: CSRs and their upper halves, Sv32 with addresses on both sides of the sign, code at high
 * addresses, traps and interrupts. Stands alone: the tests of RV64 are about the rest. */
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define csr_read(name)                                                                                       \
    ({                                                                                                       \
        u32 v_;                                                                                              \
        __asm__ volatile("csrr %0, " #name : "=r"(v_)::"memory");                                            \
        v_;                                                                                                  \
    })
#define csr_write(name, v) __asm__ volatile("csrw " #name ", %0" ::"r"((u32)(v)) : "memory")
#define csr_set(name, v)   __asm__ volatile("csrs " #name ", %0" ::"r"((u32)(v)) : "memory")
#define csr_clear(name, v) __asm__ volatile("csrc " #name ", %0" ::"r"((u32)(v)) : "memory")

enum { LOAD_PAGE = 13, STORE_PAGE = 15, FETCH_PAGE = 12, ILLEGAL = 2, ECALL_S = 9, NONE = 99, S = 1, U = 0 };
enum { V = 1, R = 2, W = 4, X = 8, USER = 16, A = 64, D = 128, RWX = V | R | W | X | A | D };

/* run(fn, a0, a1, level): the function's result, or where it trapped: in seen_*. A trap ends it. */
u32 run(u32 fn, u32 a0, u32 a1, u32 status);
extern volatile u32 seen_cause, seen_tval, seen_pc;
__asm__(".section .text.start, \"ax\"\n.globl _start\n_start:\n"
        "  la sp, stacks_end\n  la t0, on_trap\n  csrw mtvec, t0\n  call test\n"
        ".text\n.globl run\nrun:\n"
        "  addi sp, sp, -64\n  sw ra, 0(sp)\n  sw s0, 4(sp)\n  sw s1, 8(sp)\n  sw s2, 12(sp)\n"
        "  sw s3, 16(sp)\n"
        "  sw s4, 20(sp)\n  sw s5, 24(sp)\n  sw s6, 28(sp)\n  sw s7, 32(sp)\n  sw s8, 36(sp)\n"
        "  sw s9, 40(sp)\n"
        "  sw s10, 44(sp)\n  sw s11, 48(sp)\n  csrw mscratch, sp\n  csrw mepc, a0\n"
        "  li t0, 0x1880\n  csrc mstatus, t0\n  csrs mstatus, a3\n  mv a0, a1\n  mv a1, a2\n"
        "  la ra, leave\n  mret\n"
        ".align 2\nleave: li a7, 0x7e57\n  ecall\n"
        ".align 2\n.globl on_trap\non_trap:\n"
        "  csrr sp, mscratch\n  la t0, seen_cause\n  csrr t1, mcause\n  csrr t2, mtval\n  csrr t3, mepc\n"
        "  li t4, 0x7e57\n  bne a7, t4, 1f\n  li t5, 8\n  bltu t1, t5, 1f\n  li t5, 11\n"
        "  bgeu t1, t5, 1f\n  li t1, 99\n"
        "1: sw t1, 0(t0)\n  sw t2, 4(t0)\n  sw t3, 8(t0)\n  li a7, 0\n"
        "  lw ra, 0(sp)\n  lw s0, 4(sp)\n  lw s1, 8(sp)\n  lw s2, 12(sp)\n  lw s3, 16(sp)\n"
        "  lw s4, 20(sp)\n"
        "  lw s5, 24(sp)\n  lw s6, 28(sp)\n  lw s7, 32(sp)\n  lw s8, 36(sp)\n  lw s9, 40(sp)\n"
        "  lw s10, 44(sp)\n"
        "  lw s11, 48(sp)\n  addi sp, sp, 64\n  ret\n"
        ".globl op_lw, op_sw, op_jump, op_link, op_csr, op_wrap, op_nop\n"
        ".align 2\nop_lw: lw a0, 0(a0)\n  ret\n.align 2\nop_sw: sw a1, 0(a0)\n  ret\n"
        ".align 2\nop_wrap: lw a0, -4(a0)\n  ret\n"
        ".align 2\nop_jump: jr a0\n.align 2\nop_link: .option push\n  .option norvc\n  mv t0, ra\n"
        "  jal 1f\n1: mv a0, ra\n  jr t0\n  .option pop\n"
        ".align 2\nop_csr: csrr a0, mstatus\n  ret\n.align 2\nop_nop: nop\n  nop\n  ret\n"
        ".data\n.align 2\n.globl seen_cause, seen_tval, seen_pc\nseen_cause: .word 0\nseen_tval: .word 0\n"
        "seen_pc: .word 0\n.text\n");
extern char op_lw[], op_sw[], op_jump[], op_link[], op_csr[], op_wrap[], op_nop[], arena[];

static unsigned failures;

static void print(const char *text)
{
    while (*text)
        *(volatile char *)0x10000000 = *text++;
}

static void check(u64 got, u64 want, const char *what, int line)
{
    if (got == want)
        return;
    failures++;
    print(what);
    print(" line ");
    for (int k = 12; k >= 0; k -= 4)
        *(volatile char *)0x10000000 = "0123456789abcdef"[line >> k & 15];
    print(" got ");
    for (int k = 60; k >= 0; k -= 4)
        *(volatile char *)0x10000000 = "0123456789abcdef"[got >> k & 15];
    print("\n");
}
#define CHECK(got, want) check(got, want, #got, __LINE__)

static u32 go(unsigned level, void *fn, u32 a0, u32 a1)
{
    seen_cause = NONE + 1;
    return run((u32)fn, a0, a1, level << 11);
}
#define VALUE(level, fn, a0, a1, want)                                                                       \
    ({                                                                                                       \
        u32 v_ = go(level, fn, (u32)(a0), (u32)(a1));                                                        \
        CHECK(seen_cause, NONE);                                                                             \
        CHECK(v_, want);                                                                                     \
    })
#define TRAPS(level, fn, a0, a1, cause, tval)                                                                \
    ({                                                                                                       \
        go(level, fn, (u32)(a0), (u32)(a1));                                                                 \
        CHECK(seen_cause, cause);                                                                            \
        CHECK(seen_tval, (u32)(tval));                                                                       \
    })

static u32 *root, *area;

static void map_4m(u32 va, u32 pa, u32 flags) { root[va >> 22] = pa >> 12 << 10 | flags; }

static void map_4k(u32 *table, u32 va, u32 pa, u32 flags)
{
    root[va >> 22] = (u32)table >> 12 << 10 | V;
    table[va >> 12 & 1023] = pa >> 12 << 10 | flags;
}

static void csrs(void)
{
    CHECK(csr_read(misa) >> 30, 1);
    csr_set(mstatus, 3 << 13);
    CHECK(csr_read(mstatus) >> 31, 1); /* SD */
    CHECK(csr_read(sstatus) >> 31, 1);
    csr_clear(mstatus, 3 << 13);
    CHECK(csr_read(mstatus) >> 31, 0);
    CHECK(csr_read(0x310), 0); /* mstatush */
    csr_write(mscratch, 0x80000001);
    CHECK(csr_read(mscratch), 0x80000001);
    csr_write(0xb83, 0x12345678); /* mhpmcounter3h */
    csr_write(0xb03, 0x9abcdef0);
    CHECK(csr_read(0xb83), 0x12345678);
    CHECK(csr_read(0xb03), 0x9abcdef0);
    csr_set(0xb83, 0x80000000);
    CHECK(csr_read(0xb83), 0x92345678);
    CHECK(csr_read(0xb03), 0x9abcdef0);
    csr_write(mcountinhibit, 1);
    csr_write(mcycle, 5);
    csr_write(mcycleh, 7);
    CHECK(csr_read(mcycle), 5);
    CHECK(csr_read(mcycleh), 7);
    csr_write(mcountinhibit, 0);
    csr_write(pmpaddr15, 0xffffffff);
    csr_write(pmpcfg3, 0x1f000000); /* all to all */
    CHECK(csr_read(pmpcfg3), 0x1f000000);
    csr_write(pmpcfg1, 0x00000018); /* entry 4 */
    CHECK(csr_read(pmpcfg1), 0x18);
    CHECK(csr_read(pmpcfg0), 0);
    csr_write(pmpcfg1, 0);
    csr_write(satp, 0x80000000 | 5 << 22 | 0x1234);
    CHECK(csr_read(satp), 0x80000000 | 5 << 22 | 0x1234);
    csr_write(satp, 0);
    TRAPS(S, op_csr, 0, 0, ILLEGAL, 0x30002573);
    csr_write(mcounteren, 2);
    u32 h = csr_read(timeh), l = csr_read(time);
    CHECK(h == csr_read(timeh) && csr_read(time) >= l, 1);
}

static void paging(void)
{
    u32 *low = root + 1024, *high = root + 2048, *data = area;
    map_4m(0x80000000, 0x80000000, RWX);          /* the program */
    map_4m(0xc0000000, 0x80000000, RWX);          /* again */
    map_4m(0x40000000, 0x80000000, RWX | USER);
    map_4k(low, 0x7fc00000, (u32)data, RWX);
    map_4k(low, 0x7ffff000, (u32)data, RWX & ~(u32)D);
    map_4k(high, 0xffc01000, (u32)data, V | R | A);
    map_4k(high, 0xfffff000, (u32)data + 4096, RWX);
    csr_write(satp, 0x80000000 | 1 << 22 | (u32)root >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
    data[0] = 11;
    data[1023] = 12;
    data[1024] = 13;
    data[2047] = 14;
    VALUE(S, op_lw, 0x7fc00000, 0, 11);
    VALUE(S, op_lw, 0xffc01000, 0, 11);
    VALUE(S, op_lw, 0xfffff000, 0, 13);
    VALUE(S, op_wrap, 0, 0, 14); /* the address wraps: 0xfffffffc */
    VALUE(S, op_wrap, 0x80000000, 0, 12);
    TRAPS(S, op_sw, 0xffc01000, 1, STORE_PAGE, 0xffc01000);
    TRAPS(S, op_lw, 0xffc02004, 1, LOAD_PAGE, 0xffc02004);
    TRAPS(S, op_lw, 0x90000000, 1, LOAD_PAGE, 0x90000000);
    TRAPS(S, op_jump, 0x90000000, 1, FETCH_PAGE, 0x90000000);
    TRAPS(U, op_lw + 0, 0x7fc00000, 0, FETCH_PAGE, op_lw);
    go(S, op_sw, 0x7ffff000, 15);
    CHECK(seen_cause, NONE);
    CHECK(low[1023] & D, D);
    CHECK(data[0], 15);
    VALUE(S, op_link + 0x40000000, 0, 0, (u32)op_link + 0x40000000 + 8);
    VALUE(S, op_nop + 0x40000000, 77, 0, 77);
    /* changed, and forgotten by address: data and code, above and below */
    high[1] = ((u32)data + 4096) >> 12 << 10 | V | R | A;
    __asm__ volatile("sfence.vma %0" ::"r"(0xffc01000) : "memory");
    VALUE(S, op_lw, 0xffc01000, 0, 13);
    root[0xc0000000u >> 22] = 0;
    __asm__ volatile("sfence.vma %0" ::"r"((u32)op_nop + 0x40000000) : "memory");
    TRAPS(S, op_nop + 0x40000000, 0, 0, FETCH_PAGE, op_nop + 0x40000000);
    map_4m(0xc0000000, 0x80400000, RWX | 1 << 10); /* misaligned: a bit of PPN[0] */
    __asm__ volatile("sfence.vma" ::: "memory");
    TRAPS(S, op_lw, 0xc0000000, 0, LOAD_PAGE, 0xc0000000);
    csr_write(satp, 0);
}

static void interrupts(void)
{
    volatile u32 *cmp = (volatile u32 *)0x2004000;
    cmp[1] = 0;
    cmp[0] = 0;
    csr_write(mie, 1 << 7);
    go(S, op_nop, 0, 0);
    CHECK(seen_cause, 0x80000007);
    cmp[1] = ~0u;
    csr_write(mie, 0);
    csr_write(0x31a, 0x80000000 | csr_read(0x31a)); /* menvcfgh.STCE */
    CHECK(csr_read(0x31a) >> 31, 1);
    csr_write(0x15d, 1); /* stimecmph */
    csr_write(0x14d, 0);
    CHECK(csr_read(0x15d), 1);
    CHECK(csr_read(mip) & 1 << 5, 0);
    csr_write(0x15d, 0);
    CHECK(csr_read(mip) & 1 << 5, 1 << 5);
    csr_write(mie, 1 << 5);
    go(S, op_nop, 0, 0);
    CHECK(seen_cause, 0x80000005);
    csr_write(mie, 0);
    csr_write(0x15d, ~0u);
}

void test(void)
{
    root = (u32 *)arena;
    area = (u32 *)(arena + 0x10000);
    for (unsigned n = 0; n < 3; n++) {
        for (unsigned k = 0; k < 3 * 1024; k++)
            root[k] = 0;
        csrs();
        paging();
        interrupts();
    }
    print(failures ? "FAILED\n" : "passed\n");
    *(volatile u32 *)0x100000 = failures ? 0x3333 | 1 << 16 : 0x5555;
    for (;;) {
    }
}
