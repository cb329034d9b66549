/*
 * qcow2 images on arbitrary bytes: opened, checked, read, written, mended. What may not happen: a crash, a
 * hang, an image refused without a reason.
 */
#include "fuzz.h"

#include "system/block/qcow2.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void use_image(BlockNode *n)
{
    uint8_t buf[3000];
    Qcow2Check c;
    for (unsigned k = 0; k < 4; k++) {
        uint64_t at = n->bytes < 8192 ? 0 : k * (n->bytes / 4) / 512 * 512;
        size_t len = (size_t)(n->bytes - at < sizeof(buf) ? n->bytes - at : sizeof(buf));
        block_read(n, at, buf, len);
        memset(buf, (int)k + 1, sizeof(buf));
        block_write(n, at, buf, len / 512 * 512);
        block_discard(n, at, len / 1024 * 512);
        block_zero(n, at, len / 512 * 512, k & 1);
    }
    block_flush(n);
    qcow2_check(n, 2, NULL, NULL, &c);
    qcow2_check(n, 0, NULL, NULL, &c);
}

static void say_nothing(const char *text)
{
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_set_printerr_handler(say_nothing);
    for (unsigned mend = 0; mend < 2; mend++) {
        char path[64];
        int fd = memfd_create("image", 0);
        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
            abort();
        g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        GError *err = NULL;
        const BlockOpen how = {.format = "qcow2", .no_backing = true, .no_lock = true, .repair = mend};
        BlockNode *n = block_open(path, &how, &err);
        if (n && n->bytes < 1 << 20)
            use_image(n);
        else if (!n && !err)
            abort();
        g_clear_error(&err);
        block_close(n);
        close(fd);
    }
    return 0;
}

/* Small clusters, so that all kinds of tables are in the bytes that change. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    static const Qcow2Create kinds[] = {
        {.bytes = 16 << 10, .cluster_bytes = 512},
        {.bytes = 16 << 10, .cluster_bytes = 512, .version = 2},
        {.bytes = 8 << 10, .cluster_bytes = 1024, .refcount_bits = 1},
        {.bytes = 8 << 10, .cluster_bytes = 512, .refcount_bits = 64, .zip = QCOW2_ZSTD},
    };
    if (i >= G_N_ELEMENTS(kinds))
        return 0;
    char path[64];
    int fd = memfd_create("seed", 0);
    g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const BlockOpen how = {.format = "qcow2", .no_lock = true};
    BlockNode *n = qcow2_create(path, &kinds[i], NULL) ? block_open(path, &how, NULL) : NULL;
    if (!n)
        abort();
    uint8_t plain[2048];
    memset(plain, 'x', sizeof(plain));
    for (size_t k = 0; k < sizeof(plain); k += 7)
        plain[k] = (uint8_t)k;
    block_write(n, 0, plain, sizeof(plain));
    memset(plain, 'y', sizeof(plain));
    qcow2_write_compressed(n, 4096, plain);
    block_close(n);
    ssize_t got = pread(fd, buf, cap, 0);
    close(fd);
    return got > 0 ? (size_t)got : 0;
}
