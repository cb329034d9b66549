/* The guest of kvm_arm64.c: EL1, MMU off, at 0x40000000; x19 is an address where there is nothing,
 * x24 the version of the GIC. */
    .section .rodata
    .globl guest_code, guest_code_end
    .balign 4096
guest_code:
    mov x19, #0x10000000
    mov w0, #0x1234
    str w0, [x19]
    ldr w1, [x19, #8] /* 0x1234 + 7 */
    strh w1, [x19, #16]
    mov x0, #(1 << 20)
1:  subs x0, x0, #1
    b.ne 1b
    /* exceptions: interrupts only */
    adr x0, vectors
    msr vbar_el1, x0
    mov x20, #0x08000000
    cmp x24, #2
    b.ne 5f
    /* version 2: distributor, cpu's interface */
    mov w0, #1
    str w0, [x20]
    mov w0, #(1 << 27)
    str w0, [x20, #0x100] /* the virtual timer */
    mov w1, #0x10000
    add x21, x20, x1
    mov w0, #0xf0
    str w0, [x21, #4]
    mov w0, #1
    str w0, [x21]
    b 6f
5:  /* the redistributor, then the distributor, the cpu's interface */
    mov w0, #0x12 /* affinity routing, group 1 */
    str w0, [x20]
    mov w1, #0xa0000
    add x21, x20, x1
    ldr w0, [x21, #0x14] /* GICR_WAKER.ProcessorSleep */
    bic w0, w0, #2
    str w0, [x21, #0x14]
    add x21, x21, #0x10000
    mov w0, #-1
    str w0, [x21, #0x80]  /* all group 1 */
    mov w0, #(1 << 27)
    str w0, [x21, #0x100] /* the virtual timer */
    mrs x0, s3_0_c12_c12_5 /* ICC_SRE_EL1 */
    orr x0, x0, #1
    msr s3_0_c12_c12_5, x0
    isb
    mov x0, #0xf0
    msr s3_0_c4_c6_0, x0
    mov x0, #1
    msr s3_0_c12_c12_7, x0 /* ICC_IGRPEN1_EL1 */
    isb
6:  mov x22, #0
2:  mrs x0, cntfrq_el0
    lsr x0, x0, #7
    msr cntv_tval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    isb
3:  msr daifset, #2
    cbnz x23, 4f
    wfi
    msr daifclr, #2
    isb
    b 3b
4:  mov x23, #0
    add x22, x22, #1
    cmp x22, #5
    b.ne 2b
    str x22, [x19, #24]
    mov w0, #0x600d
    str w0, [x19, #32]
    movz x0, #0x8400, lsl #16
    add x0, x0, #8 /* SYSTEM_OFF */
    hvc #0
    b .
    .balign 2048
vectors:
    .skip 0x280
    cmp x24, #2
    b.ne 7f
    ldr w0, [x21, #12] /* GICC_IAR */
    b 8f
7:  mrs x0, s3_0_c12_c12_0 /* ICC_IAR1_EL1 */
8:
    mov x23, #1
    mov x1, #0
    msr cntv_ctl_el0, x1
    isb
    str w0, [x19, #40]
    cmp x24, #2
    b.ne 9f
    str w0, [x21, #16] /* GICC_EOIR */
    eret
9:  msr s3_0_c12_c12_1, x0
    eret
    .balign 2048
guest_code_end:
