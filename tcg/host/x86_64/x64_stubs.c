/* The stubs every region shares: in, out, and calls to C. Register roles: x64.h.
 *
 * Stack: `enter` leaves C's with the callee-saved registers and its return address on top, aligned for calls,
 * and notes rsp in the cpu object. So a region can be left from anywhere by one fixed sequence, and its calls
 * to C change stacks.
 */
#include "tcg/host/x86_64/x64_priv.h"
#include "tcg/interp/interp_vec.h"
#include "tcg/ir/eval.h"

static const uint8_t callee_saved[] = {X64_RBX, X64_RBP, X64_R12, X64_R13, X64_R14, X64_R15};
enum { FRAME = 8 }; /* 6 pushes + return address = 56 bytes: 8 more make a multiple of 16 */
_Static_assert(X64_SPILLS % 2 == 0 && X64_SPILLS < 64,
               "pairs of slots are aligned; a word has a bit for each");

static void load_pins(const X64Host *h, X64Asm *a)
{
    for (unsigned k = 0; k < h->n_pins; k++) {
        const X64Pin *p = &h->pin[k];
        if (p->reg >= X64_XMM)
            x64_load_x(a, (IrType)h->slots[p->slot].type, p->reg - X64_XMM, x64_env(p->offset));
        else
            x64_mov_rm(a, 64, p->reg, x64_env(p->offset));
    }
}

static void store_pins(const X64Host *h, X64Asm *a)
{
    for (unsigned k = 0; k < h->n_pins; k++) {
        const X64Pin *p = &h->pin[k];
        if (p->reg >= X64_XMM)
            x64_store_x(a, (IrType)h->slots[p->slot].type, x64_env(p->offset), p->reg - X64_XMM);
        else
            x64_mov_mr(a, 64, x64_env(p->offset), p->reg);
    }
}

static void emit_leave(const X64Host *h, X64Asm *a)
{
    x64_mov_mr(a, 64, x64_env(h->at.ret_top), X64_RSP);
    x64_mov_rm(a, 64, X64_RSP, x64_env(h->at.host_sp));
    x64_alu_ri(a, 64, X64_ADD, X64_RSP, FRAME);
    for (unsigned k = ARRAY_SIZE(callee_saved); k-- > 0;)
        x64_pop(a, callee_saved[k]);
    x64_ret(a);
}

/* rax = function */
static void call_c(const X64Host *h, X64Asm *a)
{
    x64_mov_mr(a, 64, x64_env(h->at.ret_top), X64_RSP);
    x64_mov_rm(a, 64, X64_RSP, x64_env(h->at.host_sp));
    x64_call_r(a, X64_RAX);
    x64_mov_rm(a, 64, X64_RSP, x64_env(h->at.ret_top));
}

/* Everything a C function may change, but rax, to the cpu object and back. */
static const uint8_t caller_saved[] = {X64_RCX, X64_RDX, X64_RSI, X64_RDI, X64_R8, X64_R9, X64_R10, X64_R11};

static void save_all(const X64Host *h, X64Asm *a)
{
    for (unsigned k = 0; k < ARRAY_SIZE(caller_saved); k++)
        x64_mov_mr(a, 64, x64_env(h->at.save + 8 * caller_saved[k]), caller_saved[k]);
    for (int x = 0; x < 16; x++)
        x64_movups_mr(a, x64_env(h->at.save + 128 + 16 * x), x);
}

static void restore_all(const X64Host *h, X64Asm *a)
{
    for (int x = 0; x < 16; x++)
        x64_movups_rm(a, x, x64_env(h->at.save + 128 + 16 * x));
    for (unsigned k = 0; k < ARRAY_SIZE(caller_saved); k++)
        x64_mov_rm(a, 64, caller_saved[k], x64_env(h->at.save + 8 * caller_saved[k]));
}

/* rax = softfp routine (a, b, c, rounding) -> {bits, flags} in rax, rdx. All registers survive. */
static void emit_soft(const X64Host *h, X64Asm *a, bool dynamic)
{
    save_all(h, a);
    x64_mov_rm(a, 64, X64_RDI, x64_env(h->at.args));
    x64_mov_rm(a, 64, X64_RSI, x64_env(h->at.args + 8));
    x64_mov_rm(a, 64, X64_RDX, x64_env(h->at.args + 16));
    x64_mov_rm(a, 32, X64_RCX, dynamic ? x64_env(h->at.frm) : x64_env(h->at.args + 24));
    call_c(h, a);
    x64_mov_mr(a, 64, x64_env(h->at.link), X64_RAX);
    x64_alu_mr(a, 32, X64_OR, x64_env(h->at.ff), X64_RDX);
    restore_all(h, a);
    x64_mov_rm(a, 64, X64_RAX, x64_env(h->at.save));
    x64_ret(a);
}

/* rax = X64SoftOp.raw: the op of [soft], in C. */
static uint32_t soft_ir(X64SoftArea *s, uint64_t raw)
{
    X64SoftOp op = {.raw = raw};
    IrInsn i = {.op = op.op, .type = op.type, .misc = op.misc, .d = s->d, .imm = op.imm};
    IrFpEnv env = {.nan = s->nan, .fp = s->fp, .round = (uint8_t)s->round};
    uint32_t flags = 0;
    ir_eval_vfp(&i, env, s->in, &s->out, &flags);
    return flags;
}

static void emit_soft_ir(const X64Host *h, X64Asm *a)
{
    save_all(h, a);
    x64_mov_rm(a, 32, X64_RCX, x64_env(h->at.frm));
    x64_mov_mr(a, 32, x64_env(h->at.soft + (int32_t)offsetof(X64SoftArea, round)), X64_RCX);
    x64_lea(a, 64, X64_RDI, x64_env(h->at.soft));
    x64_mov_rr(a, 64, X64_RSI, X64_RAX);
    x64_mov_ri(a, 64, X64_RAX, (uint64_t)(uintptr_t)soft_ir);
    call_c(h, a);
    x64_alu_mr(a, 32, X64_OR, x64_env(h->at.ff), X64_RAX);
    restore_all(h, a);
    x64_mov_rm(a, 64, X64_RAX, x64_env(h->at.save));
    x64_ret(a);
}

static void emit_load_unit(const X64Host *h, X64Asm *a)
{
    save_all(h, a);
    x64_lea(a, 64, X64_RDI, X64_MEM(X64_RBP, -X64_ENV_BIAS));
    x64_mov_ri(a, 64, X64_RAX, (uint64_t)(uintptr_t)h->unit_load);
    call_c(h, a);
    restore_all(h, a);
    x64_ret(a);
}

/* The return address names an access (x64_emit_paged.c). Goes on where that says, the result in its place and
 * all other registers as they were. */
static void emit_access(const X64Host *h, X64Asm *a)
{
    static const uint8_t others[] = {X64_RAX, X64_RBX, X64_R12, X64_R13, X64_R14, X64_R15};
    save_all(h, a);
    for (unsigned k = 0; k < ARRAY_SIZE(others); k++)
        x64_mov_mr(a, 64, x64_env(h->at.save + 8 * others[k]), others[k]);
    x64_lea(a, 64, X64_RDI, X64_MEM(X64_RBP, -X64_ENV_BIAS));
    x64_mov_rm(a, 64, X64_RSI, X64_MEM(X64_RSP, 0));
    x64_lea(a, 64, X64_RSP, X64_MEM(X64_RSP, 8));
    x64_mov_ri(a, 64, X64_RDX, (uint64_t)(uintptr_t)h);
    x64_mov_ri(a, 64, X64_RAX, (uint64_t)(uintptr_t)x64_slow_access);
    call_c(h, a);
    x64_mov_mr(a, 64, x64_env(h->at.link), X64_RAX);
    restore_all(h, a);
    for (unsigned k = 0; k < ARRAY_SIZE(others); k++)
        x64_mov_rm(a, 64, others[k], x64_env(h->at.save + 8 * others[k]));
    x64_jmp_m(a, x64_env(h->at.link));
}

/* rax = packed vector op, operands where x64_vec_arg() says. rax is lost. */
static void emit_vec(const X64Host *h, X64Asm *a)
{
    save_all(h, a);
    x64_mov_rr(a, 64, X64_RDI, X64_RAX);
    x64_lea(a, 64, X64_RSI, x64_vec_arg(h, 0));
    x64_mov_ri(a, 64, X64_RAX, (uint64_t)(uintptr_t)ir_eval_packed);
    call_c(h, a);
    restore_all(h, a);
    x64_ret(a);
}

/* rax = helper (cpu, a, b, c, d); result in rax. */
static void emit_call(const X64Host *h, X64Asm *a)
{
    store_pins(h, a);
    x64_lea(a, 64, X64_RDI, X64_MEM(X64_RBP, -X64_ENV_BIAS));
    x64_mov_rm(a, 64, X64_RSI, x64_env(h->at.args));
    x64_mov_rm(a, 64, X64_RDX, x64_env(h->at.args + 8));
    x64_mov_rm(a, 64, X64_RCX, x64_env(h->at.args + 16));
    x64_mov_rm(a, 64, X64_R8, x64_env(h->at.args + 24));
    call_c(h, a);
    load_pins(h, a);
    x64_ret(a);
}

/* rax = guest pc that missed the jump cache: finds its region, fills the cache and goes there. Falls through
 * if the cpu is kicked or there is none. Uses rcx, rdx, r11. */

static void emit_lookup(const X64Host *h, X64Asm *a)
{
    const X64Lookup *t = &h->lookup;
    uint8_t *fail[4];
    x64_alu_mi(a, 32, X64_CMP, x64_env(h->at.kick), 0);
    fail[0] = x64_jcc_rel32(a, X64_NE);
    x64_mov_rr(a, 64, X64_RCX, X64_RAX);
    x64_mov_rr(a, 64, X64_RDX, X64_RAX);
    x64_shift_ri(a, 64, X64_SHR, X64_RCX, 1);
    x64_shift_ri(a, 64, X64_SHR, X64_RDX, (int)t->fold);
    x64_alu_rr(a, 32, X64_XOR, X64_RCX, X64_RDX);
    x64_mov_ri(a, 64, X64_RDX, (uint64_t)(uintptr_t)t->mask);
    x64_alu_rm(a, 32, X64_AND, X64_RCX, X64_MEM(X64_RDX, 0));
    x64_shift_ri(a, 64, X64_SHL, X64_RCX, 4);
    x64_mov_ri(a, 64, X64_RDX, (uint64_t)(uintptr_t)t->table);
    x64_alu_rr(a, 64, X64_ADD, X64_RCX, X64_RDX);
    x64_lea(a, 64, X64_R11, X64_MEM(X64_RAX, 1));
    uint8_t *again = a->p;
    x64_mov_rm(a, 64, X64_RDX, X64_MEM(X64_RCX, 0));
    x64_alu_rr(a, 64, X64_CMP, X64_RDX, X64_R11);
    uint8_t *match = x64_jcc_rel8(a, X64_E);
    x64_test_rr(a, 64, X64_RDX, X64_RDX);
    fail[1] = x64_jcc_rel32(a, X64_E);
    uint8_t *next = a->p;
    x64_alu_ri(a, 64, X64_ADD, X64_RCX, 16);
    x64_patch32(x64_jmp_rel32(a), again);
    x64_patch8(match, a->p);
    x64_mov_rm(a, 64, X64_RDX, X64_MEM(X64_RCX, 8));
    x64_mov_rm(a, 32, X64_R11, x64_env(h->at.ctx)); /* the address may come before, of another context */
    x64_alu_rm(a, 32, X64_CMP, X64_R11, X64_MEM(X64_RDX, t->ctx));
    x64_lea(a, 64, X64_R11, X64_MEM(X64_RAX, 1));
    x64_jcc_to(a, X64_NE, next);
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, X64_MEM(X64_RDX, t->pc)); /* the entry may have changed between the
                                                                   * two loads */
    fail[2] = x64_jcc_rel32(a, X64_NE);
    x64_alu_mi(a, 8, X64_CMP, X64_MEM(X64_RDX, t->blocked), 0);
    fail[3] = x64_jcc_rel32(a, X64_NE);
    x64_mov_rm(a, 64, X64_RDX, X64_MEM(X64_RDX, t->rx));
    X64Mem entry = x64_jump_entry(h, a);
    x64_mov_mr(a, 64, entry, X64_RAX);
    entry.disp += 8;
    x64_mov_mr(a, 64, entry, X64_RDX);
    x64_jmp_r(a, X64_RDX);
    for (unsigned k = 0; k < ARRAY_SIZE(fail); k++)
        x64_patch32(fail[k], a->p);
}

/* The landing of an empty stack; no guest address is -1. */
static void emit_no_return(X64Host *h, X64Asm *a)
{
    x64_int3(a);
    while ((uintptr_t)a->p & 7)
        x64_int3(a);
    static const uint64_t never = ~0ull;
    x64_bytes(a, (const uint8_t *)&never, 8);
    h->no_return = (uint64_t)(uintptr_t)a->p + (uint64_t)h->rx_delta;
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, X64_MEM(X64_RIP, -8 - X64_LANDING_CMP)); /* and on to exit_return */
}

enum { RESYNC = 6 }; /* entries looked at below the top one */

/* rax = guest pc. The entry that was taken is put back; where an older one fits, it is taken instead. Uses
 * rcx, rdx. */
static void emit_resync(X64Asm *a)
{
    uint8_t *found[RESYNC];
    x64_lea(a, 64, X64_RSP, X64_MEM(X64_RSP, -8));
    for (int k = 0; k < RESYNC; k++) {
        x64_mov_rm(a, 64, X64_RCX, X64_MEM(X64_RSP, 8 + 8 * k));
        x64_movsx_rm(a, 64, 32, X64_RDX, X64_MEM(X64_RCX, X64_LANDING_CMP - 4));
        x64_alu_rm(a, 64, X64_CMP, X64_RAX, X64_MEMI(X64_RCX, X64_RDX, 0, X64_LANDING_CMP));
        found[k] = x64_jcc_rel8(a, X64_E);
    }
    uint8_t *none = x64_jmp_rel8(a);
    for (int k = RESYNC; k-- > 0;) { /* falls through from one to the next: each takes one entry */
        x64_patch8(found[k], a->p);
        x64_lea(a, 64, X64_RSP, X64_MEM(X64_RSP, 8));
    }
    x64_lea(a, 64, X64_RSP, X64_MEM(X64_RSP, 8));
    x64_jmp_r(a, X64_RCX); /* its landing */
    x64_patch8(none, a->p);
}

static void emit_consts(X64Asm *a)
{
    static const X64Const k = {
        .canon64 = {0x7ff8000000000000}, .canon32 = {0x7fc00000}, .box = {0xffffffff00000000},
        .sign64 = {1ull << 63}, .sign32 = {1u << 31}, .abs64 = {~0ull >> 1}, .abs32 = {0x7fffffff},
        .sign16 = {1u << 15}, .abs16 = {0x7fff},
        .two31_64 = {0x41e0000000000000}, .two63_64 = {0x43e0000000000000}, .minus1_64 = {0xbff0000000000000},
        .two31_32 = {0x4f000000}, .two63_32 = {0x5f000000}, .minus1_32 = {0xbf800000},
        .half_64 = {0x3fe0000000000000}, .minus_half_64 = {0xbfe0000000000000}, .half_32 = {0x3f000000},
        .minus_half_32 = {0xbf000000}, .tiny_64 = {1ull << 53}, .tiny_32 = {1u << 24},
    };
    const uint8_t *p = (const uint8_t *)&k;
    for (size_t n = 0; n < sizeof(k); n += 8)
        x64_bytes(a, p + n, 8);
}

static void emit_helper_left(const X64Host *h, X64Asm *a)
{
    x64_alu_ri(a, 32, X64_CMP, X64_RAX, IR_STATUS_GO);
    uint8_t *go = x64_jcc_rel32(a, X64_E);
    x64_mov_ri(a, 32, X64_RAX, (uint32_t)X64_ID_HELPER);
    x64_jmp_to(a, h->exit);
    x64_patch32(go, a->p);
    x64_mov_rm(a, 64, X64_RAX, x64_env(h->at.pc));
    if (h->paged.on)
        x64_far_jump(h, a);
    else
        x64_jmp_to(a, h->exit_indirect_plain);
}

/* The last one falls through to h->raised. */
static void emit_paged_exits(X64Host *h, X64Asm *a)
{
    x64_far_again(h, a);
    h->far_exit = a->p;
    x64_alu_rm(a, 64, X64_ADD, X64_RAX, x64_env(h->paged.pc_delta));
    x64_far_jump(h, a);
    h->far_exit_plain = a->p;
    x64_alu_rm(a, 64, X64_ADD, X64_RAX, x64_env(h->paged.pc_delta));
    x64_jmp_to(a, h->exit_indirect_plain);
    h->raise_at = a->p;
    x64_alu_rm(a, 64, X64_ADD, X64_RAX, x64_env(h->paged.pc_delta));
    x64_mov_mr(a, 64, x64_env(h->at.pc), X64_RAX);
}

void x64_stubs_emit(X64Host *h, X64Asm *a)
{
    while ((uintptr_t)a->p & 63)
        x64_int3(a);
    h->consts = a->p;
    emit_consts(a);
    h->enter = a->p;
    for (unsigned k = 0; k < ARRAY_SIZE(callee_saved); k++)
        x64_push(a, callee_saved[k]);
    x64_alu_ri(a, 64, X64_SUB, X64_RSP, FRAME);
    x64_lea(a, 64, X64_RBP, X64_MEM(X64_RDI, X64_ENV_BIAS));
    x64_mov_rr(a, 64, X64_RAX, X64_RSI);
    x64_mov_mr(a, 64, x64_env(h->at.host_sp), X64_RSP);
    x64_mov_rm(a, 64, X64_RSP, x64_env(h->at.ret_top));
    load_pins(h, a);
    x64_jmp_r(a, X64_RAX);

    emit_no_return(h, a);
    h->exit_return = a->p;
    emit_resync(a);
    X64Mem entry = x64_jump_entry(h, a);
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, entry);
    uint8_t *miss = x64_jcc_rel8(a, X64_NE);
    entry.disp += 8;
    x64_jmp_m(a, entry);
    x64_patch8(miss, a->p);
    h->exit_indirect = a->p;
    if (h->lookup.table && !(h->no_opt & X64_NO_JUMP_CACHE))
        emit_lookup(h, a);
    h->exit_indirect_plain = a->p;
    x64_mov_mr(a, 64, x64_env(h->at.pc), X64_RAX);
    x64_mov_ri(a, 32, X64_RAX, (uint32_t)X64_ID_INDIRECT);
    h->exit = a->p;
    store_pins(h, a);
    h->exit_stored = a->p;
    emit_leave(h, a);

    if (h->paged.on)
        emit_paged_exits(h, a);
    h->raised = a->p;
    x64_mov_ri(a, 32, X64_RAX, (uint32_t)X64_ID_HELPER);
    x64_jmp_to(a, h->exit);
    h->helper_left = a->p;
    emit_helper_left(h, a);
    h->call = a->p;
    emit_call(h, a);
    h->soft = a->p;
    emit_soft(h, a, false);
    h->soft_dyn = a->p;
    emit_soft(h, a, true);
    h->vec = a->p;
    emit_vec(h, a);
    h->soft_ir = a->p;
    emit_soft_ir(h, a);
    h->load_unit = a->p;
    if (h->unit_load)
        emit_load_unit(h, a);
    if (h->paged.on) {
        h->access = a->p;
        emit_access(h, a);
        x64_look_stubs(h, a);
    }
}

/* Words above the entries, all of them h->no_return: the stack is never empty, and the search ends there. */
enum { BOTTOM = RESYNC + 1, ENTRIES = X64_RET_BYTES / 8 - BOTTOM };

uint64_t x64_ret_clear(const X64Host *h, void *stack)
{
    uint64_t *entry = stack;
    for (unsigned k = 0; k < BOTTOM; k++)
        entry[ENTRIES + k] = h->no_return;
    return (uint64_t)(uintptr_t)(entry + ENTRIES);
}

uint64_t x64_ret_overflow(void *stack)
{
    enum { KEPT = ENTRIES / 2 };
    uint64_t *entry = stack;
    memcpy(entry + ENTRIES - KEPT, entry, KEPT * sizeof(*entry));
    return (uint64_t)(uintptr_t)(entry + ENTRIES - KEPT);
}

void x64_host_init(X64Host *h, uint64_t features, uint32_t no_opt, const IrSlot *slots, unsigned n_slots,
                   unsigned insn_align, const X64Layout *at)
{
    static const uint8_t gpr[] = {X64_RBX, X64_RSI, X64_RDI, X64_R8,  X64_R9,
                                  X64_R10, X64_R14, X64_R15, X64_R12, X64_R13};
    *h = (X64Host){.features = features, .no_opt = no_opt, .at = *at, .slots = slots, .n_slots = n_slots};
    h->fl_slot = -1;
    for (unsigned s = 0; s < n_slots; s++)
        if (slots[s].type == IR_FL)
            h->fl_slot = (int16_t)s;
    h->insn_shift = (unsigned)__builtin_ctz(insn_align);
    memset(h->slot_reg, -1, sizeof(h->slot_reg));
    if (no_opt & X64_NO_PINS)
        return;
    for (unsigned s = 0; s < n_slots; s++) {
        unsigned rank = slots[s].pin;
        bool vec = ir_type_is_vec((IrType)slots[s].type);
        if (rank == 0 || slots[s].type == IR_FL || rank > (vec ? 8 : ARRAY_SIZE(gpr)))
            continue;
        int reg = vec ? X64_XMM + (int)rank - 1 : gpr[rank - 1];
        h->slot_reg[s] = (int8_t)reg;
        h->pin[h->n_pins++] = (X64Pin){.slot = (uint8_t)s, .reg = (uint8_t)reg, .offset = slots[s].offset,
                                           .bytes = x64_slot_bytes(h, s)};
    }
}
