/*
 * Engine: which of the ways to run a machine is taken, and why.
 *
 * The user names them in order (-accel, -machine accel=, -enable-kvm), and the first that is there counts; or
 * nobody does, and it is KVM where the guest is of the host's kind and /dev/kvm is the processor rather than
 * a program, and the translator everywhere else. Where there was a choice, one line says how it went.
 * Ownership: texts are borrowed from argv or interned. Threads: main.
 */
#ifndef SYSTEM_ENGINE_H
#define SYSTEM_ENGINE_H

#include "accel/kvm/kvm.h"
#include "system/sys_error.h"

typedef enum EngineKind { ENGINE_TCG, ENGINE_INTERP, ENGINE_KVM } EngineKind;

typedef struct EngineOptions {
    const char *order[8]; /* as they were named */
    unsigned n;
    AccelIrqchip irqchip; /* kernel-irqchip= */
    bool board_irqchip;   /* off was asked for */
} EngineOptions;

/* Whose cpus are to be run; as of -cpu, NULL where nothing was said. */
typedef struct EngineGuest {
    const TargetOps *target;
    const char *cpu_model, *cpu_props;
} EngineGuest;

typedef struct Engine {
    EngineKind kind;
    bool automatic;
    bool by_probe; /* what the host's KVM is had to do with the choice */
    bool probed;
    EngineGuest guest;
    KvmProbe probe;
} Engine;

void engine_list(void); /* prints what there is */
/* "kvm:tcg"; on, off, split. */
bool engine_add(EngineOptions *o, const char *names, GError **err);
bool engine_set_irqchip(EngineOptions *o, const char *value, GError **err);

/* False: none of those that were asked for is there. */
bool engine_choose(const EngineOptions *o, const EngineGuest *guest, Engine *ret, GError **err);
/* What the host's KVM is for this guest; asked once, which takes some milliseconds. */
const KvmProbe *engine_probe(Engine *e);
/* Into the machine's configuration. split: the board has I/O APICs of its own. */
void engine_apply(const Engine *e, const EngineOptions *o, bool split, AccelConfig *cfg);
const char *engine_name(const Engine *e);
/* One line: why it is this one. */
const char *engine_reason(const Engine *e);

#endif
