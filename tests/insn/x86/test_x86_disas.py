#!/usr/bin/env python3
"""Decoder and disassembler against objdump and capstone: random and short byte strings.

usage: test_x86_disas.py X86_DIS [--seed N] [--count N] [--all]     exit status 77: no objdump
--all: every string of the sets of x86_bytes.c (prefixes, then all of an opcode and the byte behind it).
What is an instruction and how long it is, all three have to agree on but for known(), whose lines name what the others have wrong
(the processor said so: test_x86_bytes.py). The text is compared with objdump's, where it has no prefix that means nothing.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile

SLOT = 32
PREFIXES = [bytes.fromhex(h) for h in ('', '66', 'f3', 'f2', '48', '41', '6648', 'f348', 'f248', 'f0', '67', '64', '65', '4f', '4266')]
MAPS = [b'', b'\x0f', b'\x0f\x38', b'\x0f\x3a']
LEGACY = bytes.fromhex('6667f0f2f32e3e26366465484f44')


def strings(rng, count):
    out = []
    for k in range(count):
        tail = bytes(rng.getrandbits(8) for _ in range(20))
        how = k % 8
        if how == 2 and rng.getrandbits(1):  # EVEX
            s = bytes([0x62, tail[0] & 0xf0 | rng.randrange(1, 4), tail[1] | 4, tail[2] & ~(7 * rng.getrandbits(1))]) + tail[3:]
        elif how < 2:  # VEX
            three = rng.random() < 0.7
            s = bytes([0xc4, tail[0] & 0xe0 | rng.randrange(1, 4)]) if three else b'\xc5'
            s += bytes([tail[1] | 0x78 * rng.getrandbits(1)]) + tail[2:]
        elif how == 2:
            s = bytes(rng.choice(LEGACY) for _ in range(rng.randrange(14))) + rng.choice(MAPS) + tail
        else:
            s = rng.choice(PREFIXES) + rng.choice(MAPS) + tail
        out.append(s)
    return out


def all_short(rng):
    out = []
    for prefix in PREFIXES:
        for m in MAPS:
            for v in range(0x10000):
                out.append(prefix + m + v.to_bytes(2, 'big') + bytes(rng.getrandbits(8) for _ in range(16)))
    return out


def theirs_of(objdump, path):
    """(length, text) by slot."""
    p = subprocess.run([objdump, '-D', '-z', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', path],
                       capture_output=True, text=True, check=True)
    out, slot = [], None
    for line in p.stdout.splitlines():
        m = re.match(r'^\s*([0-9a-f]+):\s*(.*)$', line)
        if not m:
            continue
        at, text = int(m.group(1), 16), m.group(2)
        if slot is not None:
            out.append((at % SLOT or SLOT, slot))
            slot = None
        if at % SLOT == 0:
            slot = text
    return out


USELESS = re.compile(r'^(rex(\.\w+)?|data16|addr32|[cdes]s|[fg]s|repn?z|rep|lock|xacquire|xrelease|bnd|notrack)\b *')
CONDITIONS = ['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord', 'eq_uq', 'nge', 'ngt', 'false', 'neq_oq', 'ge', 'gt', 'true', 'eq_os',
              'lt_oq', 'le_oq', 'unord_s', 'neq_us', 'nlt_uq', 'nle_uq', 'ord_s', 'eq_us', 'nge_uq', 'ngt_uq', 'false_os', 'neq_os', 'ge_oq',
              'gt_oq', 'true_us']


SCALAR = re.compile(r'^v(\w+s[sd](2si)?|cvtsi2s[sd]) ')  # VEX.L means nothing


def normalise(text):
    """objdump's text as ours."""
    text = re.sub(r'\s+', ' ', text).strip()
    text = re.sub(r' *#.*$', '', text)
    text = re.sub(r'\+[re]iz\*\d|\b[re]iz\*1\+', '', text)
    text = re.sub(r'\[[re]iz\*\d\+(\w+)\]', r'ds:\1', text)
    text = re.sub(r'\[(0x\w+)\]', r'ds:\1', text)
    text = re.sub(r'\[([re])iz\*\d-0x(\w+)\]', lambda m: 'ds:0x%x' % (2**(64 if m.group(1) == 'r' else 32) - int(m.group(2), 16)), text)
    text = re.sub(r'\[([re]ip)\+0xf{8}([0-9a-f]{8})\]', lambda m: '[%s-0x%x]' % (m.group(1), 2**32 - int(m.group(2), 16)), text)
    text = re.sub(r'([fg]s:)ds:', r'\1', text)
    m = re.match(r'^(.*\b)?(v?cmp)([a-z_]+)([ps][sd]) (.*)$', text)
    if m and m.group(3) in CONDITIONS:
        text = '%s%s%s %s,0x%x' % (m.group(1) or '', m.group(2), m.group(4), m.group(5), CONDITIONS.index(m.group(3)))
    m = re.match(r'^(v?pclmul)([lh]q)([lh]q)dq (.*)$', text)
    if m:
        text = '%sqdq %s,0x%x' % (m.group(1), m.group(4), (m.group(2) == 'hq') + 16 * (m.group(3) == 'hq'))
    return text


NO_SIZE = re.compile(r'^(v?p?gather\w+|l[sfgde]s|call|jmp|nop|v?lddqu|cmpxchg(8|16)b) ')  # of memory
ANY_REGISTER = re.compile(r'^(mov [c-gs]s,|v?p(ins|ext)r[bw] |v?p?movmsk)')  # of a general register objdump has another part


def unsized(text):
    return re.sub(r'[A-Z]+ PTR ', '', text)


def alike(ours, theirs):
    if ours == theirs or (ours, theirs) == ('nop', 'xchg ax,ax') or (ours, theirs) == ('nop', 'xchg rax,rax'):
        return True
    theirs = theirs.replace('{evex} ', '')
    theirs = re.sub(r'^xlat .*', 'xlat', re.sub(r'\b(rex(\.\w+)?|xacquire|xrelease) ', '', theirs))
    theirs = re.sub(r'^movabs', 'mov', re.sub(r'^(push|ret|call|jmp|enter|pop|leave|frstor|fnsave|fldenv|fnstenv|iret|j\w+|lock)w\b', r'\1', theirs))
    ours = re.sub(r'^movabs', 'mov', ours)
    if ours == theirs or (NO_SIZE.match(ours) and unsized(ours) == unsized(theirs)):
        return True
    if SCALAR.match(ours) and ours.replace('ymm', 'xmm') == theirs.replace('ymm', 'xmm'):
        return True
    if ANY_REGISTER.match(ours) and ours.split(' ')[0] == theirs.split(' ')[0]:
        return True
    m, n = (re.match(r'^(j\w+|loop\w*) 0x([0-9a-f]+)$', t) for t in (ours, theirs))
    return bool(m and n and m.group(1) == n.group(1) and int(m.group(2), 16) == int(n.group(2), 16) & 0xffff)  # objdump does not cut it


def same(ours, theirs):
    ours, theirs = re.sub(r' *# 0x[0-9a-f]+', '', ours).strip(), normalise(theirs)
    while not alike(ours, theirs) and USELESS.match(theirs):
        theirs = USELESS.sub('', theirs, count=1)
    while not alike(ours, theirs) and (USELESS.match(ours) or USELESS.match(theirs)):
        ours, theirs = USELESS.sub('', ours, count=1), USELESS.sub('', theirs, count=1)
    return alike(ours, theirs)


def only_prefixes(text):
    """objdump ends an instruction behind rex where another prefix follows."""
    return all(USELESS.match(word) for word in normalise(text).split())


# Instructions that no model of ours has, or that the processor does not have either (cr1, lock in front of what is not locked).
MORE = re.compile(r'\b(lock|mov \w+,[cd]r\d+|mov [cd]r\d+|cmp\w+xadd|vfn?m(add|sub)(sub|add)?[sp][sd]|vmread|vmwrite|lar|lsl|verr|verw|'
                  r'femms|insertq|extrq|movnts[sd]|ud[01]|rsm|getsec|vpdp\w+|v?pm\w+52\w+|k\w+|xsusldtrk|xresldtrk|'
                  r'encls|enclu|enclv|vmcall|vmlaunch|vmresume|vmxoff|monitorx?|mwaitx?|clac|stac|xend|xtest|xbegin|xabort|rdpkru|wrpkru|'
                  r'vmrun|vmmcall|vmload|vmsave|stgi|clgi|skinit|invlpga|clzero|rdpru|mcommit|pconfig|tilerelease|ldtilecfg|sttilecfg|'
                  r'xrstors|xsaves|vmptrl?st|vmptrld|vmclear|vmxon|senduipi|uiret|testui|clui|stui|psmash|pvalidate|rmp\w+|invlpgb|tlbsync|'
                  r'rdsspd|rdsspq|incsspd|incsspq|saveprevssp|rstorssp|setssbsy|clrssbsy|wrs?u?ss[dq]|ptwrite|umonitor|tpause|umwait|'
                  r'serialize|wbnoinvd|movdir\w+|enqcmds?|invept|invvpid|hreset|t\w+bf16ps|tdp\w+|tile\w+|aes\w+kl|loadiwkey|encodekey\w+|'
                  r'rdmsrlist|wrmsrlist|wrmsrns|aadd|aand|aor|axor|prefetchit\d|vbcstn\w+|vcvtne\w+|lwpcb|pswapd|pf\w+|pi2f\w|pavgusb|'
                  r'pmulhrw|sysenter|vpermil2p[sd]|xrstors64|xsaves64|vzero\w+|v(ld|st)mxcsr|xstore-rng|xcrypt-\w+|montmul|xsha\w+)\b|mov cs,|\?')


# to the processor, with one of these prefixes; objdump does not look
WITH_PREFIX = re.compile(r'\b(repz?|repnz|data16) (\S+ )*(f?x(save|rstor)\w*|ldmxcsr|stmxcsr|pmovmskb|[ms]fence)\b|(rex|data16|rep).* v')


def known(our_len, our_text, their_len, their_text, cs_len):
    if '(bad)' in their_text and our_text.startswith('k'):
        return True  # bits that mean nothing for mask registers
    if not our_len:
        return bool(MORE.search(their_text)) or their_len > 15 or bool(WITH_PREFIX.search(their_text))
    if our_text in ('lfence', 'mfence', 'sfence'):
        return True  # whose low digit means nothing
    if not their_len:  # second encodings, prefixes that mean nothing: then capstone knows them, MPX
        return cs_len == our_len or our_text.startswith('nop ')
    if our_text == 'fwait' or 'cldemote' in their_text:
        return True  # fwait is a part of the next for objdump; cldemote is a nop for whom it is not
    return (our_text == 'wbinvd' and 'wbnoinvd' in their_text) or 'movq2dq' in our_text or (
        our_text.startswith('nop ') and bool(re.search('bnd|rdssp|prefetchit', their_text)))


def main():
    objdump = shutil.which('objdump')
    if not objdump:
        print('SKIP: objdump is not installed')
        return 77
    seed = int(sys.argv[sys.argv.index('--seed') + 1]) if '--seed' in sys.argv else 1
    count = int(sys.argv[sys.argv.index('--count') + 1]) if '--count' in sys.argv else 10000
    rng = random.Random(seed)
    items = all_short(rng) if '--all' in sys.argv else strings(rng, count)
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join((s[:15] + b'\x90' * SLOT)[:SLOT] for s in items))
        f.flush()
        theirs = theirs_of(objdump, f.name)
        lines = subprocess.run([sys.argv[1], f.name], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(theirs) == len(lines) == len(items), (len(theirs), len(lines), len(items))
    bad, shown = 0, {}
    for s, line, (their_len, their_text) in zip(items, lines, theirs):
        our_len, our_text, cs_len, cs_name = line.split('\t')
        if only_prefixes(their_text) or (s[0] == 0x62 and line.startswith('0')):
            continue  # objdump does not look at what must not stand in EVEX
        our_len, cs_len, their_len = int(our_len), int(cs_len), 0 if '(bad)' in their_text else their_len
        if our_len == their_len and (not our_len or same(our_text, their_text)):
            continue
        if known(our_len, our_text, their_len, normalise(their_text), cs_len):
            continue
        bad += 1
        key = our_text.split()[0] if our_text else ''
        shown[key] = shown.get(key, 0) + 1
        if shown[key] <= (60 if key == '(bad)' else 3):
            print('%s  ours: %d %s  objdump: %d %s  capstone: %d %s' %
                  (s[:15].hex(), our_len, our_text, their_len, normalise(their_text), cs_len, cs_name))
    print('seed %d: %d strings, %s' % (seed, len(items), '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
