/* The command as its users meet it: a process, its output, its exit status. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "npy.h"
#include "sepcl.h"
#include "support/command.h"

/* ---- a small classifier, as a file ---- */

static float noise(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) * (1.0f / 8388608.0f) - 1.0f;
}

static sepcl_value weights(sepcl_graph *graph, int32_t rank, const int64_t *dims, uint32_t seed) {
  float data[4096];
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
  ck_assert_uint_le(count, 4096);
  for (size_t i = 0; i < count; i++) data[i] = noise(&seed);
  return sepcl_graph_constant(graph, rank, dims, data);
}

static sepcl_value conv(sepcl_graph *graph, sepcl_value x, int32_t outputs, int32_t groups, int32_t kernel) {
  sepcl_conv_attributes attributes = SEPCL_CONV_ATTRIBUTES_INIT;
  int32_t inputs = kernel == 1 ? 8 : groups == 1 ? 3 : 1;
  int64_t dims[4] = {outputs, inputs, kernel, kernel}, bias_dims[1] = {outputs};
  attributes.window.kernel_h = attributes.window.kernel_w = kernel;
  if (kernel == 3)
    attributes.window.pad_top = attributes.window.pad_left = attributes.window.pad_bottom =
        attributes.window.pad_right = 1;
  attributes.outputs = outputs;
  attributes.groups = groups;
  sepcl_value w = weights(graph, 4, dims, (uint32_t)(outputs + kernel)), b = weights(graph, 1, bias_dims, 5);
  sepcl_activation relu = {SEPCL_RELU, 0.0f, 0.0f};
  return sepcl_graph_activation(graph, sepcl_graph_conv(graph, x, w, b, &attributes), relu);
}

/* 1x16x16x3 -> conv 3x3 to 8 -> depthwise 3x3 -> conv 1x1 to 16 -> average -> FC to 5. */
static void write_model(void) {
  sepcl_graph *graph;
  ck_assert_int_eq(sepcl_graph_create(&graph), SEPCL_OK);
  const int64_t image[4] = {1, 16, 16, 3}, flat[2] = {1, 16}, fc[2] = {5, 16};
  sepcl_value x = sepcl_graph_input(graph, "image", 4, image);
  x = conv(graph, x, 8, 1, 3);
  x = conv(graph, x, 8, 8, 3);
  x = conv(graph, x, 16, 1, 1);
  x = sepcl_graph_reshape(graph, sepcl_graph_global_average_pool(graph, x), 2, flat);
  x = sepcl_graph_matmul(graph, x, weights(graph, 2, fc, 9), SEPCL_NO_VALUE, 1);
  sepcl_graph_output(graph, "scores/all:0", x);
  ck_assert_msg(sepcl_graph_save(graph, command_path("model.onnx")) == SEPCL_OK, "%s", sepcl_last_error());
  sepcl_graph_free(graph);
}

static void write_array(const char *name, uint32_t seed) {
  float data[768];
  const int64_t dims[4] = {1, 16, 16, 3};
  for (int i = 0; i < 768; i++) data[i] = noise(&seed);
  ck_assert(npy_write(command_path(name), 4, dims, data));
}

/* A PPM needs no encoder. */
static void write_picture(void) {
  char text[32 + 20 * 30 * 3];
  int start = sprintf(text, "P6\n20 30\n255\n");
  for (int i = 0; i < 20 * 30 * 3; i++) text[start + i] = (char)(i * 7 + i / 60 * 13);
  command_file("photo.ppm", text, (size_t)start + 20 * 30 * 3);
}

static void set_up(void) {
  write_model();
  write_array("x.npy", 1);
  write_array("other.npy", 2);
  write_picture();
  command_file("labels.txt", "cat\ndog\nfox\nhen\nowl\n", 20);
  setenv("XDG_CACHE_HOME", command_path("cache"), 1);
}

/* ---- JSON ---- */

static double number(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  ck_assert_msg(cJSON_IsNumber(item), "no number %s", name);
  return item->valuedouble;
}

static const char *text(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  ck_assert_msg(cJSON_IsString(item), "no text %s", name);
  return item->valuestring;
}

static const cJSON *list(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  ck_assert_msg(cJSON_IsArray(item), "no list %s", name);
  return item;
}

static const cJSON *member(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  ck_assert_msg(cJSON_IsObject(item), "no object %s", name);
  return item;
}

static void has_flag(const cJSON *object, const char *name) {
  ck_assert_msg(cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(object, name)), "no flag %s", name);
}

/* ---- command lines ---- */

START_TEST(helps) {
  command_expect("--help", 0, "sepcl COMMAND");
  command_expect("--version", 0, SEPCL_VERSION);
  static const char *const names[] = {"devices", "summary", "plan",    "run", "bench", "export",
                                      "picture", "zoo",     "kernels", "ops", "tune"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char line[64];
    snprintf(line, sizeof line, "%s --help", names[i]);
    command_expect(line, 0, "Examples:");
  }
  command_expect("help run", 0, "--output-dir");
}
END_TEST

START_TEST(refuses_wrong_command_lines) {
  command_expect("", 2, "--help");
  command_expect("runn", 2, "did you mean `sepcl run`?");
  command_expect("xyzzy", 2, "--help");
  command_expect("help xyzzy", 2, "xyzzy");
  command_expect("devices --frobnicate", 2, "--frobnicate");
  command_expect("devices too many", 2, "too");
  command_expect("summary", 2, "MODEL");
  command_expect("bench m.onnx --iterations x", 2, "numeric");
  command_expect("bench m.onnx --iterations -1", 2, "--iterations");
  command_expect("bench m.onnx --iterations", 2, "--iterations");
  command_expect("run m.onnx p.png --top 0", 2, "--top");
  command_expect("run m.onnx", 2, "--input");
  command_expect("run m.onnx p.png --input a=b.npy", 2, "either");
  command_expect("run m.onnx p.png --bgr --rgb", 2, "--bgr");
}
END_TEST

START_TEST(refuses_wrong_values) {
  static const struct {
    const char *line, *names;
    int status;
  } lines[] = {
      {"plan @/model.onnx --input-range 1", "LOW:HIGH", 2},
      {"plan @/model.onnx --input-range 1:-1", "LOW:HIGH", 2},
      {"plan @/model.onnx --precision f8", "f32", 2},
      {"plan @/model.onnx --replay never", "one-launch", 2},
      {"plan @/model.onnx --family none", "scalar", 2},
      {"plan @/model.onnx --skip-passes fuse-activation,nonesuch", "nonesuch", 1},
      {"plan @/model.onnx --device nonesuch", "nonesuch", 1},
      {"plan @/model.onnx --device 99:0", "99:0", 1},
      {"run @/model.onnx @/photo.ppm --crop 15", "16x16", 1},
      {"run @/model.onnx @/photo.ppm --crop 16y", "--crop", 2},
      {"run @/model.onnx @/photo.ppm --resize 1e9", "--resize", 2},
      {"run @/model.onnx @/photo.ppm --resize 999999999", "--resize", 2},
      {"run @/model.onnx @/photo.ppm --mean 1,2", "--mean", 2},
      {"run @/model.onnx @/photo.ppm --std 0", "std", 2},
      {"run @/model.onnx @/photo.ppm --std 1,nan,1", "--std", 2},
      {"run @/model.onnx @/photo.ppm --labels @/none", "none", 1},
      {"run @/model.onnx @/photo.ppm --labels @/photo.ppm", "photo.ppm", 1},
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    command_expect(lines[i].line, lines[i].status, lines[i].names);
}
END_TEST

START_TEST(tells_when_there_is_no_opencl) {
  command_expect_with("SEPCL_OPENCL=@/no-such-library.so", "devices", 1, "OpenCL");
  command_expect_with("SEPCL_OPENCL=@/no-such-library.so", "run @/model.onnx @/photo.ppm", 1, "OpenCL");
  command_expect_with("OCL_ICD_VENDORS=@/nowhere/ ", "devices", 1, "OpenCL");
  command_expect_with("OCL_ICD_VENDORS=@/nowhere/ ", "bench @/model.onnx", 1, "OpenCL");
  command_expect_with("SEPCL_OPENCL=@/no-such-library.so", "summary @/model.onnx", 0, "depthwise");
}
END_TEST

/* ---- bad files ---- */

START_TEST(refuses_bad_models) {
  char noise_bytes[4096];
  uint32_t state = 3;
  for (size_t i = 0; i < sizeof noise_bytes; i++) noise_bytes[i] = (char)(noise(&state) * 127.0f);
  command_file("noise.onnx", noise_bytes, sizeof noise_bytes);
  command_file("empty.onnx", "", 0);
  static const char *const commands[] = {"summary", "plan", "bench"};
  static const char *const models[] = {"missing.onnx", "empty.onnx", "noise.onnx", "photo.ppm", "x.npy"};
  for (size_t c = 0; c < sizeof commands / sizeof *commands; c++)
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
      char line[128];
      snprintf(line, sizeof line, "%s @/%s", commands[c], models[m]);
      command_expect(line, 1, models[m]);
    }
  command_expect("summary @", 1, NULL);
  command_expect("export @/missing.onnx @/out.onnx", 1, "missing.onnx");
  command_expect("summary zoo:", 1, NULL);
  command_expect("summary zoo:nonesuch", 1, "nonesuch");
}
END_TEST

START_TEST(refuses_truncated_models) {
  FILE *file = fopen(command_path("model.onnx"), "rb");
  char bytes[65536];
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  ck_assert_uint_gt(size, 500);
  for (size_t part = 1; part < 8; part++) {
    command_file("cut.onnx", bytes, size * part / 8);
    command_expect("summary @/cut.onnx", 1, "cut.onnx");
  }
}
END_TEST

START_TEST(refuses_bad_pictures_and_arrays) {
  command_file("empty.png", "", 0);
  command_file("double.npy", "\x93NUMPY\1\0\66\0{'descr': '<f8', 'fortran_order': False, 'shape': ()}", 64);
  const int64_t dims[4] = {1, 16, 3, 16};
  float zeros[768] = {0};
  ck_assert(npy_write(command_path("shape.npy"), 4, dims, zeros));
  static const char *const lines[][2] = {
      {"run @/model.onnx @/missing.png", "missing.png"},
      {"run @/model.onnx @/empty.png", "empty.png"},
      {"run @/model.onnx @/model.onnx", "no picture"},
      {"run @/model.onnx @", "@"},
      {"run @/model.onnx --input image=@/missing.npy", "missing.npy"},
      {"run @/model.onnx --input image=@/photo.ppm", "photo.ppm"},
      {"run @/model.onnx --input image=@/double.npy", "<f8"},
      {"run @/model.onnx --input image=@/shape.npy", "1x16x3x16"},
      {"run @/model.onnx --input image=@/x.npy --input image=@/x.npy", "twice"},
      {"run @/model.onnx --input image=/dev/zero", "/dev/zero"},
      {"run @/model.onnx --input other=@/x.npy", "other"},
      {"run @/model.onnx --input @/x.npy", "image"},
      {"picture @/model.onnx @/y.npy", "no picture"},
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    command_expect(lines[i][0], 1, strcmp(lines[i][1], "@") ? lines[i][1] : command_folder());
  ck_assert_int_ne(access(command_path("y.npy"), F_OK), 0);
}
END_TEST

START_TEST(leaves_nothing_half_written) {
  command_expect("run @/model.onnx --replay launches --input image=@/x.npy --output-dir @/no/such/folder", 1,
                 "no/such/folder");
  command_expect("picture @/photo.ppm @/no/such/x.npy", 1, "no/such/x.npy");
  command_expect("export @/model.onnx @/no/such/out.onnx", 1, "no/such/out.onnx");
  command_expect("export @/model.onnx @", 1, command_folder());
  ck_assert_int_eq(mkdir(command_path("full"), 0777), 0);
  ck_assert_int_eq(symlink("/dev/full", command_path("full/scores_all_0.npy")), 0);
  command_expect("run @/model.onnx --replay launches --input image=@/x.npy --output-dir @/full", 1, "No space left");
  /* A limit on the size of files stands for a full disk; the streams go through a pipe, which has none. */
  char line[1024];
  static const char *const writers[] = {"export model.onnx out.onnx", "picture photo.ppm out.npy"};
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
    snprintf(line, sizeof line,
             "cd %s; mkdir -p small; cp model.onnx photo.ppm small; cd small; { trap '' XFSZ; ulimit -f 0; "
             "%s/tools/sepcl %s; echo status $?; } 2>&1 | cat > ../log; ls -A > ../left",
             command_folder(), BINARY_DIR, writers[i]);
    ck_assert_int_eq(system(line), 0);
    snprintf(line, sizeof line,
             "cd %s; cat log left; grep -q '^sepcl: .*out[.]' log && grep -q 'status 1' log && "
             "test \"$(cat left)\" = \"$(printf 'model.onnx\\nphoto.ppm')\"",
             command_folder());
    ck_assert_int_eq(system(line), 0);
  }
  snprintf(line, sizeof line, "%s/tools/sepcl kernels >/dev/full 2>%s", BINARY_DIR, command_path("log"));
  ck_assert_int_ne(system(line), 0);
}
END_TEST

/* ---- good ones: a launch per stage, for the one-launch program takes the compiler far longer ---- */

START_TEST(lists) {
  cJSON *json = command_json("devices --json");
  const cJSON *device = list(json, "devices")->child;
  ck_assert_ptr_nonnull(device);
  ck_assert_ptr_nonnull(strchr(text(device, "spec"), ':'));
  text(device, "platform");
  text(device, "name");
  text(device, "driver");
  ck_assert(number(device, "compute_units") >= 1);
  number(device, "vector_width");
  has_flag(device, "reproducible");
  has_flag(device, "fp16");
  cJSON_Delete(json);
  json = command_json("kernels --json");
  ck_assert_int_gt(cJSON_GetArraySize(list(json, "kernels")), 5);
  cJSON_Delete(json);
  json = command_json("ops --json");
  ck_assert_int_gt(cJSON_GetArraySize(list(json, "operations")), 20);
  cJSON_Delete(json);
  json = command_json("zoo --json");
  ck_assert_int_gt(cJSON_GetArraySize(list(json, "networks")), 20);
  cJSON_Delete(json);
  command_expect("devices", 0, "equal bits");
}
END_TEST

START_TEST(summarises) {
  cJSON *json = command_json("summary @/model.onnx --json");
  const cJSON *kinds = member(json, "by_kind");
  /* 256 pixels; 27 x 8 + 9 x 8 + 8 x 16 weights, and 16 x 5 of the FC. */
  ck_assert(number(member(kinds, "conv 3x3"), "macs") == 256 * 216);
  ck_assert(number(member(kinds, "depthwise 3x3"), "macs") == 256 * 72);
  ck_assert(number(member(kinds, "conv 1x1"), "macs") == 256 * 128);
  ck_assert(number(member(kinds, "FC"), "macs") == 80);
  ck_assert(number(json, "macs") == 256 * (216 + 72 + 128) + 80);
  ck_assert(number(json, "weights") == 216 + 72 + 128 + 80);
  ck_assert(number(json, "params") == 216 + 8 + 72 + 8 + 128 + 16 + 80);
  ck_assert(number(json, "standard_macs") == 256 * (216 + 9 * 128) + 80);
  ck_assert_int_gt(cJSON_GetArraySize(list(json, "layers")), 4);
  cJSON_Delete(json);
  command_expect("summary @/model.onnx", 0, "depthwise 3x3");
  json = command_json("summary zoo:mobilenet_v1:alpha=0.5 --batch 2 --json");
  ck_assert(number(json, "macs") == 2 * 149497088.0); /* counted from the paper's table: 149.5M an image */
  cJSON_Delete(json);
}
END_TEST

START_TEST(plans) {
  cJSON *json = command_json("plan @/model.onnx --json");
  ck_assert(number(json, "arena_bytes") >= number(json, "arena_lower_bound_bytes"));
  number(json, "removed_channels");
  has_flag(json, "reproducible");
  ck_assert(cJSON_HasObjectItem(json, "error_bound"));
  const cJSON *stage;
  int named = 0;
  cJSON_ArrayForEach(stage, list(json, "stages")) {
    text(stage, "name");
    text(stage, "kernel");
    text(stage, "reason");
    named += strstr(text(stage, "stage"), "pointwise") != NULL;
    ck_assert(number(stage, "workspace_bytes") == 0);
  }
  ck_assert_int_ge(named, 1);
  cJSON_Delete(json);
  command_expect("plan @/model.onnx", 0, "launch");
}
END_TEST

static void read_output(float out[5], const char *folder) {
  char path[64];
  npy array;
  snprintf(path, sizeof path, "%s/scores_all_0.npy", folder);
  ck_assert(npy_read(&array, command_path(path)));
  ck_assert_uint_eq(array.elements, 5);
  memcpy(out, array.data, 5 * sizeof *out);
  npy_free(&array);
}

START_TEST(runs_on_arrays) {
  float once[5], again[5], other[5];
  command_expect("run @/model.onnx --replay launches --input image=@/x.npy --output-dir @/once", 0, "scores/all:0");
  command_expect("run @/model.onnx --replay launches --input image=@/x.npy --output-dir @/again", 0, NULL);
  command_expect("run @/model.onnx --replay launches --input image=@/other.npy --output-dir @/other", 0, NULL);
  read_output(once, "once");
  read_output(again, "again");
  read_output(other, "other");
  ck_assert_mem_eq(once, again, sizeof once);
  ck_assert_mem_ne(once, other, sizeof once); /* the control */
}
END_TEST

START_TEST(classifies) {
  cJSON *json = command_json("run @/model.onnx --replay launches @/photo.ppm --labels @/labels.txt --json");
  double sum = 0.0, last = 1.0;
  const cJSON *label;
  cJSON_ArrayForEach(label, list(json, "labels")) {
    ck_assert_ptr_nonnull(strstr("cat dog fox hen owl", text(label, "label")));
    ck_assert(number(label, "probability") <= last);
    last = number(label, "probability");
    sum += last;
  }
  ck_assert(fabs(sum - 1.0) < 1e-6);
  ck_assert(number(json, "width") == 20 && number(json, "height") == 30);
  ck_assert(number(json, "ms") > 0.0 && number(json, "share_of_peak") > 0.0);
  cJSON_Delete(json);
  command_expect("run @/model.onnx --replay launches @/photo.ppm --labels @/labels.txt --top 2", 0, "\xE2\x96\x87");
  command_expect("run @/model.onnx --replay launches @/photo.ppm --labels @/photo-labels", 1, "photo-labels");
  command_file("few.json", "[\"a\", \"b\"]", 10);
  command_expect("run @/model.onnx --replay launches @/photo.ppm --labels @/few.json", 1, "2 labels for the 5 classes");
}
END_TEST

START_TEST(keeps_preprocessing_in_exported_models) {
  command_expect("export @/model.onnx @/kept.onnx --resize 17 --mean 0.5 --std 0.25 --bgr --labels @/labels.txt", 0,
                 "kept.onnx");
  cJSON *written = command_json("export @/model.onnx @/again.onnx --json");
  ck_assert(number(written, "bytes") > 4 * 496 && number(written, "macs") == 256 * (216 + 72 + 128) + 80);
  cJSON_Delete(written);
  cJSON *flags =
      command_json("run @/model.onnx --replay launches @/photo.ppm --resize 17 --mean 0.5 --std 0.25 --bgr --json");
  cJSON *kept = command_json("run @/kept.onnx --replay launches @/photo.ppm --json");
  cJSON *plain = command_json("run @/model.onnx --replay launches @/photo.ppm --json");
  ck_assert_str_eq(text(kept, "preprocessing"), text(flags, "preprocessing"));
  const cJSON *a = list(flags, "labels")->child, *b = list(kept, "labels")->child, *c = list(plain, "labels")->child;
  ck_assert(number(a, "probability") == number(b, "probability"));
  ck_assert(number(a, "probability") != number(c, "probability")); /* the control */
  ck_assert_ptr_nonnull(strstr(text(a, "label"), "class "));
  ck_assert_ptr_nonnull(strstr("cat dog fox hen owl", text(b, "label")));
  cJSON_Delete(flags);
  cJSON_Delete(kept);
  cJSON_Delete(plain);
}
END_TEST

START_TEST(measures) {
  cJSON *json =
      command_json("bench @/model.onnx --replay launches --warmup 1 --iterations 7 --json --profile @/trace.json");
  const cJSON *ms = member(json, "ms"), *startup = member(json, "startup"), *layer;
  ck_assert(number(ms, "min") > 0.0 && number(ms, "min") <= number(ms, "median"));
  ck_assert(number(ms, "median") <= number(ms, "p90") && number(ms, "p90") <= number(ms, "p99"));
  ck_assert(number(json, "iterations") == 7 && number(json, "batch") == 1);
  ck_assert(number(json, "macs") == 256 * (216 + 72 + 128) + 80);
  ck_assert(number(json, "peak_gflops") > 1.0);
  double share = number(json, "gflops") / number(json, "peak_gflops");
  ck_assert(fabs(number(json, "share_of_peak") - share) < 1e-9);
  number(json, "arena_bytes");
  number(json, "arena_lower_bound_bytes");
  ck_assert(number(json, "weights_bytes") >= 4 * 496);
  number(startup, "load_ms");
  number(startup, "compile_ms");
  has_flag(startup, "cached");
  text(json, "device");
  text(json, "driver");
  ck_assert_str_eq(text(json, "precision"), "f32");
  cJSON_ArrayForEach(layer, list(json, "layers")) {
    text(layer, "name");
    text(layer, "stage");
    text(layer, "kernel");
    number(layer, "ms");
    number(layer, "gflops");
    number(layer, "bytes");
  }
  cJSON_Delete(json);
  int32_t rows[3] = {0};
  json = command_file_json("trace.json");
  const cJSON *event;
  cJSON_ArrayForEach(event, list(json, "traceEvents")) {
    if (strcmp(text(event, "ph"), "X")) continue;
    ck_assert(number(event, "dur") >= 0.0 && number(event, "ts") > 0.0);
    rows[(int)number(event, "tid")]++;
  }
  ck_assert_int_eq(rows[1], 2 + 7); /* load, compile, the measured runs */
  ck_assert_int_ge(rows[2], 3);     /* the stages */
  cJSON_Delete(json);
  command_expect("bench @/model.onnx --replay launches --iterations 3", 0, "GFLOP/s");
}
END_TEST

Suite *suite_command(void) {
  Suite *suite = suite_create("command");
  TCase *tests = tcase_create("command");
  tcase_set_timeout(tests, 300);
  tcase_add_unchecked_fixture(tests, set_up, command_remove_folder);
  tcase_add_test(tests, helps);
  tcase_add_test(tests, refuses_wrong_command_lines);
  tcase_add_test(tests, refuses_wrong_values);
  tcase_add_test(tests, tells_when_there_is_no_opencl);
  tcase_add_test(tests, refuses_bad_models);
  tcase_add_test(tests, refuses_truncated_models);
  tcase_add_test(tests, refuses_bad_pictures_and_arrays);
  tcase_add_test(tests, leaves_nothing_half_written);
  tcase_add_test(tests, lists);
  tcase_add_test(tests, summarises);
  tcase_add_test(tests, plans);
  tcase_add_test(tests, runs_on_arrays);
  tcase_add_test(tests, classifies);
  tcase_add_test(tests, keeps_preprocessing_in_exported_models);
  tcase_add_test(tests, measures);
  suite_add_tcase(suite, tests);
  return suite;
}
