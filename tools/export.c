/* sepcl export, sepcl picture */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "message.h"
#include "npy.h"
#include "preprocess.h"
#include "session.h"

static int print_json(const session *s, const char *path) {
  struct stat file;
  cJSON *root = cJSON_CreateObject();
  json_text(root, "model", s->model);
  json_text(root, "output", path);
  json_number(root, "bytes", stat(path, &file) == 0 ? (double)file.st_size : 0.0);
  json_number(root, "nodes", sepcl_graph_node_count(s->graph));
  json_number(root, "macs", (double)s->macs);
  return json_finish(root);
}

int command_export(const options *o) {
  session s;
  bool saved = session_load(&s, o, o->arguments[0]) && preprocessing_keep(s.graph, o) &&
               (sepcl_graph_save(s.graph, o->arguments[1]) == SEPCL_OK || complain_library());
  int status = saved ? EXIT_DONE : EXIT_FAILED;
  if (saved && o->json)
    status = print_json(&s, o->arguments[1]);
  else if (saved)
    printf("%s: written\n", o->arguments[1]);
  session_free(&s);
  return status;
}

int command_picture(const options *o) {
  preprocessing how;
  picture photo = {0}, fitted = {0};
  bool written = preprocessing_of(&how, o, NULL, NULL) && picture_load(&photo, o->arguments[0]) &&
                 picture_fit(&fitted, &photo, &how);
  float *values = written ? malloc((size_t)fitted.width * fitted.height * 3 * sizeof *values) : NULL;
  if (values) {
    const int64_t dims[4] = {1, 3, fitted.height, fitted.width};
    picture_normalise(values, &fitted, &how, 3, true);
    written = npy_write(o->arguments[1], 4, dims, values);
  } else if (written) {
    written = complain("out of memory for %s", o->arguments[1]);
  }
  if (written) {
    char text[256];
    preprocessing_text(text, sizeof text, &how);
    printf("%s: %dx%d; %s\n", o->arguments[1], photo.width, photo.height, text);
  }
  free(values);
  picture_free(&photo);
  picture_free(&fitted);
  return written ? EXIT_DONE : EXIT_FAILED;
}
