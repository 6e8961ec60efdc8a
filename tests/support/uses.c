#include "support/uses.h"

#include <check.h>
#include <stdlib.h>

#include "graph/passes/passes.h"

void check_uses(sepcl_graph *graph) {
  int64_t *kept = calloc(2 * (size_t)graph->count + 1, sizeof *kept);
  ck_assert_ptr_nonnull(kept);
  for (int32_t i = 0; i < graph->count; i++)
    kept[2 * i] = graph->nodes[i].use_count, kept[2 * i + 1] = graph->nodes[i].use_sum;
  uses_count(graph);
  for (int32_t i = 0; i < graph->count; i++)
    ck_assert_msg(kept[2 * i] == graph->nodes[i].use_count && kept[2 * i + 1] == graph->nodes[i].use_sum,
                  "node %d ('%s'): %d readers were counted instead of %d", i, graph->nodes[i].name, (int)kept[2 * i],
                  graph->nodes[i].use_count);
  free(kept);
}
