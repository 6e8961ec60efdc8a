/* The documentation keeps up with the code: every C example compiles, and the reference page is the header's. */
#include <check.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXAMPLE "/tmp/sepcl-example-%d.c"
/* `gamma` is a function of math.h to the compiler. */
#define COMPILE                                                                                                     \
  "cc -std=c11 -Wall -Wextra -Werror -Wno-unused -fno-builtin -fsyntax-only -I" SOURCE_DIR "/include -I" SOURCE_DIR \
  "/tests"

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file, "%s", path);
  char *text = calloc(1, 1 << 20);
  ck_assert_ptr_nonnull(text);
  ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
  fclose(file);
  return text;
}

/* A whole file if it includes something, else statements inside a function. */
static int compiles(const char *code, size_t length, int quiet) {
  char path[64], command[512];
  snprintf(path, sizeof path, EXAMPLE, (int)getpid());
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  char *text = strndup(code, length);
  if (strstr(text, "#include"))
    fputs(text, file);
  else
    fprintf(file, "#include \"support/doc_prelude.h\"\nvoid example(void);\nvoid example(void) {\n%s}\n", text);
  free(text);
  fclose(file);
  snprintf(command, sizeof command, COMPILE " %s%s", path, quiet ? " 2>/dev/null" : "");
  int status = system(command);
  unlink(path);
  return status == 0;
}

static int check_examples(const char *path) {
  char *text = read_file(path), *at = text;
  int count = 0;
  while ((at = strstr(at, "```c\n"))) {
    at += 5;
    char *end = strstr(at, "```");
    ck_assert_msg(end, "%s: a code block that does not end", path);
    ck_assert_msg(compiles(at, (size_t)(end - at), 0), "%s: this example does not compile:\n%.*s", path,
                  (int)(end - at), at);
    count++;
    at = end + 3;
  }
  free(text);
  return count;
}

START_TEST(test_examples_compile) {
  const char *const patterns[] = {"/*.md", "/docs/*.md", "/docs/*/*.md", "/plugins/*/*.md", "/samples/*.md"};
  int examples = 0;
  for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
    char pattern[512];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s%s", SOURCE_DIR, patterns[p]);
    if (glob(pattern, 0, NULL, &found)) continue;
    for (size_t i = 0; i < found.gl_pathc; i++) examples += check_examples(found.gl_pathv[i]);
    globfree(&found);
  }
  printf("%d examples of the documentation compiled\n", examples);
  ck_assert_int_ge(examples, 5);
}
END_TEST

START_TEST(test_a_wrong_example_does_not_compile) {
  const char *right = "sepcl_op_free(op);\n", *wrong = "sepcl_op_release(op);\n",
             *argument = "sepcl_op_free(queue, op);\n";
  ck_assert(compiles(right, strlen(right), 1));
  ck_assert(!compiles(wrong, strlen(wrong), 1));
  ck_assert(!compiles(argument, strlen(argument), 1));
}
END_TEST

START_TEST(test_reference_page_is_the_headers) {
  ck_assert_msg(!system("cd " SOURCE_DIR " && awk -f docs/api.awk include/sepcl.h | cmp -s - docs/api.md"),
                "docs/api.md is stale: awk -f docs/api.awk include/sepcl.h > docs/api.md");
}
END_TEST

/* A function stands under a comment, or right under one that does. */
START_TEST(test_public_functions_are_documented) {
  char *text = read_file(SOURCE_DIR "/include/sepcl.h"), *previous = "", *rest = NULL;
  bool documented = false;
  int functions = 0;
  for (char *line = strtok_r(text, "\n", &rest); line; previous = line, line = strtok_r(NULL, "\n", &rest)) {
    const size_t length = strlen(previous), ends = strspn(line, " ");
    if (strncmp(line, "SEPCL_API", 9) || !strchr(line, '(')) {
      documented = documented && ends > 0; /* the rest of a declaration */
      continue;
    }
    documented = documented || (length > 1 && !strcmp(previous + length - 2, "*/") && previous[0] != 't');
    ck_assert_msg(documented, "not documented: %s", line);
    functions++;
  }
  free(text);
  ck_assert_int_gt(functions, 80);
}
END_TEST

START_TEST(test_header_is_pedantic_c99_and_cxx) {
  ck_assert_int_eq(
      system("cc -std=c99 -Wall -Wextra -pedantic-errors -fsyntax-only -x c " SOURCE_DIR "/include/sepcl.h"), 0);
  ck_assert_int_eq(system("c++ -std=c++11 -Wall -Wextra -fsyntax-only -x c++ " SOURCE_DIR "/include/sepcl.h"), 0);
}
END_TEST

Suite *suite_docs(void) {
  Suite *suite = suite_create("docs");
  TCase *tcase = tcase_create("docs");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, test_examples_compile);
  tcase_add_test(tcase, test_a_wrong_example_does_not_compile);
  tcase_add_test(tcase, test_reference_page_is_the_headers);
  tcase_add_test(tcase, test_public_functions_are_documented);
  tcase_add_test(tcase, test_header_is_pedantic_c99_and_cxx);
  suite_add_tcase(suite, tcase);
  return suite;
}
