#!/usr/bin/env python3
"""test_x86_features.py X86_FEATURES TINAMOU: instructions that a model has not raise SIGILL, of all models."""
import re
import subprocess
import sys

program, engine = sys.argv[1:]
sections = re.split(r'^(\w+):\n', subprocess.run([engine, '-cpu', 'help'], capture_output=True, text=True).stdout, flags=re.M)
text = sections[sections.index('i386' if program.endswith('32') else 'x86_64') + 1]
models = [line.split()[0] for line in text.splitlines() if line.split()]
bad = 0
TOO_OLD = ('486', 'pentium', 'pentium2') # for this program: its C library has cmov, itself loads SSE registers
for model in models:
    if model in TOO_OLD:
        continue
    p = subprocess.run([engine, '-cpu', model, program], capture_output=True, text=True, timeout=280)
    bad += p.returncode != 0
    print('%s: %d %s' % (model, p.returncode, ' / '.join((p.stdout + p.stderr).splitlines()[-5:])))
sys.exit(1 if bad or len(models) < 10 else 0)
