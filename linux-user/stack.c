#include "linux-user/stack.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "linux-user/abi.h"
#include "linux-user/guest.h"
#include "linux-user/options.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef AT_HWCAP2
#define AT_HWCAP2 26
#endif

enum { PAGE = 4096, MAX_AUX = 32, EXTRA = 128 << 10 };

typedef struct Build {
    Gva sp;
    unsigned word; /* bytes of one */
    bool bad;
} Build;

static Gva push(Build *b, const void *data, size_t n)
{
    b->sp -= n;
    if (!guest_write(b->sp, data, n))
        b->bad = true;
    return b->sp;
}

/* A word of the guest at `at`; the address behind it. */
static Gva put_word(Build *b, Gva at, uint64_t v)
{
    if (!guest_write(at, &v, b->word)) /* little endian: the low bytes are first */
        b->bad = true;
    return at + b->word;
}

static size_t list_bytes(char **list, unsigned *ret_n)
{
    size_t sum = 0;
    unsigned n = 0;
    for (; list[n]; n++)
        sum += strlen(list[n]) + 1;
    *ret_n = n;
    return sum;
}

/* Strings of a list in ascending order below b->sp; returns the address of the first. */
static Gva push_strings(Build *b, char **list, size_t bytes)
{
    Gva at = b->sp -= bytes;
    for (unsigned i = 0; list[i]; i++) {
        size_t n = strlen(list[i]) + 1;
        if (!guest_write(at, list[i], n))
            b->bad = true;
        at += n;
    }
    return b->sp;
}

static unsigned fill_aux(LuThread *t, const StackPlan *plan, Gva execfn, Gva platform, Gva random,
                         uint64_t aux[][2])
{
    const LuAbi *abi = t->proc->abi;
    const uint64_t rows[][2] = {
        {AT_SYSINFO, abi->vdso_syscall && plan->vdso ? plan->vdso + abi->vdso_syscall : 0},
        {AT_SYSINFO_EHDR, plan->vdso},
        {AT_HWCAP, t->proc->hwcap[0]},
        {AT_PAGESZ, PAGE},
        {AT_CLKTCK, getauxval(AT_CLKTCK)},
        {AT_PHDR, plan->prog->phdr},
        {AT_PHENT, elf_phdr_size(abi)},
        {AT_PHNUM, plan->prog->n_phdrs},
        {AT_BASE, plan->interp_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, plan->prog->entry},
        {AT_UID, getauxval(AT_UID)},
        {AT_EUID, getauxval(AT_EUID)},
        {AT_GID, getauxval(AT_GID)},
        {AT_EGID, getauxval(AT_EGID)},
        {AT_SECURE, getauxval(AT_SECURE)},
        {AT_RANDOM, random},
        {AT_HWCAP2, t->proc->hwcap[1]},
        {AT_EXECFN, execfn},
        {AT_PLATFORM, platform},
        {AT_MINSIGSTKSZ, abi->frame_size},
        {AT_NULL, 0},
    };
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bool may_lack =
            rows[i][0] == AT_SYSINFO || rows[i][0] == AT_SYSINFO_EHDR || rows[i][0] == AT_PLATFORM;
        if (may_lack && !rows[i][1])
            continue;
        aux[n][0] = rows[i][0];
        aux[n++][1] = rows[i][1];
    }
    return n;
}

/* A list of pointers to consecutive strings, with its NULL, upwards from `at`. */
static Gva put_pointers(Build *b, Gva at, char **list, Gva strings)
{
    for (unsigned i = 0; list[i]; i++) {
        at = put_word(b, at, strings);
        strings += strlen(list[i]) + 1;
    }
    return put_word(b, at, 0);
}

static long map_stack(LuThread *t, uint64_t used, bool exec)
{
    const LuOptions *opt = t->proc->opt;
    Gva top = align_down(lu_mm_layout(t->proc->mm)->stack_top, PAGE);
    uint64_t size = align_up(used + EXTRA, PAGE);
    int prot = PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0),
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (opt->stack_size) {
        size = MAX(size, align_up(opt->stack_size, PAGE));
        flags |= MAP_NORESERVE | MAP_STACK;
    } else {
        flags |= MAP_GROWSDOWN | MAP_STACK; /* the kernel grows it up to RLIMIT_STACK and keeps the guard
                                             * gap */
    }
    long p = lu_mm_mmap(t, top - size, size, prot, flags, -1, 0);
    if (sys_is_err(p))
        return p;
    lu_mm_name_stack(t->proc->mm, (Gva)p);
    return (long)top;
}

Gva stack_build(LuThread *t, const StackPlan *plan, Fmt *err)
{
    LuProc *p = t->proc;
    unsigned argc, envc;
    size_t arg_bytes = list_bytes(plan->argv, &argc), env_bytes = list_bytes(plan->envp, &envc);
    size_t used =
        arg_bytes + env_bytes + strlen(plan->execfn) + 8 * (argc + envc + 3) + 16 * MAX_AUX + 8192 + PAGE;
    long top = map_stack(t, used, plan->prog->exec_stack);
    if (sys_is_err(top)) {
        fmt_printf(err, "cannot map a stack (errno %d)", (int)-top);
        return 0;
    }
    Build b = {.sp = (Gva)top - p->abi->word, .word = p->abi->word};
    Gva execfn = push(&b, plan->execfn, strlen(plan->execfn) + 1);
    p->env_end = b.sp;
    p->env_start = push_strings(&b, plan->envp, env_bytes);
    p->args_end = b.sp;
    p->args_start = push_strings(&b, plan->argv, arg_bytes);

    uint64_t on = lu_mm_layout(p->mm)->randomize ? 8191 : 0;
    b.sp = align_down(b.sp - (plan->random[2] & on), 16);
    const char *name = p->platform[0] ? p->platform : p->abi->platform;
    Gva platform = name ? push(&b, name, strlen(name) + 1) : 0;
    Gva random = push(&b, plan->random, 16);
    b.sp = align_down(b.sp, 16);

    uint64_t aux[MAX_AUX][2];
    unsigned n_aux = fill_aux(t, plan, execfn, platform, random, aux);
    size_t words = 1 + argc + 1 + envc + 1;
    b.sp = align_down(b.sp - (words + 2 * n_aux) * b.word, 16);
    Gva at = put_pointers(&b, put_word(&b, b.sp, argc), plan->argv, p->args_start);
    at = put_pointers(&b, at, plan->envp, p->env_start);
    p->auxv = at;
    p->auxv_len = n_aux * 2 * b.word;
    for (unsigned i = 0; i < n_aux; i++) {
        at = put_word(&b, at, aux[i][0]);
        at = put_word(&b, at, aux[i][1]);
    }
    if (b.bad) {
        fmt_puts(err, "cannot write to the stack");
        return 0;
    }
    return b.sp;
}
