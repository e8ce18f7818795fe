// Machine code by source, for many plans of the same kernels.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host_builder/codegen/compiler.h"

namespace stint::builder {

class CodeStore {
 public:
  CodeStore(const Target& target, unsigned threads) : target_(target), threads_(threads) {}

  /// Compiles what is not there yet, in parallel. Throws BuildError.
  void compile(const std::vector<std::string>& sources,
               const std::function<void(size_t done, size_t total)>& progress = nullptr);
  /// Of a source that was compiled.
  const Cubin& at(const std::string& source) const { return code_.at(source); }

 private:
  const Target& target_;
  unsigned threads_;
  std::map<std::string, Cubin> code_;
};

}  // namespace stint::builder
