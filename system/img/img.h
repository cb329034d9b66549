/* tinamou-img: what its commands share. One thread. */
#ifndef SYSTEM_IMG_IMG_H
#define SYSTEM_IMG_IMG_H

#include "system/block/qcow2.h"

#include <stdio.h>

/* Options of one letter, as the commands have them. */
typedef struct ImgArgs {
    const char *format, *out_format, *output, *backing, *backing_format, *repair;
    GPtrArray *options; /* of -o */
    GPtrArray *names;   /* what is no option */
    bool progress, compress, quiet, chain, list, unsafe, shrink, no_create, delete;
    char snapshot_act; /* c, a, d; 0: list */
    const char *snapshot;
    uint64_t sparse; /* -S */
} ImgArgs;

typedef int ImgFn(ImgArgs *a);

int img_create(ImgArgs *a);
int img_convert(ImgArgs *a);
int img_info(ImgArgs *a);
int img_check(ImgArgs *a);
int img_resize(ImgArgs *a);
int img_snapshot(ImgArgs *a);
int img_compare(ImgArgs *a);
int img_map(ImgArgs *a);
int img_commit(ImgArgs *a);
int img_rebase(ImgArgs *a);
int img_change_snapshots(ImgArgs *a); /* by snapshot_act */

/* "tinamou-img: " + text; 1. Frees err. */
int img_fail(GError *err);
BlockNode *img_open(const ImgArgs *a, const char *path, const char *format, bool read_only, bool repair,
                    GError **err);
/* A new image by -o; bytes may come from its keys (size=). */
bool img_make(const ImgArgs *a, const char *path, const char *format, uint64_t bytes, GError **err);
bool img_wants_json(const ImgArgs *a);
void img_progress(const ImgArgs *a, uint64_t done, uint64_t all);
/* Zeroes behind the end; n NULL: zeroes. */
int img_read_padded(BlockNode *n, uint64_t at, uint8_t *to, size_t bytes);
/* "64 KiB", "1.5 GiB" */
char *img_size_text(uint64_t bytes);

#endif
