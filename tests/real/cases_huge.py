"""More programs that make code, collect garbage or serve: erlang, php with its JIT, pypy3, rustc, numpy, redis, AddressSanitizer."""
from case import Case

ERLANG = r"""
Ring = fun(N) ->
  Self = self(),
  Last = lists:foldl(fun(_, To) -> spawn(fun() -> receive M -> To ! M + 1 end end) end, Self, lists:seq(1, N)),
  Last ! 0, receive V -> V end
end,
io:format("~p ~p~n", [Ring(20000), lists:sum([X * X rem 7 || X <- lists:seq(1, 200000)])]),
D = lists:foldl(fun(K, A) -> maps:update_with(K rem 1009, fun(C) -> C + 1 end, 1, A) end, #{}, lists:seq(1, 100000)),
io:format("~p ~s~n", [lists:sum(maps:values(D)), integer_to_list(1 bsl 300, 36)]),
io:format("~p~n", [catch 1 div (maps:size(D) - 1009)]),
io:format("~p~n", [erlang:md5(term_to_binary(lists:seq(1, 5000)))]),
halt().
"""
PHP = r"""<?php
function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
function mix($n) { $h = 0; $f = 0.5; for ($i = 0; $i < $n; $i++) { $h = ($h * 31 + $i) & 0xffffffff; $f = $f * 1.0001 + ($i % 7); } return [$h, round($f, 3)]; }
echo fib(24), " ", json_encode(mix(300000)), "\n";
$a = []; for ($i = 0; $i < 50000; $i++) $a["k" . ($i * 7919 % 10007)][] = $i;
ksort($a); echo count($a), " ", md5(serialize($a)), " ", preg_match('/(\d+)b\1/', 'a12b12'), "\n";
echo (opcache_get_status()['jit']['on'] ?? false) ? "jit\n" : "no jit\n";
try { intdiv(1, 0); } catch (DivisionByZeroError $e) { echo $e->getMessage(), "\n"; }
"""
PYPY = r"""
import hashlib, math, sys
def sieve(n):
    s = bytearray([1]) * (n + 1)
    for i in range(2, int(n ** .5) + 1):
        if s[i]:
            for k in range(i * i, n + 1, i): s[k] = 0
    return sum(s) - 2
class P:
    def __init__(self, x): self.x = x
t = 0
for i in range(300000):
    t = (t * 31 + P(i).x) & 0xffffffff
d = {}
for i in range(100000): d[i * 7919 % 10007] = d.get(i * 7919 % 10007, 0.0) + math.sin(i)
print(sieve(200000), t, len(d), round(sum(d.values()), 6), 3 ** 200 % 10 ** 20)
print(hashlib.sha256(repr(sorted(d)[:50]).encode()).hexdigest(), sys.version_info[:2])
"""
RUST = r"""
use std::collections::HashMap;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
fn main() {
    let m = Arc::new(Mutex::new(HashMap::new()));
    let (tx, rx) = mpsc::channel();
    for t in 0..4u64 {
        let (m, tx) = (m.clone(), tx.clone());
        thread::spawn(move || {
            for i in 0..5000u64 { *m.lock().unwrap().entry(i % 97).or_insert(0u64) += i ^ t; }
            tx.send(t).unwrap();
        });
    }
    drop(tx);
    let n: u64 = rx.iter().sum();
    let m = m.lock().unwrap();
    println!("{} {} {}", n, m.len(), m.values().sum::<u64>());
    let r = std::panic::catch_unwind(|| { let v: Vec<u32> = vec![1]; v[std::env::args().count() + 5] });
    println!("{}", r.is_err());
}
"""
NUMPY = r"""
import numpy as np
r = np.random.RandomState(7)
a = r.rand(120, 120); b = r.rand(120, 120)
print(np.round(np.trace(a @ b), 6), np.round(np.linalg.det(a[:8, :8]), 8), np.round(np.linalg.eigvalsh(a + a.T)[:3], 6))
x = np.arange(100000, dtype=np.float32)
print(np.round(np.sqrt(x).sum(dtype=np.float64), 2), int((x.astype(np.int32) ** 2 % 1009).sum()), np.argsort(-x % 977, kind='stable')[:5])
print(np.round(np.abs(np.fft.fft(a[0]))[:4], 6), np.linalg.norm(np.linalg.solve(a, b[0]) @ a.T - b[0]) < 1e-6)
print((a > .5).sum(), np.unique(r.randint(0, 50, 1000)).size, np.sort(r.permutation(1000))[::250])
"""
ASAN = r"""
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char *p = malloc(100);
    memset(p, argc, 100);
    for (int i = 0; i < 20000; i++) { char *q = malloc(i % 300 + 1); q[i % 300] = p[i % 100]; free(q); }
    printf("%d\n", p[99]);
    fflush(stdout);
    if (argc > 2) free(p);
    return argc > 1 ? p[argc > 2 ? 50 : 100 + argc - 2] : 0;
}
"""
ASAN_RUN = r"""
/usr/bin/gcc -O1 -g -fsanitize=address,undefined t.c -o t || exit 1
./t 2> err; echo $?
grep -o 'SUMMARY: AddressSanitizer: .*' err
./t over 2>&1 | grep -o 'SUMMARY: AddressSanitizer: [a-z-]*'
./t use after 2>&1 | grep -o 'SUMMARY: AddressSanitizer: [a-z-]*'
rm t err
"""
# Leaks are looked for by a thread that traces the others.
ASAN_LEAK = r"""
#include <stdlib.h>
#include <string.h>
struct list { struct list *next; char data[40]; };
struct list *kept;
__attribute__((noinline)) static void lose(int n)
{
    for (int i = 0; i < n; i++) {
        struct list *l = malloc(sizeof *l);
        memset(l, i, sizeof *l);
        l->next = i % 2 ? kept : 0;
        if (i % 2) kept = l;
    }
}
int main(void) { lose(10); char clear[4096]; memset(clear, 0, sizeof clear); __asm__ volatile("" ::"r"(clear) : "memory"); return 0; }
"""
ASAN_LEAK_RUN = r"""
/usr/bin/gcc -O1 -g -fsanitize=address t.c -o t || exit 1
./t 2> err; echo $?
grep -o 'SUMMARY: AddressSanitizer: .*' err; grep -c 'Direct leak' err
rm t err
"""
# The same sums by vectors of 512 bits and without; no native run, which would want such a processor.
V4 = r"""
#include <stdint.h>
#include <stdio.h>
#include <string.h>
enum { N = 4099 };
static float f[N], g[N]; static double d[N]; static int32_t a[N], b[N]; static uint8_t c[N]; static int16_t h[N]; static uint64_t q[N];
static uint64_t sum(const void *p, size_t n) { uint64_t s = 0xcbf29ce484222325; const uint8_t *x = p; while (n--) s = (s ^ *x++) * 0x100000001b3; return s; }
#define SHOW(x) printf("%s %016llx\n", #x, (unsigned long long)sum(x, sizeof x))
int main(int argc, char **argv)
{
    for (int i = 0; i < N; i++) { a[i] = i * 7919 % 10007 - 5000; b[i] = i * 31 % 997; c[i] = i * 13; h[i] = i * 257; f[i] = i * 0.25f - 300; d[i] = 1.0 / (i + argc); q[i] = i * 0x9e3779b97f4a7c15ull; }
    for (int r = 0; r < 20; r++) {
        for (int i = 0; i < N; i++) g[i] = f[i] > r * 10 ? f[i] * 1.5f : g[i] - f[i];
        for (int i = 0; i < N; i++) b[i] = a[i] > b[i] ? a[i] - b[i] * r : b[i] ^ a[i] >> 3;
        for (int i = 0; i < N; i++) c[i] = c[i] > 100 ? c[i] - r : c[i] + 2 * r;
        for (int i = 0; i < N; i++) h[i] = (int16_t)(h[i] * 3 + c[i]);
        for (int i = 0; i < N; i++) q[i] = (q[i] << r | q[i] >> (63 - r)) + (uint64_t)(int64_t)a[i] * 0x12345;
        for (int i = 0; i < N; i++) d[i] = d[i] * 0.75 + (double)(int64_t)(q[i] >> 12) / 4096;
        for (int i = 0; i < N; i++) a[i] = b[(uint32_t)a[i] % N] + (int)f[i] + __builtin_popcountll(q[i]);
    }
    SHOW(f); SHOW(g); SHOW(d); SHOW(a); SHOW(b); SHOW(c); SHOW(h); SHOW(q);
    return 0;
}
"""
V4_RUN = r"""
gcc -O2 -march=x86-64 -ffp-contract=off t.c -o t && ./t > want || exit 1
for o in -O2 '-O3 -mprefer-vector-width=512'; do
    gcc -march=x86-64-v4 $o -ffp-contract=off t.c -o t && ./t > got && cmp got want && echo same
done
grep -c . want
"""


def v4_same(out, err, status):
    return None if status == 0 and out == "same\n" * 2 + "8\n" else "exit status %d: %s" % (status, (out + err)[-300:])


RUST_RUN = r"""
/usr/bin/rustc -C linker=/usr/bin/gcc -C opt-level=2 -C codegen-units=2 t.rs -o t && ./t 2> err; echo $?; grep -c 'index out of bounds' err; rm t err
"""
REDIS = r"""
/usr/bin/redis-server --port 0 --unixsocket ./s --save '' --daemonize no > log 2>&1 &
n=0
while ! /usr/bin/redis-cli -s ./s ping > /dev/null 2>&1; do n=$((n + 1)); [ $n -gt 600 ] && exit 1; sleep 0.1; done
for i in 1 2 3; do /usr/bin/redis-cli -s ./s incrby n $i; done
/usr/bin/redis-cli -s ./s eval 'for i = 1, 20000 do redis.call("zadd", "z", i * 7919 % 10007, "m" .. i) end return redis.call("zcard", "z")' 0
/usr/bin/redis-cli -s ./s zrange z 0 4 withscores
/usr/bin/redis-cli -s ./s eval 'return redis.sha1hex(table.concat(redis.call("zrange", "z", 0, -1)))' 0
/usr/bin/redis-benchmark -s ./s -q -n 2000 -t set,get,lpush,lrange_100 > bench 2>&1 || cat bench
grep -c 'requests per second' bench
/usr/bin/redis-cli -s ./s debug jmap 2>&1 | head -c 3
/usr/bin/redis-cli -s ./s shutdown nosave
wait
rm -f log bench s
"""

# A database refuses to be root, so it becomes user 1000, whom a library that goes first knows.
POSTGRES = r"""
run=$(mktemp -d /tmp/postgres.XXXXXX) && cp database $run && cd $run && chmod 755 . || exit 1
printf 'p:x:1000:1000::/:/bin/sh\n' > passwd && printf 'p:x:1000:\n' > group
if [ "$(id -u)" = 0 ]; then chown 1000:1000 .; as="setpriv --reuid 1000 --regid 1000 --clear-groups"; fi
LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$run/passwd NSS_WRAPPER_GROUP=$run/group $as dash ./database
cd / && rm -r $run
"""
DATABASE = r"""
PATH=/usr/lib/postgresql/17/bin:$PATH PGHOST=$PWD PGUSER=p PGDATABASE=postgres
export PATH PGHOST PGUSER PGDATABASE
initdb -D d -A trust -U p --no-sync --no-locale -E UTF8 > log 2>&1 || { cat log; exit 1; }
pg_ctl -D d -w -t 300 -l log -o "-c listen_addresses='' -k $PWD -c fsync=off" start > start || { cat start log; exit 1; }
pgbench -i -s 1 -q > log2 2>&1 || cat log2
pgbench -n -c 4 -j 2 -t 50 2>&1 | grep 'transactions actually'
psql -At -c "select count(*), sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts"
psql -At -c "select md5(string_agg(x::text, ',')), avg(sqrt(x))::numeric(10,4) from generate_series(1, 20000) x"
psql -At -c "select jsonb_object_agg(x, x * x) from generate_series(1, 5) x" -c "select to_tsvector('english', 'flying birds fly')"
pg_ctl -D d -m fast -w -t 300 stop > /dev/null
echo $?
"""
# The prefix gets the library that Debian keeps with the compiler for Windows.
WINE = r"""
unset TMPDIR # which has to be an absolute path here
wine=/usr/lib/wine/wine64
mkdir -p prefix/drive_c/windows/system32
cp /usr/x86_64-w64-mingw32/lib/zlib1.dll prefix/drive_c/windows/system32
$wine wineboot --init > log 2>&1 || cat log
/usr/lib/wine/wineserver64 -w
$wine cmd /c 'echo hello & ver & set /a 6*7' 2> log
$wine cmd /c 'for %i in (a b) do @echo %i' 2> log
$wine reg query 'HKLM\Software\Microsoft\Windows NT\CurrentVersion' /v CurrentBuild 2> log
/usr/lib/wine/wineserver64 -w
ls prefix/drive_c/windows/system32 | wc -l
rm -r log prefix
"""
WINE_ENV = {"HOME": "{cwd}", "WINEPREFIX": "{cwd}/prefix", "WINEDEBUG": "-all", "XDG_RUNTIME_DIR": "{cwd}", "DISPLAY": "",
            "WINEDLLOVERRIDES": "mshtml=;mscoree=;winemenubuilder.exe="}


def huge(name, program, *args, **kw):
    return Case(name, program, args, **dict({"pool": "huge", "seconds": 600}, **kw))


NO_PHP_JIT = ("riscv64", "armhf", "armel")
PHP_ARGS = ("-d", "display_errors=0", "-d", "zend_extension=opcache", "-d", "opcache.enable_cli=1", "-d", "opcache.jit_buffer_size=16M")
CASES = [
    huge("erlang-ring", "usr/bin/erl", "-noshell", "-noinput", "-eval", ERLANG, children=True, env={"HOME": "{cwd}"}),
    huge("php-jit", "usr/bin/php8.4", *PHP_ARGS, "-d", "opcache.jit=tracing", "t.php", files={"t.php": PHP}, without=NO_PHP_JIT),
    huge("php-jit-function", "usr/bin/php8.4", *PHP_ARGS, "-d", "opcache.jit=function", "t.php", files={"t.php": PHP}, without=NO_PHP_JIT),
    huge("pypy-mixed", "usr/bin/pypy3", "t.py", files={"t.py": PYPY}),
    huge("rustc-run", "usr/bin/dash", "-s", stdin=RUST_RUN, files={"t.rs": RUST}, children=True),
    huge("numpy-mixed", "usr/bin/python3", "t.py", files={"t.py": NUMPY}, env={"OPENBLAS_NUM_THREADS": "2"}),
    huge("redis-all", "usr/bin/dash", "-s", stdin=REDIS, children=True),
    huge("asan-run", "usr/bin/dash", "-s", stdin=ASAN_RUN, files={"t.c": ASAN}, children=True),
    huge("asan-leak", "usr/bin/dash", "-s", stdin=ASAN_LEAK_RUN, files={"t.c": ASAN_LEAK}, children=True),
    huge("gcc-avx512", "usr/bin/dash", "-s", stdin=V4_RUN, files={"t.c": V4}, children=True, accept=v4_same,
         env={"QEMU_CPU": "Icelake-Server"}, without=("riscv64", "arm64", "armhf", "armel", "i386")),
    huge("postgres-bench", "usr/bin/dash", "-s", stdin=POSTGRES, files={"database": DATABASE}, children=True),
    huge("wine-hello", "usr/bin/dash", "-s", stdin=WINE, children=True, env=WINE_ENV, without=("riscv64", "armhf", "armel", "i386")),
]
