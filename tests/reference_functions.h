/* The definition of the elementary functions: plain C, fmaf, one order of operations (docs/numerics.md). */
#ifndef SEPCL_TESTS_REFERENCE_FUNCTIONS_H
#define SEPCL_TESTS_REFERENCE_FUNCTIONS_H

#include "sepcl.h"

float reference_function(sepcl_activation activation, float x);
float reference_binary(sepcl_binary kind, float a, float b);

float reference_exp(float x);
float reference_pow(float a, float b);

#endif
