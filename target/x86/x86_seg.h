/* Segment registers as the cpu holds them: what a descriptor says, unpacked (AMD64 APM volume 2, 4.7).
 * Private to target/x86. */
#ifndef TARGET_X86_X86_SEG_H
#define TARGET_X86_X86_SEG_H

#include <stdint.h>

/* Segment attributes: bits 8 to 23 of a descriptor's upper half. */
enum {
    X86_A_ACCESSED = 1,
    X86_A_WRITABLE = 2, /* of code: readable */
    X86_A_DOWN = 4,     /* of code: conforming */
    X86_A_CODE = 8,
    X86_A_SEGMENT = 16, /* code or data, not a system descriptor */
    X86_A_DPL_SHIFT = 5,
    X86_A_PRESENT = 128,
    X86_A_LONG = 1 << 13,
    X86_A_BIG = 1 << 14,
    X86_A_PAGES = 1 << 15,
    X86_A_NONE = 1 << 16, /* ours: a null selector was loaded */
};
static inline unsigned x86_dpl(uint32_t attr)
{
    return attr >> X86_A_DPL_SHIFT & 3;
}

typedef struct X86Seg {
    uint64_t base;
    int64_t limit; /* of the last byte; -1: none */
    uint32_t attr;
} X86Seg;

#endif
