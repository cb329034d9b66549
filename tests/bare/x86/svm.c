/* SVM: checks of the instructions, state that no cpu has, every intercept, maps of ports and registers,
 * exceptions and their information, shutdown. */
#include "svm_kit.h"

static void vmrun_at(word a)
{
    __asm__ volatile("mov %0, %%rax; vmrun %%rax" : : "r"(a) : "rax", "memory");
}

/* ---- what is refused ---- */

static void do_vmload(word a)
{
    __asm__ volatile("vmload %0" : : "a"(a) : "memory");
}
static void do_stgi(word a)
{
    __asm__ volatile("stgi");
}
static void do_skinit(word a)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xde" : : "a"(0));
}
static void user_vmrun(word a)
{
    at_user(vmrun_at, a);
}
static void do_wrmsr(word a)
{
    wrmsr((uint32_t)a, 1);
}

static void refused(void)
{
    uint32_t a = 0x80000001, b, c, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    CHECK("cpuid: svm", c >> 2 & 1, 1);
    a = 0x8000000a;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    CHECK("cpuid: revision", a & 0xff, 1);
    CHECK("cpuid: nested paging", d & 1, 1);
    expect_at("vmrun without SVME", UD, 0, vmrun_at, VMCB);
    expect_at("stgi without SVME", UD, 0, do_stgi, 0);
    wrmsr(EFER, rdmsr(EFER) | SVME);
    expect_at("vmrun, not aligned", GP, 0, vmrun_at, VMCB + 8);
    expect_at("vmload, not aligned", GP, 0, do_vmload, VMCB + 16);
    expect_at("vmrun, level 3", GP, 0, user_vmrun, VMCB);
    expect_at("skinit", UD, 0, do_skinit, 0);
    if (!THEIRS) {
        expect_at("vmrun, no memory", GP, 0, vmrun_at, 0xc0000000);
        expect_at("VM_HSAVE_PA, not aligned", GP, 0, do_wrmsr, VM_HSAVE);
        CHECK("VM_CR", rdmsr(VM_CR), 0);
    }
    wrmsr(VM_HSAVE, HSAVE);
    CHECK("VM_HSAVE_PA", rdmsr(VM_HSAVE), HSAVE);
}

static void code_done(void)
{
    __asm__ volatile("vmmcall");
}

#define INVALID(name, change)                                                                                \
    do {                                                                                                     \
        guest(code_done);                                                                                    \
        change;                                                                                              \
        expect_exit("invalid: " name, THEIRS ? 0xffffffff : ~0ull);                                          \
    } while (0)

static void invalid(void)
{
    INVALID("ASID 0", F32(ASID) = 0);
    INVALID("no intercept of vmrun", F32(INTERCEPTS + 16) = 2);
    INVALID("no SVME", F64(V_EFER) &= ~(u64)SVME);
    INVALID("NW without CD", F64(CR0) = (F64(CR0) & ~(1ull << 30)) | 1 << 29);
    INVALID("CR0, upper half", F64(CR0) |= 1ull << 32);
    INVALID("DR7, upper half", F64(DR7) |= 1ull << 32);
    INVALID("DR6, upper half", F64(DR6) |= 1ull << 32);
    INVALID("long mode without PAE", F64(CR4) &= ~0x20ull);
    INVALID("CR4, unknown bit", F64(CR4) |= 1ull << 40);
    INVALID("EFER, unknown bit", F64(V_EFER) |= 1ull << 40);
    INVALID("CS of 64 and 32 bits", F16(CS_ + 2) |= 0x600);
    if (!THEIRS) {
        INVALID("type of event", F64(INJECT) = VALID | 1 << 8);
        INVALID("NMI as an exception", F64(INJECT) = VALID | 3 << 8 | NMI);
        INVALID("vector of exception", F64(INJECT) = VALID | 3 << 8 | 32);
    }
}

/* ---- a guest, and back ---- */

static void round_trip(void)
{
    u64 flags;
    guest(g_plain);
    F64(AX) = 0x5555;
    __asm__ volatile("stc");
    expect_exit("vmmcall", X_VMMCALL);
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    CHECK("guest's rbx", guest_bx, VALUE);
    CHECK("guest's rax in", guest_cx, 0x5555);
    CHECK("guest's rax out", F64(AX), 0x77);
    CHECK("guest's pc", F64(PC), (word)g_plain_end);
    if (!THEIRS)
        CHECK("nRIP", F64(NEXT), (word)g_plain_end + 3);
    CHECK("guest's flags", F64(FLAGS) & 0x8d5, 1);
    CHECK("guest's CPL", F8(CPL), 0);
    CHECK("guest's cs", F16(CS_) | F16(CS_ + 2) << 16, CODE | 0xa9b << 16);
    CHECK("EXITINTINFO", F64(EVENT), 0);
    __asm__ volatile("stgi");
    wrmsr(STAR, 0x123456789abcdef0);
    wrmsr(KGS, 0x1111);
    wrmsr(0xc0000100u, 0x2222);
    __asm__ volatile("vmsave %0" : : "a"(VMCB) : "memory");
    CHECK("vmsave: STAR", F64(0x600), 0x123456789abcdef0);
    CHECK("vmsave: KernelGsBase", F64(0x620), 0x1111);
    CHECK("vmsave: fs", F64(FS_ + 8), 0x2222);
    CHECK("vmsave: tr", F16(0x490), TSS);
    F64(FS_ + 8) = 0x3333;
    F64(0x620) = 0x4444;
    __asm__ volatile("vmload %0" : : "a"(VMCB) : "memory");
    CHECK("vmload: fs", rdmsr(0xc0000100u), 0x3333);
    CHECK("vmload: KernelGsBase", rdmsr(KGS), 0x4444);
}

/* ---- intercepts: each instruction is 'i_name: insn; vmmcall' ---- */

#define INSNS                                                                                                \
    I(cr0_read, "mov %cr0, %rbx", 0x00, 0)                                                                   \
    I(cr3_read, "mov %cr3, %rbx", 0x03, 0)                                                                   \
    I(cr8_read, "mov %cr8, %rbx", 0x08, 0)                                                                   \
    I(cr0_write, "mov %cr0, %rdx; 1: mov %rdx, %cr0", 0x10, 0)                                               \
    I(clts, "clts", 0x10, 0)                                                                                 \
    I(cr3_write, "mov %cr3, %rdx; 1: mov %rdx, %cr3", 0x13, 0)                                               \
    I(cr4_write, "mov %cr4, %rdx; 1: mov %rdx, %cr4", 0x14, 0)                                               \
    I(cr8_write, "mov %rdx, %cr8", 0x18, 0)                                                                  \
    I(dr0_read, "mov %dr0, %rbx", 0x20, 0)                                                                   \
    I(dr7_read, "mov %dr7, %rbx", 0x27, 0)                                                                   \
    I(dr1_write, "mov %rdx, %dr1", 0x31, 0)                                                                  \
    I(cr0_selective, "mov %cr0, %rdx; xor $0x20, %edx; 1: mov %rdx, %cr0", 0x65, THEIRS)                     \
    I(lmsw_selective, "smsw %ebx; 1: lmsw %bx", 0x65, THEIRS)                                                \
    I(sidt, "sidt -64(%rsp)", 0x66, 0)                                                                       \
    I(sgdt, "sgdt -64(%rsp)", 0x67, 0)                                                                       \
    I(sldt, "sldt %ebx", 0x68, 0)                                                                            \
    I(str, "str %ebx", 0x69, 0)                                                                              \
    I(lidt, "sidt -64(%rsp); 1: lidt -64(%rsp)", 0x6a, 0)                                                    \
    I(lgdt, "sgdt -64(%rsp); 1: lgdt -64(%rsp)", 0x6b, 0)                                                    \
    I(lldt, "xor %ebx, %ebx; 1: lldt %bx", 0x6c, 0)                                                          \
    I(ltr, "mov $0x40, %ebx; 1: ltr %bx", 0x6d, 0)                                                           \
    I(rdtsc, "rdtsc", 0x6e, 0)                                                                               \
    I(rdpmc, "rdpmc", 0x6f, THEIRS)                                                                          \
    I(pushf, "pushfq", 0x70, 0)                                                                              \
    I(popf, "pushfq; 1: popfq", 0x71, 0)                                                                     \
    I(cpuid, "cpuid", 0x72, 0)                                                                               \
    I(rsm, "rsm", 0x73, THEIRS)                                                                              \
    I(iret, "iretq", 0x74, 0)                                                                                \
    I(int_n, "int $0x80", 0x75, 0)                                                                           \
    I(invd, "invd", 0x76, THEIRS)                                                                            \
    I(pause, "pause", 0x77, 0)                                                                               \
    I(hlt, "hlt", 0x78, 0)                                                                                   \
    I(invlpg, "invlpg (%rsp)", 0x79, 0)                                                                      \
    I(invlpga, "xor %ecx, %ecx; 1: invlpga %rax, %ecx", 0x7a, 0)                                             \
    I(vmrun, "vmrun %rax", 0x80, 0)                                                                          \
    I(vmload, "vmload %rax", 0x82, 0)                                                                        \
    I(vmsave, "vmsave %rax", 0x83, 0)                                                                        \
    I(stgi, "stgi", 0x84, 0)                                                                                 \
    I(clgi, "clgi", 0x85, 0)                                                                                 \
    I(rdtscp, "rdtscp", 0x87, THEIRS)                                                                        \
    I(int1, ".byte 0xf1", 0x88, THEIRS)                                                                      \
    I(wbinvd, "wbinvd", 0x89, 0)                                                                             \
    I(monitor, "mov %rsp, %rax; xor %ecx, %ecx; xor %edx, %edx; 1: monitor", 0x8a, 0)                        \
    I(mwait, "xor %ecx, %ecx; xor %eax, %eax; 1: mwait", 0x8b, 0)                                            \
    I(xsetbv, "mov $1, %eax; xor %edx, %edx; xor %ecx, %ecx; 1: xsetbv", 0x8d, THEIRS)

#define I(name, insn, code, theirs)                                                                          \
    __asm__(".text\ni_" #name ": " insn "; vmmcall\n");                                                      \
    extern char i_##name[];
INSNS
#undef I
static const struct {
    const char *name;
    const void *at;
    uint8_t code, theirs;
} insns[] = {
#define I(name, insn, code, theirs) {#name, i_##name, code, theirs},
    INSNS
#undef I
};
__asm__(".text\nu_hlt: hlt\nu_rdtsc: rdtsc; vmmcall\n");
extern char u_hlt[], u_rdtsc[];

static void level_3(const void *fn)
{
    guest(fn);
    F8(CPL) = 3;
    segment(CS_, UCODE64, 0xafb);
    segment(SS_, UDATA, 0xcf3);
}

static void intercepts(void)
{
    set_cr4(cr4() | 1 << 18);
    for (unsigned k = 0; k < sizeof insns / sizeof insns[0]; k++) {
        if (insns[k].theirs)
            continue;
        guest(insns[k].at);
        intercept(insns[k].code);
        expect_exit(insns[k].name, insns[k].code);
        CHECK("it comes back to the instruction, vmmcall", F64(PC) - (word)insns[k].at < 20, 1);
    }
    guest(i_cpuid);
    expect_exit("cpuid, not intercepted", X_VMMCALL);
    guest(i_cr0_selective);
    F64(CR0) |= 8;
    expect_exit("CR0, not intercepted", X_VMMCALL);
    CHECK("guest's CR0", F64(CR0) & 0x20, ~cr0() & 0x20);
    guest(i_clts);
    F64(CR0) |= 8;
    intercept(0x65);
    expect_exit("clts is not selective", X_VMMCALL);
    level_3(u_hlt);
    intercept(X_HLT);
    intercept(X_EXC + GP);
    expect_exit("hlt, level 3: #GP first", X_EXC + GP);
    level_3(u_rdtsc);
    intercept(0x6e);
    expect_exit("rdtsc, level 3", 0x6e);
    guest(code_done);
    F32(INTERCEPTS + 16) &= ~2u;
    intercept(X_EXC + UD);
    expect_exit("vmmcall, not intercepted", X_EXC + UD);
    if (THEIRS)
        return;
    guest(i_cr3_write);
    intercept(0x13);
    go();
    CHECK("decode assist: mov to cr3", F64(INFO1), 1ull << 63 | 2);
    guest(i_dr1_write);
    intercept(0x31);
    go();
    CHECK("decode assist: mov to dr1", F64(INFO1), 2);
    guest(i_int_n);
    intercept(X_INT);
    go();
    CHECK("decode assist: int n", F64(INFO1), 0x80);
    CHECK("int n: nRIP", F64(NEXT), F64(PC) + 2);
    guest(i_invlpg);
    intercept(0x79);
    go();
    CHECK("decode assist: invlpg", F64(INFO1), STACK);
}

/* As many pauses, with rbx turns of a loop between them. */
enum { PAUSE_ROUNDS = 100 };
__asm__(".text\ng_pauses: mov $100, %ecx\n"
        "1: pause; mov %rbx, %rax\n"
        "2: dec %rax; jnz 2b; dec %ecx; jnz 1b; vmmcall\n");
extern char g_pauses[];

static void pauses(const char *name, unsigned filter, unsigned gap, unsigned turns, u64 code)
{
    guest(g_pauses);
    intercept(X_PAUSE);
    F16(PAUSES) = (uint16_t)filter;
    F16(PAUSE_GAP) = (uint16_t)gap;
    guest_bx = turns;
    expect_exit(name, code);
}

static void pause_filter(void)
{
    if (THEIRS)
        return;
    pauses("pause filter: fewer", PAUSE_ROUNDS, 0, 1, X_VMMCALL);
    pauses("pause filter", 10, 0, 1, X_PAUSE);
    CHECK("pauses that went by", PAUSE_ROUNDS - guest_cx, 10);
    pauses("pause filter: soon one after the other", 10, 0xffff, 1, X_PAUSE);
    pauses("pause filter: far from each other", 10, 1, 100000, X_VMMCALL);
}

/* ---- ports and registers ---- */

__asm__(".text\ng_out: mov $0x3f9, %edx; mov $5, %eax; outw %ax, %dx; vmmcall\n"
        "g_in: inb $0x71, %al; vmmcall\n"
        "g_outs: mov $0x3f9, %edx; mov %rsp, %rsi; mov $2, %ecx; rep outsb; vmmcall\n"
        "g_rdmsr: rdmsr; vmmcall\ng_wrmsr: wrmsr; vmmcall\n");
extern char g_out[], g_in[], g_outs[], g_rdmsr[], g_wrmsr[];

static void maps(void)
{
    clear(IO_MAP, 0x3000);
    clear(MSR_MAP, 0x2000);
    guest(g_out);
    intercept(X_IO);
    expect_exit("port that is not in the map", X_VMMCALL);
    *(volatile uint8_t *)(IO_MAP + 0x3f8 / 8) = 4; /* 0x3fa: the second byte of it */
    guest(g_out);
    intercept(X_IO);
    expect_exit("out", X_IO);
    CHECK("out: information", F64(INFO1) & ~0x380ull, 0x3f90020);
    CHECK("out: pc behind it", F64(INFO2), F64(PC) + 2);
    *(volatile uint8_t *)(IO_MAP + 0x70 / 8) = 2;
    guest(g_in);
    intercept(X_IO);
    expect_exit("in", X_IO);
    CHECK("in: information", F64(INFO1) & ~0x380ull, 0x710011);
    *(volatile uint8_t *)(IO_MAP + 0x3f8 / 8) = 2;
    guest(g_outs);
    intercept(X_IO);
    expect_exit("rep outsb", X_IO);
    CHECK("rep outsb: information", F64(INFO1) & ~0x1c00ull, THEIRS ? 0x3f9001c : 0x3f9021c);
    guest(g_rdmsr);
    guest_cx = EFER;
    intercept(X_MSR);
    expect_exit("register that is not in the map", X_VMMCALL);
    CHECK("rdmsr", F64(AX), rdmsr(EFER));
    *(volatile uint8_t *)(MSR_MAP + 0x800 + 0x80 / 4) = 1;
    guest(g_rdmsr);
    guest_cx = EFER;
    intercept(X_MSR);
    expect_exit("rdmsr", X_MSR);
    CHECK("rdmsr: information", F64(INFO1), 0);
    guest(g_wrmsr);
    guest_cx = KGS;
    *(volatile uint8_t *)(MSR_MAP + 0x800 + 0x102 / 4) = 0x20;
    intercept(X_MSR);
    expect_exit("wrmsr", X_MSR);
    CHECK("wrmsr: information", F64(INFO1), 1);
    guest(g_rdmsr);
    guest_cx = 0x12345678;
    intercept(X_MSR);
    expect_exit("register beyond the map", X_MSR);
}

/* ---- exceptions ---- */

__asm__(".text\ng_de: xor %ecx, %ecx; div %ecx\ng_gp: mov $0x1f8, %eax; mov %ax, %ds\n"
        "g_pf: mov $0x1400008, %eax; movl $1, (%rax)\ng_bp: int3; vmmcall\n"
        "g_tf: pushfq; orl $0x100, (%rsp); popfq; nop; nop; vmmcall\n");
extern char g_de[], g_gp[], g_pf[], g_bp[], g_tf[];

static void unmap_hole(bool off)
{
    volatile u64 *dir = (u64 *)(TABLES + 0x2000);
    dir[HOLE >> 21] = off ? 0 : HOLE | 0x87;
    set_cr3(TABLES);
}

static void exceptions(void)
{
    guest(g_ud);
    intercept(X_EXC + UD);
    expect_exit("#UD", X_EXC + UD);
    guest(g_de);
    intercept(X_EXC + DE);
    expect_exit("#DE", X_EXC + DE);
    guest(g_gp);
    intercept(X_EXC + GP);
    expect_exit("#GP", X_EXC + GP);
    CHECK("#GP: error code", F64(INFO1), 0x1f8);
    unmap_hole(true);
    guest(g_pf);
    F64(CR2) = 0x9999;
    intercept(X_EXC + PF);
    expect_exit("#PF", X_EXC + PF);
    CHECK("#PF: error code", F64(INFO1), 2);
    CHECK("#PF: address", F64(INFO2), HOLE + 8);
    if (!THEIRS) {
        CHECK("#PF: CR2 stays", F64(CR2), 0x9999);
        CHECK("#PF: bytes of the instruction", F8(BYTES), 15);
        CHECK("#PF: the first", F16(BYTES + 1), 0x00c7);
    }
    unmap_hole(false);
    if (!THEIRS) {
        guest(g_bp);
        intercept(X_EXC + BP);
        expect_exit("#BP", X_EXC + BP);
        CHECK("#BP: pc", F64(PC), (word)g_bp);
        CHECK("#BP: nRIP", F64(NEXT), (word)g_bp + 1);
        guest(g_tf);
        intercept(X_EXC + DB);
        expect_exit("#DB", X_EXC + DB);
        CHECK("#DB: DR6", F64(DR6) & 0x4000, 0x4000);
    }
    guest(g_ud);
    F32(IDTR + 4) = 0;
    if (!THEIRS)
        expect_exit("shutdown", X_SHUTDOWN);
}

void test(void)
{
    refused();
    invalid();
    round_trip();
    intercepts();
    pause_filter();
    maps();
    exceptions();
}
