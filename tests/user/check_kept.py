#!/usr/bin/env python3
"""Files of kept translations: when one is made, and which are not used.

usage: check_kept.py CROSS_CC TINAMOU SOURCE OUT_DIR
What each case has to show is in its function's name. Exit status 77 (skipped) without a cross compiler, unless
TINAMOU_REQUIRE_PAYLOADS=1.
"""
import os
import random
import re
import shlex
import shutil
import stat
import subprocess
import sys

CROSS, TINAMOU, SOURCE, OUT = shlex.split(sys.argv[1]), *sys.argv[2:5]
FOLDER, PROGRAM = os.path.join(OUT, "translations"), os.path.join(OUT, "keeps")
ONE, TWO = "1 101 1696.666667 one 21\n", "2 102 1730.000000 two 21\n"


def build(value):
    subprocess.run([*CROSS, "-O1", "-fPIE", "-pie", "-w", "-DVALUE=%d" % value, "-o", PROGRAM, SOURCE], check=True)


def run(*args, options=("-cache", FOLDER), env=None, status=0):
    """The output of the program."""
    p = subprocess.run([TINAMOU, *options, PROGRAM, *args], env=env, stdout=subprocess.PIPE, timeout=60)
    assert p.returncode == status, "status %d instead of %d" % (p.returncode, status)
    return p.stdout.decode()


def taken(*args, want=ONE):
    """(regions taken, regions there), as the translator says."""
    log = os.path.join(OUT, "log")
    out = run(*args, options=("-cache", FOLDER, "-d", "stats", "-D", log))
    assert out == want, out
    with open(log) as f:
        text = f.read()
    os.unlink(log)
    m = re.search(r"^kept: (\d+) regions of (\d+) taken", text, re.M)
    return (int(m[1]), int(m[2])) if m else (0, 0)


def files():
    return sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []


def the_file():
    assert len(files()) == 1, files()
    return os.path.join(FOLDER, files()[0])


def begin():
    shutil.rmtree(FOLDER, ignore_errors=True)


def warm():
    begin()
    assert run() == ONE
    return the_file()


def a_run_makes_a_file_that_the_next_takes():
    path = warm()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(FOLDER).st_mode) == 0o700
    before = os.stat(path).st_ino
    got, there = taken()
    assert there > 200 and got > there * 9 // 10, (got, there)
    assert run() == ONE and os.stat(path).st_ino == before, "written again though nothing was new"


def a_fault_in_a_kept_region_is_the_guests():
    warm()
    assert run("fault") == ONE + "fault\n"
    assert run("fault") == ONE + "fault\n"


def another_program_of_the_same_size_and_time_is_not_taken_for_it():
    path = warm()
    was = os.stat(PROGRAM)
    build(2)
    with open(PROGRAM, "ab") as f:
        f.truncate(was.st_size)  # section headers at most, which nobody reads
    os.utime(PROGRAM, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert run() == TWO
    assert the_file() == path, "it was another file's name"
    build(1)


def who_fails_or_dies_keeps_nothing():
    begin()
    assert run("fail", status=3) == ONE and files() == []
    assert run("die", status=-9) == ONE and files() == []


def nothing_is_kept_unless_asked_for():
    begin()
    env = {k: v for k, v in os.environ.items() if not k.endswith("_TRANSLATIONS")}
    assert run(options=(), env=env) == ONE and files() == []
    assert run(options=("-cache", "off"), env={**env, "TINAMOU_TRANSLATIONS": FOLDER}) == ONE and files() == []
    assert run(options=("-cache", FOLDER, "-no-jit"), env=env) == ONE and files() == []


def the_variable_and_the_usual_place():
    begin()
    assert run(options=(), env={**os.environ, "TINAMOU_TRANSLATIONS": FOLDER}) == ONE
    the_file()
    home = os.path.join(OUT, "home")
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home)
    assert run(options=("-cache", "on"), env={**os.environ, "XDG_CACHE_HOME": home}) == ONE
    assert len(os.listdir(os.path.join(home, "tinamou"))) == 1


def another_model_has_files_of_its_own():
    warm()
    models = subprocess.run([TINAMOU, "-cpu", "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    guest = the_file().rsplit("/", 1)[1].split("-")[0]
    names = re.search(r"^%s:\n((?:.+\n)+?)(?=\S+:\n|\Z)" % re.escape(guest), models, re.M)[1].split("\n")
    name = [n.split()[0] for n in names if n and not n.startswith(("max", "any"))][-1]
    p = subprocess.run([TINAMOU, "-cpu", name, "-cache", FOLDER, PROGRAM], stdout=subprocess.PIPE)
    assert p.returncode or len(files()) == 2, (name, files())


def programs_that_are_started_keep_theirs():
    begin()
    assert run("exec") == ONE + ONE
    the_file()
    assert run("fork") == ONE + "child /b\nparent 0\n" and run("fork") == ONE + "child /b\nparent 0\n"


def a_damaged_file_does_no_harm():
    path = warm()
    with open(path, "rb") as f:
        good = f.read()
    rng = random.Random(1)
    for n in range(40):
        bad = bytearray(good)
        for _ in range(1 << n % 12):
            bad[rng.randrange(40 * (n % 2), len(bad))] ^= 1 << rng.randrange(8)
        with open(path, "wb") as f:
            f.write(bad)
        assert run() == ONE
    for size in 0, 1, 31, 32, 100, 4096, len(good) // 2, len(good) - 16, len(good) - 1:
        with open(path, "wb") as f:
            f.write(good[:size])
        assert run() == ONE
        with open(path, "wb") as f:  # and its length agrees with what it says
            f.write((good[:16] + size.to_bytes(8, "little") + good[24:])[:size])
        assert run() == ONE


def what_others_can_write_is_not_used():
    path = warm()
    os.chmod(path, 0o622)
    assert taken()[1] == 0
    warm()
    os.chmod(FOLDER, 0o777)
    assert taken()[1] == 0
    begin()
    os.mkdir(FOLDER, 0o777)
    os.chmod(FOLDER, 0o777)
    assert run() == ONE and files() == []


def what_a_link_leads_to_is_not_used():
    path = warm()
    os.rename(path, path + "x")
    os.symlink(path + "x", path)
    assert taken()[1] == 0
    warm()
    os.rename(FOLDER, FOLDER + "x")
    os.symlink(FOLDER + "x", FOLDER)
    assert taken()[1] == 0
    os.unlink(FOLDER)
    shutil.rmtree(FOLDER + "x")


def what_another_user_owns_is_not_used():
    path = warm()
    if os.geteuid() != 0:
        return
    os.chown(path, 12345, 12345)
    assert taken()[1] == 0
    warm()
    os.chown(FOLDER, 12345, 12345)
    assert taken()[1] == 0


def processes_at_once_leave_a_whole_file():
    begin()
    command = [TINAMOU, "-cache", FOLDER, PROGRAM]
    for p in [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]:
        assert p.communicate()[0].decode() == ONE
    assert run() == ONE
    got, there = taken()
    assert got > 200 and got > there * 9 // 10, (got, there)


def the_oldest_files_make_room():
    begin()
    os.mkdir(FOLDER, 0o700)
    for n in range(3):
        name = os.path.join(FOLDER, "old%d" % n)
        with open(name, "wb") as f:
            f.truncate(200 << 20)
        os.utime(name, (n + 1, n + 1))
    assert run() == ONE
    assert [f for f in files() if f.startswith("old")] == ["old1", "old2"] and len(files()) == 3, files()


CASES = [
    a_run_makes_a_file_that_the_next_takes, a_fault_in_a_kept_region_is_the_guests,
    another_program_of_the_same_size_and_time_is_not_taken_for_it, who_fails_or_dies_keeps_nothing,
    nothing_is_kept_unless_asked_for, the_variable_and_the_usual_place, another_model_has_files_of_its_own, programs_that_are_started_keep_theirs,
    a_damaged_file_does_no_harm, what_others_can_write_is_not_used, what_a_link_leads_to_is_not_used,
    what_another_user_owns_is_not_used, processes_at_once_leave_a_whole_file, the_oldest_files_make_room,
]


def main():
    if not shutil.which(CROSS[0]):
        print("SKIPPED: no cross compiler %s" % CROSS[0])
        return 1 if os.environ.get("TINAMOU_REQUIRE_PAYLOADS") == "1" else 77
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    build(1)
    bad = 0
    for case in CASES:
        try:
            case()
        except AssertionError as e:
            bad += 1
            print("%s: %s" % (case.__name__, e or "line %d" % e.__traceback__.tb_next.tb_lineno))
    print("%d cases, %d bad" % (len(CASES), bad))
    return bad != 0


sys.exit(main())
