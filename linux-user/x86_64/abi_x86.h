/* What the ABIs of x86-64 and i386 share, for LuAbi: cpu models, segments. Threads: as LuAbi says. */
#ifndef LINUX_USER_X86_64_ABI_X86_H
#define LINUX_USER_X86_64_ABI_X86_H

#include "linux-user/abi.h"

bool lu_x86_choose_model(LuProc *p, const char *name);
/* Names the features of the host's that model `name` wants and p->host has not; false: it is not that. */
bool lu_x86_why_not(const LuProc *p, const char *name, struct Fmt *out);
void lu_x86_list_models(struct Fmt *out, unsigned word); /* for guests with words of so many bytes */
void lu_x86_init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed);
void lu_x86_cpuinfo(LuProc *p, struct Fmt *out, unsigned cpu);
/* LuAbi.prctl: rdtsc works, and cannot be made to trap. */
long lu_x86_prctl(LuThread *t, const uint64_t a[6]);

/* int 0x80 of a 64-bit program, of which the calls for segments are done: those of the GDT have no other.
 * 1: it was done, pc is behind it; -1: another call; 0: pc is on another instruction. */
int lu_x86_int80(LuThread *t);
/* modify_ldt, set_thread_area, get_thread_area (LuAbi.own_call); -ENOSYS: another call. */
long lu_x86_segment_call(LuThread *t, unsigned row, const uint64_t a[6]);
/* The struct user_desc at `at` as clone with CLONE_SETTLS takes it; false: it cannot be. */
bool lu_x86_set_tls(Cpu *cpu, Gva at);

#endif
