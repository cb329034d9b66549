#!/usr/bin/env python3
"""Registered with binfmt_misc, in a user namespace of its own: argv[0], chroot without the emulator in it, execve; --binfmt."""
import os
import subprocess
import sys
from kit import ISA, SKIP, TINAMOU, Result, check, guest, main, one_line, tinamou

PROBE = guest("probe")
NAME = ISA  # of the entry of --binfmt: tinamou-NAME
MAGIC = (r"\x7fELF" + (r"\x01" if ISA == "arm" else r"\x02") + r"\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00" + {"riscv64": r"\xf3", "aarch64": r"\xb7", "arm": r"\x28"}[ISA] + r"\x00",
         r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff")
MISC = "/proc/sys/fs/binfmt_misc"
OWN = 'mount -t binfmt_misc none %s; T="$TINAMOU --binfmt"\n' % MISC  # over that of the machine, if there is one
UNSHARE = ["unshare", "-Urmpf", "sh", "-ec"]
PREPARE = """mkdir "$D/misc"; mount -t binfmt_misc none "$D/misc"
printf '%s' ":rv:M::$MAGIC:$MASK:$TINAMOU:POCF" > "$D/misc/register"
"""


def inside(d, script, prepare=PREPARE):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "D": d, "MAGIC": MAGIC[0], "MASK": MAGIC[1], "TINAMOU": TINAMOU,
           "PROBE": PROBE, "NAME": NAME}
    p = subprocess.run(UNSHARE + [prepare + script], env=env, capture_output=True, text=True, timeout=60, check=False)
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


def test_chroot_proc(d):
    r = inside(d, 'mkdir "$D/root"; cp "$PROBE" "$D/root/probe"; ln -s /proc "$D/root/proc"; exec chroot "$D/root" /probe exec /probe x args 1')
    check(args_of(r) == ["x", "args", "1"] and r.status == 0, "root whose /proc leads to itself", r)


def test_script(d):
    r = inside(d, 'printf "#!%s\\n" "$PROBE" > "$D/s"; chmod +x "$D/s"; exec "$D/s" one')
    check(args_of(r) == [PROBE, os.path.join(d, "s"), "one"], "script", r)


def test_install(d):
    r = inside(d, """$T status $NAME && exit 9; $T install $NAME; $T status $NAME; "$PROBE" exit 5 || echo "left $?"
printf '%s' ":other:M::$MAGIC:$MASK:/bin/false:" > /proc/sys/fs/binfmt_misc/register
$T install $NAME; "$PROBE" exit 6 || echo "left $?"
$T remove $NAME; $T status $NAME || echo "status $?"; "$PROBE" exit 7 || echo "left $?" """, prepare=OWN)
    entry = "%s: tinamou-%s enabled, %s, flags POCF" % (NAME, NAME, TINAMOU)
    lines = r.out.splitlines()
    check(lines.count(entry) == 1 and "left 5" in lines and "left 6" in lines, "install", r)
    check(any("entry other takes the same programs" in line for line in lines), "another entry is named", r)
    check("%s: removed" % NAME in lines and lines[-2:] == ["status 1", "left 1"], "remove", r)


def test_flags(d):
    r = inside(d, """$T install $NAME --flags O; $T status $NAME || exit 4""", prepare=OWN)
    check(r.status == 4 and all("without flag " + c in r.out for c in "FCP"), "status explains what lacks", r)
    one_line(tinamou("--binfmt", "install", "--flags", "PX"), 1, "flags of binfmt_misc are P, O, C and F")


def test_rootless(d):
    r = tinamou("--binfmt", "install", "--rootless", NAME, "--", "bash", "-c", 'exec -a zero "$0" args "a b"', PROBE)
    check(args_of(r) == ["zero", "args", "a b"] and r.status == 0, "a command in a name space of its own", r)
    one_line(tinamou("--binfmt", "install", "--rootless"), 1, "-- COMMAND")
    r = tinamou("--binfmt", "install", "--rootless", "--", "nothing-here")
    check(r.status == 127 and r.err == "tinamou: nothing-here cannot be started\n", "missing command", r)


def test_writable(d):
    r = inside(d, """cp "$TINAMOU" "$D/t"; chmod 777 "$D/t"; "$D/t" --binfmt install""", prepare=OWN)
    one_line(r, 1, "could become root")


def test_print(d):
    r = tinamou("--binfmt", "print", NAME)
    check(r.out.startswith(":tinamou-%s:M::" % NAME) and r.out.endswith(":%s:POCF\n" % TINAMOU) and r.status == 0, "print", r)
    one_line(tinamou("--binfmt", "status", "pdp11"), 1, "no guest 'pdp11'; there are aarch64")
    one_line(tinamou("--binfmt", "instal"), 1, "install, remove, status and print")
    one_line(tinamou("--binfmt", "status", "--fast"), 1, "no option '--fast'")


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
