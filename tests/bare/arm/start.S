/* Entry, exceptions and changes of level of a bare-metal test for AArch64; a64_bare.h has the contract.
 * A frame is x0 .. x30 at 8 * n, then sp, elr, spsr, esr, far, vector. tpidr_elN has the cpu's frame of that
 * level, tpidr_el0 its number. */
#define FRAME_SP 248
#define FRAME_ELR 256
#define FRAME_SPSR 264
#define FRAME_ESR 272
#define FRAME_FAR 280
#define FRAME_VECTOR 288
#define FRAME_BYTES 320

    .section .text.start, "ax"
    .globl _start
_start:
    mov x0, #0
    .globl bare_start_other /* by PSCI, x0 = number */
bare_start_other:
    msr tpidr_el0, x0
    ldr x1, =stacks_end
    sub x1, x1, x0, lsl #14
    ldr x2, =frames
    mov x3, #(2 * FRAME_BYTES)
    madd x2, x0, x3, x2
    msr spsel, #1
    mov sp, x1
    mrs x4, CurrentEL
    cmp x4, #8
    b.ne 1f
    msr tpidr_el2, x2
    ldr x3, =vectors_el2
    msr vbar_el2, x3
    msr cptr_el2, xzr
    mov x3, #3
    msr cnthctl_el2, x3
    mov x3, #(1 << 31)
    msr hcr_el2, x3
    mrs x3, midr_el1
    msr vpidr_el2, x3
    mrs x3, mpidr_el1
    msr vmpidr_el2, x3
    ldr x3, =0x30d00800
    msr sctlr_el1, x3
    add x2, x2, #FRAME_BYTES
1:  msr tpidr_el1, x2
    ldr x3, =vectors_el1
    msr vbar_el1, x3
    mov x3, #(3 << 20)
    msr cpacr_el1, x3
    sub x5, x1, #8192 /* SP_EL1, if this is EL2: it has a part of the stack */
    cmp x4, #8
    b.ne 2f
    msr sp_el1, x5
2:  isb
    cbnz x0, 3f
    bl bare_start
3:  bl bare_other
4:  wfi
    b 4b

    .macro entry el, vector
    .balign 128
    msr tpidrro_el0, x30
    mrs x30, tpidr_el\el
    stp x0, x1, [x30]
    mov x0, #\vector
    b trap_el\el
    .endm
    .macro vectors el
    .balign 2048
vectors_el\el:
    entry \el, 0
    entry \el, 1
    entry \el, 2
    entry \el, 3
    entry \el, 4
    entry \el, 5
    entry \el, 6
    entry \el, 7
    entry \el, 8
    entry \el, 9
    entry \el, 10
    entry \el, 11
    entry \el, 12
    entry \el, 13
    entry \el, 14
    entry \el, 15
    .balign 128
trap_el\el:
    str x0, [x30, #FRAME_VECTOR]
    stp x2, x3, [x30, #16]
    stp x4, x5, [x30, #32]
    stp x6, x7, [x30, #48]
    stp x8, x9, [x30, #64]
    stp x10, x11, [x30, #80]
    stp x12, x13, [x30, #96]
    stp x14, x15, [x30, #112]
    stp x16, x17, [x30, #128]
    stp x18, x19, [x30, #144]
    stp x20, x21, [x30, #160]
    stp x22, x23, [x30, #176]
    stp x24, x25, [x30, #192]
    stp x26, x27, [x30, #208]
    stp x28, x29, [x30, #224]
    mrs x0, tpidrro_el0
    mrs x1, sp_el0
    stp x0, x1, [x30, #240]
    mrs x0, elr_el\el
    mrs x1, spsr_el\el
    stp x0, x1, [x30, #FRAME_ELR]
    mrs x0, esr_el\el
    mrs x1, far_el\el
    stp x0, x1, [x30, #FRAME_ESR]
    .endm
    .macro leave el
    mrs x30, tpidr_el\el
    ldp x0, x1, [x30, #FRAME_ELR]
    msr elr_el\el, x0
    msr spsr_el\el, x1
    ldr x0, [x30, #FRAME_SP]
    msr sp_el0, x0
    ldp x0, x1, [x30]
    ldp x2, x3, [x30, #16]
    ldp x4, x5, [x30, #32]
    ldp x6, x7, [x30, #48]
    ldp x8, x9, [x30, #64]
    ldp x10, x11, [x30, #80]
    ldp x12, x13, [x30, #96]
    ldp x14, x15, [x30, #112]
    ldp x16, x17, [x30, #128]
    ldp x18, x19, [x30, #144]
    ldp x20, x21, [x30, #160]
    ldp x22, x23, [x30, #176]
    ldp x24, x25, [x30, #192]
    ldp x26, x27, [x30, #208]
    ldp x28, x29, [x30, #224]
    ldr x30, [x30, #240]
    eret
    .endm

    .text
    vectors 1
    ldr x0, =bare_level
    ldr w0, [x0]
    cmp w0, #2
    b.eq 1f
    msr spsel, #1
    mov x0, x30
    bl bare_trap
    leave 1
1:  mov x0, x30 /* the harness is at EL2: tell it */
    hvc #0x7e58
    leave 1

    vectors 2
    msr spsel, #1
    mov x0, x30
    bl bare_trap
    leave 2

/* (fn, a0, a1, spsr, offset of the alias): calls fn as the SPSR says; a svc 0x7e57 ends it, or any exception. */
    .globl bare_enter
bare_enter:
    stp x29, x30, [sp, #-96]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    mrs x5, tpidr_el0
    ldr x6, =bare_resume_sp
    mov x7, sp
    str x7, [x6, x5, lsl #3]
    sub x7, x7, #4096
    bic x7, x7, #15
    add x7, x7, x4
    msr sp_el0, x7
    ldr x30, =bare_leave
    add x30, x30, x4
    ldr x5, =bare_level
    ldr w5, [x5]
    cmp w5, #2
    b.eq 1f
    msr elr_el1, x0
    msr spsr_el1, x3
    b 2f
1:  msr elr_el2, x0
    msr spsr_el2, x3
2:  mov x0, x1
    mov x1, x2
    eret
    .globl bare_back
bare_back:
    mrs x5, tpidr_el0
    ldr x6, =bare_resume_sp
    ldr x7, [x6, x5, lsl #3]
    mov sp, x7
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp x29, x30, [sp], #96
    ret
bare_leave:
    svc #0x7e57

/* One instruction each, the first of its function: (address, value). */
    .macro op name, insn:vararg
    .globl op_\name
    .balign 4
op_\name:
    \insn
    ret
    .endm
    .arch armv8.5-a
    op ldrb, ldrb w0, [x0]
    op ldrh, ldrh w0, [x0]
    op ldr32, ldr w0, [x0]
    op ldr, ldr x0, [x0]
    op strb, strb w1, [x0]
    op strh, strh w1, [x0]
    op str32, str w1, [x0]
    op str, str x1, [x0]
    op ldp, ldp x0, x2, [x0]
    op stp, stp x1, x1, [x0]
    op ldtr, ldtr x0, [x0]
    op sttr, sttr x1, [x0]
    op ldrq, ldr q0, [x0]
    op strq, str q0, [x0]
    op ldxr, ldxr x0, [x0]
    op stlr, stlr x1, [x0]
    op ldar, ldar x0, [x0]
    op ldadd, ldadd x1, x0, [x0]
    op dc_zva, dc zva, x0
    op dc_civac, dc civac, x0
    op ic_ivau, ic ivau, x0
    op svc, svc #0x1234
    op hvc, hvc #0x4321
    op smc, smc #0x1111
    op brk, brk #0xabcd
    op udf, .word 0
    op hole, .word 0xe7ffffff
    op fmov, fmov d0, d1
    op mrs_fpcr, mrs x0, fpcr
    op mrs_ctr, mrs x0, ctr_el0
    op mrs_sctlr, mrs x0, sctlr_el1
    op msr_sctlr, msr sctlr_el1, x0
    op mrs_hcr, mrs x0, hcr_el2
    op mrs_far, mrs x0, far_el1
    op msr_esr, msr esr_el1, x1
    op mrs_midr, mrs x0, midr_el1
    op mrs_mpidr, mrs x0, mpidr_el1
    op mrs_pfr0, mrs x0, id_aa64pfr0_el1
    op mrs_cntvct, mrs x0, cntvct_el0
    op mrs_cntpct, mrs x0, cntpct_el0
    op mrs_cntpctl, mrs x0, cntp_ctl_el0
    op mrs_daif, mrs x0, daif
    op daifset, msr daifset, #3
    op mrs_currentel, mrs x0, CurrentEL
    op msr_actlr, msr actlr_el1, x0
    op mrs_contextidr, mrs x0, contextidr_el1
    op msr_contextidr, msr contextidr_el1, x0
    op tlbi, tlbi vmalle1
    op wfi, wfi
    op wfe, wfe
    op eret, eret
    op nop, nop
    op mrs_pmccntr, mrs x0, pmccntr_el0
    op dc_isw, dc isw, x0
    .globl op_jump, op_sp, op_push
op_jump:
    br x0
op_sp: /* a load by sp + x0 */
    mov x2, sp
    mov sp, x0
    ldr x3, [sp]
    mov sp, x2
    mov x0, x3
    ret

    .bss
    .balign 64
    .globl frames
frames: .skip FRAME_BYTES * 16
