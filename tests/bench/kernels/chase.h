// Pointer chasing through a random cycle of SIZE 64-byte cells.
#pragma once
#include "bench.h"

int main(int argc, char **argv)
{
    typedef struct Cell {
        struct Cell *next;
        uint64_t number, pad[6];
    } Cell;
    static Cell cells[SIZE];
    static uint32_t order[SIZE];
    uint64_t seed = 29, sum = 0;
    for (uint32_t i = 0; i < SIZE; i++)
        order[i] = i;
    for (uint32_t i = SIZE - 1; i > 0; i--) {
        uint32_t j = bench_random(&seed) % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < SIZE; i++) {
        cells[order[i]].next = &cells[order[(i + 1) % SIZE]];
        cells[order[i]].number = i;
    }
    long rounds = bench_count(argc, argv, ROUNDS);
    Cell *c = cells;
    for (long r = 0; r < rounds; r++) {
        sum += c->number;
        c = c->next;
    }
    return bench_report(sum);
}
