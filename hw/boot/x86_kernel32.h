/*
 * Kernels that are entered in 32-bit mode: by their PVH note (Xen's public hvm/start_info.h), or by a
 * Multiboot header (Multiboot Specification 0.6.96). A block below 1 MiB has the descriptors and the code
 * that enter them, and what they are told. Ownership: the block becomes the X86Linux's `setup`. Kernels
 * are hostile input.
 */
#ifndef HW_BOOT_X86_KERNEL32_H
#define HW_BOOT_X86_KERNEL32_H

#include "hw/boot/image.h"
#include "hw/boot/x86_linux.h"

enum { X86_RANGES = 8, X86_RAM = 1, X86_RESERVED = 2 };
typedef struct X86Range {
    uint64_t at, bytes;
    uint32_t type; /* as e820's */
} X86Range;

/* The block's head, where the option ROM expects it: loads `gdtr`, goes to `code`. */
typedef struct X86Entry32 {
    uint64_t gdt[3];
    uint8_t gdtr[8];
    uint8_t code[32];
} X86Entry32;
enum {
    X86_ENTRY32_AT = 0x90000, /* to 0x90fff */
    X86_ENTRY32_GDTR = X86_ENTRY32_AT + 24, /* checked in x86_kernel32.c */
    X86_ENTRY32_CODE = X86_ENTRY32_AT + 32
};

/* All parts are placed already. False: no memory. */
bool x86_pvh_place(X86Linux *l, uint32_t entry, uint64_t initrd_bytes, const X86Range *ranges, unsigned n);

/* Has it a Multiboot header? */
bool x86_multiboot_is(const uint8_t *bytes, size_t size);
/* Puts it into memory: as its header says, or by its ELF segments. */
bool x86_multiboot_load(const MemMap *m, const uint8_t *bytes, size_t size, LoadedImage *ret, DevError *err);
/* As x86_pvh_place(). The initial file system is its module, called `module`. */
bool x86_multiboot_place(X86Linux *l, uint32_t entry, uint64_t initrd_bytes, const char *module,
                         const X86Range *ranges, unsigned n);

#endif
