/*
 * MachineRequests: what a device may ask of the machine as a whole. The machine's owner fills it; devices
 * hold a pointer. Called with the device's lock held: the function only notes the request.
 */
#ifndef HW_CORE_REQUEST_H
#define HW_CORE_REQUEST_H

typedef enum MachineRequest { MACHINE_POWER_OFF, MACHINE_RESET } MachineRequest;

typedef struct MachineRequests {
    void *opaque;
    void (*request)(void *opaque, MachineRequest what, int exit_code);
} MachineRequests;

#endif
