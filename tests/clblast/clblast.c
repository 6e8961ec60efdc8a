/* sepcl_clblast: matrix products compared with CLBlast's, whose sums are in another order: within the bound that both
 * must keep, |difference| <= 2 gamma_(k+2) sum |a b|. The first product takes CLBlast some ten seconds on PoCL. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/cases.h" /* settles the OpenCL version */

#include <clblast_c.h>

enum { CASES = 12 };

typedef struct product {
  int32_t m, n, k;
  float *a, *b, *ours, *theirs; /* b is [K][N] */
} product;

static bool run_ours(const test_context *context, const product *p) {
  sepcl_gemm_desc d = SEPCL_GEMM_DESC_INIT;
  d.m = p->m, d.n = p->n, d.k = p->k;
  sepcl_op *op = NULL;
  if (sepcl_gemm_create(&op, context->device, &d) != SEPCL_OK) return false;
  sepcl_weights set = SEPCL_WEIGHTS_INIT;
  set.weights = p->b;
  set.layout = SEPCL_HWIO;
  size_t size = sepcl_op_packed_size(op), bytes = (size_t)p->m * (size_t)p->n * sizeof(float);
  void *packed = malloc(size);
  bool good = packed && sepcl_op_pack(op, packed, &set, 1) == SEPCL_OK;
  sepcl_op_args args = SEPCL_OP_ARGS_INIT;
  if (good) {
    args.input.buffer = test_buffer(context, p->a, (size_t)p->m * (size_t)p->k * sizeof(float));
    args.weights.buffer = test_buffer(context, packed, size);
    args.output.buffer = test_buffer(context, NULL, bytes);
    good = sepcl_op_enqueue(op, context->queue, &args, NULL) == SEPCL_OK &&
           context->cl->clEnqueueReadBuffer(context->queue, args.output.buffer, CL_TRUE, 0, bytes, p->ours, 0, NULL,
                                            NULL) == CL_SUCCESS;
  }
  cl_mem buffers[] = {args.input.buffer, args.weights.buffer, args.output.buffer};
  for (int i = 0; i < 3; i++)
    if (buffers[i]) context->cl->clReleaseMemObject(buffers[i]);
  free(packed);
  sepcl_op_free(op);
  return good;
}

static bool run_theirs(const test_context *context, const product *p) {
  size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k, bytes = m * n * sizeof(float);
  cl_mem a = test_buffer(context, p->a, m * k * sizeof(float)), b = test_buffer(context, p->b, k * n * sizeof(float));
  cl_mem c = test_buffer(context, NULL, bytes);
  cl_command_queue queue = context->queue;
  bool good = a && b && c &&
              CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n, k, 1.0f, a, 0, k, b, 0,
                           n, 0.0f, c, 0, n, &queue, NULL) == CLBlastSuccess &&
              context->cl->clEnqueueReadBuffer(queue, c, CL_TRUE, 0, bytes, p->theirs, 0, NULL, NULL) == CL_SUCCESS;
  cl_mem buffers[] = {a, b, c};
  for (int i = 0; i < 3; i++)
    if (buffers[i]) context->cl->clReleaseMemObject(buffers[i]);
  return good;
}

/* The largest difference as a share of its bound: at most 1 when both are right. */
static double worst_share(const product *p) {
  double u = 0x1p-24, terms = (double)p->k + 2.0, gamma = terms * u / (1.0 - terms * u), worst = 0.0;
  for (int32_t i = 0; i < p->m; i++)
    for (int32_t j = 0; j < p->n; j++) {
      double sum = 0.0;
      for (int32_t l = 0; l < p->k; l++)
        sum += fabs((double)p->a[(size_t)i * (size_t)p->k + (size_t)l] *
                    (double)p->b[(size_t)l * (size_t)p->n + (size_t)j]);
      size_t at = (size_t)i * (size_t)p->n + (size_t)j;
      double share = fabs((double)p->ours[at] - (double)p->theirs[at]) / (2.0 * gamma * sum + 1e-30);
      if (!(share <= worst)) worst = share;
    }
  return worst;
}

static bool run_case(const test_context *context, rng *r) {
  product p = {.m = rng_range(r, 1, 90), .n = rng_range(r, 1, 90), .k = rng_range(r, 1, 200)};
  size_t m = (size_t)p.m, n = (size_t)p.n, k = (size_t)p.k;
  p.a = malloc(m * k * sizeof(float));
  p.b = malloc(k * n * sizeof(float));
  p.ours = malloc(m * n * sizeof(float));
  p.theirs = malloc(m * n * sizeof(float));
  bool good = p.a && p.b && p.ours && p.theirs;
  if (good) {
    rng_values(r, p.a, m * k);
    rng_values(r, p.b, k * n);
    good = run_ours(context, &p) && run_theirs(context, &p);
  }
  if (good) {
    double share = worst_share(&p);
    p.ours[0] += 1.0f; /* the control: one wrong element must show */
    bool noticed = worst_share(&p) > 1.0;
    printf("%dx%dx%d: largest difference is %.3f of its bound; a wrong element is %s\n", p.m, p.n, p.k, share,
           noticed ? "noticed" : "NOT NOTICED");
    good = share <= 1.0 && noticed;
  }
  free(p.a);
  free(p.b);
  free(p.ours);
  free(p.theirs);
  return good;
}

int main(void) {
  test_context context;
  if (!test_context_open(&context, getenv("SEPCL_TEST_DEVICE"))) {
    fprintf(stderr, "sepcl_clblast: %s\n", sepcl_last_error());
    return 1;
  }
  rng r = rng_of(1, 99, 0);
  bool good = true;
  for (int i = 0; i < CASES && good; i++) good = run_case(&context, &r);
  CLBlastClearCache();
  test_context_close(&context);
  puts(good ? "CLBlast agrees" : "FAILED");
  return good ? 0 : 1;
}
