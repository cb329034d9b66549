/* Room for the state of a machine: behind the disk in the image's address space, from the first address that
 * an L2 table of its own covers. A snapshot that is made takes it along; the present disk has it only until
 * then. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

static uint64_t vm_base(const Qcow2 *q, uint64_t disk_bytes)
{
    return align_up(disk_bytes, q->cluster * q->l2_entries);
}

/* In whole clusters, so that nothing is read first. */
int qcow2_vm_write(BlockNode *n, uint64_t at, const void *from, size_t bytes)
{
    Qcow2 *q = (Qcow2 *)n;
    if (n->kind != &qcow2_kind)
        return ENOTSUP;
    const uint64_t base = vm_base(q, n->bytes) + at;
    int why = q2_cover(q, base + bytes);
    return why ? why : q2_io_write(n, base, from, bytes);
}

int qcow2_vm_drop(BlockNode *n)
{
    Qcow2 *q = (Qcow2 *)n;
    if (n->kind != &qcow2_kind)
        return ENOTSUP;
    const uint64_t per_table = q->cluster * q->l2_entries;
    int why = 0;
    for (uint64_t at = vm_base(q, n->bytes); !why && at / per_table < q->l1_size; at += per_table)
        why = q2_unmap(q, at, per_table);
    return why;
}

/* The table of the snapshot takes the place of the image's for that long. */
int qcow2_vm_read(BlockNode *n, unsigned k, uint64_t at, void *to, size_t bytes)
{
    Qcow2 *q = (Qcow2 *)n;
    if (n->kind != &qcow2_kind || k >= q->snapshots->len)
        return ENOENT;
    const Qcow2Snapshot *s = &g_array_index(q->snapshots, Qcow2Snapshot, k);
    const Q2Run *from = &g_array_index(q->snapshot_l1, Q2Run, k);
    uint64_t *l1, *own = q->l1;
    uint32_t own_size = q->l1_size;
    if (at > s->vm_bytes || bytes > s->vm_bytes - at)
        return EINVAL;
    int why = q2_read_l1(q, from, &l1);
    if (!why) {
        BlockNode *backing = n->backing;
        n->backing = NULL; /* shows nothing there */
        q->l1 = l1;
        q->l1_size = (uint32_t)from->clusters;
        why = q2_io_read(n, vm_base(q, s->disk_bytes) + at, to, bytes);
        q->l1 = own;
        q->l1_size = own_size;
        n->backing = backing;
    }
    g_free(l1);
    return why;
}
