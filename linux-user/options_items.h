/*
 * The items of -d and -no-opt (options.c has the options themselves). One table each.
 * Errors: false, with the reason and the list of items in `err`. "help" prints the list and exits. Threads:
 * as options.h.
 */
#ifndef LINUX_USER_OPTIONS_ITEMS_H
#define LINUX_USER_OPTIONS_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

struct Fmt;
struct LuOptions;

/* A number, decimal or 0x...; suffix: K, M, G, T may follow. */
bool lu_option_u64(const char *s, bool suffix, uint64_t *ret, struct Fmt *err);

bool lu_option_log(struct LuOptions *opt, const char *item, struct Fmt *err);
bool lu_option_no_opt(struct LuOptions *opt, const char *item, struct Fmt *err);

/* The manual page behind the options. */
extern const char lu_man_rest[];

#endif
