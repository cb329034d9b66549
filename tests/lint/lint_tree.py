"""What the lints share: the files of the tree, comments stripped, archives of the build, and how to report."""
import os
import re
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
SKIP = 77  # exit status that the test runner counts as skipped
SKIP_DIRS = {'.git', '__pycache__'}


def tree_files(*extensions):
    """Paths below the root that end so; no builds, no fetched payloads."""
    found = []
    for folder, dirs, names in os.walk(ROOT):
        rel = os.path.relpath(folder, ROOT)
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS and not
                         (rel == '.' and d.startswith('build')) and not
                         os.path.exists(os.path.join(folder, d, 'meson-private')) and not
                         (rel == 'tests/sysroot' and d == 'cache'))
        found += [os.path.normpath(os.path.join(rel, n)) for n in sorted(names) if n.endswith(extensions)]
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def strip_comments(text):
    """Comments become spaces, lines stay; strings are kept."""
    def blank(match):
        s = match.group(0)
        return s if s[0] in '"\'' else re.sub(r'[^\n]', ' ', s)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def archives(build):
    """Static libraries of the project itself, without those of tests."""
    found = []
    for folder, dirs, names in os.walk(build):
        if os.path.relpath(folder, build).split(os.sep)[0] == 'tests':
            dirs[:] = []
            continue
        found += [os.path.join(folder, n) for n in sorted(names) if n.endswith('.a')]
    if not found:
        finish(['no static library found below ' + build])
    return found


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def object_name(line):
    """Of a header line of nm or objdump: `x.c.o:` or `x.c.o:     file format ...`; else None."""
    match = re.match(r'(\S+\.o):(?:\s+file format.*)?$', line)
    return os.path.basename(match.group(1)) if match else None


def skip(why):
    print('SKIPPED: ' + why, file=sys.stderr)
    sys.exit(SKIP)


def finish(errors, summary=''):
    for e in errors:
        print(e, file=sys.stderr)
    if errors:
        print(f'{len(errors)} errors', file=sys.stderr)
        sys.exit(1)
    print(summary)
