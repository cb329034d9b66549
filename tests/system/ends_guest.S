/* A bare program that ends its machine in one way (BY) and goes on at once: behind a call of a host or firmware to its
 * serial port, where a byte that comes out was sent by an instruction behind the end; behind a write to a device with
 * other ends of the same kind. */
#define TEST      1 /* RISC-V: the test device, VALUE is what is written to it */
#define SEMIHOST  2 /* SYS_EXIT, or SYS_EXIT_EXTENDED, with the status VALUE */
#define FIRMWARE  3 /* Arm: PSCI's SYSTEM_OFF */
#define MULTIPLE  8 /* instructions in a row, all of which one translation can hold */

.section .start, "ax"
.globl _start
_start:
#if defined(__riscv)
    csrr t0, mhartid
2:  bnez t0, 2b
    li t2, 0x10000000
    li t3, 'X'
#if BY == TEST
    li t0, 0x100000
    li t1, VALUE
    sw t1, 0(t0)
    li t1, 0x5555
    li t2, 0x7777
    li t3, 38 << 16 | 0x3333
1:  sw t2, 0(t0)
    sw t3, 0(t0)
    sw t1, 0(t0)
    j 1b
#else
    li a0, 0x18
    la a1, reason
    .balign 16
    .option push
    .option norvc
    slli x0, x0, 0x1f
    ebreak
    srai x0, x0, 7
    .option pop
    .rept MULTIPLE
    sb t3, 0(t2)
    .endr
1:  sb t3, 0(t2)
    j 1b
#endif
#elif defined(__aarch64__)
    mov x2, #0x09000000
    mov w3, #'X'
#if BY == FIRMWARE
    ldr w0, =0x84000008
    hvc #0
#else
    mov w0, #0x18
    ldr x1, =reason
    hlt #0xf000
#endif
    .rept MULTIPLE
    strb w3, [x2]
    .endr
1:  strb w3, [x2]
    b 1b
    .ltorg
#else
    .arch_extension virt
    mov r2, #0x09000000
    mov r3, #'X'
#if BY == FIRMWARE
    ldr r0, =0x84000008
    hvc #0
#else
    mov r0, #0x20
    ldr r1, =reason
    svc #0x123456
#endif
    .rept MULTIPLE
    strb r3, [r2]
    .endr
1:  strb r3, [r2]
    b 1b
    .ltorg
#endif

/* ADP_Stopped_ApplicationExit and the status, which a call in r1 of 32 bits can only give by SYS_EXIT_EXTENDED. */
    .balign 8
reason:
#if defined(__arm__)
    .word 0x20026, VALUE
#else
    .quad 0x20026, VALUE
#endif
