/* .npy files in and out: what NumPy writes, what it never would, and whole files only. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "labels.h"
#include "message.h"
#include "npy.h"

/* A file of format `version` with the header text and `floats` floats 0, 1, 2, ... behind it. Returns its size. */
static size_t file_of(char *out, int version, const char *header, int floats) {
  size_t length = strlen(header), at = version == 1 ? 10 : 12;
  memcpy(out, "\x93NUMPY\0\0\0\0\0\0", 12);
  out[6] = (char)version;
  out[8] = (char)(length & 255);
  out[9] = (char)(length >> 8);
  memcpy(out + at, header, length);
  for (int i = 0; i < floats; i++) {
    float value = (float)i;
    memcpy(out + at + length + 4 * (size_t)i, &value, 4);
  }
  return at + length + 4 * (size_t)floats;
}

static const struct {
  int version;
  const char *header;
  int floats, rank;
  int64_t dims[3];
} good[] = {
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }       \n", 6, 2, {2, 3}},
    {2, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", 6, 1, {6}},
    {3, "{'shape': (1, 2, 3), \"fortran_order\" : False,'descr':\"<f4\"}", 6, 3, {1, 2, 3}},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 1, 0, {0}},
    {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (4,), }\n", 4, 1, {4}},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }\n", 0, 2, {3, 0}},
};

START_TEST(reads_what_numpy_writes) {
  char bytes[256];
  size_t size = file_of(bytes, good[_i].version, good[_i].header, good[_i].floats);
  npy array;
  ck_assert_msg(npy_parse(&array, bytes, size, "x.npy"), "%s", complaint());
  ck_assert_int_eq(array.rank, good[_i].rank);
  ck_assert_uint_eq(array.elements, (unsigned)good[_i].floats);
  for (int i = 0; i < array.rank; i++) ck_assert_int_eq(array.dims[i], good[_i].dims[i]);
  for (int i = 0; i < good[_i].floats; i++) ck_assert(array.data[i] == (float)i);
  npy_free(&array);
  for (size_t cut = 0; cut < size; cut++) ck_assert(!npy_parse(&array, bytes, cut, "x.npy"));
}
END_TEST

static const struct {
  int version;
  const char *header;
  int floats;
  const char *complaint; /* what it must say */
} bad[] = {
    {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n", 6, "<f8"},
    {1, "{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }\n", 6, ">f4"},
    {1, "{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }\n", 6, "|u1"},
    {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }\n", 6, "a record"},
    {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", 6, "Fortran"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }\n", 6, "truncated"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }\n", 6, "behind"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n", 6, "truncated"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,), }\n", 6, "truncated"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", 6, "damaged"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }\n", 6, "damaged"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }\n", 6, "damaged"},
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6), 'shape': (6), }\n", 6, "damaged"},
    {1, "{'descr': '<f4', 'fortran_order': False, }\n", 6, "damaged"},
    {1, "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,), }\n", 6, "damaged"},
    {1, "{'descr': '<f4\\", 6, "damaged"},
    {1, "{'descr': '0123456789012345678901234567890123456789', }", 6, "damaged"},
    {1, "__import__('os').system('true')", 6, "damaged"},
    {1, "", 6, "damaged"},
    {4, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", 6, "version"},
    {0, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", 6, "version"},
};

START_TEST(refuses_the_rest) {
  char bytes[256];
  npy array;
  size_t size = file_of(bytes, bad[_i].version, bad[_i].header, bad[_i].floats);
  ck_assert(!npy_parse(&array, bytes, size, "x.npy"));
  ck_assert_ptr_null(array.data);
  ck_assert_msg(strstr(complaint(), bad[_i].complaint) && strstr(complaint(), "x.npy"), "%s", complaint());
}
END_TEST

START_TEST(survives_changed_bytes) {
  char bytes[256];
  for (size_t g = 0; g < sizeof good / sizeof *good; g++) {
    size_t size = file_of(bytes, good[g].version, good[g].header, good[g].floats);
    for (size_t i = 0; i < size; i++)
      for (int value = 0; value < 256; value += 5) {
        char was = bytes[i];
        bytes[i] = (char)value;
        npy array;
        if (npy_parse(&array, bytes, size, "x.npy")) npy_free(&array);
        bytes[i] = was;
      }
  }
}
END_TEST

static char folder[] = "/tmp/sepcl-npy-XXXXXX";

START_TEST(writes_what_it_reads) {
  static const int64_t shapes[][3] = {{24, 0, 0}, {4, 6, 0}, {2, 3, 4}};
  float data[24];
  for (int i = 0; i < 24; i++) data[i] = 1.0f / (float)(i - 7);
  char path[64];
  snprintf(path, sizeof path, "%s/a.npy", folder);
  for (int rank = 1; rank <= 3; rank++) {
    npy array;
    ck_assert_msg(npy_write(path, rank, shapes[rank - 1], data), "%s", complaint());
    ck_assert_msg(npy_read(&array, path), "%s", complaint());
    ck_assert_int_eq(array.rank, rank);
    ck_assert_mem_eq(array.dims, shapes[rank - 1], (size_t)rank * sizeof(int64_t));
    ck_assert_mem_eq(array.data, data, sizeof data);
    npy_free(&array);
    size_t size;
    char *bytes = file_read(path, 4096, &size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq((size - sizeof data) % 64, 0); /* as the format wants it */
    ck_assert(bytes[size - sizeof data - 1] == '\n');
    free(bytes);
  }
  unlink(path);
}
END_TEST

START_TEST(writes_whole_files_or_none) {
  char path[64], missing[96];
  snprintf(path, sizeof path, "%s/b", folder);
  snprintf(missing, sizeof missing, "%s/no/such/folder.npy", folder);
  const int64_t dims[1] = {1};
  const float one = 1.0f;
  ck_assert(!npy_write(missing, 1, dims, &one));
  ck_assert_ptr_nonnull(strstr(complaint(), missing));
  ck_assert(!npy_write(folder, 1, dims, &one));
  ck_assert(!npy_write("/dev/full", 1, dims, &one)); /* written to, not replaced */
  struct stat status;
  ck_assert(!stat("/dev/full", &status) && S_ISCHR(status.st_mode));
  file_part old = {"old", 3}, fresh = {"fresh", 5};
  ck_assert(file_write(path, &old, 1) && file_write(path, &fresh, 1));
  size_t size;
  char *text = file_read(path, 100, &size);
  ck_assert_str_eq(text, "fresh");
  free(text);
  ck_assert_ptr_null(file_read(path, 4, &size)); /* over the limit */
  ck_assert(!unlink(path) && !rmdir(folder));    /* empty: nothing was left beside it */
  ck_assert_ptr_null(file_read("/nonexistent", 4, &size));
  ck_assert_ptr_null(file_read("/", 4, &size));
}
END_TEST

START_TEST(labels_of_both_kinds) {
  labels l;
  ck_assert(labels_parse(&l,
                         "\xEF\xBB\xBFtench\r\ngold fish\nK\xC3\xA4"
                         "fer\x1B[2J",
                         "labels.txt"));
  ck_assert_uint_eq(l.count, 3);
  ck_assert_str_eq(l.names[0], "tench");
  ck_assert_str_eq(l.names[1], "gold fish");
  ck_assert_str_eq(l.names[2],
                   "K\xC3\xA4"
                   "fer?[2J"); /* no escape sequence reaches a terminal */
  char *text = labels_text(&l);
  ck_assert_str_eq(text,
                   "tench\ngold fish\nK\xC3\xA4"
                   "fer?[2J\n");
  free(text);
  labels_free(&l);
  ck_assert(labels_parse(&l, " [\"a\", \"b, c\"]\n", "labels.json"));
  ck_assert_uint_eq(l.count, 2);
  ck_assert_str_eq(l.names[1], "b, c");
  labels_free(&l);
  static const char *const broken[] = {"", "[]", "[\"a\"", "[1, 2]", "[[\"a\"]]"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) ck_assert(!labels_parse(&l, broken[i], "labels.json"));
  ck_assert(!labels_load(&l, "/nonexistent/labels"));
}
END_TEST

static void make_folder(void) { ck_assert_ptr_nonnull(mkdtemp(strcpy(folder, "/tmp/sepcl-npy-XXXXXX"))); }
static void remove_folder(void) { rmdir(folder); }

Suite *suite_npy(void) {
  Suite *suite = suite_create("npy");
  TCase *tests = tcase_create("npy"), *files = tcase_create("files");
  tcase_add_loop_test(tests, reads_what_numpy_writes, 0, (int)(sizeof good / sizeof *good));
  tcase_add_loop_test(tests, refuses_the_rest, 0, (int)(sizeof bad / sizeof *bad));
  tcase_add_test(tests, survives_changed_bytes);
  tcase_add_test(tests, labels_of_both_kinds);
  tcase_add_checked_fixture(files, make_folder, remove_folder);
  tcase_add_test(files, writes_what_it_reads);
  tcase_add_test(files, writes_whole_files_or_none);
  suite_add_tcase(suite, tests);
  suite_add_tcase(suite, files);
  return suite;
}
