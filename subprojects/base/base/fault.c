#include "base/fault.h"

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

FaultVal fault_ld(uint64_t addr, unsigned size)
{
    switch (size) {
    case 1: return fault_ld8(addr);
    case 2: return fault_ld16(addr);
    case 4: return fault_ld32(addr);
    default: return fault_ld64(addr);
    }
}

uint64_t fault_st(uint64_t addr, uint64_t val, unsigned size)
{
    switch (size) {
    case 1: return fault_st8(addr, val);
    case 2: return fault_st16(addr, val);
    case 4: return fault_st32(addr, val);
    default: return fault_st64(addr, val);
    }
}

FaultVal fault_cas(uint64_t addr, uint64_t expected, uint64_t desired, unsigned size)
{
    switch (size) {
    case 1: return fault_cas8(addr, expected, desired);
    case 2: return fault_cas16(addr, expected, desired);
    case 4: return fault_cas32(addr, expected, desired);
    default: return fault_cas64(addr, expected, desired);
    }
}
