#include "debug/gdb_priv.h"

enum { IDLE, IN_PACKET, SUM_HIGH, SUM_LOW };
enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, CTRL_C = 3 };

const char gdb_types_aarch64[] =
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/><vector id=\"v2u\" type=\"uint64\" count=\"2\"/>"
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
    "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/><vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
    "<union id=\"v128\"><field name=\"f\" type=\"v4f\"/><field name=\"d\" type=\"v2d\"/>"
    "<field name=\"u64\" type=\"v2u\"/><field name=\"u32\" type=\"v4u\"/><field name=\"u16\" type=\"v8u\"/>"
    "<field name=\"u8\" type=\"v16u\"/><field name=\"q\" type=\"uint128\"/></union>";

/* ---- packets out ---- */

void gdb_send_bytes(GdbStub *s, const char *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    uint8_t sum = 0;
    s->out[at++] = '$';
    for (size_t k = 0; k < n && at + 5 < sizeof(s->out); k++) {
        char c = bytes[k];
        if (c == '$' || c == '#' || c == '}' || c == '*') {
            s->out[at++] = '}';
            sum = (uint8_t)(sum + '}');
            c ^= 0x20;
        }
        s->out[at++] = c;
        sum = (uint8_t)(sum + (uint8_t)c);
    }
    s->out[at++] = '#';
    s->out[at++] = hex[sum >> 4];
    s->out[at++] = hex[sum & 15];
    s->ops->write(s->o, s->out, at);
}

void gdb_send(GdbStub *s, const char *text)
{
    gdb_send_bytes(s, text, strlen(text));
}
static void send_ok(GdbStub *s, bool ok)
{
    gdb_send(s, ok ? "OK" : "E14");
}

/* ---- registers, memory ---- */

static unsigned reg_bytes(GdbStub *s, unsigned n)
{
    GdbReg r;
    return s->ops->describe(s->o, n, &r) ? r.bits / 8 : 0;
}

static void put_reg(GdbStub *s, Fmt *f, unsigned n)
{
    uint8_t v[GDB_MOST_REG] = {0};
    unsigned bytes = reg_bytes(s, n);
    if (s->ops->read_reg(s->o, s->g_thread, n, v))
        gdb_put_hex(f, v, bytes);
    else
        for (unsigned k = 0; k < 2 * bytes; k++)
            fmt_putc(f, 'x');
}

static void read_all(GdbStub *s)
{
    Fmt f = FMT_ON(s->text);
    for (unsigned n = 0; n < s->n_g; n++)
        put_reg(s, &f, n);
    gdb_send(s, s->text);
}

static void write_all(GdbStub *s, const char *at)
{
    bool ok = true;
    for (unsigned n = 0; ok && n < s->n_g; n++) {
        uint8_t v[GDB_MOST_REG];
        unsigned bytes = reg_bytes(s, n);
        ok = gdb_bytes(&at, v, bytes) == bytes;
        if (ok)
            s->ops->write_reg(s->o, s->g_thread, n, v);
    }
    send_ok(s, ok);
}

static void read_one(GdbStub *s, const char *at)
{
    uint64_t n;
    Fmt f = FMT_ON(s->text);
    if (!gdb_number(&at, &n) || n > UINT16_MAX || !reg_bytes(s, (unsigned)n)) {
        gdb_send(s, "E14");
        return;
    }
    put_reg(s, &f, (unsigned)n);
    gdb_send(s, s->text);
}

static void write_one(GdbStub *s, const char *at)
{
    uint64_t n;
    uint8_t v[GDB_MOST_REG];
    bool ok = gdb_number(&at, &n) && n <= UINT16_MAX && gdb_char(&at, '=');
    unsigned bytes = ok ? reg_bytes(s, (unsigned)n) : 0;
    send_ok(s, bytes && gdb_bytes(&at, v, bytes) == bytes &&
                   s->ops->write_reg(s->o, s->g_thread, (unsigned)n, v));
}

static void read_memory(GdbStub *s, const char *at)
{
    uint64_t from, n;
    uint8_t bytes[GDB_PACKET / 2 - 8];
    Fmt f = FMT_ON(s->text);
    bool ok = gdb_number(&at, &from) && gdb_char(&at, ',') && gdb_number(&at, &n);
    n = ok && n < sizeof(bytes) ? n : sizeof(bytes);
    if (ok && s->ops->read(s->o, s->g_thread, from, bytes, n)) {
        gdb_put_hex(&f, bytes, n);
        gdb_send(s, s->text);
    } else {
        gdb_send(s, "E14");
    }
}

static void write_memory(GdbStub *s, const char *at, bool binary)
{
    uint64_t to, n;
    uint8_t bytes[GDB_PACKET];
    size_t have = 0;
    bool ok = gdb_number(&at, &to) && gdb_char(&at, ',') && gdb_number(&at, &n) && gdb_char(&at, ':') &&
              n <= sizeof(bytes);
    if (ok && !binary)
        have = gdb_bytes(&at, bytes, n);
    const char *end = s->in + s->n_in;
    for (; ok && binary && have < n && at < end; have++, at++) {
        bool escaped = *at == '}' && at + 1 < end;
        at += escaped;
        bytes[have] = (uint8_t)(escaped ? *at ^ 0x20 : *at);
    }
    send_ok(s, ok && have == n && (!n || s->ops->poke(s->o, s->g_thread, to, bytes, n)));
}

static void set_point(GdbStub *s, const char *at, bool on)
{
    uint64_t kind, where, n;
    bool ok = gdb_number(&at, &kind) && gdb_char(&at, ',') && gdb_number(&at, &where) && gdb_char(&at, ',') &&
              gdb_number(&at, &n);
    if (ok && kind > GDB_ACCESS_WATCH)
        gdb_send(s, "");
    else
        send_ok(s, ok && s->ops->point(s->o, (GdbPoint)kind, where, n, on));
}

/* ---- running ---- */

static void go(GdbStub *s, const uint8_t *how)
{
    s->running = true;
    s->ops->resume(s->o, how);
}

/* The number of a thread in packets; 0: it is gone. */
static unsigned id_of(GdbStub *s, unsigned thread)
{
    return s->ops->process ? s->ops->process->id(s->o, thread) : thread;
}

/* A machine is process 1, for those who name one all the same. */
static unsigned pid_of(GdbStub *s, unsigned thread)
{
    return s->ops->process ? s->ops->process->pid(s->o, thread) : 1;
}

static unsigned own_pid(GdbStub *s)
{
    return pid_of(s, 0);
}

/* A thread as packets name it. */
static void put_id(GdbStub *s, Fmt *f, unsigned thread)
{
    if (s->multi)
        fmt_printf(f, "p%x.", pid_of(s, thread));
    fmt_printf(f, "%x", id_of(s, thread));
}

/* "pPID." in front of a thread's number, or "pPID" alone. *ret: 0, if it is not there, or is for all. */
static bool get_pid(const char **at, uint64_t *ret)
{
    *ret = 0;
    if (!gdb_char(at, 'p'))
        return true;
    return (gdb_begins(at, "-1") || gdb_number(at, ret)) && (gdb_char(at, '.') || true);
}

/* A thread as packets name it; 0: all or any, of the process *ret_pid if that is not 0. */
static bool get_thread_of(GdbStub *s, const char **at, uint64_t *ret, uint64_t *ret_pid)
{
    uint64_t id;
    *ret = *ret_pid = 0;
    if (**at == 'p' && (!get_pid(at, ret_pid) || (*at)[-1] != '.'))
        return (*at)[-1] != 'p';
    if (gdb_begins(at, "-1"))
        return true;
    if (!gdb_number(at, &id))
        return false;
    for (unsigned k = 1, n = s->ops->n_threads(s->o); id && k <= n; k++)
        if (id_of(s, k) == id)
            *ret = k;
    return !id || *ret;
}

static bool get_thread(GdbStub *s, const char **at, uint64_t *ret)
{
    uint64_t pid;
    return get_thread_of(s, at, ret, &pid);
}

/* The thread goes on with this signal. */
static void give_signal(GdbStub *s, unsigned thread, uint64_t signal)
{
    if (s->ops->process)
        s->ops->process->signal(s->o, thread, signal < GDB_SIGNALS ? (unsigned)signal : 0);
}

/* "vCont;s:1;c": the first action that fits a thread is its. */
static void resume_each(GdbStub *s, const char *at)
{
    uint8_t how[GDB_MOST_THREADS] = {0};
    bool set[GDB_MOST_THREADS] = {false}, ok = true;
    unsigned n = s->ops->n_threads(s->o);
    while (ok && gdb_char(&at, ';')) {
        uint64_t thread = 0, pid = 0, signal = 0;
        char action = *at++;
        GdbHow what = action == 's' || action == 'S' ? GDB_STEP : GDB_RUN;
        ok = action && strchr("csCS", action);
        if (ok && (action == 'C' || action == 'S'))
            ok = gdb_number(&at, &signal);
        if (ok && gdb_char(&at, ':'))
            ok = get_thread_of(s, &at, &thread, &pid);
        for (unsigned k = 0; ok && k < n; k++) {
            if (set[k] || (thread && thread != k + 1) || (pid && pid != pid_of(s, k + 1)))
                continue;
            set[k] = true;
            how[k] = what;
            give_signal(s, k + 1, signal);
        }
    }
    if (ok)
        go(s, how);
    else
        gdb_send(s, "E14");
}

/* c and s, C and S with a signal. */
static void resume_one(GdbStub *s, bool step, const char *at)
{
    uint8_t how[GDB_MOST_THREADS] = {0};
    uint64_t signal = 0;
    if (at)
        gdb_number(&at, &signal);
    for (unsigned k = 0; k < s->ops->n_threads(s->o); k++) {
        how[k] = !step ? GDB_RUN : k + 1 == s->g_thread ? GDB_STEP : GDB_STAY;
        give_signal(s, k + 1, k + 1 == s->g_thread ? signal : 0);
    }
    go(s, how);
}

static void tell_stop(GdbStub *s, unsigned thread)
{
    s->g_thread = thread;
    s->g_pid = 0;
    bool tell = s->running;
    s->running = false;
    if (tell)
        gdb_send(s, s->last);
}

void gdb_stopped(GdbStub *s, unsigned thread, unsigned signal, int point, uint64_t at)
{
    static const char kinds[][8] = {[GDB_SW_BREAK] = "swbreak",
                                    [GDB_HW_BREAK] = "hwbreak",
                                    [GDB_WRITE_WATCH] = "watch",
                                    [GDB_READ_WATCH] = "rwatch",
                                    [GDB_ACCESS_WATCH] = "awatch"};
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xthread:", signal);
    put_id(s, &f, thread);
    fmt_putc(&f, ';');
    if (point >= GDB_WRITE_WATCH)
        fmt_printf(&f, "%s:%lx;", kinds[point], (unsigned long)at);
    else if (point >= 0 && s->tell_breaks) /* unasked it may not be said */
        fmt_printf(&f, "%s:;", kinds[point]);
    tell_stop(s, thread);
}

void gdb_stopped_at_call(GdbStub *s, unsigned thread, bool before, uint64_t nr)
{
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xsyscall_%s:%lx;thread:", SIGNAL_TRAP, before ? "entry" : "return",
               (unsigned long)nr);
    put_id(s, &f, thread);
    fmt_putc(&f, ';');
    tell_stop(s, thread);
}

void gdb_exited(GdbStub *s, unsigned pid, unsigned status, bool by_signal)
{
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "%c%02x", by_signal ? 'X' : 'W', status & 255);
    if (s->multi)
        fmt_printf(&f, ";process:%x", pid);
    tell_stop(s, s->g_thread);
}

void gdb_stopped_at_fork(GdbStub *s, unsigned thread, unsigned child, bool vfork)
{
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02x%sfork:p%x.%x;thread:", SIGNAL_TRAP, vfork ? "v" : "", child, child);
    put_id(s, &f, thread);
    fmt_putc(&f, ';');
    tell_stop(s, thread);
}

void gdb_stopped_at_vfork_done(GdbStub *s, unsigned thread)
{
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xvforkdone:;thread:", SIGNAL_TRAP);
    put_id(s, &f, thread);
    fmt_putc(&f, ';');
    tell_stop(s, thread);
}

void gdb_stopped_at_exec(GdbStub *s, unsigned thread, const char *path)
{
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xthread:", SIGNAL_TRAP);
    put_id(s, &f, thread);
    fmt_puts(&f, ";exec:");
    gdb_put_hex(&f, (const uint8_t *)path, strlen(path));
    fmt_putc(&f, ';');
    tell_stop(s, thread);
}

void gdb_other_killed(GdbStub *s, unsigned pid)
{
    char text[40];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "X09;process:%x", pid);
    gdb_send(s, text);
}

void gdb_other_stopped(GdbStub *s, unsigned pid)
{
    s->running = false;
    s->g_pid = pid;
}

/* ---- queries ---- */

static void put_feature(GdbStub *s, Fmt *f)
{
    GdbReg r;
    const char *feature = "";
    fmt_printf(f,
               "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
               "<architecture>%s</architecture>%s",
               s->ops->arch, s->ops->process ? "<osabi>GNU/Linux</osabi>" : "");
    for (unsigned n = 0; s->ops->describe(s->o, n, &r); n++) {
        if (strcmp(feature, r.feature) != 0) {
            fmt_printf(f, "%s<feature name=\"%s\">", *feature ? "</feature>" : "", r.feature);
            feature = r.feature;
            fmt_puts(f, r.types ? r.types : "");
        }
        fmt_printf(f, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"", r.name, r.bits, n, r.type);
        if (r.group)
            fmt_printf(f, " group=\"%s\"", r.group);
        fmt_puts(f, "/>");
    }
    fmt_puts(f, "</feature></target>");
}

/* "OFFSET,LENGTH" of what is asked for; false: it is none. */
static bool get_part(const char **at, uint64_t *ret_from, uint64_t *ret_n)
{
    bool ok = gdb_number(at, ret_from) && gdb_char(at, ',') && gdb_number(at, ret_n);
    *ret_n = *ret_n < GDB_PACKET / 2 ? *ret_n : GDB_PACKET / 2;
    return ok;
}

/* A part of the description, which is made anew for each. */
static void send_features(GdbStub *s, const char *at)
{
    enum { ROOM = 48 << 10 };
    char xml[ROOM];
    uint64_t from, n;
    Fmt f = FMT_ON(xml);
    if (!gdb_begins(&at, "target.xml:") || !get_part(&at, &from, &n)) {
        gdb_send(s, "E00");
        return;
    }
    put_feature(s, &f);
    from = from < f.len ? from : f.len;
    bool last = n >= f.len - from;
    n = last ? f.len - from : n;
    s->text[0] = last ? 'l' : 'm';
    memcpy(s->text + 1, xml + from, n);
    gdb_send_bytes(s, s->text, n + 1);
}

/* "NAME:read:ANNEX:OFFSET,LENGTH" */
static void send_object(GdbStub *s, const char *at)
{
    char name[16];
    size_t len = strcspn(at, ":");
    uint64_t from, n;
    long got = -1;
    if (s->ops->process && len < sizeof(name)) {
        memcpy(name, at, len);
        name[len] = 0;
        at += len;
        if (gdb_begins(&at, ":read:")) {
            at += strcspn(at, ":");
            if (gdb_char(&at, ':') && get_part(&at, &from, &n))
                got = s->ops->process->object(s->o, name, from, s->text + 1, n);
        }
    }
    if (got < 0) {
        gdb_send(s, "E00");
        return;
    }
    s->text[0] = (uint64_t)got < n ? 'l' : 'm';
    gdb_send_bytes(s, s->text, (size_t)got + 1);
}

/* From the first on, or those that did not fit into the last answer. */
static void list_threads(GdbStub *s, bool first)
{
    enum { ROOM = 1024 }; /* for the others' */
    Fmt f = FMT_ON(s->text);
    char before = 'm';
    const unsigned n = s->ops->n_threads(s->o);
    if (first)
        s->listed = 0;
    const bool again = s->listed >= n;
    while (s->listed < n && f.len < sizeof(s->text) - ROOM) {
        unsigned k = ++s->listed;
        if (!id_of(s, k))
            continue;
        fmt_putc(&f, before);
        put_id(s, &f, k);
        before = ',';
    }
    if (s->listed == n && !again && s->multi)
        s->ops->process->others(s->o, &f);
    if (f.len && s->text[0] == ',')
        s->text[0] = 'm';
    gdb_send(s, f.len ? s->text : "l");
}

static void describe_thread(GdbStub *s, const char *at)
{
    uint64_t n;
    char name[64];
    Fmt g = FMT_ON(name), f = FMT_ON(s->text);
    if (!get_thread(s, &at, &n) || !n) {
        gdb_send(s, "E14");
        return;
    }
    if (s->ops->process)
        s->ops->process->name(s->o, (unsigned)n, &g);
    else
        fmt_printf(&g, "CPU#%u", (unsigned)n - 1);
    gdb_put_hex(&f, (const uint8_t *)name, g.len);
    gdb_send(s, s->text);
}

static void run_command(GdbStub *s, const char *at)
{
    char line[512], answer[GDB_PACKET / 2 - 8];
    Fmt out = FMT_ON(answer), f = FMT_ON(s->text);
    size_t n = gdb_bytes(&at, (uint8_t *)line, sizeof(line) - 1);
    line[n] = 0;
    answer[0] = 0;
    s->ops->command(s->o, line, &out);
    gdb_put_hex(&f, (const uint8_t *)answer, out.len);
    gdb_send(s, out.len ? s->text : "OK");
}

static void physical_mode(GdbStub *s, const char *at, bool set)
{
    if (!s->ops->physical)
        gdb_send(s, "");
    else if (!set)
        gdb_send(s, s->ops->physical(s->o, -1) ? "1" : "0");
    else
        send_ok(s, s->ops->physical(s->o, *at == '1') || true);
}

static void query(GdbStub *s, const char *at)
{
    Fmt f = FMT_ON(s->text);
    if (gdb_begins(&at, "Supported")) {
        s->tell_breaks = strstr(at, "swbreak+") && strstr(at, "hwbreak+");
        s->multi = s->ops->process && strstr(at, "multiprocess+");
        s->tell_forks = s->multi && strstr(at, ";fork-events+");
        s->tell_vforks = s->multi && strstr(at, "vfork-events+");
        s->tell_execs = s->multi && strstr(at, "exec-events+");
        fmt_printf(
            &f, "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+%s",
            GDB_PACKET - 16,
            s->ops->process ? ";qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:siginfo:read+;QPassSignals+;"
                              "QCatchSyscalls+;multiprocess+;fork-events+;vfork-events+;exec-events+"
                            : "");
        gdb_send(s, s->text);
    } else if (gdb_begins(&at, "Xfer:features:read:")) {
        send_features(s, at);
    } else if (gdb_begins(&at, "Xfer:")) {
        send_object(s, at);
    } else if (gdb_begins(&at, "fThreadInfo")) {
        list_threads(s, true);
    } else if (gdb_begins(&at, "sThreadInfo")) {
        list_threads(s, false);
    } else if (gdb_begins(&at, "ThreadExtraInfo,")) {
        describe_thread(s, at);
    } else if (gdb_begins(&at, "Attached")) {
        gdb_send(s, s->ops->process ? "0" : "1");
    } else if (gdb_begins(&at, "Rcmd,") && s->ops->command) {
        run_command(s, at);
    } else if (gdb_begins(&at, "qemu.PhyMemMode")) {
        physical_mode(s, at, false);
    } else if (*at == 'C' && !at[1]) {
        fmt_puts(&f, "QC");
        put_id(s, &f, s->g_thread);
        gdb_send(s, s->text);
    } else {
        gdb_send(s, "");
    }
}

static void pass_signals(GdbStub *s, const char *at)
{
    bool pass[GDB_SIGNALS] = {false};
    uint64_t n;
    while (gdb_number(&at, &n)) {
        if (n < GDB_SIGNALS)
            pass[n] = true;
        gdb_char(&at, ';');
    }
    s->ops->process->pass(s->o, pass);
    gdb_send(s, "OK");
}

/* "1" or "0", and ";NUMBER" for each call. */
static void catch_calls(GdbStub *s, const char *at)
{
    enum { MOST = 64 };
    uint64_t nr[MOST];
    unsigned n = 0;
    bool on = gdb_char(&at, '1');
    while (gdb_char(&at, ';') && n < MOST && gdb_number(&at, &nr[n]))
        n++;
    s->ops->process->catch_calls(s->o, on, nr, n);
    gdb_send(s, "OK");
}

static void set_mode(GdbStub *s, const char *at)
{
    if (gdb_begins(&at, "StartNoAckMode")) {
        gdb_send(s, "OK");
        s->no_ack = true;
    } else if (gdb_begins(&at, "qemu.PhyMemMode:")) {
        physical_mode(s, at, true);
    } else if (s->ops->process && gdb_begins(&at, "PassSignals:")) {
        pass_signals(s, at);
    } else if (s->ops->process && gdb_begins(&at, "CatchSyscalls:")) {
        catch_calls(s, at);
    } else {
        gdb_send(s, "");
    }
}

/* at: "PID", or nothing: the first process. */
static void leave(GdbStub *s, const char *at, bool kill)
{
    uint64_t pid;
    gdb_send(s, "OK");
    if (s->multi && gdb_number(&at, &pid) && pid != own_pid(s))
        s->ops->process->release(s->o, (unsigned)pid, kill);
    else
        s->ops->leave(s->o, kill);
}

static void v_packet(GdbStub *s, const char *at)
{
    if (gdb_begins(&at, "Kill")) { /* ";PID" */
        gdb_char(&at, ';');
        leave(s, at, true);
    } else if (gdb_begins(&at, "Cont?")) {
        gdb_send(s, "vCont;c;C;s;S");
    } else if (gdb_begins(&at, "Cont")) {
        resume_each(s, at);
    } else if (s->ops->process && gdb_begins(&at, "File:")) {
        gdb_file(s, at);
    } else {
        gdb_send(s, "");
    }
}

static void choose_thread(GdbStub *s, const char *at)
{
    uint64_t n;
    char op = *at++;
    bool ok = get_thread(s, &at, &n);
    if (ok && op == 'g' && n)
        s->g_thread = (unsigned)n;
    send_ok(s, ok && (op == 'g' || op == 'c'));
}

/* The process that a packet is for; 0: this one, or it does not matter. */
static uint64_t addressed(GdbStub *s, bool *ret_resumes)
{
    const char *at = s->in + 1;
    uint64_t pid = s->g_pid;
    *ret_resumes = strchr("cCsS", s->in[0]);
    if (strchr("cCsSgGpPmMXzZ", s->in[0]))
        return pid;
    if (s->in[0] == 'H' || s->in[0] == 'T') {
        at += s->in[0] == 'H';
        return get_pid(&at, &pid) ? pid : 0;
    }
    if ((*ret_resumes = s->in[0] == 'v' && gdb_begins(&at, "Cont;"))) {
        const char *p = strchr(at, 'p'); /* the first action's; one without is for all */
        return p && get_pid(&p, &pid) && pid ? pid : s->g_pid;
    }
    if ((s->in[0] == 'D' && gdb_char(&at, ';')) || (s->in[0] == 'v' && gdb_begins(&at, "Kill;")))
        return gdb_number(&at, &pid) ? pid : 0;
    if (s->in[0] == 'q' && gdb_begins(&at, "ThreadExtraInfo,"))
        return get_pid(&at, &pid) ? pid : 0;
    if (s->in[0] == 'q' && gdb_begins(&at, "Xfer:exec-file:read:"))
        return gdb_number(&at, &pid) ? pid : s->g_pid;
    return s->in[0] == 'q' && gdb_begins(&at, "Xfer:") && !gdb_begins(&at, "features") ? pid : 0;
}

/* True: it was for another process. */
static bool is_for_another(GdbStub *s)
{
    bool resumes, known;
    uint64_t pid = s->multi ? addressed(s, &resumes) : 0;
    if (pid && s->ops->process->ours(s->o, (unsigned)pid))
        pid = 0;
    if (s->in[0] == 'H' && s->in[1] == 'g' && s->multi)
        s->g_pid = (unsigned)pid;
    if (!pid)
        return false;
    known = s->ops->process->other(s->o, (unsigned)pid, s->in, s->n_in, resumes);
    if (known)
        s->running = resumes;
    else /* it has ended, which breaks nothing */
        gdb_send(s, strchr("zD", s->in[0]) ? "OK" : "E03");
    return true;
}

static void packet(GdbStub *s)
{
    const char *at = s->in + 1;
    uint64_t n;
    if (is_for_another(s))
        return;
    switch (s->in[0]) {
    case '?': gdb_send(s, s->last); break;
    case 'g': read_all(s); break;
    case 'G': write_all(s, at); break;
    case 'p': read_one(s, at); break;
    case 'P': write_one(s, at); break;
    case 'm': read_memory(s, at); break;
    case 'M': write_memory(s, at, false); break;
    case 'X': write_memory(s, at, true); break;
    case 'Z':
    case 'z': set_point(s, at, s->in[0] == 'Z'); break;
    case 'c':
    case 's': resume_one(s, s->in[0] == 's', NULL); break;
    case 'C':
    case 'S': resume_one(s, s->in[0] == 'S', at); break;
    case 'v': v_packet(s, at); break;
    case 'q': query(s, at); break;
    case 'Q': set_mode(s, at); break;
    case 'H': choose_thread(s, at); break;
    case 'T': send_ok(s, get_thread(s, &at, &n) && n); break;
    case 'D':
        gdb_char(&at, ';');
        leave(s, at, false);
        break;
    case 'k': s->ops->leave(s->o, true); break;
    default: gdb_send(s, ""); break;
    }
}

/* ---- packets in ---- */

static void end_packet(GdbStub *s, uint8_t want)
{
    bool good = want == s->sum && s->n_in < GDB_PACKET;
    s->in[s->n_in] = 0;
    if (!s->no_ack)
        s->ops->write(s->o, good ? "+" : "-", 1);
    if (good && s->n_in && !s->running) /* nothing but Ctrl-C is for who runs */
        packet(s);
}

static void one_byte(GdbStub *s, uint8_t b)
{
    switch (s->state) {
    case IDLE:
        if (b == '$') {
            s->state = IN_PACKET;
            s->n_in = s->sum = 0;
        } else if (b == CTRL_C && s->running) {
            s->ops->interrupt(s->o);
        }
        break;
    case IN_PACKET:
        if (b == '#') {
            s->state = SUM_HIGH;
            break;
        }
        s->sum = (uint8_t)(s->sum + b);
        if (s->n_in < GDB_PACKET)
            s->in[s->n_in++] = (char)b;
        break;
    case SUM_HIGH:
        s->in[sizeof(s->in) - 1] = (char)b;
        s->state = SUM_LOW;
        break;
    default:
        s->state = IDLE;
        end_packet(
            s, (uint8_t)((unsigned)gdb_digit(s->in[sizeof(s->in) - 1]) << 4 | (unsigned)gdb_digit((char)b)));
    }
}

void gdb_forget_packets(GdbStub *s)
{
    memset(s->file, 0, sizeof(s->file));
    s->state = IDLE;
    s->running = false;
    s->no_ack = true; /* it is by a socket to the parent */
    s->g_thread = 1;
    s->g_pid = s->listed = 0;
}

bool gdb_between_packets(const GdbStub *s)
{
    return s->state == IDLE;
}

void gdb_take(GdbStub *s, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++)
        one_byte(s, bytes[k]);
}

void gdb_init(GdbStub *s, const GdbOps *ops, void *o)
{
    GdbReg r;
    const char *feature = "";
    unsigned features = 0, n = 0;
    memset(s, 0, offsetof(GdbStub, in));
    s->ops = ops;
    s->o = o;
    s->g_thread = 1;
    for (; ops->describe(o, n, &r); n++) {
        features += strcmp(feature, r.feature) != 0;
        if (features > 2)
            break;
        feature = r.feature;
    }
    s->n_g = n;
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xthread:%x;", SIGNAL_TRAP, id_of(s, 1));
}
