// Random models exported for one sample, built for a batch: refused, or every sample's result is in
// the batch's. Their shapes are full of ones, so that nearly everything could be taken for the
// batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "host_builder/evaluate/evaluate_graph.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

constexpr int64_t kBatch = 3;

class RandomModel {
 public:
  explicit RandomModel(unsigned seed) : random_(seed), m_(13) {
    shape_ = {1, upto(3), upto(4), upto(4)};
    m_.input("x", shape_).output("y");
    const int nodes = 2 + static_cast<int>(random_() % 6);
    for (int i = 0; i < nodes; ++i) add();
    m_.node("Identity", {now_}, {"y"});
  }
  const ModelBuilder& model() const { return m_; }

 private:
  int64_t upto(int64_t most) { return 1 + static_cast<int64_t>(random_() % most); }
  size_t axis() { return random_() % shape_.size(); }
  std::string next() { return now_ = "v" + std::to_string(++count_); }
  std::string constant(const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(*checked_elements(shape)));
    for (float& v : values) v = std::uniform_real_distribution<float>(-1, 1)(random_);
    const std::string name = "c" + std::to_string(++count_);
    m_.floats(name, shape, values);
    return name;
  }

  void add() {
    const std::string x = now_;
    switch (random_() % 11) {
      case 0:
      case 1:
        return reshape(x);
      case 2: {
        std::vector<int64_t> perm(shape_.size());
        for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
        std::shuffle(perm.begin(), perm.end(), random_);
        Shape to;
        for (int64_t p : perm) to.push_back(shape_[static_cast<size_t>(p)]);
        m_.node("Transpose", {x}, {next()}).attribute("perm", perm);
        shape_ = to;
        return;
      }
      case 3:
        m_.node("Softmax", {x}, {next()}).attribute("axis", static_cast<int64_t>(axis()));
        return;
      case 4: {
        Shape with = shape_;
        for (int64_t& extent : with)
          if (random_() % 2) extent = 1;
        const std::string c = constant(with);
        m_.node("Add", {x, c}, {next()});
        return;
      }
      case 5: {
        if (shape_.size() < 2) return;
        const size_t a = axis();
        const bool keep = random_() % 2;
        m_.node("ReduceMean", {x}, {next()});
        m_.attribute("axes", std::vector<int64_t>{static_cast<int64_t>(a)});
        m_.attribute("keepdims", int64_t{keep});
        if (keep)
          shape_[a] = 1;
        else
          shape_.erase(shape_.begin() + static_cast<int64_t>(a));
        return;
      }
      case 6: {
        const int64_t columns = upto(3);
        const std::string c = constant({shape_.back(), columns});
        m_.node("MatMul", {x, c}, {next()});
        shape_.back() = columns;
        return;
      }
      case 7: {
        const size_t a = axis();
        Shape with = shape_;
        with[a] = upto(2);
        const std::string c = random_() % 2 ? x : constant(with);
        const std::vector<std::string> parts =
            random_() % 2 ? std::vector<std::string>{c, x} : std::vector<std::string>{x, c};
        m_.node("Concat", parts, {next()}).attribute("axis", static_cast<int64_t>(a));
        shape_[a] += c == x ? shape_[a] : with[a];
        return;
      }
      case 8: {
        const size_t a = axis();
        const int64_t begin = upto(shape_[a]) - 1, end = begin + upto(shape_[a] - begin);
        const std::string n = std::to_string(++count_);
        m_.integers("b" + n, {begin}).integers("e" + n, {end});
        m_.integers("a" + n, {static_cast<int64_t>(a)});
        m_.node("Slice", {x, "b" + n, "e" + n, "a" + n}, {next()});
        shape_[a] = end - begin;
        return;
      }
      case 9: {
        const size_t a = axis();
        const int64_t index = upto(shape_[a]) - 1;
        const std::string n = std::to_string(++count_);
        m_.integers("i" + n, {index, 0});
        m_.node("Gather", {x, "i" + n}, {next()}).attribute("axis", static_cast<int64_t>(a));
        shape_[a] = 2;
        return;
      }
      default: {
        if (shape_.size() < 2) return;
        std::vector<int64_t> perm(shape_.size());
        for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
        std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
        const std::string t = next();
        m_.node("Transpose", {x}, {t}).attribute("perm", perm);
        m_.node("MatMul", {x, t}, {next()});
        shape_.back() = shape_[shape_.size() - 2];
        return;
      }
    }
  }

  /// A literal target, maybe with ones and one -1.
  void reshape(const std::string& x) {
    int64_t rest = *checked_elements(shape_);
    Shape to;
    while (rest > 1 && to.size() < 3) {
      int64_t factor = upto(rest);
      while (rest % factor != 0) --factor;
      to.push_back(factor);
      rest /= factor;
    }
    to.push_back(rest);
    if (random_() % 2) to.insert(to.begin(), 1);
    shape_ = to;
    if (random_() % 2) to[random_() % to.size()] = -1;
    const std::string name = "t" + std::to_string(++count_);
    m_.integers(name, to);
    m_.node("Reshape", {x, name}, {next()});
  }

  std::mt19937 random_;
  ModelBuilder m_;
  Shape shape_;
  std::string now_ = "x";
  int count_ = 0;
};

HostTensor floats(const Shape& shape, std::mt19937& random) {
  HostTensor t{DType::kF32, shape, {}};
  t.data.resize(static_cast<size_t>(*checked_elements(shape)) * sizeof(float));
  for (size_t i = 0; i < t.data.size() / sizeof(float); ++i)
    t.as<float>()[i] = std::uniform_real_distribution<float>(-2, 2)(random);
  return t;
}

/// Whether the batch's result is that of the samples, each `stride` elements in turn.
bool holds(const HostTensor& all, const std::vector<HostTensor>& samples, size_t stride) {
  const size_t each = samples[0].data.size() / sizeof(float);
  for (size_t i = 0; i < each * samples.size(); ++i) {
    const size_t sample = i / stride % samples.size();
    const size_t own = i / (stride * samples.size()) * stride + i % stride;
    const float expected = samples[sample].as<float>()[own], found = all.as<float>()[i];
    if (!(std::abs(found - expected) <= 1e-4f * (1.0f + std::abs(expected)))) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a batch of a random model is its samples one by one, or refused") {
  ImportOptions batch;
  batch.batch = kBatch;
  int built = 0, refused = 0;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    const RandomModel model(seed);
    const Graph one = model.model().import();
    Graph all;
    try {
      all = model.model().import(batch);
    } catch (const BuildError& error) {
      const std::string text = error.what();
      CAPTURE(text);
      CHECK(text.find("batch") != std::string::npos);
      ++refused;
      continue;
    }
    ++built;
    std::mt19937 random(seed);
    std::vector<HostTensor> samples;
    HostTensor joined{DType::kF32, one.value(one.inputs[0]).shape, {}};
    joined.shape[0] = kBatch;
    for (int64_t i = 0; i < kBatch; ++i) {
      const HostTensor x = floats(one.value(one.inputs[0]).shape, random);
      joined.data.insert(joined.data.end(), x.data.begin(), x.data.end());
      samples.push_back(evaluate_graph(one, {{"x", x}}).at("y"));
    }
    const HostTensor y = evaluate_graph(all, {{"x", joined}}).at("y");
    REQUIRE(y.data.size() == kBatch * samples[0].data.size());
    const size_t each = samples[0].data.size() / sizeof(float);
    bool found = false;
    for (size_t stride = 1; stride <= each && !found; ++stride)
      found = each % stride == 0 && holds(y, samples, stride);
    CHECK(found);
  }
  MESSAGE(built << " built, " << refused << " refused");
  CHECK(built > 300);
  CHECK(refused > 300);
}

}  // namespace stint::builder
