/* What device tests share: a clock that a test moves, lines that are watched, one device on a map of its
 * own. */
#ifndef TESTS_DEV_DEV_KIT_H
#define TESTS_DEV_DEV_KIT_H

#include "tests/unit/test.h"

#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

typedef struct DevKit {
    MemMap map;
    Clock clock;
    uint64_t now_ns;
    uint32_t level;    /* bit n: the watched line n */
    IrqLine line[32];
    Device *dev;
} DevKit;

void kit_init(DevKit *k);
/* One device at address 0 of the map; links: pairs of name and pointer, ended by NULL. */
void kit_device(DevKit *k, const DevClass *cls, const char *const *props, const void *const *links);
void kit_clear(DevKit *k);
uint64_t kit_read(DevKit *k, uint64_t at, unsigned size);
void kit_write(DevKit *k, uint64_t at, unsigned size, uint64_t value);
/* Moves the clock and runs what is due. */
void kit_pass(DevKit *k, uint64_t ns);
/* Saves the device; makes another of the same configuration; restores it; compares their states and the bytes
 * between DEV_STATE_BEGIN and END. The kit then has the new one. */
void kit_round_trip(DevKit *k, const char *const *props, const void *const *links);

#endif
