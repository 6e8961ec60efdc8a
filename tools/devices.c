/* sepcl devices */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "session.h"
#include "table.h"

static const char *type_name(cl_device_type type) {
  return type & CL_DEVICE_TYPE_GPU ? "gpu" : type & CL_DEVICE_TYPE_CPU ? "cpu" : "other";
}

static int print_json(const sepcl_device_info *infos, uint32_t count) {
  cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "devices");
  for (uint32_t i = 0; i < count; i++) {
    const sepcl_device_info *d = &infos[i];
    cJSON *device = cJSON_CreateObject();
    char spec[32];
    snprintf(spec, sizeof spec, "%u:%u", d->platform_number, d->device_number);
    json_text(device, "spec", spec);
    json_text(device, "platform", d->platform);
    json_text(device, "name", d->name);
    json_text(device, "type", type_name(d->type));
    json_text(device, "driver", d->driver);
    json_text(device, "version", d->version);
    json_number(device, "compute_units", d->compute_units);
    json_number(device, "clock_mhz", d->clock_mhz);
    json_number(device, "vector_width", d->vector_width);
    json_number(device, "global_memory_bytes", (double)d->global_memory);
    json_number(device, "local_memory_bytes", (double)d->local_memory);
    cJSON_AddBoolToObject(device, "local_is_global", (int)d->local_is_global);
    json_number(device, "max_work_group", (double)d->max_work_group);
    cJSON_AddBoolToObject(device, "reproducible", (int)d->reproducible);
    cJSON_AddBoolToObject(device, "fp16", (int)d->fp16);
    cJSON_AddBoolToObject(device, "subgroups", (int)d->subgroups);
    cJSON_AddBoolToObject(device, "command_buffer", (int)d->command_buffer);
    cJSON_AddBoolToObject(device, "device_atomics", (int)d->device_atomics);
    cJSON_AddItemToArray(list, device);
  }
  return json_finish(root);
}

static const char *yes(uint32_t flag) { return flag ? "yes" : "no"; }

static int print_table(const sepcl_device_info *infos, uint32_t count) {
  table *t = table_create(
      "device|platform|name|type|driver|>units|>vector|>memory|>local|equal bits|fp16|subgroups|command buffer");
  uint32_t apart = 0;
  for (uint32_t i = 0; i < count; i++) {
    const sepcl_device_info *d = &infos[i];
    table_cell(t, "%u:%u", d->platform_number, d->device_number);
    table_cell(t, "%s", d->platform);
    table_cell(t, "%s", d->name);
    table_cell(t, "%s", type_name(d->type));
    table_cell(t, "%s", d->driver);
    table_cell(t, "%u", d->compute_units);
    table_cell(t, "%u", d->vector_width);
    table_cell(t, "%.1f GiB", (double)d->global_memory / (1 << 30));
    table_cell(t, "%.0f KiB%s", (double)d->local_memory / 1024.0, d->local_is_global ? " global" : "");
    table_cell(t, "%s", yes(d->reproducible));
    table_cell(t, "%s", yes(d->fp16));
    table_cell(t, "%s", yes(d->subgroups));
    table_cell(t, "%s", yes(d->command_buffer));
    table_end_row(t);
    apart += !d->reproducible;
  }
  table_print(t, stdout);
  table_free(t);
  if (apart) printf("\n%u without equal bits: no correctly rounded fma, no subnormals or another rounding.\n", apart);
  return EXIT_DONE;
}

int command_devices(const options *o) {
  uint32_t count = 0, capacity;
  if (sepcl_devices(NULL, 0, &count) != SEPCL_OK) {
    complain_library();
    return EXIT_FAILED;
  }
  if (!count) {
    complain("no OpenCL device; pocl-opencl-icd is one for every processor (apt-get install pocl-opencl-icd)");
    return EXIT_FAILED;
  }
  capacity = count;
  sepcl_device_info *infos = calloc(capacity, sizeof *infos);
  int status = EXIT_FAILED;
  if (!infos)
    complain("out of memory");
  else if (sepcl_devices(infos, capacity, &count) != SEPCL_OK)
    complain_library();
  else if (count > capacity)
    complain("devices appeared while they were counted; try again");
  else
    status = o->json ? print_json(infos, count) : print_table(infos, count);
  free(infos);
  return status;
}
