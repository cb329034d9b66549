/* C functions called by generated code for crypto instructions; the list is arm_helpers.def. */
#include "target/arm/a64_trans.h"
#include "target/sm4.h"

/* The four bytes of a substituted. */
uint64_t arm_helper_sm4_sub(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 32; i += 8)
        v |= (uint32_t)sm4_sub(a >> i & 255) << i;
    return v;
}
