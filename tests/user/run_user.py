#!/usr/bin/env python3
"""Compiles one C program for the host and for a guest ISA, runs both, compares output and exit status.

usage: run_user.py [--kept] CROSS_CC CC EMULATOR SOURCE     (all but SOURCE may contain options)
--kept: the guest's program, at another address each time, runs with a directory for translations: with an empty one, with
one that knows of a run, with what that run has kept, with half of that, and comparing all that was kept with new translations. All have to agree.
Each run has an empty directory of its own as current directory. The first lines that differ are printed. Exit status
77 (skipped) without a cross compiler, unless TINAMOU_REQUIRE_PAYLOADS=1, and where the host's processor is another than the model.
"""
import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile

FLAGS = ["-O1", "-g", "-static", "-pthread", "-D_GNU_SOURCE", "-w", "-Werror=implicit-function-declaration"]


with open("/proc/cpuinfo") as cpuinfo:
    CPUINFO = cpuinfo.read()
AMD = "AuthenticAMD" in CPUINFO


def build(cc, source, out, pie=False):
    # Intel's processors take some microseconds for a lock over two lines, and kernels may delay it.
    few = ["-DTIMES=300"] if source.endswith("x86_atomics.c") and not AMD else []
    # The models are AMD's: programs leave out what other processors do in another way.
    of_amd = ["-DOF_AMD=%d" % AMD]
    flags = [f for f in FLAGS if f != "-static"] + ["-fPIE", "-pie"] if pie else FLAGS
    libs = [] if "-nostdlib" in cc else ["-lm"]
    subprocess.run([*cc, *flags, *few, *of_amd, "-o", out, source, *libs], check=True)


def run(command, cwd):
    """Output and status as text; time-outs are results too."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TEST_VAR": "value"}
    env.update((k, v) for k, v in os.environ.items() if k == "TINAMOU_TRANSLATIONS")
    try:
        p = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60)
    except OSError as e:
        return "[cannot run: %s]\n" % e.strerror
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace") + "\n[time-out]\n"
    return p.stdout.decode(errors="replace") + "[status %d]\n" % p.returncode


def forget_half(folder):
    """Takes every other region out of the tables of kept translations (KeptHead, KeptSlot: accel/dbt/kept.c)."""
    for name in os.listdir(folder):
        if name == "seen":
            continue
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            data = bytearray(f.read())
        bits = struct.unpack_from("<I", data, 28)[0]
        for slot in range(1 << bits):
            if slot % 2:
                struct.pack_into("<I", data, 32 + 8 * slot, 0)  # no region has this tag
        with open(path, "wb") as f:
            f.write(data)


def run_kept(prefix, program, top):
    """(how, result) of the runs with kept translations; the last also says whether any differs from a new one."""
    folder, log = os.path.join(top, "translations"), os.path.join(top, "log")
    os.mkdir(folder, 0o700)
    keeping = [*prefix, "-cache", folder]
    for how, more in ("none", []), ("noted", []), ("all", []), ("half", []), ("compared", ["-d", "kept", "-D", log]):
        work = os.path.join(top, how)
        os.mkdir(work)
        if how == "half":
            forget_half(folder)
        yield how, run([*keeping, *more, program], work)
    with open(log) as f:
        lines = f.read().splitlines()
    bad = [line for line in lines if "differs" in line]
    if bad or not any(line.startswith("kept: ") for line in lines):
        yield "compared", "\n".join(bad or ["nothing was compared"])


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
    kept = sys.argv[1] == "--kept"
    cross, cc, emulator, source = sys.argv[1 + kept:5 + kept]
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
            build(compiler, source, program, pie=kept and kind == "guest")
            if prefix and not prefix[0].startswith("/"):
                prefix[0] = os.path.abspath(prefix[0]) if "/" in prefix[0] else prefix[0]
            if kept and kind == "guest":
                results += run_kept(prefix, program, os.path.join(top, kind))
            else:
                results.append((kind, run([*prefix, program], work)))
    native = results[0][1]
    if native.startswith("[cannot run"):  # a guest's program that this host's kernel should run, and does not
        print("SKIPPED: %s" % native.strip())
        return 77
    if "[status 0]" not in native:
        print("the native run fails: %s" % native[-500:])
        return 1
    bad = False
    for how, result in results[1:]:
        diff = difference(native, result)
        bad |= bool(diff)
        print("%s, %s: %d lines %s" % (name, how, len(native.splitlines()), "differ" if diff else "agree"))
        print("\n".join(diff))
    return bad


sys.exit(main())
