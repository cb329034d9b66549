/*
 * KeyVals: the text of one option as keys and values, in QEMU's grammar: `a=b,c=d,e`, two commas for one, or
 * JSON, whose objects become keys with dots (`{"file": {"driver": "file"}}` is `file.driver=file`).
 *
 * Who reads it asks for each key that he knows; key_vals_done() then refuses what nobody asked for, naming
 * the nearest key that somebody did. So the keys of an option stand nowhere else.
 * Ownership: the caller's; values live as long as the object. Threads: one.
 */
#ifndef SYSTEM_KEY_VALS_H
#define SYSTEM_KEY_VALS_H

#include "system/sys_error.h"

#include <inttypes.h>

typedef struct KeyVals KeyVals;

/* what: the option, for errors ("-drive"). implied: the key of a first word without one; may be NULL. */
KeyVals *key_vals_parse(const char *what, const char *text, const char *implied, GError **err);
KeyVals *key_vals_new(const char *what); /* empty */
void key_vals_free(KeyVals *kv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyVals, key_vals_free)

void key_vals_add(KeyVals *kv, const char *key, const char *value);
/* NULL: not given. The last of several counts. */
const char *key_vals_get(KeyVals *kv, const char *key);
/* These leave *io as it is when the key is not there. */
bool key_vals_bool(KeyVals *kv, const char *key, bool *io, GError **err);
bool key_vals_u64(KeyVals *kv, const char *key, uint64_t most, uint64_t *io, GError **err);
bool key_vals_size(KeyVals *kv, const char *key, uint64_t *io, GError **err); /* with k, M, G, T */
/* One of n words, as its number. */
bool key_vals_word(KeyVals *kv, const char *key, const char *const *words, unsigned n, unsigned *io,
                   GError **err);
/* What stands below `prefix.`; NULL: nothing does. The caller frees it. */
KeyVals *key_vals_below(KeyVals *kv, const char *prefix);
/* Is something below it? Asks for nothing. */
bool key_vals_has_below(const KeyVals *kv, const char *prefix);
/* What nobody has asked for, one after the other; *at begins with 0. Counts as asked for. */
bool key_vals_rest(KeyVals *kv, unsigned *at, const char **ret_key, const char **ret_value);
/* False: a key is left that nobody asked for. */
bool key_vals_done(const KeyVals *kv, GError **err);
/* What counts where the key was not said. */
void key_vals_default(KeyVals *kv, const char *key, const char *value);
const char *key_vals_what(const KeyVals *kv);

/* A number of bytes: "10", "4k", "1.5G". */
bool parse_size(const char *text, uint64_t *ret);

#endif
