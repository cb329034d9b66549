// Five bodies under gravity, double precision: multiply, add, square root, divide.
#include "bench.h"
#include <math.h>

enum { BODIES = 5 };
typedef struct {
    double x[3], v[3], mass;
} Body;

int main(int argc, char **argv)
{
    Body b[BODIES];
    uint64_t seed = 42;
    for (int i = 0; i < BODIES; i++) {
        for (int d = 0; d < 3; d++) {
            b[i].x[d] = (i + 1) * 3.0 + (double)(bench_random(&seed) & 0xffff) / 65536.0;
            b[i].v[d] = (double)(bench_random(&seed) & 0xffff) / 65536.0 - 0.5;
        }
        b[i].mass = i ? 0.01 : 39.0;
    }
    long rounds = bench_count(argc, argv, 1000000);
    const double dt = 0.00001;
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) {
                double d[3], square = 0;
                for (int k = 0; k < 3; k++) {
                    d[k] = b[i].x[k] - b[j].x[k];
                    square += d[k] * d[k];
                }
                double mag = dt / (square * sqrt(square));
                for (int k = 0; k < 3; k++) {
                    b[i].v[k] -= d[k] * b[j].mass * mag;
                    b[j].v[k] += d[k] * b[i].mass * mag;
                }
            }
        for (int i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++)
                b[i].x[k] += dt * b[i].v[k];
    }
    double energy = 0;
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            energy += 0.5 * b[i].mass * b[i].v[k] * b[i].v[k];
    return bench_report_real(energy);
}
