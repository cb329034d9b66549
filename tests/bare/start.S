/* Entry, traps and changes of level of a bare-metal test; bare.h has the contract.
 * A frame is x1 .. x31 at 8 * n, then pc, cause, tval, status. mscratch has the hart's frame. */
#define FRAME_PC 256
#define FRAME_CAUSE 264
#define FRAME_TVAL 272
#define FRAME_STATUS 280
#define FRAME_BYTES 320
#define MSTATUS_FS 0x6000

    .section .text.start, "ax"
    .globl _start
_start:
    csrr s0, mhartid
    la sp, stacks_end
    slli t1, s0, 14
    sub sp, sp, t1
    la t0, trap_entry
    csrw mtvec, t0
    la t0, frames
    li t1, FRAME_BYTES
    mul t1, t1, s0
    add t0, t0, t1
    csrw mscratch, t0
    li t0, MSTATUS_FS
    csrs mstatus, t0
    mv a0, s0
    bnez s0, 1f
    call bare_start
1:  call bare_other
2:  wfi
    j 2b

    .text
    .align 2
trap_entry:
    csrrw x31, mscratch, x31
    sd x1, 8(x31)
    sd x2, 16(x31)
    sd x3, 24(x31)
    sd x4, 32(x31)
    sd x5, 40(x31)
    sd x6, 48(x31)
    sd x7, 56(x31)
    sd x8, 64(x31)
    sd x9, 72(x31)
    sd x10, 80(x31)
    sd x11, 88(x31)
    sd x12, 96(x31)
    sd x13, 104(x31)
    sd x14, 112(x31)
    sd x15, 120(x31)
    sd x16, 128(x31)
    sd x17, 136(x31)
    sd x18, 144(x31)
    sd x19, 152(x31)
    sd x20, 160(x31)
    sd x21, 168(x31)
    sd x22, 176(x31)
    sd x23, 184(x31)
    sd x24, 192(x31)
    sd x25, 200(x31)
    sd x26, 208(x31)
    sd x27, 216(x31)
    sd x28, 224(x31)
    sd x29, 232(x31)
    sd x30, 240(x31)
    mv a0, x31
    csrrw x31, mscratch, x31
    sd x31, 248(a0)
    csrr t0, mepc
    sd t0, FRAME_PC(a0)
    csrr t0, mcause
    sd t0, FRAME_CAUSE(a0)
    csrr t0, mtval
    sd t0, FRAME_TVAL(a0)
    csrr t0, mstatus
    sd t0, FRAME_STATUS(a0)
    li t1, 0x20000 /* what the handler reads it reads as M */
    csrc mstatus, t1
    csrr t0, mhartid
    la sp, stacks_end - 8192
    slli t1, t0, 14
    sub sp, sp, t1
    mv s1, a0
    call bare_trap
    mv x31, s1
    ld t0, FRAME_PC(x31)
    csrw mepc, t0
    ld t0, FRAME_STATUS(x31)
    csrw mstatus, t0
    ld x1, 8(x31)
    ld x2, 16(x31)
    ld x3, 24(x31)
    ld x4, 32(x31)
    ld x5, 40(x31)
    ld x6, 48(x31)
    ld x7, 56(x31)
    ld x8, 64(x31)
    ld x9, 72(x31)
    ld x10, 80(x31)
    ld x11, 88(x31)
    ld x12, 96(x31)
    ld x13, 104(x31)
    ld x14, 112(x31)
    ld x15, 120(x31)
    ld x16, 128(x31)
    ld x17, 136(x31)
    ld x18, 144(x31)
    ld x19, 152(x31)
    ld x20, 160(x31)
    ld x21, 168(x31)
    ld x22, 176(x31)
    ld x23, 184(x31)
    ld x24, 192(x31)
    ld x25, 200(x31)
    ld x26, 208(x31)
    ld x27, 216(x31)
    ld x28, 224(x31)
    ld x29, 232(x31)
    ld x30, 240(x31)
    ld x31, 248(x31)
    mret

/* uint64_t bare_enter(fn, a0, a1, status bits: MPP and others, offset of the stack) */
    .globl bare_enter
bare_enter:
    addi sp, sp, -128
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    sd gp, 104(sp)
    sd tp, 112(sp)
    csrr t0, mhartid
    slli t0, t0, 3
    la t1, bare_resume_sp
    add t1, t1, t0
    sd sp, 0(t1)
    csrw mepc, a0
    li t0, 0x1800 | 0x80 | 0x60000 | 0x80000 /* MPP, MPIE, MPRV, SUM, MXR */
    csrc mstatus, t0
    csrs mstatus, a3
    la ra, bare_leave
    add ra, ra, a4
    add sp, sp, a4
    mv a0, a1
    mv a1, a2
    mret
    .globl bare_back
bare_back: /* sp is bare_resume_sp again */
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    ld gp, 104(sp)
    ld tp, 112(sp)
    addi sp, sp, 128
    ret
bare_leave:
    li a7, 0x7e57
    ecall
    .align 2
    .globl bare_s_trap
bare_s_trap: /* a handler of the supervisor: tells M that it was reached */
    li a7, 0x7e58
    ecall

/* One access each, the first instruction: (address, value). */
    .macro op name, insn:vararg
    .globl op_\name
    .align 2
op_\name:
    \insn
    ret
    .endm
    op lb, lb a0, 0(a0)
    op lbu, lbu a0, 0(a0)
    op lh, lh a0, 0(a0)
    op lhu, lhu a0, 0(a0)
    op lw, lw a0, 0(a0)
    op lwu, lwu a0, 0(a0)
    op ld, ld a0, 0(a0)
    op sb, sb a1, 0(a0)
    op sh, sh a1, 0(a0)
    op sw, sw a1, 0(a0)
    op sd, sd a1, 0(a0)
    op fld, fld fa0, 0(a0)
    op fsd, fsd fa0, 0(a0)
    op amoadd, amoadd.d a0, a1, (a0)
    op amoswap, amoswap.w a0, a1, (a0)
    op amomax, amomax.d a0, a1, (a0)
    op lr, lr.d a0, (a0)
    op sc, sc.d a0, a1, (a0)
    op ecall, ecall
    op ebreak, ebreak
    op illegal, .word 0
    op mret, mret
    op sret, sret
    op wfi, wfi
    op sfence, sfence.vma
    op satp, csrr a0, satp
    op nop, nop
    .globl op_jump
op_jump:
    jr a0

    .bss
    .align 6
    .globl frames
frames: .skip FRAME_BYTES * 8
