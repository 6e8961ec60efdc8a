#ifdef SEPCL_HAVE_ZOO
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "message.h"
#include "npz.h"

typedef struct reading {
  const zoo_arrays *arrays;
  const char *network;
  bool *found; /* per array */
  bool in_order;
  int next; /* in order: the array that comes next */
} reading;

static int find_array(const reading *r, const char *name) {
  for (int i = 0; i < r->arrays->count; i++)
    if (!strcmp(r->arrays->items[i].name, name)) return i;
  return -1;
}

static size_t elements_of(const zoo_array *array) {
  size_t count = 1;
  for (int i = 0; i < array->rank; i++) count *= (size_t)array->dims[i];
  return count;
}

static bool check_shape(const reading *r, const zoo_array *array, int rank, const int64_t *dims) {
  bool same = rank == array->rank;
  for (int i = 0; same && i < rank; i++) same = dims[i] == array->dims[i];
  if (same) return true;
  char here[192], wanted[192];
  return complain("%s: %s is %s, zoo:%s wants %s%s", r->arrays->file, array->name,
                  npy_shape_text(here, sizeof here, rank, dims), r->network,
                  npy_shape_text(wanted, sizeof wanted, array->rank, array->dims),
                  r->in_order ? " (no layer has a name of the zoo's: taken in order)" : "");
}

/* The array called `name`, not yet found; NULL with a complaint. */
static zoo_array *claim(reading *r, const char *name) {
  int i = r->in_order ? r->next++ : find_array(r, name);
  if (i < 0 || i >= r->arrays->count)
    return complain("%s has %.80s, zoo:%s has not (`sepcl zoo %s` lists its weights)", r->arrays->file, name,
                    r->network, r->network),
           NULL;
  if (r->found[i]) return complain("%s has %.80s twice", r->arrays->file, name), NULL;
  r->found[i] = true;
  return &r->arrays->items[i];
}

static bool check_all_found(const reading *r) {
  int missing = 0, first = -1;
  for (int i = 0; i < r->arrays->count; i++)
    if (!r->found[i]) {
      if (!missing++) first = i;
    }
  if (!missing) return true;
  return complain("%s lacks %s and %d more of the %d arrays of zoo:%s (`sepcl zoo %s` lists them)", r->arrays->file,
                  r->arrays->items[first].name, missing - 1, r->arrays->count, r->network, r->network);
}

/* ---- .npz ---- */

static bool read_entry(reading *r, npz *file, int index) {
  char name[NPZ_NAME];
  npy values;
  if (!npz_name(file, index, name)) return false;
  zoo_array *array = claim(r, name);
  if (!array) return false;
  size_t count = elements_of(array);
  if (!npz_read(file, index, count, &values)) return false;
  bool good = check_shape(r, array, values.rank, values.dims);
  if (good) memcpy(array->data, values.data, count * sizeof *array->data);
  npy_free(&values);
  return good;
}

static bool read_npz(reading *r) {
  npz *file = npz_open(r->arrays->file);
  if (!file) return false;
  bool good = true;
  for (int i = 0; good && i < npz_count(file); i++) good = read_entry(r, file, i);
  npz_close(file);
  return good && check_all_found(r);
}

/* ---- ONNX: what the reader made of the file ---- */

/* A constant of the file's graph; weights of a fully connected layer may lie transposed. */
static bool take(reading *r, const sepcl_graph *graph, const char *layer, const char *part, sepcl_value value,
                 bool transposed) {
  char name[192];
  const node *from = graph_node(graph, value);
  if (!from) return true;
  snprintf(name, sizeof name, "%.120s.%s", layer, part);
  zoo_array *array = claim(r, name);
  if (!array) return false;
  if (!from->data) return complain("%s: %s is no constant", r->arrays->file, name);
  const int64_t turned[2] = {from->dims[1], from->dims[0]};
  const bool turn = transposed && from->rank == 2;
  if (!check_shape(r, array, from->rank, turn ? turned : from->dims)) return false;
  const size_t count = elements_of(array), rows = (size_t)from->dims[0], columns = count / (rows ? rows : 1);
  for (size_t i = 0; i < count; i++) array->data[turn ? i % columns * rows + i / columns : i] = from->data[i];
  return true;
}

static bool take_layer(reading *r, const sepcl_graph *graph, const node *n) {
  static const char *const norm_parts[] = {"weight", "bias", "running_mean", "running_var"};
  switch (n->kind) {
    case NODE_BATCH_NORM:
      for (int i = 0; i < 4; i++)
        if (!take(r, graph, n->name, norm_parts[i], n->inputs[1 + i], false)) return false;
      return true;
    case NODE_CONV:
    case NODE_DEFORM_CONV:
    case NODE_MATMUL: {
      const weight_set set = node_weight_set(n);
      if (n->kind != NODE_MATMUL && set.layout != SEPCL_OIHW)
        return complain("%s: the weights of '%.80s' are in no order that is known here", r->arrays->file, n->name);
      return take(r, graph, n->name, "weight", set.weights, set.layout == SEPCL_HWIO) &&
             take(r, graph, n->name, "bias", set.bias, false);
    }
    default: return true;
  }
}

static bool has_weights(const node *n) {
  return n->kind == NODE_BATCH_NORM || n->kind == NODE_CONV || n->kind == NODE_DEFORM_CONV || n->kind == NODE_MATMUL;
}

/* Whether any of the file's layers has a name of the network's. */
static bool knows_names(const reading *r, const sepcl_graph *graph) {
  for (int32_t i = 0; i < graph->count; i++) {
    char name[192];
    if (!has_weights(&graph->nodes[i])) continue;
    snprintf(name, sizeof name, "%.120s.weight", graph->nodes[i].name);
    if (find_array(r, name) >= 0) return true;
  }
  return false;
}

static bool read_onnx(reading *r) {
  sepcl_graph *graph = NULL;
  if (sepcl_graph_load(&graph, r->arrays->file, NULL) != SEPCL_OK) return complain_library();
  r->in_order = !knows_names(r, graph);
  bool good = true;
  for (int32_t i = 0; good && i < graph->count; i++) good = take_layer(r, graph, &graph->nodes[i]);
  sepcl_graph_free(graph);
  return good && check_all_found(r);
}

bool weights_read(const zoo_arrays *arrays, const char *network) {
  char begin[4] = "";
  FILE *file = fopen(arrays->file, "rb");
  if (!file) return complain("cannot open %s: %m", arrays->file);
  size_t got = fread(begin, 1, sizeof begin, file);
  fclose(file);
  reading r = {arrays, network, calloc((size_t)arrays->count + 1, sizeof *r.found), false, 0};
  if (!r.found) return complain("out of memory for %s", arrays->file);
  bool good = got == 4 && !memcmp(begin, "PK", 2) && begin[2] < 8 ? read_npz(&r) : read_onnx(&r);
  free(r.found);
  return good;
}
#else
typedef int weights_without_zoo;
#endif
