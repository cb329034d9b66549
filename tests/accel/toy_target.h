/*
 * toy target: a small guest ISA, to test accel without an ISA's own complications. Several instructions
 * have many effects, so that one may fault half-way. Register numbers count modulo 8.
 *
 * Instructions are 4 bytes {op, a, b, imm} with imm signed; registers are r0..r7 of 64 bits.
 *   ADDI ra = rb + imm          ADD  ra = ra + rb        BNE  if ra != rb: pc += 4 * imm
 *   LD   ra = [rb + imm]        ST   [rb + imm] = ra     CALL ra = pc + 4, pc += 4 * imm   (flow CALL)
 *   JR   pc = ra                RAISE exit of kind imm, before it      LEAVE exit of kind imm, after it
 *   LDP  ra, rb = [rb], [rb + 8]: two loads, so the second may fault after the first
 *   POST ra = [rb], rb += imm   POP  ra, ra+1, ra+2 = [rb], [rb + 8], [rb + 16], rb += 24 (rb wins)
 *   STP  [rb] = ra, [rb + 8] = ra+1                       MUL  ra = ra * rb
 *   FADD ra = [rb], [rb] += ra, atomically                MOVX ra = [rb], [rb + 8] = ra, ra+1 = old ra
 *   FDIV ra = ra / rb as doubles                          F2I  ra = integer of the double rb, toward zero
 *   CMP  flags of ra - rb ADDS ra = ra + rb, with flags ADCS ra = ra + rb + carry, with flags
 *   SBCS ra = ra - rb - !carry, with flags  ADC  ra = ra + rb + carry
 *   TST  flags of ra & rb CCMP if cond imm & 15: flags of ra - rb, else the constant tt_nzcv(imm)
 *   NZC  N and Z of ra & rb, C = bit imm & 31 of rb, or as it was if imm < 0; V as it was
 *   CSEL ra = cond imm ? ra : rb         BCC  if cond a: pc += 4 * imm      (cond: IrFlCond)
 *   WIDE ra = sum of k * [rb + 8 * (k & 7)] for k < 2 * imm, all loaded before any is added: more values than
 *   registers
 *   INC  [ra] += 1, not atomic by itself: with CTX_PARALLEL it asks for CPU_EXIT_EXCLUSIVE
 */
#ifndef TESTS_ACCEL_TOY_TARGET_H
#define TESTS_ACCEL_TOY_TARGET_H

#include "target/target.h"

enum { TT_ADDI, TT_ADD, TT_BNE, TT_LD, TT_ST, TT_CALL, TT_JR, TT_RAISE, TT_LEAVE, TT_LDP, TT_INC,
       TT_POST, TT_POP, TT_STP, TT_MUL, TT_FADD, TT_MOVX, TT_FDIV, TT_F2I,
       TT_CMP, TT_ADDS, TT_ADCS, TT_SBCS, TT_ADC, TT_TST, TT_NZC, TT_CCMP, TT_CSEL, TT_BCC, TT_WIDE, TT_OPS };

typedef struct TtCpu {
    Cpu cpu;
    uint64_t r[8]; /* r1 and r2 are not pinned */
    uint16_t fl;   /* N Z C V as IR_FL_* bits */
} TtCpu;

enum { TT_FL = IR_FL_N | IR_FL_Z | IR_FL_C | IR_FL_V };
static inline uint16_t tt_nzcv(int8_t imm)
{
    return (uint16_t)((imm & 16 ? IR_FL_N : 0) | (imm & 32 ? IR_FL_Z : 0) | (imm & 64 ? IR_FL_C : 0) |
                      (imm & 128 ? IR_FL_V : 0));
}

typedef struct TtInsn {
    uint8_t op, a, b;
    int8_t imm;
} TtInsn;

extern const TargetOps target_toy;
extern const TargetOps target_toy_arm; /* the same with IR_NAN_ARM */

#endif
