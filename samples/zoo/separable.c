/* One layer, two ways: a standard convolution, or depthwise and then pointwise. With the defaults the first has
 * 4 * 3 * 3 * 3 = 108 weights, the second 3 * 3 * 3 + 3 * 4 = 39. */
#include "networks.h"

sepcl_value separable(net *n) {
  int outputs = option_int(n, "outputs"), kernel = option_int(n, "kernel"), valid = !option_int(n, "same");
  sepcl_value x = picture(n, option_int(n, "inputs"));
  if (!valid && kernel % 2 == 0)
    sepcl_graph_refuse(n->graph, SEPCL_INVALID_ARGUMENT, "option same=1 needs an odd kernel: even ones pad unevenly");
  if (option_int(n, "standard")) return conv(n, x, outputs, kernel, .valid = valid);
  return conv(n, depthwise(n, x, kernel, .valid = valid), outputs, 1);
}
