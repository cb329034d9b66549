#!/usr/bin/env python3
"""GDB drives a program under the emulator: break, step, finish, watch, threads, signals, system calls, Ctrl-C, faults, ends.

usage: check_gdb.py "CROSS COMPILER" "EMULATOR [OPTIONS]" debugged.c FOLDER
Exit status 77: no gdb-multiarch, or no compiler.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

WAIT = 110


def build(compiler, source, folder):
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, 'debugged.' + os.path.basename(compiler[0]))
    subprocess.run(compiler + ['-g', '-O1', '-static', '-pthread', source, '-o', program], check=True)
    return program


class Session:
    """The emulator with a program, and the debugger with a script; what both said."""

    def __init__(self, emulator, program, args, commands):
        with tempfile.TemporaryDirectory() as place:
            path = place + '/gdb'
            guest = subprocess.Popen(emulator + ['-g', path, program] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while not os.path.exists(path) and guest.poll() is None:
                pass
            script = ['set pagination off', 'set confirm off', 'set width 0', 'set remotetimeout 100', 'target remote ' + path] + commands
            debugger = subprocess.Popen(['gdb-multiarch', '-nx', '-batch'] + [w for c in script for w in ('-ex', c)] + [program],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                self.said = debugger.communicate(timeout=WAIT)[0]
                out, err = guest.communicate(timeout=WAIT)
            finally:
                debugger.kill()
                guest.kill()
            self.status, self.out, self.err = guest.returncode, out.decode(), err.decode()


def check(name, session, patterns, status, out=None):
    """The patterns stand in what GDB said, in this order."""
    at, bad = 0, []
    for p in patterns:
        m = re.compile(p, re.M).search(session.said, at)
        if m:
            at = m.end()
        else:
            bad.append('nothing like %r from %d on' % (p, at))
    if session.status != status:
        bad.append('exit status %s, not %s' % (session.status, status))
    if out is not None and session.out != out:
        bad.append('output %r, not %r' % (session.out, out))
    for line in bad:
        print('%s: %s' % (name, line))
    if bad:
        print('--- gdb:\n%s--- stderr: %s' % (session.said, session.err))
    return not bad


class Wire:
    """The protocol without a debugger."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect(path)
        self.buffer = b''

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b'$%s#%02x' % (data, sum(data) & 255))

    def answer(self):
        while not (m := re.search(rb'\$([^#]*)#..', self.buffer)):
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        self.buffer = self.buffer[m.end():]
        self.socket.sendall(b'+')
        return m.group(1).decode()

    def ask(self, text):
        self.send(text)
        return self.answer()


def interrupts(emulator, program):
    """Ctrl-C, wherever the program is: at its start, in a loop that computes, asleep in the kernel."""
    with tempfile.TemporaryDirectory() as place:
        path = place + '/gdb'
        guest = subprocess.Popen(emulator + ['-g', path, program, 'wait'], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(path) and guest.poll() is None:
                pass
            wire = Wire(path)
            wire.ask('QPassSignals:1e')
            for turn in range(20):
                wire.send('vCont;c')
                if turn > 10:
                    time.sleep(0.05)
                wire.socket.sendall(b'\x03')
                said = wire.answer()
                if not said.startswith('T02') or not wire.ask('p1').isalnum():
                    print('Ctrl-C: turn %d: %s' % (turn, said))
                    return False
            wire.send('k')
            if guest.wait(WAIT) != -signal.SIGKILL:
                print('Ctrl-C: killed, but exit status %s' % guest.returncode)
                return False
            return True
        finally:
            guest.kill()
            guest.wait()


def main():
    compiler, emulator, source, folder = sys.argv[1].split(), sys.argv[2].split(), sys.argv[3], sys.argv[4]
    if not shutil.which('gdb-multiarch') or not shutil.which(compiler[0]):
        print('SKIP: gdb-multiarch or %s is not installed' % compiler[0])
        return 77
    program = build(compiler, source, folder)
    printed = '32 96 3\n'.replace('32', str(0 + 1 + 2 + signal.SIGUSR1 + 21))
    good = True

    s = Session(emulator, program, [], ['break add', 'continue', 'bt', 'print a + b + 100', 'print scale', 'info registers pc',
                                        'finish', 'next', 'stepi', 'set var sum = 1000', 'delete', 'continue'] + ['continue'] * 2)
    good &= check('break', s, [r'^Breakpoint 1.*add', r'^#1 .* main', r'= 100$', r'= 1\.5$', r'^pc +0x', r'main \(',
                               r'received signal SIGUSR1', r'exited with code 052'], 42)

    s = Session(emulator, program, [], ['handle SIGUSR1 nostop noprint pass', 'break in_thread', 'continue', 'info threads', 'delete',
                                        'watch sum', 'continue', 'continue', 'delete', 'info auxv', 'continue'])
    good &= check('threads', s, [r'hit Breakpoint 1, in_thread', r'^  1 +Thread', r'^\* 2 +Thread .* in_thread', r'Old value = 13',
                                 r'New value = 20', r'Old value = 20', r'New value = 27', r'AT_PAGESZ .* 4096', r'exited with code 052'],
                  42, printed)

    s = Session(emulator, program, ['fault'], ['handle SIGUSR1 nostop noprint', 'continue', 'print nowhere', 'print $_siginfo.si_signo',
                                               'continue'])
    narrow = 'arm-' in compiler[0] or 'i686' in compiler[0]
    good &= check('fault', s, [r'received signal SIGSEGV', r'main \(', r'= \(int \*.*\) 0x0'] + ([] if narrow else [r'= 11$']) +
                  [r'Program terminated with signal SIGSEGV'], -signal.SIGSEGV, printed)

    s = Session(emulator, program, [], ['continue', 'signal 0', ])
    good &= check('no signal', s, [r'received signal SIGUSR1', r'exited with code 052'], 42,
                  printed.replace(str(3 + signal.SIGUSR1 + 21), '24'))

    if not 'riscv' in compiler[0]: # whose system calls this GDB does not know
        s = Session(emulator, program, [], ['handle SIGUSR1 nostop noprint', 'catch syscall exit_group', 'continue', 'continue'])
        good &= check('calls', s, [r'Catchpoint 1 \(call to syscall .?exit_group', r'exited with code 052'], 42, printed)

    good &= interrupts(emulator, program)

    s = Session(emulator, program, [], ['break add', 'continue', 'detach'])
    good &= check('detach', s, [r'^Breakpoint 1.*add', r'[Dd]etach'], 42, printed)
    print('ok' if good else 'FAIL')
    return not good


sys.exit(main())
