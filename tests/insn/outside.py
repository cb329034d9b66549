"""The outside emulator that instruction tests compare with, and running a guest program on it or on an engine."""
import os
import shutil
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))


def emulator(name, variable=None):
    """Path of qemu-NAME, or None: what the environment variable says, the newest that tests/sysroot fetched, the machine's."""
    cache = os.environ.get('TINAMOU_CACHE') or os.path.join(ROOT, 'tests/sysroot/cache')
    for path in (variable and os.environ.get(variable), os.path.join(cache, 'tools/root/usr/bin', name),
                 shutil.which(name), shutil.which(name + '-static')):
        if path and os.access(path, os.X_OK):
            return path
    return None


def run(command, path, timeout=120):
    """(exit status, output, end of the error output) of the command on a program."""
    p = subprocess.run(command + [path], capture_output=True, timeout=timeout)
    return p.returncode, p.stdout, p.stderr.decode(errors='replace')[-300:]
