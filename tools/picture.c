#include "picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* What outputs first..first+count-1 of a line take from the input: `weights` are `taps` a piece, in 22-bit fixed point.
 */
typedef struct filter {
  int32_t taps;
  int32_t *starts, *lengths, *weights;
} filter;

enum { FRACTION_BITS = 22 };

static void filter_free(filter *f) {
  free(f->starts);
  free(f->lengths);
  free(f->weights);
}

static void filter_output(filter *f, int32_t i, int32_t input, double centre, double reach) {
  /* Truncation, not floor, as Pillow does: negative positions are clamped next anyway. */
  int32_t start = (int32_t)(centre - reach + 0.5), end = (int32_t)(centre + reach + 0.5);
  if (start < 0) start = 0;
  if (end > input) end = input;
  double sum = 0.0;
  for (int32_t k = start; k < end; k++) {
    double distance = fabs((k - centre + 0.5) * (1.0 / reach));
    sum += distance < 1.0 ? 1.0 - distance : 0.0;
  }
  for (int32_t k = start; k < end; k++) {
    double distance = fabs((k - centre + 0.5) * (1.0 / reach)), weight = distance < 1.0 ? 1.0 - distance : 0.0;
    f->weights[(size_t)i * f->taps + (k - start)] = (int32_t)(0.5 + weight / sum * (1 << FRACTION_BITS));
  }
  f->starts[i] = start;
  f->lengths[i] = end - start;
}

static bool filter_make(filter *f, int32_t input, int32_t output, int32_t first, int32_t count) {
  double scale = (double)input / output, reach = scale < 1.0 ? 1.0 : scale;
  f->taps = (int32_t)ceil(reach) * 2 + 1;
  f->starts = malloc((size_t)count * sizeof *f->starts);
  f->lengths = malloc((size_t)count * sizeof *f->lengths);
  f->weights = calloc((size_t)count * f->taps, sizeof *f->weights);
  if (!f->starts || !f->lengths || !f->weights) return false;
  for (int32_t i = 0; i < count; i++) filter_output(f, i, input, (first + i + 0.5) * scale, reach);
  return true;
}

/* One output line out of input values `step` bytes apart. */
static void filter_line(uint8_t *out, size_t out_step, const uint8_t *in, size_t in_step, const filter *f,
                        int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t *weights = f->weights + (size_t)i * f->taps;
    const uint8_t *from = in + (size_t)f->starts[i] * in_step;
    for (int channel = 0; channel < 3; channel++) {
      int32_t sum = 1 << (FRACTION_BITS - 1);
      for (int32_t k = 0; k < f->lengths[i]; k++) sum += from[(size_t)k * in_step + channel] * weights[k];
      sum >>= FRACTION_BITS;
      out[(size_t)i * out_step + channel] = (uint8_t)(sum > 255 ? 255 : sum);
    }
  }
}

/* Rows first, only those that the columns will read. */
static bool resize_with(picture *out, const picture *in, const filter *across, const filter *down,
                        picture_window window) {
  int32_t last = window.height - 1, top = down->starts[0], bottom = down->starts[last] + down->lengths[last];
  size_t row = (size_t)window.width * 3;
  uint8_t *between = calloc((size_t)(bottom - top), row);
  out->rgb = malloc(row * (size_t)window.height);
  if (between && out->rgb) {
    for (int32_t y = top; y < bottom; y++)
      filter_line(between + (size_t)(y - top) * row, 3, in->rgb + (size_t)y * in->width * 3, 3, across, window.width);
    for (int32_t i = 0; i < window.height; i++) down->starts[i] -= top;
    for (int32_t x = 0; x < window.width; x++)
      filter_line(out->rgb + (size_t)x * 3, row, between + (size_t)x * 3, row, down, window.height);
  }
  free(between);
  out->width = window.width;
  out->height = window.height;
  return out->rgb != NULL;
}

bool picture_resize(picture *out, const picture *in, int32_t width, int32_t height, picture_window window) {
  memset(out, 0, sizeof *out);
  if (width < 1 || height < 1 || window.x < 0 || window.y < 0 || window.width < 1 || window.height < 1 ||
      window.x > width - window.width || window.y > height - window.height)
    return complain("a window of %dx%d does not fit a picture of %dx%d", window.width, window.height, width, height);
  if ((int64_t)window.width * window.height > 1 << 27)
    return complain("a picture of %dx%d is too large", width, height);
  filter across = {0}, down = {0};
  bool done = filter_make(&across, in->width, width, window.x, window.width) &&
              filter_make(&down, in->height, height, window.y, window.height) &&
              resize_with(out, in, &across, &down, window);
  filter_free(&across);
  filter_free(&down);
  return done || complain("out of memory for a picture of %dx%d", width, height);
}

/* Half to even, as Python's round, which torchvision's CenterCrop uses. */
static int32_t margin(int32_t size, int32_t crop) {
  int32_t twice = size - crop;
  return twice / 2 + ((twice & 1) && (twice / 2 & 1));
}

bool picture_fit(picture *out, const picture *in, const preprocessing *how) {
  int64_t width = how->crop_w, height = how->crop_h, resize = how->resize;
  if (resize > 0) {
    bool tall = in->height > in->width;
    width = tall ? resize : resize * in->width / in->height;
    height = tall ? resize * in->height / in->width : resize;
    if (width < how->crop_w) { /* the crop is wider than the picture's proportions allow */
      height = (height * how->crop_w + width / 2) / width;
      width = how->crop_w;
    }
    if (height < how->crop_h) {
      width = (width * how->crop_h + height / 2) / height;
      height = how->crop_h;
    }
  }
  if (width > INT32_MAX / 4 || height > INT32_MAX / 4)
    return complain("a picture of %dx%d is too long and thin to be resized", in->width, in->height);
  picture_window window = {margin((int32_t)width, how->crop_w), margin((int32_t)height, how->crop_h), how->crop_w,
                           how->crop_h};
  return picture_resize(out, in, (int32_t)width, (int32_t)height, window);
}

void picture_normalise(float *out, const picture *p, const preprocessing *how, int32_t channels, bool channels_first) {
  size_t pixels = (size_t)p->width * p->height;
  for (size_t i = 0; i < pixels; i++) {
    const uint8_t *rgb = p->rgb + i * 3;
    if (channels == 1) { /* ITU-R 601 luminance in 16-bit fixed point, as Pillow's mode L */
      uint32_t grey = (19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16;
      out[i] = ((float)grey / 255.0f - how->mean[0]) / how->std[0];
      continue;
    }
    for (int c = 0; c < 3; c++) {
      int place = how->bgr ? 2 - c : c;
      float value = ((float)rgb[c] / 255.0f - how->mean[c]) / how->std[c];
      out[channels_first ? (size_t)place * pixels + i : i * 3 + place] = value;
    }
  }
}
