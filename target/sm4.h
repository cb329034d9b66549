/*
 * The substitution of SM4 (GB/T 32907-2016), for the cipher's instructions of Arm and RISC-V.
 * A pure function; any thread.
 */
#ifndef TARGET_SM4_H
#define TARGET_SM4_H

#include <stdint.h>

uint8_t sm4_sub(uint8_t byte);

#endif
