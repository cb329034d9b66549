"""What boots are made of: packages, an initial file system. Used by tests/boot and tests/bench/system."""
import functools
import lzma
import os
import select
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import cpio

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..'))


class Missing(Exception):
    pass


def sysroot(*packages, guest='riscv64', into=None, suite=None):
    """The guest's root with these packages in it; `into`: another root of that name; `suite`: of another release."""
    name = (['--into', into] if into else []) + (['--suite', suite] if suite else [])
    done = subprocess.run([os.path.join(ROOT, 'tests/sysroot/fetch'), *name, guest, *packages], capture_output=True, text=True)
    if done.returncode:
        raise Missing('%s packages %s: %s' % (guest, ' '.join(packages), done.stderr.strip().split('\n')[-1]))
    return done.stdout.strip().split('\n')[-1]


def firmware(package, *names, guest='riscv64'):
    """The first of these files of a package that is the same for all architectures; of the release $TINAMOU_FIRMWARE, if set."""
    suite = os.environ.get('TINAMOU_FIRMWARE')
    root = sysroot(package, guest='amd64', into=suite + '-amd64', suite=suite) if suite else sysroot(package, guest=guest)
    found = [p for p in (os.path.join(root, name) for name in names) if os.path.exists(p)]
    if not found:
        raise Missing('%s in %s' % (names[0], package))
    return found[0]


def seabios():
    return firmware('seabios', 'usr/share/seabios/bios-256k.bin', guest='amd64')


def opensbi():
    return firmware('opensbi', 'usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin')


def uboot(board='qemu-riscv64_smode'):
    return firmware('u-boot-qemu', 'usr/lib/u-boot/%s/u-boot.bin' % board)


# name: architecture, package, a root of its own where there are several of one architecture
KERNELS = {'riscv64': ('riscv64', 'linux-image-riscv64', None), 'arm64': ('arm64', 'linux-image-cloud-arm64', None),
           'arm64_full': ('arm64', 'linux-image-arm64', 'kernel-arm64'), 'armhf': ('armhf', 'linux-image-armmp-lpae', None),
           'amd64': ('amd64', 'linux-image-cloud-amd64', 'kernel-amd64'),
           'amd64_full': ('amd64', 'linux-image-amd64', 'kernel-amd64-full')}


def kernel_root(guest):
    arch, package, into = KERNELS[guest]
    return sysroot(package, guest=arch, into=into)


def kernel(guest='riscv64'):
    folder = os.path.join(kernel_root(guest), 'boot')
    found = sorted(name for name in os.listdir(folder) if name.startswith('vmlinu'))
    if not found:
        raise Missing('no kernel in ' + KERNELS[guest][1])
    return os.path.join(folder, found[-1])


def initrd(folder, more=(), init=b'', guest='riscv64'):
    root = sysroot('busybox-static', guest=KERNELS[guest][0])
    busybox = next(p for p in (os.path.join(root, d, 'busybox') for d in ('usr/bin', 'bin')) if os.path.exists(p))
    entries = [(d, 0o40755, b'') for d in ('bin', 'proc', 'sys', 'dev', 'tmp')]
    with open(busybox, 'rb') as f:
        entries += [('bin/busybox', 0o100755, f.read()), ('bin/sh', 0o120777, b'busybox'), ('init', 0o100755, init)] + list(more)
    path = os.path.join(folder, 'initrd.gz')
    with open(path, 'wb') as f:
        f.write(cpio.archive(entries))
    return path


def with_needed(wanted, content_of):
    """Names of modules with _ for -, each after all those that it says it needs. content_of(name): None: the kernel has it built in."""
    order = []

    def add(name):
        name = name.replace('-', '_')
        content = None if name in order else content_of(name)
        if content is None:
            return
        at = content.index(b'depends=') + len(b'depends=')
        for other in content[at:content.index(b'\0', at)].decode().split(','):
            add(other)
        order.append(name)

    for name in wanted:
        add(name)
    return order


def needed_modules(wanted, order_file='order', guest='riscv64'):
    """As modules(), with those that the wanted ones need."""
    found = {}
    for folder, _, names in os.walk(os.path.join(kernel_root(guest), 'usr/lib/modules')):
        found.update({n[:-6].replace('-', '_'): os.path.join(folder, n) for n in names if n.endswith('.ko.xz')})

    @functools.cache
    def content_of(name):
        if name not in found:
            return None
        with lzma.open(found[name]) as f:
            return f.read()

    order = with_needed(wanted, content_of)
    return ([('mod', 0o40755, b''), ('mnt', 0o40755, b'')] + [('mod/%s.ko' % n, 0o100644, content_of(n)) for n in order] +
            [('mod/' + order_file, 0o100644, ' '.join(order).encode())])


def modules(wanted, order_file='order', guest='riscv64'):
    """Entries of an initial file system: a kernel's modules, in the order of loading. What it has built in is left out."""
    base = os.path.join(kernel_root(guest), 'usr/lib/modules')
    found = {}
    for folder, _, names in os.walk(base):
        found.update({n[:-6]: os.path.join(folder, n) for n in names if n.endswith('.ko.xz')})
    entries = [('mod', 0o40755, b''), ('mnt', 0o40755, b'')]
    for name in wanted:
        if name in found:
            with lzma.open(found[name]) as f:
                entries.append(('mod/%s.ko' % name, 0o100644, f.read()))
    order = ' '.join(n for n in wanted if n in found)
    return entries + [('mod/' + order_file, 0o100644, order.encode())]


# What a kernel says of a lost interrupt, a cpu that stood still, memory that is not what it was; not its command line's nosoftlockup.
COMPLAINTS = ('bug:', 'oops', 'rcu: info', ' stall', ' lockup', 'blocked for more than', 'nobody cared', 'call trace:', 'lost interrupt',
              'lost irq', 'unable to handle', 'unhandled', 'unexpected', 'kernel panic', 'i/o error', 'timed out', 'timeout, completion polled',
              'warning: cpu', 'spurious', 'acpi error', 'acpi warning', 'acpi bios', 'firmware bug', 'bios bug')


# A kernel that powers off marks its virtio devices as broken first; what is sent then is told so.
AT_THE_END = 'TXQ (0) queue failure: -5'


def complaint(text):
    lines = [x for x in text.split('\n')
             if not x.startswith('stress-ng') and AT_THE_END not in x and any(c in x.lower() for c in COMPLAINTS)]
    return 'the kernel complains: ' + lines[0].strip() if lines else None


def cpu_seconds(pid):
    """What a process has taken so far, all its threads, user and system; in ticks of 10 ms."""
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def drive(args, steps, seconds, status):
    """Runs a machine whose console is its standard input and output. steps: (text to wait for, what to type then, or
    a function of the process, whose answer is text, too).

    Returns why it failed (None: it did not), and the text. status: None: it is ended after the last step, with whose text the text ends.
    """
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, at, end = '', 0, time.monotonic() + seconds
    try:
        for wanted, typed in steps:
            while wanted not in text[at:]:
                if not select.select([p.stdout], [], [], max(0, end - time.monotonic()))[0]:
                    return 'no "%s" in %d seconds' % (wanted, seconds), text
                got = os.read(p.stdout.fileno(), 65536)
                if not got:
                    return 'ended with status %s before "%s"' % (p.wait(), wanted), text
                text += got.decode('utf-8', 'replace')
                if os.environ.get('TINAMOU_BOOT_TEXT'): # to look at while it runs
                    with open(os.environ['TINAMOU_BOOT_TEXT'], 'ab') as f:
                        f.write(got)
            at = text.index(wanted, at) + len(wanted)
            if callable(typed): # something else is done to the machine then
                text += typed(p)
                continue
            for c in typed: # as a person would: FIFOs are small
                p.stdin.write(c.encode())
                p.stdin.flush()
                time.sleep(0.02)
        if status is None:
            return None, text[:at]
        p.stdin.close()
        p.wait(max(1, end - time.monotonic()))
        return (None if p.returncode == status else 'status %s instead of %s' % (p.returncode, status)), text
    except subprocess.TimeoutExpired:
        return 'it does not end', text
    finally:
        p.kill()
        p.wait()
