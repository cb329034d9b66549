"""What is measured: families, their members, and the inputs of the package members.

A kernel is kernels/NAME.c. A package member is a program of the sysroots with generated input. The families
and the names are those of docs/performance.md.
"""
import os
import random

KERNELS = {
    "integer": "corelike dhry sieve hash bits aes sha qsort".split(),
    "call": "qsortcb fib ack vcall vm setjmp".split(),
    "fp": "nbody mandel linpack libm".split(),
    "x87": "nbody80 mandel80 linpack80".split(),  # of x86 only: elsewhere long double is another type
    "string": "memcpy memsmall strlen malloc printf".split(),
    "os": "getpid rdwr clock signal segv mmap fork exec".split(),
    "thread": "mutex1 mutexping atomic1 atomic2 thrcreate".split(),
    "memory": "chaseS chaseL".split(),
    "simd": "sgemm dgemm isimd".split(),
    "code": "smc spawn".split(),
    "repeat": "repmovs repbulk repsmall repscan".split(),  # of x86 alone
}
# The rival answers differently (an exec that fails reports success), so only the native ratio has a meaning.
NO_RIVAL = {"spawn"}
CFLAGS = {name: ["-O3"] for name in KERNELS["simd"]}

LUA = r"""
local N = 30
local t, words = {}, {}
for i = 1, 20000 do t[i] = (i * 7919) % 10007 end
local sum = 0
for r = 1, N do
  for i = 2, #t do local v = t[i] + t[i - 1]; sum = (sum + v * r) % 1000003 end
end
for i = 1, 30000 do words[#words + 1] = string.format("w%d", (i * 31) % 977) end
local counts = {}
for _, w in ipairs(words) do counts[w] = (counts[w] or 0) + 1 end
local keys = {}
for k in pairs(counts) do keys[#keys + 1] = k end
table.sort(keys)
local Point = {}
Point.__index = Point
function Point.new(x, y) return setmetatable({x = x, y = y}, Point) end
function Point:add(o) return Point.new(self.x + o.x, self.y + o.y) end
local p = Point.new(0, 0)
for i = 1, 200000 do p = p:add(Point.new(i, -i)) end
local s = table.concat(keys, ","):gsub("w", "x")
print(sum, #keys, p.x, p.y, #s, select(2, s:gsub("%d+", "")))
"""
PYTHON = r"""
import json, re, hashlib
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
class P:
    def __init__(self, x): self.x = x
    def step(self, k): return P((self.x * 31 + k) % 65521)
p = P(1)
for k in range(60000): p = p.step(k)
d = {}
for i in range(60000): d[str(i % 5003)] = d.get(str(i % 5003), 0) + i
text = json.dumps({"k": sorted(d.items())[:400], "p": p.x})
words = re.findall(r"\d+", text)
print(fib(21), p.x, len(words), sum(map(int, words)), hashlib.md5(repr(sorted(words)).encode()).hexdigest())
print(sum(i * i for i in range(150000)), len(json.loads(text)["k"]))
"""
PERL = r"""
my ($sum, %h, @a) = (0);
for my $i (1 .. 350000) { $sum = ($sum * 31 + $i) % 1000003; $h{"k" . ($i % 3001)} += $i; }
@a = sort { $h{$a} <=> $h{$b} || $a cmp $b } keys %h;
my $text = join(" ", map { "$_=$h{$_}" } @a);
my $n = 0;
$n += $1 while $text =~ /k(\d+)=/g;
(my $t2 = $text) =~ s/(\d)(\d)/$2$1/g;
sub fact { my $n = shift; $n < 2 ? 1 : $n * fact($n - 1) % 1000003 }
$sum += fact(100) for 1 .. 300;
print "$sum $n ", length($t2), " ", substr($t2, 1000, 40), "\n";
"""
SQL = """
create table t(a integer primary key, b integer, c text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
  insert into t select i, (i * 7919) % 10007, 'row ' || (i % 313) from n;
create index tb on t(b);
select count(*), sum(b), min(c), max(c) from t;
select c, count(*), sum(b) from t group by c order by 3 desc, 1 limit 5;
select sum(x.b * y.b % 97) from t x join t y on x.a = y.b where x.b < 5000;
update t set b = b + 1 where a % 3 = 0;
delete from t where b % 7 = 0;
select count(*), sum(b), sum(length(c)) from t where c like '%1%';
"""
SHLOOP = """
i=0; s=0
while [ $i -lt 50000 ]; do
  i=$((i + 1)); s=$(((s * 31 + i) % 65521))
  case $i in *7) x=${i%7};; *) x=$i;; esac
done
echo $s $x
"""
SHFORK = """
i=0; s=0
while [ $i -lt 250 ]; do
  i=$((i + 1)); v=$(echo $((i * 3))); s=$((s + v)); ( exit 0 )
done
echo $s
"""


def c_source(functions=64):
    """A preprocessed C translation unit with enough variety to keep a compiler busy."""
    rng = random.Random(5)
    out = ["typedef unsigned long u64; typedef struct S { u64 a, b[8]; struct S *next; double d; } S;"]
    for n in range(functions):
        c = [rng.randrange(1, 1 << 20) for _ in range(6)]
        call = "f%d(s, x + i)" % rng.randrange(n) if n else "x"
        out.append("""
u64 f%d(S *s, u64 x) {
  u64 t = x * %dUL + s->a;
  for (int i = 0; i < %d && s; i++) {
    t ^= s->b[i & 7] + (t << %d);
    if (t & %d) { s->b[(i + 1) & 7] = t %% %d; t += %s; } else s->d = s->d * 1.5 + (double)(t & 255);
    switch (t %% 5) { case 0: t += %d; break; case 1: t -= s->a; break; case 3: s = s->next ? s->next : s; break;
      default: t = (t >> 3) | (t << 61); }
  }
  return t;
}""" % (n, c[0], 8 + c[1] % 60, 1 + c[2] % 13, c[3] & 1023, 1 + c[4] % 9999, call, c[5]))
    return "\n".join(out) + "\n"


def text_bytes(size):
    """Text with the repetition of a log file."""
    rng = random.Random(7)
    words = ["".join(rng.choice("etaoinshrdlu") for _ in range(rng.randrange(2, 10))) for _ in range(700)]
    out, length = [], 0
    while length < size:
        line = " ".join(rng.choice(words) for _ in range(12)) + " %d\n" % rng.randrange(100000)
        out.append(line)
        length += len(line)
    return "".join(out).encode()[:size]


class Package:
    """PROGRAM ARGS with an input on stdin; compare: "native" (all three agree) or "rival" (output is the guest's).
    packages: the set of tests/sysroot that has it. chroot: it opens files of its package by their absolute names."""

    def __init__(self, program, args, stdin=None, compare="native", native=None, guest_args=(), packages="full", chroot=False):
        self.program, self.args, self.stdin, self.compare = program, args, stdin, compare
        self.native, self.guest_args, self.packages, self.chroot = native or program, list(guest_args), packages, chroot


NODE = r"""
const t0 = [];
function Vec(x, y) { this.x = x; this.y = y; }
Vec.prototype.dot = function (o) { return this.x * o.x + this.y * o.y; };
let sum = 0;
for (let i = 0; i < 400000; i++) sum += new Vec(i & 255, i >> 8).dot(new Vec(3, i & 7));
const words = {};
for (let i = 0; i < 60000; i++) { const w = 'w' + (i * 7919) % 5003; words[w] = (words[w] || 0) + i; }
for (const w of Object.keys(words).sort()) if (words[w] % 3 === 0) t0.push(w);
const text = JSON.stringify(words), back = JSON.parse(text);
let hits = 0;
for (const m of text.matchAll(/"w(\d+)7":(\d)/g)) hits += +m[2];
const f = new Float64Array(20000);
for (let r = 0; r < 20; r++) for (let i = 0; i < f.length; i++) f[i] = f[i] * 0.5 + Math.sqrt(i + r);
const map = new Map();
for (let i = 0; i < 100000; i++) map.set(i % 1000, (map.get(i % 1000) | 0) + i);
console.log(sum, t0.length, Object.keys(back).length, hits, f.reduce((a, b) => a + b).toFixed(6), map.get(7), 2n ** 500n % 1000007n);
"""

PRIME = "0x" + "f" * 16 + "c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" \
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" \
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381" + "f" * 16  # RFC 2409, group 2
JAVA = "usr/lib/jvm/java-21-openjdk-%s/bin/java"
CC1 = "usr/libexec/gcc/%s/14/cc1"
AES = ["-K", "000102030405060708090a0b0c0d0e0f", "-iv", "0" * 32]
PACKAGES = {
    "interpreter": {
        "p.lua": Package("usr/bin/lua5.4", ["-"], LUA.encode),
        "p.python": Package("usr/bin/python3", ["-S", "-"], PYTHON.encode),
        "p.perl": Package("usr/bin/perl", ["-"], PERL.encode),
        "p.sqlite": Package("usr/bin/sqlite3", [":memory:"], SQL.encode),
        "p.node": Package("usr/bin/node", ["-"], NODE.encode, packages="large", chroot=True),
    },
    "short": {  # what a short process costs: most of it runs once
        "p.true": Package("usr/bin/true", []),
        "p.bash-c": Package("usr/bin/bash", ["-c", "true"]),
        "p.python-c": Package("usr/bin/python3", ["-S", "-c", "pass"]),
        "p.java-modules": Package(JAVA % "{arch}", ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--list-modules"],
                                  None, "rival", JAVA % "amd64", packages="large", chroot=True),
    },
    "compiler": {
        "p.cc1": Package(CC1 % "{triplet}", ["-quiet", "-O1", "-fpreprocessed", "-", "-o", "-"],
                         lambda: c_source().encode(), "rival", CC1 % "x86_64-linux-gnu", ["{cc1}"]),
    },
    "shell": {
        "p.shloop": Package("usr/bin/dash", ["-s"], SHLOOP.encode),
        "p.shfork": Package("usr/bin/dash", ["-s"], SHFORK.encode),
    },
    "pack": {
        "p.xz": Package("usr/bin/xz", ["-T1", "-3", "-c"], lambda: text_bytes(900000)),
        "p.bzip2": Package("usr/bin/bzip2", ["-c"], lambda: text_bytes(1200000)),
        "p.zstd": Package("usr/bin/zstd", ["-q", "-6", "-c", "--single-thread"], lambda: text_bytes(3000000)),
        "p.7z": Package("usr/lib/7zip/7za", ["a", "-txz", "-mx1", "-mmt1", "-si", "-so", "x"], lambda: text_bytes(600000)),
    },
    "openssl": {
        "p.ossl-sha256": Package("usr/bin/openssl", ["dgst", "-sha256", "-r"], lambda: text_bytes(1000000) * 70),
        "p.ossl-aesctr": Package("usr/bin/openssl", ["enc", "-aes-128-ctr"] + AES, lambda: text_bytes(1000000) * 40),
        "p.ossl-chacha": Package("usr/bin/openssl", ["enc", "-chacha20", "-K", "00" * 32, "-iv", "0" * 32],
                                 lambda: text_bytes(1000000) * 40),
        "p.ossl-bn": Package("usr/bin/openssl", ["prime", "-checks", "100", "-hex", PRIME[2:]]),
    },
}
FAMILIES = list(KERNELS) + list(PACKAGES)
KEPT = ["short", "interpreter", "compiler", "shell"]  # measured with kept translations, too


class Guest:
    """How a guest's members are built and run. bars: name, families, least qemu/tinamou geometric mean, goal.
    cc1: what the compiler driver passes. without: members it has not."""

    def __init__(self, name, triplet, rival, cc1, bars, without=(), simd=(), compiler=None):
        self.name, self.triplet, self.rival, self.cc1, self.bars, self.without = name, triplet, rival, cc1, bars, without
        self.simd = list(simd)  # what the compiler needs to use vectors
        self.compiler = compiler or triplet + "-gcc"

    def arguments(self, args):
        out = []
        for arg in args:
            out += self.cc1 if arg == "{cc1}" else [arg]
        return out

    def program(self, path):
        return path.format(triplet=self.triplet, arch=self.name)


RISCV_BARS = [
    ("integer and calls", ["integer", "call"], 2.8, 3.3),
    ("scalar FP", ["fp"], 8.0, 10.0),
    ("lua python perl sqlite", ["interpreter"], 3.0, None),
    ("cc1", ["compiler"], 3.0, None),
    ("shell loops that fork", ["shell"], 3.0, None),
]
ARM64_BARS = [
    ("integer and calls", ["integer", "call"], 2.4, 3.0),
    ("scalar FP", ["fp"], 8.0, None),
    ("SIMD", ["simd", "openssl"], 10.0, None),
    ("lua python perl sqlite node", ["interpreter"], 3.0, None),
    ("cc1", ["compiler"], 3.0, None),
    ("shell loops that fork", ["shell"], 3.0, None),
]
ARMHF_BARS = [(name, families, round(0.9 * bar, 2), None) for name, families, bar, _ in ARM64_BARS]
AMD64_BARS = [
    ("integer and calls", ["integer", "call"], 2.4, 3.0),
    ("scalar FP", ["fp"], 10.0, None),
    ("x87", ["x87"], 12.0, 20.0),
    ("SIMD", ["simd", "openssl"], 15.0, None),
    ("strings", ["string"], 10.0, None),
    ("lua python perl sqlite node", ["interpreter"], 3.0, None),
    ("cc1", ["compiler"], 3.0, None),
    ("shell loops that fork", ["shell"], 3.0, None),
    ("short processes", ["short"], 3.0, None),
]
I386_BARS = [("x87", ["fp", "x87"], 12.0, 20.0) if name == "x87" else (name, families, bar, goal)
             for name, families, bar, goal in AMD64_BARS if name != "scalar FP"]  # its compiler's floating point is x87
X86_ONLY = (*KERNELS["repeat"], *KERNELS["x87"])
GUESTS = {guest.name: guest for guest in (
    Guest("riscv64", "riscv64-linux-gnu", "qemu-riscv64 -cpu rv64", ["-march=rv64gc", "-mabi=lp64d"], RISCV_BARS,
          without=("p.node", *X86_ONLY)),
    Guest("arm64", "aarch64-linux-gnu", "qemu-aarch64 -cpu cortex-a72", ["-mlittle-endian", "-mabi=lp64"], ARM64_BARS,
          without=X86_ONLY),
    Guest("armhf", "arm-linux-gnueabihf", "qemu-arm -cpu cortex-a15", ["-march=armv7-a+fp", "-mfloat-abi=hard", "-mthumb"], ARMHF_BARS,
          without=("sha", *X86_ONLY),  # its compiler has no integers of 128 bits
          simd=["-mfpu=neon"]),
    Guest("amd64", "x86_64-linux-gnu", "qemu-x86_64 -cpu max", ["-mtune=generic", "-march=x86-64"], AMD64_BARS),
    Guest("i386", "i386-linux-gnu", "qemu-i386 -cpu max", ["-mtune=generic", "-march=i686"], I386_BARS,
          without=("sha", "p.node"),  # its compiler has no integers of 128 bits
          simd=["-msse2", "-mfpmath=sse"], compiler="i686-linux-gnu-gcc"),
)}


def simd_flags(guest, kind, name):
    return guest.simd if kind == "guest" and name in KERNELS["simd"] else []


def family_of(member):
    for table in (KERNELS, PACKAGES):
        for family, members in table.items():
            if member in members:
                return family
    return None


def kernel_path(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels", name + ".c")
