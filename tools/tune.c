/* sepcl tune: measures what `sepcl plan` would otherwise choose by rule, and keeps the winners in the cache. */
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "progress.h"
#include "session.h"

static void show(void *user, double share, const char *what) {
  (void)user;
  progress_share(share, what);
}

static const char *replay_name(sepcl_replay replay) {
  return replay == SEPCL_REPLAY_LAUNCHES         ? "launches"
         : replay == SEPCL_REPLAY_ONE_LAUNCH     ? "one-launch"
         : replay == SEPCL_REPLAY_COMMAND_BUFFER ? "command-buffer"
                                                 : "auto";
}

static int print_json(const session *s, const char *level, const sepcl_tune_report *report) {
  cJSON *root = cJSON_CreateObject();
  json_session(root, s);
  json_text(root, "tuning", level);
  json_number(root, "shapes", report->shapes);
  json_number(root, "candidates", report->candidates);
  json_number(root, "rounds", report->rounds);
  json_number(root, "changed", report->changed);
  json_number(root, "rules_ms", report->rules_ms);
  json_number(root, "model_ms", report->model_ms);
  json_number(root, "best_ms", report->best_ms);
  json_number(root, "default_ms", report->default_ms);
  json_number(root, "tuned_ms", report->tuned_ms);
  json_text(root, "replay", replay_name(report->replay));
  json_number(root, "seconds", report->seconds);
  return json_finish(root);
}

static int print_text(const sepcl_tune_report *report) {
  printf("stages    %d shapes, %d candidates, the best of %d interleaved rounds\n", report->shapes, report->candidates,
         report->rounds);
  printf("alone     %.3f ms by the built-in rules, %.3f as the cost model ranks, %.3f by the best of each\n",
         report->rules_ms, report->model_ms, report->best_ms);
  printf("changed   %d of %d shapes take another choice than the built-in one\n", report->changed, report->shapes);
  if (report->default_ms > 0.0)
    printf("whole     %.3f ms by the built-in rules, %.3f ms tuned (%.1f%%; replay %s)\n", report->default_ms,
           report->tuned_ms, 100.0 * (report->tuned_ms / report->default_ms - 1.0), replay_name(report->replay));
  printf("took      %.1f s\n", report->seconds);
  return EXIT_DONE;
}

int command_tune(const options *o) {
  session s;
  options own = *o;
  char quick[] = "quick";
  if (!own.tuning) own.tuning = quick;
  sepcl_network_options network = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_tune_options how = SEPCL_TUNE_OPTIONS_INIT;
  sepcl_tune_report report = {0};
  int status = EXIT_FAILED;
  bool good = session_load(&s, &own, o->arguments[0]) && session_open_device(&s) && session_options(&network, &s);
  if (good) {
    how.level = network.tuning;
    how.progress = show;
    progress_begin("tuning");
    good = sepcl_network_tune(&report, s.device, s.graph, &network, &how) == SEPCL_OK || complain_library();
    progress_end();
  }
  if (good && o->json)
    status = print_json(&s, own.tuning, &report);
  else if (good && network.tuning == SEPCL_TUNING_OFF)
    status = printf("forgotten\n") < 0;
  else if (good)
    status = print_text(&report);
  session_free(&s);
  return status;
}
