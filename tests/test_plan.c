/* Places and the arena: no two storages that live at one time overlap, and the arena stays near its lower bound. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run/network.h"

enum { STORAGES = 40 };

/* A network of storages with given lifetimes, as plan_memory sees one: step i reads and writes what lives at i. */
typedef struct fake {
  sepcl_network network;
  sepcl_graph graph;
  node nodes[STORAGES];
  storage storages[STORAGES];
  place places[STORAGES];
} fake;

static fake *make_fake(unsigned seed, int32_t count, int32_t steps) {
  fake *f = calloc(1, sizeof *f);
  ck_assert_ptr_nonnull(f);
  f->graph.nodes = f->nodes;
  f->graph.count = count;
  f->network.graph = &f->graph;
  f->network.storages = f->storages;
  f->network.places = f->places;
  srand(seed);
  for (int32_t i = 0; i < count; i++) f->storages[i] = (storage){STORAGE_ARENA, 0, 1 + rand() % 5000, 0, -1, -1, false};
  for (int32_t i = 0; i < steps; i++) {
    step *p = network_add_step(&f->network, 0);
    ck_assert_ptr_nonnull(p);
    p->x = (place){rand() % count, 0, 1};
    p->y = (place){rand() % count, 0, 1};
  }
  return f;
}

static void free_fake(fake *f) {
  free(f->network.steps);
  free(f);
}

static int overlapping(const fake *f) {
  int count = 0;
  for (int32_t i = 0; i < f->graph.count; i++)
    for (int32_t k = 0; k < i; k++) {
      const storage *a = &f->storages[i], *b = &f->storages[k];
      int together = a->first >= 0 && b->first >= 0 && a->first <= b->last && b->first <= a->last;
      count += together && a->at < b->at + b->floats && b->at < a->at + a->floats;
    }
  return count;
}

START_TEST(test_nothing_alive_overlaps) {
  for (unsigned seed = 1; seed <= 60; seed++) {
    fake *f = make_fake(seed, 3 + (int32_t)seed % (STORAGES - 3), 12 + (int32_t)seed);
    ck_assert_int_eq(plan_memory(&f->network), SEPCL_OK);
    ck_assert_msg(overlapping(f) == 0, "seed %u", seed);
    ck_assert_int_ge(f->network.arena_floats, f->network.arena_bound_floats);
    for (int32_t i = 0; i < f->graph.count; i++)
      if (f->storages[i].first >= 0)
        ck_assert_int_le(f->storages[i].at + f->storages[i].floats, f->network.arena_floats);
    free_fake(f);
  }
}
END_TEST

START_TEST(test_the_overlap_check_can_fail) {
  fake *f = make_fake(7, 20, 40);
  ck_assert_int_eq(plan_memory(&f->network), SEPCL_OK);
  for (int32_t i = 0; i < f->graph.count; i++) f->storages[i].at = 0;
  ck_assert_int_gt(overlapping(f), 0);
  free_fake(f);
}
END_TEST

START_TEST(test_a_chain_needs_its_two_largest_neighbours) {
  fake *f = make_fake(1, 4, 0);
  int64_t floats[] = {640, 1280, 64, 6400};
  for (int32_t i = 0; i < 4; i++) f->storages[i].floats = floats[i];
  for (int32_t i = 0; i < 3; i++) {
    step *p = network_add_step(&f->network, 0);
    p->x = (place){i, 0, 1};
    p->y = (place){i + 1, 0, 1};
  }
  ck_assert_int_eq(plan_memory(&f->network), SEPCL_OK);
  ck_assert_int_eq(f->network.arena_bound_floats, 6464);
  ck_assert_int_eq(f->network.arena_floats, 6464);
  free_fake(f);
}
END_TEST

/* ---- places ---- */

static sepcl_value act(sepcl_graph *g, sepcl_value x) {
  return sepcl_graph_activation(g, x, (sepcl_activation){SEPCL_TANH, 0, 0});
}

static void place_graph(sepcl_network *network, sepcl_graph *g, sepcl_value y) {
  sepcl_graph_output(g, "y", y);
  ck_assert_msg(sepcl_graph_status(g) == SEPCL_OK, "%s", sepcl_last_error());
  memset(network, 0, sizeof *network);
  network->graph = g;
  ck_assert_int_eq(place_values(network), SEPCL_OK);
}

static void drop(sepcl_network *network) {
  free(network->places);
  free(network->storages);
  sepcl_graph_free(network->graph);
}

START_TEST(test_nested_concatenations_share_one_storage) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){1, 2, 2, 8});
  sepcl_value a = act(g, x), b = act(g, a);
  sepcl_value ab = sepcl_graph_concat(g, (sepcl_value[]){a, b}, 2, 3);
  sepcl_value c = act(g, ab);
  sepcl_value abc = sepcl_graph_concat(g, (sepcl_value[]){ab, c}, 2, 3);
  sepcl_network network;
  place_graph(&network, g, act(g, abc));
  const place *p = network.places;
  ck_assert_int_eq(p[a].root, abc);
  ck_assert_int_eq(p[b].root, abc);
  ck_assert_int_eq(p[c].root, abc);
  ck_assert_int_eq(p[a].offset, 0);
  ck_assert_int_eq(p[b].offset, 8);
  ck_assert_int_eq(p[c].offset, 16);
  ck_assert_int_eq(p[b].pitch, 32);
  ck_assert_int_eq(p[ab].pitch, 32);
  drop(&network);
}
END_TEST

START_TEST(test_slices_of_channels_and_reshapes_are_views) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value x = act(g, sepcl_graph_input(g, "x", 4, (int64_t[]){1, 2, 2, 8}));
  sepcl_value right = sepcl_graph_slice(g, x, (int64_t[]){0, 0, 0, 5}, (int64_t[]){1, 2, 2, 3}, NULL);
  sepcl_value rows = sepcl_graph_slice(g, x, (int64_t[]){0, 1, 0, 0}, (int64_t[]){1, 1, 2, 8}, NULL);
  sepcl_value flat = sepcl_graph_reshape(g, x, 2, (int64_t[]){1, 32});
  sepcl_value torn = sepcl_graph_reshape(g, right, 2, (int64_t[]){1, 12});
  sepcl_value kept = sepcl_graph_reshape(g, right, 2, (int64_t[]){4, 3});
  sepcl_graph_output(g, "rows", act(g, rows));
  sepcl_graph_output(g, "flat", act(g, flat));
  sepcl_graph_output(g, "torn", act(g, torn));
  sepcl_network network;
  place_graph(&network, g, act(g, kept));
  const place *p = network.places;
  ck_assert_int_eq(p[right].root, x);
  ck_assert_int_eq(p[right].offset, 5);
  ck_assert_int_eq(p[right].pitch, 8);
  ck_assert_int_eq(p[rows].root, rows); /* a copy: not along the channels */
  ck_assert_int_eq(p[flat].root, x);
  ck_assert_int_eq(p[flat].pitch, 32);
  ck_assert_int_eq(p[torn].root, torn);
  ck_assert_int_eq(p[kept].root, x);
  ck_assert_int_eq(p[kept].pitch, 8);
  drop(&network);
}
END_TEST

START_TEST(test_a_value_cannot_be_in_two_concatenations) {
  sepcl_graph *g = NULL;
  ck_assert_int_eq(sepcl_graph_create(&g), SEPCL_OK);
  sepcl_value a = act(g, sepcl_graph_input(g, "x", 4, (int64_t[]){1, 2, 2, 8}));
  sepcl_value twice = sepcl_graph_concat(g, (sepcl_value[]){a, a}, 2, 3);
  sepcl_value other = sepcl_graph_concat(g, (sepcl_value[]){a, twice}, 2, 3);
  sepcl_network network;
  place_graph(&network, g, act(g, other));
  ck_assert_int_eq(network.places[a].root, other);
  ck_assert_int_eq(network.places[a].offset, 0);
  ck_assert_int_eq(network.places[twice].offset, 8);
  drop(&network);
}
END_TEST

Suite *suite_plan(void) {
  Suite *suite = suite_create("plan");
  TCase *tcase = tcase_create("plan");
  tcase_add_test(tcase, test_nothing_alive_overlaps);
  tcase_add_test(tcase, test_the_overlap_check_can_fail);
  tcase_add_test(tcase, test_a_chain_needs_its_two_largest_neighbours);
  tcase_add_test(tcase, test_nested_concatenations_share_one_storage);
  tcase_add_test(tcase, test_slices_of_channels_and_reshapes_are_views);
  tcase_add_test(tcase, test_a_value_cannot_be_in_two_concatenations);
  suite_add_tcase(suite, tcase);
  return suite;
}
