/* The ONNX reader and writer when memory runs out: every allocation of theirs fails once (allocations_command). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sepcl.h"
#include "support/onnx_text.h"

#define COMMAND BINARY_DIR "/tests/allocations_command"
#define X "input x float 1x4x8x8;"

static const char *const models[] = {
    /* constants and shapes that are folded away, floats and integers, in all ways */
    X
    "const a float 4x1x1; const b float 4x1x1; Add a,b -> c; Sqrt c -> d; Equal a,b -> e; Where e,c,d -> f;"
    "Cast f -> g to:i=10; Cast g -> h to:i=6; Cast h -> k to:i=1; Mul x,k -> l; Shape x -> s;"
    "const from int64 1 = 2; const to int64 1 = 4; Slice s,from,to -> t; Concat t,from -> u axis:i=0;"
    "const zero float - = 0; const one float - = 1; Range zero,one,one -> r; Add l,r -> m;"
    "ConstantOfShape t -> v; Transpose v -> w; ReduceL2 b -> n; Add m,w -> o; Mul o,n -> y; output y",
    /* layouts, constants in another order, views, several outputs */
    X
    "const w float 8x4x3x3; const p float 4x8x8; Conv x,w -> a pads:is=1,1,1,1; Split a -> b,c axis:i=1; Add b,p -> d;"
    "Transpose d -> e perm:is=0,2,3,1; LeakyRelu e -> y alpha:f=0.5; Softmax c -> z; output y; output z;"
    "metadata author nobody",
    X
    "MaxPool x -> a kernel_shape:is=2,2 auto_pad:s=SAME_UPPER; Resize a,_,q -> b mode:s=linear; Flatten b -> y;"
    "const q float 4 = 1 1 2 2; output y",
};

/* What the command prints: how often memory ran out in loading and in saving. */
static void run(const char *text, long counts[2]) {
  char folder[] = "/tmp/sepcl-memory-XXXXXX", command[256];
  size_t bytes;
  uint8_t *model = onnx_text(text, &bytes);
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(command, sizeof command, "%s/model", folder);
  FILE *file = fopen(command, "wb");
  ck_assert_uint_eq(fwrite(model, 1, bytes, file), bytes);
  fclose(file);
  free(model);
  snprintf(command, sizeof command, "%s %s/model %s/copy", COMMAND, folder, folder);
  FILE *pipe = popen(command, "r");
  int read = fscanf(pipe, "%ld %ld", &counts[0], &counts[1]), code = pclose(pipe);
  ck_assert_msg(code == 0 && read == 2, "the command ended with %d", code);
  snprintf(command, sizeof command, "rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
}

START_TEST(test_every_allocation_fails_once) {
  long counts[2] = {0, 0};
  run(models[_i], counts);
  ck_assert_int_gt(counts[0], 30);
  ck_assert_int_gt(counts[1], 15);
}
END_TEST

/* The control: what the command cannot load is no success. */
START_TEST(test_refused_model_is_noticed) {
  char command[128];
  snprintf(command, sizeof command, "%s /dev/null /tmp/sepcl-memory-none 2>/dev/null", COMMAND);
  int code = system(command);
  ck_assert(WIFEXITED(code) && WEXITSTATUS(code) == 1);
}
END_TEST

Suite *suite_onnx_memory(void);
Suite *suite_onnx_memory(void) {
  Suite *suite = suite_create("onnx_memory");
  TCase *tcase = tcase_create("onnx_memory");
  tcase_add_loop_test(tcase, test_every_allocation_fails_once, 0, sizeof models / sizeof *models);
  tcase_add_test(tcase, test_refused_model_is_noticed);
  suite_add_tcase(suite, tcase);
  return suite;
}
