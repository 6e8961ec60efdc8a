/* Networks at batches from 1 to 32 and pictures from 32 to 512 pixels, square and not. The whole zoo at more shapes:
 * build/release/tests/sepcl_zoo_shapes. */
#include <check.h>

#include "support/zoo_shapes.h"

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

static const struct {
  const char *name;
  zoo_shape shape;
} cases[] = {{"mobilenet_v1:alpha=0.25", {32, 32, 32}},
             {"mobilenet_v1:alpha=0.25", {1, 512, 512}},
             {"mobilenet_v2", {2, 97, 131}},
             {"mobilenet_v3_small", {1, 32, 512}},
             {"mobilenet_v3_small", {32, 64, 48}},
             {"shufflenet_v2", {3, 512, 32}},
             {"igcv3_d", {5, 64, 96}},
             {"squeezenet_1.1", {2, 97, 131}},
             {"densenet121", {2, 33, 64}}};
enum { CASES = sizeof cases / sizeof *cases };

static zoo_shape_result check_case(int i, zoo_shape_options options) {
  zoo_shape_result r;
  ck_assert_msg(zoo_shape_check(&r, device, cases[i].name, cases[i].shape, &options), "%s: %s", cases[i].name,
                r.message);
  return r;
}

START_TEST(test_bits_at_every_shape) {
  zoo_shape_result r = check_case(_i, (zoo_shape_options){300000000, 0, false});
  ck_assert_int_ge(r.comparisons, 2);
  ck_assert_msg(r.different == 0, "%s %dx%dx%d: %s", cases[_i].name, cases[_i].shape.batch, cases[_i].shape.height,
                cases[_i].shape.width, r.made);
  ck_assert_msg((double)r.info.arena_bytes <= 1.05 * (double)r.info.arena_lower_bound_bytes,
                "%s: an arena of %zu bytes, lower bound %zu", cases[_i].name, r.info.arena_bytes,
                r.info.arena_lower_bound_bytes);
}
END_TEST

/* The control: other weights in what is compared show in every comparison. */
START_TEST(test_perturbed_weights_show) {
  zoo_shape_result r = check_case(2, (zoo_shape_options){300000000, 0, true});
  ck_assert_msg(r.different == r.comparisons && r.comparisons == 4, "%s", r.made);
}
END_TEST

Suite *suite_zoo_shapes(void) {
  Suite *suite = suite_create("zoo_shapes");
  TCase *tcase = tcase_create("zoo_shapes");
  tcase_set_timeout(tcase, 300);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_bits_at_every_shape, 0, CASES);
  tcase_add_test(tcase, test_perturbed_weights_show);
  suite_add_tcase(suite, tcase);
  return suite;
}
