/* Which tile of a convolution or matrix product a task is: packed weights and split as in gemm_local.cl. */
static void FN(find_work)(FN(source) * t, FN(work) * work, __global const XT *x, __global const float *w,
                          __global const ST *s, const stage_params *p, int task) {
  const window_params *g = &p->u.window;
  const int rows = g->split[4], images = p->has_scale ? g->n : 1;
  const int inputs = g->c / g->groups, outputs = g->oc / g->groups;
  const int panel_index = task % g->split[3];
  task /= g->split[3];
  const int row_task = task % g->split[1];
  task /= g->split[1];
  const int image = task % images, group = task / images;
  const int chain = g->kh * g->kw * inputs, first = panel_index * NR;
  const long group_size = (chain + 1) * (long)((outputs + 3) / 4 * 4);
  t->p = p;
  t->scale = p->has_scale ? s + p->s_at + (long)image * p->s_pitch + (long)group * inputs : (__global const ST *)w;
  t->inputs = inputs;
  work->panel = w + p->w_at + group * group_size + (long)first * (chain + 1);
  work->chain = chain;
  work->row_from = image * rows + row_task * MR;
  work->row_to = min((image + 1) * rows, work->row_from + MR);
  __global const int *orders = (__global const int *)(w + p->w_at + g->groups * group_size + inputs);
  work->to.order = p->mode & ORDERED_OUTPUTS ? orders : 0;
  t->from = p->mode & ORDERED_INPUTS ? orders + (work->to.order ? g->oc : 0) + group * inputs : 0;
  t->x = x + p->x_at + (t->from ? 0 : (long)group * inputs);
  work->to.first = group * outputs + first;
  work->to.left = min(NR, outputs - first);
}
