/* Loops over axes before `end`, the innermost first. GPUs keep a kernel's parameters in registers, which have no index:
 * a list that is indexed there would be copied to each item's private memory. So groups of several items go through all
 * axes that there can be, unrolled. */
#undef FOR_AXES
#if LOCAL == 1
#define FOR_AXES(axis, end) for (int axis = (end)-1; axis >= 0; axis--)
#else
#define FOR_AXES(axis, end) _Pragma("unroll") for (int axis = 7; axis >= 0; axis--) if (axis < (end))
#endif
