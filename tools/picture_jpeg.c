/* JPEG by libjpeg, where it was found: the same decoder as Pillow's, so that the same bits come out. */
#include "picture_jpeg.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "message.h"

typedef struct failing {
  struct jpeg_error_mgr manager; /* first: libjpeg hands out its address */
  jmp_buf back;
  const char *name;
} failing;

static void fail(j_common_ptr info) {
  failing *f = (failing *)info->err;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  complain("%s: the picture cannot be decoded: %s", f->name, text);
  longjmp(f->back, 1);
}

/* Truncated or damaged data is only a warning to libjpeg, which would fill up with grey. */
static void warn(j_common_ptr info, int level) {
  int code = info->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)) fail(info);
}

static bool fits(const struct jpeg_decompress_struct *info, int64_t max_pixels) {
  return (int64_t)info->output_width * info->output_height <= max_pixels;
}

static bool read_rows(struct jpeg_decompress_struct *info, picture *out) {
  out->width = (int32_t)info->output_width;
  out->height = (int32_t)info->output_height;
  out->rgb = malloc((size_t)out->width * out->height * 3);
  if (!out->rgb) return complain("out of memory for a picture of %dx%d", out->width, out->height);
  while (info->output_scanline < info->output_height) {
    JSAMPROW row = out->rgb + (size_t)info->output_scanline * out->width * 3;
    jpeg_read_scanlines(info, &row, 1);
  }
  return true;
}

bool jpeg_decode(picture *out, const void *bytes, size_t size, const char *name, int64_t max_pixels) {
  struct jpeg_decompress_struct info;
  failing errors = {.name = name};
  memset(&info, 0, sizeof info);
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = fail;
  errors.manager.emit_message = warn;
  if (setjmp(errors.back)) {
    jpeg_destroy_decompress(&info);
    picture_free(out);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, (unsigned long)size);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&info);
  bool good = fits(&info, max_pixels) ||
              complain("%s: a picture of %ux%u is more than sepcl takes", name, info.output_width, info.output_height);
  good = good && jpeg_start_decompress(&info) && read_rows(&info, out) && jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  if (!good) picture_free(out);
  return good;
}
