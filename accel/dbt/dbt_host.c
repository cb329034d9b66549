/* The processor that code is made for. */
#include "accel/accel_priv.h"
#include "base/fmt.h"
#include "tcg/host/x86_64/cpuid.h"

bool accel_can_translate(void)
{
    return true;
}

bool accel_choose_host(Accel *a, Fmt *err)
{
    X64Features have = a->cfg.host ? a->cfg.host : x64_detect(), missing = x64_level(2) & ~have;
    const char *bad;
    if (missing) {
        fmt_puts(err, "this processor is below x86-64-v2, it lacks");
        if (x64_has(missing, X64_F_SSE42))
            missing &= ~(1ull << X64_F_LAHF); /* which was concluded from that (cpuid.c) */
        for (unsigned k = 0; k < X64_F_COUNT; k++)
            if (x64_has(missing, (enum X64Feature)k))
                fmt_printf(err, " %s", x64_feature_name((enum X64Feature)k));
        return false;
    }
    if (x64_features_parse(have, a->cfg.host_cpu ? a->cfg.host_cpu : "", &a->host, &bad))
        return true;
    fmt_printf(err, "no such feature of the host: %s", bad);
    return false;
}
