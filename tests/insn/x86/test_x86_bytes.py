#!/usr/bin/env python3
"""test_x86_bytes.py [--all | --decode] X86_BYTES TINAMOU [OPTION]...
What byte strings are, to the processor and to the emulator: an instruction, of what length, or none (x86_bytes.c).

--decode: to the decoder, which is quicker; --all: the same for all short strings (minutes). TINAMOU_TEST_COUNT, TINAMOU_TEST_SEED.
MORE lists what AMD's processors have and the emulator's cpu has not, OTHERS and the functions behind it what Intel's make another
thing of.
"""
import collections
import os
import subprocess
import sys


# What the processor has, and no model of ours: by map and opcode.
MORE = {
    'map 1 opcode 01': 'vmmcall, monitorx, clzero and more', 'map 1 opcode c7': 'xsaves, xrstors',
    'map 1 opcode 20': 'lock mov cr0 for cr8', 'map 1 opcode 22': 'lock mov cr0 for cr8',
    'map 4 opcode 00': 'vpermq with VEX.W clear, which no manual has', 'map 4 opcode 01': 'vpermpd, likewise',
}
# What is each maker's own besides: by verdicts natively and here, map and opcode.
OTHERS = {
    'ok ill map 0 opcode c6': 'xabort', 'ok ill map 0 opcode c7': 'xbegin',
    'ill ok map 1 opcode 2b': 'movntss, movntsd (SSE4A)', 'ill ok map 1 opcode 78': 'extrq, insertq', 'ill ok map 1 opcode 79': 'likewise',
    'ok ill map 1 opcode 0d': 'prefetch of a register is a nop',
    'ok ill map 2 opcode f8': 'movdir64b, enqcmd', 'ok ill map 2 opcode f9': 'movdiri',
    'ok ill map 3 opcode f0': 'hreset', 'ok ill map 4 opcode 50': 'AVX-VNNI', 'ok ill map 4 opcode 51': 'likewise', 'ok ill map 4 opcode 52': 'likewise',
    'ok ill map 4 opcode 53': 'likewise',
}
OTHERS.update({'ok ill map 4 opcode ' + code: 'AVX512-FP16' for code in '08 0a 26 27 56 57 66 67 c2'.split()})


def after_prefixes(native):
    code, k = bytes.fromhex(native[0]), 0
    while code[k] in b'\x66\x67\xf0\xf2\xf3\x26\x2e\x36\x3e\x65' or code[k] >> 4 == 4:
        k += 1
    return code[k:]


def half_precision(native, got):
    """EVEX maps 5 and 6 are those of AVX512-FP16."""
    code = after_prefixes(native)
    return (native[1], got[1], code[0]) == ('ok', 'ill', 0x62) and code[1] & 7 in (5, 6)


def group_15(native, got):
    """Of 0F AE: ptwrite (F3 /4), incssp (F3 /5), clrssbsy, umonitor, umwait, tpause (/6 with F3, F2 or 66)."""
    code = after_prefixes(native)
    if (native[1], got[1], code[:2]) != ('ok', 'ill', b'\x0f\xae'):
        return False
    prefixes, reg = bytes.fromhex(native[0])[:-len(code)], code[2] >> 3 & 7
    return reg == 6 and any(p in prefixes for p in b'\xf3\xf2\x66') or reg in (4, 5) and b'\xf3' in prefixes


def mask_register(native, got):
    """The fourth bit of a mask register's number: AMD's processors ignore it, on Intel's it must be none."""
    return (native[1], got[1], native[4]) == ('ill', 'ok', '4') and native[6][0] in '349'


def ignored(native):
    """EVEX: this processor ignores a b between registers that has no meaning, and z without a mask; the manual says #UD."""
    code = after_prefixes(native)
    last, modrm = code[3], code[5]
    return code[0] == 0x62 and ((last & 0x10 and modrm >> 6 == 3) or (last & 0x80 and not last & 7))


def near_branch(native):
    """In 64-bit mode Intel's processors ignore 66 before a near branch, AMD's take a displacement of 16 bits."""
    return '66' in native[0] and (native[3:] in (['map', '0', 'opcode', 'e8'], ['map', '0', 'opcode', 'e9']) or
                                  native[3:6] == ['map', '1', 'opcode'] and native[6][0] == '8')


def allowed(native, got, of_amd):
    if not of_amd:
        longer = native[1] == got[1] == 'ok' and int(native[2]) in (int(got[2]) + 2, 15)
        if longer and near_branch(native) or mask_register(native, got) or half_precision(native, got) or group_15(native, got):
            return True
        if ' '.join([native[1], got[1]] + native[3:]) in OTHERS:
            return True
    if native[1:3] == ['ok', '15'] and got[1] == 'ill' or native[1] == 'ill' and got[1:3] == ['ok', '15']:
        return True  # both none and too long: which fault comes first is not said
    return native[1] == 'ok' and got[1] == 'ill' and (' '.join(native[3:]) in MORE or ignored(native))


def main():
    args = sys.argv[1:]
    mode = args.pop(0) if args[0].startswith('--') else None
    program, *emulator = args
    with open('/proc/cpuinfo') as f:
        of_amd = 'AuthenticAMD' in f.read()
    count = '0' if mode == '--all' else os.environ.get('TINAMOU_TEST_COUNT', '100000' if mode else '6000')
    how = [program, os.environ.get('TINAMOU_TEST_SEED', '1'), count]
    native = subprocess.Popen(how, stdout=subprocess.PIPE, text=True)
    tested = subprocess.Popen(how + ['-d'] if mode else emulator + how, stdout=subprocess.PIPE, text=True)
    wrong, total = collections.Counter(), 0
    for a, b in zip(native.stdout, tested.stdout):
        total += 1
        if a != b and not allowed(a.split(), b.split(), of_amd):
            word = a.split()
            key = ' '.join(word[3:]) + ': %s, not %s' % (b.split()[1], word[1])
            wrong[key] += 1
            if wrong[key] <= 2:
                print('native %sgot    %s' % (a, b), end='')
    status = native.wait(), tested.wait()
    print('%d strings, %d differ, exit status %d and %d' % (total, wrong.total(), *status))
    for name, n in wrong.most_common():
        print('  %s: %d' % (name, n))
    return 1 if wrong or any(status) or not total else 0


sys.exit(main())
