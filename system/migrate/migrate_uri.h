/* Where a migration's stream goes or comes from: descriptors by URI. The caller closes them. -1: err. */
#ifndef SYSTEM_MIGRATE_MIGRATE_URI_H
#define SYSTEM_MIGRATE_MIGRATE_URI_H

#include "system/sys_error.h"

int migrate_open_out(const char *uri, GError **err);
/* *ret_listens: the stream comes by the first connection that accept(2) gives. */
int migrate_open_in(const char *uri, bool *ret_listens, GError **err);

#endif
