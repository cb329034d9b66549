/*
 * AtaBus: the places of a controller for drives. Part of the controller, which says where each drive's state
 * is, and what its job does. Drives come after realize, with nothing running, and stay.
 */
#ifndef HW_BLOCK_ATA_BUS_H
#define HW_BLOCK_ATA_BUS_H

#include "hw/block/ata.h"

enum { ATA_PLACES = 6 };

struct AtaBus {
    Device *controller;
    Lock *lock;
    unsigned buses, units; /* so many places on each */
    bool serial_ata;
    AtaDrive *at[ATA_PLACES]; /* bus * units + unit; NULL: none */
    AtaState *state[ATA_PLACES];
    void (*work)(void *drive); /* of jobs */
};

/* NULL: it is no controller. */
AtaBus *ata_bus_of(Device *d);
/* False: the place is taken or there is none. */
bool ata_bus_plug(AtaBus *b, unsigned bus, unsigned unit, Device *drive, DevError *err);
/* In the controller's clear: nothing runs for a drive any more. */
void ata_bus_clear(AtaBus *b);
/* Has the drive's job run; lock held, but not while a job without a thread of its own runs. */
void ata_bus_post(AtaDrive *d);

#endif
