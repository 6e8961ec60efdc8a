/* sepcl kernels, sepcl ops: what this build knows. */
#include <stdio.h>

#include "message.h"
#include "session.h"
#include "stage/variant.h"
#include "table.h"

static const char *family_name(variant_family family) {
  return family == FAMILY_ROW ? "row" : family == FAMILY_TILE ? "tile" : "scalar";
}

static int kernels_json(void) {
  cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "kernels");
  for (int i = 0; i < variant_count; i++) {
    const variant *v = &variants[i];
    cJSON *kernel = cJSON_CreateObject();
    json_text(kernel, "stage", stage_kind_name(v->stage));
    json_text(kernel, "name", v->name);
    json_text(kernel, "family", family_name(v->family));
    json_text(kernel, "source", v->source);
    json_text(kernel, "macros", v->macros);
    json_number(kernel, "local", v->local);
    json_number(kernel, "vector", v->vec);
    json_number(kernel, "tile_pixels", v->mr);
    json_number(kernel, "tile_channels", v->nr);
    cJSON_AddItemToArray(list, kernel);
  }
  return json_finish(root);
}

int command_kernels(const options *o) {
  if (o->json) return kernels_json();
  table *t = table_create("stage|kernel|family|source|>work-group|>vector|>tile");
  for (int i = 0; i < variant_count; i++) {
    const variant *v = &variants[i];
    table_cell(t, "%s", stage_kind_name(v->stage));
    table_cell(t, "%s", v->name);
    table_cell(t, "%s", family_name(v->family));
    table_cell(t, "%s", v->source);
    table_cell(t, "%d", v->local);
    table_cell(t, "%d", v->vec);
    if (v->mr)
      table_cell(t, "%dx%d", v->mr, v->nr);
    else
      table_cell(t, "%s", "");
    table_end_row(t);
  }
  table_print(t, stdout);
  table_free(t);
  return EXIT_DONE;
}

int command_ops(const options *o) {
  cJSON *root = o->json ? cJSON_CreateObject() : NULL, *list = cJSON_AddArrayToObject(root, "operations");
  for (int i = 0; sepcl_operation_row(i); i++) {
    if (o->json)
      cJSON_AddItemToArray(list, cJSON_CreateString(sepcl_operation_row(i)));
    else
      puts(sepcl_operation_row(i));
  }
  return o->json ? json_finish(root) : EXIT_DONE;
}
