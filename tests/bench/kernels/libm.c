// The elementary functions of the C library.
#include "bench.h"
#include <math.h>

int main(int argc, char **argv)
{
    double sum = 0;
    long rounds = bench_count(argc, argv, 900000);
    for (long r = 1; r <= rounds; r++) {
        double x = (double)r * 1.25e-5 + 0.5;
        sum += sin(x) * cos(x) + exp(-x) + log(x) + pow(x, 0.3) + atan2(x, 3.0) + cbrt(x) + fmod(x, 0.7);
    }
    return bench_report_real(sum);
}
