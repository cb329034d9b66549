"""What boots are made of: packages, an initial file system. Used by tests/boot and tests/bench/system."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import cpio

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..'))


class Missing(Exception):
    pass


def sysroot(*packages, guest='riscv64'):
    """The guest's root with these packages in it."""
    done = subprocess.run([os.path.join(ROOT, 'tests/sysroot/fetch'), guest, *packages], capture_output=True, text=True)
    if done.returncode:
        raise Missing('%s packages %s: %s' % (guest, ' '.join(packages), done.stderr.strip().split('\n')[-1]))
    return done.stdout.strip().split('\n')[-1]


def opensbi():
    return os.path.join(sysroot('opensbi'), 'usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin')


def uboot():
    return os.path.join(sysroot('u-boot-qemu'), 'usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin')


KERNELS = {'riscv64': 'linux-image-riscv64', 'arm64': 'linux-image-cloud-arm64'}


def kernel(guest='riscv64'):
    folder = os.path.join(sysroot(KERNELS[guest], guest=guest), 'boot')
    found = sorted(name for name in os.listdir(folder) if name.startswith('vmlinu'))
    if not found:
        raise Missing('no kernel in ' + KERNELS[guest])
    return os.path.join(folder, found[-1])


def initrd(folder, more=(), init=b'', guest='riscv64'):
    root = sysroot('busybox-static', guest=guest)
    busybox = next(p for p in (os.path.join(root, d, 'busybox') for d in ('usr/bin', 'bin')) if os.path.exists(p))
    entries = [(d, 0o40755, b'') for d in ('bin', 'proc', 'sys', 'dev', 'tmp')]
    with open(busybox, 'rb') as f:
        entries += [('bin/busybox', 0o100755, f.read()), ('bin/sh', 0o120777, b'busybox'), ('init', 0o100755, init)] + list(more)
    path = os.path.join(folder, 'initrd.gz')
    with open(path, 'wb') as f:
        f.write(cpio.archive(entries))
    return path
