#include "system/block_raw.h"
#include "system/sys_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool raw_read(void *backend, uint64_t at, void *to, size_t n)
{
    const RawDisk *d = backend;
    for (ssize_t done; n; n -= (size_t)done, at += (size_t)done, to = (char *)to + done) {
        done = pread(d->fd, to, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            done = 0;
        else if (done <= 0)
            return false;
    }
    return true;
}

static bool raw_write(void *backend, uint64_t at, const void *from, size_t n)
{
    const RawDisk *d = backend;
    for (ssize_t done; n; n -= (size_t)done, at += (size_t)done, from = (const char *)from + done) {
        done = pwrite(d->fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            done = 0;
        else if (done <= 0)
            return false;
    }
    return true;
}

static bool raw_flush(void *backend) { return fdatasync(((const RawDisk *)backend)->fd) == 0; }

bool raw_disk_open(RawDisk *d, const char *path, bool read_only, GError **err)
{
    struct stat st;
    *d = (RawDisk){.fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC)};
    if (d->fd < 0 || fstat(d->fd, &st) != 0) {
        g_set_error(err, SYS_ERROR, 0, "%s: %s", path, g_strerror(errno));
        return false;
    }
    off_t end = S_ISREG(st.st_mode) ? st.st_size : lseek(d->fd, 0, SEEK_END);
    if (end <= 0 || end % 512 != 0) {
        g_set_error(err, SYS_ERROR, 0, "%s: %ld bytes are no number of sectors", path, (long)end);
        raw_disk_close(d);
        return false;
    }
    d->port = (BlockPort){.backend = d, .bytes = (uint64_t)end, .read_only = read_only, .read = raw_read,
                          .write = raw_write,
                          .flush = raw_flush};
    return true;
}

void raw_disk_close(RawDisk *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}
