// Loads of the implicit GEMM's tiles from global to shared memory.
//
// A: rows are output pixels, columns are k = tap * kC + channel. A row of a stage is kBK factors
// long; its 16-byte chunks are swizzled so that the eight rows of an ldmatrix phase lie in
// different banks. B: packed by the builder in fragment order.
#pragma once

#include "async_copy.cuh"
#include "products.cuh"

/// Position of chunk `chunk` of row `row`, in bytes from the tile's start.
template <int kRowBytes>
__device__ __forceinline__ uint32_t swizzled(int row, int chunk) {
  constexpr int kChunks = kRowBytes / 16;
  const int key = kChunks >= 8 ? row & 7 : (row >> 1) & 3;
  return static_cast<uint32_t>(row * kRowBytes + ((chunk ^ key) << 4));
}

/// One thread's share of the A tile: always the same chunk of every kRowsPerPass-th row.
template <class L, class T>
struct ActivationTile {
  typedef typename L::Offset Offset;
  typedef typename L::Mask Mask;
  typedef typename L::X X;
  static constexpr int kTaps = L::kKH * L::kKW;
  typedef typename T::Products Products;
  static constexpr int kChunk = 16 / Products::kBytes;  // factors
  static constexpr int kChunks = T::kBK / kChunk;
  static constexpr int kRowsPerPass = T::kThreads / kChunks;
  static constexpr int kPasses = (T::kBM + kRowsPerPass - 1) / kRowsPerPass;
  // Bytes also in pieces of a chunk: networks have fewer channels than 16 bytes more often.
  static constexpr int kPiece = Products::kBytes == 1 ? L::kXVec : kChunk;
  static constexpr bool kAsync = STINT_SM >= 80 && sizeof(X) == Products::kBytes &&
                                 L::kXVec >= kPiece && kPiece * Products::kBytes >= 4;

  int row0, chunk;
  Offset origin[kPasses];              // of the row's window; may lie outside of the tensor
  Mask predicates[kPasses];            // bit t: tap t lies inside
  uint4 staged[kAsync ? 1 : kPasses];  // in registers between load() and store()

  __device__ __forceinline__ void prepare(int tile_m) {
    chunk = static_cast<int>(threadIdx.x) % kChunks;
    row0 = static_cast<int>(threadIdx.x) / kChunks;
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int m = tile_m * T::kBM + row0 + i * kRowsPerPass;
      const int n = m / (L::kOH * L::kOW);
      const int rest = m - n * (L::kOH * L::kOW);
      const int oh = rest / L::kOW;
      const int ow = rest - oh * L::kOW;
      const int ih = oh * L::kSH - L::kPH;
      const int iw = ow * L::kSW - L::kPW;
      origin[i] = static_cast<Offset>(n) * static_cast<Offset>(L::kXB) +
                  static_cast<Offset>(ih) * static_cast<Offset>(L::kXH) +
                  static_cast<Offset>(iw) * static_cast<Offset>(L::kXW);
      Mask mask = 0;
      if (m < L::kM) {
        if constexpr (L::kInside) {
          mask = static_cast<Mask>(~Mask(0)) >> (sizeof(Mask) * 8 - kTaps);
        } else {
          Mask columns = 0;
#pragma unroll
          for (int kw = 0; kw < L::kKW; ++kw)
            if (static_cast<unsigned>(iw + kw * L::kDW) < static_cast<unsigned>(L::kW))
              columns |= Mask(1) << kw;
#pragma unroll
          for (int kh = 0; kh < L::kKH; ++kh)
            if (static_cast<unsigned>(ih + kh * L::kDH) < static_cast<unsigned>(L::kH))
              mask |= columns << (kh * L::kKW);
        }
      }
      predicates[i] = mask;
    }
  }

  static __device__ __forceinline__ Offset offset_of(int tap, int channel) {
    const int kh = tap / L::kKW;
    return static_cast<Offset>(kh) * static_cast<Offset>(L::kDH * L::kXH) +
           static_cast<Offset>(tap - kh * L::kKW) * static_cast<Offset>(L::kDW * L::kXW) +
           static_cast<Offset>(channel);
  }

  __device__ __forceinline__ bool owns(int pass) const {
    return T::kBM % kRowsPerPass == 0 || row0 + pass * kRowsPerPass < T::kBM;
  }

  __device__ __forceinline__ uint32_t place(int pass) const {
    return swizzled<T::kRowBytes>(row0 + pass * kRowsPerPass, chunk);
  }

  /// Issues the copies of k-step `step` to `to`.
  __device__ __forceinline__ void copy(uint32_t to, const X* x, int step) const {
#pragma unroll
    for (int piece = 0; piece < kChunk; piece += kPiece) {
      int tap = 0;
      int channel = step * T::kBK + chunk * kChunk + piece;
      bool inside = true;
      if constexpr (kTaps > 1) {
        if constexpr (L::kC % T::kBK == 0) {
          tap = step * T::kBK / L::kC;
        } else {
          tap = channel / L::kC;
          inside = tap < kTaps;
        }
        channel -= tap * L::kC;
      } else if constexpr (L::kC % T::kBK != 0) {
        inside = channel < L::kC;
      }
      const Offset offset = offset_of(tap, channel);
#pragma unroll
      for (int i = 0; i < kPasses; ++i) {
        const bool valid = inside && ((predicates[i] >> tap) & 1) != 0;
        if (owns(i))
          copy_async<kPiece * Products::kBytes>(
              to + place(i) + static_cast<uint32_t>(piece * Products::kBytes),
              valid ? x + origin[i] + offset : x, valid);
      }
    }
  }

  /// The same through registers, for other types and for channels that 16 bytes do not divide.
  __device__ __forceinline__ void load(const X* x, int step) {
    constexpr int kVec = L::kXVec < kChunk ? L::kXVec : kChunk;
    uint32_t words[kPasses][4];
#pragma unroll
    for (int i = 0; i < kPasses; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) words[i][j] = 0;
#pragma unroll
    for (int e = 0; e < kChunk; e += kVec) {
      const int k = step * T::kBK + chunk * kChunk + e;
      const int tap = k / L::kC;
      const bool inside = tap < kTaps;
      const Offset offset = offset_of(tap, k - tap * L::kC);
#pragma unroll
      for (int i = 0; i < kPasses; ++i) {
        if (!inside || ((predicates[i] >> tap) & 1) == 0) continue;
        Packet<X, kVec> packet;
        load_run<kVec, kVec>(packet, x + origin[i] + offset, kVec);
        Products::insert(words[i], e, packet);
      }
    }
#pragma unroll
    for (int i = 0; i < kPasses; ++i)
      staged[kAsync ? 0 : i] = make_uint4(words[i][0], words[i][1], words[i][2], words[i][3]);
  }

  __device__ __forceinline__ void store(uint32_t to) const {
#pragma unroll
    for (int i = 0; i < kPasses; ++i)
      if (owns(i)) store_shared_16(to + place(i), staged[kAsync ? 0 : i]);
  }
};

/// One thread's share of the B tile. In memory: [group][k / block][column / 8][16 bytes], the
/// chunks of a block of 8 columns x kBlockBytes of k in the order in which they are multiplied.
template <class L, class T, int kBlockBytes>
struct WeightTile {
  static constexpr int kBlockChunks = kBlockBytes / 2;
  static constexpr int kStepBlocks = T::kRowBytes / kBlockBytes;
  static constexpr int kTileBlocks = T::kBN / 8;
  static constexpr int kChunks = kStepBlocks * kTileBlocks * kBlockChunks;
  static constexpr int kPasses = (kChunks + T::kThreads - 1) / T::kThreads;
  static constexpr bool kAsync = STINT_SM >= 80;
  uint4 staged[kAsync ? 1 : kPasses];

  /// Where chunk `c` of the step lies, in 16-byte units from the group's start; negative: padding.
  static __device__ __forceinline__ int source(int c, int step, int tile_n) {
    const int block_k = step * kStepBlocks + c / (kTileBlocks * kBlockChunks);
    const int block_n = tile_n * kTileBlocks + c / kBlockChunks % kTileBlocks;
    const bool inside = (L::kBlocksK % kStepBlocks == 0 || block_k < L::kBlocksK) &&
                        (L::kBlocksN % kTileBlocks == 0 || block_n < L::kBlocksN);
    return inside ? (block_k * L::kBlocksN + block_n) * kBlockChunks + c % kBlockChunks : -1;
  }

  static __device__ __forceinline__ void copy(uint32_t to, const uint4* w, int step, int tile_n) {
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int c = i * T::kThreads + static_cast<int>(threadIdx.x);
      if (kChunks % T::kThreads != 0 && c >= kChunks) break;
      const int from = source(c, step, tile_n);
      copy_async_16(to + static_cast<uint32_t>(c) * 16, w + (from < 0 ? 0 : from),
                    from < 0 ? 0 : 16);
    }
  }

  __device__ __forceinline__ void load(const uint4* w, int step, int tile_n) {
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int c = i * T::kThreads + static_cast<int>(threadIdx.x);
      const int from = c < kChunks ? source(c, step, tile_n) : -1;
      staged[kAsync ? 0 : i] = from < 0 ? make_uint4(0, 0, 0, 0) : w[from];
    }
  }

  __device__ __forceinline__ void store(uint32_t to) const {
#pragma unroll
    for (int i = 0; i < kPasses; ++i) {
      const int c = i * T::kThreads + static_cast<int>(threadIdx.x);
      if (c < kChunks) store_shared_16(to + static_cast<uint32_t>(c) * 16, staged[kAsync ? 0 : i]);
    }
  }
};
