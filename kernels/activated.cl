/* A stage's activation `slot` beside its sums. Row kernels have clips in line, since a call for each vector costs as
 * much as a small pool. In tiles registers are few. A LIGHT variant is given clips and the hard swish only: the code of
 * all others together needs some thirty registers more. LIGHT_HALVES: LIGHT where results are halves, which cannot wait
 * in memory for their activation as floats can. */
#undef IS_LIGHT
#if LIGHT || (LIGHT_HALVES && Y_HALF)
#define IS_LIGHT 1
#else
#define IS_LIGHT 0
#endif
static FV FN(activated)(const stage_params *p, const int slot, const FV v) {
#if IS_LIGHT
  if (p->act[slot] == F_HARD_SWISH) return FNV(hard_swish)(v);
  return FNV(clip)(v, p->act_a[slot], p->act_b[slot]);
#else
  if (LOCAL == 1 && p->act[slot] == F_CLIP) return FNV(clip)(v, p->act_a[slot], p->act_b[slot]);
  return activateV(v, p->act[slot], p->act_a[slot], p->act_b[slot]);
#endif
}

/* The same for one lane. */
static float FN(activated_lane)(const stage_params *p, const int slot, const float v) {
#if IS_LIGHT
  if (p->act[slot] == F_HARD_SWISH) return hard_swish_1(v);
  return clip_1(v, p->act_a[slot], p->act_b[slot]);
#else
  return activate_1(v, p->act[slot], p->act_a[slot], p->act_b[slot]);
#endif
}
