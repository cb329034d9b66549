/* Random code full of faults for ../matrix.c: instances of all rows but those that leave, in loops, with
 * bases that point around the ends of the data. Compiled for i386 it makes code of 32-bit mode.
 *
 * usage: x86_matrix [-defined] SEED BLOCKS    the file for matrix.c on standard output
 *
 * -defined: no undefined state is seen. The interpreter has the models', which are AMD's, generated code that
 * of the host. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/insn/x86/x86_undefined.h"

enum { COUNTER = 0x1c000000, DATA = 0x20000000, DATA_SIZE = 8192, MOST = 1 << 20 }; /* matrix.c */

static uint8_t code[MOST];
static bool defined_only;
static uint32_t resume[MOST / 8], n_resume, at;

static void put(const void *p, unsigned n)
{
    memcpy(code + at, p, n);
    at += n;
}

static void put32(uint32_t v)
{
    put(&v, 4);
}

static void put_byte(unsigned v)
{
    code[at++] = (uint8_t)v;
}

/* mov reg, v; of 64 bits v is zero-extended. */
static void load(unsigned reg, uint32_t v)
{
    if (reg >= 8)
        put_byte(0x41);
    put_byte(0xb8 | (reg & 7));
    put32(v);
}

static void pointer(unsigned reg)
{
    static const uint32_t edges[] = {DATA, DATA + DATA_SIZE, DATA + DATA_SIZE, DATA + DATA_SIZE / 2};
    static const uint8_t offsets[] = {0, 0, 4, 8, 16, 1, 2, 32};
    uint32_t by = rnd() % 3 ? offsets[rnd() % 8] : (uint32_t)(rnd() % 160);
    load(reg, edges[rnd() % 4] + (rnd() % 2 ? by : 0 - by));
}

/* What a shift by cl leaves depends on what cl is then: this one makes the most undefined. */
enum { ANY_CL = 31 };

/* Is its result undefined, or each maker's own, or what it leaves at a fault? Of dpps and dppd which of
 * several NaNs is left; of a store of MMX x87's top. */
static bool vague(const RowInfo *r, const X86Insn *x)
{
    bool mmx_store = (r->handler == X86_H_mmxmov && r->opd[1] == X86_OPD_Pq) ||
                     (r->handler == X86_H_mmxlane && r->arg == 3);
    bool dot = (r->map == X86_MAP_3A || r->map == X86_MAP_V3A) && (r->opc == 0x40 || r->opc == 0x41);
    bool repeated = r->attr & REP && x->rep && (r->handler == X86_H_scas || r->handler == X86_H_cmps);
    return undefined_result(r, x, ANY_CL) || repeated || mmx_store || dot ||
           (r->handler == X86_H_vcvtph && x->mod != 3);
}

/* What random addresses would make of it is another program's. */
static bool wild(const RowInfo *r)
{
    return left_out(r) || r->attr & (VSIB | SYS) || r->handler == X86_H_bound;
}

static bool uses_stack(const RowInfo *r)
{
    switch (r->handler) {
    case X86_H_push:
    case X86_H_pop:
    case X86_H_push_seg:
    case X86_H_pushf:
    case X86_H_enter:
    case X86_H_leave:
    case X86_H_pusha:
    case X86_H_popa: return true;
    default: return false;
    }
}

/* Registers that an address is made of get such that it is near the data. */
static void set_addresses(const RowInfo *r, const X86Insn *x)
{
    bool string = r->attr & REP || has_where(r, X86_WH_X) || has_where(r, X86_WH_Y);
    if (string || r->handler == X86_H_xvmaskmov || (r->handler == X86_H_mmxlane && r->arg == 3)) {
        pointer(6);
        pointer(7);
        load(1, (uint32_t)(rnd() % 24));
    }
    if (r->handler == X86_H_xlat)
        pointer(3);
    if (uses_stack(r)) {
        pointer(4);
        pointer(5);
    }
    if (x->mod == 3)
        return;
    if (r->handler == X86_H_bt)
        load(x->reg, (uint32_t)(rnd() % 512));
    if (x->base >= 0)
        pointer((unsigned)x->base);
    if (x->index >= 0 && x->index != x->base)
        load((unsigned)x->index, (uint32_t)(rnd() % 64));
}

static void put_instance(void)
{
    for (;;) {
        const RowInfo *r = &rows[rnd() % ARRAY_SIZE(rows)];
        uint8_t bytes[32];
        X86Insn x;
        unsigned n;
        if (wild(r) || !(n = instance(r, bytes, &x)) || (defined_only && vague(r, &x)))
            continue;
        set_addresses(r, &x);
        put(bytes, n);
        if (defined_only && undefined_flags(r, &x, ANY_CL))
            put("\x38\xc0", 2); /* cmp al, al */
        return;
    }
}

static void put_counter(unsigned opc, unsigned digit)
{
    put_byte(opc);
    put_byte(digit << 3 | (IS32 ? 5 : 4));
    if (!IS32)
        put_byte(0x25);
    put32(COUNTER);
}

/* Three times: the counter is in memory. */
static void end_loop(uint32_t start)
{
    resume[n_resume++] = at;
    put_counter(0xff, 1);
    put("\x0f\x85", 2);
    put32(start - (at + 4));
    put_counter(0xc7, 0);
    put32(3);
}

int main(int argc, char **argv)
{
    defined_only = argc > 1 && !strcmp(argv[1], "-defined");
    argc -= defined_only;
    argv += defined_only;
    if (argc < 3)
        return 2;
    seed = strtoull(argv[1], NULL, 0);
    for (unsigned r = 0; r < REGS; r++)
        load(r, r == 4 ? DATA + DATA_SIZE / 2 : (uint32_t)value());
    for (unsigned k = (unsigned)atoi(argv[2]); k > 0; k--) {
        uint32_t start = at;
        for (unsigned n = 4 + rnd() % 20; n > 0; n--) {
            resume[n_resume++] = at;
            if (rnd() % 25)
                put_instance();
            else
                put(rnd() % 2 ? "\x0f\x0b" : "\xcc\x90", 2);
        }
        end_loop(start);
    }
    resume[n_resume++] = at;
    put("\x0f\x0b", 2);
    while (at % 4)
        put_byte(0x90);
    const uint32_t head[] = {at / 4, n_resume};
    fwrite(head, 4, 2, stdout);
    fwrite(resume, 4, n_resume, stdout);
    fwrite(code, 1, at, stdout);
    return 0;
}
