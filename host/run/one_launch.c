/* The whole network in one launch (kernels/network.cl): composes the program, lays out the table of stages and
 * enqueues. Worth it where a launch is dear beside the work in it: on CPU devices workers sleep between launches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl/program.h"
#include "error.h"
#include "run/run.h"

enum {
  COUNTER_STRIDE = 16 /* ints: a cache line, as in network.cl */,
  CAST_SIZE = 192 /* of a case's text */,
  MAX_ROWS = 1 << 16 /* 20 MB of them */
};

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
  if ((int64_t)network->parts * network->step_count > MAX_ROWS) return "the batch has too many parts for one table";
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

static void fill_row(network_row *row, const sepcl_execution *execution, int32_t part, const step *p) {
  static const sepcl_operand at_start[NETWORK_IO_BUFFERS] = {{0}};
  const place *operands[4] = {&p->x, &p->r, &p->s, &p->y};
  row->params = p->bound.params;
  params_long *offsets[4] = {&row->params.x_at, &row->params.r_at, &row->params.s_at, &row->params.y_at};
  static const int slots[4] = {0, 2, 3, 4};
  for (int i = 0; i < 4; i++) {
    locate_operand(execution, part, at_start, operands[i], offsets[i]);
    row->buffers[slots[i]] = buffer_index(execution->network, operands[i]);
  }
  row->buffers[1] = 1;
  row->params.w_at += p->weights_at;
}

/* The table as it is filled, a part of the batch after the other. */
typedef struct table {
  const sepcl_execution *execution;
  const dependency_list *dependencies;
  network_row *rows;
  params_int *waits, *last; /* last: of the part before, the rows that none of it waits for */
  bool *waited;             /* whether a step waits for this one */
  int32_t row_count, wait_count, last_count;
} table;

/* Rows only for steps that launch; waits are translated from steps to rows. A step that waits for none of its part
 * waits for all of the part before, whose memory it writes to: so does, through it, every other. */
static void fill_part(table *t, int32_t part, const kernel_form *used, int32_t used_count, int32_t *row_of) {
  const sepcl_network *network = t->execution->network;
  const dependency_list *d = t->dependencies;
  for (int32_t i = 0; i < network->step_count; i++) {
    const step *p = &network->steps[i];
    if (p->view) continue;
    network_row *row = &t->rows[t->row_count];
    fill_row(row, t->execution, part, p);
    row->function = kernel_index(used, used_count, kernel_of(&p->bound));
    row->waits_at = t->wait_count;
    for (int32_t k = d->first[i]; k < d->first[i + 1]; k++) t->waits[t->wait_count++] = row_of[d->steps[k]];
    for (int32_t k = 0; k < t->last_count && d->first[i] == d->first[i + 1]; k++)
      t->waits[t->wait_count++] = t->last[k];
    row->wait_count = t->wait_count - row->waits_at;
    row_of[i] = t->row_count++;
  }
  t->last_count = 0;
  for (int32_t i = 0; i < network->step_count; i++)
    if (!network->steps[i].view && !t->waited[i]) t->last[t->last_count++] = row_of[i];
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

/* Room for the waits of a part: on its own steps, and where it begins on all that the part before may end with. */
static size_t count_waits(const table *t) {
  const sepcl_network *network = t->execution->network;
  const dependency_list *d = t->dependencies;
  size_t starts = 0, ends = 0;
  for (int32_t i = 0; i < network->step_count; i++) {
    if (network->steps[i].view) continue;
    starts += d->first[i] == d->first[i + 1];
    ends += !t->waited[i];
  }
  return (size_t)d->first[network->step_count] + starts * ends;
}

static sepcl_status upload_table(one_launch *launch, const sepcl_device *device, const table *t) {
  launch->row_count = t->row_count;
  TRY(make_buffer(&launch->rows, device, (size_t)t->row_count * sizeof *t->rows, t->rows));
  TRY(make_buffer(&launch->waits, device, ((size_t)t->wait_count + 1) * sizeof *t->waits, t->waits));
  return make_counters(launch, device);
}

static sepcl_status fill_table(table *t, const kernel_form *used, int32_t used_count) {
  const sepcl_network *network = t->execution->network;
  const dependency_list *d = t->dependencies;
  const size_t steps = (size_t)network->step_count + 1, parts = (size_t)network->parts;
  int32_t *row_of = calloc(steps, sizeof *row_of);
  t->waited = calloc(steps, sizeof *t->waited);
  for (int32_t k = 0; t->waited && k < d->first[network->step_count]; k++) t->waited[d->steps[k]] = true;
  t->rows = calloc(parts * steps, sizeof *t->rows);
  t->waits = t->waited ? calloc(parts * count_waits(t) + 1, sizeof *t->waits) : NULL;
  t->last = calloc(steps, sizeof *t->last);
  const bool done = row_of && t->rows && t->waits && t->last;
  for (int32_t part = 0; done && part < network->parts; part++) fill_part(t, part, used, used_count, row_of);
  free(row_of);
  return done ? SEPCL_OK : failure(SEPCL_OUT_OF_MEMORY, "out of memory for the table of stages");
}

static sepcl_status make_table(one_launch *launch, sepcl_execution *execution, const kernel_form *used,
                               int32_t used_count) {
  dependency_list dependencies = {NULL, NULL};
  table t = {.execution = execution, .dependencies = &dependencies};
  sepcl_status status = find_dependencies(&dependencies, execution->network);
  if (status == SEPCL_OK) status = fill_table(&t, used, used_count);
  if (status == SEPCL_OK) status = upload_table(launch, execution->network->device, &t);
  free_dependencies(&dependencies);
  free(t.rows);
  free(t.waits);
  free(t.last);
  free(t.waited);
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
