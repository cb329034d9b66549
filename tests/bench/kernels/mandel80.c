// mandel with long double: on x86 the 80 bits of x87.
#include "bench.h"
#include <math.h>
#define double long double
#include "mandel.c"
