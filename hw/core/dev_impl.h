/*
 * DevClass: what a device is made of, for those who write one. One `static const DevClass` a kind.
 *
 * The struct begins with Device; then come properties and wiring, then the state between DEV_STATE_BEGIN and
 * DEV_STATE_END: every byte in there belongs to a row of the state table (tests/dev checks it), and nothing
 * that changes after realize and matters to the guest stands elsewhere.
 */
#ifndef HW_CORE_DEV_IMPL_H
#define HW_CORE_DEV_IMPL_H

#include "base/state_rows.h"
#include "hw/core/dev.h"

typedef enum PropKind { PROP_BOOL, PROP_U32, PROP_U64, PROP_TEXT, PROP_PTR } PropKind;

typedef struct DevProp {
    const char *name, *help;
    uint32_t offset;
    uint8_t kind;        /* PropKind */
    uint8_t size;        /* TEXT: bytes of the array */
    uint64_t value;      /* default of numbers */
} DevProp;

typedef StateField DevField;

struct DevClass {
    const char *name, *help;
    const char *rom;      /* file of its option ROM, unless the user names another; NULL: none */
    const char *bus;      /* what it is plugged into ("virtio"); NULL: the board itself */
    size_t size;          /* of the struct */
    uint32_t state_begin, state_end;
    const DevProp *props;
    const DevField *state;
    unsigned n_props, n_state;
    uint32_t version;     /* of the state table */
    bool (*realize)(Device *d, DevError *err);
    void (*reset)(Device *d);         /* power-on state, lines lowered */
    bool (*loaded)(Device *d, DevError *err); /* after dev_load(): checks what it got (it may be hostile),
                                               * raises lines, arms timers. May be NULL */
    void (*clear)(Device *d);         /* accepts a half-realized device; may be NULL */
};

/* Rows of tables. S is the struct. */
#define DEV_BOOL(S, member, text, def) {#member, text, offsetof(S, member), PROP_BOOL, sizeof(bool), def}
#define DEV_U32(S, member, text, def)  {#member, text, offsetof(S, member), PROP_U32, 4, def}
#define DEV_U64(S, member, text, def)  {#member, text, offsetof(S, member), PROP_U64, 8, def}
#define DEV_TEXT(S, member, text)                                                                            \
    {                                                                                                        \
#member, text, offsetof(S, member), PROP_TEXT, sizeof(((S *)0)->member), 0                           \
    }
#define DEV_PTR(S, member, text)       {#member, text, offsetof(S, member), PROP_PTR, sizeof(void *), 0}
#define DEV_FIELD(S, member)           STATE_FIELD(S, member)
#define DEV_ARRAY(S, member)           STATE_ARRAY(S, member)
#define DEV_STATE_BEGIN struct {} state_begin;
#define DEV_STATE_END   struct {} state_end;
#define DEV_TABLES(S, props_, state_) \
    .size = sizeof(S), .state_begin = offsetof(S, state_begin), .state_end = offsetof(S, state_end), \
    .props = props_, .n_props = ARRAY_SIZE(props_), .state = state_, .n_state = ARRAY_SIZE(state_)

/* A region of registers, in realize. */
MemRegion *dev_add_mmio(Device *d, const char *name, const MmioOps *ops, uint64_t bytes);

/* What happens inside of a device, for -trace: rows of dev_events.def. Off, it costs a load and a test. */
typedef enum DevEvent {
#define EVENT(id, name) DEV_EVENT_##id,
#include "hw/core/dev_events.def"
#undef EVENT
    DEV_EVENTS
} DevEvent;
const char *dev_event_name(DevEvent e);
void dev_trace_write(const Device *d, DevEvent e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define dev_trace(d, id, ...)                                                                                \
    (__builtin_expect((d)->mem && ((d)->mem->traced >> DEV_EVENT_##id & 1), 0)                               \
         ? dev_trace_write(d, DEV_EVENT_##id, __VA_ARGS__)                                                   \
         : (void)0)

/* Something that only a broken or hostile guest does. */
void log_guest(const Device *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
