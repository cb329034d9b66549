"""Python's own test suite: what fails is what fails natively."""
from case import Case

MODULES = ["math", "float", "struct", "re", "threading", "signal", "subprocess", "mmap", "json", "hashlib",
           "multiprocessing_main_handling", "multiprocessing_fork", "multiprocessing_spawn", "multiprocessing_forkserver", "select",
           "poll", "epoll", "socket", "asyncio"]
# The user that the tests ask for is one that both runs have; a library that goes first knows it.
RUN = r"""
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' > passwd; printf 'root:x:0:\nnogroup:x:65534:\n' > group
export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$PWD/passwd NSS_WRAPPER_GROUP=$PWD/group TMPDIR=$PWD HOME=$PWD
python3 -W ignore -m test -v --timeout 1500 test_%s > log 2>&1 < /dev/null; echo $?
grep -aE '^(ERROR|FAIL): |^Fatal|^Result: |crashed|^Timeout' log | sort -u
rm -rf * .[a-z]*
"""


def module(name):
    return Case("pytest-" + name, "usr/bin/dash", ["-s"], stdin=RUN % name, pool="list", children=True, seconds=3000)


CASES = [module(m) for m in MODULES]
