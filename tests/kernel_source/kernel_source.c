/* sepcl_kernel_source VARIANT [NAME=VALUE...]: the program that the library hands to a driver for one variant, on
 * standard output. NAME=VALUE changes local, vec, mr, nr or one of the variant's macros: what such a kernel would be.
 * halves=1 to 31: which of x, r, s and y (1, 2, 4, 8) are halves in memory, 16: and sums are.
 * sepcl_kernel_source --options: the options that go with it on a driver other than PoCL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "sepcl.h"

enum { MACROS_SIZE = 512 };

static int32_t *field(variant *v, const char *name, size_t length) {
  const struct {
    const char *name;
    int32_t *value;
  } fields[] = {{"local", &v->local}, {"vec", &v->vec}, {"mr", &v->mr}, {"nr", &v->nr}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (strlen(fields[i].name) == length && !strncmp(fields[i].name, name, length)) return fields[i].value;
  return NULL;
}

/* "NAME=VALUE" in place of what `macros` says of NAME. */
static void set_macro(char macros[MACROS_SIZE], const char *change, size_t length) {
  char changed[MACROS_SIZE];
  size_t used = (size_t)snprintf(changed, sizeof changed, "%s", change);
  for (char *rest = NULL, *one = strtok_r(macros, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
    if (strncmp(one, change, length + 1) && used < sizeof changed)
      used += (size_t)snprintf(changed + used, sizeof changed - used, " %s", one);
  memcpy(macros, changed, sizeof changed);
}

static int fail(const char *what, const char *name) {
  fprintf(stderr, "sepcl_kernel_source: %s%s\n", what, name);
  return 2;
}

int main(int argc, char **argv) {
  if (argc < 2) return fail("usage: sepcl_kernel_source --options | VARIANT [NAME=VALUE...]", "");
  if (!strcmp(argv[1], "--options")) return puts(program_options("")) < 0;
  const variant *known = variant_find(argv[1]);
  if (!known) return fail("no variant ", argv[1]);
  variant v = *known;
  kernel_form form = {&v, 0};
  char macros[MACROS_SIZE];
  snprintf(macros, sizeof macros, "%s", v.macros);
  v.macros = macros;
  for (int i = 2; i < argc; i++) {
    const char *equals = strchr(argv[i], '=');
    if (!equals) return fail("not NAME=VALUE: ", argv[i]);
    const size_t length = (size_t)(equals - argv[i]);
    int32_t *number = field(&v, argv[i], length);
    if (!strncmp(argv[i], "halves=", 7))
      form.halves = (int32_t)strtol(equals + 1, NULL, 10) % HALVES_COUNT;
    else if (number)
      *number = (int32_t)strtol(equals + 1, NULL, 10);
    else
      set_macro(macros, argv[i], length);
  }
  char *source = program_source(&form, 1, true);
  if (!source) return fail(sepcl_last_error(), "");
  int bad = fputs(source, stdout) < 0 || fflush(stdout);
  free(source);
  return bad;
}
