#include "system/display/displays.h"
#include "system/vm.h"

#include <string.h>

DisplayHead *displays_add(Vm *vm, const char *id)
{
    DisplayHead *h = g_new0(DisplayHead, 1);
    h->id = g_strdup(id);
    if (!vm->displays)
        vm->displays = g_ptr_array_new();
    g_ptr_array_add(vm->displays, h);
    return h;
}

void displays_remove(Vm *vm, DisplayHead *h)
{
    g_ptr_array_remove(vm->displays, h);
    g_free(h->id);
    g_free(h);
    if (vm->displays->len == 0)
        g_clear_pointer(&vm->displays, g_ptr_array_unref);
}

DisplayHead *displays_find(const Vm *vm, const char *id, GError **err)
{
    for (unsigned k = 0; vm->displays && k < vm->displays->len; k++) {
        DisplayHead *h = vm->displays->pdata[k];
        if (!id || strcmp(h->id, id) == 0)
            return h;
    }
    if (id)
        sys_fail_missing(err, "Device '%s' not found", id);
    else
        sys_fail(err, "There is no console to take a screendump from");
    return NULL;
}
