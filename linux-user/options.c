#include "linux-user/options.h"
#include "linux-user/options_items.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/fmt.h"
#include "linux-user/binfmt.h"
#include "linux-user/kept_files.h"
#include "linux-user/syscall.h"
#include "linux-user/tool.h"
#include "tcg/host/x86_64/cpuid.h"

/* What a handler gets besides the argument. */
typedef struct Parse {
    LuProc *p;
    LuOptions *opt;
    Fmt err; /* text of a refusal */
    char **rest; /* the words behind the option and its argument, n_rest of them */
    int n_rest;
    char **envp;
} Parse;

typedef bool Handler(Parse *ps, const char *arg);

typedef struct OptRow {
    char name[16]; /* without dashes */
    char env[16];  /* without QEMU_ or TINAMOU_; "" = none */
    char arg[12];  /* name of the argument; "" = takes none */
    bool forward;  /* programs started by the guest get it too */
    Handler *handle;
    char help[136];
} OptRow;

static void print(const char *text) { sys_write(1, text, strlen(text)); }

static _Noreturn void leave(int status) { sys_exit_group(status); }

static void pad(Fmt *f, size_t from, size_t width)
{
    do
        fmt_putc(f, ' ');
    while (f->len - from < width);
}

static char *copy_text(Parse *ps, const char *s, size_t n)
{
    char *d = lu_alloc(ps->p, n + 1);
    if (!d) {
        fmt_err("out of memory while reading the options");
        leave(1);
    }
    memcpy(d, s, n);
    d[n] = 0;
    return d;
}

/* Calls fn for each item of a list separated by commas. */
static bool each_item(Parse *ps, const char *list, bool (*fn)(Parse *ps, const char *item))
{
    for (const char *s = list;;) {
        size_t n = strcspn(s, ",");
        if (n && !fn(ps, copy_text(ps, s, n)))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

static bool parse_u64(Parse *ps, const char *s, bool suffix, uint64_t *ret)
{
    return lu_option_u64(s, suffix, ret, &ps->err);
}

/* ---- handlers ---- */

static const char *absolute(Parse *ps, const char *path)
{
    if (path[0] == '/' || !path[0])
        return path;
    char cwd[4096];
    long n = sys_call2(SYS_getcwd, cwd, sizeof(cwd));
    if (sys_is_err(n) || n < 2)
        return path;
    size_t len = (size_t)n - 1, add = strlen(path);
    char *s = lu_alloc(ps->p, len + add + 2);
    if (!s)
        return path;
    memcpy(s, cwd, len);
    s[len] = '/';
    memcpy(s + len + 1, path, add + 1);
    return s;
}

/* Without links, so that names the kernel gives back (exe, cwd) begin with it. As it is if there is no such
 * thing. */
static const char *real_path(Parse *ps, const char *path)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return path;
    char link[40], buf[4096];
    Fmt f = FMT_ON(link);
    fmt_printf(&f, "/proc/self/fd/%d", (int)fd);
    long n = sys_call4(SYS_readlinkat, AT_FDCWD, link, buf, sizeof(buf));
    sys_close((int)fd);
    return n > 1 && n < 3000 ? copy_text(ps, buf, (size_t)n) : path;
}

static bool opt_sysroot(Parse *ps, const char *arg)
{
    size_t n = strlen(arg);
    if (n > 3000) {
        fmt_puts(&ps->err, "the path is too long");
        return false;
    }
    while (n && arg[n - 1] == '/')
        n--;
    ps->opt->sysroot = n ? real_path(ps, absolute(ps, copy_text(ps, arg, n))) : "";
    return true;
}

static bool add_edit(Parse *ps, const char *text)
{
    LuEnvEdit *e = lu_alloc(ps->p, sizeof(*e));
    if (!e) {
        fmt_puts(&ps->err, "out of memory");
        return false;
    }
    e->text = text;
    if (ps->opt->env_last)
        ps->opt->env_last->next = e;
    else
        ps->opt->env_first = e;
    ps->opt->env_last = e;
    return true;
}

static bool env_set_one(Parse *ps, const char *item)
{
    if (item[0] == '=' || !strchr(item, '=')) {
        fmt_printf(&ps->err, "'%s' is not of the form name=value", item);
        return false;
    }
    return add_edit(ps, item);
}

static bool env_unset_one(Parse *ps, const char *item)
{
    if (strchr(item, '=')) {
        fmt_printf(&ps->err, "'%s' contains '='", item);
        return false;
    }
    return add_edit(ps, item);
}

static bool opt_env_set(Parse *ps, const char *arg) { return each_item(ps, arg, env_set_one); }
static bool opt_env_unset(Parse *ps, const char *arg) { return each_item(ps, arg, env_unset_one); }

static bool opt_argv0(Parse *ps, const char *arg)
{
    ps->opt->argv0 = arg;
    return true;
}

static bool opt_uname(Parse *ps, const char *arg)
{
    ps->opt->uname_release = arg;
    return true;
}

static void print_models(const LuAbi *abi)
{
    char buf[2000];
    Fmt f = FMT_ON(buf);
    fmt_printf(&f, "%s:\n", abi->name);
    abi->list_models(&f);
    print(buf);
}

void lu_models_line(const LuAbi *abi, Fmt *out)
{
    char buf[2000];
    Fmt f = FMT_ON(buf);
    abi->list_models(&f);
    for (const char *line = buf; *line; line += strcspn(line, "\n"), line += *line != 0) {
        fmt_putc(out, ' ');
        for (size_t i = 0; i < strcspn(line, " \n"); i++)
            fmt_putc(out, line[i]);
    }
}

static bool opt_cpu(Parse *ps, const char *arg)
{
    bool help = !strcmp(arg, "help") || !strcmp(arg, "?"), known = false;
    const LuAbi *abi;
    for (unsigned i = 0; (abi = ps->opt->only ? ps->opt->only : lu_abi_at(i)); i++) {
        LuProc dummy = {.host = ~0ull, .abi = abi};
        if (help)
            print_models(abi);
        else
            known |= abi->choose_model(&dummy, arg);
        if (ps->opt->only)
            break;
    }
    if (help)
        leave(0);
    if (!known)
        fmt_printf(&ps->err, "no CPU model '%s'; there are", arg);
    for (unsigned i = 0; !known && (abi = ps->opt->only ? ps->opt->only : lu_abi_at(i)); i++) {
        fmt_printf(&ps->err, "%s for %s", i ? "," : "", abi->name);
        lu_models_line(abi, &ps->err);
        if (ps->opt->only)
            break;
    }
    ps->opt->cpu = arg;
    return known;
}

static bool opt_stack(Parse *ps, const char *arg)
{
    if (!parse_u64(ps, arg, true, &ps->opt->stack_size))
        return false;
    if (ps->opt->stack_size > 1ull << 44) {
        fmt_puts(&ps->err, "the stack is too large");
        return false;
    }
    return true;
}

static bool opt_base(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, true, &v))
        return false;
    if (v) {
        fmt_puts(&ps->err, "guest addresses are host addresses here: only 0 is possible");
        return false;
    }
    return true;
}

static bool opt_reserve(Parse *ps, const char *arg)
{
    uint64_t *v = &ps->opt->reserved_va;
    if (!parse_u64(ps, arg, true, v))
        return false;
    if (*v && *v < 1ull << 24) {
        fmt_puts(&ps->err, "a program needs at least 16M of addresses");
        return false;
    }
    return true;
}

static bool log_item(Parse *ps, const char *item) { return lu_option_log(ps->opt, item, &ps->err); }
static bool no_opt_item(Parse *ps, const char *item) { return lu_option_no_opt(ps->opt, item, &ps->err); }
static bool opt_log(Parse *ps, const char *arg) { return each_item(ps, arg, log_item); }
static bool opt_no_opt(Parse *ps, const char *arg) { return each_item(ps, arg, no_opt_item); }

static bool opt_log_file(Parse *ps, const char *arg)
{
    const char *mark = strchr(arg, '%');
    if (mark && (mark[1] != 'd' || strchr(mark + 1, '%'))) {
        fmt_printf(&ps->err, "'%s': of %% only one %%d, the process's number, is known", arg);
        return false;
    }
    ps->opt->log_file = absolute(ps, arg);
    return true;
}

static bool opt_page_size(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, true, &v))
        return false;
    if (v != 4096) {
        fmt_puts(&ps->err, "the page size is 4096");
        return false;
    }
    return true;
}

static bool opt_strace(Parse *ps, const char *arg)
{
    ps->opt->log |= LU_LOG_STRACE;
    return true;
}

static bool opt_single(Parse *ps, const char *arg)
{
    ps->opt->max_insns = 1;
    return true;
}

static bool opt_seed(Parse *ps, const char *arg)
{
    ps->opt->have_seed = true;
    return parse_u64(ps, arg, false, &ps->opt->seed);
}

static bool opt_no_jit(Parse *ps, const char *arg)
{
    ps->opt->no_jit = true;
    return true;
}

static bool opt_return_stack(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, false, &v))
        return false;
    ps->opt->returns_from = (uint32_t)MIN(MAX(v, 1), UINT32_MAX - 1);
    return true;
}

static bool opt_max_insns(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, false, &v))
        return false;
    if (v > 4096) {
        fmt_puts(&ps->err, "at most 4096 instructions");
        return false;
    }
    ps->opt->max_insns = (uint32_t)v;
    return true;
}

static bool opt_tb_size(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, true, &v))
        return false;
    if (!arg[strcspn(arg, "kKmMgGtT")])
        v = v > 1024 ? UINT64_MAX : v << 20;
    if (v > 1 << 30) {
        fmt_puts(&ps->err, "at most 1024 MiB");
        return false;
    }
    ps->opt->cache_bytes = v;
    return true;
}

static bool opt_host_cpu(Parse *ps, const char *arg)
{
    X64Features set;
    const char *bad;
    ps->opt->host_cpu = arg;
    if (x64_features_parse(x64_detect(), arg, &set, &bad))
        return true;
    fmt_printf(&ps->err, "this host has no feature '%s'; words are host, v1 to v4, -FEATURE, FEATURE, of",
               bad);
    for (unsigned k = 0; k < X64_F_COUNT; k++)
        if (x64_has(x64_detect(), (enum X64Feature)k))
            fmt_printf(&ps->err, " %s", x64_feature_name((enum X64Feature)k));
    return false;
}

static bool opt_refused(Parse *ps, const char *arg)
{
    fmt_puts(&ps->err, "not supported");
    return false;
}

static bool opt_signal_map(Parse *ps, const char *arg)
{
    fmt_puts(&ps->err, "not supported: every signal of the guest is the host's of the same number");
    return false;
}

static bool opt_dfilter(Parse *ps, const char *arg)
{
    LuOptions *opt = ps->opt;
    return accel_parse_ranges(arg, opt->filter, ARRAY_SIZE(opt->filter), &opt->n_filter, &ps->err);
}

static bool opt_perfmap(Parse *ps, const char *arg)
{
    ps->opt->perf_map = true;
    return true;
}

static bool opt_jitdump(Parse *ps, const char *arg)
{
    ps->opt->jit_dump = true;
    return true;
}

static bool opt_cache(Parse *ps, const char *arg)
{
    LuOptions *opt = ps->opt;
    const char *dir = !strcmp(arg, "on") ? lu_kept_place(ps->p, ps->envp) : strcmp(arg, "off") ? arg : "";
    opt->kept_dir = dir && dir[0] ? absolute(ps, dir) : NULL;
    opt->kept_new = !opt->reexec; /* what the guest starts may have another root, where nobody asked for it */
    return true;
}

static bool opt_gdb(Parse *ps, const char *arg)
{
    ps->opt->gdb = arg;
    return true;
}

static bool opt_version(Parse *ps, const char *arg)
{
    print("tinamou " TINAMOU_VERSION "\n");
    leave(0);
}

static bool opt_syscalls(Parse *ps, const char *arg)
{
    const LuAbi *only = ps->opt->only;
    for (unsigned i = 0; lu_abi_at(i); i++)
        if (!only || only == lu_abi_at(i))
            lu_syscalls_print(lu_abi_at(i), 1);
    leave(0);
}

static bool opt_binfmt(Parse *ps, const char *arg) { lu_binfmt(arg, ps->rest, ps->n_rest, ps->envp); }

static bool opt_sysroot_tool(Parse *ps, const char *arg)
{
    lu_tool_exec("tinamou-sysroot", arg, ps->rest, ps->n_rest, ps->envp);
}

static bool opt_exec_fd(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, false, &v) || v > INT32_MAX)
        return false;
    ps->opt->exec_fd = (int)v;
    return true;
}

static bool opt_seccomp_fd(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, false, &v) || v > INT32_MAX)
        return false;
    ps->opt->seccomp_fd = (int)v;
    return true;
}

static bool opt_traced(Parse *ps, const char *arg)
{
    return parse_u64(ps, arg, false, &ps->opt->traced);
}

static bool opt_gdb_over(Parse *ps, const char *arg)
{
    return parse_u64(ps, arg, false, &ps->opt->gdb_over);
}

static bool opt_persona(Parse *ps, const char *arg)
{
    uint64_t v;
    if (!parse_u64(ps, arg, false, &v))
        return false;
    ps->opt->old_persona = (long)v;
    return true;
}

static bool opt_old_stack(Parse *ps, const char *arg)
{
    return parse_u64(ps, arg, false, &ps->opt->old_stack_limit);
}

static bool opt_ignored(Parse *ps, const char *arg)
{
    return parse_u64(ps, arg, false, &ps->opt->ignored_faults);
}

static bool opt_help(Parse *ps, const char *arg);
static bool opt_man(Parse *ps, const char *arg);

static const OptRow rows[] = {
    {"h", "", "", false, opt_help, "print this help"},
    {"help", "", "", false, opt_help, "the same"},
    {"g", "GDB", "port|path", false, opt_gdb,
     "wait for a debugger at a TCP port, HOST:PORT, or a Unix socket"},
    {"L", "LD_PREFIX", "path", true, opt_sysroot, "look up absolute guest paths under path first"},
    {"s", "STACK_SIZE", "size", true, opt_stack, "size of the first stack (default: as ulimit -s says)"},
    {"cpu", "CPU", "model", true, opt_cpu, "CPU model (-cpu help lists them)"},
    {"E", "SET_ENV", "var=value", false, opt_env_set, "set variables of the guest's environment"},
    {"U", "UNSET_ENV", "var", false, opt_env_unset, "remove variables from the guest's environment"},
    {"0", "ARGV0", "argv0", false, opt_argv0, "argv[0] of the guest program"},
    {"r", "UNAME", "release", true, opt_uname, "release that uname(2) reports"},
    {"B", "GUEST_BASE", "address", true, opt_base, "guest address 0 in the host (only 0)"},
    {"R", "RESERVED_VA", "size", true, opt_reserve, "limit of the guest's addresses (riscv64: 256G)"},
    {"d", "LOG", "item,...", true, opt_log, "log these items (-d help lists them)"},
    {"dfilter", "DFILTER", "range,...", true, opt_dfilter,
     "in_asm, ir, out_asm, exec, cpu of these addresses only: FIRST..LAST, START+SIZE, END-SIZE"},
    {"D", "LOG_FILENAME", "file", true, opt_log_file,
     "write the log to file (default: standard error); %d in it is the process's number"},
    {"p", "PAGESIZE", "size", true, opt_page_size, "page size (only 4096)"},
    {"singlestep", "SINGLESTEP", "", true, opt_single, "translate one instruction at a time"},
    {"one-insn-per-tb", "ONE_INSN_PER_TB", "", true, opt_single, "the same"},
    {"strace", "STRACE", "", true, opt_strace, "log system calls"},
    {"seed", "RAND_SEED", "number", true, opt_seed, "fixes AT_RANDOM and the address layout"},
    {"t", "RTSIG_MAP", "map", true, opt_signal_map,
     "other numbers for signals (not supported, nor needed: each is itself)"},
    {"trace", "TRACE", "pattern", true, opt_refused, "(not supported)"},
    {"plugin", "PLUGIN", "file", true, opt_refused, "(not supported)"},
    {"perfmap", "PERFMAP", "", true, opt_perfmap, "tell perf in /tmp/perf-PID.map what lies where"},
    {"jitdump", "JITDUMP", "", true, opt_jitdump,
     "tell perf in jit-PID.dump, with the code (perf record -k 1, perf inject -j)"},
    {"version", "VERSION", "", false, opt_version, "print the version"},
    {"syscalls", "", "", false, opt_syscalls, "print the table of system calls and what is missing"},
    {"binfmt", "", "verb ...", false, opt_binfmt,
     "install, remove, status, print [GUEST...] [--flags POCF] [--rootless] [-- COMMAND...]: entries of "
     "binfmt_misc"},
    {"sysroot", "", "arch ...", false, opt_sysroot_tool,
     "[PACKAGE...] [-- PROGRAM...]: fetch a Debian sysroot, print its path or run a program of it"},
    {"man", "", "", false, opt_man, "print the manual page (roff)"},
    {"no-jit", "NO_JIT", "", true, opt_no_jit, "run by the interpreter"},
    {"max-insns", "MAX_INSNS", "n", true, opt_max_insns, "guest instructions in one translation, at most"},
    {"return-stack", "RETURN_STACK", "n", true, opt_return_stack,
     "treat a program as large from n translations on"},
    {"tb-size", "TB_SIZE", "size", true, opt_tb_size,
     "of the memory for translations, in MiB (or with K, M, G); 0: default"},
    {"cache", "TRANSLATIONS", "dir|on|off", true, opt_cache,
     "keep translations from run to run in dir; on: in ~/.cache/tinamou (default: off)"},
    {"no-opt", "NO_OPT", "item,...", true, opt_no_opt,
     "off: pins chain jump-cache return-stack loops superblock fold lazy-nan lazy-flags loop-pins fork-hints "
     "llsc-match all; exact-llsc"},
    {"host-cpu", "HOST_CPU", "word,...", true, opt_host_cpu,
     "host features to use: v1 to v4, -FEATURE (a wrong one lists them)"},
    /* Private: how a program image of ours tells the next one what it knows (exec.c; main.c, start_again). */
    {"exec-fd", "", "n", false, opt_exec_fd, ""},
    {"seccomp-fd", "", "n", false, opt_seccomp_fd, ""},
    {"traced", "", "n", false, opt_traced, ""},
    {"gdb-over", "", "n", false, opt_gdb_over, ""},
    {"ignored-faults", "", "mask", false, opt_ignored, ""},
    {"old-persona", "", "n", false, opt_persona, ""},
    {"old-stack", "", "n", false, opt_old_stack, ""},
};

/* ---- output made of the table ---- */

static bool opt_help(Parse *ps, const char *arg)
{
    char buf[6000];
    Fmt f = FMT_ON(buf);
    fmt_puts(&f, "usage: tinamou [options] program [arguments...]\n"
                 "Runs a Linux program for ");
    lu_abi_list(&f, NULL);
    fmt_puts(&f, " on x86-64 Linux; its header tells which.\n\n"
                 "Option              Variable            Meaning\n");
    for (const OptRow *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
        if (!r->help[0])
            continue;
        size_t at = f.len;
        fmt_printf(&f, "-%s%s%s", r->name, r->arg[0] ? " " : "", r->arg);
        pad(&f, at, 20);
        if (r->env[0])
            fmt_printf(&f, "QEMU_%s", r->env);
        pad(&f, at, 40);
        fmt_printf(&f, "%s\n", r->help);
    }
    fmt_puts(
        &f,
        "\nEach variable may also be written TINAMOU_ instead of QEMU_. -E and -U take lists separated by\n"
        "commas and may be given several times; the last change of a variable counts.\n"
        "Exit status: the program's own; 128+n, by the same signal, if a signal ended it; 126 if it cannot "
        "be\n"
        "executed, 127 if it does not exist.\n");
    print(buf);
    leave(0);
}

static void roff_text(Fmt *f, const char *s)
{
    for (; *s; s++)
        fmt_puts(f, *s == '-' ? "\\-" : *s == '\\' ? "\\e" : (char[]){*s, 0});
}

static bool opt_man(Parse *ps, const char *arg)
{
    char buf[15000];
    Fmt f = FMT_ON(buf);
    fmt_puts(
        &f,
        ".TH TINAMOU 1\n.SH NAME\ntinamou \\- run Linux programs of another architecture on x86-64 Linux\n"
        ".SH SYNOPSIS\n.B tinamou\n[\\fIoption\\fR]... \\fIprogram\\fR [\\fIargument\\fR]...\n"
        ".SH DESCRIPTION\nRuns one Linux program for ");
    lu_abi_list(&f, NULL);
    fmt_puts(
        &f,
        " as a process of this machine; the program's header tells which. "
        "Programs that it starts run the same way; programs of this machine run natively.\n.SH OPTIONS\n");
    for (const OptRow *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
        if (!r->help[0])
            continue;
        fmt_puts(&f, ".TP\n\\fB\\-");
        roff_text(&f, r->name);
        fmt_puts(&f, "\\fR");
        if (r->arg[0])
            fmt_printf(&f, " \\fI%s\\fR", r->arg);
        if (r->env[0])
            fmt_printf(&f, " (\\fBQEMU_%s\\fR)", r->env);
        fmt_puts(&f, "\n");
        roff_text(&f, r->help);
        fmt_puts(&f, "\n");
    }
    fmt_puts(&f, lu_man_rest);
    print(buf);
    leave(0);
}

/* ---- parsing ---- */

static void forward_word(Parse *ps, const char *word)
{
    if (ps->opt->n_forward == LU_MAX_FORWARD) {
        fmt_err("too many options");
        leave(1);
    }
    ps->opt->forward[ps->opt->n_forward++] = word;
}

/* One option; `source` is how the user wrote it, for messages. */
static void apply(Parse *ps, const OptRow *r, const char *source, const char *arg)
{
    if (!r->handle(ps, arg)) {
        fmt_err("%s: %s", source, ps->err.buf);
        leave(1);
    }
    if (!r->forward)
        return;
    char *name = lu_alloc(ps->p, sizeof(r->name) + 1);
    if (!name)
        return;
    name[0] = '-';
    strcpy(name + 1, r->name);
    forward_word(ps, name);
    if (r->arg[0])
        forward_word(ps, !strcmp(r->name, "L")   ? ps->opt->sysroot
                         : !strcmp(r->name, "D") ? ps->opt->log_file
                         : !strcmp(r->name, "cache") ? (ps->opt->kept_dir ? ps->opt->kept_dir : "off")
                                                 : arg);
}

static void parse_env(Parse *ps, char **envp)
{
    for (; *envp; envp++) {
        const char *s = *envp;
        if (s[0] == 'Q' && !strncmp(s, "QEMU_", 5))
            s += 5;
        else if (s[0] == 'T' && !strncmp(s, "TINAMOU_", 8))
            s += 8;
        else
            continue;
        size_t n = strcspn(s, "=");
        if (!s[n])
            continue;
        for (const OptRow *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
            if (!r->env[0] || strlen(r->env) != n || memcmp(r->env, s, n))
                continue;
            apply(ps, r, copy_text(ps, *envp, (size_t)(s - *envp) + n), s + n + 1);
            break;
        }
    }
}

static const OptRow *find_row(const char *word)
{
    word += word[1] == '-' ? 2 : 1;
    for (const OptRow *r = rows; r < rows + ARRAY_SIZE(rows); r++)
        if (!strcmp(r->name, word))
            return r;
    return NULL;
}

static _Noreturn void no_option(const char *word)
{
    char list[600];
    Fmt f = FMT_ON(list);
    for (const OptRow *r = rows; r < rows + ARRAY_SIZE(rows); r++)
        if (r->help[0])
            fmt_printf(&f, " -%s", r->name);
    fmt_err("no option '%s' (-h explains them); there are%s", word, list);
    leave(1);
}

/* Options from argv[0] to the first word that is none; returns how many words were eaten. */
static int parse_words(Parse *ps, char **argv, int n)
{
    int i = 0;
    for (; i < n && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        const OptRow *r = find_row(argv[i]);
        if (!r)
            no_option(argv[i]);
        if (r->arg[0] && i + 1 >= n) {
            fmt_err("option '%s' needs an argument: %s", argv[i], r->arg);
            leave(1);
        }
        int next = i + 1 + (r->arg[0] != 0);
        ps->rest = argv + next;
        ps->n_rest = n - next;
        apply(ps, r, argv[i], r->arg[0] ? argv[i + 1] : "");
        i += r->arg[0] != 0;
    }
    return i;
}

/* The prefix made by lu_execve(): n, words, host path, guest path, arguments. */
static bool parse_reexec(Parse *ps, int argc, char **argv)
{
    uint64_t n;
    if (argc < 5 || !parse_u64(ps, argv[2], false, &n) || n > LU_MAX_FORWARD || 5 + (int)n > argc)
        return false;
    LuOptions *opt = ps->opt;
    opt->reexec = true;
    if (parse_words(ps, argv + 3, (int)n) != (int)n)
        return false;
    opt->program = argv[3 + n];
    opt->program_guest = argv[4 + n];
    opt->args = argv + 5 + n;
    opt->n_args = argc - 5 - (int)n;
    return true;
}

/* A name such as qemu-riscv64-static or tinamou-i386 promises an instruction set. */
static void check_own_name(LuOptions *opt, const char *argv0)
{
    const char *base = strrchr(argv0, '/');
    base = base ? base + 1 : argv0;
    bool qemu = !strncmp(base, "qemu-", 5);
    if (!qemu && strncmp(base, "tinamou-", 8))
        return;
    const char *isa = strchr(base, '-') + 1;
    opt->only = lu_abi_named(isa, strcspn(isa, "-"));
    if (opt->only || !qemu) /* ours may have any other name */
        return;
    char names[100];
    Fmt f = FMT_ON(names);
    lu_abi_list(&f, NULL);
    fmt_err("called as %s, but only programs for %s are supported", base, names);
    leave(1);
}

void lu_options_parse(LuProc *p, LuOptions *opt, int argc, char **argv, char **envp)
{
    char err[800];
    Parse ps = {.p = p, .opt = opt, .err = FMT_ON(err), .envp = envp};
    err[0] = 0;
    *opt = (LuOptions){.sysroot = "", .old_persona = -1, .exec_fd = -1, .seccomp_fd = -1};
    const LuBinfmtStart entry = lu_binfmt_start(envp);
    opt->exec_fd = entry.fd;
    if (!entry.is && argc >= 2 && !strcmp(argv[1], LU_REEXEC)) {
        if (parse_reexec(&ps, argc, argv))
            return;
        fmt_err("%s is for the emulator's own use", LU_REEXEC);
        leave(1);
    }
    if (argc > 0)
        check_own_name(opt, argv[0]);
    if (!getauxval(AT_SECURE)) /* whoever may name a sysroot, or a log, would have the program's rights */
        parse_env(&ps, envp);
    int i = argc > 0 ? 1 : 0;
    if (argc > 0 && !entry.is)
        i += parse_words(&ps, argv + 1, argc - 1);
    if (i >= argc) {
        fmt_err("no program given (see tinamou -h)");
        leave(1);
    }
    opt->program = opt->program_guest = argv[i];
    if (entry.argv0 && i + 1 < argc)
        i++;
    opt->args = argv + i;
    opt->n_args = argc - i;
    if (opt->argv0)
        opt->args[0] = (char *)opt->argv0;
}
