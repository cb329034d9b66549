/* Structures of 32-bit guests from the list structs.def: one loop for each direction. */
#include "linux-user/abi32/lu32.h"

#include <limits.h>
#include <mqueue.h>
#include <asm/msgbuf.h>
#include <asm/sembuf.h>
#include <asm/shmbuf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>

/* struct shm_info of linux/shm.h, which does not go with libc's headers. */
struct shm_info {
    int used_ids;
    unsigned long shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes;
};

typedef enum Kind { K_s16, K_u16, K_s32, K_u32, K_s64, K_u64, K_low, K_inf, K_all, K_most, K_id16, K_low16,
                    K_bytes } Kind;

typedef struct Field {
    uint8_t kind, host_size;
    bool is_signed; /* the host's */
    uint16_t at, host_at;
} Field;

/* The host's type of each, for offsetof. */
#define STRUCT(name, host, bytes) typedef host Host_##name;
#define F(id, name, kind, at, field)
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F

/* Fields of all, in order; an entry of host_size 0 begins the next structure. */
#define NO_SIGN(x) _Generic((x), short: true, int: true, long: true, default: false)
static const Field fields[] = {
#define STRUCT(name, host, bytes) {0, 0, false, bytes, sizeof(host)},
#define F(id, name, kind, at, field)                                                                         \
    {K_##kind, sizeof(((Host_##name *)0)->field), NO_SIGN(((Host_##name *)0)->field), at,                    \
     offsetof(Host_##name, field)},
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F
    {0},
};

/* Index in fields[]. */
enum {
#define STRUCT(name, host, bytes) FIRST_##name,
#define F(id, name, kind, at, field) FIELD_##id,
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F
};

static const uint16_t first[LU32_STRUCTS] = {
#define STRUCT(name, host, bytes) FIRST_##name,
#define F(id, name, kind, at, field)
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F
};

#define STRUCT(name, host, bytes)                                                                            \
    _Static_assert(bytes <= LU32_MAX_GUEST && sizeof(host) <= LU32_MAX_HOST, "raise the limit");
#define F(id, name, kind, at, field)
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F

size_t lu32_guest_size(Lu32Struct s) { return fields[first[s]].at; }
size_t lu32_host_size(Lu32Struct s) { return fields[first[s]].host_at; }

static size_t guest_field_size(const Field *f)
{
    switch ((Kind)f->kind) {
    case K_s16:
    case K_u16:
    case K_low16:
    case K_id16: return 2;
    case K_s64:
    case K_u64: return 8;
    case K_bytes: return f->host_size;
    default: return 4;
    }
}

static uint64_t sign_extend(uint64_t v, size_t bytes)
{
    unsigned n = 64 - 8 * (unsigned)bytes;
    return (uint64_t)((int64_t)(v << n) >> n);
}

void lu32_to_host(Lu32Struct s, void *host, const void *guest)
{
    char *to = host;
    const char *from = guest;
    memset(host, 0, lu32_host_size(s));
    for (const Field *f = &fields[first[s] + 1]; f->host_size; f++) {
        uint64_t v = 0;
        size_t n = guest_field_size(f);
        if (f->kind == K_bytes) {
            memcpy(to + f->host_at, from + f->at, n);
            continue;
        }
        memcpy(&v, from + f->at, n);
        if (f->kind == K_s16 || f->kind == K_s32 || (f->kind == K_low && f->is_signed))
            v = sign_extend(v, n);
        if (f->kind == K_inf && v == UINT32_MAX)
            v = ~0ull;
        memcpy(to + f->host_at, &v, f->host_size);
    }
}

/* The value as the guest's field has it; false: it does not fit. */
static bool narrow(const Field *f, uint64_t v, uint64_t *ret)
{
    *ret = v;
    switch ((Kind)f->kind) {
    case K_s16: return (int64_t)v == (int16_t)v;
    case K_u16: return v <= UINT16_MAX;
    case K_s32: return (int64_t)v == (int32_t)v;
    case K_u32: return v <= UINT32_MAX;
    case K_all: return v <= UINT32_MAX || v == ~0ull;
    case K_inf: *ret = MIN(v, (uint64_t)UINT32_MAX); return true;
    case K_most: *ret = MIN(v, (uint64_t)INT_MAX); return true;
    case K_id16: *ret = v > UINT16_MAX ? 65534 : v; return true;
    default: return true;
    }
}

bool lu32_to_guest(Lu32Struct s, void *guest, const void *host)
{
    char *to = guest;
    const char *from = host;
    bool ok = true;
    memset(guest, 0, lu32_guest_size(s));
    for (const Field *f = &fields[first[s] + 1]; f->host_size; f++) {
        uint64_t v = 0;
        size_t n = guest_field_size(f);
        if (f->kind == K_bytes) {
            memcpy(to + f->at, from + f->host_at, n);
            continue;
        }
        memcpy(&v, from + f->host_at, f->host_size);
        if (f->is_signed)
            v = sign_extend(v, f->host_size);
        ok = narrow(f, v, &v) && ok;
        memcpy(to + f->at, &v, n);
    }
    return ok;
}

long lu32_read(Lu32Struct s, void *host, Gva at)
{
    char guest[LU32_MAX_GUEST];
    if (!guest_read(guest, at, lu32_guest_size(s)))
        return -EFAULT;
    lu32_to_host(s, host, guest);
    return 0;
}

long lu32_write(Lu32Struct s, Gva at, const void *host)
{
    char guest[LU32_MAX_GUEST];
    if (!lu32_to_guest(s, guest, host))
        return -EOVERFLOW;
    return guest_write(at, guest, lu32_guest_size(s)) ? 0 : -EFAULT;
}
