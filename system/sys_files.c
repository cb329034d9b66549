#include "system/sys_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *sys_file_find(const SysOptions *o, const char *name)
{
    static const char *const folders[] = {"/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu",
                                          "/usr/lib/riscv64-linux-gnu/opensbi/generic"};
    const char *folder;
    const bool here = g_file_test(name, G_FILE_TEST_EXISTS) || strchr(name, '/');
    const unsigned own = o->list[LIST_FIRMWARE_PATH]->len;
    for (unsigned k = 0; !here && k < own + G_N_ELEMENTS(folders); k++) {
        folder = k < own ? sys_option(o, LIST_FIRMWARE_PATH, k) : folders[k - own];
        char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return path;
        g_free(path);
    }
    return g_strdup(name);
}

GMappedFile *sys_file_map(const char *path, GError **err)
{
    struct stat st;
    /* Opening a pipe would wait for its other end, and mmap() has no words for a device. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        sys_fail(err, "%s is no regular file", path);
        return NULL;
    }
    return g_mapped_file_new(path, FALSE, err);
}

char *sys_file_text(const char *path, gsize *ret_n, GError **err)
{
    FILE *f = fopen(path, "re");
    g_autofree char *text = g_malloc(SYS_FILE_TEXT_MOST + 1);
    size_t n = f ? fread(text, 1, SYS_FILE_TEXT_MOST + 1, f) : 0;
    bool ok = f && !ferror(f);
    if (!ok)
        sys_fail_errno(err, errno, "%s", path);
    if (f)
        fclose(f);
    if (ok && n > SYS_FILE_TEXT_MOST)
        ok = sys_fail(err, "%s: more than %d bytes", path, SYS_FILE_TEXT_MOST);
    if (!ok)
        return NULL;
    text[n] = '\0';
    if (ret_n)
        *ret_n = n;
    return g_steal_pointer(&text);
}

bool sys_file_write(const char *path, const void *bytes, size_t n, GError **err)
{
    /* not to wait for a pipe's reader; then to wait until it has read */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
    FILE *f = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "w") : NULL;
    bool ok = f && fwrite(bytes, 1, n, f) == n && fflush(f) == 0;
    if (!ok)
        sys_fail_errno(err, errno, "%s", path);
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    return ok;
}
