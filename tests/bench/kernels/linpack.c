// Solves dense linear systems by Gaussian elimination with partial pivoting.
#include "bench.h"
#include <math.h>

enum { N = 100 };

static void daxpy(int n, double a, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++)
        y[i] += a * x[i];
}

int main(int argc, char **argv)
{
    static double a[N][N], b[N];
    uint64_t seed = 9;
    double sum = 0;
    long rounds = bench_count(argc, argv, 450);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < N; i++) {
            b[i] = 0;
            for (int j = 0; j < N; j++) {
                a[i][j] = (double)(int32_t)bench_random(&seed) / 2147483648.0 - 0.5 + (i == j ? 8 : 0);
                b[i] += a[i][j];
            }
        }
        for (int k = 0; k < N - 1; k++) {
            int p = k;
            for (int i = k + 1; i < N; i++)
                if (fabs(a[i][k]) > fabs(a[p][k]))
                    p = i;
            for (int j = 0; j < N && p != k; j++) {
                double t = a[k][j];
                a[k][j] = a[p][j];
                a[p][j] = t;
            }
            double t = b[k];
            b[k] = b[p];
            b[p] = t;
            for (int i = k + 1; i < N; i++) {
                double f = -a[i][k] / a[k][k];
                daxpy(N - k, f, &a[k][k], &a[i][k]);
                b[i] += f * b[k];
            }
        }
        for (int i = N - 1; i >= 0; i--) {
            for (int j = i + 1; j < N; j++)
                b[i] -= a[i][j] * b[j];
            b[i] /= a[i][i];
            sum += b[i];
        }
    }
    return bench_report_real(sum);
}
