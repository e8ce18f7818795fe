// A hostile ONNX model: must be imported or refused with a BuildError; never crash, hang or take
// memory without bound.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "host_builder/import/importer.h"
#include "host_builder/support/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/onnx_model.h"

using stint::builder::BuildError;
using stint::builder::ImportOptions;
using stint::builder::ModelBuilder;

namespace {

uint64_t imported = 0;
uint64_t refused = 0;

constexpr int64_t kOddNumbers[] = {0,
                                   1,
                                   -1,
                                   2,
                                   3,
                                   4,
                                   7,
                                   -2,
                                   -8,
                                   64,
                                   255,
                                   65536,
                                   int64_t{1} << 31,
                                   int64_t{1} << 40,
                                   -9,
                                   13,
                                   5,
                                   100,
                                   int64_t{1} << 62,
                                   std::numeric_limits<int64_t>::max(),
                                   std::numeric_limits<int64_t>::min()};

constexpr const char* kOperators[] = {"Conv",
                                      "ConvTranspose",
                                      "MaxPool",
                                      "AveragePool",
                                      "GlobalAveragePool",
                                      "Gemm",
                                      "MatMul",
                                      "Softmax",
                                      "LogSoftmax",
                                      "BatchNormalization",
                                      "InstanceNormalization",
                                      "LayerNormalization",
                                      "GroupNormalization",
                                      "LRN",
                                      "Clip",
                                      "Relu",
                                      "PRelu",
                                      "Add",
                                      "Div",
                                      "Mod",
                                      "Pow",
                                      "Where",
                                      "Equal",
                                      "Sum",
                                      "Mean",
                                      "Concat",
                                      "Split",
                                      "Slice",
                                      "Pad",
                                      "Reshape",
                                      "Flatten",
                                      "Squeeze",
                                      "Unsqueeze",
                                      "Transpose",
                                      "Gather",
                                      "Expand",
                                      "Tile",
                                      "DepthToSpace",
                                      "SpaceToDepth",
                                      "ReduceMean",
                                      "ReduceSum",
                                      "ArgMax",
                                      "TopK",
                                      "Resize",
                                      "Upsample",
                                      "NonMaxSuppression",
                                      "Constant",
                                      "ConstantOfShape",
                                      "Shape",
                                      "Size",
                                      "Cast",
                                      "CastLike",
                                      "Range",
                                      "Identity",
                                      "Dropout",
                                      "If",
                                      "Loop",
                                      "Scan",
                                      "leaky",
                                      "QuantizeLinear"};

class Random {
 public:
  explicit Random(const FuzzBytes& input) {
    for (uint8_t byte : input) state_ = (state_ ^ byte) * 1099511628211u;
  }
  uint32_t below(uint32_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return bound == 0 ? 0 : static_cast<uint32_t>(state_ >> 33) % bound;
  }
  int64_t number() { return kOddNumbers[below(std::size(kOddNumbers))]; }

 private:
  uint64_t state_ = 14695981039346656037u;
};

ModelBuilder convolutions() {
  ModelBuilder m;
  m.input("x", {1, 3, 9, 9})
      .output("y")
      .floats("w", {2, 3, 3, 3}, std::vector<float>(54, 0.1f))
      .floats("s", {2}, {1, 2});
  m.node("Conv", {"x", "w"}, {"a"})
      .attribute("strides", std::vector<int64_t>{2, 1})
      .attribute("auto_pad", std::string("SAME_UPPER"));
  m.node("BatchNormalization", {"a", "s", "s", "s", "s"}, {"b"});
  m.node("MaxPool", {"b"}, {"c"})
      .attribute("kernel_shape", std::vector<int64_t>{3, 2})
      .attribute("ceil_mode", int64_t{1});
  m.node("ConvTranspose", {"c", "w"}, {"d"}).attribute("output_shape", std::vector<int64_t>{9, 18});
  m.node("Softmax", {"d"}, {"y"}).attribute("axis", int64_t{1});
  return m;
}

ModelBuilder shapes() {
  ModelBuilder m;
  m.input("x", {-1, 4, 6})
      .output("y")
      .integers("zero", {0})
      .integers("rest", {-1, 2})
      .integers("two", {2})
      .integers("last", {-1})
      .floats("one", {1}, {1});
  m.node("Shape", {"x"}, {"s"})
      .node("Gather", {"s", "zero"}, {"n"})
      .node("Concat", {"n", "rest"}, {"target"})
      .attribute("axis", int64_t{0});
  m.node("Reshape", {"x", "target"}, {"r"}).node("Slice", {"r", "zero", "two", "last"}, {"c"});
  m.node("ConstantOfShape", {"two"}, {"k"})
      .node("Expand", {"one", "s"}, {"e"})
      .node("Tile", {"s", "two"}, {"t"});
  m.node("Unsqueeze", {"c", "zero"}, {"u"})
      .node("Transpose", {"u"}, {"p"})
      .attribute("perm", std::vector<int64_t>{0, 2, 1, 3});
  m.node("Pad", {"p", "pads"}, {"q"})
      .integers("pads", {0, 1, 0, 1, 0, 0, 2, 0})
      .node("ReduceMean", {"q"}, {"y"});
  return m;
}

ModelBuilder constants() {
  ModelBuilder m;
  m.input("x", {2, 2})
      .output("y")
      .floats("c", {2, 3}, {1, 2, 3, 4, 5, 6})
      .integers("k", {2})
      .integers("shape", {4, 4, 3});
  m.node("MatMul", {"x", "c"}, {"a"})
      .node("Softmax", {"c"}, {"b"})
      .node("TopK", {"c", "k"}, {"v", "i"});
  m.node("ReduceSum", {"c"}, {"s"})
      .node("Add", {"a", "s"}, {"t"})
      .node("ConstantOfShape", {"shape"}, {"z"});
  m.node("Cast", {"i"}, {"f"})
      .attribute("to", int64_t{1})
      .node("Mul", {"f", "v"}, {"g"})
      .node("Sum", {"t", "b"}, {"y"});
  return m;
}

ModelBuilder detection() {
  ModelBuilder m;
  m.input("boxes", {1, 6, 4})
      .input("scores", {1, 2, 6})
      .input("x", {1, 2, 4, 4})
      .output("y")
      .output("z");
  m.integers("most", {3}).floats("scales", {4}, {1, 1, 2, 1.5f}).floats("none", {0}, {});
  m.node("NonMaxSuppression", {"boxes", "scores", "most"}, {"y"});
  m.node("Resize", {"x", "none", "scales"}, {"r"}).attribute("mode", std::string("cubic"));
  m.node("DepthToSpace", {"r"}, {"d"})
      .attribute("blocksize", int64_t{1})
      .node("Split", {"d"}, {"z", "w"})
      .attribute("axis", int64_t{1});
  return m;
}

/// A function that calls another one, with an attribute.
ModelBuilder functions() {
  ModelBuilder leaky, twice, m;
  leaky.input("u", {}).output("v").node("LeakyRelu", {"u"}, {"v"}).refer("alpha", "slope");
  twice.input("u", {}).input("w", {}).output("v").output("r");
  twice.node("leaky", {"u"}, {"t"}).domain("my").refer("slope", "slope");
  twice.node("leaky", {"t"}, {"v"}).domain("my").node("Identity", {"w"}, {"r"});
  m.input("x", {2, 3}).output("y").integers("k", {1});
  m.function("leaky", leaky, {"slope"}).function("twice", twice, {"slope"});
  m.node("twice", {"x", "k"}, {"y", "z"}).domain("my").attribute("slope", 0.5f);
  return m;
}

/// A loop with a branch inside, and a scan.
ModelBuilder control_flow() {
  ModelBuilder doubled, added, body, step, m;
  doubled.output("d").node("Add", {"v", "v"}, {"d"});
  added.output("a").node("Add", {"v", "x"}, {"a"});
  body.input("i", {}, onnx::TensorProto::INT64).input("go", {}, onnx::TensorProto::BOOL);
  body.input("v", {2, 3}).output("go").output("w").output("s").integers("one", {1});
  body.node("Equal", {"i", "one"}, {"second"}).node("If", {"second"}, {"w"});
  body.subgraph("then_branch", doubled).subgraph("else_branch", added);
  body.node("Neg", {"w"}, {"s"});
  step.input("sum", {3}).input("row", {3}).output("next").output("out");
  step.node("Add", {"sum", "row"}, {"next"}).node("Identity", {"next"}, {"out"});
  m.input("x", {2, 3}).output("y").output("p").integers("n", {3}).floats("zero", {3}, {0, 0, 0});
  m.node("Loop", {"n", "", "x"}, {"y", "q"}).subgraph("body", body);
  m.node("Scan", {"zero", "x"}, {"t", "p"})
      .subgraph("body", step)
      .attribute("num_scan_inputs", int64_t{1});
  return m;
}

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// Every list of nodes in the model: the graph's, the functions', those of branches and loops.
void add_bodies(NodeList& nodes, std::vector<NodeList*>& bodies) {
  bodies.push_back(&nodes);
  for (auto& node : nodes)
    for (auto& attribute : *node.mutable_attribute())
      if (attribute.has_g()) add_bodies(*attribute.mutable_g()->mutable_node(), bodies);
}

void mutate_node(onnx::NodeProto& node, const NodeList& nodes, const onnx::GraphProto& graph,
                 Random& random) {
  switch (random.below(5)) {
    case 0:
      node.set_op_type(kOperators[random.below(std::size(kOperators))]);
      return;
    case 1: {  // read something else
      if (node.input_size() == 0) return;
      const auto& other =
          nodes[static_cast<int>(random.below(static_cast<uint32_t>(nodes.size())))];
      const auto at = static_cast<int>(random.below(static_cast<uint32_t>(node.input_size())));
      if (other.output_size() > 0) node.set_input(at, other.output(0));
      return;
    }
    case 2:
      node.add_input(graph.initializer_size() > 0 ? graph.initializer(0).name() : "");
      return;
    case 3: {
      auto* attribute = node.add_attribute();
      constexpr const char* kNames[] = {"axis", "group", "keepdims", "pads",    "kernel_shape",
                                        "perm", "axes",  "to",       "strides", "mode"};
      attribute->set_name(kNames[random.below(std::size(kNames))]);
      const bool list = random.below(2) != 0;
      attribute->set_type(list ? onnx::AttributeProto::INTS : onnx::AttributeProto::INT);
      for (uint32_t i = 0; list && i < 4; ++i) attribute->add_ints(random.number());
      if (!list) attribute->set_i(random.number());
      return;
    }
    default:
      for (auto& attribute : *node.mutable_attribute()) {
        for (auto& value : *attribute.mutable_ints()) {
          if (random.below(3) == 0) value = random.number();
        }
        if (random.below(2) == 0) attribute.set_i(random.number());
      }
  }
}

void mutate_tensor(onnx::TensorProto& tensor, Random& random) {
  if (random.below(3) == 0) tensor.set_data_type(static_cast<int>(random.below(24)));
  for (auto& extent : *tensor.mutable_dims()) {
    if (random.below(3) == 0) extent = random.number();
  }
  for (auto& value : *tensor.mutable_int64_data()) {
    if (random.below(3) == 0) value = random.number();
  }
}

void mutate_graph(onnx::ModelProto& model, Random& random) {
  onnx::GraphProto& graph = *model.mutable_graph();
  switch (random.below(8)) {
    case 0:
      if (model.opset_import_size() > 0)
        model.mutable_opset_import(0)->set_version(6 + random.below(20));
      return;
    case 1:
      if (graph.input_size() > 0) {
        auto* shape =
            graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
        if (shape->dim_size() > 0)
          shape
              ->mutable_dim(
                  static_cast<int>(random.below(static_cast<uint32_t>(shape->dim_size()))))
              ->set_dim_value(random.number());
      }
      return;
    case 2:
    case 3:
    case 4:
      if (graph.initializer_size() > 0)
        mutate_tensor(*graph.mutable_initializer(static_cast<int>(
                          random.below(static_cast<uint32_t>(graph.initializer_size())))),
                      random);
      return;
    default: {
      std::vector<NodeList*> bodies;
      add_bodies(*graph.mutable_node(), bodies);
      for (auto& function : *model.mutable_functions())
        add_bodies(*function.mutable_node(), bodies);
      NodeList& nodes = *bodies[random.below(static_cast<uint32_t>(bodies.size()))];
      if (nodes.empty()) return;
      const auto at = static_cast<int>(random.below(static_cast<uint32_t>(nodes.size())));
      mutate_node(*nodes.Mutable(at), nodes, graph, random);
    }
  }
}

void add_node_tests(std::vector<FuzzBytes>& seeds) {
  const char* root = std::getenv("STINT_NODE_TESTS");
  if (!root || !std::filesystem::is_directory(root)) return;
  std::vector<std::filesystem::path> models;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".onnx" && entry.file_size() < 16384)
      models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  for (const auto& path : models) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ImportOptions options;
  options.constant_bytes_limit = 8 << 20;
  options.folding_work_limit = 1e7;
  options.unfolded_nodes_limit = 500;
  if (size > 0 && data[size / 2] % 8 == 0) options.batch = 3;
  try {
    auto source =
        stint::builder::Source::of_bytes({reinterpret_cast<const std::byte*>(data), size});
    const auto graph = stint::builder::import_model(source, options);
    stint::builder::verify(graph);
    ++imported;
  } catch (const BuildError&) {
    ++refused;
  }
  return 0;
}

std::vector<FuzzBytes> fuzz_seeds() {
  std::vector<FuzzBytes> seeds;
  for (const ModelBuilder& model :
       {convolutions(), shapes(), constants(), detection(), functions(), control_flow()}) {
    model.import();  // a seed that is refused would test nothing: ends the program with the reason
    const std::string bytes = model.bytes();
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  add_node_tests(seeds);
  return seeds;
}

/// Most byte changes end in the protobuf parser. Where the bytes are no message any more, a seed
/// chosen by them takes their place; then the message itself is changed, so that the importer
/// behind the parser is reached.
void fuzz_fix_up(FuzzBytes* input) {
  static const std::vector<FuzzBytes> seeds = fuzz_seeds();
  Random random(*input);
  onnx::ModelProto model;
  if (!model.ParseFromArray(input->data(), static_cast<int>(input->size()))) {
    const FuzzBytes& seed = seeds[random.below(static_cast<uint32_t>(seeds.size()))];
    model.ParseFromArray(seed.data(), static_cast<int>(seed.size()));
  }
  for (uint32_t changes = 1 + random.below(4); changes > 0; --changes) mutate_graph(model, random);
  const std::string bytes = model.SerializeAsString();
  input->assign(bytes.begin(), bytes.end());
}

std::string fuzz_summary() {
  return std::to_string(imported) + " imported, " + std::to_string(refused) + " refused";
}
