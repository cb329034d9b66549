/* Entry and exceptions of a bare-metal test for AArch32; a32_bare.h has the contract. An exception notes what it
 * finds in `seen` and goes on behind the call of run() in Supervisor mode. */
    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm
#define SEEN_SPSR 0
#define SEEN_LR 4
#define SEEN_CPSR 8
#define SEEN_VECTOR 12
#define SEEN_VALUE 16
#define SEEN_DFSR 20
#define SEEN_DFAR 24
#define SEEN_IFSR 28
#define SEEN_IFAR 32

    .section .text.start, "ax"
    .globl _start
_start:
    cpsid aif, #19
    ldr sp, =stacks_end
    cpsid aif, #23
    ldr sp, =stack_abt
    cpsid aif, #27
    ldr sp, =stack_und
    cpsid aif, #18
    ldr sp, =stack_irq
    cpsid aif, #17
    ldr sp, =stack_fiq
    cpsid aif, #19
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0
    bl test
    bl finish

    .balign 32
vectors:
    b .
    b vector_und
    b vector_svc
    b vector_pabt
    b vector_dabt
    b .
    b vector_irq
    b vector_fiq

    .macro vector name, number
vector_\name:
    push {r0, r1, r2}
    mov r2, #\number
    b note
    .endm
    vector und, 4
    vector svc, 8
    vector pabt, 12
    vector dabt, 16
    vector irq, 24
    vector fiq, 28
note:
    ldr r1, =seen
    str r2, [r1, #SEEN_VECTOR]
    mrs r0, spsr
    str r0, [r1, #SEEN_SPSR]
    str lr, [r1, #SEEN_LR]
    mrs r0, cpsr
    str r0, [r1, #SEEN_CPSR]
    ldr r0, [sp]
    str r0, [r1, #SEEN_VALUE]
    mrc p15, 0, r0, c5, c0, 0
    str r0, [r1, #SEEN_DFSR]
    mrc p15, 0, r0, c6, c0, 0
    str r0, [r1, #SEEN_DFAR]
    mrc p15, 0, r0, c5, c0, 1
    str r0, [r1, #SEEN_IFSR]
    mrc p15, 0, r0, c6, c0, 2
    str r0, [r1, #SEEN_IFAR]
    add sp, sp, #12
    cpsid aif, #19
    ldr r1, =resume_sp
    ldr sp, [r1]
    pop {r4-r11, pc}

    .text
/* run_at(fn, a0, a1, spsr): in that mode */
    .globl run_at
run_at:
    push {r4-r11, lr}
    ldr r4, =resume_sp
    str sp, [r4]
    mov r12, r0
    mov r0, r1
    mov r1, r2
    and r5, r3, #31
    cmp r5, #16
    moveq r5, #31
    mrs r6, cpsr
    bic r7, r6, #31
    orr r7, r7, r5
    ldr r4, =stub /* not a register that Fast Interrupt mode has */
    msr cpsr_c, r7
    cmp r5, #31
    ldreq sp, =stack_usr
    mov lr, r4
    msr cpsr_c, r6
    msr spsr_cxsf, r3
    movs pc, r12
    .globl stub
stub:
    svc #0x7e57

    .macro op name, text:vararg
    .globl op_\name
op_\name:
    \text
    bx lr
    .endm
    op ldr, ldr r0, [r0]
    op str, str r1, [r0]
    op ldrb, ldrb r0, [r0]
    op strb, strb r1, [r0]
    op ldrd, ldrd r2, r3, [r0]
    op ldm, ldmia r0, {r1, r2}
    op ldrt, ldrt r0, [r0]
    op strt, strt r1, [r0]
    op svc, svc 0x1234
    op bkpt, bkpt 0x12
    op udf, udf 0x12
    op vadd, vadd.f32 s0, s0, s0
    op vmrs_fpscr, vmrs r0, fpscr
    op vmrs_fpexc, vmrs r0, fpexc
    op mrc_sctlr, mrc p15, 0, r0, c1, c0, 0
    op mrc_tpidrurw, mrc p15, 0, r0, c13, c0, 2
    op mcr_tpidruro, mcr p15, 0, r0, c13, c0, 3
    op mrrc_cntvct, mrrc p15, 1, r0, r1, c14
    op mrc_cntfrq, mrc p15, 0, r0, c14, c0, 0
    op mrs_spsr, mrs r0, spsr
    op cpsie, cpsie aif
    op mrs_cpsr, mrs r0, cpsr
    op msr_mode, msr cpsr_c, r0
    op jump, bx r0
    op wfi, wfi
    op hvc_high, hvc 1

/* Exception return by LDM, RFE; SRS: r0 an area of four words, whose place the next function is behind */
    .globl op_ldm_return, op_rfe, op_srs, op_user_regs, op_banked
op_ldm_return: /* to stub, with the SPSR in r1 */
    msr spsr_cxsf, r1
    str lr, [r0, #4]
    mov r2, #0x77
    str r2, [r0]
    ldm r0, {r0, pc}^
op_rfe:
    str lr, [r0]
    str r1, [r0, #4]
    mov r2, r0
    mov r0, #0x78
    rfeia r2
op_srs: /* SRS to the stack of System mode, which ends up in r0[0], r0[1]; the distance is returned */
    mov r12, lr
    msr spsr_cxsf, r1
    mrs r3, cpsr
    cps #31
    mov r2, sp
    add sp, r0, #8
    msr cpsr_c, r3
    mov lr, #0x99
    srsdb sp!, #31
    cps #31
    sub r0, sp, r0
    mov sp, r2
    msr cpsr_c, r3
    bx r12
op_user_regs: /* LDM and STM of User mode's SP and LR: r0 an area of four words */
    mrs r3, cpsr
    cps #31
    mov r1, sp
    mov r2, lr
    msr cpsr_c, r3
    stm r0, {r1, r2}
    ldm r0, {sp, lr}^
    nop
    add r1, r0, #8
    stm r1, {sp, lr}^
    mov r0, #0
    bx lr
op_banked: /* MRS and MSR of SP_irq from here: r0 a value; the former one */
    mrs r1, SP_irq
    msr SP_irq, r0
    mrs r0, SP_irq
    msr SP_irq, r1
    bx lr

    .thumb
    .macro top name, text:vararg
    .globl op_t_\name
    .thumb_func
op_t_\name:
    \text
    bx lr
    .endm
    top svc, svc 0x12
    top udf, udf 0x12
    top ldr, ldr r0, [r0]
    .globl op_t_it_ldr
    .thumb_func
op_t_it_ldr:
    cmp r0, r0
    itt eq
    moveq r1, r1
    ldreq r0, [r0]
    bx lr
    top wide_udf, udf.w 0x12
    top mrs, mrs r0, cpsr
    .arm

    .section .note.GNU-stack, "", %progbits
    .bss
    .balign 8
    .space 1024
stack_abt:
    .space 1024
stack_und:
    .space 1024
stack_irq:
    .space 1024
stack_fiq:
    .space 1024
stack_usr:
    .globl resume_sp
resume_sp:
    .space 4
