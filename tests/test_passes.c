/* Each pass on the smallest graph that shows it, beside one that it must leave alone; norms in
 * front have test_fold_input_norm.c, constant channels test_constant_channels.c, views test_views.c, blocks fused into
 * one stage test_network.c. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "graph/passes/passes.h"
#include "support/uses.h"

static const float values[4096] = {1.0f};

static sepcl_value constant1(sepcl_graph *g, int64_t count) {
  return sepcl_graph_constant_borrowed(g, 1, &count, values);
}

static sepcl_value image(sepcl_graph *g, int64_t h, int64_t w, int64_t c) {
  return sepcl_graph_input(g, "x", 4, (int64_t[]){1, h, w, c});
}

/* A same-padded convolution of `c` to `outputs` channels. */
static sepcl_value conv(sepcl_graph *g, sepcl_value x, int32_t c, int32_t outputs, int32_t kernel, int32_t pad) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window.kernel_h = a.window.kernel_w = kernel;
  a.window.pad_top = a.window.pad_left = a.window.pad_bottom = a.window.pad_right = pad;
  a.outputs = outputs;
  int64_t dims[] = {outputs, c, kernel, kernel};
  return sepcl_graph_conv(g, x, sepcl_graph_constant_borrowed(g, 4, dims, values), SEPCL_NO_VALUE, &a);
}

static sepcl_value batch_norm(sepcl_graph *g, sepcl_value x, int64_t c) {
  sepcl_value parameters[4];
  for (int i = 0; i < 4; i++) parameters[i] = constant1(g, c);
  return sepcl_graph_batch_norm(g, x, parameters, 1e-5f);
}

static sepcl_value relu(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_activation(g, x, (sepcl_activation){SEPCL_RELU, 0, 0});
}

/* Runs all passes on a copy whose only output is `y`; the caller frees it. */
static sepcl_graph *passed(sepcl_graph *g, sepcl_value y, const sepcl_network_options *options) {
  sepcl_graph_output(g, "y", y);
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_graph *copy = NULL;
  pass_report report;
  sepcl_network_options defaults = SEPCL_NETWORK_OPTIONS_INIT;
  ck_assert_int_eq(graph_copy(&copy, g), SEPCL_OK);
  ck_assert_int_eq(passes_run(copy, options ? options : &defaults, &report), SEPCL_OK);
  check_uses(copy);
  return copy;
}

static int32_t live(const sepcl_graph *g, node_kind kind) {
  int32_t count = 0;
  for (int32_t i = 0; i < g->count; i++) count += !g->nodes[i].dead && g->nodes[i].kind == kind;
  return count;
}

static sepcl_graph *new_graph(void) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  return g;
}

START_TEST(test_batch_norm_and_activation_fold) {
  sepcl_graph *g = new_graph();
  sepcl_value y = relu(g, batch_norm(g, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1), 4));
  sepcl_graph *p = passed(g, y, NULL);
  ck_assert_int_eq(live(p, NODE_CONV), 1);
  ck_assert_int_eq(live(p, NODE_BATCH_NORM), 0);
  ck_assert_int_eq(live(p, NODE_ACTIVATION), 0);
  const node *n = graph_node(p, p->outputs[0].value);
  ck_assert_int_eq(n->kind, NODE_CONV);
  ck_assert_int_eq(n->activation.kind, SEPCL_RELU);
  ck_assert_int_ne(n->sets[0].variance, SEPCL_NO_VALUE);
  ck_assert_ptr_nonnull(strchr(n->fused_from, ','));
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_keep_batch_norm_and_skip) {
  sepcl_network_options keep = SEPCL_NETWORK_OPTIONS_INIT;
  keep.keep_batch_norm = 1;
  sepcl_graph *g = new_graph();
  sepcl_value y = relu(g, batch_norm(g, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1), 4));
  sepcl_graph *p = passed(g, y, &keep);
  ck_assert_int_eq(live(p, NODE_BATCH_NORM), 1);
  sepcl_graph_free(p);
  sepcl_graph_free(g);

  sepcl_network_options skip = SEPCL_NETWORK_OPTIONS_INIT;
  skip.skip_passes = "fuse-activation";
  g = new_graph();
  y = relu(g, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1));
  p = passed(g, y, &skip);
  ck_assert_int_eq(live(p, NODE_ACTIVATION), 1);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_a_value_with_two_readers_is_left_alone) {
  sepcl_graph *g = new_graph();
  sepcl_value c = conv(g, image(g, 5, 5, 3), 3, 3, 3, 1);
  sepcl_value y = sepcl_graph_binary(g, SEPCL_MUL, relu(g, c), c);
  sepcl_graph *p = passed(g, y, NULL);
  ck_assert_int_eq(live(p, NODE_ACTIVATION), 1);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_residual_joins_the_later_convolution) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 5, 5, 3), a = conv(g, x, 3, 3, 1, 0), b = conv(g, x, 3, 3, 3, 1);
  sepcl_value y = relu(g, sepcl_graph_binary(g, SEPCL_ADD, b, a));
  sepcl_graph *p = passed(g, y, NULL);
  const node *n = graph_node(p, p->outputs[0].value);
  ck_assert_int_eq(n->kind, NODE_CONV);
  ck_assert_int_eq(n->residual, a);
  ck_assert_int_eq(n->conv.window.kernel_h, 3);
  ck_assert_int_eq(n->activation.kind, SEPCL_RELU);
  ck_assert_int_eq(live(p, NODE_BINARY), 0);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_broadcasting_addition_is_no_residual) {
  sepcl_graph *g = new_graph();
  sepcl_value y = sepcl_graph_binary(g, SEPCL_ADD, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1), constant1(g, 4));
  sepcl_graph *p = passed(g, y, NULL);
  ck_assert_int_eq(live(p, NODE_BINARY), 1);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

START_TEST(test_pad_folds_only_when_zero) {
  for (int zero = 0; zero < 2; zero++) {
    sepcl_graph *g = new_graph();
    int64_t before[] = {0, 0, 1, 0}, after[] = {0, 1, 2, 0};
    sepcl_value padded = sepcl_graph_pad(g, image(g, 5, 5, 3), SEPCL_PAD_CONSTANT, before, after, zero ? 0.0f : 1.0f);
    sepcl_graph *p = passed(g, conv(g, padded, 3, 4, 3, 0), NULL);
    ck_assert_int_eq(live(p, NODE_PAD), zero ? 0 : 1);
    const sepcl_window *w = &graph_node(p, p->outputs[0].value)->conv.window;
    ck_assert_int_eq(w->pad_right, zero ? 2 : 0);
    ck_assert_int_eq(w->pad_left, zero ? 1 : 0);
    ck_assert_int_eq(w->pad_bottom, zero ? 1 : 0);
    sepcl_graph_free(p);
    sepcl_graph_free(g);
  }
}
END_TEST

static sepcl_value scaled(sepcl_graph *g, sepcl_value *s) {
  sepcl_value x = image(g, 5, 5, 8);
  *s = sepcl_graph_global_average_pool(g, x);
  return sepcl_graph_binary(g, SEPCL_MUL, *s, x);
}

static sepcl_value depthwise(sepcl_graph *g, sepcl_value x) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.window.kernel_h = a.window.kernel_w = 3;
  a.outputs = a.groups = 8;
  return sepcl_graph_conv(g, x, sepcl_graph_constant_borrowed(g, 4, (int64_t[]){8, 1, 3, 3}, values), SEPCL_NO_VALUE,
                          &a);
}

/* Into 1x1 and depthwise ones; a 3x3 one would multiply each pixel nine times. */
START_TEST(test_channel_scale_moves_into_convolutions) {
  for (int kernel = 0; kernel <= 3; kernel = 2 * kernel + 1) {
    sepcl_graph *g = new_graph();
    sepcl_value s, product = scaled(g, &s), y = kernel ? conv(g, product, 8, 4, kernel, 0) : depthwise(g, product);
    sepcl_graph *p = passed(g, y, NULL);
    ck_assert_int_eq(live(p, NODE_BINARY), kernel == 3);
    ck_assert_int_eq(graph_node(p, p->outputs[0].value)->scale, kernel == 3 ? SEPCL_NO_VALUE : s);
    sepcl_graph_free(p);
    sepcl_graph_free(g);
  }
}
END_TEST

/* Two convolutions read the product: both multiply; beside a pool, which cannot, neither does. */
START_TEST(test_channel_scale_moves_into_all_readers_or_none) {
  for (int pools = 0; pools < 2; pools++) {
    sepcl_graph *g = new_graph();
    sepcl_value s, product = scaled(g, &s), a = conv(g, product, 8, 4, 1, 0), b = conv(g, product, 8, 8, 1, 0);
    if (pools) sepcl_graph_output(g, "pooled", sepcl_graph_global_average_pool(g, product));
    sepcl_graph *p = passed(g, sepcl_graph_concat(g, (sepcl_value[]){a, b}, 2, 3), NULL);
    ck_assert_int_eq(live(p, NODE_BINARY), pools);
    ck_assert_int_eq(graph_node(p, a)->scale, pools ? SEPCL_NO_VALUE : s);
    ck_assert_int_eq(graph_node(p, b)->scale, pools ? SEPCL_NO_VALUE : s);
    sepcl_graph_free(p);
    sepcl_graph_free(g);
  }
}
END_TEST

/* y = x * s + conv(r): the addition multiplies, rather than the convolution adding a product made for it. */
START_TEST(test_channel_scale_stays_with_its_addition) {
  sepcl_graph *g = new_graph();
  sepcl_value s, product = scaled(g, &s), z = sepcl_graph_input(g, "z", 4, (int64_t[]){1, 5, 5, 3});
  sepcl_value other = conv(g, z, 3, 8, 1, 0);
  sepcl_graph *p = passed(g, relu(g, sepcl_graph_binary(g, SEPCL_ADD, product, other)), NULL);
  const node *sum = graph_node(p, p->outputs[0].value);
  ck_assert_int_eq(live(p, NODE_BINARY), 1);
  ck_assert_int_eq(sum->kind, NODE_BINARY);
  ck_assert_int_eq(sum->scale, s);
  ck_assert_int_eq(sum->inputs[1], other);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

static sepcl_value shuffled(sepcl_graph *g, sepcl_value x, int64_t side, int64_t c, int64_t groups) {
  const int64_t split[] = {1, side, side, groups, c / groups}, image[] = {1, side, side, c};
  x = sepcl_graph_transpose(g, sepcl_graph_reshape(g, x, 5, split), (int32_t[]){0, 1, 2, 4, 3});
  return sepcl_graph_reshape(g, x, 4, image);
}

/* Into the order in which the convolution before it stores; not where somebody else reads the channels unshuffled. */
START_TEST(test_shuffle_becomes_an_order) {
  for (int shared = 0; shared < 2; shared++) {
    sepcl_graph *g = new_graph();
    sepcl_value x = conv(g, image(g, 5, 5, 3), 3, 6, 1, 0);
    if (shared) sepcl_graph_output(g, "channels", x);
    sepcl_graph *p = passed(g, shuffled(g, x, 5, 6, 2), NULL);
    ck_assert_int_eq(live(p, NODE_TRANSPOSE), shared);
    if (!shared) {
      const int32_t order[] = {0, 2, 4, 1, 3, 5}, *stored = graph_node(p, p->outputs[0].value)->output_order;
      ck_assert_ptr_nonnull(stored);
      for (int o = 0; o < 6; o++) ck_assert_int_eq(stored[o], order[o]);
    }
    sepcl_graph_free(p);
    sepcl_graph_free(g);
  }
}
END_TEST

/* A shuffle of two halves interleaves them: both convolutions store two channels apart. */
START_TEST(test_shuffle_of_halves_interleaves) {
  sepcl_graph *g = new_graph();
  sepcl_value x = image(g, 5, 5, 3);
  sepcl_value both = sepcl_graph_concat(g, (sepcl_value[]){conv(g, x, 3, 4, 1, 0), conv(g, x, 3, 4, 3, 1)}, 2, 3);
  sepcl_graph *p = passed(g, shuffled(g, both, 5, 8, 2), NULL);
  const node *join = graph_node(p, p->outputs[0].value);
  ck_assert_int_eq(join->kind, NODE_CONCAT);
  ck_assert(join->interleaved);
  for (int k = 0; k < 2; k++)
    for (int c = 0; c < 4; c++) ck_assert_int_eq(graph_node(p, join->inputs[k])->output_order[c], 2 * c + k);
  sepcl_graph_free(p);
  sepcl_graph_free(g);
}
END_TEST

/* A function of a concatenation is one of its parts; not where somebody else reads one of them, or no stage makes it.
 */
START_TEST(test_activation_goes_to_the_parts) {
  for (int control = 0; control < 3; control++) {
    sepcl_graph *g = new_graph();
    sepcl_value x = image(g, 4, 4, 4), a = conv(g, x, 4, 4, 1, 0);
    sepcl_pool_attributes pool = SEPCL_POOL_ATTRIBUTES_INIT;
    sepcl_value b = control == 1 ? x : sepcl_graph_pool(g, x, &pool);
    sepcl_value y = relu(g, sepcl_graph_concat(g, (sepcl_value[]){a, b}, 2, 3));
    if (control == 2) sepcl_graph_output(g, "part", a);
    sepcl_graph *p = passed(g, y, NULL);
    ck_assert_int_eq(live(p, NODE_ACTIVATION), control != 0);
    if (!control) {
      const node *join = graph_node(p, p->outputs[0].value);
      ck_assert_int_eq(join->kind, NODE_CONCAT);
      for (int k = 0; k < 2; k++) ck_assert_int_eq(graph_node(p, join->inputs[k])->activation.kind, SEPCL_RELU);
    }
    sepcl_graph_free(p);
    sepcl_graph_free(g);
  }
}
END_TEST

/* ---- the list ---- */

static sepcl_value make_pad(sepcl_graph *g) {
  int64_t before[] = {0, 1, 1, 0}, after[] = {0, 1, 1, 0};
  return conv(g, sepcl_graph_pad(g, image(g, 5, 5, 3), SEPCL_PAD_CONSTANT, before, after, 0.0f), 3, 4, 3, 0);
}
static sepcl_value make_norm(sepcl_graph *g) { return batch_norm(g, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1), 4); }
static sepcl_value make_input_norm(sepcl_graph *g) { return conv(g, batch_norm(g, image(g, 5, 5, 3), 3), 3, 4, 3, 0); }
static sepcl_value make_activation(sepcl_graph *g) { return relu(g, conv(g, image(g, 5, 5, 3), 3, 4, 3, 1)); }
static sepcl_value make_shuffle(sepcl_graph *g) { return shuffled(g, conv(g, image(g, 5, 5, 3), 3, 6, 1, 0), 5, 6, 2); }
static sepcl_value make_residual(sepcl_graph *g) {
  sepcl_value x = image(g, 5, 5, 3);
  return sepcl_graph_binary(g, SEPCL_ADD, conv(g, x, 3, 3, 1, 0), x);
}
static sepcl_value make_scale(sepcl_graph *g) {
  sepcl_value x = image(g, 5, 5, 8), s = sepcl_graph_global_average_pool(g, x);
  return conv(g, sepcl_graph_binary(g, SEPCL_MUL, x, s), 8, 4, 1, 0);
}
/* values[] gives the first output alone a weight that is not zero: three channels are dead. */
static sepcl_value make_dead(sepcl_graph *g) { return conv(g, conv(g, image(g, 5, 5, 3), 3, 4, 1, 0), 4, 2, 1, 0); }

static const struct {
  const char *name;
  sepcl_value (*make)(sepcl_graph *);
  int changes;
} listed[] = {
    {"fold-pad", make_pad, 1},
    {"fold-batch-norm", make_norm, 1},
    {"fold-input-norm", make_input_norm, 1},
    {"fuse-activation", make_activation, 1},
    {"fold-shuffle", make_shuffle, 1},
    {"fuse-residual", make_residual, 1},
    {"fuse-scale", make_scale, 1},
    {"remove-constant-channels", make_dead, 3},
};
enum { LISTED = sizeof listed / sizeof *listed };

/* A pass's own line is all that says `with`; skipping the pass makes it say "off". */
static void check_line(int row, const char *skip, const char *with) {
  sepcl_graph *g = new_graph(), *copy = NULL;
  sepcl_graph_output(g, "y", listed[row].make(g));
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  options.skip_passes = skip;
  pass_report report;
  ck_assert_int_eq(graph_copy(&copy, g), SEPCL_OK);
  ck_assert_int_eq(passes_run(copy, &options, &report), SEPCL_OK);
  ck_assert_int_ge(report.count, LISTED);
  for (int i = LISTED; i < report.count; i++) /* the weights leave one living output to most of these graphs */
    ck_assert_msg(!strncmp(report.lines[i], "constant channels that stay: ", 29), "'%s'", report.lines[i]);
  char start[80];
  snprintf(start, sizeof start, "%s: %s ", listed[row].name, with);
  ck_assert_msg(!strncmp(report.lines[row], start, strlen(start)), "'%s' is not '%s'", report.lines[row], start);
  sepcl_graph_free(copy);
  sepcl_graph_free(g);
}

/* Every pass of the list is here, in order, counts what it did, and can be left out. */
START_TEST(test_every_pass_has_a_line) {
  char count[16];
  snprintf(count, sizeof count, "%d", listed[_i].changes);
  check_line(_i, NULL, count);
  check_line(_i, listed[_i].name, "off");
}
END_TEST

Suite *suite_passes(void) {
  Suite *suite = suite_create("passes");
  TCase *tcase = tcase_create("passes");
  tcase_add_test(tcase, test_batch_norm_and_activation_fold);
  tcase_add_test(tcase, test_keep_batch_norm_and_skip);
  tcase_add_test(tcase, test_a_value_with_two_readers_is_left_alone);
  tcase_add_test(tcase, test_residual_joins_the_later_convolution);
  tcase_add_test(tcase, test_broadcasting_addition_is_no_residual);
  tcase_add_test(tcase, test_pad_folds_only_when_zero);
  tcase_add_test(tcase, test_channel_scale_moves_into_convolutions);
  tcase_add_test(tcase, test_channel_scale_moves_into_all_readers_or_none);
  tcase_add_test(tcase, test_channel_scale_stays_with_its_addition);
  tcase_add_test(tcase, test_shuffle_becomes_an_order);
  tcase_add_test(tcase, test_shuffle_of_halves_interleaves);
  tcase_add_test(tcase, test_activation_goes_to_the_parts);
  tcase_add_loop_test(tcase, test_every_pass_has_a_line, 0, LISTED);
  suite_add_tcase(suite, tcase);
  return suite;
}
