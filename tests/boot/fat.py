"""A FAT16 file system as an image, for firmware to boot from (Microsoft's "FAT: General Overview of On-Disk Format", 1.03). Names
are 8.3 and upper case; there is no partition table."""
import os
import struct

SECTOR, CLUSTER = 512, 8192


def _short(name):
    base, _, ext = name.upper().partition('.')
    assert 0 < len(base) <= 8 and len(ext) <= 3, name
    return base.ljust(8).encode() + ext.ljust(3).encode()


class Fat:
    def __init__(self):
        self.clusters, self.table = [], [0xfff8, 0xffff]

    def add(self, content):
        """The number of the first cluster of a chain with that content; 0: it is empty."""
        first = len(self.table) if content else 0
        for at in range(0, len(content), CLUSTER):
            self.clusters.append(content[at:at + CLUSTER].ljust(CLUSTER, b'\0'))
            self.table.append(len(self.table) + 1)
        if content:
            self.table[-1] = 0xffff
        return first

    def entry(self, name, first, size, folder):
        name = name if isinstance(name, bytes) else _short(name)
        return struct.pack('<11sBBBHHHHHHHI', name, 0x10 if folder else 0x20, 0, 0, 0, 0x5921, 0, 0, 0, 0x5921, first, size)

    def folder(self, tree, parent, top):
        """Entries of a folder: a dict of names to bytes or dicts. Its number has to be known before its children's."""
        number = 0 if top else self.add(b'\0' * CLUSTER)
        out = b'' if top else self.entry(b'.          ', number, 0, True) + self.entry(b'..         ', parent, 0, True)
        for name, what in tree.items():
            if isinstance(what, dict):
                out += self.entry(name, self.folder(what, number, False), 0, True)
            else:
                out += self.entry(name, self.add(what), len(what), False)
        assert len(out) <= CLUSTER
        if top:
            return out
        self.clusters[number - 2] = out.ljust(CLUSTER, b'\0')
        return number


def make(path, tree, megabytes=96):
    """tree: a dict of names to contents, or to dicts."""
    fat, root_entries, reserved = Fat(), 512, 1
    root = fat.folder(tree, 0, True)
    sectors = megabytes << 11
    table_sectors = (sectors // (CLUSTER // SECTOR) * 2 + SECTOR - 1) // SECTOR
    head = struct.pack('<3s8sHBHBHHBHHHII', b'\xeb\x3c\x90', b'TINAMOU ', SECTOR, CLUSTER // SECTOR, reserved, 2, root_entries, 0, 0xf8,
                       table_sectors, 63, 255, 0, sectors)
    head += struct.pack('<BBBI11s8s', 0x80, 0, 0x29, 0x1234, b'TINAMOU    ', b'FAT16   ')
    table = struct.pack('<%dH' % len(fat.table), *fat.table).ljust(table_sectors * SECTOR, b'\0')
    assert len(fat.table) < 65525 and len(table) == table_sectors * SECTOR
    with open(path, 'wb') as f:
        f.write(head.ljust(SECTOR - 2, b'\0') + b'\x55\xaa' + table + table + root.ljust(root_entries * 32, b'\0'))
        for c in fat.clusters:
            f.write(c)
        assert f.tell() <= sectors * SECTOR
        f.truncate(sectors * SECTOR)
    return path
