/* Arm ARM, "Branches", "Exception generating". */
#include "target/arm/a64_trans.h"

void a64_trans_b(Trans *t, const A64Args *a)
{
    t->flow.kind = FLOW_JUMP;
    t->flow.target = t->pc + (uint64_t)a->imm;
}

void a64_trans_svc(Trans *t, const A64Args *a) { a64_raise(t, CPU_EXIT_SYSCALL); }
