#include "support/command.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char folder[64];

const char *command_folder(void) {
  if (!*folder) {
    strcpy(folder, "/tmp/sepcl-command-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
  }
  return folder;
}

const char *command_path(const char *name) {
  static char paths[4][256];
  static int turn;
  char *path = paths[turn++ & 3];
  snprintf(path, sizeof paths[0], "%s/%s", command_folder(), name);
  return path;
}

void command_file(const char *name, const void *bytes, size_t size) {
  FILE *file = fopen(command_path(name), "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

void command_remove_folder(void) {
  char text[128];
  snprintf(text, sizeof text, "rm -r %s", command_folder());
  ck_assert_int_eq(system(text), 0);
  *folder = '\0';
}

/* `from` with "@" replaced by the folder. */
static void expand(char *to, size_t size, const char *from) {
  size_t used = 0;
  for (; *from && used + 1 < size; from++) {
    if (*from == '@')
      used += (size_t)snprintf(to + used, size - used, "%s", command_folder());
    else
      to[used++] = *from;
  }
  ck_assert_uint_lt(used, size);
  to[used] = '\0';
}

static char *whole_file(const char *path) {
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  char *text = malloc(1 << 22);
  ck_assert_ptr_nonnull(text);
  text[fread(text, 1, (1 << 22) - 1, file)] = '\0';
  fclose(file);
  return text;
}

command_result command_run_with(const char *before, const char *arguments) {
  char expanded[4096], prefix[1024], line[8192];
  expand(expanded, sizeof expanded, arguments);
  expand(prefix, sizeof prefix, before ? before : "");
  snprintf(line, sizeof line, "%s %s/tools/sepcl %s >%s/.out 2>%s/.err </dev/null", prefix, BINARY_DIR, expanded,
           command_folder(), command_folder());
  int status = system(line);
  return (command_result){WIFEXITED(status) ? WEXITSTATUS(status) : -1, whole_file(command_path(".out")),
                          whole_file(command_path(".err"))};
}

command_result command_run_text(const char *arguments) { return command_run_with(NULL, arguments); }

void command_result_free(command_result *r) {
  free(r->out);
  free(r->err);
}

void command_expect_with(const char *before, const char *arguments, int code, const char *text) {
  command_result r = command_run_with(before, arguments);
  ck_assert_msg(r.code == code, "sepcl %s: exit status %d, expected %d\n%s%s", arguments, r.code, code, r.out, r.err);
  if (code) {
    const char *end = strchr(r.err, '\n');
    ck_assert_msg(!strncmp(r.err, "sepcl: ", 7) && end && !end[1], "sepcl %s: not one line: %s", arguments, r.err);
  }
  const char *where = code ? r.err : r.out;
  ck_assert_msg(!text || strstr(where, text), "sepcl %s: \"%s\" is not in: %s", arguments, text, where);
  command_result_free(&r);
}

void command_expect(const char *arguments, int code, const char *text) {
  command_expect_with(NULL, arguments, code, text);
}

cJSON *command_json(const char *arguments) {
  command_result r = command_run_text(arguments);
  ck_assert_msg(r.code == 0, "sepcl %s: exit status %d: %s", arguments, r.code, r.err);
  cJSON *json = cJSON_ParseWithOpts(r.out, NULL, 0);
  ck_assert_msg(json != NULL, "sepcl %s: no JSON: %s", arguments, r.out);
  command_result_free(&r);
  return json;
}

cJSON *command_file_json(const char *name) {
  char *content = whole_file(command_path(name));
  cJSON *json = cJSON_ParseWithOpts(content, NULL, 1);
  ck_assert_msg(json != NULL, "%s: no JSON", name);
  free(content);
  return json;
}
