/* Which tile a stage gets follows from its size and from what the device reports. */
#include <check.h>
#include <string.h>

#include "stage/stage.h"
#include "stage/tile_cost.h"

static const device_limits desktop = {
    .vector_width = 1, .compute_units = 28, .local_memory = 48 << 10, .max_work_group = 1024, .gpu = true};

static stage pointwise(int32_t side, int32_t inputs, int32_t outputs) {
  stage s;
  memset(&s, 0, sizeof s);
  s.kind = STAGE_POINTWISE;
  s.input = (sepcl_shape){1, side, side, inputs};
  s.output = (sepcl_shape){1, side, side, outputs};
  s.window = (sepcl_window)SEPCL_WINDOW_INIT;
  s.groups = 1;
  return s;
}

static const variant *chosen(const stage *s, const device_limits *limits) {
  bound_stage bound;
  ck_assert_int_eq(stage_bind(&bound, s, NULL, SEPCL_FAMILY_AUTO, limits), SEPCL_OK);
  return bound.v;
}

START_TEST(test_large_stages_take_large_tiles) {
  const stage large = pointwise(112, 64, 128), small = pointwise(7, 512, 256);
  const variant *a = chosen(&large, &desktop), *b = chosen(&small, &desktop);
  ck_assert_int_eq(a->family, FAMILY_TILE);
  ck_assert_int_eq(b->family, FAMILY_TILE);
  ck_assert_int_gt(a->mr * a->nr, b->mr * b->nr);
}
END_TEST

START_TEST(test_few_outputs_take_narrow_tiles) {
  const stage s = pointwise(112, 64, 16);
  ck_assert_int_lt(chosen(&s, &desktop)->nr, 64);
}
END_TEST

START_TEST(test_limits_of_the_device_hold) {
  const stage s = pointwise(112, 64, 128);
  const variant *unbounded = chosen(&s, &desktop);
  device_limits limits = desktop;
  limits.max_work_group = 64;
  ck_assert_int_le(chosen(&s, &limits)->local, 64);
  ck_assert_int_gt(unbounded->local, 64);
  limits = desktop;
  limits.local_memory = 4096;
  ck_assert_int_le(variant_macro(chosen(&s, &limits), "SHARED") * 4, 4096);
  ck_assert_int_gt(variant_macro(unbounded, "SHARED") * 4, 4096);
  limits.local_memory = 0; /* not even the smallest tile */
  ck_assert_int_eq(chosen(&s, &limits)->family, FAMILY_SCALAR);
}
END_TEST

/* Beside many sums there is no room for the code of all activations, unless they may wait in memory, as floats can. */
START_TEST(test_activated_halves_take_small_tiles) {
  stage s = pointwise(112, 64, 128);
  const variant *large = chosen(&s, &desktop);
  s.activation.kind = SEPCL_SWISH;
  ck_assert_ptr_eq(chosen(&s, &desktop), large);
  s.halves = ALL_HALVES;
  const variant *small = chosen(&s, &desktop);
  ck_assert_int_eq(small->family, FAMILY_TILE);
  ck_assert_int_lt(small->mr * small->nr, large->mr * large->nr);
  s.activation.kind = SEPCL_HARD_SWISH;
  ck_assert_ptr_eq(chosen(&s, &desktop), large);
  s.activation.kind = SEPCL_SWISH;
  s.halves &= ~HALF_Y;
  ck_assert_ptr_eq(chosen(&s, &desktop), large);
}
END_TEST

/* Where local memory is a part of global memory, tiles there gain nothing: subgroups serve, where there are any. */
START_TEST(test_global_local_memory_is_not_sought) {
  const stage s = pointwise(56, 256, 256);
  device_limits limits = desktop;
  limits.subgroup_sizes = 1u << 16;
  const variant *fast = chosen(&s, &limits);
  ck_assert_int_gt(variant_macro(fast, "SHARED"), 0);
  limits.local_is_global = true;
  ck_assert_int_gt(variant_macro(chosen(&s, &limits), "SUBGROUP"), 0);
  limits.subgroup_sizes = 0;
  ck_assert_int_eq(chosen(&s, &limits)->family, FAMILY_TILE);
}
END_TEST

/* Every device falls into a row of the table, the first that it fits. */
START_TEST(test_devices_have_classes) {
  device_limits limits = desktop;
  ck_assert_str_eq(device_class_of(&limits)->name, "GPU");
  limits.compute_units = 8;
  ck_assert_str_eq(device_class_of(&limits)->name, "GPU of few units");
  limits.max_work_group = 64;
  ck_assert_str_eq(device_class_of(&limits)->name, "GPU of small work-groups");
  limits.local_is_global = true;
  ck_assert_str_eq(device_class_of(&limits)->name, "GPU without memory for local memory");
  limits.gpu = false;
  ck_assert_str_eq(device_class_of(&limits)->name, "device");
  const device_limits nothing = {.gpu = true, .max_work_group = UINT64_MAX, .compute_units = UINT32_MAX};
  ck_assert_str_eq(device_class_of(&nothing)->name, "GPU");
}
END_TEST

START_TEST(test_cpus_take_rows) {
  const stage s = pointwise(112, 64, 128);
  device_limits limits = desktop;
  limits.gpu = false;
  ck_assert_int_eq(chosen(&s, &limits)->family, FAMILY_ROW);
}
END_TEST

/* The cost counts what a tile computes for nothing. */
START_TEST(test_cost_counts_padding) {
  const stage s = pointwise(8, 32, 16), t = pointwise(8, 32, 32);
  bound_stage a, b;
  const variant *v = variant_find("pointwise_tile_64x32");
  ck_assert_int_eq(stage_bind(&a, &s, v, SEPCL_FAMILY_AUTO, &desktop), SEPCL_OK);
  ck_assert_int_eq(stage_bind(&b, &t, v, SEPCL_FAMILY_AUTO, &desktop), SEPCL_OK);
  ck_assert_double_eq(tile_cost(&a, &desktop), tile_cost(&b, &desktop));
  ck_assert_double_eq(tile_work(&a), 64.0 * 32 * 32);
}
END_TEST

/* Every stage has a kernel of more than one item a work-group on a GPU. */
START_TEST(test_no_stage_is_left_to_scalar_kernels) {
  bool tile[STAGE_KIND_COUNT] = {false};
  for (int32_t i = 0; i < variant_count; i++)
    tile[variants[i].stage] |= variants[i].family == FAMILY_TILE && variants[i].local > 1;
  for (int k = 0; k < STAGE_KIND_COUNT; k++) ck_assert_msg(tile[k], "%s", stage_kind_name((stage_kind)k));
}
END_TEST

Suite *suite_tile_choice(void) {
  Suite *suite = suite_create("tile_choice");
  TCase *tests = tcase_create("choice");
  tcase_add_test(tests, test_large_stages_take_large_tiles);
  tcase_add_test(tests, test_few_outputs_take_narrow_tiles);
  tcase_add_test(tests, test_limits_of_the_device_hold);
  tcase_add_test(tests, test_activated_halves_take_small_tiles);
  tcase_add_test(tests, test_global_local_memory_is_not_sought);
  tcase_add_test(tests, test_devices_have_classes);
  tcase_add_test(tests, test_cpus_take_rows);
  tcase_add_test(tests, test_cost_counts_padding);
  tcase_add_test(tests, test_no_stage_is_left_to_scalar_kernels);
  suite_add_tcase(suite, tests);
  return suite;
}
