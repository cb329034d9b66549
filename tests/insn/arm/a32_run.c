/*
 * a32_run [-i] [-1] [-n] [-p] [-v] FILE: runs a bare static 32-bit Arm ELF by an engine of accel, in this
 * process. For instruction tests: the program knows write(2) and exit(2) only; its stack pointer is 0.
 *
 * Ends with the guest's exit status; an exception kills a32_run with the signal Linux would send (SIGILL,
 * SIGTRAP, SIGSEGV, SIGBUS). -i the interpreter, -1 one instruction a region, -n no folding, -p shared-memory
 * atomics, -c MODEL, -v says what happened where, with CPSR and the registers, -l logs code and IR. */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/accel.h"
#include "target/arm/arm_cpu.h"

enum { MAX_SEGMENTS = 8 }; /* one more is the helper page */

typedef struct Segment {
    Gva start, end;
    bool exec;
} Segment;

typedef struct Runner {
    Segment seg[MAX_SEGMENTS + 1];
    unsigned n_segs;
    bool verbose;
    ArmCpu *cpu;
} Runner;

static Runner runner;

static unsigned exec_bytes(void *opaque, Gva pc)
{
    const Runner *r = opaque;

    for (unsigned i = 0; i < r->n_segs; i++)
        if (r->seg[i].exec && pc >= r->seg[i].start && pc < r->seg[i].end)
            return (unsigned)(r->seg[i].end - pc < 4096 ? r->seg[i].end - pc : 4096);
    return 0;
}

static AccelCode code_page(void *opaque, Gva page, bool notice) { return ACCEL_CODE_STAYS; }

static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (!accel_fault(&runner.cpu->base, sig, info, context)) {
        static const char text[] = "a32_run: a fault of its own\n";
        (void)!write(2, text, sizeof(text) - 1);
        signal(sig, SIG_DFL);
    }
}

static Gva load_elf(Runner *r, const char *path)
{
    Elf32_Ehdr eh;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || read(fd, &eh, sizeof(eh)) != sizeof(eh) || eh.e_machine != EM_ARM ||
        eh.e_phnum > MAX_SEGMENTS)
        return 0;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf32_Phdr ph;
        if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) != sizeof(ph))
            return 0;
        if (ph.p_type != PT_LOAD)
            continue;
        Gva start = align_down(ph.p_vaddr, 4096), end = align_up(ph.p_vaddr + ph.p_memsz, 4096);
        void *p = mmap((void *)start, end - start, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (p != (void *)start ||
            pread(fd, (void *)(uintptr_t)ph.p_vaddr, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
            return 0;
        if (!(ph.p_flags & PF_W))
            mprotect(p, end - start, PROT_READ);
        r->seg[r->n_segs++] = (Segment){start, end, ph.p_flags & PF_X};
    }
    close(fd);
    return eh.e_entry;
}

/* As Linux has it for every program. */
static void map_kuser_page(Runner *r)
{
    enum { KUSER = 0xffff0000u };
    uint8_t *page = mmap((void *)(uintptr_t)KUSER, 4096, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (page == MAP_FAILED)
        return;
    arm_kuser_page(page);
    mprotect(page, 4096, PROT_READ);
    r->seg[r->n_segs++] = (Segment){KUSER, KUSER + 4096ull, true};
}

static _Noreturn void die(Runner *r, const char *what, int sig)
{
    const ArmCpu *c = r->cpu;

    if (r->verbose) {
        fprintf(stderr, "a32_run: %s at 0x%x, address 0x%llx, cpsr %08x\n", what, (unsigned)c->base.pc & ~1u,
                (unsigned long long)c->base.exit.addr, arm_cpsr(c));
        for (unsigned k = 0; k < 15; k++)
            fprintf(stderr, "r%u=%08x%s", k, (unsigned)c->x[k], k % 8 == 7 || k == 14 ? "\n" : " ");
    }
    signal(sig, SIG_DFL);
    raise(sig);
    abort();
}

/* EABI: number in r7. */
static void system_call(Runner *r)
{
    ArmCpu *c = r->cpu;
    uint32_t *r0 = (uint32_t *)(void *)&c->x[0];

    switch ((uint32_t)c->x[7]) {
    case 4: *r0 = (uint32_t)write((int)*r0, (void *)(uintptr_t)(uint32_t)c->x[1], (uint32_t)c->x[2]); break;
    case 1: exit((int)*r0);
    default: *r0 = (uint32_t)-38;
    }
    c->base.pc = arm_pc_after(c, c->base.pc & ARM_PC_T ? 2 : 4);
}

static void run(Runner *r)
{
    Cpu *c = &r->cpu->base;

    for (;;) {
        accel_run(c);
        switch ((CpuExitKind)c->exit.kind) {
        case CPU_EXIT_SYSCALL: system_call(r); break;
        case CPU_EXIT_ILLEGAL: die(r, "illegal instruction", SIGILL);
        case CPU_EXIT_BREAK: die(r, "breakpoint", SIGTRAP);
        case CPU_EXIT_MISALIGNED: die(r, "misaligned", SIGBUS);
        case CPU_EXIT_FETCH: die(r, "fetch", SIGSEGV);
        case CPU_EXIT_FAULT: die(r, "fault", c->exit.sig ? c->exit.sig : SIGSEGV);
        default: break;
        }
    }
}

int main(int argc, char **argv)
{
    Runner *r = &runner;
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    AccelConfig cfg =
        {.jit = true, .log_fd = 2, .mem = {.opaque = r, .exec_bytes = exec_bytes, .code_page = code_page}};
    bool parallel = false;
    A32Model model = A32_MODEL_MAX;
    char err[128];
    int opt;

    while ((opt = getopt(argc, argv, "i1npvlc:")) != -1) {
        switch (opt) {
        case 'i': cfg.jit = false; break;
        case '1': cfg.max_insns = 1; break;
        case 'n': cfg.no_opt |= ACCEL_NO_FOLD; break;
        case 'p': parallel = true; break;
        case 'v': r->verbose = true; break;
        case 'c': model = a32_model_find(optarg); break;
        case 'l': cfg.log = ACCEL_LOG_IN_ASM | ACCEL_LOG_IR; break;
        default: return 98;
        }
    }
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGFPE, &sa, NULL);
    Accel *a = accel_new(&cfg, &target_arm, err, sizeof(err));
    r->cpu = a ? (ArmCpu *)accel_cpu_new(a) : NULL;
    Gva entry = r->cpu && optind < argc ? load_elf(r, argv[optind]) : 0;
    if (!entry || model == A32_MODELS) {
        fprintf(stderr, "a32_run: cannot load the program\n");
        return 98;
    }
    r->cpu->base.pc = entry;
    r->cpu->model = model;
    map_kuser_page(r);
    if (parallel)
        accel_ctx_set(a, &r->cpu->base, CTX_PARALLEL);
    run(r);
}
