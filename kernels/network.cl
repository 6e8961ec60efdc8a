/* A whole network in one launch. Work-groups, of one item each, are workers: they walk the table of stages together. A
 * stage's tasks are cut into one range for each worker. A worker takes the tasks of its own range first, so that it
 * mostly reads what it wrote itself and its core's cache still has, then what the others left of theirs. The first task
 * of a stage that a worker takes waits until the stages that it depends on have counted all their tasks. A task that is
 * waited for was taken by a work-group that already runs, and whoever leaves a stage leaves no task of it untaken: no
 * order of scheduling can dead-lock it.
 *
 * The caller's buffers io0, ... are read and written from io_at floats on.
 *
 * The host composes the device functions of all variants in use, RUN_TASK (a switch from a row's `function` to its
 * function) and this file. */

/* How many workers are done, then of each row how many of its tasks are complete, and of each worker's range how many
 * are taken; a cache line each. Zero between launches. */
#define ROW_COUNTERS(row) (counters + 16 + (long)16 * (row) * (1 + WORKERS))
#define COMPLETE(row) ROW_COUNTERS(row)
#define TAKEN(row, worker) (ROW_COUNTERS(row) + 16 * (1 + (worker)))
#define WORKERS ((int)get_num_groups(0))

static void wait_for_others(volatile __global int *counters, __global const network_row *rows,
                            __global const int *waits, const network_row *row) {
  for (int i = 0; i < row->wait_count; i++) {
    const int other = waits[row->waits_at + i], tasks = rows[other].params.tasks;
    while (atomic_add(COMPLETE(other), 0) < tasks)
      ;
  }
  mem_fence(CLK_GLOBAL_MEM_FENCE);
}

/* Whoever leaves last clears all counters for the next launch. */
static void leave(volatile __global int *counters, const int row_count) {
  if (atomic_inc(counters) + 1 < WORKERS) return;
  for (int i = 0; i <= row_count * (1 + WORKERS); i++) counters[16 * i] = 0;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void network(
    __global const network_row *rows, __global const int *waits, const int row_count, volatile __global int *counters,
    __global float *arena, __global float *weights, __global float *io0, __global float *io1, __global float *io2,
    __global float *io3, const long4 io_at) {
  __global float *buffers[NETWORK_BUFFERS] = {arena,          weights,        io0 + io_at.s0,
                                              io1 + io_at.s1, io2 + io_at.s2, io3 + io_at.s3};
  for (int i = 0; i < row_count; i++) {
    const network_row row = rows[i];
    const stage_params params = row.params;
    __global float *x = buffers[row.buffers[0]], *w = buffers[row.buffers[1]], *r = buffers[row.buffers[2]],
                   *s = buffers[row.buffers[3]], *y = buffers[row.buffers[4]];
    int ready = 0;
    for (int k = 0; k < WORKERS; k++) {
      const int worker = ((int)get_group_id(0) + k) % WORKERS;
      const int from = (int)((long)params.tasks * worker / WORKERS);
      const int to = (int)((long)params.tasks * (worker + 1) / WORKERS);
      for (int task; (task = from + atomic_inc(TAKEN(i, worker))) < to;) {
        if (!ready) wait_for_others(counters, rows, waits, &row);
        ready = 1;
        RUN_TASK(row.function)
        mem_fence(CLK_GLOBAL_MEM_FENCE);
        atomic_inc(COMPLETE(i));
      }
    }
  }
  leave(counters, row_count);
}
