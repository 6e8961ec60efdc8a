/* The cache may lose anything at any time; it must never give back what was not put in, wait for ever, or load a binary
 * that killed a process. */
#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cl/cache.h"

#define COMMAND BINARY_DIR "/tests/cache_command"

static char folder[64], file[96];

static void make_folder(void) {
  strcpy(folder, "/tmp/sepcl-cache-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/cache.sqlite", folder);
}

static void remove_folder(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0);
}

/* The exit status of `cache_command WHAT folder key VALUE`; 128 + the signal if it was killed. */
static int run(const char *what, const char *value) {
  char command[512];
  snprintf(command, sizeof command, "%s %s %s key '%s' > %s/out 2>/dev/null", COMMAND, what, folder, value, folder);
  int status = system(command);
  ck_assert_int_ne(status, -1);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void put_text(const char *key, const char *text) {
  cache *c = cache_open(folder);
  ck_assert_ptr_nonnull(c);
  cache_put(c, key, text, strlen(text));
  cache_close(c);
}

/* What the key holds for a handle opened anew: 1 the text, 0 nothing; anything else fails. */
static int holds(const char *key, const char *text) {
  size_t size;
  cache *c = cache_open(folder);
  char *value = cache_get(c, key, &size);
  if (value) {
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_int_eq(memcmp(value, text, size), 0);
  }
  int found = value != NULL;
  free(value);
  cache_close(c);
  return found;
}

START_TEST(test_values_come_back) {
  put_text("one", "first");
  put_text("two", "second");
  put_text("one", "replaced");
  put_text("", "");
  ck_assert_int_eq(holds("one", "replaced"), 1);
  ck_assert_int_eq(holds("two", "second"), 1);
  ck_assert_int_eq(holds("", ""), 1);
  ck_assert_int_eq(holds("three", ""), 0);
  cache *c = cache_open(folder);
  cache_remove(c, "one");
  cache_remove(c, "absent");
  cache_close(c);
  ck_assert_int_eq(holds("one", ""), 0);
  ck_assert_int_eq(holds("two", "second"), 1);
}
END_TEST

START_TEST(test_megabytes_come_back) {
  size_t size = 9 * 1024 * 1024 + 3, back;
  char *value = malloc(size);
  ck_assert_ptr_nonnull(value);
  for (size_t i = 0; i < size; i++) value[i] = (char)(i * 2654435761u >> 13);
  cache *c = cache_open(folder);
  cache_put(c, "binary", value, size);
  cache_close(c);
  c = cache_open(folder);
  char *again = cache_get(c, "binary", &back);
  ck_assert_ptr_nonnull(again);
  ck_assert_uint_eq(back, size);
  ck_assert_int_eq(memcmp(again, value, size), 0);
  free(again);
  free(value);
  cache_close(c);
}
END_TEST

START_TEST(test_nothing_is_kept_on_request) {
  ck_assert_ptr_null(cache_open(""));
  size_t size = 7;
  cache_put(NULL, "key", "value", 5);
  ck_assert_ptr_null(cache_get(NULL, "key", &size));
  ck_assert_uint_eq(size, 0);
  cache_remove(NULL, "key");
  ck_assert_int_eq(cache_begin_loading(NULL, "key"), 0);
  cache_end_loading(NULL, "key");
  cache_close(NULL);
}
END_TEST

START_TEST(test_user_folder) {
  char *xdg = getenv("XDG_CACHE_HOME");
  if (xdg) xdg = strdup(xdg);
  setenv("XDG_CACHE_HOME", folder, 1);
  cache *c = cache_open(NULL);
  ck_assert_ptr_nonnull(c);
  cache_close(c);
  snprintf(file, sizeof file, "%s/sepcl/cache.sqlite", folder);
  struct stat status;
  ck_assert_int_eq(stat(file, &status), 0);
  ck_assert_uint_eq(status.st_mode & 0777, 0600);
  if (xdg)
    setenv("XDG_CACHE_HOME", xdg, 1);
  else
    unsetenv("XDG_CACHE_HOME");
  free(xdg);
}
END_TEST

START_TEST(test_unusable_folders) {
  char path[128];
  put_text("key", "value");
  snprintf(path, sizeof path, "%s/below/a/file", file);
  ck_assert_ptr_null(cache_open(path));
  ck_assert_ptr_null(cache_open("/proc/sepcl"));
  char *endless = malloc(10001);
  memset(endless, 'a', 10000);
  endless[10000] = '\0';
  ck_assert_ptr_null(cache_open(endless));
  free(endless);
}
END_TEST

/* Anyone who may write to the file could have us run their code. */
START_TEST(test_a_file_open_to_others_is_refused) {
  put_text("key", "value");
  ck_assert_int_eq(chmod(file, 0666), 0);
  ck_assert_ptr_null(cache_open(folder));
  ck_assert_int_eq(chmod(file, 0600), 0);
  ck_assert_int_eq(holds("key", "value"), 1);
}
END_TEST

static void overwrite(long at, const void *bytes, size_t count) {
  int out = open(file, O_WRONLY);
  ck_assert_int_ge(out, 0);
  ck_assert_int_eq(pwrite(out, bytes, count, at), (ssize_t)count);
  close(out);
}

static long file_size(void) {
  struct stat status;
  ck_assert_int_eq(stat(file, &status), 0);
  return (long)status.st_size;
}

START_TEST(test_garbage_is_replaced) {
  FILE *out = fopen(file, "w");
  ck_assert_ptr_nonnull(out);
  for (int i = 0; i < 5000; i++) fputs("no database ", out);
  fclose(out);
  chmod(file, 0600);
  ck_assert_int_eq(holds("key", "value"), 0);
  put_text("key", "value");
  ck_assert_int_eq(holds("key", "value"), 1);
}
END_TEST

/* Long enough to fill several pages of the file. */
static char *long_text(void) {
  static char text[20001];
  for (int i = 0; i < 20000; i++) text[i] = (char)('a' + i % 25);
  return text;
}

START_TEST(test_truncated) {
  put_text("key", long_text());
  long size = file_size();
  for (long part = 0; part < 8; part++) {
    ck_assert_int_eq(truncate(file, size * part / 8), 0);
    holds("key", long_text()); /* the value or nothing: holds() checks */
    put_text("key", long_text());
    put_text("key", long_text()); /* the first may have met the damage and deleted the file */
    ck_assert_int_eq(holds("key", long_text()), 1);
    size = file_size();
  }
}
END_TEST

/* One byte at a time, all over the file: the value as it was, or nothing. */
START_TEST(test_flipped_bytes) {
  int lost = 0;
  for (long step = 0; step < 64; step++) {
    unlink(file);
    put_text("key", long_text());
    overwrite(file_size() * step / 64 + step, "\xa5\x5a", 2);
    lost += !holds("key", long_text());
  }
  ck_assert_int_gt(lost, 16); /* most of the file is the value: a cache that did not look would lose none */
}
END_TEST

START_TEST(test_from_the_future) {
  sqlite3 *db;
  put_text("key", "value");
  ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
  ck_assert_ptr_null(cache_open(folder));
  ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  ck_assert_int_eq(holds("key", "value"), 1); /* it was left alone */
}
END_TEST

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(test_locked) {
  sqlite3 *db;
  put_text("key", "value");
  ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
  cache *c = cache_open(folder);
  ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
  double start = seconds();
  size_t size;
  for (int i = 0; i < 100; i++) {
    ck_assert_ptr_null(cache_get(c, "key", &size));
    ck_assert_int_eq(cache_begin_loading(c, "key"), 0);
    cache_put(c, "key", "other", 5);
  }
  ck_assert_double_lt(seconds() - start, 6.0); /* one wait, not three hundred */
  cache_close(c);
  ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  ck_assert_int_eq(holds("key", "value"), 1);
}
END_TEST

START_TEST(test_full_disk) {
  put_text("other", "kept");
  ck_assert_int_eq(run("full", "3000000"), 3);
  ck_assert_int_eq(holds("other", "kept"), 1);
  ck_assert_int_eq(run("put", "fits now"), 0);
  ck_assert_int_eq(holds("key", "fits now"), 1);
}
END_TEST

/* Root ignores permissions, so the reader becomes nobody; the file is nobody's own, as a mounted one would be. */
START_TEST(test_read_only) {
  put_text("key", "value");
  ck_assert_int_eq(chmod(file, 0400), 0);
  ck_assert_int_eq(chmod(folder, 0555), 0);
  char command[1024];
  if (geteuid() == 0) {
    ck_assert_int_eq(chown(file, 65534, 65534), 0);
    ck_assert_int_eq(chown(folder, 65534, 65534), 0);
    snprintf(command, sizeof command, "cp %s /tmp/sepcl-cache-command-%ld && cd / && C=/tmp/sepcl-cache-command-%ld",
             COMMAND, (long)getpid(), (long)getpid());
    strcat(command, "; chmod 755 $C; AS='setpriv --reuid=65534 --regid=65534 --clear-groups'; ");
  } else {
    snprintf(command, sizeof command, "C=%s; AS=; ", COMMAND);
  }
  char rest[512];
  snprintf(rest, sizeof rest,
           "test \"$($AS $C get %s key)\" = value || exit 10; $AS $C put %s key other || exit 11; "
           "$AS $C load %s key; test $? = 3 || exit 12; test \"$($AS $C get %s key)\" = value || exit 13; "
           "rm -f /tmp/sepcl-cache-command-%ld",
           folder, folder, folder, folder, (long)getpid());
  strcat(command, rest);
  int status = system(command);
  ck_assert_int_eq(chmod(folder, 0755), 0);
  ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(test_loading_without_a_crash) {
  put_text("key", "binary");
  for (int i = 0; i < 4; i++) ck_assert_int_eq(run("load", ""), 0);
  ck_assert_int_eq(holds("key", "binary"), 1);
}
END_TEST

START_TEST(test_a_binary_that_crashed_is_built_again) {
  put_text("key", "binary");
  put_text("innocent", "binary");
  ck_assert_int_eq(run("crash", ""), 128 + 9);
  ck_assert_int_eq(run("load", ""), 3);
  ck_assert_int_eq(holds("key", ""), 0); /* gone: the program is compiled from source */
  ck_assert_int_eq(holds("innocent", "binary"), 1);
  put_text("key", "rebuilt");
  ck_assert_int_eq(run("crash", ""), 128 + 9); /* the new one gets its chance */
  for (int i = 0; i < 3; i++) {                /* and no third */
    ck_assert_int_eq(run("load", ""), 3);
    put_text("key", "rebuilt");
  }
}
END_TEST

START_TEST(test_a_binary_that_loads_is_forgiven) {
  for (int i = 0; i < 3; i++) { /* killed now and then, by a user who had no time */
    put_text("key", "binary");
    ck_assert_int_eq(run("crash", ""), 128 + 9);
    ck_assert_int_eq(run("load", ""), 3);
    put_text("key", "rebuilt");
    ck_assert_int_eq(run("load", ""), 0);
  }
}
END_TEST

START_TEST(test_a_process_that_is_still_loading_is_no_crash) {
  char command[256], line[32] = "";
  put_text("key", "binary");
  cache *c = cache_open(folder);
  ck_assert_int_eq(cache_begin_loading(c, "key"), 1); /* this process */
  snprintf(command, sizeof command, "%s/in", folder);
  ck_assert_int_eq(mkfifo(command, 0600), 0);
  snprintf(command, sizeof command, "%s hold %s key < %s/in", COMMAND, folder, folder);
  FILE *other = popen(command, "r");
  snprintf(command, sizeof command, "%s/in", folder);
  int input = open(command, O_WRONLY | O_CLOEXEC);
  ck_assert_ptr_nonnull(fgets(line, sizeof line, other));
  ck_assert_str_eq(line, "loading\n");
  ck_assert_int_eq(run("load", ""), 0); /* a third, while two are at it */
  close(input);
  ck_assert_int_eq(pclose(other), 0);
  cache_end_loading(c, "key");
  cache_close(c);
  ck_assert_int_eq(holds("key", "binary"), 1);
}
END_TEST

START_TEST(test_many_processes) {
  char command[1024];
  int length = snprintf(command, sizeof command,
                        "f=0; p=; for i in 1 2 3 4; do %s fill %s w$i 60 & p=\"$p $!\"; done; ", COMMAND, folder);
  snprintf(command + length, sizeof command - (size_t)length, "for i in $p; do wait $i || f=$?; done; exit $f");
  ck_assert_int_eq(system(command), 0);
  ck_assert_int_eq(holds("w3 5", "value of w3 5"), 1);
}
END_TEST

Suite *suite_cache(void) {
  Suite *suite = suite_create("cache");
  TCase *values = tcase_create("values"), *damage = tcase_create("damage"), *loading = tcase_create("loading");
  TCase *cases[] = {values, damage, loading};
  for (int i = 0; i < 3; i++) {
    tcase_add_checked_fixture(cases[i], make_folder, remove_folder);
    tcase_set_timeout(cases[i], 120);
    suite_add_tcase(suite, cases[i]);
  }
  tcase_add_test(values, test_values_come_back);
  tcase_add_test(values, test_megabytes_come_back);
  tcase_add_test(values, test_nothing_is_kept_on_request);
  tcase_add_test(values, test_user_folder);
  tcase_add_test(values, test_many_processes);
  tcase_add_test(damage, test_unusable_folders);
  tcase_add_test(damage, test_a_file_open_to_others_is_refused);
  tcase_add_test(damage, test_garbage_is_replaced);
  tcase_add_test(damage, test_truncated);
  tcase_add_test(damage, test_flipped_bytes);
  tcase_add_test(damage, test_from_the_future);
  tcase_add_test(damage, test_locked);
  tcase_add_test(damage, test_full_disk);
  tcase_add_test(damage, test_read_only);
  tcase_add_test(loading, test_loading_without_a_crash);
  tcase_add_test(loading, test_a_binary_that_crashed_is_built_again);
  tcase_add_test(loading, test_a_binary_that_loads_is_forgiven);
  tcase_add_test(loading, test_a_process_that_is_still_loading_is_no_crash);
  return suite;
}
