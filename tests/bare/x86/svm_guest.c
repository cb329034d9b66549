/* SVM: injection, virtual and physical interrupts, nested paging, guests by turns and in other modes, time.
 */
#include "svm_kit.h"

/* ---- injection: the guest's handlers are vmmcall ---- */

__asm__(
    ".text\nh_done: vmmcall\ng_loop: sti; 1: nop; jmp 1b\ng_wait: sti; hlt; vmmcall\n"
    "g_spin: mov $0x40000000, %ecx; 1: dec %ecx; jnz 1b; vmmcall\n"
    "g_shadow: sti; rdtsc; vmmcall\ng_cr8: mov %rbx, %cr8; mov %cr8, %rcx; sti; nop; nop; cli; vmmcall\n");
extern char h_done[], g_loop[], g_wait[], g_spin[], g_shadow[], g_cr8[];
static u64 table[512] __attribute__((aligned(4096)));

static void own_handlers(void)
{
    const word to = (word)h_done;
    for (unsigned k = 0; k < 256; k++) {
        table[2 * k] = (to & 0xffff) | CODE << 16 | (u64)(k == 3 || k >= 128 ? 0xee : 0x8e) << 40 |
                       (to >> 16 & 0xffff) << 48;
        table[2 * k + 1] = 0;
    }
    F32(IDTR + 4) = 4095;
    F64(IDTR + 8) = (word)table;
}

static const u64 *frame(void)
{
    return (const u64 *)F64(SP);
}

static void injection(void)
{
    guest(g_plain);
    own_handlers();
    F64(INJECT) = VALID | 0x41;
    F64(FLAGS) = 0x202;
    expect_exit("injected interrupt", X_VMMCALL);
    CHECK("interrupt: handler", F64(PC), (word)h_done);
    CHECK("interrupt: comes back to", frame()[0], (word)g_plain);
    CHECK("interrupt: IF is off", F64(FLAGS) & 0x200, 0);
    if (!THEIRS)
        CHECK("interrupt: EVENTINJ is done", F64(INJECT) & VALID, 0);
    guest(g_plain);
    own_handlers();
    F64(INJECT) = VALID | 3 << 8 | 1 << 11 | GP | 0x1230ull << 32;
    expect_exit("injected #GP", X_VMMCALL);
    CHECK("#GP: error code on the stack", frame()[0], 0x1230);
    guest(g_plain);
    own_handlers();
    F64(INJECT) = VALID | 2 << 8 | 2;
    expect_exit("injected NMI", X_VMMCALL);
    CHECK("NMI: handler", F64(PC), (word)h_done);
    if (!THEIRS) {
        guest(g_plain);
        own_handlers();
        F64(INJECT) = VALID | 4 << 8 | 0x80;
        F64(NEXT) = (word)g_plain + 2;
        expect_exit("injected int n", X_VMMCALL);
        CHECK("int n: comes back to nRIP", frame()[0], (word)g_plain + 2);
    }
    guest(g_plain);
    own_handlers();
    F32(IDTR + 4) = 0x41 * 16 + 7;
    intercept(X_EXC + GP);
    F64(INJECT) = VALID | 0x41;
    expect_exit("an event that cannot be delivered", X_EXC + GP);
    CHECK("EXITINTINFO of an interrupt", F64(EVENT), VALID | 0x41);
    guest(g_ud);
    own_handlers();
    F32(IDTR + 4) = 15;
    intercept(X_EXC + GP);
    expect_exit("an exception that cannot be delivered", X_EXC + GP);
    CHECK("EXITINTINFO of an exception", F64(EVENT), VALID | 3 << 8 | UD);
}

/* ---- interrupts ---- */

enum { V_IRQ = 1 << 8, V_IGNORE = 1 << 20, V_MASKING = 1 << 24 };
#define V_PRIORITY(n) ((u64)(n) << 16)
#define V_VECTOR(n)   ((u64)(n) << 32)

static void virtual_interrupts(void)
{
    guest(g_loop);
    own_handlers();
    F64(V_INTR) = V_IRQ | V_PRIORITY(4) | V_VECTOR(0x45) | V_MASKING;
    expect_exit("virtual interrupt", X_VMMCALL);
    CHECK("virtual interrupt: handler", F64(PC), (word)h_done);
    CHECK("virtual interrupt: V_IRQ", F64(V_INTR) & V_IRQ, 0);
    guest(g_loop);
    own_handlers();
    F64(V_INTR) = V_IRQ | V_PRIORITY(4) | V_VECTOR(0x45) | V_MASKING;
    intercept(X_VINTR);
    expect_exit("VINTR", X_VINTR);
    CHECK("VINTR: V_IRQ", F64(V_INTR) & V_IRQ, V_IRQ);
    guest(g_wait);
    own_handlers();
    F64(V_INTR) = V_IRQ | V_IGNORE | V_VECTOR(0x45) | V_MASKING;
    expect_exit("virtual interrupt ends hlt", X_VMMCALL);
    CHECK("hlt: handler", F64(PC), (word)h_done);
    guest(g_cr8);
    own_handlers();
    guest_bx = 5;
    F64(V_INTR) = V_IRQ | V_PRIORITY(4) | V_VECTOR(0x45) | V_MASKING;
    expect_exit("held back by V_TPR", X_VMMCALL);
    CHECK("V_TPR: no handler", F64(PC) != (word)h_done, 1);
    CHECK("V_TPR: CR8", guest_cx, 5);
    CHECK("V_TPR", F64(V_INTR) & 0xff, 5);
    guest(g_cr8);
    own_handlers();
    guest_bx = 3;
    F64(V_INTR) = V_IRQ | V_PRIORITY(4) | V_VECTOR(0x45) | V_MASKING;
    expect_exit("let through by V_TPR", X_VMMCALL);
    CHECK("V_TPR: handler", F64(PC), (word)h_done);
}

static void interrupt_shadow(void)
{
    guest(g_shadow);
    intercept(0x6e);
    expect_exit("rdtsc behind sti", 0x6e);
    CHECK("interrupt shadow", F64(SHADOW) & 1, 1);
}

static void open_gif(word a)
{
    __asm__ volatile("stgi; sti; nop; nop; nop");
    for (volatile unsigned k = 0; k < 1000; k++)
        ;
    __asm__ volatile("cli");
}

/* The timer's interrupt comes while a guest runs that has its own interrupt flag off. */
static void physical_interrupts(void)
{
    start_timer();
    guest(g_spin);
    F64(V_INTR) = V_MASKING;
    intercept(X_INTR);
    __asm__ volatile("stgi; clgi; sti");
    expect_exit("INTR", X_INTR);
    expect_at("it waits for stgi", 0x20, 0, open_gif, 0);
    outb(0x20, 0x20);
    guest(g_wait);
    own_handlers();
    intercept(X_INTR);
    expect_exit("INTR by the guest's own flag, in hlt", X_INTR);
    expect_at("it waits for stgi", 0x20, 0, open_gif, 0);
    outb(0x20, 0x20);
    guest(g_wait);
    own_handlers();
    expect_exit("the guest takes it itself", X_VMMCALL);
    CHECK("the guest's handler", F64(PC), (word)h_done);
    outb(0x20, 0x20);
    outb(0x21, 0xff);
    __asm__ volatile("stgi; cli");
}

/* ---- nested paging ---- */

static void nested_tables(word at)
{
    volatile u64 *t = (u64 *)at;
    clear(at, 0x6000);
    t[0] = at + 0x1007;
    for (unsigned k = 0; k < 4; k++)
        t[512 + k] = (at + 0x2000 + 0x1000 * k) | 7;
    for (unsigned k = 0; k < 2048; k++)
        t[1024 + k] = (u64)k << 21 | 0x87;
}

static void nested(const void *fn)
{
    guest(fn);
    F64(NESTED) = 1;
    F64(NCR3) = NPT;
}

static volatile u64 *entry_at(word npt, word at)
{
    return (volatile u64 *)(npt + 0x2000) + (at >> 21);
}

__asm__(".text\ng_load: mov $0x1400000, %eax; mov (%rax), %rbx; vmmcall\n"
        "g_store: mov $0x1400000, %eax; movq $7, (%rax); vmmcall\n"
        "g_trap: pushfq; mov $0x1400000, %eax; orl $0x100, (%rsp); popfq; jmp *%rax\n"
        "g_call: mov $0x1400000, %eax; call *%rax; vmmcall\n");
extern char g_load[], g_store[], g_call[], g_trap[];
#define FINAL (1ull << 32)
#define TABLE (1ull << 33)

static void npf(const char *name, const void *fn, u64 entry, u64 error)
{
    nested(fn);
    *entry_at(NPT, HOLE) = entry;
    expect_exit(name, X_NPF);
    CHECK("NPF: information", F64(INFO1), error);
    CHECK("NPF: address", F64(INFO2), HOLE);
    CHECK("NPF: nobody's event", F64(EVENT), 0);
    *entry_at(NPT, HOLE) = HOLE | 0x87;
}

static void nested_paging(void)
{
    nested_tables(NPT);
    *(volatile u64 *)HOLE = 0x1111;
    *(volatile u64 *)OTHER = 0x2222;
    nested(g_load);
    expect_exit("nested, one to one", X_VMMCALL);
    CHECK("nested: value", guest_bx, 0x1111);
    CHECK("nested: accessed", *entry_at(NPT, HOLE) & 0x60, 0x20);
    nested(g_store);
    expect_exit("nested, store", X_VMMCALL);
    CHECK("nested: stored", *(volatile u64 *)HOLE, 7);
    CHECK("nested: dirty", *entry_at(NPT, HOLE) & 0x60, 0x60);
    nested(g_load);
    *entry_at(NPT, HOLE) = OTHER | 0x87;
    expect_exit("nested, elsewhere", X_VMMCALL);
    CHECK("nested: value there", guest_bx, 0x2222);
    npf("NPF, read", g_load, 0, FINAL | 4);
    npf("NPF, write", g_store, 0, FINAL | 6);
    npf("NPF, fetch", g_call, 0, FINAL | 0x14);
    npf("NPF, read-only", g_store, HOLE | 0x85, FINAL | 7);
    npf("NPF, not a user's", g_load, HOLE | 0x83, FINAL | 5);
    npf("NPF, NX", g_call, HOLE | 0x87 | 1ull << 63, FINAL | 0x15);
    if (!THEIRS) {
        npf("NPF, reserved", g_load, HOLE | 0x87 | 1ull << 51, FINAL | 0xd);
        nested(g_store);
        *entry_at(NPT, HOLE) = 0;
        expect_exit("NPF", X_NPF);
        CHECK("NPF: bytes of the instruction", F8(BYTES), 15);
        CHECK("NPF: the first", F32(BYTES) >> 8, 0x00c748);
        *entry_at(NPT, HOLE) = HOLE | 0x87;
        nested(g_trap);
        intercept(X_EXC + DB);
        *entry_at(NPT, HOLE) = 0;
        expect_exit("a trap comes before the next instruction's NPF", X_EXC + DB);
        CHECK("trap: pc", F64(PC), HOLE);
        *entry_at(NPT, HOLE) = HOLE | 0x87;
        nested(g_load);
        *entry_at(NPT, TABLES) = 0x85;
        expect_exit("NPF of the guest's tables, read-only", X_NPF);
        CHECK("tables: information", F64(INFO1), TABLE | 7);
        CHECK("tables: address", F64(INFO2) & ~0xfffull, TABLES);
        *entry_at(NPT, TABLES) = 0x87;
    }
    /* An event that meets an NPF. */
    nested(g_ud);
    own_handlers();
    F64(IDTR + 8) = HOLE;
    *entry_at(NPT, HOLE) = 0;
    expect_exit("NPF in delivery", X_NPF);
    CHECK("NPF in delivery: EXITINTINFO", F64(EVENT), VALID | 3 << 8 | UD);
    *entry_at(NPT, HOLE) = HOLE | 0x87;
}

/* Two guests by turns, each with tables of its own: what is kept of one is not the other's. */
static void two_guests(void)
{
    enum { NPT2 = NPT + 0x10000 };
    nested_tables(NPT2);
    *entry_at(NPT2, HOLE) = OTHER | 0x87;
    *(volatile u64 *)HOLE = 0x1111;
    *(volatile u64 *)OTHER = 0x2222;
    for (unsigned k = 0; k < 6; k++) {
        nested(g_load);
        F8(TLB) = 0;
        F32(ASID) = 2 + k % 2;
        F64(NCR3) = k % 2 ? NPT2 : NPT;
        expect_exit("by turns", X_VMMCALL);
        CHECK("by turns: value", guest_bx, k % 2 ? 0x2222 : 0x1111);
        CHECK("by turns: the host's own", *(volatile u64 *)HOLE, 0x1111);
    }
    *entry_at(NPT, HOLE) = OTHER | 0x87;
    nested(g_load);
    F32(ASID) = 2;
    F8(TLB) = THEIRS ? 1 : 3;
    expect_exit("flush of an ASID", X_VMMCALL);
    CHECK("flush of an ASID: value", guest_bx, 0x2222);
    *entry_at(NPT, HOLE) = HOLE | 0x87;
}

/* Real mode, paging off: mov $0x1234, %bx; vmmcall at linear 0x1401010; then PAE and 32-bit paging. */
static void other_modes(void)
{
    static const uint8_t code[] = {0xbb, 0x34, 0x12, 0x0f, 0x01, 0xd9};
    for (unsigned k = 0; k < sizeof code; k++)
        *(volatile uint8_t *)((word)HOLE + 0x1010 + k) = code[k];
    nested(0);
    *entry_at(NPT, 0) = HOLE | 0x87;
    F64(CR0) = 0x10;
    F64(CR4) = 0;
    F64(V_EFER) = SVME;
    F64(PC) = 0x10;
    F64(SP) = 0x800;
    segment(CS_, 0x100, 0x9b);
    F64(CS_ + 8) = 0x1000;
    F32(CS_ + 4) = 0xffff;
    segment(SS_, 0, 0x93);
    segment(DS_, 0, 0x93);
    segment(ES_, 0, 0x93);
    expect_exit("real mode", X_VMMCALL);
    CHECK("real mode: bx", guest_bx & 0xffff, VALUE);
    CHECK("real mode: ip", F64(PC), 0x13);
    *entry_at(NPT, 0) = 0x87;
    for (unsigned pae = 0; pae < 2; pae++) {
        volatile uint32_t *dir = (uint32_t *)(OTHER + 0x2000);
        volatile u64 *pointers = (u64 *)(OTHER + 0x1000);
        clear(OTHER + 0x1000, 0x3000);
        for (unsigned k = 0; k < 16; k++)
            dir[k] = k << 22 | 0x87;
        if (pae) {
            pointers[0] = OTHER + 0x3001;
            for (unsigned k = 0; k < 16; k++)
                ((volatile u64 *)(OTHER + 0x3000))[k] = k << 21 | 0x87;
        }
        nested(0);
        F64(CR0) = 0x80010011;
        F64(CR4) = pae ? 0x20 : 0x10;
        F64(CR3) = pae ? OTHER + 0x1000 : OTHER + 0x2000;
        F64(V_EFER) = SVME;
        F64(PC) = HOLE + 0x1010;
        segment(CS_, CODE, 0xc9b);
        static const uint8_t code32[] = {0xbb, 0x34, 0x12, 0, 0, 0x0f, 0x01, 0xd9};
        for (unsigned k = 0; k < sizeof code32; k++)
            *(volatile uint8_t *)((word)HOLE + 0x1010 + k) = code32[k];
        expect_exit(pae ? "PAE" : "32-bit paging", X_VMMCALL);
        CHECK("32-bit: ebx", guest_bx, VALUE);
    }
}

/* ---- time ---- */

__asm__(".text\ng_tsc: rdtsc; shl $32, %rdx; lea (%rdx, %rax), %rbx; vmmcall\n");
extern char g_tsc[];

static void time_offset(void)
{
    uint32_t lo, hi;
    guest(g_tsc);
    F64(TSC_OFFSET) = 1ull << 50;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    u64 before = lo | (u64)hi << 32;
    expect_exit("rdtsc", X_VMMCALL);
    CHECK("TSC offset", (guest_bx - before) >> 50, 1);
    if (THEIRS)
        return;
    wrmsr(0xc0000104u, 1ull << 31);
    guest(g_tsc);
    go();
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    CHECK("TSC ratio of one half", guest_bx < ((lo | (u64)hi << 32) >> 1) && guest_bx >= before >> 1, 1);
    wrmsr(0xc0000104u, 1ull << 32);
}

void test(void)
{
    wrmsr(EFER, rdmsr(EFER) | SVME);
    wrmsr(VM_HSAVE, HSAVE);
    injection();
    if (!THEIRS) /* it stops with an assertion */
        virtual_interrupts();
    interrupt_shadow();
    physical_interrupts();
    nested_paging();
    two_guests();
    other_modes();
    time_offset();
}
