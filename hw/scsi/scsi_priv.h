/* What the parts of a logical unit share. Private to hw/scsi. */
#ifndef HW_SCSI_SCSI_PRIV_H
#define HW_SCSI_SCSI_PRIV_H

#include "hw/scsi/scsi.h"

static inline unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}
static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}
static inline uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}
static inline void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}
static inline void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)(v >> 32));
    put32(p + 4, (uint32_t)v);
}

/* A row of the table of commands. */
enum { SCSI_DISK = 1, SCSI_CD = 2, SCSI_NEEDS_MEDIUM = 4, SCSI_WHATEVER = 8, SCSI_WRITES = 16 };
typedef struct ScsiRow {
    uint8_t code, flags; /* WHATEVER: does not tell of an attention */
    void (*run)(const ScsiCommand *c, const uint8_t *p);
} ScsiRow;
extern const ScsiRow scsi_cd_rows[], scsi_disk_rows[]; /* ended by one without a function */

/* Of a command that moves nothing, so that it ends some day; ranges of UNMAP. */
#define SCSI_SPAN_MOST (1ull << 30)
enum { SCSI_UNMAP_RANGES = (SCSI_TAKE_BYTES - 8) / 16 };

/* n bytes of the reply, or as many as there is room for. */
void scsi_answer(const ScsiCommand *c, size_t n, size_t room);
void scsi_good(const ScsiCommand *c, const uint8_t *p);
uint64_t scsi_blocks(const ScsiUnit *u); /* of the medium; 0: there is none */
bool scsi_has_medium(const ScsiCommand *c);
/* Blocks [first, first + n) to be moved, as `kind` says; checked. */
void scsi_transfer(const ScsiCommand *c, ScsiKind kind, uint64_t first, uint64_t n);

void scsi_inquiry(const ScsiCommand *c, const uint8_t *p);
void scsi_mode_sense(const ScsiCommand *c, const uint8_t *p);
void scsi_mode_select(const ScsiCommand *c, const uint8_t *p);
/* Are the parameters of a SELECT modes that there are? Then *ret_no_cache, if they say. */
ScsiSense scsi_read_modes(const ScsiUnit *u, const ScsiTask *t, const uint8_t *parameters,
                          uint8_t *ret_no_cache);

#endif
