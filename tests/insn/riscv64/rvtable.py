"""Rows of rv_insns.def for the tests: parsing, encoding, random instances."""
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
sys.path.append(os.path.join(ROOT, 'tests/insn'))
import outside  # noqa: E402

ROW = re.compile(r'^INSN\((\w+),\s*"([^"]+)",\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)",\s*(\w+)\)')


class Row:
    def __init__(self, match):
        self.id, self.name, self.pic, self.fmt, self.ext, self.xlen, self.ops, self.handler = match.groups()
        self.size = len(self.pic) // 8
        self.match = int(''.join(c if c in '01' else '0' for c in self.pic), 2)
        self.mask = int(''.join('1' if c in '01' else '0' for c in self.pic), 2)

    def width(self, letter):
        return self.pic.count(letter)

    def encode(self, fields, rng=None):
        """Bits with each letter's field, most significant first, from `fields`; other free bits random or 0."""
        n = len(self.pic)
        bits = self.match
        seen = {}
        for i, c in enumerate(self.pic):
            if c in '01':
                continue
            k = seen.get(c, 0)
            seen[c] = k + 1
            if c in fields:
                bit = fields[c] >> (self.width(c) - 1 - k) & 1
            else:
                bit = rng.getrandbits(1) if rng and c != '-' else 0
            bits |= bit << (n - 1 - i)
        return bits


def load(only=None):
    """The rows that user mode has, or those of one extension."""
    rows = []
    with open(os.path.join(ROOT, 'target/riscv/rv_insns.def')) as f:
        for line in f:
            m = ROW.match(line)
            if m and (Row(m).ext == only if only else Row(m).ext != 'PRIV'):
                rows.append(Row(m))
            elif not m and line.startswith('INSN(') and 'id, ' not in line:
                raise SystemExit('unparsed row: ' + line)
    return rows


class Asm:
    """A code buffer with the few instructions that test programs need around the tested ones."""

    def __init__(self, rows, xlen=64):
        self.row = {r.id: r for r in rows}
        self.xlen = xlen
        self.code = bytearray()

    def raw(self, bits, size):
        self.code += bits.to_bytes(size, 'little')

    def emit(self, id, **fields):
        row = self.row[id]
        self.raw(row.encode(fields), row.size)

    def store(self, id, rs2, rs1, imm):
        """S format: the immediate's letters stand apart, but in order."""
        self.emit(id, t=rs2, s=rs1, i=imm & 0xfff)

    def load(self, id, rd, rs1, imm):
        self.emit(id, d=rd, s=rs1, i=imm & 0xfff)

    def li32(self, rd, v):
        """rd = v sign-extended from 32 bits."""
        hi = (v + 0x800 >> 12) & 0xfffff
        self.emit('lui', d=rd, i=hi)
        self.emit('addi' if self.xlen == 32 else 'addiw', d=rd, s=rd, i=v & 0xfff)

    def store_x(self, rs2, rs1, imm):
        self.store('sw' if self.xlen == 32 else 'sd', rs2, rs1, imm)

    def load_x(self, rd, rs1, imm):
        self.load('lw' if self.xlen == 32 else 'ld', rd, rs1, imm)


CODE_BASE, DATA_BASE = 0x10000, 0x20000000


def elf(code, data, bits=64):
    """Static executable: code at CODE_BASE (its first byte is the entry), data read-write at DATA_BASE."""
    def pack(*items):
        return b''.join(v.to_bytes(n, 'little') for v, n in items)
    page, w = 4096, bits // 8
    head_size, ph_size = (64, 56) if bits == 64 else (52, 32)
    off_code, off_data = page, page + (len(code) + page - 1) // page * page
    head = b'\x7fELF' + bytes([bits // 32, 1, 1]) + bytes(9)
    head += pack((2, 2), (243, 2), (1, 4), (CODE_BASE, w), (head_size, w), (0, w), (5, 4), (head_size, 2), (ph_size, 2),
                 (2, 2), (64, 2), (0, 2), (0, 2))
    for flags, off, addr, size in ((5, off_code, CODE_BASE, len(code)), (6, off_data, DATA_BASE, len(data))):
        head += pack((1, 4))
        head += pack((flags, 4)) if bits == 64 else b''
        head += pack((off, w), (addr, w), (addr, w), (size, w), (size, w))
        head += pack((flags, 4)) if bits == 32 else b''
        head += pack((page, w))
    out = bytearray(head)
    out += bytes(off_code - len(out))
    out += code
    out += bytes(off_data - len(out))
    out += data
    return bytes(out)


def oracle(xlen=64):
    """Command of the outside emulator, with all that it has; None: there is none."""
    path = outside.emulator('qemu-riscv%d' % xlen, 'TINAMOU_QEMU' if xlen == 64 else None)
    return path and [path, '-cpu', 'max' if version(path) >= 10 else 'rv%d,zbkb=on,zbkc=on,zbkx=on' % xlen]


def version(path):
    out = subprocess.run([path, '--version'], capture_output=True, text=True).stdout
    m = re.search(r'version (\d+)', out)
    return int(m.group(1)) if m else 0


NEWER = {'ZKND', 'ZKNE', 'ZKND_ZKNE', 'ZKNH', 'ZKSH', 'ZKSED', 'ZFH', 'ZFHMIN', 'ZFA', 'ZFH_ZFA', 'ZABHA', 'ZACAS', 'ZABHA_ZACAS', 'ZICBOZ', 'ZICOND', 'ZIMOP', 'ZCMOP', 'ZCB', 'ZAWRS'} # which emulators of 2022 have not


def compared(rows, command):
    """The rows that this outside emulator has."""
    if version(command[0]) >= 10:
        return rows
    print('the outside emulator is old: not compared are ' + ' '.join(sorted(NEWER)))
    return [r for r in rows if r.ext not in NEWER and r.id != 'ctzw'] # 7.2 counts on in the upper half
