/* What the programs that are hosts of the ONNX Runtime provider share. */
#ifndef ORT_HOST_H
#define ORT_HOST_H

#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANK = 8 };

static const OrtApi *ort;

static void check(OrtStatus *status) {
  if (!status) return;
  fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
  exit(2);
}

/* Numbers for the first input; open dimensions are 1. */
static OrtValue *make_input(const OrtSession *session, OrtAllocator *allocator, float fill) {
  OrtTypeInfo *type;
  const OrtTensorTypeAndShapeInfo *shape;
  OrtValue *value;
  int64_t dims[MAX_RANK] = {0};
  size_t rank, elements = 1;
  float *data;
  check(ort->SessionGetInputTypeInfo(session, 0, &type));
  check(ort->CastTypeInfoToTensorInfo(type, &shape));
  check(ort->GetDimensionsCount(shape, &rank));
  if (rank > MAX_RANK) exit(2);
  check(ort->GetDimensions(shape, dims, rank));
  for (size_t i = 0; i < rank; i++) elements *= (size_t)(dims[i] = dims[i] > 0 ? dims[i] : 1);
  check(ort->CreateTensorAsOrtValue(allocator, dims, rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  check(ort->GetTensorMutableData(value, (void **)&data));
  for (size_t i = 0; i < elements; i++) data[i] = fill * (float)(i % 17) - fill;
  ort->ReleaseTypeInfo(type);
  return value;
}

/* All the cores are the provider's. */
static OrtSession *open_session(OrtEnv *env, const char *model) {
  OrtSessionOptions *options;
  OrtSession *session;
  const OrtEpDevice *const *devices;
  size_t count;
  check(ort->CreateSessionOptions(&options));
  check(ort->SetIntraOpNumThreads(options, 1));
  check(ort->GetEpDevices(env, &devices, &count));
  for (size_t i = 0; i < count; i++)
    if (!strcmp(ort->EpDevice_EpName(devices[i]), "SepclExecutionProvider"))
      check(ort->SessionOptionsAppendExecutionProvider_V2(options, env, &devices[i], 1, NULL, NULL, 0));
  check(ort->CreateSession(env, model, options, &session));
  ort->ReleaseSessionOptions(options);
  return session;
}

/* A session's first input and output by name, and numbers for the input. */
typedef struct caller {
  OrtSession *session;
  OrtAllocator *allocator;
  char *in, *out;
  OrtValue *input;
} caller;

static caller caller_open(OrtSession *session, float fill) {
  caller c = {.session = session};
  check(ort->GetAllocatorWithDefaultOptions(&c.allocator));
  check(ort->SessionGetInputName(session, 0, c.allocator, &c.in));
  check(ort->SessionGetOutputName(session, 0, c.allocator, &c.out));
  c.input = make_input(session, c.allocator, fill);
  return c;
}

/* Runs the session; *output NULL: the host makes one. */
static void caller_run(const caller *c, OrtValue **output) {
  check(ort->Run(c->session, NULL, (const char *const[]){c->in}, (const OrtValue *const[]){c->input}, 1,
                 (const char *const[]){c->out}, 1, output));
}

static void caller_close(caller *c) {
  ort->ReleaseValue(c->input);
  check(ort->AllocatorFree(c->allocator, c->in));
  check(ort->AllocatorFree(c->allocator, c->out));
}

#endif
