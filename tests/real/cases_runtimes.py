"""Programs with engines of their own, asked for more than cases_large and cases_huge do: node, openjdk, ruby, erlang."""
from case import Case


def runs(name, text, **kw):
    return Case(name, "usr/bin/dash", ["-s"], stdin=text, **dict({"pool": "list", "seconds": 1500, "children": True, "native": 0}, **kw))


NODE_TEST = r"""
const { test, describe, it, mock } = require('node:test');
const assert = require('node:assert');
const { Worker } = require('node:worker_threads');
const { spawn, fork, execFileSync } = require('node:child_process');
const fs = require('node:fs'), os = require('node:os'), path = require('node:path'), net = require('node:net'), http = require('node:http');
const zlib = require('node:zlib'), crypto = require('node:crypto'), { pipeline } = require('node:stream/promises');
describe('parts', () => {
  it('workers share memory', async () => {
    const sab = new SharedArrayBuffer(64), a = new Int32Array(sab);
    const text = `const { workerData: s } = require('worker_threads'); const a = new Int32Array(s);
      for (let i = 0; i < 20000; i++) Atomics.add(a, 0, 1); Atomics.add(a, 1, 1); Atomics.notify(a, 1);`;
    const w = [...Array(4)].map(() => new Worker(text, { eval: true, workerData: sab }));
    await Promise.all(w.map(x => new Promise(r => x.on('exit', r))));
    assert.deepStrictEqual([a[0], a[1]], [80000, 4]);
  });
  it('children', async () => {
    assert.strictEqual(execFileSync('/usr/bin/dash', ['-c', 'cat; echo $X'], { input: 'in ', env: { X: 'y' } }).toString(), 'in y\n');
    const c = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 9); console.log("up")']);
    await new Promise(r => c.stdout.once('data', r));
    c.kill('SIGTERM');
    assert.strictEqual(await new Promise(r => c.on('exit', r)), 7);
  });
  it('sockets and http', async () => {
    const s = http.createServer((q, r) => { q.pipe(zlib.createGzip()).pipe(r); });
    await new Promise(r => s.listen(path.resolve('sock'), r));
    const body = crypto.createHash('sha512').update('x').digest('hex').repeat(2000);
    const got = await new Promise(r => { const q = http.request({ socketPath: path.resolve('sock'), method: 'POST' }, a => {
      const parts = []; a.pipe(zlib.createGunzip()).on('data', d => parts.push(d)).on('end', () => r(Buffer.concat(parts).toString())); }); q.end(body); });
    assert.strictEqual(got, body);
    s.close();
  });
  it('files', async () => {
    await fs.promises.mkdir('d/e/f', { recursive: true });
    const seen = new Promise(r => { const w = fs.watch('d/e/f', (e, n) => { w.close(); r(n); }); });
    await fs.promises.writeFile('d/e/f/g', Buffer.alloc(300000, 'ab'));
    assert.strictEqual(await seen, 'g');
    await pipeline(fs.createReadStream('d/e/f/g'), zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }), fs.createWriteStream('d/br'));
    assert.ok(zlib.brotliDecompressSync(fs.readFileSync('d/br')).equals(fs.readFileSync('d/e/f/g')));
    await fs.promises.rm('d', { recursive: true });
  });
  it('numbers and text', () => {
    assert.strictEqual((2n ** 521n - 1n).toString(36).length, 101);
    assert.strictEqual(new Intl.NumberFormat('de').format(1234567.5), '1.234.567,5');
    assert.deepStrictEqual('añb'.normalize('NFD').length, 4);
    assert.strictEqual([...'a1b22c333'.matchAll(/(?<l>[a-z])(?<d>\d+)/gu)].map(m => m.groups.d.length).join(), '1,2,3');
    let h = 0; const f = new Float64Array(1000);
    for (let r = 0; r < 300; r++) for (let i = 0; i < 1000; i++) { f[i] = Math.sqrt(f[i] + i); h = (h * 31 + (f[i] | 0)) | 0; }
    assert.strictEqual(h, 328343843);
  });
  it('keys', () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
    assert.ok(crypto.verify(null, Buffer.from('m'), publicKey, crypto.sign(null, Buffer.from('m'), privateKey)));
    assert.strictEqual(crypto.scryptSync('p', 's', 32).toString('hex').length, 64);
  });
  it('skipped', { skip: 'as told' }, () => {});
});
test('mock', t => { const f = t.mock.fn(x => x + 1); assert.strictEqual(f(1), 2); assert.strictEqual(f.mock.callCount(), 1); });
"""
ADDON = {
    "app.json": '{ "name": "app", "version": "0.0.1", "scripts": { "prestart": "echo before", "start": "node t.js" } }\n',
    "binding.gyp": '{ "targets": [ { "target_name": "addon", "sources": [ "addon.cc" ] } ] }\n',
    "package.json": '{ "name": "addon", "version": "1.2.3", "main": "index.js", "gypfile": true, "scripts": { "install": "node-gyp rebuild" } }\n',
    "index.js": "module.exports = require('./build/Release/addon.node');\n",
    "addon.cc": r"""
#include <node_api.h>
#include <thread>
static napi_value sum(napi_env env, napi_callback_info info)
{
    size_t n = 2;
    napi_value a[2], r;
    double x, y;
    napi_get_cb_info(env, info, &n, a, nullptr, nullptr);
    napi_get_value_double(env, a[0], &x);
    napi_get_value_double(env, a[1], &y);
    double s = 0;
    std::thread t([&] { for (int i = 0; i < 1000; i++) s += x * i + y; });
    t.join();
    napi_create_double(env, s, &r);
    return r;
}
NAPI_MODULE_INIT()
{
    napi_value f;
    napi_create_function(env, "sum", NAPI_AUTO_LENGTH, sum, nullptr, &f);
    napi_set_named_property(env, exports, "sum", f);
    return exports;
}
""",
}
NPM = r"""
mkdir addon app; mv binding.gyp package.json index.js addon.cc addon
export npm_config_cache=$PWD/cache npm_config_offline=true npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
export CC=gcc CXX=g++ HOME=$PWD npm_config_nodedir=/usr
(cd addon && npm pack --silent)
mv app.json app/package.json; cd app
npm install ../addon/addon-1.2.3.tgz > ../log 2>&1; s=$?; [ $s = 0 ] || tail -n 40 ../log; echo $s
echo 'console.log(require("addon").sum(2, 0.5))' > t.js; npm ls | tail -n 2 | head -n 1; npm start --silent; node -p 'Object.keys(require("./package-lock.json").packages).join()'
cd ..; rm -rf addon app cache log .npm .cache .node-gyp
"""

JAVAC = r"""
PATH=/usr/lib/jvm/java-21-openjdk-$ARCH/bin:$PATH
for i in $(seq 20); do
    mkdir -p s o
    for k in 1 2 3; do
        echo "import java.util.function.*; public record R$k(int a, String b) { sealed interface I permits X, Y {} record X(int v) implements I {} record Y(String v) implements I {}
        static int f(I i) { return switch (i) { case X(int v) when v > $i -> v; case X x -> -x.v(); case Y(var s) -> s.length(); }; }
        static <T extends Comparable<T>> T max(java.util.List<? extends T> l) { return l.stream().map(x -> (T) x).max(T::compareTo).orElseThrow(); }
        public static void main(String[] a) { System.out.println(f(new X($i)) + f(new Y(\"a\".repeat($k))) + max(java.util.List.of($i, $k, 7))); } }" > s/R$k.java
    done
    javac -d o s/*.java || exit 1
    (cd o; cat *.class | sha256sum)
    rm -r s o
done
"""
GC = r"""
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
public class G {
    static class N { N l, r; int v; N(int d) { v = d; if (d > 0) { l = new N(d - 1); r = new N(d - 1); } } int sum() { return v + (l == null ? 0 : l.sum() + r.sum()); } }
    public static void main(String[] a) throws Exception {
        N keep = new N(12);
        LongAdder t = new LongAdder();
        Thread[] w = new Thread[4];
        for (int k = 0; k < w.length; k++) { (w[k] = new Thread(() -> { for (int i = 0; i < 40; i++) t.add(new N(11).sum()); })).start(); }
        for (Thread x : w) x.join();
        ConcurrentHashMap<Integer, byte[]> m = new ConcurrentHashMap<>();
        try (var e = Executors.newVirtualThreadPerTaskExecutor()) { for (int i = 0; i < 2000; i++) { int q = i; e.submit(() -> m.put(q % 300, new byte[1000 + q])); } }
        synchronized (m) { m.wait(5); }
        int deep; try { deep = down(0); } catch (StackOverflowError e) { deep = 1; }
        var p = new ProcessBuilder("/usr/bin/dash", "-c", "cat; exit 5").start();
        p.getOutputStream().write("x".getBytes()); p.getOutputStream().close();
        System.out.println(t.sum() + " " + keep.sum() + " " + m.size() + " " + deep + " " + new String(p.getInputStream().readAllBytes()) + p.waitFor());
    }
    static int down(int n) { return down(n + 1) + 1; }
}
"""
JAVA_GC = r"""
PATH=/usr/lib/jvm/java-21-openjdk-$ARCH/bin:$PATH
javac G.java || exit 1
for gc in Serial Parallel G1 %s; do echo $gc; java -XX:+Use${gc}GC -Xmx96m -XX:-UsePerfData G; done
java -Xint -Xmx96m G; java -XX:TieredStopAtLevel=1 G; java -XX:-TieredCompilation G
java -Xshare:dump -XX:SharedArchiveFile=./cds > log 2>&1; echo $?; java -XX:SharedArchiveFile=./cds G
jar cf g.jar *.class && java -cp g.jar G; jar tf g.jar | sort; rm -f *.class g.jar cds log
"""
RUBY = r"""
require 'digest'; require 'json'; require 'socket'; require 'set'; require 'zlib'
def fib(n) = n < 2 ? n : fib(n - 1) + fib(n - 2)
puts fib(20), 3**200 % 10**20, (1..50).inject(:*), Rational(1, 3) + 0.25r, Math.sqrt(2).round(12)
h = Hash.new { |k, v| k[v] = [] }
30000.times { |i| h["k#{i * 7919 % 1009}"] << i }
puts h.size, Digest::SHA256.hexdigest(h.sort.to_json), h.values.map(&:sum).max
q = Queue.new
t = 4.times.map { |k| Thread.new { 500.times { |i| q << i * k } ; k } }
puts t.map(&:value).inspect, q.size
f = Fiber.new { |x| loop { x = Fiber.yield(x * 2) } }
puts [1, 2, 3].map { |x| f.resume(x) }.inspect
r, w = IO.pipe
pid = fork { r.close; trap('USR1') { w.syswrite "usr1\n"; exit! 4 }; w.syswrite "ready\n"; sleep }
w.close
puts r.gets; Process.kill('USR1', pid); puts r.gets; Process.wait pid; puts $?.exitstatus
puts `echo sub; exit 3`, $?.exitstatus
s = TCPServer.new('127.0.0.1', 0)
c = Thread.new { TCPSocket.open('127.0.0.1', s.addr[1]) { |x| x.write Zlib.gzip('a' * 100000); x.close_write; x.read } }
p = s.accept; puts Zlib.gunzip(p.read).size; p.write 'ok'; p.close; puts c.value
puts 'a1b22'.gsub(/(?<d>\d+)/) { $~[:d].to_i + 1 }, 'äöü'.unicode_normalize(:nfd).length, [1.5, -2].pack('eg').unpack1('H*')
begin; def deep(n) = deep(n + 1) + 1; deep 0; rescue SystemStackError => e; puts e.class; end
GC.stress = true; puts 20.times.map { |i| i.to_s * 3 }.join.size; GC.stress = false
a = Array.new(50000) { |i| "s#{i}" }; GC.start; GC.compact rescue nil; puts a[777], ObjectSpace.count_objects[:T_STRING] > 50000
puts Ractor.new(5) { |x| x + Ractor.receive }.tap { |x| x.send 6 }.take if defined? Ractor
"""
ERLANG = r"""
Echo = fun E() -> receive {F, M} -> F ! {self(), M}, E(); stop -> ok end end,
P = [spawn_link(Echo) || _ <- lists:seq(1, 50)],
R = [begin X ! {self(), I}, receive {X, V} -> V end end || X <- P, I <- lists:seq(1, 200)],
io:format("~p~n", [lists:sum(R)]), [X ! stop || X <- P],
T = ets:new(t, [public, {write_concurrency, true}]), Me = self(),
[spawn(fun() -> [ets:update_counter(T, K rem 17, 1, {K rem 17, 0}) || K <- lists:seq(1, 2000)], Me ! done end) || _ <- lists:seq(1, 8)],
[receive done -> ok end || _ <- lists:seq(1, 8)], io:format("~p~n", [lists:sum([N || {_, N} <- ets:tab2list(T)])]),
{ok, L} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127,0,0,1}}]), {ok, Port} = inet:port(L),
spawn(fun() -> {ok, S} = gen_tcp:accept(L), {ok, D} = gen_tcp:recv(S, 0), gen_tcp:send(S, zlib:gzip(D)), gen_tcp:close(S) end),
{ok, C} = gen_tcp:connect({127,0,0,1}, Port, [binary, {active, false}]), gen_tcp:send(C, <<"hello">>), {ok, Z} = gen_tcp:recv(C, 0),
io:format("~p ~p~n", [zlib:gunzip(Z), os:cmd("echo sub")]),
io:format("~p~n", [[catch F() || F <- [fun() -> error(x) end, fun() -> throw(y) end]] =/= []]),
{Pid, Ref} = spawn_monitor(fun() -> timer:sleep(20), exit(boom) end), receive {'DOWN', Ref, process, Pid, W} -> io:format("~p~n", [W]) end,
io:format("~.10f ~p~n", [math:pow(2.5, 3.7), re:run("a12b12", "(\\d+)b\\1", [{capture, all, list}])]),
halt(3).
"""
JARCH = {"ARCH": "{arch}"}
CASES = [
    runs("nodetest-parts", "node --test --test-reporter=tap --test-concurrency=1 t.test.js | sed -E '/duration_ms|location|^ *# duration/d'; rm -rf sock d\n",
         files={"t.test.js": NODE_TEST}),
    runs("npm-addon", NPM, files=ADDON),
    runs("openjdk-javac", JAVAC, env=JARCH),
    runs("openjdk-gc", JAVA_GC % "Z Shenandoah", files={"G.java": GC}, env=JARCH, without=("armhf", "i386")),
    runs("openjdk-gc-narrow", JAVA_GC % "", files={"G.java": GC}, env=JARCH, without=("riscv64", "arm64", "amd64")),
    runs("ruby-mixed", "ruby t.rb\n", files={"t.rb": RUBY}, env={"HOME": "{cwd}"}, stderr=False),
    Case("erlang-more", "usr/bin/erl", ["-noshell", "-noinput", "-eval", ERLANG], pool="list", children=True, seconds=600, env={"HOME": "{cwd}"}),
]
