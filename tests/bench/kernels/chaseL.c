#define SIZE 524288 // 32 MiB
#define ROUNDS 1000000
#include "chase.h"
