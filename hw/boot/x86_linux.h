/*
 * X86Linux: a Linux kernel for a PC, as its boot protocol has it (Documentation/arch/x86/boot.rst): where its
 * parts and those beside it go. Ownership: `setup` is the X86Linux's own; the kernel and the initial file
 * system are borrowed. Errors: kernels are hostile input.
 */
#ifndef HW_BOOT_X86_LINUX_H
#define HW_BOOT_X86_LINUX_H

#include "hw/core/dev.h"

typedef struct X86Linux {
    uint8_t *setup; /* real-mode part, its header filled in */
    size_t setup_bytes;
    const uint8_t *kernel; /* protected-mode part */
    size_t kernel_bytes;
    uint8_t *low; /* owned, may be `kernel`: of one that is entered in 32-bit mode, what it has below 1 MiB */
    uint64_t setup_at, kernel_at, append_at, initrd_at;
} X86Linux;

/* Is it one (a bzImage)? */
bool x86_linux_is(const uint8_t *bytes, size_t size);
/* low_bytes: of RAM from 0 on. append: its size is with its NUL. */
bool x86_linux_place(X86Linux *l, const uint8_t *bytes, size_t size, size_t append_bytes, size_t initrd_bytes,
                     uint64_t low_bytes, DevError *err);
void x86_linux_clear(X86Linux *l);

enum { X86_LINUX_ROM_BYTES = 512, X86_LINUX_PARTS = 4 };
/* An option ROM that PC firmware can boot from: it has fw-cfg bring the parts of the kernel, which have these
 * keys and sizes, to their places, and starts it. in_32_bits: by the X86Entry32 among them
 * (x86_kernel32.h). */
typedef struct X86LinuxPart {
    uint16_t key;
    uint32_t bytes;
    uint64_t at;
} X86LinuxPart;
void x86_linux_rom(const X86LinuxPart *parts, bool in_32_bits, uint8_t rom[X86_LINUX_ROM_BYTES]);

#endif
