/* Which board, and whether it has what the options say of it (sys_options.h). */
#include "system/sys_options.h"

#include <string.h>

static const BoardClass *const boards[] = {&riscv_virt_board,   &riscv32_virt_board, &arm_virt_board,
                                           &arm32_virt_board,
#if TINAMOU_X86_GUESTS
                                           &x86_microvm_board,  &x86_pc_board,       &x86_q35_board,
                                           &i386_microvm_board, &i386_pc_board,      &i386_q35_board
#endif
};

const BoardClass *sys_board(unsigned n)
{
    return n < G_N_ELEMENTS(boards) ? boards[n] : NULL;
}

static void list_boards(const SysOptions *o)
{
    printf("Supported machines are:\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(boards); k++)
        if (!o->arch || strcmp(o->arch, boards[k]->isa) == 0)
            printf("%-20s %s (%s)\n", boards[k]->name, boards[k]->help, boards[k]->isa);
}

/* Without -machine: QEMU's commands for PCs have a machine by themselves, those for other ISAs do not. */
static const char *usual_board(const char *isa)
{
    return isa && (strcmp(isa, "x86_64") == 0 || strcmp(isa, "i386") == 0) ? "pc" : NULL;
}

/* QEMU's boards have versions, whose differences no board here has: pc-q35-7.2, pc-i440fx-6.2, virt-8.0. */
static const char *board_called(const char *name)
{
    static const char *const prefixes[][2] = {{"pc-q35-", "q35"}, {"pc-i440fx-", "pc"}, {"virt-", "virt"}};
    for (unsigned k = 0; name && k < G_N_ELEMENTS(prefixes); k++) {
        const size_t n = strlen(prefixes[k][0]);
        if (strncmp(name, prefixes[k][0], n) == 0 && g_ascii_isdigit(name[n]) &&
            strspn(name + n, "0123456789.") == strlen(name + n))
            return prefixes[k][1];
    }
    return name;
}

static bool choose_board(SysOptions *o, GError **err)
{
    const char *names[G_N_ELEMENTS(boards)], *isas[G_N_ELEMENTS(boards)];
    unsigned n = 0;
    o->machine = o->machine ? board_called(o->machine) : usual_board(o->arch);
    if (o->machine && strcmp(o->machine, "help") == 0) {
        list_boards(o);
        o->helped = true;
        return true;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(boards); k++) {
        isas[k] = boards[k]->isa;
        if (o->arch && strcmp(o->arch, boards[k]->isa) != 0)
            continue;
        names[n++] = boards[k]->name;
        if (o->machine && !o->board && strcmp(boards[k]->name, o->machine) == 0)
            o->board = boards[k];
    }
    if (o->board)
        return true;
    if (!n)
        return sys_fail(err, "no machines of '%s'; '%s' has some", o->arch,
                        sys_nearest(o->arch, isas, G_N_ELEMENTS(isas)));
    if (!o->machine)
        return sys_fail(err, "no machine is named; -M %s would be (-M help lists them)",
                        o->arch ? names[0] : "virt -arch riscv64, -M virt -arch aarch64 or -M q35");
    return sys_fail(err, "no machine '%s'; '%s' would be", o->machine, sys_nearest(o->machine, names, n));
}

static void list_board_options(const BoardClass *b)
{
    printf("%s options:\n", b->name);
    for (unsigned k = 0; k < b->n_options; k++)
        printf("  %s=<%s> - %s\n", b->options[k].name, b->options[k].words ? b->options[k].words : "text",
               b->options[k].help);
}

static bool check_board_options(SysOptions *o, GError **err)
{
    const BoardClass *b = o->board;
    const char *names[MACHINE_MAX_OPTIONS] = {"dumpdtb"};
    unsigned known = 1;
    for (unsigned k = 0; k < b->n_options && known < MACHINE_MAX_OPTIONS; k++)
        names[known++] = b->options[k].name;
    for (unsigned k = 0; k < o->n_board_options; k++) {
        const char *name = o->board_option[k].name;
        bool found = false;
        if (strcmp(name, "help") == 0) {
            list_board_options(b);
            o->helped = true;
            return true;
        }
        for (unsigned n = 1; n < known; n++)
            found |= strcmp(names[n], name) == 0;
        if (!found)
            return sys_fail(err, "-machine: no '%s'; '%s' would be", name, sys_nearest(name, names, known));
    }
    return true;
}

bool sys_options_check(SysOptions *o, GError **err)
{
    return choose_board(o, err) && (o->helped || (check_board_options(o, err) && sys_cpu_check(o, err)));
}
