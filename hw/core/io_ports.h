/*
 * The I/O port space of PCs: a MemMap of its own, of 64 KiB, in which devices register regions as they do in
 * memory. A byte that nothing answers reads as ones, and writes to it are lost. An access that is not inside
 * of one region, or that the device does not take, is done byte by byte.
 * Threads: as of MemMap.
 */
#ifndef HW_CORE_IO_PORTS_H
#define HW_CORE_IO_PORTS_H

#include "hw/core/mem_map.h"

enum { IO_PORTS = 0x10000 };

/* size: 1, 2 or 4 */
uint32_t io_ports_read(const MemMap *ports, unsigned cpu, unsigned port, unsigned size);
void io_ports_write(const MemMap *ports, unsigned cpu, unsigned port, uint32_t value, unsigned size);

#endif
