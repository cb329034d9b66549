#include "tcg/ir/print.h"

#include "tcg/ir/vec.h"

const char ir_cond_name[10][4] = {"eq", "ne", "ltu", "geu", "lt", "ge", "leu", "gtu", "le", "gt"};
const char ir_vcond_name[11][4] = {"eq", "ne", "ltu", "geu", "lt", "ge", "leu", "gtu", "le", "gt", "tst"};
const uint8_t ir_lane_type[12] = {[IR_LANE_8] = IR_I8,      [IR_LANE_16] = IR_I16,   [IR_LANE_32] = IR_I32,
                                  [IR_LANE_64] = IR_I64,    [IR_LANE_F16] = IR_F16, [IR_LANE_F32] = IR_F32,
                                  [IR_LANE_F64] = IR_F64};
const char ir_vattr_name[6][6] = {"s", "hi", "round", "sat", "mix", "neg"};
const char ir_fcond_name[8][8] = {"feq", "flt", "fle", "fltq", "fleq", "funo", "flts", "fles"};
const char ir_round_name[8][4] = {"rne", "rtz", "rdn", "rup", "rmm", "odd", "r6", "dyn"};
const char ir_rmw_name[9][8] = {"xchg", "add", "and", "or", "xor", "min", "max", "minu", "maxu"};
const char ir_order_name[8][9] = {"relaxed", "acquire",  "release", "acq_rel",
                                  "seq_cst", "elements", "block",   "aligned"};
const char ir_mmu_name[4][9] = {"direct", "direct32", "tlb", "phys"};
const char ir_hint_name[3][5] = {"jump", "call", "ret"};

static void print_name(Fmt *f, const char *name, size_t cap)
{
    for (size_t k = 0; k < cap && name[k]; k++)
        fmt_putc(f, name[k]);
}

static void print_slot(const IrRegion *r, unsigned slot, Fmt *f)
{
    if (slot < r->n_slots)
        print_name(f, r->slots[slot].name, sizeof r->slots[slot].name);
    else
        fmt_printf(f, "slot?%u", slot);
}

static void print_word(Fmt *f, const char *table, size_t width, size_t rows, unsigned at)
{
    fmt_putc(f, ' ');
    if (at < rows)
        print_name(f, table + at * width, width);
    else
        fmt_printf(f, "?%u", at);
}
#define PRINT_WORD(f, table, at) print_word(f, table[0], sizeof table[0], ARRAY_SIZE(table), at)

static void print_disp(Fmt *f, int32_t disp)
{
    if (disp > 0)
        fmt_printf(f, " + %d", disp);
    else if (disp < 0)
        fmt_printf(f, " - %lu", (unsigned long)(0 - (int64_t)disp));
}

static void print_address(const IrInsn *i, bool index, Fmt *f)
{
    IrMem m = {.raw = i->d};
    fmt_printf(f, " [%%%u", i->a);
    if (index && i->b)
        fmt_printf(f, " + %%%u", i->b);
    if (m.scale && i->b)
        fmt_printf(f, "<<%u", m.scale);
    print_disp(f, (int32_t)i->imm);
    fmt_putc(f, ']');
}

static void print_mem(const IrInsn *i, Fmt *f)
{
    IrMem m = {.raw = i->d};
    fmt_printf(f, " b%u", 1u << m.size);
    if (m.sext)
        fmt_puts(f, " sext");
    if (m.bswap)
        fmt_puts(f, " bswap");
    if (m.order)
        PRINT_WORD(f, ir_order_name, m.order);
    if (m.order == IR_ELEMENTS)
        fmt_printf(f, " e%u", 1u << m.scale);
    if (m.mmu)
        PRINT_WORD(f, ir_mmu_name, m.mmu);
    if (m.mmuidx)
        fmt_printf(f, " idx%u", m.mmuidx);
}

static void print_operands(const IrInsn *i, unsigned n, Fmt *f)
{
    for (unsigned k = 0; k < n; k++)
        if (i->arg[k])
            fmt_printf(f, " %%%u", i->arg[k]);
}

static void print_access(const IrInsn *i, Fmt *f)
{
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_LD: print_address(i, true, f); break;
    case IR_SIG_ST:
        fmt_printf(f, " %%%u", i->c);
        print_address(i, true, f);
        break;
    case IR_SIG_ST2:
        fmt_printf(f, " %%%u %%%u", i->c, i->b);
        print_address(i, false, f);
        break;
    case IR_SIG_LDM:
    case IR_SIG_STM:
        fmt_printf(f, " %u %%%u", i->misc, i->b);
        if (i->op == IR_STM)
            fmt_printf(f, " %%%u", i->c);
        print_address(i, false, f);
        break;
    case IR_SIG_RMW:
        PRINT_WORD(f, ir_rmw_name, i->misc);
        print_address(i, true, f);
        fmt_printf(f, " %%%u", i->c);
        break;
    default:
        print_address(i, false, f);
        fmt_printf(f, " %%%u %%%u", i->b, i->c);
        break;
    }
    print_mem(i, f);
}

static void print_xv(const IrInsn *i, Fmt *f)
{
    fmt_printf(f, " 0x%x", i->imm);
    for (unsigned k = 0; k < (i->c ? 3 : 2); k++)
        i->arg[k] ? fmt_printf(f, " %%%u", i->arg[k]) : fmt_puts(f, " none");
}

static void print_unit(const IrRegion *r, const IrInsn *i, Fmt *f)
{
    print_xv(i, f);
    fmt_putc(f, ' ');
    print_name(f, i->d < r->n_helpers ? r->helpers[i->d].name : "?", sizeof r->helpers[0].name);
}

static void print_args(const IrVal *arg, unsigned n, Fmt *f)
{
    fmt_putc(f, '(');
    for (unsigned k = 0; k < n && arg[k]; k++)
        fmt_printf(f, "%s%%%u", k ? ", " : "", arg[k]);
    fmt_putc(f, ')');
}

static void print_fp(const IrInsn *i, Fmt *f)
{
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_FMA:
        PRINT_WORD(f, ir_round_name, i->misc);
        fmt_printf(f, "%s%s", i->imm & 1 ? " np" : "", i->imm & 2 ? " na" : "");
        break;
    case IR_SIG_FCMP:
        PRINT_WORD(f, ir_fcond_name, i->misc & 7u);
        fmt_puts(f, i->misc & IR_FCC_NOT ? " not" : "");
        break;
    case IR_SIG_FLF: fmt_puts(f, i->misc ? " signaling" : ""); break;
    case IR_SIG_FL3:
        if (i->op == IR_FLNZC)
            fmt_printf(f, " bit %u", i->misc);
        else if (i->op == IR_FLX)
            fmt_printf(f, " kind %u", i->misc);
        break;
    case IR_SIG_BULK:
    case IR_SIG_FSGN: fmt_printf(f, " %u", i->misc); break;
    case IR_SIG_FCVT:
        PRINT_WORD(f, ir_round_name, i->d & 7u);
        if (i->d & IR_CVT_UNSIGNED)
            fmt_puts(f, i->op == IR_FRINT ? " exact" : " unsigned");
        if (i->d & (IR_FRINT_32 | IR_FRINT_64))
            fmt_puts(f, i->d & IR_FRINT_32 ? " r32" : " r64");
        if (i->imm)
            fmt_printf(f, " fix %u", i->imm);
        break;
    default: break;
    }
    print_operands(i, ir_operand_count(i), f);
}

static void print_vec(const IrInsn *i, Fmt *f)
{
    const IrVecRow *row = ir_vec_row((IrOp)i->op);
    unsigned n = i->imm >> 8 & 255;
    for (unsigned k = 0; k < ARRAY_SIZE(ir_vattr_name); k++)
        if (i->imm >> k & 1)
            PRINT_WORD(f, ir_vattr_name, k);
    if (row && row->n == IR_VNUM_COND)
        PRINT_WORD(f, ir_vcond_name, n);
    else if (n || (row && row->n != IR_VNUM_NONE))
        fmt_printf(f, " n%u", n);
    if (i->imm >> 16)
        fmt_printf(f, " m%u", i->imm >> 16);
    for (unsigned k = 0; k < ir_operand_count(i); k++)
        if (i->arg[k])
            fmt_printf(f, " %%%u", i->arg[k]);
        else
            fmt_puts(f, " none");
}

static void print_leave(const IrRegion *r, const IrInsn *i, Fmt *f)
{
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_CALL:
        fmt_putc(f, ' ');
        if (i->imm < r->n_helpers)
            print_name(f, r->helpers[i->imm].name, sizeof r->helpers[i->imm].name);
        else
            fmt_printf(f, "helper?%u", i->imm);
        print_args(i->arg, 4, f);
        break;
    case IR_SIG_EXIT: fmt_printf(f, " %u", i->imm); break;
    case IR_SIG_EXITIF: fmt_printf(f, " %%%u exit %u%s", i->a, i->imm, i->misc ? " likely" : ""); break;
    case IR_SIG_EXITIND:
        fmt_printf(f, " %%%u", i->a);
        PRINT_WORD(f, ir_hint_name, i->misc);
        break;
    case IR_SIG_BR:
        fmt_printf(f, " block %u", i->imm);
        if (i->misc) {
            fmt_putc(f, ' ');
            print_args(r->args + i->a, i->misc, f);
        }
        break;
    default: fmt_printf(f, " %%%u block %u block %u", i->a, i->imm, i->b); break;
    }
}

static void print_head(const IrRegion *r, const IrInsn *i, unsigned index, Fmt *f)
{
    const IrOpInfo *info = &ir_op_info[i->op];
    if (ir_result_type(r, i) != IR_VOID && !(info->sig == IR_SIG_FPENV && i->a))
        fmt_printf(f, "%%%u = ", index);
    print_name(f, info->name, sizeof info->name);
    if (info->sig != IR_SIG_CALL && i->type != IR_VOID)
        fmt_printf(f, ".%s", ir_type_name[i->type]);
    if (ir_has_lane(i))
        fmt_printf(f, ".%s", ir_type_name[i->misc < IR_LANE_COUNT ? ir_lane_type[i->misc] : 0]);
    if (info->sig == IR_SIG_CVT || info->sig == IR_SIG_FCVT || info->sig == IR_SIG_FCLS ||
        info->sig == IR_SIG_VCVT)
        fmt_printf(f, ".%s", ir_type_name[i->misc]);
    if ((info->flags & IR_F_FPX) && (info->sig == IR_SIG_V || info->sig == IR_SIG_VV))
        PRINT_WORD(f, ir_round_name, i->misc);
}

void ir_print_insn(const IrRegion *r, unsigned index, Fmt *f)
{
    const IrInsn *i = &r->insn[index];
    if (i->op == IR_INSN_START) {
        fmt_printf(f, "insn 0x%lx", (unsigned long)(i->imm < r->n_guest ? r->guest_pc[i->imm] : 0));
        return;
    }
    print_head(r, i, index, f);
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_CONST:
        fmt_printf(f, " %ld", (long)ir_const_value(r, (IrVal)index));
        if (i->type == IR_V128 && i->misc)
            fmt_printf(f, " 0x%lx", (unsigned long)ir_const_vec(r, (IrVal)index).w[1]);
        break;
    case IR_SIG_PARAM: fmt_printf(f, " %u", i->imm); break;
    case IR_SIG_GET:
    case IR_SIG_PUT:
        fmt_putc(f, ' ');
        print_slot(r, i->imm, f);
        print_operands(i, ir_operand_count(i), f);
        break;
    case IR_SIG_CMP:
        PRINT_WORD(f, ir_cond_name, i->misc);
        print_operands(i, 2, f);
        break;
    case IR_SIG_LD:
    case IR_SIG_ST:
    case IR_SIG_ST2:
    case IR_SIG_LDM:
    case IR_SIG_STM:
    case IR_SIG_RMW:
    case IR_SIG_CAS: print_access(i, f); break;
    case IR_SIG_FENCE: fmt_printf(f, " %u", i->imm); break;
    case IR_SIG_FL3:
    case IR_SIG_BULK:
    case IR_SIG_FMA:
    case IR_SIG_FCMP:
    case IR_SIG_FLF:
    case IR_SIG_FSGN:
    case IR_SIG_FCVT: print_fp(i, f); break;
    case IR_SIG_VEC1:
    case IR_SIG_VEC2:
    case IR_SIG_VEC3:
    case IR_SIG_VEC4:
    case IR_SIG_VGET:
    case IR_SIG_VSET:
    case IR_SIG_VDUP:
    case IR_SIG_CRC: print_vec(i, f); break;
    case IR_SIG_XV:
    case IR_SIG_XFL: print_xv(i, f); break;
    case IR_SIG_UNIT: print_unit(r, i, f); break;
    case IR_SIG_CALL:
    case IR_SIG_EXIT:
    case IR_SIG_EXITIF:
    case IR_SIG_EXITIND:
    case IR_SIG_BR:
    case IR_SIG_BRCOND: print_leave(r, i, f); break;
    default: print_operands(i, ir_operand_count(i), f); break;
    }
}

void ir_print(const IrRegion *r, Fmt *f)
{
    fmt_printf(f, "region pc=0x%lx ctx=0x%x nan=%u", (unsigned long)r->pc, r->ctx, r->nan);
    if (r->fp)
        fmt_printf(f, " fp=0x%x", r->fp);
    fmt_putc(f, '\n');
    for (unsigned k = 0; k < r->n_exits; k++) {
        const IrExit *x = &r->exit[k];
        if (x->kind == IR_EXIT_DIRECT)
            fmt_printf(f, "exit %u direct 0x%lx%s%s\n", k, (unsigned long)x->pc, x->poll ? " poll" : "",
                       r->ret_exit == k + 1 ? " return" : "");
        else if (x->kind == IR_EXIT_FAR)
            fmt_printf(f, "exit %u far 0x%lx\n", k, (unsigned long)x->pc);
        else
            fmt_printf(f, "exit %u raise 0x%lx code=%u\n", k, (unsigned long)x->pc, x->code);
    }
    for (unsigned n = 0; n < r->n_blocks; n++) {
        const IrBlock *b = &r->block[n];
        fmt_printf(f, "block %u:\n", n);
        for (unsigned k = b->first; k < b->end; k++) {
            fmt_puts(f, "  ");
            ir_print_insn(r, k, f);
            fmt_putc(f, '\n');
        }
    }
}
