#include "stage/clblast.h"

#include <string.h>

#include "error.h"

/* One panel that holds all outputs: panels_pack then writes the biases and the matrix row by row. */
const variant clblast_variant = {STAGE_POINTWISE, "clblast_sgemm", FAMILY_ROW, "", "", 1, 1, 1, INT32_MAX};

const char *clblast_refuses(const stage *s) {
  if (s->kind != STAGE_POINTWISE) return "it is no matrix product";
  if (s->groups != 1) return "it has groups";
  if (s->window.stride_h != 1 || s->window.stride_w != 1) return "its stride skips rows";
  if (s->has_scale) return "its input is scaled";
  return s->output_order || s->input_order ? "its inputs or outputs lie in another order" : NULL;
}

#ifdef SEPCL_HAVE_CLBLAST
#include <clblast_c.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static __typeof__(&CLBlastSgemm) sgemm;
static char load_error[256];

static void load(void) {
  /* CLBlast calls libOpenCL.so.1, whatever sepcl was told to call; only of that one it is sure to know the objects. */
  const char *named = getenv("SEPCL_OPENCL");
  if (named && *named && strcmp(named, "libOpenCL.so.1") != 0) {
    snprintf(load_error, sizeof load_error, "CLBlast calls libOpenCL.so.1, but $SEPCL_OPENCL names another library");
    return;
  }
  void *library = dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library) *(void **)&sgemm = dlsym(library, "CLBlastSgemm");
  const char *why = sgemm ? NULL : dlerror();
  if (!sgemm)
    snprintf(load_error, sizeof load_error, "no CLBlast: %s (Debian: libclblast1)", why ? why : "libclblast.so.1");
}

sepcl_status clblast_load(void) {
  pthread_once(&once, load);
  return sgemm ? SEPCL_OK : failure(SEPCL_UNSUPPORTED, "%s", load_error);
}

sepcl_status clblast_enqueue(const cl_api *cl, const stage_launch *launch, cl_command_queue queue,
                             const sepcl_sync *sync) {
  const stage_params *params = &launch->params;
  const window_params *g = &params->u.window;
  const size_t m = (size_t)g->n * (size_t)g->oh * (size_t)g->ow, n = (size_t)g->oc, k = (size_t)g->c;
  if (sync && sync->wait_count) { /* CLBlast takes no wait list */
    cl_int code = cl->clEnqueueBarrierWithWaitList(queue, sync->wait_count, sync->wait, NULL);
    if (code != CL_SUCCESS) return failure_cl("clEnqueueBarrierWithWaitList", code);
  }
  CLBlastStatusCode code = sgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m, n, k, 1.0f,
                                 launch->x, (size_t)params->x_at, (size_t)params->x_pitch, launch->w,
                                 (size_t)params->w_at + n, n, params->has_residual ? 1.0f : 0.0f, launch->y,
                                 (size_t)params->y_at, (size_t)params->y_pitch, &queue, sync ? sync->event : NULL);
  return code == CLBlastSuccess ? SEPCL_OK : failure_cl("CLBlastSgemm", code);
}

#else

sepcl_status clblast_load(void) { return failure(SEPCL_UNSUPPORTED, "this sepcl was built without CLBlast"); }

sepcl_status clblast_enqueue(const cl_api *cl, const stage_launch *launch, cl_command_queue queue,
                             const sepcl_sync *sync) {
  (void)cl, (void)launch, (void)queue, (void)sync;
  return clblast_load();
}
#endif
