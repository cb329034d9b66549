/* Accesses by a size that is known late, on all hosts. */
#include "base/fault.h"

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
