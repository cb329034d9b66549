#!/usr/bin/env python3
"""ELF files that lie: each is refused with one line, or runs; the emulator itself never falls."""
import os
import random
import struct
from kit import ISA, check, main, one_line, tinamou

BASE, PAGE = 0x10000, 4096
# exit(7): li a0, 7; li a7, 93; ecall, or mov x0, 7; mov x8, 93; svc 0, or mov r0, 7; mov r7, 1; svc 0,
# or push 7; pop rdi; push 60; pop rax; syscall
MACHINE, CODE = {"riscv64": (243, struct.pack("<III", 7 << 20 | 10 << 7 | 0x13, 93 << 20 | 17 << 7 | 0x13, 0x73)),
                 "aarch64": (183, struct.pack("<III", 0xd2800000 | 7 << 5, 0xd2800008 | 93 << 5, 0xd4000001)),
                 "arm": (40, struct.pack("<III", 0xe3a00007, 0xe3a07001, 0xef000000)),
                 "x86_64": (62, bytes.fromhex("6a075f" "6a3c58" "0f05" "90909090"))}[ISA]
NARROW = ISA == "arm"
WORD, EHSIZE, PHSIZE = ("I", 52, 32) if NARROW else ("Q", 64, 56)
ALL = (1 << 32) - 1 if NARROW else (1 << 64) - 1  # the largest word
SPACE = 1 << 32 if NARROW else 1 << 47            # of addresses
END = 0xbf000000 if NARROW else SPACE             # of the guest's
HUGE = 1 << 31 if NARROW else 1 << 63
FIELDS = [("entry", WORD, BASE + 0x200), ("phoff", WORD, EHSIZE), ("shoff", WORD, 0), ("flags", "I", 5), ("ehsize", "H", EHSIZE),
          ("phentsize", "H", PHSIZE), ("phnum", "H", 0), ("shentsize", "H", 0), ("shnum", "H", 0), ("shstrndx", "H", 0)]
EHDR = {"class": (4, "B", 1 if NARROW else 2), "data": (5, "B", 1), "version": (6, "B", 1), "osabi": (7, "B", 0), "type": (16, "H", 2),
        "machine": (18, "H", MACHINE), "version2": (20, "I", 1)}
AT = 24
for _name, _kind, _value in FIELDS:
    EHDR[_name] = (AT, _kind, _value)
    AT += struct.calcsize(_kind)


def phdr(kind=1, flags=5, offset=0, vaddr=BASE, filesz=0x300, memsz=0x300, align=PAGE):
    if NARROW:
        return struct.pack("<IIIIIIII", kind, offset, vaddr, vaddr, filesz, memsz, flags, align)
    return struct.pack("<IIQQQQQQ", kind, flags, offset, vaddr, vaddr, filesz, memsz, align)


def image(phdrs=None, size=0x300, **fields):
    phdrs = [phdr()] if phdrs is None else phdrs
    body = bytearray(max(size, EHSIZE + PHSIZE * len(phdrs), 0x20c))
    body[:4] = b"\x7fELF"
    fields.setdefault("phnum", len(phdrs))
    for name, (at, kind, value) in EHDR.items():
        struct.pack_into("<" + kind, body, at, fields.get(name, value))
    table = b"".join(phdrs)
    body[EHSIZE:EHSIZE + len(table)] = table
    if len(table) <= 0x200 - EHSIZE:
        body[0x200:0x200 + len(CODE)] = CODE
    return bytes(body[:size])


def start(d, data):
    path = os.path.join(d, "hostile")
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    return path, tinamou(path, limit=20)


GOOD = {
    "plain": image(),
    "position independent": image([phdr(vaddr=0)], type=3, entry=0x200),
    "two segments in one page": image([phdr(filesz=0x280, memsz=0x280),
                                       phdr(flags=7, offset=0x280, vaddr=BASE + 0x280, filesz=0x80, memsz=0x80)]),
    "large bss": image([phdr(), phdr(flags=6, offset=0, vaddr=BASE + PAGE, filesz=0x100, memsz=1 << 30)]),
    "segment of nothing": image([phdr(), phdr(vaddr=0, filesz=0, memsz=0)]),
    "section headers far away": image(shoff=ALL >> 4, shnum=65535, shentsize=64, shstrndx=3),
    "odd sections": image(shoff=1, shnum=1, shentsize=1),
    "stack wish": image([phdr(), phdr(kind=0x6474e551, flags=7, filesz=0, memsz=0)]),
    "aligned to 2M": image([phdr(vaddr=0, align=2 << 20)], type=3, entry=0x200),
}
REFUSED = {
    "empty": (b"", "not a"), "short": (b"\x7fELF", "not a"), "half a header": (image()[:40], "not a"),
    "no magic": (b"\0" + image()[1:], "not a"), "other class": (image(**{"class": 2 if NARROW else 1}), "unknown size" if ISA == "riscv64" else "riscv64"),
    "big endian": (image(data=2), "big-endian"), "machine": (image(machine=8), "mips"),
    "system": (image(osabi=9), "FreeBSD"), "x32": (image(machine=62, **{"class": 1}), "x32"),
    "a.out": (struct.pack("<HBB", 0o413, 100, 0) + bytes(100), "a.out"),
    "relocatable": (image(type=1), "program"), "core": (image(type=4), "program"),
    "no headers": (image(phnum=0), "program header"), "entry size": (image(phentsize=55), "program header"),
    "many headers": (image(phnum=65535), "program header"), "headers outside": (image(phoff=ALL >> 8), "truncated"),
    "headers at the very end": (image(phoff=ALL - 15), ""), "nothing to load": (image([phdr(kind=4)]), "load"),
    "file larger than memory": (image([phdr(memsz=0x100)]), "larger"),
    "truncated": (image([phdr(filesz=0x4000, memsz=0x4000)]), "truncated"),
    "offset overflow": (image([phdr(offset=ALL + 1 - PAGE)]), "truncated"),
    "size overflow": (image([phdr(filesz=ALL, memsz=ALL)]), ""),
    "kernel address": (image([phdr(vaddr=0xffff0000 if NARROW else 0xffffffff80000000)]), "address"),
    "end of address space": (image([phdr(vaddr=SPACE - PAGE, memsz=2 * PAGE)]), "address space"),
    "emulator's address": (image([phdr(vaddr=END - (0 if NARROW else 16 * PAGE))]), "address"),
    "memory overflow": (image([phdr(vaddr=HUGE, memsz=HUGE + 1)] if NARROW else [phdr(memsz=HUGE)]), "address space"),
    "all of memory": (image([phdr(vaddr=0, memsz=SPACE - 1)], type=3), ""),
    "page zero": (image([phdr(vaddr=0)]), "address"),
    "not congruent": (image([phdr(offset=8, filesz=0x100, memsz=0x100)]), "modulo"),
    "alignment": (image([phdr(align=3)]), "power of two"), "huge alignment": (image([phdr(vaddr=0, align=HUGE >> 1)], type=3), ""),
    "overlap": (image([phdr(), phdr(vaddr=BASE + 0x100, offset=0x100, filesz=0x10, memsz=0x10)]), "overlap"),
    "order": (image([phdr(vaddr=BASE + PAGE), phdr()]), "order"),
    "interpreter empty": (image([phdr(), phdr(kind=3, filesz=0)]), "interpreter"),
    "interpreter long": (image([phdr(), phdr(kind=3, filesz=5000)]), "interpreter"),
    "interpreter open": (image([phdr(), phdr(kind=3, offset=0x200, filesz=3)]), "interpreter"),
    "interpreter outside": (image([phdr(), phdr(kind=3, offset=0x10000, filesz=4)]), "interpreter"),
    "too many segments": (image([phdr(offset=0, vaddr=BASE + i * PAGE, filesz=16, memsz=16) for i in range(600)],
                                size=EHSIZE + PHSIZE * 600), "too many"),
}


if NARROW:
    del REFUSED["huge alignment"]  # there is none that does not fit


def test_good(d):
    for name, data in GOOD.items():
        _, r = start(d, data)
        check(r.status == 7 and not r.err, name, r)


def test_refused(d):
    for name, (data, text) in REFUSED.items():
        path, r = start(d, data)
        check(r.status == 126, name, r)
        one_line(r, 126, path, text)


def test_interpreter(d):
    """The interpreter is checked like the program."""
    name = os.path.join(d, "interp")
    with open(name, "wb") as f:
        f.write(image(machine=243 if ISA == "x86_64" else 62))
    raw = name.encode() + b"\0"
    data = bytearray(image([phdr(), phdr(kind=3, flags=4, offset=0x280, vaddr=BASE + 0x280, filesz=len(raw), memsz=len(raw))]))
    data[0x280:0x280 + len(raw)] = raw
    _, r = start(d, bytes(data))
    check(r.status in (126, 127) and r.err.startswith("tinamou: "), "interpreter without permission", r)
    os.chmod(name, 0o755)
    _, r = start(d, bytes(data))
    check(r.status == 126 and r.err.startswith("tinamou: ") and r.err.count("\n") == 1, "interpreter of another machine", r)
    os.remove(name)
    _, r = start(d, bytes(data))
    one_line(r, 127, name)


def test_random(d):
    """Random changes of the headers: refusal, the program's own end, or its death by a signal of its own."""
    rng = random.Random(11)
    seeds = [GOOD["plain"], GOOD["position independent"], GOOD["two segments in one page"], GOOD["large bss"]]
    for i in range(250):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.choice((rng.randrange(4, EHSIZE), rng.randrange(EHSIZE, EHSIZE + 2 * PHSIZE)))
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        _, r = start(d, bytes(data))
        ok = (r.status == 7 and not r.err) or (r.status in (126, 127) and r.err.count("\n") == 1) or r.status in (-11, -4, -7, 139, 132, 135)
        check(ok and "internal" not in r.err, "change %d: %s" % (i, bytes(data[:200]).hex()), r)


main(globals())
