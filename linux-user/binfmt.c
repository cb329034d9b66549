#include "linux-user/binfmt.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/bits.h"
#include "base/fmt.h"
#include "base/sys.h"
#include "linux-user/abi.h"

#define MISC       "/proc/sys/fs/binfmt_misc"
#define OWN_PREFIX "tinamou-"

enum { MAX_GUESTS = 8, PATH_SIZE = 4096 };

/* An entry as the kernel shows it in a file of its name. */
typedef struct Entry {
    char name[64];
    char interpreter[PATH_SIZE];
    char flags[8];
    uint8_t magic[LU_ELF_HEAD], mask[LU_ELF_HEAD];
    bool enabled;
} Entry;

typedef struct Binfmt {
    const LuAbi *guests[MAX_GUESTS]; /* that are asked for */
    unsigned n_guests;
    const char *flags;
    bool rootless;
    char **command; /* behind "--"; NULL: none */
    int n_command;
    char self[PATH_SIZE];
} Binfmt;

static _Noreturn void leave(int status)
{
    sys_exit_group(status);
}

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
    char buf[PATH_SIZE + 300];
    Fmt f = FMT_ON(buf);
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    sys_write(1, buf, f.len);
}

/* ---- started by an entry ---- */

/* The kernel's word of this type, behind the environment. False: it has not given it. */
static bool kernel_word(char **envp, uint64_t type, uint64_t *ret)
{
    while (*envp)
        envp++;
    for (const Elf64_auxv_t *a = (const void *)(envp + 1); a->a_type != AT_NULL; a++)
        if (a->a_type == type) {
            *ret = a->a_un.a_val;
            return true;
        }
    return false;
}

LuBinfmtStart lu_binfmt_start(char **envp)
{
    uint64_t fd, flags = 0;
    bool opened = kernel_word(envp, AT_EXECFD, &fd);
    kernel_word(envp, AT_FLAGS, &flags);
    return (LuBinfmtStart){.is = opened || flags & 1, .argv0 = flags & 1, .fd = opened ? (int)fd : -1};
}

/* ---- files of the kernel ---- */

static long write_file(const char *path, const char *text, size_t n)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    long done = sys_write((int)fd, text, n);
    sys_close((int)fd);
    return done;
}

static long read_file(const char *path, char *buf, size_t size)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    long n = sys_read((int)fd, buf, size - 1);
    sys_close((int)fd);
    buf[sys_is_err(n) ? 0 : n] = 0;
    return n;
}

static const char *entry_path(char buf[PATH_SIZE], const char *name)
{
    Fmt f = {.buf = buf, .cap = PATH_SIZE};
    fmt_printf(&f, MISC "/%s", name);
    return buf;
}

static bool exists(const char *path)
{
    return !sys_is_err(sys_call2(SYS_access, path, 0));
}

/* ---- what stands for a guest ---- */

/* An executable or shared ELF file of the guest; the ABI's byte says System V or Linux. */
static void guest_magic(const LuAbi *abi, uint8_t magic[LU_ELF_HEAD], uint8_t mask[LU_ELF_HEAD])
{
    memset(magic, 0, LU_ELF_HEAD);
    memset(mask, 0xff, LU_ELF_HEAD);
    memcpy(magic, ELFMAG, SELFMAG);
    magic[EI_CLASS] = abi->target->elf_class;
    magic[EI_DATA] = ELFDATA2LSB;
    magic[EI_VERSION] = EV_CURRENT;
    mask[EI_OSABI] = 0xfc; /* 0 and 3 */
    magic[16] = ET_EXEC;
    mask[16] = 0xfe; /* and ET_DYN */
    magic[18] = (uint8_t)abi->target->elf_machine;
    magic[19] = (uint8_t)(abi->target->elf_machine >> 8);
}

/* The line for `register`, which is one of binfmt.d(5) too. */
static void format_line(Fmt *f, const Binfmt *b, const LuAbi *abi)
{
    uint8_t bytes[2][LU_ELF_HEAD];
    guest_magic(abi, bytes[0], bytes[1]);
    fmt_printf(f, ":" OWN_PREFIX "%s:M:", abi->name);
    for (unsigned k = 0; k < 2; k++) {
        fmt_putc(f, ':');
        for (unsigned i = 0; i < LU_ELF_HEAD; i++)
            fmt_printf(f, "\\x%02x", bytes[k][i]);
    }
    fmt_printf(f, ":%s:%s", b->self, b->flags);
}

/* ---- entries ---- */

static unsigned read_hex(const char *s, uint8_t *out)
{
    unsigned n = 0;
    for (; n < LU_ELF_HEAD; n++, s += 2) {
        unsigned v = 0;
        for (unsigned i = 0; i < 2; i++) {
            unsigned c = (unsigned char)s[i] | 32, d = c - '0' < 10  ? c - '0'
                                                       : c - 'a' < 6 ? c - 'a' + 10
                                                                     : 99;
            if (d == 99)
                return n;
            v = v << 4 | d;
        }
        out[n] = (uint8_t)v;
    }
    return n;
}

static void copy_line(char *to, size_t size, const char *s)
{
    size_t n = strcspn(s, "\n");
    n = n < size ? n : size - 1;
    memcpy(to, s, n);
    to[n] = 0;
}

/* A magic that is shorter than a header leaves the rest of the mask zero: any byte will do there. */
static bool read_entry(const char *name, Entry *ret)
{
    char path[PATH_SIZE], text[PATH_SIZE + 1000];
    *ret = (Entry){0};
    if (strlen(name) >= sizeof(ret->name) || read_file(entry_path(path, name), text, sizeof(text)) <= 0)
        return false;
    copy_line(ret->name, sizeof(ret->name), name);
    ret->enabled = !strncmp(text, "enabled", 7);
    unsigned n = 0;
    for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
        if (!strncmp(s, "interpreter ", 12))
            copy_line(ret->interpreter, sizeof(ret->interpreter), s + 12);
        else if (!strncmp(s, "flags: ", 7))
            copy_line(ret->flags, sizeof(ret->flags), s + 7);
        else if (!strncmp(s, "offset ", 7) && s[7] != '0')
            return false;
        else if (!strncmp(s, "magic ", 6)) {
            n = read_hex(s + 6, ret->magic);
            memset(ret->mask, 0xff, n);
        } else if (!strncmp(s, "mask ", 5))
            read_hex(s + 5, ret->mask);
    }
    return n != 0;
}

static bool takes(const Entry *e, const LuAbi *abi)
{
    uint8_t head[LU_ELF_HEAD], mask[LU_ELF_HEAD];
    guest_magic(abi, head, mask);
    for (unsigned i = 0; i < LU_ELF_HEAD; i++)
        if ((head[i] ^ e->magic[i]) & e->mask[i])
            return false;
    return true;
}

/* Calls fn for every entry that takes the guest's programs, until it says false. */
static void each_entry(const LuAbi *abi, bool (*fn)(const Entry *e, void *arg), void *arg)
{
    struct Dirent { /* linux_dirent64 of getdents(2) */
        uint64_t ino, off;
        uint16_t size;
        uint8_t type;
        char name[];
    };
    _Alignas(8) char buf[4096];
    long fd = sys_call4(SYS_openat, AT_FDCWD, MISC, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n = 0;
    if (sys_is_err(fd))
        return;
    while ((n = sys_call3(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct Dirent *d = (const struct Dirent *)(buf + at);
            at += d->size;
            Entry e;
            if (d->name[0] != '.' && strcmp(d->name, "register") && strcmp(d->name, "status") &&
                read_entry(d->name, &e) && takes(&e, abi) && !fn(&e, arg))
                n = at = 0;
        }
    }
    sys_close((int)fd);
}

static bool is_ours(const Entry *e, const LuAbi *abi)
{
    return !strncmp(e->name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) &&
           !strcmp(e->name + sizeof(OWN_PREFIX) - 1, abi->name);
}

/* ---- the file system of entries ---- */

static _Noreturn void no_misc(long err, bool rootless)
{
    if (err == -ENODEV)
        fmt_err("this kernel has no binfmt_misc (as root: modprobe binfmt_misc)");
    else if (rootless)
        fmt_err("binfmt_misc cannot be mounted in a user namespace (error %ld); Linux 6.7 and later have it "
                "there",
                -err);
    else
        fmt_err("binfmt_misc cannot be mounted (error %ld): be root, or use --rootless -- COMMAND", -err);
    leave(1);
}

static void mount_misc(bool rootless)
{
    long err = sys_call5(SYS_mount, "binfmt_misc", MISC, "binfmt_misc", 0, 0);
    if (sys_is_err(err))
        no_misc(err, rootless);
}

static void map_id(const char *file, unsigned id)
{
    char line[40];
    Fmt f = FMT_ON(line);
    fmt_printf(&f, "0 %u 1", id);
    long err = write_file(file, line, f.len);
    if (sys_is_err(err)) {
        fmt_err("%s: error %ld", file, -err);
        leave(1);
    }
}

/* A user namespace, in which the caller is root, and a mount namespace with a binfmt_misc of their own. */
static void enter_own(void)
{
    unsigned uid = (unsigned)sys_call0(SYS_geteuid), gid = (unsigned)sys_call0(SYS_getegid);
    long err = sys_call1(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS);
    if (sys_is_err(err)) {
        fmt_err(
            "no user namespace for --rootless (error %ld): the kernel's settings or a container forbid it",
            -err);
        leave(1);
    }
    write_file("/proc/self/setgroups", "deny", 4);
    map_id("/proc/self/uid_map", uid);
    map_id("/proc/self/gid_map", gid);
    mount_misc(true);
}

/* ---- verbs ---- */

/* With C in the flags whoever can write the emulator can become whoever owns a program with setuid. */
static bool others_may_write(const char *path)
{
    struct stat st;
    return sys_is_err(sys_call2(SYS_stat, path, &st)) || (st.st_uid && st.st_uid != sys_call0(SYS_geteuid)) ||
           (st.st_mode & 022);
}

static bool tell_other(const Entry *e, void *arg)
{
    const LuAbi *abi = arg;
    if (e->enabled && !is_ours(e, abi))
        say("  (entry %s takes the same programs, %s; the newer one counts: tinamou)\n", e->name,
            e->interpreter);
    return true;
}

static void install_one(const Binfmt *b, const LuAbi *abi)
{
    char line[PATH_SIZE + 300], name[64], path[PATH_SIZE];
    Fmt n = FMT_ON(name), f = FMT_ON(line);
    fmt_printf(&n, OWN_PREFIX "%s", abi->name);
    write_file(entry_path(path, name), "-1", 2); /* an older one, perhaps of an older emulator */
    format_line(&f, b, abi);
    long err = write_file(MISC "/register", line, f.len);
    if (sys_is_err(err)) {
        if (err == -EACCES || err == -EPERM)
            fmt_err("%s: not allowed to register: be root, or use --rootless -- COMMAND", abi->name);
        else
            fmt_err("%s: the kernel refuses the entry (error %ld): %s", abi->name, -err, line);
        leave(1);
    }
    say("%s: registered, %s, flags %s\n", abi->name, b->self, b->flags);
    each_entry(abi, tell_other, (void *)abi);
}

static void install(Binfmt *b, char **envp)
{
    if (b->rootless) {
        if (!b->command) {
            fmt_err("--rootless lasts as long as a command: tinamou --binfmt install --rootless -- COMMAND "
                    "[ARGUMENTS]");
            leave(1);
        }
        enter_own();
    } else if (!exists(MISC "/register"))
        mount_misc(false);
    if (strchr(b->flags, 'C') && !b->rootless && others_may_write(b->self)) {
        fmt_err("%s belongs to somebody else, or others may write it: with flag C they could become root "
                "(see --flags, or install it first)",
                b->self);
        leave(1);
    }
    for (unsigned i = 0; i < b->n_guests; i++)
        install_one(b, b->guests[i]);
    if (!b->command)
        leave(0);
    for (const char *dir = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; *dir;) {
        char path[PATH_SIZE];
        Fmt f = FMT_ON(path);
        size_t n = strcspn(dir, ":");
        if (!strchr(b->command[0], '/'))
            fmt_printf(&f, "%.*s/", (int)n, dir);
        fmt_puts(&f, b->command[0]);
        sys_call3(SYS_execve, path, b->command, envp);
        dir += n + (dir[n] == ':');
    }
    fmt_err("%s cannot be started", b->command[0]);
    leave(127);
}

static void remove_one(const LuAbi *abi)
{
    char name[64], path[PATH_SIZE];
    Fmt n = FMT_ON(name);
    fmt_printf(&n, OWN_PREFIX "%s", abi->name);
    if (!exists(entry_path(path, name)))
        return;
    long err = write_file(path, "-1", 2);
    if (sys_is_err(err)) {
        fmt_err("%s: not removed (error %ld): be root", abi->name, -err);
        leave(1);
    }
    say("%s: removed\n", abi->name);
}

typedef struct Status {
    const Binfmt *b;
    const LuAbi *abi;
    bool found, sound;
} Status;

static bool same_file(const char *a, const char *b)
{
    struct stat s, t;
    return !sys_is_err(sys_call2(SYS_stat, a, &s)) && !sys_is_err(sys_call2(SYS_stat, b, &t)) &&
           s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

static void complain(Status *st, const char *what)
{
    say("  %s\n", what);
    st->sound = false;
}

static bool tell_status(const Entry *e, void *arg)
{
    static const struct {
        char flag;
        char without[80];
    } needed[] = {
        {'F', "without flag F: does not work in a chroot or container that lacks the emulator"},
        {'C', "without flag C: sudo and other setuid programs do not get their rights"},
        {'P', "without flag P: programs do not see the argv[0] that they were called with"},
    };
    Status *st = arg;
    say("%s: %s %s, %s, flags %s\n", st->abi->name, e->name, e->enabled ? "enabled" : "disabled",
        e->interpreter, e->flags[0] ? e->flags : "none");
    if (!is_ours(e, st->abi))
        return true;
    st->found = true;
    if (!e->enabled)
        complain(st, "disabled: write 1 to its file, or install again");
    if (!strchr(e->flags, 'F') && !exists(e->interpreter))
        complain(st, "the emulator is not where the entry says");
    else if (exists(e->interpreter) && !same_file(e->interpreter, st->b->self))
        complain(st, "another file than this one");
    for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
        if (!strchr(e->flags, needed[i].flag))
            complain(st, needed[i].without);
    return true;
}

static int status(const Binfmt *b)
{
    char all[32];
    if (!exists(MISC "/register")) {
        say("binfmt_misc is not mounted at " MISC "%s\n", "");
        return 1;
    }
    bool on = read_file(MISC "/status", all, sizeof(all)) > 0 && !strncmp(all, "enabled", 7), sound = on;
    if (!on)
        say("all entries are disabled: write 1 to %s\n", MISC "/status");
    for (unsigned i = 0; i < b->n_guests; i++) {
        Status st = {.b = b, .abi = b->guests[i], .sound = true};
        each_entry(st.abi, tell_status, &st);
        if (!st.found)
            say("%s: not registered by this emulator\n", st.abi->name);
        sound = sound && st.found && st.sound;
    }
    return sound ? 0 : 1;
}

static void print_lines(const Binfmt *b)
{
    for (unsigned i = 0; i < b->n_guests; i++) {
        char line[PATH_SIZE + 300];
        Fmt f = FMT_ON(line);
        format_line(&f, b, b->guests[i]);
        say("%s\n", line);
    }
}

/* ---- words ---- */

static void add_guest(Binfmt *b, const char *name)
{
    const LuAbi *abi = lu_abi_named(name, strlen(name));
    if (!abi) {
        char list[100];
        Fmt f = FMT_ON(list);
        lu_abi_list(&f, NULL);
        fmt_err("no guest '%s'; there are %s", name, list);
        leave(1);
    }
    if (b->n_guests < MAX_GUESTS)
        b->guests[b->n_guests++] = abi;
}

static void check_flags(const char *flags)
{
    if (flags[strspn(flags, "POCF")]) {
        fmt_err("flags of binfmt_misc are P, O, C and F, not '%s'", flags);
        leave(1);
    }
}

static void parse(Binfmt *b, char **words, int n)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(words[i], "--")) {
            b->n_command = n - i - 1;
            b->command = b->n_command ? words + i + 1 : NULL;
            break;
        }
        if (!strcmp(words[i], "--rootless"))
            b->rootless = true;
        else if (!strcmp(words[i], "--flags") && i + 1 < n)
            check_flags(b->flags = words[++i]);
        else if (words[i][0] == '-') {
            fmt_err("no option '%s' of --binfmt; there are --rootless, --flags FLAGS and -- COMMAND",
                    words[i]);
            leave(1);
        } else
            add_guest(b, words[i]);
    }
    if (b->n_guests)
        return;
    /* Programs of x86 run by themselves on this machine, if they are not asked for by name. */
    for (unsigned i = 0; lu_abi_at(i); i++)
        if (lu_abi_at(i) != &lu_abi_x86_64 && lu_abi_at(i) != &lu_abi_i386)
            b->guests[b->n_guests++] = lu_abi_at(i);
}

void lu_binfmt(const char *verb, char **words, int n, char **envp)
{
    Binfmt b = {.flags = "POCF"};
    parse(&b, words, n);
    long len = sys_call3(SYS_readlink, "/proc/self/exe", b.self, sizeof(b.self) - 1);
    if (sys_is_err(len)) {
        fmt_err("/proc/self/exe: error %ld", -len);
        leave(1);
    }
    if (!strcmp(verb, "install"))
        install(&b, envp);
    if (!strcmp(verb, "status"))
        leave(status(&b));
    if (!strcmp(verb, "print"))
        print_lines(&b);
    else if (!strcmp(verb, "remove"))
        for (unsigned i = 0; i < b.n_guests; i++)
            remove_one(b.guests[i]);
    else {
        fmt_err("no verb '%s' of --binfmt; there are install, remove, status and print", verb);
        leave(1);
    }
    leave(0);
}
