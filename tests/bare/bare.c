#include "bare.h"

u64 bare_resume_sp[8];
extern char bare_back[];
u64 bare_enter(u64 fn, u64 a0, u64 a1, u64 status, u64 offset);

bool (*volatile on_trap)(Frame *f);
static Seen seen[8];

void print_char(char c)
{
    *(volatile char *)0x10000000 = c;
}

void check_trap(Seen s, u64 cause, u64 tval, int line)
{
    check_eq(s.cause, cause, "cause", line);
    check_eq(s.tval, tval, "tval", line);
}

void finish(void)
{
    print(failures ? "FAILED\n" : "passed\n");
    *(volatile uint32_t *)0x100000 = failures ? 0x3333 | 1 << 16 : 0x5555;
    for (;;) {
    }
}

static void bare_back_to_run(Frame *f, u64 hart)
{
    f->pc = (u64)bare_back;
    f->x[2] = bare_resume_sp[hart];
    f->status |= MPP;
    f->status &= ~(MPRV | 0x80 | 1ull << 39); /* MPV is not looked at, but qemu-system 7.2 does */
}

void bare_trap(Frame *f)
{
    enum { LEAVE = 0x7e57, BY_S = 0x7e58, X_ECALL_VS = 10 };
    u64 hart = csr_read(mhartid);
    Seen *s = &seen[hart];
    bool call = f->cause >= X_ECALL_U && f->cause <= X_ECALL_M;
    if (call && f->x[17] == LEAVE) {
        *s = (Seen){.cause = NO_TRAP, .value = f->x[10], .status = f->status};
        bare_back_to_run(f, hart);
        return;
    }
    if (on_trap && on_trap(f))
        return;
    if (!bare_resume_sp[hart]) {
        print("a trap: cause ");
        print_hex(f->cause);
        print(" pc ");
        print_hex(f->pc);
        print(" tval ");
        print_hex(f->tval);
        print("\n");
        failures++;
        finish();
    }
    *s = (Seen){.cause = f->cause, .pc = f->pc, .tval = f->tval, .status = f->status, .value = f->x[10]};
    if (call && f->x[17] == BY_S && f->cause == X_ECALL_S)
        *s = (Seen){.cause = csr_read(scause),
                    .pc = csr_read(sepc),
                    .tval = csr_read(stval),
                    .status = csr_read(sstatus),
                    .by_s = true};
    if (call && f->x[17] == BY_S && f->cause == X_ECALL_VS) /* vscause, vsepc, ... */
        *s = (Seen){.cause = csr_read(0x242),
                    .pc = csr_read(0x241),
                    .tval = csr_read(0x243),
                    .status = csr_read(0x200),
                    .by_vs = true};
    bare_back_to_run(f, hart);
}

Seen run_with(unsigned level, u64 bits, Op *fn, u64 a0, u64 a1)
{
    u64 hart = csr_read(mhartid), offset = level == U ? ALIAS : 0;
    u64 was = csr_read(mstatus);
    bool guest = bits >> 39 & 1; /* MPV; then vsatp counts */
    if (!((guest ? csr_read(0x280) : csr_read(satp)) >> 60))
        offset = 0;
    bare_enter((u64)fn + offset, a0, a1, (u64)level << 11 | bits, offset);
    bare_resume_sp[hart] = 0;
    u64 keep = MIE | SUM | MXR | MPRV | MPP;
    csr_write(mstatus, (csr_read(mstatus) & ~keep) | (was & keep));
    return seen[hart];
}

Tables tables_new(unsigned levels)
{
    return (Tables){levels, pages(1)};
}

u64 *pte_of(Tables *t, u64 va, unsigned level)
{
    u64 *table = t->root;
    for (unsigned k = t->levels - 1; k > level; k--) {
        u64 *e = &table[va >> (12 + 9 * k) & 511];
        if (!(*e & PTE_V))
            *e = pte_make((u64)pages(1), PTE_V);
        table = (u64 *)(*e >> 10 << 12);
    }
    return &table[va >> (12 + 9 * level) & 511];
}

void map(Tables *t, u64 va, u64 pa, unsigned level, unsigned flags)
{
    *pte_of(t, va, level) = pte_make(pa, flags);
}

void bare_map_program(Tables *t)
{
    map(t, 0x80000000, 0x80000000, 2, RWX);
    map(t, 0x80000000 + ALIAS, 0x80000000, 2, RWX | PTE_U);
}

u64 satp_of(const Tables *t, unsigned asid)
{
    return (u64)(5 + t->levels) << 60 | (u64)asid << 44 | (u64)t->root >> 12;
}

void use_tables(const Tables *t, unsigned asid)
{
    csr_write(satp, t ? satp_of(t, asid) : 0);
    sfence();
}

void open_pmp(void)
{
    csr_write(pmpaddr15, ~0ull >> 10);
    csr_write(pmpcfg2, 0x1full << 56);
}

static volatile bool started;

void bare_start(void)
{
    open_pmp();
    __atomic_store_n(&started, true, __ATOMIC_SEQ_CST);
    test();
    finish();
}

void bare_other(u64 hart)
{
    while (!__atomic_load_n(&started, __ATOMIC_SEQ_CST)) {
    }
    open_pmp();
    other(hart);
}
