#include "tests/accel/kvm_bench.h"

#include <unistd.h>

Bench b;

/* ---- a machine ---- */

static void end(unsigned result)
{
    b.result = result;
    b.done = true;
    for (unsigned k = 0; k < b.n_cpus; k++)
        accel_wake(b.cpu[k]);
}

static void on_port(void *opaque, uint64_t number, uint16_t port, unsigned size, bool write, uint32_t *value)
{
    if (port == 0xf0 && !write)
        *value = b.guest;
    else if (port == 0xf1 && write) {
        b.device.off = *value;
        mem_map_update(&b.map);
    } else if (port == 0xf2 && write) {
        __atomic_store_n(&b.ready, true, __ATOMIC_SEQ_CST);
    } else if (port == 0xf4 && write) {
        end(*value);
    } else if (write) {
        fmt_printf(&b.f, "%x/%u<%x ", port, size, *value);
    } else {
        *value = 0x61626364;
        fmt_printf(&b.f, "%x/%u ", port, size);
    }
}

static void on_power(void *opaque, CpuPower what)
{
    b.resets += what == CPU_POWER_RESET;
    end(0);
}

static void on_end(void *opaque, unsigned vector)
{
    b.ended = vector;
}

static int on_acknowledge(void *opaque, uint64_t number)
{
    target_x86_64_sys.sys->set_irq(b.cpu[number], X86_IN_INTR, false);
    return 0x41;
}

static uint64_t device_read(void *dev, uint64_t offset, unsigned size)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < size; k++) /* byte n is n; of the word at 12, 12 */
        v |= (offset == 12 ? 12 : offset + k) << k * 8;
    return v;
}
static void device_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    fmt_printf(&b.f, "[%x]/%u<%lx ", (unsigned)offset, size, (unsigned long)value);
}
static const MmioOps device_ops = {.read = device_read, .write = device_write, .min = 1, .max = 8};

static int setup_with(unsigned cpus, AccelIrqchip irqchip, const char *props)
{
    char err[160] = "";
    b = (Bench){.n_cpus = cpus};
    b.f = FMT_ON(b.log);
    mem_map_init(&b.map);
    assert_true(ram_block_init(&b.ram, "ram", RAM_BYTES, 1 << 30) &&
                ram_block_init(&b.rom, "rom", ROM_BYTES, 2u << 30));
    memcpy(b.rom.host, kvm_rom, (size_t)(kvm_rom_end - kvm_rom));
    const AccelConfig cfg = {
        .engine = &accel_engine_kvm, .irqchip = irqchip, .machine = &b.map, .cpu_props = props};
    b.accel = accel_new(&cfg, &target_x86_64_sys, err, sizeof(err));
    if (!b.accel)
        fail_msg("%s", err);
    b.low = (MemRegion){.name = "low", .kind = MEM_RAM, .bytes = RAM_BYTES, .ram = &b.ram};
    b.device = (MemRegion){.name = "device",
                           .kind = MEM_MMIO,
                           .priority = 1,
                           .base = 0xd0000,
                           .bytes = 0x1000,
                           .ops = &device_ops};
    b.bios =
        (MemRegion){.name = "bios", .kind = MEM_ROM, .base = 0xffff0000, .bytes = ROM_BYTES, .ram = &b.rom};
    b.bios_low = (MemRegion){.name = "bios-low",
                             .kind = MEM_ALIAS,
                             .priority = 1,
                             .base = 0xf0000,
                             .bytes = ROM_BYTES,
                             .target = &b.bios};
    static MemRegion nobody;
    static const MmioOps none = {.read = device_read, .write = device_write, .min = 9, .max = 8};
    nobody = (MemRegion){
        .name = "nobody", .kind = MEM_MMIO, .priority = 1, .base = 0xe0000, .bytes = 0x1000, .ops = &none};
    assert_true(mem_map_add(&b.map, &b.low) && mem_map_add(&b.map, &b.device) &&
                mem_map_add(&b.map, &b.bios) && mem_map_add(&b.map, &b.bios_low) &&
                mem_map_add(&b.map, &nobody));
    for (unsigned k = 0; k < cpus; k++) {
        b.board[k] = (CpuBoard){.number = k,
                                .port = on_port,
                                .power = on_power,
                                .irq_end = on_end,
                                .acknowledge = on_acknowledge};
        b.cpu[k] = accel_cpu_new(b.accel);
        assert_non_null(b.cpu[k]);
        *target_x86_64_sys.sys->board(b.cpu[k]) = b.board[k];
        accel_cpu_reset(b.cpu[k]);
    }
    return 0;
}
int setup(void **state)
{
    return setup_with(1, ACCEL_IRQCHIP_BOARD, NULL);
}
int setup_chip(void **state)
{
    return setup_with(1, ACCEL_IRQCHIP_ENGINE, NULL);
}
int setup_smp_board(void **state)
{
    return setup_with(2, ACCEL_IRQCHIP_BOARD, NULL);
}
int setup_split(void **state)
{
    return setup_with(1, ACCEL_IRQCHIP_SPLIT, NULL);
}
int setup_smp_split(void **state)
{
    return setup_with(2, ACCEL_IRQCHIP_SPLIT, NULL);
}
int setup_smp(void **state)
{
    return setup_with(2, ACCEL_IRQCHIP_ENGINE, NULL);
}
int setup_switched_off(void **state)
{
    return setup_with(1, ACCEL_IRQCHIP_ENGINE, "nx=off,cx8=on");
}

int teardown(void **state)
{
    accel_free(b.accel);
    ram_block_clear(&b.ram);
    ram_block_clear(&b.rom);
    return 0;
}

void *run_cpu(void *cpu)
{
    do
        accel_run(cpu);
    while (!b.done && ((Cpu *)cpu)->exit.kind == CPU_EXIT_KICK);
    return NULL;
}

void start(const uint8_t *guest)
{
    b.guest = (unsigned)(guest - kvm_rom);
    b.done = b.ready = false;
    b.f = FMT_ON(b.log);
    b.log[0] = '\0';
}
void run(const uint8_t *guest)
{
    start(guest);
    run_cpu(b.cpu[0]);
}

uint32_t ram_word(uint64_t at)
{
    uint32_t v;
    memcpy(&v, b.ram.host + at, 4);
    return __atomic_load_n((uint32_t *)(void *)(b.ram.host + at), __ATOMIC_SEQ_CST);
}

void wait_for(const bool *what)
{
    while (!__atomic_load_n(what, __ATOMIC_SEQ_CST))
        usleep(200);
}

void *run_on(void *cpu)
{
    accel_run(cpu);
    return NULL;
}

void raise_input(unsigned cpu, unsigned input)
{
    if (target_x86_64_sys.sys->set_irq(b.cpu[cpu], input, true))
        accel_wake(b.cpu[cpu]);
}
