/* options: -cpu cortex-a15
 * Alignment faults of AArch32: of accesses to Device and Strongly-ordered memory, which TEX, C and B, PRRR or
 * MAIR0 say; by SCTLR.A; of everything while the MMU is off. */
#include "a32_bare.h"

enum { PROBE = 0x60000000, RW_ALL = 3, SCTLR_A = 2, SCTLR_TRE = 1 << 28, ALIGNMENT = 1, LONG_ALIGNMENT = 33 };
enum { TRANSLATION_1 = 5, PERMISSION_1 = 13 };
#define EAE (1u << 31)

/* One instruction of each form: r0 is its address, r1 is 8. */
__asm__(".macro form name, insn:vararg\n"
        ".globl form_\\name\n"
        "form_\\name: \\insn\n"
        " bx lr\n"
        ".endm\n"
        ".text\n .syntax unified\n .balign 4\n .arm\n .fpu neon-vfpv4\n"
        "form ldrh, ldrh r2, [r0]\n"
        "form ldrsh_post, ldrsh r2, [r0], #6\n"
        "form strh_reg, strh r1, [r0, r1]\n"
        "form ldr_reg, ldr r2, [r0, r1, lsl #1]\n"
        "form str_pre, str r1, [r0, #8]!\n"
        "form ldrt, ldrt r2, [r0], #4\n"
        "form strd, strd r2, r3, [r0]\n"
        "form ldrd_reg, ldrd r2, r3, [r0, r1]\n"
        "form stm, stmib r0, {r1, r2}\n"
        "form ldrex, ldrex r2, [r0]\n"
        "form ldrexd, ldrexd r2, r3, [r0]\n"
        "form vldr_d, vldr d0, [r0, #8]\n"
        "form vstr_s, vstr s0, [r0]\n"
        "form vldm, vldmia r0, {d0, d1}\n"
        "form vld1_8, vld1.8 {d0, d1}, [r0]\n"
        "form vld1_16, vld1.16 {d0, d1}, [r0]!\n"
        "form vst1_32, vst1.32 {d0}, [r0]\n"
        "form vst1_64, vst1.64 {d0, d1}, [r0]\n"
        "form vld1_align, vld1.8 {d0, d1}, [r0:128]\n"
        "form vld2_16, vld2.16 {d0, d1}, [r0]\n"
        "form vst1_lane, vst1.32 {d0[1]}, [r0]\n"
        "form vld1_all, vld1.16 {d0[]}, [r0]\n"
        ".thumb\n .thumb_func\n"
        "form t_ldr, ldr r2, [r0]\n .thumb_func\n"
        "form t_strh, strh.w r1, [r0, #8]\n .thumb_func\n"
        "form t_push, stmdb r0!, {r1, r2}\n"
        ".arm\n .balign 4\n");

typedef struct Form {
    Op32 *fn;
    const char *name;
    uint8_t align, always; /* what it has to be aligned to; wherever it goes (1: nothing) */
    bool write;
    int8_t at; /* of the access, from r0 */
} Form;
#define FORMS                                                                                                \
    FORM(ldrh, 2, 1, false, 0)                                                                               \
    FORM(ldrsh_post, 2, 1, false, 0)                                                                         \
    FORM(strh_reg, 2, 1, true, 8)                                                                            \
    FORM(ldr_reg, 4, 1, false, 16)                                                                           \
    FORM(str_pre, 4, 1, true, 8)                                                                             \
    FORM(ldrt, 4, 1, false, 0)                                                                               \
    FORM(strd, 4, 4, true, 0)                                                                                \
    FORM(ldrd_reg, 4, 4, false, 8)                                                                           \
    FORM(stm, 4, 4, true, 4)                                                                                 \
    FORM(ldrex, 4, 4, false, 0)                                                                              \
    FORM(ldrexd, 8, 8, false, 0)                                                                             \
    FORM(vldr_d, 4, 4, false, 8)                                                                             \
    FORM(vstr_s, 4, 4, true, 0)                                                                              \
    FORM(vldm, 4, 4, false, 0)                                                                               \
    FORM(vld1_8, 1, 1, false, 0)                                                                             \
    FORM(vld1_16, 2, 1, false, 0)                                                                            \
    FORM(vst1_32, 4, 1, true, 0)                                                                             \
    FORM(vst1_64, 8, 1, true, 0)                                                                             \
    FORM(vld1_align, 16, 16, false, 0)                                                                       \
    FORM(vld2_16, 2, 1, false, 0)                                                                            \
    FORM(vst1_lane, 4, 1, true, 0)                                                                           \
    FORM(vld1_all, 2, 1, false, 0)                                                                           \
    FORM(t_ldr, 4, 1, false, 0)                                                                              \
    FORM(t_strh, 2, 1, true, 8)                                                                              \
    FORM(t_push, 4, 4, true, -8)
#define FORM(name, ...) extern Op32 form_##name;
FORMS
#undef FORM
#define FORM(name, ...) {form_##name, #name, __VA_ARGS__},
static const Form forms[] = {FORMS};
#undef FORM

static u32 *root, page_pa;

static void mmu(bool on, u32 more)
{
    tlb_flush();
    cp15_write(0, c1, c0, 0,
               (cp15_read(0, c1, c0, 0) & ~(u32)(SCTLR_M | SCTLR_A | SCTLR_TRE)) | (on ? SCTLR_M : 0) | more);
    tlb_flush();
}

static void fault(u32 at, u32 status, bool write, const char *what, int line)
{
    check_eq(seen.vector, VECTOR_DATA, what, line);
    check_eq(seen.dfsr & (FSR_LPAE | FSR_WRITE | 0x43f), status | (write ? FSR_WRITE : 0), "dfsr", line);
    check_eq(seen.dfar, at, "dfar", line);
}

/* At every distance from a multiple of 16; strict: what is not aligned raises. */
static void all_forms(u32 mode, u32 page, bool strict, int line)
{
    u32 status = cp15_read(0, c2, c0, 2) & EAE ? FSR_LPAE | LONG_ALIGNMENT : ALIGNMENT;
    for (const Form *f = forms; f < forms + sizeof(forms) / sizeof(*forms); f++) {
        for (u32 at = page + 64; at < page + 80; at++) {
            unsigned failed = failures;
            run(mode, f->fn, at - (u32)(int32_t)f->at, 8);
            if (at & ((strict ? f->align : f->always) - 1u))
                fault(at, status, f->write, f->name, line);
            else
                check_eq(returned(), 1, f->name, line);
            if (failures != failed) {
                report(f->name, at, mode);
                return;
            }
        }
    }
}
#define ALL_FORMS(mode, page, strict) all_forms(mode, page, strict, __LINE__)

static void put(unsigned tex_cb, unsigned ap)
{
    root[PROBE >> 20] =
        page_pa | 2 | (ap & 3) << 10 | (ap >> 2) << 15 | (tex_cb >> 2) << 12 | (tex_cb & 3) << 2;
    tlb_flush();
}

/* A page of 4 or 64 KiB has the same fields elsewhere. */
static void put_page(u32 *second, unsigned tex_cb, bool small)
{
    root[PROBE >> 20] = (u32)second | 1;
    for (unsigned k = 0; k < 16; k++)
        second[k] = page_pa | RW_ALL << 4 | (tex_cb & 3) << 2 |
                    (small ? 2 | (tex_cb >> 2) << 6 : 1 | (tex_cb >> 2) << 12);
    tlb_flush();
}

static bool is_device(unsigned tex_cb) /* without TRE */
{
    return tex_cb == 0 || tex_cb == 1 || tex_cb == 8;
}

static void by_short_descriptors(void)
{
    static const uint8_t kinds[] = {0, 1, 2, 3, 4, 7, 8, 21};
    u32 *second = pages(1);
    for (unsigned k = 0; k < sizeof(kinds); k++) {
        put(kinds[k], RW_ALL);
        ALL_FORMS(USR, PROBE, is_device(kinds[k]));
        ALL_FORMS(SVC, PROBE, is_device(kinds[k]));
        for (unsigned small = 0; small < 2; small++) {
            put_page(second, kinds[k], small);
            run(SVC, op_ldr, PROBE + 1, 8);
            CHECK_EQ(returned(), !is_device(kinds[k]));
        }
    }
    /* PRRR: of 0 to 7 Normal, Device, Strongly-ordered, Normal, ... */
    cp15_write(0, c10, c2, 0, 0xaa86 | 0x200000);
    mmu(true, SCTLR_TRE);
    for (unsigned k = 0; k < 8; k++) {
        put(k | 24, RW_ALL); /* TEX[2:1] are the system's */
        run(SVC, op_ldr, PROBE + 1, 8);
        CHECK_EQ(returned(), !(k == 1 || k == 2));
    }
    mmu(true, 0);
}

static void order_by_memory(void)
{
    run(SVC, op_str, PROBE + 0x100001, 8);
    fault(PROBE + 0x100001, TRANSLATION_1, true, "translation", __LINE__);
    put(1, 5); /* to be read by privileged code */
    run(SVC, op_str, PROBE + 4, 8);
    fault(PROBE + 4, PERMISSION_1, true, "rights", __LINE__);
    run(SVC, op_str, PROBE + 1, 8);
    fault(PROBE + 1, ALIGNMENT, true, "alignment", __LINE__);
}

static void by_register(void)
{
    put(7, RW_ALL);
    ALL_FORMS(USR, PROBE, false);
    mmu(true, SCTLR_A);
    ALL_FORMS(USR, PROBE, true);
    ALL_FORMS(SVC, PROBE, true);
    run(SVC, op_str, PROBE + 0x100001, 8);
    fault(PROBE + 0x100001, ALIGNMENT, true, "first of all", __LINE__);
    mmu(true, 0);
    ALL_FORMS(USR, PROBE, false);
}

static void by_long_descriptors(void)
{
    enum { VALID = 1, TABLE = 2, USER = 1 << 6, FLAG = 1 << 10 };
    u64 *top = pages(1), *middle = pages(1), *leaf = pages(1);
    mmu(false, 0);
    top[1] = (u32)middle | VALID | TABLE;
    for (u64 k = 0; k < 64; k++)
        middle[k] = (0x40000000 + (k << 21)) | VALID | FLAG | USER;
    top[0] = VALID | FLAG;
    middle[0x100] = (u32)leaf | VALID | TABLE; /* PROBE */
    cp15_write(0, c10, c2, 0, 0x440004ff);     /* MAIR0: Normal, Device, Strongly-ordered, Normal */
    cp15_write(0, c2, c0, 2, EAE);
    cp15_write64(0, c2, (u32)top);
    mmu(true, 0);
    for (unsigned k = 0; k < 4; k++) {
        leaf[0] = page_pa | VALID | TABLE | FLAG | USER | k << 2;
        tlb_flush();
        ALL_FORMS(USR, PROBE, k == 1 || k == 2);
    }
    mmu(false, 0);
    cp15_write(0, c2, c0, 2, 0);
}

void test(void)
{
    root = pages(4);
    page_pa = (u32)pages_aligned(1, 0x100000);
    for (u32 k = 0; k < 0x80; k++) /* the program, for all */
        root[0x400 + k] = (0x40000000 + (k << 20)) | 2 | RW_ALL << 10 | 3 << 2;
    root[0x90] = 0x09000000 | 2 | RW_ALL << 10;
    cp15_write(0, c1, c0, 2, 0xf00000);
    __asm__ volatile(".fpu neon\n vmsr fpexc, %0" ::"r"(1 << 30));
    cp15_write(0, c3, c0, 0, 1);
    cp15_write(0, c2, c0, 2, 0);
    cp15_write(0, c2, c0, 0, (u32)root);
    mmu(true, 0);
    by_register();
    if (OUTSIDE) /* asks for nothing there */
        return;
    by_short_descriptors();
    order_by_memory();
    by_long_descriptors();
    ALL_FORMS(USR, page_pa, true); /* the MMU is off */
    ALL_FORMS(SVC, page_pa, true);
}
