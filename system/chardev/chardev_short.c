/* The short forms of -serial, -monitor, -qmp, -gdb and the like, as -chardev's keys. */
#include "system/chardev/chardev.h"

#include <string.h>

/* Keys behind the first comma; `nowait` and `nodelay` as they were written for ages. */
static bool add_rest(KeyVals *kv, const char *what, const char *rest, GError **err)
{
    unsigned at = 0;
    const char *key, *value;
    g_autoptr(KeyVals) more = key_vals_parse(what, rest, NULL, err);
    if (!more)
        return false;
    while (key_vals_rest(more, &at, &key, &value)) {
        if (strcmp(key, "nowait") == 0)
            key_vals_add(kv, "wait", "off");
        else
            key_vals_add(kv, key, value);
    }
    return true;
}

/* HOST:PORT, [V6]:PORT, with the host left out. */
static bool add_host(KeyVals *kv, const char *what, const char *text, GError **err)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return sys_fail(err, "%s: '%s': HOST:PORT is wanted", what, text);
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = 0;
    }
    key_vals_add(kv, "host", host);
    key_vals_add(kv, "port", colon + 1);
    return true;
}

/* `path` of file:, pipe: and unix: reaches to the first comma. */
static bool add_form(KeyVals *kv, const char *what, const char *form, const char *first, GError **err)
{
    static const char *const plain[] = {"stdio", "pty", "null", "ringbuf"};
    for (unsigned k = 0; k < G_N_ELEMENTS(plain); k++) {
        if (strcmp(form, plain[k]) == 0) {
            key_vals_add(kv, "backend", form);
            return true;
        }
    }
    if (strcmp(form, "vc") == 0) { /* there are no windows: nobody sees it */
        key_vals_add(kv, "backend", "null");
    } else if (strcmp(form, "file") == 0 || strcmp(form, "pipe") == 0) {
        key_vals_add(kv, "backend", form);
        key_vals_add(kv, "path", first);
    } else if (strcmp(form, "/dev/null") == 0) {
        key_vals_add(kv, "backend", "null");
    } else if (form[0] == '/') {
        key_vals_add(kv, "backend", "serial");
        key_vals_add(kv, "path", form);
    } else if (strcmp(form, "unix") == 0) {
        key_vals_add(kv, "backend", "socket");
        key_vals_add(kv, "path", first);
    } else if (strcmp(form, "tcp") == 0 || strcmp(form, "telnet") == 0) {
        key_vals_add(kv, "backend", "socket");
        if (strcmp(form, "telnet") == 0)
            key_vals_add(kv, "telnet", "on");
        return add_host(kv, what, first, err);
    } else {
        static const char *const known[] = {"stdio", "pty", "null",   "ringbuf", "vc",  "file", "pipe",
                                            "unix",  "tcp", "telnet", "chardev", "mon", "none"};
        return sys_fail(err, "%s: no '%s'; '%s' would be", what, form,
                        sys_nearest(form, known, G_N_ELEMENTS(known)));
    }
    return true;
}

Chardev *chardev_add_short(Chardevs *all, const char *what, const char *text, const char *label, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_new(what);
    if (g_str_has_prefix(text, "mon:")) {
        key_vals_add(kv, "mux", "on");
        text += 4;
    }
    if (g_str_has_prefix(text, "chardev:")) {
        Chardev *c = chardev_find(all, text + 8);
        if (!c)
            sys_fail(err, "%s: no chardev '%s'", what, text + 8);
        return c;
    }
    size_t n = strcspn(text, ",");
    g_autofree char *head = g_strndup(text, n);
    char *first = head[0] == '/' ? NULL : strchr(head, ':');
    if (first)
        *first++ = 0;
    key_vals_add(kv, "id", label);
    if (!add_form(kv, what, head, first ? first : "", err) ||
        (text[n] && !add_rest(kv, what, text + n + 1, err)))
        return NULL;
    return chardev_add(all, kv, err);
}
