// Matrix product in loops that a compiler can vectorise; REAL is float or double.
#pragma once
#include "bench.h"

enum { N = 128 };

int main(int argc, char **argv)
{
    static REAL a[N][N], b[N][N], c[N][N];
    uint64_t seed = 13;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (REAL)(bench_random(&seed) & 15);
            b[i][j] = (REAL)(bench_random(&seed) & 15);
        }
    long rounds = bench_count(argc, argv, ROUNDS);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                REAL f = a[i][k];
                for (int j = 0; j < N; j++)
                    c[i][j] += f * b[k][j];
            }
        a[r % N][0] += 1;
    }
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += (double)c[i][(i * 7) % N];
    return bench_report_real(sum);
}
