/* Registers of traced threads: the sets of regset.h over a copy of the Cpu, as they stand in a system call.
 * Sources: ptrace(2), asm/ptrace.h of each ISA, sys/user.h; AMD64 APM volume 2, "XSAVE". */
#include "linux-user/tracer.h"

#include "linux-user/abi.h"
#include "linux-user/signal_priv.h"

#include <elf.h>

enum { FX_BYTES = 512, XCR0_AT = 464, XSTATE_BV = 512, YMM_AT = 576, YMM_BYTES = 256, X87_SSE_AVX = 7 };

const LuAbi *lu_tracee_abi(const LuTraced *x)
{
    return lu_abi_at(x->abi);
}

/* Within a call the pc is on the instruction here, and behind it for the kernel. */
static bool is_before_call(const LuTracee *c, const LuTraced *x)
{
    if (c->stand == LU_STANDS_BY_BELL)
        return x->side == LU_CALL_ENTRY || x->side == LU_CALL_SECCOMP;
    int event = c->status >> 8;
    return (event && event != 128) || (c->in_window && lu_tracee_abi(x)->x86_structs);
}

static bool is_x86(const LuAbi *abi)
{
    return abi->target->elf_machine == EM_X86_64 || abi->target->elf_machine == EM_386;
}

static unsigned call_bytes(const LuAbi *abi, const Cpu *cpu)
{
    bool thumb = abi->target->elf_machine == EM_ARM && cpu->pc & abi->target->pc_tag;
    return is_x86(abi) || thumb ? 2 : 4;
}

static bool is_restart(int64_t v)
{
    return v <= -512 && v >= -516;
}

/* The copy as the kernel would have it. */
static void view(const LuTracee *c, const LuTraced *x, const LuAbi *abi, Cpu *cpu)
{
    if (is_before_call(c, x)) {
        cpu->pc += call_bytes(abi, cpu);
        if (is_x86(abi))
            abi->set_result(cpu, is_restart(c->host_result) ? (uint64_t)c->host_result : (uint64_t)-ENOSYS);
    } else if (x->restart) {
        abi->set_result(cpu, (uint64_t)x->restart);
    }
}

uint64_t lu_tracee_restart_nr(const LuTraced *x)
{
    switch (lu_tracee_abi(x)->target->elf_machine) {
    case EM_X86_64: return 219;
    case EM_386:
    case EM_ARM: return 0;
    default: return 128; /* asm-generic/unistd.h */
    }
}

static uint64_t original(const LuTracee *c, const LuTraced *x, const LuAbi *abi, const Cpu *cpu)
{
    if (c->at_restart)
        return lu_tracee_restart_nr(x);
    return is_before_call(c, x) ? abi->syscall_nr(cpu) : c->stand == LU_STANDS_BY_BELL ? x->orig : UINT64_MAX;
}

/* Where struct user_regs_struct and pt_regs have what came with the call; 0: nowhere. */
static unsigned original_at(const LuAbi *abi)
{
    switch (abi->target->elf_machine) {
    case EM_X86_64: return 15 * 8;
    case EM_386: return 11 * 4;
    case EM_ARM: return 17 * 4;
    default: return 0;
    }
}

void lu_tracee_leave_window(const LuTracee *c, const LuTraced *x)
{
    uint64_t out = x->window + (uint64_t)(lu_window_out - lu_window_check);
    enum { USER_ORIG_RAX = 15 * 8, USER_RIP = 16 * 8, PTRACE_HOST_POKEUSER = 6 };
    lu_tracer_host(PTRACE_HOST_POKEUSER, c->tid, USER_RIP, out);
    lu_tracer_host(PTRACE_HOST_POKEUSER, c->tid, USER_ORIG_RAX, ~0ull);
}

/* ---- the other's Cpu ---- */

static Cpu *copy_cpu(LuThread *t, const LuTracee *c, const LuAbi *abi, uint64_t *ret_at)
{
    Cpu *cpu = arena_alloc(&t->scratch, abi->target->cpu_size, 64);
    bool ok = cpu && lu_tracee_read(c, c->thread + offsetof(LuThread, cpu), ret_at, sizeof(*ret_at)) &&
              lu_tracee_read(c, *ret_at, cpu, abi->target->cpu_size);
    return ok ? cpu : NULL;
}

/* What differs, but for what other threads may write. */
static bool write_cpu(const LuTracee *c, uint64_t at, const Cpu *was, const Cpu *now, size_t bytes)
{
    const char *a = (const char *)was, *b = (const char *)now;
    bool ok = true;
    for (size_t i = 0; i < bytes; i += 8) {
        bool other = i + 8 > offsetof(Cpu, exit) && i < sizeof(Cpu);
        if (!other && memcmp(a + i, b + i, 8) != 0)
            ok = lu_tracee_write(c, at + i, b + i, 8) && ok;
    }
    return ok;
}

static const LuRegset *set_of(const LuAbi *abi, uint32_t note)
{
    for (unsigned i = 0; note && i < abi->regs->n_sets; i++)
        if (abi->regs->set[i].note == note)
            return &abi->regs->set[i];
    return NULL;
}

/* ---- sets that are made of others ---- */

/* XSAVE's image in its standard form, up to AVX. */
static long get_xstate(const LuAbi *abi, const Cpu *cpu, uint8_t *to)
{
    const LuRegset *set = abi->regs->set;
    const uint64_t all = X87_SSE_AVX;
    memset(to, 0, YMM_AT);
    set[1].get(cpu, to);
    memcpy(to + XCR0_AT, &all, sizeof(all));
    memcpy(to + XSTATE_BV, &all, sizeof(all));
    set[3].get(cpu, to + YMM_AT);
    return YMM_AT + YMM_BYTES;
}

static void set_xstate(const LuAbi *abi, Cpu *cpu, const uint8_t *from)
{
    const LuRegset *set = abi->regs->set;
    set[1].set(cpu, from);
    set[3].set(cpu, from + YMM_AT);
}

static bool has_xstate(const LuAbi *abi, uint32_t note, size_t n)
{
    return note == NT_X86_XSTATE && abi->target->elf_machine == EM_X86_64 && n >= YMM_AT + YMM_BYTES;
}

/* Sets of one word, the thread pointer and the number of the call: bytes, 0: it is none of them. */
static unsigned word_bytes(const LuAbi *abi, uint32_t note)
{
    uint16_t machine = abi->target->elf_machine;
    if (note == NT_ARM_TLS && (machine == EM_AARCH64 || machine == EM_ARM))
        return abi->word;
    return note == NT_ARM_SYSTEM_CALL && (machine == EM_AARCH64 || machine == EM_ARM) ? 4 : 0;
}

static uint64_t get_word(const LuAbi *abi, uint32_t note, const Cpu *cpu)
{
    return note == NT_ARM_TLS ? abi->get_tls(cpu) : abi->syscall_nr(cpu);
}

static void set_word(const LuAbi *abi, uint32_t note, Cpu *cpu, const uint8_t *from)
{
    uint64_t word = 0;
    memcpy(&word, from, word_bytes(abi, note));
    if (note == NT_ARM_TLS)
        abi->set_tls(cpu, word);
    else
        abi->set_syscall_nr(cpu, (uint64_t)(int32_t)word);
}

/* ---- the calls ---- */

long lu_tracee_get_regs(LuThread *t, const LuTracee *c, const LuTraced *x, uint32_t note, uint8_t *to,
                        size_t cap)
{
    const LuAbi *abi = lu_tracee_abi(x);
    const LuRegset *set = set_of(abi, note);
    uint64_t at;
    Cpu *cpu = copy_cpu(t, c, abi, &at);
    if (!cpu)
        return -ESRCH;
    uint64_t orig = original(c, x, abi, cpu);
    view(c, x, abi, cpu);
    if (has_xstate(abi, note, cap))
        return get_xstate(abi, cpu, to);
    if (word_bytes(abi, note)) {
        uint64_t word = get_word(abi, note, cpu);
        memcpy(to, &word, word_bytes(abi, note));
        return word_bytes(abi, note);
    }
    if (!set || set->bytes > cap)
        return -EINVAL;
    set->get(cpu, to);
    if (note == NT_PRSTATUS && original_at(abi)) {
        if (abi->target->elf_machine == EM_ARM)
            orig = x->side == LU_CALL_EXIT ? x->args[0] : ld_u32(to);
        memcpy(to + original_at(abi), &orig, abi->word);
    }
    return set->bytes;
}

bool lu_tracee_place(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t ret[2])
{
    const LuAbi *abi = lu_tracee_abi(x);
    uint64_t at;
    Cpu *cpu = copy_cpu(t, c, abi, &at);
    if (!cpu)
        return false;
    view(c, x, abi, cpu);
    ret[0] = cpu->pc & ~abi->target->pc_tag;
    ret[1] = abi->get_sp(cpu);
    return true;
}

/* The call is not gone on with: its thread has these registers instead. By `orig` x86 asks for it again. */
static void abandon(const LuAbi *abi, Cpu *cpu, uint64_t orig)
{
    if (is_x86(abi) && (int32_t)orig >= 0 && is_restart((int32_t)abi->result(cpu))) {
        abi->set_result(cpu, orig);
        cpu->pc -= 2;
    }
}

/* Back from the kernel's view. */
static void unview(const LuTracee *c, LuTraced *x, const LuAbi *abi, const Cpu *was, Cpu *cpu, uint64_t orig)
{
    unsigned bytes = call_bytes(abi, was);
    if (c->stand == LU_STANDS_BY_HOST && c->in_window) {
        abandon(abi, cpu, orig);
    } else if (is_before_call(c, x)) {
        cpu->pc = cpu->pc == was->pc + bytes ? was->pc : cpu->pc - bytes;
        if (is_x86(abi)) {
            x->result = (int64_t)abi->result(cpu);
            x->side_result = 1;
            abi->set_result(cpu, orig);
        }
    } else if (x->restart) {
        abi->set_result(cpu, abi->result(was));
    } else if (x->side == LU_CALL_NONE) {
        abandon(abi, cpu, orig);
    }
}

long lu_tracee_set_regs(LuThread *t, const LuTracee *c, LuTraced *x, uint32_t note, const uint8_t *from,
                        size_t n)
{
    const LuAbi *abi = lu_tracee_abi(x);
    const LuRegset *set = set_of(abi, note);
    uint64_t at, orig = UINT64_MAX;
    const bool waits = c->stand == LU_STANDS_BY_HOST && c->in_window;
    const uint8_t how = waits ? LU_REGS_INSTEAD : 1;
    Cpu *cpu = copy_cpu(t, c, abi, &at), *was = arena_alloc(&t->scratch, abi->target->cpu_size, 64);
    if (!cpu || !was)
        return -ESRCH;
    memcpy(was, cpu, abi->target->cpu_size);
    bool xstate = has_xstate(abi, note, n), word = word_bytes(abi, note);
    if (!xstate && !word && (!set || n < set->bytes))
        return -EINVAL;
    view(c, x, abi, cpu);
    if (xstate)
        set_xstate(abi, cpu, from);
    else if (word)
        set_word(abi, note, cpu, from);
    else
        set->set(cpu, from);
    if (note == NT_PRSTATUS && original_at(abi))
        orig = abi->word == 8 ? ld_u64(from + original_at(abi))
                              : (uint64_t)(int32_t)ld_u32(from + original_at(abi));
    unview(c, x, abi, was, cpu, orig);
    if (!write_cpu(c, at, was, cpu, abi->target->cpu_size))
        return -ESRCH;
    if (note == NT_PRSTATUS) {
        x->regs_set = how;
        lu_tracee_write(c, c->thread + offsetof(LuThread, traced), x, sizeof(*x));
        if (waits)
            lu_tracee_leave_window(c, x);
    }
    return 0;
}
