/* Low-rank kernels: a 100x100 matrix as the product of 100x10 and 10x100, which is two pointwise layers. */
#include "networks.h"

sepcl_value low_rank(net *n) {
  int size = option_int(n, "size");
  sepcl_value x = picture(n, size);
  if (option_int(n, "direct")) return conv(n, x, size, 1);
  return conv(n, conv(n, x, option_int(n, "rank"), 1), size, 1);
}
