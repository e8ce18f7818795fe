// One kernel source, compiled once per SIMD target, picked at run time.
//
//   // kernels/cpu/my_kernel.cc
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "kernels/cpu/my_kernel.cc"
//   #include "kernels/cpu/simd_dispatch.h"      // first: it re-includes this file for every target
//   #include "kernels/cpu/kernel.h"             // ordinary headers (#pragma once)
//   #include "kernels/cpu/vector_math-inl.h"    // per-target headers come after simd_dispatch.h
//
//   HWY_BEFORE_NAMESPACE();
//   namespace stint::cpu {
//   namespace HWY_NAMESPACE {
//   namespace {
//   namespace hn = hwy::HWY_NAMESPACE;
//   void helper(...) {...}
//   }  // namespace
//   // A name of its own: it is external, once per target.
//   void my_kernel_run(const StepArgs& args) {...}
//   }  // namespace HWY_NAMESPACE
//   }  // namespace stint::cpu
//   HWY_AFTER_NAMESPACE();
//
//   #if HWY_ONCE                                // compiled a single time
//   namespace stint::cpu {
//   Status check_my_kernel(const StepArgs& args) {...}
//   void run_my_kernel(const StepArgs& args) { STINT_SIMD(my_kernel_run)(args); }
//   }
//   #endif
//
// A lambda that uses vectors needs HWY_ATTR after its parameter list: `[&](uint32_t i, uint32_t w)
// HWY_ATTR {...}`. Plain namespaces only between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE; no
// file-scope static with a constructor.
//
// Per-target headers (NAME-inl.h) use this guard instead of #pragma once, so that they are seen
// once per target:
//   #if defined(STINT_NAME_INL_H_) == defined(HWY_TARGET_TOGGLE)
//   #ifdef STINT_NAME_INL_H_
//   #undef STINT_NAME_INL_H_
//   #else
//   #define STINT_NAME_INL_H_
//   #endif
//   ...
//   HWY_BEFORE_NAMESPACE();
//   ...
//   HWY_AFTER_NAMESPACE();
//   #endif
//
// Targets: SSE4 (the floor on x86-64: every 64-bit Intel/AMD core since 2011), AVX2+FMA, AVX-512;
// NEON on aarch64. What a level adds beside these (dot products of bytes) is the business of the
// one source that uses it (quantized_tiles.cc). Highway is used as headers only: its own dispatch
// needs libhwy, keeps a mutable table with a constructor and aborts through stdio.

// The part that sets Highway up; must precede every Highway header.
#ifndef STINT_SIMD_CONFIGURED
#define STINT_SIMD_CONFIGURED
#define HWY_WANT_SSE4 1
#define HWY_DISABLE_PCLMUL_AES
#define HWY_DISABLED_TARGETS                                                              \
  (HWY_SCALAR | HWY_EMU128 | HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | \
   HWY_SVE2_128)
#define HWY_IS_DEBUG_BUILD 0  // its assertions call hwy::Abort, which lives in libhwy
#endif

// Not under an include guard: foreach_target.h re-includes the kernel's source, which comes here
// again.
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/highway.h"

#ifndef STINT_SIMD_DISPATCH_BODY
#define STINT_SIMD_DISPATCH_BODY

#include "kernels/cpu/simd_level.h"

#if HWY_TARGETS & HWY_AVX3
#define STINT_SIMD_AVX3(f) \
  ::stint::cpu::simd_level() >= ::stint::cpu::SimdLevel::kAvx512 ? &N_AVX3::f:
#else
#define STINT_SIMD_AVX3(f)
#endif
// The build's own baseline (the static target) is the last resort.
#if (HWY_TARGETS & HWY_AVX2) && HWY_STATIC_TARGET != HWY_AVX2
#define STINT_SIMD_AVX2(f) \
  ::stint::cpu::simd_level() >= ::stint::cpu::SimdLevel::kAvx2 ? &N_AVX2::f:
#else
#define STINT_SIMD_AVX2(f)
#endif
#define STINT_SIMD_BASE(f) &STINT_SIMD_STATIC_NAMESPACE::f
#if HWY_STATIC_TARGET == HWY_SSE4
#define STINT_SIMD_STATIC_NAMESPACE N_SSE4
#elif HWY_STATIC_TARGET == HWY_AVX2
#define STINT_SIMD_STATIC_NAMESPACE N_AVX2
#elif HWY_STATIC_TARGET == HWY_AVX3
#define STINT_SIMD_STATIC_NAMESPACE N_AVX3
#elif HWY_STATIC_TARGET == HWY_NEON
#define STINT_SIMD_STATIC_NAMESPACE N_NEON
#else
#error "no SIMD target for this processor: add one to kernels/cpu/simd_dispatch.h"
#endif

/// Pointer to the version of `function` (declared in every target's namespace) that this processor
/// runs best.
#define STINT_SIMD(function) \
  (STINT_SIMD_AVX3(function) STINT_SIMD_AVX2(function) STINT_SIMD_BASE(function))

#endif  // STINT_SIMD_DISPATCH_BODY
