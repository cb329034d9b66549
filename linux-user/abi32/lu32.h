/*
 * System calls of guests whose pointers and longs have 4 bytes (docs/adr/0013-ilp32-guests.md).
 *
 * A guest has a table of calls (arm/calls_arm.def). Each leads to a row of syscalls.def, which is made for
 * 64-bit ABIs: the table says which register, pair of registers or constant is which argument of the row, and
 * which arguments point to structures that differ. lu32_syscall() builds the row's arguments, structures in
 * t->scratch (above the guest's addresses), runs the row and writes results back. What cannot be said that
 * way is a handler, lu32_NAME(), which gets the arguments in the row's order.
 * LP64 guests never come here. Threads: the calling guest thread. Memory: t->scratch, gone at the next system
 * call.
 */
#ifndef LINUX_USER_ABI32_LU32_H
#define LINUX_USER_ABI32_LU32_H

#include "linux-user/sys_util.h"

typedef enum Lu32Handler {
    LU32_NO_HANDLER,
#define HANDLER(name) LU32_H_##name,
#include "linux-user/abi32/handlers.def"
#undef HANDLER
} Lu32Handler;

/* How the arguments of a row are made: the letters are calls_arm.def's. */
typedef struct Lu32Call {
    char name[32];   /* as the guest's headers have it */
    uint16_t row;    /* LuRowId */
    uint8_t handler; /* Lu32Handler */
    char args[7];
    char conv[7];
} Lu32Call;

/* The calls of a guest (LuAbi.calls32), and those of its structures that other 32-bit guests have
 * otherwise. */
typedef struct Lu32Note {
    uint32_t number;
    char text[108];
} Lu32Note;

typedef struct Lu32Table {
    const Lu32Call *calls;
    const uint16_t *index; /* slot -> calls[] + 1; slots are numbers, then those from private_base on */
    uint32_t n_calls, private_base, n_private, n_slots;
    const Lu32Note *notes; /* what is missing of calls, instead of the notes of their rows */
    uint32_t n_notes;
    uint8_t stat, stat64, statfs64; /* Lu32Struct */
    uint8_t statfs64_sizes[2];      /* what the calls may be told */
    uint8_t flock64;                /* Lu32Struct + 1; 0: the host's */
} Lu32Table;

/* For LuAbi. t->syscall_arg are the registers. */
long lu32_syscall(LuThread *t, uint64_t nr);
const char *lu32_list_calls(const LuAbi *abi, unsigned *nr, LuSyscallRow *ret);
/* A call that another one contains, with these registers. */
long lu32_forward(LuThread *t, const Lu32Call *c, const uint64_t regs[6]);
/* The calls that i386 has instead of many (abi32/lu32_mux.c). */
long lu32_socketcall(LuThread *t, const uint64_t a[6]);
long lu32_ipc(LuThread *t, const uint64_t a[6]);

/* Those of calls_arm.def; see handlers.def. */
#define HANDLER(name) long lu32_##name(LuThread *t, const uint64_t a[6]);
#include "linux-user/abi32/handlers.def"
#undef HANDLER

/* ---- structures ---- */

typedef enum Lu32Struct {
#define STRUCT(name, host, bytes) LU32_##name,
#define F(id, name, kind, at, field)
#include "linux-user/abi32/structs.def"
#undef STRUCT
#undef F
    LU32_STRUCTS
} Lu32Struct;

enum { LU32_MAX_GUEST = 128, LU32_MAX_HOST = 256 }; /* bytes of the largest */

size_t lu32_guest_size(Lu32Struct s);
size_t lu32_host_size(Lu32Struct s);
/* Between memory of ours. to_guest: false if a value does not fit. */
void lu32_to_host(Lu32Struct s, void *host, const void *guest);
bool lu32_to_guest(Lu32Struct s, void *guest, const void *host);
/* The same from and to the guest's memory: 0, -EFAULT, -EOVERFLOW. */
long lu32_read(Lu32Struct s, void *host, Gva at);
long lu32_write(Lu32Struct s, Gva at, const void *host);
/* Memory that is not the guest's. */
static inline bool lu32_outside(const LuThread *t, Gva at, uint64_t len)
{
    return at > t->proc->task_size || len > t->proc->task_size - at;
}

/* A vector of the guest as the host's, in scratch; the guest's own address when it cannot be read or the
 * count is wrong: the kernel shall say so, in its own order of errors. */
struct iovec;
struct iovec *lu32_iovec(LuThread *t, Gva at, uint64_t n);

/* A message header likewise, to be sent, without its control messages (but their length); nonzero: it cannot
 * be read. */
struct msghdr;
int lu32_msghdr(LuThread *t, Gva at, struct msghdr *ret);
/* Can a kernel that knows the guest's layout send it as it stands? -EBADF: a descriptor in it is ours. 0 also
 * where it cannot be read. */
long lu32_msghdr_check(LuThread *t, Gva at);

/* ---- siginfo ---- */

enum { LU32_SIGINFO = 128 };
void lu32_siginfo_to_guest(uint8_t guest[LU32_SIGINFO], const siginfo_t *si);
void lu32_siginfo_to_host(siginfo_t *si, const uint8_t guest[LU32_SIGINFO]);

#endif
