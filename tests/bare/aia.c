/* options: -M virt,aia=aplic-imsic,aia-guests=2
 * outside: no (qemu-system 7.2 has the extension by another name and IMSICs of other behaviour)
 * The harts' side of the Advanced Interrupt Architecture: indirect registers, top interrupts, interrupt files
 * of each level and of guests, virtual interrupts by mvien and hvictl. */
#include "bare.h"

#define MPV (1ull << 39)
#define miselect 0x350
#define mireg 0x351
#define mtopei 0x35c
#define mtopi 0xfb0
#define siselect 0x150
#define sireg 0x151
#define stopei 0x15c
#define stopi 0xdb0
#define vsiselect 0x250
#define vsireg 0x251
#define vstopei 0x25c
#define vstopi 0xeb0
#define mvien 0x308
#define mvip 0x309
#define hstatus 0x600
#define hideleg 0x603
#define hie 0x604
#define hgeie 0x607
#define hvictl 0x609
#define hip 0x644
#define hvip 0x645
#define hgeip 0xe12
#define vsstatus 0x200
#define vstvec 0x205
enum { EIDELIVERY = 0x70, EIP0 = 0x80, EIE0 = 0xc0, X_VIRTUAL = 22, SEI = 1 << 9, SSI = 1 << 1 };

static volatile uint32_t *const m_file = (uint32_t *)0x24000000;
static volatile uint32_t *const s_file = (uint32_t *)0x28000000; /* then the guests', a page each */

static u64 read_sireg(u64 a, u64 b) { csr_write(siselect, a); return csr_read(sireg); }
static u64 read_stopei(u64 a, u64 b) { return csr_read(stopei); }
static u64 claim_stopei(u64 a, u64 b) { return csr_swap(stopei, 0); }
static u64 read_stopi(u64 a, u64 b) { return csr_read(stopi); }
static u64 read_sie(u64 a, u64 b) { return csr_read(sie); }
static u64 read_vsireg(u64 a, u64 b) { return csr_read(vsireg); }
static u64 enable_s(u64 bits, u64 b)
{
    csr_write(siselect, EIDELIVERY);
    csr_write(sireg, 1);
    csr_write(siselect, EIE0);
    csr_set(sireg, bits);
    return csr_read(sireg);
}

static void machine_file(void)
{
    csr_write(miselect, EIDELIVERY);
    csr_write(mireg, 1);
    csr_write(miselect, EIE0);
    csr_write(mireg, 1 << 5 | 1 << 9);
    CHECK_EQ(csr_read(mireg), 1 << 5 | 1 << 9);
    CHECK_EQ(csr_read(mtopei), 0);
    m_file[0] = 9;
    m_file[0] = 5;
    m_file[0] = 7; /* not enabled */
    CHECK_EQ(csr_read(mtopei), 5 << 16 | 5);
    CHECK_EQ(csr_read(mip) >> 11 & 1, 1);
    CHECK_EQ(csr_read(mtopi), 0);
    csr_write(mie, 1 << 11);
    CHECK_EQ(csr_read(mtopi), 11 << 16 | 1);
    CHECK_EQ(csr_swap(mtopei, 0), 5 << 16 | 5);
    CHECK_EQ(csr_swap(mtopei, 0), 9 << 16 | 9);
    CHECK_EQ(csr_read(mtopei), 0);
    CHECK_EQ(csr_read(mip) >> 11 & 1, 0);
    csr_write(miselect, EIP0);
    CHECK_EQ(csr_read(mireg), 1 << 7);
    csr_clear(mireg, 1 << 7);
    csr_set(mireg, 1 << 9);
    CHECK_EQ(csr_swap(mtopei, 0), 9 << 16 | 9);
    csr_write(miselect, 0x30); /* priorities: all zero */
    csr_write(mireg, ~0ull);
    CHECK_EQ(csr_read(mireg), 0);
    csr_write(mie, 0);
}

static u64 odd_mireg(u64 a, u64 b) { csr_write(miselect, a); return csr_read(mireg); }

static void supervisor_file(void)
{
    CHECK_EQ(run(M, odd_mireg, 0x31, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, odd_mireg, EIE0 + 1, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, odd_mireg, 0x40, 0).cause, X_ILLEGAL);
    CHECK_VALUE(run(S, enable_s, 1 << 3, 0), 1 << 3);
    CHECK_EQ(run(U, read_stopei, 0, 0).cause, X_ILLEGAL);
    s_file[0] = 3;
    CHECK_VALUE(run(S, read_stopei, 0, 0), 3 << 16 | 3);
    csr_write(mideleg, SEI);
    csr_write(mie, SEI);
    CHECK_VALUE(run(S, read_stopi, 0, 0), 9 << 16 | 1);
    CHECK_EQ(csr_read(mtopi), 0);
    csr_write(stvec, bare_s_trap);
    Seen s = run(U, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | 9);
    CHECK_VALUE(run(S, claim_stopei, 0, 0), 3 << 16 | 3);
    CHECK_VALUE(run(S, read_stopi, 0, 0), 0);
    csr_clear(mstatus, SIE);
    csr_write(mie, 0);
    csr_write(mideleg, 0);
}

/* What M lets the supervisor see instead of the real thing. */
static void filtered(void)
{
    csr_write(mvien, ~0ull);
    CHECK_EQ(csr_read(mvien), SSI | SEI | 1 << 13);
    CHECK_EQ(run(S, read_stopei, 0, 0).cause, X_ILLEGAL);
    csr_write(mvip, SSI);
    CHECK_EQ(csr_read(mip) & SSI, 0);
    CHECK_EQ(csr_read(sip), SSI);
    csr_write(sie, SSI);
    CHECK_VALUE(run(S, read_sie, 0, 0), SSI);
    CHECK_EQ(csr_read(mie), 0);
    csr_write(stvec, bare_s_trap);
    Seen s = run(U, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | 1);
    csr_clear(sip, SSI);
    CHECK_EQ(csr_read(mvip) & SSI, 0);
    csr_write(sie, 0);
    csr_write(mvien, 0);
    csr_clear(mstatus, SIE);
}

static void guest_file(void)
{
    CHECK_EQ(run(S, read_vsireg, 0, 0).cause, X_ILLEGAL); /* VGEIN is 0 */
    CHECK_EQ(run_with(S, MPV, read_sireg, EIE0, 0).cause, X_VIRTUAL);
    CHECK_EQ(run_with(S, MPV, read_stopei, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(run_with(S, MPV, read_vsireg, 0, 0).cause, X_VIRTUAL);
    csr_write(hstatus, 3ull << 12); /* there are two */
    CHECK_EQ(csr_read(hstatus) >> 12 & 63, 0);
    csr_write(hstatus, 2ull << 12);
    CHECK_EQ(run_with(S, MPV, read_sireg, 0x30, 0).cause, X_VIRTUAL);
    CHECK_VALUE(run_with(S, MPV, enable_s, 1 << 6, 0), 1 << 6);
    csr_write(hgeie, ~0ull);
    CHECK_EQ(csr_read(hgeie), 6);
    s_file[2 * 1024] = 6; /* the second guest's */
    CHECK_EQ(csr_read(hgeip), 4);
    CHECK_EQ(csr_read(hip) & (1 << 12 | 1 << 10), 1 << 12 | 1 << 10);
    csr_write(hgeie, 2);
    CHECK_EQ(csr_read(hip) & (1 << 12 | 1 << 10), 1 << 10);
    csr_write(hstatus, 1ull << 12);
    CHECK_EQ(csr_read(hip) & (1 << 12 | 1 << 10), 0);
    csr_write(hgeie, 4);
    csr_write(hie, 1 << 12); /* the hypervisor is told */
    csr_write(stvec, bare_s_trap);
    Seen s = run(U, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | 12);
    csr_write(hstatus, 2ull << 12);
    csr_write(hideleg, 1 << 10);
    csr_write(hie, 1 << 10);
    csr_write(vstvec, bare_s_trap);
    s = run_with(U, MPV, op_nop, 0, 0);
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 9);
    CHECK_EQ(csr_read(vstopei), 6 << 16 | 6);
    CHECK_EQ(csr_read(vstopi), 9 << 16 | 1);
    CHECK_VALUE(run_with(S, MPV, claim_stopei, 0, 0), 6 << 16 | 6);
    CHECK_EQ(csr_read(hgeip), 0);
    csr_write(hie, 0);
    csr_write(hgeie, 0);
    csr_write(hideleg, 0);
    csr_write(hstatus, 0);
    csr_write(vsstatus, 0);
    csr_clear(mstatus, SIE);
}

static void injected(void)
{
    csr_write(hideleg, 1 << 10 | 1 << 6 | 1 << 2);
    csr_write(hvictl, 1ull << 30 | 35ull << 16 | 1 << 8 | 77);
    CHECK_EQ(csr_read(vstopi), 35 << 16 | 77);
    CHECK_EQ(run_with(S, MPV, read_sie, 0, 0).cause, X_VIRTUAL);
    csr_write(vstvec, bare_s_trap);
    Seen s = run_with(U, MPV, op_nop, 0, 0);
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 35);
    csr_write(vsstatus, 0);
    csr_write(hvictl, 1ull << 30 | 9ull << 16); /* none */
    CHECK_EQ(csr_read(vstopi), 0);
    CHECK_VALUE(run_with(U, MPV, op_nop, 3, 0), 3);
    csr_write(hvictl, 0);
    csr_write(hvip, 1 << 6 | 1 << 2);
    csr_write(hie, 1 << 6 | 1 << 2);
    CHECK_EQ(csr_read(vstopi), 1 << 16 | 1);
    csr_write(0x646, 9ull << 8 | 4ull << 24); /* hviprio1: the timer comes before */
    csr_write(hvictl, 1 << 8);
    CHECK_EQ(csr_read(vstopi), 5 << 16 | 4);
    csr_write(0x646, 0);
    csr_write(hvictl, 0);
    csr_write(hvip, 0);
    csr_write(hie, 0);
    csr_write(hideleg, 0);
}

void test(void)
{
    for (unsigned n = 0; n < 3; n++) {
        machine_file();
        supervisor_file();
        filtered();
        guest_file();
        injected();
    }
}
