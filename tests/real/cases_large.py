"""Programs with translators, garbage collectors and many threads of their own: luajit, node, openjdk, go; ffmpeg."""
import re

from case import Case

NODE = r"""
const { Worker, isMainThread, parentPort } = require('worker_threads');
if (!isMainThread) {
  let s = 0;
  for (let i = 0; i < 3e6; i++) s = (s * 31 + i) | 0;
  parentPort.postMessage(s);
} else {
  // (func (export "f") (param i32 i32) (result i32) local.get 0 local.get 1 i32.mul)
  const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0,
                                10, 9, 1, 7, 0, 32, 0, 32, 1, 108, 11]);
  WebAssembly.instantiate(bytes).then(m => {
    let t = 0;
    for (let i = 0; i < 100000; i++) t = (t + m.instance.exports.f(i, i ^ 5)) | 0;
    console.log('wasm', t);
    let left = 3;
    for (let k = 0; k < 3; k++)
      new Worker(__filename).on('message', v => { console.log('worker', v); if (!--left) console.log(rest()); });
  });
}
function rest() {
  const a = [];
  for (let i = 0; i < 200000; i++) a.push({ k: i * 7919 % 10007, s: 'x' + i });
  a.sort((p, q) => p.k - q.k || (p.s < q.s ? -1 : 1));
  return [a[1000].s, JSON.stringify(a.slice(5, 8)), Math.sin(1.5).toFixed(12), 2n ** 200n % 1000007n, /(\d+)b\1/.exec('a12b12')[1]];
}
"""
JAVA = r"""
import java.util.*;
import java.util.stream.*;
public class T {
    public static void main(String[] a) throws Exception {
        System.out.println(IntStream.range(0, 100000).boxed().collect(Collectors.groupingBy(i -> i % 7, Collectors.counting())));
        long[] r = new long[4];
        Thread[] t = new Thread[4];
        for (int k = 0; k < 4; k++) {
            int q = k;
            t[k] = new Thread(() -> { for (int i = 0; i < 500000; i++) r[q] += i ^ q; });
            t[k].start();
        }
        for (Thread x : t) x.join();
        System.out.println(Arrays.toString(r));
        try { Object o = null; o.hashCode(); } catch (NullPointerException e) { System.out.println("caught"); }
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < 50000; i++) b.append(Integer.toHexString(i * 2654435));
        System.out.println(b.toString().hashCode());
    }
}
"""
GO = r"""
package main

import (
	"fmt"
	"sort"
	"sync"
)

func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	m := map[int]int{}
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func(k int) {
			defer wg.Done()
			for j := 0; j < 20000; j++ {
				mu.Lock()
				m[j%10] += k
				mu.Unlock()
			}
		}(i)
	}
	wg.Wait()
	keys := []int{}
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	fmt.Println(keys, m[3])
	defer func() { fmt.Println("recovered:", recover()) }()
	var p *int
	*p = 1
}
"""
LUAJIT = r"""
local ffi = require("ffi")
ffi.cdef[[ int abs(int); typedef struct { double x, y; } P; ]]
local p, s = ffi.new("P[?]", 1000), 0
for r = 1, 200 do for i = 0, 999 do p[i].x = i * 0.5 + r; s = s + p[i].x % 7 end end
print(s, ffi.C.abs(-5))
local t = {}
for i = 1, 2e5 do t[i] = (i * 7919) % 10007 end
table.sort(t)
print(t[1], t[#t], #table.concat(t, ","))
"""


GO_BUILD = r"""
/usr/lib/go-1.24/bin/go build -trimpath -ldflags=-buildid= -o t t.go && sha256sum t
"""
# Of the libraries of its own machine; what is compared is that it works a thousand times.
LDCONFIG = r"""
n=0
for i in $(seq 1000); do
    rm -f cache
    /usr/sbin/ldconfig -X -f /dev/null -C ./cache && [ -s cache ] && n=$((n + 1))
done
echo $n
"""


def large(name, program, *args, **kw):
    return Case(name, program, args, **dict({"pool": "large", "seconds": 300}, **kw))


def ffmpeg(name, *codec):
    return large("ffmpeg-" + name, "usr/bin/ffmpeg", "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i",
                 "testsrc2=size=160x120:rate=10:duration=2", "-threads", "1", "-fflags", "+bitexact", "-bitexact", *codec)


def java_version(out, err, status):
    """The bits of a pointer are in the text."""
    known = re.search(r"^openjdk version \"21[^\n]*\n.*^OpenJDK (64-Bit )?(Server|Zero) VM \(build 21", out + err, re.M | re.S)
    return None if status == 0 and known else "exit status %d: %s" % (status, (out + err)[-300:])


JVM = "usr/lib/jvm/java-21-openjdk-{arch}/bin/"
CASES = [
    large("luajit-ffi", "usr/bin/luajit", "t.lua", files={"t.lua": LUAJIT}),
    large("luajit-interp", "usr/bin/luajit", "-joff", "t.lua", files={"t.lua": LUAJIT}),
    large("node-mixed", "usr/bin/node", "t.js", files={"t.js": NODE}),
    large("java-version", JVM + "java", "-version", accept=java_version),
    large("java-source", JVM + "java", "T.java", files={"T.java": JAVA}),  # compiles in memory, then runs
    large("go-run", "usr/lib/go-1.24/bin/go", "run", "t.go", files={"t.go": GO}, children=True,
          env={"HOME": "{cwd}", "GO111MODULE": "off", "GOCACHE": "{cwd}/cache", "GOTOOLCHAIN": "local", "GOROOT": "/usr/lib/go-1.24"}),
    # For a third machine, so that both build the same bytes.
    large("go-build", "usr/bin/dash", "-s", stdin=GO_BUILD, files={"t.go": GO}, children=True, seconds=900,
          env={"HOME": "{cwd}", "GO111MODULE": "off", "GOCACHE": "{cwd}/cache", "GOTOOLCHAIN": "local", "GOROOT": "/usr/lib/go-1.24",
               "GOARCH": "riscv64", "CGO_ENABLED": "0"}),
    large("javac", JVM + "javac", "T.java", files={"T.java": JAVA}),  # the class files are compared
    large("ldconfig-thousand", "usr/bin/dash", "-s", stdin=LDCONFIG, children=True, seconds=600),
    # Lossless, on integers alone: other codecs differ between the builds for the two ISAs.
    ffmpeg("ffv1", "-c:v", "ffv1", "out.mkv"),
    ffmpeg("framemd5", "-f", "framemd5", "-"),
]
