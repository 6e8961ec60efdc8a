/* Concatenations and splits that are other looks at somebody's tensor: the plan's line counts them, no stage copies for
 * them, and the bits are the reference's. Beside them what has to be copied. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "reference_graph.h"
#include "support/random.h"
#include "support/zoo_outputs.h"
#include "zoo.h"

enum { SIDE = 6, CHANNELS = 8 };

static sepcl_device *device;

static void open_device(void) {
  ck_assert_msg(sepcl_device_open(&device, NULL, NULL) == SEPCL_OK, "%s", sepcl_last_error());
}

static void close_device(void) { sepcl_device_free(device); }

static sepcl_value image(sepcl_graph *g) { return sepcl_graph_input(g, "x", 4, (int64_t[]){2, SIDE, SIDE, CHANNELS}); }

static sepcl_value conv(sepcl_graph *g, sepcl_value x, int32_t inputs, int32_t outputs) {
  float w[CHANNELS * CHANNELS * 4];
  rng r = rng_of(5, (uint64_t)x, (uint64_t)outputs);
  for (int32_t i = 0; i < inputs * outputs; i++) w[i] = rng_float(&r, -1, 1);
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = outputs;
  return sepcl_graph_conv(g, x, sepcl_graph_constant(g, 4, (int64_t[]){outputs, inputs, 1, 1}, w), SEPCL_NO_VALUE, &a);
}

static sepcl_value channels(sepcl_graph *g, sepcl_value x, int64_t first, int64_t count) {
  const int64_t starts[] = {0, 0, 0, first}, sizes[] = {2, SIDE, SIDE, count}, steps[] = {1, 1, 1, 1};
  return sepcl_graph_slice(g, x, starts, sizes, steps);
}

static sepcl_value join(sepcl_graph *g, sepcl_value a, sepcl_value b, int32_t axis) {
  return sepcl_graph_concat(g, (sepcl_value[]){a, b}, 2, axis);
}

static sepcl_value concat_of_convs(sepcl_graph *g) {
  const sepcl_value x = image(g);
  return conv(g, join(g, conv(g, x, 8, 4), conv(g, x, 8, 3), 3), 7, 5);
}
static sepcl_value concat_in_concat(sepcl_graph *g) {
  const sepcl_value x = image(g), inner = join(g, conv(g, x, 8, 4), conv(g, x, 8, 3), 3);
  return conv(g, join(g, inner, conv(g, inner, 7, 2), 3), 9, 5);
}
static sepcl_value split_for_two(sepcl_graph *g) {
  const sepcl_value x = conv(g, image(g), 8, 8);
  return join(g, conv(g, channels(g, x, 0, 4), 4, 4), conv(g, channels(g, x, 4, 4), 4, 2), 3);
}
static sepcl_value split_of_the_input(sepcl_graph *g) { return conv(g, channels(g, image(g), 2, 3), 3, 4); }
/* Nobody computes the input's channels anew; rows of two tensors do not interleave. */
static sepcl_value concat_of_the_input(sepcl_graph *g) {
  const sepcl_value x = image(g);
  return conv(g, join(g, x, conv(g, x, 8, 4), 3), 12, 3);
}
static sepcl_value concat_of_rows(sepcl_graph *g) {
  const sepcl_value x = image(g);
  return conv(g, join(g, conv(g, x, 8, 4), conv(g, x, 8, 4), 1), 4, 3);
}
static sepcl_value every_second_row(sepcl_graph *g) {
  const int64_t starts[4] = {0}, sizes[] = {2, SIDE / 2, SIDE, CHANNELS}, steps[] = {1, 2, 1, 1};
  return conv(g, sepcl_graph_slice(g, image(g), starts, sizes, steps), 8, 4);
}

static const struct {
  sepcl_value (*make)(sepcl_graph *);
  const char *line;
} cases[] = {
    {concat_of_convs, "views: 1 concatenations and 0 splits that move nothing (where that cannot be: 0 copies)"},
    {concat_in_concat, "views: 2 concatenations and 0 splits that move nothing (where that cannot be: 0 copies)"},
    {split_for_two, "views: 1 concatenations and 2 splits that move nothing (where that cannot be: 0 copies)"},
    {split_of_the_input, "views: 0 concatenations and 1 splits that move nothing (where that cannot be: 0 copies)"},
    {concat_of_the_input, "views: 0 concatenations and 0 splits that move nothing (where that cannot be: 1 copies)"},
    {concat_of_rows, "views: 0 concatenations and 0 splits that move nothing (where that cannot be: 2 copies)"},
    {every_second_row, "views: 0 concatenations and 0 splits that move nothing (where that cannot be: 1 copies)"},
};
enum { CASES = sizeof cases / sizeof *cases };

static void check_plan(const sepcl_graph *g, const char *line) {
  const sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  ck_assert_msg(sepcl_network_plan(&network, device, g, &options) == SEPCL_OK, "%s", sepcl_last_error());
  const char *found = NULL;
  for (int i = 0; sepcl_network_pass_report(network, i); i++)
    if (!strncmp(sepcl_network_pass_report(network, i), "views: ", 7)) found = sepcl_network_pass_report(network, i);
  ck_assert_ptr_nonnull(found);
  ck_assert_str_eq(found, line);
  int copies = 0;
  sepcl_stage_info stage;
  for (int32_t i = 0; sepcl_network_stage_info(&stage, network, i) == SEPCL_OK; i++)
    copies += !strcmp(stage.stage, "copy") && stage.launches;
  ck_assert_msg(strstr(line, copies == 0   ? ": 0 copies"
                             : copies == 1 ? ": 1 copies"
                                           : ": 2 copies"),
                "%d copies", copies);
  sepcl_network_free(network);
}

START_TEST(test_line_and_bits) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_graph_output(g, "y", cases[_i].make(g));
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  check_plan(g, cases[_i].line);
  float *x = zoo_pictures(g, 0);
  reference_values values;
  const float *inputs[] = {x};
  ck_assert(x && reference_graph_run(&values, g, inputs, (reference_graph_options){false}));
  zoo_outputs out;
  const sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  ck_assert_msg(zoo_outputs_run(&out, device, g, &options, 0), "%s", out.message);
  const float *expected = reference_graph_output(&values, g, 0);
  for (size_t i = 0; i < out.elements; i++) ck_assert(reference_same(out.values[i], expected[i]));
  zoo_outputs_free(&out);
  reference_values_free(&values);
  free(x);
  sepcl_graph_free(g);
}
END_TEST

/* Networks of concatenations, at any size: nothing is copied. */
START_TEST(test_networks) {
  static const struct {
    const char *spec, *line;
  } networks[] = {
      {"squeezenet_1.1:resolution=64", "views: 8 concatenations and 0 splits"},
      {"googlenet:resolution=64", "views: 9 concatenations and 0 splits"},
      {"densenet121:resolution=64", "views: 58 concatenations and 0 splits"},
      {"shufflenet_v1:resolution=64", "views: 3 concatenations and 0 splits"},
  };
  sepcl_graph *g = NULL;
  ck_assert_int_eq(zoo_build(&g, networks[_i].spec), SEPCL_OK);
  char line[160];
  snprintf(line, sizeof line, "%s that move nothing (where that cannot be: 0 copies)", networks[_i].line);
  check_plan(g, line);
  sepcl_graph_free(g);
}
END_TEST

Suite *suite_views(void) {
  Suite *suite = suite_create("views");
  TCase *tcase = tcase_create("views");
  tcase_set_timeout(tcase, 120);
  tcase_add_unchecked_fixture(tcase, open_device, close_device);
  tcase_add_loop_test(tcase, test_line_and_bits, 0, CASES);
  tcase_add_loop_test(tcase, test_networks, 0, 4);
  suite_add_tcase(suite, tcase);
  return suite;
}
