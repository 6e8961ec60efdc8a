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

enum { stream_buffer = sizeof((stbi__context *)0)->buffer_start };

static const int64_t max_pixels = (int64_t)1 << 27;

/* The file as stb_image's stream. stb takes some formats' missing bytes for zeros: `cut` says that it wanted more. */
typedef struct stream {
  const unsigned char *bytes;
  size_t size, at;
  bool cut;
} stream;

static int stream_read(void *user, char *data, int wanted) {
  stream *s = user;
  size_t left = s->size - s->at, got = left < (size_t)wanted ? left : (size_t)wanted;
  memcpy(data, s->bytes + s->at, got);
  s->at += got;
  /* The buffer's refills may end early; whole rows, and a refill of nothing, may not. */
  s->cut = s->cut || !got || (got < (size_t)wanted && wanted != stream_buffer);
  return (int)got;
}

static void stream_skip(void *user, int count) {
  stream *s = user;
  if (count < 0)
    s->at -= (size_t)-count < s->at ? (size_t)-count : s->at;
  else
    s->at += (size_t)count < s->size - s->at ? (size_t)count : s->size - s->at;
}

static int stream_end(void *user) {
  const stream *s = user;
  return s->at == s->size;
}

/* Its formats but one are right: PNM's 16-bit samples have their bytes in the other order. */
static bool wrong_in_stb(const unsigned char *bytes, int size) {
  return bytes[0] == 'P' && stbi_is_16_bit_from_memory(bytes, size);
}

bool picture_decode(picture *out, const void *bytes, size_t size, const char *name) {
  memset(out, 0, sizeof *out);
#ifdef TOOL_HAVE_JPEG
  if (size > 3 && !memcmp(bytes, "\xFF\xD8\xFF", 3)) return jpeg_decode(out, bytes, size, name, max_pixels);
#endif
  int width, height, channels;
  if (size > INT_MAX || !stbi_info_from_memory(bytes, (int)size, &width, &height, &channels))
    return complain("%s is no picture that sepcl reads (JPEG, PNG, BMP, GIF, PNM, TGA, PSD)", name);
  if (width < 1 || height < 1) return complain("%s: a picture of %dx%d has no pixels", name, width, height);
  if ((int64_t)width * height > max_pixels)
    return complain("%s: a picture of %dx%d is more than sepcl takes", name, width, height);
  if (wrong_in_stb(bytes, (int)size)) return complain("%s: PNM with 16 bits a sample is not read; 8 bits are", name);
  static const stbi_io_callbacks callbacks = {stream_read, stream_skip, stream_end};
  stream s = {bytes, size, 0, false};
  out->rgb = stbi_load_from_callbacks(&callbacks, &s, &width, &height, &channels, 3);
  if (out->rgb && s.cut) picture_free(out);
  if (!out->rgb) return complain("%s: the picture is %s", name, s.cut ? "cut short" : "damaged");
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
