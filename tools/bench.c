/* sepcl bench: how long an inference takes, host array in to host array out, and where the time goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "peak.h"
#include "progress.h"
#include "run/network.h"
#include "select/cost.h"
#include "session.h"
#include "statistics.h"
#include "table.h"
#include "trace.h"

typedef struct bench {
  session s;
  arrays inputs, outputs;
  double *ms; /* of each measured run */
  size_t count;
  statistics stats;
  peak best;
  double *stage_ms;
  cJSON *trace;
} bench;

enum { PROFILE_ROUNDS = 5 };
static const double default_ms = 1000.0;
enum { LEAST_RUNS = 10 };

static bool measure(bench *b, const options *o) {
  size_t limit = o->iterations ? (size_t)o->iterations : 1 << 20;
  b->ms = malloc(limit * sizeof *b->ms);
  if (!b->ms) return complain("out of memory for %zu measurements", limit);
  for (int i = 0; i < o->warmup; i++)
    if (!session_infer(&b->s, &b->inputs, &b->outputs)) return false;
  double begin = now_ms();
  while (b->count < limit) {
    double start = now_ms();
    if (!session_infer(&b->s, &b->inputs, &b->outputs)) return false;
    double end = now_ms();
    b->ms[b->count++] = end - start;
    if (b->count <= 100) trace_event(b->trace, TRACE_HOST, "inference", start, end - start);
    if (!o->iterations && b->count >= LEAST_RUNS && end - begin >= default_ms) break;
  }
  b->stats = statistics_of(b->ms, b->count);
  return true;
}

/* The best of a few rounds of each stage: what disturbs a measurement only ever adds. */
static bool measure_stages(bench *b) {
  int32_t stages = sepcl_network_stage_count(b->s.network);
  uint64_t *ns = calloc((size_t)stages + 1, sizeof *ns);
  b->stage_ms = calloc((size_t)stages + 1, sizeof *b->stage_ms);
  bool good = (ns && b->stage_ms) || complain("out of memory for %d stages", stages);
  double start = now_ms();
  progress_begin("measuring each stage"); /* its kernels are compiled here where another replay needed none */
  for (int round = 0; good && round < PROFILE_ROUNDS; round++) {
    good = sepcl_execution_profile(b->s.execution, (const float *const *)b->inputs.data, ns) == SEPCL_OK ||
           complain_library();
    for (int i = 0; good && i < stages; i++) {
      double ms = (double)ns[i] * 1e-6;
      if (!round || ms < b->stage_ms[i]) b->stage_ms[i] = ms;
    }
  }
  progress_end();
  if (good) trace_stages(b->trace, &b->s, b->stage_ms, start);
  free(ns);
  return good;
}

static bool measure_peak(bench *b) {
  progress_begin("measuring the device");
  bool measured = peak_measure(&b->best, b->s.device, &b->s.device_info);
  progress_end();
  return measured;
}

static double gflops(uint64_t macs, double ms) { return ms > 0.0 ? 2.0 * (double)macs / ms * 1e-6 : 0.0; }

/* What the roofline allows: the peak, or what the nearest cache can feed. A stage often finds its operands in a cache,
 * so that memory's rate would be no bound. */
static double attainable(const peak *best, const sepcl_stage_info *stage) {
  if (!stage->bytes) return best->gflops;
  double fed = 2.0 * (double)stage->macs / (double)stage->bytes * best->near_gigabytes;
  return fed < best->gflops ? fed : best->gflops;
}

/* Of all parts of the batch together, by the cost model, with the peak and the bandwidths of this run, in a launch of
 * its own as it was measured. */
static double predicted_ms(const bench *b, int32_t index) {
  const device_limits limits = device_limits_of(b->s.device);
  const bound_stage *bound = &b->s.network->steps[index].bound;
  device_rates rates = rates_of_limits(&limits);
  rates.macs = 0.5e9 * b->best.gflops;
  rates.far_bytes = 1e9 * b->best.gigabytes;
  rates.near_bytes = 1e9 * b->best.near_gigabytes;
  return 1e3 * b->s.network->parts * stage_seconds(bound, &rates, &limits, true);
}

static cJSON *layers_json(const bench *b) {
  cJSON *layers = cJSON_CreateArray();
  for (int i = 0; i < sepcl_network_stage_count(b->s.network); i++) {
    sepcl_stage_info stage;
    if (sepcl_network_stage_info(&stage, b->s.network, i) != SEPCL_OK) continue;
    cJSON *layer = cJSON_CreateObject();
    json_text(layer, "name", stage.name);
    json_text(layer, "stage", stage.stage);
    json_text(layer, "kernel", stage.kernel);
    json_number(layer, "ms", b->stage_ms[i]);
    if (stage.launches) json_number(layer, "predicted_ms", predicted_ms(b, i));
    json_number(layer, "gflops", gflops(stage.macs, b->stage_ms[i]));
    json_number(layer, "bytes", (double)stage.bytes);
    json_number(layer, "macs", (double)stage.macs);
    json_number(layer, "roofline_gflops", stage.macs ? attainable(&b->best, &stage) : 0.0);
    cJSON_AddItemToArray(layers, layer);
  }
  return layers;
}

/* PoCL keeps what it compiled by itself: a program that it is given as source may cost a tenth of a second or seconds.
 */
static bool driver_caches(const session *s) { return !strncmp(s->device_info.platform, "Portable", 8); }

static int print_json(const bench *b) {
  const session *s = &b->s;
  cJSON *root = cJSON_CreateObject();
  json_session(root, s);
  json_number(root, "iterations", (double)b->count);
  cJSON *ms = cJSON_AddObjectToObject(root, "ms");
  json_number(ms, "min", b->stats.min);
  json_number(ms, "median", b->stats.median);
  json_number(ms, "p90", b->stats.p90);
  json_number(ms, "p99", b->stats.p99);
  json_number(root, "macs", (double)s->macs);
  json_number(root, "executed_macs", (double)s->info.macs); /* without removed channels; gflops counts these */
  json_number(root, "gflops", gflops(s->info.macs, b->stats.min));
  json_number(root, "peak_gflops", b->best.gflops);
  json_number(root, "share_of_peak", gflops(s->info.macs, b->stats.min) / b->best.gflops);
  json_number(root, "memory_gigabytes_per_second", b->best.gigabytes);
  json_number(root, "cache_gigabytes_per_second", b->best.near_gigabytes);
  json_number(root, "launches", s->info.launches);
  json_number(root, "arena_bytes", (double)s->info.arena_bytes);
  json_number(root, "arena_lower_bound_bytes", (double)s->info.arena_lower_bound_bytes);
  json_number(root, "weights_bytes", (double)s->info.weights_bytes);
  cJSON *startup = cJSON_AddObjectToObject(root, "startup");
  json_number(startup, "load_ms", s->load_ms);
  json_number(startup, "compile_ms", s->compile_ms);
  cJSON_AddBoolToObject(startup, "cached", s->cached && !s->compiled);
  cJSON_AddBoolToObject(startup, "driver_caches", driver_caches(s));
  json_number(startup, "programs_compiled", s->compiled);
  json_number(startup, "programs_cached", s->cached);
  cJSON_AddItemToObject(root, "layers", layers_json(b));
  return json_finish(root);
}

static double print_layers(const bench *b) {
  double total = 0.0;
  for (int i = 0; i < sepcl_network_stage_count(b->s.network); i++) total += b->stage_ms[i];
  table *t = table_create("stage|kind|kernel|>ms|>predicted|>GFLOP/s|>of peak|>roofline|>flop/B|");
  for (int i = 0; i < sepcl_network_stage_count(b->s.network); i++) {
    sepcl_stage_info stage;
    char bar[64];
    if (sepcl_network_stage_info(&stage, b->s.network, i) != SEPCL_OK || !stage.launches) continue;
    double rate = gflops(stage.macs, b->stage_ms[i]);
    table_cell(t, "%s", stage.name);
    table_cell(t, "%s", stage.stage);
    table_cell(t, "%s", stage.kernel);
    table_cell(t, "%.3f", b->stage_ms[i]);
    table_cell(t, "%.3f", predicted_ms(b, i));
    if (stage.macs) {
      table_cell(t, "%.1f", rate);
      table_cell(t, "%.0f%%", 100.0 * rate / b->best.gflops);
      table_cell(t, "%.0f%%", 100.0 * rate / attainable(&b->best, &stage));
      table_cell(t, "%.1f", stage.bytes ? 2.0 * (double)stage.macs / (double)stage.bytes : 0.0);
    } else {
      for (int k = 0; k < 4; k++) table_cell(t, "%s", "");
    }
    table_cell(t, "%s", bar_text(bar, total > 0.0 ? b->stage_ms[i] / total : 0.0, 20));
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
  return total;
}

static int print_tables(const bench *b) {
  const session *s = &b->s;
  double total = print_layers(b), rate = gflops(s->info.macs, b->stats.min);
  char macs[24], arena[24], weights[24];
  printf("\nstages, one launch each   %.3f ms on the device\n", total);
  printf(
      "inference                 %.3f ms min, %.3f median, %.3f p90, %.3f p99 (%zu runs, host array to host array)\n",
      b->stats.min, b->stats.median, b->stats.p90, b->stats.p99, b->count);
  printf("speed                     %.1f GFLOP/s at best, %.0f%% of the device's FMA peak (%sMACs)\n", rate,
         100.0 * rate / b->best.gflops, metric_text(macs, (double)s->macs));
  printf(
      "device                    %s, driver %s: %.0f GFLOP/s, memory %.1f GB/s, nearest cache %.0f GB/s in this run\n",
      s->device_info.name, s->device_info.driver, b->best.gflops, b->best.gigabytes, b->best.near_gigabytes);
  printf("memory                    arena %sB, weights %sB\n", metric_text(arena, (double)s->info.arena_bytes),
         metric_text(weights, (double)s->info.weights_bytes));
  printf(
      "start                     load %.1f ms, compile %.1f ms (programs: %u built from source%s, %u from sepcl's "
      "cache)\n",
      s->load_ms, s->compile_ms, s->compiled, driver_caches(s) ? ", which the driver caches itself" : "", s->cached);
  return EXIT_DONE;
}

static bool prepare(bench *b, const options *o) {
  session *s = &b->s;
  double start = now_ms();
  if (!session_load(s, o, o->arguments[0]) || !arrays_of_inputs(&b->inputs, s) || !arrays_of_outputs(&b->outputs, s))
    return false;
  if (o->inputs && !arrays_read(&b->inputs, o->inputs)) return false;
  if (!o->inputs) arrays_fill(&b->inputs);
  if (!session_open_device(s) || !session_compile(s, true)) return false;
  b->trace = trace_create(s);
  trace_event(b->trace, TRACE_HOST, "load", start, s->load_ms);
  trace_event(b->trace, TRACE_HOST, "compile", now_ms() - s->compile_ms, s->compile_ms);
  return true;
}

int command_bench(const options *o) {
  bench b = {0};
  int status = EXIT_FAILED;
  bool good = prepare(&b, o) && measure_peak(&b) && measure(&b, o) && measure_stages(&b) && measure_peak(&b);
  if (good) good = trace_write(b.trace, o->profile);
  if (good) status = o->json ? print_json(&b) : print_tables(&b);
  arrays_free(&b.inputs);
  arrays_free(&b.outputs);
  free(b.ms);
  free(b.stage_ms);
  session_free(&b.s);
  return status;
}
