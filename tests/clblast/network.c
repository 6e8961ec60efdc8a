/* sepcl_clblast_network: a network whose 1x1 convolutions and matrix products CLBlast computes. Every stage's outputs
 * are read back; each must lie within gamma_(k + 6) (sum |w x| + |b| + |r|) of the exact result from the inputs that
 * the stage had (k + 6: the sum's k, one rounding each of folded weight, folded bias, bias, residual and function, one
 * to spare). The queue is out of order, the call waits for an event and gives one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/context.h"
#include "support/random.h"

enum { N = 2, H = 9, W = 11, PIXELS = N * H * W, X = 24, WIDE = 40, LEFT = 16, RIGHT = 20, JOINED = LEFT + RIGHT };
enum { SLICED = 30, SLICE_AT = 4, CLASSES = 17, PRODUCTS = 6, OUTPUTS = 7, MOST = WIDE * WIDE };
enum { OUT_EXPANDED, OUT_DEPTHWISE, OUT_PROJECTED, OUT_JOINED, OUT_SLICED, OUT_POOLED, OUT_CLASSES };

static const int32_t output_channels[OUTPUTS] = {WIDE, WIDE, X, JOINED, SLICED, SLICED, CLASSES};
static size_t output_floats(int i) { return (size_t)(i >= OUT_POOLED ? N : PIXELS) * (size_t)output_channels[i]; }

/* A product as the graph has it: weights [n][k]; batch norm where variance is set. */
typedef struct product {
  int32_t k, n;
  sepcl_activation activation;
  bool biased, normalised;
  float weights[MOST], bias[WIDE], gamma[WIDE], beta[WIDE], mean[WIDE], variance[WIDE];
} product;

static product products[PRODUCTS] = {
    {.k = X, .n = WIDE, .activation = {SEPCL_RELU6, 0, 0}, .normalised = true},
    {.k = WIDE, .n = X, .activation = {SEPCL_NONE, 0, 0}, .biased = true},
    {.k = X, .n = LEFT, .activation = {SEPCL_LEAKY_RELU, 0.1f, 0}, .biased = true},
    {.k = X, .n = RIGHT, .activation = {SEPCL_NONE, 0, 0}},
    {.k = SLICED, .n = SLICED, .activation = {SEPCL_RELU, 0, 0}},
    {.k = SLICED, .n = CLASSES, .activation = {SEPCL_NONE, 0, 0}, .biased = true},
};
static float x_data[PIXELS * X], depthwise_weights[WIDE * 9], *results[OUTPUTS];

static void draw(void) {
  rng r = rng_of(7, 0, 0);
  rng_values(&r, x_data, sizeof x_data / sizeof *x_data);
  rng_values(&r, depthwise_weights, sizeof depthwise_weights / sizeof *depthwise_weights);
  for (int i = 0; i < PRODUCTS; i++) {
    product *p = &products[i];
    float *const vectors[] = {p->bias, p->gamma, p->beta, p->mean, p->variance};
    rng_values(&r, p->weights, (size_t)p->k * (size_t)p->n);
    for (int v = 0; v < 5; v++) rng_values(&r, vectors[v], (size_t)p->n);
    for (int32_t o = 0; o < p->n; o++) p->variance[o] = fabsf(p->variance[o]) + 0.25f;
  }
}

static sepcl_value vector(sepcl_graph *g, const float *data, int64_t n) {
  return sepcl_graph_constant_borrowed(g, 1, &n, data);
}

static sepcl_value convolution(sepcl_graph *g, sepcl_value x, const product *p) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = p->n;
  sepcl_value w = sepcl_graph_constant_borrowed(g, 4, (int64_t[]){p->n, p->k, 1, 1}, p->weights);
  sepcl_value y = sepcl_graph_conv(g, x, w, p->biased ? vector(g, p->bias, p->n) : SEPCL_NO_VALUE, &a);
  if (p->normalised) {
    const sepcl_value parameters[4] = {vector(g, p->gamma, p->n), vector(g, p->beta, p->n), vector(g, p->mean, p->n),
                                       vector(g, p->variance, p->n)};
    y = sepcl_graph_batch_norm(g, y, parameters, 1e-3f);
  }
  return p->activation.kind == SEPCL_NONE ? y : sepcl_graph_activation(g, y, p->activation);
}

static sepcl_value depthwise(sepcl_graph *g, sepcl_value x) {
  sepcl_conv_attributes a = SEPCL_CONV_ATTRIBUTES_INIT;
  a.outputs = a.groups = WIDE;
  a.window = (sepcl_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  sepcl_value w = sepcl_graph_constant_borrowed(g, 4, (int64_t[]){WIDE, 1, 3, 3}, depthwise_weights);
  return sepcl_graph_conv(g, x, w, SEPCL_NO_VALUE, &a);
}

/* A residual block, two products that write slices of one tensor, one that reads a slice, a fully connected layer. */
static sepcl_graph *build(void) {
  sepcl_graph *g = NULL;
  if (sepcl_graph_create(&g) != SEPCL_OK) return NULL;
  sepcl_value x = sepcl_graph_input(g, "x", 4, (int64_t[]){N, H, W, X}), out[OUTPUTS];
  out[OUT_EXPANDED] = convolution(g, x, &products[0]);
  out[OUT_DEPTHWISE] = depthwise(g, out[OUT_EXPANDED]);
  out[OUT_PROJECTED] = sepcl_graph_binary(g, SEPCL_ADD, convolution(g, out[OUT_DEPTHWISE], &products[1]), x);
  const sepcl_value parts[] = {convolution(g, out[OUT_PROJECTED], &products[2]),
                               convolution(g, out[OUT_PROJECTED], &products[3])};
  out[OUT_JOINED] = sepcl_graph_concat(g, parts, 2, -1);
  sepcl_value slice =
      sepcl_graph_slice(g, out[OUT_JOINED], (int64_t[]){0, 0, 0, SLICE_AT}, (int64_t[]){N, H, W, SLICED}, NULL);
  out[OUT_SLICED] = convolution(g, slice, &products[4]);
  out[OUT_POOLED] =
      sepcl_graph_reshape(g, sepcl_graph_global_average_pool(g, out[OUT_SLICED]), 2, (int64_t[]){N, SLICED});
  const product *fc = &products[5];
  sepcl_value w = sepcl_graph_constant_borrowed(g, 2, (int64_t[]){fc->n, fc->k}, fc->weights);
  out[OUT_CLASSES] = sepcl_graph_matmul(g, out[OUT_POOLED], w, vector(g, fc->bias, fc->n), 1);
  for (int i = 0; i < OUTPUTS; i++) {
    char name[16];
    snprintf(name, sizeof name, "out%d", i);
    sepcl_graph_output(g, name, out[i]);
  }
  return g;
}

/* ---- running ---- */

static int clblast_stages(const sepcl_network *network) {
  int count = 0;
  for (int32_t i = 0; i < sepcl_network_stage_count(network); i++) {
    sepcl_stage_info info;
    if (sepcl_network_stage_info(&info, network, i) != SEPCL_OK || strcmp(info.kernel, "clblast_sgemm") != 0) continue;
    count += strstr(info.reason, "compiles and allocates on its own") != NULL;
  }
  return count;
}

/* Results start as NaNs: a product that read them would show. */
static bool infer(const test_context *context, cl_command_queue queue, sepcl_execution *execution) {
  const cl_api *cl = context->cl;
  sepcl_operand operands[1 + OUTPUTS] = {{test_buffer(context, x_data, sizeof x_data), 0, 0}};
  const cl_uint nan = 0x7fc00000;
  cl_event filled[OUTPUTS] = {NULL}, done = NULL;
  bool good = operands[0].buffer;
  for (int i = 0; i < OUTPUTS && good; i++) {
    operands[1 + i].buffer = test_buffer(context, NULL, output_floats(i) * sizeof(float));
    good = operands[1 + i].buffer &&
           cl->clEnqueueFillBuffer(queue, operands[1 + i].buffer, &nan, sizeof nan, 0, output_floats(i) * sizeof(float),
                                   0, NULL, &filled[i]) == CL_SUCCESS;
  }
  const sepcl_sync sync = {OUTPUTS, filled, &done};
  good = good && sepcl_network_enqueue(execution, queue, operands, &sync) == SEPCL_OK && done;
  for (int i = 0; i < OUTPUTS && good; i++)
    good = cl->clEnqueueReadBuffer(queue, operands[1 + i].buffer, CL_TRUE, 0, output_floats(i) * sizeof(float),
                                   results[i], 1, &done, NULL) == CL_SUCCESS;
  cl->clFinish(queue);
  for (int i = 0; i < OUTPUTS; i++)
    if (filled[i]) cl->clReleaseEvent(filled[i]);
  if (done) cl->clReleaseEvent(done);
  for (int i = 0; i <= OUTPUTS; i++)
    if (operands[i].buffer) cl->clReleaseMemObject(operands[i].buffer);
  return good;
}

static bool run(const test_context *context, const sepcl_graph *graph, sepcl_gemm_source gemm, int *stages) {
  sepcl_network_options options = SEPCL_NETWORK_OPTIONS_INIT;
  sepcl_network *network = NULL;
  sepcl_execution *execution = NULL;
  options.policy = SEPCL_FASTEST;
  options.gemm = gemm;
  cl_int code = CL_SUCCESS;
  cl_command_queue queue =
      context->cl->clCreateCommandQueue(sepcl_device_context(context->device), sepcl_device_id(context->device),
                                        CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
  bool good = queue && sepcl_network_compile(&network, context->device, graph, &options) == SEPCL_OK &&
              sepcl_execution_create(&execution, network) == SEPCL_OK && infer(context, queue, execution);
  *stages = good ? clblast_stages(network) : 0;
  sepcl_execution_free(execution);
  sepcl_network_free(network);
  if (queue) context->cl->clReleaseCommandQueue(queue);
  return good;
}

/* ---- checking ---- */

typedef struct operand {
  const float *data;
  int32_t pitch;
} operand;

static double activated(double v, sepcl_activation a) {
  if (a.kind == SEPCL_NONE) return v;
  if (a.kind == SEPCL_LEAKY_RELU) return v < 0 ? (double)a.a * v : v;
  return fmin(fmax(v, 0.0), a.kind == SEPCL_RELU6 ? 6.0 : INFINITY);
}

/* |result - exact| as a share of the bound, `terms` of the k products being summed: the control leaves one out. */
static double share(const product *p, const float *x, const float *residual, float result, int32_t o, int32_t terms) {
  const double factor = p->normalised ? (double)p->gamma[o] / sqrt((double)p->variance[o] + (double)1e-3f) : 1.0;
  double bias = p->biased ? (double)p->bias[o] : 0.0;
  if (p->normalised) bias = (bias - (double)p->mean[o]) * factor + (double)p->beta[o];
  double sum = bias + (residual ? (double)*residual : 0.0),
         size = fabs(bias) + (residual ? fabs((double)*residual) : 0.0);
  for (int32_t i = 0; i < p->k; i++) {
    const double term = (double)x[i] * (double)p->weights[o * p->k + i] * factor;
    if (i < terms) sum += term;
    size += fabs(term);
  }
  const double ku = ((double)p->k + 6.0) * 0x1p-24, gamma = ku / (1.0 - ku);
  return fabs((double)result - activated(sum, p->activation)) / (gamma * size + 1e-30);
}

/* The largest share; NaN counts as infinite. */
static double worst(int index, operand x, operand y, const float *residual, int32_t left_out) {
  const product *p = &products[index];
  double most = 0.0;
  for (int32_t row = 0; row < (index == PRODUCTS - 1 ? N : PIXELS); row++)
    for (int32_t o = 0; o < p->n; o++) {
      double s = share(p, x.data + row * x.pitch, residual ? residual + row * p->n + o : NULL,
                       y.data[row * y.pitch + o], o, p->k - left_out);
      if (!(s <= most)) most = isnan(s) ? INFINITY : s;
    }
  return most;
}

static bool check(const char *whose) {
  const float *const *r = (const float *const *)results;
  const operand x[PRODUCTS] = {{x_data, X},           {r[OUT_DEPTHWISE], WIDE},           {r[OUT_PROJECTED], X},
                               {r[OUT_PROJECTED], X}, {r[OUT_JOINED] + SLICE_AT, JOINED}, {r[OUT_POOLED], SLICED}};
  const operand y[PRODUCTS] = {{r[OUT_EXPANDED], WIDE},        {r[OUT_PROJECTED], X},   {r[OUT_JOINED], JOINED},
                               {r[OUT_JOINED] + LEFT, JOINED}, {r[OUT_SLICED], SLICED}, {r[OUT_CLASSES], CLASSES}};
  bool good = true;
  for (int i = 0; i < PRODUCTS; i++) {
    const float *residual = i == 1 ? x_data : NULL;
    double most = worst(i, x[i], y[i], residual, 0), control = worst(i, x[i], y[i], residual, 1);
    printf("%s, product %d (%dx%d): error at most %.3f of its bound; without the last term %.3g: %s\n", whose, i,
           products[i].k, products[i].n, most, control, most <= 1.0 && control > 1.0 ? "good" : "BAD");
    good &= most <= 1.0 && control > 1.0;
  }
  return good;
}

int main(void) {
  test_context context;
  if (!test_context_open(&context, getenv("SEPCL_TEST_DEVICE"))) {
    fprintf(stderr, "sepcl_clblast_network: %s\n", sepcl_last_error());
    return 1;
  }
  draw();
  bool good = true;
  float *first = malloc(output_floats(OUT_JOINED) * sizeof *first);
  for (int i = 0; i < OUTPUTS; i++) good = (results[i] = malloc(output_floats(i) * sizeof(float))) && good;
  sepcl_graph *graph = build();
  int ours = 0, theirs = 0, different = 0;
  good = good && first && run(&context, graph, SEPCL_GEMM_OURS, &ours) && check("ours");
  if (good) memcpy(first, results[OUT_JOINED], output_floats(OUT_JOINED) * sizeof *first);
  good = good && run(&context, graph, SEPCL_GEMM_CLBLAST, &theirs) && check("CLBlast");
  for (size_t i = 0; good && i < output_floats(OUT_JOINED); i++) different += results[OUT_JOINED][i] != first[i];
  printf("%d of %d products by CLBlast, %d without it; %d of %zu values differ from ours in their last bits\n", theirs,
         PRODUCTS, ours, different, output_floats(OUT_JOINED));
  good = good && theirs == PRODUCTS && ours == 0 && different > 0;
  if (!good) fprintf(stderr, "sepcl_clblast_network: FAILED: %s\n", sepcl_last_error());
  sepcl_graph_free(graph);
  free(first);
  for (int i = 0; i < OUTPUTS; i++) free(results[i]);
  test_context_close(&context);
  return good ? 0 : 1;
}
