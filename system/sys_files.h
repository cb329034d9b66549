/* Files of this computer that options name; where firmware is: where -L says, then where Debian has it. */
#ifndef SYSTEM_SYS_FILES_H
#define SYSTEM_SYS_FILES_H

#include "system/sys_options.h"

/* A name without folder is looked for; what is not found stays as it is. The caller frees it. */
char *sys_file_find(const SysOptions *o, const char *name);
/* A regular file, to read; the caller unrefs it. NULL: err says why. */
GMappedFile *sys_file_map(const char *path, GError **err);
/* A short text, from a pipe, too, with a zero behind its *ret_n bytes (ret_n may be NULL); the caller frees
 * it. NULL: it cannot be read, or does not end within SYS_FILE_TEXT_MOST bytes. */
enum { SYS_FILE_TEXT_MOST = 1 << 20 };
char *sys_file_text(const char *path, gsize *ret_n, GError **err);
/* Writes a file in place: a device or a pipe stays one (a pipe that nobody reads is an error). */
bool sys_file_write(const char *path, const void *bytes, size_t n, GError **err);

#endif
