/*
 * MachineRequests: what a device may ask of the machine as a whole. The machine's owner fills it; devices
 * hold a pointer. Called with the device's lock held: the functions only note the request.
 */
#ifndef HW_CORE_REQUEST_H
#define HW_CORE_REQUEST_H

struct Device;

typedef enum MachineRequest {
    MACHINE_POWER_OFF,
    MACHINE_RESET,
    MACHINE_SUSPEND, /* to RAM, until a device asks for the next */
    MACHINE_WAKE,
    MACHINE_PANICKED,     /* the guest's kernel has failed */
    MACHINE_CRASH_LOADED, /* it has, and another looks at that */
} MachineRequest;

typedef struct MachineRequests {
    void *opaque;
    void (*request)(void *opaque, MachineRequest what, int exit_code);
    void (*changed)(void *opaque, struct Device *d); /* what the user may want to know; may be NULL */
    /* Something in this slot, or in one of this controller's, was let go by the guest; may be NULL. */
    void (*eject)(void *opaque, struct Device *d);
} MachineRequests;

#endif
