/* The table of calls_arm.def, for LuAbi.calls32 (abi32/lu32.h). Constant. */
#ifndef LINUX_USER_ARM_CALLS_ARM_H
#define LINUX_USER_ARM_CALLS_ARM_H

struct Lu32Table;
extern const struct Lu32Table lu_arm_calls;

#endif
