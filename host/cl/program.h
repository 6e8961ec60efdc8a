/* Kernels by variant: source, specialisation and compilation. The only caller of clBuildProgram. */
#ifndef SEPCL_CL_PROGRAM_H
#define SEPCL_CL_PROGRAM_H

#include <stdbool.h>

#include "cl/device.h"
#include "stage/variant.h"

/* A kernel object of its own (kernel objects carry arguments and belong to one thread), whose program is built on first
 * need and then shared. The caller releases it. */
sepcl_status program_kernel(cl_kernel *out, sepcl_device *device, kernel_form form);

/* Builds the programs of many kernels at once, as few driver calls as possible. */
sepcl_status program_prepare(sepcl_device *device, const kernel_form *forms, int32_t count);

/* The source of the device functions, each once, wrapped as kernels (NAME_kernel) if `kernels`. The caller frees it;
 * NULL: out of memory. */
char *program_source(const kernel_form *forms, int32_t count, bool kernels);

/* The options that programs are built with on a platform of that name. */
const char *program_options(const char *platform);

/* A kernel out of source text that the caller composed (the one-launch network); built once per text and shared. */
sepcl_status program_kernel_from_source(cl_kernel *out, sepcl_device *device, const char *source, const char *entry);

/* The text of a file in kernels/, embedded at build time; NULL if there is none. */
const char *kernel_source(const char *file);

void program_set_free(sepcl_device *device);

#endif
