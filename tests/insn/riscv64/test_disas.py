#!/usr/bin/env python3
"""Decoder and disassembler against the cross objdump: all 16-bit words, instances of every row, random words.

usage: test_disas.py RV_DIS [--seed N]     exit status 77: no objdump
The two must agree on what is an instruction, on its name and on its operands, except for the differences listed in
normalise() and allowed(), each with its reason.
"""
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


PRIVILEGED = re.compile(r'^(hlvx?|hsv|hfence|hinval|cbo)\.')


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


def allowed(xlen, ours, theirs):
    """Known differences of opinion."""
    illegal = ours.startswith('.')
    if PRIVILEGED.match(ours) and theirs.startswith('.'):
        return True # see privileged()
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


def privileged(dis, rng):
    """Rows of machines: what we print of them the assembler makes the same bits of. (objdump wants to be told of extensions.)"""
    tool = shutil.which('riscv64-linux-gnu-as')
    rows = rvtable.load('Priv')
    words = [r.encode({}, rng) for r in rows for _ in range(30)]
    with tempfile.TemporaryDirectory() as folder:
        path = folder + '/words'
        with open(path, 'wb') as f:
            f.write(b''.join(w.to_bytes(4, 'little') for w in words))
        ours = subprocess.run([dis, path], capture_output=True, text=True, check=True).stdout.splitlines()
        with open(path + '.s', 'w') as f:
            f.write('\n'.join(ours) + '\n')
        subprocess.run([tool, '-march=rv64gch_zicbom_zicboz_svinval', '-o', path + '.o', path + '.s'], check=True)
        subprocess.run([tool[:-2] + 'objcopy', '-O', 'binary', '-j', '.text', path + '.o', path + '.bin'], check=True)
        with open(path + '.bin', 'rb') as f:
            made = f.read()
    theirs = [int.from_bytes(made[k:k + 4], 'little') for k in range(0, len(made), 4)]
    bad = ['%08x is %s, of which the assembler makes %08x' % x for x in zip(words, ours, theirs) if x[0] != x[2]]
    print('privileged: %d instructions of %d rows, %d differ' % (len(theirs), len(rows), len(bad)))
    for line in bad[:30]:
        print('  ' + line)
    return len(bad) + (len(theirs) != len(words))


def main():
    tool = shutil.which('riscv64-linux-gnu-objdump')
    if not tool:
        print('SKIP: riscv64-linux-gnu-objdump is not installed')
        return 77
    dis = sys.argv[1]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    rows = rvtable.load()
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
    bad += privileged(dis, rng)
    print('seed %d: %s' % (seed, 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
