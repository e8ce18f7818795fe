#include "host_builder/quantize/calibration_cache.h"

#include <doctest/doctest.h>

#include "host_builder/support/error.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_folder.h"

using namespace stint;
using namespace stint::builder;

namespace {

constexpr const char* kGood =
    "TRT-8600-EntropyCalibration2\n"
    "images: 40008102\n"
    "(Unnamed Layer* 0) [Constant]_output: 3bc791a2\n"
    "a: b: 3D418306\n";

std::string refusal(const std::string& text) {
  try {
    parse_calibration_cache(text, "my.cache");
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

std::string with_line(const std::string& line) { return std::string(kGood) + line + "\n"; }

}  // namespace

TEST_CASE("a cache is read as TensorRT writes it") {
  const CalibrationCache cache = parse_calibration_cache(kGood, "my.cache");
  CHECK(cache.tag == "TRT-8600-EntropyCalibration2");
  REQUIRE(cache.scales.size() == 3);
  CHECK(cache.scales[0].first == "images");
  CHECK(cache.scales[0].second * 127 == doctest::Approx(255));
  CHECK(cache.scales[1].first == "(Unnamed Layer* 0) [Constant]_output");
  CHECK(cache.scales[2].first == "a: b");
  CHECK(cache.scales[2].second * 127 == doctest::Approx(6));
  const TensorRanges ranges = ranges_of(cache);
  CHECK(ranges.at("images").threshold == doctest::Approx(255));
  CHECK(ranges.at("images").low == -ranges.at("images").threshold);
  CHECK(ranges.at("images").high == ranges.at("images").threshold);
}

TEST_CASE("what is written is read again, bit by bit") {
  CalibrationCache cache;
  cache.tag = calibration_tag(Calibrator::kMinMax);
  cache.scales = {{"x", 0.0f}, {"y", 1e-38f}, {"z w", 123.456f}};
  const test::TemporaryFolder folder;
  write_calibration_cache(folder.path("c"), cache);
  const CalibrationCache again = read_calibration_cache(folder.path("c"));
  CHECK(again.tag == cache.tag);
  CHECK(again.scales == cache.scales);
  CHECK(ranges_of(again).at("x").threshold == kZeroThreshold);

  cache.scales.emplace_back("no\nline", 1.0f);
  cache.scales.emplace_back("", 1.0f);
  CHECK(parse_calibration_cache(calibration_cache_text(cache), "c").scales == again.scales);
}

TEST_CASE("the first line names the calibrator in TensorRT's form") {
  CHECK(calibration_tag(Calibrator::kEntropy) == "TRT-8600-EntropyCalibration2");
  CHECK(calibration_tag(Calibrator::kMinMax) == "TRT-8600-MinMaxCalibration");
  for (const Calibrator calibrator : kCalibrators)
    CHECK(parse_calibration_cache(calibration_tag(calibrator) + "\n", "c").scales.empty());
}

TEST_CASE("a cache that is none is refused, with the line and what is needed") {
  mentions(refusal(""), "my.cache: the file is empty");
  mentions(refusal("x: 40008102\n"), "line 1: found 'x: 40008102'");
  mentions(refusal("\x08\x07onnx"), "line 1: found '??onnx'");
  for (const char* tag : {"TRT-", "TRT--EntropyCalibration", "TRT-86x0-EntropyCalibration",
                          "TRT-8600-Entropy Calibration", "TRT-8600-", "TRT-8600-Entropy",
                          "TRT-1234567890-EntropyCalibration", " TRT-8600-EntropyCalibration"})
    mentions(refusal(tag), "a calibration cache begins with a line like TRT-8600-Entropy");
  mentions(refusal(with_line("x")), "line 5: found 'x', needed is TENSOR: SCALE");
  mentions(refusal(with_line("")), "line 5");
  mentions(refusal(with_line(": 40008102")), "line 5");
  mentions(refusal(with_line("images: 40008102")), "the tensor 'images' is listed twice");
  for (const char* scale :
       {"4000810", "400081022", "4000810g", "0x400081", "-4000810", "4000810\r"})
    mentions(refusal(with_line(std::string("x: ") + scale)), "needed are the 8 hexadecimal digits");
  for (const char* scale : {"7f800000", "7fc00000", "bf800000", "80000000"})
    mentions(refusal(with_line(std::string("x: ") + scale)), "needed is a finite number");
  mentions(refusal(with_line("a\tb: 40008102")), "control characters");
  mentions(refusal(with_line(std::string(5000, 'n') + ": 40008102")), "longer than 4096 bytes");
  mentions(refusal(with_line("x")), "calibrate again");
}

TEST_CASE("a file that is no cache is not read") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(read_calibration_cache(folder.path("absent")), BuildError);
  CHECK_THROWS_AS(read_calibration_cache(folder.root()), BuildError);
}
