/* Dies of an access in a function with a name (check_crash.py). With an argument: of a jump to nowhere; with
 * two: of an instruction that no processor has. */
#include <stdint.h>

__attribute__((noinline)) void store_to(int *p)
{
    *p = 1;
}

__attribute__((noinline)) void no_instruction(void)
{
#ifdef __arm__
    __asm__ volatile("udf #0");
#elif defined(__i386__) || defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".word 0");
#endif
}

int main(int argc, char **argv)
{
    if (argc > 2)
        no_instruction();
    if (argc > 1)
        ((void (*)(void))(uintptr_t)24)();
    store_to((int *)(uintptr_t)(argc * 16));
}
