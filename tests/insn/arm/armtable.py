"""Rows of a32_*.def and t32_insns.def for the tests: parsing, encoding, ELF files."""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
sys.path.append(os.path.join(ROOT, 'tests/insn'))
import outside  # noqa: E402

ROW = re.compile(r'^INSN\((\w+),\s*"([^"]+)",\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)"\)')


class Row:
    def __init__(self, isa, match, simd=False):
        self.isa = isa
        self.simd = simd
        self.id, self.name, pic, self.fmt, self.feat, self.handler, self.ops = match.groups()
        self.pic = pic.replace(' ', '')
        self.bits = len(self.pic)
        self.match = int(''.join('1' if c in '1O' else '0' for c in self.pic), 2)
        self.mask = int(''.join('1' if c in '01' else '0' for c in self.pic), 2)
        self.letters = sorted(set(self.pic) - set('01OZ'))

    def width(self, letter):
        return self.pic.count(letter)

    def encode(self, fields):
        """Each letter's field, most significant bit first, from `fields`, 0 if it is not there; O and Z as they should be."""
        bits, seen = self.match, {}
        for i, c in enumerate(self.pic):
            if c in '01OZ':
                continue
            k = seen.get(c, 0)
            seen[c] = k + 1
            bits |= (fields.get(c, 0) >> (self.width(c) - 1 - k) & 1) << (self.bits - 1 - i)
        return bits

    def bytes(self, fields, isa=None):
        isa = isa or self.isa
        bits = self.encode(fields)
        if self.simd and self.pic.startswith('11111111'): # a modified immediate; its top bit is the parity of another
            bits = 0xf2000000 | (bits >> 1 & 1) << 24 | bits & 0xffffff
        if self.simd and self.pic.startswith('1111100'):
            bits ^= 0x0a000000
        if self.simd and isa == 't32': # the A32 word with another first byte
            if bits >> 25 == 0x79:
                bits = 0xef000000 | (bits >> 24 & 1) << 28 | bits & 0xffffff
            elif bits >> 24 == 0xf4:
                bits = 0xf9000000 | bits & 0xffffff
        return encode_bytes(isa, bits, self.bits)

    def random(self, rng):
        return {c: rng.getrandbits(self.width(c)) for c in self.letters}


def encode_bytes(isa, bits, width):
    if isa == 'a32':
        return bits.to_bytes(4, 'little')
    if width == 16:
        return bits.to_bytes(2, 'little')
    return (bits >> 16).to_bytes(2, 'little') + (bits & 0xffff).to_bytes(2, 'little')


def load(isa):
    rows = []
    files = {'a32': ['a32_insns.def', 'a32_vfp.def', 'a32_neon.def'], 't32': ['t32_insns.def', 'a32_vfp.def', 'a32_neon.def']}[isa]
    for name in files:
        path = os.path.join(ROOT, 'target/arm', name)
        if not os.path.exists(path):
            continue
        with open(path) as f:
            for line in f:
                m = ROW.match(line)
                if m:
                    rows.append(Row(isa, m, name in ('a32_vfp.def', 'a32_neon.def')))
                elif line.startswith('INSN('):
                    raise SystemExit('unparsed row: ' + line)
    return rows


def most_specific(rows, bits):
    """Of the rows of one length, the one that decodes these bits."""
    best = None
    for r in rows:
        mask = r.mask | (0 if not r.pic.startswith('cccc') else 0)
        if bits & mask == r.match & r.mask and (best is None or bin(r.mask).count('1') > bin(best.mask).count('1')):
            best = r
    return best


CODE_BASE, DATA_BASE = 0x10000, 0x20000000


def elf(code, data, entry=CODE_BASE):
    """Static ELF32 executable: code at CODE_BASE, data read-write at DATA_BASE."""
    def pack(*items):
        return b''.join(v.to_bytes(n, 'little') for v, n in items)
    page = 4096
    off_code, off_data = page, page + (len(code) + page - 1) // page * page
    head = b'\x7fELF' + bytes([1, 1, 1]) + bytes(9)
    head += pack((2, 2), (40, 2), (1, 4), (entry, 4), (52, 4), (0, 4), (0x05000200, 4), (52, 2), (32, 2), (2, 2), (40, 2),
                 (0, 2), (0, 2))
    for flags, off, addr, size in ((5, off_code, CODE_BASE, len(code)), (6, off_data, DATA_BASE, len(data))):
        head += pack((1, 4), (off, 4), (addr, 4), (addr, 4), (size, 4), (size, 4), (flags, 4), (page, 4))
    out = bytearray(head)
    out += bytes(off_code - len(out)) + code
    out += bytes(off_data - len(out)) + data
    return bytes(out)


def oracle():
    """Command of the outside emulator, or None."""
    path = outside.emulator('qemu-arm', 'TINAMOU_QEMU_ARM')
    return path and [path, '-cpu', 'max']
