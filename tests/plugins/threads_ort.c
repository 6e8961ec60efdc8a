/* Two sessions of ONNX Runtime with sepcl as their provider, two threads on each, in C: every run's output must be the
 * bits of the first. For ThreadSanitizer, which a Python host cannot have.
 *
 * ./threads_ort MODEL.onnx libsepcl_ort.so RUNS [race]     race: the control; threads write the same output */
#include <pthread.h>

#include "ort_host.h"

enum { SESSIONS = 2, THREADS = 4 };

static int runs, raced;

typedef struct runner {
  OrtSession *session;
  OrtValue *shared; /* where both of a session's threads write, or NULL */
  float fill;
  float first[16];
  int failures;
} runner;

static void *work(void *argument) {
  runner *r = argument;
  caller c = caller_open(r->session, r->fill);
  for (int i = 0; i < runs; i++) {
    OrtValue *output = r->shared;
    float *data;
    caller_run(&c, &output);
    check(ort->GetTensorMutableData(output, (void **)&data));
    if (!i) memcpy(r->first, data, sizeof r->first);
    r->failures += memcmp(r->first, data, sizeof r->first) != 0;
    if (!r->shared) ort->ReleaseValue(output);
  }
  caller_close(&c);
  return NULL;
}

/* An output that a run has made. */
static OrtValue *make_output(OrtSession *session) {
  OrtValue *output = NULL;
  caller c = caller_open(session, 1.0f);
  caller_run(&c, &output);
  caller_close(&c);
  return output;
}

int main(int argc, char **argv) {
  OrtEnv *env;
  runner runners[THREADS] = {{0}};
  pthread_t threads[THREADS];
  OrtSession *sessions[SESSIONS];
  OrtValue *shared[SESSIONS] = {NULL};
  int failures = 0;
  if (argc < 4) return 2;
  runs = atoi(argv[3]);
  raced = argc > 4;
  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (!ort) return fprintf(stderr, "ONNX Runtime is older than API %d\n", ORT_API_VERSION), 2;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "threads", &env));
  check(ort->RegisterExecutionProviderLibrary(env, "sepcl", argv[2]));
  for (int i = 0; i < SESSIONS; i++) {
    sessions[i] = open_session(env, argv[1]);
    if (raced) shared[i] = make_output(sessions[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    runners[i] =
        (runner){.session = sessions[i % SESSIONS], .shared = shared[i % SESSIONS], .fill = 0.1f * (float)(i + 1)};
    if (pthread_create(&threads[i], NULL, work, &runners[i])) return 2;
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failures += runners[i].failures;
  }
  for (int i = 0; i < SESSIONS; i++) {
    if (shared[i]) ort->ReleaseValue(shared[i]);
    ort->ReleaseSession(sessions[i]);
  }
  check(ort->UnregisterExecutionProviderLibrary(env, "sepcl"));
  ort->ReleaseEnv(env);
  printf("%d sessions, %d threads, %d runs each, %d differ\n", SESSIONS, THREADS, runs, failures);
  return failures != 0;
}
