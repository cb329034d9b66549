/* accel/kvm against the host's /dev/kvm, with guests of our own (kvm_guests.S). Skipped where there is none,
 * or no permission. Argument: a pattern of tests, with - before it of those to be left out. */
#include "accel/kvm/kvm_x86.h"
#include "tests/accel/kvm_bench.h"

#include "accel/accel_debug.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- tests ---- */

static void test_ports(void **state)
{
    run(kvm_guest_ports);
    assert_true(b.done);
    assert_string_equal(b.log, "1234/1<ef 1234/2<cdef 1234/4<89abcdef 1234/1 1234/2 1234/4 1234/4<61626364 "
                               "1234/1<68 1234/1<65 1234/1<6c 1234/1<6c 1234/1<6f ");
}

static void test_memory(void **state)
{
    const uint8_t was = b.rom.host[kvm_guest_memory - kvm_rom];
    run(kvm_guest_memory);
    assert_true(b.done);
    assert_int_equal(b.result, 0);
    assert_string_equal(b.log, "[0]/1<11 [2]/2<2222 [4]/4<33333333 ");
    assert_int_equal(b.rom.host[kvm_guest_memory - kvm_rom], was);
}

static void test_remap(void **state)
{
    run(kvm_guest_remap);
    assert_true(b.done);
    assert_int_equal(b.result, 1);
    assert_int_equal(ram_word(0xd000c), 0x600df00d);
}

static bool is_noted(uint64_t gpa)
{
    return b.ram.dirty[gpa / 4096 / 64] >> gpa / 4096 % 64 & 1;
}

static void run_anew(const uint8_t *guest)
{
    accel_cpu_reset(b.cpu[0]);
    run(guest);
}

/* Pages that the guest writes are noted, also in memory that is taken out of its map meanwhile; others are
 * not, and none are before and after. */
static void test_writes(void **state)
{
    static uint64_t bits[RAM_BYTES / 4096 / 64 + 1];
    const uint64_t at = 0xd0000;
    memset(bits, 0, sizeof(bits));
    b.ram.dirty = bits;
    run_anew(kvm_guest_remap);
    accel_fetch_writes(b.accel);
    assert_false(is_noted(at));
    accel_note_writes(b.accel, true);
    run_anew(kvm_guest_remap);
    accel_fetch_writes(b.accel);
    assert_true(is_noted(at));
    assert_false(is_noted(at - 4096));
    memset(bits, 0, sizeof(bits));
    accel_note_writes(b.accel, true);
    run_anew(kvm_guest_ports);
    accel_fetch_writes(b.accel);
    assert_false(is_noted(at));
    accel_note_writes(b.accel, false);
    run_anew(kvm_guest_remap);
    accel_fetch_writes(b.accel);
    assert_false(is_noted(at));
    b.ram.dirty = NULL;
}

static void test_long(void **state)
{
    run(kvm_guest_long);
    assert_true(b.done);
    assert_int_equal(b.result, 0x101);
    assert_string_equal(b.log, "[10]/8<8877665544332211 ");
}

/* The cpu's thread comes out when it is kicked, its last access done, and goes on where it was. */
static void test_kick(void **state)
{
    start(kvm_guest_count);
    uint32_t last = 0;
    for (unsigned n = 0; n < 20; n++) {
        pthread_t t;
        pthread_create(&t, NULL, run_on, b.cpu[0]);
        while (ram_word(0x1000) == last)
            usleep(100);
        accel_wake(b.cpu[0]);
        pthread_join(t, NULL);
        assert_int_equal(b.cpu[0]->exit.kind, CPU_EXIT_KICK);
        uint32_t now = ram_word(0x1000);
        assert_true(now != last);
        usleep(1000);
        assert_int_equal(ram_word(0x1000), now);
        last = now;
    }
    accel_wake(b.cpu[0]); /* before it runs */
    accel_run(b.cpu[0]);
    assert_int_equal(ram_word(0x1000), last);
}

/* Registers are there when asked for, and what is changed counts. */
static void test_sync(void **state)
{
    X86Cpu *x = (X86Cpu *)b.cpu[0];
    pthread_t t;
    start(kvm_guest_count);
    pthread_create(&t, NULL, run_on, b.cpu[0]);
    while (ram_word(0x1000) == 0)
        usleep(100);
    accel_wake(b.cpu[0]);
    pthread_join(t, NULL);
    accel_sync(b.cpu[0]);
    assert_int_equal(x->gpr[X86_RBX], 0x5eed);
    assert_in_range(b.cpu[0]->pc - 0xf0000, kvm_guest_count - kvm_rom, kvm_guest_count - kvm_rom + 40);
    x->gpr[X86_RCX] = 0xabcd;
    run_cpu(b.cpu[0]);
    assert_true(b.done);
    assert_int_equal(b.result, 0xabcd);
}

/* What is shown of a leaf; all 0 where it is not. */
static struct kvm_cpuid_entry2 leaf_of(int fd, unsigned long request, uint32_t leaf)
{
    KvmX86Cpuid c = {.n = ARRAY_SIZE(c.leaf)};
    assert_false(sys_is_err(kvm_ioctl_at(fd, request, &c)));
    for (unsigned n = 0; n < c.n; n++)
        if (c.leaf[n].function == leaf && c.leaf[n].index == 0)
            return c.leaf[n];
    return (struct kvm_cpuid_entry2){0};
}

/* The host's own cpu without what is switched off; what it lacks of what is switched on is named. */
static void test_switched_off(void **state)
{
    enum { NX = 1 << 20, LONG_MODE = 1 << 29 };
    KvmProbe p;
    KvmVm *vm = kvm_vm(b.accel);
    const uint32_t edx = leaf_of(kvm_cpu(b.cpu[0])->fd, KVM_GET_CPUID2, 0x80000001).edx;
    assert_int_equal(edx & (NX | LONG_MODE), LONG_MODE);
    kvm_probe(&target_x86_64_sys, NULL, "nx=off,gfni=on", &p);
    const bool has = leaf_of(vm->dev, KVM_GET_SUPPORTED_CPUID, 7).ecx >> 8 & 1;
    assert_int_equal(p.usable, has);
    assert_true(has || strstr(p.why, " gfni"));
}

static void test_reset(void **state)
{
    run(kvm_guest_long);
    assert_int_equal(b.result, 0x101);
    accel_cpu_reset(b.cpu[0]);
    accel_sync(b.cpu[0]); /* nothing to be seen yet, and no harm */
    run(kvm_guest_ports);
    assert_true(b.done);
    accel_cpu_reset(b.cpu[0]);
    run(kvm_guest_long);
    assert_int_equal(b.result, 0x101);
}

static void test_triple(void **state)
{
    run(kvm_guest_triple);
    assert_true(b.done);
    assert_int_equal(b.resets, 1);
    accel_cpu_reset(b.cpu[0]);
    run(kvm_guest_ports);
    assert_true(b.done);
}

static void test_lost(void **state)
{
    run(kvm_guest_lost);
    assert_false(b.done);
    assert_int_equal(b.cpu[0]->exit.kind, CPU_EXIT_BROKEN);
    accel_wake(b.cpu[0]);
    accel_run(b.cpu[0]); /* stays where it is */
    assert_int_equal(b.cpu[0]->exit.kind, CPU_EXIT_KICK);
    accel_cpu_reset(b.cpu[0]);
    run(kvm_guest_ports);
    assert_true(b.done);
}

static void jump_at_0(const uint8_t *guest)
{
    const uint16_t at = (uint16_t)(guest - kvm_rom);
    const uint8_t jump[] = {0xea, (uint8_t)at, (uint8_t)(at >> 8), 0, 0xf0};
    memcpy(b.ram.host, jump, sizeof(jump));
}

static void test_smp(void **state)
{
    pthread_t t;
    jump_at_0(kvm_guest_second);
    start(kvm_guest_smp);
    pthread_create(&t, NULL, run_cpu, b.cpu[1]);
    run_cpu(b.cpu[0]);
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 2000);
}

/* Three edges at the PIC, one after the other. */
static void test_pic(void **state)
{
    pthread_t t;
    start(kvm_guest_pic);
    pthread_create(&t, NULL, run_cpu, b.cpu[0]);
    for (unsigned n = 0; n < 3; n++) {
        wait_for(&b.ready);
        __atomic_store_n(&b.ready, false, __ATOMIC_SEQ_CST);
        accel_irq(b.accel, 1, true);
        accel_irq(b.accel, 1, false);
    }
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 3);
}

/* Messages to the cpu's own controller, which the kernel has in both ways; split, an input of the board's
 * sends them, and hears of the end. */
static void messages_by(int input)
{
    const bool split = accel_irqchip(b.accel) == ACCEL_IRQCHIP_SPLIT;
    pthread_t t;
    start(kvm_guest_messages);
    pthread_create(&t, NULL, run_cpu, b.cpu[0]);
    for (unsigned n = 0; n < 3; n++) {
        wait_for(&b.ready);
        __atomic_store_n(&b.ready, false, __ATOMIC_SEQ_CST);
        accel_msi(b.accel, split ? input : ACCEL_NO_INPUT, 0xfee00000, n == 2 ? 0xc041 : 0x41,
                  0); /* the last one is level-triggered */
    }
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 3);
    assert_int_equal(b.ended, split ? 0x41 : 0);
}

static void test_messages(void **state)
{
    messages_by(5);
}

/* Of the last I/O APIC that a board may have. */
static void test_last_input(void **state)
{
    messages_by(X86_CHIP_IOAPICS * X86_CHIP_INPUTS - 1);
}

/* What it is here is not known; that it answers soon, and consistently, is. */
static void test_probe(void **state)
{
    TargetOps other = target_x86_64_sys;
    KvmProbe p;
    kvm_probe(&target_x86_64_sys, NULL, NULL, &p);
    assert_true(p.same_isa && p.usable && p.per_second > 0 && p.why[0]);
    assert_int_equal(p.fast, strstr(p.why, "software") == NULL);
    other.elf_machine = EM_RISCV;
    kvm_probe(&other, NULL, NULL, &p);
    assert_true(!p.same_isa && !p.usable && !p.fast && p.why[0]);
}

/* By a debug register. (Not in outside emulators' SVM, that do not switch those.) */
static void test_break(void **state)
{
    const Gva at = 0xf0000 + (Gva)(kvm_guest_count - kvm_rom);
    start(kvm_guest_count);
    assert_true(accel_debug_break(b.accel, at, true));
    accel_run(b.cpu[0]);
    assert_int_equal(b.cpu[0]->exit.kind, CPU_EXIT_DEBUG);
    assert_int_equal(b.cpu[0]->pc, at);
    accel_debug_break(b.accel, at, false);
    ((X86Cpu *)b.cpu[0])->gpr[X86_RCX] = 1; /* nobody asked for it: does not count */
    accel_sync(b.cpu[0]);
    ((X86Cpu *)b.cpu[0])->base.pc = 0xf0000 + (Gva)(kvm_guest_ports - kvm_rom);
    run_cpu(b.cpu[0]);
    assert_true(b.done);
}

/* One instruction a run. */
static void test_step(void **state)
{
    const Gva at = 0xf0000 + (Gva)(kvm_guest_count - kvm_rom);
    X86Cpu *x = (X86Cpu *)b.cpu[0];
    start(kvm_guest_count);
    b.cpu[0]->ctx |= CTX_STEP;
    while (b.cpu[0]->pc != at)
        accel_run(b.cpu[0]);
    static const uint8_t lengths[] = {2, 2, 3, 3}; /* xor, mov, mov, xor */
    for (unsigned k = 0, n = 0; k < sizeof(lengths); k++) {
        accel_kick(b.cpu[0]); /* it steps all the same */
        accel_run(b.cpu[0]);
        n += lengths[k];
        assert_int_equal(b.cpu[0]->exit.kind, CPU_EXIT_KICK);
        assert_int_equal(b.cpu[0]->pc, at + n);
    }
    accel_sync(b.cpu[0]);
    assert_int_equal(x->gpr[X86_RBX], 0x5eed);
    b.cpu[0]->ctx &= ~(uint32_t)CTX_STEP;
    x->gpr[X86_RCX] = 0x1234;
    run_cpu(b.cpu[0]);
    assert_int_equal(b.result, 0x1234);
}

/* What there is room for, and bytes in memory where there is none. */
static void test_points(void **state)
{
    const uint8_t was = b.ram.host[0x1100];
    for (Gva at = 0; at < 4; at++)
        assert_true(accel_debug_break(b.accel, 0xf0000 + at, true));
    assert_false(accel_debug_break(b.accel, 0xf0010, true)); /* ROM */
    assert_true(accel_debug_break(b.accel, 0x1100, true));
    assert_int_equal(b.ram.host[0x1100], 0xcc);
    assert_false(accel_debug_watch(b.accel, 0x2000, 40, MMU_W, true));
    assert_int_equal(b.ram.host[0x1100], 0xcc);
    assert_true(accel_debug_break(b.accel, 0x1100, false));
    assert_int_equal(b.ram.host[0x1100], was);
}

/* Bells and late writes. */
static void test_late(void **state)
{
    static MemRegion one, two, put_by;
    one = two = b.device;
    one.base = 0xc0000;
    one.bytes = 0x100;
    one.bells = (MemBells){.offset = 0x50, .count = 2, .size = 4, .by_value = true};
    two.base = 0xc0100;
    two.bytes = 0x100;
    two.bells = (MemBells){.stride = 4, .count = 2};
    put_by = b.device;
    put_by.base = 0xc1000;
    put_by.late = true;
    assert_true(mem_map_add(&b.map, &one) && mem_map_add(&b.map, &two) && mem_map_add(&b.map, &put_by));
    run(kvm_guest_late);
    assert_string_equal(b.log, "[50]/4<2 [0]/4<11 [10]/2<22 [4]/1<33 ");
    b.f = FMT_ON(b.log);
    accel_events(b.accel);
    assert_non_null(strstr(b.log, "[50]/4<1 "));
    assert_non_null(strstr(b.log, "[50]/4<0 "));
    assert_non_null(strstr(b.log, "[4]/2<1 "));
    assert_int_equal(strlen(b.log), strlen("[50]/4<1 [50]/4<0 [4]/2<1 "));
    mem_map_remove(&b.map, &one);
    mem_map_remove(&b.map, &put_by);
    accel_events(b.accel);
    accel_cpu_reset(b.cpu[0]);
    b.f = FMT_ON(b.log);
    run(kvm_guest_late); /* now RAM */
    assert_string_equal(b.log, "");
    accel_events(b.accel);
    assert_string_equal(b.log, "[4]/2<1 ");
}

/* The board has the controllers, or the PIC. */
static void test_inputs(void **state)
{
    pthread_t t;
    start(kvm_guest_inputs);
    pthread_create(&t, NULL, run_cpu, b.cpu[0]);
    for (unsigned n = 0; n < 3; n++) {
        wait_for(&b.ready);
        __atomic_store_n(&b.ready, false, __ATOMIC_SEQ_CST);
        raise_input(0, n == 1 ? X86_IN_NMI : X86_IN_INTR);
    }
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 3);
}

/* INIT and SIPI by the board. */
static void test_start(void **state)
{
    pthread_t t;
    jump_at_0(kvm_guest_second);
    start(kvm_guest_both);
    pthread_create(&t, NULL, run_cpu, b.cpu[1]);
    raise_input(1, X86_IN_INIT);
    raise_input(1, X86_IN_SIPI);
    run_cpu(b.cpu[0]);
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 2000);
}

/* What is put into the struct comes back from the kernel. */
static void test_state(void **state)
{
    X86Machine *m = x86_machine(b.cpu[0]);
    run(kvm_guest_long);
    accel_sync(b.cpu[0]);
    for (unsigned k = 0; k < 16; k++) {
        m->x86.gpr[k] = 0x0101010101010101ull * (k + 1);
        for (unsigned n = 0; n < 2; n++)
            m->x86.zmm[k][n] = 0x1020304050607080ull * (k + 1) + n;
    }
    m->x86.base.pc += 3;
    m->x86.fs_base = 0x7fff12345000;
    m->sys.lstar = 0xffffffff81000000;
    m->sys.kernel_gs_base = 0xffff888000000000;
    m->sys.sysenter_eip = 0x82000000; /* AMD has 32 bits of it */
    m->sys.star = 0x0023001000000000;
    m->sys.cr2 = 0x1234567;
    m->sys.gdt_limit = 0x1f;
    m->sys.idt_base = 0xffffffffff000000;
    m->sys.dr[1] = 0x7000;
    m->x86.fpu.cw = 0x27f;
    x86_set_mxcsr(&m->x86, 0x9fc0);
    x86_set_all_flags(m, 0x8d7);
    X86Machine was = *m;
    accel_kick(b.cpu[0]);
    accel_run(b.cpu[0]);
    memset(m->x86.gpr, 0, sizeof(m->x86.gpr));
    memset(m->x86.zmm, 0, sizeof(m->x86.zmm));
    accel_sync(b.cpu[0]);
    assert_memory_equal(m->x86.gpr, was.x86.gpr, sizeof(was.x86.gpr));
    for (unsigned k = 0; k < 16; k++)
        assert_memory_equal(m->x86.zmm[k], was.x86.zmm[k], 16);
    assert_memory_equal(m->sys.seg, was.sys.seg, sizeof(was.sys.seg));
    assert_memory_equal(m->x86.seg, was.x86.seg, sizeof(was.x86.seg));
    assert_memory_equal(&m->sys.ldt, &was.sys.ldt, offsetof(X86Sys, tsc_adjust) - offsetof(X86Sys, ldt));
    assert_true(m->x86.base.pc == was.x86.base.pc && m->x86.fs_base == was.x86.fs_base &&
                m->x86.fpu.cw == was.x86.fpu.cw && x86_mxcsr(&m->x86) == 0x9fc0 &&
                x86_rflags(&m->x86) == x86_rflags(&was.x86));
}

static int usable(void)
{
    int fd = open("/dev/kvm", O_RDWR);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switched_off, setup_switched_off, teardown),
        cmocka_unit_test_setup_teardown(test_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_break, setup, teardown),
        cmocka_unit_test_setup_teardown(test_points, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs, setup_split, teardown),
        cmocka_unit_test_setup_teardown(test_start, setup_smp_board, teardown),
        cmocka_unit_test_setup_teardown(test_triple, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_smp, setup_smp, teardown),
        cmocka_unit_test_setup_teardown(test_pic, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup_split, teardown),
        cmocka_unit_test_setup_teardown(test_last_input, setup_split, teardown),
        cmocka_unit_test_setup_teardown(test_smp, setup_smp_split, teardown),
        cmocka_unit_test_setup_teardown(test_moved_pic, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_moved_messages, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_moved_messages, setup_split, teardown),
        cmocka_unit_test_setup_teardown(test_moved_inputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moved_inputs, setup_split, teardown),
        cmocka_unit_test_setup_teardown(test_chips, setup_chip, teardown),
        cmocka_unit_test_setup_teardown(test_engines, setup, teardown),
    };
    if (!usable()) {
        fprintf(stderr, "skipped: /dev/kvm is not there, or not for us\n");
        return TEST_SKIP;
    }
    if (argc > 1)
        (*argv[1] == '-' ? cmocka_set_skip_filter : cmocka_set_test_filter)(argv[1] + (*argv[1] == '-'));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
