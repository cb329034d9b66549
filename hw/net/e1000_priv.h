/* What the parts of the cards share: registers and interrupts are e1000.c, descriptors e1000_rx.c and
 * e1000_tx.c, EEPROM and PHY e1000_nvm.c. Most registers only keep what is written: they are words of `reg`,
 * at a quarter of their offsets. */
#ifndef HW_NET_E1000_PRIV_H
#define HW_NET_E1000_PRIV_H

#include "hw/core/clock.h"
#include "hw/core/ports.h"
#include "hw/net/e1000.h"

enum {
    E1000_REGISTERS = 0x6000,
    E1000_VECTORS = 5,
    E1000_EEPROM = 64, /* words */
    E1000_PHY = 32,
    E1000_LIMITS = E1000_VECTORS + 1, /* of the rate of interrupts: of each vector, of all together */
    E1000_TX_MOST = 256 << 10,
    E1000_FRAME_LEAST = 60,
    E1000_MAC = 6
};

enum { /* offsets */
       R_CTRL = 0x0000,
       R_STATUS = 0x0008,
       R_EECD = 0x0010,
       R_EERD = 0x0014,
       R_CTRL_EXT = 0x0018,
       R_MDIC = 0x0020,
       R_VET = 0x0038,
       R_ICR = 0x00c0,
       R_ITR = 0x00c4,
       R_ICS = 0x00c8,
       R_IMS = 0x00d0,
       R_IMC = 0x00d8,
       R_EIAC = 0x00dc,
       R_IAM = 0x00e0,
       R_IVAR = 0x00e4,
       R_EITR = 0x00e8,
       R_RCTL = 0x0100,
       R_TCTL = 0x0400,
       R_PBA = 0x1000,
       R_PSRCTL = 0x2170,
       R_EEMNGCTL = 0x1010,
       R_RDBAL = 0x2800,
       R_RDBAH = 0x2804,
       R_RDLEN = 0x2808,
       R_RDH = 0x2810,
       R_RDT = 0x2818,
       R_TDBAL = 0x3800,
       R_TDBAH = 0x3804,
       R_TDLEN = 0x3808,
       R_TDH = 0x3810,
       R_TDT = 0x3818,
       R_STATS = 0x4000,
       R_MPC = 0x4010,
       R_GPRC = 0x4074,
       R_GPTC = 0x4080,
       R_GORC = 0x4088,
       R_GOTC = 0x4090,
       R_TORC = 0x40c0,
       R_TOTC = 0x40c8,
       R_TPR = 0x40d0,
       R_TPT = 0x40d4,
       R_STATS_END = 0x4130,
       R_RXCSUM = 0x5000,
       R_RFCTL = 0x5008,
       R_MTA = 0x5200,
       R_RA = 0x5400,
       R_VFTA = 0x5600,
       R_SWSM = 0x5b50
};
enum { /* causes of interrupts */
       CAUSE_TXDW = 1 << 0,
       CAUSE_TXQE = 1 << 1,
       CAUSE_LSC = 1 << 2,
       CAUSE_RXDMT = 1 << 4,
       CAUSE_RXO = 1 << 6,
       CAUSE_RXT = 1 << 7,
       CAUSE_MDAC = 1 << 9,
       CAUSE_RXQ0 = 1 << 20,
       CAUSE_TXQ0 = 1 << 22,
       CAUSE_OTHER = 1 << 24
};
enum { CTRL_MASTER_OFF = 1 << 2, CTRL_LINK_UP = 1 << 6, CTRL_RESET = 1 << 26, CTRL_VLAN = 1 << 30 };
enum { STATUS_DUPLEX = 1, STATUS_LINK = 2, STATUS_1000 = 0x80, STATUS_MASTER = 1 << 19 };

typedef struct E1000 {
    PciFunction f;
    NetPort *netdev;
    char mac[18];
    uint8_t given_address[E1000_MAC];
    bool express;   /* 82574L */
    bool link_down; /* the host's doing, not part of the machine's state */
    Timer timer[E1000_LIMITS];
    uint8_t *frame;   /* E1000_TX_MOST: what is sent, lock held */
    uint8_t *segment; /* NET_FRAME_MAX, twice: a part, and the same with its tag */
    DEV_STATE_BEGIN
    PciState p;
    uint32_t reg[E1000_REGISTERS / 4];
    uint16_t eeprom[E1000_EEPROM], phy[E1000_PHY];
    uint64_t quiet_until[E1000_LIMITS]; /* ns: no interrupt before that */
    uint32_t context[2][4];             /* of frames, and of those that are cut */
    uint32_t index;                     /* of the register that the I/O ports show */
    uint32_t sent;                      /* parts of the frame under way that the network has taken */
    uint32_t wire;                      /* EEPROM's serial wire: bits that went in */
    uint16_t wire_out;
    uint8_t wire_bits, wire_left;
    uint8_t waits; /* the network has a frame that found no room */
    uint8_t raised;
    DEV_STATE_END
} E1000;

static inline uint32_t *e1000_reg(E1000 *e, unsigned at)
{
    return &e->reg[at / 4];
}

/* Lock held, all of these. */
void e1000_raise(E1000 *e, uint32_t causes);
void e1000_count(E1000 *e, unsigned at, uint64_t n); /* statistics; GORC and the like have 64 bits */
bool e1000_link(const E1000 *e);

/* Internet checksums (RFC 1071), as numbers: 16-bit words of n bytes added to sum; with what is carried. */
uint32_t e1000_add_words(const uint8_t *p, size_t n, uint32_t sum);
uint16_t e1000_fold(uint32_t sum);

void e1000_send_all(E1000 *e);
/* False: there is no room now. */
bool e1000_receive(E1000 *e, const uint8_t *frame, size_t n);

void e1000_nvm_reset(E1000 *e);
void e1000_phy_reset(E1000 *e);
void e1000_write_eecd(E1000 *e, uint32_t v);
void e1000_write_eerd(E1000 *e, uint32_t v);
void e1000_write_mdic(E1000 *e, uint32_t v);

#endif
