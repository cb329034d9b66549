/* RV32: instructions on random operands, those that are encoded otherwise than in RV64 among them (c.jal,
 * c.flw, c.fsw, shifts of 5 bits, doubles in memory by two registers). What they give is compared with an
 * outside emulator: a line for each, of a hash over all results. Stands alone, as rv32.c. */
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

__asm__(".section .text.start, \"ax\"\n.globl _start\n_start:\n"
        "  la sp, stacks_end\n  la t0, wrong\n  csrw mtvec, t0\n  li t0, 0x6000\n  csrs mstatus, t0\n  csrw "
        "fcsr, zero\n"
        "  call test\n"
        ".text\n.align 2\nwrong: csrr a0, mcause\n  csrr a1, mepc\n  call trapped\n");

static void print(const char *text)
{
    while (*text)
        *(volatile uint8_t *)0x10000000 = (uint8_t)*text++;
}

static void print_hex(u32 v)
{
    char text[9];
    for (int k = 0; k < 8; k++)
        text[k] = "0123456789abcdef"[v >> (28 - 4 * k) & 15];
    text[8] = 0;
    print(text);
}

static _Noreturn void finish(u32 status)
{
    *(volatile u32 *)0x100000 = status ? status << 16 | 0x3333 : 0x5555;
    for (;;) {
    }
}

void trapped(u32 cause, u32 pc);
void trapped(u32 cause, u32 pc)
{
    print("a trap: cause ");
    print_hex(cause);
    print(" at ");
    print_hex(pc);
    print("\n");
    finish(1);
}

static u32 state = 1;
static u32 random_u32(void)
{
    static const u32 corners[] = {0,          1,  0xffffffff, 0x80000000, 0x7fffffff,
                                  0x80000001, 31, 0x3f800000, 0x7f800001};
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % 7 ? state : corners[state / 7 % 9];
}

typedef u32 Op(u32 a, u32 b, u32 *memory);
static u32 memory[4] __attribute__((aligned(16)));

#define INT(name, text)                                                                                      \
    static u32 name(u32 a, u32 b, u32 *m)                                                                    \
    {                                                                                                        \
        u32 r;                                                                                               \
        __asm__ volatile(".option push\n.option arch, +a, +f, +d, +c\n" text "\n.option pop"                 \
                         : "=&r"(r)                                                                          \
                         : "r"(a), "r"(b), "r"(m)                                                            \
                         : "memory", "ra", "t0", "t1", "a3", "a4");                                          \
        return r;                                                                                            \
    }
/* Floats come and go by memory, as they do in RV32; flags count, too. */
#define FLOAT(name, text)                                                                                    \
    INT(name, "sw %1, 0(%3)\n sw %2, 4(%3)\n mv a4, %3\n csrw fflags, zero\n flw fa4, 0(a4)\n flw fa5, "     \
              "4(a4)\n" text                                                                                 \
              "\n fsw fa4, 8(a4)\n csrr t0, fflags\n lw %0, 8(%3)\n slli t0, t0, 8\n xor %0, %0, t0")
#define DOUBLE(name, text)                                                                                   \
    INT(name,                                                                                                \
        "sw %1, 4(%3)\n sw %2, 0(%3)\n sw %1, 8(%3)\n sw %2, 12(%3)\n csrw fflags, zero\n mv a4, %3\n"       \
        " fld fa4, 0(a4)\n fld fa5, 8(a4)\n" text "\n fsd fa4, 0(a4)\n csrr t0, fflags\n lw %0, 0(%3)\n lw " \
                                                  "t1, 4(%3)\n slli t0, t0, 8\n slli t1, t1, 1\n"            \
        " xor %0, %0, t0\n xor %0, %0, t1")

INT(op_add, "add %0, %1, %2")
INT(op_sub, "sub %0, %1, %2")
INT(op_sll, "sll %0, %1, %2")
INT(op_srl, "srl %0, %1, %2")
INT(op_sra, "sra %0, %1, %2")
INT(op_slli31, "slli %0, %1, 31")
INT(op_srai17, "srai %0, %1, 17")
INT(op_slt, "slt %0, %1, %2")
INT(op_sltu, "sltu %0, %1, %2")
INT(op_mul, "mul %0, %1, %2")
INT(op_mulh, "mulh %0, %1, %2")
INT(op_mulhu, "mulhu %0, %1, %2")
INT(op_mulhsu, "mulhsu %0, %1, %2")
INT(op_div, "div %0, %1, %2")
INT(op_divu, "divu %0, %1, %2")
INT(op_rem, "rem %0, %1, %2")
INT(op_remu, "remu %0, %1, %2")
INT(op_lh, "sw %1, 0(%3)\n lh %0, 2(%3)\n lbu t0, 1(%3)\n xor %0, %0, t0")
INT(op_misaligned, "sw %1, 0(%3)\n sw %2, 4(%3)\n sh %2, 3(%3)\n lw %0, 1(%3)")
INT(op_amoadd, "sw %1, 0(%3)\n amoadd.w t0, %2, (%3)\n lw %0, 0(%3)\n xor %0, %0, t0")
INT(op_amomax, "sw %1, 0(%3)\n amomax.w t0, %2, (%3)\n lw %0, 0(%3)\n xor %0, %0, t0")
INT(op_amominu, "sw %1, 0(%3)\n amominu.w t0, %2, (%3)\n lw %0, 0(%3)\n xor %0, %0, t0")
INT(op_lr,
    "sw %1, 0(%3)\n 1: lr.w t0, (%3)\n add t0, t0, %2\n sc.w t1, t0, (%3)\n bnez t1, 1b\n lw %0, 0(%3)")
INT(op_call, "li %0, 1\n j 2f\n 1: add %0, %0, %1\n ret\n 2: c.jal 1b\n jal 1b\n xor %0, %0, %2")
INT(op_branch, "li %0, 0\n blt %1, %2, 1f\n addi %0, %0, 1\n 1: bgeu %1, %2, 1f\n addi %0, %0, 2\n 1: c.nop")
INT(op_auipc, "1: auipc %0, 0xfffff\n la t0, 1b\n sub %0, %0, t0\n lui t0, 0x80000\n xor %0, %0, t0")
FLOAT(op_fadd, "fadd.s fa4, fa4, fa5")
FLOAT(op_fmul, "fmul.s fa4, fa4, fa5")
FLOAT(op_fdiv, "fdiv.s fa4, fa4, fa5")
FLOAT(op_fsqrt, "fsqrt.s fa4, fa4")
FLOAT(op_fmadd, "fmadd.s fa4, fa4, fa5, fa4")
FLOAT(op_fmin, "fmin.s fa4, fa4, fa5")
FLOAT(op_fcvtw, "fcvt.w.s t0, fa4\n fcvt.wu.s t1, fa5, rtz\n add t0, t0, t1\n fmv.w.x fa4, t0")
FLOAT(op_fcvts, "fcvt.s.w fa4, %1\n fcvt.s.wu fa5, %2\n fsub.s fa4, fa4, fa5")
FLOAT(op_feq, "feq.s t0, fa4, fa5\n fclass.s t1, fa4\n add t0, t0, t1\n fmv.w.x fa4, t0")
DOUBLE(op_dadd, "fadd.d fa4, fa4, fa5")
DOUBLE(op_dmul, "fmul.d fa4, fa4, fa5")
DOUBLE(op_dcvt, "fcvt.s.d fa5, fa5\n fcvt.d.s fa5, fa5\n fsub.d fa4, fa4, fa5")
DOUBLE(op_dw, "fcvt.w.d t0, fa4\n fcvt.d.wu fa4, t0")
DOUBLE(op_boxed, "fmv.w.x fa4, %1")

#define ROW(name)                                                                                            \
    {                                                                                                        \
#name, op_##name                                                                                     \
    }
static const struct {
    const char *name;
    Op *op;
} ops[] = {ROW(add),     ROW(sub),   ROW(sll),   ROW(srl),    ROW(sra),        ROW(slli31), ROW(srai17),
           ROW(slt),     ROW(sltu),  ROW(mul),   ROW(mulh),   ROW(mulhu),      ROW(mulhsu), ROW(div),
           ROW(divu),    ROW(rem),   ROW(remu),  ROW(lh),     ROW(misaligned), ROW(amoadd), ROW(amomax),
           ROW(amominu), ROW(lr),    ROW(call),  ROW(branch), ROW(auipc),      ROW(fadd),   ROW(fmul),
           ROW(fdiv),    ROW(fsqrt), ROW(fmadd), ROW(fmin),   ROW(fcvtw),      ROW(fcvts),  ROW(feq),
           ROW(dadd),    ROW(dmul),  ROW(dcvt),  ROW(dw),     ROW(boxed)};

void test(void)
{
    enum { TURNS = 3000 };
    for (unsigned n = 0; n < sizeof(ops) / sizeof(ops[0]); n++) {
        u32 hash = 0;
        for (unsigned k = 0; k < TURNS; k++)
            hash = (hash << 7 | hash >> 25) * 2654435761u + ops[n].op(random_u32(), random_u32(), memory);
        print("= ");
        print(ops[n].name);
        print(" ");
        print_hex(hash);
        print("\n");
    }
    finish(0);
}
