#!/usr/bin/env python3
"""tinamou-disas: code lines become assembly, unknown bytes hex, other lines pass.

Usage: check_disas.py TINAMOU_DISAS"""
import subprocess
import sys

CASES = [
    # input, [(address, bytes, text)] or None for a line that is copied
    ("OUT: region at 0x10078, 3 insns", None),
    (
        "7f0000001000 4883c60ac3",
        [(0x7F0000001000, "4883c60a", "add rsi, 0xa"), (0x7F0000001004, "c3", "ret")],
    ),
    ("0x1000 06488B07", [(0x1000, "06", ".byte 0x06"), (0x1001, "488b07", "mov rax, qword ptr [rdi]")]),
    # a cut-off instruction at the end
    ("2000 9048", [(0x2000, "90", "nop"), (0x2001, "48", ".byte 0x48")]),
    # a piece of code over three lines, then one with a gap
    ("0x5000  48", [(0x5000, "4883c60a", "add rsi, 0xa"), (0x5004, "c3", "ret"), (0x5005, "90", "nop")]),
    ("0x5001  83c6", []),
    ("0x5003  0ac390", []),
    ("0x5007  90", [(0x5007, "90", "nop")]),
    # branch targets are absolute
    ("3000 ebfe", [(0x3000, "ebfe", "jmp 0x3000")]),
    ("4000 123", None),  # odd number of digits
    ("4000 12zz", None),
    ("4000", None),
    ("", None),
    ("00112233445566778 90", None),  # address of 17 digits
]


def main():
    lines = "\n".join(c[0] for c in CASES) + "\n"
    out = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout
    want = []
    for line, insns in CASES:
        if insns is None:
            want.append(line)
        else:
            want += [f"0x{addr:016x} {code} {text}" for addr, code, text in insns]
    got = [" ".join(l.split()) if l.startswith("0x0000") else l for l in out.split("\n")[:-1]]
    for w, g in zip(want, got):
        if w != g:
            print(f"want {w!r}\n got {g!r}")
    # a long region in one line
    code = "90" * 300000
    out = subprocess.run([sys.argv[1]], input=f"1000 {code}\n", capture_output=True, text=True, check=True).stdout
    count = out.count("nop\n")
    if count != 300000:
        print(f"{count} of 300000 nops")
    usage = subprocess.run([sys.argv[1], "x"], capture_output=True).returncode
    return 0 if want == got and count == 300000 and usage == 2 else 1


sys.exit(main())
