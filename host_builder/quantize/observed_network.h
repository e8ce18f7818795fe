// A network compiled for the CPU of this machine, in memory, to be run sample by sample with every
// value in view. It runs what a plan for the cpu target runs, with the runtime's own kernels.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "host_builder/graph/graph.h"

namespace stint::builder {

/// By value: whether calibration asks for its range, numbers in f32 that a sample decides. Not what
/// decoders list: it is no operand of arithmetic, and its rows behind the last are not written.
std::vector<bool> values_with_range(const Graph& graph);

/// The name under which a value's range is known: its own, or, where `names` does not have that but
/// the one without the endings of the layout pass, the latter (same elements in another order).
std::string range_name(const std::string& value, const std::set<std::string>& names);

class ObservedNetwork {
 public:
  /// Where an observed value lies when its step has run.
  struct Place {
    static constexpr uint32_t kInput = 0xFFFFFFFFu;
    uint32_t step = kInput;  // kInput: it is there before the first
    uint32_t index = 0;      // of the step's outputs, or of the program's inputs
  };
  /// A step's operand that is an observed value.
  struct Use {
    uint32_t step = 0;
    uint32_t operand = 0;
    size_t value = 0;  // index into names()
  };

  /// `graph`: physical, in f32, without views. `model_names`: of the values whose names are
  /// preferred (range_name). Values whose name is among `known` are left out. Throws BuildError.
  ObservedNetwork(Graph graph, const std::set<std::string>& model_names,
                  const std::set<std::string>& known = {});
  ObservedNetwork(const ObservedNetwork&) = delete;
  ObservedNetwork& operator=(const ObservedNetwork&) = delete;

  /// Of the observed values, each once, in the order in which they are computed.
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<Place>& places() const { return places_; }
  /// By step.
  const std::vector<Use>& uses() const { return uses_; }
  const std::vector<BindingInfo>& inputs() const { return inputs_; }
  uint32_t batch() const { return batch_; }

 private:
  friend class ObservedRun;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::vector<std::string> names_;
  std::vector<Place> places_;
  std::vector<Use> uses_;
  std::unique_ptr<void, Free> bytes_;
  Plan plan_;
  OwnedEngine engine_;
  Program program_;
  std::vector<BindingInfo> inputs_, outputs_;
  uint32_t batch_ = 1;
};

/// What one thread runs a network with.
class ObservedRun {
 public:
  /// f32 elements of a value, in the order in which they lie in memory.
  using Observer = std::function<void(size_t value, const float* elements, size_t count)>;
  /// Called before each step; what it changes of the step's operands it must restore.
  using BeforeStep = std::function<void(uint32_t step)>;

  explicit ObservedRun(const ObservedNetwork& network);

  Session& session() { return loaded_.session(); }
  /// All inputs are bound. Throws BuildError.
  void run(const Observer& observe, const BeforeStep& before = {});

  uint64_t bytes() const { return loaded_.blocks().bytes(); }

 private:
  const ObservedNetwork& network_;
  OwnedSession loaded_;
  std::vector<std::vector<size_t>> values_of_step_;
};

}  // namespace stint::builder
