/*
 * insn_run FILE: runs a bare static ELF of a guest by superblock_build() and the IR interpreter. For
 * instruction tests: the program knows write(2) and exit(2) only, and gets a stack pointer of 0.
 *
 * Ends with the guest's exit status; an exception kills insn_run with the signal Linux would send (SIGILL,
 * SIGTRAP, SIGSEGV, SIGBUS). Options: -1 one instruction per region, -p shared-memory atomics (CTX_PARALLEL),
 * -n no folding, -3 the code is RV32 (the file is an ELF64 all the same; riscv64 only), -v says which
 * exception happened where, -i prints the regions. */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/superblock.h"
#include "base/fault.h"
#include "target/arm/arm_cpu.h"
#include "target/riscv/rv_cpu.h"
#include "tcg/interp/interp.h"
#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"

enum { MAX_SEGMENTS = 8, CACHE_ENTRIES = 1 << 14, KEEP_BYTES = 1 << 30, SCRATCH_BYTES = 4 << 20 };

typedef struct Segment {
    Gva start, end;
    bool exec;
} Segment;

/* What differs between guests: where the number of a system call and its first argument are. */
typedef struct Guest {
    const TargetOps *ops;
    size_t x; /* of register 0 in the cpu; the others follow */
    unsigned nr, arg0;
} Guest;

static const Guest guests[] = {
    {&target_riscv64, offsetof(RvCpu, x), 17, 10},
    {&target_aarch64, offsetof(ArmCpu, x), 8, 0},
};

typedef struct Runner {
    Segment seg[MAX_SEGMENTS];
    unsigned n_segs;
    const Guest *guest;
    Cpu *cpu;
    uint32_t ctx; /* common bits */
    SuperblockConfig config;
    Arena keep, scratch; /* regions in the cache; the one being built */
    IrBuilder builder;
    IrRegion *cache[CACHE_ENTRIES];
    uint64_t val[IR_MAX_INSNS];
    IrVec vec[IR_MAX_INSNS];
    bool verbose, print, exclusive;
} Runner;

static unsigned exec_bytes(void *opaque, Gva pc)
{
    Runner *r = opaque;

    for (unsigned i = 0; i < r->n_segs; i++)
        if (r->seg[i].exec && pc >= r->seg[i].start && pc < r->seg[i].end)
            return (unsigned)MIN(r->seg[i].end - pc, 4096);
    return 0;
}

static AccelCode code_page(void *opaque, Gva page, bool notice) { return ACCEL_CODE_STAYS; }

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

    if (!fault_fixup(&pc)) {
        signal(sig, SIG_DFL);
        return;
    }
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

static Gva load_elf(Runner *r, const char *path)
{
    Elf64_Ehdr eh;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || read(fd, &eh, sizeof(eh)) != sizeof(eh) || eh.e_phnum > MAX_SEGMENTS)
        return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(guests); i++)
        if (guests[i].ops->elf_machine == eh.e_machine)
            r->guest = &guests[i];
    if (!r->guest)
        return 0;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) != sizeof(ph))
            return 0;
        if (ph.p_type != PT_LOAD)
            continue;
        Gva start = align_down(ph.p_vaddr, 4096), end = align_up(ph.p_vaddr + ph.p_memsz, 4096);
        void *p = mmap((void *)start, end - start, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (p != (void *)start ||
            pread(fd, (void *)ph.p_vaddr, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
            return 0;
        if (!(ph.p_flags & PF_W))
            mprotect(p, end - start, PROT_READ);
        r->seg[r->n_segs++] = (Segment){start, end, ph.p_flags & PF_X};
    }
    close(fd);
    return eh.e_entry;
}

static _Noreturn void die(Runner *r, const char *what, int sig)
{
    if (r->verbose)
        fprintf(stderr, "insn_run: %s at 0x%llx, address 0x%llx\n", what, (unsigned long long)r->cpu->pc,
                (unsigned long long)r->cpu->exit.addr);
    signal(sig, SIG_DFL);
    raise(sig);
    abort();
}

static void system_call(Runner *r)
{
    uint64_t *x = (uint64_t *)((char *)r->cpu + r->guest->x), *arg = x + r->guest->arg0;

    switch (x[r->guest->nr]) {
    case 64: arg[0] = (uint64_t)write((int)arg[0], (void *)arg[1], arg[2]); break;
    case 93: exit((int)arg[0]);
    default: arg[0] = (uint64_t)-38;
    }
    r->cpu->pc += 4;
}

/* Every region must keep the invariants of the IR, whether or not the run gets to see the harm. */
static void check_region(const Runner *r, const IrRegion *region)
{
    static char text[1 << 18];
    Fmt f = FMT_ON(text);

    if (r->print) {
        ir_print(region, &f);
        fputs(text, stderr);
    }
    f.len = 0;
    if (!ir_verify(region, &f)) {
        fprintf(stderr, "insn_run: region 0x%llx: %s\n", (unsigned long long)region->pc, text);
        exit(97);
    }
}

static IrRegion *region_at(Runner *r, Gva pc, uint32_t ctx)
{
    IrRegion **entry = &r->cache[(pc >> 1 ^ ctx * 64) % CACHE_ENTRIES];
    Superblock sb;

    if (*entry && (*entry)->pc == pc && (*entry)->ctx == ctx)
        return *entry;
    arena_reset(&r->scratch);
    if (!superblock_build(&r->config, &r->scratch, &r->builder, pc, ctx, &sb)) {
        r->cpu->exit.addr = sb.fault;
        return NULL;
    }
    check_region(r, sb.region);
    *entry = ir_region_copy(&r->keep, sb.region);
    if (!*entry) { /* full: start over */
        arena_reset(&r->keep);
        memset(r->cache, 0, sizeof(r->cache));
        *entry = ir_region_copy(&r->keep, sb.region);
    }
    return *entry;
}

static void handle_raise(Runner *r, unsigned code)
{
    switch ((CpuExitKind)code) {
    case CPU_EXIT_SYSCALL: system_call(r); break;
    case CPU_EXIT_ILLEGAL: die(r, "illegal instruction", SIGILL);
    case CPU_EXIT_BREAK: die(r, "breakpoint", SIGTRAP);
    case CPU_EXIT_MISALIGNED:
        r->cpu->exit.addr = r->guest->ops->data_addr(r->cpu);
        die(r, "misaligned", SIGBUS);
    case CPU_EXIT_FAULT: die(r, "fault in helper", SIGSEGV);
    case CPU_EXIT_EXCLUSIVE: r->exclusive = true; break;
    default: break; /* FENCE_I, CTX: go on */
    }
}

/* The context to run in: an instruction that asked for exclusion is run as if memory were not shared, and
 * what follows too until its reservation is gone. There is one cpu, so nobody needs stopping. */
static uint32_t context(Runner *r)
{
    uint32_t ctx = r->ctx | r->guest->ops->ctx(r->cpu);

    if (!r->exclusive)
        return ctx;
    return (ctx | CTX_STEP) & ~(uint32_t)CTX_PARALLEL;
}

static void run(Runner *r)
{
    Cpu *c = r->cpu;
    IrMachine m = {.cpu = c, .val = r->val, .vec = r->vec, .kick = &c->kick, .ff = &c->ff, .frm = &c->frm,
                   .pc = &c->pc};

    for (;;) {
        IrRun out;
        IrRegion *region = region_at(r, c->pc, context(r));
        if (!region)
            die(r, "fetch", SIGSEGV);
        ir_run(region, &m, &out);
        r->exclusive = r->exclusive && c->ops->reserved(c, false);
        switch ((IrRunKind)out.kind) {
        case IR_RUN_EXIT:
            c->pc = region->exit[out.exit].pc;
            if (region->exit[out.exit].kind == IR_EXIT_RAISE)
                handle_raise(r, region->exit[out.exit].code);
            break;
        case IR_RUN_INDIRECT: c->pc = out.pc; break;
        case IR_RUN_HELPER: c->pc = out.pc, handle_raise(r, c->exit.kind); break;
        case IR_RUN_FAULT:
            c->pc = out.pc;
            c->exit.addr = out.addr;
            die(r, "fault", SIGSEGV);
        default:
            fprintf(stderr, "insn_run: result %d of the interpreter, region 0x%llx, op %u\n", out.kind,
                    (unsigned long long)region->pc, out.insn);
            exit(99);
        }
    }
}

int main(int argc, char **argv)
{
    static Runner r;
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    static AccelMem mem = {.opaque = &r, .exec_bytes = exec_bytes, .code_page = code_page};
    static uint64_t cpu[1024] __attribute__((aligned(64)));
    static CpuHooks hooks; /* nobody asks for anything */
    Gva pc;
    int opt;

    r.config = (SuperblockConfig){.mem = &mem};
    while ((opt = getopt(argc, argv, "1pn3vi")) != -1) {
        switch (opt) {
        case '1': r.config.max_insns = 1; break;
        case 'p': r.ctx |= CTX_PARALLEL; break;
        case 'n': r.config.no_opt |= ACCEL_NO_FOLD; break;
        case '3': r.ctx |= RV_CTX_XLEN32; break;
        case 'i': r.print = true; break;
        case 'v': r.verbose = true; break;
        default: return 98;
        }
    }
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    if (!arena_init(&r.keep, KEEP_BYTES) || !arena_init(&r.scratch, SCRATCH_BYTES))
        return 98;
    pc = optind < argc ? load_elf(&r, argv[optind]) : 0;
    if (!pc) {
        fprintf(stderr, "insn_run: cannot load the program\n");
        return 98;
    }
    r.config.ops = r.guest->ops;
    r.cpu = (Cpu *)cpu;
    r.cpu->ops = r.guest->ops;
    r.cpu->ops->reset(r.cpu);
    r.cpu->accel_cpu = &hooks;
    r.cpu->pc = pc;
    run(&r);
}
