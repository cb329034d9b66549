#include "base/sys.h"

void sys_exit_group(int status)
{
    for (;;)
        sys_call1(SYS_exit_group, status);
}
