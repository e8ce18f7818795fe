#include "host_builder/import/caffe/net_text.h"

#include <doctest/doctest.h>

#include <span>

#include "tests/support/mentions.h"

using namespace stint::builder;
namespace caffe = stint::caffe;

namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string refusal(const std::string& text) {
  try {
    parse_net_text(bytes(text));
  } catch (const Refusal& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("text that lists layers is a net") {
  for (const char* text : {"layer {\n}", "# layer\nlayers\t{ }", "name: 'n'\nlayer: { name: 'a' }"})
    CHECK(is_net_text(bytes(text)));
  for (const char* text : {"", "# layer {", "my_layer { }", "layer_count 3", "layers", "player {"})
    CHECK(!is_net_text(bytes(text)));
  CHECK(!is_net_text(bytes(std::string("\0layer {", 8))));
}

TEST_CASE("fields of training are passed over, others are kept with their lines and layers") {
  const NetText text = parse_net_text(
      bytes("force_backward: true\n"
            "odd: 1\n"
            "layer { name: 'a' type: 'A' param { lr_mult: 1 decay_mult: 2 } loss_weight: 1\n"
            "  roi_pooling_param { pooled_w: 3 } }\n"
            "layer {\n"
            "  convolution_param { engine: CAFFE weight_filler { type: 'xavier' std: 1 }\n"
            "    sparse: true } }\n"));
  REQUIRE(text.net.layer_size() == 2);
  CHECK(text.net.layer(0).name() == "a");
  REQUIRE(text.unknown_of_net.size() == 1);
  CHECK(text.unknown_of_net[0].name == "odd");
  CHECK(text.unknown_of_net[0].line == 2);
  REQUIRE(text.unknown_of_layer.size() == 2);
  REQUIRE(text.unknown_of_layer[0].size() == 1);
  CHECK(text.unknown_of_layer[0][0].name == "roi_pooling_param");
  CHECK(text.unknown_of_layer[0][0].line == 4);
  REQUIRE(text.unknown_of_layer[1].size() == 1);
  CHECK(text.unknown_of_layer[1][0].name == "sparse");
  CHECK(text.unknown_of_layer[1][0].line == 7);
}

TEST_CASE("layers of the older form become today's") {
  const NetText text = parse_net_text(bytes(
      "layers { name: 'c' type: CONVOLUTION bottom: 'x' top: 'c' blobs_lr: 1 weight_decay: 0\n"
      "  include { phase: TEST } convolution_param { num_output: 7 kernel_size: 3 } }\n"
      "layers { type: SOFTMAX_LOSS exclude { phase: TRAIN } }\n"
      "layers { type: TANH }"));
  REQUIRE(text.net.layer_size() == 3);
  const caffe::Layer& layer = text.net.layer(0);
  CHECK(layer.name() == "c");
  CHECK(layer.type() == "Convolution");
  CHECK(layer.bottom(0) == "x");
  CHECK(layer.top(0) == "c");
  CHECK(layer.include(0).phase() == caffe::TEST);
  CHECK(layer.convolution_param().num_output() == 7);
  CHECK(text.net.layer(1).type() == "SoftmaxWithLoss");
  CHECK(text.net.layer(1).exclude_size() == 1);
  CHECK(text.net.layer(2).type() == "TanH");
}

TEST_CASE("a byte order mark before the text is passed over") {
  CHECK(parse_net_text(bytes("\xef\xbb\xbflayer { name: 'a' }")).net.layer_size() == 1);
}

TEST_CASE("what cannot be read says where") {
  mentions(refusal("layer {\n  name: 'a'\n  top }"), "line 3");
  mentions(refusal("layers { type: REORG }"), "Unknown enumeration value of \"REORG\"");
  mentions(refusal("layer { name: 'a' name: 'b' }"), "specified multiple times");
  mentions(refusal("layer { } layers { }"), "convert it with Caffe's upgrade_net_proto_text");
  std::string deep = "layer { odd ";
  for (int i = 0; i < 10000; ++i) deep += "{ a ";
  mentions(refusal(deep), "the topology cannot be read");
  mentions(refusal(std::string((size_t{2} << 20) + 1, ' ')), "at most 2 MiB");
}
