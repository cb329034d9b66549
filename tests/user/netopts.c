/* What of sockets has another layout where pointers and longs are shorter: options with times and programs,
 * control messages that come and that do not fit, many messages at once, the requests of netdevice(7). */
#define _GNU_SOURCE
#include "user.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static int udp(struct sockaddr_in *ret)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof *ret;
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(s, (void *)ret, len);
    getsockname(s, (void *)ret, &len);
    return s;
}

static unsigned open_files(void)
{
    unsigned n = 0;
    for (int i = 0; i < 200; i++)
        n += fcntl(i, F_GETFD) >= 0;
    return n;
}

static void timeouts(void)
{
    struct sockaddr_in to;
    int s = udp(&to);
    struct timeval tv = {2, 348000}, got = {7, 7};
    socklen_t len = sizeof got;
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
    printf("%ld.%06ld whole %d\n", (long)got.tv_sec, (long)got.tv_usec, len == sizeof got);
    SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, 4));
    tv.tv_usec = 1000000;
    SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
    len = 4;
    got.tv_sec = 7;
    SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
    printf("part: %d bytes, %d\n", (int)len, *(int *)&got);
    tv = (struct timeval){0, 20000};
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    char byte;
    SHOW(recv(s, &byte, 1, 0));
    close(s);
}

static void filters(void)
{
    struct sockaddr_in to;
    int s = udp(&to);
    struct sock_filter none[] = {{BPF_RET | BPF_K, 0, 0, 0}}, all[] = {{BPF_RET | BPF_K, 0, 0, 0xffff}};
    struct sock_fprog prog = {1, none};
    char byte;
    SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog));
    SHOW(sendto(s, "x", 1, 0, (void *)&to, sizeof to));
    SHOW(recv(s, &byte, 1, MSG_DONTWAIT));
    prog.filter = all;
    SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog));
    SHOW(sendto(s, "x", 1, 0, (void *)&to, sizeof to));
    SHOW(recv(s, &byte, 1, 0));
    prog.len = 0;
    SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog));
    prog = (struct sock_fprog){1, (void *)8};
    SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog));
    SHOW(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0));
    struct group_req group = {.gr_interface = if_nametoindex("lo")};
    struct sockaddr_in *at = (void *)&group.gr_group;
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xefabcdef)};
    SHOW(setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof group));
    SHOW(setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &group, sizeof group));
    SHOW(setsockopt(s, IPPROTO_IP, MCAST_LEAVE_GROUP, &group, sizeof group));
    SHOW(setsockopt(s, IPPROTO_IP, MCAST_LEAVE_GROUP, &group, sizeof group));
    SHOW(setsockopt(s, IPPROTO_IP, MCAST_JOIN_GROUP, &group, 8));
    close(s);
}

/* Times in control messages and by SIOCGSTAMP, and the address a packet came to. */
static void stamps(void)
{
    struct sockaddr_in to;
    int s = udp(&to), one = 1;
    for (unsigned i = 0; i < 2; i++) {
        char byte, control[256];
        struct iovec v = {&byte, 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
        SHOW(setsockopt(s, SOL_SOCKET, i ? SO_TIMESTAMPNS : SO_TIMESTAMP, &one, sizeof one));
        SHOW(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
        SHOW(sendto(s, "x", 1, 0, (void *)&to, sizeof to));
        SHOW(recvmsg(s, &m, 0));
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            printf("level %d ", c->cmsg_level);
            if (c->cmsg_level == SOL_SOCKET) {
                long t[2];
                memcpy(t, CMSG_DATA(c), sizeof t);
                printf("whole %d now %d part %d\n", c->cmsg_len == CMSG_LEN(sizeof t),
                       labs(t[0] - (long)time(NULL)) < 3, t[1] >= 0 && t[1] < (i ? 1000000000 : 1000000));
            } else {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                printf("to %x on lo %d\n", ntohl(info.ipi_addr.s_addr),
                       (unsigned)info.ipi_ifindex == if_nametoindex("lo"));
            }
        }
    }
    close(s);
    s = udp(&to);
    long t[2] = {0};
    char byte;
    SHOW(ioctl(s, 0x8906 /* SIOCGSTAMP_OLD */, t));
    sendto(s, "x", 1, 0, (void *)&to, sizeof to);
    int n = 0;
    SHOW(ioctl(s, FIONREAD, &n));
    printf("%d\n", n);
    recv(s, &byte, 1, 0);
    SHOW(ioctl(s, 0x8907 /* SIOCGSTAMPNS_OLD */, t));
    printf("now %d\n", labs(t[0] - (long)time(NULL)) < 3);
    close(s);
}

static void send_files(int s, int n, bool creds)
{
    char control[CMSG_SPACE(8 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] = {0}, byte = 'f';
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *c = (void *)control;
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(n * sizeof(int))};
    for (int i = 0; i < n; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &(int){0}, sizeof(int));
    if (creds) {
        struct ucred u = {getpid(), getuid(), getgid()};
        m.msg_controllen += CMSG_SPACE(sizeof u);
        c = CMSG_NXTHDR(&m, c);
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS,
                              .cmsg_len = CMSG_LEN(sizeof u)};
        memcpy(CMSG_DATA(c), &u, sizeof u);
    }
    SHOW(sendmsg(s, &m, 0));
}

/* In a buffer of `room` bytes: how many descriptors come, and how many are open then. */
static void receive_files(int s, size_t room)
{
    char control[256], byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    unsigned before = open_files(), files = 0;
    SHOW(recvmsg(s, &m, 0));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);
        printf("type %d bytes %zu\n", c->cmsg_type, bytes);
        for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < bytes; i += sizeof(int), files++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i, sizeof fd);
            printf("a descriptor %d\n", fcntl(fd, F_GETFD) >= 0);
        }
    }
    printf("files %u, opened %d, flags %x\n", files, (int)(open_files() - before), m.msg_flags);
}

static void control(void)
{
    int s[2], one = 1;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    for (int room = 0; room < 5; room++) {
        send_files(s[0], 4, false);
        receive_files(s[1], room ? CMSG_LEN(room * sizeof(int)) : 0);
    }
    SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    send_files(s[0], 2, true);
    receive_files(s[1], CMSG_SPACE(sizeof(struct ucred)) + CMSG_LEN(2 * sizeof(int)));
    send_files(s[0], 2, true);
    receive_files(s[1], CMSG_LEN(sizeof(struct ucred)));
    struct cmsghdr wrong = {.cmsg_len = 3, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &wrong, .msg_controllen = sizeof wrong};
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_control = (void *)8;
    SHOW(sendmsg(s[0], &m, 0));
}

static void many(void)
{
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    char text[3][8] = {"one", "three", "fourfou"}, in[4][4] = {{0}};
    struct iovec v[4];
    struct mmsghdr m[4] = {{{0}}};
    for (unsigned i = 0; i < 3; i++) {
        v[i] = (struct iovec){text[i], strlen(text[i])};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    SHOW(sendmmsg(s[0], m, 3, 0));
    printf("sent %u %u %u\n", m[0].msg_len, m[1].msg_len, m[2].msg_len);
    for (unsigned i = 0; i < 4; i++) {
        v[i] = (struct iovec){in[i], 4};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    struct timespec ts = {0, 1000000};
    SHOW(recvmmsg(s[1], m, 4, MSG_WAITFORONE, &ts));
    for (unsigned i = 0; i < 3; i++)
        printf("got %u %.4s %x\n", m[i].msg_len, in[i], m[i].msg_hdr.msg_flags);
    SHOW(sendmmsg(s[0], (void *)8, 2, 0));
    SHOW(recvmmsg(s[1], m, 1, MSG_DONTWAIT, NULL));
}

static void devices(void)
{
    struct sockaddr_in to;
    int s = udp(&to);
    struct ifconf c = {0};
    SHOW(ioctl(s, SIOCGIFCONF, &c));
    unsigned n = c.ifc_len / sizeof(struct ifreq);
    struct ifreq list[64], r = {0};
    c = (struct ifconf){.ifc_len = sizeof list, .ifc_req = list};
    SHOW(ioctl(s, SIOCGIFCONF, &c));
    printf("as many %d\n", n == c.ifc_len / sizeof(struct ifreq));
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(list[i].ifr_name, "lo"))
            printf("lo %x\n", ntohl(((struct sockaddr_in *)&list[i].ifr_addr)->sin_addr.s_addr));
    c.ifc_len = sizeof(struct ifreq) - 1;
    SHOW(ioctl(s, SIOCGIFCONF, &c));
    printf("none %d\n", c.ifc_len);
    strcpy(r.ifr_name, "lo");
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    printf("flags %x\n", r.ifr_flags & (IFF_UP | IFF_LOOPBACK));
    SHOW(ioctl(s, SIOCGIFMTU, &r));
    printf("mtu %d\n", r.ifr_mtu);
    SHOW(ioctl(s, SIOCGIFADDR, &r));
    printf("address %x\n", ntohl(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr));
    SHOW(ioctl(s, SIOCGIFHWADDR, &r));
    printf("kind %d\n", r.ifr_hwaddr.sa_family);
    SHOW(ioctl(s, SIOCGIFINDEX, &r));
    printf("index %d\n", (unsigned)r.ifr_ifindex == if_nametoindex("lo"));
    memset(&r.ifr_map, 0x55, sizeof r.ifr_map);
    SHOW(ioctl(s, SIOCGIFMAP, &r));
    printf("map %lx %lx %x %x %x %x\n", r.ifr_map.mem_start, r.ifr_map.mem_end, r.ifr_map.base_addr,
           r.ifr_map.irq, r.ifr_map.dma, r.ifr_map.port);
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
    r.ifr_data = (void *)&link;
    SHOW(ioctl(s, SIOCETHTOOL, &r));
    printf("link %u\n", link.data);
    strcpy(r.ifr_name, "none");
    SHOW(ioctl(s, SIOCGIFFLAGS, &r));
    SHOW(ioctl(s, SIOCGIFFLAGS, (void *)8));
    int f = open("f", O_CREAT | O_RDWR, 0600), flags[2] = {0, 0x1234567};
    SHOW(ioctl(f, FS_IOC_GETFLAGS, flags));
    printf("behind it %x\n", flags[1]);
    SHOW(ioctl(f, BLKGETSIZE, flags));
    SHOW(ioctl(f, FIGETBSZ, flags));
    SHOW(ioctl(f, TIOCGWINSZ, flags));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    timeouts();
    filters();
    stamps();
    control();
    many();
    devices();
    return 0;
}
