/* sepcl run: a picture's classes, or a model's outputs for given arrays. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "npy.h"
#include "peak.h"
#include "preprocess.h"
#include "progress.h"
#include "session.h"
#include "statistics.h"
#include "table.h"
#include "trace.h"

typedef struct ranked {
  size_t index;
  double probability;
} ranked;

typedef struct run {
  session s;
  const char *image; /* NULL: arrays */
  arrays inputs, outputs;
  int32_t width, height; /* the picture's */
  preprocessing how;
  labels names;
  ranked *top; /* sorted */
  size_t classes;
  statistics ms; /* per image */
  size_t runs;
  peak best;
  cJSON *trace;
} run;

/* ---- the picture ---- */

/* One picture fills the whole batch. */
static bool load_image(run *r, const options *o) {
  picture_input input;
  picture photo = {0}, fitted = {0};
  if (r->inputs.count != 1)
    return complain("the model has %d inputs: give each as --input NAME=FILE.npy", r->inputs.count);
  if (!picture_input_of(&input, &r->inputs.infos[0])) return false;
  bool good = preprocessing_of(&r->how, o, r->s.graph, &input) && picture_load(&photo, r->image) &&
              picture_fit(&fitted, &photo, &r->how);
  if (good) {
    size_t each = r->inputs.infos[0].elements / (size_t)input.batch;
    float *data = r->inputs.data[0];
    picture_normalise(data, &fitted, &r->how, input.channels, input.channels_first);
    for (int32_t i = 1; i < input.batch; i++) memcpy(data + each * (size_t)i, data, each * sizeof *data);
    r->width = photo.width;
    r->height = photo.height;
  }
  picture_free(&photo);
  picture_free(&fitted);
  return good;
}

/* ---- the classes ---- */

static int by_probability(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
  return (x->index > y->index) - (x->index < y->index);
}

/* Values of 0 to 1 that sum to 1 are probabilities already. */
static bool is_distribution(const float *values, size_t count) {
  double sum = 0.0;
  for (size_t i = 0; i < count; i++) {
    if (!(values[i] >= 0.0f && values[i] <= 1.0f)) return false;
    sum += values[i];
  }
  return fabs(sum - 1.0) < 1e-3;
}

static bool rank_classes(run *r) {
  const sepcl_io_info *output = &r->outputs.infos[0];
  const float *values = r->outputs.data[0];
  int64_t batch = output->rank > 1 ? output->dims[0] : 1;
  r->classes = output->elements / (size_t)(batch > 0 ? batch : 1);
  if (!r->classes) return complain("output %s is empty", output->name);
  if (r->names.count && r->names.count != r->classes)
    return complain("%zu labels for the %zu classes of output %s", r->names.count, r->classes, output->name);
  r->top = malloc(r->classes * sizeof *r->top);
  if (!r->top) return complain("out of memory for %zu classes", r->classes);
  bool distribution = is_distribution(values, r->classes);
  double largest = -INFINITY, sum = 0.0;
  for (size_t i = 0; i < r->classes; i++) {
    if (isnan(values[i])) return complain("output %s holds NaN at class %zu", output->name, i);
    if (values[i] > largest) largest = values[i];
  }
  for (size_t i = 0; i < r->classes; i++) {
    r->top[i] = (ranked){i, distribution ? values[i] : exp((double)values[i] - largest)};
    sum += r->top[i].probability;
  }
  for (size_t i = 0; i < r->classes && !distribution; i++) r->top[i].probability /= sum;
  qsort(r->top, r->classes, sizeof *r->top, by_probability);
  return true;
}

static const char *class_name(const run *r, size_t index, char text[32]) {
  if (r->names.count) return r->names.names[index];
  snprintf(text, 32, "class %zu", index);
  return text;
}

/* ---- time ---- */

enum { MOST_RUNS = 50, LEAST_RUNS = 5 };

static bool measure(run *r) {
  double ms[MOST_RUNS], begin = now_ms();
  sepcl_io_info input = r->inputs.infos[0];
  double images = input.rank && input.dims[0] > 0 ? (double)input.dims[0] : 1.0;
  while (r->runs < MOST_RUNS && (r->runs < LEAST_RUNS || now_ms() - begin < 400.0)) {
    double start = now_ms();
    if (!session_infer(&r->s, &r->inputs, &r->outputs)) return false;
    ms[r->runs++] = (now_ms() - start) / images;
    trace_event(r->trace, TRACE_HOST, "inference", start, now_ms() - start);
  }
  r->ms = statistics_of(ms, r->runs);
  progress_begin("measuring the device");
  bool measured = peak_measure(&r->best, r->s.device, &r->s.device_info);
  progress_end();
  return measured;
}

static double share_of_peak(const run *r) {
  sepcl_io_info input = r->inputs.infos[0];
  double images = input.rank && input.dims[0] > 0 ? (double)input.dims[0] : 1.0;
  return 2e-6 * (double)r->s.info.macs / images / r->ms.min / r->best.gflops;
}

static bool trace_profile(run *r) {
  if (!r->trace) return true;
  int32_t stages = sepcl_network_stage_count(r->s.network);
  uint64_t *ns = calloc((size_t)stages + 1, sizeof *ns);
  double *ms = calloc((size_t)stages + 1, sizeof *ms), start = now_ms();
  bool good = (ns && ms) || complain("out of memory for %d stages", stages);
  good = good && (sepcl_execution_profile(r->s.execution, (const float *const *)r->inputs.data, ns) == SEPCL_OK ||
                  complain_library());
  for (int i = 0; good && i < stages; i++) ms[i] = (double)ns[i] * 1e-6;
  if (good) trace_stages(r->trace, &r->s, ms, start);
  free(ns);
  free(ms);
  return good && trace_write(r->trace, r->s.o->profile);
}

/* ---- reports ---- */

static cJSON *outputs_json(const run *r) {
  cJSON *list = cJSON_CreateArray();
  for (int i = 0; i < r->outputs.count; i++) {
    cJSON *output = cJSON_CreateObject();
    json_text(output, "name", r->outputs.infos[i].name);
    cJSON_AddItemToObject(output, "shape", json_shape(r->outputs.infos[i].rank, r->outputs.infos[i].dims));
    cJSON_AddItemToArray(list, output);
  }
  return list;
}

static int print_json(const run *r, size_t top) {
  cJSON *root = cJSON_CreateObject();
  json_session(root, &r->s);
  if (r->image) {
    char text[256];
    json_text(root, "image", r->image);
    json_number(root, "width", r->width);
    json_number(root, "height", r->height);
    preprocessing_text(text, sizeof text, &r->how);
    json_text(root, "preprocessing", text);
    json_number(root, "ms", r->ms.median);
    json_number(root, "ms_min", r->ms.min);
    json_number(root, "peak_gflops", r->best.gflops);
    json_number(root, "share_of_peak", share_of_peak(r));
    cJSON *list = cJSON_AddArrayToObject(root, "labels");
    for (size_t i = 0; i < top; i++) {
      char name[32];
      cJSON *label = cJSON_CreateObject();
      json_number(label, "class", (double)r->top[i].index);
      json_text(label, "label", class_name(r, r->top[i].index, name));
      json_number(label, "probability", r->top[i].probability);
      cJSON_AddItemToArray(list, label);
    }
  }
  cJSON_AddItemToObject(root, "outputs", outputs_json(r));
  return json_finish(root);
}

static void print_labels(const run *r, size_t top) {
  table *t = table_create("|>|");
  for (size_t i = 0; i < top; i++) {
    char name[32], bar[128];
    table_cell(t, "  %s", class_name(r, r->top[i].index, name));
    table_cell(t, "%.2f%%", 100.0 * r->top[i].probability);
    table_cell(t, "%s", bar_text(bar, r->top[i].probability, 30));
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
}

static int print_tables(const run *r, size_t top) {
  if (!r->image) {
    table *t = table_create("output|shape|>least|>most");
    for (int i = 0; i < r->outputs.count; i++) {
      const sepcl_io_info *info = &r->outputs.infos[i];
      char shape[160];
      float least = INFINITY, most = -INFINITY;
      for (size_t k = 0; k < info->elements; k++) {
        const float v = r->outputs.data[i][k];
        least = v < least || isnan(v) ? v : least; /* a NaN stays: nothing is less */
        most = v > most || isnan(v) ? v : most;
      }
      table_cell(t, "%s", info->name);
      table_cell(t, "%s", npy_shape_text(shape, sizeof shape, info->rank, info->dims));
      table_cell(t, "%g", least);
      table_cell(t, "%g", most);
      table_end_row(t);
    }
    table_print(t, stdout);
    table_free(t);
    return EXIT_DONE;
  }
  char how[256], macs[24];
  preprocessing_text(how, sizeof how, &r->how);
  printf("device    %s\n", r->s.device_info.name);
  printf("driver    %s %s\n", r->s.device_info.platform, r->s.device_info.driver);
  printf("model     %s, %sMACs\n", r->s.model, metric_text(macs, (double)r->s.macs));
  printf("picture   %s, %dx%d\n", r->image, r->width, r->height);
  printf("          %s\n\n", how);
  print_labels(r, top);
  printf("\ntime      %.2f ms an image (median of %zu; best %.2f)\n", r->ms.median, r->runs, r->ms.min);
  printf("speed     %.0f%% of the device's FMA peak of %.0f GFLOP/s, at best\n", 100.0 * share_of_peak(r),
         r->best.gflops);
  return EXIT_DONE;
}

/* What was proven against overflow holds for the range that the network was told. */
static bool inputs_in_range(const run *r) {
  const float low = r->s.input_low, high = r->s.input_high;
  for (int i = 0; i < r->inputs.count; i++)
    for (size_t k = 0; k < r->inputs.infos[i].elements; k++) {
      const float v = r->inputs.data[i][k];
      if (v < low * (low < 0 ? 1.0001f : 0.9999f) || v > high * (high > 0 ? 1.0001f : 0.9999f))
        return complain("input %s holds %g: outside of %g:%g (see --input-range), where halves may overflow",
                        r->inputs.infos[i].name, (double)v, (double)low, (double)high);
    }
  return true;
}

static bool prepare(run *r, const options *o) {
  session *s = &r->s;
  double start = now_ms();
  if (!session_load(s, o, o->arguments[0]) || !labels_of(&r->names, o, s->graph)) return false;
  if (!arrays_of_inputs(&r->inputs, s) || !arrays_of_outputs(&r->outputs, s)) return false;
  if (!r->outputs.count) return complain("%s has no output", s->model);
  if (!(r->image ? load_image(r, o) : arrays_read(&r->inputs, o->inputs))) return false;
  if (!session_open_device(s) || !session_compile(s, true)) return false;
  if (o->precision && !strncmp(o->precision, "f16", 3) && !inputs_in_range(r)) return false;
  r->trace = trace_create(s);
  trace_event(r->trace, TRACE_HOST, "load", start, s->load_ms);
  trace_event(r->trace, TRACE_HOST, "compile", now_ms() - s->compile_ms, s->compile_ms);
  return true;
}

static bool compute(run *r, const options *o) {
  if (!session_infer(&r->s, &r->inputs, &r->outputs)) return false;
  if (r->image && (!rank_classes(r) || !measure(r))) return false;
  if (!trace_profile(r)) return false;
  return !o->output_dir || arrays_write(&r->outputs, o->output_dir);
}

int command_run(const options *o) {
  run r = {.image = o->argument_count > 1 ? o->arguments[1] : NULL};
  if (!r.image == !o->inputs) {
    complain("`sepcl run` wants either a picture or --input NAME=FILE.npy for each input (see `sepcl run --help`)");
    return EXIT_USAGE;
  }
  int status = EXIT_FAILED;
  if (prepare(&r, o) && compute(&r, o)) {
    size_t top = (size_t)o->top < r.classes ? (size_t)o->top : r.classes;
    status = o->json ? print_json(&r, top) : print_tables(&r, top);
  }
  arrays_free(&r.inputs);
  arrays_free(&r.outputs);
  labels_free(&r.names);
  free(r.top);
  session_free(&r.s);
  return status;
}
