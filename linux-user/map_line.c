#include "linux-user/map_line.h"

const char *map_hex(const char *s, uint64_t *ret)
{
    for (*ret = 0;; s++) {
        unsigned c = (unsigned char)*s, d = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
        if (d == 16)
            return s;
        *ret = *ret << 4 | d;
    }
}

bool parse_map_line(const char *s, MapLine *m)
{
    const char *eol = strchr(s, '\n');
    *m = (MapLine){.next = eol ? eol + 1 : s + strlen(s)};
    eol = eol ? eol : m->next;
    const char *p = map_hex(s, &m->start);
    if (p == s || *p != '-')
        return false;
    p = map_hex(p + 1, &m->end);
    if (*p != ' ' || eol - p < 7)
        return false;
    m->perms = p + 1;
    p = map_hex(p + 6, &m->offset);
    m->dev = p + 1;
    const char *q = p + 1;
    for (int spaces = 0; q < eol; q++)
        if (*q == ' ' && ++spaces == 2)
            break;
    m->dev_len = (size_t)(q - m->dev);
    while (q < eol && *q == ' ')
        q++;
    m->name = q;
    m->name_len = (size_t)(eol - q);
    return true;
}
