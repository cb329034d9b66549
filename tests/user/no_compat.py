#!/usr/bin/env python3
"""run_user.py on a kernel without a 32-bit entry: of a copy of the emulator, whose one `int $0x80` another vector takes the
place of, so that it faults as there.

usage: no_compat.py CROSS_CC CC EMULATOR SOURCE
"""
import os
import subprocess
import sys
import tempfile

ENTRY = b"\xcd\x80\x48\x98\x5b\xc3"  # int $0x80; cltq; pop %rbx; ret: sys_compat5() of base/fault.S


def main():
    cross, cc, emulator, source = sys.argv[1:5]
    with open(emulator, "rb") as f:
        data = f.read()
    if data.count(ENTRY) != 1:
        print("the emulator has %d entries" % data.count(ENTRY))
        return 1
    with tempfile.TemporaryDirectory(prefix="tinamou-compat-") as top:
        copy = os.path.join(top, "tinamou")
        with open(copy, "wb") as f:
            f.write(data.replace(ENTRY, b"\xcd\x81" + ENTRY[2:]))
        os.chmod(copy, 0o755)
        here = os.path.dirname(os.path.abspath(__file__))
        return subprocess.run([os.path.join(here, "run_user.py"), cross, cc, copy, source], check=False).returncode


sys.exit(main())
