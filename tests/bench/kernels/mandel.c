// Mandelbrot set: short dependent chains of multiply and add, compare and branch.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SIZE = 160, LIMIT = 500 };
    double total = 0;
    long rounds = bench_count(argc, argv, 8);
    for (long r = 0; r < rounds; r++)
        for (int py = 0; py < SIZE; py++)
            for (int px = 0; px < SIZE; px++) {
                double cr = px * 3.0 / SIZE - 2.0, ci = py * 2.0 / SIZE - 1.0 + (double)r * 1e-4;
                double zr = 0, zi = 0;
                int n = 0;
                while (n < LIMIT && zr * zr + zi * zi < 4.0) {
                    double t = zr * zr - zi * zi + cr;
                    zi = 2.0 * zr * zi + ci;
                    zr = t;
                    n++;
                }
                total += n;
            }
    return bench_report_real(total);
}
