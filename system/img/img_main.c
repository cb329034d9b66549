/* main() of tinamou-img: disk images. Commands and options are those of qemu-img. */
#include "system/img/img.h"

#include <errno.h>
#include <string.h>

typedef struct CommandRow {
    const char *name, *letters, *args, *help;
    unsigned least, most; /* names */
    ImgFn *run;
} CommandRow;

static const CommandRow commands[] = {
    {"check", "f:r:qpU", "[-f FMT] [--output=FMT] [-r leaks|all] [-q] FILE", "look for errors and leaks", 1,
     1, img_check},
    {"compare", "f:F:pqs", "[-f FMT] [-F FMT] FILE1 FILE2", "do two images have the same content?", 2, 2,
     img_compare},
    {"convert", "f:O:o:B:F:S:cpqnm:W",
     "[-c] [-p] [-f FMT] [-O FMT] [-o OPTIONS] [-B BACKING [-F FMT]] FILE... OUT", "copy into another format",
     2, 64, img_convert},
    {"create", "f:o:b:F:qu", "[-f FMT] [-b BACKING [-F FMT]] [-o OPTIONS] FILE [SIZE]", "make an image", 1, 2,
     img_create},
    {"commit", "f:pqd", "[-f FMT] [-p] [-q] [-d] FILE",
     "what an image has goes to its backing file (-d: and stays in it)", 1, 1, img_commit},
    {"info", "f:U", "[-f FMT] [--output=human|json] [--backing-chain] FILE", "tell about an image", 1, 1,
     img_info},
    {"map", "f:U", "[-f FMT] [--output=human|json] FILE", "where its data stand", 1, 1, img_map},
    {"rebase", "f:b:F:puq", "[-f FMT] [-u] -b BACKING [-F FMT] FILE",
     "another backing file, the content being the same (-u: only the name)", 1, 1, img_rebase},
    {"resize", "f:q", "[-f FMT] [--shrink] FILE [+|-]SIZE", "change the size", 2, 2, img_resize},
    {"snapshot", "la:c:d:f:qU", "-l | -c NAME | -a NAME | -d NAME FILE",
     "list, make, go back to, delete snapshots", 1, 1, img_snapshot},
};

static void help(FILE *to)
{
    fprintf(to, "usage: tinamou-img COMMAND [options]\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(commands); k++)
        fprintf(to, "  %s %s\n      %s\n", commands[k].name, commands[k].args, commands[k].help);
    fprintf(
        to,
        "-o takes KEY=VALUE,..: size, backing_file, backing_fmt, cluster_size, compat, compression_type,\n"
        "lazy_refcounts, preallocation (off, metadata), refcount_bits.\n");
}

int img_fail(GError *err)
{
    fprintf(stderr, "tinamou-img: %s\n", err->message);
    g_error_free(err);
    return 1;
}

static bool long_option(ImgArgs *a, const char *name, GError **err)
{
    if (g_str_has_prefix(name, "output="))
        a->output = name + strlen("output=");
    else if (strcmp(name, "backing-chain") == 0)
        a->chain = true;
    else if (strcmp(name, "shrink") == 0)
        a->shrink = true;
    else if (strcmp(name, "force-share") != 0)
        return sys_fail(err, "no option --%s", name);
    return true;
}

static bool set_letter(ImgArgs *a, const CommandRow *c, char letter, const char *value, GError **err)
{
    switch (letter) {
    case 'f': a->format = value; return true;
    case 'O': a->out_format = value; return true;
    case 'F': a->backing_format = value; return true;
    case 'B':
    case 'b': a->backing = value; return true;
    case 'o': g_ptr_array_add(a->options, (char *)(uintptr_t)value); return true;
    case 'r': a->repair = value; return true;
    case 'S': return parse_size(value, &a->sparse) || sys_fail(err, "-S: no size '%s'", value);
    case 'c':
    case 'a':
    case 'd':
        if (c->run == img_snapshot) {
            a->snapshot_act = letter;
            a->snapshot = value;
        }
        a->compress |= letter == 'c';
        a->delete |= letter == 'd';
        return true;
    case 'p': a->progress = true; return true;
    case 'q': a->quiet = true; return true;
    case 'n': a->no_create = true; return true;
    case 'l': a->list = true; return true;
    case 'u': a->unsafe = true; return true;
    default: return true; /* accepted */
    }
}

static bool parse(ImgArgs *a, const CommandRow *c, int argc, char **argv, GError **err)
{
    for (int k = 2; k < argc; k++) {
        const char *s = argv[k];
        if (s[0] != '-' || !s[1]) {
            g_ptr_array_add(a->names, argv[k]);
            continue;
        }
        if (s[1] == '-') {
            if (!s[2]) { /* names only from here on */
                while (++k < argc)
                    g_ptr_array_add(a->names, argv[k]);
                break;
            }
            if (!long_option(a, s + 2, err))
                return false;
            continue;
        }
        for (s++; *s; s++) {
            const char *row = *s == ':' ? NULL : strchr(c->letters, *s);
            const char *value = NULL;
            if (!row && c->run == img_resize && g_ascii_isdigit(*s)) { /* "-10M" */
                g_ptr_array_add(a->names, argv[k]);
                break;
            }
            if (!row)
                return sys_fail(err, "%s: no option -%c", c->name, *s);
            if (row[1] == ':') {
                value = s[1] ? s + 1 : ++k < argc ? argv[k] : NULL;
                if (!value)
                    return sys_fail(err, "%s: -%c wants something behind it", c->name, *row);
            }
            if (!set_letter(a, c, *row, value, err))
                return false;
            if (value)
                break;
        }
    }
    if (a->names->len < c->least || a->names->len > c->most)
        return sys_fail(err, "usage: tinamou-img %s %s", c->name, c->args);
    return true;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *names[G_N_ELEMENTS(commands)];
    GError *err = NULL;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        printf("tinamou-img version %s\n", TINAMOU_VERSION);
        return 0;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(commands); k++) {
        names[k] = commands[k].name;
        if (strcmp(name, commands[k].name) != 0)
            continue;
        ImgArgs a = {.options = g_ptr_array_new(), .names = g_ptr_array_new(), .sparse = 4096};
        int status = parse(&a, &commands[k], argc, argv, &err) ? commands[k].run(&a) : img_fail(err);
        g_ptr_array_unref(a.options);
        g_ptr_array_unref(a.names);
        return status;
    }
    sys_fail(&err, "no command '%s'; '%s' would be", name, sys_nearest(name, names, G_N_ELEMENTS(names)));
    return img_fail(err);
}

int main(int argc, char **argv)
{
    sys_hold_std_fds();
    int status = run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "tinamou-img: standard output: %s\n", g_strerror(errno));
    return status ? status : 1; /* an answer that is cut off is none */
}
