/* sifive-test: one register by which software ends or resets the machine. */
#ifndef HW_MISC_SIFIVE_TEST_H
#define HW_MISC_SIFIVE_TEST_H

#include "hw/core/dev.h"

extern const DevClass sifive_test_class; /* links: machine (MachineRequests) */

#endif
