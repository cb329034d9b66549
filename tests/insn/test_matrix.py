#!/usr/bin/env python3
"""Random code full of faults: the interpreter and the translator with each host feature and each optimisation off agree bit for
bit on the state at every signal and on memory.

usage: test_matrix.py [--seed N] [--blocks N] [--isa a32|t32|a64|riscv64|x86_64|i386] [--keep DIR] [--maker PROGRAM] TINAMOU      exit status 77: no cross compiler
N is TINAMOU_TEST_SEED, or 1.
Instances of all rows (of Arm: of those that do not branch) follow each other in loops, UNPREDICTABLE ones included; bases of loads
and stores are made to point around the ends of 8 KiB of data. matrix.c runs them; the generators are arm/matrix_arm.py and
riscv64/matrix_rv.py; of x86 PROGRAM, made of x86/x86_matrix.c.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)
from matrix_base import DATA_SIZE  # noqa: E402

COMPILER = {'a64': ['aarch64-linux-gnu-gcc'], 'a32': ['arm-linux-gnueabihf-gcc', '-marm'],
            'riscv64': ['riscv64-linux-gnu-gcc', '-Wl,--no-relax', '-mno-relax']}
COMPILER['t32'] = COMPILER['a32']
COMPILER['x86_64'], COMPILER['i386'] = ['x86_64-linux-gnu-gcc', '-no-pie'], ['i686-linux-gnu-gcc', '-no-pie']


def ways(engine):
    """Options for each host feature and each optimisation, as the engine lists them when it is asked for what does not exist."""
    def words(option, start):
        text = subprocess.run([engine, option, 'nothing', '/bin/true'], capture_output=True, text=True).stderr
        return text[text.index(start) + len(start):].split()
    found = [['-max-insns', '1']] + [['-host-cpu', 'v%d' % k] for k in (1, 2, 3, 4)]
    found += [['-host-cpu', '-' + w] for w in words('-host-cpu', 'FEATURE, of ')] + [['-host-cpu', 'v1', '-no-opt', 'all']]
    # exact-llsc is no optimisation: without it a promise is not kept
    return found + [['-no-opt', w] for w in words('-no-opt', 'there are ') if w != 'exact-llsc']


def generator(isa):
    sys.path.append(os.path.join(HERE, 'riscv64' if isa == 'riscv64' else 'arm'))
    if isa == 'riscv64':
        import matrix_rv
        return matrix_rv.Code
    import matrix_arm
    return matrix_arm.Code64 if isa == 'a64' else matrix_arm.Code


def build(isa, seed, blocks, maker):
    if maker:
        return subprocess.run([*maker, str(seed), str(blocks)], check=True, stdout=subprocess.PIPE).stdout
    rng = random.Random(seed)
    c = generator(isa)(isa, rng)
    c.start()
    for _ in range(blocks):
        start = len(c.code)
        for _ in range(rng.randrange(4, 24)):
            c.point()
            if rng.random() < 0.04:
                c.trap()
            else:
                c.instance()
        c.loop_end(start)
    c.point()
    c.trap()
    return c.file()


# struct State of matrix.c: bytes of a register, names of those, bytes and names of the vector registers
LAYOUT = {'a64': (8, ['sig', 'addr'] + ['x%d' % i for i in range(31)] + ['sp', 'pc', 'pstate', 'fpsr, fpcr'], 16, ['v%d' % i for i in range(32)]),
          'a32': (4, ['sig', 'addr'] + ['r%d' % i for i in range(15)] + ['pc', 'cpsr', 'fpscr'], 8, ['d%d' % i for i in range(32)])}
LAYOUT['riscv64'] = (8, ['sig', 'addr', 'pc'] + ['x%d' % i for i in range(1, 32)] + ['fcsr'], 8, ['f%d' % i for i in range(32)])
LAYOUT['t32'] = LAYOUT['a32']
LAYOUT['x86_64'] = LAYOUT['i386'] = (8, ['sig', 'addr', 'pc', 'flags'] + 'ax cx dx bx sp bp si di r8 r9 r10 r11 r12 r13 r14 r15 mxcsr'.split(), 16,
                                     ['st%d' % i for i in range(8)] + ['v%d' % i for i in range(16)] + ['h%d' % i for i in range(16)])


def state_size(isa):
    size, names, vector, vectors = LAYOUT[isa]
    return size * len(names) + vector * len(vectors)


def describe(isa, a, b):
    size, names, vector, vectors = LAYOUT[isa]
    step = state_size(isa)
    for k in range(0, len(a) - DATA_SIZE, step):
        x, y = a[k:k + step], b[k:k + step]
        if x == y:
            continue
        text, at = ['signal %d' % (k // step)], 0
        for name in names + vectors:
            width = size if name in names else vector
            v, w = (int.from_bytes(z[at:at + width], 'little') for z in (x, y))
            if v != w or name in ('sig', 'pc'):
                text.append('%s %x, %x' % (name, v, w))
            at += width
        return '; '.join(text)
    return 'memory, or the number of signals'


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=int(os.environ.get('TINAMOU_TEST_SEED', '1')))
    ap.add_argument('--blocks', type=int, default=150)
    ap.add_argument('--isa', default='a32')
    ap.add_argument('--keep')
    ap.add_argument('--maker')
    ap.add_argument('engine')
    args = ap.parse_args()
    cc = COMPILER[args.isa]
    if not shutil.which(cc[0]):
        print('SKIP: no cross compiler')
        return 77
    maker = [args.maker] if args.maker else []
    if maker:
        with open('/proc/cpuinfo') as f:
            if 'AuthenticAMD' not in f.read():
                print("DEFINED STATE ONLY: the translator leaves undefined flags as the processor does, the interpreter as AMD's do")
                maker.append('-defined')
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        tmp = args.keep or tmp
        exe, code = os.path.join(tmp, 'matrix'), os.path.join(tmp, 'code')
        subprocess.run(cc + ['-O1', '-g', '-static', '-Wall', '-o', exe, os.path.join(HERE, 'matrix.c')], check=True)
        with open(code, 'wb') as f:
            f.write(build(args.isa, args.seed, args.blocks, maker))

        def run(way, model):
            p = subprocess.run([args.engine] + way + model + [exe, code], capture_output=True, timeout=120)
            return p.returncode, p.stdout

        def model_of(way):
            """Of x86, whose vector instructions are the host's own, what a host without them has, too."""
            return ['-cpu', 'x86-64-v2' if '-host-cpu' in way else 'max'] if args.maker else []
        wants = {model: run(['--no-jit'], list(model)) for model in {tuple(model_of(way)) for way in ([], ['-host-cpu'])}}
        want = wants[tuple(model_of([]))]
        if want[0]:
            print('the interpreter ended with %d, %d signals' % (want[0], (len(want[1]) - DATA_SIZE) // state_size(args.isa)))
            return 1
        all_ways = [[]] + ways(args.engine)
        for way in all_ways:
            got, want = run(way, model_of(way)), wants[tuple(model_of(way))]
            if got != want:
                bad += 1
                print('%s: status %d; (interpreter, translator) %s' % (' '.join(way) or 'all', got[0], describe(args.isa, want[1], got[1])))
    print('%s, seed %d: %d signals, %d ways: %s' % (args.isa, args.seed, (len(want[1]) - DATA_SIZE) // state_size(args.isa), len(all_ways),
                                                    '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
