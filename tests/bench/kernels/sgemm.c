#define REAL float
#define ROUNDS 100
#include "gemm.h"
