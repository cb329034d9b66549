/* The line editor of the monitor. It knows no terminal but one that understands what a VT100 does. */
#include "system/monitor/hmp.h"

#include <string.h>

enum { LINE_MOST = 4096, HISTORY_MOST = 64 };

struct HmpConsole {
    CharFront front;
    Hmp hmp;
    GString *line;
    size_t cursor;
    GPtrArray *history;
    unsigned shown;  /* index into it; its length: a new line */
    unsigned escape; /* how much of ESC [ was seen */
    bool greeted, last_cr;
};

static const char prompt[] = "(qemu) ";

static void put(HmpConsole *m, const char *text, size_t n)
{
    m->front.port.write(m->front.port.backend, (const uint8_t *)text, n);
}

static void put_text(HmpConsole *m, const char *text)
{
    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        put(m, text, (size_t)(nl - text));
        put(m, "\r\n", 2);
    }
    put(m, text, strlen(text));
}

/* The line anew from column 0. */
static void redraw(HmpConsole *m)
{
    g_autofree char *back = g_strdup_printf("\033[%zuD", m->line->len - m->cursor);
    put_text(m, "\r\033[K");
    put_text(m, prompt);
    put(m, m->line->str, m->line->len);
    if (m->cursor < m->line->len)
        put_text(m, back);
}

static void set_line(HmpConsole *m, const char *text)
{
    g_string_assign(m->line, text);
    m->cursor = m->line->len;
    redraw(m);
}

static void show_history(HmpConsole *m, unsigned n)
{
    if (n > m->history->len)
        return;
    m->shown = n;
    set_line(m, n < m->history->len ? m->history->pdata[n] : "");
}

static void remember(HmpConsole *m)
{
    const char *last = m->history->len ? m->history->pdata[m->history->len - 1] : NULL;
    if (m->line->len && (!last || strcmp(last, m->line->str) != 0))
        g_ptr_array_add(m->history, g_strdup(m->line->str));
    if (m->history->len > HISTORY_MOST)
        g_ptr_array_remove_index(m->history, 0);
    m->shown = m->history->len;
}

static void enter(HmpConsole *m)
{
    put(m, "\r\n", 2);
    remember(m);
    g_autofree char *line = g_strdup(m->line->str);
    g_string_truncate(m->line, 0);
    m->cursor = 0;
    g_string_truncate(m->hmp.out, 0);
    hmp_run(&m->hmp, line);
    put_text(m, m->hmp.out->str);
    put_text(m, prompt);
}

/* Completes the last word if it is the first or stands behind `info` or `help`. */
static void complete(HmpConsole *m)
{
    const char *space = strrchr(m->line->str, ' '), *word = space ? space + 1 : m->line->str;
    bool info = g_str_has_prefix(m->line->str, "info ");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    hmp_complete(word, info, names);
    if (names->len == 1) {
        g_string_append(m->line, (const char *)names->pdata[0] + strlen(word));
        g_string_append_c(m->line, ' ');
    } else if (names->len > 1) {
        put_text(m, "\n");
        for (unsigned k = 0; k < names->len; k++) {
            put_text(m, names->pdata[k]);
            put_text(m, k + 1 < names->len ? " " : "\n");
        }
    }
    m->cursor = m->line->len;
    redraw(m);
}

static void arrow(HmpConsole *m, uint8_t key)
{
    switch (key) {
    case 'A':
        if (m->shown)
            show_history(m, m->shown - 1);
        break;
    case 'B': show_history(m, m->shown + 1); break;
    case 'C': m->cursor = MIN(m->cursor + 1, m->line->len); break;
    case 'D': m->cursor -= m->cursor > 0; break;
    case 'H': m->cursor = 0; break;
    case 'F': m->cursor = m->line->len; break;
    default: break;
    }
    redraw(m);
}

static void erase(HmpConsole *m, size_t from, size_t to)
{
    g_string_erase(m->line, (gssize)from, (gssize)(to - from));
    m->cursor = from;
    redraw(m);
}

static void insert(HmpConsole *m, uint8_t key)
{
    if (m->line->len >= LINE_MOST)
        return;
    g_string_insert_c(m->line, (gssize)m->cursor++, (char)key);
    if (m->cursor == m->line->len)
        put(m, (const char *)&key, 1);
    else
        redraw(m);
}

enum {
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_E = 5,
    CTRL_F = 6,
    BACKSPACE = 8,
    TAB = 9,
    CTRL_K = 11,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_U = 21,
    CTRL_W = 23,
    ESC = 27,
    DEL = 127
};

static void control(HmpConsole *m, uint8_t key)
{
    size_t word = m->cursor;
    switch (key) {
    case BACKSPACE:
    case DEL:
        if (m->cursor)
            erase(m, m->cursor - 1, m->cursor);
        break;
    case CTRL_D:
        if (m->cursor < m->line->len)
            erase(m, m->cursor, m->cursor + 1);
        break;
    case CTRL_C:
    case CTRL_U: erase(m, 0, key == CTRL_C ? m->line->len : m->cursor); break;
    case CTRL_K: erase(m, m->cursor, m->line->len); break;
    case CTRL_W:
        while (word && m->line->str[word - 1] == ' ')
            word--;
        while (word && m->line->str[word - 1] != ' ')
            word--;
        erase(m, word, m->cursor);
        break;
    case CTRL_B: arrow(m, 'D'); break;
    case CTRL_F: arrow(m, 'C'); break;
    case CTRL_E: arrow(m, 'F'); break;
    case CTRL_P: arrow(m, 'A'); break;
    case CTRL_N: arrow(m, 'B'); break;
    case TAB: complete(m); break;
    case ESC: m->escape = 1; break;
    default: break;
    }
}

static void one_key(HmpConsole *m, uint8_t key)
{
    bool after_cr = m->last_cr;
    m->last_cr = key == '\r';
    if (m->escape) {
        m->escape = m->escape == 1 && (key == '[' || key == 'O') ? 2 : 0;
        if (!m->escape)
            arrow(m, key);
        return;
    }
    if (key == '\r' || key == '\n') {
        if (key == '\r' || !after_cr)
            enter(m);
    } else if (key >= ' ' && key != DEL) {
        insert(m, key);
    } else {
        control(m, key);
    }
}

static size_t console_can_take(void *opaque)
{
    return 256;
}

static void console_take(void *opaque, const uint8_t *bytes, size_t n)
{
    HmpConsole *m = opaque;
    for (size_t k = 0; k < n; k++)
        one_key(m, bytes[k]);
}

static void greet(HmpConsole *m)
{
    if (!m->greeted)
        put_text(m, "Tinamou " TINAMOU_VERSION " monitor - type 'help' for more information\n");
    m->greeted = true;
    put_text(m, prompt);
    put(m, m->line->str, m->line->len);
}

static void console_event(void *opaque, CharEvent e)
{
    HmpConsole *m = opaque;
    switch (e) {
    case CHAR_OPENED:
        if (chardev_in_focus(&m->front)) {
            m->greeted = false;
            g_string_truncate(m->line, 0);
            m->cursor = 0;
            greet(m);
        }
        break;
    case CHAR_FOCUS: greet(m); break;
    case CHAR_UNFOCUS: put_text(m, "\n"); break;
    default: break;
    }
}

HmpConsole *hmp_console_new(Vm *vm, Chardev *c, GError **err)
{
    HmpConsole *m = g_new0(HmpConsole, 1);
    m->line = g_string_new(NULL);
    m->history = g_ptr_array_new_with_free_func(g_free);
    m->hmp = (Hmp){.vm = vm, .out = g_string_new(NULL)};
    m->front.port.device = m;
    m->front.port.can_take = console_can_take;
    m->front.port.take = console_take;
    m->front.port.event = console_event;
    if (!chardev_attach(c, &m->front, "monitor", err)) {
        hmp_console_free(m);
        return NULL;
    }
    return m;
}

void hmp_console_free(HmpConsole *m)
{
    chardev_detach(&m->front);
    g_string_free(m->line, TRUE);
    g_string_free(m->hmp.out, TRUE);
    g_ptr_array_unref(m->history);
    g_free(m);
}
