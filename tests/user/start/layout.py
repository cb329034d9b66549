#!/usr/bin/env python3
"""Address space as the guest sees it and as it is, at random and at fixed layouts; first stack; /proc; vDSO."""
import os
import re
import shutil
import signal
import subprocess
from kit import check, guest, main, tinamou, TINAMOU, EXTRA, ISA

PROBE, PIE = guest("probe"), guest("probe_dyn")
RUNS = 25
# HWCAP: arm64 has at least fp, asimd and cpuid; FRAME: the signal frame with what the kernel adds to it.
HWCAP, FRAME = {"riscv64": (sum(1 << (ord(c) - 65) for c in "IMAFDC"), 1088), "aarch64": (1 << 0 | 1 << 1 | 1 << 11, 4720),
                "arm": (1 << 1 | 1 << 2 | 1 << 12 | 1 << 15 | 3 << 17, 896)}[ISA]
VDSO = "[vectors]" if ISA == "arm" else "[vdso]"  # the page of code that the kernel gives
FOREIGN = ("[vvar", TINAMOU, "[vsyscall")
WAYS = [("as it comes", ())] * RUNS + [
    ("no randomisation", ("setarch", "-R")),
    ("bottom-up", ("setarch", "-L")),
    ("unlimited stack", ("sh", "-c", "ulimit -s unlimited; exec \"$@\"", "sh")),
    ("small stack", ("sh", "-c", "ulimit -s 256; exec \"$@\"", "sh")),
    ("huge stack", ("sh", "-c", "ulimit -s 1000000000; exec \"$@\"", "sh")),
]


def ways():
    for name, pre in WAYS:
        if not pre or shutil.which(pre[0]):
            yield name, pre


def parse(text):
    out = []
    for line in text.splitlines():
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+) *(.*)$", line)
        if m:
            out.append((int(m[1], 16), int(m[2], 16), m[3], m[7]))
    return out


# Sv39 has 38 bits for programs: docs/adr/0051-riscv-space.md. A PIE is at two thirds, and a 64th of the space random.
END = 1 << {"riscv64": 38}.get(ISA, 47)
PIE_RANGE = {"arm": (0x40000000, 0xb0000000), "riscv64": (END // 3 * 2 - 4096, END // 3 * 2 + END // 64 + (1 << 30))}


def check_maps(maps, name, text):
    check(maps, "%s: no maps" % name)
    for a, b in zip(maps, maps[1:]):
        check(a[1] <= b[0], "%s: order\n%s" % (name, text))
    for start, end, _, file in maps:
        check(start < end <= END, "%s: range\n%s" % (name, text))
        check(not any(f in file for f in FOREIGN), "%s: %s is not the guest's\n%s" % (name, file, text))
    check(sum(m[3] == "[stack]" for m in maps) == 1, "%s: one stack\n%s" % (name, text))
    check(sum(m[3] == VDSO for m in maps) == 1, "%s: one vdso\n%s" % (name, text))
    vdso = [m for m in maps if m[3] == VDSO][0]
    check(vdso[2] == "r-xp", "%s: vdso is executable\n%s" % (name, text))


def test_maps(_):
    for name, pre in ways():
        for exe in (PROBE, PIE):
            if not os.path.exists(exe):
                continue
            r = tinamou(exe, "cat", "/proc/self/maps", pre=pre)
            check(r.status == 0 and not r.err, name, r)
            maps = parse(r.out)
            check_maps(maps, name, r.out)
            text = [m for m in maps if m[3].endswith(os.path.basename(exe)) and "x" in m[2]]
            check(len(text) == 1, "%s: program text\n%s" % (name, r.out))
            if exe == PIE:
                low, high = PIE_RANGE.get(ISA, (0x555555550000, 0x565555556000 + (1 << 30)))
                check(low <= text[0][0] < high, "%s: place of a PIE\n%s" % (name, r.out))


def test_space_as_wanted(_):
    """Without -R a RISC-V program has Sv39's addresses; -R gives it those of wider modes."""
    if ISA != "riscv64":
        return
    stacks = []
    for options in ((), ("-R", "128T"), ("-R", "8G")):
        r = tinamou(*options, PROBE, "cat", "/proc/self/maps")
        check(r.status == 0 and not r.err, str(options), r)
        stacks += [m[1] for m in parse(r.out) if m[3] == "[stack]"]
    check(stacks[2] <= 8 << 30 < stacks[0] <= END < stacks[1], "ends of stacks: %s" % stacks)


def test_seen_from_outside(_):
    """The emulator is above the guest, brk is unused, guest mappings are where the guest says, none executable."""
    with subprocess.Popen([TINAMOU, *EXTRA, PROBE, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={}) as p:
        text = ""
        while not text.endswith("ready\n"):
            line = p.stdout.readline()
            check(line, "guest ended early")
            text += line
        with open("/proc/%d/maps" % p.pid, encoding="ascii") as f:
            host_text = f.read()
        with open("/proc/%d/cmdline" % p.pid, "rb") as f:
            cmdline = f.read()
        with open("/proc/%d/comm" % p.pid, "rb") as f:
            comm = f.read()
        p.communicate("x")
    mine = parse(text)
    image = min(m[0] for m in parse(host_text) if m[3].endswith("tinamou"))
    top = max(m[1] for m in mine)
    check(top <= image - (60 << 30), "the guest ends below the emulator's window")
    for start, end, perm, file in parse(host_text):
        if start >= image - (64 << 30):
            continue
        check(any(a <= start and end <= b or start < b and a < end for a, b, _, _ in mine),
              "%x-%x %s %s is nobody's\n%s\n%s" % (start, end, perm, file, host_text, text))
        check("x" not in perm, "%x-%x is executable for the host" % (start, end))
    check(cmdline == (PROBE + "\0wait\0").encode(), "command line from outside: %r" % cmdline)
    check(comm.decode() == os.path.basename(PROBE) + "\n", "name from outside: %r" % comm)


def values(text):
    return dict(re.findall(r"^(\S+) (.*)$", text, re.M))


def test_stack(_):
    for name, pre in ways():
        r = tinamou(PROBE, "stack", "", "three words here", pre=pre, env={"A": "", "LONG": "x" * 100000})
        v = values(r.out)
        check(r.status == 0 and v.get("argc_below") == ("0" if ISA == "arm" else "1") and v.get("aligned") == v.get("row") == v.get("phdr") == "1", name, r)
        # On arm the C library's first instructions have put something else into argc's place.
        check(v["execfn"] == PROBE, name, r)
        aux = {int(a): int(b, 16) for a, b in re.findall(r"^aux (\d+) 0x([0-9a-f]+)", r.out, re.M)}
        for key in (16 if ISA == "arm" else 33, 16, 6, 17, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 23, 25, 31, 51):
            check(key in aux, "%s: AT %d" % (name, key), r)
        check(aux[6] == 4096 and aux[4] == (32 if ISA == "arm" else 56) and aux[11] == os.getuid() and aux[23] == 0, name, r)
        check(aux[16] == HWCAP or (ISA != "riscv64" and aux[16] & HWCAP == HWCAP), "%s: hwcap" % name, r)
        check((15 in aux) == (ISA != "riscv64"), "%s: AT_PLATFORM" % name, r)
        check(aux[51] == FRAME, "%s: AT_MINSIGSTKSZ" % name, r)


def test_random_differs(_):
    seen = {tinamou(PROBE, "stack").out for _ in range(5)}
    check(len(seen) == 5, "five runs, five layouts")
    random = [values(tinamou("-seed", seed, PROBE, "stack").out)["random"] for seed in ("5", "5", "6")]
    check(random[0] == random[1] != random[2], "the seed tells AT_RANDOM: %s" % random)


def test_edges(_):
    for name, pre in ways():
        r = tinamou(PROBE, "edges", pre=pre)
        v = values(r.out)
        want = {"0": "12", "1": "12", "2": "12", "3": "22", "4": "22", "5": "12", "6": "17"}
        check(r.status == 0 and all(v.get(k) == x for k, x in want.items()), name, r)
        if name == "as it comes":
            check(v["all"] == "1" and v["still"] == "Success", name, r)


def test_stack_growth(_):
    r = tinamou(PROBE, "deep", "7000")
    check(r.out == "came back\n", "7 MiB of stack", r)
    r = tinamou(PROBE, "deep", "20000")
    check(r.status != 0 and r.out == "", "20 MiB do not fit", r)
    r = tinamou(PROBE, "deep", "20000", pre=("sh", "-c", "ulimit -s 32000; exec \"$@\"", "sh"))
    check(r.out == "came back\n", "20 MiB of 32", r)


def test_cut_file(d):
    r = tinamou(PROBE, "cut", os.path.join(d, "code"))
    check(r.status == -signal.SIGBUS and r.out == "first\n" and "internal" not in r.err, "SIGBUS", r)


def test_vdso(_):
    if ISA == "arm":
        return  # it has none
    r = tinamou(PROBE, "vdso")
    if ISA == "riscv64":
        check("sym __vdso_rt_sigreturn" in r.out and "sym __vdso_flush_icache" in r.out and "getcpu 0 1" in r.out, "vdso", r)
    else:
        check("sym __kernel_rt_sigreturn" in r.out and "sym __kernel_clock_getres" in r.out and "clock 0 1" in r.out, "vdso", r)


def test_proc(_):
    for path in ("/proc/self/exe", "/proc/thread-self/exe"):
        r = tinamou(PROBE, "link", path)
        check(r.out == os.path.realpath(PROBE) + "\nsame 1\n", path, r)
    r = tinamou(PROBE, "cat", "/proc/self/exe")
    check(r.status == 0 and r.out.startswith("\x7fELF") and "show_stack" in r.out, "reading exe")
    r = tinamou(PROBE, "cat", "/proc/self/cmdline", "more")
    check(r.out == PROBE + "\0cat\0/proc/self/cmdline\0more\0", "cmdline", r)
    r = tinamou(PROBE, "cat", "/proc/self/comm")
    check(r.out == os.path.basename(PROBE) + "\n", "comm", r)
    r = tinamou(PROBE, "cat", "/proc/self/environ", env={"X": "y"})
    check(set(r.out.split("\0")) == {"PATH=/usr/bin:/bin", "X=y", ""}, "environ", r)
    r = tinamou(PROBE, "cat", "/proc/cpuinfo")
    line = {"riscv64": "isa\t\t: rv64imafdc", "aarch64": "Features\t: fp asimd ", "arm": "neon vfpv3 tls vfpv4 idiva idivt"}[ISA]
    check(line in r.out and "GenuineIntel" not in r.out, "cpuinfo", r)
    check(r.out.count("processor\t:") == len(os.sched_getaffinity(0)) or r.out.count("processor\t:") >= 1, "cpus", r)
    r = tinamou(PROBE, "cat", "/proc/self/smaps")
    check("Rss:" in r.out and not any(f in r.out for f in FOREIGN), "smaps", r)
    r = tinamou(PROBE, "cat", "/proc/self/stat")
    check(r.out.split()[1] == "(%s)" % os.path.basename(PROBE), "stat", r)


main(globals())
