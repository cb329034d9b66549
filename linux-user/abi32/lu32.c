/* The dispatcher of 32-bit guests: registers to the arguments of a row, structures both ways. See lu32.h. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/strace.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/uio.h>

/* NULL: no such number. */
static const Lu32Call *find_call(const Lu32Table *c, uint64_t nr)
{
    uint64_t slot = nr - c->private_base < c->n_private ? c->n_calls + nr - c->private_base
                    : nr < c->n_calls                   ? nr
                                                        : c->n_slots;
    unsigned i = slot < c->n_slots ? c->index[slot] : 0;
    return i ? &c->calls[i - 1] : NULL;
}

/* ---- arguments ---- */

static uint64_t argument(char how, const uint64_t r[6])
{
    switch (how) {
    case 'A':
    case 'B':
    case 'C':
    case 'D':
    case 'E': return r[how - 'A'] | r[how - 'A' + 1] << 32;
    case 'm': return r[5] << 12;
    case 'c': return (uint64_t)AT_FDCWD;
    case 'r': return AT_REMOVEDIR;
    case 'n': return AT_SYMLINK_NOFOLLOW;
    case 'W': return O_CREAT | O_WRONLY | O_TRUNC;
    case 'G': return SIGCHLD;
    case 'V': return CLONE_VFORK | CLONE_VM | SIGCHLD;
    default: return 0;
    }
}

static void make_arguments(const Lu32Call *c, const char *kinds, const uint64_t r[6], uint64_t v[6])
{
    bool plain = !c->args[0], end = false;
    for (unsigned i = 0; i < 6; i++) {
        char how = plain ? (char)('0' + i) : c->args[i];
        end = end || !how;
        if (end)
            v[i] = 0;
        else if (how < '0' || how > '5')
            v[i] = argument(how, r);
        else
            v[i] = kinds[i] == 'l' ? (uint64_t)(int32_t)r[how - '0'] : r[how - '0'];
    }
}

/* The row as this call shows itself: its name, the arguments it has, times of 32 bits. */
static LuSyscallRow row_of(const Lu32Call *c)
{
    LuSyscallRow row = lu_syscall_rows[c->row];
    memcpy(row.name, c->name, sizeof(row.name));
    if (c->args[0])
        row.kinds[strlen(c->args)] = 0;
    for (unsigned i = 0; i < 6 && row.kinds[i]; i++)
        if (row.kinds[i] == 't') /* calls named so, and new ones, have 64 bits of time */
            row.kinds[i] = strstr(c->name, "64") || c->conv[i] == 'x' ? 't' : '3';
    return row;
}

/* ---- structures ---- */

typedef struct Conv {
    Gva at;      /* of the guest's; 0: nothing to write back */
    uint8_t s;   /* Lu32Struct */
    void *host;
} Conv;

/* The structure a letter stands for, times how many; false: it stands for none. */
static bool struct_of(char letter, Lu32Struct *ret, unsigned *ret_n)
{
    *ret_n = letter == '2' || letter == '3' ? 2 : 1;
    switch (letter) {
    case '2':
    case 't':
    case 'T': *ret = LU32_ts32; return true;
    case '3':
    case 'x': *ret = LU32_ts64; return true;
    case 'i':
    case 'I': *ret = LU32_its32; return true;
    case 'y': *ret = LU32_its64; return true;
    case 'v':
    case 'V': *ret = LU32_tv32; return true;
    case 'w':
    case 'W': *ret = LU32_itv32; return true;
    case 'U': *ret = LU32_rusage32; return true;
    case 'M': *ret = LU32_tms32; return true;
    case 'X': *ret = LU32_timex32; return true;
    case 'l':
    case 'L': *ret = LU32_rlimit32; return true;
    case 'q':
    case 'Q': *ret = LU32_mq_attr32; return true;
    default: return false;
    }
}

struct iovec *lu32_iovec(LuThread *t, Gva at, uint64_t n)
{
    struct iovec *v = (int32_t)n <= 0 || n > IOV_MAX ? NULL : arena_array(&t->scratch, struct iovec, n);
    for (uint64_t i = 0; v && i < n; i++) {
        FaultVal pair[2] = {fault_ld32(at + 8 * i), fault_ld32(at + 8 * i + 4)};
        if (pair[0].fault || pair[1].fault)
            return guest_ptr(at);
        int64_t len = (int32_t)pair[1].val; /* a negative one stays one, for the kernel to see */
        v[i] = (struct iovec){.iov_base = len ? guest_ptr(su_pointer(t->proc, pair[0].val)) : NULL,
                              .iov_len = (size_t)len};
    }
    return v ? v : guest_ptr(at);
}

/* Makes v[i] what the row wants, by its letter. */
static long convert_one(LuThread *t, char letter, uint64_t v[6], unsigned i, Conv *ret)
{
    Lu32Struct s;
    unsigned n;
    if (letter == 'h') {
        v[i] = (uint16_t)v[i] == 0xffff ? ~0ull : (uint16_t)v[i];
        return 0;
    }
    if (letter == 'o') {
        v[i] = (uintptr_t)lu32_iovec(t, v[i], v[i + 1]);
        return 0;
    }
    if (!v[i] || !struct_of(letter, &s, &n))
        return 0;
    char *host = arena_alloc(&t->scratch, n * lu32_host_size(s), 8);
    if (!host)
        return -ENOMEM;
    bool in = (letter >= 'a' && letter <= 'z') || letter <= '9' || letter == 'X';
    for (unsigned k = 0; in && k < n; k++)
        if (lu32_read(s, host + k * lu32_host_size(s), v[i] + k * lu32_guest_size(s)))
            return 0; /* the kernel cannot read it either, and has its own order of errors */
    if (!in)
        memset(host, 0, lu32_host_size(s));
    if (letter >= 'A' && letter <= 'Z')
        *ret = (Conv){.at = v[i], .s = (uint8_t)s, .host = host};
    v[i] = (uintptr_t)host;
    return 0;
}

static long convert_and_call(LuThread *t, const Lu32Call *c, uint64_t v[6])
{
    Conv back[6] = {{0}};
    for (unsigned i = 0; c->conv[i]; i++) {
        long err = convert_one(t, c->conv[i], v, i, &back[i]);
        if (err)
            return err;
    }
    long r = lu_row_do(t, c->row, v);
    for (unsigned i = 0; !sys_is_err(r) && i < 6; i++) {
        long err = back[i].at ? lu32_write(back[i].s, back[i].at, back[i].host) : 0;
        if (err)
            return err;
    }
    return r;
}

static long call(LuThread *t, const Lu32Call *c, uint64_t v[6])
{
    long err = lu_row_check(t->proc, c->row, v);
    if (err)
        return err;
    switch ((Lu32Handler)c->handler) {
    case LU32_NO_HANDLER: return c->conv[0] ? convert_and_call(t, c, v) : lu_row_do(t, c->row, v);
#define HANDLER(name) case LU32_H_##name: return lu32_##name(t, v);
#include "linux-user/abi32/handlers.def"
#undef HANDLER
    }
    return -ENOSYS;
}

long lu32_forward(LuThread *t, const Lu32Call *c, const uint64_t regs[6])
{
    uint64_t v[6];
    memcpy(t->syscall_arg, regs, sizeof(t->syscall_arg));
    make_arguments(c, lu_syscall_rows[c->row].kinds, t->syscall_arg, v);
    return call(t, c, v);
}

static __attribute__((noinline)) long traced_call(LuThread *t, uint64_t nr, const Lu32Call *c, uint64_t v[6])
{
    LuSyscallRow row = {0};
    if (c)
        row = row_of(c);
    if ((t->proc->log & LU_LOG_UNIMP) && (!c || (row.how == LU_NONE && row.err == ENOSYS)))
        lu_log_unimp(t, nr, c ? &row : NULL);
    if (!(t->proc->log & LU_LOG_STRACE))
        return !c ? -ENOSYS : row.how == LU_NONE ? -row.err : call(t, c, v);
    uint64_t a[6];
    memcpy(a, v, sizeof(a));
    LuTrace tr;
    lu_trace_enter(&tr, t, nr, c ? &row : NULL, a);
    long r = !c ? -ENOSYS : row.how == LU_NONE ? -row.err : call(t, c, v);
    lu_trace_leave(&tr, t, a, r);
    return r;
}

long lu32_syscall(LuThread *t, uint64_t nr)
{
    const Lu32Call *c = find_call(t->abi->calls32, nr);
    uint64_t v[6];
    if (!c) {
        memcpy(v, t->syscall_arg, sizeof(v));
        return traced_call(t, nr, c, v);
    }
    make_arguments(c, lu_syscall_rows[c->row].kinds, t->syscall_arg, v);
    if (UNLIKELY(t->proc->log))
        return traced_call(t, nr, c, v);
    if (UNLIKELY(lu_syscall_rows[c->row].how == LU_NONE))
        return -lu_syscall_rows[c->row].err;
    return call(t, c, v);
}

const char *lu32_list_calls(const LuAbi *abi, unsigned *nr, LuSyscallRow *ret)
{
    const Lu32Table *table = abi->calls32;
    unsigned end = table->private_base + table->n_private;
    while (*nr < end && !find_call(table, *nr))
        *nr = *nr == table->n_calls ? table->private_base : *nr + 1;
    if (*nr >= end)
        return NULL;
    *ret = row_of(find_call(table, *nr));
    for (unsigned i = 0; i < table->n_notes; i++) {
        if (table->notes[i].number != *nr || ret->state == LU_ERRNO)
            continue;
        ret->state = table->notes[i].text[0] ? LU_SUBSET : LU_FULL;
        return table->notes[i].text;
    }
    return lu_row_note(ret);
}
