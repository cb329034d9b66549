#!/usr/bin/env python3
"""A guest's crash: the parent sees the same signal, standard error has one line with place, address and symbol.

usage: check_crash.py CROSS_CC TINAMOU SOURCE OUT_DIR
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

cross, tinamou, source, out_dir = sys.argv[1:]
cross = shlex.split(cross)
if not shutil.which(cross[0]):
    print(f'SKIPPED: {cross[0]} is not installed')
    sys.exit(1 if os.environ.get('TINAMOU_REQUIRE_PAYLOADS') == '1' else 77)
os.makedirs(out_dir, exist_ok=True)
name = 'dies.' + cross[0].split('-')[0]
exe = os.path.join(out_dir, name)
subprocess.run([*cross, '-O1', '-static', '-o', exe, source], check=True)
cases = [([], rf'signal 11 \(SIGSEGV\) at pc 0x[0-9a-f]+ \(addr 0x10\) in store_to\+0x[0-9a-f]+ \[.*' + name + r'\+0x'),
         (['x'], r'signal 11 \(SIGSEGV\) at pc 0x18 \(addr 0x18\), where nothing is mapped$')]
bad = 0
for args, pattern in cases:
    for options in [[], ['-no-jit']]:
        r = subprocess.run([tinamou, *options, exe, *args], capture_output=True, text=True, timeout=20)
        lines = r.stderr.splitlines()
        ok = r.returncode == -signal.SIGSEGV and len(lines) == 1 and re.search(pattern, lines[0]) and \
            lines[0].startswith('tinamou: ')
        print('ok    ' if ok else 'FAILED', options, r.returncode, r.stderr.rstrip())
        bad += not ok
# -strace has a line for the signal.
r = subprocess.run([tinamou, '-strace', exe], capture_output=True, text=True, timeout=20)
ok = '--- SIGSEGV {si_signo=SIGSEGV, si_code=1, si_addr=0x10} ---' in r.stderr and r.returncode == -signal.SIGSEGV
print('ok    ' if ok else 'FAILED', '-strace', r.returncode, r.stderr[-300:].rstrip())
bad += not ok
# An instruction that is not supported: one line of -d unimp, then that of the crash.
for options in [[], ['-no-jit']]:
    r = subprocess.run([tinamou, *options, '-d', 'unimp', exe, 'x', 'y'], capture_output=True, text=True, timeout=20)
    lines = [line for line in r.stderr.splitlines() if 'system call' not in line]
    where = r' at pc 0x[0-9a-f]+ in no_instruction\+0x[0-9a-f]+ \[.*' + name
    ok = r.returncode == -signal.SIGILL and len(lines) == 2 and \
        re.match(r'tinamou: unsupported instruction 0x[0-9a-f]+\b.*' + where, lines[0]) and 'signal 4 (SIGILL)' in lines[1]
    print('ok    ' if ok else 'FAILED', options, r.returncode, r.stderr.rstrip())
    bad += not ok
sys.exit(bad != 0)
