/* The resize against Pillow's own bits (hashes made by tests/conformance-picture --golden), decoding, cropping. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "picture.h"

/* A picture without pattern; tests/conformance-picture makes the same. */
static picture made(int32_t width, int32_t height, uint64_t seed) {
  picture p = {width, height, malloc((size_t)width * height * 3)};
  ck_assert_ptr_nonnull(p.rgb);
  for (uint64_t i = 0; i < (uint64_t)width * height * 3; i++)
    p.rgb[i] = (uint8_t)(((i / 7 * 97 + i * i * (seed + 3)) * 2654435761u & 0xFFFFFFFFu) >> 24);
  return p;
}

static uint32_t hash(const picture *p) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < (size_t)p->width * p->height * 3; i++) h = (h ^ p->rgb[i]) * 16777619u;
  return h;
}

static const struct {
  int32_t width, height, to_width, to_height;
  uint32_t hash;
} resizes[] = {
    {7, 5, 3, 4, 0xc29b7166u},        {640, 427, 383, 256, 0x1218d54du}, {33, 50, 256, 387, 0x4d70a641u},
    {1, 1, 9, 4, 0x9c1339a5u},        {4, 300, 2, 17, 0xbc0a2ea7u},      {300, 4, 17, 2, 0x18ebe930u},
    {100, 100, 100, 37, 0xaa6502e3u}, {100, 100, 37, 100, 0xc4e3bee9u},  {99, 61, 98, 62, 0x0f9e66fcu},
    {1000, 3, 5, 3, 0x86c2ca91u},     {256, 256, 224, 224, 0xa69db700u}, {24, 24, 240, 241, 0x2d9f9392u},
};

START_TEST(resizes_as_pillow) {
  picture in = made(resizes[_i].width, resizes[_i].height, (uint64_t)_i), out;
  picture_window all = {0, 0, resizes[_i].to_width, resizes[_i].to_height};
  ck_assert(picture_resize(&out, &in, all.width, all.height, all));
  ck_assert_uint_eq(hash(&out), resizes[_i].hash);
  picture_free(&out);
  in.rgb[0] ^= 128; /* the control: one input value changes the output, except where its weight is 0 */
  ck_assert(picture_resize(&out, &in, all.width, all.height, all));
  ck_assert_uint_ne(hash(&out), resizes[_i].hash);
  picture_free(&out);
  picture_free(&in);
}
END_TEST

START_TEST(window_is_part_of_the_whole) {
  picture in = made(61, 83, 5), whole, part;
  picture_window all = {0, 0, 40, 29}, some = {7, 11, 20, 9};
  ck_assert(picture_resize(&whole, &in, 40, 29, all));
  ck_assert(picture_resize(&part, &in, 40, 29, some));
  for (int y = 0; y < some.height; y++)
    ck_assert_mem_eq(part.rgb + (size_t)y * some.width * 3, whole.rgb + ((size_t)(y + some.y) * 40 + some.x) * 3,
                     (size_t)some.width * 3);
  picture_free(&whole);
  picture_free(&part);
  picture_window outside[] = {{0, 0, 41, 29}, {30, 0, 11, 29}, {-1, 0, 3, 3}, {0, 0, 0, 3}, {0, 2147483647, 1, 2}};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
    ck_assert(!picture_resize(&part, &in, 40, 29, outside[i]));
  picture_free(&in);
}
END_TEST

static const struct {
  int32_t width, height, resize, crop;
  uint64_t seed;
  uint32_t hash;
} fits[] = {
    {640, 427, 256, 224, 20, 0xf03cd282u}, /* a margin of 79.5 columns becomes 80 */
    {100, 333, 64, 57, 21, 0x87012d31u},   /* 3.5 becomes 4 */
    {51, 50, 33, 32, 22, 0x2fede53eu},     /* 0.5 becomes 0 */
};

START_TEST(crops_as_torchvision) {
  picture in = made(fits[_i].width, fits[_i].height, fits[_i].seed), out;
  preprocessing how = {.resize = fits[_i].resize, .crop_h = fits[_i].crop, .crop_w = fits[_i].crop};
  ck_assert(picture_fit(&out, &in, &how));
  ck_assert_uint_eq(hash(&out), fits[_i].hash);
  picture_free(&out);
  picture_free(&in);
}
END_TEST

START_TEST(fits_crops_of_other_proportions) {
  picture in = made(10, 90, 1), out;
  preprocessing wide = {.resize = 16, .crop_h = 48, .crop_w = 192}, stretched = {.crop_h = 48, .crop_w = 192};
  ck_assert(picture_fit(&out, &in, &wide));
  ck_assert_int_eq(out.width, 192);
  ck_assert_int_eq(out.height, 48);
  uint32_t cropped = hash(&out);
  picture_free(&out);
  ck_assert(picture_fit(&out, &in, &stretched));
  ck_assert_uint_ne(hash(&out), cropped);
  picture_free(&out);
  picture_free(&in);
  picture thread = made(1, 65000, 1);
  preprocessing long_one = {.resize = 65000, .crop_h = 8, .crop_w = 8};
  ck_assert(!picture_fit(&out, &thread, &long_one));
  picture_free(&thread);
}
END_TEST

/* 2 x 3 pixels, written by Pillow. */
static const uint8_t png[] = {137, 80,  78,  71, 13, 10,  26,  10,  0,   0,   0,   13,  73,  72,  68,  82,  0,   0,
                              0,   2,   0,   0,  0,  3,   8,   2,   0,   0,   0,   54,  136, 73,  214, 0,   0,   0,
                              29,  73,  68,  65, 84, 120, 218, 99,  248, 207, 192, 192, 240, 159, 129, 129, 129, 225,
                              63,  151, 136, 28, 3,  35,  19,  243, 175, 223, 127, 0,   54,  234, 6,   49,  153, 246,
                              134, 38,  0,   0,  0,  0,   73,  69,  78,  68,  174, 66,  96,  130};
static const uint8_t png_pixels[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 1, 2, 3, 250, 251, 252};

/* 7 x 9 grey pixels, written by Pillow, and what it reads of them. */
static const uint8_t jpeg[] = {
    255, 216, 255, 224, 0,   16, 74, 70, 73, 70, 0,  1,  1,  0,  0,   1,   0,   1,   0,   0,   255, 219, 0,  67, 0,
    13,  9,   10,  11,  10,  8,  13, 11, 10, 11, 14, 14, 13, 15, 19,  32,  21,  19,  18,  18,  19,  39,  28, 30, 23,
    32,  46,  41,  49,  48,  46, 41, 45, 44, 51, 58, 74, 62, 51, 54,  70,  55,  44,  45,  64,  87,  65,  70, 76, 78,
    82,  83,  82,  50,  62,  90, 97, 90, 80, 96, 74, 81, 82, 79, 255, 192, 0,   11,  8,   0,   9,   0,   7,  1,  1,
    17,  0,   255, 196, 0,   21, 0,  1,  1,  0,  0,  0,  0,  0,  0,   0,   0,   0,   0,   0,   0,   0,   0,  4,  7,
    255, 196, 0,   26,  16,  0,  2,  2,  3,  0,  0,  0,  0,  0,  0,   0,   0,   0,   0,   0,   0,   0,   4,  6,  33,
    49,  51,  161, 255, 218, 0,  8,  1,  1,  0,  0,  63, 0,  2,  209, 26,  215, 194, 140, 182, 15,  255, 217};
static const uint8_t jpeg_pixels[] = {0,   3,   8,   14,  20,  24,  27,  25,  28,  33,  39,  45,  49,  52,  50,  53,
                                      58,  64,  70,  74,  77,  74,  77,  82,  88,  93,  98,  101, 103, 106, 111, 116,
                                      122, 126, 129, 126, 129, 134, 140, 146, 150, 153, 151, 154, 159, 165, 171, 175,
                                      178, 176, 179, 184, 190, 196, 200, 203, 202, 205, 210, 216, 221, 226, 229};

START_TEST(decodes_jpeg) {
  picture p;
  ck_assert_msg(picture_decode(&p, jpeg, sizeof jpeg, "jpeg"), "%s", complaint());
  ck_assert_int_eq(p.width, 7);
  ck_assert_int_eq(p.height, 9);
  for (int i = 0; i < 63 * 3; i++) ck_assert_int_le(abs(p.rgb[i] - jpeg_pixels[i / 3]), 1);
  picture_free(&p);
#ifdef TOOL_HAVE_JPEG /* stb_image makes do with less */
  for (size_t size = 0; size + 2 < sizeof jpeg; size++) ck_assert(!picture_decode(&p, jpeg, size, "cut"));
#endif
  uint8_t damaged[sizeof jpeg];
  for (size_t i = 3; i < sizeof jpeg; i++) { /* nothing to assert but that it returns */
    memcpy(damaged, jpeg, sizeof jpeg);
    damaged[i] ^= 0x5A;
    if (picture_decode(&p, damaged, sizeof damaged, "damaged")) picture_free(&p);
  }
}
END_TEST

START_TEST(decodes) {
  picture p;
  ck_assert(picture_decode(&p, png, sizeof png, "png"));
  ck_assert_int_eq(p.width, 2);
  ck_assert_int_eq(p.height, 3);
  ck_assert_mem_eq(p.rgb, png_pixels, sizeof png_pixels);
  picture_free(&p);
}
END_TEST

/* Formats whose missing pixels stb_image takes for zeros, and samples that it reads the wrong way round. */
START_TEST(refuses_cut_and_wide_pictures) {
  static const char ppm[] = "P6 2 2 255\nabcdefghijkl", wide[] = "P5 2 1 65535\nabcd";
  picture p;
  ck_assert(picture_decode(&p, ppm, sizeof ppm - 1, "ppm"));
  ck_assert_mem_eq(p.rgb, "abcdefghijkl", 12);
  picture_free(&p);
  for (size_t size = 0; size < sizeof ppm - 1; size++) ck_assert(!picture_decode(&p, ppm, size, "cut"));
  ck_assert(!picture_decode(&p, wide, sizeof wide - 1, "wide"));
  ck_assert_ptr_nonnull(strstr(complaint(), "16 bits"));
}
END_TEST

START_TEST(refuses_what_is_no_picture) {
  picture p;
  for (size_t size = 0; size < sizeof png - 16; size++) ck_assert(!picture_decode(&p, png, size, "cut"));
  uint8_t damaged[sizeof png];
  for (size_t i = 0; i < sizeof png; i++) { /* nothing to assert but that it returns */
    memcpy(damaged, png, sizeof png);
    damaged[i] ^= 0x5A;
    if (picture_decode(&p, damaged, sizeof damaged, "damaged")) picture_free(&p);
  }
  memcpy(damaged, png, sizeof png);
  damaged[18] = damaged[22] = 255; /* 65282 x 65283 pixels */
  ck_assert(!picture_decode(&p, damaged, sizeof damaged, "huge"));
  ck_assert_ptr_nonnull(strstr(complaint(), "huge"));
  ck_assert(!picture_load(&p, "/nonexistent/photo.png"));
  ck_assert_ptr_nonnull(strstr(complaint(), "/nonexistent/photo.png"));
  ck_assert(!picture_load(&p, "/dev/null"));
}
END_TEST

START_TEST(normalises) {
  picture p;
  ck_assert(picture_decode(&p, png, sizeof png, "png"));
  preprocessing how = {.mean = {0.5f, 0.25f, 0.125f}, .std = {0.5f, 0.25f, 2.0f}};
  float first[18], last[18], swapped[18];
  picture_normalise(first, &p, &how, 3, true);
  picture_normalise(last, &p, &how, 3, false);
  how.bgr = true;
  picture_normalise(swapped, &p, &how, 3, true);
  for (int i = 0; i < 6; i++)
    for (int c = 0; c < 3; c++) {
      float expected = ((float)png_pixels[i * 3 + c] / 255.0f - how.mean[c]) / how.std[c];
      ck_assert(first[c * 6 + i] == expected && last[i * 3 + c] == expected && swapped[(2 - c) * 6 + i] == expected);
    }
  picture_free(&p);
}
END_TEST

START_TEST(greys_as_pillow) {
  static const int pillow[8] = {95, 56, 99, 134, 112, 67, 125, 111};
  picture p = made(8, 8, 40);
  preprocessing how = {.std = {1.0f, 1.0f, 1.0f}};
  float grey[64];
  picture_normalise(grey, &p, &how, 1, true);
  for (int i = 0; i < 8; i++) ck_assert(grey[i] == (float)pillow[i] / 255.0f);
  picture_free(&p);
}
END_TEST

Suite *suite_picture(void) {
  Suite *suite = suite_create("picture");
  TCase *tests = tcase_create("picture");
  tcase_set_timeout(tests, 60);
  tcase_add_loop_test(tests, resizes_as_pillow, 0, (int)(sizeof resizes / sizeof *resizes));
  tcase_add_test(tests, window_is_part_of_the_whole);
  tcase_add_loop_test(tests, crops_as_torchvision, 0, (int)(sizeof fits / sizeof *fits));
  tcase_add_test(tests, fits_crops_of_other_proportions);
  tcase_add_test(tests, decodes);
  tcase_add_test(tests, decodes_jpeg);
  tcase_add_test(tests, refuses_cut_and_wide_pictures);
  tcase_add_test(tests, refuses_what_is_no_picture);
  tcase_add_test(tests, normalises);
  tcase_add_test(tests, greys_as_pillow);
  suite_add_tcase(suite, tests);
  return suite;
}
