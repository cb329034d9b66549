/* In the translator's place on hosts that no back end is written for. */
#include "accel/accel_priv.h"
#include "base/fmt.h"

bool accel_can_translate(void)
{
    return false;
}

/* Of the host the interpreter asks for nothing. */
bool accel_choose_host(Accel *a, Fmt *err)
{
    return true;
}

static size_t no_bytes(const Accel *a)
{
    return 0;
}

static bool refuse(Accel *a, char *err, size_t err_cap)
{
    Fmt f = {.buf = err, .cap = err_cap};
    fmt_puts(&f, "the translator makes code of x86-64, which this host does not run");
    return false;
}

uint64_t accel_kept_key(const Accel *a) { return 0; }
bool accel_kept_use(Accel *a, const void *file, size_t bytes) { return false; }
void accel_kept_stop(Accel *a) {}
bool accel_kept_worth(const Accel *a) { return false; }
bool accel_kept_make(Accel *a, const void *file, size_t bytes, AccelKept *ret) { return false; }
void accel_kept_drop(Accel *a, AccelKept *made) {}

static void nothing(Accel *a) {}

const AccelOps accel_engine_dbt = {.cpu_bytes = no_bytes, .init = refuse, .clear = nothing};
