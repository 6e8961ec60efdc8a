#include "progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "statistics.h"
#include "table.h"

static struct {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  pthread_t thread;
  bool running;
  const char *what;
  double share; /* < 0: unknown */
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static struct timespec soon(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_nsec += 250000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_nsec -= 1000000000;
    at.tv_sec++;
  }
  return at;
}

static void *show(void *unused) {
  static const char *const frames[] = {"⠋", "⠙", "⠸", "⠴", "⠦", "⠇"};
  double start = now_ms();
  pthread_mutex_lock(&progress.lock);
  for (int i = 0; progress.running; i++) {
    struct timespec at = soon();
    pthread_cond_timedwait(&progress.ended, &progress.lock, &at);
    char bar[80];
    if (progress.running && progress.share >= 0.0)
      fprintf(stderr, "\r%s %3.0f%% %s  %s ... %.0f s\033[K", frames[i % 6], 100.0 * progress.share,
              bar_text(bar, progress.share, 24), progress.what, (now_ms() - start) * 1e-3);
    else if (progress.running)
      fprintf(stderr, "\r%s %s ... %.0f s\033[K", frames[i % 6], progress.what, (now_ms() - start) * 1e-3);
  }
  pthread_mutex_unlock(&progress.lock);
  fputs("\r\033[K", stderr);
  fflush(stderr);
  return unused;
}

void progress_begin(const char *what) {
  if (!isatty(STDERR_FILENO)) return;
  progress.what = what;
  progress.share = -1.0;
  progress.running = true;
  if (pthread_create(&progress.thread, NULL, show, NULL)) progress.running = false;
}

void progress_share(double share, const char *what) {
  if (!progress.running) return;
  pthread_mutex_lock(&progress.lock);
  progress.share = share;
  progress.what = what;
  pthread_mutex_unlock(&progress.lock);
}

void progress_end(void) {
  if (!progress.running) return;
  pthread_mutex_lock(&progress.lock);
  progress.running = false;
  pthread_cond_signal(&progress.ended);
  pthread_mutex_unlock(&progress.lock);
  pthread_join(progress.thread, NULL);
}
