/* Two interpreters of TensorFlow Lite on two threads, with one delegate, and their making and their end, in C: every
 * run's output must be the bits of the first. For ThreadSanitizer, which a Python host cannot have.
 *
 * ./threads_tflite MODEL.tflite RUNS [race]     race: the control; both threads use one interpreter */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorflow/lite/c/c_api.h>

enum { THREADS = 2 };

TfLiteDelegate *tflite_plugin_create_delegate(const char *const *keys, const char *const *values, size_t count,
                                              void (*report_error)(const char *));
void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate);

static const char *model_path;
static TfLiteDelegate *delegate;
static int runs;

typedef struct runner {
  TfLiteModel *model;
  TfLiteInterpreter *interpreter;
  float fill;
  int failures;
} runner;

static void say(const char *reason) { fprintf(stderr, "%s\n", reason); }

static void fill_input(TfLiteInterpreter *interpreter, float fill) {
  TfLiteTensor *input = TfLiteInterpreterGetInputTensor(interpreter, 0);
  float *data = TfLiteTensorData(input);
  for (size_t i = 0; i < TfLiteTensorByteSize(input) / sizeof *data; i++) data[i] = fill * (float)(i % 17) - fill;
}

static void *run(void *argument) {
  runner *r = argument;
  const TfLiteTensor *output = TfLiteInterpreterGetOutputTensor(r->interpreter, 0);
  size_t bytes = TfLiteTensorByteSize(output);
  void *first = malloc(bytes);
  r->failures += !first;
  for (int i = 0; first && i < runs; i++) {
    fill_input(r->interpreter, r->fill);
    r->failures += TfLiteInterpreterInvoke(r->interpreter) != kTfLiteOk;
    if (!i) memcpy(first, TfLiteTensorData(output), bytes);
    r->failures += memcmp(first, TfLiteTensorData(output), bytes) != 0;
  }
  free(first);
  return NULL;
}

static int open_interpreter(runner *r) {
  TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsSetNumThreads(options, 1);
  TfLiteInterpreterOptionsAddDelegate(options, delegate);
  r->model = TfLiteModelCreateFromFile(model_path);
  r->interpreter = r->model ? TfLiteInterpreterCreate(r->model, options) : NULL;
  TfLiteInterpreterOptionsDelete(options);
  return r->interpreter && TfLiteInterpreterAllocateTensors(r->interpreter) == kTfLiteOk;
}

static void close_interpreter(runner *r) {
  TfLiteInterpreterDelete(r->interpreter);
  TfLiteModelDelete(r->model);
}

static void *work(void *argument) {
  runner *r = argument;
  if (open_interpreter(r))
    run(r);
  else
    r->failures++;
  close_interpreter(r);
  return NULL;
}

/* Each thread with a runner of its own, or both with the first one's interpreter. */
static int on_threads(runner *runners, void *function(void *)) {
  pthread_t threads[THREADS];
  int failures = 0;
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, function, &runners[i])) exit(2);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failures += runners[i].failures;
  }
  return failures;
}

int main(int argc, char **argv) {
  runner runners[THREADS] = {{.fill = 0.1f}, {.fill = 0.2f}};
  int failures;
  if (argc < 3) return 2;
  model_path = argv[1];
  runs = atoi(argv[2]);
  delegate = tflite_plugin_create_delegate(NULL, NULL, 0, say);
  if (!delegate) return 2;
  if (argc > 3) {
    if (!open_interpreter(&runners[0])) return 2;
    runners[1] = runners[0];
    failures = on_threads(runners, run);
    close_interpreter(&runners[0]);
  } else {
    failures = on_threads(runners, work);
  }
  tflite_plugin_destroy_delegate(delegate);
  printf("%d interpreters on %d threads, %d runs each, %d differ or failed\n", argc > 3 ? 1 : THREADS, THREADS, runs,
         failures);
  return failures != 0;
}
