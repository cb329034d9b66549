#include "system/semihost.h"

#include "accel/accel_debug.h"
#include "target/mem.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE,
    SYS_WRITEC,
    SYS_WRITE0,
    SYS_WRITE,
    SYS_READ,
    SYS_READC,
    SYS_ISERROR,
    SYS_ISTTY,
    SYS_SEEK,
    SYS_FLEN = 0x0c,
    SYS_TMPNAM,
    SYS_REMOVE,
    SYS_RENAME,
    SYS_CLOCK,
    SYS_TIME,
    SYS_SYSTEM,
    SYS_ERRNO,
    SYS_GET_CMDLINE = 0x15,
    SYS_HEAPINFO,
    SYS_EXIT = 0x18,
    SYS_EXIT_EXTENDED = 0x20,
    SYS_ELAPSED = 0x30,
    SYS_TICKFREQ
};
enum { STOPPED_APPLICATION_EXIT = 0x20026, MOST_FILES = 64, MOST_NAME = 4096, MOST_PART = 65536 };

typedef enum FileKind { FILE_FREE, FILE_HOST, FILE_CONSOLE, FILE_FEATURES } FileKind;

typedef struct File {
    FileKind kind;
    int fd;       /* HOST, CONSOLE without a chardev */
    uint64_t pos; /* FEATURES */
} File;

struct Semihost {
    Vm *vm;
    GMutex lock; /* files, error, input */
    File file[MOST_FILES];
    int64_t error;
    char *command_line;
    gint64 begun;
    bool has_chardev;
    CharFront front;
    GByteArray *input; /* of the chardev */
    unsigned word;     /* bytes of one */
    uint16_t arg[2];   /* where a cpu has the two registers */
};

/* One call of one cpu. */
typedef struct Call {
    Semihost *s;
    Vcpu *vcpu;
    Cpu *cpu;
    uint64_t arg;
    bool again; /* it could not be done yet: the instruction runs once more */
} Call;

/* What ":semihosting-features" reads as: all the extensions there are. */
static const uint8_t features[] = {'S', 'H', 'F', 'B', 3};

/* ---- registers and memory ---- */

static uint64_t reg_get(const Semihost *s, const Cpu *cpu, unsigned n)
{
    uint64_t v = 0;
    memcpy(&v, (const uint8_t *)cpu + s->arg[n], s->word);
    return v;
}

static void reg_set(const Semihost *s, Cpu *cpu, unsigned n, uint64_t v)
{
    memcpy((uint8_t *)cpu + s->arg[n], &v, s->word);
}

/* The debugger's way to memory wants the other cpus to stand. */
static bool mem_get(Call *c, uint64_t at, void *to, size_t n)
{
    accel_exclusive_begin(c->cpu);
    bool ok = accel_debug_read(c->cpu, at, to, n);
    accel_exclusive_end(c->cpu);
    return ok;
}

static bool mem_put(Call *c, uint64_t at, const void *from, size_t n)
{
    accel_exclusive_begin(c->cpu);
    bool ok = accel_debug_write(c->cpu, at, from, n);
    accel_exclusive_end(c->cpu);
    return ok;
}

/* Word n of the call's parameter block. */
static bool block_get(Call *c, unsigned n, uint64_t *ret)
{
    *ret = 0;
    return mem_get(c, c->arg + n * c->s->word, ret, c->s->word);
}

static bool block_put(Call *c, unsigned n, uint64_t v)
{
    return mem_put(c, c->arg + n * c->s->word, &v, c->s->word);
}

static int64_t failed(Call *c, int error)
{
    g_mutex_lock(&c->s->lock);
    c->s->error = error;
    g_mutex_unlock(&c->s->lock);
    return -1;
}

/* A name of `n` bytes; the caller frees it. NULL: it is not there, or not one. */
static char *name_get(Call *c, uint64_t at, uint64_t n)
{
    if (n > MOST_NAME)
        return NULL;
    char *name = g_malloc0(n + 1);
    if (mem_get(c, at, name, n) && strlen(name) == n)
        return name;
    g_free(name);
    return NULL;
}

/* ---- the console ---- */

static void console_write(Semihost *s, int fd, const uint8_t *bytes, size_t n)
{
    if (s->has_chardev) {
        s->front.port.write(s->front.port.backend, bytes, n);
        return;
    }
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno != EINTR)
            return;
        bytes += MAX(done, 0);
        n -= (size_t)MAX(done, 0);
    }
}

/* At least one byte, -1 at the end of input; c->again: somebody wants the cpu to stop. */
static ssize_t console_read(Call *c, int fd, uint8_t *to, size_t n)
{
    enum { LOOK_AFTER_MS = 50 };
    Semihost *s = c->s;
    while (!vcpu_should_stop(c->vcpu)) {
        struct pollfd p = {.fd = s->has_chardev ? -1 : fd, .events = POLLIN};
        g_mutex_lock(&s->lock);
        size_t have = s->has_chardev ? MIN(s->input->len, n) : 0;
        memcpy(to, s->has_chardev ? s->input->data : to, have);
        if (have)
            g_byte_array_remove_range(s->input, 0, (guint)have);
        g_mutex_unlock(&s->lock);
        if (have)
            return (ssize_t)have;
        if (poll(&p, 1, LOOK_AFTER_MS) > 0) {
            ssize_t got = read(fd, to, n);
            return got > 0 ? got : -1;
        }
    }
    c->again = true;
    return 0;
}

static size_t can_take(void *opaque)
{
    Semihost *s = opaque;
    g_mutex_lock(&s->lock);
    size_t n = s->input->len < 4096 ? 4096 - s->input->len : 0;
    g_mutex_unlock(&s->lock);
    return n;
}

static void take(void *opaque, const uint8_t *bytes, size_t n)
{
    Semihost *s = opaque;
    g_mutex_lock(&s->lock);
    g_byte_array_append(s->input, bytes, (guint)n);
    g_mutex_unlock(&s->lock);
}

static int64_t write_char(Call *c)
{
    uint8_t byte;
    if (mem_get(c, c->arg, &byte, 1))
        console_write(c->s, STDOUT_FILENO, &byte, 1);
    return (int64_t)c->arg;
}

static int64_t write_string(Call *c)
{
    uint8_t byte;
    g_autoptr(GByteArray) text = g_byte_array_new();
    for (uint64_t at = c->arg; text->len < 1 << 20 && mem_get(c, at, &byte, 1) && byte; at++)
        g_byte_array_append(text, &byte, 1);
    console_write(c->s, STDOUT_FILENO, text->data, text->len);
    return (int64_t)c->arg;
}

static int64_t read_char(Call *c)
{
    uint8_t byte = 0;
    ssize_t n = console_read(c, STDIN_FILENO, &byte, 1);
    if (n > 0 && c->s->has_chardev)
        c->s->front.port.more(c->s->front.port.backend);
    return n > 0 ? byte : -1;
}

/* ---- files ---- */

static bool file_get(Call *c, uint64_t handle, File *ret)
{
    Semihost *s = c->s;
    g_mutex_lock(&s->lock);
    bool ok = handle >= 1 && handle < MOST_FILES && s->file[handle].kind != FILE_FREE;
    if (ok)
        *ret = s->file[handle];
    else
        s->error = EBADF;
    g_mutex_unlock(&s->lock);
    return ok;
}

/* The number of the call's file, at the block's beginning. */
static bool file_of(Call *c, File *ret, uint64_t *ret_handle)
{
    return block_get(c, 0, ret_handle) && file_get(c, *ret_handle, ret);
}

static int64_t file_new(Call *c, File f)
{
    Semihost *s = c->s;
    unsigned k = 1;
    g_mutex_lock(&s->lock);
    while (k < MOST_FILES && s->file[k].kind != FILE_FREE)
        k++;
    if (k < MOST_FILES)
        s->file[k] = f;
    g_mutex_unlock(&s->lock);
    if (k < MOST_FILES)
        return k;
    if (f.kind == FILE_HOST)
        close(f.fd);
    return failed(c, EMFILE);
}

static int64_t call_open(Call *c)
{
    /* by mode / 4 (r, w, a) and whether it has a + */
    static const int flags[3][2] = {{O_RDONLY, O_RDWR},
                                    {O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC},
                                    {O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND}};
    static const int console[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    uint64_t at, mode, n;
    if (!block_get(c, 0, &at) || !block_get(c, 1, &mode) || !block_get(c, 2, &n))
        return failed(c, EFAULT);
    g_autofree char *name = name_get(c, at, n);
    if (!name || mode > 11)
        return failed(c, EINVAL);
    if (strcmp(name, ":tt") == 0)
        return file_new(c, (File){.kind = FILE_CONSOLE, .fd = console[mode / 4]});
    if (strcmp(name, ":semihosting-features") == 0)
        return mode < 2 ? file_new(c, (File){.kind = FILE_FEATURES}) : failed(c, EACCES);
    int fd = open(name, flags[mode / 4][mode >> 1 & 1] | O_CLOEXEC, 0644);
    return fd < 0 ? failed(c, errno) : file_new(c, (File){.kind = FILE_HOST, .fd = fd});
}

static int64_t call_close(Call *c)
{
    uint64_t handle;
    File f;
    if (!file_of(c, &f, &handle))
        return failed(c, EBADF);
    g_mutex_lock(&c->s->lock);
    c->s->file[handle].kind = FILE_FREE;
    g_mutex_unlock(&c->s->lock);
    return f.kind == FILE_HOST && close(f.fd) != 0 ? failed(c, errno) : 0;
}

static bool write_part(Call *c, const File *f, const uint8_t *bytes, size_t n)
{
    if (f->kind == FILE_CONSOLE)
        console_write(c->s, f->fd, bytes, n);
    for (ssize_t done; f->kind == FILE_HOST && n; bytes += done, n -= (size_t)done) {
        do
            done = write(f->fd, bytes, n);
        while (done < 0 && errno == EINTR);
        if (done < 0) {
            failed(c, errno);
            return false;
        }
    }
    return f->kind != FILE_FEATURES;
}

/* How many bytes were not written. */
static int64_t call_write(Call *c)
{
    uint64_t handle, at, n;
    File f;
    if (!file_of(c, &f, &handle) || !block_get(c, 1, &at) || !block_get(c, 2, &n))
        return failed(c, EBADF);
    g_autofree uint8_t *bytes = g_malloc(MOST_PART);
    while (n) {
        size_t part = MIN(n, (uint64_t)MOST_PART);
        if (!mem_get(c, at, bytes, part)) {
            failed(c, EFAULT);
            break;
        }
        if (!write_part(c, &f, bytes, part))
            break;
        at += part;
        n -= part;
    }
    return (int64_t)n;
}

static ssize_t read_features(Call *c, uint64_t handle, uint8_t *to, size_t n)
{
    g_mutex_lock(&c->s->lock);
    uint64_t *pos = &c->s->file[handle].pos;
    size_t part = *pos < sizeof(features) ? MIN(n, sizeof(features) - *pos) : 0;
    memcpy(to, features + (part ? *pos : 0), part);
    *pos += part;
    g_mutex_unlock(&c->s->lock);
    return (ssize_t)part;
}

/* How many bytes are missing; all of them: the end of the file. */
static int64_t call_read(Call *c)
{
    uint64_t handle, at, n;
    File f;
    if (!file_of(c, &f, &handle) || !block_get(c, 1, &at) || !block_get(c, 2, &n))
        return failed(c, EBADF);
    g_autofree uint8_t *bytes = g_malloc(MOST_PART);
    while (n) {
        size_t part = MIN(n, (uint64_t)MOST_PART);
        ssize_t got = f.kind == FILE_HOST      ? read(f.fd, bytes, part)
                      : f.kind == FILE_CONSOLE ? console_read(c, f.fd, bytes, part)
                                               : read_features(c, handle, bytes, part);
        if (got < 0 && f.kind == FILE_HOST)
            return failed(c, errno);
        if (got <= 0)
            break;
        if (!mem_put(c, at, bytes, (size_t)got))
            return failed(c, EFAULT);
        at += (size_t)got;
        n -= (size_t)got;
        if (f.kind == FILE_CONSOLE)
            break; /* what there is */
    }
    return (int64_t)n;
}

static int64_t call_istty(Call *c)
{
    uint64_t handle;
    File f;
    if (!file_of(c, &f, &handle))
        return failed(c, EBADF);
    return f.kind == FILE_CONSOLE || (f.kind == FILE_HOST && isatty(f.fd));
}

static int64_t call_seek(Call *c)
{
    uint64_t handle, to;
    File f;
    if (!file_of(c, &f, &handle) || !block_get(c, 1, &to))
        return failed(c, EBADF);
    if (f.kind == FILE_HOST)
        return lseek(f.fd, (off_t)to, SEEK_SET) < 0 ? failed(c, errno) : 0;
    if (f.kind == FILE_CONSOLE || to > sizeof(features))
        return failed(c, ESPIPE);
    g_mutex_lock(&c->s->lock);
    c->s->file[handle].pos = to;
    g_mutex_unlock(&c->s->lock);
    return 0;
}

static int64_t call_flen(Call *c)
{
    uint64_t handle;
    struct stat st;
    File f;
    if (!file_of(c, &f, &handle))
        return failed(c, EBADF);
    if (f.kind == FILE_FEATURES)
        return sizeof(features);
    return f.kind == FILE_HOST && fstat(f.fd, &st) == 0 ? st.st_size : failed(c, EINVAL);
}

static int64_t call_remove(Call *c)
{
    uint64_t at, n;
    if (!block_get(c, 0, &at) || !block_get(c, 1, &n))
        return failed(c, EFAULT);
    g_autofree char *name = name_get(c, at, n);
    return name && remove(name) == 0 ? 0 : failed(c, name ? errno : EINVAL);
}

static int64_t call_rename(Call *c)
{
    uint64_t at, n, to, to_n;
    if (!block_get(c, 0, &at) || !block_get(c, 1, &n) || !block_get(c, 2, &to) || !block_get(c, 3, &to_n))
        return failed(c, EFAULT);
    g_autofree char *name = name_get(c, at, n), *new_name = name_get(c, to, to_n);
    return name && new_name && rename(name, new_name) == 0 ? 0 : failed(c, name && new_name ? errno : EINVAL);
}

static int64_t call_tmpnam(Call *c)
{
    uint64_t at, id, n;
    if (!block_get(c, 0, &at) || !block_get(c, 1, &id) || !block_get(c, 2, &n))
        return failed(c, EFAULT);
    g_autofree char *name =
        g_strdup_printf("%s/tinamou-%d-%02x", g_get_tmp_dir(), (int)getpid(), (unsigned)id & 255);
    return strlen(name) < n && mem_put(c, at, name, strlen(name) + 1) ? 0 : failed(c, ENAMETOOLONG);
}

/* ---- the rest ---- */

static int64_t call_errno(Call *c)
{
    g_mutex_lock(&c->s->lock);
    int64_t error = c->s->error;
    g_mutex_unlock(&c->s->lock);
    return error;
}

static int64_t call_command_line(Call *c)
{
    uint64_t at, room;
    const char *text = c->s->command_line;
    size_t n = strlen(text);
    if (!block_get(c, 0, &at) || !block_get(c, 1, &room))
        return failed(c, EFAULT);
    return n < room && mem_put(c, at, text, n + 1) && block_put(c, 1, n) ? 0 : failed(c, E2BIG);
}

/* The upper half of the largest RAM, which a program that asks is not loaded to. */
static int64_t call_heap(Call *c)
{
    const MemMap *m = &c->s->vm->machine->map;
    const MemRegion *ram = NULL;
    for (unsigned k = 0; k < m->n_regions; k++)
        if (m->region[k]->kind == MEM_RAM && (!ram || m->region[k]->bytes > ram->bytes))
            ram = m->region[k];
    uint64_t at, bytes = ram ? ram->bytes & ~(uint64_t)65535 : 0, base = ram ? ram->base : 0;
    const uint64_t to[] = {base + bytes / 2, base + bytes / 4 * 3, base + bytes, base + bytes / 4 * 3};
    if (mem_get(c, c->arg, &at, 0) && block_get(c, 0, &at)) {
        c->arg = at;
        for (unsigned k = 0; k < G_N_ELEMENTS(to); k++)
            block_put(c, k, to[k]);
    }
    return 0;
}

static int64_t call_elapsed(Call *c)
{
    uint64_t ns = (uint64_t)(g_get_monotonic_time() - c->s->begun) * 1000;
    return mem_put(c, c->arg, &ns, sizeof(ns)) ? 0 : failed(c, EFAULT);
}

/* The program ends: its cpu runs nothing any more. In a block, unless the old call of 32-bit programs. */
static int64_t call_exit(Call *c, bool block)
{
    uint64_t reason = c->arg, code = 0;
    if (block && (!block_get(c, 0, &reason) || !block_get(c, 1, &code)))
        code = 1;
    vcpu_stay(c->vcpu);
    vm_request(c->s->vm, MACHINE_POWER_OFF, reason == STOPPED_APPLICATION_EXIT ? (int)code : 1);
    return 0;
}

static int64_t is_error(Call *c)
{
    uint64_t v = 0;
    unsigned shift = 64 - 8 * c->s->word;
    return block_get(c, 0, &v) && (int64_t)(v << shift) < 0;
}

static int64_t do_call(Call *c, uint64_t number)
{
    Semihost *s = c->s;
    switch (number) {
    case SYS_OPEN: return call_open(c);
    case SYS_CLOSE: return call_close(c);
    case SYS_WRITEC: return write_char(c);
    case SYS_WRITE0: return write_string(c);
    case SYS_WRITE: return call_write(c);
    case SYS_READ: return call_read(c);
    case SYS_READC: return read_char(c);
    case SYS_ISERROR: return is_error(c);
    case SYS_ISTTY: return call_istty(c);
    case SYS_SEEK: return call_seek(c);
    case SYS_FLEN: return call_flen(c);
    case SYS_TMPNAM: return call_tmpnam(c);
    case SYS_REMOVE: return call_remove(c);
    case SYS_RENAME: return call_rename(c);
    case SYS_CLOCK: return (g_get_monotonic_time() - s->begun) / 10000;
    case SYS_TIME: return g_get_real_time() / G_USEC_PER_SEC;
    case SYS_SYSTEM: return failed(c, EPERM);
    case SYS_ERRNO: return call_errno(c);
    case SYS_GET_CMDLINE: return call_command_line(c);
    case SYS_HEAPINFO: return call_heap(c);
    case SYS_EXIT: return call_exit(c, s->word == 8);
    case SYS_EXIT_EXTENDED: return call_exit(c, true);
    case SYS_ELAPSED: return call_elapsed(c);
    case SYS_TICKFREQ: return 1000000000;
    default: return failed(c, ENOSYS);
    }
}

/* By the cpu's thread. */
static void on_call(void *opaque, Vcpu *vcpu)
{
    enum { INSN_BYTES = 4 };
    Semihost *s = opaque;
    Call c = {.s = s, .vcpu = vcpu, .cpu = vcpu->cpu, .arg = reg_get(s, vcpu->cpu, 1)};
    trace_event(&s->vm->trace, TRACE_SEMIHOST_CALL, "cpu %u call %#" PRIx64 " arg %#" PRIx64,
                (unsigned)(vcpu - vcpu->all->vcpu), reg_get(s, c.cpu, 0), c.arg);
    int64_t result = do_call(&c, (uint32_t)reg_get(s, c.cpu, 0));
    if (c.again)
        return;
    reg_set(s, c.cpu, 0, (uint64_t)result);
    bool t32 = c.cpu->pc & cpu_isa(c.cpu)->pc_tag & 1;
    c.cpu->pc += t32 ? INSN_BYTES / 2 : INSN_BYTES;
}

/* ---- life ---- */

typedef struct Config {
    bool on, user;
    const char *chardev;
    GString *args; /* NULL: none were given */
} Config;

static bool parse_config(KeyVals *kv, Config *io, GError **err)
{
    static const char *const targets[] = {"native", "auto", "gdb"};
    unsigned target = 0, at = 0;
    const char *key, *value;
    io->on = true;
    if (!key_vals_bool(kv, "enable", &io->on, err) || !key_vals_bool(kv, "userspace", &io->user, err) ||
        !key_vals_word(kv, "target", targets, G_N_ELEMENTS(targets), &target, err))
        return false;
    if (target == 2)
        return sys_fail(err, "-semihosting-config: target=gdb is not there; 'native' would be");
    io->chardev = key_vals_get(kv, "chardev");
    while (key_vals_rest(kv, &at, &key, &value)) {
        if (strcmp(key, "arg") != 0)
            return sys_fail(
                err, "-semihosting-config: no key '%s'; enable, target, chardev, userspace, arg are there",
                key);
        if (!io->args)
            io->args = g_string_new(NULL);
        g_string_append_printf(io->args, "%s%s", io->args->len ? " " : "", value);
    }
    return true;
}

static bool find_registers(Semihost *s, const TargetOps *ops)
{
    static const char *const names[][2] = {{"a0", "a1"}, {"x0", "x1"}, {"r0", "r1"}};
    unsigned found = 0;
    for (unsigned k = 0; k < ops->n_regs; k++)
        for (unsigned n = 0; n < 2 * G_N_ELEMENTS(names); n++)
            if (strcmp(ops->regs[k].name, names[n / 2][n % 2]) == 0) {
                s->arg[n % 2] = ops->regs[k].offset;
                found |= 1u << n % 2;
            }
    return found == 3;
}

static bool attach(Semihost *s, const char *id, GError **err)
{
    Chardev *c = chardev_find(s->vm->chars, id);
    if (!c)
        return sys_fail(err, "-semihosting-config: no chardev '%s'", id);
    s->front.port.device = s;
    s->front.port.can_take = can_take;
    s->front.port.take = take;
    s->has_chardev = chardev_attach(c, &s->front, "semihosting", err);
    return s->has_chardev;
}

static bool start(Vm *vm, const Config *cfg, Semihost **ret, GError **err)
{
    const SysOptions *o = vm->opt;
    const TargetOps *ops = vm->machine->board->target;
    Semihost *s = *ret = g_new0(Semihost, 1);
    s->vm = vm;
    s->begun = g_get_monotonic_time();
    s->word = ops->elf_class == ELFCLASS64 ? 8 : 4;
    s->input = g_byte_array_new();
    const char *kernel = o->kernel ? o->kernel : o->firmware ? o->firmware : "";
    s->command_line = cfg->args   ? g_strdup(cfg->args->str)
                      : o->append ? g_strdup_printf("%s %s", kernel, o->append)
                                  : g_strdup(kernel);
    if (!find_registers(s, ops))
        return sys_fail(err, "-semihosting: not on %s", ops->name);
    if (cfg->chardev && !attach(s, cfg->chardev, err))
        return false;
    for (unsigned k = 0; k < vm->machine->cfg.cpus; k++)
        ops->sys->board(vm->machine->cpu[k])->semihosting =
            cfg->user ? CPU_SEMIHOST_ALL : CPU_SEMIHOST_KERNEL;
    vm->vcpus.call = on_call;
    vm->vcpus.call_opaque = s;
    return true;
}

bool semihost_open(Vm *vm, Semihost **ret, GError **err)
{
    Config cfg = {0};
    const char *text;
    bool ok = true;
    *ret = NULL;
    /* borrows from what it parsed */
    g_autoptr(GPtrArray) parsed = g_ptr_array_new_with_free_func((GDestroyNotify)key_vals_free);
    for (unsigned k = 0; ok && (text = sys_option(vm->opt, LIST_SEMIHOSTING, k)); k++) {
        KeyVals *kv = key_vals_parse("-semihosting-config", text, "enable", err);
        if (kv)
            g_ptr_array_add(parsed, kv);
        ok = kv && parse_config(kv, &cfg, err);
    }
    ok = ok && (!cfg.on || start(vm, &cfg, ret, err));
    if (cfg.args)
        g_string_free(cfg.args, TRUE);
    return ok;
}

void semihost_free(Semihost *s)
{
    if (!s)
        return;
    chardev_detach(&s->front);
    for (unsigned k = 0; k < MOST_FILES; k++)
        if (s->file[k].kind == FILE_HOST)
            close(s->file[k].fd);
    g_byte_array_unref(s->input);
    g_free(s->command_line);
    g_free(s);
}
