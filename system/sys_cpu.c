/* -cpu MODEL,PROPERTY...: which of what the user says of a model the board has to know. */
#include "system/sys_options.h"
#include "target/mem.h"

#include <stdio.h>
#include <string.h>

const char *sys_cpu_model(const BoardClass *b, unsigned n)
{
    return b->target->sys->model ? b->target->sys->model(b->target, n) : NULL;
}

static bool find_model(const BoardClass *b, const char *name, const char **ret, GError **err)
{
    const TargetSys *sys = b->target->sys;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned k = 0; (*ret = sys_cpu_model(b, k)) && strcmp(*ret, name) != 0; k++)
        g_ptr_array_add(names, (char *)(uintptr_t)*ret);
    if (!*ret && sys->model_of)
        *ret = sys->model_of(name);
    if (!*ret && strcmp(name, "host") == 0)
        *ret = "host";
    g_ptr_array_add(names, (char *)(uintptr_t) "host");
    return *ret || sys_fail(err, "-cpu: no model '%s'; '%s' would be", name,
                            sys_nearest(name, (const char *const *)names->pdata, names->len));
}

/* sse4.1, sse4_1 and sse4-1 are one. */
static char *plain(const char *name, size_t n)
{
    GString *s = g_string_new(NULL);
    for (size_t k = 0; k < n; k++)
        if (!strchr("-_.", name[k]))
            g_string_append_c(s, name[k]);
    return g_string_free(s, FALSE);
}

static bool find_property(const TargetOps *ops, const char *name, TargetProperty *ret)
{
    g_autofree char *wanted = plain(name, strlen(name));
    for (unsigned n = 0; ops->sys->property && ops->sys->property(ops, n, ret); n++) {
        const size_t len = strlen(ret->name);
        const bool more = len && ret->name[len - 1] == '*'; /* a whole family */
        g_autofree char *one = plain(ret->name, len - more);
        if (more ? g_str_has_prefix(wanted, one) : strcmp(wanted, one) == 0)
            return true;
    }
    return false;
}

static bool no_property(const BoardClass *b, const char *model, const char *name, GError **err)
{
    TargetProperty p;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned n = 0; b->target->sys->property && b->target->sys->property(b->target, n, &p); n++)
        g_ptr_array_add(names, (char *)(uintptr_t)p.name);
    if (!names->len)
        return sys_fail(err, "-cpu %s: models of %s have no properties", model, b->isa);
    return sys_fail(err, "-cpu %s: no property '%s'; '%s' would be", model, name,
                    sys_nearest(name, (const char *const *)names->pdata, names->len));
}

/* One switch as it was said: NAME, NAME=VALUE, +NAME or -NAME. */
typedef struct CpuWord {
    char *name;
    const char *value; /* NULL: none */
    bool sign;         /* these count after the others */
} CpuWord;

static bool read_switch(const char *model, const CpuWord *w, bool *ret_on, GError **err)
{
    static const char *const words[2][3] = {{"off", "no", "false"}, {"on", "yes", "true"}};
    for (unsigned on = 0; on < 2; on++)
        for (unsigned k = 0; k < G_N_ELEMENTS(words[on]); k++)
            if (strcmp(w->value, words[on][k]) == 0) {
                *ret_on = on;
                return true;
            }
    return sys_fail(err, "-cpu %s: %s=%s: on or off", model, w->name, w->value);
}

typedef struct CpuWords {
    const SysOptions *o;
    const char *model;
    bool enforce;
    GString *props, *left_out;
} CpuWords;

static bool take_word(CpuWords *c, const CpuWord *w, GError **err)
{
    const BoardClass *b = c->o->board;
    TargetProperty p;
    bool on;
    if (!find_property(b->target, w->name, &p))
        return no_property(b, c->model, w->name, err);
    if (p.kind == TARGET_PROP_IDLE)
        return true;
    if (p.kind == TARGET_PROP_MODELS)
        return sys_fail(err, "-cpu %s: %s is the model's own; another model may have what you want", c->model,
                        w->name);
    if (!read_switch(c->model, w, &on, err))
        return false;
    if ((p.kind == TARGET_PROP_ON && !on) || (p.kind == TARGET_PROP_OFF && on))
        return sys_fail(err, "-cpu %s: %s is %s and stays so", c->model, p.name, on ? "off" : "on");
    if (p.kind == TARGET_PROP_MISSING && on)
        g_string_append_printf(c->left_out, " %s", w->name);
    if (p.kind == TARGET_PROP_SWITCH)
        g_string_append_printf(c->props, "%s%s=%s", c->props->len ? "," : "", p.same_as ? p.same_as : p.name,
                               on ? "on" : "off");
    return true;
}

static void print_properties(const SysOptions *o, const char *model)
{
    static const char *const kinds[] = {[TARGET_PROP_SWITCH] = "on|off",
                                        [TARGET_PROP_ON] = "on",
                                        [TARGET_PROP_OFF] = "off",
                                        [TARGET_PROP_MISSING] = "off",
                                        [TARGET_PROP_IDLE] = "no matter what",
                                        [TARGET_PROP_MODELS] = "as the model has it"};
    const TargetOps *ops = o->board->target;
    TargetProperty p;
    printf("%s properties:\n", model);
    for (unsigned n = 0; ops->sys->property && ops->sys->property(ops, n, &p); n++)
        if (p.kind != TARGET_PROP_MISSING && !p.same_as)
            printf("  %s=<%s>\n", p.name, kinds[p.kind]);
}

/* sign: words of that kind alone. */
static bool take_words(CpuWords *c, char **words, bool sign, bool *ret_help, GError **err)
{
    for (unsigned k = 1; words[k]; k++) {
        CpuWord w = {.name = words[k], .value = "on", .sign = words[k][0] == '+' || words[k][0] == '-'};
        char *equals = strchr(words[k], '=');
        if (w.sign != sign)
            continue;
        if (strcmp(words[k], "help") == 0 || strcmp(words[k], "?") == 0) {
            *ret_help = true;
            return true;
        }
        if (!sign && equals) {
            *equals = 0;
            w.value = equals + 1;
        }
        if (sign) {
            w.value = *w.name == '+' ? "on" : "off";
            w.name++;
        }
        if (strcmp(w.name, "enforce") == 0) {
            if (!read_switch(c->model, &w, &c->enforce, err))
                return false;
        } else if (!take_word(c, &w, err)) {
            return false;
        }
    }
    return true;
}

bool sys_cpu_check(SysOptions *o, GError **err)
{
    if (!o->cpu_model)
        return true;
    g_auto(GStrv) words = g_strsplit(o->cpu_model, ",", -1);
    if (!find_model(o->board, words[0] ? words[0] : "", &o->cpu_model, err))
        return false;
    g_autoptr(GString) props = g_string_new(NULL), left_out = g_string_new(NULL);
    CpuWords c = {.o = o, .model = o->cpu_model, .props = props, .left_out = left_out};
    bool help = false;
    if (!take_words(&c, words, false, &help, err) || (!help && !take_words(&c, words, true, &help, err)))
        return false;
    if (help) {
        print_properties(o, o->cpu_model);
        o->helped = true;
        return true;
    }
    if (left_out->len && c.enforce)
        return sys_fail(err, "-cpu %s,enforce: these features are not there:%s", o->cpu_model, left_out->str);
    if (left_out->len)
        fprintf(stderr, "tinamou-system: -cpu %s: left out, as it is not there:%s\n", o->cpu_model,
                left_out->str);
    o->cpu_props = props->len ? g_intern_string(props->str) : NULL;
    return true;
}
