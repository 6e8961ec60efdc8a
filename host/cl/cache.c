#include "cl/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"

enum {
  SCHEMA = 1,
  WAIT_MS = 2000,  /* for a lock that another process holds */
  MAX_CRASHES = 2, /* a binary that was rebuilt and crashed again is not tried a third time */
  MAX_ENTRY = 1 << 28
};
static const int64_t max_total = INT64_C(1) << 29; /* bytes of values; the oldest go first */

struct cache {
  pthread_mutex_t lock;
  sqlite3 *db; /* NULL once the file proved unusable: everything reads as "not there" from then on */
  char path[PATH_MAX];
};

/* ---- where the file is ---- */

static int user_folder(char *out, size_t size) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int n = -1;
  if (xdg && xdg[0] == '/')
    n = snprintf(out, size, "%s/sepcl", xdg);
  else if (home && home[0] == '/')
    n = snprintf(out, size, "%s/.cache/sepcl", home);
  return n > 0 && (size_t)n < size;
}

static int make_folders(const char *path) {
  char part[PATH_MAX];
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof part) return 0;
  for (size_t i = 1; i <= length; i++) {
    if (path[i] != '/' && path[i] != '\0') continue;
    memcpy(part, path, i);
    part[i] = '\0';
    if (mkdir(part, 0700) && errno != EEXIST) return access(path, F_OK) == 0;
  }
  return 1;
}

/* The file holds code that will run in this process: it must be the user's own, and nobody else may write to it. */
static int claim_file(const char *path) {
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return 0;
  struct stat status;
  int mine = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
             (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  close(file);
  return mine;
}

/* ---- SQLite ---- */

static void discard_files(const char *path) {
  char journal[PATH_MAX + 16];
  snprintf(journal, sizeof journal, "%s-journal", path);
  unlink(journal);
  unlink(path);
}

static int is_damage(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

/* Looks at the code of a step that failed. Damage: the file is deleted, the next process starts a new one. A lock that
 * does not go away: waiting for it once was enough. */
static void note_failure(cache *c, int code) {
  if (!is_damage(code) && (code & 0xff) != SQLITE_BUSY) return;
  sqlite3_close_v2(c->db);
  c->db = NULL;
  if (is_damage(code)) discard_files(c->path);
}

static int execute(cache *c, const char *sql) {
  if (!c->db) return 0;
  int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
  if (code != SQLITE_OK) note_failure(c, code);
  return code == SQLITE_OK;
}

static sqlite3_stmt *prepare(cache *c, const char *sql, const char *key) {
  sqlite3_stmt *statement = NULL;
  if (!c->db) return NULL;
  int code = sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK && key) code = sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
  if (code == SQLITE_OK) return statement;
  sqlite3_finalize(statement);
  note_failure(c, code);
  return NULL;
}

/* Runs a statement that returns nothing; 1 if it was done. */
static int finish(cache *c, sqlite3_stmt *statement) {
  if (!statement) return 0;
  int code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  if (code != SQLITE_DONE) note_failure(c, code);
  return code == SQLITE_DONE;
}

/* The first column of the first row; `missing` if there is none. */
static int64_t number(cache *c, sqlite3_stmt *statement, int64_t missing) {
  if (!statement) return missing;
  int code = sqlite3_step(statement);
  int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : missing;
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) note_failure(c, code);
  return value;
}

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS entry(key TEXT PRIMARY KEY, sum INTEGER, value BLOB);"
    "CREATE TABLE IF NOT EXISTS loading(key TEXT, process INTEGER, started INTEGER, handle INTEGER,"
    " PRIMARY KEY(key, process, started, handle)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS crash(key TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID;"
    "PRAGMA user_version = 1; COMMIT;";

/* Opens the file and brings a new one into shape. A file that a later version wrote is left alone. */
static int open_database(cache *c) {
  if (!claim_file(c->path)) return 0;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(c->path, &c->db, flags, NULL) != SQLITE_OK) {
    sqlite3_close_v2(c->db);
    c->db = NULL;
    return 0;
  }
  sqlite3_busy_timeout(c->db, WAIT_MS);
  /* What a power cut leaves half-written is found by SQLite or by the entries' sums; no need to wait for the disk. */
  execute(c, "PRAGMA synchronous = OFF");
  int64_t version = number(c, prepare(c, "PRAGMA user_version", NULL), -1);
  if (version == 0) {
    if (!execute(c, schema))
      version = -1;
    else
      version = SCHEMA;
  }
  if (version == SCHEMA && c->db) return 1;
  sqlite3_close_v2(c->db);
  c->db = NULL;
  return 0;
}

cache *cache_open(const char *folder) {
  char own[PATH_MAX];
  if (folder && !folder[0]) return NULL;
  if (!folder && !user_folder(own, sizeof own)) return NULL;
  if (!folder) folder = own;
  if (!make_folders(folder)) return NULL;
  cache *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  int length = snprintf(c->path, sizeof c->path, "%s/cache.sqlite", folder);
  int opened = length > 0 && (size_t)length < sizeof c->path && pthread_mutex_init(&c->lock, NULL) == 0;
  if (opened && !open_database(c)) {
    /* A damaged file was deleted just now: the second try makes a new one. */
    opened = access(c->path, F_OK) != 0 && open_database(c);
    if (!opened) pthread_mutex_destroy(&c->lock);
  }
  if (opened) return c;
  free(c);
  return NULL;
}

void cache_close(cache *c) {
  if (!c) return;
  sqlite3_close_v2(c->db);
  pthread_mutex_destroy(&c->lock);
  free(c);
}

/* ---- entries ---- */

/* Over key and value: SQLite does not notice a flipped bit inside a value, a driver may crash on it. */
static int64_t sum_of(const char *key, const void *value, size_t size) {
  const uint64_t hash = hash_bytes(hash_bytes(HASH_START, key, strlen(key)), value, size);
  int64_t sum;
  memcpy(&sum, &hash, sizeof sum);
  return sum;
}

/* A copy of the value in the statement's row, if its sum is right. */
static void *copy_value(sqlite3_stmt *row, const char *key, size_t *size) {
  const void *value = sqlite3_column_blob(row, 1);
  size_t length = (size_t)sqlite3_column_bytes(row, 1);
  if (length && !value) return NULL;
  if (sqlite3_column_int64(row, 0) != sum_of(key, value, length)) return NULL;
  void *copy = malloc(length ? length : 1);
  if (!copy) return NULL;
  if (length) memcpy(copy, value, length);
  *size = length;
  return copy;
}

void *cache_get(cache *c, const char *key, size_t *size) {
  *size = 0;
  if (!c) return NULL;
  void *copy = NULL;
  pthread_mutex_lock(&c->lock);
  sqlite3_stmt *statement = prepare(c, "SELECT sum, value FROM entry WHERE key = ?", key);
  int code = statement ? sqlite3_step(statement) : SQLITE_DONE;
  if (code == SQLITE_ROW) copy = copy_value(statement, key, size);
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) note_failure(c, code);
  pthread_mutex_unlock(&c->lock);
  return copy;
}

static void delete_entry(cache *c, const char *key) { finish(c, prepare(c, "DELETE FROM entry WHERE key = ?", key)); }

static void make_room(cache *c) {
  while (c->db && number(c, prepare(c, "SELECT sum(length(value)) FROM entry", NULL), 0) > max_total)
    if (!execute(c, "DELETE FROM entry WHERE rowid = (SELECT min(rowid) FROM entry)")) return;
}

void cache_put(cache *c, const char *key, const void *value, size_t size) {
  if (!c || size > MAX_ENTRY) return;
  pthread_mutex_lock(&c->lock);
  sqlite3_stmt *statement = prepare(c, "REPLACE INTO entry(key, sum, value) VALUES(?, ?, ?)", key);
  if (statement) {
    sqlite3_bind_int64(statement, 2, sum_of(key, value, size));
    sqlite3_bind_blob(statement, 3, size ? value : "", (int)size, SQLITE_STATIC);
  }
  if (finish(c, statement)) make_room(c);
  pthread_mutex_unlock(&c->lock);
}

void cache_remove(cache *c, const char *key) {
  if (!c) return;
  pthread_mutex_lock(&c->lock);
  delete_entry(c, key);
  pthread_mutex_unlock(&c->lock);
}

/* ---- loading marks ---- */

/* When a process started, in clock ticks since boot: with it, a process id names one process only. 0: unknown. */
static int64_t start_time(pid_t process) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = '\0';
  /* Field 22; field 2 is the command in parentheses and may hold spaces. */
  char *field = strrchr(text, ')');
  for (int i = 2; field && i < 22; i++) field = strchr(field + 1, ' ');
  return field ? strtoll(field, NULL, 10) : 0;
}

static int is_running(pid_t process, int64_t started) {
  if (kill(process, 0) && errno == ESRCH) return 0;
  return start_time(process) == started;
}

/* Deletes the key's marks whose processes are gone; 1 if there was one: that process died while it loaded. */
static int take_stale_marks(cache *c, const char *key) {
  int stale = 0, code;
  sqlite3_stmt *marks = prepare(c, "SELECT process, started FROM loading WHERE key = ?", key);
  if (!marks) return 0;
  while ((code = sqlite3_step(marks)) == SQLITE_ROW) {
    int64_t process = sqlite3_column_int64(marks, 0), started = sqlite3_column_int64(marks, 1);
    if (is_running((pid_t)process, started)) continue;
    stale = 1;
    sqlite3_stmt *statement = prepare(c, "DELETE FROM loading WHERE key = ? AND process = ? AND started = ?", key);
    if (!statement) break;
    sqlite3_bind_int64(statement, 2, process);
    sqlite3_bind_int64(statement, 3, started);
    finish(c, statement);
  }
  sqlite3_finalize(marks);
  if (code != SQLITE_DONE && code != SQLITE_ROW) note_failure(c, code);
  return stale;
}

/* Binds what names this handle's mark: process, start, handle. */
static int mark(cache *c, const char *sql, const char *key) {
  sqlite3_stmt *statement = prepare(c, sql, key);
  if (statement) {
    sqlite3_bind_int64(statement, 2, getpid());
    sqlite3_bind_int64(statement, 3, start_time(getpid()));
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)(intptr_t)c);
  }
  return finish(c, statement);
}

static int may_load(cache *c, const char *key) {
  if (take_stale_marks(c, key)) {
    delete_entry(c, key);
    finish(c, prepare(c, "INSERT INTO crash VALUES(?, 1) ON CONFLICT(key) DO UPDATE SET times = times + 1", key));
    return 0;
  }
  if (number(c, prepare(c, "SELECT times FROM crash WHERE key = ?", key), 0) >= MAX_CRASHES) return 0;
  return mark(c, "REPLACE INTO loading VALUES(?, ?, ?, ?)", key);
}

/* A cache that cannot be written to gives no binaries: a crash would leave no mark and happen each time. */
int cache_begin_loading(cache *c, const char *key) {
  if (!c) return 0;
  pthread_mutex_lock(&c->lock);
  int allowed = execute(c, "BEGIN IMMEDIATE") && may_load(c, key);
  if (c->db && !sqlite3_get_autocommit(c->db) && !execute(c, "COMMIT")) {
    execute(c, "ROLLBACK");
    allowed = 0;
  }
  allowed = allowed && c->db;
  pthread_mutex_unlock(&c->lock);
  return allowed;
}

void cache_end_loading(cache *c, const char *key) {
  if (!c) return;
  pthread_mutex_lock(&c->lock);
  mark(c, "DELETE FROM loading WHERE key = ? AND process = ? AND started = ? AND handle = ?", key);
  /* It loads: whatever ended earlier processes, a user's impatience say, was not this binary. */
  finish(c, prepare(c, "DELETE FROM crash WHERE key = ?", key));
  pthread_mutex_unlock(&c->lock);
}
