/* The parts of fault.S that C needs. */
#include "base/fault.h"

#include <ucontext.h>

struct FaultRow {
    int32_t at, landing; /* relative to fault_anchor */
};
extern const struct FaultRow fault_table[], fault_table_end[];
extern const char fault_anchor[];
extern const int32_t fault_bulk_table[];
uint64_t fault_bulk_call(uint64_t routine, uint64_t a, uint64_t b, uint64_t n);

bool fault_fixup(uint64_t *pc)
{
    int64_t rel = (int64_t)(*pc - (uint64_t)(uintptr_t)fault_anchor);
    for (const struct FaultRow *r = fault_table; r < fault_table_end; r++) {
        if (r->at == rel) {
            *pc = (uint64_t)(uintptr_t)fault_anchor + (uint64_t)(int64_t)r->landing;
            return true;
        }
    }
    return false;
}

uint64_t fault_bulk_routine(unsigned kind)
{
    return (uint64_t)(uintptr_t)fault_anchor + (uint64_t)(int64_t)fault_bulk_table[kind];
}

uint64_t fault_bulk(unsigned kind, uint64_t a, uint64_t b, uint64_t n)
{
    return fault_bulk_call(fault_bulk_routine(kind), a, b, n);
}

uint64_t fault_pc(const void *ucontext)
{
    const ucontext_t *uc = ucontext;
    return (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
}

void fault_set_pc(void *ucontext, uint64_t pc)
{
    ucontext_t *uc = ucontext;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}
