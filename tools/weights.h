/* Weights for networks of the zoo, from .npz or ONNX files. */
#ifndef TOOL_WEIGHTS_H
#define TOOL_WEIGHTS_H

#include <stdbool.h>

#include "zoo.h"

/* Replaces the numbers of all arrays by those of arrays->file: every name and shape must be there, and no other.
 * `network` is for complaints. An ONNX file whose layers have other names gives its layers in order. */
bool weights_read(const zoo_arrays *arrays, const char *network);

#endif
