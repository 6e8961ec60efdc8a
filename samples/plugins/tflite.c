/* A TensorFlow Lite model with sepcl as its delegate, in C. Inputs: zeros.
 *
 * cc tflite.c -I TENSORFLOW -ltensorflowlite_c -o tflite
 * ./tflite model.tflite /usr/local/lib/libsepcl_tflite.so */
#include <stdio.h>
#include <stdlib.h>
#include <tensorflow/lite/c/c_api.h>
#include <tensorflow/lite/delegates/external/external_delegate.h>

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s MODEL.tflite libsepcl_tflite.so\n", argv[0]), 2;
  TfLiteModel *model = TfLiteModelCreateFromFile(argv[1]);
  TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
  if (!model) return fprintf(stderr, "%s cannot be read\n", argv[1]), 1;

  /* The lines that an application needs. Without a device there is no delegate, and the host goes on alone. */
  TfLiteExternalDelegateOptions sepcl = TfLiteExternalDelegateOptionsDefault(argv[2]);
  TfLiteExternalDelegateOptionsInsert(&sepcl, "verbosity", "1");
  TfLiteDelegate *delegate = TfLiteExternalDelegateCreate(&sepcl);
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
  if (delegate) TfLiteExternalDelegateDelete(delegate);
  TfLiteModelDelete(model);
  return 0;
}
