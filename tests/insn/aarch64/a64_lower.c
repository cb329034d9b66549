/* a64_lower FILE [-o]: translates each word of a flat file by itself and prints one line: the row's name, how
 * many IR ops it became, and the helpers it calls. -o: and its operations, but moves and constants, ".f16"
 * behind those on halves. For the ledgers. */
#include <stdio.h>
#include <stdlib.h>

#include "target/arm/a64_decode.h"
#include "target/arm/arm_cpu.h"

static const char row_name[A64_INSN_COUNT + 1][24] = {
#define INSN(id, ...) #id,
#include "target/arm/a64_rows.inc"
#undef INSN
    "-"};

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
    const TargetOps *ops = &target_aarch64;
    Arena arena;

    if (!f || !arena_init(&arena, 4 << 20))
        return 98;
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t at = 0; at + 4 <= n; at += 4) {
        A64Args a;
        arena_reset(&arena);
        IrRegion *r = ir_region_new(&arena, ops->slots, ops->n_slots, ops->helpers, ops->n_helpers);
        Trans t = {.b = &builder, .pc = 0x10000, .bytes = bytes + at, .n_bytes = 4,
                   .ctx = ARM_MODEL_MAX << ARM_CTX_MODEL_SHIFT};
        t.target = t.target_store;
        ir_builder_init(&builder, r);
        ir_insn_start(&builder, t.pc);
        unsigned first = r->n_insns;
        ops->translate(&t);
        ir_builder_finish(&builder);
        printf("%s\t%u\t", row_name[a64_decode(ld_u32(bytes + at), &a)], r->n_insns - first);
        if (t.flow.kind == FLOW_RAISE && t.flow.code == CPU_EXIT_ILLEGAL)
            printf("undefined");
        for (unsigned i = first; i < r->n_insns; i++)
            if (r->insn[i].op == IR_CALL)
                printf("%s ", ops->helpers[r->insn[i].imm].name);
        if (argc > 2)
            print_ops(r, first);
        printf("\n");
    }
    return 0;
}
