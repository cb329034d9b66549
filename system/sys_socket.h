/* Sockets of streams, TCP and Unix, that listen or connect. Threads: any; names are resolved meanwhile. */
#ifndef SYSTEM_SYS_SOCKET_H
#define SYSTEM_SYS_SOCKET_H

#include "system/sys_error.h"

typedef struct SysSocket {
    const char *host, *port; /* host "": any, or this one */
    const char *path;        /* instead: Unix */
    bool server, abstract;
    bool v4, v6; /* which of them alone; none: both */
    int waiting; /* of servers: how many connections may wait */
} SysSocket;

/* -1: err says why. */
int sys_socket_open(const SysSocket *s, GError **err);

#endif
