#define SIZE 512 // fits the first-level cache
#define ROUNDS 70000000
#include "chase.h"
