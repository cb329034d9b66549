/* Sockets: unix and inet, messages with descriptors and credentials, options. */
#include "user.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static void show_un(const struct sockaddr_un *un, socklen_t len)
{
    printf("name len %u family %d path %s\n", len, un->sun_family,
           len > 2 ? un->sun_path[0] ? un->sun_path : "@" : "-");
}

static void unix_stream(void)
{
    int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "sock"}, got = {0};
    socklen_t len = sizeof(got);
    SHOW(connect(c, (void *)&un, sizeof(un)));
    SHOW(bind(l, (void *)&un, sizeof(un)));
    SHOW(bind(c, (void *)&un, sizeof(un)));
    SHOW(listen(l, 5));
    SHOW(connect(c, (void *)&un, sizeof(un)));
    int a = accept4(l, (void *)&got, &len, SOCK_NONBLOCK);
    SHOW_BOOL(a >= 0);
    show_un(&got, len);
    len = sizeof(got);
    SHOW(getpeername(c, (void *)&got, &len));
    show_un(&got, len);
    len = sizeof(got);
    SHOW(getsockname(a, (void *)&got, &len));
    show_un(&got, len);
    char buf[32] = {0};
    SHOW(recv(a, buf, sizeof(buf), 0));
    SHOW(send(c, "hello", 5, 0));
    SHOW(recv(a, buf, sizeof(buf), MSG_PEEK));
    SHOW(recv(a, buf, 2, 0));
    SHOW(read(a, buf, sizeof(buf)));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(read(a, buf, 1));
    SHOW(shutdown(l, 99));
    close(c);
    SHOW(send(a, "x", 1, MSG_NOSIGNAL));
    close(a);
    close(l);
}

static int receive_fd(int s, int flags)
{
    char control[256] = {0}, byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof(control)};
    show("recvmsg", recvmsg(s, &m, flags));
    int fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        printf("cmsg level %d type %d len %ld flags %x\n", c->cmsg_level, c->cmsg_type,
               (long)(c->cmsg_len - CMSG_LEN(0)), m.msg_flags);
        if (c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred u;
            memcpy(&u, CMSG_DATA(c), sizeof(u));
            printf("creds mine %d %d\n", u.pid == getpid(), u.uid == getuid());
        }
    }
    return fd;
}

static void passing(void)
{
    int s[2], one = 1;
    SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
    SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
    int f = open("passed", O_CREAT | O_RDWR, 0600);
    write(f, "content", 7);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &f, sizeof(int));
    SHOW(sendmsg(s[0], &m, 0));
    int g = receive_fd(s[1], MSG_CMSG_CLOEXEC);
    char buf[16] = {0};
    SHOW(pread(g, buf, 16, 0));
    puts(buf);
    SHOW(fcntl(g, F_GETFD));
    int bad = 999;
    memcpy(CMSG_DATA(c), &bad, sizeof(int));
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = 1 << 20;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = 0;
    m.msg_iovlen = 5000;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(sendmsg(s[0], (void *)8, 0));
    struct ucred u;
    socklen_t len = sizeof(u);
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
    SHOW_BOOL(u.pid == getpid());
    close(s[0]);
    SHOW(recv(s[1], buf, 1, 0));
}

static void datagrams(void)
{
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un ua = {.sun_family = AF_UNIX, .sun_path = "dg-a"}, ub = {.sun_family = AF_UNIX},
                            from = {0};
    strcpy(ub.sun_path + 1, "abstract-tinamou");
    char who[32];
    snprintf(who, sizeof(who), "%d", getpid());
    strcat(ub.sun_path + 1, who);
    socklen_t ublen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(ub.sun_path + 1));
    SHOW(bind(a, (void *)&ua, sizeof(ua)));
    SHOW(bind(b, (void *)&ub, ublen));
    SHOW(sendto(b, "to a", 4, 0, (void *)&ua, sizeof(ua)));
    char buf[32] = {0};
    socklen_t len = sizeof(from);
    SHOW(recvfrom(a, buf, sizeof(buf), 0, (void *)&from, &len));
    SHOW_BOOL(len == ublen && !memcmp(from.sun_path, ub.sun_path, ublen - 2));
    SHOW(sendto(a, "12345678", 8, 0, (void *)&ub, ublen));
    SHOW(recv(b, buf, 3, MSG_TRUNC));
    struct mmsghdr mm[3] = {0};
    struct iovec v[3] = {{"one", 3}, {"two!", 4}, {"three", 5}};
    for (int i = 0; i < 3; i++)
        mm[i].msg_hdr = (struct msghdr){.msg_name = &ub, .msg_namelen = ublen, .msg_iov = &v[i],
                                        .msg_iovlen = 1};
    SHOW(sendmmsg(a, mm, 3, 0));
    printf("%u %u %u\n", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len);
    char rb[3][8];
    for (int i = 0; i < 3; i++) {
        v[i] = (struct iovec){rb[i], 8};
        mm[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    struct timespec ts = {1, 0};
    SHOW(recvmmsg(b, mm, 3, MSG_WAITFORONE, &ts));
    printf("%u %u %u\n", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len);
    SHOW(recv(b, buf, 3, MSG_DONTWAIT));
    struct timeval tv = {0, 20000};
    SHOW(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
    SHOW(recv(b, buf, 3, 0));
    close(a);
    close(b);
}

static void *client(void *arg)
{
    struct sockaddr_in in = *(struct sockaddr_in *)arg;
    int c = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c, (void *)&in, sizeof(in)))
        perror("connect");
    char buf[100000];
    memset(buf, 'q', sizeof(buf));
    for (int i = 0; i < 20; i++)
        write(c, buf, sizeof(buf));
    shutdown(c, SHUT_WR);
    long n = read(c, buf, sizeof(buf));
    close(c);
    return (void *)n;
}

static void inet(void)
{
    int l = socket(AF_INET, SOCK_STREAM, 0), v = 0;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    SHOW(bind(l, (void *)&in, sizeof(in)));
    SHOW(listen(l, 1));
    SHOW(getsockname(l, (void *)&in, &len));
    SHOW_BOOL(in.sin_port != 0);
    len = sizeof(v);
    SHOW(getsockopt(l, SOL_SOCKET, SO_TYPE, &v, &len));
    SHOW(v);
    SHOW(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &len));
    SHOW(v);
    SHOW(getsockopt(l, SOL_SOCKET, 9999, &v, &len));
    SHOW(getsockopt(l, SOL_SOCKET, SO_TYPE, &v, NULL));
    int n = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in closed = in;
    closed.sin_port = htons(1);
    SHOW_BOOL(connect(n, (void *)&closed, sizeof(closed)) == -1);
    struct pollfd f = {n, POLLOUT, 0};
    SHOW(poll(&f, 1, 1000));
    len = sizeof(v);
    getsockopt(n, SOL_SOCKET, SO_ERROR, &v, &len);
    puts(strerrorname_np(v ? v : ECONNREFUSED));
    close(n);
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in ui = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    len = sizeof(ui);
    bind(u, (void *)&ui, sizeof(ui));
    getsockname(u, (void *)&ui, &len);
    SHOW(sendto(u, "self", 4, 0, (void *)&ui, sizeof(ui)));
    char buf[4096];
    SHOW(recvfrom(u, buf, sizeof(buf), 0, NULL, NULL));
    SHOW(sendto(u, buf, 70000, 0, (void *)&ui, sizeof(ui)));
    close(u);
    SHOW(socket(77, SOCK_STREAM, 0));
    SHOW(socket(AF_INET, 77, 0));
    SHOW(accept(0, NULL, NULL));
    SHOW(listen(-1, 1));
    close(l);
}

static void tcp(void)
{
    int l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    bind(l, (void *)&in, sizeof(in));
    listen(l, 1);
    getsockname(l, (void *)&in, &len);
    pthread_t t;
    pthread_create(&t, NULL, client, &in);
    int a = accept(l, NULL, NULL);
    char buf[4096];
    long total = 0, n;
    while ((n = read(a, buf, sizeof(buf))) > 0)
        total += n;
    SHOW(total);
    write(a, "bye", 3);
    close(a);
    void *r;
    pthread_join(t, &r);
    printf("client read %ld\n", (long)r);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    unix_stream();
    passing();
    datagrams();
    inet();
    tcp();
    return 0;
}
