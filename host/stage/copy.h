/* The modes of STAGE_COPY; pads are 1 + sepcl_pad_mode. */
#ifndef SEPCL_STAGE_COPY_H
#define SEPCL_STAGE_COPY_H

enum copy_mode { STAGE_COPY_PLAIN = 0, STAGE_COPY_CONSTANT, STAGE_COPY_REFLECT, STAGE_COPY_EDGE, STAGE_COPY_GATHER };

#endif
