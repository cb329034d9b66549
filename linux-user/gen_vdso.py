#!/usr/bin/env python3
"""Writes the vDSO of a guest, a complete ELF image, as a C header: gen_vdso.py riscv64|arm64|x86_64 OUTPUT [IMAGE].

Every function is a plain system call: it is there for its name (gdb, unwinders and libc look for them) and
because the kernel returns from signal handlers through it. No .eh_frame: unwinders know the two instructions of
rt_sigreturn by their bytes. Sources: vdso(7), System V ABI chapters 4 and 5, the symbol versions part of
the LSB, RISC-V psABI, AAPCS64.
"""
import struct
import sys

NUMBERS = {"rt_sigreturn": 139, "gettimeofday": 169, "clock_gettime": 113, "clock_getres": 114, "getcpu": 168,
           "flush_icache": 259}
SONAME = b"linux-vdso.so.1"


class Guest:
    def __init__(self, machine, flags, prefix, version, names, call, ret, numbers=None):
        """flags: of the ELF header; call: number -> the words that make a system call; ret: the word that returns;
        a word may be bytes instead."""
        self.machine, self.flags, self.prefix, self.version = machine, flags, prefix, version
        self.names, self.call, self.ret, self.numbers = names, call, ret, numbers or NUMBERS


COMMON = ["rt_sigreturn", "gettimeofday", "clock_gettime", "clock_getres"]
GUESTS = {
    # addi a7, zero, number; ecall; ret
    "riscv64": Guest(243, 5, b"__vdso_", b"LINUX_4.15", COMMON + ["getcpu", "flush_icache"],
                     lambda number: [number << 20 | 17 << 7 | 0x13, 0x00000073], 0x00008067),
    # movz x8, #number; svc #0; ret
    "arm64": Guest(183, 0, b"__kernel_", b"LINUX_2.6.39", COMMON,
                   lambda number: [0xd2800000 | number << 5 | 8, 0xd4000001], 0xd65f03c0),
    # mov eax, number; syscall; ret
    "x86_64": Guest(62, 0, b"__vdso_", b"LINUX_2.6", COMMON + ["getcpu", "time"],
                    lambda number: [b"\xb8" + struct.pack("<I", number) + b"\x0f\x05"], b"\xc3",
                    {"rt_sigreturn": 15, "gettimeofday": 96, "clock_gettime": 228, "clock_getres": 229, "getcpu": 309,
                     "time": 201}),
}
STT_FUNC_GLOBAL, ABSOLUTE = 0x12, 0xfff1


def elf_hash(name):
    h = 0
    for c in name:
        h = (h << 4) + c
        g = h & 0xf0000000
        h = (h ^ (g >> 24)) & ~g & 0xffffffff
    return h


def text(guest):
    code, at, size = b"", {}, {}
    for name in guest.names:
        at[name] = len(code)
        words = guest.call(guest.numbers[name])
        if name != "rt_sigreturn":
            words.append(guest.ret)
        code += b"".join(w if isinstance(w, bytes) else struct.pack("<I", w) for w in words)
        size[name] = len(code) - at[name]
    return code, at, size


def build(guest):
    strings, offset = b"\0", {}
    names = [guest.prefix + n.encode() for n in guest.names]
    for s in names + [guest.version, SONAME]:
        offset[s] = len(strings)
        strings += s + b"\0"

    n_phdrs, n_dyn = 3, 10
    pos = 64 + 56 * n_phdrs
    place = {}

    def put(key, size, align=8):
        nonlocal pos
        pos = (pos + align - 1) & -align
        place[key] = pos
        pos += size

    code, at, sizes = text(guest)
    put("hash", 4 * (2 + 1 + len(names) + 1))
    put("symtab", 24 * (len(names) + 1))
    put("strtab", len(strings), 1)
    put("versym", 2 * (len(names) + 1))
    put("verdef", 2 * (20 + 8))
    put("dynamic", 16 * n_dyn)
    put("text", len(code), 16)
    image = bytearray(pos)

    def store(key, data):
        image[place[key]:place[key] + len(data)] = data

    # One hash bucket: the chain links all symbols.
    store("hash", struct.pack("<%dI" % (3 + len(names) + 1), 1, len(names) + 1, 1,
                              *([0] + list(range(2, len(names) + 1)) + [0])))
    syms = b"\0" * 24
    for s, name in zip(names, guest.names):
        syms += struct.pack("<IBBHQQ", offset[s], STT_FUNC_GLOBAL, 0, 1, place["text"] + at[name], sizes[name])
    store("symtab", syms)
    store("strtab", strings)
    store("versym", struct.pack("<%dH" % (len(names) + 1), 0, *[2] * len(names)))
    store("verdef", struct.pack("<HHHHIII", 1, 1, 1, 1, elf_hash(SONAME), 20, 28)
          + struct.pack("<II", offset[SONAME], 0)
          + struct.pack("<HHHHIII", 1, 0, 2, 1, elf_hash(guest.version), 20, 0)
          + struct.pack("<II", offset[guest.version], 0))
    dyn = [(14, offset[SONAME]), (4, place["hash"]), (5, place["strtab"]), (6, place["symtab"]),
           (10, len(strings)), (11, 24), (0x6ffffff0, place["versym"]), (0x6ffffffc, place["verdef"]),
           (0x6ffffffd, 2), (0, 0)]
    assert len(dyn) == n_dyn
    store("dynamic", b"".join(struct.pack("<QQ", *d) for d in dyn))
    store("text", code)

    ident = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    ehdr = ident + struct.pack("<HHIQQQIHHHHHH", 3, guest.machine, 1, place["text"], 64, 0, guest.flags, 64, 56, n_phdrs, 0, 0, 0)
    phdrs = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, pos, pos, 4096)
    phdrs += struct.pack("<IIQQQQQQ", 2, 4, place["dynamic"], place["dynamic"], place["dynamic"], 16 * n_dyn,
                         16 * n_dyn, 8)
    phdrs += struct.pack("<IIQQQQQQ", 0x6474e551, 6, 0, 0, 0, 0, 0, 16)
    image[:len(ehdr) + len(phdrs)] = ehdr + phdrs
    return image, place["text"] + at["rt_sigreturn"]


def main():
    image, sigreturn = build(GUESTS[sys.argv[1]])
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write("/* Made by gen_vdso.py. */\nenum { VDSO_SIGRETURN = %d };\n" % sigreturn)
        out.write("static const uint8_t vdso_image[%d] = {\n" % len(image))
        for i in range(0, len(image), 16):
            out.write("    " + ", ".join("0x%02x" % b for b in image[i:i + 16]) + ",\n")
        out.write("};\n")
    if len(sys.argv) > 3:
        with open(sys.argv[3], "wb") as out:
            out.write(image)


main()
