// Virtual calls through tables of function pointers, targets in random order.
#include "bench.h"

typedef struct Shape Shape;
typedef struct {
    uint64_t (*area)(const Shape *);
    void (*grow)(Shape *, uint32_t);
} ShapeOps;
struct Shape {
    const ShapeOps *ops;
    uint32_t a, b;
};

static uint64_t square_area(const Shape *s) { return (uint64_t)s->a * s->a; }
static uint64_t box_area(const Shape *s) { return (uint64_t)s->a * s->b; }
static uint64_t half_area(const Shape *s) { return (uint64_t)s->a * s->b / 2; }
static uint64_t edge_area(const Shape *s) { return s->a + s->b; }
static void grow_a(Shape *s, uint32_t n) { s->a += n; }
static void grow_b(Shape *s, uint32_t n) { s->b ^= n; }

int main(int argc, char **argv)
{
    static const ShapeOps ops[4] = {
        {square_area, grow_a}, {box_area, grow_b}, {half_area, grow_a}, {edge_area, grow_b}};
    enum { SIZE = 1024 };
    static Shape shapes[SIZE];
    uint64_t seed = 11, sum = 0;
    for (int i = 0; i < SIZE; i++)
        shapes[i] =
            (Shape){&ops[bench_random(&seed) & 3], bench_random(&seed) & 0xff, bench_random(&seed) & 0xff};
    long rounds = bench_count(argc, argv, 7000);
    for (long r = 0; r < rounds; r++)
        for (int i = 0; i < SIZE; i++) {
            Shape *s = &shapes[i];
            sum += s->ops->area(s);
            s->ops->grow(s, (uint32_t)r & 3);
        }
    return bench_report(sum);
}
