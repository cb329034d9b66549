/* `microvm`: a PC without what a virtual machine does not need. Devices are virtio-mmio; the addresses are
 * those that stock firmware and kernels know. */
#include "hw/core/dev_impl.h"
#include "hw/machine/x86_board.h"

#include <stdlib.h>

enum { N_VIRTIO = 24, VIRTIO_GSI = 24, VIRTIO_STRIDE = 0x200 };
#define VIRTIO_BASE 0xfeb00000ull
#define SPLIT       0xc0000000ull

typedef struct Microvm {
    X86Board b;
} Microvm;

static bool microvm_build(Machine *m, DevError *err)
{
    Microvm *v = calloc(1, sizeof(*v));
    m->board_data = v;
    if (!v)
        return dev_fail(err, "no memory");
    X86Board *b = &v->b;
    const BoardSlots slots = {VIRTIO_BASE, VIRTIO_STRIDE, N_VIRTIO, &b->gsi[VIRTIO_GSI]};
    return x86_board_memory(m, b, SPLIT, err) && x86_board_firmware(m, b, true, err) &&
           x86_board_interrupts(m, b, 2, machine_option_on(m, "pic", true), err) &&
           x86_board_control(m, b, err) &&
           (!machine_option_on(m, "pit", true) || x86_board_timer(m, b, err)) &&
           (!machine_option_on(m, "rtc", true) || x86_board_clock(m, b, err)) &&
           (!machine_option_on(m, "isa-serial", true) || x86_board_serial(m, b, 0, err)) &&
           x86_board_isa(m, b, err) && board_make_virtio(m, &slots, err);
}

static bool microvm_load(Machine *m, DevError *err)
{
    Microvm *v = m->board_data;
    return x86_board_load(m, &v->b, err);
}

static void microvm_clear(Machine *m)
{
    Microvm *v = m->board_data;
    if (v)
        x86_board_clear(&v->b);
    free(v);
}

static const BoardOption options[] = {
    {"pic", "on|off", "a pair of 8259"},
    {"pit", "on|off", "an 8254"},
    {"rtc", "on|off", "a clock"},
    {"isa-serial", "on|off", "a serial port"},
};

const BoardClass x86_microvm_board = {
    .name = "microvm",
    .isa = "x86_64",
    .help = "PC of virtio devices",
    .target = &target_x86_64_sys,
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .default_ram = 128 << 20,
    .serials = 1,
    .firmware = "bios-microvm.bin",
    .build = microvm_build,
    .load = microvm_load,
    .clear = microvm_clear,
};
