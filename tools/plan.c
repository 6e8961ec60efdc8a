/* sepcl plan: what would run, and why; nothing does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "plan/known.h"
#include "session.h"
#include "table.h"
#include "text.h"

static bool is_f16(const session *s) { return s->o->precision && !strncmp(s->o->precision, "f16", 3); }

/* A number that may be infinite; JSON has none of those. */
static void json_proven(cJSON *object, const char *name, double value) {
  if (isfinite(value))
    json_number(object, name, value);
  else
    cJSON_AddNullToObject(object, name);
}

static bool is_vague(const sepcl_stage_info *stage) {
  return stage->error_bound >= 0 && bound_is_vague(stage->error_bound, stage->low, stage->high);
}

static const char *replay_name(sepcl_replay replay) {
  static const char *const names[] = {"auto", "launches", "command-buffer", "one-launch"};
  return (unsigned)replay < 4 ? names[replay] : "?";
}

static double ratio(const sepcl_network_info *info) {
  return info->arena_lower_bound_bytes ? (double)info->arena_bytes / (double)info->arena_lower_bound_bytes : 1.0;
}

/* A comma-separated list as JSON's. */
static cJSON *names_json(const char *names) {
  cJSON *list = cJSON_CreateArray();
  while (*names) {
    size_t length = strcspn(names, ",");
    char *name = strndup(names, length);
    if (name) cJSON_AddItemToArray(list, cJSON_CreateString(text_clean(name)));
    free(name);
    names += length + (names[length] == ',');
  }
  return list;
}

static cJSON *stage_json(const sepcl_stage_info *stage) {
  cJSON *object = cJSON_CreateObject();
  json_text(object, "name", stage->name);
  json_text(object, "stage", stage->stage);
  json_text(object, "kernel", stage->kernel);
  json_text(object, "reason", stage->reason);
  json_number(object, "workspace_bytes", (double)stage->workspace_bytes);
  cJSON_AddItemToObject(object, "fused_from", names_json(stage->fused_from ? stage->fused_from : stage->name));
  json_number(object, "launches", stage->launches);
  json_number(object, "macs", (double)stage->macs);
  json_number(object, "bytes", (double)stage->bytes);
  json_text(object, "storage", stage->storage);
  if (!stage->launches) return object;
  const bool known = stage->error_bound >= 0;
  json_proven(object, "low", known ? stage->low : INFINITY);
  json_proven(object, "high", known ? stage->high : INFINITY);
  json_proven(object, "error_bound", known ? stage->error_bound : INFINITY);
  if (stage->given > 0) json_number(object, "given", stage->given);
  if (is_vague(stage)) cJSON_AddBoolToObject(object, "vague", true);
  if (stage->unknown) json_text(object, "unknown", stage->unknown);
  return object;
}

static int print_json(const session *s) {
  cJSON *root = cJSON_CreateObject();
  json_session(root, s);
  cJSON *passes = cJSON_AddArrayToObject(root, "passes"), *stages = cJSON_AddArrayToObject(root, "stages");
  for (int i = 0; sepcl_network_pass_report(s->network, i); i++)
    cJSON_AddItemToArray(passes, cJSON_CreateString(sepcl_network_pass_report(s->network, i)));
  size_t workspace = 0;
  for (int i = 0; i < sepcl_network_stage_count(s->network); i++) {
    sepcl_stage_info stage;
    if (sepcl_network_stage_info(&stage, s->network, i) != SEPCL_OK) continue;
    if (stage.workspace_bytes > workspace) workspace = stage.workspace_bytes;
    cJSON_AddItemToArray(stages, stage_json(&stage));
  }
  json_number(root, "arena_bytes", (double)s->info.arena_bytes);
  json_number(root, "arena_lower_bound_bytes", (double)s->info.arena_lower_bound_bytes);
  json_number(root, "arena_ratio", ratio(&s->info));
  json_number(root, "workspace_bytes", (double)workspace);
  json_number(root, "weights_bytes", (double)s->info.weights_bytes);
  json_number(root, "macs", (double)s->macs);
  json_number(root, "executed_macs", (double)s->info.macs);
  json_number(root, "launches", s->info.launches);
  json_number(root, "parts", s->info.parts);
  json_text(root, "replay", replay_name(s->info.replay));
  if (s->info.replay_reason) json_text(root, "replay_reason", s->info.replay_reason);
  json_number(root, "removed_channels", s->info.removed_channels);
  json_number(root, "kept_channels", s->info.kept_channels);
  cJSON_AddBoolToObject(root, "reproducible", s->info.reproducible);
  json_proven(root, "error_bound", s->info.error_bound >= 0.0 ? s->info.error_bound : INFINITY);
  json_number(root, "input_low", s->input_low);
  json_number(root, "input_high", s->input_high);
  json_number(root, "halves", s->info.halves);
  json_number(root, "kept_floats", s->info.kept_floats);
  return json_finish(root);
}

/* Where results lie, by magnitude, and how far they are off at most; or why that is not known. */
static void proven_cells(table *t, const sepcl_stage_info *stage) {
  if (stage->error_bound >= 0) {
    table_cell(t, "%.4g", fmax(fabs(stage->low), fabs(stage->high)));
    table_cell(t, "%.2g%s%s", stage->error_bound, stage->given > 0 ? " given" : "", is_vague(stage) ? " vague" : "");
  } else {
    table_cell(t, "%s", stage->unknown ? "unknown:" : "");
    table_cell(t, "%s", stage->unknown ? stage->unknown : "");
  }
}

static void print_stages(const session *s) {
  table *t = table_create("stage|kind|kernel|memory|>MACs|>moved|>workspace|>within|>error|made of|why");
  for (int i = 0; i < sepcl_network_stage_count(s->network); i++) {
    sepcl_stage_info stage;
    if (sepcl_network_stage_info(&stage, s->network, i) != SEPCL_OK) continue;
    char macs[24], bytes[24];
    table_cell(t, "%s", stage.name);
    table_cell(t, "%s", stage.stage);
    table_cell(t, "%s", stage.launches ? stage.kernel : "none: a view");
    table_cell(t, "%s", stage.storage);
    table_cell(t, "%s", stage.macs ? metric_text(macs, (double)stage.macs) : "");
    table_cell(t, "%s%s", stage.launches ? metric_text(bytes, (double)stage.bytes) : "", stage.launches ? "B" : "");
    table_cell(t, "%zu B", stage.workspace_bytes);
    proven_cells(t, &stage);
    table_cell(t, "%s", stage.fused_from ? stage.fused_from : stage.name);
    table_cell(t, "%s", stage.reason ? stage.reason : "");
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
}

/* The network's bound, and what some stages' depends on. */
static void print_error(const session *s) {
  int stages = 0, unknown = 0, vague = 0;
  double given = 0;
  for (int i = 0; i < sepcl_network_stage_count(s->network); i++) {
    sepcl_stage_info stage;
    if (sepcl_network_stage_info(&stage, s->network, i) != SEPCL_OK) continue;
    stages += stage.given > 0;
    unknown += stage.unknown != NULL;
    vague += is_vague(&stage);
    given = fmax(given, stage.given);
  }
  if (s->info.error_bound >= 0.0)
    printf("error     at most %.3g of the output's range, 1 saying nothing\n", s->info.error_bound);
  else
    printf("error     no bound of the whole is known: %s\n",
           stages || unknown ? "ranges are too wide for some stages'" : "nobody asked");
  if (stages)
    printf("          given: %d stages' bounds hold whenever what they read is within %g to %g\n", stages, -given,
           given);
  if (vague) printf("          vague: %d stages' bounds are more than a tenth of their range\n", vague);
  if (unknown) printf("          unknown: %d stages have no bound\n", unknown);
}

static int print_tables(const session *s) {
  print_stages(s);
  puts("\npasses");
  for (int i = 0; sepcl_network_pass_report(s->network, i); i++)
    printf("  %s\n", sepcl_network_pass_report(s->network, i));
  const sepcl_network_info *info = &s->info;
  char weights[24], macs[24];
  printf("\ndevice    %s, driver %s\n", s->device_info.name, s->device_info.driver);
  printf("replay    %s, %d launch%s an inference, %sMACs\n", replay_name(info->replay), info->launches,
         info->launches == 1 ? "" : "es", metric_text(macs, (double)info->macs));
  if (info->replay_reason) printf("          not as asked: %s\n", info->replay_reason);
  if (info->parts > 1) printf("batch     in %d parts, one after the other\n", info->parts);
  printf("arena     %zu bytes, lower bound %zu, ratio %.3f\n", info->arena_bytes, info->arena_lower_bound_bytes,
         ratio(info));
  printf("weights   %sB packed\n", metric_text(weights, (double)info->weights_bytes));
  printf("channels  %d removed as constant", info->removed_channels);
  if (info->kept_channels) printf(", %d that are constant stay (why: under passes)", info->kept_channels);
  if (info->macs < s->macs) printf(", with %sMACs", metric_text(macs, (double)(s->macs - info->macs)));
  puts("");
  if (is_f16(s))
    printf("memory    f16 for %d tensors; f32 for %d that could pass 65504\n", info->halves, info->kept_floats);
  printf("inputs    within %g to %g: what follows holds for those\n", (double)s->input_low, (double)s->input_high);
  print_error(s);
  printf(
      "bits      %s\n",
      info->reproducible && s->device_info.reproducible
          ? is_f16(s)
                ? "equal on every device, kernel and replay for the same stages in the same memory (docs/numerics.md)"
                : "equal on every device, kernel and replay (docs/numerics.md)"
          : "may differ from those of other devices and kernels");
  return EXIT_DONE;
}

int command_plan(const options *o) {
  session s;
  int status = EXIT_FAILED;
  if (session_load(&s, o, o->arguments[0]) && session_open_device(&s) && session_compile(&s, false))
    status = o->json ? print_json(&s) : print_tables(&s);
  session_free(&s);
  return status;
}
