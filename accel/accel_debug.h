/*
 * What a debugger does to a machine's cpus: memory as a cpu sees it, breakpoints, watchpoints.
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

#endif
