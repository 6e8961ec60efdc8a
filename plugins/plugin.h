/* What both plug-ins share: reasons that the host is told, options, and what they say about nodes when asked. */
#ifndef SEPCL_PLUGIN_H
#define SEPCL_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "sepcl.h"

/* What the host must be told when something cannot be had. */
enum { REASON_SIZE = 512 };

/* False, with the reason. */
bool refused(char reason[REASON_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A part with less than a tenth of the largest one's nodes costs more in copies than it gains. */
bool too_small(int nodes, int largest, char reason[REASON_SIZE]);

/* ---- options: words and their values, the same ones in both plug-ins ---- */

typedef struct options {
  char *device, *cache_dir;      /* owned; NULL: the default */
  sepcl_network_options network; /* policy, precision, what inputs hold */
  int verbosity;                 /* 0 warnings, 1 what was taken and what not, 2 every node */
  /* The delegate's own. */
  char *save_dir;        /* where parts are written as ONNX; NULL: nowhere */
  bool custom_operators; /* the host's own nodes are not prepared first, which fails for those it does not know */
} options;

/* False, with the reason, if a folder for compiled kernels was asked for and cannot be had; once a device is open. */
bool cache_works(const options *o, char reason[REASON_SIZE]);

enum option_owner { OF_BOTH = 1, OF_DELEGATE = 2 };

void options_init(options *o);
void options_free(options *o);
/* Options of these owners (a sum) are known. False, with the reason, if the key or the value is not. */
bool options_set(options *o, int owners, const char *key, const char *value, char reason[REASON_SIZE]);

/* ---- what is said to the standard error: warnings, and the rest where `verbosity` asks for it ---- */

void say_warning(const char *reason);

/* Taken where there is no reason, else left. */
void say_node(const options *o, int index, const char *operation, const char *name, const char *reason);
void say_part(const options *o, int nodes, int of, const sepcl_network_info *info);

#endif
