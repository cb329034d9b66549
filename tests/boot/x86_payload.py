"""What boots of PCs need: Debian 12's cloud kernel with its modules, busybox and SeaBIOS, and initial file systems made of them."""
import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


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
