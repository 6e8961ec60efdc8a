/* sepcl export, sepcl picture */
#include <stdio.h>
#include <stdlib.h>

#include "message.h"
#include "npy.h"
#include "preprocess.h"
#include "session.h"

int command_export(const options *o) {
  session s;
  bool saved = session_load(&s, o, o->arguments[0]) && preprocessing_keep(s.graph, o) &&
               (sepcl_graph_save(s.graph, o->arguments[1]) == SEPCL_OK || complain_library());
  if (saved) printf("%s: written\n", o->arguments[1]);
  session_free(&s);
  return saved ? EXIT_DONE : EXIT_FAILED;
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
