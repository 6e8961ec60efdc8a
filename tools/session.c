#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "message.h"
#include "preprocess.h"
#include "progress.h"
#include "statistics.h"
#ifdef SEPCL_HAVE_ZOO
#include "weights.h"
#include "zoo.h"
#endif

#ifdef SEPCL_HAVE_ZOO
static bool build_zoo(session *s, const char *spec) {
  char text[4096];
  const int name = (int)strcspn(spec, ":");
  zoo_arrays arrays;
  if (s->o->input_shapes)
    return complain("%s: networks of the zoo take no --input-shape (`sepcl zoo` lists their options)", s->model);
  int length = snprintf(text, sizeof text, "%s", spec);
  if (s->o->batch) length = snprintf(text, sizeof text, "%.*s:batch=%d%s", name, spec, s->o->batch, spec + name);
  if (length < 0 || length >= (int)sizeof text) return complain("%.80s...: too long", s->model);
  if (zoo_build_arrays(&s->graph, text, 0, &arrays) != SEPCL_OK) return complain("%s", zoo_last_error());
  text[name] = '\0';
  bool good = !arrays.file || weights_read(&arrays, text);
  zoo_arrays_free(&arrays);
  return good;
}
#else
static bool build_zoo(session *s, const char *spec) {
  return complain("%s: this sepcl was built without its zoo (zoo:%s)", s->model, spec);
}
#endif

static bool load_file(session *s) {
  sepcl_load_options options = SEPCL_LOAD_OPTIONS_INIT;
  options.batch = s->o->batch;
  options.input_shapes = (const char *const *)s->o->input_shapes;
  while (options.input_shapes && options.input_shapes[options.input_shape_count]) options.input_shape_count++;
  return sepcl_graph_load(&s->graph, s->model, &options) == SEPCL_OK || complain_library();
}

bool session_load(session *s, const options *o, const char *model) {
  *s = (session){.o = o, .model = model};
  double start = now_ms();
  bool loaded = strncmp(model, "zoo:", 4) ? load_file(s) : build_zoo(s, model + 4);
  s->load_ms = now_ms() - start;
  if (!loaded || (sepcl_graph_status(s->graph) != SEPCL_OK && !complain_library())) return false;
  for (int i = 0; i < sepcl_graph_node_count(s->graph); i++) {
    sepcl_node_info node;
    if (sepcl_graph_node_info(&node, s->graph, i) == SEPCL_OK) s->macs += node.macs;
  }
  return true;
}

bool session_open_device(session *s) {
  sepcl_device_options options = SEPCL_DEVICE_OPTIONS_INIT;
  options.cache_dir = s->o->cache_dir;
  affinity_ask();
  if (sepcl_device_open(&s->device, s->o->device, &options) != SEPCL_OK ||
      sepcl_device_get_info(&s->device_info, s->device) != SEPCL_OK)
    return complain_library();
  return true;
}

/* The place of `word` in `words`, or -1 with a complaint that lists them; 0 where there is none. */
static int choice(const char *option, const char *word, const char *const *words) {
  char list[256] = "";
  size_t length = 0;
  for (int i = 0; words[i]; i++) {
    if (!word || !strcmp(word, words[i])) return i;
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", words[i]);
  }
  complain_usage("--%s %s: there are %s", option, word, list);
  return -1;
}

static bool network_options(sepcl_network_options *out, const options *o) {
  static const char *const precisions[] = {"f32", "f16", "f16-sums", NULL};
  static const char *const replays[] = {"auto", "launches", "command-buffer", "one-launch", NULL};
  static const char *const families[] = {"auto", "row", "tile", "scalar", NULL};
  static const char *const fusions[] = {"auto", "always", "never", NULL};
  static const char *const gemms[] = {"auto", "ours", "clblast", NULL};
  static const char *const tunings[] = {"remembered", "off", "quick", "full", NULL};
  int tuning = choice("tuning", o->tuning, tunings);
  int fusion = choice("fusion", o->fusion, fusions), gemm = choice("gemm", o->gemm, gemms);
  int precision = choice("precision", o->precision, precisions), replay = choice("replay", o->replay, replays),
      family = choice("family", o->family, families);
  if (precision < 0 || replay < 0 || family < 0 || fusion < 0 || gemm < 0 || tuning < 0) return false;
  out->policy = o->fastest ? SEPCL_FASTEST : SEPCL_REPRODUCIBLE;
  out->replay = (sepcl_replay)replay;
  out->family = (sepcl_family)family;
  out->fusion = (sepcl_fusion)fusion;
  out->gemm = (sepcl_gemm_source)gemm;
  out->tuning = (sepcl_tuning)tuning;
  out->precision = (sepcl_precision)precision;
  out->skip_passes = o->skip_passes;
  out->keep_batch_norm = o->keep_batch_norm;
  out->images_at_once = o->images_at_once;
  return true;
}

static bool compile(session *s, const sepcl_network_options *options, bool execute) {
  if (!execute) return sepcl_network_plan(&s->network, s->device, s->graph, options) == SEPCL_OK || complain_library();
  if (sepcl_network_compile(&s->network, s->device, s->graph, options) != SEPCL_OK ||
      sepcl_execution_create(&s->execution, s->network) != SEPCL_OK)
    return complain_library();
  sepcl_device_program_counts(s->device, &s->compiled, &s->cached);
  return true;
}

/* A name that no pass has would skip nothing in silence. */
static bool check_pass(const session *s, const char *name, size_t length) {
  if (length == 3 && !strncmp(name, "all", 3)) return true;
  const char *line;
  for (int i = 0; (line = sepcl_network_pass_report(s->network, i)); i++)
    if (!strncmp(line, name, length) && line[length] == ':') return true;
  return complain("--skip-passes %.*s: no pass (`sepcl plan` lists them)", (int)length, name);
}

static bool check_skipped_passes(const session *s) {
  const char *name = s->o->skip_passes;
  while (name && *name) {
    size_t length = strcspn(name, ",");
    if (!check_pass(s, name, length)) return false;
    name += length + (name[length] == ',');
  }
  return true;
}

bool session_options(sepcl_network_options *out, session *s) {
  float range[2];
  if (!network_options(out, s->o) || !input_range_of(range, s->o, s->graph)) return false;
  out->input_low = s->input_low = range[0];
  out->input_high = s->input_high = range[1];
  return true;
}

bool session_compile(session *s, bool execute) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  if (!session_options(&options, s)) return false;
  progress_begin("compiling kernels");
  double start = now_ms();
  bool compiled = compile(s, &options, execute);
  s->compile_ms = now_ms() - start;
  progress_end();
  if (!compiled || !check_skipped_passes(s)) return false;
  return sepcl_network_get_info(&s->info, s->network) == SEPCL_OK || complain_library();
}

void session_free(session *s) {
  sepcl_execution_free(s->execution);
  sepcl_network_free(s->network);
  sepcl_device_free(s->device);
  sepcl_graph_free(s->graph);
}

bool session_infer(session *s, const arrays *inputs, const arrays *outputs) {
  return sepcl_execution_run(s->execution, (const float *const *)inputs->data, outputs->data) == SEPCL_OK ||
         complain_library();
}
