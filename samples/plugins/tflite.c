/* A TensorFlow Lite model with sepcl as its delegate, in C. Inputs: zeros.
 *
 * cc tflite.c -I TENSORFLOW -ltensorflowlite_c /usr/local/lib/libsepcl_tflite.so -o tflite
 * ./tflite model.tflite */
#include <stdio.h>
#include <stdlib.h>
#include <tensorflow/lite/c/c_api.h>

/* What libsepcl_tflite.so exports, as every external delegate does. */
TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values, size_t count,
                                              void (*report_error)(const char *));
void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate);

static void say(const char *reason) { fprintf(stderr, "%s\n", reason); }

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s MODEL.tflite\n", argv[0]), 2;
  TfLiteModel *model = TfLiteModelCreateFromFile(argv[1]);
  TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
  if (!model) return fprintf(stderr, "%s cannot be read\n", argv[1]), 1;

  /* The lines that an application needs. Without a device there is no delegate, and the host goes on alone. */
  const char *keys[] = {"verbosity"}, *values[] = {"1"};
  TfLiteDelegate *delegate = tflite_plugin_create_delegate(keys, values, 1, say);
  if (delegate) TfLiteInterpreterOptionsAddDelegate(options, delegate);

  TfLiteInterpreter *interpreter = TfLiteInterpreterCreate(model, options);
  if (!interpreter || TfLiteInterpreterAllocateTensors(interpreter) != kTfLiteOk) return 1;
  TfLiteTensor *input = TfLiteInterpreterGetInputTensor(interpreter, 0);
  void *zeros = calloc(1, TfLiteTensorByteSize(input));
  if (!zeros || TfLiteTensorCopyFromBuffer(input, zeros, TfLiteTensorByteSize(input)) != kTfLiteOk ||
      TfLiteInterpreterInvoke(interpreter) != kTfLiteOk)
    return 1;
  const TfLiteTensor *output = TfLiteInterpreterGetOutputTensor(interpreter, 0);
  printf("%s begins with %g\n", TfLiteTensorName(output), (double)*(const float *)TfLiteTensorData(output));

  free(zeros);
  TfLiteInterpreterDelete(interpreter);
  TfLiteInterpreterOptionsDelete(options);
  tflite_plugin_destroy_delegate(delegate);
  TfLiteModelDelete(model);
  return 0;
}
