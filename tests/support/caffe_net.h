// Small Caffe nets for tests: text, and weights beside it.
#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "caffe/caffe.pb.h"
#include "host_builder/import/importer.h"
#include "tests/support/evaluated.h"
#include "tests/support/mentions.h"

namespace stint::builder {

class CaffeNet {
 public:
  explicit CaffeNet(std::string text) : text_(std::move(text)) {}
  /// A net of one layer that reads "x" and computes "y".
  static CaffeNet of_layer(const Shape& x, const std::string& layer) {
    std::string text = "layer { name: 'data' type: 'Input' top: 'x' input_param { shape {";
    for (const int64_t extent : x) text += " dim: " + std::to_string(extent);
    return CaffeNet(text + " } } }\nlayer { name: 'l' bottom: 'x' top: 'y' " + layer + " }");
  }

  CaffeNet& blob(const std::string& layer, const Shape& shape, const std::vector<float>& values) {
    caffe::LayerWeights* found = nullptr;
    for (caffe::LayerWeights& known : *weights_.mutable_layer())
      if (known.name() == layer) found = &known;
    if (found == nullptr) {
      found = weights_.add_layer();
      found->set_name(layer);
    }
    caffe::BlobProto& blob = *found->add_blobs();
    caffe::BlobShape& extents = *blob.mutable_shape();
    for (const int64_t extent : shape) extents.add_dim(extent);
    *blob.mutable_data() = {values.begin(), values.end()};
    return *this;
  }
  caffe::Weights& weights() { return weights_; }
  const std::string& text() const { return text_; }

  Source source() const {
    const std::string weights = weights_.SerializeAsString();
    const auto bytes = [](const std::string& of) { return std::as_bytes(std::span(of)); };
    if (weights.empty()) return Source::of_bytes(bytes(text_));
    return Source::of_bytes(bytes(text_), {bytes(weights)});
  }
  Graph import(const ImportOptions& options = {}) const {
    Source from = source();
    Graph graph = import_model(from, options);
    verify(graph);
    return graph;
  }
  /// Why the net cannot be imported; fails the test if it can.
  std::string refusal(const ImportOptions& options = {}) const {
    try {
      import(options);
    } catch (const BuildError& error) {
      return error.what();
    }
    FAIL("the net is imported");
    return {};
  }
  std::vector<float> result(const std::vector<float>& x, const std::string& output = "y") const {
    return evaluated(import(), x, output);
  }

 private:
  std::string text_;
  caffe::Weights weights_;
};

/// The numbers from `first` on.
inline std::vector<float> counting(size_t count, float first = 1.0f, float step = 1.0f) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) values.push_back(first + step * static_cast<float>(i));
  return values;
}

inline void close_to(const std::vector<float>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(got[i]) == doctest::Approx(want[i]).epsilon(1e-5));
  }
}

inline const Shape& shape_of(const Graph& graph, const std::string& value) {
  for (ValueId id = 0; id < graph.value_count(); ++id)
    if (graph.value(id).name == value) return graph.value(id).shape;
  FAIL("no value of this name");
  return graph.value(0).shape;
}

}  // namespace stint::builder
