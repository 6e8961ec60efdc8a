/* An ONNX model in ONNX Runtime with sepcl as its execution provider, in C. Fill-in for inputs: ones.
 *
 * cc onnxruntime.c -I ONNXRUNTIME/include -L ONNXRUNTIME/lib -lonnxruntime -o onnxruntime
 * ./onnxruntime model.onnx /usr/local/lib/libsepcl_ort.so */
#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const OrtApi *ort;

static void check(OrtStatus *status) {
  if (!status) return;
  fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
  exit(1);
}

/* The three lines that an application needs: register the library, find its device, add it to the session's options. */
static void use_sepcl(OrtEnv *env, OrtSessionOptions *options, const char *library) {
  const OrtEpDevice *const *devices;
  size_t count, used = 0;
  const char *keys[] = {"verbosity"}, *values[] = {"1"};
  check(ort->RegisterExecutionProviderLibrary(env, "sepcl", library));
  check(ort->GetEpDevices(env, &devices, &count));
  for (size_t i = 0; i < count; i++)
    if (!strcmp(ort->EpDevice_EpName(devices[i]), "SepclExecutionProvider")) {
      check(ort->SessionOptionsAppendExecutionProvider_V2(options, env, &devices[i], 1, keys, values, 1));
      used++;
    }
  if (!used) fprintf(stderr, "%s offers no device: the host goes on alone\n", library);
}

/* Ones in the model's first input; open dimensions are 1. */
static OrtValue *make_input(const OrtSession *session, OrtAllocator *allocator) {
  OrtTypeInfo *type;
  const OrtTensorTypeAndShapeInfo *shape;
  OrtValue *value;
  int64_t dims[16] = {0};
  size_t rank, elements = 1;
  float *data;
  check(ort->SessionGetInputTypeInfo(session, 0, &type));
  check(ort->CastTypeInfoToTensorInfo(type, &shape));
  check(ort->GetDimensionsCount(shape, &rank));
  if (rank > 16) exit(1);
  check(ort->GetDimensions(shape, dims, rank));
  for (size_t i = 0; i < rank; i++) elements *= (size_t)(dims[i] = dims[i] > 0 ? dims[i] : 1);
  check(ort->CreateTensorAsOrtValue(allocator, dims, rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  check(ort->GetTensorMutableData(value, (void **)&data));
  for (size_t i = 0; i < elements; i++) data[i] = 1.0f;
  ort->ReleaseTypeInfo(type);
  return value;
}

int main(int argc, char **argv) {
  OrtEnv *env;
  OrtSessionOptions *options;
  OrtSession *session;
  OrtAllocator *allocator;
  OrtValue *output = NULL;
  char *input_name, *output_name;
  float *data;
  if (argc != 3) return fprintf(stderr, "usage: %s MODEL.onnx libsepcl_ort.so\n", argv[0]), 2;
  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (!ort) return fprintf(stderr, "ONNX Runtime is older than its headers, API %d\n", ORT_API_VERSION), 1;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "sample", &env));
  check(ort->CreateSessionOptions(&options));
  use_sepcl(env, options, argv[2]);
  check(ort->CreateSession(env, argv[1], options, &session));

  check(ort->GetAllocatorWithDefaultOptions(&allocator));
  check(ort->SessionGetInputName(session, 0, allocator, &input_name));
  check(ort->SessionGetOutputName(session, 0, allocator, &output_name));
  OrtValue *input = make_input(session, allocator);
  check(ort->Run(session, NULL, (const char *const[]){input_name}, (const OrtValue *const[]){input}, 1,
                 (const char *const[]){output_name}, 1, &output));
  check(ort->GetTensorMutableData(output, (void **)&data));
  printf("%s begins with %g\n", output_name, (double)data[0]);

  ort->ReleaseValue(output);
  ort->ReleaseValue(input);
  check(ort->AllocatorFree(allocator, input_name));
  check(ort->AllocatorFree(allocator, output_name));
  ort->ReleaseSession(session);
  ort->ReleaseSessionOptions(options);
  check(ort->UnregisterExecutionProviderLibrary(env, "sepcl"));
  ort->ReleaseEnv(env);
  return 0;
}
