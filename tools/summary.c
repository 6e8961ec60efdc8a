/* sepcl summary: what a model consists of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "npy.h"
#include "session.h"
#include "table.h"

typedef struct kind_sum {
  char name[48];
  uint64_t macs, weights, parameters, bytes;
  int32_t layers;
} kind_sum;

typedef struct totals {
  uint64_t macs, weights, parameters, bytes, standard_macs;
  kind_sum kinds[64];
  int32_t kind_count;
} totals;

/* "conv 3x3", "depthwise 3x3", "group conv 1x1", "FC", or the node's own kind. */
static void kind_text(char *out, size_t size, const sepcl_node_info *n) {
  uint64_t outputs = n->rank ? (uint64_t)n->dims[n->rank - 1] : 1,
           kernel = (uint64_t)n->kernel_h * (uint64_t)n->kernel_w;
  if (!n->macs || !n->weights || !kernel || strstr(n->kind, "transpose") || strstr(n->kind, "deform")) {
    snprintf(out, size, "%s", n->macs && n->weights && !kernel ? "FC" : n->kind);
    return;
  }
  const char *what = "conv";
  if (n->groups > 1) what = n->weights == outputs * kernel ? "depthwise" : "group conv";
  snprintf(out, size, "%s %dx%d", what, n->kernel_h, n->kernel_w);
}

static bool is_layer(const sepcl_node_info *n) { return strcmp(n->kind, "input") && strcmp(n->kind, "constant"); }

static void add(totals *sums, const sepcl_node_info *n) {
  sums->macs += n->macs;
  sums->weights += n->weights;
  sums->parameters += n->parameters;
  sums->bytes += n->bytes;
  sums->standard_macs += n->standard_macs;
  if (!n->macs && !n->parameters && !n->bytes) return;
  char name[48];
  kind_text(name, sizeof name, n);
  int32_t i = 0;
  while (i < sums->kind_count && strcmp(sums->kinds[i].name, name)) i++;
  if (i == (int32_t)(sizeof sums->kinds / sizeof *sums->kinds)) return;
  if (i == sums->kind_count) {
    sums->kinds[i] = (kind_sum){.macs = 0};
    memcpy(sums->kinds[i].name, name, sizeof name);
    sums->kind_count++;
  }
  sums->kinds[i].macs += n->macs;
  sums->kinds[i].weights += n->weights;
  sums->kinds[i].parameters += n->parameters;
  sums->kinds[i].bytes += n->bytes;
  sums->kinds[i].layers++;
}

static int by_macs(const void *a, const void *b) {
  const kind_sum *x = a, *y = b;
  if (x->macs != y->macs) return x->macs < y->macs ? 1 : -1;
  if (x->parameters != y->parameters) return x->parameters < y->parameters ? 1 : -1;
  return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static double share(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : 0.0; }

static int print_json(const session *s, const totals *sums) {
  cJSON *root = cJSON_CreateObject();
  json_text(root, "model", s->model);
  json_number(root, "macs", (double)sums->macs);
  json_number(root, "weights", (double)sums->weights);
  json_number(root, "params", (double)sums->parameters);
  json_number(root, "bytes", (double)sums->bytes);
  json_number(root, "standard_macs", (double)sums->standard_macs);
  cJSON *kinds = cJSON_AddObjectToObject(root, "by_kind");
  for (int i = 0; i < sums->kind_count; i++) {
    cJSON *kind = cJSON_AddObjectToObject(kinds, sums->kinds[i].name);
    json_number(kind, "layers", sums->kinds[i].layers);
    json_number(kind, "macs", (double)sums->kinds[i].macs);
    json_number(kind, "weights", (double)sums->kinds[i].weights);
    json_number(kind, "params", (double)sums->kinds[i].parameters);
    json_number(kind, "bytes", (double)sums->kinds[i].bytes);
    json_number(kind, "share_of_macs", share(sums->kinds[i].macs, sums->macs));
    json_number(kind, "share_of_weights", share(sums->kinds[i].weights, sums->weights));
  }
  cJSON *layers = cJSON_AddArrayToObject(root, "layers");
  for (int i = 0; i < sepcl_graph_node_count(s->graph); i++) {
    sepcl_node_info n;
    if (sepcl_graph_node_info(&n, s->graph, i) != SEPCL_OK || !is_layer(&n)) continue;
    char kind[48];
    kind_text(kind, sizeof kind, &n);
    cJSON *layer = cJSON_CreateObject();
    json_text(layer, "name", n.name);
    json_text(layer, "kind", kind);
    cJSON_AddItemToObject(layer, "output_shape", json_shape(n.rank, n.dims));
    json_number(layer, "macs", (double)n.macs);
    json_number(layer, "weights", (double)n.weights);
    json_number(layer, "params", (double)n.parameters);
    json_number(layer, "bytes", (double)n.bytes);
    json_number(layer, "standard_macs", (double)n.standard_macs);
    cJSON_AddItemToArray(layers, layer);
  }
  return json_finish(root);
}

static void print_layers(const session *s) {
  table *t = table_create("layer|kind|output|>MACs|>weights|>parameters|>bytes|>as standard|>saving");
  for (int i = 0; i < sepcl_graph_node_count(s->graph); i++) {
    sepcl_node_info n;
    if (sepcl_graph_node_info(&n, s->graph, i) != SEPCL_OK || !is_layer(&n)) continue;
    char kind[48], shape[160];
    kind_text(kind, sizeof kind, &n);
    table_cell(t, "%s", n.name);
    table_cell(t, "%s", kind);
    table_cell(t, "%s", npy_shape_text(shape, sizeof shape, n.rank, n.dims));
    uint64_t numbers[4] = {n.macs, n.weights, n.parameters, n.bytes};
    for (int k = 0; k < 4; k++) {
      if (numbers[k])
        table_cell(t, "%llu", (unsigned long long)numbers[k]);
      else
        table_cell(t, "%s", "");
    }
    uint64_t kernel = (uint64_t)n.kernel_h * (uint64_t)n.kernel_w;
    if (n.standard_macs > n.macs && kernel) { /* a separable block, shown at its depthwise half */
      uint64_t pointwise = n.standard_macs / kernel;
      table_cell(t, "%llu", (unsigned long long)n.standard_macs);
      table_cell(t, "%.2fx", share(n.standard_macs, n.macs + pointwise));
    }
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
}

static void print_kinds(const totals *sums) {
  table *t = table_create("kind|>layers|>MACs|>share|>weights|>share|>parameters|>bytes|");
  for (int i = 0; i < sums->kind_count; i++) {
    const kind_sum *k = &sums->kinds[i];
    char bar[64];
    table_cell(t, "%s", k->name);
    table_cell(t, "%d", k->layers);
    table_cell(t, "%llu", (unsigned long long)k->macs);
    table_cell(t, "%.2f%%", 100.0 * share(k->macs, sums->macs));
    table_cell(t, "%llu", (unsigned long long)k->weights);
    table_cell(t, "%.2f%%", 100.0 * share(k->weights, sums->weights));
    table_cell(t, "%llu", (unsigned long long)k->parameters);
    table_cell(t, "%llu", (unsigned long long)k->bytes);
    table_cell(t, "%s", bar_text(bar, share(k->macs, sums->macs), 20));
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
}

static int print_tables(const session *s, const totals *sums) {
  print_layers(s);
  puts("");
  print_kinds(sums);
  printf("\n%llu MACs, %llu weights, %llu parameters, %llu bytes read and written by layers run one by one\n",
         (unsigned long long)sums->macs, (unsigned long long)sums->weights, (unsigned long long)sums->parameters,
         (unsigned long long)sums->bytes);
  if (sums->standard_macs > sums->macs)
    printf("with standard convolutions instead of separable ones: %llu MACs, %.2f times as many\n",
           (unsigned long long)sums->standard_macs, share(sums->standard_macs, sums->macs));
  return EXIT_DONE;
}

int command_summary(const options *o) {
  session s;
  totals sums = {0};
  int status = EXIT_FAILED;
  if (session_load(&s, o, o->arguments[0])) {
    for (int i = 0; i < sepcl_graph_node_count(s.graph); i++) {
      sepcl_node_info n;
      if (sepcl_graph_node_info(&n, s.graph, i) == SEPCL_OK) add(&sums, &n);
    }
    qsort(sums.kinds, (size_t)sums.kind_count, sizeof *sums.kinds, by_macs);
    status = o->json ? print_json(&s, &sums) : print_tables(&s, &sums);
  }
  session_free(&s);
  return status;
}
