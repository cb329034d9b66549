"""What boots of PCs need: Debian 12's kernels with their modules, busybox, SeaBIOS and OVMF, and initial file systems made of them."""
import glob
import os
import subprocess
import sys
import tempfile

import boot_lib

HERE = os.path.dirname(os.path.abspath(__file__))
# Name: architecture, package, what the file's name ends with.
KERNELS = {'amd64': ('amd64', 'linux-image-amd64', '-amd64'), '686-pae': ('i386', 'linux-image-686-pae', '-686-pae'),
           '686': ('i386', 'linux-image-686', '-686')}


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def payload():
    """The folder with kernel, modules, busybox and firmware, fetched once."""
    root = os.path.join(os.environ.get('TINAMOU_CACHE') or os.path.join(HERE, '..', 'sysroot', 'cache'), 'kvm-inside')
    if not glob.glob(root + '/boot/vmlinuz*'):
        depends = subprocess.run(['apt-cache', 'depends', 'linux-image-cloud-amd64'], capture_output=True, text=True).stdout
        kernel = [w for w in depends.split() if w.startswith('linux-image-6.1.')]
        with tempfile.TemporaryDirectory() as d:
            if not kernel or subprocess.run(['apt-get', 'download', kernel[0], 'busybox-static', 'seabios'], cwd=d,
                                            capture_output=True).returncode:
                skip('the kernel of Debian 12 cannot be fetched')
            for package in glob.glob(d + '/*.deb'):
                subprocess.run(['dpkg-deb', '-x', package, root], check=True)
    return root


def bookworm(arch, *packages):
    """The root of Debian 12's packages."""
    try:
        return boot_lib.sysroot(*packages, guest=arch, into='bookworm-' + arch, suite='bookworm')
    except boot_lib.Missing as missing:
        skip(missing)


def kernel_and_busybox(name):
    """Paths of a kernel, 'cloud' or one of KERNELS, and of a busybox for it."""
    if name == 'cloud':
        root = payload()
        return glob.glob(root + '/boot/vmlinuz*')[0], root + '/bin/busybox'
    arch, package, end = KERNELS[name]
    root = bookworm(arch, package, 'busybox-static')
    busybox = next(p for p in (root + '/bin/busybox', root + '/usr/bin/busybox') if os.path.exists(p))
    return next(p for p in sorted(glob.glob(root + '/boot/vmlinuz-*')) if os.path.basename(p).count('-') - end.count('-') == 2 and p.endswith(end)), busybox


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def entries(init, files):
    """An initial file system; programs come with their libraries."""
    every = {'init': (0o100755, init.encode())}
    for path, source in files.items():
        every[path] = (0o100755, read(source))
        for word in subprocess.run(['ldd', source], capture_output=True, text=True).stdout.split():
            if word.startswith('/'):
                every[word[1:]] = (0o100755, read(os.path.realpath(word)))
    folders = {'proc', 'sys', 'dev', 'tmp', 'bin'}
    for path in every:
        while os.path.dirname(path):
            path = os.path.dirname(path)
            folders.add(path)
    return [(f, 0o40755, b'') for f in sorted(folders)] + [(p, m, b) for p, (m, b) in every.items()]


def modules(kernel, wanted):
    """Entries of an initial file system: modules of Debian 12's kernel with all that they need, and their order as mod/order."""
    root = bookworm(*KERNELS[kernel][:2])
    found = {os.path.basename(p)[:-3].replace('-', '_'): p for p in glob.glob(root + '/lib/modules/*/**/*.ko', recursive=True)}
    order = boot_lib.with_needed(wanted, lambda n: read(found[n]) if n in found else None)
    return ([('mod', 0o40755, b'')] + [('mod/%s.ko' % n, 0o100644, read(found[n])) for n in order] +
            [('mod/order', 0o100644, ' '.join(order).encode())])
