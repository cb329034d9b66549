/*
 * Saved machines that nobody has saved: streams whose sums are made right, and states whose text was changed.
 * What may not happen: a crash, a hang, a refusal without a reason. What was taken runs a few instructions.
 */
#include "fuzz.h"

#include "system/migrate/vm_save.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void take_request(void *opaque, MachineRequest what, int code) {}

typedef struct Rig {
    Machine *m[2];
    char *text[2];
    GByteArray *stream;
} Rig;

static bool append(void *opaque, const void *from, size_t bytes, GError **err)
{
    g_byte_array_append(opaque, from, (guint)bytes);
    return true;
}

static const Rig *rig(void)
{
    static const BoardClass *const boards[] = {&riscv_virt_board, &x86_pc_board};
    static Rig r;
    VmSaver s;
    DevError err;
    for (unsigned k = 0; k < 2 && !r.m[k]; k++) {
        const MachineConfig cfg = {.ram_bytes = 16 << 20, .cpus = 1, .requests = {.request = take_request}};
        r.m[k] = machine_new(boards[k], &cfg, &err);
        if (!r.m[k])
            abort();
        clock_stop(&r.m[k]->clock, true);
        r.text[k] = machine_state_save(r.m[k]);
    }
    if (!r.stream) {
        r.stream = g_byte_array_new();
        if (!vm_save_begin(&s, r.m[0], (VmSink){append, r.stream}, NULL) || !vm_save_all_pages(&s, NULL) ||
            !vm_save_state(&s, NULL))
            abort();
        vm_save_end(&s);
    }
    return &r;
}

static void run(Machine *m)
{
    Cpu *cpu = m->cpu[0];
    for (unsigned n = 0; n < 4; n++) {
        cpu->ctx |= CTX_STEP;
        accel_run(cpu);
    }
}

/* ---- streams ---- */

typedef struct Bytes {
    const uint8_t *at;
    size_t left;
} Bytes;

static bool read_bytes(void *opaque, void *to, size_t n, GError **err)
{
    Bytes *b = opaque;
    if (n > b->left)
        return sys_fail(err, "the end");
    memcpy(to, b->at, n);
    b->at += n;
    b->left -= n;
    return true;
}

/* Kind, bytes, sum, payload. */
static void mend_sums(uint8_t *bytes, size_t n)
{
    enum { MAGIC = 16, FRAME = 12 };
    uint32_t f[3];
    for (size_t at = MAGIC; at + FRAME <= n; at += FRAME + f[1]) {
        memcpy(f, bytes + at, FRAME);
        if (f[1] > n - at - FRAME)
            break;
        f[2] = (uint32_t)crc32(0, bytes + at + FRAME, f[1]);
        memcpy(bytes + at, f, FRAME);
    }
}

static void load_stream(Machine *m, const uint8_t *data, size_t size)
{
    g_autofree uint8_t *copy = g_memdup2(data, size);
    g_autoptr(GError) err = NULL;
    mend_sums(copy, size);
    Bytes check = {copy, size}, load = check;
    bool could = vm_load_check(m, (VmSource){read_bytes, &check}, &err);
    if (!could && !err)
        abort();
    g_clear_error(&err);
    bool done = vm_load(m, (VmSource){read_bytes, &load}, (VmPutState){0}, &err);
    if (done ? !could : !err)
        abort();
    if (done)
        run(m);
}

/* ---- texts ---- */

static void load_text(Machine *m, const char *good, const uint8_t *data, size_t size)
{
    static const char chars[] = "0123456789abcdef0f08\n,=@";
    g_autofree char *text = g_strdup(good);
    const size_t n = strlen(text);
    DevError err = {""};
    for (size_t k = 0; k + 4 <= size; k += 4) {
        size_t at = (data[k] | (size_t)data[k + 1] << 8 | (size_t)data[k + 2] << 16) % n;
        text[at] = chars[data[k + 3] % (sizeof(chars) - 1)];
    }
    bool could = machine_state_check(m, text, &err), done = machine_state_load(m, text, &err);
    if ((done && !could) || (!done && !err.text[0]))
        abort();
    if (done)
        run(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Rig *r = rig();
    if (size > 12 && memcmp(data, r->stream->data, 12) == 0)
        load_stream(r->m[0], data, size);
    else if (size)
        load_text(r->m[data[0] & 1], r->text[data[0] & 1], data, MIN(size, 64));
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    const Rig *r = rig();
    if (i == 0) {
        size_t n = MIN(cap, r->stream->len);
        memcpy(buf, r->stream->data, n);
        return n;
    }
    for (unsigned k = 0; k < 64; k++)
        buf[k] = (uint8_t)(i * 97 + k * k * 31);
    return i < 9 ? 4 + i * 4 : 0;
}
