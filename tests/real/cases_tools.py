"""openssl, compressors, compilers, make, BLAS tests, stress-ng: the large programs."""
import random
import re

from case import Case

RNG = random.Random(11)
WORDS = ["".join(RNG.choice("etaoinshr") for _ in range(RNG.randrange(2, 9))) for _ in range(400)]
DATA = " ".join(RNG.choice(WORDS) for _ in range(60000)).encode() + bytes(RNG.randrange(256) for _ in range(50000))
FILES = {"data": DATA}
KEY = ["-K", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "-iv", "0f" * 16]
C_PROGRAM = r"""
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
typedef struct N { struct N *l, *r; int k; } N;
static N *ins(N *n, int k) { if (!n) { n = calloc(1, sizeof *n); n->k = k; } else if (k < n->k) n->l = ins(n->l, k); else n->r = ins(n->r, k); return n; }
static long long walk(N *n, int d) { return n ? walk(n->l, d + 1) + n->k * (long long)d + walk(n->r, d + 1) : 0; }
static void *th(void *p) { double s = 0; for (int i = 1; i < 1000; i++) s += sqrt(i) / *(int *)p; return memcpy(malloc(8), &s, 8); }
static int cmp(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(int argc, char **argv)
{
    N *root = 0; unsigned x = 1; int three = 3;
    for (int i = 0; i < 5000; i++) root = ins(root, (x = x * 1103515245 + 12345) >> 8 & 0xffff);
    pthread_t t; void *r; pthread_create(&t, 0, th, &three); pthread_join(t, &r);
    char *w[] = {"pear", "fig", "apple"}; qsort(w, 3, sizeof *w, cmp);
    printf("%lld %.9f %s %s %d %s\n", walk(root, 0), *(double *)r, w[0], w[2], argc, strerror(ENOENT));
    printf("%.17g %a %Lg %d\n", pow(2, 0.5), exp(1), (long double)1 / 3 > 0.33L ? 1.0L : 0.0L, (int)strtol("077", 0, 0));
    return 42;
}
"""
MAKEFILE = """
OBJS = a.o b.o c.o d.o
all: prog out.txt
prog: $(OBJS)
\tgcc -o $@ $^
%.o: %.c h.h
\tgcc -O1 -c -o $@ $<
out.txt: prog
\t./prog > $@; cat $@
"""
MAKE_FILES = {"Makefile": MAKEFILE, "h.h": "int f_a(int), f_b(int), f_c(int), f_d(int);\n",
              "d.c": "#include \"h.h\"\n#include <stdio.h>\nint main(void) { printf(\"%d\\n\", f_a(1) + f_b(2) + f_c(3)); return 0; }\n"}
for letter in "abc":
    MAKE_FILES[letter + ".c"] = "#include \"h.h\"\nint f_%s(int x) { int s = 0; for (int i = 0; i < x * 100; i++) s += i %% 7; return s; }\n" % letter


def ssl(name, *args, **kw):
    return Case("openssl-" + name, "usr/bin/openssl", args, files=FILES, pool="full", **kw)


def speed_ran(out, err, status):
    return None if status == 0 and "sha256" in out else "openssl speed printed no sha256 line"


def blas_passed(level):
    def check(out, err, status):
        if status != 0:
            return "exit status %d" % status
        if "FAIL" in out:
            return "a FAIL line"
        if level == 1 and out.count("PASS") < 10:
            return "only %d PASS lines" % out.count("PASS")
        return None
    return check


def stress(name, ops):
    def check(out, err, status):
        text = out + err
        if status != 0 or "passed: 1" not in text or "failed: 0" not in text:
            return "exit status %d: %s" % (status, text[-300:])
        return None
    return Case("stress-" + name, "usr/bin/stress-ng",
                ["--verify", "--no-rand-seed", "--timeout", "8", "--temp-path", ".", "--" + name, "1", "--%s-ops" % name, str(ops)],
                pool="full", accept=check, seconds=120, without=("armhf", "armel") if name == "icache" else ())


def fio(name, engine, *more):
    """Writes, reads back and compares checksums."""
    def check(out, err, status):
        jobs = re.findall(r"^3;fio-[^;]*;x;\d+;(\d+);", out, re.M)
        return None if status == 0 and jobs and set(jobs) == {"0"} else "exit status %d: %s" % (status, (out + err)[-300:])
    return Case("fio-" + name, "usr/bin/fio",
                ["--name=x", "--ioengine=" + engine, "--rw=randrw", "--bs=4k", "--size=2m", "--iodepth=16", "--verify=crc32c",
                 "--do_verify=1", "--thread", "--output-format=terse", *more], pool="full", accept=check)


def pipe(name, text, seconds=120):
    return Case(name, "usr/bin/bash", ["-c", text], files=FILES, pool="full", children=True, seconds=seconds)


CASES = [
    ssl("dgst", "dgst", "-sha256", "data"), ssl("dgst512", "dgst", "-sha512", "data"), ssl("sha3", "dgst", "-sha3-256", "data"),
    ssl("md5", "dgst", "-md5", "data"), ssl("blake2", "dgst", "-blake2b512", "data"), ssl("hmac", "dgst", "-sha1", "-hmac", "key", "data"),
    ssl("aes-cbc", "enc", "-aes-256-cbc", "-in", "data", "-a", *KEY), ssl("aes-ctr", "enc", "-aes-256-ctr", "-in", "data", "-a", *KEY),
    ssl("chacha20", "enc", "-chacha20", "-in", "data", "-a", *KEY), ssl("camellia", "enc", "-camellia-256-cbc", "-in", "data", "-a", *KEY),
    ssl("pbkdf2", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x", "-S", "0011223344556677", "-in", "data", "-a"),
    ssl("prime", "prime", "170141183460469231731687303715884105727"), ssl("bad-option", "dgst", "-nosuch", stderr=False),
    ssl("speed", "speed", "-seconds", "1", "-bytes", "1024", "sha256", accept=speed_ran),
    pipe("openssl-rsa", "openssl genrsa -out k.pem 1024 2>/dev/null && openssl dgst -sha256 -sign k.pem -out s data && "
         "openssl rsa -in k.pem -pubout -out p.pem 2>/dev/null && openssl dgst -sha256 -verify p.pem -signature s data"),
    pipe("openssl-ec", "openssl ecparam -name prime256v1 -genkey -noout -out k.pem && openssl dgst -sha256 -sign k.pem -out s data && "
         "openssl dgst -sha256 -prverify k.pem -signature s data"),
    fio("uring", "io_uring"), fio("uring-fixed", "io_uring", "--registerfiles", "--fixedbufs", "--numjobs=2",
                                  "--iodepth_batch_submit=8", "--iodepth_batch_complete_min=4"),
    fio("libaio", "libaio"), fio("psync", "psync"),
    Case("xz-compress", "usr/bin/xz", ["-T1", "-6", "-c", "data"], files=FILES, pool="full"),
    Case("xz-threads", "usr/bin/xz", ["-T2", "--block-size=65536", "-2", "-c", "data"], files=FILES, pool="full"),
    Case("zstd-compress", "usr/bin/zstd", ["-q", "-9", "-c", "data"], files=FILES, pool="full"),
    Case("zstd-threads", "usr/bin/zstd", ["-q", "-T2", "-B65536", "-5", "-c", "data"], files=FILES, pool="full"),
    Case("zstd-bench", "usr/bin/zstd", ["-q", "--test", "data"], files=FILES, pool="full"),
    Case("bzip2-compress", "usr/bin/bzip2", ["-c", "data"], files=FILES, pool="full"),
    Case("gzip-compress", "usr/bin/gzip", ["-nc", "data"], files=FILES, pool="full"),
    pipe("xz-roundtrip", "xz -T2 -k data && xz -t data.xz && xz -dc data.xz | cmp - data && echo same"),
    pipe("zstd-roundtrip", "zstd -q -T2 -k data && zstd -q -t data.zst && zstd -dc data.zst | cmp - data && echo same"),
    pipe("bzip2-roundtrip", "bzip2 -k data && bzip2 -t data.bz2 && bunzip2 -c data.bz2 | cmp - data && echo same"),
    pipe("7z-roundtrip", "7za a -bd -mmt2 x.7z data > /dev/null && 7za t x.7z | grep -c Ok && 7za e -so x.7z | cmp - data && echo same"),
    Case("7z-stream", "usr/lib/7zip/7za", ["a", "-txz", "-mx3", "-mmt1", "-si", "-so", "x"], stdin=DATA, pool="full", stderr=False),
    pipe("gcc-run", "gcc -O2 -Wall -pthread -o p p.c -lm 2>&1; ./p a b; echo $?"),
    pipe("gcc-static", "gcc -O1 -static -pthread -o p p.c -lm 2>&1; ./p; echo $?"),
    pipe("gcc-error", "echo 'int main(void) { return x; }' > e.c; gcc e.c; echo $?; gcc nosuch.c; echo $?"),
    pipe("gcc-cpp", "printf '#define F(x) x##1\\nF(a)\\n__CHAR_BIT__\\n' | cpp -P -"),
    Case("make-parallel", "usr/bin/make", ["-s", "-j2"], files=MAKE_FILES, pool="full", children=True, seconds=120),
    Case("make-dry", "usr/bin/make", ["-n"], files=MAKE_FILES, pool="full", children=True),
    Case("libc-ldconfig", "usr/sbin/ldconfig", ["-p", "-C", "/nonexistent"], pool="full", stderr=False),
] + [stress(n, ops) for n, ops in (
    ("cpu", 60), ("fp", 100), ("matrix", 200), ("atomic", 100), ("signal", 3000), ("sigsegv", 1000), ("sigfpe", 1000), ("futex", 3000),
    ("clone", 100), ("funccall", 100), ("longjmp", 2000), ("qsort", 5), ("vecmath", 50), ("hash", 100), ("trig", 50), ("icache", 200),
    ("bitops", 50), ("regs", 500), ("fork", 100), ("vfork", 100), ("mutex", 1000), ("pipe", 1000), ("sem", 1000), ("poll", 500),
    ("eventfd", 1000), ("timerfd", 50), ("mmap", 5), ("malloc", 2000), ("memcpy", 20), ("str", 100), ("tree", 5), ("context", 500))]
for case in CASES:
    if case.name.startswith("gcc-"):
        case.files = {"p.c": C_PROGRAM.encode()}

BLAS = "usr/lib/{triplet}/blas/"
for level_ in (1, 2, 3):
    for kind_ in "sdcz":
        if level_ == 1:
            CASES.append(Case("blas-1" + kind_, BLAS + "xblat1" + kind_, pool="full", accept=blas_passed(1)))
        else:
            CASES.append(Case("blas-%d%s" % (level_, kind_), "usr/bin/bash",
                              ["-c", "L=/usr/lib/{triplet}/blas; $L/xblat%d%s < $L/%sblat%d.in; s=$?; cat *.out *.SUMM 2>/dev/null | "
                               "grep -E 'PASSED|FAILED|FATAL|ERROR'; exit $s" % (level_, kind_, kind_, level_)],
                              pool="full", children=True, seconds=120))
