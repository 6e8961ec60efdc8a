/* What ./test fetches: a Python with packages ($SEPCL_PYTHON) and the trained network ($SEPCL_MODELS); by default where
 * ./classify and ./test keep them. */
#ifndef TEST_FETCHED_H
#define TEST_FETCHED_H

#include <stdio.h>
#include <stdlib.h>

/* The shell command that runs a Python program of the repository with `arguments` and, last, the models' folder. */
static inline void fetched_command(char *out, size_t size, const char *program, const char *arguments) {
  const char *python = getenv("SEPCL_PYTHON"), *models = getenv("SEPCL_MODELS"), *home = getenv("HOME");
  char own_models[512], own_python[1024];
  snprintf(own_models, sizeof own_models, "%s/.cache/sepcl", home ? home : "");
  snprintf(own_python, sizeof own_python, "%s/python/bin/python", own_models);
  snprintf(out, size, "'%s' '%s/%s' %s '%s'", python ? python : own_python, SOURCE_DIR, program, arguments,
           models ? models : own_models);
}

#endif
