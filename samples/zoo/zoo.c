/* The list of networks, and the reading of "zoo:NAME:option=value:...". */
#include "zoo.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "networks.h"

#define CLASSES ":classes=1000:softmax=0"

static const zoo_entry entries[] = {
    {"mobilenet_v1", "MobileNet v1: 13 depthwise-separable blocks", "alpha=1:resolution=224" CLASSES, mobilenet_v1},
    {"mobilenet_v2", "MobileNet v2: inverted residuals with linear bottlenecks", "resolution=224" CLASSES,
     mobilenet_v2},
    {"mobilenet_v3_large", "MobileNet v3 large: squeeze-excite, hard-swish, 5x5 kernels", "resolution=224" CLASSES,
     mobilenet_v3_large},
    {"mobilenet_v3_small", "MobileNet v3 small", "resolution=224" CLASSES, mobilenet_v3_small},
    {"efficientnet_lite0", "EfficientNet-Lite0: ReLU6, no squeeze-excite, TensorFlow's padding",
     "resolution=224" CLASSES, efficientnet_lite0},
    {"xception", "Xception: 36 convolution layers in 14 modules", "resolution=299" CLASSES, xception},
    {"keras_separable", "The Keras Sequential of SeparableConv2D layers", "resolution=64:classes=10:softmax=1",
     keras_separable},
    {"igcv2", "IGCV2's interleaved structured sparse convolutions in MobileNet v1's frame",
     "alpha=1:groups=8:resolution=224" CLASSES, igcv2},
    {"igcv3_d", "IGCV3-D: interleaved low-rank group convolutions", "resolution=224" CLASSES, igcv3_d},
    {"shufflenet_v1", "ShuffleNet v1: group 1x1 convolutions and channel shuffle", "groups=3:resolution=224" CLASSES,
     shufflenet_v1},
    {"shufflenet_v2", "ShuffleNet v2 1.0x: channel split and shuffle", "resolution=224" CLASSES, shufflenet_v2},
    {"se_mobilenet", "MobileNet v1 with squeeze-excite in every block", "alpha=1:reduction=16:resolution=224" CLASSES,
     se_mobilenet},
    {"se_resnet50", "ResNet-50 with squeeze-excite", "resolution=224" CLASSES, se_resnet50},
    {"resnet50", "ResNet-50, the stride in the 3x3 convolution", "resolution=224" CLASSES, resnet50},
    {"densenet121", "DenseNet-121: dense concatenation, batch norm before the convolution",
     "growth=32:resolution=224" CLASSES, densenet121},
    {"googlenet", "GoogLeNet: Inception v1 with batch norm", "resolution=224" CLASSES, googlenet},
    {"squeezenet_1.1", "SqueezeNet 1.1: fire modules", "resolution=224" CLASSES, squeezenet_1_1},
    {"vgg16", "VGG-16: stacks of 3x3 convolutions", "resolution=224" CLASSES, vgg16},
    {"alexnet", "AlexNet, two groups as first published, without local response normalisation",
     "groups=2:resolution=224" CLASSES, alexnet},
    {"aspp_mobilenet_v2", "Atrous spatial pyramid on MobileNet v2, output stride 16", "resolution=512:classes=21",
     aspp_mobilenet_v2},
    {"deformable", "A deformable 3x3 convolution whose offsets and mask are computed", "channels=16:resolution=32",
     deformable},
    {"separable", "One convolution: depthwise + pointwise, or with standard=1 a standard one",
     "inputs=3:outputs=4:kernel=3:standard=0:same=0:resolution=5", separable},
    {"group_conv", "One grouped 3x3 convolution; groups = inputs and more outputs: several base layers per channel",
     "inputs=256:outputs=256:groups=8:resolution=14", group_conv},
    {"stack", "A stack of convolutions: two 3x3 see what one 5x5 sees", "kernel=3:depth=2:channels=1:resolution=16",
     stack},
    {"bottleneck", "ResNet's bottleneck 256-64-64-256, or with direct=1 one 3x3", "direct=0:resolution=14", bottleneck},
    {"dilated", "A 3x3 convolution, then one with dilation 2 (depthwise=1: depthwise)",
     "channels=1:depthwise=0:first=1:resolution=16", dilated},
    {"low_rank", "A 100x100 matrix as 100x10 times 10x100: two pointwise layers (direct=1: one)",
     "direct=0:size=100:rank=10:resolution=8", low_rank},
    {"dead_channels", "An inverted residual with depthwise kernels that trained to nothing",
     "channels=32:zero=5:negative=3:constant=0:resolution=16", dead_channels},
};
enum { ENTRY_COUNT = sizeof entries / sizeof *entries };

static const char common_options[] = "batch=1:height=0:width=0:seed=1";

const zoo_entry *zoo_entries(int *count) {
  if (count) *count = ENTRY_COUNT;
  return entries;
}

const char *zoo_common_options(void) { return common_options; }

/* ---- errors ---- */

static _Thread_local char last_error[1024];

const char *zoo_last_error(void) { return last_error; }

static sepcl_status complain(sepcl_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static sepcl_status complain(sepcl_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}

/* ---- options ---- */

/* It comes last, followed by a file: a path may hold colons. */
static const char weights_option[] = "weights=";

/* Where the value of `name` (`length` bytes) stands in "a=1:b=2", or NULL. */
static const char *find_value(const char *options, const char *name, size_t length) {
  while (*options && strncmp(options, weights_option, sizeof weights_option - 1)) {
    size_t here = strcspn(options, "=:");
    if (here == length && options[here] == '=' && !strncmp(options, name, length)) return options + here + 1;
    options += strcspn(options, ":");
    options += *options == ':';
  }
  return NULL;
}

static const char *default_value(const zoo_entry *entry, const char *name, size_t length) {
  const char *value = find_value(entry->options, name, length);
  return value ? value : find_value(common_options, name, length);
}

double option(net *n, const char *name) {
  const char *value = find_value(n->given, name, strlen(name));
  if (!value) value = default_value(n->entry, name, strlen(name));
  return value ? strtod(value, NULL) : 0.0;
}

int option_int(net *n, const char *name) { return (int)option(n, name); }

int thinner(net *n, int channels) {
  double width = option(n, "alpha") * channels;
  return width < 1.0 ? 1 : (int)width;
}

/* Options take whole numbers from 1 to 65536, but for these. A height or width of 0 is the resolution. */
static const struct {
  const char *name;
  int low, high;
} ranges[] = {{"seed", 0, 65536}, {"height", 0, 65536}, {"width", 0, 65536},    {"softmax", 0, 1},
              {"standard", 0, 1}, {"same", 0, 1},       {"direct", 0, 1},       {"depthwise", 0, 1},
              {"first", 0, 1},    {"zero", 0, 65536},   {"negative", 0, 65536}, {"constant", 0, 65536}};

static bool is_name(const char *name, size_t length, const char *wanted) {
  return strlen(wanted) == length && !strncmp(name, wanted, length);
}

static sepcl_status check_value(const zoo_entry *entry, const char *name, size_t length, double value) {
  if (is_name(name, length, "alpha")) {
    if (value > 0.0 && value <= 16.0) return SEPCL_OK;
    return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s: option alpha=%g is not above 0 and at most 16", entry->name,
                    value);
  }
  int low = 1, high = 65536;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (is_name(name, length, ranges[i].name)) low = ranges[i].low, high = ranges[i].high;
  if (value >= low && value <= high && value == floor(value)) return SEPCL_OK;
  return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s: option %.*s=%g is no whole number from %d to %d", entry->name,
                  (int)length, name, value, low, high);
}

static sepcl_status check_options(const zoo_entry *entry, const char *given, const char **file) {
  const char *at = given;
  while (*at) {
    if (!strncmp(at, weights_option, sizeof weights_option - 1)) {
      *file = at + sizeof weights_option - 1;
      if (**file) return SEPCL_OK;
      return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s: weights= names no file", entry->name);
    }
    size_t length = strcspn(at, ":"), name = strcspn(at, "=:");
    if (!default_value(entry, at, name))
      return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s has no option '%.*s'; it has %s:%s, and last weights=FILE",
                      entry->name, (int)(name < 80 ? name : 80), at, entry->options, common_options);
    char *end = NULL;
    double value = at[name] == '=' ? strtod(at + name + 1, &end) : 0.0;
    if (end != at + length || length == name + 1 || !isfinite(value))
      return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s: '%.*s' gives no number", entry->name,
                      (int)(length < 80 ? length : 80), at);
    if (find_value(given, at, name) != at + name + 1)
      return complain(SEPCL_INVALID_ARGUMENT, "zoo:%s: option %.*s is given twice", entry->name, (int)name, at);
    sepcl_status status = check_value(entry, at, name, value);
    if (status) return status;
    at += length;
    at += *at == ':';
  }
  return SEPCL_OK;
}

static const zoo_entry *find_entry(const char *spec, size_t length) {
  for (int i = 0; i < ENTRY_COUNT; i++)
    if (strlen(entries[i].name) == length && !strncmp(entries[i].name, spec, length)) return &entries[i];
  return NULL;
}

static sepcl_status build(sepcl_graph **out, const char *spec, int blank, zoo_arrays *arrays) {
  if (!strncmp(spec, "zoo:", 4)) spec += 4;
  size_t length = strcspn(spec, ":");
  const zoo_entry *entry = find_entry(spec, length);
  if (!entry)
    return complain(SEPCL_INVALID_ARGUMENT, "the zoo has no network '%.*s' (`sepcl zoo` lists them)",
                    (int)(length < 80 ? length : 80), spec);
  const char *given = spec + length + (spec[length] == ':');
  sepcl_status status = check_options(entry, given, &arrays->file);
  if (status) return status;
  net n = {.entry = entry, .given = given, .blank = blank, .arrays = arrays};
  status = sepcl_graph_create(&n.graph);
  if (status) return complain(status, "%s", sepcl_last_error());
  n.random = (uint64_t)option_int(&n, "seed");
  sepcl_graph_output(n.graph, "output", entry->build(&n));
  status = sepcl_graph_status(n.graph);
  if (status) {
    complain(status, "zoo:%.*s: %s", (int)(strlen(spec) < 160 ? strlen(spec) : 160), spec, sepcl_last_error());
    sepcl_graph_free(n.graph);
    return status;
  }
  *out = n.graph;
  return SEPCL_OK;
}

sepcl_status zoo_build_arrays(sepcl_graph **out, const char *spec, int blank, zoo_arrays *arrays) {
  if (!out || !spec || !arrays) return complain(SEPCL_INVALID_ARGUMENT, "zoo: out, the spec or the arrays are NULL");
  *out = NULL;
  *arrays = (zoo_arrays){NULL, 0, NULL};
  sepcl_status status = build(out, spec, blank, arrays);
  if (status) zoo_arrays_free(arrays);
  return status;
}

void zoo_arrays_free(zoo_arrays *arrays) {
  free(arrays->items);
  *arrays = (zoo_arrays){NULL, 0, NULL};
}

sepcl_status zoo_build(sepcl_graph **out, const char *spec) {
  zoo_arrays arrays;
  sepcl_status status = zoo_build_arrays(out, spec, 0, &arrays);
  if (status) return status;
  if (arrays.file) {
    sepcl_graph_free(*out);
    *out = NULL;
    status = complain(SEPCL_INVALID_ARGUMENT, "zoo_build reads no files (weights=%.200s)", arrays.file);
  }
  zoo_arrays_free(&arrays);
  return status;
}
