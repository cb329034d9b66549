/* PROCMAP_QUERY, the ioctl of /proc/PID/maps since Linux 6.11: one mapping, by address. Any kernel of the
 * host's will do, but for build IDs. Source: proc(5), linux/fs.h, Documentation/filesystems/proc.rst. */
#include "linux-user/fs.h"
#include "linux-user/map_line.h"
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"

#include <fcntl.h>

/* struct procmap_query */
typedef struct Query {
    uint64_t size, flags, addr;
    uint64_t start, end, vma_flags, page_size, offset, inode;
    uint32_t dev_major, dev_minor, name_size, build_id_size;
    uint64_t name_addr, build_id_addr;
} Query;

enum {
    READABLE = 1,
    WRITABLE = 2,
    EXECUTABLE = 4,
    SHARED = 8,
    OR_NEXT = 16, /* the next one will do */
    OF_FILE = 32, /* only files' */
    ALL_FLAGS = 63,
    PERMISSIONS = 15,
    LU_PAGE = 4096,
};

static bool wanted(const Query *q, const MapLine *m, uint64_t perms)
{
    bool file = m->name_len && m->name[0] == '/';
    return m->end > q->addr && (m->start <= q->addr || q->flags & OR_NEXT) &&
           (q->flags & PERMISSIONS & ~perms) == 0 && (file || !(q->flags & OF_FILE));
}

static uint64_t perms_of(const char *p)
{
    return (p[0] == 'r' ? READABLE : 0u) | (p[1] == 'w' ? WRITABLE : 0u) | (p[2] == 'x' ? EXECUTABLE : 0u) |
           (p[3] == 's' ? SHARED : 0u);
}

/* The mapping that is asked for; false: there is none. */
static bool find(const Query *q, const char *at, MapLine *m)
{
    while (*at) {
        bool is = parse_map_line(at, m);
        if (is && wanted(q, m, perms_of(m->perms)))
            return true;
        if (is && m->start > q->addr && !(q->flags & OR_NEXT))
            return false;
        at = m->next;
    }
    return false;
}

static void set_place(Query *q, const MapLine *m)
{
    uint64_t major, minor;
    const char *s = map_hex(map_hex(m->dev, &major) + 1, &minor);
    q->start = m->start;
    q->end = m->end;
    q->vma_flags = perms_of(m->perms);
    q->page_size = LU_PAGE;
    q->offset = m->offset;
    q->dev_major = (uint32_t)major;
    q->dev_minor = (uint32_t)minor;
    q->inode = 0;
    for (s++; *s >= '0' && *s <= '9'; s++)
        q->inode = q->inode * 10 + (uint64_t)(*s - '0');
}

/* Only the host's kernel can say it; one that cannot knows of none. */
static long build_id(Query *q)
{
    uint8_t id[64];
    Query host = {
        .size = sizeof(host), .addr = q->start, .build_id_size = sizeof(id), .build_id_addr = (uintptr_t)id};
    long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    long r = sys_is_err(fd) ? fd : sys_call3(SYS_ioctl, fd, LU_PROCMAP_QUERY, &host);
    if (!sys_is_err(fd))
        sys_close((int)fd);
    uint32_t n = r ? 0 : host.build_id_size;
    if (n > q->build_id_size)
        return -ENAMETOOLONG;
    q->build_id_size = n;
    return guest_write(q->build_id_addr, id, n) ? 0 : -EFAULT;
}

static long name_of(Query *q, const MapLine *m)
{
    uint32_t n = m->name_len ? (uint32_t)m->name_len + 1 : 0;
    if (n > q->name_size)
        return -ENAMETOOLONG;
    q->name_size = n;
    return !n || (guest_write(q->name_addr, m->name, n - 1) && guest_write(q->name_addr + n - 1, "", 1))
               ? 0
               : -EFAULT;
}

static long read_query(LuThread *t, Gva at, Query *q)
{
    if (!guest_read(&q->size, at, sizeof(q->size)))
        return -EFAULT;
    if (q->size > LU_PAGE)
        return -E2BIG;
    if (q->size < offsetof(Query, start))
        return -EINVAL;
    if (!guest_read(q, at, MIN(q->size, sizeof(*q))))
        return -EFAULT;
    for (uint64_t i = sizeof(*q); i < q->size; i++) {
        FaultVal v = fault_ld8(at + i);
        if (v.fault || v.val)
            return v.fault ? -EFAULT : -E2BIG;
    }
    q->name_addr = su_pointer(t->proc, q->name_addr);
    q->build_id_addr = su_pointer(t->proc, q->build_id_addr);
    return q->flags & ~(uint64_t)ALL_FLAGS || !q->name_size != !q->name_addr ||
                   !q->build_id_size != !q->build_id_addr
               ? -EINVAL
               : 0;
}

static long query(LuThread *t, Gva at)
{
    Query q = {0};
    MapLine m;
    size_t bytes;
    long r = read_query(t, at, &q);
    if (r)
        return r;
    char *maps = lu_proc_maps(t, &bytes);
    if (!maps)
        return -ENOMEM;
    r = find(&q, maps, &m) ? 0 : -ENOENT;
    if (!r)
        set_place(&q, &m);
    if (!r && q.build_id_size)
        r = build_id(&q);
    if (!r && q.name_size)
        r = name_of(&q, &m);
    lu_mm_arena_free(t->proc->mm, maps, bytes);
    return r ? r : guest_write(at, &q, MIN(q.size, sizeof(q))) ? 0 : -EFAULT;
}

bool lu_proc_query(LuThread *t, int fd, Gva at, long *ret)
{
    char name[LU_PATH_BYTES];
    long n = su_text_name(name, su_fd_path(fd, name, sizeof(name)));
    if (n < 5 || strcmp(name + n - 5, "/maps"))
        return false;
    *ret = query(t, at);
    return true;
}
