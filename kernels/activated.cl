/* A stage's activation `slot` beside a tile's sums, where registers are few. A LIGHT variant is given clips and the
 * hard swish only: the code of all others together needs some thirty registers more. */
static FV FN(activated)(const stage_params *p, const int slot, const FV v) {
#if LIGHT
  if (p->act[slot] == F_HARD_SWISH) return v * FNV(clip)(fma(v, (FV)(0x1.555556p-3f), (FV)(0.5f)), 0.0f, 1.0f);
  return FNV(clip)(v, p->act_a[slot], p->act_b[slot]);
#else
  return activateV(v, p->act[slot], p->act_a[slot], p->act_b[slot]);
#endif
}
