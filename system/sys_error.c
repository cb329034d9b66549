#include "system/sys_error.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool sys_fail(GError **err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_set_error_literal(err, SYS_ERROR, 0, text);
    return false;
}

bool sys_fail_missing(GError **err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_set_error_literal(err, SYS_ERROR, SYS_ERROR_MISSING, text);
    return false;
}

bool sys_fail_errno(GError **err, int number, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_set_error(err, SYS_ERROR, number, "%s: %s", text, g_strerror(number));
    return false;
}

void sys_hold_std_fds(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Differences between two words, small ones: for "did you mean". */
static unsigned distance(const char *a, const char *b)
{
    size_t na = MIN(strlen(a), (size_t)31), nb = MIN(strlen(b), (size_t)31);
    unsigned row[32];
    for (size_t k = 0; k <= nb; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= nb; k++) {
            unsigned up = row[k], best = diagonal + (a[i - 1] != b[k - 1]);
            best = MIN(best, MIN(up, row[k - 1]) + 1);
            diagonal = up;
            row[k] = best;
        }
    }
    return row[nb];
}

const char *sys_nearest(const char *word, const char *const *words, unsigned n)
{
    const char *best = NULL;
    for (unsigned k = 0; k < n && words[k]; k++)
        if (!best || distance(words[k], word) < distance(best, word))
            best = words[k];
    return best;
}
