// Steps on 8-bit integers: values that stand for real numbers, and what is right for them.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "host_builder/lowering/cpu/families.h"
#include "tests/unit/kernels/cpu/lowered_step.h"
#include "tests/unit/kernels/cpu/simd_levels.h"

namespace stint::test {

/// How real numbers are stored.
struct Stored {
  DType dtype = DType::kU8;
  float scale = 1.0f;
  int32_t zero = 0;

  bool is_float() const { return dtype == DType::kF32; }
  double real(int32_t integer) const { return (integer - zero) * static_cast<double>(scale); }
};

inline Stored f32_stored() { return {DType::kF32, 1.0f, 0}; }

/// u8 or i8, or f32 now and then, that hold numbers up to about `largest`.
inline Stored random_stored(std::mt19937& random, double largest) {
  const int32_t zeros[] = {0, 128, 7, 255};
  Stored s;
  s.zero = zeros[random() % 4];
  s.scale = static_cast<float>(largest / 120 * (1 + static_cast<double>(random() % 100) / 50));
  const auto kind = random() % 5;
  if (kind == 0) return f32_stored();
  if (kind > 2) return s;
  s.dtype = DType::kI8;
  s.zero -= 128;
  return s;
}

class QuantizedStep : public LoweredStep {
 public:
  QuantizedStep() { graph.mixed_precision = true; }

  builder::ValueId stored_input(const std::string& name, builder::Shape shape, const Stored& s,
                                std::mt19937& random, int64_t gap = 0) {
    if (s.is_float()) return input(name, std::move(shape), random, gap);
    const builder::ValueId id = stored_output(name, std::move(shape), s, gap);
    Tensor& t = tensor(id);
    for (int64_t i = 0; i < t.size(); ++i) t.at<uint8_t>(i) = static_cast<uint8_t>(random());
    return id;
  }
  builder::ValueId stored_output(const std::string& name, builder::Shape shape, const Stored& s,
                                 int64_t gap = 0) {
    const builder::ValueId id = output(name, s.dtype, std::move(shape), gap);
    if (!s.is_float()) graph.value(id).quant = builder::Quantisation{{s.scale}, -1, {s.zero}};
    return id;
  }
  /// Constant i8 weights with a scale for each of `channels` along the axis (axis -1: one).
  builder::ValueId weights(builder::Shape shape, int axis, std::mt19937& random) {
    int64_t n = 1;
    for (const int64_t e : shape) n *= e;
    std::vector<int8_t> data(static_cast<size_t>(n));
    for (int8_t& v : data) v = static_cast<int8_t>(random());
    builder::Quantisation q;
    q.axis = axis;
    q.scales.resize(axis < 0 ? 1 : static_cast<size_t>(shape[static_cast<size_t>(axis)]));
    for (float& s : q.scales) s = 0.01f + 0.0001f * static_cast<float>(random() % 100);
    const builder::ValueId id = graph.add_constant("w", DType::kI8, std::move(shape), data);
    graph.value(id).quant = q;
    return id;
  }
  std::vector<int8_t> integers(builder::ValueId id) const {
    const builder::Value& v = graph.value(id);
    const auto* p = reinterpret_cast<const int8_t*>(v.constant->data());
    return {p, p + v.elements()};
  }
  int32_t integer(builder::ValueId id, int64_t i) {
    Tensor& t = tensor(id);
    return t.view().dtype == DType::kI8 ? t.at<int8_t>(i) : t.at<uint8_t>(i);
  }
  /// The number that an element stands for.
  double real(builder::ValueId id, const Stored& s, int64_t i) {
    return s.is_float() ? static_cast<double>(tensor(id).at<float>(i)) : s.real(integer(id, i));
  }
  std::vector<double> reals(builder::ValueId id, const Stored& s) {
    std::vector<double> all(static_cast<size_t>(tensor(id).size()));
    for (size_t i = 0; i < all.size(); ++i) all[i] = real(id, s, static_cast<int64_t>(i));
    return all;
  }
  /// The result's bytes without its gaps.
  std::vector<uint8_t> bytes_of(builder::ValueId id) {
    Tensor& t = tensor(id);
    const size_t width = dtype_bytes(t.view().dtype);
    std::vector<uint8_t> all;
    for (int64_t i = 0; i < t.size(); ++i) {
      const auto* p = t.view().as<uint8_t>() + static_cast<size_t>(t.offset(i)) * width;
      all.insert(all.end(), p, p + width);
    }
    return all;
  }
};

/// How far a stored result is from the right one: off by one is 0 where the real number is within
/// 1e-3 of a tie. f32: in millionths of `magnitude`, less 10.
inline double stored_error(const Stored& s, double expected, double magnitude, double stored) {
  if (s.is_float()) {
    if (std::isnan(expected)) return std::isnan(stored) ? 0 : 1;
    const double error = std::fabs(stored - expected) / (magnitude + std::fabs(expected)) * 1e6;
    return error <= 10 ? 0 : error;
  }
  const double exact = std::isnan(expected) ? 0 : expected / static_cast<double>(s.scale);
  const double lowest = s.dtype == DType::kI8 ? -128 : 0;
  const double right = std::fmin(std::fmax(std::nearbyint(exact) + s.zero, lowest), lowest + 255);
  const double difference = std::fabs(stored - right);
  const double from_tie = std::fabs(exact - std::floor(exact) - 0.5);
  return difference <= (from_tie < 1e-3 ? 1 : 0) ? 0 : difference;
}

/// Runs the call at every SIMD level; all give the same bytes, and nothing beside y is written.
/// `before` restores operands that a run overwrites.
template <typename F>
void run_at_every_level(QuantizedStep& s, const KernelCall& call, builder::ValueId y,
                        uint32_t threads, F&& before) {
  std::vector<uint8_t> first;
  cpu::for_each_simd_level([&](cpu::SimdLevel level) {
    INFO(cpu::simd_level_name(level));
    s.tensor(y).poison();
    before();
    const Status status = call.run(threads);
    REQUIRE_MESSAGE(status.ok(), status.message);
    CHECK(s.tensor(y).gaps_untouched());
    const std::vector<uint8_t> bytes = s.bytes_of(y);
    if (first.empty()) first = bytes;
    CHECK(bytes == first);
  });
}

}  // namespace stint::test
