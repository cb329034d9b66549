/* Where firmware is on this computer: where -L says, then where Debian has it. */
#ifndef SYSTEM_SYS_FILES_H
#define SYSTEM_SYS_FILES_H

#include "system/sys_options.h"

/* A name without folder is looked for; what is not found stays as it is. The caller frees it. */
char *sys_file_find(const SysOptions *o, const char *name);

#endif
