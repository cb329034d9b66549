#!/usr/bin/env python3
"""Options, environment variables, exit statuses, messages."""
import os
import re
import shutil
from kit import check, guest, main, one_line, run, tinamou, TINAMOU, EXTRA, ISA, OTHER

PROBE = guest("probe")
MODEL, OTHER_MODEL = {"riscv64": ("rv64", "cortex-a72"), "aarch64": ("cortex-a72", "rv64"), "arm": ("cortex-a7", "rv64")}[ISA]


def env_of(result):
    return [line[4:] for line in result.out.splitlines() if line.startswith("env ")]


def argv_of(result):
    return [line[5:] for line in result.out.splitlines() if line.startswith("argv ")]


def test_help(_):
    r = tinamou("-h")
    check(r.status == 0 and "-strace" in r.out and "QEMU_LD_PREFIX" in r.out, "help", r)
    man = tinamou("--man")
    check(man.status == 0 and man.out.startswith(".TH TINAMOU"), "manual page", man)
    for line in r.out.splitlines():
        if line.startswith("-"):
            name = line.split()[0].lstrip("-").replace("-", "\\-")
            check("\\fB\\-" + name in man.out, "option %s in the manual" % name)


def test_version(_):
    r = tinamou("-version")
    check(r.status == 0 and r.out.startswith("tinamou "), "version", r)


def test_syscalls(_):
    r = tinamou("--syscalls")
    check(r.status == 0 and "openat" in r.out, "list of system calls", r)


def test_bad_options(_):
    one_line(tinamou("-nonsense", PROBE), 1, "-nonsense", "-strace", "-cpu")
    one_line(tinamou(), 1, "no program")
    one_line(tinamou("-L"), 1, "-L", "path")
    one_line(tinamou("-cpu", "z80", PROBE), 1, "z80", MODEL, OTHER_MODEL)
    one_line(tinamou("-cpu", OTHER_MODEL, PROBE), 1, OTHER_MODEL, ISA, MODEL)
    one_line(tinamou("-B", "0x10000", PROBE), 1, "-B")
    one_line(tinamou("-p", "16384", PROBE), 1, "4096")
    one_line(tinamou("-s", "12x", PROBE), 1, "12x")
    one_line(tinamou("-s", "99999999999999999999", PROBE), 1, "number")
    one_line(tinamou("-g", "99999", PROBE), 126, "99999")
    one_line(tinamou("-g", "/nonexistent/gdb", PROBE), 126, "/nonexistent/gdb")
    one_line(tinamou("-d", "page", PROBE), 1, "page")
    one_line(tinamou("-d", "bogus", PROBE), 1, "bogus", "in_asm")
    one_line(tinamou("-no-opt", "bogus", PROBE), 1, "bogus", "return-stack")
    one_line(tinamou("-host-cpu", "v2,nonsense", PROBE), 1, "nonsense", "popcnt")
    one_line(tinamou("-plugin", "x.so", PROBE), 1, "-plugin")
    one_line(tinamou("-trace", "x", PROBE), 1, "-trace")
    for bad in ("", "0", "0..", "1..0", "0+0", "5-9", "0..1,", "0+1x", "0.1", "0x..1", "99999999999999999999+1", ",".join(["0..1"] * 33)):
        one_line(tinamou("-dfilter", bad, PROBE), 1, "-dfilter")
    one_line(tinamou("-D", "/tmp/%d-%d", PROBE), 1, "-D", "%d")
    one_line(tinamou("-E", "novalue", PROBE), 1, "novalue")
    one_line(tinamou("-U", "a=b", PROBE), 1, "a=b")
    one_line(tinamou("-R", "4096", PROBE), 1, "-R")
    one_line(tinamou("-D", "/nonexistent/log", PROBE), 1, "/nonexistent/log")
    one_line(tinamou("--re-exec", "9", PROBE), 1, "--re-exec")


def test_options_of_others(_):
    """Each option and variable that another emulator of this guest lists is in our list, too."""
    cache = os.environ.get("TINAMOU_CACHE", "/nonexistent")
    ours = tinamou("-h").out
    for other in (shutil.which("qemu-" + ISA), os.path.join(cache, "tools/root/usr/bin/qemu-" + ISA)):
        if not other or not os.path.exists(other):
            continue
        theirs = run([other, "-h"]).out
        for option in re.findall(r"^(-\S+)", theirs, re.M):
            check(re.search("^%s " % option, ours, re.M), "option %s of %s" % (option, other))
        for name in set(re.findall(r"\bQEMU_[A-Z0-9_]+", theirs)):
            check(re.search(r"\b%s\b" % name, ours), "variable %s of %s" % (name, other))


def test_bad_variables(_):
    for name, value in (("RTSIG_MAP", "34 40 2"), ("PLUGIN", "x"), ("TRACE", "x"), ("CPU", "z80"), ("GUEST_BASE", "4096"),
                        ("DFILTER", "1"), ("PAGESIZE", "8192"), ("LOG", "bogus"), ("STACK_SIZE", "many")):
        one_line(tinamou(PROBE, env={"QEMU_" + name: value}), 1, "QEMU_" + name)


def test_harmless(_):
    for args in (["-cpu", MODEL], ["-cpu", "max"], ["-B", "0"], ["-p", "4096"], ["-seed", "7"], ["-s", "1M"],
                 ["-singlestep"], ["-one-insn-per-tb"], ["-max-insns", "3"], ["-tb-size", "32"], ["-tb-size", "256K"], ["-no-opt", "all"], ["-host-cpu", "v2"], ["-host-cpu", "-avx,-popcnt"], ["-no-opt", "return-stack,fork-hints"],
                 ["--no-jit"], ["-no-jit"], ["--"], ["-r", "5.4.0"], ["-d", "nochain"], ["-d", "guest_errors,int,mmu,pcall,plugin,op_ind"], ["-dfilter", "0x10..0x20,5+0x3,30-7"]):
        r = tinamou(*args, PROBE, "exit", "5")
        check(r.status == 5 and not r.err, "option %s" % args, r)
    check(tinamou("-jitdump", PROBE, "exit", "5", cwd="/proc").status == 1, "no file in /proc")
    for name, value in (("SINGLESTEP", "1"), ("TB_SIZE", "1"), ("RAND_SEED", "1"), ("CPU", MODEL), ("UNAME", "5.0")):
        r = tinamou(PROBE, "exit", "5", env={"QEMU_" + name: value})
        check(r.status == 5 and not r.err, "variable %s" % name, r)
    models = tinamou("-cpu", "help").out
    check("rv64 " in models and "cortex-a72\n" in models, "list of models")
    check("strace" in tinamou("-d", "help").out, "list of items")


def test_environment(_):
    base = {"KEEP": "1", "GONE": "x", "CHANGE": "old"}
    r = tinamou("-E", "CHANGE=new,MORE=a", "-U", "GONE", "-E", "LAST=z", PROBE, env=base)
    check(sorted(env_of(r)) == sorted(["PATH=/usr/bin:/bin", "KEEP=1", "CHANGE=new", "MORE=a", "LAST=z"]), "env", r)
    r = tinamou("-U", "LAST", PROBE, env={**base, "QEMU_SET_ENV": "LAST=z,B=2", "TINAMOU_UNSET_ENV": "KEEP"})
    got = env_of(r)
    check("B=2" in got and "KEEP=1" not in got and not any(e.startswith("LAST") for e in got), "variables", r)


def test_argv0(_):
    check(argv_of(tinamou("-0", "name", PROBE, "args", "b"))[0] == "name", "-0")
    check(argv_of(tinamou(PROBE, "args", env={"QEMU_ARGV0": "other"}))[0] == "other", "QEMU_ARGV0")
    r = tinamou(PROBE, "args", "-E", "x=y", "", "--")
    check(argv_of(r) == [PROBE, "args", "-E", "x=y", "", "--"], "arguments are the guest's", r)


def test_own_name(d):
    for name, status in (("qemu-" + ISA, 0), ("qemu-" + ISA + "-static", 0), ("qemu-mips64", 1), ("qemu-" + ISA + "x", 1),
                         ("anything", 0), ("qemu-" + OTHER, 126)):
        link = os.path.join(d, name)
        os.symlink(TINAMOU, link)
        r = run([link, *EXTRA, PROBE, "exit", "4"])
        if status:
            one_line(r, status, name if status == 1 else OTHER)
        else:
            check(r.status == 4, "as " + name, r)
        r = run([link, "--syscalls"])
        check(status == 1 or [isa in r.out for isa in ("riscv64:", "aarch64:", "armv7l:")] ==
              [isa in name or name == "anything" for isa in ("riscv64", "aarch64", "qemu-arm")], "calls of " + name, r)


def test_missing(d):
    one_line(tinamou(os.path.join(d, "none")), 127, os.path.join(d, "none"))
    one_line(tinamou(os.path.join(d, "none", "below")), 127)
    one_line(tinamou(os.path.join(PROBE, "below")), 127, "Not a directory")
    one_line(tinamou(d), 126, d, "is a directory")
    script = os.path.join(d, "script")
    with open(script, "w", encoding="ascii") as f:
        f.write("#! /nonexistent/shell -x\n")
    os.chmod(script, 0o755)
    one_line(tinamou(script), 127, script, "/nonexistent/shell")
    one_line(tinamou("-L", d, script), 127, script, "/nonexistent/shell", "below " + d)
    with open(script, "w", encoding="ascii") as f:
        f.write("#!\n")
    one_line(tinamou(script), 126, script, "no interpreter")
    plain = os.path.join(d, "plain")
    with open(plain, "w", encoding="ascii") as f:
        f.write("echo no\n")
    one_line(tinamou(plain), 126, plain, "chmod")
    os.chmod(plain, 0o755)
    one_line(tinamou(plain), 126, plain)
    other = os.path.join(d, "other")
    with open("/bin/true", "rb") as f:
        data = f.read()
    with open(other, "wb") as f:
        f.write(data[:18] + b"\x16" + data[19:])  # EM_S390
    os.chmod(other, 0o755)
    one_line(tinamou(other), 126, other, "riscv64", "aarch64")
    loop = os.path.join(d, "loop")
    os.symlink("loop", loop)
    one_line(tinamou(loop), 126, loop)


def test_interpreter_missing(d):
    dyn = guest("probe_dyn")
    if not os.path.exists(dyn):
        return
    with open(dyn, "rb") as f:
        data = f.read()
    bad = os.path.join(d, "dyn")
    with open(bad, "wb") as f:
        f.write(re.sub(rb"\0/lib/ld-linux", rb"\0/lib/missing.", data))
    os.chmod(bad, 0o755)
    one_line(tinamou("-L", d, bad), 127, bad, "/lib/missing.", d, "-L")
    one_line(tinamou("-L", d + "/none", bad), 127, bad, "/lib/missing.", d + "/none", "does not exist")
    one_line(tinamou(bad), 127, bad, "/lib/missing.", "/etc/qemu-binfmt/" + ISA, "/usr/" + ISA + "-linux-gnu")


def test_root_of_mounts(d):
    """As containers begin: the root is the mount, with a sysroot as well."""
    r = tinamou("-L", d, PROBE, "private-root")
    refused = r.out.startswith("unshare 1\nmount ") and r.out != "unshare 1\nmount 0\n" # in a chroot: its root is no mount
    check(r.out == "unshare 0\nmount 0\n" or refused, "mounts made private", r)


def test_status(_):
    for n in (0, 1, 77, 255):
        check(tinamou(PROBE, "exit", str(n)).status == n, "status %d" % n)


def test_strace(d):
    r = tinamou("-strace", PROBE, "exit", "3")
    check(r.status == 3 and "exit_group" in r.err, "trace", r)
    log = os.path.join(d, "log")
    r = tinamou("-strace", "-D", log, PROBE, "exit", "3")
    with open(log, encoding="utf-8", errors="replace") as f:
        check("exit_group" in f.read() and not r.err, "trace in a file", r)
    r = tinamou(PROBE, "exit", "3", env={"QEMU_STRACE": "1", "QEMU_LOG_FILENAME": log})
    check(r.status == 3 and not r.err, "variables", r)


def test_stack_size(_):
    r = tinamou("-s", "64M", PROBE, "deep", "50000")
    check(r.out == "came back\n", "large stack", r)
    r = tinamou("-s", "1M", PROBE, "deep", "5000")
    check(r.status != 0 and r.out == "", "small stack overflows", r)


def test_reserved(_):
    r = tinamou("-R", "1G", PROBE, "cat", "/proc/self/maps")
    top = max(int(line.split("-")[1].split()[0], 16) for line in r.out.splitlines() if "[vectors]" not in line)
    check(r.status == 0 and top <= 1 << 30, "all below 1G", r)


def test_sysroot(d):
    r = tinamou("--sysroot", "pdp11", env={"HOME": d})
    check(r.status == 2 and "architecture pdp11 is not one of: riscv64" in r.err, "no such architecture", r)
    r = tinamou("--sysroot", "aarch64", "--offline", "--into", d, "hello", "--", "hello", env={"HOME": d})
    check(r.status == 1 and r.err == "tinamou-sysroot: not in the cache: hello (arm64)\n", "not there, and no network", r)
    os.makedirs(os.path.join(d, "root/usr/bin"))
    open(os.path.join(d, "done/want-probe"), "w").close()
    shutil.copy(PROBE, os.path.join(d, "root/usr/bin/probe"))
    r = tinamou("--sysroot", "riscv64", "--into", d, "probe", "--", "probe", "exit", "5", env={"HOME": d})
    check(r.status == 5 and not r.err, "a program of the root", r)
    r = tinamou("--sysroot", "riscv64", "--into", d, "probe", "--", "prob", env={"HOME": d})
    check(r.status == 1 and r.err == "tinamou-sysroot: no prob in %s/root\n" % d, "no such program", r)


main(globals())
