/*
 * snapshot_stress write IMAGE SEED: writes, makes snapshots, goes back to them and deletes them without end,
 * flushes after each and says its number then. The test kills it.
 *
 * snapshot_stress verify IMAGE SEED K: the image and its snapshots are what operations 1 to K leave, or what
 * K + 1 was on the way to.
 *
 * Each sector holds the number of the operation that wrote it. The operations are made from the seed alone.
 */
#include "system/block/block.h"
#include "system/block/qcow2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, MOST_SECTORS = 256, NAMES = 4 };
typedef enum OpKind { OP_WRITE, OP_CREATE, OP_DELETE, OP_APPLY } OpKind;

typedef struct Op {
    OpKind kind;
    uint64_t id, at, n; /* sectors */
    unsigned name;
} Op;

/* Numbers by sector; a snapshot that is not there is NULL. */
typedef struct Model {
    uint64_t seed, sectors, id;
    uint64_t *now, *snapshot[NAMES];
} Model;

static const char *const names[NAMES] = {"a", "b", "c", "d"};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static Op next_op(Model *m)
{
    const uint64_t how = next(&m->seed) % 100, n = 1 + next(&m->seed) % MOST_SECTORS;
    Op op = {.id = ++m->id, .at = next(&m->seed) % m->sectors, .name = next(&m->seed) % NAMES};
    op.n = MIN(n, m->sectors - op.at);
    op.kind = how < 60 ? OP_WRITE : !m->snapshot[op.name] ? OP_CREATE : how < 80 ? OP_DELETE : OP_APPLY;
    return op;
}

static void apply(Model *m, const Op *op)
{
    uint64_t **snapshot = &m->snapshot[op->name];
    switch (op->kind) {
    case OP_WRITE:
        for (uint64_t s = op->at; s < op->at + op->n; s++)
            m->now[s] = op->id;
        break;
    case OP_CREATE: *snapshot = g_memdup2(m->now, m->sectors * 8); break;
    case OP_DELETE: g_clear_pointer(snapshot, g_free); break;
    case OP_APPLY: memcpy(m->now, *snapshot, m->sectors * 8); break;
    }
}

static int run_op(BlockNode *n, const Op *op)
{
    static uint64_t buf[MOST_SECTORS * SECTOR / 8];
    switch (op->kind) {
    case OP_WRITE:
        for (uint64_t k = 0; k < op->n * SECTOR / 8; k++)
            buf[k] = op->id;
        return block_write(n, op->at * SECTOR, buf, op->n * SECTOR);
    case OP_CREATE: return qcow2_snapshot_create(n, names[op->name], 0, 0);
    case OP_DELETE: return qcow2_snapshot_delete(n, names[op->name]);
    default: return qcow2_snapshot_apply(n, names[op->name]);
    }
}

static int write_on(BlockNode *n, Model *m)
{
    for (;;) {
        const Op op = next_op(m);
        int why = run_op(n, &op);
        why = why ? why : block_flush(n);
        if (why) {
            fprintf(stderr, "operation %" PRIu64 ": %s\n", op.id, strerror(why));
            return 1;
        }
        apply(m, &op);
        printf("%" PRIu64 "\n", op.id);
        fflush(stdout);
    }
}

/* How many sectors differ from `want`; `more`: an operation that may have come to each of them. */
static unsigned differences(BlockNode *n, const Model *m, const uint64_t *want, const Op *more)
{
    unsigned bad = 0;
    for (uint64_t s = 0; s < m->sectors; s++) {
        uint64_t have[SECTOR / 8];
        const bool may = more && s >= more->at && s < more->at + more->n;
        bool ok =
            !block_read(n, s * SECTOR, have, SECTOR) && (have[0] == want[s] || (may && have[0] == more->id));
        for (unsigned k = 1; k < SECTOR / 8; k++)
            ok = ok && have[k] == have[0];
        bad += !ok;
    }
    return bad;
}

static bool has_snapshot(BlockNode *n, const char *name)
{
    const Qcow2Snapshot *s;
    for (unsigned k = 0; qcow2_snapshot(n, k, &s); k++)
        if (strcmp(s->name, name) == 0)
            return true;
    return false;
}

static int verify(BlockNode *n, Model *m, uint64_t done)
{
    while (m->id < done) {
        const Op op = next_op(m);
        apply(m, &op);
    }
    const Op last = next_op(m); /* perhaps in part */
    unsigned bad = differences(n, m, m->now, last.kind == OP_WRITE ? &last : NULL);
    if (bad && last.kind == OP_APPLY)
        bad = differences(n, m, m->snapshot[last.name], NULL);
    if (bad)
        fprintf(stderr, "%u sectors differ\n", bad);
    for (unsigned k = 0; k < NAMES; k++) {
        const uint64_t *want = m->snapshot[k] ? m->snapshot[k] : m->now;
        const bool either = last.name == k && (last.kind == OP_CREATE || last.kind == OP_DELETE);
        const bool has = has_snapshot(n, names[k]);
        unsigned wrong = has ? 0 : m->snapshot[k] && !either;
        if (has)
            wrong = (!m->snapshot[k] && !either) || qcow2_snapshot_apply(n, names[k]) ||
                    differences(n, m, want, NULL);
        if (wrong)
            fprintf(stderr, "snapshot %s is %s\n", names[k], has ? "another" : "not there");
        bad += wrong;
    }
    return bad != 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    const bool writes = argc == 4 && strcmp(argv[1], "write") == 0;
    if (!writes && (argc != 5 || strcmp(argv[1], "verify") != 0)) {
        fprintf(stderr, "usage: snapshot_stress write|verify IMAGE SEED [K]\n");
        return 2;
    }
    BlockNode *n = block_open(argv[2], &(BlockOpen){.format = "qcow2"}, &err);
    if (!n) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    Model m = {.seed = strtoull(argv[3], NULL, 10), .sectors = n->bytes / SECTOR};
    m.now = g_new0(uint64_t, m.sectors);
    int status = writes ? write_on(n, &m) : verify(n, &m, strtoull(argv[4], NULL, 10));
    block_close(n);
    return status;
}
