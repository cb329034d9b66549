/* What every unit test includes, first: cmocka wants these headers before its own, in this order. */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Exit status that the test runner counts as skipped. */
enum { TEST_SKIP = 77 };

#endif
