/* The stages whose reference is not a convolution. */
#ifndef SEPCL_TESTS_CASES_REFERENCE_H
#define SEPCL_TESTS_CASES_REFERENCE_H

#include "support/cases.h"

/* Fills data->expected for pools and elementwise cases. */
bool case_reference_rest(const test_case *c, case_data *data);

#endif
