#include "options.h"

#include <limits.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

static options parsed; /* where popt writes: its tables need addresses that are known at compile time */

#define OPTION(name, type, member, help, argument) \
  { name, '\0', type, &parsed.member, 0, help, argument }
#define END \
  { NULL, '\0', 0, NULL, 0, NULL, NULL }

static struct poptOption general[] = {
    {"help", 'h', POPT_ARG_NONE, &parsed.help, 0, "shows this help", NULL},
    {"verbose", 'v', POPT_ARG_NONE, &parsed.verbose, 0, "shows all of an error, such as a compiler's log", NULL},
    END};
static struct poptOption json[] = {
    OPTION("json", POPT_ARG_NONE, json, "writes JSON to standard output instead of tables", NULL), END};
static struct poptOption device[] = {
    OPTION("device", POPT_ARG_STRING, device,
           "P:D as `sepcl devices` lists it, gpu, cpu, or a part of a platform's or device's name", "SPEC"),
    OPTION("cache-dir", POPT_ARG_STRING, cache_dir,
           "where compiled kernels are kept; empty: nowhere (default: the user's cache folder)", "DIR"),
    END};
static struct poptOption model[] = {
    OPTION("batch", POPT_ARG_INT, batch, "images in a run (default: as the model says)", "N"),
    OPTION("input-shape", POPT_ARG_ARGV, input_shapes,
           "an input's shape, such as data=1x3x224x224; settles dynamic dimensions", "NAME=SHAPE"),
    END};
static struct poptOption compile[] = {
    OPTION("precision", POPT_ARG_STRING, precision,
           "how activations lie in memory: f32 (default) or f16; f16-sums: GPUs add in halves, too", "TYPE"),
    OPTION("input-range", POPT_ARG_STRING, input_range,
           "what inputs hold, for the proven bounds (default: what pictures become; else -1:1)", "LOW:HIGH"),
    OPTION("replay", POPT_ARG_STRING, replay, "auto (default), launches, command-buffer or one-launch", "HOW"),
    OPTION("family", POPT_ARG_STRING, family, "kernels for another kind of device: auto (default), row, tile, scalar",
           "NAME"),
    OPTION("fusion", POPT_ARG_STRING, fusion, "blocks of convolutions as one stage: auto (default), always, never",
           "WHEN"),
    OPTION("gemm", POPT_ARG_STRING, gemm,
           "matrix products under --fastest: auto (default: CLBlast where measured faster), ours, clblast", "WHOSE"),
    OPTION("tuning", POPT_ARG_STRING, tuning,
           "remembered (default): what `sepcl tune` found; off: the built-in rules; quick, full: tunes first", "LEVEL"),
    OPTION("skip-passes", POPT_ARG_STRING, skip_passes, "graph passes to leave out, comma-separated, or all", "NAMES"),
    OPTION("fastest", POPT_ARG_NONE, fastest, "allows kernels whose results differ in the last bits", NULL),
    OPTION("images-at-once", POPT_ARG_INT, images_at_once,
           "of a batch, at most (default: what suits the device's cache); fewer need less memory", "N"),
    OPTION("keep-batch-norm", POPT_ARG_NONE, keep_batch_norm, "folds no batch normalisation into weights", NULL),
    END};
static struct poptOption profile[] = {
    OPTION("profile", POPT_ARG_STRING, profile, "writes a trace for chrome://tracing or ui.perfetto.dev", "FILE"), END};
static struct poptOption input[] = {
    OPTION("input", POPT_ARG_ARGV, inputs, "an input's values: a .npy file of 32-bit floats", "NAME=FILE.npy"), END};
static struct poptOption picture[] = {
    OPTION("resize", POPT_ARG_STRING, resize,
           "length of the picture's shorter side; 0: straight to the crop's size (default: crop / 0.875)", "R"),
    OPTION("crop", POPT_ARG_STRING, crop, "what is kept of the middle: C or HxW (default: the model's input)", "C"),
    OPTION("mean", POPT_ARG_STRING, mean, "subtracted from red, green and blue, which go from 0 to 1", "R,G,B"),
    OPTION("std", POPT_ARG_STRING, std, "what they are divided by next (default: ImageNet's mean and deviation)",
           "R,G,B"),
    OPTION("bgr", POPT_ARG_NONE, bgr, "blue first", NULL),
    OPTION("rgb", POPT_ARG_NONE, rgb, "red first (default)", NULL),
    END};
static struct poptOption label[] = {
    OPTION("labels", POPT_ARG_STRING, labels, "names of the classes, one a line or a JSON list", "FILE"), END};
static struct poptOption run[] = {
    OPTION("output-dir", POPT_ARG_STRING, output_dir, "writes each output there as NAME.npy", "DIR"),
    OPTION("top", POPT_ARG_INT, top, "labels to show (default: 5)", "K"), END};
static struct poptOption bench[] = {
    OPTION("warmup", POPT_ARG_INT, warmup, "runs that are not measured (default: 3)", "N"),
    OPTION("iterations", POPT_ARG_INT, iterations, "runs that are (default: for a second, at least 10)", "N"), END};

static const struct {
  int group;
  struct poptOption *table;
  const char *title;
} groups[] = {
    {OPTIONS_INPUT, input, "Input:"},       {OPTIONS_PICTURE, picture, "Picture:"},
    {OPTIONS_LABELS, label, "Labels:"},     {OPTIONS_RUN, run, "Output:"},
    {OPTIONS_BENCH, bench, "Measurement:"}, {OPTIONS_PROFILE, profile, "Profile:"},
    {OPTIONS_MODEL, model, "Model:"},       {OPTIONS_COMPILE, compile, "Compilation:"},
    {OPTIONS_DEVICE, device, "Device:"},    {OPTIONS_JSON, json, "Format:"},
};
enum { GROUPS = sizeof groups / sizeof *groups };

static void table_of(struct poptOption out[GROUPS + 2], const command *c) {
  int used = 0;
  for (int i = 0; i < GROUPS; i++)
    if (c->groups & groups[i].group)
      out[used++] = (struct poptOption){NULL, '\0', POPT_ARG_INCLUDE_TABLE, groups[i].table, 0, groups[i].title, NULL};
  out[used++] = (struct poptOption){NULL, '\0', POPT_ARG_INCLUDE_TABLE, general, 0, "General:", NULL};
  out[used] = (struct poptOption)END;
}

enum { NOT_GIVEN = INT_MIN };

/* A count from 1 on; 0 where the option is not given, which stands for its default. */
static bool check_count(int *count, const char *option, int most) {
  if (*count == NOT_GIVEN)
    *count = 0;
  else if (*count < 1 || *count > most)
    return complain("--%s %d: from 1 to %d", option, *count, most);
  return true;
}

static bool check_numbers(options *o) {
  if (!check_count(&o->images_at_once, "images-at-once", 65536)) return false;
  if (!check_count(&o->batch, "batch", 65536) || !check_count(&o->iterations, "iterations", 100000000)) return false;
  if (o->top < 1) return complain("--top %d: at least 1", o->top);
  if (o->warmup < 0) return complain("--warmup %d: at least 0", o->warmup);
  if (o->bgr && o->rgb) return complain("--bgr and --rgb exclude each other");
  return true;
}

static bool check_arguments(const options *o, const command *c) {
  if (o->argument_count < c->least)
    return complain("usage: sepcl %s %s (see `sepcl %s --help`)", c->name, c->arguments, c->name);
  if (o->argument_count > c->most)
    return complain("%s: one argument too many (see `sepcl %s --help`)", o->arguments[c->most], c->name);
  return true;
}

bool options_parse(options *o, const command *c, int argc, const char **argv) {
  struct poptOption table[GROUPS + 2];
  table_of(table, c);
  parsed = (options){.top = 5, .warmup = 3, .batch = NOT_GIVEN, .images_at_once = NOT_GIVEN, .iterations = NOT_GIVEN};
  *o = parsed;
  poptContext context = poptGetContext("sepcl", argc, argv, table, 0);
  if (!context) return complain("out of memory");
  int code = poptGetNextOpt(context);
  if (code < -1) {
    const char *option = poptBadOption(context, POPT_BADOPTION_NOALIAS);
    complain(
        code == POPT_ERROR_BADOPT ? "%s: %s of `sepcl %s` (see `sepcl %s --help`)" : "%s: %s (see `sepcl %s --help`)",
        option, code == POPT_ERROR_BADOPT ? "no option" : poptStrerror(code), c->name, c->name);
    parsed.context = context;
    *o = parsed;
    return false;
  }
  parsed.context = context; /* the arguments are its own */
  parsed.arguments = poptGetArgs(context);
  while (parsed.arguments && parsed.arguments[parsed.argument_count]) parsed.argument_count++;
  *o = parsed;
  return parsed.help || (check_numbers(o) && check_arguments(o, c));
}

static void free_list(char **list) {
  for (char **at = list; at && *at; at++) free(*at);
  free(list);
}

void options_free(options *o) {
  char *const strings[] = {o->device, o->cache_dir, o->precision, o->input_range, o->replay,    o->family,
                           o->fusion, o->gemm,      o->tuning,    o->skip_passes, o->profile,   o->resize,
                           o->crop,   o->mean,      o->std,       o->labels,      o->output_dir};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) free(strings[i]);
  free_list(o->input_shapes);
  free_list(o->inputs);
  poptFreeContext(o->context);
}

void options_help(const command *c) {
  struct poptOption table[GROUPS + 2];
  table_of(table, c);
  printf("Usage: sepcl %s %s\n\n%s.\n", c->name, c->arguments, c->summary);
  const char *argv[] = {"sepcl", NULL};
  poptContext context = poptGetContext("sepcl", 1, argv, table, 0);
  if (context) {
    /* Its own first line would name no command. */
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory) {
      poptPrintHelp(context, memory, 0);
      fclose(memory);
      const char *rest = text ? strchr(text, '\n') : NULL;
      if (rest) fputs(rest + 1, stdout);
    }
    free(text);
  }
  poptFreeContext(context);
  if (c->examples) printf("\nExamples:\n%s", c->examples);
}

const command *command_find(const command *commands, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (!strcmp(commands[i].name, name)) return &commands[i];
  return NULL;
}

/* Levenshtein's distance of words of up to 31 letters. */
static int distance(const char *a, const char *b) {
  int row[32], length = (int)strlen(b);
  if (length > 31) return 99;
  for (int j = 0; j <= length; j++) row[j] = j;
  for (int i = 1; a[i - 1]; i++) {
    int corner = row[0];
    row[0] = i;
    for (int j = 1; j <= length; j++) {
      int change = corner + (a[i - 1] != b[j - 1]), longer = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      corner = row[j];
      row[j] = change < longer ? change : longer;
    }
  }
  return row[length];
}

const command *command_nearest(const command *commands, int count, const char *typed) {
  const command *best = NULL;
  int least = 3;
  for (int i = 0; i < count; i++) {
    int d = distance(typed, commands[i].name);
    if (d < least) {
      least = d;
      best = &commands[i];
    }
  }
  return best;
}
