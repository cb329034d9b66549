/* Whole machines of each shape with every device there is: each is scribbled on through its registers, saved,
 * restored into a second machine of the same shape, and compared there with all others restored, too. Prints
 * the class of each device; `states` holds the list against the sources, so that none can be left out. */
#include "tests/unit/test.h"

#include "hw/block/ahci.h"
#include "hw/block/nvme.h"
#include "hw/core/dev_impl.h"
#include "hw/display/vga.h"
#include "hw/machine/machine.h"
#include "hw/misc/pc_ports.h"
#include "hw/misc/pvpanic.h"
#include "hw/net/e1000.h"
#include "hw/pci/pcie_host.h"
#include "hw/usb/usb_hid.h"
#include "hw/usb/usb_storage.h"
#include "hw/usb/xhci.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"
#include "hw/virtio/virtio_scsi.h"
#include "hw/virtio/virtio_serial.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 4 << 20, DISK_BYTES = 1 << 20, WRITES = 300, MAX_SEEN = 256 };

static bool disk_io(void *backend, uint64_t at, void *to, size_t n) { return true; }
static bool disk_put(void *backend, uint64_t at, const void *from, size_t n) { return true; }
static bool disk_flush(void *backend) { return true; }
static bool fill(void *backend, void *to, size_t n)
{
    memset(to, 7, n);
    return true;
}
static bool net_send(void *backend, const uint8_t *frame, size_t n) { return true; }
static void char_write(void *backend, const uint8_t *bytes, size_t n) {}
static void take_request(void *opaque, MachineRequest what, int code) {}
static void take_ejection(void *opaque, Device *d) {}

typedef struct Backs {
    BlockPort disk[6];
    NetPort net[4];
    CharPort chars[4];
    DisplayPort display[2];
    EntropyPort entropy;
} Backs;

static void make_backs(Backs *b)
{
    *b = (Backs){.entropy = {.fill = fill}};
    for (unsigned k = 0; k < ARRAY_SIZE(b->disk); k++)
        b->disk[k] =
            (BlockPort){.bytes = DISK_BYTES, .read = disk_io, .write = disk_put, .flush = disk_flush};
    for (unsigned k = 0; k < ARRAY_SIZE(b->net); k++)
        b->net[k] = (NetPort){.send = net_send};
    for (unsigned k = 0; k < ARRAY_SIZE(b->chars); k++)
        b->chars[k] = (CharPort){.write = char_write};
}

/* Memory's virtio, ISA, or PCI and what plugs into its devices. */
static bool has_bus(const BoardClass *board, const char *bus)
{
    const bool pc = board == &x86_pc_board || board == &x86_q35_board, microvm = board == &x86_microvm_board;
    return strcmp(bus, "virtio") == 0 ? !pc : strcmp(bus, "isa") == 0 ? pc || microvm : !microvm;
}

static Machine *make(const BoardClass *board, const MachineOption *options, Backs *b)
{
    const DevClass *pci = &virtio_pci_class;
    const MachineDevice devices[] = {
        {.cls = &virtio_blk_class, .id = "a0", .link = "drive", .backend = &b->disk[0]},
        {.cls = &virtio_net_class, .id = "a1", .link = "netdev", .backend = &b->net[0]},
        {.cls = &virtio_rng_class, .id = "a2", .props = {"max-bytes", "100"}, .link = "source",
         .backend = &b->entropy},
        {.cls = &virtio_balloon_class, .id = "a3"},
        {.cls = &pcie_root_port_class, .id = "p0"},
        {.cls = &pcie_root_port_class, .id = "p1"},
        {.cls = &virtio_blk_class, .id = "b0", .link = "drive", .backend = &b->disk[1], .transport = pci},
        {.cls = &virtio_net_class, .id = "b1", .link = "netdev", .backend = &b->net[1], .transport = pci,
         .transport_props = {"bus", "p0"}},
        {.cls = &virtio_serial_class, .id = "b2", .transport = pci},
        {.cls = &virtio_balloon_class, .id = "b3", .transport = pci},
        {.cls = &nvme_class, .id = "b4", .props = {"serial", "s"}, .link = "drive", .backend = &b->disk[2]},
        {.cls = &vga_class, .id = "v0", .link = "display", .backend = &b->display[0]},
        {.cls = &bochs_display_class, .id = "v1", .link = "display", .backend = &b->display[1]},
        {.cls = &qemu_xhci_class, .id = "b7"},
        {.cls = &nec_xhci_class, .id = "b8"},
        {.cls = &usb_kbd_class, .id = "u0", .props = {"bus", "b7"}},
        {.cls = &usb_mouse_class, .id = "u1", .props = {"bus", "b7"}},
        {.cls = &usb_tablet_class, .id = "u2", .props = {"bus", "b7"}},
        {.cls = &usb_storage_class, .id = "u3", .link = "drive", .backend = &b->disk[0]},
        {.cls = &virtio_scsi_class, .id = "a4"},
        {.cls = &virtio_scsi_class, .id = "s0", .transport = pci},
        {.cls = &scsi_hd_class, .id = "s1", .props = {"bus", "s0"}, .link = "drive", .backend = &b->disk[1]},
        {.cls = &scsi_cd_class, .id = "s2", .link = "drive", .backend = &b->disk[2]},
        {.cls = &virtio_console_port_class, .id = "c0", .link = "chardev", .backend = &b->chars[2]},
        {.cls = &virtio_serial_port_class, .id = "c1", .props = {"name", "n"}, .link = "chardev",
         .backend = &b->chars[3]},
        {.cls = &ich9_ahci_class, .id = "b5"},
        {.cls = &e1000_class, .id = "b6", .link = "netdev", .backend = &b->net[2]},
        {.cls = &e1000e_class, .id = "b7", .link = "netdev", .backend = &b->net[3]},
        {.cls = &ide_hd_class, .id = "e0", .props = {"bus", "b5.0"}, .link = "drive", .backend = &b->disk[3]},
        {.cls = &ide_hd_class, .id = "e1", .link = "drive", .backend = &b->disk[4]},
        {.cls = &ide_cd_class, .id = "e2", .link = "drive", .backend = &b->disk[5]},
        {.cls = &isa_debug_exit_class, .id = "d0"},
        {.cls = &isa_debugcon_class, .id = "d1"}, {.cls = &pvpanic_class, .id = "d2"},
        {.cls = &pvpanic_pci_class, .id = "d3"},
    };
    MachineConfig cfg = {.ram_bytes = 64 << 20, .cpus = 2, .serial = &b->chars[0], .serial1 = &b->chars[1],
                         .requests = {.request = take_request, .eject = take_ejection},
                         .accel = {.jit = false}};
    DevError err;
    for (unsigned k = 0; k < ARRAY_SIZE(devices); k++)
        if (has_bus(board, devices[k].transport ? devices[k].transport->bus : devices[k].cls->bus))
            cfg.device[cfg.n_devices++] = devices[k];
    for (; options[cfg.n_options].name; cfg.n_options++)
        cfg.option[cfg.n_options] = options[cfg.n_options];
    Machine *m = machine_new(board, &cfg, &err);
    if (!m)
        fail_msg("%s", err.text);
    clock_stop(&m->clock, true); /* both read the same time */
    return m;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 33;
}

/* Stores to registers, low offsets more often. */
static void scribble_map(MemMap *map, uint64_t seed)
{
    for (unsigned k = 0; k < map->n_regions; k++) {
        const MemRegion *r = map->region[k];
        if (r->kind != MEM_MMIO || r->off)
            continue;
        for (unsigned n = 0; n < WRITES; n++) {
            const unsigned size = 1u << next(&seed) % 3;
            const uint64_t span = MIN(r->bytes, 1ull << (6 + next(&seed) % 20));
            const uint64_t at = r->base + (next(&seed) % span & ~(uint64_t)(size - 1));
            MemRange range;
            if (mem_map_find(map, at, &range))
                mem_range_write(map, &range, at, size, next(&seed) << (next(&seed) & 16));
        }
    }
}

static void scribble(Machine *m, uint64_t seed)
{
    scribble_map(&m->map, seed);
    scribble_map(&m->ports, seed);
}

static unsigned list(Device *d, Device **to, unsigned n)
{
    to[n++] = d;
    for (Device *c = d->children; c; c = c->next)
        n = list(c, to, n);
    assert_true(n < MAX_SEEN);
    return n;
}

static char *save(Device *d)
{
    char *text = malloc(ROOM);
    Fmt f = {.buf = text, .cap = ROOM};
    dev_save(d, &f);
    assert_true(f.len < ROOM - 1);
    return realloc(text, f.len + 1);
}

static void shape(const BoardClass *board, const MachineOption *options, uint64_t seed)
{
    Backs backs[2];
    Machine *m[2];
    Device *dev[2][MAX_SEEN];
    char *text[MAX_SEEN];
    unsigned n[2];
    for (unsigned k = 0; k < 2; k++) {
        make_backs(&backs[k]);
        m[k] = make(board, options, &backs[k]);
        n[k] = list(m[k]->root, dev[k], 0);
    }
    assert_int_equal(n[0], n[1]);
    clock_set_now(&m[1]->clock, clock_now(&m[0]->clock));
    scribble(m[0], seed);
    for (unsigned k = 0; k < n[0]; k++)
        text[k] = save(dev[0][k]);
    for (unsigned k = 0; k < n[0]; k++) {
        DevError err = {""};
        if (!dev_load(dev[1][k], text[k], &err))
            fail_msg("%s %s: %s", board->isa, dev[1][k]->id, err.text);
    }
    for (unsigned k = 0; k < n[0]; k++) {
        char *after = save(dev[1][k]);
        if (strcmp(text[k], after) != 0) {
            size_t at = 0;
            while (text[k][at] == after[at])
                at++;
            fail_msg("%s '%s' (%s) is not as it was, byte %zu: %.60s | %.60s", board->isa, dev[0][k]->id,
                     dev[0][k]->cls->name, at, text[k] + at, after + at);
        }
        printf("class %s\n", dev[0][k]->cls->name);
        free(after);
        free(text[k]);
    }
    for (unsigned k = 0; k < 2; k++)
        machine_free(m[k]);
}

static void riscv(void **unused)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        shape(&riscv_virt_board, (const MachineOption[]){{NULL, NULL}}, seed);
        shape(&riscv_virt_board, (const MachineOption[]){{"aia", "aplic"}, {NULL, NULL}}, seed);
        shape(&riscv_virt_board,
              (const MachineOption[]){{"aia", "aplic-imsic"}, {"aia-guests", "2"}, {NULL, NULL}}, seed);
    }
}

static void arm(void **unused)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        shape(&arm_virt_board, (const MachineOption[]){{"virtualization", "on"}, {NULL, NULL}}, seed);
        shape(&arm_virt_board,
              (const MachineOption[]){{"gic-version", "3"}, {"virtualization", "on"}, {NULL, NULL}}, seed);
    }
}

static void pc(void **unused)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        shape(&x86_microvm_board, (const MachineOption[]){{NULL, NULL}}, seed);
        shape(&x86_pc_board, (const MachineOption[]){{NULL, NULL}}, seed);
        shape(&x86_q35_board, (const MachineOption[]){{NULL, NULL}}, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(riscv), cmocka_unit_test(arm), cmocka_unit_test(pc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
