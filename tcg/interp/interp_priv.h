/* A run under way; for the files of tcg/interp. */
#ifndef TCG_INTERP_INTERP_PRIV_H
#define TCG_INTERP_INTERP_PRIV_H

#include "tcg/interp/interp.h"

typedef struct Interp {
    const IrRegion *r;
    const IrMachine *m;
    uint64_t *val;      /* canonical: zero-extended bits of the type */
    IrRun *ret;
    uint64_t pc;        /* of the guest instruction under way */
    unsigned next;      /* index of the IR instruction to run */
    unsigned block;
    uint32_t polls;
    uint64_t jumps_back;
} Interp;

/* Fills the result; always false, for `return`. */
bool interp_end(Interp *x, IrRunKind kind, unsigned at);
/* Floating-point ops with flags, and fclass. */
bool interp_fp(Interp *x, unsigned at);

/* Vector rows and crc32; any op of a type wider than 64 bits. */
bool interp_vec(Interp *x, unsigned at);
bool interp_wide(Interp *x, unsigned at);
IrVec interp_vec_get(const Interp *x, IrVal v);
void interp_vec_set(Interp *x, IrVal v, IrVec value);
/* Asks IrMachine.access; false: the run has ended. */
bool interp_access(Interp *x, unsigned at, IrAccess *a);
/* Tells IrMachine.note of an access; false: the run has ended. */
bool interp_told(Interp *x, unsigned at, uint64_t addr, uint64_t n, unsigned how);
static inline bool interp_note(Interp *x, unsigned at, uint64_t addr, uint64_t n, unsigned how)
{
    return LIKELY(x->m->note == NULL) || interp_told(x, at, addr, n, how);
}
/* Address of an access; false: a kind of memory that the interpreter does not know. */
bool interp_address(const Interp *x, const IrInsn *i, uint64_t *ret);

#endif
