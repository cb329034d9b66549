// Code written at run time, called, rewritten: what JIT compilers in the guest do.
#include "bench.h"
#include <sys/mman.h>

static void put_return(uint8_t *code, uint32_t value)
{
#if defined(__riscv)
    uint32_t *w = (uint32_t *)code;
    w[0] = 0x00000537u | ((value + 0x800) & 0xfffff000u); // lui a0
    w[1] = 0x0005051bu | (value & 0xfff) << 20;           // addiw a0, a0
    w[2] = 0x00008067u;                                   // ret
#elif defined(__aarch64__)
    uint32_t *w = (uint32_t *)code;
    w[0] = 0x52800000u | (value & 0xffff) << 5; // movz w0
    w[1] = 0x72a00000u | (value >> 16) << 5;    // movk w0, lsl 16
    w[2] = 0xd65f03c0u;                         // ret
#elif defined(__arm__)
    uint32_t *w = (uint32_t *)code;
    w[0] = 0xe3000000u | (value >> 12 & 15) << 16 | (value & 0xfff);       // movw r0
    w[1] = 0xe3400000u | value >> 28 << 16 | (value >> 16 & 0xfff);        // movt r0
    w[2] = 0xe12fff1eu;                                                    // bx lr
#else
    code[0] = 0xb8; // mov eax, imm32; ret
    memcpy(code + 1, &value, 4);
    code[5] = 0xc3;
#endif
    __builtin___clear_cache((char *)code, (char *)code + 16);
}

int main(int argc, char **argv)
{
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = 31, sum = 0;
    if (code == MAP_FAILED)
        return 1;
    long rounds = bench_count(argc, argv, 200000);
    for (long r = 0; r < rounds; r++) {
        uint8_t *at = code + (r & 31) * 64;
        put_return(at, bench_random(&seed) & 0x7fffffff);
        uint32_t (*call)(void);
        memcpy(&call, &at, sizeof call);
        for (int i = 0; i < 4; i++)
            sum = bench_mix(sum, call());
    }
    return bench_report(sum);
}
