#include "system/objects.h"

#include "system/sys_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct SysObject SysObject;

typedef struct ObjectKind {
    const char *name;
    bool (*open)(SysObject *o, KeyVals *kv, GError **err);
} ObjectKind;

struct SysMemory {
    uint64_t bytes;
    int fd; /* -1: anonymous */
    bool share, prealloc;
};

struct SysObject {
    const ObjectKind *kind;
    char *id;
    unsigned users;
    int fd; /* rng-random */
    EntropyPort entropy;
    struct SysMemory memory;
    GBytes *secret;
};

struct SysObjects {
    GPtrArray *list; /* SysObject */
};

/* ---- random bytes ---- */

static bool fill_builtin(void *backend, void *to, size_t n)
{
    for (ssize_t done; n; to = (char *)to + done, n -= (size_t)done)
        if ((done = getrandom(to, MIN(n, (size_t)256), 0)) < 0)
            return false;
    return true;
}

static bool fill_from_file(void *backend, void *to, size_t n)
{
    const SysObject *o = backend;
    for (ssize_t done; n; to = (char *)to + done, n -= (size_t)done) {
        do
            done = read(o->fd, to, n);
        while (done < 0 && errno == EINTR);
        if (done <= 0)
            return false;
    }
    return true;
}

static bool open_builtin(SysObject *o, KeyVals *kv, GError **err)
{
    o->entropy = (EntropyPort){.backend = o, .fill = fill_builtin};
    return true;
}

static bool open_random(SysObject *o, KeyVals *kv, GError **err)
{
    const char *path = key_vals_get(kv, "filename");
    path = path ? path : "/dev/urandom";
    o->entropy = (EntropyPort){.backend = o, .fill = fill_from_file};
    o->fd = open(path, O_RDONLY | O_CLOEXEC);
    return o->fd >= 0 || sys_fail_errno(err, errno, "%s: %s", key_vals_what(kv), path);
}

/* ---- memory ---- */

static bool memory_keys(SysObject *o, KeyVals *kv, GError **err)
{
    static const char *const any[] = {
        "dump", "merge", "reserve", "policy", "host-nodes", "prealloc-threads", "align", "discard-data"};
    for (unsigned k = 0; k < G_N_ELEMENTS(any); k++)
        key_vals_get(kv, any[k]); /* nothing here depends on them */
    if (!key_vals_size(kv, "size", &o->memory.bytes, err) ||
        !key_vals_bool(kv, "share", &o->memory.share, err) ||
        !key_vals_bool(kv, "prealloc", &o->memory.prealloc, err))
        return false;
    return (o->memory.bytes && o->memory.bytes % 4096 == 0) ||
           sys_fail(err, "%s: size= is missing, or not whole pages", key_vals_what(kv));
}

static bool open_memory_file(SysObject *o, KeyVals *kv, GError **err)
{
    const char *path = key_vals_get(kv, "mem-path");
    bool read_only = false;
    struct stat st;
    if (!memory_keys(o, kv, err) || !key_vals_bool(kv, "readonly", &read_only, err))
        return false;
    if (!path)
        return sys_fail(err, "%s: which mem-path?", key_vals_what(kv));
    if (read_only)
        return sys_fail(err, "%s: a machine writes to its memory: no readonly=on", key_vals_what(kv));
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) { /* a file of its own there, without a name */
        o->memory.fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    } else {
        o->memory.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (o->memory.fd < 0 || fstat(o->memory.fd, &st) != 0)
        return sys_fail_errno(err, errno, "%s: %s", key_vals_what(kv), path);
    if (st.st_size && (uint64_t)st.st_size < o->memory.bytes)
        return sys_fail(err, "%s: %s is smaller than size=", key_vals_what(kv), path);
    return st.st_size || ftruncate(o->memory.fd, (off_t)o->memory.bytes) == 0 ||
           sys_fail_errno(err, errno, "%s: %s", key_vals_what(kv), path);
}

uint64_t memory_bytes(const SysMemory *m)
{
    return m->bytes;
}

bool memory_map(void *memory, void *host, uint64_t bytes)
{
    const SysMemory *m = memory;
    int flags = MAP_FIXED | (m->share ? MAP_SHARED : MAP_PRIVATE) | (m->fd < 0 ? MAP_ANONYMOUS : 0) |
                (m->prealloc ? MAP_POPULATE : MAP_NORESERVE);
    return mmap(host, bytes, PROT_READ | PROT_WRITE, flags, m->fd, 0) == host;
}

/* ---- the others ---- */

static bool open_thread(SysObject *o, KeyVals *kv, GError **err)
{
    static const char *const any[] = {"poll-max-ns",   "poll-grow",       "poll-shrink",
                                      "aio-max-batch", "thread-pool-min", "thread-pool-max"};
    for (unsigned k = 0; k < G_N_ELEMENTS(any); k++)
        key_vals_get(kv, any[k]);
    return true;
}

static bool open_secret(SysObject *o, KeyVals *kv, GError **err)
{
    static const char *const formats[] = {"raw", "base64"};
    const char *data = key_vals_get(kv, "data"), *path = key_vals_get(kv, "file");
    unsigned format = 0;
    gsize n = data ? strlen(data) : 0;
    g_autofree char *text = g_strdup(data);
    if (!key_vals_word(kv, "format", formats, G_N_ELEMENTS(formats), &format, err))
        return false;
    if (!data == !path)
        return sys_fail(err, "%s: one of data= and file= is needed", key_vals_what(kv));
    if (key_vals_get(kv, "keyid"))
        return sys_fail(err, "%s: encrypted secrets (keyid=) are not there", key_vals_what(kv));
    if (path && !(text = sys_file_text(path, &n, err)))
        return false;
    if (format == 1) {
        gsize bad = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n");
        if (bad != n)
            return sys_fail(err, "%s: this is no base64", key_vals_what(kv));
        g_base64_decode_inplace(text, &n);
    }
    o->secret = g_bytes_new(text, n);
    return true;
}

/* ---- all of them ---- */

static const ObjectKind kinds[] = {
    {"rng-builtin", open_builtin},       {"rng-random", open_random},
    {"memory-backend-ram", memory_keys}, {"memory-backend-file", open_memory_file},
    {"iothread", open_thread},           {"secret", open_secret},
};

const char *objects_kind(unsigned n)
{
    return n < G_N_ELEMENTS(kinds) ? kinds[n].name : NULL;
}

static void object_free(SysObject *o)
{
    if (o->fd >= 0)
        close(o->fd);
    if (o->memory.fd >= 0)
        close(o->memory.fd);
    if (o->secret)
        g_bytes_unref(o->secret);
    g_free(o->id);
    g_free(o);
}

static SysObject *find(const SysObjects *all, const char *id)
{
    for (unsigned k = 0; k < all->list->len; k++) {
        SysObject *o = all->list->pdata[k];
        if (strcmp(o->id, id) == 0)
            return o;
    }
    return NULL;
}

static const ObjectKind *find_kind(const char *name, const char *what, GError **err)
{
    const char *names[G_N_ELEMENTS(kinds) + 1];
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        names[k] = kinds[k].name;
        if (strcmp(kinds[k].name, name) == 0)
            return &kinds[k];
    }
    names[G_N_ELEMENTS(kinds)] = "filter-dump";
    sys_fail(err, "%s: no kind '%s'; '%s' would be", what, name,
             sys_nearest(name, names, G_N_ELEMENTS(names)));
    return NULL;
}

bool objects_add(SysObjects *all, KeyVals *kv, bool *ret_known, GError **err)
{
    const char *name = key_vals_get(kv, "qom-type"), *id;
    *ret_known = name && strcmp(name, "filter-dump") != 0;
    if (!*ret_known)
        return name || sys_fail(err, "%s: which kind?", key_vals_what(kv));
    const ObjectKind *kind = find_kind(name, key_vals_what(kv), err);
    if (!kind)
        return false;
    id = key_vals_get(kv, "id");
    if (!id || !*id)
        return sys_fail(err, "%s %s: which id?", key_vals_what(kv), name);
    if (find(all, id))
        return sys_fail(err, "%s: there is an object '%s' already", key_vals_what(kv), id);
    SysObject *o = g_new0(SysObject, 1);
    o->kind = kind;
    o->id = g_strdup(id);
    o->fd = o->memory.fd = -1;
    if (!kind->open(o, kv, err) || !key_vals_done(kv, err)) {
        object_free(o);
        return false;
    }
    g_ptr_array_add(all->list, o);
    return true;
}

bool objects_remove(SysObjects *all, const char *id, GError **err)
{
    SysObject *o = find(all, id);
    if (!o)
        return sys_fail(err, "object '%s' not found", id);
    if (o->users)
        return sys_fail(err, "object '%s' is in use, can not be deleted", id);
    g_ptr_array_remove(all->list, o);
    object_free(o);
    return true;
}

bool objects_at(const SysObjects *all, unsigned n, const char **ret_kind, const char **ret_id)
{
    if (n >= all->list->len)
        return false;
    const SysObject *o = all->list->pdata[n];
    *ret_kind = o->kind->name;
    *ret_id = o->id;
    return true;
}

static SysObject *use(SysObjects *all, const char *id, const char *prefix, GError **err)
{
    SysObject *o = find(all, id);
    if (!o || !g_str_has_prefix(o->kind->name, prefix)) {
        sys_fail(err, o ? "object '%s' is no %s" : "no object '%s' (%s)", id, prefix);
        return NULL;
    }
    o->users++;
    return o;
}

EntropyPort *objects_entropy(SysObjects *all, const char *id, GError **err)
{
    SysObject *o = use(all, id, "rng-", err);
    return o ? &o->entropy : NULL;
}

bool objects_iothread(SysObjects *all, const char *id, GError **err)
{
    return use(all, id, "iothread", err) != NULL;
}

void objects_give_back(SysObjects *all, const char *id)
{
    SysObject *o = find(all, id);
    if (o)
        o->users--;
}

SysMemory *objects_memory(SysObjects *all, const char *id, GError **err)
{
    SysObject *o = use(all, id, "memory-backend-", err);
    return o ? &o->memory : NULL;
}

SysObjects *objects_new(void)
{
    SysObjects *all = g_new0(SysObjects, 1);
    all->list = g_ptr_array_new();
    return all;
}

void objects_free(SysObjects *all)
{
    if (!all)
        return;
    for (unsigned k = 0; k < all->list->len; k++)
        object_free(all->list->pdata[k]);
    g_ptr_array_unref(all->list);
    g_free(all);
}
