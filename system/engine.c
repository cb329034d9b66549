#include "system/engine.h"

#include <stdio.h>
#include <string.h>

/* KVM of other systems, and what is none of ours, are known by name, so that "hvf:tcg" works. */
static const struct {
    const char *name;
    bool there;
    EngineKind kind;
} names[] = {{"tcg", true, ENGINE_TCG}, {"dbt", true, ENGINE_TCG}, {"interp", true, ENGINE_INTERP},
             {"kvm", true, ENGINE_KVM}, {"hvf", .there = false},   {"xen", .there = false}};

static bool is_there(unsigned k)
{
    return names[k].there && (names[k].kind != ENGINE_TCG || accel_can_translate());
}

static unsigned find_name(const char *name)
{
    unsigned k = 0;
    while (k < G_N_ELEMENTS(names) && strcmp(names[k].name, name) != 0)
        k++;
    return k;
}

void engine_list(void)
{
    printf("Accelerators supported:\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++)
        if (is_there(k))
            printf("%s\n", names[k].name);
}

bool engine_add(EngineOptions *o, const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", -1);
    const char *all[G_N_ELEMENTS(names)];
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++)
        all[k] = names[k].name;
    for (unsigned k = 0; parts[k]; k++) {
        if (find_name(parts[k]) == G_N_ELEMENTS(names))
            return sys_fail(err, "no accelerator '%s'; '%s' would be", parts[k],
                            sys_nearest(parts[k], all, G_N_ELEMENTS(all)));
        if (o->n == G_N_ELEMENTS(o->order))
            return sys_fail(err, "-accel: more than %u of them", (unsigned)G_N_ELEMENTS(o->order));
        o->order[o->n++] = g_intern_string(parts[k]);
    }
    return true;
}

bool engine_set_irqchip(EngineOptions *o, const char *value, GError **err)
{
    static const char *const words[] = {"off", "split", "on"};
    for (unsigned k = 0; k < G_N_ELEMENTS(words); k++) {
        if (strcmp(words[k], value) != 0)
            continue;
        o->irqchip = (AccelIrqchip)k;
        o->board_irqchip = k == 0;
        return true;
    }
    return sys_fail(err, "kernel-irqchip=%s: on, off or split", value);
}

const KvmProbe *engine_probe(Engine *e)
{
    const EngineGuest *g = &e->guest;
    if (!e->probed)
        kvm_probe(g->target, g->cpu_model && strcmp(g->cpu_model, "host") != 0 ? g->cpu_model : NULL,
                  g->cpu_props, &e->probe);
    e->probed = true;
    return &e->probe;
}

static bool choose_named(const EngineOptions *o, Engine *e, GError **err)
{
    for (unsigned k = 0; k < o->n; k++) {
        unsigned n = find_name(o->order[k]);
        e->kind = names[n].kind;
        if (is_there(n) && e->kind == ENGINE_KVM)
            e->by_probe = engine_probe(e) != NULL;
        if (is_there(n) && (e->kind != ENGINE_KVM || e->probe.usable))
            return true;
    }
    return sys_fail(err, "accelerator '%s' is not there%s%s; '%s' would be", o->order[0],
                    e->by_probe ? ": " : "", e->by_probe ? e->probe.why : "",
                    accel_can_translate() ? "tcg" : "interp");
}

bool engine_choose(const EngineOptions *o, const EngineGuest *guest, Engine *ret, GError **err)
{
    *ret = (Engine){.automatic = o->n == 0, .guest = *guest};
    if (o->n) {
        if (!choose_named(o, ret, err))
            return false;
    } else {
        ret->by_probe = true;
        ret->kind = engine_probe(ret)->fast ? ENGINE_KVM : accel_can_translate() ? ENGINE_TCG : ENGINE_INTERP;
    }
    if (ret->by_probe && ret->probe.same_isa && (ret->automatic || o->n > 1))
        fprintf(stderr, "tinamou-system: accelerator %s: %s\n", engine_name(ret), ret->probe.why);
    return true;
}

void engine_apply(const Engine *e, const EngineOptions *o, bool split, AccelConfig *cfg)
{
    cfg->jit = e->kind != ENGINE_INTERP;
    if (e->kind == ENGINE_KVM)
        cfg->engine = &accel_engine_kvm;
    if (kvm_runs(e->guest.target)) /* room for it, should it be changed to */
        cfg->other = &accel_engine_kvm;
    cfg->cpu_props = e->guest.cpu_props;
    cfg->irqchip = o->board_irqchip ? ACCEL_IRQCHIP_BOARD
                   : o->irqchip     ? o->irqchip
                   : split          ? ACCEL_IRQCHIP_SPLIT
                                    : ACCEL_IRQCHIP_ENGINE;
}

const char *engine_name(const Engine *e)
{
    static const char *const kinds[] = {
        [ENGINE_TCG] = "tcg", [ENGINE_INTERP] = "interp", [ENGINE_KVM] = "kvm"};
    return kinds[e->kind];
}

const char *engine_reason(const Engine *e)
{
    return e->by_probe ? e->probe.why : "it was asked for";
}
