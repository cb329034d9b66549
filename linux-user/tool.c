#include "linux-user/tool.h"

#include <string.h>

#include "base/fmt.h"
#include "base/sys.h"

void lu_tool_exec(const char *name, const char *first, char **rest, int n, char **envp)
{
    enum { MAX_WORDS = 1000 };
    char path[4096 + 64], *argv[MAX_WORDS + 3] = {path, (char *)first};
    long len = sys_call3(SYS_readlink, "/proc/self/exe", path, 4096);
    while (!sys_is_err(len) && len > 0 && path[len - 1] != '/')
        len--;
    if (sys_is_err(len) || n > MAX_WORDS) {
        fmt_err("%s: %s", name, n > MAX_WORDS ? "too many words" : "needs /proc to be found");
        sys_exit_group(1);
    }
    strcpy(path + len, name);
    memcpy(argv + 2, rest, (size_t)n * sizeof(*argv));
    long e = sys_call3(SYS_execve, path, argv, envp);
    fmt_err("%s cannot be started (error %ld)", path, -e);
    sys_exit_group(1);
}
