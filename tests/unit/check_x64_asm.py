#!/usr/bin/env python3
"""Compares what the encoder emitted with what objdump reads, and its lengths with what as would pick.

Usage: check_x64_asm.py TEST_X64_ASM OBJDUMP AS [SEED]
objdump and as are used as black boxes; the expected text comes from the test program, never from objdump."""
import os
import re
import subprocess
import sys
import tempfile


def normalise(text):
    """One spelling for what both sides may write differently; numbers and registers stay as they are."""
    text = text.split("#")[0].strip()
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\+0x0\]", "]", text)
    return text.replace("nop DWORD PTR ds:0x0", "nop DWORD PTR [rax]")


def disassemble(objdump, path, raw):
    """[(address, length, text)] of each instruction."""
    args = [objdump, "-d", "-M", "intel", "--wide", path]
    if raw:
        args[1:2] = ["-D", "-b", "binary", "-m", "i386:x86-64"]
    out = subprocess.run(args, check=True, capture_output=True, text=True).stdout
    rows = []
    for line in out.splitlines():
        m = re.match(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(.*))?$", line)
        if m:
            rows.append((int(m[1], 16), len(m[2].split()), normalise(m[3] or "")))
    return rows


def main():
    exe, objdump, assembler = sys.argv[1:4]
    failures = 0
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([exe, tmp] + sys.argv[4:], check=True)
        expected = []
        with open(os.path.join(tmp, "expected.txt"), encoding="ascii") as f:
            for line in f:
                length, flag, text = line.rstrip("\n").split(" ", 2)
                expected.append((int(length), flag, normalise(text)))
        got = disassemble(objdump, os.path.join(tmp, "code.bin"), True)
        address = 0
        for (length, _, text), (got_address, got_length, got_text) in zip(expected, got):
            if (address, length, text) != (got_address, got_length, got_text):
                print(f"at {address:#x}: want {length} bytes: {text}\n    got {got_length} bytes: {got_text}")
                failures += 1
                if failures == 20 or address != got_address or length != got_length:
                    break
            address += length
        if not failures and len(expected) != len(got):
            print(f"{len(expected)} instructions emitted, {len(got)} disassembled")
            failures += 1

        # Shortest encodings: as never needs fewer bytes for the same text.
        rows = [(length, text) for length, flag, text in expected if flag == "-"]
        source, obj = os.path.join(tmp, "a.s"), os.path.join(tmp, "a.o")
        with open(source, "w", encoding="ascii") as f:
            f.write(".intel_syntax noprefix\n" + "".join(text + "\n" for _, text in rows))
        subprocess.run([assembler, "--64", "-W", source, "-o", obj], check=True)
        reference = disassemble(objdump, obj, False)
        if len(reference) != len(rows):
            print(f"as made {len(reference)} instructions of {len(rows)} lines")
            failures += 1
        longer = 0
        for (length, text), (_, ref_length, _) in zip(rows, reference):
            if length > ref_length:
                longer += 1
                if longer <= 20:
                    print(f"{length} bytes where as needs {ref_length}: {text}")
        failures += longer
    print(f"{len(expected)} instructions, {len(rows)} lengths, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
