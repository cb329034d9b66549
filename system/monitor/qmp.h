/*
 * Qmp: the monitor for programs: JSON objects on a chardev, one command an object, and events.
 *
 * The rows of qmp_schema.def are all that exists: arguments are checked against them, query-qmp-schema prints
 * them, and tests check the answers. Threads: the main thread.
 */
#ifndef SYSTEM_MONITOR_QMP_H
#define SYSTEM_MONITOR_QMP_H

#include "system/vm.h"

typedef struct Qmp Qmp;

Qmp *qmp_new(Vm *vm, Chardev *c, bool pretty, GError **err);
void qmp_free(Qmp *q);

/* A command. False: err. *ret: the answer; left NULL it is {}. */
typedef bool QmpFn(Qmp *q, JsonObject *args, JsonNode **ret, GError **err);
typedef struct QmpCommand {
    const char *name, *args, *ret;
    QmpFn *run;
} QmpCommand;

Vm *qmp_vm(const Qmp *q);
void qmp_negotiated(Qmp *q);
const QmpCommand *qmp_find(const char *name);
const QmpCommand *qmp_command_at(unsigned n); /* NULL behind the last */
/* Are these the arguments of the command? */
bool qmp_check_args(const QmpCommand *c, JsonObject *args, GError **err);
JsonNode *qmp_object_node(JsonObject *o); /* takes it */
JsonNode *qmp_array_node(JsonArray *a);
JsonNode *qmp_text_node(const char *text);
/* The arguments in the grammar of the command line, which has the same keys. NULL: err. */
KeyVals *qmp_keys(const char *what, JsonObject *args, GError **err);

#define QMP_STRUCT(name, members)
#define QMP_ENUM(name, values)
#define QMP_EVENT(name, members)
#define QMP_COMMAND(name, args, ret, fn) QmpFn fn;
#include "system/monitor/qmp_schema.def"
#undef QMP_STRUCT
#undef QMP_ENUM
#undef QMP_EVENT
#undef QMP_COMMAND

#endif
