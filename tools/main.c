/* sepcl: the command. Each subcommand has a file of its own. */
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "options.h"
#include "sepcl.h"
#include "table.h"
#include "text.h"

enum {
  LOOK = OPTIONS_MODEL | OPTIONS_JSON,
  COMPILE = LOOK | OPTIONS_DEVICE | OPTIONS_COMPILE,
  PREPARE = OPTIONS_PICTURE | OPTIONS_LABELS
};

static const command commands[] = {
    {"devices", "", "Lists the OpenCL devices and what they can do", "  sepcl devices\n  sepcl devices --json\n",
     OPTIONS_JSON, 0, 0, command_devices},
    {"summary", "MODEL", "Lists a model's layers, shapes, multiply-adds (MACs) and parameters; needs no device",
     "  sepcl summary model.onnx\n  sepcl summary zoo:mobilenet_v1:alpha=0.5:resolution=160\n", LOOK, 1, 1,
     command_summary},
    {"plan", "MODEL", "Shows the stages, kernels and memory that a device would use; runs nothing",
     "  sepcl plan model.onnx\n  sepcl plan model.onnx --device gpu --json\n", COMPILE, 1, 1, command_plan},
    {"run", "MODEL [IMAGE]", "Classifies a picture, or computes a model's outputs from arrays",
     "  sepcl run model.onnx photo.jpg\n"
     "  sepcl run model.onnx photo.jpg --labels names.txt --resize 256 --crop 224 --top 3\n"
     "  sepcl run model.onnx --input data=x.npy --output-dir outputs\n",
     COMPILE | PREPARE | OPTIONS_INPUT | OPTIONS_RUN | OPTIONS_PROFILE, 1, 2, command_run},
    {"bench", "MODEL", "Measures a model, host array in to host array out, and each of its layers",
     "  sepcl bench model.onnx\n  sepcl bench zoo:mobilenet_v2 --iterations 200 --json\n",
     COMPILE | OPTIONS_INPUT | OPTIONS_BENCH | OPTIONS_PROFILE, 1, 1, command_bench},
    {"tune", "MODEL", "Measures kernels and their splits for a model's stages and remembers what is fastest",
     "  sepcl tune model.onnx\n  sepcl tune model.onnx --tuning full\n  sepcl tune model.onnx --tuning off    "
     "(forgets)\n",
     COMPILE, 1, 1, command_tune},
    {"export", "MODEL OUT.onnx", "Writes a model as ONNX, with preprocessing and labels as metadata",
     "  sepcl export zoo:mobilenet_v1 mobilenet_v1.onnx\n"
     "  sepcl export in.onnx out.onnx --resize 256 --crop 224 --labels names.txt\n",
     LOOK | PREPARE, 2, 2, command_export},
    {"picture", "IMAGE OUT.npy", "Writes what a network would see of a picture, as an array",
     "  sepcl picture photo.jpg x.npy --resize 256 --crop 224\n", OPTIONS_PICTURE, 2, 2, command_picture},
    {"zoo", "[NAME]", "Lists the networks that zoo:NAME builds, or the names and shapes of one's weights",
     "  sepcl zoo\n  sepcl zoo mobilenet_v1\n  sepcl zoo mobilenet_v1:alpha=0.5 --json\n", OPTIONS_JSON, 0, 1,
     command_zoo},
    {"kernels", "", "Lists the kernels", "  sepcl kernels\n", OPTIONS_JSON, 0, 0, command_kernels},
    {"ops", "", "Lists the ONNX operations that sepcl runs", "  sepcl ops\n", OPTIONS_JSON, 0, 0, command_ops},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void) {
  puts(
      "Usage: sepcl COMMAND [ARGUMENT...] [OPTION...]\n\n"
      "Runs convolutional networks of depthwise-separable blocks on OpenCL devices.\n\nCommands:");
  table *t = table_create("||");
  for (int i = 0; i < COMMANDS; i++) {
    table_cell(t, "  %s %s", commands[i].name, commands[i].arguments);
    table_cell(t, "%s", commands[i].summary);
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
  puts(
      "\nMODEL is an ONNX file, or zoo:NAME:OPTION=VALUE... (`sepcl zoo` lists them).\n"
      "`sepcl COMMAND --help` shows a command's options and examples; `sepcl --version` the version.\n\n"
      "Exit status: 0; 1 when something is wrong, told in one line; 2 for a wrong command line.");
}

static int report(int status, bool all) {
  fflush(stdout);
  const char *text = complaint();
  size_t first = strcspn(text, "\r\n");
  char line[1024];
  snprintf(line, sizeof line, "%.*s", (int)first, text);
  fprintf(stderr, "sepcl: %s\n", text_clean(line));
  if (all && text[first]) fprintf(stderr, "%s\n", text + first + 1);
  return status;
}

/* Output that did not reach the disk is a failure too. */
static int finish(int status) {
  if (fflush(stdout) || ferror(stdout)) {
    complain("cannot write standard output: %m");
    return report(EXIT_FAILED, false);
  }
  return status;
}

static int unknown_command(const char *typed) {
  const command *near = command_nearest(commands, COMMANDS, typed);
  if (near)
    complain("%s: no command; did you mean `sepcl %s`?", typed, near->name);
  else
    complain("%s: no command (`sepcl --help` lists them)", typed);
  return report(EXIT_USAGE, false);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    complain("which command? (`sepcl --help` lists them)");
    return report(EXIT_USAGE, false);
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    const command *about = argc > 2 ? command_find(commands, COMMANDS, argv[2]) : NULL;
    if (argc > 2 && !about) return unknown_command(argv[2]);
    if (about)
      options_help(about);
    else
      print_help();
    return finish(EXIT_DONE);
  }
  if (!strcmp(argv[1], "--version")) {
    printf("sepcl %s\n", sepcl_version());
    return finish(EXIT_DONE);
  }
  const command *c = command_find(commands, COMMANDS, argv[1]);
  if (!c) return unknown_command(argv[1]);
  options o;
  int status = EXIT_DONE;
  if (!options_parse(&o, c, argc - 1, (const char **)argv + 1))
    status = EXIT_USAGE;
  else if (o.help)
    options_help(c);
  else
    status = c->run(&o);
  if (status == EXIT_FAILED && complaint_is_of_usage()) status = EXIT_USAGE;
  status = status == EXIT_DONE ? finish(EXIT_DONE) : report(status, o.verbose);
  options_free(&o);
  return status;
}
