#include "host_builder/tune/code_store.h"

namespace stint::builder {

void CodeStore::compile(const std::vector<std::string>& sources,
                        const std::function<void(size_t done, size_t total)>& progress) {
  std::vector<std::string> missing;
  for (const std::string& source : sources)
    if (code_.count(source) == 0) missing.push_back(source);
  if (missing.empty()) return;
  CompileOptions options;
  options.threads = threads_;
  options.progress = progress;
  const std::vector<Cubin> code = compile_cuda(missing, target_, options).cubins;
  for (size_t i = 0; i < missing.size(); ++i) code_.emplace(missing[i], code[i]);
}

}  // namespace stint::builder
