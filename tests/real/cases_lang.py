"""lua, perl, python, sqlite."""
from case import Case, script

LUA = r"""
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(20), 7 // 2, -7 // 2, -7 % 3, 2^53, 1e308 * 10, -(0/0) ~= -(0/0), math.maxinteger + 1 == math.mininteger)
local t = setmetatable({}, {__index = function(_, k) return k .. "!" end}); print(t.foo, #t)
local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a * i) end return "end" end)
print(co(1), co(2), co(3), co(4))
print(pcall(error, {code = 5}), select("#", pcall(error)), pcall(string.rep))
print(("%5.2f|%-8s|%x|%q|%g"):format(math.pi, "ab", 255, "a\nb", 0.1))
for k, v in string.gmatch("a=1, b=2", "(%w+)=(%w+)") do io.write(k, v, ";") end print()
print(string.pack("<i4d", 7, 1.5):byte(1, -1)); print(utf8.char(228, 8364), utf8.len("äö"))
local w = setmetatable({}, {__mode = "k"}); for i = 1, 1000 do w[{}] = i end collectgarbage(); print(next(w))
goto done; print("never") ::done:: print(math.tointeger(3.0), 3 | 4, ~0 >> 60, "10" + 5, 10 / 2)
local f = io.open("out.txt", "w"); f:write("x\n", 42, "\n"); f:close(); for l in io.lines("out.txt") do print(l) end
print(os.time{year = 2020, month = 1, day = 1, hour = 12}, tostring(nil), table.unpack({1, 2, 3}))
local s = 0; for i = 1, 200000 do s = s + math.sin(i) * i end; print(string.format("%.9g", s))
"""
PERL = r"""
use strict; use warnings;
my %h = map { $_ => $_ ** 2 } 1 .. 20; print join(",", map { "$_:$h{$_}" } sort { $a <=> $b } keys %h), "\n";
my $s = "The quick brown fox"; (my $t = $s) =~ s/(\w+)/\u\L$1/g; print "$t ", scalar reverse($s), "\n";
print "match $1 $2\n" if $s =~ /(?<a>q\w+)\s+(b\w+)/; print join("|", split /\s+/, $s), "\n";
sub fact { my $n = shift; $n < 2 ? 1 : $n * fact($n - 1) } printf "%s %.3e %b %o\n", fact(15), fact(25), 37, 64;
my @a = sort { $b <=> $a } (3, 11, 2); print "@a[0,1] $#a\n"; print "ok\n" if eval { die { c => 4 } } || $@->{c} == 4;
print pack("N n a4", 1, 2, "ab"), length(pack("w*", 300, 5)), unpack("%32C*", "abc"), "\n";
local $SIG{ALRM} = sub { print "alarm\n" }; kill ALRM => $$; local $SIG{__WARN__} = sub { print "warned $_[0]" }; warn "x\n";
my $pid = fork; if (!$pid) { exit 5 } waitpid $pid, 0; print "child ", $? >> 8, "\n";
pipe(my $r, my $w); if (!fork) { close $r; print $w "from child\n"; exit } close $w; print <$r>; wait;
open my $f, ">", "o.txt" or die; print $f "$_\n" for 1 .. 5; close $f; open $f, "<", "o.txt"; my @l = <$f>; print scalar @l, "\n";
my $x = 0; $x = ($x * 31 + $_) % 65521 for 1 .. 100000; print "$x ", int(-7 / 2), " ", -7 % 3, " ", 10 ** 20, " ", 1 / 3, "\n";
print sprintf("%vd", "1.22.333"), " ", join(",", (1 .. 3, "a" .. "e")), " ", ucfirst lc "ABC", " ", "abc" x 2, "\n";
package P; sub new { bless { v => $_[1] }, $_[0] } sub v { $_[0]{v} } package main; print P->new(7)->v, "\n"; exit 3;
"""
PERL_FULL = r"""
use List::Util qw(sum reduce shuffle first); use Data::Dumper; use POSIX qw(floor strtol fmod); use Math::BigInt; use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(usleep); use Storable qw(dclone); use Encode; use Socket; use IO::Select;
$Data::Dumper::Sortkeys = 1; print Dumper({ a => [1, 2, { b => undef }] }); print sum(1 .. 10), " ", (reduce { $a * $b } 1 .. 10), "\n";
print Math::BigInt->new("2")->bpow(300), " ", sha256_hex("abc"), " ", floor(-2.5), " ", fmod(7.5, 2), "\n";
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC); syswrite $a, "hello"; sysread $b, my $buf, 10; print "$buf\n"; usleep 1000;
print length(encode("UTF-8", "\x{20ac}")), " ", dclone({ x => 5 })->{x}, "\n";
"""
PY = {
    "basics": r"""
import sys
def gen(n):
    a, b = 0, 1
    for _ in range(n): yield a; a, b = b, a + b
print(list(gen(20)), 2 ** 200, -7 // 2, -7 % 3, divmod(-7, 2), 0.1 + 0.2, 1e16 + 1, round(2.5), hash("x") == hash("x"))
class A:
    def __init__(s, v): s.v = v
    def __add__(s, o): return A(s.v + o.v)
    def __repr__(s): return f"A({s.v!r})"
print(A(1) + A(2), {i: i * i for i in range(5)}, sorted({3, 1, 2}), [x for x in "abc" if x > "a"], f"{3.14159:.2f} {255:#x} {1e10:g}")
try: 1 / 0
except ZeroDivisionError as e: print("caught", e)
try: [][5]
except IndexError as e: print(type(e).__name__, e)
print(float("inf") - float("inf"), float("nan") != float("nan"), (1.5).hex(), float.fromhex("0x1.8p3"), int("ff", 16), 10 ** 40 // 7)
print(sys.maxsize in (2**31 - 1, 2**63 - 1), sys.byteorder, sum(i * i for i in range(100000)), "é".encode(), b"\xff".hex(), str(1 / 3), repr(1e-5))
match (1, 2):
    case (1, x): print("match", x)
async_result = []
sys.exit(4)
""",
    "modules": r"""
import json, hashlib, decimal, re, struct, zlib, bz2, lzma, datetime, itertools, collections, math, statistics, fractions, random, base64, csv, io
print(json.dumps({"b": [1, 2.5, None, True], "a": "ü"}, sort_keys=True), json.loads("[1e3, -0.5]"))
for n in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b"): print(n, hashlib.new(n, b"abc" * 1000).hexdigest()[:32])
decimal.getcontext().prec = 60; print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal("1.1") ** 50)
print(re.sub(r"(\d+)", lambda m: str(int(m[1]) * 2), "a1b22c333"), struct.pack("<idq", 1, 2.5, -3).hex())
data = bytes(range(256)) * 200
for m in (zlib, bz2, lzma): print(m.__name__, len(m.compress(data)), m.decompress(m.compress(data)) == data)
print(zlib.crc32(data), datetime.datetime(2024, 2, 29) + datetime.timedelta(days=366), list(itertools.permutations("abc"))[:3])
print(collections.Counter("mississippi").most_common(2), math.fsum([0.1] * 10), math.gamma(5.5), math.erf(0.3), statistics.stdev([1, 2, 4]))
random.seed(5); print(random.random(), random.randint(1, 10 ** 9), fractions.Fraction(1, 3) + fractions.Fraction(1, 6))
out = io.StringIO(); csv.writer(out).writerow(["a,b", 'c"d', 5]); print(out.getvalue().strip(), base64.b64encode(b"hello"))
print([f(0.7) for f in (math.sin, math.cos, math.tan, math.exp, math.log, math.sinh, math.atan, math.sqrt, math.cbrt, math.log1p)])
""",
    "threads": r"""
import threading, queue, concurrent.futures, time
q = queue.Queue(); total = 0; lock = threading.Lock()
def worker(n):
    global total
    for i in range(2000):
        with lock: total += i * n
    q.put(n)
ts = [threading.Thread(target=worker, args=(n,)) for n in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
print(total, sorted(q.get() for _ in ts))
with concurrent.futures.ThreadPoolExecutor(4) as ex: print(sum(ex.map(lambda x: x * x, range(500))))
e = threading.Event(); threading.Timer(0.05, e.set).start(); print(e.wait(5))
c = threading.Condition(); box = []
def consumer():
    with c:
        while not box: c.wait()
        print("got", box.pop())
t = threading.Thread(target=consumer); t.start()
with c: box.append(7); c.notify()
t.join(); b = threading.Barrier(3); r = []
def bar(): b.wait(); r.append(1)
ts = [threading.Thread(target=bar) for _ in range(3)]; [x.start() for x in ts]; [x.join() for x in ts]; print(len(r))
loc = threading.local(); loc.x = 1; print(threading.active_count() >= 1)
""",
    "signals": r"""
import signal, os, time, threading, faulthandler
got = []
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCHLD, signal.SIGRTMIN + 3): signal.signal(s, lambda n, f: got.append(int(n)))
os.kill(os.getpid(), signal.SIGUSR1); os.kill(os.getpid(), signal.SIGRTMIN + 3)
signal.setitimer(signal.ITIMER_REAL, 0.02); signal.pause(); print(got)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]); os.kill(os.getpid(), signal.SIGUSR2)
print(sorted(map(int, signal.sigpending())), signal.sigwait([signal.SIGUSR2]) == signal.SIGUSR2)
r, w = os.pipe(); t = threading.Timer(0.05, lambda: (os.kill(os.getpid(), signal.SIGUSR1), os.write(w, b"x"))); t.start()
print(os.read(r, 1), len(got)); t.join()
pid = os.fork()
if pid == 0: os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)
print(os.waitpid(pid, 0)[1]); pid = os.fork()
if pid == 0: signal.signal(signal.SIGINT, signal.SIG_DFL); os.write(w, b"r"); signal.pause()
os.read(r, 1); os.kill(pid, signal.SIGSTOP); print(os.waitpid(pid, os.WUNTRACED)[1] & 0xff); os.kill(pid, signal.SIGINT); os.kill(pid, signal.SIGCONT)
print(os.WTERMSIG(os.waitpid(pid, 0)[1])); print(signal.sigtimedwait([signal.SIGUSR2], 0.01))
pid = os.fork()
if pid == 0:
    import ctypes
    ctypes.string_at(0)
print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
""",
    "memory": r"""
import mmap, os, tempfile, ctypes, multiprocessing.shared_memory as shm
m = mmap.mmap(-1, 65536); m[0:5] = b"hello"; pid = os.fork()
if pid == 0: m[0:5] = b"child"; os._exit(0)
os.waitpid(pid, 0); print(m[0:5]); m.close()
with open("f.bin", "w+b") as f:
    f.truncate(10000); m = mmap.mmap(f.fileno(), 0); m[9990:10000] = b"0123456789"; m.flush(); m.resize(20000); m[19999] = 7
    f.seek(9990); print(f.read(10), os.fstat(f.fileno()).st_size); m.close()
m = mmap.mmap(-1, 8192, prot=mmap.PROT_READ)
try: m[0] = 1
except TypeError as e: print("ro", e)
big = [bytes(100000) for _ in range(300)]; print(sum(map(len, big))); del big
buf = ctypes.create_string_buffer(64); ctypes.memset(buf, 65, 10); print(buf.value)
libc = ctypes.CDLL(None); libc.qsort.restype = None; arr = (ctypes.c_int * 5)(5, 2, 9, 1, 3)
cmp = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
libc.qsort(arr, 5, ctypes.sizeof(ctypes.c_int), cmp); print(list(arr))
""",
    "sockets": r"""
import socket, select, threading, array, os, selectors, socketserver, asyncio
srv = socket.socket(); srv.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); srv.bind(("127.0.0.1", 0)); srv.listen()
def serve():
    c, _ = srv.accept(); d = c.recv(100); c.sendall(d.upper()); c.close()
t = threading.Thread(target=serve); t.start(); c = socket.create_connection(srv.getsockname()); c.sendall(b"hello"); print(c.recv(100)); t.join()
a, b = socket.socketpair(); r, w = os.pipe(); socket.send_fds(a, [b"fd"], [r]); msg, fds, _, _ = socket.recv_fds(b, 10, 4); os.write(w, b"via fd")
print(msg, len(fds), os.read(fds[0], 20)); a.setblocking(False)
try: a.recv(1)
except BlockingIOError as e: print(e.errno)
p = select.epoll(); p.register(b, select.EPOLLIN); print(p.poll(0)); a.send(b"x"); print(len(p.poll(1))); print(select.select([b], [], [], 0)[0] == [b])
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.sendto(b"dgram", u.getsockname()); print(u.recvfrom(100)[0])
x = socket.socket(socket.AF_UNIX); x.bind("sock"); x.listen(); y = socket.socket(socket.AF_UNIX); y.connect("sock"); z, _ = x.accept(); y.sendmsg([b"a", b"bc"]); print(z.recv(10))
print(a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "::1")))
async def echo(r, w): w.write(await r.readline()); await w.drain(); w.close()
async def main():
    s = await asyncio.start_server(echo, "127.0.0.1", 0); r, w = await asyncio.open_connection(*s.sockets[0].getsockname())
    w.write(b"async\n"); print(await r.readline()); w.close(); s.close(); print(await asyncio.gather(*(asyncio.sleep(0.001 * i, i) for i in range(5))))
asyncio.run(main())
""",
    "files": r"""
import os, shutil, tempfile, stat, glob, pathlib, fcntl, time, errno
os.makedirs("d/e/f"); open("d/a", "w").write("x" * 100); os.link("d/a", "d/b"); os.symlink("a", "d/c"); os.chmod("d/a", 0o640)
print(sorted(os.listdir("d")), os.readlink("d/c"), os.stat("d/a").st_nlink, oct(os.stat("d/c").st_mode), os.lstat("d/c").st_size)
os.utime("d/a", (1000, 2000)); print(os.stat("d/a").st_mtime, os.path.realpath("d/c").endswith("d/a"), [sorted(x[1] + x[2]) for x in os.walk("d")])
os.rename("d/b", "d/g"); shutil.copytree("d", "h"); print(sorted(p.as_posix() for p in pathlib.Path("h").rglob("*"))); shutil.rmtree("d")
for f, e in ((lambda: open("no"), errno.ENOENT), (lambda: os.mkdir("h"), errno.EEXIST), (lambda: os.rmdir("h"), errno.ENOTEMPTY), (lambda: os.close(99), errno.EBADF)):
    try: f()
    except OSError as x: print(x.errno == e, x.strerror)
fd = os.open("l", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600); fcntl.flock(fd, fcntl.LOCK_EX); fcntl.lockf(fd, fcntl.LOCK_EX); os.pwrite(fd, b"abc", 5)
print(os.pread(fd, 10, 0), os.lseek(fd, 0, os.SEEK_END), os.writev(fd, [b"1", b"23"]), os.ftruncate(fd, 3), os.fstat(fd).st_size, os.get_inheritable(fd))
os.umask(0o27); print(oct(os.umask(0))); r, w = os.pipe2(os.O_NONBLOCK); print(os.get_blocking(r)); os.set_blocking(r, True); os.dup2(w, 50); os.write(50, b"dup"); print(os.read(r, 9))
with os.scandir("h") as it: print(sorted((e.name, e.is_dir()) for e in it)); print(os.sendfile(w, fd, 0, 3), os.access("l", os.X_OK), os.getcwd() == os.path.abspath("."))
print(os.copy_file_range(fd, os.open("cp", os.O_RDWR | os.O_CREAT), 3, 0), open("cp", "rb").read(), os.statvfs(".").f_namemax); os.posix_fallocate(fd, 0, 100); print(os.fstat(fd).st_size)
""",
    "time": r"""
import time, os, resource, threading, sched
a = time.monotonic(); time.sleep(0.03); b = time.monotonic(); print(0.03 <= b - a < 3, abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 1)
print(time.gmtime(86400 * 365)[:6], time.strftime("%a %d %b %Y", time.gmtime(0)), time.process_time() >= 0, time.thread_time() >= 0, time.clock_getres(time.CLOCK_MONOTONIC) <= 0.1)
s = sched.scheduler(); r = []; t = time.monotonic(); s.enterabs(t + 0.02, 1, r.append, (2,)); s.enterabs(t + 0.01, 1, r.append, (1,)); s.run(); print(r)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000, resource.getrlimit(resource.RLIMIT_CORE)[0], os.times().user >= 0, os.sysconf("SC_PAGESIZE"))
print(len(os.sched_getaffinity(0)) == os.sysconf("SC_NPROCESSORS_ONLN") or os.cpu_count() >= 1, os.getpriority(os.PRIO_PROCESS, 0), os.getppid() > 0, os.getpgid(0) >= 0)
""",
    "subprocess": r"""
import subprocess, sys, os
print(subprocess.run(["echo", "a", "b c"], capture_output=True, text=True)); print(subprocess.check_output("echo $((6*7)); exit 0", shell=True))
try: subprocess.run(["/nonexistent/x"])
except FileNotFoundError as e: print("ENOENT", e.filename)
try: subprocess.run(["/"])
except PermissionError as e: print("EACCES")
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE); print(p.communicate(b"through cat" * 20000)[0][-11:], p.returncode)
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode, subprocess.run(["false"]).returncode)
try: subprocess.run(["sleep", "10"], timeout=0.2)
except subprocess.TimeoutExpired: print("timeout")
print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1:], sys.stdin.read())", "x", "y"], input="in", text=True, capture_output=True).stdout)
pid = os.posix_spawn("/bin/echo", ["echo", "spawned"], dict(os.environ)); print(os.waitpid(pid, 0)[1])
try: os.posix_spawn("/nonexistent", ["x"], {})
except FileNotFoundError: print("spawn ENOENT")
print(subprocess.run(["env"], env={"ONLY": "1"}, capture_output=True).stdout, subprocess.run(["pwd"], cwd="/", capture_output=True).stdout)
a = subprocess.Popen(["printf", "3\\n1\\n2\\n"], stdout=subprocess.PIPE); print(subprocess.check_output(["sort"], stdin=a.stdout)); a.wait(); sys.stdout.flush()
os.execvp("echo", ["echo", "last"])
""",
    "multiprocessing": r"""
import multiprocessing as mp, os
def f(x): return x * x
def g(q, e): e.wait(); q.put("done")
if __name__ == "__main__":
    mp.set_start_method("fork")
    with mp.Pool(3) as p: print(p.map(f, range(20)))
    q, e = mp.Queue(), mp.Event(); c = mp.Process(target=g, args=(q, e)); c.start(); e.set(); print(q.get()); c.join(); print(c.exitcode)
    v = mp.Value("i", 0)
    def add():
        for _ in range(200):
            with v.get_lock(): v.value += 1
    ps = [mp.Process(target=add) for _ in range(4)]; [x.start() for x in ps]; [x.join() for x in ps]; print(v.value)
    a, b = mp.Pipe(); a.send({"k": [1, 2]}); print(b.recv())
""",
    "recursion": r"""
import sys
sys.setrecursionlimit(20000)
def depth(n): return 0 if n == 0 else 1 + depth(n - 1)
print(depth(15000))
def forever(): return forever()
sys.setrecursionlimit(3000)
try: forever()
except RecursionError as e: print("RecursionError")
l = None
for _ in range(2000): l = [l]
print(len(repr(l)))
""",
    "gc": r"""
import gc, weakref, sys
class N:
    def __del__(s): count.append(1)
count = []
for _ in range(2000):
    a, b = N(), N(); a.o, b.o = b, a
del a, b; gc.collect(); print(len(count), weakref.ref(N())() is None, sys.getrefcount(count) > 1)
d = {i: [i] * 10 for i in range(50000)}; print(sum(len(v) for v in d.values())); d.clear(); print(gc.collect() >= 0)
""",
}
PYTHON3_FULL = {"modules", "threads", "signals", "memory", "sockets", "files", "time", "subprocess", "multiprocessing"}
SQL = """
create table emp(id integer primary key, name text, boss int references emp(id), pay real);
insert into emp values (1,'ann',null,100.5),(2,'bob',1,80),(3,'cyd',1,75.25),(4,'dee',2,60),(5,'eve',2,61);
with recursive r(id,name,lvl) as (select id,name,0 from emp where boss is null union all select e.id,e.name,lvl+1 from emp e join r on e.boss=r.id)
  select printf('%*s%s', lvl*2, '', name), lvl from r order by id;
select name, pay, rank() over (order by pay desc), sum(pay) over (partition by boss order by id) from emp order by id;
create view v as select boss, avg(pay) a, group_concat(name) g from emp group by boss; select * from v;
create trigger t after update on emp begin insert into log values (old.name, new.pay - old.pay); end; create table log(n, d);
update emp set pay = pay * 1.1 where boss = 2; select * from log; select json_object('a', json_array(1,2.5,'x')), hex(zeroblob(2)), typeof(1.0), 7/2, 7%3, 1e300*1e300;
begin; delete from emp; select count(*) from emp; rollback; select count(*) from emp; select round(2.567, 2), abs(-5), upper('aé'), length('aé'), date(0,'unixepoch'), like('A%','abc');
create virtual table ft using fts5(body); insert into ft values ('the quick fox'),('lazy dog'); select * from ft where ft match 'quick';
with recursive n(i) as (select 1 union all select i+1 from n where i < 3000) select count(*), sum(i*i), max(i%97) from n;
select * from nosuchtable;
"""

CASES = [
    script("lua-basics", "usr/bin/lua5.4", LUA, ["-"]),
    Case("lua-error", "usr/bin/lua5.4", ["-e", "error('boom')"]),
    Case("lua-popen", "usr/bin/lua5.4", ["-e", "local p = io.popen('echo hi; exit 3'); print(p:read('a')); print(p:close()); "
                                         "print(os.execute('kill -9 $$')); os.exit(5)"], children=True),
    script("perl-basics", "usr/bin/perl", PERL, ["-"]),
    script("perl-modules", "usr/bin/perl", PERL_FULL, ["-"], pool="full"),
    Case("perl-children", "usr/bin/perl", ["-e", r'print `echo hi`; print system("exit 3") >> 8, "\n"; open my $p, "-|", "seq 5" or die; '
                                           r'print <$p>; close $p; print system("/nonexistent"), "\n"; exec "echo", "exec"'], children=True),
    script("sqlite-script", "usr/bin/sqlite3", SQL, [":memory:"]),
    Case("sqlite-file", "usr/bin/sqlite3", ["t.db", "pragma journal_mode=wal; create table t(a); insert into t values (1),(2); "
                                            "select sum(a) from t; pragma integrity_check; vacuum; select count(*) from t"]),
] + [Case("python-" + name, "usr/bin/python3", ["t.py"], files={"t.py": text}, pool="full" if name in PYTHON3_FULL else "small",
          children=name == "subprocess",
          stderr=name != "signals")  # a child that dies of a signal has one line on standard error
     for name, text in PY.items()]
