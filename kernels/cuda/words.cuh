// Vectorised accesses of global memory: 1, 2, 4, 8 and 16 bytes at once.
#pragma once

#include "stint.cuh"

struct __align__(8) Words2 {
  uint32_t x, y;
};
struct __align__(16) Words4 {
  uint32_t x, y, z, w;
};

// Accesses of global memory in asm: of a struct of words the compiler makes several accesses as
// soon as it sees through it. Volatile keeps weights' loads before STINT_WAIT() and others behind
// it; not ld.global.nc, which ptxas sinks behind the wait because nobody writes what it reads (seen
// in SASS of NVRTC 13.0).
__device__ __forceinline__ void load_words(uint8_t& w, const void* from) {
  uint16_t wide;
  asm volatile("ld.global.u8 %0, [%1];" : "=h"(wide) : "l"(from));
  w = static_cast<uint8_t>(wide);
}
__device__ __forceinline__ void load_words(uint16_t& w, const void* from) {
  asm volatile("ld.global.u16 %0, [%1];" : "=h"(w) : "l"(from));
}
__device__ __forceinline__ void load_words(uint32_t& w, const void* from) {
  asm volatile("ld.global.u32 %0, [%1];" : "=r"(w) : "l"(from));
}
__device__ __forceinline__ void load_words(Words2& w, const void* from) {
  asm volatile("ld.global.v2.u32 {%0, %1}, [%2];" : "=r"(w.x), "=r"(w.y) : "l"(from));
}
__device__ __forceinline__ void load_words(Words4& w, const void* from) {
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.x), "=r"(w.y), "=r"(w.z), "=r"(w.w)
               : "l"(from));
}
__device__ __forceinline__ void store_words(void* to, uint8_t w) {
  asm volatile("st.global.u8 [%0], %1;" ::"l"(to), "h"(static_cast<uint16_t>(w)) : "memory");
}
__device__ __forceinline__ void store_words(void* to, uint16_t w) {
  asm volatile("st.global.u16 [%0], %1;" ::"l"(to), "h"(w) : "memory");
}
__device__ __forceinline__ void store_words(void* to, uint32_t w) {
  asm volatile("st.global.u32 [%0], %1;" ::"l"(to), "r"(w) : "memory");
}
__device__ __forceinline__ void store_words(void* to, Words2 w) {
  asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(to), "r"(w.x), "r"(w.y) : "memory");
}
__device__ __forceinline__ void store_words(void* to, Words4 w) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(w.x), "r"(w.y), "r"(w.z),
               "r"(w.w)
               : "memory");
}

// The same where `predicate`, else every word is `fill`. One predicated instruction: behind a
// branch every load would be waited for before the next one starts.
__device__ __forceinline__ void load_words_if(uint8_t& w, const void* from, bool predicate,
                                              uint32_t fill) {
  uint16_t wide = static_cast<uint16_t>(fill & 0xFF);
  asm volatile("{\n.reg .pred p;\nsetp.ne.u32 p, %2, 0;\n@p ld.global.u8 %0, [%1];\n}"
               : "+h"(wide)
               : "l"(from), "r"(static_cast<uint32_t>(predicate)));
  w = static_cast<uint8_t>(wide);
}
__device__ __forceinline__ void load_words_if(uint16_t& w, const void* from, bool predicate,
                                              uint32_t fill) {
  w = static_cast<uint16_t>(fill);
  asm volatile("{\n.reg .pred p;\nsetp.ne.u32 p, %2, 0;\n@p ld.global.u16 %0, [%1];\n}"
               : "+h"(w)
               : "l"(from), "r"(static_cast<uint32_t>(predicate)));
}
__device__ __forceinline__ void load_words_if(uint32_t& w, const void* from, bool predicate,
                                              uint32_t fill) {
  w = fill;
  asm volatile("{\n.reg .pred p;\nsetp.ne.u32 p, %2, 0;\n@p ld.global.u32 %0, [%1];\n}"
               : "+r"(w)
               : "l"(from), "r"(static_cast<uint32_t>(predicate)));
}
__device__ __forceinline__ void load_words_if(Words2& w, const void* from, bool predicate,
                                              uint32_t fill) {
  w.x = w.y = fill;
  asm volatile("{\n.reg .pred p;\nsetp.ne.u32 p, %3, 0;\n@p ld.global.v2.u32 {%0, %1}, [%2];\n}"
               : "+r"(w.x), "+r"(w.y)
               : "l"(from), "r"(static_cast<uint32_t>(predicate)));
}
__device__ __forceinline__ void load_words_if(Words4& w, const void* from, bool predicate,
                                              uint32_t fill) {
  w.x = w.y = w.z = w.w = fill;
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.u32 p, %5, 0;\n@p ld.global.v4.u32 {%0, %1, %2, %3}, [%4];\n}"
      : "+r"(w.x), "+r"(w.y), "+r"(w.z), "+r"(w.w)
      : "l"(from), "r"(static_cast<uint32_t>(predicate)));
}
