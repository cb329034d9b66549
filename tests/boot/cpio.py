"""An initial file system: a cpio archive in the `newc` format, compressed."""
import gzip


def _entry(number, name, mode, data=b'', rdev=(0, 0)):
    name = name.encode() + b'\0'
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name), 0)
    out = b'070701' + b''.join(b'%08x' % f for f in fields) + name
    out += b'\0' * (-len(out) % 4)
    return out + data + b'\0' * (-len(data) % 4)


def archive(entries):
    """entries: (path, mode, bytes); a directory has mode 0o40755 and no bytes, a link 0o120777 and its target."""
    out = b''
    for number, (name, mode, data) in enumerate(entries, 1):
        out += _entry(number, name, mode, data)
    return gzip.compress(out + _entry(0, 'TRAILER!!!', 0), 1)
