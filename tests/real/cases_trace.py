"""Programs that look at other programs: strace, gdb, the leak search of sanitizers."""
from case import Case

# Addresses, numbers of processes and what is the host's way to begin a program are taken out.
PLAIN = (r" | sed -E -e 's/0x[0-9a-f]+/0x/g; s/(LWP|process|Thread|PID) [0-9]+/\1/g; s/pid [0-9]+/pid/g'"
         r" -e '/^tinamou:|^99 |^warning|^\[(New|LWP|Thread|Switching)|debuginfod|libthread_db/d; /^$/d'"
         r" -e 's/ +Frame/ Frame/'")  # how wide the column is depends on the numbers of processes
PROGRAM = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
volatile int seen, stage;
int work(int x) { __atomic_fetch_add(&seen, x, __ATOMIC_SEQ_CST); return x * 2; }
int deep(int n) { return n ? deep(n - 1) + 1 : *(volatile int *)0; }
void *thread(void *arg) { for (int i = 0; i < 3; i++) work((int)(long)arg * 10 + i); return 0; }
int main(int argc, char **argv)
{
    pthread_t t[3];
    for (long i = 0; i < 3; i++) pthread_create(&t[i], 0, thread, (void *)i);
    for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
    stage = 1;
    int status = 0;
    if (!fork()) { work(1000); _exit(work(2)); }
    wait(&status);
    stage = 2;
    char *volatile lost = malloc(123);
    lost = 0;
    printf("%d %d\n", seen, WEXITSTATUS(status));
    return argc > 1 ? deep(3) : work(7777) & 15;
}
"""
FILES = {"t.c": PROGRAM}
BUILD = "gcc -g -O0 -pthread t.c -o t || exit 1; "


def trace(name, text, **kw):
    return Case(name, "usr/bin/dash", ["-c", text], files=FILES, pool="full", children=True, **kw)


def gdb(name, *commands, args="", **kw):
    words = " ".join("-ex '%s'" % c for c in commands)
    return trace("gdb-" + name, BUILD + "gdb -nx -batch %s --args ./t %s 2>&1" % (words, args) + PLAIN, seconds=120,
                 **kw)


CASES = [
    trace("strace-pipe", "strace -f -o log dash -c 'echo a b | cat | wc -w; exit 3'; echo $?; "
          "grep -o 'exited with.*' log | sort"),
    trace("strace-threads", BUILD + "strace -f -o log ./t; echo $?; grep -c 'exited with' log; grep -c SIGCHLD log"),
    trace("strace-fault", BUILD + "strace -f -o log ./t x 2> /dev/null; echo $?; grep -o 'SIGSEGV {.*MAPERR' log"),
    trace("strace-write", "strace -e trace=write,exit_group -o log echo a b c; grep -v ^syscall_ log | sed -E 's/ += /=/'"),
    trace("strace-counts", "strace -f -c -o log ls /usr/lib > /dev/null; echo $?; grep -c total log",
          without=("riscv64",)),  # it cannot name riscv_hwprobe, and falls over that
    gdb("backtrace", "run", "bt", "p seen", "info threads", args="x"),
    gdb("break", "tbreak work if x == 7777", "run", "bt", "p work(100)", "finish", "p seen", "set var seen = 7", "p seen", "kill"),
    gdb("child", "set follow-fork-mode child", "break work if x == 1000", "run", "bt", "kill"),
    gdb("watch", "set can-use-hw-watchpoints 0", "break deep if n == 2", "run", "watch n", "c", "kill", args="x"),
    # Stepping a copy of an instruction gdb forgets registers of 32-bit Arm, if another thread's stop comes between.
    gdb("hardware", "set displaced-stepping off", "break main", "run", "watch stage", "hbreak work if x == 7777", "c", "c", "c", "bt", "rwatch x", "c",
        "kill", without=("riscv64",)),  # its kernel has no debug registers
    trace("gdb-attach", BUILD + "sleep 100 & gdb -nx -batch -p $! -ex detach > /dev/null 2>&1; echo $?; kill $!; wait $!; echo $?", stderr=False),
    trace("lsan-threads", "gcc -g -pthread -fsanitize=leak t.c -o t || exit 1; ./t 2>&1 | grep -E 'SUMMARY|Direct leak'",
          without=("armhf", "armel", "i386")),
]
