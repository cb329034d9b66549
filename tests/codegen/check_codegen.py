#!/usr/bin/env python3
"""Compares the host code of guest instruction sequences with what stands in the files of x86_64/.

usage: check_codegen.py [--bless] EMIT_REGION OBJDUMP FILE...

A file: comment lines `# ...`; rules `; RULE ...`; `guest`, a line an instruction (hex, then text for the reader);
`host`, the expected disassembly. --bless writes that part anew; the diff is reviewed (CONTRIBUTING.md). Rules:
  parallel   other threads share memory        loop   a backward jump leads here
  returns    the program is large: calls and returns go through the return stack
  x86_64, i386  the guest, if it is not riscv64
  no-call    no C call on a hot path
  quiet-loop between the first backward jump and its target no instruction writes to the cpu object, and none calls
  at-most N  host instructions, to the first exit stub included
Addresses in the region are offsets; those of stubs, slots and constants are names; those of C functions are `FUNC`.
"""
import difflib
import os
import re
import subprocess
import sys
import tempfile

INSN = re.compile(r'^\s*([0-9a-f]+):\t(.*)$')
NO_WRITE = re.compile(r'^(cmp|test|bt |ucomis|comis|v?ucomis|v?comis|jmp|push)')


class Case:
    def __init__(self, path):
        self.path, self.head, self.rules, self.guest, self.host = path, [], [], [], []
        part = self.head
        for line in open(path).read().splitlines():
            if line in ('guest', 'host'):
                part = self.guest if line == 'guest' else self.host
                continue
            if line.startswith('; '):
                self.rules.append(line[2:].split())
            part.append(line)

    def write(self, host):
        with open(self.path, 'w') as f:
            f.write('\n'.join(self.head + ['guest'] + self.guest + ['host'] + host) + '\n')


def emit(case, program, objdump):
    options = [o for r, o in (('parallel', '-p'), ('loop', '-l'), ('returns', '-r'), ('x86_64', '-x'), ('i386', '-i')) if [r] in case.rules]
    out = subprocess.run([program] + options, input='\n'.join(g.strip() for g in case.guest if g.strip()) + '\n',
                         capture_output=True, text=True, check=True).stdout
    syms, info = {}, {}
    for line in out.splitlines():
        w = line.split()
        if w[0] == 'sym':
            syms[int(w[2], 16)] = w[1]
        elif w[0] == 'code':
            base, code = int(w[1], 16), bytes.fromhex(w[2])
        else:
            info[w[0]] = int(w[1])
    with tempfile.NamedTemporaryFile() as f:
        f.write(code)
        f.flush()
        text = subprocess.run([objdump, '-D', '-b', 'binary', '-m', 'i386:x86-64', '--no-show-raw-insn',
                               '--adjust-vma=%d' % base, f.name], capture_output=True, text=True, check=True).stdout
    insns = []
    for line in text.splitlines():
        m = INSN.match(line)
        if m:
            insns.append((int(m[1], 16) - base, readable(m[2].strip(), base, len(code), syms)))
    return insns, info


def readable(text, base, size, syms):
    def name(m):
        v = int(m[1], 16)
        if v in syms:
            return '<%s>' % syms[v]
        if base <= v < base + size:
            return '.%x' % (v - base)
        return 'FUNC' if 1 << 44 <= v < 1 << 47 else m[0]
    text = re.sub(r'\s+', ' ', text)
    m = re.match(r'(.*?)-?0x[0-9a-f]+\(%rip\)(.*?) # (0x[0-9a-f]+)$', text)
    if m:
        text = m[1] + m[3] + m[2]
    return re.sub(r'(?<=[\s*$])(?:0x)?([0-9a-f]{7,})(?![0-9a-f(])', name, text)


def loop_of(insns):
    """The instructions of the first loop; later backward jumps come back from cold code."""
    for k in range(len(insns)):
        m = re.match(r'j\w+ \.([0-9a-f]+)$', insns[k][1])
        if m and int(m[1], 16) <= insns[k][0]:
            return [i for i in insns if int(m[1], 16) <= i[0] <= insns[k][0]]
    return []


def writes_cpu(text):
    """AT&T syntax: the destination comes last."""
    if NO_WRITE.match(text):
        return False
    return bool(re.search(r'(^|[ ,])-?(0x)?[0-9a-f]*\(%rbp[^)]*\)$', text))


def broken_rules(case, insns, info):
    for rule in case.rules:
        if rule[0] == 'no-call' and info['calls']:
            yield 'no-call: %d calls' % info['calls']
        elif rule[0] == 'quiet-loop':
            loop = loop_of(insns)
            if not loop:
                yield 'quiet-loop: there is no loop'
            for at, text in loop:
                if writes_cpu(text) or text.startswith('call'):
                    yield 'quiet-loop: .%x %s' % (at, text)
        elif rule[0] == 'at-most' and len(insns) > int(rule[1]):
            yield 'at-most %s: %d instructions' % (rule[1], len(insns))
        elif rule[0] not in ('no-call', 'quiet-loop', 'at-most', 'parallel', 'loop', 'returns', 'x86_64', 'i386'):
            yield 'unknown rule ' + rule[0]


def self_test():
    for text, want in (('mov %rax,0x10(%rbp)', True), ('mov 0x10(%rbp),%rax', False), ('cmpl $0x0,-0x80(%rbp)', False),
                       ('addq $0x1,(%rbp)', True), ('mov %rax,(%rbp,%rcx,8)', True), ('mov %rax,0x10(%rbx)', False)):
        assert writes_cpu(text) == want, text
    assert len(loop_of([(0, 'nop'), (1, 'nop'), (2, 'jne .1'), (4, 'jmp .8')])) == 2


def main():
    self_test()
    args = sys.argv[1:]
    bless = '--bless' in args
    program, objdump, *files = [a for a in args if a != '--bless']
    bad = 0
    for path in sorted(files):
        case = Case(path)
        insns, info = emit(case, program, objdump)
        ratio = '; %d guest instructions, %d host' % (info['insns'], len(insns))
        got = ['  ' + ratio] + ['  %4s  %s' % ('.%x' % at, text) for at, text in insns]
        name = os.path.basename(path)
        for why in broken_rules(case, insns, info):
            print('FAIL %s: %s' % (name, why))
            bad += 1
        if bless:
            case.write(got)
        elif got != case.host:
            print('FAIL %s differs:' % name)
            print('\n'.join(list(difflib.unified_diff(case.host, got, 'stored', 'now', lineterm='', n=2))[:60]))
            bad += 1
    print('%d files, %d complaints' % (len(files), bad))
    return 1 if bad or not files else 0


sys.exit(main())
