/* The command line. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>

/* Groups of options, of which each command takes some. */
enum {
  OPTIONS_DEVICE = 1,   /* --device, --cache-dir */
  OPTIONS_MODEL = 2,    /* --batch, --input-shape */
  OPTIONS_COMPILE = 4,  /* --precision, --input-range, --replay, --family, --fusion, --gemm, --skip-passes, --fastest,
                           --keep-batch-norm */
  OPTIONS_PROFILE = 8,  /* --profile */
  OPTIONS_INPUT = 16,   /* --input */
  OPTIONS_PICTURE = 32, /* --resize, --crop, --mean, --std, --bgr */
  OPTIONS_LABELS = 64,  /* --labels */
  OPTIONS_RUN = 128,    /* --output-dir, --top */
  OPTIONS_BENCH = 256,  /* --warmup, --iterations */
  OPTIONS_JSON = 512    /* --json */
};

typedef struct options {
  void *context;          /* popt's */
  const char **arguments; /* what is no option, NULL-terminated */
  int argument_count;
  int help, verbose, json, version;
  char *device, *cache_dir;
  int batch;
  char **input_shapes; /* NULL-terminated, or NULL */
  char *precision, *input_range, *replay, *family, *fusion, *gemm, *tuning, *skip_passes;
  int fastest, keep_batch_norm, images_at_once;
  char *profile;
  char **inputs; /* NAME=FILE, NULL-terminated, or NULL */
  char *resize, *crop, *mean, *std;
  int bgr, rgb;
  char *labels, *output_dir;
  int top, warmup, iterations;
} options;

typedef struct command {
  const char *name, *arguments, *summary, *examples;
  int groups, least, most; /* options, and how many arguments it takes */
  int (*run)(const options *o);
} command;

/* Fills in *o from argv[1..]; argv[0] is only shown. False with a complaint: a usage error. Either way *o is to be
 * freed. */
bool options_parse(options *o, const command *c, int argc, const char **argv);
void options_free(options *o);
/* The help text of one command, on stdout. */
void options_help(const command *c);

/* The command called `name`; NULL if there is none. */
const command *command_find(const command *commands, int count, const char *name);
/* The command whose name is nearest to what was typed; NULL if none is near. */
const command *command_nearest(const command *commands, int count, const char *typed);

int command_devices(const options *o);
int command_kernels(const options *o);
int command_ops(const options *o);
int command_zoo(const options *o);
int command_summary(const options *o);
int command_plan(const options *o);
int command_run(const options *o);
int command_bench(const options *o);
int command_export(const options *o);
int command_tune(const options *o);
int command_picture(const options *o);

#endif
