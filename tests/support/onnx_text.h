/* ONNX models written as text, for tests:
 *
 *   opset 13
 *   input x float 1x3x?x8          (? is open, N is a name, - is a scalar)
 *   const w float 4x3x3x3          (filled with small numbers) or   const s int64 2 = 1 -1
 *   Conv x,w -> y pads:is=1,1,1,1 group:i=1 mode:s=abc alpha:f=0.5
 *   output y
 *   metadata key value
 *   function domain::Name a,b -> c alpha beta     (before the graph's own nodes; alpha and beta are its attributes)
 *   LeakyRelu a -> c alpha:ref=beta
 *   end
 *
 * A left-out operand is "_". Lines end with ; or a newline. */
#ifndef SEPCL_TESTS_ONNX_TEXT_H
#define SEPCL_TESTS_ONNX_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* To be freed with free(); aborts the test on a text that it cannot read. */
uint8_t *onnx_text(const char *text, size_t *bytes);

#endif
