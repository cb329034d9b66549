/* Cpus and controllers that move: over a reset, and between KVM and the translators. */
#include "tests/accel/kvm_bench.h"

#include "hw/core/x86_chips.h"

#include <unistd.h>

/* All of the first cpu and of the controllers, over a reset. */
static void move_over_reset(void)
{
    static char text[1 << 16], why[200];
    static X86LapicState lapic;
    X86IoapicState ioapic;
    X86PicState pic[2];
    X86PitState pit;
    Fmt f = FMT_ON(text), err = FMT_ON(why);
    const bool all = accel_irqchip(b.accel) == ACCEL_IRQCHIP_ENGINE;
    accel_stand(b.accel, true);
    accel_cpu_save(b.cpu[0], &f);
    assert_true(accel_irqchip(b.accel) == ACCEL_IRQCHIP_BOARD ||
                accel_chip(b.accel, X86_CHIP_LAPIC, 0, &lapic, false));
    assert_true(!all || (accel_chip(b.accel, X86_CHIP_IOAPIC, 0, &ioapic, false) &&
                         accel_chip(b.accel, X86_CHIP_PIC, 0, &pic[0], false) &&
                         accel_chip(b.accel, X86_CHIP_PIC, 1, &pic[1], false) &&
                         accel_chip(b.accel, X86_CHIP_PIT, 0, &pit, false)));
    accel_cpu_reset(b.cpu[0]);
    run(kvm_guest_ports); /* which leaves nothing of it */
    assert_true(b.done);
    b.done = false;
    if (!accel_cpu_load(b.cpu[0], text, &err))
        fail_msg("%s", why);
    accel_chip(b.accel, X86_CHIP_LAPIC, 0, &lapic, true);
    if (!accel_cpu_adopt(b.cpu[0], &err))
        fail_msg("%s", why);
    assert_true(!all || (accel_chip(b.accel, X86_CHIP_PIC, 0, &pic[0], true) &&
                         accel_chip(b.accel, X86_CHIP_PIC, 1, &pic[1], true) &&
                         accel_chip(b.accel, X86_CHIP_PIT, 0, &pit, true) &&
                         accel_chip(b.accel, X86_CHIP_IOAPIC, 0, &ioapic, true)));
    accel_stand(b.accel, false);
}

static void *run_until_stopped(void *cpu)
{
    do
        accel_run(cpu);
    while (!__atomic_load_n(&b.stopped, __ATOMIC_SEQ_CST) && ((Cpu *)cpu)->exit.kind == CPU_EXIT_KICK);
    return NULL;
}

static void stop(pthread_t t)
{
    __atomic_store_n(&b.stopped, true, __ATOMIC_SEQ_CST);
    accel_wake(b.cpu[0]);
    pthread_join(t, NULL);
}

static void run_until_ready(void)
{
    pthread_t t;
    b.stopped = false;
    pthread_create(&t, NULL, run_until_stopped, b.cpu[0]);
    wait_for(&b.ready);
    b.ready = false;
    usleep(20000); /* it waits, perhaps halted */
    stop(t);
}

/* The guest takes three interrupts; before each the machine is moved. */
static void take_moved(const uint8_t *guest, void (*give)(unsigned n))
{
    pthread_t t;
    start(guest);
    for (unsigned n = 0; n < 3; n++) {
        run_until_ready();
        move_over_reset();
        b.guest = (unsigned)(guest - kvm_rom);
        give(n);
    }
    pthread_create(&t, NULL, run_cpu, b.cpu[0]);
    pthread_join(t, NULL);
    assert_true(b.done);
    assert_int_equal(b.result, 3);
}

static void give_edge(unsigned n)
{
    accel_irq(b.accel, 1, true);
    accel_irq(b.accel, 1, false);
}
static void give_message(unsigned n)
{
    accel_msi(b.accel, accel_irqchip(b.accel) == ACCEL_IRQCHIP_SPLIT ? 5 : ACCEL_NO_INPUT, 0xfee00000, 0x41,
              0);
}
static void give_input(unsigned n)
{
    raise_input(0, n == 1 ? X86_IN_NMI : X86_IN_INTR);
}

void test_moved_pic(void **state)
{
    take_moved(kvm_guest_pic, give_edge);
}
void test_moved_messages(void **state)
{
    take_moved(kvm_guest_messages, give_message);
}
void test_moved_inputs(void **state)
{
    take_moved(kvm_guest_inputs, give_input);
}

/* What is put into the controllers is there: each field has another value. */
void test_chips(void **state)
{
    const X86PicState pic = {.irr = 0x21,
                             .imr = 0x5a,
                             .isr = 0x40,
                             .level = 0x23,
                             .elcr = 0x20,
                             .base = 0x68,
                             .icw4 = 0x10,
                             .wants_icw4 = 1,
                             .lowest = 4,
                             .reads_isr = 1,
                             .special_mask = 1,
                             .awaits = 3};
    X86IoapicState io = {.edges = 0x20, .id = 3, .select = 0x14}, io2;
    X86PitState pit, pit2;
    X86PicState pic2;
    for (unsigned n = 0; n < X86_CHIP_INPUTS; n++)
        io.entry[n] = (uint64_t)n << 56 | 1 << 16 | (n % 3 ? 1 << 15 : 0) | (0x30 + n);
    io.entry[7] |= 1 << 14; /* in service */
    assert_true(accel_chip(b.accel, X86_CHIP_PIC, 0, (void *)(uintptr_t)&pic, true) &&
                accel_chip(b.accel, X86_CHIP_PIC, 0, &pic2, false));
    assert_memory_equal(&pic, &pic2, sizeof(pic));
    io.edges = io.entry[5] & 1 << 15 ? 1 << 6 : 1 << 5;
    assert_true(accel_chip(b.accel, X86_CHIP_IOAPIC, 0, &io, true) &&
                accel_chip(b.accel, X86_CHIP_IOAPIC, 0, &io2, false));
    assert_memory_equal(io.entry, io2.entry, sizeof(io.entry));
    assert_true(io2.edges == io.edges && io2.id == io.id && io2.select == io.select);
    assert_true(accel_chip(b.accel, X86_CHIP_PIT, 0, &pit, false));
    pit.counter[2].count = 0x1234;
    pit.counter[2].mode = 2;
    pit.counter[2].rw = 3;
    pit.counter[2].second_read = 1;
    pit.counter[2].latch = 0x4321;
    pit.counter[2].latched = 1;
    pit.speaker = 1;
    assert_true(accel_chip(b.accel, X86_CHIP_PIT, 0, &pit, true) &&
                accel_chip(b.accel, X86_CHIP_PIT, 0, &pit2, false));
    assert_true(pit2.counter[2].count == 0x1234 && pit2.counter[2].mode == 2 && pit2.counter[2].rw == 3 &&
                pit2.counter[2].second_read == 1 && !pit2.counter[2].second_write &&
                pit2.counter[2].latch == 0x4321 && pit2.counter[2].latched == 1 && pit2.speaker == 1);
}

/* KVM, the translator, KVM, the interpreter, ... The guest goes on where it was. */
void test_engines(void **state)
{
    static char why[200];
    uint32_t last = 0;
    X86Cpu *x = (X86Cpu *)b.cpu[0];
    start(kvm_guest_count);
    for (unsigned n = 0; n < 20; n++) {
        pthread_t t;
        Fmt err = FMT_ON(why);
        b.stopped = false;
        pthread_create(&t, NULL, run_until_stopped, b.cpu[0]);
        while (ram_word(0x1000) == last)
            usleep(100);
        stop(t);
        const uint32_t now = ram_word(0x1000);
        assert_true(now - last < 1u << 31);
        last = now;
        if (!accel_switch(b.accel, n % 2 ? &accel_engine_kvm : NULL, n % 4 == 0, why, sizeof(why)) ||
            !accel_cpu_adopt(b.cpu[0], &err))
            fail_msg("%s", why);
        assert_int_equal(x->gpr[X86_RBX], 0x5eed);
        assert_int_equal(accel_is_native(b.accel), n % 2);
        assert_int_equal(ram_word(0x1000), last);
    }
    accel_sync(b.cpu[0]);
    x->gpr[X86_RCX] = 0xabcd;
    run_cpu(b.cpu[0]);
    assert_true(b.done);
    assert_int_equal(b.result, 0xabcd);
}
