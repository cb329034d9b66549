/*
 * What a board, an interrupt controller and another engine (KVM) have to know of an x86 machine's cpu; the
 * only header of target/x86 that they include. docs/adr/0028-x86-machines.md
 *
 * Inputs of TargetSys.set_irq(cpu, n, level) are X86Input. INTR is a level: there is an interrupt that the
 * cpu may take, of its local APIC or, by virtual wire, of the PIC; then CpuBoard.acknowledge names it. NMI,
 * SMI and INIT are latched by a rising level. A20M is a level: up, address line 20 is 0 (cpus begin with it
 * down).
 * Registers that the local APIC has come by CpuBoard.device_reg() with the number of their MSR, and CR8
 * (bits 7..4 of the task priority) as X86_REG_CR8; false: #GP. They are IA32_APIC_BASE, 0x6e0 (TSC deadline)
 * and 0x800 to 0x8ff (x2APIC). The bootstrap processor is number 0; others wait for SIPI after reset.
 * Time: CpuBoard.time() and alarm() are in units of 1 / X86_TSC_HZ s, from power-on; the TSC counts in them,
 * too, but where it has the rate of a host's.
 * Port I/O: CpuBoard.port(). Where nothing answers, reads give all ones, of memory too (TargetSys.bus_error
 * is not called).
 * Triple fault and shutdown: CpuBoard.power(CPU_POWER_RESET).
 */
#ifndef TARGET_X86_X86_MACHINE_H
#define TARGET_X86_X86_MACHINE_H

#include "target/mem.h"

typedef enum X86Input {
    X86_IN_INTR,
    X86_IN_NMI,
    X86_IN_SMI,
    X86_IN_INIT,
    X86_IN_A20M,
    X86_IN_SIPI = 256, /* + vector, 0 to 255: starts a cpu that waits for it at vector << 12 */
} X86Input;

/* CPUID as a machine's cpu shows it now: eax, ebx, ecx, edx. */
void x86_machine_cpuid(Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t ret[4]);

enum { X86_REG_CR8 = 0x10000 }; /* CpuBoard.device_reg */
enum { X86_TSC_HZ = 1000000000 };

#endif
