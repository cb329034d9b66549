/* Pictures as files: PPM (Netpbm's P6) and PNG. */
#include "system/display/displays.h"
#include "system/sys_files.h"

#include <png.h>
#include <string.h>

static void to_rgb(const DisplayFrame *f, guint8 *to)
{
    for (size_t k = 0; k < (size_t)f->width * f->height; k++, to += 3) {
        to[0] = (guint8)(f->pixel[k] >> 16);
        to[1] = (guint8)(f->pixel[k] >> 8);
        to[2] = (guint8)f->pixel[k];
    }
}

static bool make_png(const DisplayFrame *f, const guint8 *rgb, GByteArray *to)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = f->width, .height = f->height, .format = PNG_FORMAT_RGB};
    png_alloc_size_t n = 0;
    if (!png_image_write_to_memory(&image, NULL, &n, 0, rgb, 0, NULL))
        return false;
    g_byte_array_set_size(to, (guint)n);
    return png_image_write_to_memory(&image, to->data, &n, 0, rgb, 0, NULL);
}

static void make_ppm(const DisplayFrame *f, const guint8 *rgb, GByteArray *to)
{
    g_autofree char *head = g_strdup_printf("P6\n%u %u\n255\n", f->width, f->height);
    g_byte_array_append(to, (const guint8 *)head, (guint)strlen(head));
    g_byte_array_append(to, rgb, f->width * f->height * 3);
}

bool screendump(DisplayHead *h, const char *path, const char *format, GError **err)
{
    DisplayFrame f = {0};
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    bool ok = h->port.draw && h->port.draw(h->port.device, &f);
    if (!ok)
        return sys_fail(err, "%s shows nothing", h->id);
    g_autofree guint8 *rgb = g_malloc((size_t)f.width * f.height * 3);
    to_rgb(&f, rgb);
    if (strcmp(format, "png") == 0)
        ok = make_png(&f, rgb, bytes) || sys_fail(err, "no PNG can be made of it");
    else
        make_ppm(&f, rgb, bytes);
    display_frame_clear(&f);
    return ok && sys_file_write(path, bytes->data, bytes->len, err);
}
