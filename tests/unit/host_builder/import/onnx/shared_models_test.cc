// Every ONNX model of the data folder imports.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/shape.h"
#include "host_builder/import/importer.h"

namespace stint::builder {
namespace {

std::vector<std::filesystem::path> data_models() {
  std::vector<std::filesystem::path> models;
  const char* data = std::getenv("STINT_DATA");
  if (!data) return models;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

TEST_CASE("every model of the data folder imports, verifies and has static shapes") {
  const auto models = data_models();
  if (models.empty()) {
    MESSAGE("skipped: STINT_DATA is not set");
    return;
  }
  for (const auto& path : models) {
    CAPTURE(path);
    const Graph graph = import_model(path, {});
    CHECK_NOTHROW(verify(graph));
    CHECK(graph.live_node_count() > 0);
    REQUIRE(!graph.outputs.empty());
    for (ValueId output : graph.outputs) {
      CHECK(checked_elements(graph.value(output).shape).value_or(0) > 0);
    }
  }
}

TEST_CASE("a batch of 4 is followed through the models whose first axis is 1 or symbolic") {
  const auto models = data_models();
  if (models.empty()) {
    MESSAGE("skipped: STINT_DATA is not set");
    return;
  }
  for (const auto& path : models) {
    if (path.filename().string().find("ACASXU") != std::string::npos)
      continue;  // its input is a vector
    CAPTURE(path);
    ImportOptions options;
    options.batch = 4;
    const Graph one = import_model(path, {});
    const Graph four = import_model(path, options);
    CHECK_NOTHROW(verify(four));
    REQUIRE(four.outputs.size() == one.outputs.size());
    for (size_t i = 0; i < one.outputs.size(); ++i) {
      Shape expected = one.value(one.outputs[i]).shape;
      expected[0] = 4;
      CHECK(shape_text(four.value(four.outputs[i]).shape) == shape_text(expected));
    }
  }
}

}  // namespace
}  // namespace stint::builder
