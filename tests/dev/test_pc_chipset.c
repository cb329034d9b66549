/* The chip sets of PCs by their registers, as Intel's data sheets have them. */
#include "tests/dev/dev_kit.h"

#include "hw/boot/x86_linux.h"
#include "hw/core/io_ports.h"
#include "hw/core/request.h"
#include "hw/isa/acpi_pm.h"
#include "hw/isa/isa_bridge.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pc_bridge.h"
#include "hw/net/e1000.h"
#include "hw/pci/pci_hot_plug.h"
#include "hw/pci/pci_ports.h"

enum { RAM_BYTES = 0x200000, ROM_BYTES = 0x20000, SECOND = 1000000000 };
#define FW_CFG_AT 0x10000000ull

typedef struct Chipset {
    DevKit k;
    MemMap ports;
    RamBlock ram, rom;
    MemRegion low;
    PcMemory memory;
    Device *mch, *host, *isa, *pm, *io;
    IrqLine pirq[PCIE_LINES];
    MachineRequests requests;
    int asked;
} Chipset;

static void note_request(void *opaque, MachineRequest what, int code)
{
    ((Chipset *)opaque)->asked = (int)what;
}

static Device *make(Chipset *c, const DevClass *cls, const void *const *links)
{
    DevError err;
    Device *d = dev_new(cls, NULL, cls->name);
    for (; links && *links; links += 2)
        assert_true(dev_set_ptr(d, links[0], (void *)(uintptr_t)links[1], &err));
    if (cls == &acpi_pm_class)
        assert_true(dev_set(d, "ich", "on", &err));
    if (cls == &pcie_host_class)
        assert_true(dev_set(d, "own_pins", "25", &err));
    assert_true(dev_realize(d, &c->k.map, &c->k.clock, &err));
    return d;
}

static void map_port(Chipset *c, MemRegion *r, unsigned port)
{
    r->base = port;
    assert_true(mem_map_add(&c->ports, r));
}

static Chipset *start(const DevClass *memory)
{
    DevError err;
    Chipset *c = calloc(1, sizeof(*c));
    kit_init(&c->k);
    mem_map_init(&c->ports);
    assert_true(ram_block_init(&c->ram, "ram", RAM_BYTES, 1 << 30) &&
                ram_block_init(&c->rom, "rom", ROM_BYTES, 1u << 31));
    c->low = (MemRegion){.kind = MEM_RAM, .bytes = RAM_BYTES, .ram = &c->ram};
    assert_true(mem_map_add(&c->k.map, &c->low));
    memset(c->rom.host, 0x5a, ROM_BYTES);
    c->memory = (PcMemory){&c->ram, &c->rom};
    c->requests = (MachineRequests){.opaque = c, .request = note_request};
    c->asked = -1;
    const void *to_memory[] = {"memory", &c->memory, NULL};
    c->mch = make(c, memory, to_memory);
    const void *to_host[] = {"bridge", c->mch, "intx", c->pirq, NULL};
    c->host = make(c, &pcie_host_class, to_host);
    const void *to_pm[] = {"sci", &c->k.line[9], "machine", &c->requests, NULL};
    c->pm = make(c, &acpi_pm_class, to_pm);
    c->pm->region[0].off = true;
    map_port(c, &c->pm->region[0], 0);
    const void *to_isa[] = {"gsi", c->k.line, "pm", c->pm, NULL};
    c->isa = make(c, &ich9_lpc_class, to_isa);
    assert_true(dev_set(c->isa, "addr", "1f.0", &err) &&
                pci_plug(c->host, NULL, (PciFunction *)c->isa, &err));
    const void *to_io[] = {"host", c->host, "machine", &c->requests, NULL};
    c->io = make(c, &pci_ports_class, to_io);
    map_port(c, &c->io->region[0], 0xcf8);
    c->host->region[PCIE_ECAM].off = true;
    assert_true(mem_map_add(&c->k.map, &c->host->region[PCIE_ECAM]));
    Device *all[] = {c->mch, c->host, c->isa, c->pm, c->io};
    for (unsigned n = 0; n < ARRAY_SIZE(all); n++)
        dev_reset(all[n]);
    return c;
}

static void stop(Chipset *c)
{
    Device *all[] = {c->io, c->isa, c->host, c->mch, c->pm};
    for (unsigned n = 0; n < ARRAY_SIZE(all); n++)
        dev_free(all[n]);
    assert_int_equal(c->k.map.n_regions, 1);
    assert_int_equal(c->ports.n_regions, 0);
    ram_block_clear(&c->ram);
    ram_block_clear(&c->rom);
    free(c);
}

static uint32_t in(Chipset *c, unsigned port, unsigned size)
{
    return io_ports_read(&c->ports, 0, port, size);
}
static void out(Chipset *c, unsigned port, unsigned size, uint32_t v)
{
    io_ports_write(&c->ports, 0, port, v, size);
}

static uint32_t config(Chipset *c, unsigned devfn, unsigned at, unsigned size)
{
    out(c, 0xcf8, 4, 0x80000000 | devfn << 8 | (at & ~3u));
    return in(c, 0xcfc + (at & 3), size);
}
static void set_config(Chipset *c, unsigned devfn, unsigned at, unsigned size, uint32_t v)
{
    out(c, 0xcf8, 4, 0x80000000 | devfn << 8 | (at & ~3u));
    out(c, 0xcfc + (at & 3), size, v);
}

static unsigned byte_at(Chipset *c, uint64_t at)
{
    return (unsigned)kit_read(&c->k, at, 1);
}
static void set_byte(Chipset *c, uint64_t at, unsigned v)
{
    kit_write(&c->k, at, 1, v);
}

/* ---- */

static void config_by_ports(void **unused)
{
    Chipset *c = start(&q35_mch_class);
    assert_int_equal(config(c, 0, 0, 4), 0x29c08086);
    assert_int_equal(config(c, 0xf8, 0, 4), 0x29188086);
    assert_int_equal(config(c, 0xf8, 2, 2), 0x2918);
    assert_int_equal(config(c, 0xf8, 11, 1), 6);
    assert_int_equal(config(c, 8, 0, 4), 0xffffffff); /* nobody */
    assert_int_equal(in(c, 0xcf8, 4), 0x80000800);
    assert_int_equal(in(c, 0xcf8, 1), 0xff);
    out(c, 0xcf8, 4, 0xf800);
    assert_int_equal(in(c, 0xcfc, 4), 0xffffffff); /* not enabled */
    out(c, 0xcf9, 1, 2);
    assert_int_equal(c->asked, -1);
    assert_int_equal(in(c, 0xcf9, 1), 2);
    out(c, 0xcf9, 1, 6);
    assert_int_equal(c->asked, MACHINE_RESET);
    /* the flat window is where it is set */
    set_config(c, 0, 0x64, 4, 0);
    set_config(c, 0, 0x60, 4, 0xe0000001);
    assert_int_equal(kit_read(&c->k, 0xe00f8000, 4), 0x29188086);
    set_config(c, 0, 0x60, 4, 0xb0000001);
    assert_int_equal(kit_read(&c->k, 0xb00f8000, 4), 0x29188086);
    kit_write(&c->k, 0xb0000060, 4, 0); /* does not turn itself off */
    assert_int_equal(kit_read(&c->k, 0xb00f8000, 4), 0x29188086);
    MemRange r;
    assert_false(mem_map_find(&c->k.map, 0xe00f8000, &r));
    stop(c);
}

static void shadowing(void **unused)
{
    static const struct {
        const DevClass *cls;
        unsigned pam, smram;
    } kinds[] = {{&i440fx_class, 0x59, 0x72}, {&q35_mch_class, 0x90, 0x9d}};
    for (unsigned n = 0; n < 2; n++) {
        Chipset *c = start(kinds[n].cls);
        c->ram.host[0xf1234] = 1;
        c->ram.host[0xc4000] = 2;
        assert_int_equal(byte_at(c, 0xf1234), 0x5a); /* ROM */
        assert_int_equal(byte_at(c, 0xc4000), 0xff); /* nothing */
        set_byte(c, 0xf1234, 3);
        assert_int_equal(c->ram.host[0xf1234], 1);
        set_config(c, 0, kinds[n].pam, 1, 0x30); /* f0000: memory */
        assert_int_equal(byte_at(c, 0xf1234), 1);
        set_byte(c, 0xf1234, 4);
        set_config(c, 0, kinds[n].pam, 1, 0x10); /* read only */
        set_byte(c, 0xf1234, 5);
        assert_int_equal(byte_at(c, 0xf1234), 4);
        assert_int_equal(byte_at(c, 0xe8000), 0x5a);
        set_config(c, 0, kinds[n].pam + 1, 1, 0x30); /* c4000, not c0000 */
        assert_int_equal(byte_at(c, 0xc4000), 2);
        assert_int_equal(byte_at(c, 0xc0000), 0xff);
        set_config(c, 0, kinds[n].pam + 6, 1, 0x03); /* e8000 */
        assert_int_equal(byte_at(c, 0xe8000), 0);
        assert_int_equal(byte_at(c, 0xec000), 0x5a);
        assert_int_equal(byte_at(c, 0xa0000), 0xff);
        set_config(c, 0, kinds[n].smram, 1, 0x4a); /* open */
        assert_int_equal(byte_at(c, 0xa0000), 0);
        dev_reset(c->mch);
        assert_int_equal(byte_at(c, 0xf1234), 0x5a);
        stop(c);
    }
}

/* SMRAM at the top of memory, and the bit that enables SMIs, once it is locked. */
static void smm_locks(void **unused)
{
    Chipset *c = start(&q35_mch_class);
    const unsigned smi_enable = 0x630;
    c->memory.low_bytes = RAM_BYTES;
    assert_int_equal(config(c, 0, 0x50, 2), 16); /* MiB of a large one */
    set_config(c, 0, 0x50, 2, 0xffff);
    assert_int_equal(config(c, 0, 0x50, 2), 16);
    assert_false(pc_bridge_smram(c->mch, RAM_BYTES - 1));
    set_config(c, 0, 0x9e, 1, 1); /* 1 MiB */
    assert_true(pc_bridge_smram(c->mch, RAM_BYTES - 1) && !pc_bridge_smram(c->mch, 0xfffff));
    assert_int_equal(byte_at(c, RAM_BYTES - 1), 0xff);
    set_config(c, 0, 0x9e, 1, 7); /* the large one: all that there is */
    assert_true(pc_bridge_smram(c->mch, 0xfffff));
    set_config(c, 0, 0x9d, 1, 0x1a);
    set_config(c, 0, 0x9e, 1, 0);
    assert_int_equal(config(c, 0, 0x9e, 1), 0x3f);
    set_config(c, 0xf8, 0x40, 4, 0x600);
    set_config(c, 0xf8, 0x44, 1, 0x80);
    out(c, smi_enable, 4, 0x21);
    set_config(c, 0xf8, 0xa0, 2, 0x10);
    out(c, smi_enable, 4, 0);
    assert_int_equal(in(c, smi_enable, 4), 1);
    set_config(c, 0xf8, 0xa0, 2, 0);
    assert_int_equal(config(c, 0xf8, 0xa0, 2), 0x10);
    dev_reset(c->isa);
    assert_int_equal(config(c, 0xf8, 0xa0, 2), 0);
    set_config(c, 0xf8, 0x40, 4, 0x600);
    set_config(c, 0xf8, 0x44, 1, 0x80);
    out(c, smi_enable, 4, 0);
    assert_int_equal(in(c, smi_enable, 4), 0);
    stop(c);
}

/* A file of fw-cfg, by DMA through a descriptor at 0; its key. */
static bool transfer(Chipset *c, unsigned how, unsigned key, uint64_t at, unsigned n)
{
    enum { DESCRIPTOR = 0x100, DMA_HIGH = 16, DMA_LOW = 20 };
    const uint32_t head[] = {__builtin_bswap32(key << 16 | 8 | how), __builtin_bswap32(n), 0,
                             __builtin_bswap32((uint32_t)at)};
    memcpy(c->ram.host + DESCRIPTOR, head, sizeof(head));
    kit_write(&c->k, FW_CFG_AT + DMA_HIGH, 4, 0);
    kit_write(&c->k, FW_CFG_AT + DMA_LOW, 4, __builtin_bswap32(DESCRIPTOR));
    return kit_read(&c->k, DESCRIPTOR, 4) == 0;
}

static void smi_features(void **unused)
{
    enum { READ = 2, WRITE = 16, SUPPORTED = FW_CFG_FIRST_FILE, REQUESTED, ANSWER, AT = 0x1000 };
    Chipset *c = start(&q35_mch_class);
    Device *fw = make(c, &fw_cfg_class, NULL);
    fw->region[FW_CFG_MEMORY].base = FW_CFG_AT;
    assert_true(mem_map_add(&c->k.map, &fw->region[FW_CFG_MEMORY]));
    assert_true(fw_cfg_add_file(fw, "supported", acpi_pm_smi_features, ACPI_PM_SMI_BYTES) &&
                fw_cfg_add_writable(fw, "requested", acpi_pm_smi_asked(c->pm), ACPI_PM_SMI_BYTES) &&
                fw_cfg_add_asked(fw, "answer", acpi_pm_smi_answer(c->pm), 1, acpi_pm_answer, c->pm));
    assert_true(transfer(c, READ, SUPPORTED, AT, 8) && kit_read(&c->k, AT, 8) == 1);
    assert_false(transfer(c, WRITE, SUPPORTED, AT, 8)); /* that cannot be written */
    assert_false(transfer(c, WRITE, REQUESTED, AT, 9));
    kit_write(&c->k, AT, 8, 3); /* more than there is */
    assert_true(transfer(c, WRITE, REQUESTED, AT, 8));
    assert_true(transfer(c, READ, ANSWER, AT, 1) && byte_at(c, AT) == 0 && !acpi_pm_broadcasts(c->pm));
    kit_write(&c->k, AT, 8, 1);
    assert_true(transfer(c, WRITE, REQUESTED, AT, 8) && !acpi_pm_broadcasts(c->pm));
    assert_true(transfer(c, READ, ANSWER, AT, 1) && byte_at(c, AT) == 1 && acpi_pm_broadcasts(c->pm));
    kit_write(&c->k, AT, 8, 0); /* it is settled */
    assert_true(transfer(c, WRITE, REQUESTED, AT, 8) && transfer(c, READ, ANSWER, AT, 1) &&
                acpi_pm_broadcasts(c->pm));
    dev_reset(c->pm);
    assert_false(acpi_pm_broadcasts(c->pm));
    dev_free(fw);
    stop(c);
}

static void set(Chipset *c, unsigned pirq, bool level)
{
    const IrqLine line = isa_bridge_pirq(c->isa, pirq);
    irq_set(&line, level);
}

static void routes(void **unused)
{
    Chipset *c = start(&q35_mch_class);
    set(c, 0, true);
    assert_int_equal(c->k.level, 1u << 16); /* to the I/O APIC only */
    set_config(c, 0xf8, 0x60, 1, 10);
    assert_int_equal(c->k.level, 1u << 16 | 1u << 10);
    set_config(c, 0xf8, 0x6b, 1, 10); /* H: shares it */
    set(c, 7, true);
    set(c, 0, false);
    assert_int_equal(c->k.level, 1u << 23 | 1u << 10);
    set(c, 7, false);
    assert_int_equal(c->k.level, 0);
    set(c, 1, true);
    dev_reset(c->isa);
    assert_int_equal(c->k.level, 0);
    stop(c);
}

static void power(void **unused)
{
    Chipset *c = start(&q35_mch_class);
    const unsigned base = 0x600;
    assert_int_equal(in(c, base, 2), 0xffff);
    set_config(c, 0xf8, 0x40, 4, base);
    set_config(c, 0xf8, 0x44, 1, 0x80);
    assert_int_equal(in(c, base, 2), 0);
    const uint32_t was = in(c, base + 8, 4);
    kit_pass(&c->k, SECOND / 1000);
    assert_in_range(in(c, base + 8, 4) - was, 3579, 3580);
    assert_int_equal(in(c, base + 8, 4) >> 24, 0);
    acpi_pm_press(c->pm);
    out(c, base + 2, 2, 0x100);
    assert_int_equal(c->k.level, 0); /* not in ACPI mode */
    acpi_pm_switch(c->pm, true);
    assert_int_equal(in(c, base + 4, 2), 1);
    assert_int_equal(c->k.level, 1u << 9);
    assert_int_equal(in(c, base, 2), 0x100);
    out(c, base, 2, 0x100);
    assert_int_equal(c->k.level, 0);
    out(c, base + 2, 2, 1); /* the timer's highest bit */
    kit_pass(&c->k, 3 * (uint64_t)SECOND);
    assert_int_equal(c->k.level, 1u << 9);
    out(c, base, 2, 1);
    assert_int_equal(c->k.level, 0);
    out(c, base + 0x28, 1, 4); /* general events */
    assert_int_equal(in(c, base + 0x20, 4), 0);
    acpi_pm_event(c->pm, 2);
    assert_int_equal(in(c, base + 0x20, 1), 4);
    assert_int_equal(c->k.level, 1u << 9);
    out(c, base + 0x20, 1, 4);
    assert_int_equal(c->k.level, 0);
    out(c, base + 4, 2, 2 << 10 | 0x2000); /* S4: there is none */
    assert_int_equal(c->asked, -1);
    out(c, base + 4, 2, 0x2000);
    assert_int_equal(c->asked, MACHINE_POWER_OFF);
    stop(c);
}

static void suspend(void **unused)
{
    enum { PM = 0x600, S3 = 1 << 10 | 0x2000, RTC = 0x400, WOKEN = 0x8000 };
    Chipset *c = start(&q35_mch_class);
    PciFunction *memory = (PciFunction *)c->mch, *isa = (PciFunction *)c->isa;
    set_config(c, 0xf8, 0x40, 4, PM);
    set_config(c, 0xf8, 0x44, 1, 0x80);
    set_config(c, 0xf8, 0x60, 1, 10);
    set_config(c, 0, 0x90, 1, 0x30); /* shadowed */
    acpi_pm_allow_s3(c->pm, false);
    out(c, PM + 4, 2, S3);
    assert_true(c->asked == -1 && !acpi_pm_is_asleep(c->pm));
    acpi_pm_allow_s3(c->pm, true);
    out(c, PM + 4, 2, S3);
    assert_true(c->asked == MACHINE_SUSPEND && acpi_pm_is_asleep(c->pm));
    acpi_pm_alarm(c->pm); /* is not to wake */
    assert_int_equal(c->asked, MACHINE_SUSPEND);
    out(c, PM, 2, RTC);
    out(c, PM + 2, 2, RTC);
    acpi_pm_alarm(c->pm);
    assert_int_equal(c->asked, MACHINE_WAKE);
    memory->waking = isa->waking = true;
    dev_reset(c->mch);
    dev_reset(c->isa);
    dev_reset(c->pm);
    memory->waking = isa->waking = false;
    assert_false(acpi_pm_is_asleep(c->pm));
    assert_int_equal(in(c, PM, 4), RTC << 16 | WOKEN | RTC);
    assert_int_equal(pci_get(isa, 0x60, 1), 10);
    assert_int_equal(pci_get(memory, 0x90, 1), 0x30);
    out(c, PM + 4, 2, S3);
    acpi_pm_press(c->pm);
    assert_int_equal(c->asked, MACHINE_WAKE);
    out(c, PM + 4, 2, S3);
    dev_reset(c->mch); /* another reset: nothing stays */
    dev_reset(c->isa);
    dev_reset(c->pm);
    assert_false(acpi_pm_is_asleep(c->pm));
    assert_int_equal(in(c, PM, 2), 0xffff);
    assert_int_equal(pci_get(memory, 0x90, 1), 0);
    stop(c);
}

/* ---- hot plug by ACPI ---- */

static void note_eject(void *opaque, Device *d)
{
    ((Chipset *)opaque)->asked++;
}

static void hot_plug(void **unused)
{
    enum { UP = 0xae00, DOWN = 0xae04, EJECT = 0xae08, CAN = 0xae0c, BUS = 0xae10, SLOT = 3 };
    DevError err;
    Chipset *c = start(&i440fx_class);
    c->requests.eject = note_eject;
    const void *links[] = {"event", &c->k.line[7], "host", c->host, "machine", &c->requests, NULL};
    Device *h = make(c, &pci_hot_plug_class, links), *user = dev_new(&pci_ports_class, NULL, "user");
    Device *card = dev_new(&e1000_class, user, "card");
    map_port(c, &h->region[0], UP);
    assert_int_equal(in(c, CAN, 4), 0x7ffffffe); /* not the host bridge, not the one to ISA */
    assert_true(dev_set(card, "addr", "3", &err) && dev_realize(card, &c->k.map, &c->k.clock, &err) &&
                pci_plug(c->host, NULL, (PciFunction *)card, &err));
    dev_reset(card);
    pci_hot_plug_filled(h, SLOT);
    assert_int_equal(in(c, BUS, 4), 0);
    assert_int_equal(in(c, UP, 4), 1 << SLOT);
    assert_int_equal(in(c, UP, 4), 0);
    assert_int_equal(in(c, CAN, 4), 0x7ffffffe);
    out(c, EJECT, 4, 1 << SLOT); /* by itself: it stays */
    assert_int_equal(c->asked, -1);
    assert_true(pci_hot_plug_press(h, SLOT));
    assert_false(pci_hot_plug_press(h, SLOT));
    out(c, BUS, 4, 1); /* there is none */
    assert_int_equal(in(c, DOWN, 4), 0);
    out(c, EJECT, 4, 1 << SLOT);
    out(c, BUS, 4, 0);
    assert_int_equal(in(c, DOWN, 4), 1 << SLOT);
    assert_null(pci_hot_plug_let_go(h));
    out(c, EJECT, 4, ~0u);
    assert_int_equal(c->asked, 0);
    assert_ptr_equal(pci_hot_plug_let_go(h), card);
    pci_unplug((PciFunction *)card);
    pci_hot_plug_emptied(h, SLOT);
    assert_null(pci_hot_plug_let_go(h));
    assert_true(pci_plug(c->host, NULL, (PciFunction *)card, &err));
    assert_true(pci_hot_plug_press(h, SLOT));
    dev_reset(h); /* after a reset it is not there any more */
    assert_ptr_equal(pci_hot_plug_let_go(h), card);
    pci_unplug((PciFunction *)card);
    dev_free(user);
    dev_free(h);
    stop(c);
}

/* ---- kernels ---- */

static void linux_kernel(void **unused)
{
    enum { SETUP = 5 * 512, BYTES = SETUP + 100000, INITRD = 3 << 20, RAM = 64 << 20 };
    static uint8_t file[BYTES];
    X86Linux l;
    DevError err;
    assert_false(x86_linux_is(file, sizeof(file)));
    memcpy(file + 0x202, "HdrS\x0f\x02", 6);
    file[0x1f1] = 4;
    file[0x211] = 1;
    memcpy(file + 0x22c, &(uint32_t){0x7fffffff}, 4);
    memcpy(file + 0x238, &(uint32_t){2047}, 4);
    assert_true(x86_linux_is(file, sizeof(file)));
    assert_true(x86_linux_place(&l, file, sizeof(file), 20, INITRD, RAM, &err));
    assert_int_equal(l.setup_bytes, SETUP);
    assert_int_equal(l.kernel_bytes, 100000);
    assert_int_equal(l.kernel_at, 0x100000);
    assert_true(l.initrd_at % 4096 == 0 && l.initrd_at + INITRD <= RAM - (1 << 20));
    assert_int_equal(ld_u32(l.setup + 0x218), l.initrd_at);
    assert_int_equal(ld_u32(l.setup + 0x21c), INITRD);
    assert_int_equal(ld_u32(l.setup + 0x228), 0x20000);
    assert_int_equal(l.setup[0x211], 0x81);
    x86_linux_clear(&l);
    assert_false(x86_linux_place(&l, file, sizeof(file), 3000, INITRD, RAM, &err)); /* too long a line */
    assert_false(x86_linux_place(&l, file, sizeof(file), 20, INITRD, 4 << 20, &err));
    assert_false(x86_linux_place(&l, file, SETUP, 20, 0, RAM, &err));
    /* its ROM */
    uint8_t rom[X86_LINUX_ROM_BYTES], sum = 0;
    const X86LinuxPart parts[X86_LINUX_PARTS] = {{0x18, SETUP, 0x10000}, {0x15, 20, 0x20000}};
    x86_linux_rom(parts, false, rom);
    for (unsigned k = 0; k < sizeof(rom); k++)
        sum = (uint8_t)(sum + rom[k]);
    assert_int_equal(sum, 0);
    assert_int_equal(ld_u16(rom), 0xaa55);
    const uint8_t *pnp = rom + ld_u16(rom + 0x1a), *first = rom + 0xc0;
    assert_memory_equal(pnp, "$PnP", 4);
    assert_int_equal(rom[ld_u16(pnp + 26)], 0xfa);
    assert_int_equal(__builtin_bswap32(ld_u32(first)), 0x18000a);
    assert_int_equal(__builtin_bswap32(ld_u32(first + 4)), SETUP);
    assert_int_equal(__builtin_bswap64(ld_u64(first + 8)), 0x10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(config_by_ports), cmocka_unit_test(shadowing),
                                       cmocka_unit_test(smm_locks),       cmocka_unit_test(smi_features),
                                       cmocka_unit_test(routes),          cmocka_unit_test(power),
                                       cmocka_unit_test(suspend),
                                       cmocka_unit_test(hot_plug),
                                       cmocka_unit_test(linux_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
