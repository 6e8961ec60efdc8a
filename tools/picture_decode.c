/* The only file that sees stb_image: its warnings are not ours. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "message.h"
#include "picture.h"
#ifdef TOOL_HAVE_JPEG
#include "picture_jpeg.h"
#endif

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_MAX_DIMENSIONS 65535
#include <stb_image.h>

static const int64_t max_pixels = (int64_t)1 << 27;

bool picture_decode(picture *out, const void *bytes, size_t size, const char *name) {
  memset(out, 0, sizeof *out);
#ifdef TOOL_HAVE_JPEG
  if (size > 3 && !memcmp(bytes, "\xFF\xD8\xFF", 3)) return jpeg_decode(out, bytes, size, name, max_pixels);
#endif
  int width, height, channels;
  if (size > INT_MAX || !stbi_info_from_memory(bytes, (int)size, &width, &height, &channels))
    return complain("%s is no picture that sepcl reads (JPEG, PNG, BMP, GIF, PNM, TGA, PSD)", name);
  if (width < 1 || height < 1 || (int64_t)width * height > max_pixels)
    return complain("%s: a picture of %dx%d is more than sepcl takes", name, width, height);
  out->rgb = stbi_load_from_memory(bytes, (int)size, &width, &height, &channels, 3);
  if (!out->rgb) return complain("%s: the picture cannot be decoded: %s", name, stbi_failure_reason());
  out->width = width;
  out->height = height;
  return true;
}

bool picture_load(picture *out, const char *path) {
  memset(out, 0, sizeof *out);
  size_t size;
  void *bytes = file_read(path, (size_t)1 << 30, &size);
  if (!bytes) return false;
  bool decoded = size ? picture_decode(out, bytes, size, path) : complain("%s is empty", path);
  free(bytes);
  return decoded;
}

void picture_free(picture *p) {
  free(p->rgb);
  memset(p, 0, sizeof *p);
}
