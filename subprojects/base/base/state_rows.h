/*
 * StateField: which parts of a struct are its state, one row a member, and their text: `name=hex,hex` a line.
 *
 * What a row of kind STATE_SAME holds is written, too, and a text with another value is refused: it is
 * configuration that the state depends on. STATE_NOT rows say which members are no state; with them a table
 * covers its struct, which tests check. Texts may be hostile: whoever reads checks what the values mean.
 * Threads: the struct's owner.
 */
#ifndef BASE_STATE_ROWS_H
#define BASE_STATE_ROWS_H

#include "base/bits.h"
#include "base/fmt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum StateKind { STATE_SAVED, STATE_SAME, STATE_NOT } StateKind;

typedef struct StateField {
    const char *name;
    uint32_t offset;
    uint16_t size, count; /* bytes of an element (1, 2, 4, 8; STATE_NOT: any), elements */
    uint8_t kind;         /* StateKind */
} StateField;

/* Rows. S is the struct. WORDS: of a member that is made of words of 8 bytes. */
#define STATE_FIELD(S, member) {#member, offsetof(S, member), sizeof(((S *)0)->member), 1, STATE_SAVED}
#define STATE_ARRAY(S, member)                                                                               \
    {                                                                                                        \
#member, offsetof(S, member), sizeof(((S *)0)->member[0]), ARRAY_SIZE(((S *)0)->member), STATE_SAVED \
    }
#define STATE_WORDS(S, member) {#member, offsetof(S, member), 8, sizeof(((S *)0)->member) / 8, STATE_SAVED}
#define STATE_EQUAL(S, member) {#member, offsetof(S, member), sizeof(((S *)0)->member), 1, STATE_SAME}
#define STATE_NONE(S, member)  {#member, offsetof(S, member), sizeof(((S *)0)->member), 1, STATE_NOT}

void state_save(const StateField *f, unsigned n, const void *from, Fmt *out);
/* Of the text at *at, which moves on. False: *ret_bad is the row that is missing, or no value of it. */
bool state_load(const StateField *f, unsigned n, void *to, const char **at, const StateField **ret_bad);
/* Is the text there? Then *at moves on. */
bool state_take(const char **at, const char *text);
bool state_take_hex(const char **at, uint64_t *ret);

#endif
