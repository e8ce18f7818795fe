// Phases, wiring, inputs and outputs.
#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

constexpr const char* kInput = "input: 'x' input_shape { dim: 1 dim: 2 dim: 2 dim: 2 }\n";

std::vector<std::string> outputs_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  return names;
}

std::string power(const std::string& name, const std::string& bottom, const std::string& top,
                  const std::string& more = "power_param { shift: 1 }") {
  return "layer { name: '" + name + "' type: 'Power' bottom: '" + bottom + "' top: '" + top + "' " +
         more + " }\n";
}

}  // namespace

TEST_CASE("blobs that nobody reads are the outputs, in the order of their layers") {
  const CaffeNet net(kInput + power("b", "x", "z") + power("a", "x", "a") + power("c", "z", "m"));
  CHECK(outputs_of(net.import()) == std::vector<std::string>{"a", "m"});
}

TEST_CASE("layers work in place, and the blob's last value has its name") {
  const CaffeNet net(kInput + power("a", "x", "y") + power("b", "y", "y") +
                     "layer { type: 'Dropout' name: 'd' bottom: 'y' top: 'y' }\n" +
                     power("c", "y", "y"));
  const Graph graph = net.import();
  CHECK(outputs_of(graph) == std::vector<std::string>{"y"});
  CHECK(net.result(std::vector<float>(8, 1.0f)) == std::vector<float>(8, 4.0f));
  const CaffeNet on_input(kInput + power("a", "x", "x"));
  CHECK(on_input.result(std::vector<float>(8, 1.0f), "x/output") == std::vector<float>(8, 2.0f));
}

TEST_CASE("only what the phase TEST has is there") {
  const CaffeNet net(kInput +
                     power("train", "x", "y", "include { phase: TRAIN } power_param { shift: 5 }") +
                     power("test", "x", "y", "include { phase: TEST } power_param { shift: 2 }") +
                     power("no", "y", "z", "exclude { phase: TEST }") +
                     power("level", "y", "w", "include { min_level: 1 }") +
                     power("stage", "y", "v", "include { stage: 'deploy' }") +
                     power("not_stage", "y", "u", "include { not_stage: 'deploy' }"));
  CHECK(outputs_of(net.import()) == std::vector<std::string>{"u"});
  CHECK(net.result(std::vector<float>(8, 0.0f), "u") == std::vector<float>(8, 2.0f));
  const CaffeNet staged("state { level: 2 stage: 'deploy' }\n" + net.text());
  CHECK(outputs_of(staged.import()) == std::vector<std::string>{"w", "v"});
  mentions(CaffeNet(kInput + power("a", "x", "y", "include { } exclude { }")).refusal(),
           "keep one kind of rule");
}

TEST_CASE("losses and measures are left out with a note") {
  std::vector<std::string> notes;
  ImportOptions options;
  options.notes = &notes;
  const CaffeNet net(
      "layer { name: 'data' type: 'Data' top: 'x' top: 'label' data_param { batch_size: 8 }\n"
      "  transform_param { scale: 0.5 } }\n" +
      power("a", "x", "y") +
      "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'y' bottom: 'label' top: 'loss' }\n"
      "layer { name: 'acc' type: 'Accuracy' bottom: 'y' bottom: 'label' top: 'acc' }");
  mentions(net.refusal(), "input 'x': has no shape in the model; give it with --shape x=");
  options.shapes["x"] = {1, 2, 2, 2};
  CHECK(outputs_of(net.import(options)) == std::vector<std::string>{"y"});
  REQUIRE(notes.size() == 3);
  mentions(notes[0], "layer 'loss' (SoftmaxWithLoss) is for training and left out");
  mentions(notes[2], "layer 'data' (Data) is an input of the plan");
}

TEST_CASE("silenced blobs are no outputs") {
  const CaffeNet net(kInput + power("a", "x", "y") + power("b", "x", "z") +
                     "layer { name: 's' type: 'Silence' bottom: 'z' }");
  CHECK(outputs_of(net.import()) == std::vector<std::string>{"y"});
}

TEST_CASE("a first extent is the batch, and --shape gives other extents") {
  ImportOptions options;
  options.batch = 3;
  for (const char* first : {"1", "10"}) {
    const CaffeNet net(std::string("input: 'x' input_dim: ") + first +
                       " input_dim: 2 input_dim: 4 input_dim: 4\n" + power("a", "x", "y"));
    CHECK(shape_of(net.import(options), "y") == Shape{3, 2, 4, 4});
  }
  options.batch = 1;
  options.shapes["x"] = {1, 2, 6, 8};
  CHECK(shape_of(CaffeNet(kInput + power("a", "x", "y")).import(options), "y") ==
        Shape{1, 2, 6, 8});
}

TEST_CASE("inputs of layers: one shape for all or one for each") {
  const std::string sum = "layer { name: 's' type: 'Eltwise' bottom: 'x' bottom: 'z' top: 'y' }";
  CHECK(shape_of(CaffeNet("layer { type: 'Input' name: 'i' top: 'x' top: 'z' input_param {"
                          "shape { dim: 1 dim: 5 } } }" +
                          sum)
                     .import(),
                 "y") == Shape{1, 5});
  mentions(CaffeNet("layer { type: 'Input' name: 'i' top: 'x' top: 'z' input_param {"
                    "shape { dim: 1 } shape { dim: 1 } shape { dim: 1 } } }" +
                    sum)
               .refusal(),
           "has 3 shapes for 2 tops");
  mentions(CaffeNet("input: 'x' input_dim: 1 input_dim: 2\n" + power("a", "x", "y")).refusal(),
           "give one input_shape, or four input_dim, for each input");
}

TEST_CASE("everything that is wrong is said at once") {
  const std::string text = CaffeNet(kInput + power("a", "nothing", "y") +
                                    power("b", "x", "z", "quantization_param { bits: 8 }") +
                                    "layer { name: 'r' type: 'ROIPooling' bottom: 'x' bottom: 'z'\n"
                                    "  top: 'r' roi_pooling_param { } }\n"
                                    "layer { name: 'p' type: 'Python' bottom: 'r' top: 'p'\n"
                                    "  python_param { module: 'rpn' layer: 'Proposals' } }\n"
                                    "layer { name: 'm' type: 'Magic' bottom: 'p' top: 'm' }\n"
                                    "layer { name: 'u' bottom: 'x' top: 'u' }\n" +
                                    power("c", "x", "z"))
                               .refusal();
  mentions(text, "the Caffe net cannot be built:");
  mentions(text, "layer 'a' (Power): reads 'nothing', which no layer before it computes");
  mentions(text, "layer 'b' (Power): has a field 'quantization_param' (line 3)");
  mentions(text, "layer 'r' (ROIPooling): regions that depend on the picture");
  mentions(text, "layer 'p' (Python): is Python code (class 'Proposals' of module 'rpn')");
  mentions(text, "layer 'm' (Magic): layers of type 'Magic' are not known");
  mentions(text, "layer 'u' (): has no type");
  mentions(text, "layer 'c' (Power): computes 'z', which another layer computes too");
  CHECK(text.find("roi_pooling_param") == std::string::npos);
}

TEST_CASE("a decoder's operands cut the net") {
  const CaffeNet net(kInput + power("a", "x", "y") + power("b", "y", "z") +
                     "layer { name: 'm' type: 'Magic' bottom: 'z' top: 'm' }");
  ImportOptions options;
  options.cut_at = {"y"};
  CHECK(outputs_of(net.import(options)) == std::vector<std::string>{"y"});
}
