// The comparison and the report themselves: a wrong result must not pass.
#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "tests/conformance/node_test_case.h"
#include "tests/conformance/report.h"

namespace stint::conformance {
namespace {

template <typename T>
builder::HostTensor tensor(DType dtype, builder::Shape shape, const std::vector<T>& values) {
  builder::HostTensor result{dtype, std::move(shape),
                             std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(result.data.data(), values.data(), result.data.size());
  return result;
}

TEST_CASE("floats agree within the tolerance, and only then") {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  auto same = [](float expected, float found) {
    return difference(tensor<float>(DType::kF32, {1}, {expected}),
                      tensor<float>(DType::kF32, {1}, {found}), false)
        .empty();
  };
  CHECK(same(1000.0f, 1000.9f));
  CHECK_FALSE(same(1000.0f, 1001.1f));
  CHECK(same(0.0f, 9e-6f));
  CHECK_FALSE(same(0.0f, 2e-5f));
  CHECK(same(nan, nan));
  CHECK_FALSE(same(nan, 0.0f));
  CHECK_FALSE(same(0.0f, nan));
  CHECK(same(inf, inf));
  CHECK_FALSE(same(inf, -inf));
  CHECK_FALSE(same(inf, 1e30f));
}

TEST_CASE("types, shapes and integers must be equal") {
  const auto a = tensor<int64_t>(DType::kI64, {2}, {3, 4});
  CHECK(difference(a, a, false).empty());
  CHECK_FALSE(difference(a, tensor<int64_t>(DType::kI64, {2}, {3, 5}), false).empty());
  CHECK_FALSE(difference(a, tensor<int64_t>(DType::kI64, {1, 2}, {3, 4}), false).empty());
  CHECK_FALSE(difference(a, tensor<uint64_t>(DType::kU64, {2}, {3, 4}), false).empty());
}

TEST_CASE("only unused rows at the end are dropped") {
  const auto expected = tensor<int64_t>(DType::kI64, {1, 3}, {0, 0, 3});
  const auto padded = tensor<int64_t>(DType::kI64, {2, 3}, {0, 0, 3, -1, -1, -1});
  CHECK(difference(expected, padded, true).empty());
  CHECK_FALSE(difference(expected, padded, false).empty());
  CHECK_FALSE(
      difference(expected, tensor<int64_t>(DType::kI64, {2, 3}, {-1, -1, -1, 0, 0, 3}), true)
          .empty());
}

TEST_CASE("a refusal is reported without the node's name") {
  CHECK(short_reason("the ONNX model cannot be built:\n  - node 'a (b' (Foo): bad\n  - node 'c' "
                     "(Bar): worse") == "Foo: bad");
  CHECK(short_reason("plain") == "plain");
}

}  // namespace
}  // namespace stint::conformance
