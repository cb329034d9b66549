/* Exceptions at each level: cause, address, value, the levels' stack in mstatus; delegation; what is illegal
 * where. */
#include "bare.h"

enum { NOWHERE = 0x8000000 };

static void causes(void)
{
    static const unsigned level[] = {U, S, M};
    for (unsigned k = 0; k < 3; k++) {
        unsigned at = level[k];
        Seen s = run(at, op_ecall, 0, 0);
        CHECK_TRAP(s, X_ECALL_U + at, 0);
        CHECK_EQ(s.pc, op_ecall);
        CHECK_EQ((s.status & MPP) >> 11, at);
        s = run(at, op_illegal, 0, 0);
        CHECK_TRAP(s, X_ILLEGAL, 0);
        CHECK_EQ(s.pc, op_illegal);
        CHECK_EQ(run(at, op_ebreak, 0, 0).cause, X_BREAK); /* tval: the address, or 0 */
        CHECK_TRAP(run(at, op_ld, NOWHERE, 0), X_LOAD_ACCESS, NOWHERE);
        CHECK_TRAP(run(at, op_sd, NOWHERE + 8, 0), X_STORE_ACCESS, NOWHERE + 8);
        if (!OUTSIDE)
            CHECK_TRAP(run(at, op_amoadd, NOWHERE, 0), X_STORE_ACCESS, NOWHERE);
        s = run(at, op_jump, NOWHERE, 0);
        CHECK_TRAP(s, X_FETCH_ACCESS, NOWHERE);
        CHECK_EQ(s.pc, NOWHERE);
        CHECK_VALUE(run(at, op_nop, 42, 0), 42);
    }
    CHECK_TRAP(run(M, op_lr, (u64)arena + 4, 0), X_LOAD_ALIGN, arena + 4);
    if (!OUTSIDE)
        CHECK_TRAP(run(M, op_amoadd, (u64)arena + 4, 0), X_STORE_ALIGN, arena + 4);
}

static void stack_of_levels(void)
{
    csr_set(mstatus, MIE);
    Seen s = run_with(S, 0x80, op_ecall, 0, 0);
    CHECK_EQ(s.status & 0x1888, 1 << 11 | 0x80); /* MPP = S, MPIE = the MIE of there, MIE = 0 */
    csr_clear(mstatus, MIE);
    s = run_with(M, 0x80, op_ecall, 0, 0);
    CHECK_EQ(s.status & 0x1880, 3 << 11 | 0x80);
    s = run_with(U, 0x80, op_ecall, 0, 0);
    CHECK_EQ(s.status & MPP, 0);
}

static void delegated(void)
{
    csr_write(medeleg, 1u << X_ILLEGAL | 1u << X_ECALL_U | 1u << X_LOAD_ACCESS);
    csr_write(stvec, bare_s_trap);
    csr_set(mstatus, SIE);
    Seen s = run(U, op_ecall, 0, 0);
    CHECK(s.by_s);
    CHECK_TRAP(s, X_ECALL_U, 0);
    CHECK_EQ(s.pc, op_ecall);
    CHECK_EQ(s.status & 0x122, 0x20); /* SPP = U, SPIE = the SIE of before, SIE = 0 */
    s = run(S, op_illegal, 0, 0);
    CHECK(s.by_s);
    CHECK_TRAP(s, X_ILLEGAL, 0);
    CHECK_EQ(s.status & 0x102, 0x100);
    s = run(S, op_ld, NOWHERE, 0);
    CHECK(s.by_s);
    CHECK_TRAP(s, X_LOAD_ACCESS, NOWHERE);
    s = run(S, op_sd, NOWHERE, 0);
    CHECK(!s.by_s);
    CHECK_EQ(s.cause, X_STORE_ACCESS);
    s = run(M, op_illegal, 0, 0); /* never downwards */
    CHECK(!s.by_s);
    CHECK_EQ(s.cause, X_ILLEGAL);
    csr_write(medeleg, 0);
    csr_clear(mstatus, SIE);
}

static u64 read_satp(u64 a, u64 b)
{
    return csr_read(satp);
}
static u64 read_mstatus(u64 a, u64 b)
{
    return csr_read(mstatus);
}
static u64 read_sstatus(u64 a, u64 b)
{
    return csr_read(sstatus);
}
static u64 write_hartid(u64 a, u64 b)
{
    csr_write(0xf14, a);
    return 0;
}
static u64 read_nothing(u64 a, u64 b)
{
    return csr_read(0x5c0);
}
static u64 read_cycle(u64 a, u64 b)
{
    return csr_read(cycle) != 0;
}
static u64 read_time(u64 a, u64 b)
{
    return csr_read(time) != 0;
}
static u64 write_sscratch(u64 a, u64 b)
{
    return csr_swap(sscratch, a);
}

static void legal_where(void)
{
    CHECK_EQ(run(U, read_sstatus, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, read_sstatus, 0, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, read_mstatus, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, write_hartid, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, read_nothing, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, op_mret, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(U, op_sret, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(U, op_sfence, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, op_sfence, 0, 0).cause, NO_TRAP);
    csr_write(satp, 0);
    CHECK_VALUE(run(S, read_satp, 0, 0), 0);
    csr_set(mstatus, TVM);
    CHECK_EQ(run(S, read_satp, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, op_sfence, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, read_satp, 0, 0).cause, NO_TRAP);
    csr_clear(mstatus, TVM);
    csr_set(mstatus, TSR);
    CHECK_EQ(run(S, op_sret, 0, 0).cause, X_ILLEGAL);
    csr_clear(mstatus, TSR);
    csr_set(mstatus, TW);
    CHECK_EQ(run(S, op_wfi, 0, 0).cause, X_ILLEGAL);
    csr_clear(mstatus, TW);
    Seen s = run(S, read_mstatus, 0, 0);
    CHECK_EQ(s.tval & 0xfff0007f, 0x30000073); /* the instruction: csrr xx, mstatus */
}

static void counters(void)
{
    csr_write(mcounteren, 0);
    csr_write(scounteren, 0);
    CHECK_EQ(run(S, read_cycle, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, read_time, 0, 0).cause, X_ILLEGAL);
    csr_write(mcounteren, 3);
    CHECK_VALUE(run(S, read_cycle, 0, 0), 1);
    CHECK_VALUE(run(S, read_time, 0, 0), 1);
    CHECK_EQ(run(U, read_time, 0, 0).cause, X_ILLEGAL);
    csr_write(scounteren, 2);
    CHECK_VALUE(run(U, read_time, 0, 0), 1);
    CHECK_EQ(run(U, read_cycle, 0, 0).cause, X_ILLEGAL);
}

/* A sequence of swaps in one piece of code; values must not get lost between helper and register. */
static void plain_csrs(void)
{
    for (u64 k = 0; k < 100; k++) {
        csr_write(sscratch, k * 3);
        CHECK_VALUE(run(S, write_sscratch, k * 7 + 1, 0), k * 3);
        CHECK_EQ(csr_read(sscratch), k * 7 + 1);
    }
    csr_write(sepc, ~0ull);
    CHECK_EQ(csr_read(sepc) | OUTSIDE, ~1ull | OUTSIDE);
    csr_write(mepc, 0x123457);
    CHECK_EQ(csr_read(mepc) | OUTSIDE, 0x123456 | OUTSIDE);
    csr_write(scause, 0x8000000000000009);
    CHECK_EQ(csr_read(scause), 0x8000000000000009);
    csr_write(stval, 0x123456789abcdef0);
    CHECK_EQ(csr_read(stval), 0x123456789abcdef0);
    csr_write(stval, 0xf0);
    csr_set(stval, 0xf);
    csr_clear(stval, 0x30);
    CHECK_EQ(csr_read(stval), 0xcf);
}

static u64 fp_op(u64 a, u64 b)
{
    u64 v;
    __asm__ volatile("fmv.d.x ft0, %1; fadd.d ft0, ft0, ft0; fmv.x.d %0, ft0" : "=r"(v) : "r"(a) : "ft0");
    return v;
}

static void fp_state(void)
{
    enum { FS = 0x6000 };
    csr_clear(mstatus, FS);
    CHECK_EQ(run(S, fp_op, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(csr_read(mstatus) >> 63, 0);
    csr_set(mstatus, 0x2000); /* initial */
    CHECK_EQ(csr_read(mstatus) & FS, 0x2000);
    CHECK_VALUE(run(S, fp_op, 0x3ff0000000000000, 0), 0x4000000000000000);
    CHECK_EQ(csr_read(mstatus) & FS, FS); /* dirty */
    CHECK_EQ(csr_read(mstatus) >> 63, 1);
    csr_clear(mstatus, 0x2000); /* clean */
    CHECK_VALUE(run(U, fp_op, 0x3ff0000000000000, 0), 0x4000000000000000);
    CHECK_EQ(csr_read(sstatus) & FS, FS);
}

void test(void)
{
    for (unsigned n = 0; n < 3; n++) {
        causes();
        stack_of_levels();
        delegated();
        legal_where();
        counters();
        plain_csrs();
        fp_state();
    }
}
