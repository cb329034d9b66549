#include "hw/core/display.h"

#include <stdlib.h>

bool display_frame_size(DisplayFrame *f, unsigned width, unsigned height)
{
    const size_t need = (size_t)width * height;
    if (!width || !height || width > DISPLAY_MAX_WIDTH || height > DISPLAY_MAX_HEIGHT)
        return false;
    if (need > f->room) {
        uint32_t *p = malloc(need * sizeof(*p));
        if (!p)
            return false;
        free(f->pixel);
        f->pixel = p;
        f->room = need;
    }
    f->width = width;
    f->height = height;
    return true;
}

void display_frame_clear(DisplayFrame *f)
{
    free(f->pixel);
    *f = (DisplayFrame){0};
}
