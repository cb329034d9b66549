#!/usr/bin/env python3
"""Decoder and disassembler against the cross objdump: all 16-bit words, instances of every row, random words.

usage: test_disas.py RV_DIS [--seed N]     exit status 77: no objdump
The two must agree on what is an instruction, on its name and on its operands, except for the differences listed in
normalise() and allowed(), each with its reason.
"""
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import rvtable

# What this front end does not implement or what user mode may not use: objdump knows it, we say illegal.
FOREIGN = re.compile(r'^(mret|sret|uret|dret|mnret|wfi|sfence|sinval|hfence|hinval|hlv|hsv|sh[123]add|add\.uw|slli\.uw|'
                     r'aes|sha|sm[34]|clmul|xperm|andn|orn|xnor|clz|ctz|cpop|max|min|sext|zext|rol|ror|rev8|orc|pack|'
                     r'brev8|zip|unzip|bset|bclr|binv|bext|czero|prefetch|cbo|v[a-z]|th\.|csrr|wrs|c\.unimp|'
                     r'f[a-z]+(\.[a-z0-9]+)*\.[hq]\b|f\w+\.[hq]\.|flh|fsh|flq|fsq|fl[it]|fmv\.[hx]\.|fround|fcvtmod|fleq|fltq|fminm|'
                     r'fmaxm|fmvh|fmvp|c\.lbu|c\.lh|c\.sb|c\.sh|c\.zext|c\.sext|c\.not|c\.mul|cm\.|sspush|sspopchk|ssamoswap|'
                     r'mop\.|c\.mop|amocas|lb\.aq|lh\.aq|lw\.aq|ld\.aq|sb\.|sh\.|sw\.|sd\.|amo\w+\.[bh]\b|lpad|nds\.|cv\.|mips\.)')




def normalise(text):
    """objdump's text as ours."""
    text = text.split('#')[0].strip()
    text = re.sub(r'\s*<.*>$', '', text)
    m = re.match(r'^c\.(slli|srli|srai)64\t(.*)$', text)
    if m: # shift by 0: a hint, printed by its RV128 name
        text = 'c.%s\t%s,0x0' % m.groups()
    if text == 'c.addi\tzero,0':
        text = 'c.nop'
    if text == 'fence\tw,unknown': # pred = w, succ = 0 with fm, rd, rs1 zero is PAUSE
        text = 'pause'
    if text.startswith('fence'):
        text = text.replace('unknown', '0') # an empty set
    text = text.replace(',unknown', ',unk') # a reserved rounding mode
    return text


@functools.cache
def told():
    """Names of instructions that objdump does not know of a raw binary."""
    names = {r.name for r in rows_of(BY_ASSEMBLER | BY_NEWER, 64) + rows_of(BY_ASSEMBLER | BY_NEWER, 32)}
    return names | {'mop.r.%d' % n for n in range(32)} | {'mop.rr.%d' % n for n in range(8)} | \
        {'c.mop.%d' % n for n in range(1, 16, 2)}


def allowed(xlen, ours, theirs):
    """Known differences of opinion."""
    illegal = ours.startswith('.')
    if re.sub(r'\.(aq|rl|aqrl)$', '', ours.split('\t')[0]) in told() and theirs.startswith('.'):
        return True # see by_assembler()
    if illegal and (theirs.startswith('.') or FOREIGN.match(theirs)):
        return True
    if illegal and theirs in ('c.addi16sp\tsp,0', 'c.unimp', 'unimp'):
        return True # reserved; the all-zero word is defined illegal
    if illegal and xlen == 32 and re.match(r'^(c\.)?(slli|srli|srai)\t.*,0x[23].$', theirs):
        return True # shift counts above 31 are reserved on RV32
    if theirs.startswith('.'):
        if ours.startswith('fence\t') or ours.startswith('fence.i') or ours.startswith('fence.tso'):
            return True # reserved fm, rd, rs1 of fences: the manual says to execute them as normal fences
        if re.match(r'^fcvt\.d\.(wu?|s)\t.*,(rtz|rdn|rup|rmm|dyn|unk)$', ours):
            return True # exact conversions: objdump knows rounding mode 0 only
        if re.match(r'^f.*,unk$', ours):
            return True # reserved rounding mode: illegal when executed
    if ours.startswith('csr') and theirs.startswith('csr'): # names of CSRs that we do not name
        return re.sub(r',0x[0-9a-f]+,', ',*,', ours) == re.sub(r',[a-z0-9]+,', ',*,', theirs, count=1)
    if ours.startswith(('fcvt.d.l', 'fence')) and ours.split(',rne')[0] == theirs.split(',rne')[0]:
        return True
    return False


def objdump(tool, path, xlen):
    out = subprocess.run([tool, '-D', '-z', '-b', 'binary', '-m', 'riscv:rv%d' % xlen, '-M', 'no-aliases', path],
                         capture_output=True, text=True, check=True).stdout
    lines = []
    for line in out.splitlines():
        m = re.match(r'^\s*[0-9a-f]+:\t([0-9a-f]+)\s+(\S.*)$', line)
        if m:
            lines.append((int(m.group(1), 16), normalise(m.group(2))))
    return lines


def compare(tool, dis, data, xlen, what):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        theirs = objdump(tool, f.name, xlen)
        ours = subprocess.run([dis, f.name] + (['32'] if xlen == 32 else []), capture_output=True, text=True,
                              check=True).stdout.splitlines()
    bad = []
    if len(ours) != len(theirs):
        bad.append('%d lines, objdump has %d' % (len(ours), len(theirs)))
    named = set()
    for mine, (bits, text) in zip(ours, theirs):
        if mine == text:
            named.add(mine.split('\t')[0])
        elif not allowed(xlen, mine, text):
            bad.append('%08x  ours: %-36s objdump: %s' % (bits, mine.replace('\t', ' '), text.replace('\t', ' ')))
    print('%s: %d instructions, %d names agreed, %d differ' % (what, len(ours), len(named), len(bad)))
    for line in bad[:30]:
        print('  ' + line)
    return len(bad), named


# Extensions of which the disassembler wants to be told, which a raw binary cannot; the assembler says it. Those that
# binutils of 2023 does not know are for the assembler of the guest's own packages.
OLDER = 'h_zicbom_zicboz_svinval_zba_zbb_zbc_zbs_zbkb_zbkx_zawrs'
NEWER = OLDER + '_zicond_zcb_zimop_zcmop_zacas_zabha_zknd_zkne_zknh_zksh_zksed_zfh_zfa'
BY_ASSEMBLER = {'PRIV', 'ZICBOM', 'ZICBOZ', 'ZBA', 'ZBB', 'ZBB_ZBKB', 'ZBKB', 'ZBC', 'ZBC_ZBKC', 'ZBKX', 'ZBS', 'ZAWRS'}
BY_NEWER = {'ZKND', 'ZKNE', 'ZKND_ZKNE', 'ZKNH', 'ZKSH', 'ZKSED', 'ZFH', 'ZFHMIN', 'ZFA', 'ZFH_ZFA', 'ZABHA', 'ZACAS', 'ZABHA_ZACAS', 'ZICOND', 'ZCB', 'ZIMOP', 'ZCMOP'}


def rows_of(exts, xlen):
    return [r for r in rvtable.load() + rvtable.load('PRIV')
            if r.ext in exts and r.xlen in ('ANY', str(xlen)) and (xlen == 64 or r.ext != 'PRIV')]


def newer_assembler():
    """Command of the guest's own assembler, run by the outside emulator; None: one of them is not there."""
    root = os.path.join(os.environ.get('TINAMOU_CACHE') or os.path.join(rvtable.ROOT, 'tests/sysroot/cache'), 'riscv64/root')
    path, oracle = root + '/usr/bin/riscv64-linux-gnu-as', rvtable.oracle()
    return [oracle[0], '-L', root, path] if oracle and os.path.exists(path) else None


def assemble(command, march, lines):
    """The bytes of the text section."""
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + '/a.s', 'w') as f:
            f.write('\n'.join(lines) + '\n')
        subprocess.run(command + ['-march=' + march, '-o', folder + '/a.o', folder + '/a.s'], check=True)
        subprocess.run([shutil.which('riscv64-linux-gnu-objcopy'), '-O', 'binary', '-j', '.text', folder + '/a.o',
                        folder + '/a.bin'], check=True)
        with open(folder + '/a.bin', 'rb') as f:
            return f.read()


def rounding(row, rng):
    return {'m': 0 if 'M' in row.ops else rng.choice([0, 1, 2, 3, 4, 7])} if 'm' in row.pic else {}


def by_assembler(dis, rng, command, exts, march, xlen):
    """What we print of an instruction the assembler makes the same bits of."""
    rows = rows_of(exts, xlen)
    even = {'amocas_q': {'d': 10, 't': 28}, 'aes64ks1i': {'i': 10}} # pairs of registers; ten rounds
    words = [(r.encode(dict(even.get(r.id, {}), **rounding(r, rng)), rng), r.size) for r in rows for _ in range(30)]
    data = b''.join(w.to_bytes(n, 'little') for w, n in words)
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        ours = subprocess.run([dis, f.name] + (['32'] if xlen == 32 else []), capture_output=True, text=True,
                              check=True).stdout.splitlines()
    made = assemble(command, 'rv%dgc%s_%s' % (xlen, 'h' if march[0] == 'h' and xlen == 64 else '', march.lstrip('h_')), ours)
    bad, at = [], 0
    for (word, size), text in zip(words, ours):
        theirs = int.from_bytes(made[at:at + size], 'little')
        if theirs != word:
            bad.append('%08x is %s, of which the assembler makes %08x' % (word, text, theirs))
        at += size
    print('rv%d, by the assembler: %d instructions of %d rows, %d differ' % (xlen, len(words), len(rows), len(bad)))
    for line in bad[:30]:
        print('  ' + line)
    return len(bad) + (len(made) != len(data))


def main():
    tool = shutil.which('riscv64-linux-gnu-objdump')
    if not tool:
        print('SKIP: riscv64-linux-gnu-objdump is not installed')
        return 77
    dis = sys.argv[1]
    newer = newer_assembler()
    if not newer:
        print('not compared for want of a newer assembler: ' + ' '.join(sorted(BY_NEWER)))
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    rows = [r for r in rvtable.load() if r.ext not in BY_ASSEMBLER | BY_NEWER]
    bad = 0
    for xlen in (64, 32):
        n, named = compare(tool, dis, b''.join(w.to_bytes(2, 'little') for w in range(65536) if w & 3 != 3), xlen,
                           'rv%d, all 16-bit words' % xlen)
        bad += n
        mine = [r for r in rows if r.size == 4 and r.xlen in ('ANY', str(xlen))]
        words = [r.encode({}, rng) for r in mine for _ in range(300)]
        n, more = compare(tool, dis, b''.join(w.to_bytes(4, 'little') for w in words), xlen, 'rv%d, rows' % xlen)
        bad += n
        words = [w for w in (rng.getrandbits(32) | 3 for _ in range(60000)) if w & 31 != 31]
        n, _ = compare(tool, dis, b''.join(w.to_bytes(4, 'little') for w in words), xlen, 'rv%d, random' % xlen)
        bad += n
        agreed = {re.sub(r'\.(aq|rl|aqrl)$', '', x) for x in named | more}
        missed = [r.id for r in rows if r.xlen in ('ANY', str(xlen)) and r.name not in agreed]
        if missed:
            print('rows on which objdump never agreed: ' + ' '.join(missed))
            bad += 1
    for xlen in (64, 32):
        bad += by_assembler(dis, rng, [shutil.which('riscv64-linux-gnu-as')], BY_ASSEMBLER, OLDER, xlen)
        if newer:
            bad += by_assembler(dis, rng, newer, BY_NEWER, NEWER, xlen)
    print('seed %d: %s' % (seed, 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
