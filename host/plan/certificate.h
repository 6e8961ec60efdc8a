#ifndef SEPCL_PLAN_CERTIFICATE_H
#define SEPCL_PLAN_CERTIFICATE_H

#include "run/network.h"

/* Where nothing is proven of a stage for all inputs, it is for operands of up to this magnitude, the largest half's. */
#define GIVEN_INPUTS LARGEST_HALF

/* Between lowering and binding: fills in what is proven of every step and of the network, and with SEPCL_F16 decides
 * which values are halves in memory, those that cannot overflow. Reads all weights. */
sepcl_status certify_network(sepcl_network *network);

/* How many channels a storage's contents have: element i is of channel i modulo that. 0: nothing is said of it. */
int64_t storage_channels(const sepcl_network *network, sepcl_value slot);
/* What is proven of one step where the ranges of its operands x, r and s were measured: one `known` for each channel of
 * the operand's storage, NULL where there is no operand. */
sepcl_status certify_measured(const sepcl_network *network, step *p, known *const measured[3]);

#endif
