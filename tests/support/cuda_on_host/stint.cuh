// Stands in for kernels/cuda/stint.cuh when a device source is compiled by the host's C++ compiler:
// the same names, with the threads of a block as fibers (tests/support/cuda_on_host.h). No standard
// header, as on the device.
#pragma once

typedef unsigned char uint8_t;
typedef signed char int8_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef unsigned long long uint64_t;
typedef long long int64_t;

#include "services.h"

extern "C" {
__attribute__((visibility("default"))) HostThreads* stint_host_threads = nullptr;
}

#define __device__
#define __global__
#define __forceinline__ inline
#define __grid_constant__
#define __shared__ static  // blocks run one after the other
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __cluster_dims__(...)  // the harness reads it in the source
#define STINT_WAIT() stint_host_threads->wait_for_steps()
#define STINT_LAUNCH_DEPENDENTS() ((void)0)
// The blocks of a cluster run together: theirs is dynamic.
#define STINT_DYNAMIC_SHARED(type, name, alignment) \
  type* const name = reinterpret_cast<type*>(stint_host_threads->shared)

#define threadIdx (stint_host_threads->thread)
#define blockIdx (stint_host_threads->block)
#define blockDim (stint_host_threads->block_dim)
#define gridDim (stint_host_threads->grid_dim)

inline void __syncthreads() { stint_host_threads->barrier(); }
inline void __threadfence() {}
inline uint32_t atomicAdd(uint32_t* at, uint32_t value) {
  const uint32_t old = *at;
  *at += value;
  return old;
}
inline float __shfl_xor_sync(uint32_t lanes, float value, int apart) {
  if (lanes != 0xffffffffu) stint_host_threads->fail("a shuffle among a part of the warp");
  return stint_host_threads->shuffle_xor(value, static_cast<uint32_t>(apart));
}
inline uint32_t warp_uniform(uint32_t value) { return value; }
inline float __ldcg(const float* from) { return *from; }

struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }

inline int __float_as_int(float f) {
  int i;
  __builtin_memcpy(&i, &f, sizeof i);
  return i;
}
inline float __int_as_float(int i) {
  float f;
  __builtin_memcpy(&f, &i, sizeof f);
  return f;
}
inline uint32_t __float_as_uint(float f) { return static_cast<uint32_t>(__float_as_int(f)); }
inline float __uint_as_float(uint32_t u) { return __int_as_float(static_cast<int>(u)); }
inline double __longlong_as_double(long long i) {
  double d;
  __builtin_memcpy(&d, &i, sizeof d);
  return d;
}
inline int __float2int_rn(float f) {
  if (f != f) return 0;
  if (f >= 0x1p31f) return 0x7FFFFFFF;
  if (f < -0x1p31f) return -0x7FFFFFFF - 1;
  return static_cast<int>(__builtin_rintf(f));
}
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }

#define STINT_HOST_1(name)                                         \
  inline float name##f(float x) { return __builtin_##name##f(x); } \
  inline double name(double x) { return __builtin_##name(x); }
STINT_HOST_1(exp)
STINT_HOST_1(expm1)
STINT_HOST_1(log1p)
STINT_HOST_1(log)
STINT_HOST_1(sqrt)
STINT_HOST_1(tanh)
STINT_HOST_1(erf)
STINT_HOST_1(sin)
STINT_HOST_1(cos)
STINT_HOST_1(tan)
STINT_HOST_1(floor)
STINT_HOST_1(ceil)
STINT_HOST_1(rint)
STINT_HOST_1(fabs)
#undef STINT_HOST_1
inline float powf(float x, float y) { return __builtin_powf(x, y); }
inline double pow(double x, double y) { return __builtin_pow(x, y); }
inline float fmodf(float x, float y) { return __builtin_fmodf(x, y); }
inline double fmod(double x, double y) { return __builtin_fmod(x, y); }
inline double atan2(double y, double x) { return __builtin_atan2(y, x); }
inline float fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }

/// IEEE binary16 in memory.
struct half_t {
  uint16_t bits;
};
// The conversions of plan_schema/half.h, which needs standard headers.
inline float to_float(half_t h) {
  const uint32_t magnitude = static_cast<uint32_t>(h.bits & 0x7FFFu) << 13;
  const uint32_t sign = static_cast<uint32_t>(h.bits & 0x8000u) << 16;
  if (magnitude >= 0x0F800000u)
    return __int_as_float(static_cast<int>(sign | 0x70000000u | magnitude));
  const float value = __int_as_float(static_cast<int>(magnitude)) * 0x1p112f;
  return __int_as_float(static_cast<int>(sign | static_cast<uint32_t>(__float_as_int(value))));
}
inline float to_float(float f) { return f; }
inline half_t to_half(float f) {
  const uint32_t u = static_cast<uint32_t>(__float_as_int(f));
  const uint32_t sign = u >> 16 & 0x8000u;
  const uint32_t magnitude = u & 0x7FFFFFFFu;
  uint32_t h;
  if (magnitude > 0x7F800000u) {
    h = 0x7E00u | (magnitude >> 13 & 0x3FFu);
  } else if (magnitude >= 0x47800000u) {
    h = 0x7C00u;
  } else if (magnitude < 0x38800000u) {
    h = static_cast<uint32_t>(__float_as_int(__int_as_float(static_cast<int>(magnitude)) + 0.5f)) -
        0x3F000000u;
  } else {
    h = (magnitude + 0xC8000FFFu + (magnitude >> 13 & 1u)) >> 13;
  }
  return {static_cast<uint16_t>(sign | h)};
}

inline float approximate_exp2(float x) { return __builtin_exp2f(x); }
inline float approximate_reciprocal(float x) { return 1.0f / x; }
inline float larger_or_nan(float a, float b) { return a > b || a != a ? a : b; }

template <typename T>
struct Store;
template <>
struct Store<float> {
  static float from(float f) { return f; }
};
template <>
struct Store<half_t> {
  static half_t from(float f) { return to_half(f); }
};
