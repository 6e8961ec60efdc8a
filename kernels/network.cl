/* A whole network in one launch. Work-groups, of one item each, take tickets in order; the table says which stage a
 * ticket belongs to and which task of it. A stage's tasks wait until the stages that it depends on have counted all
 * their tasks. A ticket only ever waits for lower tickets, which work-groups that already run have taken: no order of
 * scheduling can dead-lock it.
 *
 * The caller's buffers io0, ... are read and written from io_at floats on.
 *
 * The host composes the device functions of all variants in use, RUN_TASK (a switch from a row's `function` to its
 * function) and this file. */

/* counters[0] is the next ticket, COUNTER(row) how many tasks of a row are complete: a cache line each. */
#define COUNTER(row) (counters + 16 * (1 + (row)))

static void wait_for(volatile __global int *counters, __global const network_row *rows, const int row) {
  const int tasks = rows[row].params.tasks;
  while (atomic_add(COUNTER(row), 0) < tasks)
    ;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void network(
    __global const network_row *rows, __global const int *waits, const int tickets, volatile __global int *counters,
    __global float *arena, __global float *weights, __global float *io0, __global float *io1, __global float *io2,
    __global float *io3, const long4 io_at) {
  __global float *buffers[NETWORK_BUFFERS] = {arena,          weights,        io0 + io_at.s0,
                                              io1 + io_at.s1, io2 + io_at.s2, io3 + io_at.s3};
  int row = -1, next = 0; /* next: the first ticket past the row */
  stage_params params;
  __global float *x = arena, *w = weights, *r = arena, *s = arena, *y = arena;
  for (;;) {
    const int ticket = atomic_inc(counters);
    if (ticket >= tickets) break;
    if (ticket >= next) {
      do {
        row++;
        next = rows[row].first + rows[row].params.tasks;
      } while (ticket >= next);
      params = rows[row].params;
      x = buffers[rows[row].buffers[0]];
      w = buffers[rows[row].buffers[1]];
      r = buffers[rows[row].buffers[2]];
      s = buffers[rows[row].buffers[3]];
      y = buffers[rows[row].buffers[4]];
      for (int i = 0; i < rows[row].wait_count; i++) wait_for(counters, rows, waits[rows[row].waits_at + i]);
      mem_fence(CLK_GLOBAL_MEM_FENCE);
    }
    const int task = ticket - rows[row].first;
    RUN_TASK(rows[row].function)
    mem_fence(CLK_GLOBAL_MEM_FENCE);
    atomic_inc(COUNTER(row));
  }
}
