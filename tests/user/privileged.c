/* Calls that need privileges, tried in namespaces of their own; without them the errors must agree. */
#include "user.h"

#include <grp.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static void in_child(void (*fn)(void))
{
    int st;
    pid_t child = fork();
    if (!child) {
        fn();
        _exit(0);
    }
    waitpid(child, &st, 0);
    show("status", st);
}

static void mounts(void)
{
    struct stat a, b;
    char cwd[256], host[65] = {0};
    struct utsname u;
    if (SHOW(unshare(CLONE_NEWNS | CLONE_NEWUTS)) == -1)
        return;
    SHOW(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    SHOW(mkdir("m", 0755));
    SHOW(mount("tmp", "m", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0700"));
    stat("m", &a);
    printf("%o\n", a.st_mode);
    SHOW(mount("x", "m", "nosuchfs", 0, NULL));
    SHOW(mkdir("m/old", 0755));
    close(open("m/inside", O_CREAT | O_WRONLY, 0600));
    SHOW(mkdir("bind", 0755));
    SHOW(mount("m", "bind", NULL, MS_BIND, NULL));
    SHOW(access("bind/inside", F_OK));
    SHOW(mount(NULL, "bind", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
    SHOW(open("bind/new", O_CREAT | O_WRONLY, 0600));
    SHOW(umount2("bind", MNT_DETACH));
    SHOW(umount2("bind", 0));
    SHOW(umount2("none", 0));
    SHOW(sethostname("guest", 5));
    SHOW(setdomainname("domain", 6));
    SHOW(uname(&u));
    printf("%s %s\n", u.nodename, u.domainname);
    SHOW(gethostname(host, sizeof(host)));
    SHOW(sethostname(host, 100));
    SHOW(chdir("m"));
    SHOW(syscall(SYS_pivot_root, ".", "old"));
    SHOW(chdir("/"));
    SHOW(stat("/inside", &b));
    SHOW_BOOL(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"));
    SHOW(stat("/usr", &b));
    SHOW(stat("/old/usr", &b));
    SHOW(umount2("/old", MNT_DETACH));
    SHOW(stat("/old/usr", &b));
}

static void roots(void)
{
    SHOW(mkdir("root", 0755));
    SHOW(mkdir("root/usr", 0755));
    close(open("root/usr/only-here", O_CREAT | O_WRONLY, 0600));
    if (SHOW(chroot("root")) == -1)
        return;
    SHOW(chdir("/"));
    SHOW(access("/usr/only-here", F_OK));
    SHOW(access("/usr/bin", F_OK));
    SHOW(access("/proc/self", F_OK));
    SHOW(chroot("none"));
}

static void identities(void)
{
    gid_t g[3] = {7, 8, 9}, back[8];
    if (SHOW(setgroups(3, g)) == -1)
        return;
    SHOW(getgroups(8, back));
    printf("%u %u %u\n", back[0], back[1], back[2]);
    SHOW(setfsgid(1234));
    SHOW(setfsgid(-1));
    SHOW(setresgid(10, 20, 30));
    gid_t r, e, s;
    SHOW(getresgid(&r, &e, &s));
    printf("%u %u %u\n", r, e, s);
    SHOW(setregid(-1, 10));
    SHOW(getegid());
    SHOW(setgid(30));
    SHOW(setfsuid(77));
    SHOW(setresuid(1000, 1001, 1002));
    SHOW(getuid());
    SHOW(geteuid());
    SHOW(setuid(0));
    SHOW(setreuid(1001, 1000));
    SHOW(geteuid());
    SHOW(setgroups(0, NULL));
    SHOW(open("/etc/shadow", O_RDONLY));
    SHOW(kill(1, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, -5));
    SHOW(sethostname("x", 1));
    SHOW(mount("a", "/", "tmpfs", 0, NULL));
    SHOW(chroot("/"));
    SHOW(unshare(CLONE_NEWNS));
    SHOW(acct("none"));
    SHOW(swapon("none", 0));
    SHOW(swapoff("none"));
    SHOW(syscall(SYS_reboot, 1, 2, 3, 4));
    SHOW(syscall(SYS_settimeofday, &(long[2]){5, 5}, NULL));
    SHOW(syscall(SYS_vhangup));
    SHOW(syscall(SYS_quotactl, 0, "none", 0, NULL));
}

static void user_namespace(void)
{
    if (SHOW(setresuid(1000, 1000, 1000)) == -1)
        return;
    if (SHOW(unshare(CLONE_NEWUSER)) == -1)
        return;
    SHOW(getuid());
    SHOW(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC));
    int st;
    pid_t child = fork();
    if (!child) {
        printf("pid %d ppid %d\n", getpid(), getppid());
        _exit(getpid() == 1 ? 5 : 6);
    }
    waitpid(child, &st, 0);
    SHOW(WEXITSTATUS(st));
    int ns = open("/proc/self/ns/user", O_RDONLY);
    SHOW(setns(ns, CLONE_NEWNET));
    SHOW(setns(ns, CLONE_NEWUSER));
    SHOW(setns(0, 0));
    SHOW(unshare(0x1));
    SHOW(unshare(CLONE_THREAD));
    SHOW(unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM));
}

/* Requests whose structures hold pointers. */
static void network(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct sockaddr_in net = {.sin_family = AF_INET, .sin_addr = {htonl(0xc0000200)}};
    struct sockaddr_in mask = {.sin_family = AF_INET, .sin_addr = {htonl(0xffffff00)}};
    struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = "lo", .rt_metric = 4};
    char line[256];
    if (SHOW(unshare(CLONE_NEWNET)) == -1)
        return;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(ioctl(s, SIOCSIFFLAGS, &lo));
    memcpy(&route.rt_dst, &net, sizeof net);
    memcpy(&route.rt_genmask, &mask, sizeof mask);
    SHOW(ioctl(s, SIOCADDRT, &route));
    SHOW(ioctl(s, SIOCADDRT, &route));
    route.rt_dev = "nobody";
    SHOW(ioctl(s, SIOCADDRT, &route));
    route.rt_dev = (char *)8;
    SHOW(ioctl(s, SIOCADDRT, &route));
    SHOW(ioctl(s, SIOCADDRT, 8));
    FILE *f = fopen("/proc/thread-self/net/route", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "lo", 2))
            fputs(line, stdout);
    if (f)
        fclose(f);
    route.rt_dev = "lo";
    SHOW(ioctl(s, SIOCDELRT, &route));
    SHOW(ioctl(s, SIOCDELRT, &route));
    memset(&lo.ifr_map, 0, sizeof lo.ifr_map);
    SHOW(ioctl(s, SIOCSIFMAP, &lo));
    int t = open("/dev/net/tun", O_RDWR);
    SHOW_OK(t);
    struct ifreq tap = {.ifr_name = "tap7", .ifr_flags = IFF_TAP | IFF_NO_PI};
    SHOW(ioctl(t, TUNSETIFF, &tap));
    SHOW(ioctl(t, 0x4c03 /* LOOP_GET_STATUS */, &tap));
    SHOW(ioctl(t, 0x2285 /* SG_IO */, &tap));
    SHOW(ioctl(t, 0x12345678, &tap));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    in_child(mounts);
    in_child(roots);
    in_child(identities);
    in_child(network);
    in_child(user_namespace);
    sync();
    return 0;
}
