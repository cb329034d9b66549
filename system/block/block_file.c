/* Files of the host as nodes, and raw images on them. */
#include "system/block/block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct FileNode {
    BlockNode n;
    int fd;
    bool regular;
} FileNode;

static int file_read(BlockNode *n, uint64_t at, void *to, size_t bytes)
{
    const FileNode *f = (const FileNode *)n;
    for (ssize_t done; bytes; bytes -= (size_t)done, at += (size_t)done, to = (char *)to + done) {
        done = pread(f->fd, to, bytes, (off_t)at);
        if (done < 0 && errno != EINTR)
            return errno;
        done = MAX(done, 0);
        if (done == 0) { /* behind the end */
            memset(to, 0, bytes);
            return 0;
        }
    }
    return 0;
}

static int file_write(BlockNode *n, uint64_t at, const void *from, size_t bytes)
{
    const FileNode *f = (const FileNode *)n;
    const uint64_t end = at + bytes;
    for (ssize_t done; bytes; bytes -= (size_t)done, at += (size_t)done, from = (const char *)from + done) {
        done = pwrite(f->fd, from, bytes, (off_t)at);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done == 0)
            return ENOSPC;
        done = MAX(done, 0);
    }
    if (end > n->bytes) /* of formats, which grow and do not do that in two threads */
        n->bytes = end;
    return 0;
}

static int file_flush(BlockNode *n)
{
    return fdatasync(((const FileNode *)n)->fd) == 0 ? 0 : errno;
}

static int file_discard(BlockNode *n, uint64_t at, uint64_t bytes)
{
    int fd = ((const FileNode *)n)->fd;
    int ok = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes);
    return ok == 0 || errno == EOPNOTSUPP || errno == ENODEV ? 0 : errno; /* a hint */
}

static int write_zeroes(BlockNode *n, uint64_t at, uint64_t bytes)
{
    static const char zeroes[64 << 10];
    for (uint64_t part; bytes; bytes -= part, at += part) {
        part = MIN(bytes, (uint64_t)sizeof(zeroes));
        int bad = file_write(n, at, zeroes, part);
        if (bad)
            return bad;
    }
    return 0;
}

static int file_zero(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap)
{
    const FileNode *f = (const FileNode *)n;
    int mode = unmap ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE;
    if (f->regular && fallocate(f->fd, mode, (off_t)at, (off_t)bytes) == 0)
        return 0;
    return write_zeroes(n, at, bytes);
}

static int file_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes)
{
    const FileNode *f = (const FileNode *)n;
    off_t data = f->regular ? lseek(f->fd, (off_t)at, SEEK_DATA) : (off_t)at;
    *ret = BLOCK_DATA;
    *ret_bytes = bytes;
    if (data < 0 && errno == ENXIO) { /* nothing more */
        *ret = BLOCK_ZERO;
    } else if (data > (off_t)at) {
        *ret = BLOCK_ZERO;
        *ret_bytes = MIN(bytes, (uint64_t)data - at);
    } else if (data >= 0 && f->regular) {
        off_t hole = lseek(f->fd, data, SEEK_HOLE);
        if (hole > data)
            *ret_bytes = MIN(bytes, (uint64_t)(hole - data));
    }
    return 0;
}

static int file_resize(BlockNode *n, uint64_t bytes)
{
    if (ftruncate(((const FileNode *)n)->fd, (off_t)bytes) != 0)
        return errno;
    n->bytes = bytes;
    return 0;
}

static void file_close(BlockNode *n)
{
    if (((const FileNode *)n)->fd >= 0)
        close(((const FileNode *)n)->fd);
}

static const BlockKind file_kind = {
    .name = "file",
    .read = file_read,
    .write = file_write,
    .flush = file_flush,
    .zero = file_zero,
    .discard = file_discard,
    .status = file_status,
    .resize = file_resize,
    .close = file_close,
};

/* Two programs that write to one image destroy it. */
static bool lock_file(int fd, const char *path, GError **err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 200, .l_len = 1};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
        return true;
    return sys_fail(err, "%s: another process writes to it", path);
}

BlockNode *block_file_open(const char *path, bool read_only, bool no_lock, GError **err)
{
    struct stat st;
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        sys_fail_errno(err, errno, "Could not open '%s'", path);
        return NULL;
    }
    off_t end = S_ISREG(st.st_mode) ? st.st_size : lseek(fd, 0, SEEK_END);
    bool ok = end >= 0 || sys_fail(err, "'%s' is no file or disk", path);
    if (!ok || (!read_only && !no_lock && !lock_file(fd, path, err))) {
        close(fd);
        return NULL;
    }
    FileNode *f = g_new0(FileNode, 1);
    f->n = (BlockNode){
        .kind = &file_kind, .path = g_strdup(path), .bytes = (uint64_t)end, .read_only = read_only};
    f->fd = fd;
    f->regular = S_ISREG(st.st_mode);
    return &f->n;
}

bool block_create_file(const char *path, uint64_t bytes, GError **err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && ftruncate(fd, (off_t)bytes) == 0;
    if (!ok)
        sys_fail_errno(err, errno, "%s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

uint64_t block_host_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* ---- raw ---- */

static int raw_read(BlockNode *n, uint64_t at, void *to, size_t bytes)
{
    return block_read(n->file, at, to, bytes);
}
static int raw_write(BlockNode *n, uint64_t at, const void *from, size_t bytes)
{
    return block_write(n->file, at, from, bytes);
}
static int raw_flush(BlockNode *n)
{
    return block_flush(n->file);
}
static int raw_zero(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap)
{
    return block_zero(n->file, at, bytes, unmap);
}
static int raw_discard(BlockNode *n, uint64_t at, uint64_t bytes)
{
    return block_discard(n->file, at, bytes);
}
static int raw_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes)
{
    return block_status(n->file, at, bytes, ret, ret_bytes);
}
static int raw_resize(BlockNode *n, uint64_t bytes)
{
    int bad = block_resize(n->file, bytes);
    n->bytes = n->file->bytes;
    return bad;
}

static const BlockKind raw_kind = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .zero = raw_zero,
    .discard = raw_discard,
    .status = raw_status,
    .resize = raw_resize,
};

BlockNode *block_raw_open(BlockNode *file)
{
    BlockNode *n = g_new0(BlockNode, 1);
    /* a last part of a sector is shown as a whole one */
    *n = (BlockNode){.kind = &raw_kind,
                     .path = g_strdup(file->path),
                     .file = file,
                     .read_only = file->read_only,
                     .bytes = align_up(file->bytes, BLOCK_SECTOR)};
    return n;
}
