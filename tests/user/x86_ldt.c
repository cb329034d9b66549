/* Segments of the process's own: modify_ldt, and gs with such a segment's base. */
#include <asm/ldt.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHOW(call) printf("%s: %ld %s\n", #call, (long)(call), strerrorname_np(errno))

static unsigned word_at(unsigned selector, uint64_t at)
{
    unsigned r;
    __asm__ volatile("mov %1, %%gs; mov %%gs:(%2), %0; mov %3, %%gs"
                     : "=r"(r)
                     : "r"(selector), "r"(at), "r"(0));
    return r;
}

int main(void)
{
    unsigned char raw[64];
    unsigned *words = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    printf("low: %d\n", (uintptr_t)words < 1ul << 31);
    for (unsigned k = 0; k < 16; k++)
        words[k] = 100 + k;
    struct user_desc d = {.entry_number = 5,
                          .base_addr = (uint32_t)(uintptr_t)words,
                          .limit = 0xfffff,
                          .seg_32bit = 1,
                          .limit_in_pages = 1,
                          .useable = 1};
    SHOW(syscall(SYS_modify_ldt, 1, &d, sizeof d));
    printf("%u %u\n", word_at(5 << 3 | 7, 4), word_at(5 << 3 | 7, 12));
    d.base_addr += 8;
    SHOW(syscall(SYS_modify_ldt, 0x11, &d, sizeof d));
    printf("%u\n", word_at(5 << 3 | 7, 4));
    memset(raw, 1, sizeof raw);
    SHOW(syscall(SYS_modify_ldt, 0, raw, 64));
    raw[42] = raw[43] = raw[44] = raw[47] = 0; /* the address */
    for (unsigned k = 32; k < 56; k++)
        printf("%02x%s", raw[k], k % 8 == 7 ? "\n" : "");
    SHOW(syscall(SYS_modify_ldt, 3, raw, 64));
    SHOW(syscall(SYS_modify_ldt, 1, &d, 8));
    d.entry_number = 8192;
    SHOW(syscall(SYS_modify_ldt, 1, &d, sizeof d));
    return 0;
}
