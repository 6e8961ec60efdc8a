/* A compiled network: the optimised graph, its steps in order, where every value lies, and what is on the device. */
#ifndef SEPCL_NETWORK_H
#define SEPCL_NETWORK_H

#include "graph/graph.h"
#include "graph/passes/passes.h"
#include "plan/known.h"
#include "stage/stage.h"

/* Where a value lies: inside the storage of `root`, `offset` floats from its start, `pitch` floats from pixel to pixel.
 * A value that is its own root with offset 0 and pitch = channels is an ordinary tensor; everything else is a view. */
typedef struct place {
  sepcl_value root; /* SEPCL_NO_VALUE: no such operand */
  int64_t offset, pitch;
} place;

typedef enum storage_kind {
  STORAGE_NONE = 0, /* the value is a view, or nothing reads it */
  STORAGE_ARENA,
  STORAGE_WEIGHTS, /* constants that are operands */
  STORAGE_BIASES,  /* the biases among the packed weights of a product that CLBlast computes */
  STORAGE_IO       /* a buffer of the caller's: index counts inputs, then outputs */
} storage_kind;

typedef struct storage {
  storage_kind kind;
  int32_t index;       /* STORAGE_IO */
  int64_t floats;      /* room that it takes in the arena, two halves being a float */
  int64_t at;          /* first float in arena or weights */
  int32_t first, last; /* steps that write and read it first and last */
  bool half;           /* its elements are halves in memory */
} storage;

/* One stage of the network, or a view that costs nothing. */
typedef struct step {
  sepcl_value node; /* whose work it is */
  bound_stage bound;
  place x, r, s, y;
  weight_set sets[3];
  int32_t set_count;
  int64_t weights_at; /* floats in the weights buffer */
  bool view;
  const char *reason; /* of the kernel's choice; static */
  uint64_t macs, bytes;
  known proven; /* of what it writes, as it is in memory; where the network is certified */
  double given; /* > 0: `proven` holds where what the stage reads, constants aside, lies in [-given, given] */
} step;

struct sepcl_network {
  sepcl_device *device;
  sepcl_network_options options;
  sepcl_graph *graph; /* the optimised copy; its constants' data may be gone after compile */
  pass_report passes;
  int32_t parts;      /* of the batch: the graph and its steps are those of one part, which runs so often */
  place *places;      /* per value */
  storage *storages;  /* per slot; meaningful for roots */
  int32_t slot_count; /* values, then copies to outputs, then the nodes' own constants */
  step *steps;
  int32_t step_count, step_capacity;
  int64_t arena_floats, arena_bound_floats, weights_floats;
  cl_mem weights;
  cl_mem weights_image;      /* over all of them, where a stage's kernel reads one; else NULL */
  sepcl_replay replay;       /* the chosen one */
  const char *replay_reason; /* why it is not the one that was asked for; static, or NULL */
  bool tuned;                /* what tuning remembered counts, and there is some */
  bool certified;
  bool executable;    /* compiled, not only planned */
  double error_bound; /* as sepcl_network_info has it */
};

/* select/parts.c: a batch of more images than the cache holds becomes several parts; before the passes. */
sepcl_status split_batch(sepcl_network *network);
/* select/fuse.c: blocks of convolutions that one kernel runs better, as one node each; after the passes. */
sepcl_status fuse_blocks(sepcl_network *network);
/* select/lower.c: one step, or several, for each live node, in order; bound to kernels. */
sepcl_status lower_graph(sepcl_network *network);
/* select/lower.c: kernels for the steps. */
sepcl_status bind_steps(sepcl_network *network);
/* run/weights.c: a set as the packing functions read it; weights NULL: ones. */
sepcl_weights network_weights(const sepcl_network *network, const weight_set *set);
/* select/placement.c: views for concatenations, slices and reshapes; a storage for each root. */
sepcl_status place_values(sepcl_network *network);
/* plan/memory.c: lifetimes of the storages, then offsets in the arena. */
sepcl_status plan_memory(sepcl_network *network);

/* ---- shared by lowering and planning ---- */

/* The storage of a copy to graph output i, and of a node's own constants: the indices of a gather, the biases of a
 * product that CLBlast computes. */
static inline sepcl_value output_slot(const sepcl_network *network, int32_t i) { return network->graph->count + i; }
static inline sepcl_value own_slot(const sepcl_network *network, sepcl_value node) {
  return network->graph->count + network->graph->output_count + node;
}
step *network_add_step(sepcl_network *network, sepcl_value node);
/* Strides, in floats, of a value that lies at `at`: dims as its node's. */
void place_strides(const node *n, const place *at, int64_t strides[SEPCL_MAX_RANK]);
static inline bool place_is_contiguous(const node *n, const place *at) { return at->pitch == node_channels(n); }

#endif
