/* seccomp(2), filter mode: a program for the kernel's classic BPF machine, made of a table (linux/seccomp.h,
 * linux/filter.h, linux/audit.h). */
#include "system/sandbox.h"
#include "system/key_vals.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define OWN_ARCH AUDIT_ARCH_RISCV64
#else
#define OWN_ARCH AUDIT_ARCH_X86_64
#endif

/* Which key of the option a call is under. ALWAYS: no program of this kind has any use for it. */
typedef enum Group { ALWAYS, OBSOLETE, ELEVATE, SPAWN, RESOURCES } Group;

static const struct {
    uint16_t number;
    uint8_t group; /* Group */
} calls[] = {
    {SYS_ptrace, ALWAYS},
    {SYS_process_vm_readv, ALWAYS},
    {SYS_process_vm_writev, ALWAYS},
    {SYS_kcmp, ALWAYS},
    {SYS_mount, ALWAYS},
    {SYS_umount2, ALWAYS},
    {SYS_pivot_root, ALWAYS},
    {SYS_chroot, ALWAYS},
    {SYS_open_tree, ALWAYS},
    {SYS_move_mount, ALWAYS},
    {SYS_fsopen, ALWAYS},
    {SYS_fsconfig, ALWAYS},
    {SYS_fsmount, ALWAYS},
    {SYS_fspick, ALWAYS},
    {SYS_mount_setattr, ALWAYS},
    {SYS_unshare, ALWAYS},
    {SYS_setns, ALWAYS},
    {SYS_swapon, ALWAYS},
    {SYS_swapoff, ALWAYS},
    {SYS_reboot, ALWAYS},
    {SYS_sethostname, ALWAYS},
    {SYS_setdomainname, ALWAYS},
    {SYS_init_module, ALWAYS},
    {SYS_finit_module, ALWAYS},
    {SYS_delete_module, ALWAYS},
    {SYS_kexec_load, ALWAYS},
    {SYS_kexec_file_load, ALWAYS},
    {SYS_quotactl, ALWAYS},
    {SYS_acct, ALWAYS},
    {SYS_syslog, ALWAYS},
    {SYS_settimeofday, ALWAYS},
    {SYS_clock_settime, ALWAYS},
    {SYS_adjtimex, ALWAYS},
    {SYS_clock_adjtime, ALWAYS},
    {SYS_add_key, ALWAYS},
    {SYS_request_key, ALWAYS},
    {SYS_keyctl, ALWAYS},
    {SYS_bpf, ALWAYS},
    {SYS_perf_event_open, ALWAYS},
    {SYS_userfaultfd, ALWAYS},
    {SYS_fanotify_init, ALWAYS},
    {SYS_open_by_handle_at, ALWAYS},
    {SYS_name_to_handle_at, ALWAYS},
    {SYS_lookup_dcookie, ALWAYS},
    {SYS_io_uring_setup, ALWAYS},
    {SYS_io_uring_enter, ALWAYS},
    {SYS_io_uring_register, ALWAYS},
    {SYS_personality, ALWAYS},
    {SYS_mknodat, ALWAYS},
    {SYS_vhangup, ALWAYS},
    {SYS_nfsservctl, ALWAYS},
    {SYS_pidfd_getfd, ALWAYS},
    {SYS_move_pages, ALWAYS},
    {SYS_migrate_pages, ALWAYS},
    {SYS_remap_file_pages, OBSOLETE},
    {SYS_setuid, ELEVATE},
    {SYS_setgid, ELEVATE},
    {SYS_setreuid, ELEVATE},
    {SYS_setregid, ELEVATE},
    {SYS_setresuid, ELEVATE},
    {SYS_setresgid, ELEVATE},
    {SYS_setfsuid, ELEVATE},
    {SYS_setfsgid, ELEVATE},
    {SYS_setgroups, ELEVATE},
    {SYS_capset, ELEVATE},
    {SYS_setpgid, ELEVATE},
    {SYS_setsid, ELEVATE},
    {SYS_execve, SPAWN},
    {SYS_execveat, SPAWN},
    {SYS_clone3, SPAWN},
    {SYS_setpriority, RESOURCES},
    {SYS_sched_setparam, RESOURCES},
    {SYS_sched_setscheduler, RESOURCES},
    {SYS_sched_setattr, RESOURCES},
    {SYS_sched_setaffinity, RESOURCES},
    {SYS_ioprio_set, RESOURCES},
    {SYS_mbind, RESOURCES},
    {SYS_set_mempolicy, RESOURCES},
    {SYS_setrlimit, RESOURCES},
#ifdef __x86_64__ /* other hosts never had them */
    {SYS_iopl, ALWAYS},
    {SYS_ioperm, ALWAYS},
    {SYS_mknod, ALWAYS},
    {SYS_modify_ldt, ALWAYS},
    {SYS_uselib, OBSOLETE},
    {SYS_ustat, OBSOLETE},
    {SYS_sysfs, OBSOLETE},
    {SYS__sysctl, OBSOLETE},
    {SYS_getpmsg, OBSOLETE},
    {SYS_putpmsg, OBSOLETE},
    {SYS_afs_syscall, OBSOLETE},
    {SYS_tuxcall, OBSOLETE},
    {SYS_security, OBSOLETE},
    {SYS_vserver, OBSOLETE},
    {SYS_create_module, OBSOLETE},
    {SYS_get_kernel_syms, OBSOLETE},
    {SYS_query_module, OBSOLETE},
    {SYS_fork, SPAWN},
    {SYS_vfork, SPAWN},
#endif
};

typedef struct Program {
    struct sock_filter insn[512];
    unsigned n;
} Program;

static void add(Program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    g_assert(p->n < G_N_ELEMENTS(p->insn));
    p->insn[p->n++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}
static void load(Program *p, uint32_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}
static void answer(Program *p, uint32_t with)
{
    add(p, BPF_RET | BPF_K, 0, 0, with);
}
/* The next answer is for this number. */
static void if_equal(Program *p, uint32_t k)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, k);
}

static bool is_refused(const Sandbox *s, Group g)
{
    const bool may[] = {
        [OBSOLETE] = s->obsolete, [ELEVATE] = s->elevate, [SPAWN] = s->spawn, [RESOURCES] = s->resources};
    return !may[g];
}

/* Threads are made by clone(), and so are processes: what shares no memory is one. clone3() hides its flags;
 * told that there is none the C library uses clone(). */
static void add_clone(Program *p)
{
    load(p, offsetof(struct seccomp_data, args[0]));
    add(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, CLONE_THREAD);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
    answer(p, SECCOMP_RET_ALLOW);
}

/* Networks and helpers of the C library; no raw packets, no netlink but to ask for addresses. */
static void add_socket(Program *p)
{
    static const uint8_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    load(p, offsetof(struct seccomp_data, args[0]));
    for (unsigned k = 0; k < G_N_ELEMENTS(families); k++) {
        if_equal(p, families[k]);
        answer(p, SECCOMP_RET_ALLOW);
    }
    answer(p, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
}

static void make_program(const Sandbox *s, Program *p)
{
    enum { X32 = 0x40000000, SOCKET_PART = 10, CLONE_PART = 4 };
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OWN_ARCH);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
    add(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    for (unsigned k = 0; k < G_N_ELEMENTS(calls); k++) {
        if (!is_refused(s, calls[k].group))
            continue;
        if_equal(p, calls[k].number);
        answer(p, SECCOMP_RET_ERRNO | (calls[k].number == SYS_clone3 ? ENOSYS : EPERM));
    }
    if (!s->spawn) {
        add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, CLONE_PART, SYS_clone);
        add_clone(p);
    }
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, SOCKET_PART, SYS_socket);
    unsigned at = p->n;
    add_socket(p);
    g_assert(p->n == at + SOCKET_PART);
    answer(p, SECCOMP_RET_ALLOW);
}

/* allow or deny; elevateprivileges has "children", which no_new_privs gives us in any case. */
static bool parse_may(KeyVals *kv, const char *key, bool children, bool *io, GError **err)
{
    static const char *const words[] = {"deny", "allow", "children"};
    unsigned word = *io;
    if (!key_vals_word(kv, key, words, children ? 3 : 2, &word, err))
        return false;
    *io = word != 0;
    return true;
}

bool sandbox_parse(const char *text, Sandbox *ret, GError **err)
{
    *ret = (Sandbox){.elevate = true, .spawn = true, .resources = true};
    g_autoptr(KeyVals) kv = key_vals_parse("-sandbox", text, "enable", err);
    return kv && key_vals_bool(kv, "enable", &ret->on, err) &&
           parse_may(kv, "obsolete", false, &ret->obsolete, err) &&
           parse_may(kv, "elevateprivileges", true, &ret->elevate, err) &&
           parse_may(kv, "spawn", false, &ret->spawn, err) &&
           parse_may(kv, "resourcecontrol", false, &ret->resources, err) && key_vals_done(kv, err);
}

bool sandbox_enter(const Sandbox *s, GError **err)
{
    Program p = {.n = 0};
    if (!s->on)
        return true;
    make_program(s, &p);
    const struct sock_fprog prog = {.len = (unsigned short)p.n, .filter = p.insn};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return sys_fail_errno(err, errno, "-sandbox on");
    long other = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
    if (other > 0)
        return sys_fail(err, "-sandbox on: thread %ld has a filter of its own", other);
    return other == 0 || sys_fail_errno(err, errno, "-sandbox on");
}
