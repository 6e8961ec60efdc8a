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

static bool depends(const sepcl_network *network, int32_t later, int32_t earlier) {
  const step *a = &network->steps[later], *b = &network->steps[earlier];
  extent a_writes = extent_of(network, &a->y, written_channels(a)),
         b_writes = extent_of(network, &b->y, written_channels(b));
  const place *a_reads[3] = {&a->x, &a->r, &a->s}, *b_reads[3] = {&b->x, &b->r, &b->s};
  if (overlaps(&a_writes, &b_writes)) return true;
  for (int i = 0; i < 3; i++) {
    extent read = extent_of(network, a_reads[i], a_reads[i]->pitch);
    if (overlaps(&read, &b_writes)) return true;
    read = extent_of(network, b_reads[i], b_reads[i]->pitch);
    if (overlaps(&read, &a_writes)) return true;
  }
  return false;
}

sepcl_status find_dependencies(dependency_list *out, const sepcl_network *network) {
  int32_t count = network->step_count;
  size_t words = ((size_t)count + 63) / 64;
  /* implied[i]: the bit set of all steps that are complete once step i may start. */
  uint64_t *implied = calloc((size_t)count * words + 1, sizeof *implied);
  out->first = calloc((size_t)count + 1, sizeof *out->first);
  out->steps = NULL;
  int32_t total = 0, capacity = 0;
  sepcl_status status = implied && out->first ? SEPCL_OK : SEPCL_OUT_OF_MEMORY;
  for (int32_t i = 0; status == SEPCL_OK && i < count; i++) {
    out->first[i] = total;
    if (network->steps[i].view) continue;
    uint64_t *mine = implied + (size_t)i * words;
    for (int32_t k = i - 1; k >= 0; k--) {
      if (network->steps[k].view || (mine[k / 64] >> (k % 64) & 1) || !depends(network, i, k)) continue;
      mine[k / 64] |= (uint64_t)1 << (k % 64);
      for (size_t j = 0; j < words; j++) mine[j] |= implied[(size_t)k * words + j];
      if (total == capacity) {
        capacity = capacity ? 2 * capacity : 64;
        int32_t *grown = realloc(out->steps, (size_t)capacity * sizeof *grown);
        if (!grown) {
          status = SEPCL_OUT_OF_MEMORY;
          break;
        }
        out->steps = grown;
      }
      out->steps[total++] = k;
    }
  }
  if (status == SEPCL_OK) out->first[count] = total;
  free(implied);
  return status == SEPCL_OK ? status : failure(status, "out of memory for the stages' dependencies");
}

void free_dependencies(dependency_list *list) {
  free(list->first);
  free(list->steps);
}
