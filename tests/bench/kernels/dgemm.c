#define REAL double
#define ROUNDS 90
#include "gemm.h"
