/* What programs about SVM share: the VMCB at VMCB, a guest in the host's own mode and space, which ends with
 * vmmcall. Where an outside emulator is known to differ from the manual (AMD64 APM volume 2, chapter 15) it
 * is not asked: THEIRS. Included by one file of a program. */
#ifndef TESTS_BARE_X86_SVM_KIT_H
#define TESTS_BARE_X86_SVM_KIT_H

#include "x86_bare.h"

#ifdef OUTSIDE
#define THEIRS 1
#else
#define THEIRS 0
#endif

enum {
    VMCB = 0x1000000,
    HSAVE = 0x1001000,
    IO_MAP = 0x1002000,
    MSR_MAP = 0x1006000,
    NPT = 0x1010000,
    STACK = 0x1100000
};
enum { OTHER = 0x1200000, HOLE = 0x1400000, VALUE = 0x1234 };
enum {
    EFER = 0xc0000080u,
    VM_CR = 0xc0010114u,
    VM_HSAVE = 0xc0010117u,
    STAR = 0xc0000081u,
    KGS = 0xc0000102u
};
enum { SVME = 1 << 12 };
/* Places in the VMCB. */
enum {
    INTERCEPTS = 0,
    PAUSE_GAP = 0x3c,
    PAUSES = 0x3e,
    IO_BASE = 0x40,
    MSR_BASE = 0x48,
    TSC_OFFSET = 0x50,
    ASID = 0x58,
    TLB = 0x5c,
    V_INTR = 0x60,
    SHADOW = 0x68,
    CODE_ = 0x70,
    INFO1 = 0x78,
    INFO2 = 0x80,
    EVENT = 0x88,
    NESTED = 0x90,
    INJECT = 0xa8,
    NCR3 = 0xb0,
    NEXT = 0xc8,
    BYTES = 0xd0,
    ES_ = 0x400,
    CS_ = 0x410,
    SS_ = 0x420,
    DS_ = 0x430,
    FS_ = 0x440,
    GDTR = 0x460,
    IDTR = 0x480,
    CPL = 0x4cb,
    V_EFER = 0x4d0,
    CR4 = 0x548,
    CR3 = 0x550,
    CR0 = 0x558,
    DR7 = 0x560,
    DR6 = 0x568,
    FLAGS = 0x570,
    PC = 0x578,
    SP = 0x5d8,
    AX = 0x5f8,
    CR2 = 0x640,
    PAT = 0x668
};
/* Codes of exits. */
enum {
    X_EXC = 0x40,
    X_INTR = 0x60,
    X_VINTR = 0x64,
    X_CPUID = 0x72,
    X_INT = 0x75,
    X_PAUSE = 0x77,
    X_HLT = 0x78,
    X_IO = 0x7b,
    X_MSR,
    X_SHUTDOWN = 0x7f,
    X_VMRUN,
    X_VMMCALL,
    X_NPF = 0x400
};
#define VALID (1ull << 31)

#define F8(at)  (*(volatile uint8_t *)(word)(VMCB + (at)))
#define F16(at) (*(volatile uint16_t *)(word)(VMCB + (at)))
#define F32(at) (*(volatile uint32_t *)(word)(VMCB + (at)))
#define F64(at) (*(volatile u64 *)(word)(VMCB + (at)))

static u64 guest_bx, guest_cx, guest_dx;
/* rbx, rcx, rdx go in and out. */
static void go(void)
{
    word b = guest_bx, c = guest_cx, d = guest_dx;
    __asm__ volatile("push %%rbp; vmrun %%rax; pop %%rbp"
                     : "+b"(b), "+c"(c), "+d"(d)
                     : "a"(VMCB)
                     : "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    guest_bx = b;
    guest_cx = c;
    guest_dx = d;
}

static void clear(word at, word bytes)
{
    for (word k = 0; k < bytes; k += 8)
        *(volatile u64 *)(at + k) = 0;
}

static void segment(unsigned at, unsigned sel, unsigned attr)
{
    F16(at) = (uint16_t)sel;
    F16(at + 2) = (uint16_t)attr;
    F32(at + 4) = 0xffffffff;
    F64(at + 8) = 0;
}

static void intercept(unsigned code)
{
    F32(INTERCEPTS + code / 32 * 4) |= 1u << code % 32;
}

/* A guest at fn in the host's own mode and space, that ends with vmmcall. */
static void guest(const void *fn)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        word base;
    } gdt, idt;
    __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
    clear(VMCB, 4096);
    intercept(X_VMRUN);
    intercept(X_VMMCALL);
    intercept(X_SHUTDOWN);
    F64(IO_BASE) = IO_MAP;
    F64(MSR_BASE) = MSR_MAP;
    F32(ASID) = 1;
    F8(TLB) = 1;
    segment(CS_, CODE, 0xa9b);
    segment(SS_, DATA, 0xc93);
    segment(DS_, DATA, 0xc93);
    segment(ES_, DATA, 0xc93);
    F32(GDTR + 4) = gdt.limit;
    F64(GDTR + 8) = gdt.base;
    F32(IDTR + 4) = idt.limit;
    F64(IDTR + 8) = idt.base;
    F64(V_EFER) = rdmsr(EFER);
    F64(CR0) = cr0();
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %0" : "=m"(F64(CR3)) : : "rax");
    F64(CR4) = cr4();
    F64(DR6) = 0xffff0ff0;
    F64(DR7) = 0x400;
    F64(FLAGS) = 2;
    F64(PC) = (word)fn;
    F64(SP) = STACK;
    F64(PAT) = 0x0007040600070406;
    guest_bx = guest_cx = guest_dx = 0;
}

static void expect_exit(const char *name, u64 code)
{
    go();
    CHECK(name, F64(CODE_), code);
}

__asm__(".text\ng_plain: mov $0x1234, %ebx; mov %rax, %rcx; mov $0x77, %eax; stc; g_plain_end: vmmcall\n");
extern char g_plain[], g_plain_end[];
__asm__(".text\ng_ud: ud2\n");
extern char g_ud[];

#endif
