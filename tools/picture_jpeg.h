#ifndef TOOL_PICTURE_JPEG_H
#define TOOL_PICTURE_JPEG_H

#include "picture.h"

/* *out must be empty. Colour spaces that are not RGB, YCbCr or grey are refused. */
bool jpeg_decode(picture *out, const void *bytes, size_t size, const char *name, int64_t max_pixels);

#endif
