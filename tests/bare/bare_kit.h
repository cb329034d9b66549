/*
 * What the harnesses of bare-metal tests (bare.h, arm/a64_bare.h) have in common: output, checks, pages,
 * random numbers. One cpu at a time prints, checks and takes pages.
 */
#ifndef TESTS_BARE_BARE_KIT_H
#define TESTS_BARE_BARE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;

/* Where the outside emulator is known to differ from the manual the check is for others. */
#ifndef OUTSIDE
#define OUTSIDE 0
#endif

/* Of start.S: functions whose first instruction is the one of their name. */
typedef u64 Op(u64 address, u64 value);
extern char arena[];

/* Of 4 KiB, zeroed, from the arena; the first form aligned to their size rounded up to a power of two. */
void *pages(unsigned n);
void *pages_aligned(unsigned n, u64 align);

u64 random_u64(void);
extern u64 random_state;

void print(const char *text);
void print_hex(u64 v);
/* A line that has to be the same on every emulator. */
void report(const char *what, u64 a, u64 b);

extern unsigned failures;
void check_eq(u64 got, u64 want, const char *what, int line);
#define CHECK_EQ(got, want) check_eq((u64)(got), (u64)(want), #got, __LINE__)
#define CHECK(c)            check_eq((u64)(bool)(c), 1, #c, __LINE__)

/* Of the harness of each ISA. */
void print_char(char c);
void finish(void) __attribute__((noreturn));

/* Of the test; other() for the other cpus, may be missing. */
void test(void);
void other(u64 number);

#endif
