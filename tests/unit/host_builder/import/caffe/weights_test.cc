#include <cmath>
#include <limits>

#include "host_builder/import/caffe/net_weights.h"
#include "host_builder/support/refusal.h"
#include "tests/support/caffe_net.h"

using namespace stint::builder;
namespace caffe = stint::caffe;

namespace {

std::string bytes_of(const caffe::Weights& weights) { return weights.SerializeAsString(); }

NetWeights read(const std::string& bytes) { return NetWeights(std::as_bytes(std::span(bytes))); }

std::string refusal(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const Refusal& error) {
    return error.what();
  }
  return "";
}

caffe::Weights one_layer(const Shape& shape, const std::vector<float>& values) {
  CaffeNet net("");
  net.blob("l", shape, values);
  return net.weights();
}

}  // namespace

TEST_CASE("blobs are found by their layers' names, and extents of 1 may stand anywhere") {
  NetWeights weights = read(bytes_of(one_layer({1, 1, 2, 3}, counting(6))));
  CHECK(!weights.made_up());
  weights.check_layer("l", 1);
  CHECK(weights.blob("l", 0, {2, 3}, {}) == counting(6));
  CHECK_THROWS_WITH_AS(weights.blob("l", 0, {3, 2}, {}),
                       doctest::Contains("blob 0 of its weights is [1,1,2,3], needs [3,2]"),
                       Refusal);
  CHECK_THROWS_WITH_AS(weights.check_layer("l", 2),
                       doctest::Contains("have 1 blob(s) of it, needs 2"), Refusal);
  CHECK_THROWS_WITH_AS(weights.blob("other", 0, {6}, {}),
                       doctest::Contains("the weights have no layer of this name"), Refusal);
}

TEST_CASE("older files have layers under another number, four extents and perhaps doubles") {
  caffe::Weights file;
  caffe::LegacyLayerWeights& layer = *file.add_layers();
  layer.set_name("ip");
  caffe::BlobProto& blob = *layer.add_blobs();
  blob.set_num(1);
  blob.set_channels(1);
  blob.set_height(2);
  blob.set_width(2);
  for (const double value : {1.0, 2.0, 3.0, 4.0}) blob.add_double_data(value);
  NetWeights weights = read(bytes_of(file));
  CHECK(weights.blob("ip", 0, {2, 2}, {}) == counting(4));
  CHECK(weights.unused() == std::vector<std::string>{"ip"});
  weights.check_layer("ip", 1);
  CHECK(weights.unused().empty());
}

TEST_CASE("what is no file of weights is told apart") {
  mentions(refusal("layer { name: 'a' }"), "give the prototxt as MODEL");
  mentions(refusal("\x89HDF\r\n\x1a\n"), "BINARYPROTO");
  mentions(refusal("no weights at all"), "not a complete protobuf message");
  const std::string whole = bytes_of(one_layer({4}, counting(4)));
  mentions(refusal(whole.substr(0, whole.size() - 3)), "truncated");
  caffe::Weights empty;
  empty.set_name("n");
  empty.add_layer()->set_name("no blobs");
  mentions(refusal(bytes_of(empty)), "holds no layer with weights");
}

TEST_CASE("as many numbers as the shape says") {
  NetWeights weights = read(bytes_of(one_layer({2, 3}, counting(5))));
  CHECK_THROWS_WITH_AS(weights.blob("l", 0, {2, 3}, {}), doctest::Contains("holds 5 numbers"),
                       Refusal);
  caffe::Weights hostile = one_layer({2, 3}, counting(6));
  hostile.mutable_layer(0)->mutable_blobs(0)->mutable_shape()->add_dim(
      std::numeric_limits<int64_t>::max());
  CHECK_THROWS_AS(read(bytes_of(hostile)).blob("l", 0, {2, 3}, {}), Refusal);
}

TEST_CASE("made-up weights are the same for every build and keep the size of their sums") {
  NetWeights weights, again;
  CHECK(weights.made_up());
  const auto values = weights.blob("a", 0, {100, 100}, {100});
  CHECK(values == again.blob("a", 0, {100, 100}, {100}));
  CHECK(values != again.blob("b", 0, {100, 100}, {100}));
  CHECK(values != again.blob("a", 1, {100, 100}, {100}));
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  CHECK(std::abs(sum / 1e4) < 0.01);
  CHECK(squares / 1e4 == doctest::Approx(0.02).epsilon(0.05));  // 2 / summands
  CHECK(weights.blob("a", 0, {2}, {0, 20.0f}) == std::vector<float>{20, 20});
}
