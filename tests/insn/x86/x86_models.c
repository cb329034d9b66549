/* Prints the leaves of CPUID that test_x86_models.py compares: leaf.subleaf eax ebx ecx edx. */
#include <cpuid.h>
#include <stdio.h>

int main(void)
{
    static const unsigned leaves[][2] = {{0, 0},          {1, 0},          {4, 0},          {4, 1},
                                         {4, 2},          {4, 3},          {7, 0},          {7, 1},
                                         {0xd, 0},        {0xd, 1},        {0xd, 2},        {0x80000000, 0},
                                         {0x80000001, 0}, {0x80000005, 0}, {0x80000006, 0}, {0x80000008, 0}};
    for (unsigned k = 0; k < sizeof(leaves) / sizeof(leaves[0]); k++) {
        unsigned r[4];
        __cpuid_count(leaves[k][0], leaves[k][1], r[0], r[1], r[2], r[3]);
        printf("%x.%x %08x %08x %08x %08x\n", leaves[k][0], leaves[k][1], r[0], r[1], r[2], r[3]);
    }
    return 0;
}
