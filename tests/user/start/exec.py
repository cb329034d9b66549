#!/usr/bin/env python3
"""execve: programs of the guest and of the host, scripts, errors before the point of no return."""
import errno
import os
import re
from kit import ISA, check, guest, main, run, tinamou, one_line

PROBE = guest("probe")


def put(d, name, data, mode=0o755):
    path = os.path.join(d, name)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)
    return path


def args_of(result):
    return [line[5:] for line in result.out.splitlines() if line.startswith("argv ")]


def errno_of(*args, **kw):
    r = tinamou(PROBE, "exec", *args, **kw)
    check(r.out.startswith("errno "), "execve fails", r)
    return int(r.out.split()[1])


def test_guest(_):
    r = tinamou(PROBE, "exec", PROBE, "zero", "args", "", "b", env={"E": "1", "QEMU_CPU": "max"})
    check(args_of(r) == ["zero", "args", "", "b"], "arguments", r)
    check("env E=1" in r.out and "env QEMU_CPU=max" in r.out and not r.err, "environment", r)
    r = tinamou("-strace", PROBE, "exec", PROBE, "x", "exit", "6")
    check(r.status == 6 and r.err.count("exit_group") == 1, "options go along", r)


def test_again_and_again(_):
    chain = []
    for _ in range(6):
        chain += ["exec", PROBE, "p"]
    r = tinamou(PROBE, *chain, "exit", "9")
    check(r.status == 9, "six in a row", r)


def test_exe(_):
    r = tinamou(PROBE, "exec", "/proc/self/exe", "x", "link", "/proc/self/exe")
    check(r.out == os.path.realpath(PROBE) + "\nsame 1\n", "through /proc/self/exe", r)


def test_relative(d):
    put(d, "here", open(PROBE, "rb").read())
    r = tinamou(PROBE, "exec", "./here", "n", "link", "/proc/self/exe", cwd=d)
    check(r.out.startswith(os.path.realpath(d) + "/here\n"), "relative name", r)


def test_native(_):
    r = tinamou(PROBE, "exec", "/bin/echo", "echo", "from", "the host")
    check(r.out == "from the host\n" and r.status == 0, "host program", r)


def test_script(d):
    s = put(d, "s", b"#!" + PROBE.encode() + b"\nrest\n")
    check(args_of(tinamou(PROBE, "exec", s, "zero", "one")) == [PROBE, s, "one"], "no argument")
    s = put(d, "t", b"#! \t" + PROBE.encode() + b"  a b\t c  \n")
    check(args_of(tinamou(PROBE, "exec", s, "zero", "one")) == [PROBE, "a b\t c", s, "one"], "one argument")
    two = put(d, "u", b"#!" + s.encode() + b" x")
    check(args_of(tinamou(PROBE, "exec", two, "zero", "1")) == [PROBE, "a b\t c", s, "x", two, "1"], "script of a script")
    check(args_of(tinamou(two, "1")) == [PROBE, "a b\t c", s, "x", two, "1"], "as the first program")
    n = put(d, "n", b"#!/bin/echo arg\n")
    check(tinamou(PROBE, "exec", n, "zero", "one").out == "arg %s one\n" % n, "host interpreter")


def native_script(path):
    """What the kernel says to the same file."""
    try:
        os.execv
        pid = os.posix_spawn(path, [path], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        os.waitpid(pid, 0)
        return 0
    except OSError as e:
        return e.errno


def test_script_lengths(d):
    """The kernel reads 256 bytes; what is cut off must not be run under a shorter name."""
    deep = os.path.join(d, "a" * 100, "b" * 100)
    os.makedirs(deep)
    for extra in range(0, 80, 3):
        target = os.path.join(deep, "c" * (1 + extra))
        os.symlink("/bin/true", target)
        for tail in (b"\n", b" \n", b" arg\n", b""):
            s = put(d, "script", b"#!" + target.encode() + tail)
            want = native_script(s)
            r = tinamou(PROBE, "exec", s, "x")
            got = int(r.out.split()[1]) if r.out.startswith("errno") else 0
            check(got == want, "line of %d bytes, tail %r: %d, kernel %d" % (len(target) + 2, tail, got, want), r)


def test_errors(d):
    check(errno_of(os.path.join(d, "none"), "x") == errno.ENOENT, "missing")
    check(errno_of(os.path.join(PROBE, "x"), "x") == errno.ENOTDIR, "below a file")
    check(errno_of("", "x") == errno.ENOENT, "empty")
    check(errno_of(d, "x") == errno.EACCES, "directory")
    check(errno_of(put(d, "plain", b"text", 0o644), "x") == errno.EACCES, "no permission")
    check(errno_of(put(d, "text", b"text"), "x") == errno.ENOEXEC, "text")
    check(errno_of(put(d, "empty", b""), "x") == errno.ENOEXEC, "empty file")
    check(errno_of(put(d, "nolines", b"#!"), "x") == errno.ENOEXEC, "no interpreter")
    check(errno_of(put(d, "blank", b"#!  \t \n"), "x") == errno.ENOEXEC, "blank interpreter")
    check(errno_of(put(d, "lost", b"#!/nonexistent/sh\n"), "x") == errno.ENOENT, "missing interpreter")
    check(errno_of(put(d, "dir", b"#!/tmp\n"), "x") == errno.EACCES, "a directory as interpreter")
    loop = os.path.join(d, "loop")
    put(d, "loop", b"#!" + loop.encode() + b"\n")
    check(errno_of(loop, "x") == errno.ELOOP, "script of itself")
    os.symlink("circle", os.path.join(d, "circle"))
    check(errno_of(os.path.join(d, "circle"), "x") == errno.ELOOP, "links in a circle")
    check(errno_of(os.path.join(d, "n" * 300), "x") == errno.ENAMETOOLONG, "long name")
    data = bytearray(open(PROBE, "rb").read())
    data[16] = 1  # ET_REL
    check(errno_of(put(d, "rel", bytes(data)), "x") == errno.ENOEXEC, "not a program")
    at, size = (42, 32) if ISA == "arm" else (54, 56)  # e_phentsize
    data[16], data[at] = 2, size + 1
    check(errno_of(put(d, "ent", bytes(data)), "x") == errno.ENOEXEC, "size of headers")
    data[at], data[18] = size, 99  # a machine nobody has
    check(errno_of(put(d, "machine", bytes(data)), "x") == errno.ENOEXEC, "other machine")
    dyn = guest("probe_dyn")
    if os.path.exists(dyn):
        bad = open(dyn, "rb").read()
        bad = re.sub(rb"\0/lib/ld-linux", rb"\0/lib/xx-linux", bad)
        check(errno_of(put(d, "dyn", bad), "x") == errno.ENOENT, "ELF interpreter missing")


def test_descriptor(d):
    r = tinamou(PROBE, "fd-cloexec", PROBE, "x", "link", "/proc/self/exe")
    check(r.out == os.path.realpath(PROBE) + "\nsame 1\n", "fexecve", r)
    r = tinamou(PROBE, "fd-memfd", PROBE, "x", "cat", "/proc/self/exe")
    check(r.status == 0 and r.out.startswith("\x7fELF"), "program without a name", r)
    r = tinamou(PROBE, "fd-memfd", PROBE, "x", "exec", "/proc/self/exe", "y", "exit", "3")
    check(r.status == 3, "program without a name starts itself", r)
    s = put(d, "script", b"#!" + PROBE.encode() + b"\n")
    check(tinamou(PROBE, "fd-cloexec", s, "x").out == "errno %d\n" % errno.ENOENT, "script that will be closed")
    args = args_of(tinamou(PROBE, "fd-open", s, "x", "y"))
    check(len(args) == 3 and args[1].startswith("/dev/fd/") and args[2] == "y", "script by descriptor: %s" % args)


def test_sysroot(d):
    os.makedirs(os.path.join(d, "usr/bin"))
    put(d, "usr/bin/only-here", open(PROBE, "rb").read())
    r = tinamou("-L", d, PROBE, "exec", "/usr/bin/only-here", "x", "exec", "/usr/bin/only-here", "y", "exit", "3")
    check(r.status == 3, "below the sysroot, twice", r)
    r = tinamou("-L", d, PROBE, "exec", "/usr/bin/only-here", "x", "link", "/proc/self/exe")
    check(r.out.startswith("/usr/bin/only-here\n"), "its name for the guest", r)
    os.symlink(d, d + ".link")
    r = tinamou("-L", d + ".link", PROBE, "exec", "/usr/bin/only-here", "x", "link", "/proc/self/exe")
    os.remove(d + ".link")
    check(r.out.startswith("/usr/bin/only-here\n"), "sysroot named by a link", r)
    r = tinamou("-L", ".", PROBE, "exec", "/usr/bin/only-here", "x", "exit", "4", cwd=d)
    check(r.status == 4, "relative -L", r)
    put(d, "usr/text", b"below\n")
    for cwd in ("/", d, os.path.join(d, "usr/bin")): # names that climb out of where they begin, as makefiles have them
        r = tinamou("-L", d, PROBE, "cat", "../" * 30 + "/usr/text", cwd=cwd)
        check(r.out == "below\n", "up to the root, from " + cwd, r)
        r = tinamou("-L", d, PROBE, "exec", "../" * 30 + "usr/bin/only-here", "x", "exit", "6", cwd=cwd)
        check(r.status == 6, "program up to the root, from " + cwd, r)
    r = tinamou("-L", d, PROBE, "cat", "../text", cwd=os.path.join(d, "usr/bin"))
    check(r.out == "below\n", "up, but not to the root", r)


def test_unusual_start(d):
    """The first program opened by another: a pipe of names is not needed, a closed standard input is."""
    r = run(["sh", "-c", "exec \"$@\" <&-", "sh", os.environ["TINAMOU"], PROBE, "exit", "8"])
    check(r.status == 8, "no standard input", r)
    one_line(tinamou("/dev/null"), 126, "/dev/null")


main(globals())
