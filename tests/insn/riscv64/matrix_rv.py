"""Random code of RV64GC for test_matrix.py."""
import rvtable
from matrix_base import COUNTER, DATA, DATA_SIZE, Base

SKIP = ('ecall',) # the kernel is no part of this
CLOCKS = (0xc00, 0xc01, 0xc02)
FP_CSRS = (1, 2, 3)
BRANCHES = ('B', 'CB')
JUMPS = ('J', 'CJ', 'CJAL', 'CR_JR', 'CR_JALR')


class Code(Base):
    """Branches and jumps go forward over the next instance. Any register may be written, sp, gp and tp too."""

    def __init__(self, isa, rng):
        super().__init__(isa, rng)
        every = [r for r in rvtable.load() if r.xlen != '32']
        rows = [r for r in every if r.handler not in SKIP]
        self.a = rvtable.Asm(rows)
        self.code = self.a.code
        self.branches = [r for r in rows if r.fmt in BRANCHES + JUMPS or r.handler == 'jalr']
        self.special = self.branches + [r for r in every if r.handler in SKIP]
        self.rows = [r for r in rows if r not in self.branches]
        memory = [r for r in self.rows if '(s)' in r.ops]
        self.memory = [r for r in memory if r.fmt != 'AMO'] * 3 + [r for r in memory if r.fmt == 'AMO']

    def load(self, r, value):
        self.a.li32(r, value)

    def big(self, r, value):
        """Any 64 bits."""
        self.a.li32(r, value >> 32)
        for k in (22, 11, 0):
            width = 10 if k == 22 else 11
            self.shift(r, width)
            self.a.emit('addi', d=r, s=r, i=value >> k & (1 << width) - 1)

    def shift(self, r, n):
        self.a.emit('slli', d=r, s=r, i=n)

    def start(self):
        rng = self.rng
        for r in range(1, 32):
            self.big(r, rng.choice([0, 1, 1 << 63, (1 << 63) - 1, rng.getrandbits(64), rng.getrandbits(32)]))
        for r in range(32):
            self.a.emit('fmv_d_x', d=r, s=rng.randrange(32))

    def fields(self, row):
        """Registers as numbers; those of three bits stand for x8 to x15."""
        rng = self.rng
        f = {c: rng.getrandbits(row.width(c)) for c in 'dstrm' if c in row.pic}
        if 'm' in f and rng.random() < 0.9:
            f['m'] = rng.choice([0, 1, 2, 3, 4, 7, 7, 7])
        if row.fmt == 'CSR':
            f['c'] = rng.choice(FP_CSRS) if rng.random() < 0.9 else rng.getrandbits(12)
            if f['c'] in CLOCKS:
                f['c'] = 1
        return f

    def base(self, row, f):
        if 's' not in row.pic: # of sp
            return 2
        return f['s'] + (8 if row.width('s') == 3 else 0)

    def instance(self):
        rng = self.rng
        if rng.random() < 0.1:
            self.branch(rng.choice(self.branches))
            return
        row = rng.choice(self.rows if rng.random() < 0.7 else self.memory)
        f = self.fields(row)
        if row in self.memory:
            base = self.base(row, f)
            self.pointer(base)
            if row.fmt == 'AMO':
                if rng.random() < 0.8: # aligned
                    self.a.emit('andi', d=base, s=base, i=-8 & 0xfff)
            elif row.size == 4 and rng.random() < 0.8: # small offsets
                f['i'] = rng.randrange(-32, 32) & 0xfff
        if not self.raw(row, f):
            self.trap()

    def raw(self, row, f):
        """An instance, if its bits are not those of a special case that branches or leaves (c.mv of x0 is c.jr)."""
        bits = row.encode(f, self.rng)
        if any(bits & r.mask == r.match and r.size == row.size for r in self.special if r is not row):
            return False
        self.a.raw(bits, row.size)
        return True

    def branch(self, row):
        """Over the next instance, whose place is a resume point; registers that jumps take are made to say so."""
        at, f = len(self.code), self.fields(row)
        size = row.size
        if row.handler == 'jalr':
            base = f['s'] = f['s'] or 1
            self.a.emit('auipc', d=base, i=0)
            self.a.emit('addi', d=base, s=base, i=0)
            at = len(self.code)
            f['i'] = self.rng.choice([0, 0, 1])
        self.a.raw(row.encode(f), size) # made again below, when the distance is known
        behind = at + size
        self.point()
        while True:
            other = self.rng.choice(self.rows)
            if other not in self.memory and self.raw(other, self.fields(other)):
                break
        to = len(self.code)
        if row.handler == 'jalr':
            lead = rvtable.Asm(self.a.row.values())
            lead.emit('addi', d=base, s=base, i=to - (at - 8) & 0xfff)
            self.code[at - 4:at] = lead.code
        elif row.fmt == 'B':
            n = to - at
            f['i'] = (n >> 12 & 1) << 11 | (n >> 5 & 63) << 5 | (n >> 1 & 15) << 1 | n >> 11 & 1
        elif row.fmt == 'CB':
            n = to - at
            f['i'] = (n >> 3 & 3) << 5 | (n >> 1 & 3) << 1
        elif row.fmt == 'J':
            f['i'] = (to - at) >> 1 << 9
        else: # CJ: 11 4 9:8 10 6 7 3:1 5
            n = to - at
            f['i'] = (n >> 1 & 7) << 1
        self.code[at:behind] = row.encode(f).to_bytes(size, 'little')

    def trap(self):
        if self.rng.random() < 0.5:
            self.a.emit('ebreak')
        else:
            self.a.raw(0, 2)

    def loop_end(self, start):
        """Three times: the counter is in memory."""
        self.point()
        a = self.a
        self.load(5, COUNTER)
        a.load('lw', 6, 5, 0)
        a.emit('addiw', d=6, s=6, i=0xfff)
        a.emit('sltiu', d=7, s=6, i=1)
        a.emit('sub', d=7, s=0, t=7)
        a.emit('andi', d=7, s=7, i=3)
        a.emit('add', d=7, s=7, t=6) # the counter, or three again
        a.store('sw', 7, 5, 0)
        a.emit('beq', s=6, t=0, i=8) # over the jump back
        n = start - len(self.code)
        a.emit('jal', d=0, i=(n >> 20 & 1) << 19 | (n >> 1 & 0x3ff) << 9 | (n >> 11 & 1) << 8 | n >> 12 & 0xff)
