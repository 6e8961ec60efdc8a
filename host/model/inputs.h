#ifndef SEPCL_MODEL_INPUTS_H
#define SEPCL_MODEL_INPUTS_H

#include "model/reader.h"

/* Declares the graph's inputs; initializers must have been read before. */
sepcl_status read_inputs(reader *r);

#endif
