/* block_stress write IMAGE SEED OPS     random writes, zeroes, discards and flushes; prints the number of
 * each flushed operation; is killed by the test block_stress verify IMAGE SEED OPS K  every sector has what
 * the last operation up to K wrote to it, or what a later one would have written
 *
 * Each sector holds the number of the operation that wrote it. The operations are made from the seed alone.
 */
#include "system/block/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, MOST_SECTORS = 512 };
typedef enum OpKind { OP_WRITE, OP_ZERO, OP_DISCARD, OP_FLUSH } OpKind;

typedef struct Op {
    OpKind kind;
    uint64_t at, n; /* sectors */
} Op;

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static Op make_op(uint64_t *state, uint64_t sectors)
{
    uint64_t r = next(state) % 100, n = 1 + next(state) % (r & 1 ? MOST_SECTORS : 16),
             at = next(state) % sectors;
    Op op = {.kind = r < 80 ? OP_WRITE : r < 88 ? OP_ZERO : r < 94 ? OP_DISCARD : OP_FLUSH, .at = at};
    op.n = MIN(n, sectors - at);
    return op;
}

static void fill(uint8_t *to, uint64_t id, uint64_t at, uint64_t n)
{
    for (uint64_t k = 0; k < n * SECTOR / 16; k++) {
        uint64_t v[2] = {id, at + k / (SECTOR / 16)};
        memcpy(to + 16 * k, v, 16);
    }
}

static int run_op(BlockNode *n, const Op *op, uint64_t id, uint8_t *buf)
{
    switch (op->kind) {
    case OP_WRITE: fill(buf, id, op->at, op->n); return block_write(n, op->at * SECTOR, buf, op->n * SECTOR);
    case OP_ZERO: return block_zero(n, op->at * SECTOR, op->n * SECTOR, id & 1);
    case OP_DISCARD: return block_discard(n, op->at * SECTOR, op->n * SECTOR);
    default: return block_flush(n);
    }
}

static int write_all(BlockNode *n, uint64_t seed, uint64_t ops, uint8_t *buf)
{
    for (uint64_t id = 1; id <= ops; id++) {
        Op op = make_op(&seed, n->bytes / SECTOR);
        int why = run_op(n, &op, id, buf);
        if (why) {
            fprintf(stderr, "operation %" PRIu64 ": %s\n", id, strerror(why));
            return 1;
        }
        if (op.kind == OP_FLUSH) {
            printf("%" PRIu64 "\n", id);
            fflush(stdout);
        }
    }
    return 0;
}

/* last[s]: id that must be there at least; later[s]: bit k%64 of ids after K that may be there. */
typedef struct Model {
    uint64_t sectors;
    uint64_t *last;
    bool *zero, *loose; /* last is a zero; a discard may have happened */
    GHashTable *later;  /* sector << 24 | id */
} Model;

static void apply(Model *m, const Op *op, uint64_t id, bool sure)
{
    for (uint64_t s = op->at; s < op->at + op->n && op->kind != OP_FLUSH; s++) {
        if (!sure) {
            g_hash_table_add(m->later, (void *)(uintptr_t)(s << 24 | (op->kind == OP_WRITE ? id : 0)));
        } else if (op->kind == OP_DISCARD) {
            m->loose[s] = true; /* zero or as it was */
        } else {
            m->last[s] = id;
            m->zero[s] = op->kind == OP_ZERO;
            m->loose[s] = false;
        }
    }
}

static bool sector_ok(const Model *m, uint64_t s, const uint8_t *have)
{
    uint64_t id, at;
    uint8_t want[SECTOR];
    memcpy(&id, have, 8);
    memcpy(&at, have + 8, 8);
    if (block_is_zero(have, SECTOR))
        return m->zero[s] || !m->last[s] || m->loose[s] ||
               g_hash_table_contains(m->later, (void *)(uintptr_t)(s << 24));
    fill(want, id, s, 1);
    if (memcmp(want, have, SECTOR) != 0)
        return false;
    return (id == m->last[s] && !m->zero[s]) ||
           g_hash_table_contains(m->later, (void *)(uintptr_t)(s << 24 | id));
}

static int verify(BlockNode *n, uint64_t seed, uint64_t ops, uint64_t flushed, uint8_t *buf)
{
    Model m = {.sectors = n->bytes / SECTOR, .later = g_hash_table_new(NULL, NULL)};
    m.last = g_new0(uint64_t, m.sectors);
    m.zero = g_new0(bool, m.sectors);
    m.loose = g_new0(bool, m.sectors);
    for (uint64_t id = 1; id <= ops; id++) {
        Op op = make_op(&seed, m.sectors);
        apply(&m, &op, id, id <= flushed);
    }
    unsigned bad = 0;
    for (uint64_t s = 0; s < m.sectors; s++) {
        int why = block_read(n, s * SECTOR, buf, SECTOR);
        if (why || !sector_ok(&m, s, buf)) {
            uint64_t id;
            memcpy(&id, buf, 8);
            fprintf(stderr, "sector %" PRIu64 ": has %" PRIu64 ", last flushed %" PRIu64 "%s, error %d\n", s,
                    id, m.last[s], m.zero[s] ? " (zero)" : "", why);
            bad++;
        }
    }
    return bad != 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    bool write = argc == 5 && strcmp(argv[1], "write") == 0;
    if (!write && (argc != 6 || strcmp(argv[1], "verify") != 0)) {
        fprintf(stderr, "usage: block_stress write|verify IMAGE SEED OPS [K]\n");
        return 2;
    }
    const BlockOpen how = {.read_only = !write};
    BlockNode *n = block_open(argv[2], &how, &err);
    if (!n) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    uint64_t seed = strtoull(argv[3], NULL, 10), ops = strtoull(argv[4], NULL, 10);
    g_autofree uint8_t *buf = g_malloc((size_t)MOST_SECTORS * SECTOR);
    int status =
        write ? write_all(n, seed, ops, buf) : verify(n, seed, ops, strtoull(argv[5], NULL, 10), buf);
    block_close(n);
    return status;
}
