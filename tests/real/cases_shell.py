"""busybox, dash, bash, coreutils, findutils, grep, sed, gawk, bc."""
from case import Case, script

TEXT = "".join("line %d of some text, word%d, %s\n" % (i, i * 7 % 13, "abcxyz"[i % 5:]) for i in range(200))
FILES = {"text": TEXT, "numbers": "".join("%d %d\n" % (i * 37 % 101, i) for i in range(150)),
         "bytes": bytes(i * 73 & 255 for i in range(5000))}
BUSYBOX = "usr/bin/busybox"


def busybox(applet, *args, **kw):
    name = kw.pop("name", applet)
    return Case("busybox-" + name, BUSYBOX, [applet] + list(args), files=FILES, **kw)


def tool(program, *args, **kw):
    name = kw.pop("name", "run")
    return Case("%s-%s" % (program, name), "usr/bin/" + program, args, files=FILES, **kw)


SHELL = r"""
f() { local a=$1; [ "$a" -le 1 ] && { echo 1; return; }; echo $(( a * $(f $((a - 1))) )); }
echo "fact $(f 6)"
i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done; echo $i
for w in a "b c" d; do printf '[%s]' "$w"; done; echo
x=abcdef; echo ${x#ab} ${x%ef} ${#x} ${y:-unset} ${x:+set}
case $x in ab*) echo starts;; *) echo no;; esac
set -- one two three; shift; echo $# $1 "$@"
( exit 3 ); echo status $?
trap 'echo trapped' USR1; kill -USR1 $$; echo after
trap 'echo leaving' EXIT
read a b <<E
first second third
E
echo "$b,$a"
echo to-file > out.txt; echo more >> out.txt; while read l; do echo "got $l"; done < out.txt
{ echo one; echo two; } | while read l; do echo "pipe $l"; done
( sleep_loop=0; while [ $sleep_loop -lt 50 ]; do sleep_loop=$((sleep_loop + 1)); done; exit 7 ) & wait $!; echo waited $?
eval 'echo eval $((1 << 20)) $((-7 / 2)) $((-7 % 3)) $((0x1f ^ 3))'
echo x | ( read v; echo "sub $v" )
cd / && pwd
"""
BASH = SHELL + r"""
declare -A m; m[one]=1; m[two]=2; for k in one two; do echo "$k=${m[$k]}"; done
a=(5 3 9); a+=(1); echo "${a[@]}" "${#a[@]}" "${a[@]:1:2}"
[[ foo123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[1]}-${BASH_REMATCH[2]}"
printf '%05d %x %s %q\n' 42 255 str 'a b'
mapfile -t lines <<< $'l1\nl2'; echo "${lines[1]}"
echo $((RANDOM >= 0)) {1..5} {a..c}{1,2}
s="Hello World"; echo "${s,,}" "${s^^}" "${s/World/There}"
for ((i = 0; i < 3; i++)); do echo -n "$i "; done; echo
coproc { read x; echo "co $x"; }; echo in >&${COPROC[1]}; read y <&${COPROC[0]}; echo "$y"
shopt -s extglob
case abc in @(abc|def)) echo ext;; esac
exec 5>fd5.txt; echo five >&5; exec 5>&-; echo $(<fd5.txt)
"""
EXEC = r"""
printf 'c\nb\na\n' | sort | tr a-z A-Z | head -n 2
ls text numbers | wc -l; cat numbers | sort -n | uniq | tail -n 3 | sed 's/ /:/'
nosuchprogram; echo $?
env X=1 sh -c 'echo $X $0' name; sh -c 'kill -TERM $$'; echo $?
echo '#!/bin/sh
echo script "$@"' > s.sh; chmod +x s.sh; ./s.sh a b; echo 'echo noshebang' > t.sh; chmod +x t.sh; ./t.sh
seq 1 2000 | awk '{s += $1} END {print s}'; find . -name 'n*' | xargs -n 1 basename
yes | head -n 3; expr 6 \* 7; test -f text && echo yes; basename /a/b.c .c; date -u -d @0 +%Y
for i in 1 2 3 4 5 6 7 8; do /bin/true; done; /bin/false || echo false
"""

CASES = [
    busybox("sh", "-c", SHELL, name="sh"),
    busybox("md5sum", "text", "bytes"), busybox("sha1sum", "bytes"), busybox("sha256sum", "bytes"),
    busybox("sha512sum", "bytes"), busybox("sha3sum", "bytes"), busybox("cksum", "bytes"), busybox("crc32", "bytes"),
    busybox("sort", "-n", "numbers"), busybox("sort", "-k2", "-r", "text", name="sort-key"), busybox("wc", "text"),
    busybox("grep", "-n", "word1.*xyz", "text"), busybox("sed", "s/word\\([0-9]\\)/<\\1>/g;5,9d", "text"),
    busybox("awk", "{ s += $2; a[$3]++ } END { print s; for (k in a) n++; print n; printf \"%.3f %e\\n\", s / 7, s }", "text"),
    busybox("tr", "a-m", "A-M", stdin=TEXT), busybox("cut", "-d,", "-f2", "text"), busybox("head", "-n", "5", "text"),
    busybox("tail", "-n", "5", "text"), busybox("uniq", "-c", stdin="a\na\nb\n"), busybox("od", "-A", "x", "-t", "x1", "bytes"),
    busybox("hexdump", "-C", "bytes"), busybox("xxd", "bytes"), busybox("base64", "bytes"), busybox("uuencode", "bytes", "name"),
    busybox("dc", "-e", "20k 2v p 3 7 / p 2 100 ^ p"),
    busybox("expr", "12", "*", "12"), busybox("seq", "1", "7", "100"), busybox("factor", "1234567890", "1000000007"),
    busybox("printf", "%d %s %x %08.3f\\n", "42", "str", "255", "3.14159"), busybox("cal", "2", "2024"),
    busybox("date", "-u", "-d", "@86400", "+%Y-%m-%d"), busybox("gzip", "-c", "text"), busybox("bzip2", "-c", "text"),
    busybox("sh", "-c", "busybox gzip -c text | busybox gunzip -c | busybox md5sum", name="gunzip", children=True),
    busybox("tar", "cf", "-", "--help", name="tar-help"), busybox("diff", "text", "numbers"), busybox("cmp", "text", "numbers"),
    busybox("find", ".", "-type", "f", "-name", "t*"), busybox("ls", "nosuchfile", name="ls-missing"), busybox("rev", "text"),
    busybox("tac", "text"), busybox("fold", "-w", "20", "text"), busybox("expand", "text"), busybox("paste", "text", "numbers"),
    busybox("strings", "bytes"), busybox("sum", "bytes"), busybox("true"), busybox("false"), busybox("nosuchapplet"),
    busybox("stat", "-c", "%s %F", "text"), busybox("test", "-f", "text"), busybox("echo", "-e", "a\\tb"), busybox("ascii"),
    busybox("comm", "text", "text"), busybox("split", "-l", "50", "text"), busybox("shuf", "-i", "1-1"), busybox("timeout", "5", "true", children=True),
    Case("dash-script", "usr/bin/dash", ["-s"], SHELL, FILES), Case("bash-script", "usr/bin/bash", ["-s"], BASH, FILES),
    Case("bash-process-substitution", "usr/bin/bash", ["-c", "mapfile -t l < <(echo 1; echo 2); echo ${l[1]} >(:)"],
         accept=lambda out, err, status: None if status == 0 and out.startswith("2 /dev/fd/") else "printed " + out),
    Case("dash-syntax-error", "usr/bin/dash", ["-c", "if then"]),
    Case("dash-exec", "usr/bin/dash", ["-s"], EXEC, FILES, children=True),
    Case("bash-exec", "usr/bin/bash", ["-s"], EXEC, FILES, children=True),
    Case("bash-jobs", "usr/bin/bash", ["-s"], r"""
for i in 1 2 3 4; do ( for ((j = 0; j < 200; j++)); do :; done; exit $i ) & p[$i]=$!; done
for i in 1 2 3 4; do wait ${p[$i]}; echo $?; done
( trap 'exit 9' TERM; while :; do :; done ) & c=$!; kill -TERM $c; wait $c; s=$?; [ $s = 9 ] || [ $s = 143 ] && echo killed
""", FILES),
    tool("md5sum", "text", "bytes"), tool("sha256sum", "bytes"), tool("sha512sum", "bytes"), tool("b2sum", "bytes"),
    tool("cksum", "bytes"), tool("sort", "-n", "numbers"), tool("sort", "-R", "--random-source=bytes", "text", name="random"),
    tool("uniq", "-c", stdin="a\na\nb\n"), tool("wc", "text", "bytes"), tool("od", "-A", "d", "-t", "f8", "bytes"),
    tool("seq", "-w", "0.5", "0.25", "4"), tool("factor", "1000000007000000011", "18446744073709551617"),
    tool("printf", "%s %d %5.2f %x\\n", "a", "-5", "2.5", "4095"), tool("numfmt", "--to=iec", "123456789"),
    tool("tr", "-d", "aeiou", stdin=TEXT), tool("cut", "-c", "3-9", "text"), tool("paste", "-d,", "text", "numbers"),
    tool("join", stdin="", name="missing-operand"), tool("head", "-c", "100", "bytes"), tool("tail", "-n", "+190", "text"),
    tool("tac", "text"), tool("nl", "text"), tool("fmt", "text"), tool("base64", "-w", "60", "bytes"), tool("base32", "bytes"),
    tool("expr", "100", "/", "7"), tool("date", "-u", "-d", "2024-02-29 +1 year", "+%F %j %s"), tool("stat", "-c", "%s %F", "text"),
    tool("ls", "-1", name="one"), tool("ls", "nosuchfile", name="missing"), tool("cat", "text", "nosuchfile"),
    tool("echo", "-e", "\\x41\\n"), tool("true"), tool("false"), tool("test", "1", "-gt", "2"), tool("split", "-n", "3", "text"),
    tool("dd", "if=bytes", "bs=100", "count=7", "status=none"), tool("comm", "text", "text"), tool("csplit", "-s", "text", "50"),
    tool("shuf", "--random-source=bytes", "numbers"), tool("tsort", stdin="a b\nb c\nd c\n"), tool("ptx", "numbers"),
    tool("timeout", "0.2", "sleep", "10", children=True), tool("env", "-i", "A=b", "env", children=True),
    tool("nice", "-n", "3", "nice", children=True), tool("grep", "-nE", "word(3|7),.*z$", "text"),
    tool("grep", "-c", "-i", "LINE", "text", name="count"), tool("grep", "(", "-E", "text", name="bad-pattern"),
    tool("grep", "-P", "(?<=word)1(?=2)", "text", name="perl"),
    tool("sed", "-n", "s/\\(.*\\) of/<\\1>/p;10q", "text"), tool("sed", "-E", "/5/!d;y/abc/xyz/;s/[0-9]+/(&)/2", "text", name="ere"),
    tool("find", ".", "-type", "f", "-size", "+1k", "-printf", "%f %s\\n"),
    tool("xargs", "-n", "2", "echo", stdin="a b c d e", children=True),
    tool("gawk", "BEGIN { for (i = 0; i < 3000; i++) s += sin(i) * exp(-i / 1000) ; printf \"%.6f\\n\", s }", name="math"),
    tool("gawk", "{ n[$2 % 7] += length($0) } END { for (i = 0; i < 7; i++) print i, n[i]; print toupper(substr($0, 1, 4)), "
         "gensub(/([a-z]+)/, \"<\\\\1>\", \"g\", $0), strftime(\"%Y\", 0, 1) }", "text", name="text"),
    tool("gawk", "BEGIN { while ((\"echo a b; echo c\" | getline l) > 0) print \"got\", l; print system(\"exit 3\") }",
         name="pipes", children=True),
    script("bc-numbers", "usr/bin/bc", "scale=60\n4*a(1)\ne(1)\n2^512\nsqrt(2)\nfor(i=0;i<9;i++) i^3\nobase=16\n65535\n", ["-ql"]),
]
