/* Every kernel is OpenCL C 1.2 to a compiler other than the device's, without a warning. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl/program.h"

/* A compiler for CPUs lacks what the items of a subgroup do together. */
#define CLANG                                                              \
  "clang-15 -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -Wall "   \
  "-Dcl_intel_subgroups '-Dintel_sub_group_shuffle(value, item)=(value)' " \
  "-Wno-unused -Werror -fsyntax-only "

static int compiles(const char *source, bool quiet) {
  char path[] = "/tmp/sepcl-kernel-XXXXXX", command[768];
  int file = mkstemp(path);
  ck_assert_int_ge(file, 0);
  ck_assert_int_eq(write(file, source, strlen(source)), (ssize_t)strlen(source));
  close(file);
  snprintf(command, sizeof command, CLANG "%s%s", path, quiet ? " 2>/dev/null" : "");
  int status = system(command);
  unlink(path);
  return status == 0;
}

START_TEST(test_each_variant_compiles) {
  const variant *v = &variants[_i];
  const kernel_form form = {v, 0};
  char *source = program_source(&form, 1, true);
  ck_assert_ptr_nonnull(source);
  ck_assert_msg(compiles(source, false), "%s of kernels/%s", v->name, v->source);
  free(source);
}
END_TEST

/* clang refuses to load or store a half but by the functions for that: an access that common.cl does not know fails. */
START_TEST(test_each_variant_compiles_with_halves) {
  static const int32_t halves[] = {HALF_X | HALF_R | HALF_S | HALF_Y, HALF_X, HALF_R | HALF_S, HALF_Y};
  kernel_form forms[4];
  for (int i = 0; i < 4; i++) forms[i] = (kernel_form){&variants[_i], halves[i]};
  char *source = program_source(forms, 4, true);
  ck_assert_ptr_nonnull(source);
  ck_assert_msg(compiles(source, false), "%s of kernels/%s", variants[_i].name, variants[_i].source);
  free(source);
}
END_TEST

/* Programs hold several variants, of one file too and in any order: their helpers and macros may not collide. Here all
 * as listed, then all the other way round with halves. */
START_TEST(test_all_variants_compile_together) {
  kernel_form *all = calloc(2 * (size_t)variant_count, sizeof *all);
  ck_assert_ptr_nonnull(all);
  for (int32_t i = 0; i < variant_count; i++) {
    all[i] = (kernel_form){&variants[i], 0};
    all[2 * variant_count - 1 - i] = (kernel_form){&variants[i], HALF_X | HALF_R | HALF_S | HALF_Y};
  }
  char *source = program_source(all, 2 * variant_count, true);
  ck_assert_ptr_nonnull(source);
  ck_assert(compiles(source, false));
  free(source);
  free(all);
}
END_TEST

START_TEST(test_a_wrong_kernel_does_not_compile) {
  const kernel_form form = {&variants[0], 0};
  char *source = program_source(&form, 1, true);
  ck_assert_ptr_nonnull(source);
  char *fma = strstr(source, "fma(");
  ck_assert_ptr_nonnull(fma);
  fma[0] = 'q';
  ck_assert(!compiles(source, true));
  free(source);
}
END_TEST

Suite *suite_kernel_source(void) {
  Suite *suite = suite_create("kernel source");
  TCase *tcase = tcase_create("clang");
  tcase_set_timeout(tcase, 300);
  tcase_add_loop_test(tcase, test_each_variant_compiles, 0, variant_count);
  tcase_add_loop_test(tcase, test_each_variant_compiles_with_halves, 0, variant_count);
  tcase_add_test(tcase, test_all_variants_compile_together);
  tcase_add_test(tcase, test_a_wrong_kernel_does_not_compile);
  suite_add_tcase(suite, tcase);
  return suite;
}
