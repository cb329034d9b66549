/* options: -cpu cortex-a15
 * Self-hosted debug of AArch32 by coprocessor 14: locks, breakpoints of both instruction sets, on all
 * addresses but one and on contexts, vector catch, watchpoints by bytes, direction and privilege, what
 * DBGDSCR, the status and address registers say. */
#include "a32_bare.h"

#define cp14_read(crn, crm, opc2)                                                                            \
    ({                                                                                                       \
        u32 v_;                                                                                              \
        __asm__ volatile("mrc p14, 0, %0, " #crn ", " #crm ", " #opc2 : "=r"(v_)::"memory");                 \
        v_;                                                                                                  \
    })
#define cp14_write(crn, crm, opc2, v)                                                                        \
    __asm__ volatile("mcr p14, 0, %0, " #crn ", " #crm ", " #opc2 "\n isb" ::"r"((u32)(v)) : "memory")

enum { MDBGEN = 1 << 15, UDCCDIS = 1 << 12, DEBUG = 2, OSLK = 2 };
enum { MOE_BREAKPOINT = 1, MOE_BKPT = 3, MOE_VECTOR = 5, MOE_WATCHPOINT = 10 };
/* DBGBCR, DBGWCR */
enum {
    ON = 1,
    PRIVILEGED = 1 << 1,
    USER = 2 << 1,
    ALL = 3 << 1,
    LOADS = 1 << 3,
    STORES = 2 << 3,
    MISMATCH = 4 << 20
};
#define BYTES(mask) ((u32)(mask) << 5)
#define LOW_BITS(n) ((u32)(n) << 24)
#define LOCK_KEY    0xc5acce55

__asm__(".text\n .syntax unified\n .arm\n .balign 4\n"
        ".globl three, read_dscr, read_bvr, t_two\n"
        "three: mov r0, #1\n add r0, r0, #2\n add r0, r0, #3\n bx lr\n"
        "read_dscr: mrc p14, 0, r0, c0, c1, 0\n bx lr\n"
        "read_bvr: mrc p14, 0, r0, c0, c0, 4\n bx lr\n"
        ".thumb\n .thumb_func\n .balign 4\n"
        "t_two: movs r0, #1\n movs r0, #2\n bx lr\n"
        ".arm\n .balign 4\n");
extern Op32 three, read_dscr, read_bvr, t_two;

static u32 moe(void)
{
    return cp14_read(c0, c1, 0) >> 2 & 15;
}

static void stopped(u32 at, int line)
{
    check_eq(seen.vector, VECTOR_PREFETCH, "stops", line);
    check_eq(seen.lr, at + 4, "where", line);
    check_eq(seen.ifsr & 0x60f, DEBUG, "ifsr", line);
    check_eq(moe(), MOE_BREAKPOINT, "reason", line);
}
#define STOPPED(at) stopped((u32)(at), __LINE__)
#define GOES_ON(mode, fn, a0)                                                                                \
    ({                                                                                                       \
        run(mode, fn, (u32)(a0), 7);                                                                         \
        check_eq(returned(), 1, #fn, __LINE__);                                                              \
    })

static void registers(void)
{
    u32 didr = cp14_read(c0, c0, 0);
    CHECK_EQ(didr >> 24, 0x35);   /* 4 watchpoints, 6 breakpoints */
    CHECK_EQ(didr >> 16 & 15, 5); /* 7.1 */
    CHECK_EQ(cp15_read(0, c0, c1, 2) & 15, 5);
    CHECK_EQ(cp14_read(c1, c1, 4) & 9, 8); /* there is an OS lock */
    cp14_write(c0, c0, 4, 0x12345678);
    CHECK_EQ(cp14_read(c0, c0, 4) & ~3u, 0x12345678);
    cp14_write(c0, c3, 6, 0x12345678);
    CHECK_EQ(cp14_read(c0, c3, 6) & ~3u, 0x12345678);
    cp14_write(c0, c3, 7, BYTES(255)); /* so Linux asks for watchpoints of 8 bytes */
    CHECK_EQ(cp14_read(c0, c3, 7), BYTES(255));
    cp14_write(c0, c3, 7, 0);
    cp14_write(c0, c2, 2, MDBGEN);
    CHECK_EQ(cp14_read(c0, c1, 0) & MDBGEN, MDBGEN);
    cp14_write(c0, c7, 0, 0);
    /* EL0 may look at the first ones, unless it is kept from it */
    cp14_write(c0, c2, 2, MDBGEN | UDCCDIS);
    if (!OUTSIDE) { /* is never let in there */
        run(USR, read_dscr, 0, 0);
        CHECK_EQ(seen.vector, VECTOR_UND);
        cp14_write(c0, c2, 2, MDBGEN);
        GOES_ON(USR, read_dscr, 0);
    }
    cp14_write(c0, c2, 2, MDBGEN);
    run(USR, read_bvr, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_UND);
}

static void breakpoints(void)
{
    u32 second = (u32)three + 4;
    for (unsigned k = 0; k < 2; k++) { /* the first and the last */
#define CONTROL(v) (k ? ({ cp14_write(c0, c5, 5, v); }) : ({ cp14_write(c0, c0, 5, v); }))
        if (k)
            cp14_write(c0, c5, 4, second);
        else
            cp14_write(c0, c0, 4, second);
        CONTROL(ON | USER | BYTES(15));
        run(USR, three, 0, 0);
        STOPPED(second);
        CHECK_EQ(seen.value, 1);
        GOES_ON(SVC, three, 0);
        CONTROL(ON | PRIVILEGED | BYTES(15));
        GOES_ON(USR, three, 0);
        run(SVC, three, 0, 0);
        STOPPED(second);
        run(IRQ, three, 0, 0);
        STOPPED(second);
        if (!OUTSIDE) {              /* takes it for nobody */
            CONTROL(ON | BYTES(15)); /* User, System and Supervisor mode */
            run(SYS, three, 0, 0);
            STOPPED(second);
            run(USR, three, 0, 0);
            STOPPED(second);
            GOES_ON(IRQ, three, 0);
        }
        CONTROL(ON | ALL | BYTES(15));
        /* who switches it off */
        cp14_write(c0, c2, 2, 0);
        GOES_ON(USR, three, 0);
        cp14_write(c0, c2, 2, MDBGEN);
        cp14_write(c1, c0, 4, LOCK_KEY);
        CHECK_EQ(cp14_read(c1, c1, 4) & OSLK, OSLK);
        if (!OUTSIDE) /* locks keep nothing there */
            GOES_ON(USR, three, 0);
        cp14_write(c1, c0, 4, 0);
        CHECK_EQ(cp14_read(c1, c1, 4) & OSLK, 0);
        if (!OUTSIDE) {
            cp14_write(c1, c3, 4, 1);
            GOES_ON(USR, three, 0);
            cp14_write(c1, c3, 4, 0);
        }
        run(USR, three, 0, 0);
        STOPPED(second);
        CONTROL(0);
        GOES_ON(USR, three, 0);
#undef CONTROL
    }
    run(USR, op_bkpt, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    if (!OUTSIDE)
        CHECK_EQ(moe(), MOE_BKPT);
}

/* Halves of a word. */
static void in_thumb(void)
{
    u32 at = (u32)t_two & ~1u;
    cp14_write(c0, c0, 4, at);
    cp14_write(c0, c0, 5, ON | USER | BYTES(3));
    run(USR, t_two, 0, 0);
    STOPPED(at);
    cp14_write(c0, c0, 5, ON | USER | BYTES(12));
    run(USR, t_two, 0, 0);
    STOPPED(at + 2);
    CHECK_EQ(seen.value, 1);
    cp14_write(c0, c0, 5, 0);
}

/* So kernels step over a watchpoint. */
static void all_but_one(void)
{
    cp14_write(c0, c0, 4, three);
    cp14_write(c0, c0, 5, ON | USER | BYTES(15) | MISMATCH);
    run(USR, three, 0, 0);
    STOPPED((u32)three + 4);
    CHECK_EQ(seen.value, 1);
    cp14_write(c0, c0, 4, 0);
    run(USR, three, 9, 0);
    STOPPED(three);
    CHECK_EQ(seen.value, 9);
    GOES_ON(SVC, three, 0);
    cp14_write(c0, c0, 5, 0);
}

/* The last one compares contexts, by itself or for another. */
static void contexts(void)
{
    enum { CONTEXT = 2 << 20, LINKED = 1 << 20, TO_LAST = 5 << 16, MINE = 0x1234, OTHER = 0x1235 };
    cp15_write(0, c13, c0, 1, MINE);
    cp14_write(c0, c5, 4, MINE);
    if (!OUTSIDE) { /* has none that is not linked */
        cp14_write(c0, c5, 5, ON | USER | BYTES(15) | CONTEXT);
        run(USR, three, 9, 0);
        STOPPED(three);
        CHECK_EQ(seen.value, 9);
        cp15_write(0, c13, c0, 1, OTHER);
        GOES_ON(USR, three, 0);
        cp15_write(0, c13, c0, 1, MINE);
    }
    cp14_write(c0, c5, 5, ON | BYTES(15) | CONTEXT | LINKED);
    GOES_ON(USR, three, 0);
    cp14_write(c0, c0, 4, (u32)three + 8);
    cp14_write(c0, c0, 5, ON | USER | BYTES(15) | LINKED | TO_LAST);
    run(USR, three, 0, 0);
    STOPPED((u32)three + 8);
    cp15_write(0, c13, c0, 1, OTHER);
    GOES_ON(USR, three, 0);
    cp14_write(c0, c0, 5, 0);
    cp14_write(c0, c5, 5, 0);
    cp15_write(0, c13, c0, 1, 0);
}

static void caught(u32 mode, Op32 *fn, u32 vector, int line)
{
    run(mode, fn, 0, 0);
    check_eq(seen.vector, VECTOR_PREFETCH, "stops", line);
    check_eq(seen.lr, cp15_read(0, c12, c0, 0) + vector + 4, "where", line);
    check_eq(moe(), MOE_VECTOR, "reason", line);
}
#define CAUGHT(mode, fn, vector) caught(mode, fn, vector, __LINE__)

/* DBGVCR: the first instruction of a handler. */
static void vectors(void)
{
    enum { UNDEFINED = 1 << 1, CALL = 1 << 2, PREFETCH = 1 << 3 };
    cp14_write(c0, c7, 0, CALL);
    CHECK_EQ(cp14_read(c0, c7, 0), CALL);
    CAUGHT(USR, op_svc, VECTOR_SVC);
    CAUGHT(SYS, op_svc, VECTOR_SVC);
    CAUGHT(USR, op_t_svc, VECTOR_SVC);
    run(USR, op_udf, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_UND);
    cp14_write(c0, c7, 0, UNDEFINED | PREFETCH);
    CAUGHT(USR, op_udf, VECTOR_UND);
    run(USR, op_svc, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_SVC);
    run(USR, op_bkpt, 0, 0); /* its own vector cannot be caught */
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    CHECK_EQ(moe(), MOE_BKPT);
    cp14_write(c0, c2, 2, 0); /* DBGDSCR.MDBGen */
    run(USR, op_udf, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_UND);
    cp14_write(c0, c2, 2, MDBGEN);
    cp14_write(c0, c7, 0, 0);
}

static void watched(u32 mode, Op32 *fn, u32 va, u32 at, bool write, int line)
{
    run(mode, fn, va, 7);
    check_eq(seen.vector, VECTOR_DATA, "stops", line);
    check_eq(seen.lr, (u32)fn + 8, "where", line);
    check_eq(seen.dfsr & 0x40f, DEBUG, "dfsr", line);
    if (!OUTSIDE) /* is always a load there */
        check_eq(!!(seen.dfsr & FSR_WRITE), write, "write", line);
    check_eq(seen.dfar, at, "dfar", line);
    check_eq(moe(), MOE_WATCHPOINT, "reason", line);
}
#define WATCHED(mode, fn, va, at, write) watched(mode, fn, (u32)(va), (u32)(at), write, __LINE__)

static void watchpoints(void)
{
    volatile u32 *page = pages(1);
    u32 va = (u32)&page[4];
    page[4] = 3;
    cp14_write(c0, c1, 6, va);
    cp14_write(c0, c1, 7, ON | ALL | STORES | BYTES(15));
    WATCHED(USR, op_str, va, va, true);
    CHECK_EQ(page[4], 3); /* and nothing is there yet */
    WATCHED(SVC, op_str, va, va, true);
    GOES_ON(USR, op_ldr, va);
    GOES_ON(USR, op_str, va + 4);
    GOES_ON(USR, op_strb, va - 1);
    cp14_write(c0, c1, 7, ON | ALL | LOADS | BYTES(15));
    WATCHED(SVC, op_ldr, va, va, false);
    WATCHED(SVC, op_ldm, va - 4, va, false);
    GOES_ON(USR, op_str, va);
    /* bytes */
    cp14_write(c0, c1, 7, ON | ALL | LOADS | STORES | BYTES(4));
    GOES_ON(USR, op_ldrb, va + 1);
    WATCHED(USR, op_ldrb, va + 2, va + 2, false);
    WATCHED(USR, op_strb, va + 2, va + 2, true);
    /* eight of them */
    cp14_write(c0, c1, 6, va & ~7u);
    cp14_write(c0, c1, 7, ON | ALL | STORES | BYTES(255));
    WATCHED(USR, op_str, (va & ~7u) + 4, (va & ~7u) + 4, true);
    GOES_ON(USR, op_str, (va & ~7u) + 8);
    /* many */
    cp14_write(c0, c1, 7, ON | ALL | STORES | BYTES(255) | LOW_BITS(6));
    WATCHED(USR, op_str, (va & ~63u) + 60, (va & ~63u) + 60, true);
    GOES_ON(USR, op_str, (va & ~63u) + 64);
    /* whose access it is */
    cp14_write(c0, c1, 6, va);
    cp14_write(c0, c1, 7, ON | USER | STORES | LOADS | BYTES(15));
    WATCHED(USR, op_str, va, va, true);
    WATCHED(SVC, op_strt, va, va, true);
    GOES_ON(SVC, op_str, va);
    cp14_write(c0, c1, 7, ON | PRIVILEGED | STORES | LOADS | BYTES(15));
    GOES_ON(USR, op_str, va);
    WATCHED(SVC, op_ldr, va, va, false);
    cp14_write(c0, c1, 7, 0);
    GOES_ON(SVC, op_ldr, va);
}

void test(void)
{
    if (!OUTSIDE)
        CHECK_EQ(cp14_read(c1, c1, 4) & OSLK, OSLK); /* after a reset */
    cp14_write(c1, c0, 4, 0);
    registers();
    breakpoints();
    in_thumb();
    if (!OUTSIDE) /* has it not */
        all_but_one();
    contexts();
    if (!OUTSIDE) /* has it not */
        vectors();
    watchpoints();
}
