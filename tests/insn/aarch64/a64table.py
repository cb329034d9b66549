"""Rows of the A64 tables for the tests: parsing, encoding, random instances, a small assembler, ELF files."""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
sys.path.append(os.path.join(ROOT, 'tests/insn'))
import outside  # noqa: E402

ROW = re.compile(r'^INSN\((\w+),\s*"([^"]+)",\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)"\)')


class Row:
    def __init__(self, match, file):
        self.id, self.name, self.pic, self.fmt, self.feat, self.handler, self.ops = match.groups()
        self.file = file
        self.match = int(''.join(c if c in '01' else '0' for c in self.pic), 2)
        self.mask = int(''.join('1' if c in '01' else '0' for c in self.pic), 2)

    def width(self, letter):
        return self.pic.count(letter)

    def encode(self, fields, rng=None):
        """Bits with each letter's field, most significant first, from `fields`; other free bits random or 0.
        O and I are bits that should be 0 and 1."""
        bits, seen = self.match, {}
        for i, c in enumerate(self.pic):
            if c in '01O':
                continue
            k = seen.get(c, 0)
            seen[c] = k + 1
            if c == 'I':
                bit = 1
            elif c in fields:
                bit = fields[c] >> (self.width(c) - 1 - k) & 1
            else:
                bit = rng.getrandbits(1) if rng else 0
            bits |= bit << (31 - i)
        return bits

    def field(self, bits, letter):
        v = 0
        for i, c in enumerate(self.pic):
            if c == letter:
                v = v << 1 | bits >> (31 - i) & 1
        return v


def load(files=None):
    """The rows of these tables of target/arm; default: all, in the order of a64_rows.inc."""
    rows = []
    if files is None:
        with open(os.path.join(ROOT, 'target/arm/a64_rows.inc')) as f:
            files = re.findall(r'#include "target/arm/([^"]+)"', f.read())
    for file in files:
        with open(os.path.join(ROOT, 'target/arm', file)) as f:
            for line in f:
                m = ROW.match(line)
                if m:
                    rows.append(Row(m, file))
                elif line.startswith('INSN('):
                    raise SystemExit('unparsed row: ' + line)
    return rows


class Decoder:
    """The decision of the rows alone: the most specific row that matches, or None. Formats may still say no."""

    def __init__(self, rows):
        self.rows = sorted(rows, key=lambda r: -bin(r.mask).count('1'))

    def find(self, bits):
        for r in self.rows:
            if bits & r.mask == r.match:
                return r
        return None


class Asm:
    """A code buffer with the few instructions that test programs need around the tested ones."""

    def __init__(self, rows):
        self.row = {r.id: r for r in rows}
        self.code = bytearray()

    def raw(self, bits):
        self.code += bits.to_bytes(4, 'little')

    def emit(self, id, **fields):
        self.raw(self.row[id].encode(fields))

    def li(self, rd, v):
        """rd = v, 64 bits."""
        parts = [(v >> 16 * k & 0xffff, k) for k in range(4)]
        parts = [p for p in parts if p[0]] or [(0, 0)]
        first, k = parts[0]
        self.emit('movz', z=1, h=k, i=first, d=rd)
        for v, k in parts[1:]:
            self.emit('movk', z=1, h=k, i=v, d=rd)

    def store(self, rt, rn, offset):
        """str xt, [xn, offset]"""
        self.emit('str', s=3, i=offset // 8, n=rn, d=rt)

    def load(self, rt, rn, offset):
        self.emit('ldr', s=3, i=offset // 8, n=rn, d=rt)

    def add(self, rd, rn, v):
        self.emit('add_imm' if v >= 0 else 'sub_imm', z=1, i=abs(v), n=rn, d=rd)


CODE_BASE, DATA_BASE = 0x10000, 0x20000000


def elf(code, data, code_base=CODE_BASE, data_base=DATA_BASE):
    """Static executable: code at code_base (its first byte is the entry), data read-write at data_base."""
    def pack(*items):
        return b''.join(v.to_bytes(n, 'little') for v, n in items)
    page = 4096
    off_code, off_data = page, page + (len(code) + page - 1) // page * page
    out = bytearray(b'\x7fELF' + bytes([2, 1, 1]) + bytes(9))
    out += pack((2, 2), (183, 2), (1, 4), (code_base, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2), (2, 2), (64, 2),
                (0, 2), (0, 2))
    for flags, off, addr, size in ((5, off_code, code_base, len(code)), (6, off_data, data_base, len(data))):
        out += pack((1, 4), (flags, 4), (off, 8), (addr, 8), (addr, 8), (size, 8), (size, 8), (page, 8))
    out += bytes(off_code - len(out))
    out += code
    out += bytes(off_data - len(out))
    out += data
    return bytes(out)


def oracle():
    return outside.emulator('qemu-aarch64', 'TINAMOU_QEMU_AARCH64')
