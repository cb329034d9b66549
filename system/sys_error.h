/*
 * Errors for the user: one line that names what was not understood and the nearest that would be.
 *
 * Threads: any.
 */
#ifndef SYSTEM_SYS_ERROR_H
#define SYSTEM_SYS_ERROR_H

#include "base/bits.h" /* before GLib, which has the same names */

#include <glib.h>
#include <stdbool.h>

#define SYS_ERROR g_quark_from_static_string("tinamou-system")
/* Sets the error; always false. */
bool sys_fail(GError **err, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same: what was named is not there (QMP tells such errors apart). */
bool sys_fail_missing(GError **err, const char *format, ...) G_GNUC_PRINTF(2, 3);
enum { SYS_ERROR_MISSING = -1, SYS_ERROR_NOT_ACTIVE = -2 }; /* codes of such */
/* The same with ": " and the text of errno's value behind. */
bool sys_fail_errno(GError **err, int number, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* To be called before any file is opened: a standard descriptor that is closed becomes /dev/null. Else the
 * next file gets its number, and messages and the guest's console are written into it: a disk, say. */
void sys_hold_std_fds(void);
/* Of n words (NULL ends them too) the one nearest to this; NULL: there is none. */
const char *sys_nearest(const char *word, const char *const *words, unsigned n);

#endif
