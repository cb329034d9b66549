/*
 * A debugger that sends anything to the stub of a process or of a machine. Falls over on: memory errors and
 * undefined behaviour (with sanitizers), answers that are no packets, threads and lengths that were never
 * offered.
 *
 * Input: a byte (bit 0: a process; bit 1: acknowledgements are on); then pieces: a byte (bits 0 to 5: how
 * many bytes follow; bit 6: they are the text of a packet, whose frame is added; bit 7: what runs stops after
 * them).
 */
#include "fuzz.h"

#include "debug/gdb_stub.h"

#include "base/bits.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 5, REGS = 40, MEMORY = 1 << 16, FIRST_PID = 0x10, OTHER_PID = 0x20 };

typedef struct It {
    GdbStub stub;
    uint8_t memory[MEMORY];
} It;

static void check(bool ok)
{
    if (!ok)
        abort();
}

static unsigned digit(char c)
{
    check((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* An acknowledgement, or a whole packet with its sum. */
static void take_answer(void *o, const char *bytes, size_t n)
{
    uint8_t sum = 0;
    if (n == 1 && (*bytes == '+' || *bytes == '-'))
        return;
    check(n >= 4 && n <= 2 * GDB_PACKET + 16 && bytes[0] == '$' && bytes[n - 3] == '#');
    for (const char *p = bytes + 1; p < bytes + n - 3; p++) {
        check(*p != '$' && *p != '#');
        sum = (uint8_t)(sum + (uint8_t)*p);
    }
    check(sum == (digit(bytes[n - 2]) << 4 | digit(bytes[n - 1])));
}

static bool is_thread(unsigned thread)
{
    return thread >= 1 && thread <= THREADS;
}
static unsigned n_threads(void *o)
{
    return THREADS;
}

static bool describe(void *o, unsigned reg, GdbReg *ret)
{
    static const unsigned bits[] = {32, 64, 128, 8, 512};
    *ret = (GdbReg){.name = "r",
                    .feature = reg < 17   ? "org.core"
                               : reg < 20 ? "org.float"
                                          : "org.more",
                    .type = "int",
                    .bits = bits[reg % ARRAY_SIZE(bits)]};
    return reg < REGS;
}
static bool read_reg(void *o, unsigned thread, unsigned reg, uint8_t *to)
{
    GdbReg r;
    check(is_thread(thread) && describe(o, reg, &r));
    memset(to, (int)reg, r.bits / 8);
    return thread != THREADS;
}
static bool write_reg(void *o, unsigned thread, unsigned reg, const uint8_t *from)
{
    GdbReg r;
    volatile uint8_t sum = 0;
    check(is_thread(thread) && describe(o, reg, &r));
    for (unsigned k = 0; k < r.bits / 8; k++)
        sum = (uint8_t)(sum + from[k]);
    return true;
}

static bool is_memory(uint64_t at, size_t n)
{
    return at < MEMORY && n <= MEMORY - at;
}
static bool read_memory(void *o, unsigned thread, uint64_t at, void *to, size_t n)
{
    check(is_thread(thread));
    if (is_memory(at, n))
        memcpy(to, ((It *)o)->memory + at, n);
    return is_memory(at, n);
}
static bool poke(void *o, unsigned thread, uint64_t at, const void *from, size_t n)
{
    check(is_thread(thread));
    if (is_memory(at, n))
        memcpy(((It *)o)->memory + at, from, n);
    return is_memory(at, n);
}
static bool point(void *o, GdbPoint kind, uint64_t at, uint64_t n, bool on)
{
    check(kind <= GDB_ACCESS_WATCH);
    return at & 1;
}

static void resume(void *o, const uint8_t *how)
{
    for (unsigned k = 0; k < THREADS; k++)
        check(how[k] <= GDB_STEP);
}
static void interrupt(void *o)
{
    gdb_stopped(&((It *)o)->stub, 1, 2, -1, 0);
}
static void leave(void *o, bool kill)
{
}
static void command(void *o, const char *line, Fmt *out)
{
    fmt_puts(out, line);
}
static bool physical(void *o, int set)
{
    return set != 0;
}

/* ---- of a process ---- */

static unsigned thread_id(void *o, unsigned thread)
{
    return thread == 3 ? 0 : 0x100 + thread; /* one is gone */
}
static void thread_name(void *o, unsigned thread, Fmt *out)
{
    check(is_thread(thread));
    fmt_puts(out, "it*}#$");
}
static void give_signal(void *o, unsigned thread, unsigned signal)
{
    check(is_thread(thread) && signal < GDB_SIGNALS);
}
static void pass(void *o, const bool signals[GDB_SIGNALS])
{
}
static void catch_calls(void *o, bool on, const uint64_t *nr, unsigned n)
{
    volatile uint64_t sum = 0;
    for (unsigned k = 0; k < n; k++)
        sum = sum + nr[k];
}
static long object(void *o, const char *name, uint64_t at, void *to, size_t n)
{
    check(n <= GDB_PACKET / 2 && strlen(name) < 16);
    memset(to, '#', n);
    return strcmp(name, "auxv") ? -1 : (long)n;
}
static long open_file(void *o, const char *path)
{
    if (path[0] != '/')
        return -ENOENT;
    return sys_call4(SYS_openat, AT_FDCWD, (long)"/dev/zero", O_RDONLY | O_CLOEXEC, 0);
}
static long read_link(void *o, const char *path, char *to, size_t n)
{
    memset(to, '}', n);
    return (long)n;
}
static unsigned pid_of(void *o, unsigned thread)
{
    return thread == 5 ? OTHER_PID : FIRST_PID;
}
static bool is_ours(void *o, unsigned pid)
{
    return pid == FIRST_PID;
}
static void release(void *o, unsigned pid, bool kill)
{
}
static bool other(void *o, unsigned pid, const char *packet, size_t n, bool resumes)
{
    check(pid != FIRST_PID && n < GDB_PACKET && strlen(packet) <= n);
    return pid == OTHER_PID;
}
static void others(void *o, Fmt *out)
{
    fmt_puts(out, ",p20.20");
}

static const GdbProcessOps process_ops = {.id = thread_id,
                                          .name = thread_name,
                                          .signal = give_signal,
                                          .pass = pass,
                                          .catch_calls = catch_calls,
                                          .object = object,
                                          .open = open_file,
                                          .readlink = read_link,
                                          .pid = pid_of,
                                          .ours = is_ours,
                                          .release = release,
                                          .other = other,
                                          .others = others};

/* ---- the input ---- */

static void stop(GdbStub *s, unsigned how)
{
    switch (s->ops->process ? how % 7 : 0) {
    case 0: gdb_stopped(s, 1 + how % 2, 5, (int)(how % 6) - 1, how); break;
    case 1: gdb_stopped_at_call(s, 1, how & 8, how); break;
    case 2: gdb_stopped_at_fork(s, 2, OTHER_PID, how & 8); break;
    case 3: gdb_stopped_at_vfork_done(s, 1); break;
    case 4: gdb_stopped_at_exec(s, 1, "/bin/it"); break;
    case 5: gdb_exited(s, FIRST_PID, how, how & 8); break;
    default:
        gdb_other_stopped(s, OTHER_PID);
        gdb_other_killed(s, OTHER_PID);
    }
}

static void take_packet(GdbStub *s, const uint8_t *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t frame[80], sum = 0;
    for (size_t k = 0; k < n; k++)
        sum = (uint8_t)(sum + text[k]);
    frame[0] = '$';
    memcpy(frame + 1, text, n);
    memcpy(frame + 1 + n, (const uint8_t[]){'#', (uint8_t)hex[sum >> 4], (uint8_t)hex[sum & 15]}, 3);
    gdb_take(s, frame, n + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const GdbOps process = {.arch = "it",
                                   .write = take_answer,
                                   .n_threads = n_threads,
                                   .describe = describe,
                                   .read_reg = read_reg,
                                   .write_reg = write_reg,
                                   .read = read_memory,
                                   .poke = poke,
                                   .point = point,
                                   .resume = resume,
                                   .interrupt = interrupt,
                                   .leave = leave,
                                   .process = &process_ops};
    GdbOps machine = process;
    machine.process = NULL;
    machine.command = command;
    machine.physical = physical;
    It *it = calloc(1, sizeof(*it));
    GdbStub *s = &it->stub;
    check(it != NULL);
    gdb_init(s, size && data[0] & 1 ? &process : &machine, it);
    s->no_ack = size && !(data[0] & 2);
    for (size_t at = 1; at < size;) {
        const uint8_t how = data[at++];
        const size_t n = MIN(how & 0x3fu, size - at);
        if (how & 0x40)
            take_packet(s, data + at, n);
        else
            gdb_take(s, data + at, n);
        at += n;
        if (how & 0x80 && s->running)
            stop(s, how + (unsigned)at);
    }
    for (unsigned k = 0; k < GDB_FILES; k++)
        if (s->file[k])
            sys_close(s->file[k]);
    free(it);
    return 0;
}

/* Packets as debuggers send them, in an order of its own for each seed. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 200 };
    static const char *const texts[] = {"qSupported:multiprocess+;swbreak+;hwbreak+;fork-events+;",
                                        "?",
                                        "g",
                                        "p1f",
                                        "P2=000102030405060708090a0b0c0d0e0f",
                                        "m10,40",
                                        "m0,fffffffffffffff",
                                        "M20,4:01020304",
                                        "X30,3:a}]b",
                                        "Z0,1001,4",
                                        "z2,1003,8",
                                        "vCont;s:p10.101;c",
                                        "vCont;C0b:p20.-1",
                                        "c",
                                        "S05",
                                        "Hgp10.102",
                                        "Hgp20.20",
                                        "Hc-1",
                                        "Tp10.103",
                                        "qfThreadInfo",
                                        "qsThreadInfo",
                                        "qThreadExtraInfo,p10.101",
                                        "qXfer:features:read:target.xml:0,fff",
                                        "qXfer:features:read:target.xml:fffffffffffffff0,20",
                                        "qXfer:auxv:read::0,1000",
                                        "QPassSignals:0e;1c;9f",
                                        "QCatchSyscalls:1;5;6",
                                        "vFile:open:2f78,0,0",
                                        "vFile:pread:3,2000,0",
                                        "vFile:fstat:3",
                                        "vFile:readlink:2f78",
                                        "vFile:close:3",
                                        "D;20",
                                        "vKill;10",
                                        "qRcmd,68656c70",
                                        "QStartNoAckMode",
                                        "\3"};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    size_t at = 1;
    if (i >= SEEDS)
        return 0;
    buf[0] = (uint8_t)i;
    for (unsigned n = 0; n < 16 && at + 64 < cap; n++) {
        h = h * 6364136223846793005ull + 1442695040888963407ull;
        const char *text = texts[n ? (h >> 40) % ARRAY_SIZE(texts) : 0];
        const size_t len = MIN(strlen(text), (size_t)0x3f);
        buf[at++] = (uint8_t)(len | (*text == 3 ? 0 : 0x40) | (h >> 63 << 7));
        memcpy(buf + at, text, len);
        at += len;
    }
    return at;
}
