#!/usr/bin/env python3
"""Registered with binfmt_misc, in a user namespace of its own: argv[0], chroot without the emulator in it, execve."""
import os
import subprocess
import sys
from kit import ISA, SKIP, TINAMOU, Result, check, guest, main

PROBE = guest("probe")
MAGIC = (r"\x7fELF" + (r"\x01" if ISA == "arm" else r"\x02") + r"\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00" + {"riscv64": r"\xf3", "aarch64": r"\xb7", "arm": r"\x28"}[ISA] + r"\x00",
         r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff")
UNSHARE = ["unshare", "-Urmpf", "sh", "-ec"]
PREPARE = """mkdir "$D/misc"; mount -t binfmt_misc none "$D/misc"
printf '%s' ":rv:M::$MAGIC:$MASK:$TINAMOU:POCF" > "$D/misc/register"
"""


def inside(d, script):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "D": d, "MAGIC": MAGIC[0], "MASK": MAGIC[1], "TINAMOU": TINAMOU,
           "PROBE": PROBE}
    p = subprocess.run(UNSHARE + [PREPARE + script], env=env, capture_output=True, text=True, timeout=60, check=False)
    return Result(p)


def args_of(r):
    return [line[5:] for line in r.out.splitlines() if line.startswith("argv ")]


def test_argv0(d):
    r = inside(d, 'exec bash -c \'exec -a zero "$PROBE" args "a b"\'')
    check(args_of(r) == ["zero", "args", "a b"] and r.status == 0, "argv[0]", r)


def test_execfn(d):
    r = inside(d, '"$PROBE" stack')
    check("execfn %s\n" % PROBE in r.out and r.status == 0, "file name", r)


def test_unreadable(d):
    r = inside(d, 'cp "$PROBE" "$D/p"; chmod 0111 "$D/p"; exec "$D/p" exit 5')
    check(r.status == 5, "program that may be executed but not read", r)


def test_chroot(d):
    r = inside(d, 'mkdir "$D/root"; cp "$PROBE" "$D/root/probe"; exec chroot "$D/root" /probe exec /probe x args 1')
    check(args_of(r) == ["x", "args", "1"] and r.status == 0, "root with nothing but the program", r)


def test_script(d):
    r = inside(d, 'printf "#!%s\\n" "$PROBE" > "$D/s"; chmod +x "$D/s"; exec "$D/s" one')
    check(args_of(r) == [PROBE, os.path.join(d, "s"), "one"], "script", r)


if __name__ == "__main__":
    try:
        possible = subprocess.run(UNSHARE + ["mount -t binfmt_misc none /mnt && test -e /mnt/register"], check=False,
                                  capture_output=True).returncode == 0
    except OSError:
        possible = False
    if not possible:
        print("no binfmt_misc in a user namespace here (Linux 6.7 and later have it)")
        sys.exit(SKIP)
    main(globals())
