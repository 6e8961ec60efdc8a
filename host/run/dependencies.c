/* Which stages must be complete before a stage may start, when stages may overlap: those that wrote what it reads, and
 * those that read or wrote the memory that it writes. Dependencies that others imply are dropped. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "run/run.h"

/* Channels of the pixels that a place covers: [first, first + count) of every `pitch` floats. */
typedef struct extent {
  const storage *s;
  int64_t first, count, pitch;
} extent;

static extent extent_of(const sepcl_network *network, const place *p, int64_t channels) {
  extent e = {NULL, 0, 0, 0};
  if (p->root == SEPCL_NO_VALUE) return e;
  e.s = &network->storages[p->root];
  e.first = p->offset;
  e.count = channels;
  e.pitch = p->pitch;
  return e;
}

static bool overlaps(const extent *a, const extent *b) {
  if (!a->s || !b->s || a->s->kind != b->s->kind) return false;
  if (a->s->kind == STORAGE_WEIGHTS || a->s->kind == STORAGE_BIASES) return false; /* never written */
  if (a->s->kind == STORAGE_IO) return a->s->index == b->s->index;
  if (a->s != b->s) return a->s->at < b->s->at + b->s->floats && b->s->at < a->s->at + a->s->floats;
  /* The same storage: two slices of channels may lie side by side. */
  if (a->pitch != b->pitch || a->first + a->count > a->pitch || b->first + b->count > b->pitch) return true;
  return a->first < b->first + b->count && b->first < a->first + a->count;
}

/* How many channels of each pixel the step writes; strided stages and other orders may write anywhere in it. */
static int64_t written_channels(const step *p) {
  return p->bound.s.rank || p->bound.s.output_order ? p->y.pitch : p->bound.s.output.c;
}

/* What a step writes and reads, side by side in memory: every pair of steps is compared. */
typedef struct step_extents {
  extent writes, reads[3];
} step_extents;

static step_extents extents_of(const sepcl_network *network, const step *p) {
  const place *reads[3] = {&p->x, &p->r, &p->s};
  step_extents e = {.writes = extent_of(network, &p->y, written_channels(p))};
  for (int i = 0; i < 3; i++) e.reads[i] = extent_of(network, reads[i], reads[i]->pitch);
  return e;
}

static bool depends(const step_extents *later, const step_extents *earlier) {
  if (overlaps(&later->writes, &earlier->writes)) return true;
  for (int i = 0; i < 3; i++)
    if (overlaps(&later->reads[i], &earlier->writes) || overlaps(&earlier->reads[i], &later->writes)) return true;
  return false;
}

static bool append(dependency_list *out, int32_t *total, int32_t *capacity, int32_t earlier) {
  if (*total == *capacity) {
    int32_t wanted = *capacity ? 2 * *capacity : 64;
    int32_t *grown = realloc(out->steps, (size_t)wanted * sizeof *grown);
    if (!grown) return false;
    out->steps = grown;
    *capacity = wanted;
  }
  out->steps[(*total)++] = earlier;
  return true;
}

/* implied[i]: the bit set of all steps that are complete once step i may start. */
static bool fill(dependency_list *out, const sepcl_network *network, const step_extents *extents, uint64_t *implied) {
  const int32_t count = network->step_count;
  const size_t words = ((size_t)count + 63) / 64;
  int32_t total = 0, capacity = 0;
  for (int32_t i = 0; i < count; i++) {
    out->first[i] = total;
    if (network->steps[i].view) continue;
    uint64_t *mine = implied + (size_t)i * words;
    for (int32_t k = i - 1; k >= 0; k--) {
      if ((mine[k / 64] >> (k % 64) & 1) || network->steps[k].view || !depends(&extents[i], &extents[k])) continue;
      mine[k / 64] |= (uint64_t)1 << (k % 64);
      for (size_t j = 0; j < words; j++) mine[j] |= implied[(size_t)k * words + j];
      if (!append(out, &total, &capacity, k)) return false;
    }
  }
  out->first[count] = total;
  return true;
}

sepcl_status find_dependencies(dependency_list *out, const sepcl_network *network) {
  size_t count = (size_t)network->step_count, words = (count + 63) / 64;
  uint64_t *implied = calloc(count * words + 1, sizeof *implied);
  step_extents *extents = calloc(count + 1, sizeof *extents);
  out->first = calloc(count + 1, sizeof *out->first);
  out->steps = NULL;
  bool done = implied && extents && out->first;
  for (size_t i = 0; done && i < count; i++) extents[i] = extents_of(network, &network->steps[i]);
  done = done && fill(out, network, extents, implied);
  free(implied);
  free(extents);
  return done ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for the stages' dependencies");
}

void free_dependencies(dependency_list *list) {
  free(list->first);
  free(list->steps);
}
