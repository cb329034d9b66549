#include "linux-user/bpf.h"

#include "base/bits.h"

#include <string.h>

enum { ALU_NEG_CODE = BPF_ALU | BPF_NEG, LD_WORD = BPF_LD | BPF_W | BPF_ABS };

/* ---- the check ---- */

static bool is_alu(const struct sock_filter *f)
{
    bool constant = BPF_SRC(f->code) == BPF_K;
    switch (BPF_OP(f->code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR: return true;
    case BPF_DIV: return !constant || f->k;
    case BPF_LSH:
    case BPF_RSH: return !constant || f->k < 32;
    case BPF_NEG: return f->code == ALU_NEG_CODE;
    default: return false;
    }
}

static bool is_jump(const struct sock_filter *f, unsigned left)
{
    if (f->code == (BPF_JMP | BPF_JA))
        return f->k < left;
    switch (BPF_OP(f->code)) {
    case BPF_JEQ:
    case BPF_JGE:
    case BPF_JGT:
    case BPF_JSET: return f->jt < left && f->jf < left;
    default: return false;
    }
}

/* One instruction by itself; `left` follow it. */
static bool is_known(const struct sock_filter *f, unsigned left)
{
    switch (f->code) {
    case LD_WORD: return f->k < LU_BPF_DATA && f->k % 4 == 0;
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A: return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX: return f->k < BPF_MEMWORDS;
    default: break;
    }
    if (f->code > 0xff)
        return false;
    return BPF_CLASS(f->code) == BPF_ALU   ? is_alu(f)
           : BPF_CLASS(f->code) == BPF_JMP ? is_jump(f, left)
                                           : false;
}

/* Words that every way to an instruction has stored are its set; jumps only go forward. */
static bool reads_what_was_stored(const struct sock_filter *f, unsigned n, uint16_t *set)
{
    uint16_t now = 0;
    memset(set, 0xff, n * sizeof(*set));
    for (unsigned pc = 0; pc < n; pc++, f++) {
        now &= set[pc];
        switch (BPF_CLASS(f->code)) {
        case BPF_ST:
        case BPF_STX: now |= (uint16_t)(1u << f->k); break;
        case BPF_LD:
        case BPF_LDX:
            if (BPF_MODE(f->code) == BPF_MEM && !(now >> f->k & 1))
                return false;
            break;
        case BPF_JMP:
            if (BPF_OP(f->code) == BPF_JA) {
                set[pc + 1 + f->k] &= now;
            } else {
                set[pc + 1 + f->jt] &= now;
                set[pc + 1 + f->jf] &= now;
            }
            now = 0xffff;
            break;
        default: break;
        }
    }
    return true;
}

bool lu_bpf_check(const struct sock_filter *f, unsigned n, uint16_t *room)
{
    for (unsigned pc = 0; pc < n; pc++)
        if (!is_known(&f[pc], n - 1 - pc))
            return false;
    return BPF_CLASS(f[n - 1].code) == BPF_RET && reads_what_was_stored(f, n, room);
}

/* ---- the run ---- */

/* False: a division by zero, which ends a program with 0. */
static bool do_alu(uint32_t *a, uint16_t code, uint32_t v)
{
    switch (BPF_OP(code)) {
    case BPF_ADD: *a += v; break;
    case BPF_SUB: *a -= v; break;
    case BPF_MUL: *a *= v; break;
    case BPF_DIV:
        if (!v)
            return false;
        *a /= v;
        break;
    case BPF_AND: *a &= v; break;
    case BPF_OR: *a |= v; break;
    case BPF_XOR: *a ^= v; break;
    case BPF_LSH: *a <<= v & 31; break;
    case BPF_RSH: *a >>= v & 31; break;
    default: *a = 0u - *a; break; /* NEG */
    }
    return true;
}

static bool does_jump(uint32_t a, uint16_t code, uint32_t v)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ: return a == v;
    case BPF_JGE: return a >= v;
    case BPF_JGT: return a > v;
    default: return a & v; /* JSET */
    }
}

static uint32_t load(const struct sock_filter *f, const uint8_t *data, const uint32_t *mem)
{
    uint32_t v = f->k;
    switch (BPF_MODE(f->code)) {
    case BPF_ABS: memcpy(&v, data + f->k, sizeof(v)); break;
    case BPF_MEM: v = mem[f->k]; break;
    case BPF_LEN: v = LU_BPF_DATA; break;
    default: break;
    }
    return v;
}

uint32_t lu_bpf_run(const struct sock_filter *f, const uint8_t data[LU_BPF_DATA])
{
    uint32_t a = 0, x = 0, mem[BPF_MEMWORDS];
    for (;; f++) {
        uint32_t v = BPF_SRC(f->code) == BPF_X ? x : f->k;
        switch (BPF_CLASS(f->code)) {
        case BPF_LD: a = load(f, data, mem); break;
        case BPF_LDX: x = load(f, data, mem); break;
        case BPF_ST: mem[f->k] = a; break;
        case BPF_STX: mem[f->k] = x; break;
        case BPF_ALU:
            if (!do_alu(&a, f->code, v))
                return 0;
            break;
        case BPF_JMP:
            if (BPF_OP(f->code) == BPF_JA)
                f += f->k;
            else
                f += does_jump(a, f->code, v) ? f->jt : f->jf;
            break;
        case BPF_RET: return BPF_RVAL(f->code) == BPF_A ? a : f->k;
        default: /* MISC */
            if (BPF_MISCOP(f->code) == BPF_TAX)
                x = a;
            else
                a = x;
            break;
        }
    }
}
