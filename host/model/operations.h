/* The translators, by the file that they stand in. */
#ifndef SEPCL_MODEL_OPERATIONS_H
#define SEPCL_MODEL_OPERATIONS_H

#include "model/reader.h"

/* op_conv.c */
translator_function op_conv, op_conv_transpose, op_deform_conv;
/* op_pool.c */
translator_function op_pool, op_global_average_pool, op_global_max_pool, op_reduce;
/* op_norm.c */
translator_function op_batch_norm, op_instance_norm, op_layer_norm, op_group_norm, op_lrn, op_softmax, op_log_softmax;
/* op_function.c */
translator_function op_function, op_clip, op_gelu, op_celu, op_cast, op_identity, op_dropout;
/* op_binary.c */
translator_function op_binary, op_variadic, op_prelu;
/* op_matmul.c */
translator_function op_gemm, op_matmul;
/* op_shape.c */
translator_function op_reshape, op_flatten, op_squeeze, op_unsqueeze, op_transpose, op_depth_to_space,
    op_space_to_depth;
/* op_move.c */
translator_function op_concat, op_split, op_slice, op_pad, op_expand, op_gather, op_tile;
/* op_resize.c */
translator_function op_resize;
/* op_known.c */
translator_function op_constant, op_constant_of_shape, op_shape, op_size, op_known_only;

/* op_if.c */
translator_function op_if;

/* x OP y with ONNX's broadcasting, in the order of the larger one. */
sepcl_status emit_binary(const call *c, sepcl_binary kind, tensor *a, tensor *b, tensor *out);
/* A known scalar. */
sepcl_status known_scalar(const call *c, float value, tensor *out);
/* Reduction over ONNX axes (bits); the reduced axes stay, with one element. */
sepcl_status emit_reduce(const call *c, tensor *t, sepcl_reduction kind, uint32_t axes, tensor *out);
sepcl_status emit_function(const call *c, tensor *t, sepcl_activation activation, tensor *out);

/* Windows of convolutions and pools: strides, dilations, pads and auto_pad of a node over the spatial axes of x,
 * [N][C][H][W]. The kernel's size is set before. */
/* SAME: as many outputs as strides start inside the input; the odd pixel goes behind (upper) or in front (lower).
 * `kernel` is what the window spans, dilation included, as ONNX has it; ONNX Runtime's pools leave the dilation out. */
void pad_same(int64_t input, int64_t kernel, int64_t stride, bool upper, int64_t pads[2]);
sepcl_status read_window(const call *c, const shape *x, int32_t spatial, sepcl_window *window);
/* If *x is [N][C][L], it becomes `line`, [N][C][1][L]; *spatial is 1 or 2, as it was. */
sepcl_status as_image(const call *c, tensor **x, tensor *line, int32_t *spatial);
/* Gives the node's output an image's value, with as many spatial axes as the input had. */
sepcl_status give_image(call *c, sepcl_value value, int32_t spatial);
/* A constant in ONNX's order, as it lies in the file. */
sepcl_status constant_input(const call *c, int32_t index, const char *what, sepcl_value *out);

/* Pads behind the input where the only window of a pool ends there. */
void pool_reaches_end(int64_t height, int64_t width, sepcl_pool_attributes *a);

/* The same operations over [N][C][D][H][W] (op_volume.c). */
sepcl_status conv_volume(call *c);
sepcl_status pool_volume(call *c, const sepcl_pool_attributes *a);

/* Cubic resizing along one axis (op_resize_cubic.c). */
typedef struct cubic_axis {
  int32_t axis;
  int64_t size; /* of the output */
  float scale;  /* 0: from the sizes */
  sepcl_coordinates rule;
  float a;
  bool exclude; /* what lies outside gets no weight */
} cubic_axis;
sepcl_status resize_cubic_axis(const call *c, tensor *x, const cubic_axis *k, tensor *out);

/* The axes that a reduction is over, as bits; 0 where nothing is to be reduced. */
sepcl_status reduced_axes(const call *c, const tensor *x, uint32_t *axes);
/* The reduction of a known tensor (fold_reduce.c). */
sepcl_status fold_reduce(call *c);

/* The function that a decomposed activation's last node completes (recognise.c), or SEPCL_NO_VALUE. */
sepcl_value recognise_function(sepcl_graph *graph, sepcl_binary kind, sepcl_value a, sepcl_value b);

#endif
