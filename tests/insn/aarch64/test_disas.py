#!/usr/bin/env python3
"""Decoder and disassembler of the base rows of A64 against the table of rows and the packaged objdump.

usage: test_disas.py A64_DIS [--seed N] [--per-row N] [-v]

1. The table: for random words of every row, and for random words, the decoder finds the most specific row that
   matches, or says that the encoding is unallocated; each row is found.
2. objdump, with or without aliases, prints the same name and operands. Differences of spelling are in normalise(), of
   opinion in allowed() and refused(), each with its reason. Rows it does not know are in UNKNOWN.
exit status 77: no objdump for aarch64.
"""
import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile

import a64table

# FEAT_LRCPC3 and FEAT_LSE128: newer than binutils 2.40. Their encodings were typed from the manual's diagrams.
UNKNOWN = {'stlr_pre', 'ldapr_post', 'stilp', 'stilp_pre', 'ldiapp', 'ldiapp_post', 'ldclrp', 'ldsetp', 'swpp',
           'chkfeat', 'clrbhb', 'dgh'}
# What we refuse and objdump prints: rows that are not there yet, what EL0 may not use, unallocated field values that
# objdump lets pass.
FOREIGN = re.compile(r'^(hvc|smc|dcps[123]|eret|eretaa|eretab|drps|ld64b|st64b|st64bv|st64bv0|tstart|tcommit|ttest|tcancel|'
                     r'stgm|stzgm|ldgm|msr [a-z]+,#|wfet|dsb .*nxs|udf|hint|bfc)')


def number(m):
    v = int(m.group(2), 16 if m.group(2).startswith('0x') else 10)
    return '#%d' % ((-v if m.group(1) else v) % 2**64)


def normalise(text):
    """One spelling: lower case, decimal numbers modulo 2**64, single blanks."""
    text = re.sub(r'\s*<.*>', '', text.split('//')[0]).strip().lower()
    text = re.sub(r'\s+', ' ', text)
    text = re.sub(r'#?(-?)\b(0x[0-9a-f]+|\d+)\b', number, text)
    text = text.replace(', ', ',')
    text = re.sub(r'^(bc?)\.(cs|cc)', lambda m: m.group(1) + ('.hs' if m.group(2) == 'cs' else '.lo'), text)
    text = re.sub(r',(cs|cc)$', lambda m: ',hs' if m.group(1) == 'cs' else ',lo', text)
    text = {'ret x30': 'ret', 'clrex #15': 'clrex'}.get(text, text)
    text = re.sub(r'^(sys .*|irg .*,.*),xzr$', r'\1', text) # the operand may be left out
    return text


def allowed(word, row, ours, theirs):
    """Known differences of opinion about a word that we accept."""
    if theirs.startswith('.inst') and any(word >> (31 - i) & 1 != (c == 'I') for i, c in enumerate(row.pic) if c in 'OI'):
        return True # bits that should be 0 or 1 and are not
    if ours.startswith(('msr ssbs', 'msr dit', 'msr tco')) and word >> 8 & 14:
        return True # bits 3..1 of the immediate are ignored
    if ours.startswith(('msr', 'mrs')) and re.sub(r's\d_\d_c\d+_c\d+_\d', '*', ours) == re.sub(
            r'\b(?!x\d|xzr|msr|mrs)[a-z][a-z0-9_]*', '*', theirs):
        return True # registers that we do not name
    if theirs.startswith('.inst') and re.match(r'ldpsw|ldp|ldnp|stgp', ours):
        return True # the same register twice: constrained unpredictable, not unallocated
    return False


def objdump(tool, path, option):
    out = subprocess.run([tool, '-D', '-z', '-b', 'binary', '-m', 'aarch64', '-M', option, path], capture_output=True,
                         text=True, check=True).stdout
    return [m.group(1) for m in re.finditer(r'^\s*[0-9a-f]+:\t[0-9a-f]+ \t(.*)$', out, re.M)]


class Test:
    def __init__(self, args):
        self.rows = a64table.load(['a64_insns.def'])
        self.decoder = a64table.Decoder(a64table.load())
        self.bad, self.accepted, self.agreed, self.verbose = 0, {}, {}, args.verbose
        rng = random.Random(args.seed)
        self.words = [r.encode({}, rng) for r in self.rows for _ in range(args.per_row)]
        self.words += [rng.getrandbits(32) for _ in range(30000)]

    def fail(self, text):
        self.bad += 1
        if self.bad <= 40 or self.verbose:
            print(text)

    def one(self, word, row, text, theirs):
        want = self.decoder.find(word)
        if want and want.file != 'a64_insns.def':
            return # test_disas_simd.py
        if row == '-':
            if theirs and not theirs[0].startswith(('.inst', '.word')) and not FOREIGN.match(normalise(theirs[0])) and want:
                self.fail('%08x of row %s refused, objdump: %s' % (word, want.id, theirs[0]))
            return
        self.accepted[row] = self.accepted.get(row, 0) + 1
        if want is None or want.id != row:
            self.fail('%08x decoded as %s, the rows say %s' % (word, row, want.id if want else 'nothing'))
        if not theirs:
            return
        ours = normalise(text)
        if ours in map(normalise, theirs):
            self.agreed[row] = self.agreed.get(row, 0) + 1
        elif row not in UNKNOWN and not allowed(word, want, ours, normalise(theirs[0])):
            self.fail('%08x ours: %-40s objdump: %s' % (word, ours, normalise(theirs[0])))

    def run(self, dis):
        tool = shutil.which('aarch64-linux-gnu-objdump')
        with tempfile.NamedTemporaryFile() as f:
            f.write(b''.join(w.to_bytes(4, 'little') for w in self.words))
            f.flush()
            ours = [l.split('\t', 1) for l in
                    subprocess.run([dis, f.name, 'rows'], capture_output=True, text=True, check=True).stdout.splitlines()]
            theirs = [objdump(tool, f.name, o) for o in ('no-aliases', 'aliases')] if tool else []
        for lines in theirs:
            if len(lines) != len(self.words):
                self.fail('%d lines of objdump for %d words' % (len(lines), len(self.words)))
                return 1
        for i, (word, (row, text)) in enumerate(zip(self.words, ours)):
            self.one(word, row, text, [t[i] for t in theirs])
        for r in self.rows:
            if r.id not in self.accepted:
                self.fail('row never found: ' + r.id)
            elif tool and r.id not in self.agreed and r.id not in UNKNOWN:
                self.fail('row on which objdump never agreed: ' + r.id)
        print('%d rows, %d words, objdump agreed on %d of %d: %s' % (
            len(self.rows), len(self.words), sum(self.agreed.values()), sum(self.accepted.values()),
            'FAIL (%d)' % self.bad if self.bad else 'ok'))
        return 1 if self.bad else 0 if tool else 77


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('dis')
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--per-row', type=int, default=100)
    ap.add_argument('-v', '--verbose', action='store_true')
    args = ap.parse_args()
    return Test(args).run(args.dis)


sys.exit(main())
