/* The command's small parts: statistics, tables, bars, the choice of a command, preprocessing from metadata. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "options.h"
#include "preprocess.h"
#include "statistics.h"
#include "table.h"
#include "text.h"

START_TEST(orders_measurements) {
  double values[101];
  for (int i = 0; i <= 100; i++) values[i] = (double)(i * 37 % 101); /* 0 to 100 in disorder */
  statistics s = statistics_of(values, 101);
  ck_assert(s.min == 0.0 && s.median == 50.0 && s.p90 == 90.0 && s.p99 == 99.0);
  double two[2] = {4.0, 2.0}, one[1] = {7.0};
  s = statistics_of(two, 2);
  ck_assert(s.min == 2.0 && s.median == 3.0 && fabs(s.p90 - 3.8) < 1e-12);
  s = statistics_of(one, 1);
  ck_assert(s.min == 7.0 && s.median == 7.0 && s.p99 == 7.0);
}
END_TEST

static char *printed(const table *t) {
  char *text = NULL;
  size_t size;
  FILE *memory = open_memstream(&text, &size);
  ck_assert_ptr_nonnull(memory);
  FILE *file = tmpfile(); /* open_memstream has no descriptor to ask whether it is a terminal */
  table_print(t, file);
  rewind(file);
  for (int c; (c = fgetc(file)) != EOF;) fputc(c, memory);
  fclose(file);
  fclose(memory);
  return text;
}

START_TEST(aligns_tables) {
  table *t = table_create("name|>ms|");
  table_cell(t, "%s", "Käfer"); /* 5 columns, 6 bytes */
  table_cell(t, "%.1f", 1.5);
  table_cell(t, "%s", "x");
  table_end_row(t);
  table_cell(t, "%s", "a");
  table_cell(t, "%d", 1000);
  table_end_row(t);
  char *text = printed(t);
  ck_assert_str_eq(text, "name     ms\nKäfer   1.5  x\na      1000\n");
  free(text);
  table_free(t);
  t = table_create("||");
  table_cell(t, "%s", "only");
  table_end_row(t);
  text = printed(t);
  ck_assert_str_eq(text, "only\n"); /* no titles, no blanks at the end */
  free(text);
  table_free(t);
}
END_TEST

START_TEST(draws_bars_and_numbers) {
  char bar[64], number[24];
  ck_assert_str_eq(bar_text(bar, 0.5, 4), "▇▇");
  ck_assert_str_eq(bar_text(bar, 0.0, 4), "");
  ck_assert_str_eq(bar_text(bar, 7.0, 4), "▇▇▇▇");
  ck_assert_str_eq(bar_text(bar, NAN, 4), "");
  ck_assert_str_eq(metric_text(number, 568740352.0), "568.7 M");
  ck_assert_str_eq(metric_text(number, 999.0), "999 ");
  ck_assert_str_eq(metric_text(number, 999960.0), "1.0 M");
  ck_assert_uint_eq(text_width("Käfer ▇"), 7);
}
END_TEST

START_TEST(cleans_text) {
  char text[] =
      "a\x1B[2J\nK\xC3\xA4"
      "fer\xFF \xC2\x9B"
      "2J \xE2\x96\x87\xE2\x96";
  ck_assert_str_eq(text_clean(text),
                   "a?[2J?K\xC3\xA4"
                   "fer? ??2J \xE2\x96\x87??");
}
END_TEST

START_TEST(guesses_commands) {
  static const command commands[] = {{.name = "summary"}, {.name = "plan"}, {.name = "bench"}};
  ck_assert_str_eq(command_nearest(commands, 3, "sumary")->name, "summary");
  ck_assert_str_eq(command_nearest(commands, 3, "plna")->name, "plan");
  ck_assert_ptr_null(command_nearest(commands, 3, "xyzzy"));
  ck_assert_ptr_null(command_nearest(commands, 3, "a-very-long-word-that-is-longer-than-any-command"));
  ck_assert_ptr_null(command_find(commands, 3, "pla"));
}
END_TEST

START_TEST(finds_picture_inputs) {
  static const struct {
    int32_t rank;
    int64_t dims[4];
    bool good, first;
    int32_t channels;
  } cases[] = {{4, {1, 3, 8, 9}, true, true, 3},   {4, {2, 8, 9, 3}, true, false, 3},
               {4, {1, 1, 28, 28}, true, true, 1}, {4, {1, 28, 28, 1}, true, false, 1},
               {4, {1, 1, 28, 3}, true, false, 3}, {4, {1, 3, 8, 3}, true, true, 3},
               {4, {1, 4, 8, 8}, false, 0, 0},     {2, {1, 3}, false, 0, 0},
               {4, {1, 3, 0, 8}, false, 0, 0},     {4, {1, 3, 8, (int64_t)1 << 40}, false, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sepcl_io_info info = {.name = "x", .rank = cases[i].rank};
    memcpy(info.dims, cases[i].dims, sizeof cases[i].dims);
    picture_input input;
    ck_assert_int_eq(picture_input_of(&input, &info), cases[i].good);
    if (!cases[i].good) continue;
    ck_assert_int_eq(input.channels_first, cases[i].first);
    ck_assert_int_eq(input.channels, cases[i].channels);
  }
}
END_TEST

START_TEST(prefers_options_to_metadata_to_defaults) {
  sepcl_graph *graph;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  picture_input input = {1, 24, 32, 3, true};
  preprocessing how;
  options none = {0}, some = {.resize = "40", .mean = "0.5", .rgb = 1};
  ck_assert(preprocessing_of(&how, &none, graph, &input));
  ck_assert(how.crop_h == 24 && how.crop_w == 32 && how.resize == 37 && how.mean[2] == 0.406f && !how.bgr);
  sepcl_graph_set_metadata(graph, "sepcl.resize", "48");
  sepcl_graph_set_metadata(graph, "sepcl.crop", "24x32");
  sepcl_graph_set_metadata(graph, "sepcl.mean", "1, 2,3");
  sepcl_graph_set_metadata(graph, "sepcl.std", "2");
  sepcl_graph_set_metadata(graph, "sepcl.bgr", "1");
  ck_assert_msg(preprocessing_of(&how, &none, graph, &input), "%s", complaint());
  ck_assert(how.resize == 48 && how.mean[0] == 1.0f && how.mean[2] == 3.0f && how.std[1] == 2.0f && how.bgr);
  ck_assert(preprocessing_of(&how, &some, graph, &input));
  ck_assert(how.resize == 40 && how.mean[2] == 0.5f && how.std[1] == 2.0f && !how.bgr);
  sepcl_graph_set_metadata(graph, "sepcl.std", "0");
  ck_assert(!preprocessing_of(&how, &none, graph, &input));
  ck_assert_ptr_nonnull(strstr(complaint(), "sepcl.std"));
  sepcl_graph_set_metadata(graph, "sepcl.std", "1");
  sepcl_graph_set_metadata(graph, "sepcl.crop", "24");
  ck_assert(!preprocessing_of(&how, &none, graph, &input));
  ck_assert_ptr_nonnull(strstr(complaint(), "24x32"));
  sepcl_graph_free(graph);
}
END_TEST

Suite *suite_tool(void) {
  Suite *suite = suite_create("tool");
  TCase *tests = tcase_create("tool");
  tcase_add_test(tests, orders_measurements);
  tcase_add_test(tests, aligns_tables);
  tcase_add_test(tests, draws_bars_and_numbers);
  tcase_add_test(tests, cleans_text);
  tcase_add_test(tests, guesses_commands);
  tcase_add_test(tests, finds_picture_inputs);
  tcase_add_test(tests, prefers_options_to_metadata_to_defaults);
  suite_add_tcase(suite, tests);
  return suite;
}
