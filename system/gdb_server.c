#include "system/gdb_server.h"

#include "accel/accel_debug.h"
#include "debug/gdb_stub.h"
#include "system/monitor/hmp.h"
#include "target/mem.h"

#include <string.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5 };

typedef enum RegPart { PART_CORE, PART_FP, PART_SYS } RegPart;

/* A register as GDB counts them. */
typedef struct RegRef {
    uint8_t part; /* RegPart */
    bool sys;     /* n is TargetSys.debug_reg's; else of TargetOps.regs */
    uint16_t n;
} RegRef;

typedef struct Point {
    GdbPoint kind;
    uint64_t at, n;
} Point;

struct GdbServer {
    Vm *vm;
    CharFront front;
    GdbStub stub;
    GdbOps ops;
    GArray *regs;   /* RegRef */
    GArray *points; /* Point */
    bool physical, quiet;
    int stopped; /* cpu + 1, by its thread; 0: none */
    bool watch_hit, at_break;
    uint64_t watch_at;
    /* By cpu: the address of a breakpoint that it goes on from, and of which the debugger does not know that
     * it stands there: what it takes for the program counter is another number (segments of x86). NOWHERE. */
    uint64_t from[GDB_MOST_THREADS];
};
enum { NOWHERE = -1 };

static Cpu *cpu_of(const GdbServer *g, unsigned thread)
{
    return g->vm->machine->cpu[thread - 1];
}

/* ---- registers ---- */

typedef struct IsaRow {
    const char *name, *arch, *core, *fp, *fp_type, *fp_types, *sys;
    const char *core_words, *fp_words; /* 32-bit system registers that belong to the first two */
    bool narrow; /* 32 bits are what GDB sees of integer and system registers, which keep their sign in 64 */
} IsaRow;

/* Names and types that GDB expects ("Standard Target Features" in its manual). */
static const IsaRow isas[] = {
    {"riscv64", "riscv:rv64", "org.gnu.gdb.riscv.cpu", "org.gnu.gdb.riscv.fpu", "ieee_double", NULL,
     "org.gnu.gdb.riscv.csr", NULL, NULL, false},
    {"riscv32", "riscv:rv32", "org.gnu.gdb.riscv.cpu", "org.gnu.gdb.riscv.fpu", "ieee_double", NULL,
     "org.gnu.gdb.riscv.csr", NULL, NULL, true},
    {"aarch64", "aarch64", "org.gnu.gdb.aarch64.core", "org.gnu.gdb.aarch64.fpu", "v128", gdb_types_aarch64,
     "org.tinamou.aarch64.sys", "cpsr", "fpsr fpcr", false},
    {"arm", "arm", "org.gnu.gdb.arm.core", "org.gnu.gdb.arm.vfp", "ieee_double", NULL, "org.tinamou.arm.sys",
     "cpsr", "fpscr", false},
};

static const IsaRow *isa_of(const GdbServer *g)
{
    const char *name = g->vm->machine->board->isa;
    for (unsigned k = 0; k < G_N_ELEMENTS(isas); k++)
        if (strcmp(isas[k].name, name) == 0)
            return &isas[k];
    return &isas[0];
}

/* The name of system register n; NULL: there are fewer. */
static const char *sys_name(const GdbServer *g, unsigned n)
{
    const TargetSys *sys = g->vm->machine->board->target->sys;
    const char *name;
    uint64_t v = 0;
    bool ok;
    return sys->debug_reg && sys->debug_reg(cpu_of(g, 1), n, &name, &v, false, &ok) ? name : NULL;
}

static bool has_word(const char *words, const char *name)
{
    g_auto(GStrv) list = g_strsplit(words ? words : "", " ", -1);
    return g_strv_contains((const char *const *)list, name);
}

static void add_sys(GdbServer *g, RegPart part, const char *words)
{
    const IsaRow *isa = isa_of(g);
    const char *name;
    for (unsigned n = 0; (name = sys_name(g, n)); n++) {
        const RegRef r = {.part = part, .sys = true, .n = (uint16_t)n};
        if (part == PART_SYS ? !has_word(isa->core_words, name) && !has_word(isa->fp_words, name)
                             : has_word(words, name))
            g_array_append_val(g->regs, r);
    }
}

static void add_regs(GdbServer *g, RegPart part, unsigned group, bool pc)
{
    const TargetOps *ops = g->vm->machine->board->target;
    for (unsigned k = 0; k < ops->n_regs; k++) {
        const RegRef r = {.part = part, .n = (uint16_t)k};
        bool is_pc = strcmp(ops->regs[k].name, "pc") == 0;
        if (pc ? is_pc : ops->regs[k].group == group && !is_pc)
            g_array_append_val(g->regs, r);
    }
}

/* In the order of their numbers. */
static void choose_regs(GdbServer *g)
{
    const IsaRow *isa = isa_of(g);
    add_regs(g, PART_CORE, 0, false);
    add_regs(g, PART_CORE, 0, true);
    add_sys(g, PART_CORE, isa->core_words);
    add_regs(g, PART_FP, 1, false);
    add_sys(g, PART_FP, isa->fp_words);
    add_sys(g, PART_SYS, NULL);
}

static const TargetGdb *own_registers(const GdbServer *g)
{
    return g->vm->machine->board->target->gdb;
}

/* Of a target that has a list for GDB. */
static bool describe_own(const TargetGdb *own, unsigned n, GdbReg *ret)
{
    TargetGdbReg r;
    if (!own->describe(n, &r))
        return false;
    *ret = (GdbReg){.name = r.name,
                    .feature = r.feature,
                    .type = r.type,
                    .group = r.group,
                    .types = r.types,
                    .bits = r.bits};
    return true;
}

/* Bytes of a register as GDB has it. */
static unsigned reg_bytes(const GdbServer *g, const RegRef *ref)
{
    const bool narrow = isa_of(g)->narrow && ref->part != PART_FP;
    if (ref->sys)
        return ref->part == PART_SYS && !narrow ? 8 : 4;
    return narrow ? 4 : g->vm->machine->board->target->regs[ref->n].size;
}

static bool describe(void *o, unsigned n, GdbReg *ret)
{
    GdbServer *g = o;
    if (own_registers(g))
        return describe_own(own_registers(g), n, ret);
    const IsaRow *isa = isa_of(g);
    if (n >= g->regs->len)
        return false;
    const RegRef *ref = &g_array_index(g->regs, RegRef, n);
    const char *const features[] = {[PART_CORE] = isa->core, [PART_FP] = isa->fp, [PART_SYS] = isa->sys};
    *ret = (GdbReg){.feature = features[ref->part], .type = "int", .bits = reg_bytes(g, ref) * 8};
    if (ref->sys) {
        ret->name = sys_name(g, ref->n);
        ret->group = ref->part == PART_SYS ? "system" : NULL;
        return true;
    }
    const TargetReg *r = &g->vm->machine->board->target->regs[ref->n];
    bool fp = ref->part == PART_FP, pc = strcmp(r->name, "pc") == 0;
    ret->name = r->name;
    ret->type = fp ? isa->fp_type : pc ? "code_ptr" : strcmp(r->name, "sp") == 0 ? "data_ptr" : "int";
    ret->types = fp ? isa->fp_types : NULL;
    return true;
}

static uint8_t byte_of(uint64_t v, unsigned k)
{
    return k < 8 ? (uint8_t)(v >> 8 * k) : 0;
}

/* Of the registers that stand in the cpu. T: GDB finds it in CPSR. */
static void access_in_cpu(Cpu *cpu, const TargetReg *r, uint8_t *bytes, unsigned size, bool write)
{
    uint8_t *at = (uint8_t *)cpu + r->offset;
    const bool pc = strcmp(r->name, "pc") == 0;
    const uint64_t tag = pc ? cpu_isa(cpu)->pc_tag : 0;
    if (!write) {
        for (unsigned k = 0; k < size; k++)
            bytes[k] = at[k] & (uint8_t)~byte_of(tag, k);
    } else if (!(r->group == 0 && strcmp(r->name, "zero") == 0)) {
        for (unsigned k = 0; k < size; k++)
            at[k] = (uint8_t)((bytes[k] & ~byte_of(tag, k)) | (at[k] & byte_of(tag, k)));
        memset(at + size, !pc && at[size - 1] & 0x80 ? 0xff : 0, r->size - size);
    }
}

static bool access_reg(GdbServer *g, unsigned thread, unsigned n, uint8_t *bytes, bool write)
{
    Cpu *cpu = cpu_of(g, thread);
    const TargetOps *ops = cpu->ops;
    accel_sync(cpu);
    if (own_registers(g))
        return own_registers(g)->access(cpu, n, bytes, write);
    const RegRef *ref = &g_array_index(g->regs, RegRef, n);
    const unsigned size = reg_bytes(g, ref);
    if (!ref->sys) {
        access_in_cpu(cpu, &ops->regs[ref->n], bytes, size, write);
        return true;
    }
    const char *name;
    uint64_t v = 0;
    bool ok = false;
    if (write)
        memcpy(&v, bytes, size);
    bool there = ops->sys->debug_reg(cpu, ref->n, &name, &v, write, &ok);
    if (!write)
        memcpy(bytes, &v, size);
    return there && ok;
}

static bool read_reg(void *o, unsigned thread, unsigned n, uint8_t *to)
{
    return access_reg(o, thread, n, to, false);
}
static bool write_reg(void *o, unsigned thread, unsigned n, const uint8_t *from)
{
    uint8_t copy[GDB_MOST_REG];
    memcpy(copy, from, sizeof copy);
    return access_reg(o, thread, n, copy, true);
}

/* ---- memory ---- */

static bool read_memory(void *o, unsigned thread, uint64_t at, void *to, size_t n)
{
    GdbServer *g = o;
    return g->physical ? accel_debug_read_phys(g->vm->machine->accel, at, to, n)
                       : accel_debug_read(cpu_of(g, thread), at, to, n);
}

static bool poke(void *o, unsigned thread, uint64_t at, const void *from, size_t n)
{
    GdbServer *g = o;
    return g->physical ? accel_debug_write_phys(g->vm->machine->accel, at, from, n)
                       : accel_debug_write(cpu_of(g, thread), at, from, n);
}

static bool physical(void *o, int set)
{
    GdbServer *g = o;
    if (set >= 0)
        g->physical = set;
    return g->physical;
}

/* ---- break- and watchpoints ---- */

static bool apply(GdbServer *g, const Point *p, bool on)
{
    static const uint8_t how[] = {
        [GDB_WRITE_WATCH] = MMU_W, [GDB_READ_WATCH] = MMU_R, [GDB_ACCESS_WATCH] = MMU_R | MMU_W};
    Accel *a = g->vm->machine->accel;
    return p->kind <= GDB_HW_BREAK ? accel_debug_break(a, p->at, on)
                                   : accel_debug_watch(a, p->at, p->n, how[p->kind], on);
}

static bool point(void *o, GdbPoint kind, uint64_t at, uint64_t n, bool on)
{
    GdbServer *g = o;
    Point p = {kind, at, n};
    for (unsigned k = 0; k < g->points->len; k++) {
        const Point *have = &g_array_index(g->points, Point, k);
        if (have->kind != kind || have->at != at || have->n != n)
            continue;
        if (!on) {
            apply(g, &p, false);
            g_array_remove_index_fast(g->points, k);
        }
        return true; /* twice is once */
    }
    if (on && !apply(g, &p, true))
        return false;
    if (on)
        g_array_append_val(g->points, p);
    return true;
}

static void drop_points(GdbServer *g)
{
    vm_hold(g->vm);
    for (unsigned k = 0; k < g->points->len; k++)
        apply(g, &g_array_index(g->points, Point, k), false);
    g_array_set_size(g->points, 0);
    vm_release(g->vm);
}

/* ---- running ---- */

static void all_run(GdbServer *g)
{
    for (unsigned k = 0; k < g->vm->vcpus.n; k++)
        g->vm->vcpus.vcpu[k].how = VCPU_RUN;
}

static void stop_quietly(GdbServer *g, RunState state)
{
    g->quiet = true;
    if (vm_is_live(g->vm))
        vm_stop(g->vm, state);
    g->quiet = false;
    all_run(g);
}

static void tell(GdbServer *g, unsigned cpu)
{
    int kind = -1;
    uint64_t at = g->watch_at;
    Cpu *c = cpu_of(g, cpu + 1);
    const TargetGdb *own = own_registers(g);
    if (own)
        accel_sync(c);
    /* One that the debugger does not see there it would take for one that it has removed. */
    Gva pc = own ? own->pc(c) : c->pc & ~cpu_isa(c)->pc_tag;
    for (unsigned k = 0; k < g->points->len; k++) {
        const Point *p = &g_array_index(g->points, Point, k);
        if (p->kind < GDB_WRITE_WATCH ? !g->watch_hit && g->at_break && p->at == pc
                                      : g->watch_hit && at >= p->at && at < p->at + p->n)
            kind = (int)p->kind;
    }
    g->watch_hit = false;
    gdb_stopped(&g->stub, cpu + 1, SIGNAL_TRAP, kind, at);
}

static gboolean on_stop(void *opaque)
{
    GdbServer *g = opaque;
    int cpu = __atomic_exchange_n(&g->stopped, 0, __ATOMIC_ACQUIRE);
    if (!cpu)
        return G_SOURCE_REMOVE;
    stop_quietly(g, RUN_DEBUG);
    tell(g, (unsigned)cpu - 1);
    return G_SOURCE_REMOVE;
}

static void step_over(Cpu *cpu)
{
    cpu->ctx |= CTX_STEP;
    accel_run(cpu);
    cpu->ctx &= ~(uint32_t)CTX_STEP;
    accel_kick(cpu); /* interrupts were not looked at */
}

/* By the cpu's thread. True: it goes on. */
static bool cpu_stopped(void *opaque, unsigned n)
{
    GdbServer *g = opaque;
    Cpu *cpu = g->vm->machine->cpu[n];
    bool debug = cpu->exit.kind == CPU_EXIT_DEBUG, watch = debug && cpu->exit.code == 1;
    bool watched = debug && cpu->exit.code == 2; /* the access is done */
    if (watched) {
        g->watch_at = cpu->exit.addr;
        g->watch_hit = true;
    }
    Gva pc = cpu->pc & ~cpu_isa(cpu)->pc_tag;
    if (debug && !watch && !watched && !accel_debug_is_break(g->vm->machine->accel, pc)) {
        step_over(cpu); /* the same place of another page */
        return true;
    }
    bool same = debug && !watch && !watched && pc == g->from[n];
    g->from[n] = (uint64_t)NOWHERE;
    if (same) {
        step_over(cpu);
        return true;
    }
    if (watch)
        step_over(cpu); /* debuggers expect to see the access done */
    uint64_t at;
    if (accel_debug_take_hit(cpu, &at)) {
        g->watch_at = at;
        g->watch_hit = true;
    }
    int none = 0;
    if (__atomic_compare_exchange_n(&g->stopped, &none, (int)n + 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        g->at_break = debug && !watch && !watched;
        g_idle_add_full(G_PRIORITY_DEFAULT, on_stop, g, NULL);
    }
    return false;
}

static void resume(void *o, const uint8_t *how)
{
    GdbServer *g = o;
    static const VcpuHow to[] = {[GDB_STAY] = VCPU_STAY, [GDB_RUN] = VCPU_RUN, [GDB_STEP] = VCPU_STEP};
    for (unsigned k = 0; k < g->vm->vcpus.n; k++) {
        Cpu *cpu = cpu_of(g, k + 1);
        const TargetGdb *own = own_registers(g);
        if (own)
            accel_sync(cpu);
        bool other = how[k] == GDB_RUN && own && own->pc(cpu) != cpu->pc;
        g->vm->vcpus.vcpu[k].how = to[how[k]];
        g->from[k] = other ? cpu->pc : (uint64_t)NOWHERE;
    }
    __atomic_store_n(&g->stopped, 0, __ATOMIC_RELEASE);
    g->quiet = true;
    bool ok = vm_cont(g->vm);
    g->quiet = false;
    if (!ok)
        gdb_stopped(&g->stub, 1, SIGNAL_INT, -1, 0);
}

static void interrupt(void *o)
{
    GdbServer *g = o;
    stop_quietly(g, RUN_DEBUG);
    gdb_stopped(&g->stub, g->stub.g_thread, SIGNAL_INT, -1, 0);
}

static gboolean cont_later(void *opaque)
{
    vm_cont(opaque);
    return G_SOURCE_REMOVE;
}

static void leave(void *o, bool kill)
{
    GdbServer *g = o;
    drop_points(g);
    if (kill)
        vm_quit(g->vm, CAUSE_HOST_QUIT, 0);
    else
        g_idle_add_full(G_PRIORITY_DEFAULT, cont_later, g->vm, NULL);
}

static void command(void *o, const char *line, Fmt *out)
{
    GdbServer *g = o;
    g_autoptr(GString) text = g_string_new(NULL);
    Hmp h = {.vm = g->vm, .out = text, .cpu = g->stub.g_thread - 1};
    hmp_run(&h, line);
    fmt_puts(out, text->str);
}

/* ---- the connection ---- */

static void write_out(void *o, const char *bytes, size_t n)
{
    GdbServer *g = o;
    g->front.port.write(g->front.port.backend, (const uint8_t *)bytes, n);
}

static unsigned n_threads(void *o)
{
    return ((GdbServer *)o)->vm->machine->cfg.cpus;
}

static size_t can_take(void *opaque)
{
    return 4096;
}
static void take(void *opaque, const uint8_t *bytes, size_t n)
{
    gdb_take(&((GdbServer *)opaque)->stub, bytes, n);
}

static void event(void *opaque, CharEvent e)
{
    GdbServer *g = opaque;
    if (e == CHAR_OPENED) {
        stop_quietly(g, RUN_PAUSED);
        g->physical = false;
        gdb_init(&g->stub, &g->ops, g);
    } else if (e == CHAR_CLOSED) {
        drop_points(g);
    }
}

/* Somebody else stops the machine, or lets it go on. */
static void on_event(void *opaque, const char *name, JsonObject *data)
{
    GdbServer *g = opaque;
    if (g->quiet)
        return;
    if (strcmp(name, "STOP") == 0)
        gdb_stopped(&g->stub, 1, SIGNAL_INT, -1, 0);
    else if (strcmp(name, "RESUME") == 0)
        g->stub.running = true;
}

GdbServer *gdb_server_new(Vm *vm, const char *device, GError **err)
{
    bool number = *device && !device[strspn(device, "0123456789")];
    g_autofree char *port = g_strdup_printf("tcp::%s", device);
    g_autofree char *text =
        g_str_has_prefix(number ? port : device, "tcp:") || g_str_has_prefix(device, "unix:")
            ? g_strconcat(number ? port : device, ",server=on,wait=off,nodelay=on", NULL)
            : g_strdup(device);
    Chardev *c = chardev_add_short(vm->chars, "-gdb", text, "gdb", err);
    if (!c)
        return NULL;
    GdbServer *g = g_new0(GdbServer, 1);
    g->vm = vm;
    g->regs = g_array_new(FALSE, FALSE, sizeof(RegRef));
    g->points = g_array_new(FALSE, FALSE, sizeof(Point));
    if (!own_registers(g))
        choose_regs(g);
    memset(g->from, NOWHERE, sizeof g->from);
    g->ops = (GdbOps){.arch = own_registers(g) ? own_registers(g)->arch : isa_of(g)->arch,
                      .write = write_out,
                      .n_threads = n_threads,
                      .describe = describe,
                      .read_reg = read_reg,
                      .write_reg = write_reg,
                      .read = read_memory,
                      .poke = poke,
                      .point = point,
                      .resume = resume,
                      .interrupt = interrupt,
                      .leave = leave,
                      .command = command,
                      .physical = physical};
    g->front.port.device = g;
    g->front.port.can_take = can_take;
    g->front.port.take = take;
    g->front.port.event = event;
    gdb_init(&g->stub, &g->ops, g);
    if (!chardev_attach(c, &g->front, "gdb", err)) {
        gdb_server_free(g);
        return NULL;
    }
    vm->vcpus.opaque = g;
    vm->vcpus.stopped = cpu_stopped;
    vm_listen(vm, (VmListener){.opaque = g, .event = on_event});
    return g;
}

void gdb_server_free(GdbServer *g)
{
    if (!g)
        return;
    vm_unlisten(g->vm, g);
    chardev_detach(&g->front);
    while (g_idle_remove_by_data(g)) {
    }
    g_array_unref(g->regs);
    g_array_unref(g->points);
    g_free(g);
}
