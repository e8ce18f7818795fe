#include "host_builder/emit/weight_orders.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/plan/step_operands.h"
#include "core/plan/tensor_extent.h"

namespace stint::builder {
namespace {

struct Place {
  uint32_t segment = 0;
  uint64_t begin = 0, end = 0;
};

/// Bytes that at least one of the places covers.
uint64_t covered(std::vector<Place> places) {
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.segment, a.begin) < std::tie(b.segment, b.begin);
  });
  uint64_t bytes = 0;
  Place last;
  for (const Place& place : places) {
    const bool follows = place.segment == last.segment;
    const uint64_t begin = follows ? std::max(place.begin, last.end) : place.begin;
    if (place.end > begin) bytes += place.end - begin;
    last = {place.segment, 0, follows ? std::max(place.end, last.end) : place.end};
  }
  return bytes;
}

std::string text_of(const flatbuffers::String* text) { return text == nullptr ? "" : text->str(); }

class Counter {
 public:
  void add(const fb::Program& program) {
    std::map<std::string, uint32_t> seen;  // steps of that name so far
    for (const fb::Step* step : *program.steps()) {
      const std::string name = text_of(step->name());
      const uint32_t occurrence = seen[name]++;
      for (uint32_t i = 0; i < operand_count(step->inputs()); ++i)
        add({name, occurrence, i}, *program.tensors()->Get(step->inputs()->Get(i)));
    }
  }
  WeightBytes count() const {
    const uint64_t all = covered(all_);
    return {all, all - covered(first_orders_)};
  }

 private:
  using Operand = std::tuple<std::string, uint32_t, uint32_t>;

  void add(const Operand& operand, const fb::Tensor& tensor) {
    TensorExtent extent;
    if (tensor.storage() != fb::StorageKind::Segment || !measure_tensor(tensor, 0, &extent).ok())
      return;
    const Place place = {tensor.index(), tensor.offset(), tensor.offset() + extent.bytes};
    all_.push_back(place);
    const std::string name = text_of(tensor.name());
    const bool is_first = first_names_.emplace(operand, name).first->second == name;
    if (is_first) first_orders_.push_back(place);
  }

  std::map<Operand, std::string> first_names_;
  std::vector<Place> all_, first_orders_;
};

}  // namespace

WeightBytes count_weight_bytes(const fb::TargetVariant& variant) {
  Counter counter;
  for (const fb::Program* program : *variant.programs()) counter.add(*program);
  return counter.count();
}

}  // namespace stint::builder
