#include "hw/core/ports.h"

bool net_parse_mac(const char *text, uint8_t ret[6])
{
    for (unsigned k = 0; k < NET_MAC_BYTES * 3; k++) {
        char c = text[k];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;
        if (k % 3 == 2) {
            if (c != (k == NET_MAC_BYTES * 3 - 1 ? 0 : ':'))
                return false;
        } else if (digit > 15) {
            return false;
        } else {
            ret[k / 3] = (uint8_t)(ret[k / 3] << 4 | digit);
        }
    }
    return true;
}
