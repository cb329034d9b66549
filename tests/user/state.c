/* Attributes of a process: limits, identities, capabilities, prctl, scheduling, names of the system. */
#include "user.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void show_limit(const char *what, int which)
{
    struct rlimit r;
    if (show(what, getrlimit(which, &r)) == 0)
        for (unsigned i = 0; i < 2; i++)
            printf("  %llx%c",
                   (i ? r.rlim_max : r.rlim_cur) == RLIM_INFINITY
                       ? ~0ull
                       : (unsigned long long)(i ? r.rlim_max : r.rlim_cur),
                   i ? '\n' : ' ');
}

static void limits(void)
{
    static const struct { const char *name; int which; } all[] = {
        {"CPU", RLIMIT_CPU}, {"FSIZE", RLIMIT_FSIZE}, {"DATA", RLIMIT_DATA}, {"STACK", RLIMIT_STACK},
        {"CORE", RLIMIT_CORE}, {"RSS", RLIMIT_RSS}, {"NPROC", RLIMIT_NPROC}, {"NOFILE", RLIMIT_NOFILE},
        {"MEMLOCK", RLIMIT_MEMLOCK}, {"AS", RLIMIT_AS}, {"NICE", RLIMIT_NICE}, {"none", 77},
    };
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        show_limit(all[i].name, all[i].which);
    struct rlimit r = {64, 128};
    SHOW(setrlimit(RLIMIT_NOFILE, &r));
    SHOW(dup2(0, 64));
    SHOW(dup2(0, 63));
    for (int i = 0; i < 100; i++) {
        if (dup(0) == -1) {
            show("dup", -1);
            break;
        }
    }
    close_range(3, 63, 0);
    r = (struct rlimit){1 << 30, 1ull << 40};
    SHOW(setrlimit(RLIMIT_AS, &r));
    show_limit("AS", RLIMIT_AS);
    SHOW(malloc(1ul << 31) != NULL);
    r = (struct rlimit){3, 2};
    SHOW(setrlimit(RLIMIT_AS, &r));
    SHOW(setrlimit(RLIMIT_CORE, &r));
    r = (struct rlimit){0, 1 << 20};
    SHOW(setrlimit(RLIMIT_CORE, &r));
    show_limit("CORE", RLIMIT_CORE);
    SHOW(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 100}));
    signal(SIGXFSZ, SIG_IGN);
    char big[200] = {0};
    int f = open("big", O_CREAT | O_WRONLY, 0600);
    SHOW(write(f, big, 200));
    SHOW(write(f, big, 1));
    SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3}));
    SHOW(open("big", O_RDONLY));
    SHOW(write(f, big, 0));
    close(f);
}

static void identities(void)
{
    uid_t r, e, s;
    SHOW(getresuid(&r, &e, &s));
    printf("%d %d %d\n", r == getuid(), e == geteuid(), s == e);
    SHOW(setresuid(-1, -1, -1));
    SHOW(setreuid(getuid(), geteuid()));
    gid_t groups[100];
    SHOW(getgroups(0, NULL));
    SHOW(getgroups(-1, groups));
    SHOW(getpgid(0) == getpgrp());
    SHOW(getsid(0) == getsid(getpid()));
    SHOW(getppid() != getpid());
    SHOW(setpgid(0, 0));
    SHOW(getpgrp() == getpid());
    SHOW(setsid());
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct c[2];
    SHOW(syscall(SYS_capget, &h, c));
    printf("%x %x\n", c[0].effective, c[0].permitted);
    h.version = 5;
    SHOW(syscall(SYS_capget, &h, NULL));
    printf("%x\n", h.version);
}

static void control(void)
{
    char name[17] = {0};
    int v = -1;
    SHOW(prctl(PR_SET_NAME, "a-very-long-name-of-thread"));
    SHOW(prctl(PR_GET_NAME, name));
    puts(name);
    int f = open("/proc/self/comm", O_RDONLY);
    memset(name, 0, sizeof(name));
    SHOW(read(f, name, 16));
    puts(name);
    close(f);
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 5));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 1));
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_SET_PDEATHSIG, 99));
    SHOW(prctl(PR_GET_PDEATHSIG, &v));
    SHOW(v);
    SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &v));
    SHOW(v);
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_TIMERSLACK, 12345));
    SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    SHOW(prctl(PR_CAPBSET_READ, 0));
    SHOW(prctl(PR_CAPBSET_READ, 999));
    SHOW(prctl(PR_SET_NAME, 8));
    SHOW(prctl(12345));
    SHOW(prctl(PR_GET_FPEMU, &v));
    SHOW(prctl(PR_GET_ENDIAN, &v));
}

static void scheduling(void)
{
    cpu_set_t set, one;
    struct sched_param p = {0};
    unsigned cpu = 99, node = 99;
    SHOW(sched_getaffinity(0, sizeof(set), &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, sizeof(set), &set));
    SHOW(CPU_COUNT(&set) == sysconf(_SC_NPROCESSORS_ONLN));
    CPU_ZERO(&one);
    SHOW(sched_setaffinity(0, sizeof(one), &one));
    CPU_SET(0, &one);
    SHOW(sched_setaffinity(0, sizeof(one), &one));
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    SHOW(cpu);
    SHOW(sched_setaffinity(0, sizeof(set), &set));
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, SCHED_BATCH, &p));
    SHOW(sched_getscheduler(0));
    SHOW(sched_setscheduler(0, 99, &p));
    SHOW(sched_getparam(0, &p));
    SHOW(sched_get_priority_max(SCHED_FIFO));
    SHOW(sched_get_priority_min(77));
    SHOW(sched_yield());
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(nice(3));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t a, b, c;
        uint32_t d, e;
    } attr = {0};
    SHOW(syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0));
    printf("%u %u %d\n", attr.size, attr.policy, attr.nice);
    struct rusage ru;
    SHOW(getrusage(RUSAGE_SELF, &ru));
    SHOW_BOOL(ru.ru_maxrss > 0 && ru.ru_maxrss < 1 << 20);
    SHOW(getrusage(99, &ru));
}

static void the_system(void)
{
    struct utsname u;
    SHOW(uname(&u));
    printf("%s %s %s\n", u.sysname, u.nodename, u.release);
    char page[4096];
    int f = open("/proc/version", O_RDONLY);
    page[read(f, page, sizeof(page) - 1)] = 0;
    SHOW_BOOL(strstr(page, u.release) != NULL);
    close(f);
    struct sysinfo si;
    SHOW(sysinfo(&si));
    SHOW_BOOL(si.totalram > 1 << 20 && si.mem_unit >= 1 && si.procs > 0);
    SHOW(personality(0xffffffff));
    SHOW(sysconf(_SC_PAGESIZE));
    SHOW(sysconf(_SC_CLK_TCK));
    SHOW(sysconf(_SC_OPEN_MAX) > 0);
    unsigned char r[32] = {0}, zero[32] = {0};
    SHOW(syscall(SYS_getrandom, r, sizeof(r), 0));
    SHOW_BOOL(memcmp(r, zero, sizeof(r)) != 0);
    SHOW(syscall(SYS_getrandom, r, 8, 0x100));
    SHOW(syscall(SYS_getrandom, 8, 8, 0));
    SHOW(syscall(SYS_membarrier, 0, 0, 0) > 0);
    SHOW(syscall(SYS_membarrier, 8, 0, 0));
    SHOW(syscall(SYS_membarrier, 16, 0, 0));
    SHOW(syscall(SYS_membarrier, 12345, 0, 0));
    SHOW(syscall(4000, 0, 0, 0));
    SHOW_BOOL(syscall(SYS_getgid) == syscall(SYS_getegid));
    SHOW_BOOL(syscall(SYS_syslog, 10, NULL, 0) != 0);
    SHOW(syscall(SYS_syslog, 2, NULL, -1));
    SHOW(syscall(SYS_keyctl, 99999, 0, 0, 0, 0));
    SHOW(syscall(SYS_keyctl, 6, 0, 0, 0, 0));
    SHOW(syscall(SYS_request_key, "user", "tinamou-none", NULL, 0));
    SHOW(syscall(SYS_tkill, -1, 0));
    SHOW(syscall(SYS_tkill, getpid(), 0));
    SHOW(syscall(470 /* listns */, NULL, NULL, 0, 0));
    SHOW(syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 1));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    the_system();
    identities();
    control();
    scheduling();
    limits();
    return 0;
}
