/* Lifetimes to offsets: storages that live at the same time may not overlap in the arena. Greedy placement in several
 * orders, then in seeded random ones while the arena is more than 5% above the breadth lower bound (the most that lives
 * at one time), which no plan can go below. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "run/network.h"

enum {
  ALIGNMENT_FLOATS = 64,
  MAX_TRIES = 400,
  MAX_PLACEMENTS = 1 << 27 /* a try compares each storage with those before it: tens of milliseconds in all */
};

static int64_t aligned(int64_t floats) { return (floats + ALIGNMENT_FLOATS - 1) / ALIGNMENT_FLOATS * ALIGNMENT_FLOATS; }

static void touch(sepcl_network *network, const place *at, int32_t step) {
  if (at->root == SEPCL_NO_VALUE) return;
  storage *s = &network->storages[at->root];
  if (s->first < 0) s->first = step;
  if (step > s->last) s->last = step;
}

static void find_lifetimes(sepcl_network *network) {
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    if (p->view) continue;
    touch(network, &p->x, i);
    touch(network, &p->r, i);
    touch(network, &p->s, i);
    touch(network, &p->y, i);
  }
}

static sepcl_status find_breadth(const sepcl_network *network, storage *const *live, int32_t count, int64_t *most) {
  int64_t *change = calloc((size_t)network->step_count + 1, sizeof *change), sum = 0;
  if (!change) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the memory plan");
  for (int32_t k = 0; k < count; k++) {
    change[live[k]->first] += aligned(live[k]->floats);
    change[live[k]->last + 1] -= aligned(live[k]->floats);
  }
  *most = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    sum += change[i];
    if (sum > *most) *most = sum;
  }
  free(change);
  return SEPCL_OK;
}

/* `placed` stays sorted by offset. */
static void insert(storage **placed, int32_t done, storage *s) {
  int32_t low = 0, high = done;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (placed[middle]->at <= s->at)
      low = middle + 1;
    else
      high = middle;
  }
  memmove(placed + low + 1, placed + low, (size_t)(done - low) * sizeof *placed);
  placed[low] = s;
}

static int by_size(const void *a, const void *b) {
  const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
  if (x->floats != y->floats) return (x->floats < y->floats) - (x->floats > y->floats);
  return x->first - y->first;
}

static int by_first(const void *a, const void *b) {
  const storage *x = *(storage *const *)a, *y = *(storage *const *)b;
  if (x->first != y->first) return x->first - y->first;
  return (x->floats < y->floats) - (x->floats > y->floats);
}

/* Places the storages in the given order, each in the lowest gap that fits among those placed that live at the same
 * time. `placed` is scratch. Returns the arena's size. */
static int64_t place_in_order(storage *const *order, int32_t count, storage **placed) {
  int64_t size = 0;
  int32_t done = 0;
  for (int32_t i = 0; i < count; i++) {
    storage *s = order[i];
    int64_t need = aligned(s->floats), at = 0;
    for (int32_t k = 0; k < done; k++) {
      const storage *o = placed[k];
      if (o->last < s->first || s->last < o->first) continue;
      if (at + need <= o->at) break;
      int64_t end = o->at + aligned(o->floats);
      if (end > at) at = end;
    }
    s->at = at;
    if (at + need > size) size = at + need;
    insert(placed, done++, s);
  }
  return size;
}

static void shuffle_a_little(storage **order, int32_t count, uint32_t *seed) {
  for (int32_t swaps = 0; swaps < 1 + count / 8; swaps++) {
    *seed = *seed * 1664525u + 1013904223u;
    int32_t i = (int32_t)((*seed >> 8) % (uint32_t)count);
    *seed = *seed * 1664525u + 1013904223u;
    int32_t k = (int32_t)((*seed >> 8) % (uint32_t)count);
    storage *swap = order[i];
    order[i] = order[k];
    order[k] = swap;
  }
}

typedef struct search {
  storage **order, **best_order, **scratch;
  int32_t count;
  int64_t best;
} search;

static void try_order(search *s) {
  int64_t size = place_in_order(s->order, s->count, s->scratch);
  if (s->best >= 0 && size >= s->best) return;
  s->best = size;
  memcpy(s->best_order, s->order, (size_t)s->count * sizeof *s->order);
}

static void find_offsets(search *s, int64_t bound) {
  qsort(s->order, (size_t)s->count, sizeof *s->order, by_first);
  try_order(s);
  qsort(s->order, (size_t)s->count, sizeof *s->order, by_size);
  try_order(s);
  uint32_t seed = 1;
  const int64_t tries = MAX_PLACEMENTS / ((int64_t)s->count * s->count);
  for (int32_t i = 0; i < tries && i < MAX_TRIES && s->best > bound; i++) {
    memcpy(s->order, s->best_order, (size_t)s->count * sizeof *s->order);
    shuffle_a_little(s->order, s->count, &seed);
    try_order(s);
  }
  s->best = place_in_order(s->best_order, s->count, s->scratch);
}

sepcl_status plan_memory(sepcl_network *network) {
  find_lifetimes(network);
  int32_t total = network->graph->count;
  storage **lists = calloc(3 * (size_t)total + 1, sizeof *lists);
  if (!lists) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the memory plan");
  search s = {lists, lists + total, lists + 2 * (size_t)total, 0, -1};
  for (int32_t i = 0; i < total; i++) {
    storage *candidate = &network->storages[i];
    if (candidate->kind == STORAGE_ARENA && candidate->first >= 0) s.order[s.count++] = candidate;
  }
  sepcl_status status = find_breadth(network, s.order, s.count, &network->arena_bound_floats);
  if (status == SEPCL_OK && s.count) find_offsets(&s, network->arena_bound_floats);
  network->arena_floats = s.count ? s.best : 0;
  free(lists);
  return status;
}
