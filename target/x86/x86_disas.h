/* One line of assembler for an instruction, in Intel's syntax as GNU objdump -M intel has it. Prefixes
 * without a meaning are not printed. */
#ifndef TARGET_X86_X86_DISAS_H
#define TARGET_X86_X86_DISAS_H

#include "target/target.h"

/* Returns the length; 0: more bytes are needed. What is no instruction is "(bad)", of one byte. */
unsigned x86_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);
unsigned x86_disas32(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap); /* 32-bit mode */

#endif
