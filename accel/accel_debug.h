/*
 * What a debugger does to cpus; but for breakpoints, to those of machines: memory as a cpu sees it,
 * breakpoints, watchpoints.
 *
 * Accesses change nothing that the guest can see but the bytes: no page becomes accessed or dirty, no
 * exception is raised. RAM and ROM only, unless it says otherwise.
 * Threads: one, with all cpus outside of accel_run().
 */
#ifndef ACCEL_ACCEL_DEBUG_H
#define ACCEL_ACCEL_DEBUG_H

#include "accel/accel.h"

/* Physical address of va for this cpu; false: it has none. */
bool accel_debug_translate(Cpu *cpu, Gva va, uint64_t *ret_pa);
/* All n bytes, or false. */
bool accel_debug_read(Cpu *cpu, Gva va, void *to, size_t n);
bool accel_debug_write(Cpu *cpu, Gva va, const void *from, size_t n);
/* The same by physical address. */
bool accel_debug_read_phys(Accel *a, uint64_t pa, void *to, size_t n);
bool accel_debug_write_phys(Accel *a, uint64_t pa, const void *from, size_t n);

/* Breakpoints: a cpu that gets to pc leaves with CPU_EXIT_DEBUG before it runs the instruction, unless it
 * steps. Of machines matched by the place in the page: exits at other addresses are for the caller to step
 * over, by accel_debug_is_break(). */
enum { ACCEL_MOST_BREAKS = 256, ACCEL_MOST_WATCHES = 32 };
bool accel_debug_break(Accel *a, Gva pc, bool on); /* false: too many, or it is not there */
bool accel_debug_is_break(const Accel *a, Gva pc);
/* All break- and watchpoints are gone. */
void accel_debug_forget(Accel *a);
/* Watchpoints: an access to [at, at + n) that `how` has the bit of (MMU_R, MMU_W) leaves with CPU_EXIT_DEBUG,
 * having done nothing; exit.code is then 1 and exit.addr where it was watched. Who steps does it, and finds
 * the hit after. Of an x86 processor (accel_is_native()) the access was done, and exit.code is 2;
 * there is room for few, and breakpoints beyond those few are bytes in the guest's memory. */
bool accel_debug_watch(Accel *a, Gva at, uint64_t n, unsigned how, bool on);
bool accel_debug_take_hit(Cpu *cpu, Gva *ret_at);

#endif
