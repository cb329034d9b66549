"""Instances of branches for test_random.py: the code around one, which makes visible whether and where it went.

Register 5 counts instructions that were executed behind the branch; link registers are compared as they are."""
COUNT_A32, COUNT_T16 = 0xe2855001, 0x3501 # add r5, r5, #1


def words(*values):
    return b''.join(v.to_bytes(4, 'little') for v in values)


def halves(*values):
    return b''.join(v.to_bytes(2, 'little') for v in values)


def aligned(at, isa):
    """A NOP in front of what must stand at a multiple of 4."""
    return halves(0xbf00) if isa == 't32' and at & 2 else b''


def a32_code(row, rng, case, at):
    h = row.handler
    cond = 14 if rng.random() < 0.5 else rng.randrange(14)
    if h in ('b', 'bl'):
        return row.bytes({'c': cond, 'i': 0}) + words(COUNT_A32)
    if h == 'blx_imm': # into T32 and back by lr
        where = rng.randrange(2)
        return row.bytes({'i': where << 24}) + words(0xea000000) + halves(*([0xbf00, 0x4770] if where else [0x4770, 0xbf00]))
    m = rng.choice([r for r in range(13) if r != 5])
    if rng.random() < 0.5:
        case.regs[m] = at + 8
        return row.bytes({'c': cond, 'm': m}) + words(COUNT_A32)
    case.regs[m] = at + 8 | 1 # bx pc; nop
    return row.bytes({'c': cond, 'm': m}) + words(0xea000000) + halves(0x4778, 0xbf00)


def t32_register(row, rng, case, at):
    m = rng.choice([r for r in range(8 if row.id == 'cbz_16' else 13) if r not in (5, 12)])
    branch = row.bytes({'m': m})
    if rng.random() < 0.5:
        case.regs[m] = at + len(branch) + 2 | 1
        return branch + halves(COUNT_T16)
    pad = aligned(at, 't32') # A32 behind it: add r12, pc, #1; bx r12
    case.regs[m] = at + len(pad) + 4
    return pad + branch + halves(*([0xe003] if len(branch) == 2 else [])) + words(0xe28fc001, 0xe12fff1c)


def t32_code(row, rng, case, at):
    h = row.handler
    if row.id == 'b_16':
        return row.bytes({'i': 0}) + halves(COUNT_T16)
    if row.id == 'bcc_16':
        return row.bytes({'c': rng.randrange(14), 'i': 0}) + halves(COUNT_T16)
    if row.id == 'bcc':
        return halves(0xf000 | rng.randrange(14) << 6, 0x8001, COUNT_T16)
    if h in ('b', 'bl'):
        return halves(0xf000, 0xb801 if h == 'b' else 0xf801, COUNT_T16)
    if h == 'blx_imm': # into A32: bx lr
        return aligned(at, 't32') + halves(0xf000, 0xe802, 0xe002, 0xbf00) + words(0xe12fff1e)
    if h in ('cbz', 'cbnz'):
        n = rng.choice([0, 1, 2, 3, 4, 6, 7])
        case.regs[n] = rng.choice([0, 1, case.regs[n]])
        return row.bytes({'n': n, 'i': 0}) + halves(COUNT_T16)
    if h in ('tbb', 'tbh'):
        m = rng.choice([0, 1, 2, 3, 4, 6, 7, 8, 12])
        case.regs[m] = rng.randrange(4)
        table = bytes([2, 3, 4, 5]) if h == 'tbb' else halves(4, 5, 6, 7)
        return halves(0xe8df, (0xf000 if h == 'tbb' else 0xf010) | m) + table + halves(*[COUNT_T16] * 3)
    return t32_register(row, rng, case, at)


HANDLERS = ('b', 'bl', 'blx_imm', 'bx', 'blx', 'cbz', 'cbnz', 'tbb', 'tbh')


def code(row, rng, case, at):
    """The bytes of an instance at address `at`; sets registers of the case."""
    return (a32_code if row.isa == 'a32' else t32_code)(row, rng, case, at)
