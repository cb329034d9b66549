#include "debug/gdb_stub.h"

#include <string.h>

enum { IDLE, IN_PACKET, SUM_HIGH, SUM_LOW };
enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, CTRL_C = 3 };

/* ---- text ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_hex(Fmt *f, const uint8_t *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t k = 0; k < n; k++) {
        fmt_putc(f, hex[bytes[k] >> 4]);
        fmt_putc(f, hex[bytes[k] & 15]);
    }
}

/* Number at *at in hex, moves behind it. False: there is none. */
static bool get_number(const char **at, uint64_t *ret)
{
    const char *s = *at;
    *ret = 0;
    for (int d; (d = digit(*s)) >= 0; s++)
        *ret = *ret << 4 | (unsigned)d;
    bool some = s != *at;
    *at = s;
    return some;
}

static bool get_char(const char **at, char c)
{
    bool is = **at == c;
    *at += is;
    return is;
}

/* Bytes in hex; how many there were, at most cap. */
static size_t get_bytes(const char **at, uint8_t *to, size_t cap)
{
    size_t n = 0;
    for (; n < cap && digit((*at)[0]) >= 0 && digit((*at)[1]) >= 0; n++, *at += 2)
        to[n] = (uint8_t)(digit((*at)[0]) << 4 | digit((*at)[1]));
    return n;
}

static bool begins(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* ---- packets out ---- */

/* n bytes, which may be any. */
static void send_bytes(GdbStub *s, const char *bytes, size_t n)
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

static void send(GdbStub *s, const char *text)
{
    send_bytes(s, text, strlen(text));
}
static void send_ok(GdbStub *s, bool ok)
{
    send(s, ok ? "OK" : "E14");
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
        put_hex(f, v, bytes);
    else
        for (unsigned k = 0; k < 2 * bytes; k++)
            fmt_putc(f, 'x');
}

static void read_all(GdbStub *s)
{
    Fmt f = FMT_ON(s->text);
    for (unsigned n = 0; n < s->n_g; n++)
        put_reg(s, &f, n);
    send(s, s->text);
}

static void write_all(GdbStub *s, const char *at)
{
    bool ok = true;
    for (unsigned n = 0; ok && n < s->n_g; n++) {
        uint8_t v[GDB_MOST_REG];
        unsigned bytes = reg_bytes(s, n);
        ok = get_bytes(&at, v, bytes) == bytes;
        if (ok)
            s->ops->write_reg(s->o, s->g_thread, n, v);
    }
    send_ok(s, ok);
}

static void read_one(GdbStub *s, const char *at)
{
    uint64_t n;
    Fmt f = FMT_ON(s->text);
    if (!get_number(&at, &n) || n > UINT16_MAX || !reg_bytes(s, (unsigned)n)) {
        send(s, "E14");
        return;
    }
    put_reg(s, &f, (unsigned)n);
    send(s, s->text);
}

static void write_one(GdbStub *s, const char *at)
{
    uint64_t n;
    uint8_t v[GDB_MOST_REG];
    bool ok = get_number(&at, &n) && n <= UINT16_MAX && get_char(&at, '=');
    unsigned bytes = ok ? reg_bytes(s, (unsigned)n) : 0;
    send_ok(s, bytes && get_bytes(&at, v, bytes) == bytes &&
                   s->ops->write_reg(s->o, s->g_thread, (unsigned)n, v));
}

static void read_memory(GdbStub *s, const char *at)
{
    uint64_t from, n;
    uint8_t bytes[GDB_PACKET / 2 - 8];
    Fmt f = FMT_ON(s->text);
    bool ok = get_number(&at, &from) && get_char(&at, ',') && get_number(&at, &n);
    n = ok && n < sizeof(bytes) ? n : sizeof(bytes);
    if (ok && s->ops->read(s->o, s->g_thread, from, bytes, n)) {
        put_hex(&f, bytes, n);
        send(s, s->text);
    } else {
        send(s, "E14");
    }
}

static void write_memory(GdbStub *s, const char *at, bool binary)
{
    uint64_t to, n;
    uint8_t bytes[GDB_PACKET];
    size_t have = 0;
    bool ok = get_number(&at, &to) && get_char(&at, ',') && get_number(&at, &n) && get_char(&at, ':') &&
              n <= sizeof(bytes);
    if (ok && !binary)
        have = get_bytes(&at, bytes, n);
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
    bool ok = get_number(&at, &kind) && get_char(&at, ',') && get_number(&at, &where) && get_char(&at, ',') &&
              get_number(&at, &n);
    if (ok && kind > GDB_ACCESS_WATCH)
        send(s, "");
    else
        send_ok(s, ok && s->ops->point(s->o, (GdbPoint)kind, where, n, on));
}

/* ---- running ---- */

static void go(GdbStub *s, const uint8_t *how)
{
    s->running = true;
    s->ops->resume(s->o, how);
}

/* A thread as packets name it; 0: all or any. */
static bool get_thread(GdbStub *s, const char **at, uint64_t *ret)
{
    if (begins(at, "-1")) {
        *ret = 0;
        return true;
    }
    return get_number(at, ret) && *ret <= s->ops->n_threads(s->o);
}

/* "vCont;s:1;c": the first action that fits a thread is its. */
static void resume_each(GdbStub *s, const char *at)
{
    uint8_t how[GDB_MOST_THREADS] = {0};
    bool set[GDB_MOST_THREADS] = {false}, ok = true;
    unsigned n = s->ops->n_threads(s->o);
    while (ok && get_char(&at, ';')) {
        uint64_t thread = 0, signal;
        char action = *at++;
        GdbHow what = action == 's' || action == 'S' ? GDB_STEP : GDB_RUN;
        ok = action && strchr("csCS", action);
        if (ok && (action == 'C' || action == 'S'))
            ok = get_number(&at, &signal);
        if (ok && get_char(&at, ':'))
            ok = get_thread(s, &at, &thread);
        for (unsigned k = 0; ok && k < n; k++) {
            if (set[k] || (thread && thread != k + 1))
                continue;
            set[k] = true;
            how[k] = what;
        }
    }
    if (ok)
        go(s, how);
    else
        send(s, "E14");
}

/* c and s, with an address to go on at. */
static void resume_one(GdbStub *s, bool step)
{
    uint8_t how[GDB_MOST_THREADS] = {0};
    for (unsigned k = 0; k < s->ops->n_threads(s->o); k++)
        how[k] = !step ? GDB_RUN : k + 1 == s->g_thread ? GDB_STEP : GDB_STAY;
    go(s, how);
}

void gdb_stopped(GdbStub *s, unsigned thread, unsigned signal, int watch, uint64_t at)
{
    static const char *const kinds[] = {
        [GDB_WRITE_WATCH] = "watch", [GDB_READ_WATCH] = "rwatch", [GDB_ACCESS_WATCH] = "awatch"};
    Fmt f = FMT_ON(s->last);
    fmt_printf(&f, "T%02xthread:%x;", signal, thread);
    if (watch >= GDB_WRITE_WATCH)
        fmt_printf(&f, "%s:%lx;", kinds[watch], (unsigned long)at);
    s->g_thread = thread;
    bool tell = s->running;
    s->running = false;
    if (tell)
        send(s, s->last);
}

/* ---- queries ---- */

static void put_feature(GdbStub *s, Fmt *f)
{
    GdbReg r;
    const char *feature = "";
    fmt_printf(f,
               "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
               "<architecture>%s</architecture>",
               s->ops->arch);
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

/* A part of the description, which is made anew for each. */
static void send_features(GdbStub *s, const char *at)
{
    enum { ROOM = 48 << 10 };
    char xml[ROOM];
    uint64_t from, n;
    Fmt f = FMT_ON(xml);
    if (!begins(&at, "target.xml:") || !get_number(&at, &from) || !get_char(&at, ',') ||
        !get_number(&at, &n)) {
        send(s, "E00");
        return;
    }
    put_feature(s, &f);
    n = n < GDB_PACKET / 2 ? n : GDB_PACKET / 2;
    bool last = from + n >= f.len;
    n = from >= f.len ? 0 : last ? f.len - from : n;
    s->text[0] = last ? 'l' : 'm';
    memcpy(s->text + 1, xml + from, n);
    send_bytes(s, s->text, n + 1);
}

static void list_threads(GdbStub *s)
{
    Fmt f = FMT_ON(s->text);
    fmt_putc(&f, 'm');
    for (unsigned k = 1; k <= s->ops->n_threads(s->o); k++)
        fmt_printf(&f, k == 1 ? "%x" : ",%x", k);
    send(s, s->text);
}

static void run_command(GdbStub *s, const char *at)
{
    char line[512], answer[GDB_PACKET / 2 - 8];
    Fmt out = FMT_ON(answer), f = FMT_ON(s->text);
    size_t n = get_bytes(&at, (uint8_t *)line, sizeof(line) - 1);
    line[n] = 0;
    answer[0] = 0;
    s->ops->command(s->o, line, &out);
    put_hex(&f, (const uint8_t *)answer, out.len);
    send(s, out.len ? s->text : "OK");
}

static void physical_mode(GdbStub *s, const char *at, bool set)
{
    if (!s->ops->physical)
        send(s, "");
    else if (!set)
        send(s, s->ops->physical(s->o, -1) ? "1" : "0");
    else
        send_ok(s, s->ops->physical(s->o, *at == '1') || true);
}

static void query(GdbStub *s, const char *at)
{
    Fmt f = FMT_ON(s->text);
    if (begins(&at, "Supported")) {
        fmt_printf(&f, "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+",
                   GDB_PACKET - 16);
        send(s, s->text);
    } else if (begins(&at, "Xfer:features:read:")) {
        send_features(s, at);
    } else if (begins(&at, "fThreadInfo")) {
        list_threads(s);
    } else if (begins(&at, "sThreadInfo")) {
        send(s, "l");
    } else if (begins(&at, "ThreadExtraInfo,")) {
        uint64_t n = 0;
        char name[32];
        Fmt g = FMT_ON(name);
        get_number(&at, &n);
        fmt_printf(&g, "CPU#%u", (unsigned)n - 1);
        put_hex(&f, (const uint8_t *)name, g.len);
        send(s, s->text);
    } else if (begins(&at, "Attached")) {
        send(s, "1");
    } else if (begins(&at, "Rcmd,") && s->ops->command) {
        run_command(s, at);
    } else if (begins(&at, "qemu.PhyMemMode")) {
        physical_mode(s, at, false);
    } else if (*at == 'C' && !at[1]) {
        fmt_printf(&f, "QC%x", s->g_thread);
        send(s, s->text);
    } else {
        send(s, "");
    }
}

static void set_mode(GdbStub *s, const char *at)
{
    if (begins(&at, "StartNoAckMode")) {
        send(s, "OK");
        s->no_ack = true;
    } else if (begins(&at, "qemu.PhyMemMode:")) {
        physical_mode(s, at, true);
    } else {
        send(s, "");
    }
}

static void v_packet(GdbStub *s, const char *at)
{
    if (begins(&at, "Cont?")) {
        send(s, "vCont;c;C;s;S");
    } else if (begins(&at, "Cont")) {
        resume_each(s, at);
    } else if (begins(&at, "Kill")) {
        send(s, "OK");
        s->ops->leave(s->o, true);
    } else {
        send(s, "");
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

static void leave(GdbStub *s, bool kill)
{
    if (!kill)
        send(s, "OK");
    s->ops->leave(s->o, kill);
}

static void packet(GdbStub *s)
{
    const char *at = s->in + 1;
    uint64_t n;
    switch (s->in[0]) {
    case '?': send(s, s->last); break;
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
    case 'C': resume_one(s, false); break;
    case 's':
    case 'S': resume_one(s, true); break;
    case 'v': v_packet(s, at); break;
    case 'q': query(s, at); break;
    case 'Q': set_mode(s, at); break;
    case 'H': choose_thread(s, at); break;
    case 'T': send_ok(s, get_thread(s, &at, &n) && n); break;
    case 'D': leave(s, false); break;
    case 'k': leave(s, true); break;
    default: send(s, ""); break;
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
        end_packet(s, (uint8_t)((unsigned)digit(s->in[sizeof(s->in) - 1]) << 4 | (unsigned)digit((char)b)));
    }
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
    fmt_printf(&f, "T%02xthread:1;", SIGNAL_TRAP);
}
