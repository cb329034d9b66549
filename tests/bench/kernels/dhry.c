// Records, short strings, small procedures: the mix of classic systems code.
#include "bench.h"

typedef struct Record {
    struct Record *next;
    int kind, colour, number;
    char text[31];
} Record;

static Record *global_record, *other_record;
static int global_int, array1[50], array2[50][50];
static char global_char;

__attribute__((noinline)) static int compare(char a, char b)
{
    char copy = a;
    if (copy != b)
        return 0;
    global_char = copy;
    return 1;
}

__attribute__((noinline)) static int text_order(const char *a, const char *b)
{
    int i = 2, hit = 0;
    while (i <= 2)
        if (!compare(a[i], b[i + 1])) {
            hit = 'A';
            i++;
        }
    if (hit >= 'W' && hit < 'Z')
        i = 7;
    if (strcmp(a, b) > 0) {
        global_int = i + 7;
        return 1;
    }
    return 0;
}

__attribute__((noinline)) static void arrays(int *one, int (*two)[50], int at, int value)
{
    int i = at + 5;
    one[i] = value;
    one[i + 1] = one[i];
    one[i + 30] = i;
    for (int j = i; j <= i + 1; j++)
        two[i][j] = i;
    two[i][i - 1]++;
    two[i + 20][i] = one[i];
    global_int = 5;
}

__attribute__((noinline)) static void add(int a, int b, int *ret_sum)
{
    *ret_sum = a + 2 + b;
}

__attribute__((noinline)) static void colour(int value, int *ret)
{
    *ret = value == 2 ? 1 : value == 0 ? 0 : 3;
    if (value == 1)
        *ret = global_int > 100 ? 0 : 3;
}

__attribute__((noinline)) static void record_update(Record *r)
{
    Record *next = r->next;
    *next = *global_record;
    r->number = 5;
    next->number = r->number;
    next->next = r->next;
    if (next->kind == 0) {
        next->number = 6;
        colour(r->colour, &next->colour);
        add(next->number, 10, &next->number);
    } else {
        *r = *next;
    }
}

int main(int argc, char **argv)
{
    Record one, two;
    char a[31], b[31];
    int x = 0, y = 0, z = 0;
    uint64_t sum = 0;
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    global_record = &one;
    other_record = &two;
    one.next = other_record;
    one.colour = 2;
    one.number = 40;
    strcpy(one.text, "SOME RECORD TEXT, SOME STRING");
    strcpy(a, "SOME RECORD TEXT, 1ST STRING");
    long rounds = bench_count(argc, argv, 4000000);
    for (long r = 1; r <= rounds; r++) {
        x = 2;
        y = 3;
        memcpy(b, "SOME RECORD TEXT, 2ND STRING", 29);
        BENCH_OPAQUE(y);
        int greater = !text_order(a, b);
        while (x < y) {
            z = 5 * x - y;
            add(x, y, &z);
            x++;
        }
        arrays(array1, array2, x, z);
        record_update(global_record);
        for (char c = 'A'; c <= 'B'; c++)
            if (compare(c, 'C'))
                sum++;
        y = y * x;
        x = y / z;
        y = 7 * (y - z) - x;
        sum += (uint64_t)(x + y + z + greater + two.number);
    }
    return bench_report(bench_mix(sum, (uint64_t)array2[28][8] + global_int + global_char));
}
