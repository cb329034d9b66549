"""Rows of the A64 tables for the tests: parsing, encoding, random instances."""
import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
ROW = re.compile(r'^INSN\((\w+),\s*"([^"]+)",\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*(\w+),\s*"([^"]*)"\)')
FILES = ('a64_insns.def', 'a64_fp.def', 'a64_simd.def', 'a64_simd_scalar.def', 'a64_simd_mem.def', 'a64_crypto.def')


class Row:
    def __init__(self, match, file):
        self.id, self.name, self.pic, self.fmt, self.feat, self.handler, self.ops = match.groups()
        self.file = file
        self.match = int(''.join('1' if c in '1I' else '0' for c in self.pic), 2)
        self.mask = int(''.join('1' if c in '01' else '0' for c in self.pic), 2)

    def width(self, letter):
        return self.pic.count(letter)

    def encode(self, fields, rng=None):
        """Bits with each letter's field, most significant first, from `fields`; other free bits random or 0. Bits that
        should be 0 or 1 are so."""
        bits = self.match
        seen = {}
        for i, c in enumerate(self.pic):
            if c in '01OI':
                continue
            k = seen.get(c, 0)
            seen[c] = k + 1
            if c in fields:
                bit = fields[c] >> (self.width(c) - 1 - k) & 1
            else:
                bit = rng.getrandbits(1) if rng else 0
            bits |= bit << (31 - i)
        return bits


def load(files=FILES):
    rows = []
    for name in files:
        with open(os.path.join(ROOT, 'target/arm', name)) as f:
            for line in f:
                m = ROW.match(line)
                if m:
                    rows.append(Row(m, name))
                elif line.startswith('INSN(') and 'id, ' not in line:
                    raise SystemExit('unparsed row: ' + line)
    return rows
