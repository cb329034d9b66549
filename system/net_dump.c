/* The pcap file format: a header of 24 bytes, then for each frame its time, how much of it is here, how long
 * it was. Written as it comes, so that a reader can follow. */
#include "system/net_back.h"
#include "system/sys_options.h"

#include <errno.h>
#include <stdio.h>

struct NetDump {
    FILE *file;
    uint32_t most;
};

NetDump *net_dump_open(const char *path, uint32_t max_bytes, GError **err)
{
    enum { MAGIC = 0xa1b2c3d4, VERSION = 2 | 4 << 16, ETHERNET = 1 };
    const uint32_t head[6] = {MAGIC, VERSION, 0, 0, max_bytes, ETHERNET};
    FILE *f = fopen(path, "wbe");
    if (!f || fwrite(head, sizeof(head), 1, f) != 1 || fflush(f) != 0) {
        sys_fail(err, "%s: %s", path, g_strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    NetDump *d = g_new0(NetDump, 1);
    *d = (NetDump){.file = f, .most = max_bytes};
    return d;
}

void net_dump_frame(NetDump *d, const uint8_t *frame, size_t n)
{
    if (!d || !d->file)
        return;
    gint64 now = g_get_real_time();
    const uint32_t here = (uint32_t)MIN(n, (size_t)d->most);
    const uint32_t head[4] = {(uint32_t)(now / 1000000), (uint32_t)(now % 1000000), here, (uint32_t)n};
    if (fwrite(head, sizeof(head), 1, d->file) == 1 && fwrite(frame, here, 1, d->file) == 1 &&
        fflush(d->file) == 0)
        return;
    fprintf(stderr, "tinamou-system: the network dump ends: %s\n", g_strerror(errno));
    fclose(d->file);
    d->file = NULL;
}

void net_dump_close(NetDump *d)
{
    if (d && d->file)
        fclose(d->file);
    g_free(d);
}
