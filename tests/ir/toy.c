#include "tests/ir/toy.h"

#include "base/fault.h"

#include <signal.h>
#include <ucontext.h>

#define X(n) {"x" #n, offsetof(ToyCpu, x) + 8 * (n), IR_I64, 0}
#define F(n) {"f" #n, offsetof(ToyCpu, f) + 8 * (n), IR_F64, 0}
#define V(n) {"v" #n, offsetof(ToyCpu, v) + 16 * (n), IR_V128, 0}
#define W(n) {"w" #n, offsetof(ToyCpu, w) + 4 * (n), IR_I32, 0}
const IrSlot toy_slots[TOY_SLOTS] = {
    X(0), X(1), X(2),  X(3),  X(4),  X(5),  X(6),  X(7), X(8), X(9), X(10), X(11), X(12), X(13),
    X(14), X(15), F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7), W(0), W(1), W(2), W(3),
    {"fl", offsetof(ToyCpu, fl), IR_FL, 0},
    V(0), V(1), V(2), V(3),
};

static uint64_t helper_pure(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a * 3 + b;
}

static uint64_t helper_status(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ((ToyCpu *)cpu)->calls++;
    return a;
}

static uint64_t helper_state(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ((ToyCpu *)cpu)->calls++;
    return ((ToyCpu *)cpu)->x[1] += a;
}

static uint64_t helper_pc(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return ((ToyCpu *)cpu)->pc;
}

const IrHelper toy_helpers[TOY_HELPERS] = {
    [TOY_H_PURE] = {"pure", IR_H_PURE, IR_I64, {IR_I64, IR_I64}, helper_pure},
    [TOY_H_STATUS] = {"status", IR_H_STATUS, IR_VOID, {IR_I64}, helper_status},
    [TOY_H_STATE] = {"state", IR_H_STATE, IR_I64, {IR_I64}, helper_state},
    [TOY_H_PC] = {"pc", IR_H_PC, IR_I64, {IR_VOID}, helper_pc},
};

static void on_fault(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (!fault_fixup(&pc)) {
        signal(sig, SIG_DFL);
        return;
    }
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

void toy_catch_faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
}

void toy_run(ToyCpu *cpu, const IrRegion *r, uint64_t *val, uint32_t max_loops, IrRun *ret)
{
    static IrVec vec[IR_MAX_INSNS];
    IrMachine m = {.cpu = cpu,
                   .val = val,
                   .vec = vec,
                   .kick = &cpu->kick,
                   .ff = &cpu->ff,
                   .frm = &cpu->frm,
                   .pc = &cpu->pc,
                   .max_loops = max_loops};
    ir_run(r, &m, ret);
}
