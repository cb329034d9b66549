/*
 * A fuzz target: one function that takes bytes and must not fall over. With clang it links libFuzzer;
 * otherwise driver.c feeds it random changes of the seeds that the target itself makes, the same ones for the
 * same number.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Seed number i in buf: its size, 0 if there is none. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap);

#endif
