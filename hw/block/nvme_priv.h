/* What the parts of the NVMe controller share: queues and registers are nvme.c, commands nvme_command.c. */
#ifndef HW_BLOCK_NVME_PRIV_H
#define HW_BLOCK_NVME_PRIV_H

#include "hw/block/nvme.h"
#include "hw/core/ports.h"

enum {
    NVME_QUEUES = 9,
    NVME_ENTRIES = 1024,
    NVME_PAGE = 4096,
    NVME_MDTS = 7,
    NVME_BLOCK = 512,
    NVME_EVENTS = 4,
    NVME_FEATURES = 16,
    NVME_MOST = NVME_PAGE << NVME_MDTS,
    NVME_SEGS = (NVME_MOST / NVME_PAGE) + 1
};

enum { /* status: code, and its type from bit 8 on */
    NVME_OK = 0x000,
    NVME_NO_COMMAND = 0x001,
    NVME_BAD_FIELD = 0x002,
    NVME_TRANSFER_ERROR = 0x004,
    NVME_BAD_NAMESPACE = 0x00b,
    NVME_BAD_PRP = 0x013,
    NVME_OUT_OF_RANGE = 0x080,
    NVME_BAD_CQ = 0x100,
    NVME_BAD_QUEUE = 0x101,
    NVME_BAD_SIZE = 0x102,
    NVME_TOO_MANY_EVENTS = 0x105,
    NVME_BAD_VECTOR = 0x108,
    NVME_BAD_DELETION = 0x10c,
    NVME_WRITE_FAULT = 0x280,
    NVME_READ_FAULT = 0x281,
    NVME_LATER = 0xffff, /* no completion now */
};

typedef struct NvmeCommand {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid, reserved[2];
    uint64_t metadata, prp1, prp2;
    uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
} NvmeCommand;
_Static_assert(sizeof(NvmeCommand) == 64, "as the controller reads it");

typedef struct Nvme Nvme;

typedef struct NvmeSeg {
    uint64_t at;
    uint32_t bytes;
} NvmeSeg;

/* One of the submission queues, as a thread serves it. */
typedef struct NvmeLane {
    Nvme *n;
    unsigned queue;
    uint64_t epoch;  /* of resets, when the command was taken */
    Job job;
    uint8_t *bounce; /* NVME_MOST; the admin queue has none */
    NvmeCommand c;
    NvmeSeg seg[NVME_SEGS];
    unsigned n_segs;
    uint32_t result;
} NvmeLane;

struct Nvme {
    PciFunction f;
    BlockPort *drive;
    char serial[21];
    uint32_t io_queues;
    NvmeLane *lane;       /* [NVME_QUEUES] */
    uint64_t epoch;
    DEV_STATE_BEGIN
    PciState p;
    uint32_t cc, csts, masked, aqa;
    uint64_t asq, acq;
    uint64_t sq_base[NVME_QUEUES], cq_base[NVME_QUEUES];
    uint16_t sq_size[NVME_QUEUES], cq_size[NVME_QUEUES]; /* 0: there is none */
    uint16_t sq_head[NVME_QUEUES], sq_tail[NVME_QUEUES], cq_head[NVME_QUEUES], cq_tail[NVME_QUEUES];
    uint16_t sq_cq[NVME_QUEUES], cq_vector[NVME_QUEUES];
    uint8_t cq_phase[NVME_QUEUES], cq_interrupts[NVME_QUEUES];
    uint8_t busy[NVME_QUEUES]; /* a command of the queue is being served */
    uint16_t event[NVME_EVENTS]; /* commands that wait for an event */
    uint32_t feature[NVME_FEATURES];
    uint8_t n_events;
    DEV_STATE_END
};

/* The command of the lane. Admin: lock held, with no waiting. I/O: without the lock. */
uint16_t nvme_admin(NvmeLane *l);
uint16_t nvme_io(NvmeLane *l);

/* For commands. */
void nvme_kick(Nvme *n, unsigned sq); /* lock held */

#endif
