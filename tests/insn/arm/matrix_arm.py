"""Random code of A64, A32 and T32 for test_matrix.py."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../aarch64'))
import a64table  # noqa: E402
import branches  # noqa: E402
from armtable import encode_bytes, load  # noqa: E402
from matrix_base import COUNTER, DATA, DATA_SIZE, Base  # noqa: E402
from test_random import best  # noqa: E402

# What differs from run to run, waits, leaves, or gives the kernel random numbers.
SKIP = branches.HANDLERS + ('svc', 'it', 'get_cntvct', 'get_cntfrq', 'get_tpidr', 'get_tpidrro', 'put_tpidr')


class Code64(Base):
    """A64. Rows of branches and the system are left out, but for a few words of the latter; so is what is random."""
    WORDS = (0xd51b4400, 0xd51b4400, 0xd53b4400, 0xd51b4420, 0xd53b4420, 0xd51b4200, 0xd53b4200) # FPCR, FPSR, NZCV

    def __init__(self, isa, rng):
        super().__init__(isa, rng)
        self.decoder = a64table.Decoder(a64table.load())
        self.rows = [r for r in self.decoder.rows if r.match >> 26 & 7 != 5 and r.feat not in ('PAuth', 'PACGA', 'MOPS') and r.handler != 'irg']
        self.memory = [r for r in self.rows if r.match >> 27 & 1 and not r.match >> 25 & 1]

    def w(self, word):
        self.code += word.to_bytes(4, 'little')

    def load(self, r, value):
        """movz, movk"""
        self.w(0xd2800000 | (value & 0xffff) << 5 | r)
        for k in (1, 2, 3):
            if value >> 16 * k & 0xffff:
                self.w(0xf2800000 | k << 21 | (value >> 16 * k & 0xffff) << 5 | r)

    def start(self):
        self.load(0, DATA + DATA_SIZE // 2)
        self.w(0x9100001f) # mov sp, x0
        for r in range(31):
            self.load(r, self.rng.choice([0, 1, 1 << 63, (1 << 63) - 1, self.rng.getrandbits(64), self.rng.getrandbits(32)]))

    def instance(self):
        rng = self.rng
        if rng.random() < 0.08:
            self.w(rng.choice(self.WORDS) | rng.randrange(32))
            return
        while True:
            row = rng.choice(self.rows if rng.random() < 0.7 else self.memory)
            bits = row.encode({}, rng)
            if self.decoder.find(bits) is row:
                break
        n, m = bits >> 5 & 31, bits >> 16 & 31
        if row in self.memory and 'n' in row.pic:
            if n == 31:
                n, bits = 0, bits & ~(31 << 5)
            if 'o' in row.pic and 'm' in row.pic and m != n and m != 31:
                self.load(m, rng.randrange(64))
            self.pointer(n)
        self.w(bits)

    def trap(self):
        self.w(0)

    def loop_end(self, start):
        self.point()
        self.load(0, COUNTER)
        for word in (0xb9400001, 0x71000421, 0x52800062, 0x1a810043, 0xb9000003): # ldr w1; subs w1, #1; w3 = w1 or 3; str w3
            self.w(word)
        self.w(0x54000001 | (start - len(self.code) >> 2 & 0x7ffff) << 5) # b.ne


class Code(Base):
    def __init__(self, isa, rng):
        super().__init__(isa, rng)
        self.rows = load(isa)
        rows = [r for r in self.rows if r.handler not in SKIP]
        self.usable, self.memory = rows, [r for r in rows if is_memory(r)]
        self.plain = [r for r in rows if not is_memory(r) and (not r.simd or r.pic.startswith('cccc'))]

    def start(self):
        for r in range(15):
            self.load(r, self.rng.choice([0, 1, 0x80000000, 0x7fffffff, self.rng.getrandbits(32), self.rng.getrandbits(32)]))

    def instance(self):
        rng = self.rng
        row = rng.choice(self.usable if rng.random() < 0.7 else self.memory)
        if self.isa == 't32' and rng.random() < 0.15:
            n, cond = rng.randrange(1, 5), rng.randrange(14)
            self.w(0xbf00 | cond << 4 | (rng.getrandbits(n - 1) << 1 | 1) << 4 - n, 16)
            for _ in range(n):
                if not instance(self, rng.choice(self.plain), True):
                    self.w(0xbf00, 16)
        elif not instance(self, row, False):
            self.trap()

    def trap(self):
        self.w(*((0xe7f000f0, 32) if self.isa == 'a32' else (0xde00, 16)))


    def w(self, word, bits=32):
        self.code += encode_bytes(self.isa, word, bits)

    def load(self, r, value):
        """movw, movt"""
        for op, v in ((0, value & 0xffff), (1, value >> 16)):
            if self.isa == 'a32':
                self.w(0xe3000000 | op << 22 | (v >> 12) << 16 | r << 12 | (v & 0xfff))
            else:
                self.w(0xf2400000 | op << 23 | (v >> 12) << 16 | (v >> 11 & 1) << 26 | (v >> 8 & 7) << 12 | r << 8 | (v & 255))

    def loop_end(self, start):
        """Three times: the counter is in memory."""
        self.point()
        if self.isa == 'a32':
            self.w(0xf1010000) # setend le
            self.load(0, COUNTER)
            for word in (0xe5901000, 0xe2511001, 0x03a01003, 0xe5801000): # ldr r1; subs r1, #1; moveq r1, #3; str r1
                self.w(word)
            self.w(0x1a000000 | (start - len(self.code) - 8 >> 2) & 0xffffff) # bne
            return
        self.w(0xb650, 16)
        self.load(0, COUNTER)
        for half in (0x6801, 0x3901, 0xbf08, 0x2103, 0x6001): # the same
            self.w(half, 16)
        offset = start - len(self.code) - 4
        self.w(0xf0408000 | (offset >> 20 & 1) << 26 | (offset >> 12 & 63) << 16 | (offset >> 18 & 1) << 13 | (offset >> 19 & 1) << 11
               | (offset >> 1 & 0x7ff)) # bne.w


def fields_of(c, row):
    """Random fields that cannot branch; None: try again."""
    rng = c.rng
    f = row.random(rng)
    if row.pic.startswith('cccc'):
        f['c'] = 14 if c.isa == 't32' or rng.random() < 0.6 else rng.randrange(14)
    if any(f.get(c) == 15 for c in 'dsae') and not row.simd or f.get('d') == 15 and row.fmt == 'VREG':
        return None
    if 'l' in f and not row.simd:
        f['l'] &= 0x7fff if row.fmt != 'T16_POP' else 0xff
    if row.handler == 'nop' and f.get('i') in (2, 3):
        return None
    if 'Q' in f and rng.random() < 0.7:
        f.update({c: f[c] & ~1 for c in 'dnm' if c in f})
    return f if best(c.rows, row, row.encode(f)) is row else None # not another row's encoding


def is_memory(row):
    return 'MEM' in row.fmt or row.fmt in ('LDM', 'EX', 'EXD', 'VLDR', 'VLDRH', 'VLDM', 'TLDMIA', 'TLDMDB', 'TEX', 'TLIT', 'T16_LIT', 'T16_LDM',
                                           'T16_STM', 'T16_PUSH', 'T16_POP')


def instance(c, row, in_it):
    """One instruction; outside of IT blocks with its base made a pointer."""
    rng = c.rng
    for _ in range(100):
        f = fields_of(c, row)
        if f is None:
            continue
        if is_memory(row):
            base = 13 if row.fmt in ('T16_MEM_SP', 'T16_PUSH', 'T16_POP') else f.get('n', 15)
            if 'm' in f and row.fmt != 'VMEM': # small, and shifts keep it so
                if f['m'] == base or f.get('h') == 3 or f.get('k', 0) > 6 or f['m'] == 15:
                    continue
                if not in_it:
                    c.load(f['m'], rng.randrange(64))
                elif f['m'] != base:
                    continue
            if in_it and base != 15 or row.fmt in ('T16_LIT', 'TLIT'):
                continue
            if base != 15:
                c.pointer(base)
        elif row.handler == 'vmsr' and rng.random() < 0.7:
            f['n'] = 1
        word = row.bytes(f)
        c.code += word
        return True
    return False
