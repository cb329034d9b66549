/*
 * FpFaults: SIGFPE of the host in the threads of a machine's cpus. Code of a guest with IR_NAN_ARM leaves it
 * to the host to notice operations that it has to do exactly (docs/adr/0015-arm-nan-by-trap.md).
 *
 * Ownership: an FpFaults belongs to its thread, from fp_faults_begin() to fp_faults_end(); meanwhile
 * ThreadSelf.owner is the cpu. A SIGFPE that is none of generated code ends the process, with one line.
 * Threads: the cpu's own.
 */
#ifndef SYSTEM_FP_FAULTS_H
#define SYSTEM_FP_FAULTS_H

#include "accel/accel.h"

#include <glib.h>

typedef struct FpFaults {
    void *stack; /* the thread's alternate one */
} FpFaults;

/* This thread runs `cpu` from now on. */
void fp_faults_begin(FpFaults *f, Cpu *cpu);
void fp_faults_end(FpFaults *f);

#endif
