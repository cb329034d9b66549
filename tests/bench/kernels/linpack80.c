// linpack with long double: on x86 the 80 bits of x87.
#include "bench.h"
#include <math.h>
#define double long double
#define bench_count(argc, argv, n) bench_count(argc, argv, (n) / 4) // slow on the rival
#define fabs   fabsl
#include "linpack.c"
