#include "host_builder/data/npy.h"

#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

#include "host_builder/support/error.h"
#include "tests/support/temporary_folder.h"

using namespace stint;
using namespace stint::builder;

namespace {

/// A .npy file as numpy writes it, with any header.
std::string npy(const std::string& fields, const void* data, size_t bytes, int version = 1) {
  std::string header = "{" + fields + "}";
  const size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  for (size_t i = 0; i < prefix - 8; ++i)
    file += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return file + header + std::string(static_cast<const char*>(data), bytes);
}

HostTensor read(const std::string& file) {
  const test::TemporaryFolder folder;
  return read_npy(folder.write("a.npy", file.data(), file.size()));
}

std::string refusal(const std::string& file) {
  try {
    read(file);
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a tensor is read as it was written") {
  HostTensor tensor;
  tensor.dtype = DType::kI16;
  tensor.shape = {2, 3};
  const int16_t values[6] = {1, -2, 3, 4, 5, -6};
  tensor.data.resize(sizeof values);
  std::memcpy(tensor.data.data(), values, sizeof values);
  const test::TemporaryFolder folder;
  write_npy(folder.path("t.npy"), tensor);
  const HostTensor again = read_npy(folder.path("t.npy"));
  CHECK(again.dtype == tensor.dtype);
  CHECK(again.shape == tensor.shape);
  CHECK(again.data == tensor.data);
}

TEST_CASE("what numpy saves of a transposed array is read in the order of its axes") {
  // Element [i, j, k] of a [2, 3, 4] array holds 100 i + 10 j + k.
  for (const bool fortran : {false, true}) {
    CAPTURE(fortran);
    std::vector<int32_t> data(24);
    for (int32_t i = 0; i < 2; ++i)
      for (int32_t j = 0; j < 3; ++j)
        for (int32_t k = 0; k < 4; ++k)
          data[static_cast<size_t>(fortran ? i + 2 * j + 6 * k : 12 * i + 4 * j + k)] =
              100 * i + 10 * j + k;
    const std::string order = fortran ? "True" : "False";
    const HostTensor tensor =
        read(npy("'descr': '<i4', 'fortran_order': " + order + ", 'shape': (2, 3, 4), ",
                 data.data(), data.size() * 4));
    REQUIRE(tensor.shape == Shape{2, 3, 4});
    const int32_t* values = tensor.as<int32_t>();
    for (int32_t i = 0; i < 24; ++i) CHECK(values[i] == 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
  }
}

TEST_CASE("scalars, vectors and empty arrays have one order only") {
  const float values[3] = {1, 2, 3};
  const std::string fields = "'descr': '<f4', 'fortran_order': True, 'shape': ";
  CHECK(read(npy(fields + "(), ", values, 4)).shape.empty());
  CHECK(read(npy(fields + "(3,), ", values, 12)).as<float>()[2] == 3.0f);
  CHECK(read(npy(fields + "(2, 0, 3), ", values, 0)).shape == Shape{2, 0, 3});
}

TEST_CASE("versions 1 to 3 differ in the length of the header") {
  const float value = 7;
  for (const int version : {1, 2, 3}) {
    CAPTURE(version);
    const HostTensor tensor =
        read(npy("'descr': '<f4', 'fortran_order': False, 'shape': (1,), ", &value, 4, version));
    CHECK(tensor.as<float>()[0] == 7.0f);
  }
}

TEST_CASE("what cannot be read says what to write instead") {
  const double value = 0;
  const auto with_type = [&](const std::string& type) {
    return refusal(
        npy("'descr': '" + type + "', 'fortran_order': False, 'shape': (1,), ", &value, 8));
  };
  CHECK(with_type(">f8").find("newbyteorder('<')") != std::string::npos);
  CHECK(with_type("|O").find("array.astype()") != std::string::npos);
  CHECK(refusal("no array").find("numpy.save()") != std::string::npos);
  CHECK(refusal(npy("'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), ", &value, 8))
            .find("needs 32 bytes, the file holds 8") != std::string::npos);
}
