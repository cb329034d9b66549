/* The attributes of rows by the names that the .def files use: for who includes x86_rows.inc and looks at
 * them. */
#ifndef TARGET_X86_X86_ATTRS_H
#define TARGET_X86_X86_ATTRS_H

#include "target/x86/x86_decode.h"

enum {
    D64 = X86_D64,
    LOCK = X86_LOCK,
    MEM = X86_MEM,
    REG = X86_REG,
    W0 = X86_W0,
    W1 = X86_W1,
    RM = X86_RM,
    REP = X86_REP,
    NDS = X86_NDS,
    L0 = X86_L0,
    L1 = X86_L1,
    VSIB = X86_VSIB,
    O32 = X86_O32,
    O64 = X86_O64,
    SYS = X86_SYS
};
enum {
    K = X86_EV_K,
    KM = X86_EV_KM,
    BC = X86_EV_BC,
    ER = X86_EV_ER,
    SAE = X86_EV_SAE,
    L12 = X86_EV_L12,
    L2 = X86_EV_L2,
    LIG = X86_EV_LIG,
    NF = X86_EV_NF
};

#endif
