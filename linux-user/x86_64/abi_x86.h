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

/* Is pc on int 0x80? In 64-bit programs, too, that makes a call of i386. */
bool lu_x86_at_int80(const Cpu *cpu);
/* modify_ldt, set_thread_area, get_thread_area (LuAbi.own_call); -ENOSYS: another call. */
long lu_x86_segment_call(LuThread *t, unsigned row, const uint64_t a[6]);
/* The struct user_desc at `at` as clone with CLONE_SETTLS takes it; false: it cannot be. */
bool lu_x86_set_tls(Cpu *cpu, Gva at);

#endif
