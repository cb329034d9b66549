// A threaded bytecode interpreter: one indirect jump for each bytecode.
#include "bench.h"

enum { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, LOAD, STORE, JNZ, AND, HALT };

static uint64_t run(const int32_t *code, uint64_t count)
{
    static void *const labels[] = {&&push, &&add, &&sub, &&mul, &&xor_, &&dup,
                                   &&swap, &&load, &&store, &&jnz, &&and_, &&halt};
    uint64_t stack[32], vars[4] = {count, 1, 0, 0}, t;
    uint64_t *sp = stack;
    const int32_t *pc = code;
#define NEXT goto *labels[*pc++]
    NEXT;
push:
    *sp++ = (uint64_t)(int64_t)*pc++;
    NEXT;
add:
    sp--;
    sp[-1] += *sp;
    NEXT;
sub:
    sp--;
    sp[-1] -= *sp;
    NEXT;
mul:
    sp--;
    sp[-1] *= *sp;
    NEXT;
xor_:
    sp--;
    sp[-1] ^= *sp;
    NEXT;
and_:
    sp--;
    sp[-1] &= *sp;
    NEXT;
dup:
    *sp = sp[-1];
    sp++;
    NEXT;
swap:
    t = sp[-1];
    sp[-1] = sp[-2];
    sp[-2] = t;
    NEXT;
load:
    *sp++ = vars[*pc++];
    NEXT;
store:
    vars[*pc++] = *--sp;
    NEXT;
jnz:
    if (*--sp)
        pc = code + *pc;
    else
        pc++;
    NEXT;
halt:
    return vars[1] ^ vars[2];
#undef NEXT
}

int main(int argc, char **argv)
{
    static const int32_t code[] = {
        LOAD, 1, PUSH, 1103515245, MUL, PUSH, 12345, ADD, DUP, STORE, 1, // v1 = v1 * a + c
        PUSH, 0xffff, AND, LOAD, 2, XOR, PUSH, 3, MUL, STORE, 2,         // v2 = (v1 & 0xffff ^ v2) * 3
        LOAD, 0, PUSH, 1, SUB, DUP, STORE, 0, JNZ, 0, HALT};             // while (--v0)
    return bench_report(run(code, (uint64_t)bench_count(argc, argv, 4000000)));
}
