/* Files of the process for the debugger, which only reads: "Host I/O Packets" and "File-I/O" in GDB's manual.
 */
#include "debug/gdb_priv.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { NAME_BYTES = 4096, STAT_BYTES = 64, OTHER_ERROR = 9999 };

static void answer(GdbStub *s, long r)
{
    Fmt f = FMT_ON(s->text);
    if (r >= 0)
        fmt_printf(&f, "F%lx", (unsigned long)r);
    else
        fmt_printf(&f, "F-1,%lx", -r <= EROFS ? (unsigned long)-r : (unsigned long)OTHER_ERROR);
    gdb_send(s, s->text);
}

/* The n bytes that stand behind `room` in s->text. */
static void answer_bytes(GdbStub *s, long n, size_t room)
{
    char head[24];
    Fmt f = FMT_ON(head);
    if (n < 0) {
        answer(s, n);
        return;
    }
    fmt_printf(&f, "F%lx;", (unsigned long)n);
    memcpy(s->text + room - f.len, head, f.len);
    gdb_send_bytes(s, s->text + room - f.len, (size_t)n + f.len);
}

static bool get_name(const char **at, char name[NAME_BYTES])
{
    size_t n = gdb_bytes(at, (uint8_t *)name, NAME_BYTES - 1);
    name[n] = 0;
    return n > 0;
}

static int *place_of(GdbStub *s, uint64_t fd)
{
    for (unsigned k = 0; k < GDB_FILES; k++)
        if (s->file[k] && (uint64_t)s->file[k] == fd)
            return &s->file[k];
    return NULL;
}

static long file_open(GdbStub *s, const char *at)
{
    char name[NAME_BYTES];
    uint64_t flags;
    int *place = NULL;
    for (unsigned k = 0; k < GDB_FILES; k++)
        if (!s->file[k])
            place = &s->file[k];
    if (!get_name(&at, name) || !gdb_char(&at, ',') || !gdb_number(&at, &flags))
        return -EINVAL;
    if (flags)
        return -EACCES;
    if (!place)
        return -EMFILE;
    long fd = s->ops->process->open(s->o, name);
    if (fd > 0)
        *place = (int)fd;
    return fd;
}

static long file_close(GdbStub *s, const char *at)
{
    uint64_t fd;
    int *place = gdb_number(&at, &fd) ? place_of(s, fd) : NULL;
    if (!place)
        return -EBADF;
    sys_close(*place);
    *place = 0;
    return 0;
}

enum { ROOM = 24 };

static long file_read(GdbStub *s, const char *at)
{
    uint64_t fd, n, from;
    if (!gdb_number(&at, &fd) || !gdb_char(&at, ',') || !gdb_number(&at, &n) || !gdb_char(&at, ',') ||
        !gdb_number(&at, &from))
        return -EINVAL;
    n = n < GDB_PACKET / 2 ? n : GDB_PACKET / 2;
    return place_of(s, fd) ? sys_call4(SYS_pread64, (long)fd, s->text + ROOM, n, from) : -EBADF;
}

static long file_link(GdbStub *s, const char *at)
{
    char name[NAME_BYTES];
    return get_name(&at, name) ? s->ops->process->readlink(s->o, name, s->text + ROOM, NAME_BYTES) : -EINVAL;
}

static void put_be(uint8_t **to, uint64_t v, unsigned bytes)
{
    while (bytes--)
        *(*to)++ = (uint8_t)(v >> 8 * bytes);
}

static long file_stat(GdbStub *s, const char *at)
{
    uint64_t fd;
    struct stat st;
    uint8_t *to = (uint8_t *)s->text + ROOM;
    if (!gdb_number(&at, &fd) || !place_of(s, fd))
        return -EBADF;
    long r = sys_call2(SYS_fstat, (long)fd, &st);
    if (r < 0)
        return r;
    const uint64_t words[] = {st.st_dev, st.st_ino, st.st_mode, st.st_nlink,
                              st.st_uid, st.st_gid, st.st_rdev};
    for (unsigned k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        put_be(&to, words[k], 4);
    put_be(&to, (uint64_t)st.st_size, 8);
    put_be(&to, (uint64_t)st.st_blksize, 8);
    put_be(&to, (uint64_t)st.st_blocks, 8);
    put_be(&to, (uint64_t)st.st_atim.tv_sec, 4);
    put_be(&to, (uint64_t)st.st_mtim.tv_sec, 4);
    put_be(&to, (uint64_t)st.st_ctim.tv_sec, 4);
    return STAT_BYTES;
}

void gdb_file(GdbStub *s, const char *at)
{
    if (gdb_begins(&at, "setfs:"))
        answer(s, 0);
    else if (gdb_begins(&at, "open:"))
        answer(s, file_open(s, at));
    else if (gdb_begins(&at, "close:"))
        answer(s, file_close(s, at));
    else if (gdb_begins(&at, "pread:"))
        answer_bytes(s, file_read(s, at), ROOM);
    else if (gdb_begins(&at, "readlink:"))
        answer_bytes(s, file_link(s, at), ROOM);
    else if (gdb_begins(&at, "fstat:"))
        answer_bytes(s, file_stat(s, at), ROOM);
    else
        gdb_send(s, "");
}
