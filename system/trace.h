/*
 * Trace: `-trace PATTERN`: what happens at devices and to the machine, a line an event.
 *
 * Events are those of the table in trace.c, those inside of devices (hw/core/dev_events.def), and for each
 * region of registers NAME of the memory map ("serial", "virtio-mmio") NAME_read and NAME_write. Off, an
 * access of a device, or an event inside of it, costs one test.
 * Ownership: the Vm's. Threads: set up by the main thread; events by any.
 */
#ifndef SYSTEM_TRACE_H
#define SYSTEM_TRACE_H

#include "hw/core/dev_impl.h"
#include "system/sys_options.h"

typedef enum TraceEvent {
    TRACE_VM_STATE, TRACE_VM_RESET, TRACE_VM_REQUEST, TRACE_DISK_READ, TRACE_DISK_WRITE, TRACE_DISK_FLUSH,
    TRACE_DISK_DISCARD, TRACE_QMP_COMMAND, TRACE_SEMIHOST_CALL, TRACE_EVENTS
} TraceEvent;

typedef struct Trace {
    uint32_t on; /* a bit a TraceEvent */
    int fd;
    bool own_fd;
    MemTrace mem;
    DevTracer tracer;
    struct MemMap *map;
} Trace;

/* The options' patterns, on a machine that does not run yet; fd: where the log goes. *ret_help: the events
 * were printed. */
bool trace_open(Trace *t, const SysOptions *o, MemMap *map, int fd, bool *ret_help, GError **err);
void trace_close(Trace *t);
/* Switches what matches; false: nothing does. */
bool trace_set(Trace *t, const char *pattern, bool on);
/* The n-th event and whether it is on; false: there are fewer. The caller frees the name. */
bool trace_at(const Trace *t, unsigned n, char **ret_name, bool *ret_on);

void trace_write(Trace *t, TraceEvent e, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define trace_event(t, e, ...) \
    (__builtin_expect((t)->on >> (e) & 1, 0) ? trace_write(t, e, __VA_ARGS__) : (void)0)

#endif
