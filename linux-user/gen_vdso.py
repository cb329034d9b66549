#!/usr/bin/env python3
"""Writes the vDSO of a guest, a complete ELF image, as a C header: gen_vdso.py riscv64|riscv32|arm64|x86_64|i386 OUTPUT [IMAGE].

Every function is a plain system call: it is there for its name (gdb, unwinders and libc look for them) and
because the kernel returns from signal handlers through it. No .eh_frame: unwinders know the two instructions of
rt_sigreturn by their bytes. Sources: vdso(7), System V ABI chapters 4 and 5, the symbol versions part of
the LSB, RISC-V psABI, AAPCS64.
"""
import struct
import sys

NUMBERS = {"rt_sigreturn": 139, "gettimeofday": 169, "clock_gettime": 113, "clock_getres": 114, "getcpu": 168,
           "flush_icache": 259}


EM_386 = 3


class Guest:
    def __init__(self, machine, flags, prefix, version, names, call, ret, numbers=None, wide=True):
        """flags: of the ELF header; call: number -> the words that make a system call; ret: the word that returns;
        a word may be bytes instead."""
        self.machine, self.flags, self.prefix = machine, flags, prefix
        self.names, self.call, self.ret, self.numbers, self.wide = names, call, ret, numbers or NUMBERS, wide
        i386 = machine == EM_386
        self.soname = b"linux-gate.so.1" if i386 else b"linux-vdso.so.1"
        self.versions = [self.soname, version] + ([b"LINUX_2.5"] if i386 else [])


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
# i386: what has to be done otherwise than by a call with a number, as bytes. __kernel_vsyscall: int 0x80; ret. Behind it
# int 0x80, by which a call that sysenter made is done again, and where sysenter comes back: pop ebp; pop edx; pop ecx; ret.
# sigreturn: pop eax; mov eax, 119; int 0x80. Of the others ebx holds the caller's: push ebx; mov ebx, [esp + 8];
# mov ecx, [esp + 12]; mov edx, [esp + 16]; mov eax, number; int 0x80; pop ebx; ret.
AFTER_SYSENTER = 5
I386_CODE = {"vsyscall": bytes.fromhex("cd80c3" "cd80" "5d5a59c3"), "sigreturn": bytes.fromhex("58b877000000cd80"),
             "rt_sigreturn": bytes.fromhex("b8ad000000cd80")}
GUESTS["i386"] = Guest(EM_386, 0, b"__vdso_", b"LINUX_2.6",
                       ["vsyscall", "sigreturn", "rt_sigreturn", "gettimeofday", "clock_gettime", "clock_getres", "time",
                        "clock_gettime64", "getcpu"],
                       lambda number: [bytes.fromhex("538b5c24088b4c240c8b542410b8") + struct.pack("<I", number) + b"\xcd\x80\x5b"],
                       b"\xc3", {"gettimeofday": 78, "clock_gettime": 265, "clock_getres": 266, "time": 13,
                                 "clock_gettime64": 403, "getcpu": 318}, wide=False)
# Its kernel has no functions of time: there is no call with 32 bits of it.
GUESTS["riscv32"] = Guest(243, 5, b"__vdso_", b"LINUX_4.15", ["rt_sigreturn", "getcpu", "flush_icache"],
                          GUESTS["riscv64"].call, GUESTS["riscv64"].ret, wide=False)
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
        code += b"\x90" * (-len(code) % 16 if guest.machine == EM_386 else 0)
        at[name] = len(code)
        if guest.machine == EM_386 and name in I386_CODE:
            code += I386_CODE[name]
            size[name] = len(I386_CODE[name])
            continue
        words = guest.call(guest.numbers[name])
        if name != "rt_sigreturn":
            words.append(guest.ret)
        code += b"".join(w if isinstance(w, bytes) else struct.pack("<I", w) for w in words)
        size[name] = len(code) - at[name]
    return code, at, size


class Layout:
    """The ELF class: how headers and tables are packed."""

    def __init__(self, wide):
        self.wide, self.word = wide, 8 if wide else 4
        self.ehdr, self.phdr, self.sym = (64, 56, 24) if wide else (52, 32, 16)

    def header(self, guest, entry, n_phdrs):
        ident = b"\x7fELF" + bytes([2 if self.wide else 1]) + b"\x01\x01" + b"\0" * 9
        form = "<HHIQQQIHHHHHH" if self.wide else "<HHIIIIIHHHHHH"
        return ident + struct.pack(form, 3, guest.machine, 1, entry, self.ehdr, 0, guest.flags, self.ehdr, self.phdr, n_phdrs, 0, 0, 0)

    def segment(self, kind, flags, at, size, align):
        if self.wide:
            return struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, align)
        return struct.pack("<IIIIIIII", kind, at, at, at, size, size, flags, align)

    def symbol(self, name, value, size):
        if self.wide:
            return struct.pack("<IBBHQQ", name, STT_FUNC_GLOBAL, 0, 1, value, size)
        return struct.pack("<IIIBBH", name, value, size, STT_FUNC_GLOBAL, 0, 1)

    def dynamic(self, tag, value):
        return struct.pack("<QQ" if self.wide else "<II", tag, value)


def prefix_of(guest, name):
    return b"__kernel_" if guest.machine == EM_386 and name in I386_CODE else guest.prefix


def versions(guest, offset):
    """The names of versions, the file's own first: where __kernel_ names are of an older one, there are two."""
    out = b""
    for k, name in enumerate(guest.versions):
        last = k == len(guest.versions) - 1
        out += struct.pack("<HHHHIII", 1, 1 if k == 0 else 0, k + 1, 1, elf_hash(name), 20, 0 if last else 28)
        out += struct.pack("<II", offset[name], 0)
    return out


def build(guest):
    elf = Layout(guest.wide)
    strings, offset = b"\0", {}
    names = [prefix_of(guest, n) + n.encode() for n in guest.names]
    for s in names + guest.versions[1:] + [guest.soname]:
        offset[s] = len(strings)
        strings += s + b"\0"

    n_phdrs, n_dyn = 3, 10
    pos = elf.ehdr + elf.phdr * n_phdrs
    place = {}

    def put(key, size, align=8):
        nonlocal pos
        pos = (pos + align - 1) & -align
        place[key] = pos
        pos += size

    code, at, sizes = text(guest)
    verdef = versions(guest, offset)
    put("hash", 4 * (2 + 1 + len(names) + 1))
    put("symtab", elf.sym * (len(names) + 1))
    put("strtab", len(strings), 1)
    put("versym", 2 * (len(names) + 1))
    put("verdef", len(verdef))
    put("dynamic", 2 * elf.word * n_dyn)
    put("text", len(code), 16)
    image = bytearray(pos)

    def store(key, data):
        image[place[key]:place[key] + len(data)] = data

    # One hash bucket: the chain links all symbols.
    store("hash", struct.pack("<%dI" % (3 + len(names) + 1), 1, len(names) + 1, 1,
                              *([0] + list(range(2, len(names) + 1)) + [0])))
    syms = b"\0" * elf.sym
    for s, name in zip(names, guest.names):
        syms += elf.symbol(offset[s], place["text"] + at[name], sizes[name])
    store("symtab", syms)
    store("strtab", strings)
    store("versym", struct.pack("<%dH" % (len(names) + 1), 0,
                                *[3 if guest.machine == EM_386 and n in I386_CODE else 2 for n in guest.names]))
    store("verdef", verdef)
    dyn = [(14, offset[guest.soname]), (4, place["hash"]), (5, place["strtab"]), (6, place["symtab"]),
           (10, len(strings)), (11, elf.sym), (0x6ffffff0, place["versym"]), (0x6ffffffc, place["verdef"]),
           (0x6ffffffd, len(guest.versions)), (0, 0)]
    assert len(dyn) == n_dyn
    store("dynamic", b"".join(elf.dynamic(*d) for d in dyn))
    store("text", code)

    head = elf.header(guest, place["text"], n_phdrs)
    head += elf.segment(1, 5, 0, pos, 4096)
    head += elf.segment(2, 4, place["dynamic"], 2 * elf.word * n_dyn, elf.word)
    head += elf.segment(0x6474e551, 6, 0, 0, 16)
    image[:len(head)] = head
    return image, {name: place["text"] + where for name, where in at.items()}


def constants(guest, at):
    if guest.machine != EM_386:
        return "VDSO_SIGRETURN = %d" % at["rt_sigreturn"]
    return "VDSO_SIGRETURN = %d, VDSO_RT_SIGRETURN = %d, VDSO_VSYSCALL = %d, VDSO_AFTER_SYSENTER = %d" % (
        at["sigreturn"], at["rt_sigreturn"], at["vsyscall"], at["vsyscall"] + AFTER_SYSENTER)


def main():
    guest = GUESTS[sys.argv[1]]
    image, at = build(guest)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write("/* Made by gen_vdso.py. */\nenum { %s };\n" % constants(guest, at))
        out.write("static const uint8_t vdso_image[%d] = {\n" % len(image))
        for i in range(0, len(image), 16):
            out.write("    " + ", ".join("0x%02x" % b for b in image[i:i + 16]) + ",\n")
        out.write("};\n")
    if len(sys.argv) > 3:
        with open(sys.argv[3], "wb") as out:
            out.write(image)


main()
