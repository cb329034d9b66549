/*
 * Files for perf(1) that tell which code lies where: /tmp/perf-PID.map, one line a region, and jit-PID.dump
 * in the current folder, with times and the code itself, for `perf inject -j`.
 *
 * Ownership: the struct and its descriptors are the caller's. Threads: perf_file_region() by any, each record
 * is one write; the rest by one. Errors: perf_file_open() says them; a full disk loses records. Sources: the
 * kernel's tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt.
 */
#ifndef DEBUG_PERF_FILE_H
#define DEBUG_PERF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fmt.h"

typedef struct PerfFile {
    int map_fd, dump_fd; /* -1: not wanted */
    uint32_t pid;
    uint64_t n; /* regions told, for their numbers */
} PerfFile;

/* Makes the files of process pid anew, with what was asked for. False: err says which one cannot be made. */
bool perf_file_open(PerfFile *f, uint32_t pid, bool map, bool dump, Fmt *err);
/* A region of host code and its name. It is read. */
void perf_file_region(PerfFile *f, const void *code, uint32_t size, const char *name);
/* The process ends well. */
void perf_file_close(PerfFile *f);

#endif
