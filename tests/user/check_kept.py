#!/usr/bin/env python3
"""Files of kept translations: when one is made, and which are not used.

usage: check_kept.py CROSS_CC TINAMOU SOURCE OUT_DIR
What each case has to show is in its function's name. Exit status 77 (skipped) without a cross compiler, unless
TINAMOU_REQUIRE_PAYLOADS=1.
"""
import os
import random
import re
import resource
import shlex
import shutil
import stat
import subprocess
import sys

CROSS, TINAMOU, SOURCE, OUT = shlex.split(sys.argv[1]), *sys.argv[2:5]
FOLDER, PROGRAM = os.path.join(OUT, "translations"), os.path.join(OUT, "keeps")
ONE, TWO = "1 101 1696.666667 one 21\n", "2 102 1730.000000 two 21\n"


def build(value):
    subprocess.run([*CROSS, "-O1", "-fPIE", "-pie", "-pthread", "-D_GNU_SOURCE", "-w", "-DVALUE=%d" % value, "-o", PROGRAM, SOURCE], check=True)


def run(*args, options=("-cache", FOLDER), env=None, status=0, prepare=None):
    """The output of the program."""
    p = subprocess.run([TINAMOU, *options, PROGRAM, *args], env=env, stdout=subprocess.PIPE, timeout=60, preexec_fn=prepare)
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


def files(folder=FOLDER):
    """Those of translations."""
    return sorted(n for n in os.listdir(folder) if n != "seen") if os.path.isdir(folder) else []


def the_file():
    assert len(files()) == 1, files()
    return os.path.join(FOLDER, files()[0])


def begin():
    shutil.rmtree(FOLDER, ignore_errors=True)


def warm():
    begin()
    assert run() == ONE and run() == ONE
    return the_file()


def the_second_run_makes_a_file_that_the_next_takes():
    begin()
    assert run() == ONE and files() == [], "made for a program that may never run again"
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


def who_dies_keeps_nothing_who_fails_does():
    begin()
    for _ in range(3):
        assert run("die", status=-9) == ONE and files() == []
    for _ in range(2):
        assert run("fail", status=3) == ONE
    the_file()


def nothing_is_kept_where_it_is_off():
    begin()
    env, home = environment(TINAMOU_TRANSLATIONS=FOLDER), new_home()
    for _ in range(2):
        assert run(options=("-cache", "off"), env=env) == ONE and not os.path.exists(FOLDER)
        assert run(options=("-cache", FOLDER, "-no-jit")) == ONE and files() == []
        assert run(options=(), env=environment(HOME=home)) == ONE and os.listdir(home) == []


def environment(**more):
    """Without what says where to keep."""
    return {**{k: v for k, v in os.environ.items() if not k.endswith("_TRANSLATIONS") and k not in ("HOME", "XDG_CACHE_HOME")}, **more}


def new_home():
    home = os.path.join(OUT, "home")
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home)
    return home


def it_is_the_users_own_directory_unless_named():
    for variable, place in ("XDG_CACHE_HOME", "tinamou"), ("HOME", ".cache/tinamou"):
        home = new_home()
        env = environment(**{variable: home})
        for _ in range(2):
            assert run(options=("-cache", "on"), env=env) == ONE
        assert len(files(os.path.join(home, place))) == 1, variable
    home = new_home()
    for env in environment(), environment(HOME="/"), environment(HOME=home + "/missing"), environment(HOME="relative"):
        assert run(options=("-cache", "on"), env=env) == ONE
    assert not os.path.exists("/.cache/tinamou") and os.listdir(home) == []


def a_home_of_another_user_is_not_used():
    if os.geteuid() != 0:
        return
    home = new_home()
    os.chown(home, 12345, 12345)
    assert run(options=("-cache", "on"), env=environment(HOME=home)) == ONE and os.listdir(home) == []


def the_variable():
    begin()
    for _ in range(2):
        assert run(options=(), env=environment(TINAMOU_TRANSLATIONS=FOLDER)) == ONE
    the_file()


def another_model_has_files_of_its_own():
    warm()
    models = subprocess.run([TINAMOU, "-cpu", "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    guest = the_file().rsplit("/", 1)[1].split("-")[0]
    names = re.search(r"^%s:\n((?:.+\n)+?)(?=\S+:\n|\Z)" % re.escape(guest), models, re.M)[1].split("\n")
    name = [n.split()[0] for n in names if n and not n.startswith(("max", "any"))][-1]
    for _ in range(2):
        p = subprocess.run([TINAMOU, "-cpu", name, "-cache", FOLDER, PROGRAM], stdout=subprocess.PIPE)
    assert p.returncode or len(files()) == 2, (name, files())


def programs_that_are_started_keep_theirs():
    begin()
    assert run("exec") == ONE + ONE
    the_file()
    assert run("fork") == ONE + "child /b\nparent 0\n" and run("fork") == ONE + "child /b\nparent 0\n"


def it_is_kept_before_another_program_takes_the_place():
    name = os.path.basename(warm())
    begin()
    for _ in range(2):
        assert run("native") == ONE
    assert name in files(), files()


def only_the_first_program_makes_the_directory():
    begin()
    assert run("remove", FOLDER) == ONE + ONE and not os.path.exists(FOLDER)


def a_sandboxed_program_keeps_nothing():
    begin()
    for _ in range(3):
        assert run("filter") == ONE and files() == []


def threads_that_go_on_do_not_have_its_descriptors():
    begin()
    mine = os.path.join(OUT, "mine")
    for _ in range(4):
        with open(mine, "w"):
            pass
        assert run("threads", mine) == ONE and os.path.getsize(mine) == 0
    the_file()


def limits_of_the_guest_do_no_harm():
    for what, least in (resource.RLIMIT_FSIZE, 100), (resource.RLIMIT_NOFILE, 10), (resource.RLIMIT_AS, 300 << 20):
        begin()
        for _ in range(3):
            assert run(prepare=lambda: resource.setrlimit(what, (least, least))) == ONE
        assert what == resource.RLIMIT_NOFILE or files() == []


def whatever_the_umask_the_user_can_read_it():
    begin()
    os.mkdir(FOLDER, 0o700)
    for mask in 0o000, 0o777:
        for _ in range(3):
            assert run(prepare=lambda: os.umask(mask)) == ONE
        assert stat.S_IMODE(os.stat(the_file()).st_mode) == 0o600
        os.unlink(the_file())


def a_file_that_is_cut_while_it_is_used_does_no_harm():
    for _ in range(3):
        assert run("cut", warm()) == ONE + "fault\n"


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
    for p in [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]:
        assert p.communicate()[0].decode() == ONE
    assert run() == ONE
    got, there = taken()
    assert got > 200 and got > there * 9 // 10, (got, there)


def the_oldest_files_make_room_and_no_others():
    """Down to 7/8 of a limit of 1 GiB, by files that have no blocks."""
    begin()
    os.mkdir(FOLDER, 0o700)
    old = ["old-%016x-%016x" % (n, n) for n in range(24)]
    for n, name in enumerate(old + ["letters", "old-1-2", "x" * 50]):
        path = os.path.join(FOLDER, name)
        with open(path, "wb") as f:
            f.truncate(50 << 20)
        os.utime(path, (n + 1, n + 1) if name in old else (0, 0))
    assert run() == ONE and run() == ONE
    left = [f for f in files() if f in old]
    assert left == old[7:] and len(files()) == len(left) + 4, files()


CASES = [
    the_second_run_makes_a_file_that_the_next_takes, a_fault_in_a_kept_region_is_the_guests,
    another_program_of_the_same_size_and_time_is_not_taken_for_it, who_dies_keeps_nothing_who_fails_does,
    nothing_is_kept_where_it_is_off, it_is_the_users_own_directory_unless_named, a_home_of_another_user_is_not_used,
    the_variable, another_model_has_files_of_its_own, programs_that_are_started_keep_theirs,
    it_is_kept_before_another_program_takes_the_place, only_the_first_program_makes_the_directory, a_sandboxed_program_keeps_nothing,
    threads_that_go_on_do_not_have_its_descriptors, limits_of_the_guest_do_no_harm, whatever_the_umask_the_user_can_read_it,
    a_file_that_is_cut_while_it_is_used_does_no_harm,
    a_damaged_file_does_no_harm, what_others_can_write_is_not_used, what_a_link_leads_to_is_not_used,
    what_another_user_owns_is_not_used, processes_at_once_leave_a_whole_file, the_oldest_files_make_room_and_no_others,
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
