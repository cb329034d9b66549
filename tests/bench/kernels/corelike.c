// A mix as in small controllers: linked list search and sort, small integer matrices, a state machine over
// text, and a bitwise CRC over the results.
#include "bench.h"

typedef struct Node {
    struct Node *next;
    int16_t key, index;
} Node;

static uint16_t crc16(uint16_t crc, uint32_t data)
{
    for (int i = 0; i < 32; i++, data >>= 1) {
        uint16_t bit = (crc ^ data) & 1;
        crc >>= 1;
        if (bit)
            crc ^= 0xa001;
    }
    return crc;
}

static Node *merge(Node *a, Node *b, int by_index)
{
    Node head = {0}, *tail = &head;
    while (a && b) {
        int take_a = by_index ? a->index <= b->index : a->key <= b->key;
        Node **from = take_a ? &a : &b;
        tail->next = *from;
        tail = *from;
        *from = tail->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static Node *sort(Node *list, int by_index)
{
    if (!list || !list->next)
        return list;
    Node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    Node *half = slow->next;
    slow->next = NULL;
    return merge(sort(list, by_index), sort(half, by_index), by_index);
}

static Node *reverse(Node *list)
{
    Node *out = NULL;
    while (list) {
        Node *next = list->next;
        list->next = out;
        out = list;
        list = next;
    }
    return out;
}

enum { N = 10, ITEMS = 200 };

static uint32_t matrix(int16_t *a, int16_t *b, int32_t *c, int16_t k)
{
    uint32_t sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            int32_t acc = 0;
            for (int l = 0; l < N; l++)
                acc += a[i * N + l] * b[l * N + j];
            c[i * N + j] = acc;
            sum += (acc >> 2 & 0xf) * (acc >> 5 & 0x7f);
        }
    for (int i = 0; i < N * N; i++)
        a[i] = (int16_t)(a[i] + k);
    return sum;
}

typedef enum { START, INT, FLOAT, EXPONENT, SCIENTIFIC, INVALID, STATES } State;

static State next_state(State s, char c)
{
    int digit = c >= '0' && c <= '9';
    switch (s) {
    case START: return digit ? INT : c == '+' || c == '-' ? INT : c == '.' ? FLOAT : INVALID;
    case INT: return digit ? INT : c == '.' ? FLOAT : INVALID;
    case FLOAT: return digit ? FLOAT : c == 'e' || c == 'E' ? EXPONENT : INVALID;
    case EXPONENT: return c == '+' || c == '-' || digit ? SCIENTIFIC : INVALID;
    case SCIENTIFIC: return digit ? SCIENTIFIC : INVALID;
    default: return INVALID;
    }
}

static uint32_t states(const char *text, uint32_t *counts)
{
    uint32_t words = 0;
    State s = START;
    for (; *text; text++) {
        if (*text == ',') {
            counts[s]++;
            words++;
            s = START;
        } else if (s != INVALID) {
            s = next_state(s, *text);
        }
    }
    return words;
}

int main(int argc, char **argv)
{
    static Node nodes[ITEMS];
    static int16_t a[N * N], b[N * N];
    static int32_t c[N * N];
    static const char text[] = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,"
                               "-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,";
    uint64_t seed = 1;
    uint16_t crc = 0;
    uint32_t counts[STATES] = {0};
    for (int i = 0; i < ITEMS; i++)
        nodes[i] = (Node){i + 1 < ITEMS ? &nodes[i + 1] : NULL, (int16_t)bench_random(&seed), (int16_t)i};
    for (int i = 0; i < N * N; i++) {
        a[i] = (int16_t)(bench_random(&seed) & 0xff);
        b[i] = (int16_t)(bench_random(&seed) & 0xff);
    }
    Node *list = nodes;
    long rounds = bench_count(argc, argv, 4500);
    for (long r = 0; r < rounds; r++) {
        list = sort(list, 0);
        for (int i = 0; i < 20; i++) {
            int16_t wanted = (int16_t)bench_random(&seed);
            Node *n = list;
            while (n && n->key < wanted)
                n = n->next;
            crc = crc16(crc, n ? (uint32_t)n->index : 0);
        }
        list = sort(reverse(list), 1);
        crc = crc16(crc, matrix(a, b, c, (int16_t)(r & 3)));
        for (int i = 0; i < 4; i++)
            crc = crc16(crc, states(text, counts));
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, counts[i]);
    return bench_report(crc);
}
