"""git, and what compiles: go, cargo, cmake with ninja, make."""
from case import Case

# In the shapes of git's own tests: one thing done and looked at, each object with a name that follows from its content.
GIT = r"""
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@x
tick=1700000000
commit() { tick=$((tick + 60)); GIT_AUTHOR_DATE="$tick +0100" GIT_COMMITTER_DATE="$tick +0000" git commit -q "$@"; }
git config --global init.defaultBranch main; git config --global advice.detachedHead false; git config --global protocol.file.allow always
git init -q a; cd a
for i in $(seq 40); do
    mkdir -p d$((i % 5)); seq $i $((i * 7)) > d$((i % 5))/f$((i % 11)); echo $i >> log; git add -A; commit -m "commit $i"
done
git rev-parse HEAD HEAD~7 HEAD:d3; git log --oneline | wc -l; git diff --stat HEAD~3
echo "-- branches"
git checkout -q -b side HEAD~10; echo side > log; git add log; commit -m side; echo s > s; git add s; commit -m s
git checkout -q main; git merge side > out 2>&1 && exit 1; cat out; rm out; git status --short; git diff | head -n 20
git checkout -q --ours log; git add log; commit -m merge; git log --graph --oneline --decorate -n 6
git checkout -q -b moved side; GIT_COMMITTER_DATE="$tick +0000" git rebase -q -X theirs main~1; git rev-parse HEAD
git cherry-pick --no-commit main~3 2> /dev/null || git reset -q --hard; git stash list | wc -l
echo "-- searches"
git checkout -q main; git bisect start HEAD HEAD~30 > /dev/null 2>&1; git bisect run sh -c '[ $(wc -l < log) -lt 22 ]' | grep 'first bad'; git bisect reset > /dev/null 2>&1
git grep -n -c 13 -- d1 | head -n 5; git log -S17 --oneline -- d2 | cat; git blame -s d2/f2 | tail -n 3; git shortlog -s HEAD; git grep -P -l '^1(?=7)' | sort
echo "-- packs"
git tag -a -m tag v1 HEAD~4 > /dev/null; git describe HEAD | cut -c1-5
git count-objects | cut -d' ' -f1; git gc -q --aggressive --prune=now; git fsck --strict --full; git count-objects | cut -d' ' -f1
git verify-pack -v .git/objects/pack/*.idx | grep -c 'commit\|tree\|blob'; git multi-pack-index write; git multi-pack-index verify; git commit-graph write --reachable; git commit-graph verify
git archive --format=tar HEAD | sha256sum; git archive --format=tar.gz HEAD d1 | gzip -dc | sha256sum
echo "-- clones"
cd ..
git clone -q a b; git clone -q --bare --no-local a c.git; git clone -q --depth 3 "file://$PWD/a" d; git -C d log --oneline | wc -l
git -C a bundle create -q ../all.bundle --all; git clone -q all.bundle e; git -C e rev-parse HEAD
git -C a fast-export --all > export; git init -q --bare f.git; git -C f.git fast-import --quiet < export; git -C f.git rev-parse main; git -C f.git fsck --strict
cd b; echo b >> log; git add log; commit -m b; git push -q ../c.git main 2>&1; cd ../a; git pull -q --ff-only ../c.git main; git rev-parse HEAD
git format-patch -q -3 --stdout > ../patches; cd ../e; git reset -q --hard HEAD~2; GIT_COMMITTER_DATE="$tick +0000" git am -q ../patches 2> /dev/null || git am --abort; git log --oneline -n 1 | cut -d' ' -f2-
git worktree add -q ../w HEAD~5 2> /dev/null; git worktree list | wc -l; git submodule --quiet add "file://$(cd ../f.git && pwd)" sub; git submodule status | cut -c1-41
printf 'exit 1\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; sed -i '1i#!/bin/sh' .git/hooks/pre-commit; commit -m no --allow-empty || echo refused
cd ..; rm -rf a b c.git d e f.git w all.bundle export patches .gitconfig
"""
GIT_DAEMON = r"""
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
git init -q -b main a; cd a; seq 20000 > f; for i in $(seq 60); do echo $i > g$i; done; git add .; git -c user.name=a -c user.email=a@x commit -q -m one; cd ..
for try in 1 2 3 4 5 6 7 8; do
    port=$((20000 + ($$ * 8 + try) % 20000))
    git daemon --listen=127.0.0.1 --port=$port --base-path=$PWD --export-all --reuseaddr 2> log & daemon=$!
    for i in $(seq 100); do git ls-remote -q git://127.0.0.1:$port/a > refs 2> /dev/null && break 2; kill -0 $daemon 2> /dev/null || break; sleep 0.1; done
done
cat refs; git clone -q git://127.0.0.1:$port/a b && git -C b rev-parse HEAD && git -C b fsck --strict; git -C b status --short | wc -l
kill $daemon; wait $daemon 2> /dev/null; rm -rf a b refs log
"""

# Times and what is only where the test runs is taken out.
GO_TIMES = r" | sed -E 's/[0-9.]+s\)?$//; s/\(cached\)//' "
GO_ENV = {"HOME": "{cwd}", "GOCACHE": "{cwd}/cache", "GOTOOLCHAIN": "local", "GOROOT": "/usr/lib/go-1.24", "GOFLAGS": "-p=2",
          "GOPROXY": "off", "PATH": "/usr/lib/go-1.24/bin:/usr/bin:/bin", "GOTMPDIR": "{cwd}"}
CGO = r"""
package main

/*
#include <stdlib.h>
#include <string.h>
typedef int (*cb)(int);
extern int back(int);
static int twice(int x) { return back(x) + back(x + 1); }
*/
import "C"
import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

//export back
func back(x C.int) C.int { return x * 3 }

func main() {
	s := C.CString("hello")
	fmt.Println(C.strlen(s), C.twice(5))
	C.free(unsafe.Pointer(s))
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c)
	var wg sync.WaitGroup
	sum := make([]int, 16)
	for i := range sum {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			for j := 0; j < 200; j++ {
				sum[i] += int(C.twice(C.int(j)))
			}
		}()
	}
	wg.Wait()
	out, err := exec.Command("/usr/bin/dash", "-c", "echo child; exit 3").CombinedOutput()
	fmt.Printf("%v %q %v\n", sum[7], out, err)
}
"""

CARGO = {
    "Cargo.toml": '[workspace]\nmembers = ["app", "lib"]\nresolver = "2"\n[profile.release]\nlto = "thin"\n',
}
CARGO_TREE = r"""
set -e
mkdir -p app/src lib/src .cargo
cat > .cargo/config.toml <<'E'
[build]
rustflags = ["-C", "linker=gcc"]
rustdocflags = ["-C", "linker=gcc"]
[net]
offline = true
E
cat > app/Cargo.toml <<'E'
[package]
name = "app"
version = "0.1.0"
edition = "2021"
build = "build.rs"
[dependencies]
lib = { path = "../lib" }
E
cat > app/build.rs <<'E'
use std::{env, fs, path::Path, process::Command};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let table: Vec<String> = (0..64u32).map(|i| (i * i % 61).to_string()).collect();
    fs::write(Path::new(&out).join("table.rs"), format!("pub const TABLE: [u32; 64] = [{}];", table.join(", "))).unwrap();
    fs::write(Path::new(&out).join("c.c"), "int c_part(int x) { return x * 7 + 1; }\n").unwrap();
    let run = |p: &str, a: &[&str]| assert!(Command::new(p).args(a).current_dir(&out).status().unwrap().success());
    run("gcc", &["-O2", "-c", "c.c", "-o", "c.o"]);
    run("ar", &["rcs", "libc_part.a", "c.o"]);
    println!("cargo:rustc-link-search=native={}", out);
    println!("cargo:rustc-link-lib=static=c_part");
    println!("cargo:rustc-env=MADE={}", env::var("CARGO_PKG_VERSION").unwrap());
}
E
cat > app/src/main.rs <<'E'
include!(concat!(env!("OUT_DIR"), "/table.rs"));
extern "C" { fn c_part(x: i32) -> i32; }
fn main() {
    let words = lib::count("one two one three two one");
    println!("{} {} {:?} {}", TABLE.iter().sum::<u32>(), unsafe { c_part(6) }, words, env!("MADE"));
    println!("{:.6} {}", lib::parallel(4, 30000), lib::parse("17 + 4 * (2 - 5)").unwrap());
}
E
cat > lib/Cargo.toml <<'E'
[package]
name = "lib"
version = "0.2.0"
edition = "2021"
E
cat > lib/src/lib.rs <<'E'
//! ```
//! assert_eq!(lib::parse("2 * 3").unwrap(), 6);
//! ```
use std::collections::BTreeMap;
pub fn count(s: &str) -> BTreeMap<&str, usize> { s.split(' ').fold(BTreeMap::new(), |mut m, w| { *m.entry(w).or_default() += 1; m }) }
pub fn parallel(threads: u64, n: u64) -> f64 {
    std::thread::scope(|s| (0..threads).map(|t| s.spawn(move || (1..n).map(|i| ((i * (t + 1)) as f64).sqrt().fract()).sum::<f64>()))
        .collect::<Vec<_>>().into_iter().map(|h| h.join().unwrap()).sum())
}
pub fn parse(s: &str) -> Result<i64, String> {
    let t: Vec<char> = s.chars().filter(|c| !c.is_whitespace()).collect();
    let (v, i) = sum(&t, 0)?;
    if i == t.len() { Ok(v) } else { Err(format!("rest at {}", i)) }
}
fn sum(t: &[char], i: usize) -> Result<(i64, usize), String> {
    let (mut v, mut i) = product(t, i)?;
    while i < t.len() && (t[i] == '+' || t[i] == '-') { let (w, j) = product(t, i + 1)?; v = if t[i] == '+' { v + w } else { v - w }; i = j; }
    Ok((v, i))
}
fn product(t: &[char], i: usize) -> Result<(i64, usize), String> {
    let (mut v, mut i) = atom(t, i)?;
    while i < t.len() && t[i] == '*' { let (w, j) = atom(t, i + 1)?; v *= w; i = j; }
    Ok((v, i))
}
fn atom(t: &[char], mut i: usize) -> Result<(i64, usize), String> {
    if t.get(i) == Some(&'(') { let (v, j) = sum(t, i + 1)?; return if t.get(j) == Some(&')') { Ok((v, j + 1)) } else { Err("no )".into()) }; }
    let start = i;
    while i < t.len() && t[i].is_ascii_digit() { i += 1; }
    t[start..i].iter().collect::<String>().parse().map(|v| (v, i)).map_err(|e: std::num::ParseIntError| e.to_string())
}
#[cfg(test)]
mod tests {
    use super::*;
    #[test] fn parses() { assert_eq!(parse("1+2*3"), Ok(7)); assert!(parse("1+").is_err()); }
    #[test] fn counts() { assert_eq!(count("a b a")["a"], 2); }
    #[test] #[should_panic] fn panics() { parse("(").unwrap(); }
}
E
cargo build -q --release; ./target/release/app
cargo test -q --workspace 2>&1 | grep 'test result' | sed 's/finished in.*//' | sort
touch app/build.rs; cargo build --release 2>&1 | grep -o 'Compiling [a-z]* '
rm -rf target app lib .cargo .rustc_info.json Cargo.lock registry .global-cache .package-cache .package-cache-mutate
"""

CMAKE = {
    "CMakeLists.txt": r"""
cmake_minimum_required(VERSION 3.20)
project(p CXX C)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
find_package(Threads REQUIRED)
include(CheckCXXSymbolExists)
check_cxx_symbol_exists(getrandom sys/random.h HAVE_GETRANDOM)
file(WRITE ${CMAKE_BINARY_DIR}/gen.sh "for i in 0 1 2 3; do echo \"int gen$i() { return $i * 11; }\" > gen$i.c; done\n")
add_custom_command(OUTPUT gen0.c gen1.c gen2.c gen3.c COMMAND dash ${CMAKE_BINARY_DIR}/gen.sh)
add_library(gen STATIC gen0.c gen1.c gen2.c gen3.c)
add_library(shared SHARED shared.cc)
add_executable(app main.cc work.cc)
target_link_libraries(app gen shared Threads::Threads)
target_compile_definitions(app PRIVATE RANDOM=$<BOOL:${HAVE_GETRANDOM}>)
enable_testing()
add_test(NAME run COMMAND app)
add_test(NAME fails COMMAND app x)
set_tests_properties(fails PROPERTIES WILL_FAIL TRUE)
""",
    "shared.cc": "#include <stdexcept>\n#include <string>\nvoid thrower(int x) { if (x > 2) throw std::runtime_error(\"x \" + std::to_string(x)); }\n",
    "work.cc": r"""
#include <algorithm>
#include <map>
#include <numeric>
#include <regex>
#include <string>
#include <vector>
long work(int n)
{
    std::vector<long> v(n);
    std::iota(v.begin(), v.end(), 1);
    std::transform(v.begin(), v.end(), v.begin(), [](long x) { return x * 7919 % 10007; });
    std::sort(v.begin(), v.end());
    std::map<std::string, long> m;
    for (auto x : v) m[std::to_string(x % 97)] += x;
    std::regex r("([0-9])\\1");
    long a = 0;
    for (auto &p : m) a = (a * 31 + p.second + std::regex_search(p.first, r)) % 1000003;
    return a;
}
""",
    "main.cc": r"""
#include <atomic>
#include <future>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <variant>
#include <vector>
extern "C" { int gen0(); int gen1(); int gen2(); int gen3(); }
void thrower(int);
long work(int);
int main(int argc, char **)
{
    std::vector<std::future<long>> f;
    for (int i : std::views::iota(1, 5)) f.push_back(std::async(std::launch::async, work, i * 1000));
    for (auto &x : f) std::cout << x.get() << " ";
    std::atomic<int> n{0};
    { std::vector<std::jthread> t; for (int i = 0; i < 8; i++) t.emplace_back([&] { for (int k = 0; k < 1000; k++) n++; }); }
    try { thrower(1); thrower(3); } catch (const std::exception &e) { std::cout << e.what() << " "; }
    std::variant<int, std::string> v = "s";
    std::cout << gen0() + gen1() + gen2() + gen3() << " " << n << " " << std::get<std::string>(v) << " " << RANDOM << std::endl;
    return argc > 1;
}
""",
}
CMAKE_RUN = r"""
export CC=gcc CXX=g++
cmake -G Ninja -B out -DCMAKE_BUILD_TYPE=Release > log 2>&1 || { cat log; exit 1; }
grep -c 'Detecting C.* done' log; grep HAVE_GETRANDOM log
ninja -C out -j2 > log 2>&1 || { cat log; exit 1; }
tail -n 1 log | sed 's/\[[0-9/]*\] //'
out/app; ctest --test-dir out 2>&1 | grep 'tests passed'
touch work.cc; ninja -C out -j2 | tail -n 1; ninja -C out | tail -n 1
rm -rf out log
"""
MAKE_RUN = r"""
cat > Makefile <<'E'
CC = gcc -w
OBJS := $(patsubst %,o%.o,$(shell seq 24))
all: app ; ./app; echo $$?
app: $(OBJS) main.o ; gcc -o $@ $^
o%.c: ; echo 'int f$*(void) { return $*; }' > $@
o%.o: o%.c ; gcc -O2 -c -o $@ $<
main.c: ; (for i in $$(seq 24); do echo "int f$$i(void);"; done; echo 'int main(void) { return 0'; \
  for i in $$(seq 24); do echo "+f$$i()"; done; echo '; }') > $@
clean: ; rm -f app *.o *.c
E
make -s -j4; make -s -j4; touch o3.c; make -n -W o5.c | grep -c gcc; make -s clean; rm Makefile
"""


def build(name, text, **kw):
    return Case(name, "usr/bin/dash", ["-s"], stdin=text, **dict({"pool": "list", "seconds": 900, "children": True, "native": 0}, **kw))


def go_test(name, words, **kw):
    """The names of tests that fail and the last lines, as in the native run."""
    return build("gotest-" + name,
                 "go test -short %s > log 2>&1; echo $?; grep -E '^ *--- FAIL|^panic|^fatal|^SIG|^(ok|FAIL)' log%s; rm -rf log cache go .config\n"
                 % (words, GO_TIMES), env=GO_ENV, **dict({"seconds": 3600}, **kw))


GO_STD = r"""
go build -v encoding/json compress/flate go/parser text/template net/http regexp math/big database/sql 2>&1 | sort | grep -v ^go: | wc -l
go vet strings sort; echo $?
go list std | wc -l
go doc strings.Cut | head -n 1
gofmt -l /usr/share/go-1.24/src/sort | wc -l
rm -rf cache go .config
"""
CASES = [
    build("git-shapes", GIT),
    build("git-daemon", GIT_DAEMON),
    build("gostd-build", GO_STD, env=GO_ENV, seconds=3600),
    build("gostd-cgo", "go run t.go 2> err; echo $?; rm -rf cache go .config err\n", files={"t.go": CGO}, env=dict(GO_ENV, CC="gcc")),
    go_test("some", "os/exec os/signal sync sync/atomic"),
    go_test("runtime", "-timeout 60m runtime"),
    build("cargo-workspace", CARGO_TREE, files=CARGO, env={"HOME": "{cwd}", "CARGO_HOME": "{cwd}", "CARGO_TERM_COLOR": "never", "CC": "gcc"}),
    build("cmake-ninja", CMAKE_RUN, files=CMAKE),
    build("make-many", MAKE_RUN),
]
