/* Orders of axes: what the reader tracks instead of emitting transposes. */
#ifndef SEPCL_MODEL_LAYOUT_H
#define SEPCL_MODEL_LAYOUT_H

#include "model/reader.h"

layout layout_native(int32_t rank);
/* Axis 1 innermost, the others in order: [N][C][H][W] stored as [N][H][W][C]. */
layout layout_channels_last(int32_t rank);
/* The dimensions in stored order. */
shape layout_stored(const shape *s, const layout *l);

/* The graph's value of `t` with its axes in the order `l`: a transpose, a reshape, a permuted constant or nothing. */
sepcl_status tensor_value(const call *c, tensor *t, const layout *l, sepcl_value *out);
/* As it lies. */
sepcl_status tensor_value_kept(const call *c, tensor *t, sepcl_value *out);

/* ONNX's Transpose and Reshape on a copy of the tensor. */
sepcl_status view_transpose(const call *c, const tensor *t, const int32_t *axes, tensor *out);
sepcl_status view_reshape(const call *c, tensor *t, const shape *s, tensor *out);

/* Broadcasting: puts axes of one element in front, up to `rank`; *t becomes `view` if there are any. */
sepcl_status view_unsqueeze_front(const call *c, tensor **t, int32_t rank, tensor *view);
/* A copy with an axis of one element put in at `axis`, or taken away there. */
sepcl_status view_insert_axis(const call *c, tensor *t, int32_t axis, tensor *out);
sepcl_status view_remove_axis(const call *c, tensor *t, int32_t axis, tensor *out);

/* A graph reshape, unless the value has these dimensions already; sees through earlier reshapes. */
sepcl_value emit_reshape(sepcl_graph *graph, sepcl_value value, const shape *s);

#endif
