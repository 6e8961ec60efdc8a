/* sepcl zoo: the networks; sepcl zoo NAME: what weights one has. */
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "npy.h"
#include "session.h"
#include "table.h"
#ifdef SEPCL_HAVE_ZOO
#include "zoo.h"

typedef struct counts {
  uint64_t macs, weights, parameters;
} counts;

static counts count_graph(const sepcl_graph *graph) {
  counts sum = {0, 0, 0};
  for (int32_t i = 0; i < sepcl_graph_node_count(graph); i++) {
    sepcl_node_info n;
    if (sepcl_graph_node_info(&n, graph, i) != SEPCL_OK) continue;
    sum.macs += n.macs;
    sum.weights += n.weights;
    sum.parameters += n.parameters;
  }
  return sum;
}

/* With its default options, without filling in weights. */
static bool count_entry(counts *out, const char *name) {
  sepcl_graph *graph = NULL;
  zoo_arrays arrays;
  if (zoo_build_arrays(&graph, name, 1, &arrays)) return complain("%s", zoo_last_error());
  *out = count_graph(graph);
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
  return true;
}

static int networks_json(const zoo_entry *entries, int count) {
  cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "networks");
  for (int i = 0; i < count; i++) {
    counts c;
    if (!count_entry(&c, entries[i].name)) return cJSON_Delete(root), EXIT_FAILED;
    cJSON *network = cJSON_CreateObject();
    json_text(network, "name", entries[i].name);
    json_text(network, "description", entries[i].description);
    json_text(network, "options", entries[i].options);
    json_number(network, "macs", (double)c.macs);
    json_number(network, "weights", (double)c.weights);
    json_number(network, "params", (double)c.parameters);
    cJSON_AddItemToArray(list, network);
  }
  json_text(root, "common_options", zoo_common_options());
  return json_finish(root);
}

static int networks_table(const zoo_entry *entries, int count) {
  table *t = table_create("network|>MACs|>parameters|what|options and defaults");
  for (int i = 0; i < count; i++) {
    counts c;
    if (!count_entry(&c, entries[i].name)) return table_free(t), EXIT_FAILED;
    table_cell(t, "zoo:%s", entries[i].name);
    table_cell(t, "%llu", (unsigned long long)c.macs);
    table_cell(t, "%llu", (unsigned long long)c.parameters);
    table_cell(t, "%s", entries[i].description);
    table_cell(t, "%s", entries[i].options);
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
  printf(
      "\nall of them: %s, and last weights=FILE.npz or FILE.onnx (random without; `sepcl zoo NAME` lists the names)\n",
      zoo_common_options());
  return EXIT_DONE;
}

static int arrays_json(const char *network, const zoo_arrays *arrays) {
  cJSON *root = cJSON_CreateObject();
  json_text(root, "network", network);
  cJSON *list = cJSON_AddArrayToObject(root, "arrays");
  for (int i = 0; i < arrays->count; i++) {
    cJSON *array = cJSON_CreateObject();
    json_text(array, "name", arrays->items[i].name);
    cJSON_AddItemToObject(array, "shape", json_shape(arrays->items[i].rank, arrays->items[i].dims));
    cJSON_AddItemToArray(list, array);
  }
  return json_finish(root);
}

static int arrays_table(const zoo_arrays *arrays) {
  table *t = table_create("array|shape");
  for (int i = 0; i < arrays->count; i++) {
    char shape[160];
    table_cell(t, "%s", arrays->items[i].name);
    table_cell(t, "%s", npy_shape_text(shape, sizeof shape, arrays->items[i].rank, arrays->items[i].dims));
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
  return EXIT_DONE;
}

static int list_arrays(const options *o, const char *spec) {
  sepcl_graph *graph = NULL;
  zoo_arrays arrays;
  if (zoo_build_arrays(&graph, spec, 1, &arrays)) return complain("%s", zoo_last_error()), EXIT_FAILED;
  int status = o->json ? arrays_json(spec, &arrays) : arrays_table(&arrays);
  zoo_arrays_free(&arrays);
  sepcl_graph_free(graph);
  return status;
}

int command_zoo(const options *o) {
  if (o->argument_count) return list_arrays(o, o->arguments[0]);
  int count;
  const zoo_entry *entries = zoo_entries(&count);
  return o->json ? networks_json(entries, count) : networks_table(entries, count);
}
#else
int command_zoo(const options *o) {
  (void)o;
  complain("this sepcl was built without its zoo");
  return EXIT_FAILED;
}
#endif
