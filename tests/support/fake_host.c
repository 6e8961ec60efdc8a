#include "fake_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fake_host *of(tfl_context *context) { return (fake_host *)context; }

static void *block(fake_host *host, size_t bytes) {
  void *memory = calloc(1, bytes ? bytes : 1);
  if (!memory || host->block_count == 128) abort();
  return host->blocks[host->block_count++] = memory;
}

tfl_ints *host_list(fake_host *host, int count, const int *values) {
  tfl_ints *list = block(host, sizeof *list + (size_t)count * sizeof(int));
  list->size = count;
  if (values) memcpy(list->data, values, (size_t)count * sizeof(int));
  return list;
}

int host_tensor(fake_host *host, int rank, const int *dims) {
  int number = (int)host->context.tensor_count++;
  tfl_tensor *t = &host->tensors[number];
  t->type = TFL_FLOAT32;
  t->name = "a tensor";
  t->dims = host_list(host, rank, dims);
  t->bytes = sizeof(float);
  for (int i = 0; i < rank; i++) t->bytes *= dims[i] > 0 ? (size_t)dims[i] : 1;
  t->data = block(host, t->bytes);
  t->allocation_type = 2;
  return number;
}

void host_constant(fake_host *host, int tensor, int type, const void *data, size_t bytes) {
  tfl_tensor *t = &host->tensors[tensor];
  t->type = type;
  t->allocation_type = TFL_MMAP_RO;
  t->bytes = bytes;
  t->data = memcpy(block(host, bytes), data, bytes); /* of its own size: ASan sees what is read past it */
}

void host_node(fake_host *host, int code, const int inputs[4], int output, void *options) {
  int count = 4;
  while (count > 0 && inputs[count - 1] < 0) count--;
  tfl_node *node = &host->nodes[host->node_count];
  *node = (tfl_node){.inputs = host_list(host, count, inputs), .outputs = host_list(host, 1, &output)};
  node->builtin_data = options;
  host->registrations[host->node_count++].builtin_code = code;
  host->output = output;
}

/* ---- the context's functions ---- */

static int get_plan(tfl_context *context, tfl_ints **plan) {
  *plan = of(context)->plan;
  return TFL_OK;
}

static int get_node(tfl_context *context, int index, tfl_node **node, tfl_registration **registration) {
  fake_host *host = of(context);
  if (index < 0 || index >= host->node_count) return TFL_ERROR;
  *node = &host->nodes[index];
  *registration = &host->registrations[index];
  return TFL_OK;
}

static void report(tfl_context *context, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(of(context)->error, sizeof of(context)->error, format, arguments);
  va_end(arguments);
}

static bool has(const tfl_ints *list, int value) {
  for (int i = 0; i < list->size; i++)
    if (list->data[i] == value) return true;
  return false;
}

static bool makes(const fake_host *host, const tfl_ints *nodes, int tensor) {
  for (int i = 0; i < nodes->size; i++)
    if (has(host->nodes[nodes->data[i]].outputs, tensor)) return true;
  return false;
}

static bool reads(const fake_host *host, const tfl_ints *nodes, int tensor, bool inside) {
  for (int i = 0; i < host->node_count; i++)
    if (has(nodes, i) == inside && has(host->nodes[i].inputs, tensor)) return true;
  return false;
}

static void find_edges(fake_host *host, tfl_delegate_params *part) {
  part->inputs = host_list(host, HOST_LIST, NULL);
  part->outputs = host_list(host, HOST_LIST, NULL);
  part->inputs->size = part->outputs->size = 0;
  for (int t = 0; t < (int)host->context.tensor_count; t++) {
    bool made = makes(host, part->nodes, t);
    if (!made && reads(host, part->nodes, t, true)) part->inputs->data[part->inputs->size++] = t;
    if (made && (t == host->output || reads(host, part->nodes, t, false)))
      part->outputs->data[part->outputs->size++] = t;
  }
}

static int preview(tfl_context *context, const tfl_ints *nodes, tfl_delegate_params **parts, int *count) {
  fake_host *host = of(context);
  host->part_count = 0;
  for (int i = 0; i < nodes->size; i++) {
    bool next = i > 0 && nodes->data[i] == nodes->data[i - 1] + 1;
    if (!next) {
      tfl_ints *list = host_list(host, HOST_NODES, NULL);
      list->size = 0;
      host->parts[host->part_count++] = (tfl_delegate_params){.nodes = list};
    }
    tfl_ints *list = host->parts[host->part_count - 1].nodes;
    list->data[list->size++] = nodes->data[i];
  }
  for (int i = 0; i < host->part_count; i++) find_edges(host, &host->parts[i]);
  *parts = host->parts;
  *count = host->part_count;
  return TFL_OK;
}

static int replace(tfl_context *context, tfl_registration registration, const tfl_ints *nodes, tfl_delegate *delegate) {
  fake_host *host = of(context);
  tfl_delegate_params *parts;
  int count;
  preview(context, nodes, &parts, &count);
  host->taken = nodes->size;
  for (int i = 0; i < count; i++) {
    parts[i].delegate = delegate;
    host_kernel *kernel = &host->kernels[host->kernel_count++];
    kernel->registration = registration;
    kernel->node.user_data = registration.init(context, (const char *)&parts[i], 0);
  }
  return TFL_OK;
}

/* ---- */

void host_open(fake_host *host) {
  memset(host, 0, sizeof *host);
  host->context.tensors = host->tensors;
  host->context.get_execution_plan = get_plan;
  host->context.get_node = get_node;
  host->context.report_error = report;
  host->context.replace_nodes = replace;
  host->context.preview_partitions = preview;
}

int host_delegate(fake_host *host, tfl_delegate *delegate) {
  int order[HOST_NODES];
  for (int i = 0; i < host->node_count; i++) order[i] = i;
  host->plan = host_list(host, host->node_count, order);
  return delegate->prepare(&host->context, delegate);
}

int host_run(fake_host *host) {
  for (int i = 0; i < host->kernel_count; i++) {
    host_kernel *k = &host->kernels[i];
    int status = k->registration.prepare(&host->context, &k->node);
    if (status == TFL_OK) status = k->registration.invoke(&host->context, &k->node);
    if (status != TFL_OK) return status;
  }
  return TFL_OK;
}

void host_close(fake_host *host) {
  for (int i = 0; i < host->kernel_count; i++)
    host->kernels[i].registration.free(&host->context, host->kernels[i].node.user_data);
  while (host->block_count > 0) free(host->blocks[--host->block_count]);
}
