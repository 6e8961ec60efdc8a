/* Photographs as networks want them: decoded, resized, cropped, normalised. */
#ifndef TOOL_PICTURE_H
#define TOOL_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 8-bit RGB, rows from the top without gaps. */
typedef struct picture {
  int32_t width, height;
  uint8_t *rgb;
} picture;

/* JPEG, PNG, BMP, GIF (its first frame), PNM, TGA and PSD; transparency is dropped, grey becomes RGB. */
bool picture_load(picture *out, const char *path);
bool picture_decode(picture *out, const void *bytes, size_t size, const char *name);
void picture_free(picture *p);

typedef struct picture_window {
  int32_t x, y, width, height;
} picture_window;

/* Resizes `in` to width x height and keeps the window of that: Pillow's antialiased bilinear filter (a triangle as wide
 * as the reduction), in fixed point, columns after rows, rounded to 8 bits between the two. */
bool picture_resize(picture *out, const picture *in, int32_t width, int32_t height, picture_window window);

typedef struct preprocessing {
  int32_t resize;         /* the shorter side's length; 0: the crop's size at once, whatever the proportions */
  int32_t crop_h, crop_w; /* what is kept of the middle */
  float mean[3], std[3];  /* of red, green, blue in 0 to 1: (value / 255 - mean) / std */
  bool bgr;               /* blue first */
} preprocessing;

/* Resizes the shorter side and crops the middle, as torchvision's Resize and CenterCrop do. */
bool picture_fit(picture *out, const picture *in, const preprocessing *how);

/* Normalised values as [channels][height][width] or [height][width][channels]. `channels` is 3, or 1: luminance. */
void picture_normalise(float *out, const picture *p, const preprocessing *how, int32_t channels, bool channels_first);

#endif
