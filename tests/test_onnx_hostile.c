/* Hostile model files: whatever the bytes, the reader answers with a graph or with one clear line. Meant to run under
 * the sanitizers too. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/scan.h"
#include "sepcl.h"
#include "support/onnx_text.h"

/* Some of everything: attributes of each type, shape arithmetic, views, several consumers. */
static const char *const subject =
    "input x float Nx3x8x8; const w float 4x3x3x3; const b float 4; const p float 4; const f float 6x4;"
    "const i int64 - = 0; const m int64 1 = -1; const z int64 1 = 0; const h float - = 0.5;"
    "Conv x,w,b -> a pads:is=1,1,1,1 strides:is=2,2; BatchNormalization a,p,p,p,p -> c epsilon:f=0.001;"
    "Clip c,_,h -> d; MaxPool d -> e kernel_shape:is=2,2 auto_pad:s=SAME_UPPER; Add d,c -> g;"
    "Concat g,c -> k axis:i=1; Split k -> k1,k2 axis:i=1; Mul k1,k2 -> l; GlobalAveragePool l -> n;"
    "Shape n -> s; Gather s,i -> t; Unsqueeze t,z -> u; Concat u,m -> v axis:i=0; Reshape n,v -> o;"
    "Gemm o,f -> q transB:i=1; Constant -> r value:t=0.5; Mul q,r -> y1; Softmax y1 -> y; output y; metadata k v";

static uint32_t state;
static uint32_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

/* Either answer is fine, but an error must be a line. */
static sepcl_status attempt(const uint8_t *bytes, size_t count) {
  sepcl_graph *graph = NULL;
  uint8_t *exact = malloc(count ? count : 1); /* so that the sanitizer sees a read past the end */
  memcpy(exact, bytes, count);
  sepcl_status status = sepcl_graph_load_memory(&graph, exact, count, NULL);
  if (status != SEPCL_OK) {
    const char *message = sepcl_last_error();
    ck_assert_ptr_null(graph);
    ck_assert_msg(*message && !strchr(message, '\n'), "status %d with '%s'", (int)status, message);
  }
  sepcl_graph_free(graph);
  free(exact);
  return status;
}

START_TEST(test_subject_is_valid) {
  size_t bytes;
  uint8_t *model = onnx_text(subject, &bytes);
  ck_assert_msg(attempt(model, bytes) == SEPCL_OK, "%s", sepcl_last_error());
  free(model);
}
END_TEST

START_TEST(test_truncated_everywhere) {
  size_t bytes, refused = 0;
  uint8_t *model = onnx_text(subject, &bytes);
  for (size_t length = 0; length < bytes; length++) refused += attempt(model, length) != SEPCL_OK;
  ck_assert_uint_ge(refused, bytes - 40); /* metadata behind the graph may be cut off and leave a model */
  free(model);
}
END_TEST

START_TEST(test_mutated) {
  size_t bytes, refused = 0;
  uint8_t *model = onnx_text(subject, &bytes), *changed = malloc(bytes);
  state = 20261123;
  for (int round = 0; round < 6000; round++) {
    memcpy(changed, model, bytes);
    for (uint32_t k = 0; k <= next_random() % 4; k++) {
      static const uint8_t extremes[] = {0, 1, 0x7f, 0x80, 0xff};
      uint32_t random = next_random(), at = next_random() % (uint32_t)bytes;
      changed[at] = random % 3 ? (uint8_t)(random >> 8) : extremes[random / 3 % 5];
    }
    refused += attempt(changed, bytes) != SEPCL_OK;
  }
  ck_assert_uint_gt(refused, 1000);
  free(changed);
  free(model);
}
END_TEST

/* Parts moved, doubled and left out. */
START_TEST(test_spliced) {
  size_t bytes;
  uint8_t *model = onnx_text(subject, &bytes), *changed = malloc(2 * bytes);
  state = 7;
  for (int round = 0; round < 2000; round++) {
    size_t from = next_random() % bytes, to = next_random() % bytes, length = next_random() % (bytes - from);
    memcpy(changed, model, to);
    memcpy(changed + to, model + from, length);
    attempt(changed, to + length);
  }
  free(changed);
  free(model);
}
END_TEST

START_TEST(test_random_bytes) {
  uint8_t noise[512];
  state = 99;
  for (int round = 0; round < 3000; round++) {
    size_t length = next_random() % sizeof noise;
    for (size_t i = 0; i < length; i++) noise[i] = (uint8_t)next_random();
    attempt(noise, length);
  }
}
END_TEST

static size_t put_length(uint8_t *to, size_t length) {
  size_t used = 0;
  for (; length >= 0x80; length >>= 7) to[used++] = (uint8_t)(length | 0x80);
  to[used++] = (uint8_t)length;
  return used;
}

/* Wraps *message into a field of another message. */
static uint8_t *wrap(uint8_t *message, size_t *bytes, uint8_t tag) {
  uint8_t *outer = malloc(*bytes + 12);
  size_t used = 1;
  outer[0] = tag;
  used += put_length(outer + 1, *bytes);
  memcpy(outer + used, message, *bytes);
  *bytes += used;
  free(message);
  return outer;
}

/* graph { node { attribute { g { node { ... } } } } }: protobuf-c alone would run out of stack. */
START_TEST(test_nested_deeply) {
  size_t bytes = 0;
  uint8_t *message = malloc(1);
  for (int depth = 0; depth < 3000; depth++) {
    message = wrap(message, &bytes, 6 << 3 | 2); /* attribute.g */
    message = wrap(message, &bytes, 5 << 3 | 2); /* node.attribute */
    message = wrap(message, &bytes, 1 << 3 | 2); /* graph.node */
  }
  message = wrap(message, &bytes, 7 << 3 | 2); /* model.graph */
  ck_assert_int_eq(attempt(message, bytes), SEPCL_BAD_MODEL);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "nested more than"));
  free(message);
}
END_TEST

/* Two bytes a node: counted before protobuf-c makes 100 of each. */
START_TEST(test_too_many_messages) {
  size_t count = (4 << 20) + 8, bytes = 2 * count;
  uint8_t *message = malloc(bytes);
  for (size_t i = 0; i < count; i++) message[2 * i] = 1 << 3 | 2, message[2 * i + 1] = 0;
  message = wrap(message, &bytes, 7 << 3 | 2);
  ck_assert_int_eq(attempt(message, bytes), SEPCL_BAD_MODEL);
  ck_assert_ptr_nonnull(strstr(sepcl_last_error(), "more than 4194304 messages"));
  free(message);
}
END_TEST

static const struct {
  const char *bytes;
  size_t count;
  const char *message;
} malformed[] = {
    {"\x3a\x05\x0a", 3, "reaches past the end"},
    {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "reaches past the end"},
    {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "more than ten bytes"},
    {"\x3a\x80", 2, "ends inside a number"},
    {"\x00\x01", 2, "no valid field"},
    {"\x38\x01", 2, "is of another type"},
    {"\x0b\x01", 2, "is of another type"},
    {"\xfb\x07\x01", 3, "no valid protobuf field"},
    {"\x08\x07\x08\x07", 4, "occurs twice"},
    {"\x08\x07", 2, "holds no ONNX graph"},
    {"\x3a\x06\x2a\x04\x1a\x02\x08\x01", 8, "a tensor in segments"},
};

START_TEST(test_malformed) {
  ck_assert_int_ne(attempt((const uint8_t *)malformed[_i].bytes, malformed[_i].count), SEPCL_OK);
  ck_assert_msg(strstr(sepcl_last_error(), malformed[_i].message) != NULL, "'%s' instead of '%s'", sepcl_last_error(),
                malformed[_i].message);
}
END_TEST

Suite *suite_onnx_hostile(void) {
  Suite *suite = suite_create("onnx_hostile");
  TCase *tcase = tcase_create("onnx_hostile");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, test_subject_is_valid);
  tcase_add_test(tcase, test_truncated_everywhere);
  tcase_add_test(tcase, test_mutated);
  tcase_add_test(tcase, test_spliced);
  tcase_add_test(tcase, test_random_bytes);
  tcase_add_test(tcase, test_nested_deeply);
  tcase_add_test(tcase, test_too_many_messages);
  tcase_add_loop_test(tcase, test_malformed, 0, sizeof malformed / sizeof *malformed);
  suite_add_tcase(suite, tcase);
  return suite;
}
