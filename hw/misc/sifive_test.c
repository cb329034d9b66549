/* The register has no state: a write of 0x5555 ends the machine, 0x3333 with a code above fails, 0x7777
 * resets. */
#include "hw/misc/sifive_test.h"
#include "hw/core/dev_impl.h"
#include "hw/core/request.h"

typedef struct SifiveTest {
    Device dev;
    const MachineRequests *machine;
    DEV_STATE_BEGIN
    DEV_STATE_END
} SifiveTest;

static uint64_t test_read(void *dev, uint64_t offset, unsigned size) { return 0; }

static void test_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    enum { FAIL = 0x3333, PASS = 0x5555, RESET = 0x7777 };
    const SifiveTest *t = dev;
    if (offset != 0 || !t->machine)
        return;
    switch (value & 0xffff) {
    case PASS: t->machine->request(t->machine->opaque, MACHINE_POWER_OFF, 0); break;
    case FAIL: t->machine->request(t->machine->opaque, MACHINE_POWER_OFF, (int)(value >> 16 & 0xffff)); break;
    case RESET: t->machine->request(t->machine->opaque, MACHINE_RESET, 0); break;
    default: log_guest(&t->dev, "0x%lx means nothing", (unsigned long)value);
    }
}

static const MmioOps ops = {.read = test_read, .write = test_write, .min = 2, .max = 4};

static bool test_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "test", &ops, 0x1000);
    return true;
}

static const DevProp props[] = {DEV_PTR(SifiveTest, machine, "what the machine's owner does")};

const DevClass sifive_test_class = {
    .name = "sifive-test", .help = "ends or resets the machine", .version = 1,
    .size = sizeof(SifiveTest), .state_begin = offsetof(SifiveTest, state_begin),
    .state_end = offsetof(SifiveTest, state_end),
    .props = props, .n_props = ARRAY_SIZE(props), .realize = test_realize,
};
