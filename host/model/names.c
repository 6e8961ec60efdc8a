/* Names of tensors, in a hash table that never fills more than half. */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "model/reader.h"

struct name_table {
  tensor **slots;
  size_t *order; /* the used slots, in the order of names_add */
  size_t mask, used;
};

sepcl_status names_create(name_table **out, size_t expected) {
  size_t slots = 64;
  while (slots / 2 < expected + 1) slots *= 2;
  *out = calloc(1, sizeof **out);
  if (!*out) return failure(SEPCL_OUT_OF_MEMORY, "out of memory");
  (*out)->slots = calloc(slots, sizeof *(*out)->slots);
  (*out)->order = calloc(slots, sizeof *(*out)->order);
  (*out)->mask = slots - 1;
  return (*out)->slots && (*out)->order ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory: %zu names", expected);
}

void names_free(name_table *names) {
  if (names) {
    free(names->slots);
    free(names->order);
  }
  free(names);
}

static size_t slot_of(const name_table *names, const char *name) {
  const uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
  size_t slot = (size_t)(hash ^ hash >> 32) & names->mask;
  while (names->slots[slot] && strcmp(names->slots[slot]->name, name) != 0) slot = (slot + 1) & names->mask;
  return slot;
}

tensor *names_find(const name_table *names, const char *name) { return names->slots[slot_of(names, name)]; }

sepcl_status names_add(name_table *names, tensor *t) {
  size_t slot = slot_of(names, t->name);
  if (names->slots[slot]) return failure(SEPCL_BAD_MODEL, "two tensors are called '%s'", t->name);
  if (names->used >= names->mask / 2) return failure(SEPCL_BAD_MODEL, "more tensors than the model has outputs");
  names->slots[slot] = t;
  names->order[names->used++] = slot;
  return SEPCL_OK;
}

size_t names_count(const name_table *names) { return names->used; }

void names_forget(name_table *names, size_t count) {
  /* No name that stays was placed after one that goes: what goes leaves no hole in a chain of probes. */
  while (names->used > count) names->slots[names->order[--names->used]] = NULL;
}
