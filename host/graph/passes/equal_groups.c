/* Each channel joins a group of one grouping with a group of the other. The choice grows step by step, each giving all
 * groups of a grouping the same number of channels more, as long as augmenting paths find them: what no path can
 * enlarge is the largest. */
#include "graph/passes/equal_groups.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

typedef struct choice {
  const bool *may;
  bool *chosen, *before; /* before: the last choice of equal counts */
  bool *seen[MAX_GROUPINGS];
  int32_t *used[MAX_GROUPINGS];
  int32_t limit[MAX_GROUPINGS];
  const grouping *groupings;
  int32_t channels;
} choice;

/* Gives the first grouping's `group` one channel more; others may change theirs. */
static bool augment(choice *s, int32_t group) {
  const int32_t *of = s->groupings[0].of, *to = s->groupings[1].of;
  s->seen[0][group] = true;
  for (int32_t c = 0; c < s->channels; c++) {
    if (of[c] != group || !s->may[c] || s->chosen[c] || s->seen[1][to[c]]) continue;
    s->seen[1][to[c]] = true;
    if (s->used[1][to[c]] < s->limit[1]) {
      s->used[1][to[c]]++;
      return s->chosen[c] = true;
    }
    for (int32_t d = 0; d < s->channels; d++)
      if (s->chosen[d] && to[d] == to[c] && !s->seen[0][of[d]] && augment(s, of[d])) {
        s->chosen[d] = false;
        return s->chosen[c] = true;
      }
  }
  return false;
}

static bool fill(choice *s) {
  for (int32_t g = 0; g < s->groupings[0].groups; g++)
    for (; s->used[0][g] < s->limit[0]; s->used[0][g]++) {
      for (int k = 0; k < MAX_GROUPINGS; k++) memset(s->seen[k], 0, (size_t)s->groupings[k].groups * sizeof(bool));
      if (!augment(s, g)) return false;
    }
  return true;
}

static int64_t common_multiple(int64_t a, int64_t b) {
  int64_t x = a, y = b;
  while (y) {
    const int64_t rest = x % y;
    x = y;
    y = rest;
  }
  return a / x * b;
}

static void choose(choice *s) {
  const grouping *g = s->groupings;
  const int64_t step = common_multiple(g[0].groups, g[1].groups);
  for (int64_t total = step; total <= s->channels; total += step) {
    for (int k = 0; k < MAX_GROUPINGS; k++) {
      s->limit[k] = (int32_t)(total / g[k].groups);
      if (s->limit[k] > s->channels / g[k].groups - g[k].least) return;
    }
    if (!fill(s)) return;
    memcpy(s->before, s->chosen, (size_t)s->channels * sizeof *s->before);
  }
}

/* A path passes each group at most once and looks at all channels there, and each channel takes a path. Of more than
 * this many looks, seconds of them, none are taken: no network of the field comes near. */
#define MAX_LOOKS ((int64_t)1 << 31)

static bool takes_too_long(int32_t channels, const grouping groupings[MAX_GROUPINGS]) {
  const int64_t groups = (int64_t)groupings[0].groups + groupings[1].groups;
  return groups > MAX_LOOKS / ((int64_t)channels * channels + 1);
}

sepcl_status equal_groups(bool *goes, int32_t channels, const grouping groupings[MAX_GROUPINGS]) {
  if (takes_too_long(channels, groupings)) {
    memset(goes, 0, (size_t)channels * sizeof *goes);
    return SEPCL_OK;
  }
  const size_t count = (size_t)channels + 1;
  choice s = {.may = goes, .groupings = groupings, .channels = channels};
  bool *flags = calloc(4 * count, sizeof *flags);
  int32_t *used = calloc(2 * count, sizeof *used);
  sepcl_status status = SEPCL_OK;
  if (flags && used) {
    s.chosen = flags;
    s.before = flags + count;
    for (int k = 0; k < MAX_GROUPINGS; k++) {
      s.seen[k] = flags + (size_t)(2 + k) * count;
      s.used[k] = used + (size_t)k * count;
    }
    choose(&s);
    memcpy(goes, s.before, (size_t)channels * sizeof *goes);
  } else {
    status = failure(SEPCL_OUT_OF_MEMORY, "out of memory while removing channels");
  }
  free(flags);
  free(used);
  return status;
}
