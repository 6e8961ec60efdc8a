/* Looking at a compiled or planned network. */
#include <string.h>

#include "error.h"
#include "run/run.h"

static void fill_io(sepcl_io_info *out, const sepcl_network *network, const graph_io *io) {
  const node *n = &network->graph->nodes[io->value];
  memset(out, 0, sizeof *out);
  out->name = io->name;
  out->rank = n->rank;
  memcpy(out->dims, n->dims, sizeof out->dims);
  if (n->rank) out->dims[0] *= network->parts;
  out->elements = (size_t)(network->parts * node_elements(n));
}

int32_t sepcl_network_input_count(const sepcl_network *network) { return network ? network->graph->input_count : 0; }

int32_t sepcl_network_output_count(const sepcl_network *network) { return network ? network->graph->output_count : 0; }

sepcl_status sepcl_network_input_info(sepcl_io_info *out, const sepcl_network *network, int32_t index) {
  if (!out || !network || index < 0 || index >= network->graph->input_count)
    return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_input_info: no input %d", index);
  fill_io(out, network, &network->graph->inputs[index]);
  return SEPCL_OK;
}

sepcl_status sepcl_network_output_info(sepcl_io_info *out, const sepcl_network *network, int32_t index) {
  if (!out || !network || index < 0 || index >= network->graph->output_count)
    return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_output_info: no output %d", index);
  fill_io(out, network, &network->graph->outputs[index]);
  return SEPCL_OK;
}

sepcl_status sepcl_network_get_info(sepcl_network_info *out, const sepcl_network *network) {
  if (!out || !network) return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_get_info: a null pointer");
  memset(out, 0, sizeof *out);
  out->arena_bytes = (size_t)network->arena_floats * sizeof(float);
  out->arena_lower_bound_bytes = (size_t)network->arena_bound_floats * sizeof(float);
  out->weights_bytes = (size_t)network->weights_floats * sizeof(float);
  for (int32_t i = 0; i < network->step_count; i++) {
    out->macs += (uint64_t)network->parts * network->steps[i].macs;
    out->launches += network->steps[i].view ? 0 : network->parts;
  }
  out->parts = network->parts;
  out->replay = network->replay;
  out->replay_reason = network->replay_reason;
  if (network->replay != SEPCL_REPLAY_LAUNCHES) out->launches = 1;
  for (int32_t i = 0; i < network->slot_count && network->options.precision != SEPCL_F32; i++) {
    const storage *s = &network->storages[i];
    out->halves += s->half && s->first >= 0;
    out->kept_floats += s->kind == STORAGE_ARENA && !s->half && s->first >= 0;
  }
  out->removed_channels = network->passes.removed_channels;
  out->kept_channels = network->passes.kept_channels;
  out->reproducible = network->options.policy == SEPCL_REPRODUCIBLE;
  out->error_bound = network->error_bound;
  return SEPCL_OK;
}

static const char *storage_text(int32_t halves) {
  static const char *const texts[2][2][2] = {
      {{"f32", "f32 > f16"}, {"f16 > f32", "f16"}},
      {{"f32, sums f16", "f32 > f16, sums f16"}, {"f16 > f32, sums f16", "f16, sums f16"}}};
  return texts[(halves & HALF_SUMS) != 0][(halves & (HALF_X | HALF_R | HALF_S)) != 0][(halves & HALF_Y) != 0];
}

static void fill_proven(sepcl_stage_info *out, const sepcl_network *network, const step *p) {
  out->error_bound = -1;
  if (!network->certified || p->view) return;
  out->unknown = p->proven.why;
  out->low = p->proven.low;
  out->high = p->proven.high;
  if (p->proven.why) return;
  out->error_bound = p->proven.local;
  out->given = p->given;
}

int32_t sepcl_network_stage_count(const sepcl_network *network) { return network ? network->step_count : 0; }

sepcl_status sepcl_network_stage_info(sepcl_stage_info *out, const sepcl_network *network, int32_t index) {
  if (!out || !network || index < 0 || index >= network->step_count)
    return failure(SEPCL_INVALID_ARGUMENT, "sepcl_network_stage_info: no stage %d", index);
  const step *p = &network->steps[index];
  const node *n = &network->graph->nodes[p->node];
  memset(out, 0, sizeof *out);
  out->name = n->name;
  out->stage = p->view ? "view" : stage_kind_name(p->bound.s.kind);
  out->kernel = p->view ? "" : p->bound.v->name;
  out->reason = p->reason ? p->reason : "";
  out->fused_from = n->fused_from ? n->fused_from : n->name;
  out->macs = (uint64_t)network->parts * p->macs;
  out->bytes = (uint64_t)network->parts * p->bytes;
  out->launches = p->view ? 0 : network->parts;
  out->storage = p->view ? "" : storage_text(p->bound.s.halves);
  fill_proven(out, network, p);
  return SEPCL_OK;
}

const char *sepcl_network_pass_report(const sepcl_network *network, int32_t index) {
  if (!network || index < 0 || index >= network->passes.count) return NULL;
  return network->passes.lines[index];
}
