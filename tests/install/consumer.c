/* What a program of somebody else sees of an installed sepcl. */
#include <sepcl.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  sepcl_graph *graph = NULL;
  if (strcmp(sepcl_version(), SEPCL_VERSION) != 0) return 1;
  if (sepcl_graph_load(&graph, "/no/such/model.onnx", NULL) != SEPCL_BAD_FILE) return 2;
  printf("sepcl %s: %s\n", sepcl_version(), sepcl_last_error());
  return 0;
}
