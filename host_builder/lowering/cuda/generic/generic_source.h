// What the source of a generic step has beyond every other's: operands of any type and shape, and
// iteration spaces with all their arithmetic spelled out. The kernels are in kernels/cuda/generic/.
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "host_builder/lowering/cuda/source/cuda_source.h"
#include "kernels/cpu/kernel.h"
#include "kernels/cpu/strided_loop.h"

namespace stint::builder {

inline constexpr int kGenericThreads = 256;

/// How the threads of a block share lines of elements (kernels/cuda/generic/team.cuh).
struct TeamShape {
  int64_t parts = 1;  // threads a line
  int64_t lines = kGenericThreads;
  bool across = false;  // adjacent threads belong to adjacent lines

  /// `across`: neighbouring lines lie side by side in memory, the elements of one do not.
  static TeamShape of(int64_t lines, int64_t elements, bool across);
  int64_t blocks(int64_t all_lines) const { return (all_lines + lines - 1) / lines; }
};

/// Whether neighbouring lines lie side by side in memory and the elements of one do not.
template <int K>
bool lies_across(const cpu::StridedLoop<K>& lines, int64_t element_stride) {
  return lines.inner_stride(0) == 1 && lines.inner_extent() > 1 && element_stride != 1;
}

class GenericSource : public CudaSource {
 public:
  /// Takes the operands of `step` as they are in the graph: true types, shapes and strides.
  /// Workspace and state must be settled.
  GenericSource(const Graph& graph, const StepSpec& step, bool takes_frames = false,
                bool takes_limits = false);

  const cpu::TensorView& input(size_t i) const { return inputs_.at(i); }
  const cpu::TensorView& output(size_t i) const { return outputs_.at(i); }
  size_t input_count() const { return inputs_.size(); }
  size_t output_count() const { return outputs_.size(); }
  /// Largest power of two, at most 16, that divides the address of an operand's first element.
  uint64_t input_alignment(size_t i) const { return input_alignment_.at(i); }
  uint64_t output_alignment(size_t i) const { return output_alignment_.at(i); }

  /// float name(): for whatever value.
  void real_function(const std::string& name, float value);
  /// Type that numbers are computed in.
  void number(DType dtype) { type("Number", dtype); }
  void team(const TeamShape& team);

  /// struct `name`: kElements, and at(i, o): the offsets of element i of the first `operands`,
  /// which begin at `start`.
  template <int K>
  void loop(const std::string& name, const cpu::StridedLoop<K>& loop,
            const std::vector<int64_t>& start = {}, int operands = K) {
    std::vector<std::vector<int64_t>> strides(static_cast<size_t>(operands));
    for (int k = 0; k < operands; ++k)
      strides[static_cast<size_t>(k)].assign(loop.strides[k], loop.strides[k] + loop.rank);
    write_loop(name, {loop.shape, loop.shape + loop.rank}, strides, start);
  }

  /// An index_t.
  void index_constant(const std::string& name, int64_t value) {
    line("constexpr index_t " + name + " = " + index(value) + ";");
  }
  /// A value as a literal of index_t.
  std::string index(int64_t value) const;

  /// Ends the source with the kernel `symbol`, whose body is `call`.
  GpuLaunch finish(const std::string& symbol, int64_t blocks, int64_t threads = kGenericThreads,
                   const std::string& call = "run(args);");
  /// The same with a thread an element.
  GpuLaunch finish_flat(const std::string& symbol, int64_t elements,
                        const std::string& call = "run(args);") {
    return finish(symbol, (elements + kGenericThreads - 1) / kGenericThreads, kGenericThreads,
                  call);
  }

 private:
  void write_loop(const std::string& name, const std::vector<int64_t>& shape,
                  const std::vector<std::vector<int64_t>>& strides,
                  const std::vector<int64_t>& start);

  std::vector<cpu::TensorView> inputs_, outputs_;
  std::vector<uint64_t> input_alignment_, output_alignment_;
  bool takes_frames_, takes_limits_;
  bool wide_ = false;  // offsets need 64 bits
};

/// Elements that a thread can move at once along the innermost axis of a collapsed loop: the
/// innermost stride of every operand is 1, or 0 where `broadcasts` allows it. Divides the loop.
struct PackOperand {
  uint32_t element_bytes;
  uint64_t alignment;
  bool broadcasts;
};
template <int K>
int64_t divide_into_packs(cpu::StridedLoop<K>& loop, const std::vector<PackOperand>& operands) {
  constexpr int64_t kWidest = 16;  // bytes of one access
  int64_t pack = kWidest;
  const int inner = loop.rank - 1;
  for (size_t k = 0; k < operands.size(); ++k) {
    const PackOperand& o = operands[k];
    const auto& strides = loop.strides[k];
    if (strides[inner] == 0 && o.broadcasts) continue;
    if (strides[inner] != 1) return 1;
    while (pack > 1 && (pack * o.element_bytes > kWidest ||
                        o.alignment % (static_cast<uint64_t>(pack) * o.element_bytes) != 0))
      pack /= 2;
    for (int i = 0; i < inner; ++i)
      while (strides[i] % pack != 0) pack /= 2;
  }
  while (loop.shape[inner] % pack != 0) pack /= 2;
  loop.shape[inner] /= pack;
  for (size_t k = 0; k < operands.size(); ++k) loop.strides[k][inner] *= pack;
  return pack;
}

/// The POD that a CPU family wrote.
template <typename P>
P params_of_step(const StepSpec& step) {
  P p;
  if (step.params.size() < sizeof(P)) throw std::logic_error("parameters of another kernel");
  std::memcpy(&p, step.params.data(), sizeof(P));
  return p;
}

}  // namespace stint::builder
