/* Runs the built sepcl command as a process. */
#ifndef TEST_COMMAND_H
#define TEST_COMMAND_H

#include <cjson/cJSON.h>
#include <stddef.h>

typedef struct command_result {
  int code; /* exit status; -1: killed by a signal */
  char *out, *err;
} command_result;

/* `arguments` is shell text; "@" stands for the test's folder. `before` is shell text that goes in front of the command
 * (variables, limits), or NULL. */
command_result command_run_with(const char *before, const char *arguments);
command_result command_run_text(const char *arguments);
void command_result_free(command_result *r);
/* Asserts the status and, unless it is 0, exactly one line on stderr that starts with "sepcl: " and holds `text`. */
void command_expect(const char *arguments, int code, const char *text);
void command_expect_with(const char *before, const char *arguments, int code, const char *text);
/* Asserts status 0 and parses stdout. The caller deletes it. */
cJSON *command_json(const char *arguments);
/* Parses a file in the test's folder. */
cJSON *command_file_json(const char *name);

/* The test's folder: made on first use; and a path in it, valid until the fourth call after. */
const char *command_folder(void);
const char *command_path(const char *name);
void command_file(const char *name, const void *bytes, size_t size);
void command_remove_folder(void);

#endif
