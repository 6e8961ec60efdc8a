/* How a model wants its pictures: options before the model's metadata before defaults. */
#ifndef TOOL_PREPROCESS_H
#define TOOL_PREPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "labels.h"
#include "options.h"
#include "picture.h"
#include "sepcl.h"

/* An input that takes a picture: [N][C][H][W] or [N][H][W][C] with 3 channels or 1. */
typedef struct picture_input {
  int32_t batch, height, width, channels;
  bool channels_first;
} picture_input;

/* False with a complaint if the input takes no picture. */
bool picture_input_of(picture_input *out, const sepcl_io_info *info);

/* `graph` may be NULL: no metadata; then `input` too: no size. */
bool preprocessing_of(preprocessing *out, const options *o, const sepcl_graph *graph, const picture_input *input);
/* "shorter side 256, crop 224x224, mean 0.485 0.456 0.406, std 0.229 0.224 0.225, RGB" */
void preprocessing_text(char *text, size_t size, const preprocessing *how);
/* What inputs hold: --input-range, or what preprocessing makes of pictures where the one input takes some, or [-1, 1].
 */
bool input_range_of(float range[2], const options *o, const sepcl_graph *graph);
/* --labels or the model's own. None is no failure: out->count is 0. */
bool labels_of(labels *out, const options *o, const sepcl_graph *graph);
/* The other way: what the options say goes into the metadata. */
bool preprocessing_keep(sepcl_graph *graph, const options *o);

#endif
