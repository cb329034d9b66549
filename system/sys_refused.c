#include "system/sys_refused.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *name, *instead;
} options[] = {
    {"acpitable", "the board's ACPI tables are all there are"},
    {"add-fd", "-netdev and -chardev take descriptors by fd="},
    {"alt-grab", "there is no window; -vnc shows the screen"},
    {"audio", "there is no sound"},
    {"balloon", "-device virtio-balloon-pci"},
    {"chroot", "-sandbox on keeps the machine from files it has not opened"},
    {"curses", "-nographic, or -vnc"},
    {"fda", "there are no floppies; -drive and -cdrom"},
    {"fdb", "there are no floppies; -drive and -cdrom"},
    {"fsdev", "there are no shared folders; tftp= of -netdev user, or a disk"},
    {"full-screen", "there is no window; -vnc shows the screen"},
    {"g", "-device VGA,xres=,yres="},
    {"icount", "the guest's time is the host's"},
    {"localtime", "-rtc base=localtime"},
    {"mem-path", "-object memory-backend-file,id=I,mem-path=F,size=S -machine memory-backend=I"},
    {"mem-prealloc", "memory is taken as the guest uses it"},
    {"mtdblock", "-drive if=pflash"},
    {"numa", "there is one node"},
    {"plugin", "-d exec, -trace, -perfmap and -gdb show what runs"},
    {"readconfig", "options come on the command line only"},
    {"redir", "hostfwd= of -netdev user or -nic user"},
    {"runas", "start it as that user"},
    {"sd", "-drive if=virtio"},
    {"sdl", "there is no window; -vnc shows the screen"},
    {"set", "-device ID takes all its properties at once"},
    {"singlestep", "-d nochain, or -accel interp"},
    {"soundhw", "there is no sound"},
    {"spice", "-vnc shows the screen"},
    {"tb-size", "-accel tcg,tb-size=MiB"},
    {"tpmdev", "there is no TPM"},
    {"virtfs", "there are no shared folders; tftp= of -netdev user, or a disk"},
    {"watchdog", "there is no watchdog"},
};

const char *sys_refused(const char *name)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++)
        if (strcmp(options[k].name, name) == 0)
            return options[k].instead;
    return NULL;
}
