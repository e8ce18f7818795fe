// Block reductions: threads of a block that work on one result together, a line of softmax, a sum,
// a search. A block has kLines teams of kParts threads; the order in which their partial results
// are combined is fixed. Before this header:
//   kParts, kLines   powers of two
//   kAcross          adjacent threads belong to adjacent lines (whose elements are adjacent in
//                    memory), else to one line
#pragma once

constexpr int kTeamThreads = kParts * kLines;

struct Team {
  int part;      // of this thread within its line
  index_t line;  // of this thread, may lie beyond the last one

  __device__ __forceinline__ Team() {
    const int t = static_cast<int>(threadIdx.x);
    part = kAcross ? t / kLines : t % kParts;
    line = static_cast<index_t>(blockIdx.x) * kLines +
           static_cast<index_t>(kAcross ? t % kLines : t / kParts);
  }

  /// Partial results of a line combined, the same for all of its threads. Every thread of the block
  /// calls it.
  template <typename T, typename F>
  __device__ __forceinline__ T combined(T own, F combine) const {
    if constexpr (kParts == 1) {
      return own;
    } else {
      // Bytes: shared memory has no constructors.
      alignas(16) __shared__ unsigned char memory[sizeof(T) * kTeamThreads];
      T* partial = reinterpret_cast<T*>(memory);
      const int t = static_cast<int>(threadIdx.x);
      constexpr int kUnit = kAcross ? kLines : 1;
      partial[t] = own;
#pragma unroll
      for (int s = kParts / 2; s > 0; s /= 2) {
        __syncthreads();
        if (part < s) partial[t] = combine(partial[t], partial[t + s * kUnit]);
      }
      __syncthreads();
      const T result = partial[t - part * kUnit];
      __syncthreads();  // the memory is used again
      return result;
    }
  }
};

/// A sum; float keeps what rounding lost of it, so that long sums are as good as the CPU's in
/// double.
template <typename C>
struct Sum {
  C value = 0;
  __device__ __forceinline__ void add(C v) { value = op_add(value, v); }
  __device__ __forceinline__ void merge(const Sum& other) { add(other.value); }
  __device__ __forceinline__ C total() const { return value; }
};
template <>
struct Sum<float> {
  float value = 0.0f;
  float lost = 0.0f;
  __device__ __forceinline__ void add(float v) {
    const float sum = value + v;
    const float part = sum - value;
    lost += (value - (sum - part)) + (v - part);
    value = sum;
  }
  __device__ __forceinline__ void merge(const Sum& other) {
    add(other.value);
    lost += other.lost;
  }
  __device__ __forceinline__ float total() const {
    return value - value == 0.0f ? value + lost : value;  // infinity has lost nothing
  }
};

struct MergeSums {
  template <typename C>
  __device__ __forceinline__ Sum<C> operator()(Sum<C> a, const Sum<C>& b) const {
    a.merge(b);
    return a;
  }
};
struct Largest {
  template <typename C>
  __device__ __forceinline__ C operator()(C s, C v) const {
    return v > s || v != v ? v : s;
  }
};
struct Smallest {
  template <typename C>
  __device__ __forceinline__ C operator()(C s, C v) const {
    return v < s || v != v ? v : s;
  }
};
struct Product {
  template <typename C>
  __device__ __forceinline__ C operator()(C a, C b) const {
    return op_mul(a, b);
  }
};

template <typename C>
__device__ __forceinline__ C lowest() {
  if constexpr (IsSame<C, float>::value)
    return float_of_bits(0xFF800000u);
  else if constexpr (IsSame<C, double>::value)
    return static_cast<double>(float_of_bits(0xFF800000u));
  else
    return kIsSigned<C> ? static_cast<C>(static_cast<uint64_t>(1) << 63) : C(0);
}
template <typename C>
__device__ __forceinline__ C highest() {
  if constexpr (kIsFloating<C>)
    return -lowest<C>();
  else
    return static_cast<C>(~lowest<C>());
}
