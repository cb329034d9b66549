#!/usr/bin/env python3
"""Compiles one C program for the host and for a guest ISA, runs both, compares output and exit status.

usage: run_user.py CROSS_CC CC EMULATOR SOURCE     (all but SOURCE may contain options)
Each run has an empty directory of its own as current directory. The first lines that differ are printed. Exit status
77 (skipped) without a cross compiler, unless TINAMOU_REQUIRE_PAYLOADS=1, and where the host's processor is another than the model.
"""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

FLAGS = ["-O1", "-g", "-static", "-pthread", "-D_GNU_SOURCE", "-w", "-Werror=implicit-function-declaration"]


with open("/proc/cpuinfo") as cpuinfo:
    CPUINFO = cpuinfo.read()
AMD = "AuthenticAMD" in CPUINFO


def build(cc, source, out):
    # Intel's processors take some microseconds for a lock over two lines, and kernels may delay it.
    few = ["-DTIMES=300"] if source.endswith("x86_atomics.c") and not AMD else []
    # The models are AMD's: programs leave out what other processors do in another way.
    of_amd = ["-DOF_AMD=%d" % AMD]
    libs = [] if "-nostdlib" in cc else ["-lm"]
    subprocess.run([*cc, *FLAGS, *few, *of_amd, "-o", out, source, *libs], check=True)


def run(command, cwd):
    """Output and status as text; time-outs are results too."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TEST_VAR": "value"}
    try:
        p = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60)
    except OSError as e:
        return "[cannot run: %s]\n" % e.strerror
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace") + "\n[time-out]\n"
    return p.stdout.decode(errors="replace") + "[status %d]\n" % p.returncode


def difference(native, guest):
    a, b = native.splitlines(), guest.splitlines()
    out = []
    for i in range(max(len(a), len(b))):
        x, y = (v[i] if i < len(v) else "(nothing)" for v in (a, b))
        if x != y:
            out.append("line %d\n  native: %s\n  guest:  %s" % (i + 1, x, y))
        if len(out) == 40:
            break
    return out


def main():
    cross, cc, emulator, source = sys.argv[1:5]
    cross = shlex.split(cross)
    if not shutil.which(cross[0]):
        print("SKIPPED: no cross compiler %s" % cross[0])
        return 1 if os.environ.get("TINAMOU_REQUIRE_PAYLOADS") == "1" else 77
    name = os.path.splitext(os.path.basename(source))[0]
    if name == "x86_aligned":  # what Intel's processors do in another way than AMD's
        if AMD or "avx512_vnni" not in CPUINFO:
            print("SKIPPED: the host's processor is none of Intel's with AVX-512")
            return 77
        emulator += " -cpu Icelake-Server"
    with tempfile.TemporaryDirectory(prefix="tinamou-user-") as top:
        results = []
        for kind, compiler, prefix in (("native", shlex.split(cc), []), ("guest", cross, shlex.split(emulator))):
            work = os.path.join(top, kind, "work")
            os.makedirs(work)
            program = os.path.join(top, kind, name)
            build(compiler, source, program)
            if prefix and not prefix[0].startswith("/"):
                prefix[0] = os.path.abspath(prefix[0]) if "/" in prefix[0] else prefix[0]
            results.append(run([*prefix, program], work))
    diff = difference(*results)
    if results[0].startswith("[cannot run"):  # a guest's program that this host's kernel should run, and does not
        print("SKIPPED: %s" % results[0].strip())
        return 77
    if "[status 0]" not in results[0]:
        print("the native run fails: %s" % results[0][-500:])
        return 1
    print("%s: %d lines %s" % (name, len(results[0].splitlines()), "differ" if diff else "agree"))
    print("\n".join(diff))
    return 1 if diff else 0


sys.exit(main())
