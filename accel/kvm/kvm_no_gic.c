/* For hosts whose interrupt controllers are no GIC. */
#include "accel/kvm/kvm_priv.h"

unsigned kvm_gic_versions(Accel *a)
{
    return 0;
}

bool kvm_gic(Accel *a, const AccelGic *g, Fmt *err)
{
    fmt_puts(err, "the host's KVM has no GIC");
    return false;
}
