#include "hw/core/io_ports.h"

/* Is there one region that takes the access as a whole? */
static bool find(const MemMap *ports, unsigned port, unsigned size, bool write, MemRange *ret)
{
    return mem_map_find(ports, port, ret) && port + size <= ret->end && mem_range_takes(ret, size, write);
}

uint32_t io_ports_read(const MemMap *ports, unsigned cpu, unsigned port, unsigned size)
{
    MemRange r;
    uint64_t v;
    port %= IO_PORTS;
    if (find(ports, port, size, false, &r) && mem_range_read_by(&r, cpu, port, size, &v))
        return (uint32_t)v;
    if (size == 1)
        return 0xff;
    v = io_ports_read(ports, cpu, port, size / 2);
    return (uint32_t)v | io_ports_read(ports, cpu, port + size / 2, size / 2) << size * 4;
}

void io_ports_write(const MemMap *ports, unsigned cpu, unsigned port, uint32_t value, unsigned size)
{
    MemRange r;
    port %= IO_PORTS;
    if (find(ports, port, size, true, &r) && mem_range_write_by(ports, &r, cpu, port, size, value))
        return;
    if (size == 1)
        return;
    io_ports_write(ports, cpu, port, value & (uint32_t) ~(~0ull << size * 4), size / 2);
    io_ports_write(ports, cpu, port + size / 2, value >> size * 4, size / 2);
}
