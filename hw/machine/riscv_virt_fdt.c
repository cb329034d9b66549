/* The device tree of the RISC-V `virt` board, as stock firmware and Linux bind to it (devicetree
 * specification 0.4, and the bindings named by the compatible strings). */
#include "hw/machine/riscv_virt.h"
#include "base/sys.h"
#include "hw/intc/riscv_clint.h"
#include "hw/intc/riscv_imsic.h"
#include "target/mem.h"

#include <libfdt.h>
#include <stdlib.h>

enum { PHANDLE_TEST = 1, PHANDLE_PLIC /* or APLIC of supervisor level */, PHANDLE_APLIC_M,
       PHANDLE_IMSIC_M, PHANDLE_IMSIC_S, PHANDLE_CPU_INTC /* + hart */, IRQ_SOFT = 3, IRQ_TIMER = 7,
       IRQ_M_EXT = 11, IRQ_S_EXT = 9 };

typedef struct Tree {
    void *fdt;
    int err; /* the first */
} Tree;

static void note(Tree *t, int err)
{
    if (err < 0 && !t->err)
        t->err = err;
}

static void begin(Tree *t, const char *name) { note(t, fdt_begin_node(t->fdt, name)); }
static void end(Tree *t) { note(t, fdt_end_node(t->fdt)); }
static void text(Tree *t, const char *name, const char *value)
{
    note(t, fdt_property_string(t->fdt, name, value));
}
static void number(Tree *t, const char *name, uint32_t value)
{
    note(t, fdt_property_u32(t->fdt, name, value));
}
static void empty(Tree *t, const char *name) { note(t, fdt_property(t->fdt, name, NULL, 0)); }

/* A list of strings, each ended by a NUL; the literal's own end is the last. */
#define TEXTS(t, name, list) note(t, fdt_property((t)->fdt, name, list, sizeof(list)))

static void cells(Tree *t, const char *name, const uint32_t *v, unsigned n)
{
    void *to;
    note(t, fdt_property_placeholder(t->fdt, name, (int)(n * 4), &to));
    for (unsigned k = 0; !t->err && k < n; k++)
        fdt32_st((uint8_t *)to + 4 * k, v[k]);
}
#define CELLS(t, name, ...) \
    cells(t, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void reg(Tree *t, uint64_t base, uint64_t bytes)
{
    CELLS(t, "reg", (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(bytes >> 32), (uint32_t)bytes);
}

static void begin_at(Tree *t, const char *name, uint64_t base)
{
    char full[64];
    Fmt f = FMT_ON(full);
    fmt_printf(&f, "%s@%lx", name, (unsigned long)base);
    begin(t, full);
}

static void device(Tree *t, const char *name, VirtPlaceId at)
{
    begin_at(t, name, virt_places[at].base);
    reg(t, virt_places[at].base, virt_places[at].bytes);
}

static bool has_aplic(const Machine *m)
{
    return ((const RiscvVirt *)m->board_data)->aplic != NULL;
}

static void from_plic(Tree *t, const Machine *m, unsigned source)
{
    enum { HIGH = 4 };
    if (has_aplic(m))
        CELLS(t, "interrupts", source, HIGH);
    else
        number(t, "interrupts", source);
    number(t, "interrupt-parent", PHANDLE_PLIC);
}

/* The names of what a hart has: single letters first, then _name; and as a list. */
static void extensions(Tree *t, const Machine *m, unsigned hart)
{
    enum { CACHE_BLOCK = 64 };
    const TargetSys *sys = m->board->target->sys;
    char isa[512], list[512];
    size_t used = 0;
    const char *name;
    Fmt f = FMT_ON(isa);
    bool rv32 = virt_is_32(m);
    fmt_puts(&f, rv32 ? "rv32" : "rv64");
    for (unsigned n = 0; sys->extension(m->cpu[hart], n, &name); n++) {
        size_t len = strlen(name) + 1;
        fmt_printf(&f, "%s%s", len > 2 ? "_" : "", name);
        if (used + len <= sizeof(list))
            memcpy(list + used, name, len);
        used += len;
        if (strncmp(name, "zicbo", 5) == 0) {
            char block[] = "riscv,cbo?-block-size";
            block[9] = name[5];
            number(t, block, CACHE_BLOCK);
        }
    }
    text(t, "riscv,isa", isa);
    text(t, "riscv,isa-base", rv32 ? "rv32i" : "rv64i");
    note(t, used <= sizeof(list) ? fdt_property(t->fdt, "riscv,isa-extensions", list, (int)used)
                                 : -FDT_ERR_NOSPACE);
    text(t, "mmu-type", rv32 ? "riscv,sv32" : "riscv,sv57");
}

static void cpus(Tree *t, const Machine *m)
{
    begin(t, "cpus");
    number(t, "#address-cells", 1);
    number(t, "#size-cells", 0);
    number(t, "timebase-frequency", CLINT_HZ);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        begin_at(t, "cpu", k);
        text(t, "device_type", "cpu");
        number(t, "reg", k);
        text(t, "status", "okay");
        text(t, "compatible", "riscv");
        extensions(t, m, k);
        begin(t, "interrupt-controller");
        number(t, "#interrupt-cells", 1);
        empty(t, "interrupt-controller");
        text(t, "compatible", "riscv,cpu-intc");
        number(t, "phandle", PHANDLE_CPU_INTC + k);
        end(t);
        end(t);
    }
    end(t);
}

/* Pairs of {hart's controller, line}, two a hart. */
static void to_harts(Tree *t, const Machine *m, uint32_t first, uint32_t second)
{
    uint32_t v[4 * MACHINE_MAX_CPUS];
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v[4 * k] = v[4 * k + 2] = PHANDLE_CPU_INTC + k;
        v[4 * k + 1] = first;
        v[4 * k + 3] = second;
    }
    cells(t, "interrupts-extended", v, 4 * m->cfg.cpus);
}

static void plic(Tree *t, const Machine *m)
{
    device(t, "plic", VIRT_PLIC);
    TEXTS(t, "compatible", "sifive,plic-1.0.0\0riscv,plic0");
    number(t, "#interrupt-cells", 1);
    number(t, "#address-cells", 0);
    empty(t, "interrupt-controller");
    number(t, "riscv,ndev", VIRT_SOURCES);
    to_harts(t, m, IRQ_M_EXT, IRQ_S_EXT);
    number(t, "phandle", PHANDLE_PLIC);
    end(t);
}

/* One pair of {hart's controller, line} a hart. */
static void to_each_hart(Tree *t, const Machine *m, uint32_t line)
{
    uint32_t v[2 * MACHINE_MAX_CPUS];
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v[2 * k] = PHANDLE_CPU_INTC + k;
        v[2 * k + 1] = line;
    }
    cells(t, "interrupts-extended", v, 2 * m->cfg.cpus);
}

static void aplic(Tree *t, const Machine *m, bool supervisor)
{
    const RiscvVirt *v = m->board_data;
    device(t, "aplic", supervisor ? VIRT_APLIC_S : VIRT_APLIC_M);
    TEXTS(t, "compatible", "qemu,aplic\0riscv,aplic");
    number(t, "#interrupt-cells", 2);
    number(t, "#address-cells", 0);
    empty(t, "interrupt-controller");
    if (v->imsic)
        number(t, "msi-parent", supervisor ? PHANDLE_IMSIC_S : PHANDLE_IMSIC_M);
    else
        to_each_hart(t, m, supervisor ? IRQ_S_EXT : IRQ_M_EXT);
    number(t, "riscv,num-sources", VIRT_SOURCES);
    if (!supervisor) {
        number(t, "riscv,children", PHANDLE_PLIC);
        CELLS(t, "riscv,delegation", PHANDLE_PLIC, 1, VIRT_SOURCES);
        CELLS(t, "riscv,delegate", PHANDLE_PLIC, 1, VIRT_SOURCES);
    }
    number(t, "phandle", supervisor ? PHANDLE_PLIC : PHANDLE_APLIC_M);
    end(t);
}

static void imsics(Tree *t, const Machine *m, bool supervisor)
{
    const RiscvVirt *v = m->board_data;
    unsigned shift = supervisor ? riscv_imsic_shift(v->guests) : 0;
    uint64_t base = virt_places[supervisor ? VIRT_IMSIC_S : VIRT_IMSIC_M].base;
    begin_at(t, "imsics", base);
    reg(t, base, (uint64_t)m->cfg.cpus * IMSIC_PAGE << shift);
    TEXTS(t, "compatible", "qemu,imsics\0riscv,imsics");
    number(t, "#interrupt-cells", 0);
    number(t, "#msi-cells", 0);
    empty(t, "interrupt-controller");
    empty(t, "msi-controller");
    to_each_hart(t, m, supervisor ? IRQ_S_EXT : IRQ_M_EXT);
    number(t, "riscv,num-ids", IMSIC_MAX_IDS);
    if (shift)
        number(t, "riscv,guest-index-bits", shift);
    number(t, "phandle", supervisor ? PHANDLE_IMSIC_S : PHANDLE_IMSIC_M);
    end(t);
}

static void interrupt_controllers(Tree *t, const Machine *m)
{
    const RiscvVirt *v = m->board_data;
    if (!v->aplic)
        plic(t, m);
    for (unsigned supervisor = 0; v->aplic && supervisor < 2; supervisor++) {
        aplic(t, m, supervisor);
        if (v->imsic)
            imsics(t, m, supervisor);
    }
    device(t, "clint", VIRT_CLINT);
    TEXTS(t, "compatible", "sifive,clint0\0riscv,clint0");
    to_harts(t, m, IRQ_SOFT, IRQ_TIMER);
    end(t);
}

/* The generic host bridge: windows, and which source each slot's pins come out at. */
static void pcie(Tree *t, const Machine *m)
{
    enum {
        SLOTS = 4,
        PINS = 4,
        CELL = 7,
        HIGH = 4,
        SPACE_IO = 0x1000000,
        SPACE_LOW = 0x2000000,
        SPACE_HIGH = 0x3000000
    };
    const VirtPlace *io = &virt_places[VIRT_PCIE_IO], *low = &virt_places[VIRT_PCIE_LOW];
    const uint64_t high = virt_pcie_high(m), high_bytes = virt_is_32(m) ? 4ull << 30 : VIRT_PCIE_HIGH_BYTES;
    const unsigned cell = has_aplic(m) ? CELL : CELL - 1;
    uint32_t map[SLOTS * PINS * CELL] = {0};
    device(t, "pci", VIRT_PCIE_ECAM);
    text(t, "compatible", "pci-host-ecam-generic");
    text(t, "device_type", "pci");
    number(t, "#address-cells", 3);
    number(t, "#size-cells", 2);
    number(t, "#interrupt-cells", 1);
    number(t, "linux,pci-domain", 0);
    CELLS(t, "bus-range", 0, 255);
    empty(t, "dma-coherent");
    CELLS(t, "ranges", SPACE_IO, 0, 0, 0, (uint32_t)io->base, 0, (uint32_t)io->bytes, SPACE_LOW, 0,
          (uint32_t)low->base, 0, (uint32_t)low->base, 0, (uint32_t)low->bytes, SPACE_HIGH,
          (uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(high >> 32), (uint32_t)high,
          (uint32_t)(high_bytes >> 32), (uint32_t)high_bytes);
    for (unsigned k = 0; k < SLOTS * PINS; k++) {
        uint32_t *row = &map[k * cell];
        unsigned slot = k / PINS, pin = k % PINS;
        row[0] = slot << 11;
        row[3] = pin + 1;
        row[4] = PHANDLE_PLIC;
        row[5] = VIRT_IRQ_PCIE + (slot + pin) % PINS;
        if (cell == CELL)
            row[6] = HIGH;
    }
    cells(t, "interrupt-map", map, SLOTS * PINS * cell);
    if (((const RiscvVirt *)m->board_data)->imsic)
        number(t, "msi-parent", PHANDLE_IMSIC_S);
    CELLS(t, "interrupt-map-mask", 3 << 11, 0, 0, 7);
    end(t);
}

static void soc(Tree *t, const Machine *m)
{
    begin(t, "soc");
    number(t, "#address-cells", 2);
    number(t, "#size-cells", 2);
    text(t, "compatible", "simple-bus");
    empty(t, "ranges");
    device(t, "serial", VIRT_UART);
    text(t, "compatible", "ns16550a");
    number(t, "clock-frequency", VIRT_UART_HZ);
    from_plic(t, m, VIRT_IRQ_UART);
    end(t);
    device(t, "rtc", VIRT_RTC);
    text(t, "compatible", "google,goldfish-rtc");
    from_plic(t, m, VIRT_IRQ_RTC);
    end(t);
    device(t, "test", VIRT_TEST);
    TEXTS(t, "compatible", "sifive,test1\0sifive,test0\0syscon");
    number(t, "phandle", PHANDLE_TEST);
    end(t);
    for (unsigned k = 0; k < VIRT_N_VIRTIO; k++) {
        uint64_t base = virt_places[VIRT_VIRTIO].base + k * virt_places[VIRT_VIRTIO].bytes;
        begin_at(t, "virtio_mmio", base);
        reg(t, base, virt_places[VIRT_VIRTIO].bytes);
        text(t, "compatible", "virtio,mmio");
        from_plic(t, m, VIRT_IRQ_VIRTIO + k);
        end(t);
    }
    pcie(t, m);
    interrupt_controllers(t, m);
    end(t);
}

static void syscon(Tree *t, const char *name, const char *compatible, uint32_t value)
{
    begin(t, name);
    text(t, "compatible", compatible);
    number(t, "regmap", PHANDLE_TEST);
    number(t, "offset", 0);
    number(t, "value", value);
    end(t);
}

/* Without it a kernel's generator is not ready for minutes, and each random number costs it microseconds. */
static void seed(Tree *t)
{
    uint8_t bytes[32];
    if (sys_call3(SYS_getrandom, (long)bytes, sizeof(bytes), 0) == (long)sizeof(bytes))
        note(t, fdt_property(t->fdt, "rng-seed", bytes, sizeof(bytes)));
}

static void chosen(Tree *t, const Machine *m, const VirtBoot *boot)
{
    begin(t, "chosen");
    text(t, "stdout-path", "/soc/serial@10000000");
    seed(t);
    if (m->cfg.append)
        text(t, "bootargs", m->cfg.append);
    if (boot->initrd_end) {
        note(t, fdt_property_u64(t->fdt, "linux,initrd-start", boot->initrd_start));
        note(t, fdt_property_u64(t->fdt, "linux,initrd-end", boot->initrd_end));
    }
    end(t);
}

size_t riscv_virt_fdt(const Machine *m, const VirtBoot *boot, uint8_t *to, size_t room)
{
    Tree t = {.fdt = to};
    note(&t, fdt_create(to, (int)room));
    note(&t, fdt_finish_reservemap(to));
    begin(&t, "");
    text(&t, "compatible", "riscv-virtio");
    text(&t, "model", "riscv-virtio,qemu");
    number(&t, "#address-cells", 2);
    number(&t, "#size-cells", 2);
    begin_at(&t, "memory", virt_places[VIRT_DRAM].base);
    text(&t, "device_type", "memory");
    reg(&t, virt_places[VIRT_DRAM].base, m->cfg.ram_bytes);
    end(&t);
    cpus(&t, m);
    soc(&t, m);
    syscon(&t, "poweroff", "syscon-poweroff", 0x5555);
    syscon(&t, "reboot", "syscon-reboot", 0x7777);
    const VirtPlace *flash = &virt_places[VIRT_FLASH];
    device(&t, "fw-cfg", VIRT_FW_CFG);
    text(&t, "compatible", "qemu,fw-cfg-mmio");
    empty(&t, "dma-coherent");
    end(&t);
    begin_at(&t, "flash", flash->base);
    text(&t, "compatible", "cfi-flash");
    CELLS(&t, "reg", 0, (uint32_t)flash->base, 0, (uint32_t)flash->bytes, 0,
          (uint32_t)(flash->base + flash->bytes), 0, (uint32_t)flash->bytes);
    number(&t, "bank-width", 4);
    end(&t);
    chosen(&t, m, boot);
    end(&t);
    note(&t, fdt_finish(to));
    return t.err ? 0 : fdt_totalsize(to);
}
