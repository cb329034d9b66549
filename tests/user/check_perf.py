#!/usr/bin/env python3
"""What the emulator tells of its translations: -perfmap and -jitdump (their formats, names of symbols, forked children, execve),
names and hot regions of -d, -dfilter, -D with %d.

usage: check_perf.py "CROSS COMPILER" "EMULATOR [OPTIONS]" watched.c FOLDER
Exit status 77: no compiler.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

bad = []


def check(good, *what):
    if not good:
        bad.append(what)


def run(command, folder, status=0):
    env = dict(os.environ, TINAMOU_TRANSLATIONS='off')  # what is taken from earlier runs is not counted
    p = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = p.communicate(timeout=120)
    check(p.returncode == status, command, p.returncode, err[-500:])
    return p.pid, out, err


def read_map(pid):
    """[(start, size, name)] of perf's map, which is taken away."""
    path = '/tmp/perf-%d.map' % pid
    with open(path, encoding='ascii') as f:
        rows = [line.rstrip('\n').split(' ', 2) for line in f]
    os.unlink(path)
    return [(int(start, 16), int(size, 16), name) for start, size, name in rows]


def read_dump(folder, pid):
    """The same of a jitdump, with the code; each record as the format's description has it."""
    path = os.path.join(folder, 'jit-%d.dump' % pid)
    data = open(path, 'rb').read()
    os.unlink(path)
    magic, version, size, machine, _, owner, _, flags = struct.unpack_from('<IIIIIIQQ', data)
    check((magic, version, size, machine, owner, flags) == (0x4a695444, 1, 40, 62, pid, 0), 'header', data[:40])
    at, rows, kinds, last = 40, [], [], 0
    while at < len(data):
        kind, size, time = struct.unpack_from('<IIQ', data, at)
        kinds.append(kind)
        check(time >= last, 'time', time, last)
        if kind == 0:
            last = time
            owner, _, vma, where, length, number = struct.unpack_from('<IIQQQQ', data, at + 16)
            name, _, code = data[at + 56:at + size].partition(b'\0')
            check(owner == pid and vma == where and length == len(code) and number == len(rows), 'record', owner, vma, where, number)
            rows.append((where, length, name.decode(), code))
        at += size
    check(at == len(data) and set(kinds[:-1]) == {0} and kinds[-1] in (0, 3), 'records', at, len(data), kinds[-3:])
    return rows


def named(rows, function, file):
    return [r for r in rows if re.fullmatch(re.escape(function) + r'(\+0x[0-9a-f]+)? \[' + re.escape(file) + r'\]', r[2])]


def files(emulator, program, base, library, folder):
    pid, out, _ = run(emulator + ['-perfmap', '-jitdump', program, 'fork'], folder)
    rows, dump = read_map(pid), read_dump(folder, pid)
    child = int(out.split()[-1])
    check([r[:3] for r in dump] == rows and len(rows) > 50, 'map and dump agree', len(rows), len(dump))
    for function in ('main', 'turns_round', 'once'):
        check(named(rows, function, base), 'nothing of', function, rows[-5:])
    check(not named(rows, 'only_child', base), 'of the child alone')
    if library:
        check(any(r[2].endswith('[libc.so.6]') and not r[2].startswith('0x') for r in rows), 'nothing of the library')
    check(all(b'\0' * 32 not in r[3] for r in dump), 'code')
    rows, dump = read_map(child), read_dump(folder, child)
    check(named(rows, 'only_child', base) and named(rows, 'turns_round', base) and len(dump) == len(rows), 'the child', len(rows))
    pid, out, _ = run(emulator + ['-perfmap', program, 'exec'], folder)
    check(out.endswith('again\n') and named(read_map(pid), 'main', base), 'behind execve', out)


def logs(emulator, program, base, folder):
    _, _, err = run(emulator + ['-d', 'stats', program], folder)
    hot = re.search(r'^hot regions.*\n +(\d+) (\d+) 0x([0-9a-f]+) (\S+) \[(.*?)\]', err, re.M)
    interpreter = '-no-jit' in emulator
    check(interpreter or (hot and hot.group(4).startswith('turns_round') and hot.group(5) == base), 'hot regions', err[-1500:])
    if hot:
        check(99000 <= int(hot.group(2)) <= 110000, 'runs', hot.group(0))
    symbols = subprocess.run(['nm', program], stdout=subprocess.PIPE, text=True, check=True).stdout
    place = int(re.search(r'^([0-9a-f]+) T once$', symbols, re.M).group(1), 16) & ~1
    for item in ('in_asm', 'ir', 'exec') + (() if interpreter else ('out_asm',)):
        _, _, whole = run(emulator + ['-seed', '1', '-d', item + ',nochain', program], folder)
        first = re.search(r'0x([0-9a-f]+)(?: \+ \d+)? once \[', run(emulator + ['-seed', '1', '-d', 'in_asm', program], folder)[2])
        at = int(first.group(1), 16)
        check(at % 4096 == place % 4096, 'address of a function', hex(at), hex(place))
        for text in ('%#x..%#x' % (at, at + 1), '0+1,%#x+2' % at, '%#x-0x2' % (at + 1)):
            _, _, part = run(emulator + ['-seed', '1', '-dfilter', text, '-d', item + ',nochain', program], folder)
            check(0 < len(part) < len(whole) / 20, item, text, len(part), len(whole))
            check(item not in ('in_asm', 'exec') or 'once [' in part, item, part[:300])
        _, _, none = run(emulator + ['-seed', '1', '-dfilter', '1..2', '-d', item, program], folder)
        check(not none, item, 'of nothing', none[:200])
    pid, out, _ = run(emulator + ['-D', 'log.%d', '-strace', program, 'fork'], folder)
    for number, call in ((pid, 'wait4'), (int(out.split()[-1]), 'exit_group')):
        text = open('%s/log.%d' % (folder, number), encoding='utf-8').read()
        check(call in text and all(re.match('%d |.* clone' % number, line) for line in text.splitlines()), 'log of', number, text[-400:])


def separate(compiler, emulator, source, folder):
    """A program without symbols, whose file of them lies where GDB looks for it by the build ID."""
    program, tool = folder + '/stripped', compiler[0][:-len('gcc')]
    subprocess.run(compiler + ['-O1', '-static', '-Wl,--build-id=sha1', source, '-o', program], check=True)
    notes = subprocess.run([tool + 'readelf', '-n', program], stdout=subprocess.PIPE, text=True, check=True).stdout
    number = re.search(r'Build ID: ([0-9a-f]{40})', notes).group(1)
    place = '%s/root/usr/lib/debug/.build-id/%s' % (folder, number[:2])
    os.makedirs(place)
    subprocess.run([tool + 'objcopy', '--only-keep-debug', program, '%s/%s.debug' % (place, number[2:])], check=True)
    subprocess.run([tool + 'strip', program], check=True)
    for options, found in ((['-L', folder + '/root'], True), ([], False)):
        _, _, err = run([emulator[0]] + options + ['-d', 'in_asm', program], folder)
        check(bool(re.search(r' once \[stripped', err)) == found, 'symbols of a separate file', options, err[:300])


def with_perf(emulator, program, base, folder):
    """If perf may look at this process here, it finds the names."""
    if not shutil.which('perf'):
        return
    told = subprocess.run(['perf', 'record', '-k', '1', '-e', 'cpu-clock', '-o', 'raw'] + emulator + ['-jitdump', program, 'long'], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    if told.returncode:
        return
    subprocess.run(['perf', 'inject', '-j', '-i', 'raw', '-o', 'named'], cwd=folder, check=True, timeout=120)
    said = subprocess.run(['perf', 'report', '-i', 'named', '--stdio'], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, timeout=120, check=True).stdout
    check(re.search(r'^ +[2-9]\d\.\d.*turns_round.*\[%s\]' % re.escape(base), said, re.M), 'perf', said)


def main():
    compiler, emulator, source, folder = sys.argv[1].split(), sys.argv[2].split(), sys.argv[3], sys.argv[4]
    if not shutil.which(compiler[0]):
        print('SKIP: %s is not installed' % compiler[0])
        return 77
    emulator[0] = os.path.abspath(emulator[0])
    os.makedirs(folder, exist_ok=True)
    root = subprocess.run(compiler + ['-print-sysroot'], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    # not x86: the cache of the host's linker names the host's libraries, which may be of another release
    libraries = [r for r in (root, '/usr/' + compiler[0][:-4])
                 if len(r) > 1 and os.path.exists(r + '/lib/libc.so.6') and '86' not in compiler[0]]
    base = 'watched.' + os.path.basename(compiler[0])
    program = os.path.join(folder, base)
    subprocess.run(compiler + ['-O1', source, '-o', program] + ([] if libraries else ['-static']), check=True)
    emulator += ['-L', libraries[0]] if libraries else []
    with tempfile.TemporaryDirectory() as place:
        separate(compiler, emulator, source, place)
        if '-no-jit' not in emulator:
            files(emulator, program, base, libraries, place)
            with_perf(emulator, program, base, place)
        logs(emulator, program, base, place)
    for b in bad:
        print(*b)
    print('FAIL' if bad else 'ok')
    return bool(bad)


sys.exit(main())
