#include "host_builder/emit/memory_map.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "core/plan/tensor_extent.h"

namespace stint::builder {
namespace {

constexpr uint32_t kNoTensor = 0xFFFFFFFFu;

class Mapper {
 public:
  explicit Mapper(const fb::Program& program)
      : program_(program), parent_(program.tensors()->size()) {
    std::iota(parent_.begin(), parent_.end(), 0u);
    const uint32_t count = program.tensors()->size();
    bytes_.resize(count, 0);
    first_.assign(count, kNoTensor);
    last_.assign(count, 0);
    workspace_.assign(count, false);
    for (uint32_t i = 0; i < count; ++i) {
      TensorExtent extent;
      if (measure_tensor(*program.tensors()->Get(i), i, &extent).ok()) bytes_[i] = extent.bytes;
    }
  }

  std::vector<MemoryBlock> run() {
    const auto& steps = *program_.steps();
    for (uint32_t step = 0; step < steps.size(); ++step) {
      const std::vector<uint32_t> operands = operands_of(step);
      for (uint32_t tensor : operands) touch(tensor, step);
      for (uint32_t a : operands) {
        for (uint32_t b : operands) unite_if_shared(a, b);
      }
      if (const uint32_t workspace = steps.Get(step)->workspace(); workspace != kNoTensor) {
        touch(workspace, step);
        workspace_[workspace] = true;
      }
    }
    // The later step of an edge finds in place what the earlier one left: the memory was theirs in
    // between.
    for (uint32_t i = 0; program_.edges() != nullptr && i < program_.edges()->size(); ++i) {
      const fb::Edge& edge = *program_.edges()->Get(i);
      for (uint32_t a : operands_of(edge.from())) {
        for (uint32_t b : operands_of(edge.to())) unite_if_shared(a, b);
      }
    }
    return blocks();
  }

 private:
  std::vector<uint32_t> operands_of(uint32_t step) const {
    std::vector<uint32_t> operands;
    for (const auto* list :
         {program_.steps()->Get(step)->inputs(), program_.steps()->Get(step)->outputs()}) {
      for (uint32_t i = 0; list != nullptr && i < list->size(); ++i) {
        if (is_in_arena(list->Get(i))) operands.push_back(list->Get(i));
      }
    }
    return operands;
  }

  bool is_in_arena(uint32_t tensor) const {
    return program_.tensors()->Get(tensor)->storage() == fb::StorageKind::Arena;
  }

  void touch(uint32_t tensor, uint32_t step) {
    first_[tensor] = std::min(first_[tensor], step);
    last_[tensor] = std::max(last_[tensor], step);
  }

  uint32_t find(uint32_t tensor) {
    while (parent_[tensor] != tensor) tensor = parent_[tensor] = parent_[parent_[tensor]];
    return tensor;
  }

  void unite_if_shared(uint32_t a, uint32_t b) {
    const fb::Tensor &x = *program_.tensors()->Get(a), &y = *program_.tensors()->Get(b);
    if (x.index() != y.index() || x.offset() >= y.offset() + bytes_[b] ||
        y.offset() >= x.offset() + bytes_[a])
      return;
    parent_[std::max(find(a), find(b))] = std::min(find(a), find(b));
  }

  std::vector<MemoryBlock> blocks() {
    std::map<uint32_t, MemoryBlock> by_root;
    for (uint32_t i = 0; i < parent_.size(); ++i) {
      if (!is_in_arena(i) || first_[i] == kNoTensor || bytes_[i] == 0) continue;
      const fb::Tensor& tensor = *program_.tensors()->Get(i);
      const auto [it, is_new] = by_root.try_emplace(find(i));
      MemoryBlock& block = it->second;
      const uint64_t end = is_new ? 0 : block.offset + block.bytes;
      block.arena = tensor.index();
      block.offset = is_new ? tensor.offset() : std::min(block.offset, tensor.offset());
      block.bytes = std::max(end, tensor.offset() + bytes_[i]) - block.offset;
      block.first = is_new ? first_[i] : std::min(block.first, first_[i]);
      block.last = std::max(block.last, last_[i]);
      block.workspace = workspace_[i];
      block.tensors.push_back(i);
    }
    std::vector<MemoryBlock> result;
    for (auto& [root, block] : by_root) result.push_back(std::move(block));
    std::sort(result.begin(), result.end(), [](const MemoryBlock& a, const MemoryBlock& b) {
      return std::tie(a.arena, a.first, a.offset, a.last) <
             std::tie(b.arena, b.first, b.offset, b.last);
    });
    return result;
  }

  const fb::Program& program_;
  std::vector<uint32_t> parent_, first_, last_;
  std::vector<uint64_t> bytes_;
  std::vector<bool> workspace_;
};

}  // namespace

std::vector<MemoryBlock> map_memory(const fb::Program& program) { return Mapper(program).run(); }

}  // namespace stint::builder
