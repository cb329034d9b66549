"""What tests of the host side share: a machine to talk to, its firmware, waiting for texts."""
import json
import os
import select
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..'))
SKIP = 77
PROGRAM = os.environ['TINAMOU_SYSTEM']
PATIENCE = 60


class Missing(Exception):
    pass


def package_file(package, path):
    done = subprocess.run([os.path.join(ROOT, 'tests/sysroot/fetch'), 'riscv64', package], capture_output=True, text=True)
    if done.returncode:
        raise Missing('package %s: %s' % (package, done.stderr.strip().split('\n')[-1]))
    return os.path.join(done.stdout.strip().split('\n')[-1], path)


def opensbi():
    return package_file('opensbi', 'usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin')


def uboot():
    return package_file('u-boot-qemu', 'usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin')


def need_tool(name):
    from shutil import which
    if not which(name):
        raise Missing('the program ' + name)
    return name


class Stream:
    """Something with bytes coming out of it: a pipe, a socket, a file descriptor."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.text, self.at = reader, writer, '', 0

    def more(self, seconds):
        if not select.select([self.reader], [], [], max(0, seconds))[0]:
            return False
        got = os.read(self.reader, 65536)
        self.text += got.decode('utf-8', 'replace')
        return bool(got)

    def wait(self, wanted, seconds=PATIENCE):
        """Text up to and with `wanted`, from where the last wait ended."""
        end = time.monotonic() + seconds
        while wanted not in self.text[self.at:]:
            assert self.more(end - time.monotonic()), 'no %r; there is:\n%s' % (wanted, self.text[self.at:])
        start, self.at = self.at, self.text.index(wanted, self.at) + len(wanted)
        return self.text[start:self.at]

    def type(self, text, slow=0):
        for c in text if slow else [text]:
            os.write(self.writer, c.encode('latin-1'))
            time.sleep(slow)

    def ask(self, line, prompt='(qemu) '):
        """A line to the monitor, and its answer without the echo."""
        self.type(line + '\n')
        return self.wait(prompt)[:-len(prompt)].replace('\r', '').split('\n', 1)[-1]


class Vm:
    """tinamou-system with these arguments; `out` is its terminal."""

    def __init__(self, *args, program=PROGRAM, board=('-M', 'virt'), **how):
        self.process = subprocess.Popen([program, *board, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **how)
        self.out = Stream(self.process.stdout.fileno(), self.process.stdin.fileno())

    def end(self, status=0, seconds=PATIENCE):
        got = self.process.wait(seconds)
        while self.out.more(0):
            pass
        assert got == status, 'status %s instead of %s\n%s' % (got, status, self.out.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def connect(address, seconds=PATIENCE):
    """A Stream to a path or (host, port), once somebody listens there."""
    end = time.monotonic() + seconds
    while True:
        s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        try:
            s.connect(address)
            stream = Stream(s.fileno(), s.fileno())
            stream.socket = s
            return stream
        except OSError:
            s.close()
            assert time.monotonic() < end, 'nobody listens at %s' % (address,)
            time.sleep(0.05)


class Qmp:
    def __init__(self, stream, negotiate=True):
        self.stream, self.events = stream, []
        self.greeting = self.read()
        if negotiate:
            self.ask('qmp_capabilities')

    def read(self, seconds=PATIENCE):
        return json.loads(self.stream.wait('\n', seconds))

    def raw(self, text):
        self.stream.type(text)
        while True:
            got = self.read()
            if 'event' not in got:
                return got
            self.events.append(got)

    def ask(self, command, **args):
        got = self.raw(json.dumps({'execute': command, 'arguments': args} if args else {'execute': command}) + '\n')
        assert 'return' in got, (command, got)
        return got['return']

    def wait_event(self, name, seconds=PATIENCE):
        while True:
            for k, e in enumerate(self.events):
                if e['event'] == name:
                    return self.events.pop(k)
            got = self.read(seconds)
            assert 'event' in got, got
            self.events.append(got)


def main(cases):
    """cases: name -> function. Runs those named on the command line."""
    for name in sys.argv[1:]:
        try:
            cases[name]()
        except Missing as e:
            print('missing: %s' % e)
            sys.exit(1 if os.environ.get('TINAMOU_REQUIRE_PAYLOADS') == '1' else SKIP)
        print('%s: ok' % name)
