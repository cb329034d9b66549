#include "system/sys_files.h"

#include <string.h>

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
