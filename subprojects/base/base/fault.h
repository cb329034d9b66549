/*
 * Accesses to memory that may not be there.
 *
 * Every C function that touches guest memory does it through these (docs/forbidden.md). They are assembler
 * routines whose access instructions stand in a table; the owner of the SIGSEGV/SIGBUS handler calls
 * fault_fixup(), which moves the PC of a faulting routine to its error return. Nothing is unwound.
 * A single access of 1, 2, 4 or 8 bytes is one host access (so naturally aligned ones are atomic).
 * Threads: any. Errors: `fault` != 0, the memory is unchanged (fault_copy: changed up to the fault).
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FaultVal {
    uint64_t val;
    uint64_t fault; /* 0, or 1: the access faulted and val means nothing */
} FaultVal;

FaultVal fault_ld8(uint64_t addr);
FaultVal fault_ld16(uint64_t addr);
FaultVal fault_ld32(uint64_t addr);
FaultVal fault_ld64(uint64_t addr);
uint64_t fault_st8(uint64_t addr, uint64_t val);  /* returns fault */
uint64_t fault_st16(uint64_t addr, uint64_t val);
uint64_t fault_st32(uint64_t addr, uint64_t val);
uint64_t fault_st64(uint64_t addr, uint64_t val);
/* 16 bytes at any address, one host access; returns fault. `to`, `from` are the caller's own memory. */
uint64_t fault_ld128(uint64_t addr, void *to);
uint64_t fault_st128(uint64_t addr, const void *from);
/* Sequentially consistent compare and swap; val = the old memory. Faults on read-only memory. */
FaultVal fault_cas8(uint64_t addr, uint64_t expected, uint64_t desired);
FaultVal fault_cas16(uint64_t addr, uint64_t expected, uint64_t desired);
FaultVal fault_cas32(uint64_t addr, uint64_t expected, uint64_t desired);
FaultVal fault_cas64(uint64_t addr, uint64_t expected, uint64_t desired);
/* The same on 16 aligned bytes, low half first: `memory` is what is expected and becomes what was there.
 * Returns fault. */
uint64_t fault_cas128(uint64_t addr, uint64_t memory[2], const uint64_t desired[2]);
/* Copies forward; returns the number of bytes NOT copied. Either side may be guest memory. */
size_t fault_copy(void *dst, const void *src, size_t n);
/* x86's string instructions, upward, on up to n elements of 1, 2, 4 or 8 bytes, as one after the other.
 * Returns how many are left of n, which is below 2^31, up to the first that faults; in the upper half, of
 * those that compare, the flags of the last comparison as lahf; seto leaves them in ax, 0 where there was a
 * fault. Kind: one of FaultBulk plus log2 of the bytes. */
typedef enum FaultBulk {
    FAULT_COPY = 0,     /* to a from b; memory that overlaps as by elements */
    FAULT_FILL = 4,     /* a with the low bytes of b */
    FAULT_FIND = 8,     /* until b equals an element at a */
    FAULT_MATCH = 12,   /* until an element at b equals one at a */
    FAULT_SKIP = 16,    /* until b differs from an element at a */
    FAULT_COMPARE = 20, /* until an element at b differs from one at a */
    FAULT_BULKS = 24
} FaultBulk;
uint64_t fault_bulk(unsigned kind, uint64_t a, uint64_t b, uint64_t n);
/* For generated code: a routine that takes a in rdi, b in rsi and rax, n in rcx, and returns what is left in
 * rcx, the flags in rax. rdi, rsi, rcx, rax and the host's flags change, nothing else. */
uint64_t fault_bulk_routine(unsigned kind);
/* Length of the string without its NUL, at most max; -1 when it faults before either is reached. */
int64_t fault_strnlen(const char *s, size_t max);

FaultVal fault_ld(uint64_t addr, unsigned size);             /* size in bytes: 1, 2, 4, 8; zero-extends */
uint64_t fault_st(uint64_t addr, uint64_t val, unsigned size);
FaultVal fault_cas(uint64_t addr, uint64_t expected, uint64_t desired, unsigned size);

/* For the signal handler: if *pc is an access instruction of this file, puts its landing into *pc. */
bool fault_fixup(uint64_t *pc);
/* The host's pc in a ucontext_t. */
uint64_t fault_pc(const void *ucontext);
void fault_set_pc(void *ucontext, uint64_t pc);

#endif
