// The names that the nodes of one body see: the model's graph, a branch, an iteration of a loop, a
// call of a function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct FunctionCall;

class Scope {
 public:
  /// The model's graph.
  explicit Scope(int64_t opset) : opset_(opset) {}
  /// The body of a function: sees nothing of its caller but the operands.
  Scope(const Scope& caller, const FunctionCall& call, int64_t opset, std::string path)
      : opset_(opset), call_(&call), path_(std::move(path)), depth_(caller.depth_ + 1) {}
  /// A body inside another one, whose names it sees; `path` begins the names of its nodes.
  Scope(const Scope& outer, std::string path)
      : outer_(&outer),
        opset_(outer.opset_),
        call_(outer.call_),
        path_(std::move(path)),
        depth_(outer.depth_ + 1) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// kNoValue: the result of a node that could not be translated. Nothing: no value has the name.
  std::optional<ValueId> find(const std::string& name) const;
  /// False if this body has a value of the name already.
  bool define(const std::string& name, ValueId id) { return values_.emplace(name, id).second; }

  /// Names of the graph's own values are the model's, so that users find them in the plan.
  bool is_model() const { return depth_ == 0; }
  int64_t opset() const { return opset_; }            // of the standard operators; 0: not imported
  const FunctionCall* call() const { return call_; }  // null outside of functions
  const std::string& path() const { return path_; }
  size_t depth() const { return depth_; }

 private:
  const Scope* outer_ = nullptr;
  int64_t opset_ = 0;
  const FunctionCall* call_ = nullptr;
  std::string path_;
  size_t depth_ = 0;
  std::unordered_map<std::string, ValueId> values_;
};

}  // namespace stint::builder
