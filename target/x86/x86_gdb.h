/* Registers of x86 for debuggers (x86_gdb.c). */
#ifndef TARGET_X86_X86_GDB_H
#define TARGET_X86_X86_GDB_H

#include "target/target.h"

extern const TargetGdb x86_gdb64, x86_gdb32;
/* Types of vector registers: XML of a target description. */
extern const char x86_gdb_vec_types[];

#endif
