/*
 * Sandbox: `-sandbox on`, a filter of the kernel's for the system calls of this process, so that a flaw in it
 * is not one of the host (docs/adr/0024-sandbox.md).
 *
 * Installed once everything is open, before the guest runs; for all threads, and for good. Threads: the main
 * thread.
 */
#ifndef SYSTEM_SANDBOX_H
#define SYSTEM_SANDBOX_H

#include "system/sys_error.h"

typedef struct Sandbox {
    bool on, obsolete, elevate, spawn, resources; /* these four: may they? */
} Sandbox;

/* The option's text: "on,spawn=deny". */
bool sandbox_parse(const char *text, Sandbox *ret, GError **err);
bool sandbox_enter(const Sandbox *s, GError **err);

#endif
