// What every CUDA kernel shares. Compiled by NVRTC alone: no CUDA header is needed. The builder
// puts the layer's constants before the #include of a family's header.
#pragma once

typedef unsigned char uint8_t;
typedef signed char int8_t;
typedef unsigned short uint16_t;
typedef short int16_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef unsigned long long uint64_t;
typedef long long int64_t;

#ifndef STINT_PDL
#define STINT_PDL 0  // 1: programmatic dependent launch, steps have programmatic edges (sm_90 on)
#endif

/// cudaGridDependencySynchronize(). Before it, a kernel may read weights only; after it, all that
/// earlier steps wrote is visible and nobody reads what this step writes. Every thread passes it,
/// also one that has nothing to do: otherwise the step could end before the ones it follows.
__device__ __forceinline__ void stint_wait() {
#if STINT_PDL
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// cudaTriggerProgrammaticLaunchCompletion(): the next step may be scheduled onto multiprocessors
/// that have room. Best right after STINT_WAIT(): earlier, several steps wait on the
/// multiprocessors at once, and what comes then lands where there is room instead of evenly (H200:
/// up to 25 % of a layer's time).
__device__ __forceinline__ void stint_launch_dependents() {
#if STINT_PDL
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#define STINT_WAIT() stint_wait()
#define STINT_LAUNCH_DEPENDENTS() stint_launch_dependents()

/// A value that is the same in all lanes of the warp: the compiler cannot know, and what follows
/// from it then goes to uniform registers.
__device__ __forceinline__ uint32_t warp_uniform(uint32_t value) {
  return __shfl_sync(0xffffffffu, value, 0);
}

/// The block's dynamic shared memory, as an array: `name`.
// clang-format off
#define STINT_DYNAMIC_SHARED(type, name, alignment) \
  extern __shared__ __align__(alignment) type name[]
// clang-format on

/// By the special-function unit, a few units in the last place off; subnormal numbers are zero.
__device__ __forceinline__ float approximate_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ __forceinline__ float approximate_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// The larger of both; NaN if either is (fmaxf gives the number).
__device__ __forceinline__ float larger_or_nan(float a, float b) {
#if STINT_SM >= 80
  float y;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
  return y;
#else
  return a > b || a != a ? a : b;
#endif
}

/// IEEE binary16 in memory.
struct half_t {
  uint16_t bits;
};

__device__ __forceinline__ float to_float(half_t h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h.bits));
  return f;
}
__device__ __forceinline__ float to_float(float f) { return f; }

/// Rounds to nearest even.
__device__ __forceinline__ half_t to_half(float f) {
  half_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(f));
  return h;
}

template <typename T>
struct Store;
template <>
struct Store<float> {
  static __device__ __forceinline__ float from(float f) { return f; }
};
template <>
struct Store<half_t> {
  static __device__ __forceinline__ half_t from(float f) { return to_half(f); }
};
