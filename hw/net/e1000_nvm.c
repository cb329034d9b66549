/* EEPROM (64 words; 82540EM: also by its serial wire, as a 93C46 with words of 16 bits) and the registers of
 * the PHY (IEEE 802.3 clause 22, Marvell's own ones from 16 on), which has always agreed with the other side
 * on 1000 Mb/s. */
#include "hw/net/e1000_priv.h"

enum {
    WORD_SUBSYSTEM = 0x0b,
    WORD_SUBVENDOR = 0x0c,
    WORD_DEVICE = 0x0d,
    WORD_VENDOR = 0x0e,
    WORD_SUM = 0x3f
};
enum { SUM = 0xbaba };
enum { EE_CLOCK = 1, EE_SELECT = 2, EE_IN = 4, EE_OUT = 8, EE_ASK = 0x40, EE_GRANT = 0x80, EE_THERE = 0x100 };
enum { EE_LOADED = 0x200 }; /* 82574 */

void e1000_nvm_reset(E1000 *e)
{
    static const uint16_t init[] = {[0x03] = 0x0420, [0x05] = 0xf746, [0x08] = 0xffff, [0x09] = 0xffff,
                                    [0x0a] = 0x026b, [0x0f] = 0x0000, [0x10] = 0xffff};
    uint16_t sum = 0, *w = e->eeprom;
    memset(w, 0xff, sizeof(e->eeprom));
    memcpy(w, init, sizeof(init));
    for (unsigned k = 0; k < E1000_MAC / 2; k++)
        w[k] = (uint16_t)(e->given_address[2 * k] | e->given_address[2 * k + 1] << 8);
    w[WORD_SUBSYSTEM] = (uint16_t)pci_get(&e->f, PCI_SUBSYSTEM, 2);
    w[WORD_SUBVENDOR] = (uint16_t)pci_get(&e->f, PCI_SUBSYSTEM_VENDOR, 2);
    w[WORD_DEVICE] = (uint16_t)pci_get(&e->f, PCI_DEVICE, 2);
    w[WORD_VENDOR] = (uint16_t)pci_get(&e->f, PCI_VENDOR, 2);
    for (unsigned k = 0; k < WORD_SUM; k++)
        sum = (uint16_t)(sum + w[k]);
    w[WORD_SUM] = (uint16_t)(SUM - sum);
    *e1000_reg(e, R_EECD) = EE_THERE | (e->express ? EE_LOADED : 0);
}

/* A rising clock takes a bit of the command (start, opcode 10, address of six bits), or gives one of the
 * answer; a 0 goes before that. */
static void clock_wire(E1000 *e, bool in)
{
    enum { COMMAND_BITS = 9, READ = 0x180, ADDRESS = 0x3f, ANSWER_BITS = 16 };
    uint32_t *eecd = e1000_reg(e, R_EECD);
    if (e->wire_left) {
        e->wire_left--;
        *eecd =
            (*eecd & ~(uint32_t)EE_OUT) | (e->wire_left < 16 && e->wire_out >> e->wire_left & 1 ? EE_OUT : 0);
        return;
    }
    if (!e->wire_bits && !in)
        return; /* the start has not come */
    e->wire = e->wire << 1 | in;
    if (++e->wire_bits < COMMAND_BITS)
        return;
    if ((e->wire & 0x1c0) == READ) {
        e->wire_out = e->eeprom[e->wire & ADDRESS];
        e->wire_left = ANSWER_BITS;
        *eecd &= ~(uint32_t)EE_OUT;
    }
    e->wire = e->wire_bits = 0;
}

void e1000_write_eecd(E1000 *e, uint32_t v)
{
    enum { WRITABLE = EE_CLOCK | EE_SELECT | EE_IN | EE_ASK };
    uint32_t *eecd = e1000_reg(e, R_EECD);
    const uint32_t was = *eecd;
    *eecd = (was & ~(uint32_t)(WRITABLE | EE_GRANT)) | (v & WRITABLE) | (v & EE_ASK ? EE_GRANT : 0);
    if (!(v & EE_SELECT)) {
        e->wire = e->wire_bits = e->wire_left = 0;
        *eecd |= EE_OUT; /* it is not busy */
    } else if (!(was & EE_CLOCK) && (v & EE_CLOCK)) {
        clock_wire(e, v & EE_IN);
    }
}

void e1000_write_eerd(E1000 *e, uint32_t v)
{
    enum { START = 1 };
    const unsigned done = e->express ? 1 << 1 : 1 << 4, shift = e->express ? 2 : 8;
    const unsigned at = e->express ? v >> shift & 0x3fff : v >> shift & 0xff;
    uint32_t *eerd = e1000_reg(e, R_EERD);
    *eerd = v & 0xffff & ~done;
    if (v & START)
        *eerd |= done | (uint32_t)(at < E1000_EEPROM ? e->eeprom[at] : 0xffff) << 16;
}

/* ---- PHY ---- */

enum { BMCR, BMSR, ID1, ID2, OWN, OTHER, EXPANSION, CONTROL_1000 = 9, STATUS_OF_1000, EXTENDED = 15 };
enum { SPECIFIC_STATUS = 17, PAGE_AT = 22 };
enum { BMCR_RESET = 0x8000, BMCR_RESTART = 0x0200 };

static void show_link(E1000 *e)
{
    enum { BMSR_FIXED = 0x7949, BMSR_LINK = 0x0024, RESOLVED = 0xbc00 };
    const bool up = !e->link_down;
    e->phy[BMSR] = BMSR_FIXED | (up ? BMSR_LINK : 0);
    e->phy[SPECIFIC_STATUS] = up ? RESOLVED | 0x0050 : 0;
}

void e1000_phy_reset(E1000 *e)
{
    memset(e->phy, 0, sizeof(e->phy));
    e->phy[BMCR] = 0x1140;
    e->phy[ID1] = 0x0141;
    e->phy[ID2] = e->express ? 0x0cb1 : 0x0c20;
    e->phy[OWN] = 0x0de1;
    e->phy[OTHER] = 0x41e1;
    e->phy[EXPANSION] = 0x000d;
    e->phy[CONTROL_1000] = 0x0e00;
    e->phy[STATUS_OF_1000] = 0x3c00;
    e->phy[EXTENDED] = 0x3000;
    e->phy[16] = 0x0360;
    e->phy[20] = 0x0d60;
    show_link(e);
}

static void write_phy(E1000 *e, unsigned at, uint16_t v)
{
    if (at == BMCR) {
        e->phy[BMCR] = v & 0x7f80 & (uint16_t)~BMCR_RESTART;
        if (v & BMCR_RESET)
            e1000_phy_reset(e);
        if (v & (BMCR_RESET | BMCR_RESTART) && e1000_link(e))
            e1000_raise(e, CAUSE_LSC);
    } else if (at > ID2 && at != OTHER && at != EXPANSION && at != STATUS_OF_1000 && at != EXTENDED &&
               at != SPECIFIC_STATUS) {
        e->phy[at] = v;
    }
}

void e1000_write_mdic(E1000 *e, uint32_t v)
{
    enum { OP_WRITE = 1, OP_READ = 2, READY = 1 << 28, INTERRUPT = 1 << 29, ERROR = 1 << 30 };
    const unsigned at = v >> 16 & 31, phy = v >> 21 & 31, op = v >> 26 & 3;
    const bool page =
        e->express && e->phy[PAGE_AT] & 0xff && at != PAGE_AT; /* pages of its own: nothing there */
    uint32_t *mdic = e1000_reg(e, R_MDIC);
    show_link(e);
    *mdic = (v & 0x3ffffff) | (v & 3u << 26) | READY;
    if (phy != 1 || (op != OP_WRITE && op != OP_READ))
        *mdic |= ERROR;
    else if (op == OP_WRITE && !page)
        write_phy(e, at, (uint16_t)v);
    else if (op == OP_READ)
        *mdic = (*mdic & ~0xffffu) | (page ? 0 : e->phy[at]);
    if (v & INTERRUPT)
        e1000_raise(e, CAUSE_MDAC);
}
