// Element types and small enumerations that the builder writes into a plan and the runtime reads
// from it (kernel identifiers: kernel_id.h). Values are part of the file format: append, never
// renumber.
#pragma once

#include <cstdint>

namespace stint {

inline constexpr int kMaxRank = 8;

enum class DType : uint8_t {
  kF32 = 0,
  kF16 = 1,
  kF64 = 2,
  kBF16 = 3,
  kI8 = 4,
  kU8 = 5,
  kI16 = 6,
  kU16 = 7,
  kI32 = 8,
  kU32 = 9,
  kI64 = 10,
  kU64 = 11,
  kBool = 12,  // one byte, 0 or 1
};
inline constexpr uint8_t kDTypeCount = 13;

/// Bytes of one element; 0 for a value outside the enumeration.
constexpr uint32_t dtype_bytes(DType t) {
  switch (t) {
    case DType::kF32:
    case DType::kI32:
    case DType::kU32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
    case DType::kU16:
      return 2;
    case DType::kF64:
    case DType::kI64:
    case DType::kU64:
      return 8;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

constexpr const char* dtype_name(DType t) {
  switch (t) {
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kF64:
      return "f64";
    case DType::kBF16:
      return "bf16";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kI16:
      return "i16";
    case DType::kU16:
      return "u16";
    case DType::kI32:
      return "i32";
    case DType::kU32:
      return "u32";
    case DType::kI64:
      return "i64";
    case DType::kU64:
      return "u64";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

/// Activation applied last in an epilogue: y = act(x). `alpha`, `beta` where the function has
/// parameters.
enum class Activation : uint8_t {
  kNone = 0,
  kRelu = 1,
  kClip = 2,       // min(max(x, alpha), beta)
  kLeakyRelu = 3,  // x < 0 ? alpha * x : x
  kSigmoid = 4,
  kTanh = 5,
  kSilu = 6,         // x * sigmoid(x)
  kHardSigmoid = 7,  // clip(alpha * x + beta, 0, 1)
  kHardSwish = 8,    // x * clip(x / 6 + 0.5, 0, 1)
  kMish = 9,         // x * tanh(softplus(x))
  kGelu = 10,        // erf form
  kElu = 11,         // x < 0 ? alpha * (exp(x) - 1) : x
};

/// Element-wise operations (kElementwise and the instructions of kPointwise).
enum class EltOp : uint8_t {
  // unary
  kCopy = 0,
  kNeg,
  kAbs,
  kSqrt,
  kExp,
  kLog,
  kFloor,
  kCeil,
  kRound,
  kErf,
  kRelu,
  kSigmoid,
  kTanh,
  kHardSwish,
  kSoftplus,
  kMish,
  kGelu,
  kGeluTanh,
  kSilu,
  kNot,
  kReciprocal,
  kSign,
  kSin,
  kCos,
  kIsNan,
  kSoftsign,
  // unary with parameters alpha, beta
  kClip = 40,
  kLeakyRelu,
  kElu,
  kHardSigmoid,
  kSelu,
  kThresholdedRelu,
  kCelu,
  kIsInf,
  kBitNot,
  kTan,
  // binary
  kAdd = 64,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMin,
  kMax,
  kPRelu,
  kEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAnd,
  kOr,
  kXor,
  kMod,
  kFMod,
  kBitAnd,
  kBitOr,
  kBitXor,
  // ternary
  kWhere = 96,  // c ? a : b
};

enum class ReduceOp : uint8_t {
  kSum = 0,
  kMean,
  kMax,
  kMin,
  kProd,
  kL1,
  kL2,
  kLogSum,
  kLogSumExp,
  kSumSquare
};

/// Pixel layouts a frame may have in memory. 4:2:0 chroma is sited as GStreamer's default.
enum class PixelFormat : uint8_t {
  kNv12 = 0,
  kI420 = 1,
  kRgb = 2,
  kBgr = 3,
  kRgbx = 4,
  kBgrx = 5,
  kGray8 = 6,
  kRgba = 7,
  kBgra = 8
};
enum class ColorMatrix : uint8_t { kBt601 = 0, kBt709 = 1 };
enum class ColorRange : uint8_t { kLimited = 0, kFull = 1 };

/// How the source frame is fitted into the network's input.
enum class FitMode : uint8_t {
  kStretch = 0,           // both axes scaled independently
  kLetterbox = 1,         // aspect kept, centred, padded
  kLetterboxTopLeft = 2,  // aspect kept, placed at (0, 0), padded right and below
  kCrop = 3,              // aspect kept, centre of the source fills the input
};

}  // namespace stint
