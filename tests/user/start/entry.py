#!/usr/bin/env python3
"""Started as an entry of binfmt_misc would do it, flags POC, also for a program with setuid: the kernel's words are changed
before the emulator runs, which needs no such entry."""
import ctypes
import os
import resource
import struct
import subprocess
from kit import TINAMOU, Result, check, guest, main

PROBE = guest("probe")
PTRACE_TRACEME, PTRACE_GETREGS, PTRACE_DETACH = 0, 12, 17
RSP = 19  # in struct user_regs_struct
AT_NULL, AT_EXECFD, AT_FLAGS, AT_SECURE, AT_HWCAP2 = 0, 2, 8, 23, 26
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def change_words(pid, fd, secure):
    """Of a process that has just executed."""
    regs = (ctypes.c_ulong * 27)()
    check(LIBC.ptrace(PTRACE_GETREGS, pid, None, regs) == 0, "registers")
    with open("/proc/%d/mem" % pid, "r+b", buffering=0) as mem:
        def word(at):
            mem.seek(at)
            return struct.unpack("<Q", mem.read(8))[0]

        at = regs[RSP] + 8 * (word(regs[RSP]) + 2)
        while word(at):
            at += 8
        at += 8
        while word(at) != AT_NULL:
            new = {AT_FLAGS: (AT_FLAGS, 1), AT_SECURE: (AT_SECURE, secure), AT_HWCAP2: (AT_EXECFD, fd)}.get(word(at))
            if new:
                mem.seek(at)
                mem.write(struct.pack("<QQ", *new))
            at += 16


def start(path, args, fd, program, unlimited, env, cwd):
    """Becomes the emulator, which stands before its first instruction."""
    try:
        os.chdir(cwd)
        os.dup2(program, fd)
        os.set_inheritable(fd, True)
        if unlimited:
            resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        LIBC.ptrace(PTRACE_TRACEME, 0, None, None)
        os.execve(TINAMOU, [TINAMOU, path, "zero", *args], {"PATH": "/usr/bin:/bin", **env})
    finally:
        os._exit(127)


def by_entry(path, *args, secure=False, fd=None, unlimited=False, env=None, cwd="/"):
    """`path`: as it was given to execve(2), with argv[0] "zero"; it is the probe."""
    program = os.open(PROBE, os.O_RDONLY)
    fd = program if fd is None else fd
    out, err = (os.memfd_create(name) for name in ("out", "err"))
    pid = os.fork()
    if not pid:
        os.dup2(out, 1)
        os.dup2(err, 2)
        start(path, args, fd, program, unlimited, env or {}, cwd)
    check(os.WIFSTOPPED(os.waitpid(pid, 0)[1]), "the emulator is there")
    change_words(pid, fd, secure)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    texts = [os.pread(f, 1 << 20, 0).decode(errors="replace") for f in (out, err)]
    for f in (program, out, err):
        os.close(f)
    return Result(subprocess.CompletedProcess([], status, *texts))


def lines_of(r, what):
    return [line[len(what) + 1:] for line in r.out.splitlines() if line.startswith(what + " ")]


def test_names(d):
    for name in "probe", "-h", "--re-exec", "--":
        r = by_entry(name, "args", "a b", cwd=d)
        check(lines_of(r, "argv") == ["zero", "args", "a b"] and r.status == 0, "a program of the name " + name, r)
        check(lines_of(by_entry(name, "stack", cwd=d), "execfn") == [name], "its name: " + name)


def test_descriptor(_):
    r = by_entry(PROBE, "cat", "/proc/self/fd/0", fd=0)
    check(r.out == "errno 2\n", "where standard input was closed the program has its number, and is closed again", r)


def test_secure(_):
    evil = {"QEMU_SET_ENV": "evil=1", "TINAMOU_STRACE": "1"}
    r = by_entry(PROBE, "args", env=evil)
    check("evil=1" in lines_of(r, "env") and r.err, "options by variables", r)
    r = by_entry(PROBE, "args", env=evil, secure=True)
    check("evil=1" not in lines_of(r, "env") and not r.err, "who starts a program with setuid gives it no options", r)


def test_again(d):
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    for unlimited in (False, True) if hard == resource.RLIM_INFINITY else (False,):
        for name in "probe", "-h":
            r = by_entry(name, "args", "a b", unlimited=unlimited, cwd=d)
            check(lines_of(r, "argv") == ["zero", "args", "a b"] and r.status == 0, "argv[0], where the emulator starts itself again", r)


if __name__ == "__main__":
    main(globals())
