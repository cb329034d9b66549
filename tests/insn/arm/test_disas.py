#!/usr/bin/env python3
"""Decoder and disassembler against LLVM's: random instances of the integer rows, and random words.

usage: test_disas.py A32_DIS [--seed N] [--all]     exit status 77: no llvm-objdump
The two must agree on what is an instruction, on its name and on its operands, except for what normalise() and allowed() list.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile

from armtable import encode_bytes, load

# What only privileged software or later extensions have, and hints with names of their own.
FOREIGN = re.compile(r'^(mcr|mrc|mcrr|mrrc|cdp|ldc|stc|rfe|srs|smc|hvc|eret|mrs|msr|hlt|dcps|cps|v[a-z]|f[a-z]|aes|sha|dbg|esb|csdb|tsb|'
                     r'psbc|bti|pac|aut|bxaut|sg|tt|bxns|blxns|cinc|csel|cset|wls|dls|le\b|lctp|cx|asrl|lsll|lsrl|sqrshr|uqrshl|sqshl|'
                     r'srshr|uqshl|urshr)')


def normalise(text):
    """LLVM's text as ours."""
    text = re.sub(r'\s*<[^>]*>', '', text)
    text = text.split('@')[0].strip().replace('\t', ' ', 1)
    text = re.sub(r'^(\w+)\.w\b', r'\1', text)
    m = re.match(r'^(push|pop)(\w*) (\{.*\})$', text)
    if m:
        text = ('stmdb' if m.group(1) == 'push' else 'ldm') + '%s sp!, %s' % (m.group(2), m.group(3))
    m = re.match(r'^(asr|lsl|lsr|ror|rrx)(s?)(\w*) (.*)$', text)
    text = re.sub(r'#(-?)0x([0-9a-f]+)', lambda x: '#%s%d' % (x.group(1), int(x.group(2), 16)), text)
    text = re.sub(r'\b(stm|ldm)ia\b', r'\1', text)
    text = re.sub(r'\bfp\b', 'r11', text)
    return text


def signs(text):
    """Immediates as 32 bits."""
    return re.sub(r'#(-?\d+)', lambda m: '#%d' % (int(m.group(1)) & 0xffffffff), text)




def ours_as_theirs(text):
    m = re.match(r'^(push|pop)(\w*) (\{.*\})$', text)
    if m:
        text = ('stmdb' if m.group(1) == 'push' else 'ldm') + '%s sp!, %s' % (m.group(2), m.group(3))
    return text


def same(ours, theirs):
    a, b = signs(ours_as_theirs(ours)), signs(normalise(theirs))
    if a == b:
        return True
    a, b = a.replace(' ', ''), b.replace(' ', '')
    if a == b:
        return True
    # one operand named twice where LLVM names it once, and the other way round
    m = re.match(r'^(\w+) (\w+), (.*)$', signs(normalise(theirs)))
    if m and a == '%s%s,%s,%s' % (m.group(1), m.group(2), m.group(2), m.group(3).replace(' ', '')):
        return True
    m = re.match(r'^(\w+) (\w+), (.*)$', signs(ours_as_theirs(ours)))
    return bool(m and b == '%s%s,%s,%s' % (m.group(1), m.group(2), m.group(2), m.group(3).replace(' ', '')))


def allowed(ours, theirs):
    illegal = ours.startswith('.')
    if theirs is None: # LLVM refuses what is UNPREDICTABLE
        return True
    if illegal and (theirs.endswith('^') or
                    theirs.startswith(('ubfx', 'sbfx', 'bfi', 'bfc', 'ldrexd', 'ldaexd', 'strexd', 'stlexd', 'ldrd', 'strd'))):
        return True # UNPREDICTABLE: registers of other modes, more than 32 bits, an odd first register
    if illegal:
        return bool(FOREIGN.match(theirs))
    if ours.startswith(('hint', 'dbg', 'cps', 'dsb', 'dmb', 'isb', 'mcr', 'mrc', 'mrrc', 'msr', 'nop', 'setend', 'clrex', 'sb',
                        'mrs', 'mcrr', 'srs', 'rfe', 'hvc', 'smc', 'subs pc')):
        return True # names of operands
    if ours.startswith(('v', 'aes', 'sha', 'fldm', 'fstm')): # the text of FP and SIMD is test_disas_simd.py's
        return theirs.startswith(('v', 'aes', 'sha', 'fldm', 'fstm'))
    if ours.startswith('udf ') and theirs in ('trap', '__brkdiv0') or ours.replace(', #0]', ']') == theirs:
        return True
    if re.match(r'^add\w* \w+, sp$', ours): # LLVM names the destination again
        return theirs.startswith(ours + ', ')
    return False


SLOT = 16 # each word at an address of its own, with NOPs behind it: a wrong length shifts nothing


def elf_object(code):
    """A relocatable ELF32 Arm file with one section .text."""
    names = b'\0.text\0.shstrtab\0'
    head = bytes.fromhex('7f454c46010101' + '00' * 9 + '01002800' + '01000000') + bytes(8)
    at_names, at_headers = 52 + len(code), 52 + len(code) + len(names)
    head += at_headers.to_bytes(4, 'little') + bytes.fromhex('00000005' + '3400' + '0000' + '0000' + '2800' + '0300' + '0200')

    def section(name, kind, flags, at, size):
        return b''.join(v.to_bytes(4, 'little') for v in (name, kind, flags, 0, at, size, 0, 0, 4, 0))
    return head + code + names + bytes(40) + section(1, 1, 6, 52, len(code)) + section(7, 3, 0, at_names, len(names))


def theirs_of(tool, isa, words):
    """Text by index of the word; what LLVM does not know is missing."""
    pad = b'\0\xbf' * 8 if isa == 't32' else bytes.fromhex('00f020e3') * 4
    code = b''.join((w + pad)[:SLOT] for w in words)
    with tempfile.NamedTemporaryFile(suffix='.o') as f:
        f.write(elf_object(code))
        f.flush()
        p = subprocess.run([tool, '-d', '--no-show-raw-insn', '--triple=%sv8.2a' % ('arm' if isa == 'a32' else 'thumb'),
                            '--mattr=+neon,+fp-armv8,+crypto,+crc,+hwdiv,+hwdiv-arm', f.name], capture_output=True, text=True)
    texts = {}
    for m in re.finditer(r'^\s*([0-9a-f]+):\s+(\S.*)$', p.stdout, re.M):
        at = int(m.group(1), 16)
        if at % SLOT == 0 and '<unknown>' not in m.group(2):
            texts[at // SLOT] = m.group(2)
    return texts


def main():
    tool = shutil.which('llvm-objdump-14') or shutil.which('llvm-objdump')
    if not tool:
        print('SKIP: llvm-objdump is not installed')
        return 77
    seed = int(sys.argv[sys.argv.index('--seed') + 1]) if '--seed' in sys.argv else 1
    rng = random.Random(seed)
    bad = 0
    for isa in ('a32', 't32'):
        items = []
        for r in load(isa):
            # two fields for the same register, of which we read one
            if r.simd or r.id == 'it' or (isa == 't32' and r.id in ('rev', 'rev16', 'revsh', 'rbit', 'clz')):
                continue
            for _ in range(40):
                f = r.random(rng)
                if r.pic.startswith('cccc'):
                    f['c'] = 14 if rng.random() < 0.7 else rng.randrange(14)
                items.append((r.id, encode_bytes(isa, r.encode(f), r.bits)))
        if isa == 'a32':
            items += [('random', rng.getrandbits(32).to_bytes(4, 'little')) for _ in range(8000)]
        else:
            items += [('random', encode_bytes(isa, rng.randrange(0xe8000000, 1 << 32), 32)) for _ in range(8000)]
            items += [('random16', h.to_bytes(2, 'little')) for h in range(0, 0xe800) if h >> 8 != 0xbf]
        agreed, total = set(), 0
        texts = theirs_of(tool, isa, [w for _, w in items])
        with tempfile.NamedTemporaryFile() as f:
            f.write(b''.join((w + bytes(SLOT))[:SLOT] for _, w in items))
            f.flush()
            ours = subprocess.run([sys.argv[1], f.name] + (['t'] if isa == 't32' else []) + ['-s'], capture_output=True, text=True,
                                  check=True).stdout.splitlines()
        shown = {}
        for k, (name, word) in enumerate(items):
            mine, them = ours[k].replace('\t', ' ', 1), texts.get(k)
            total += 1
            if them and same(mine, them):
                agreed.add(name)
            elif not allowed(mine, normalise(them) if them else None):
                bad += 1
                shown[name] = shown.get(name, 0) + 1
                if shown[name] <= 2:
                    print('%s %s %s  ours: %-36s theirs: %s' % (isa, name, word.hex(), mine, normalise(them) if them else 'invalid'))
        print('%s: %d words, %d rows agreed' % (isa, total, len(agreed)))
    print('seed %d: %s' % (seed, '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
