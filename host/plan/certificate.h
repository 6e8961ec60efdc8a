#ifndef SEPCL_PLAN_CERTIFICATE_H
#define SEPCL_PLAN_CERTIFICATE_H

#include "run/network.h"

/* Between lowering and binding: fills in what is proven of every step and of the network, and with SEPCL_F16 decides
 * which values are halves in memory, those that cannot overflow. Reads all weights. */
sepcl_status certify_network(sepcl_network *network);

#endif
