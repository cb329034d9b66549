/* a32_lower FILE [t]: translates the instruction at each multiple of 16 of a flat file by itself, T32 with t.
 * Prints one line each: the row's name, how many IR ops it became, the helpers it calls, and its operations
 * but moves and constants, ".f16" behind those on halves. For the ledger. */
#include <stdio.h>
#include <stdlib.h>

#include "target/arm/a32_decode.h"
#include "target/arm/arm_cpu.h"

static const char row_name[T32_INSN_END][24] = {
#define INSN(id, ...) [A32_##id] = #id,
#include "target/arm/a32_rows.inc"
#undef INSN
#define INSN(id, ...) [T32_##id] = #id,
#include "target/arm/t32_rows.inc"
#undef INSN
};

static A32Insn decode(const uint8_t *bytes, bool thumb)
{
    A32Args a;
    unsigned len = t32_insn_len(ld_u16(bytes));

    if (!thumb)
        return a32_decode(ld_u32(bytes), &a);
    return t32_decode((uint32_t)ld_u16(bytes) << 16 | (len == 4 ? ld_u16(bytes + 2) : 0u), 0, &a);
}

static void print_ops(const IrRegion *r, unsigned first)
{
    printf("\t");
    for (unsigned k = first; k < r->n_insns; k++) {
        const IrInsn *i = &r->insn[k];
        const IrOpInfo *info = &ir_op_info[i->op];
        bool half = i->type == IR_F16 || (ir_has_lane(i) && i->misc == IR_LANE_F16);
        if (info->sig == IR_SIG_GET || info->sig == IR_SIG_PUT || info->sig == IR_SIG_CONST ||
            i->op == IR_VLOW || i->op == IR_VZEXT)
            continue;
        printf("%s%s ", info->name, half ? ".f16" : "");
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 24];
    static IrBuilder builder;
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    bool thumb = argc > 2 && argv[2][0] == 't';
    const TargetOps *ops = &target_arm;
    Arena arena;

    if (!f || !arena_init(&arena, 4 << 20))
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t at = 0; at + 16 <= n; at += 16) {
        arena_reset(&arena);
        IrRegion *r = ir_region_new(&arena, ops->slots, ops->n_slots, ops->helpers, ops->n_helpers);
        Trans t = {.b = &builder, .pc = 0x10000 | (thumb ? ARM_PC_T : 0), .bytes = bytes + at, .n_bytes = 16,
                   .ctx = A32_MODEL_MAX << ARM_CTX_MODEL_SHIFT | ARM_CTX_A32 | ARM_CTX_NEON};
        t.target = t.target_store;
        ir_builder_init(&builder, r);
        ir_insn_start(&builder, t.pc);
        unsigned first = r->n_insns;
        ops->translate(&t);
        ir_builder_finish(&builder);
        A32Insn insn = decode(bytes + at, thumb);
        printf("%s\t%u\t", insn == A32_ILLEGAL ? "-" : row_name[insn], r->n_insns - first);
        if (t.flow.kind == FLOW_RAISE && t.flow.code == CPU_EXIT_ILLEGAL)
            printf("undefined");
        for (unsigned i = first; i < r->n_insns; i++)
            if (r->insn[i].op == IR_CALL)
                printf("%s ", ops->helpers[r->insn[i].imm].name);
        print_ops(r, first);
        printf("\n");
    }
    return 0;
}
