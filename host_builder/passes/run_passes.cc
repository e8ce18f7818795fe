#include <algorithm>
#include <cstdio>

#include "host_builder/passes/pass.h"
#include "host_builder/support/atomic_file.h"
#include "host_builder/support/error.h"

namespace stint::builder {

namespace {

void check_disabled(const std::vector<Pass>& passes, const std::set<std::string>& disabled) {
  Findings findings;
  std::string names;
  for (const Pass& pass : passes)
    if (pass.optional) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  for (const std::string& name : disabled) {
    const auto it = std::find_if(passes.begin(), passes.end(),
                                 [&](const Pass& pass) { return name == pass.name; });
    if (it == passes.end())
      findings.add("there is no pass '" + name + "'; the passes are: " + names);
    else if (!it->optional)
      findings.add("pass '" + name + "' is needed by later stages and cannot be disabled");
  }
  findings.raise("--disable-pass");
}

void dump(const Graph& graph, const std::filesystem::path& dir, size_t number,
          const std::string& name) {
  char prefix[8];
  std::snprintf(prefix, sizeof prefix, "%02zu_", number);
  write_file_atomically(dir / (prefix + name + ".txt"), to_text(graph));
}

}  // namespace

std::vector<PassReport> run_passes(Graph& graph, const std::vector<Pass>& passes,
                                   const PassContext& context, const PassOptions& options) {
  check_disabled(passes, options.disabled);
  const bool dumping = !options.dump_dir.empty();
  if (dumping) {
    std::error_code error;
    std::filesystem::create_directories(options.dump_dir, error);
    if (error)
      throw BuildError("cannot make the folder '" + options.dump_dir.string() +
                       "' for --dump-passes: " + error.message());
  }
  verify(graph);
  if (dumping) dump(graph, options.dump_dir, 0, "import");

  std::vector<PassReport> reports;
  size_t number = 0;
  for (const Pass& pass : passes) {
    ++number;
    if (options.disabled.count(pass.name)) continue;
    if (pass.applies != nullptr && !pass.applies(context)) continue;
    const size_t changes = pass.run(graph, context);
    if (dumping) dump(graph, options.dump_dir, number, pass.name);
    try {
      verify(graph);
    } catch (const BuildError& e) {
      throw BuildError("after pass '" + std::string(pass.name) + "': " + e.what());
    }
    reports.push_back({pass.name, changes, graph.live_node_count()});
  }
  return reports;
}

}  // namespace stint::builder
