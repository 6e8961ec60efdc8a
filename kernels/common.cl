/* What every kernel file stands on. The host composes a program from params.h, this file, functions.cl (once with VEC
 * 1, once with the variant's VEC) and the variant's own file with ENTRY and its macros defined. */
#pragma OPENCL FP_CONTRACT OFF

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* One-element "vectors", so that a file written over VEC has its scalar variant too. */
typedef float float1;
typedef int int1;
#define as_float1(v) as_float(v)
#define as_int1(v) as_int(v)
#define gather_1(lanes) ((lanes)[0])
#define gather_4(lanes) vload4(0, lanes)
#define gather_8(lanes) vload8(0, lanes)
#define gather_16(lanes) vload16(0, lanes)
#define scatter_1(value, lanes) ((lanes)[0] = (value))
#define scatter_4(value, lanes) vstore4(value, 0, lanes)
#define scatter_8(value, lanes) vstore8(value, 0, lanes)
#define scatter_16(value, lanes) vstore16(value, 0, lanes)

/* Whether a comparison holds in all lanes. */
#define ALL_1(v) (v)
#define ALL_4(v) all(v)
#define ALL_8(v) all(v)
#define ALL_16(v) all(v)

/* Storage: x, r, s and y are floats or halves in memory, each by itself (XT, RT, ST, YT, set by the host around each
 * variant's file); all arithmetic is on floats. load_ and store_ take pointers to either, into any address space: a
 * half widens exactly when it is loaded and a float rounds once, to nearest even, when it is stored as one. Without
 * HALVES a program has none, and needs no overloads. */
#ifndef HALVES
#define OVERLOADED
#define load_1(p) (*(p))
#define load_4(p) vload4(0, p)
#define load_8(p) vload8(0, p)
#define load_16(p) vload16(0, p)
#define store_1(value, p) (*(p) = (value))
#define store_4(value, p) vstore4(value, 0, p)
#define store_8(value, p) vstore8(value, 0, p)
#define store_16(value, p) vstore16(value, 0, p)
#else
#define OVERLOADED __attribute__((overloadable))
#ifdef HALVES_BY_BITS /* the device's vload_half wants whole vectors aligned, which they need not be */
#define HALF_VECTORS_IN(space, n)                                   \
  static inline OVERLOADED float##n load_##n(space const half *p) { \
    const ushort##n bits = vload##n(0, (space const ushort *)p);    \
    return vload_half##n(0, (const half *)&bits);                   \
  }                                                                 \
  static inline OVERLOADED void store_##n(float##n v, space half *p) { vstore_half##n##_rte(v, 0, p); }
#else
#define HALF_VECTORS_IN(space, n)                                                                 \
  static inline OVERLOADED float##n load_##n(space const half *p) { return vload_half##n(0, p); } \
  static inline OVERLOADED void store_##n(float##n v, space half *p) { vstore_half##n##_rte(v, 0, p); }
#endif
#define LOADS_AND_STORES_IN(space)                                                            \
  static inline OVERLOADED float load_1(space const float *p) { return *p; }                  \
  static inline OVERLOADED float4 load_4(space const float *p) { return vload4(0, p); }       \
  static inline OVERLOADED float8 load_8(space const float *p) { return vload8(0, p); }       \
  static inline OVERLOADED float16 load_16(space const float *p) { return vload16(0, p); }    \
  static inline OVERLOADED void store_1(float v, space float *p) { *p = v; }                  \
  static inline OVERLOADED void store_4(float4 v, space float *p) { vstore4(v, 0, p); }       \
  static inline OVERLOADED void store_8(float8 v, space float *p) { vstore8(v, 0, p); }       \
  static inline OVERLOADED void store_16(float16 v, space float *p) { vstore16(v, 0, p); }    \
  static inline OVERLOADED float load_1(space const half *p) { return vload_half(0, p); }     \
  static inline OVERLOADED void store_1(float v, space half *p) { vstore_half_rte(v, 0, p); } \
  HALF_VECTORS_IN(space, 4) HALF_VECTORS_IN(space, 8) HALF_VECTORS_IN(space, 16)
LOADS_AND_STORES_IN(__global)
LOADS_AND_STORES_IN(__local)
LOADS_AND_STORES_IN(__private)
#endif
/* The first `count` lanes of a vector, fewer than all: as wide as they allow. Vectors of 1 and 4 are GPUs' too, where
 * an array is memory. */
#define FIRST_LANES_OF(type)                                                                                          \
  static OVERLOADED float load_first_1(__global const type *p, const int count) { return 0.0f; }                      \
  static OVERLOADED float4 load_first_4(__global const type *p, const int count) {                                    \
    return (float4)(count > 0 ? load_1(p) : 0.0f, count > 1 ? load_1(p + 1) : 0.0f, count > 2 ? load_1(p + 2) : 0.0f, \
                    0.0f);                                                                                            \
  }                                                                                                                   \
  static OVERLOADED float8 load_first_8(__global const type *p, const int count) {                                    \
    float8 v = (float8)(0.0f); /* Oclgrind crashes on two joined vectors */                                           \
    v.lo = count & 4 ? load_4(p) : load_first_4(p, count);                                                            \
    if (count & 4) v.hi = load_first_4(p + 4, count & 3);                                                             \
    return v;                                                                                                         \
  }                                                                                                                   \
  static OVERLOADED float16 load_first_16(__global const type *p, const int count) {                                  \
    float16 v = (float16)(0.0f);                                                                                      \
    v.lo = count & 8 ? load_8(p) : load_first_8(p, count);                                                            \
    if (count & 8) v.hi = load_first_8(p + 8, count & 7);                                                             \
    return v;                                                                                                         \
  }                                                                                                                   \
  static OVERLOADED void store_first(const float *lanes, __global type *p, const int count) {                         \
    int at = 0;                                                                                                       \
    if (count & 8) {                                                                                                  \
      store_8(vload8(0, lanes), p);                                                                                   \
      at = 8;                                                                                                         \
    }                                                                                                                 \
    if (count & 4) {                                                                                                  \
      store_4(vload4(0, lanes + at), p + at);                                                                         \
      at += 4;                                                                                                        \
    }                                                                                                                 \
    for (; at < count; at++) store_1(lanes[at], p + at);                                                              \
  }                                                                                                                   \
  static OVERLOADED void store_first_1(const float v, __global type *p, const int count) {}                           \
  static OVERLOADED void store_first_4(const float4 v, __global type *p, const int count) {                           \
    if (count > 0) store_1(v.s0, p);                                                                                  \
    if (count > 1) store_1(v.s1, p + 1);                                                                              \
    if (count > 2) store_1(v.s2, p + 2);                                                                              \
  }                                                                                                                   \
  static OVERLOADED void store_first_8(const float8 v, __global type *p, const int count) {                           \
    float lanes[8];                                                                                                   \
    vstore8(v, 0, lanes);                                                                                             \
    store_first(lanes, p, count);                                                                                     \
  }                                                                                                                   \
  static OVERLOADED void store_first_16(const float16 v, __global type *p, const int count) {                         \
    float lanes[16];                                                                                                  \
    vstore16(v, 0, lanes);                                                                                            \
    store_first(lanes, p, count);                                                                                     \
  }
FIRST_LANES_OF(float)
#ifdef HALVES
FIRST_LANES_OF(half)
#endif
#define LOAD1(p) load_1(p)
#define STORE1(value, p) store_1(value, p)

/* The variant's vector of VEC floats; LOADV and STOREV take a pointer to its first element, aligned to an element. */
#define FV PASTE(float, VEC)
#define IV PASTE(int, VEC)
#define LOADV(p) PASTE(load_, VEC)(p)
#define STOREV(value, p) PASTE(store_, VEC)(value, p)
/* Its lower half, where that is a vector that loads and stores know. */
#define HALF_OF_1 1
#define HALF_OF_4 4
#define HALF_OF_8 4
#define HALF_OF_16 8
#define LOWER_1(v) (v)
#define LOWER_4(v) (v)
#define LOWER_8(v) (v).lo
#define LOWER_16(v) (v).lo
#define HALF_VEC PASTE(HALF_OF_, VEC)
#define HALF_FV PASTE(float, HALF_VEC)
#define LOWER_HALF(v) PASTE(LOWER_, VEC)(v)
#define LOAD_HALF(p) PASTE(load_, HALF_VEC)(p)
#define STORE_HALF(value, p) PASTE(store_, HALF_VEC)(value, p)
/* functions.cl's names: FNV(fn_exp) is exp_8 where VEC is 8. */
#define FNV(name) PASTE(PASTE(name, _), VEC)

/* Hints that the line of memory at a float is needed soon: in the second-level cache, in the nearest one, or to be
 * written. Not of OpenCL C's standard: the host says where it compiles. */
#ifdef HAVE_BUILTIN_PREFETCH
#define PREFETCH_AS(p, write, level) __builtin_prefetch((const void *)(uintptr_t)(p), write, level)
#else
#define PREFETCH_AS(p, write, level)
#endif
#define PREFETCH(p) PREFETCH_AS(p, 0, 2)
#define PREFETCH_NEAR(p) PREFETCH_AS(p, 0, 3)
#define PREFETCH_TO_WRITE(p) PREFETCH_AS(p, 1, 3)

/* M(0), M(1), ... for as many names or literal indices. */
#define REPEAT_1(M) M(0)
#define REPEAT_2(M) REPEAT_1(M) M(1)
#define REPEAT_3(M) REPEAT_2(M) M(2)
#define REPEAT_4(M) REPEAT_3(M) M(3)
#define REPEAT_5(M) REPEAT_4(M) M(4)
#define REPEAT_6(M) REPEAT_5(M) M(5)
#define REPEAT_7(M) REPEAT_6(M) M(6)
#define REPEAT_8(M) REPEAT_7(M) M(7)
#define REPEAT_9(M) REPEAT_8(M) M(8)
#define REPEAT_10(M) REPEAT_9(M) M(9)
#define REPEAT_11(M) REPEAT_10(M) M(10)
#define REPEAT_12(M) REPEAT_11(M) M(11)
#define REPEAT_13(M) REPEAT_12(M) M(12)
#define REPEAT_14(M) REPEAT_13(M) M(13)

/* For helpers that tiles call many times: a call would want the stage's parameters, and the tile's sums, in memory.
 * Not for those that return structures: what is left of them when they are inlined stops Oclgrind. */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline
/* For loops that are to have the registers for themselves. */
#define NOINLINE __attribute__((noinline))

/* A helper of the variant's own file: programs hold several variants of one file. */
#define FN(name) PASTE(PASTE(name, _), ENTRY)

/* Elements of operand types that a variant lacks may be anything: pointers that stand in are cast. */
#define OPERANDS \
  __global const XT *x, __global const float *w, __global const RT *r, __global const ST *s, __global YT *y
/* Three waves on each of AMD's SIMD units, where the compiler would rather keep constants in registers. */
#ifdef __AMDGCN__
#define ENOUGH_WAVES __attribute__((amdgpu_waves_per_eu(3)))
#else
#define ENOUGH_WAVES
#endif
/* Wraps a variant's device function `static void ENTRY(OPERANDS, const stage_params *p, int task)` as a kernel of LOCAL
 * work-items; the host appends it after each variant's file. */
#define KERNEL(name)                                                                                       \
  __kernel ENOUGH_WAVES __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void PASTE(name, _kernel)(      \
      OPERANDS, const stage_params p) {                                                                    \
    const int task = (int)get_group_id(0);                                                                 \
    if (task < p.tasks) name(x, w, r, s, y, &p, task); /* the host enqueues a kernel with no tasks once */ \
  }
/* The same for a variant whose work-groups share SHARED floats of local memory, its device function's last argument. */
#define KERNEL_SHARED(name)                                                                           \
  __kernel ENOUGH_WAVES __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void PASTE(name, _kernel)( \
      OPERANDS, const stage_params p) {                                                               \
    __local float4 shared[SHARED / 4];                                                                \
    const int task = (int)get_group_id(0);                                                            \
    if (task < p.tasks) name(x, w, r, s, y, &p, task, shared);                                        \
  }

/* The same for a variant that reads its weights as an image too, its device function's last argument. */
#define KERNEL_IMAGE(name)                                                                            \
  __kernel ENOUGH_WAVES __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void PASTE(name, _kernel)( \
      OPERANDS, const stage_params p, __read_only image1d_buffer_t image) {                           \
    const int task = (int)get_group_id(0);                                                            \
    if (task < p.tasks) name(x, w, r, s, y, &p, task, image);                                         \
  }

/* The same for a variant whose work-groups are a subgroup of SUBGROUP items each. */
#define KERNEL_SUBGROUP(name) __attribute__((intel_reqd_sub_group_size(SUBGROUP))) KERNEL(name)

/* functions.cl by the names that the kernels use. */
#define activate1 activate_1
#define activateV FNV(activate)

/* Where part `i` of `parts` equal ones begins. */
#define PART(count, i, parts) ((int)((long)(count) * (i) / (parts)))

/* How many steps it takes to come from 0 to `distance` or past it. */
static int steps_past(const int distance, const int step) {
  return distance <= 0 ? 0 : step == 1 ? distance : (distance + step - 1) / step;
}

/* Work cut into equal units: a task of one item walks a range of them; the items of larger groups stand side by side.
 */
#define FOR_UNITS(unit, count)                                                                    \
  for (int unit = LOCAL == 1 ? PART(count, task, p->tasks) : task * LOCAL + (int)get_local_id(0), \
           unit##_end = LOCAL == 1 ? PART(count, task + 1, p->tasks) : (int)(count);              \
       unit < unit##_end; unit += LOCAL == 1 ? 1 : p->tasks * LOCAL)

/* An element of a list over axes (see axes.cl). */
static int axis_of(const params_int *list, const int i) {
  const int a = list[0], b = list[1], c = list[2], d = list[3], e = list[4], f = list[5], g = list[6], h = list[7];
  return i < 4 ? (i < 2 ? (i < 1 ? a : b) : (i < 3 ? c : d)) : (i < 6 ? (i < 5 ? e : f) : (i < 7 ? g : h));
}
#define AXIS(list, i) (LOCAL == 1 ? (list)[i] : axis_of(list, i))
