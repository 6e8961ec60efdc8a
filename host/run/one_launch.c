/* The whole network in one launch (kernels/network.cl): composes the program, lays out the table of stages and
 * enqueues. Worth it where a launch is dear beside the work in it: on CPU devices workers sleep between launches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "error.h"
#include "run/run.h"

enum { COUNTER_STRIDE = 16 /* ints: a cache line, as in network.cl */, CAST_SIZE = 192 /* of a case's text */ };

struct one_launch {
  cl_kernel kernel;
  cl_mem rows, waits, counters;
  size_t work_groups;
  int32_t row_count;
};

const char *one_launch_refuses(const sepcl_network *network) {
  const sepcl_device_info *info = &network->device->info;
  if (!(info->type & CL_DEVICE_TYPE_CPU)) return "only CPU devices promise that all work-groups of a launch progress";
  if (io_count(network) > NETWORK_IO_BUFFERS) return "more inputs and outputs than the launch has buffers for";
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    if (!p->view && !has_kernel(p)) return "CLBlast launches kernels of its own";
    if (!p->view && p->bound.v->local != 1) return "a stage's kernel needs work-groups of more than one item";
  }
  return NULL;
}

/* ---- the program ---- */

/* Device functions, the switch over them, the loop. The caller frees it. */
static char *compose(const kernel_form *used, int32_t count) {
  char *functions = program_source(used, count, false);
  const char *loop = kernel_source("network.cl");
  size_t size = 256 + (functions ? strlen(functions) : 0) + (loop ? strlen(loop) : 0);
  size += (size_t)count * (CAST_SIZE + KERNEL_NAME_SIZE);
  char *source = functions && loop ? malloc(size) : NULL;
  if (source) {
    int at = snprintf(source, size, "%s\n#define RUN_TASK(kernel) switch (kernel) {", functions);
    for (int32_t i = 0; i < count; i++) {
      char name[KERNEL_NAME_SIZE];
      const char *type[4];
      kernel_form_name(name, &used[i]);
      for (int k = 0; k < 4; k++) type[k] = used[i].halves & 1 << k ? "half" : "float";
      at += snprintf(source + at, size - (size_t)at,
                     " case %d: %s((__global const %s *)x, w, (__global const %s *)r, (__global const %s *)s, "
                     "(__global %s *)y, &params, task); break;",
                     i, name, type[0], type[1], type[2], type[3]);
    }
    snprintf(source + at, size - (size_t)at, " }\n%s", loop);
  }
  free(functions);
  return source;
}

sepcl_status one_launch_program(cl_kernel *out, const sepcl_network *network) {
  kernel_form *used = calloc((size_t)network->step_count + 1, sizeof *used);
  char *source = used ? compose(used, used_kernels(network, used)) : NULL;
  sepcl_status status = source ? program_kernel_from_source(out, network->device, source, "network")
                               : failure(SEPCL_OUT_OF_MEMORY, "out of memory for the network's program");
  free(source);
  free(used);
  return status;
}

/* ---- the table ---- */

static params_int buffer_index(const sepcl_network *network, const place *operand) {
  if (operand->root == SEPCL_NO_VALUE) return 0;
  const storage *s = &network->storages[operand->root];
  return s->kind == STORAGE_ARENA ? 0 : s->kind == STORAGE_WEIGHTS ? 1 : 2 + s->index;
}

static void fill_row(network_row *row, sepcl_execution *execution, const step *p) {
  static const sepcl_operand at_start[NETWORK_IO_BUFFERS] = {{0}};
  const place *operands[4] = {&p->x, &p->r, &p->s, &p->y};
  row->params = p->bound.params;
  params_long *offsets[4] = {&row->params.x_at, &row->params.r_at, &row->params.s_at, &row->params.y_at};
  static const int slots[4] = {0, 2, 3, 4};
  for (int i = 0; i < 4; i++) {
    locate_operand(execution, at_start, operands[i], offsets[i]);
    row->buffers[slots[i]] = buffer_index(execution->network, operands[i]);
  }
  row->buffers[1] = 1;
  row->params.w_at += p->weights_at;
}

/* Rows only for steps that launch; waits are translated from steps to rows. Returns the number of rows. */
static int32_t fill_table(sepcl_execution *execution, network_row *rows, params_int *waits,
                          const dependency_list *dependencies, const kernel_form *used, int32_t used_count) {
  const sepcl_network *network = execution->network;
  int32_t *row_of = calloc((size_t)network->step_count + 1, sizeof *row_of);
  if (!row_of) return -1;
  int32_t count = 0, wait_count = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    if (p->view) continue;
    network_row *row = &rows[count];
    fill_row(row, execution, p);
    row->function = kernel_index(used, used_count, kernel_of(&p->bound));
    row->waits_at = wait_count;
    row->wait_count = dependencies->first[i + 1] - dependencies->first[i];
    for (int32_t k = dependencies->first[i]; k < dependencies->first[i + 1]; k++)
      waits[wait_count++] = row_of[dependencies->steps[k]];
    row_of[i] = count++;
  }
  free(row_of);
  return count;
}

static sepcl_status make_buffer(cl_mem *out, const sepcl_device *device, size_t bytes, void *data) {
  cl_int code = CL_SUCCESS;
  cl_mem_flags flags = CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0);
  *out = device->cl->clCreateBuffer(device->context, flags, bytes ? bytes : sizeof(float), bytes ? data : NULL, &code);
  return *out ? SEPCL_OK : failure_cl("clCreateBuffer for the table of stages", code);
}

/* Zeros, which every launch leaves behind too. */
static sepcl_status make_counters(one_launch *launch, const sepcl_device *device) {
  const size_t count = COUNTER_STRIDE * (1 + (size_t)launch->row_count * (1 + launch->work_groups));
  cl_int *zeros = calloc(count, sizeof *zeros);
  if (!zeros) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the table");
  sepcl_status status = make_buffer(&launch->counters, device, count * sizeof *zeros, zeros);
  free(zeros);
  return status;
}

static sepcl_status make_table(one_launch *launch, sepcl_execution *execution, const kernel_form *used,
                               int32_t used_count) {
  const sepcl_network *network = execution->network;
  dependency_list dependencies = {NULL, NULL};
  sepcl_status status = find_dependencies(&dependencies, network);
  int32_t total = status == SEPCL_OK ? dependencies.first[network->step_count] : 0;
  network_row *rows = calloc((size_t)network->step_count + 1, sizeof *rows);
  params_int *waits = calloc((size_t)total + 1, sizeof *waits);
  if (status == SEPCL_OK && (!rows || !waits)) status = failure(SEPCL_OUT_OF_MEMORY, "out of memory for the table");
  if (status == SEPCL_OK) {
    int32_t count = fill_table(execution, rows, waits, &dependencies, used, used_count);
    launch->row_count = count;
    if (count < 0) status = failure(SEPCL_OUT_OF_MEMORY, "out of memory for the table");
    if (status == SEPCL_OK) status = make_buffer(&launch->rows, network->device, (size_t)count * sizeof *rows, rows);
    if (status == SEPCL_OK)
      status = make_buffer(&launch->waits, network->device, ((size_t)total + 1) * sizeof *waits, waits);
    if (status == SEPCL_OK) status = make_counters(launch, network->device);
  }
  free_dependencies(&dependencies);
  free(rows);
  free(waits);
  return status;
}

static sepcl_status make_kernel(one_launch *launch, sepcl_execution *execution) {
  const sepcl_network *network = execution->network;
  kernel_form *used = calloc((size_t)network->step_count + 1, sizeof *used);
  if (!used) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the list of kernels");
  int32_t count = used_kernels(network, used);
  sepcl_status status = one_launch_program(&launch->kernel, network);
  if (status == SEPCL_OK) status = make_table(launch, execution, used, count);
  free(used);
  return status;
}

sepcl_status one_launch_create(one_launch **out, sepcl_execution *execution) {
  *out = NULL;
  one_launch *launch = calloc(1, sizeof *launch);
  if (!launch) return failure(SEPCL_OUT_OF_MEMORY, "out of memory for the one launch");
  launch->work_groups = execution->network->device->info.compute_units;
  sepcl_status status = make_kernel(launch, execution);
  if (status != SEPCL_OK) {
    one_launch_free(launch, execution->network->device->cl);
    return status;
  }
  *out = launch;
  return SEPCL_OK;
}

void one_launch_free(one_launch *launch, const cl_api *cl) {
  if (!launch) return;
  if (launch->kernel) cl->clReleaseKernel(launch->kernel);
  if (launch->rows) cl->clReleaseMemObject(launch->rows);
  if (launch->waits) cl->clReleaseMemObject(launch->waits);
  if (launch->counters) cl->clReleaseMemObject(launch->counters);
  free(launch);
}

/* ---- enqueueing ---- */

static sepcl_status set_arguments(const sepcl_execution *execution, const sepcl_operand *io) {
  const one_launch *launch = execution->one;
  const sepcl_network *network = execution->network;
  const cl_api *cl = network->device->cl;
  cl_mem buffers[8] = {launch->rows, launch->waits, NULL, launch->counters, execution->arena, network->weights};
  cl_int code = CL_SUCCESS, row_count = launch->row_count;
  cl_long4 offsets;
  cl_uint index = 0;
  for (int i = 0; i < 6 && code == CL_SUCCESS; i++, index++)
    code = i == 2 ? cl->clSetKernelArg(launch->kernel, index, sizeof row_count, &row_count)
                  : cl->clSetKernelArg(launch->kernel, index, sizeof(cl_mem), &buffers[i]);
  for (int32_t i = 0; i < NETWORK_IO_BUFFERS && code == CL_SUCCESS; i++, index++) {
    cl_mem buffer = i < io_count(network) ? io[i].buffer : NULL;
    code = cl->clSetKernelArg(launch->kernel, index, sizeof(cl_mem), &buffer);
    offsets.s[i] = i < io_count(network) ? (cl_long)(io[i].offset / sizeof(float)) : 0;
  }
  if (code == CL_SUCCESS) code = cl->clSetKernelArg(launch->kernel, index, sizeof offsets, &offsets);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clSetKernelArg", code);
}

sepcl_status one_launch_enqueue(sepcl_execution *execution, cl_command_queue queue, const sepcl_operand *io,
                                const sepcl_sync *sync) {
  const one_launch *launch = execution->one;
  const cl_api *cl = execution->network->device->cl;
  TRY(set_arguments(execution, io));
  size_t one = 1, work_groups = adapt_next(&execution->workers) ? 1 : launch->work_groups;
  cl_int code =
      cl->clEnqueueNDRangeKernel(queue, launch->kernel, 1, NULL, &work_groups, &one, sync ? sync->wait_count : 0,
                                 sync ? sync->wait : NULL, sync ? sync->event : NULL);
  return code == CL_SUCCESS ? SEPCL_OK : failure_cl("clEnqueueNDRangeKernel", code);
}
