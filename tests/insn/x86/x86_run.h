/* How instances run, for the programs that compare rows with the processor. A program has st_in, st_out, the
 * assembler run_one(), which loads st_in, jumps to `target` and comes back by `leave` with st_out, and the
 * two functions declared here. All code is there before the first instance runs: whoever translates it does
 * so once. */
#ifndef TESTS_INSN_X86_X86_RUN_H
#define TESTS_INSN_X86_X86_RUN_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/insn/x86/x86_encode.h"

#ifdef __x86_64__
enum { REG_PC = REG_RIP };
#else
enum { REG_PC = REG_EIP };
#endif

uint64_t host_sp, target;
void run_one(void), leave(void);
static int got_signal;

/* Random, for an instance of the row; prints a hash of what is left, or all. */
static void set_state(const RowInfo *r, const X86Insn *x);
static void print_state(bool all, int sig);

static void on_signal(int sig, siginfo_t *si, void *uc)
{
    (void)si;
    got_signal = sig;
    ((ucontext_t *)uc)->uc_mcontext.gregs[REG_PC] = (greg_t)(uintptr_t)leave;
}

/* Handlers and memory. */
static bool prepare(void)
{
    static uint8_t stack[65536];
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    const int sigs[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS}, anywhere = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (unsigned k = 0; k < 4; k++)
        sigaction(sigs[k], &sa, NULL);
    return mmap((void *)AREA, AREA_BYTES, PROT_READ | PROT_WRITE, anywhere, -1, 0) != MAP_FAILED &&
           mmap((void *)CODE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, anywhere, -1, 0) != MAP_FAILED;
}

/* A jump to `leave`; where the next code may stand. */
static uint8_t *end_code(uint8_t *p)
{
    int32_t rel = (int32_t)((intptr_t)leave - (intptr_t)(p + 5));
    *p = 0xe9;
    memcpy(p + 1, &rel, 4);
    return (uint8_t *)(((uintptr_t)p + 5 + 31) & ~31ul);
}

static void run_instance(const RowInfo *r, const uint8_t *code, bool all,
                         void (*ran)(const RowInfo *r, const X86Insn *x))
{
    X86Insn x;
    x86_decode(code, 15, IS32 ? X86_MODE_32 : X86_MODE_64, &x);
    set_state(r, &x);
    target = (uintptr_t)code;
    got_signal = 0;
    memset(&st_out, 0, sizeof st_out);
    printf("%u %s %s ", (unsigned)(r - rows), r->id, r->name);
    for (unsigned i = 0; i < x.len; i++)
        printf("%02x", code[i]);
    run_one();
    if (ran)
        ran(r, &x);
    print_state(all, got_signal);
}

/* `count` instances of each row that is wanted; `only`: of this one alone, with all state, or -1. Returns
 * where further code may stand. */
static uint8_t *run_rows(uint64_t first, unsigned count, int only, bool (*wanted)(const RowInfo *r),
                         void (*ran)(const RowInfo *r, const X86Insn *x))
{
    uint8_t *code = (uint8_t *)CODE, *at = code;
    for (int pass = 0; pass < 2; pass++, at = pass < 2 ? code : at)
        for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
            const RowInfo *r = &rows[n];
            if (!wanted(r) || (only >= 0 && (unsigned)only != n))
                continue;
            for (unsigned k = 0; k < count; k++, at += 32) {
                uint8_t bytes[32];
                X86Insn x;
                seed = (first * 1000003 + n) * 1000003 + k;
                unsigned len = instance(r, bytes, &x);
                if (!len) {
                    if (pass)
                        printf("%u %s %s no encoding\n", n, r->id, r->name);
                } else if (pass) {
                    run_instance(r, at, only >= 0, ran);
                } else {
                    memcpy(at, bytes, len);
                    end_code(at + len);
                }
            }
        }
    return at;
}

#endif
