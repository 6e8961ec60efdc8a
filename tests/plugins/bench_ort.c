/* Times a network in ONNX Runtime with sepcl as its provider, in C, from the host's arrays to its own arrays. For
 * bench.py.
 *
 * ./bench_ort MODEL.onnx libsepcl_ort.so SECONDS PAUSE     two unmeasured runs, then SECONDS of them, at least five;
 * each with PAUSE milliseconds burnt behind it; prints all times */
#include <time.h>

#include "ort_host.h"

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void burst(OrtSession *session, double milliseconds, double pause) {
  OrtValue *output = NULL;
  caller c = caller_open(session, 1.0f);
  double begin = 0;
  for (int i = -2; i < 5 || now_ms() - begin < milliseconds; i++) {
    if (!i) begin = now_ms();
    double start = now_ms();
    caller_run(&c, &output);
    for (double until = now_ms() + pause; pause > 0 && now_ms() < until;) continue;
    if (i >= 0) printf("%.6f\n", now_ms() - start);
  }
  ort->ReleaseValue(output);
  caller_close(&c);
}

int main(int argc, char **argv) {
  static char room[1 << 20]; /* nothing is written to a pipe between two runs */
  OrtEnv *env;
  if (argc < 5) return 2;
  setvbuf(stdout, room, _IOFBF, sizeof room);
  ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (!ort) return fprintf(stderr, "ONNX Runtime is older than API %d\n", ORT_API_VERSION), 2;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "bench", &env));
  check(ort->RegisterExecutionProviderLibrary(env, "sepcl", argv[2]));
  OrtSession *session = open_session(env, argv[1]);
  burst(session, 1e3 * atof(argv[3]), atof(argv[4]));
  ort->ReleaseSession(session);
  check(ort->UnregisterExecutionProviderLibrary(env, "sepcl"));
  ort->ReleaseEnv(env);
  return 0;
}
