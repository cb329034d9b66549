#!/usr/bin/env python3
"""test_x86_models.py X86_MODELS TINAMOU: CPUID of the models that are named for a processor, against a public dump of that processor.

The dumps are those of github.com/InstLatx64/InstLatx64, by the names of their files; here stand the words that say who it is and
what it can do. A model announces nothing that its processor has not, and what it does not announce is in SYSTEM or
NOT_DONE. The first two were dumped by 32-bit programs, which do not see SYSCALL (80000001.edx, bit 11).
"""
import subprocess
import sys

# model: (file, 1.eax, 1.ecx, 1.edx, 7.ebx, 7.ecx, 7.edx, 7.1.eax, d.1.eax, 80000001.ecx, 80000001.edx)
DUMPS = {
    'Nehalem': ('GenuineIntel00106A4_Bloomfield_CPUID.txt', 0x106a4, 0x0098e3bd, 0xbfebfbff, 0, 0, 0, 0, 0, 0x1, 0x28100800),
    'Haswell': ('GenuineIntel00306C3_Haswell_CPUID.txt', 0x306c3, 0x7ffafbff, 0xbfebfbff, 0x27ab, 0, 0, 0, 1, 0x21, 0x2c100800),
    'Skylake-Server': ('GenuineIntel0050654_SkylakeXeon_CPUID.txt', 0x50654, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 8, 0, 0, 0xf, 0x121,
                       0x2c100800),
    'Icelake-Server': ('GenuineIntel00606A6_ICX_CPUID2.txt', 0x606a6, 0x7ffefbff, 0xbfebfbff, 0xf3bfbfff, 0x40417f4e, 0xbc040412, 0, 0xf,
                       0x121, 0x2c100800),
    'Cascadelake-Server': ('GenuineIntel0050656_CascadeLakeSP_CPUID.txt', 0x50656, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 0x808, 0xbc000400, 0,
                           0xf, 0x121, 0x2c100800),
    'EPYC': ('AuthenticAMD0800F12_K17_Zen_CPUID.txt', 0x800f12, 0x7ed8320b, 0x178bfbff, 0x209c01a9, 0, 0, 0, 0xf, 0x35c233ff, 0x2fd3fbff),
    'EPYC-Rome': ('AuthenticAMD0830F10_K17_Rome_CPUID.txt', 0x830f10, 0x7ef8320b, 0x178bfbff, 0x219c91a9, 0x00400004, 0, 0, 0xf, 0x75c237ff,
                  0x2fd3fbff),
    'EPYC-Milan': ('AuthenticAMD0A00F11_K19_Milan_CPUID1.txt', 0xa00f11, 0x7eda320b, 0x178bfbff, 0x219c97a9, 0x0040068c, 0x10, 0, 0xf,
                   0x75c237ff, 0x2fd3fbff),
    'EPYC-Genoa': ('AuthenticAMD0A10F11_K19_Genoa_01_CPUID.txt', 0xa10f11, 0x7efa320b, 0x178bfbff, 0xf1bf97a9, 0x00415fce, 0x10000010, 0x20,
                   0xf, 0x75c237ff, 0x2fd3fbff),
}
WORDS = ('1.ecx', '1.edx', '7.ebx', '7.ecx', '7.edx', '7.1.eax', 'd.1.eax', '80000001.ecx', '80000001.edx')
HERE = {'1.ecx': 1 << 31 | 1 << 27}  # a hypervisor, in a sense; XSAVE is on
# Bits that a processor has and its model has not: no program can use them, or they are not done.
SYSTEM = {
    '1.ecx': (2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 15, 17, 18, 21, 24),
    '1.edx': (1, 2, 3, 5, 6, 7, 9, 11, 12, 13, 14, 16, 17, 18, 21, 22, 27, 28, 29, 31),
    '7.ebx': (1, 2, 6, 7, 10, 12, 13, 14, 15, 20, 22, 25),
    '7.ecx': (2, 3, 4, 7, 13, 16, 30),
    '7.edx': (1, 2, 10, 18, 20, 26, 27, 28, 29, 31),
    'd.1.eax': (3,),
    '80000001.ecx': (1, 2, 3, 4, 9, 10, 12, 13, 15, 17, 19, 22, 23, 24, 25, 26, 28, 30, 31),
    '80000001.edx': (1, 2, 3, 5, 6, 7, 9, 12, 13, 14, 16, 17, 25, 26),
}
NOT_DONE = {
    ('1.ecx', 3): 'monitor', ('7.ebx', 4): 'HLE', ('7.ebx', 11): 'RTM', ('7.edx', 4): 'fsrm, a hint',
    ('80000001.ecx', 7): 'misaligned SSE', ('80000001.ecx', 11): 'XOP', ('80000001.ecx', 29): 'monitorx',
    ('80000001.ecx', 16): 'FMA4', ('80000001.ecx', 21): 'TBM', ('80000001.edx', 22): 'MMX extensions of AMD, which are part of SSE',
}


def numbers(text):
    return {line.split()[0]: [int(w, 16) for w in line.split()[1:]] for line in text.splitlines()}


def word(leaves, name):
    leaf, register = name.rsplit('.', 1)
    return leaves[leaf if '.' in leaf else leaf + '.0'][('eax', 'ebx', 'ecx', 'edx').index(register)]


def compare(model, leaves):
    errors = []
    dump = dict(zip(('1.eax',) + WORDS, DUMPS[model][1:]))
    if word(leaves, '1.eax') != dump['1.eax']:
        errors.append('signature %x, not %x' % (word(leaves, '1.eax'), dump['1.eax']))
    for name in WORDS:
        got = word(leaves, name) & ~HERE.get(name, 0)
        more, less = got & ~dump[name], dump[name] & ~got
        for bit in range(32):
            if more >> bit & 1:
                errors.append('%s bit %d: the processor has it not' % (name, bit))
            if less >> bit & 1 and bit not in SYSTEM.get(name, ()) and (name, bit) not in NOT_DONE and \
                    not HERE.get(name, 0) >> bit & 1:
                errors.append('%s bit %d: the processor has it' % (name, bit))
    return errors


def main():
    program, emulator = sys.argv[1:3]
    listed = subprocess.run([emulator, '-cpu', 'help'], capture_output=True, text=True).stdout.split()
    bad = 0
    for model in DUMPS:
        if model not in listed:
            print('%s: no such model' % model)
            continue
        p = subprocess.run([emulator, '-cpu', model, program], capture_output=True, text=True)
        if p.returncode:
            print('%s: %s' % (model, p.stderr.strip()))  # more than this host can do
            continue
        errors = compare(model, numbers(p.stdout))
        print('%s, %s: %s' % (model, DUMPS[model][0], '; '.join(errors) or 'ok'))
        bad += bool(errors)
    return 1 if bad else 0


sys.exit(main())
