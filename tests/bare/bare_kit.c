#include "bare_kit.h"

unsigned failures;
u64 random_state = 1;
static char *next_page = arena;

void *memset(void *to, int c, size_t n)
{
    for (char *p = to; n--;)
        *p++ = (char)c;
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    const char *f = from;
    for (char *p = to; n--;)
        *p++ = *f++;
    return to;
}

void print(const char *text)
{
    while (*text)
        print_char(*text++);
}

void print_hex(u64 v)
{
    char text[17];
    for (int k = 0; k < 16; k++)
        text[k] = "0123456789abcdef"[v >> (60 - 4 * k) & 15];
    text[16] = 0;
    print(text);
}

void report(const char *what, u64 a, u64 b)
{
    print("= ");
    print(what);
    print(" ");
    print_hex(a);
    print(" ");
    print_hex(b);
    print("\n");
}

void check_eq(u64 got, u64 want, const char *what, int line)
{
    if (got == want)
        return;
    failures++;
    print("line ");
    print_hex((u64)line);
    print(": ");
    print(what);
    print(": ");
    print_hex(got);
    print(", wanted ");
    print_hex(want);
    print("\n");
    if (failures > 20)
        finish();
}

u64 random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1dull;
}

void *pages_aligned(unsigned n, u64 align)
{
    u64 bytes = n * 4096ull;
    next_page = (char *)(uintptr_t)(((uintptr_t)next_page + align - 1) & ~(align - 1));
    char *p = next_page;
    next_page += bytes;
    for (u64 *w = (u64 *)p; (char *)w < next_page; w++)
        *w = 0;
    return p;
}

void *pages(unsigned n)
{
    u64 align = 4096;
    while (align < n * 4096ull)
        align *= 2;
    return pages_aligned(n, align);
}

static void no_other(u64 number)
{
    (void)number;
}
void other(u64 number) __attribute__((weak, alias("no_other")));
