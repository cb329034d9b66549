/* Power State Coordination Interface 1.1 (DEN 0022), as the machine's own firmware: by HVC or SMC. Cpus are
 * named by MPIDR.Aff0. */
#include "target/arm/arm_sys.h"

enum {
    PSCI_VERSION = 0x84000000,
    PSCI_CPU_SUSPEND32,
    PSCI_CPU_OFF,
    PSCI_CPU_ON32,
    PSCI_AFFINITY_INFO32,
    PSCI_MIGRATE_INFO_TYPE = 0x84000006,
    PSCI_SYSTEM_OFF = 0x84000008,
    PSCI_SYSTEM_RESET = 0x84000009,
    PSCI_FEATURES = 0x8400000a,
};
#define PSCI_64 0x40000000u
enum { PSCI_OK = 0, PSCI_NOT_SUPPORTED = -1, PSCI_INVALID = -2, PSCI_ALREADY_ON = -4, PSCI_ON_PENDING = -5 };
enum { VERSION_1_1 = 0x10001, NO_MIGRATION = 2, INFO_ON = 0, INFO_OFF = 1, INFO_PENDING = 2 };

static ArmMachine *target_of(const ArmMachine *m, uint64_t mpidr)
{
    const CpuBoard *b = &m->sys.board;
    return mpidr < 256 && b->peer ? (ArmMachine *)b->peer(b->opaque, (unsigned)mpidr) : NULL;
}

static int cpu_on(const ArmMachine *m, uint64_t mpidr, uint64_t entry, uint64_t arg)
{
    ArmMachine *to = target_of(m, mpidr);
    uint32_t off = ARM_POWER_OFF;
    if (!to)
        return PSCI_INVALID;
    /* Only who finds it off may say how it is to start. */
    enum { BEING_TOLD = 99 };
    if (!__atomic_compare_exchange_n(&to->sys.power, &off, BEING_TOLD, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return off == ARM_POWER_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
    to->sys.start_pc = entry;
    to->sys.start_arg = arg;
    __atomic_store_n(&to->sys.power, ARM_POWER_STARTING, __ATOMIC_SEQ_CST);
    to->sys.board.wake(&to->arm.base);
    return PSCI_OK;
}

static int affinity_info(const ArmMachine *m, uint64_t mpidr)
{
    const ArmMachine *to = target_of(m, mpidr);
    if (!to)
        return PSCI_INVALID;
    uint32_t power = __atomic_load_n(&to->sys.power, __ATOMIC_ACQUIRE);
    return power == ARM_POWER_ON ? INFO_ON : power == ARM_POWER_OFF ? INFO_OFF : INFO_PENDING;
}

static int features(uint64_t fn)
{
    switch ((uint32_t)fn & ~PSCI_64) {
    case PSCI_VERSION:
    case PSCI_CPU_OFF:
    case PSCI_CPU_ON32:
    case PSCI_AFFINITY_INFO32:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case PSCI_CPU_SUSPEND32: return PSCI_OK;
    default: return PSCI_NOT_SUPPORTED;
    }
}

void arm_psci(ArmMachine *m)
{
    const uint64_t mask = m->sys.a32 ? UINT32_MAX : UINT64_MAX;
    const uint64_t x[4] = {m->arm.x[0], m->arm.x[1] & mask, m->arm.x[2] & mask, m->arm.x[3] & mask};
    const CpuBoard *b = &m->sys.board;
    int64_t ret = PSCI_NOT_SUPPORTED;
    switch ((uint32_t)x[0] & ~PSCI_64) {
    case PSCI_VERSION: ret = VERSION_1_1; break;
    case PSCI_CPU_SUSPEND32: ret = PSCI_OK; break; /* as if woken at once */
    case PSCI_CPU_OFF: __atomic_store_n(&m->sys.power, ARM_POWER_OFF, __ATOMIC_SEQ_CST); return;
    case PSCI_CPU_ON32: ret = cpu_on(m, x[1], x[2], x[3]); break;
    case PSCI_AFFINITY_INFO32: ret = x[2] ? PSCI_INVALID : affinity_info(m, x[1]); break;
    case PSCI_MIGRATE_INFO_TYPE: ret = NO_MIGRATION; break;
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET: /* they do not return (PSCI 1.1, 5.9, 5.11), though the board takes a moment */
        __atomic_store_n(&m->sys.power, ARM_POWER_OFF, __ATOMIC_SEQ_CST);
        b->power(b->opaque, (uint32_t)x[0] == PSCI_SYSTEM_OFF ? CPU_POWER_OFF : CPU_POWER_RESET);
        return;
    case PSCI_FEATURES: ret = features(x[1]); break;
    default: break;
    }
    m->arm.x[0] = (uint64_t)ret & mask;
}
