#include "tests/gpu/support/step_case.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "host_builder/graph/quantisation.h"
#include "host_builder/graph/shape.h"
#include "plan_schema/half.h"

namespace stint::test {

using namespace builder;

namespace {

constexpr unsigned char kPoison = 0xAA;
constexpr unsigned char kNanPoison = 0xFF;  // NaN as f16, f32 and f64

void store(std::byte* at, DType dtype, double value) {
  const auto put = [&](auto v) { std::memcpy(at, &v, sizeof v); };
  switch (dtype) {
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kF16:
      return put(to_f16(static_cast<float>(value)).bits);
    case DType::kF64:
      return put(value);
    case DType::kBF16:
      return put(to_bf16(static_cast<float>(value)).bits);
    case DType::kI8:
      return put(static_cast<int8_t>(value));
    case DType::kU8:
      return put(static_cast<uint8_t>(value));
    case DType::kI16:
      return put(static_cast<int16_t>(value));
    case DType::kU16:
      return put(static_cast<uint16_t>(value));
    case DType::kI32:
      return put(static_cast<int32_t>(value));
    case DType::kU32:
      return put(static_cast<uint32_t>(value));
    case DType::kI64:
      return put(static_cast<int64_t>(value));
    case DType::kU64:
      return put(static_cast<uint64_t>(value));
    case DType::kBool:
      return put(static_cast<uint8_t>(value != 0));
  }
}

double load(const std::byte* at, DType dtype) {
  const auto get = [&](auto v) {
    std::memcpy(&v, at, sizeof v);
    return v;
  };
  switch (dtype) {
    case DType::kF32:
      return get(float{});
    case DType::kF16:
      return to_float(get(F16{}));
    case DType::kF64:
      return get(double{});
    case DType::kBF16:
      return to_float(get(BF16{}));
    case DType::kI8:
      return get(int8_t{});
    case DType::kU8:
    case DType::kBool:
      return get(uint8_t{});
    case DType::kI16:
      return get(int16_t{});
    case DType::kU16:
      return get(uint16_t{});
    case DType::kI32:
      return get(int32_t{});
    case DType::kU32:
      return get(uint32_t{});
    case DType::kI64:
      return static_cast<double>(get(int64_t{}));
    case DType::kU64:
      return static_cast<double>(get(uint64_t{}));
  }
  return NAN;
}

int32_t lowest(DType t) { return t == DType::kI8 ? -128 : 0; }

/// Numbers to and from memory, as integers where they are quantised.
void store_number(std::byte* at, const Value& v, double number) {
  if (!v.quant) return store(at, v.dtype, number);
  const double place =
      std::nearbyint(number / static_cast<double>(v.quant->scales[0])) + zero_point_of(*v.quant);
  store(at, v.dtype, place);
}

double load_number(const std::byte* at, const Value& v) {
  if (!v.quant) return load(at, v.dtype);
  return (load(at, v.dtype) - zero_point_of(*v.quant)) * static_cast<double>(v.quant->scales[0]);
}

/// What memory can hold of a result; NaN is stored as zero.
double representable(const Value& v, double number) {
  if (!v.quant) return number;
  if (std::isnan(number)) return 0;
  const double scale = static_cast<double>(v.quant->scales[0]);
  const int32_t low = lowest(v.dtype) - zero_point_of(*v.quant);
  return std::clamp(number, low * scale, (low + 255) * scale);
}

bool is_floating(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kF64 || t == DType::kBF16;
}

ValueId storage_of(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  return v.view ? v.view->base : id;
}
int64_t offset_of(const Value& v) { return v.view ? v.view->offset : 0; }

/// Calls f(i, element of the storage) for every element of the value, row-major.
template <typename F>
void for_each_element(const Value& v, F f) {
  const Shape strides = v.strides.empty() ? dense_strides(v.shape) : v.strides;
  const int64_t n = v.elements();
  Shape index(v.shape.size(), 0);
  int64_t at = offset_of(v);
  for (int64_t i = 0; i < n; ++i) {
    f(i, at);
    for (size_t d = v.shape.size(); d-- > 0;) {
      at += strides[d];
      if (++index[d] < v.shape[d]) break;
      at -= index[d] * strides[d];
      index[d] = 0;
    }
  }
}

size_t storage_bytes(const Graph& graph, ValueId storage) {
  const Value& v = graph.value(storage);
  return static_cast<size_t>(v.elements()) * dtype_bytes(v.dtype);
}

constexpr size_t kGuard = 256;  // poisoned bytes behind every storage

std::vector<std::string> compile_only_targets() {
  const char* list = std::getenv("STINT_GPU_COMPILE");
  std::vector<std::string> names;
  std::istringstream text(list == nullptr ? "" : list);
  for (std::string name; std::getline(text, name, ',');) names.push_back(name);
  return names;
}

/// What a launch must satisfy before anything is compiled.
std::string launch_error(const StepSpec& step, const Target& target) {
  if (!step.launch) return "the step has no launch";
  const GpuLaunch& l = *step.launch;
  uint64_t threads = 1, blocks = 1;
  for (int i = 0; i < 3; ++i) threads *= l.block[i], blocks *= l.grid[i];
  if (threads == 0 || threads > 1024) return "a block of " + std::to_string(threads) + " threads";
  if (blocks == 0 || l.grid[0] > 2147483647u || l.grid[1] > 65535 || l.grid[2] > 65535)
    return "a grid of " + std::to_string(blocks) + " blocks";
  if (l.dynamic_smem > target.gpu.smem_per_block)
    return std::to_string(l.dynamic_smem) + " bytes of shared memory";
  if (l.source.find(l.symbol) == std::string::npos) return "the symbol is not in the source";
  return "";
}

}  // namespace

StepCase::StepCase(uint32_t seed) : random_(seed) { graph.channels_last = true; }

ValueId StepCase::place(const std::string& name, DType dtype, const Shape& shape,
                        const Placement& p) {
  if (p.inner == 0 && p.outer == 0 && p.offset == 0 && !p.is_transposed())
    return graph.add_value(name, dtype, shape);
  Value v;
  v.name = name;
  v.dtype = dtype;
  v.shape = shape;
  v.strides.assign(shape.size(), 1);
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    const size_t d = p.is_transposed() ? p.order.at(i) : i;
    v.strides[d] = stride;
    stride = stride * shape[d] + (i + 1 == shape.size() ? p.inner : p.outer);
  }
  const ValueId base = graph.add_value(name + ".storage", dtype, {p.offset + stride});
  v.view = View{base, p.offset};
  return graph.add_value(std::move(v));
}

ValueId StepCase::input(const std::string& name, DType dtype, const Shape& shape,
                        const Placement& placement) {
  const ValueId id = place(name, dtype, shape, placement);
  graph.inputs.push_back(id);
  Tensor& t = inputs_[name] = {shape, std::vector<double>(*checked_elements(shape))};
  for (double& x : t.data) {
    const auto r = static_cast<int64_t>(random_() % 2048);
    x = is_floating(dtype)      ? static_cast<double>(r - 1024) / 1024.0
        : dtype == DType::kBool ? static_cast<double>(r % 2)
                                : static_cast<double>(r % 8);
  }
  return id;
}

ValueId StepCase::quantised_input(const std::string& name, DType dtype, const Shape& shape,
                                  float scale, int32_t zero_point, const Placement& placement) {
  const ValueId id = place(name, dtype, shape, placement);
  graph.mixed_precision = true;
  graph.value(id).quant = Quantisation{{scale}, -1, {zero_point}};
  graph.inputs.push_back(id);
  Tensor& t = inputs_[name] = {shape, std::vector<double>(*checked_elements(shape))};
  for (double& x : t.data) {
    const auto integer = static_cast<int32_t>(random_() % 256) + lowest(dtype);
    x = (integer - zero_point) * static_cast<double>(scale);
  }
  return id;
}

ValueId StepCase::quantised_output(const std::string& name, DType dtype, const Shape& shape,
                                   float scale, int32_t zero_point, const Placement& placement) {
  const ValueId id = output(name, dtype, shape, placement);
  graph.mixed_precision = true;
  graph.value(id).quant = Quantisation{{scale}, -1, {zero_point}};
  return id;
}

ValueId StepCase::quantised_constant(const std::string& name, const Shape& shape, int axis,
                                     float scale) {
  std::vector<int8_t> data(*checked_elements(shape));
  for (int8_t& x : data) x = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
  const ValueId id = graph.add_constant(name, DType::kI8, shape, data);
  Quantisation q;
  q.axis = axis;
  for (int64_t i = 0; i < shape.at(static_cast<size_t>(axis)); ++i)
    q.scales.push_back(scale * (0.75f + 0.0625f * static_cast<float>(random_() % 8)));
  graph.value(id).quant = std::move(q);
  graph.mixed_precision = true;
  return id;
}

ValueId StepCase::constant(const std::string& name, const Shape& shape, double scale) {
  std::vector<float> data(*checked_elements(shape));
  for (float& x : data)
    x = static_cast<float>((static_cast<double>(random_() % 2048) - 1024) / 1024.0 * scale);
  return graph.add_constant(name, DType::kF32, shape, data);
}

ValueId StepCase::output(const std::string& name, DType dtype, const Shape& shape,
                         const Placement& placement) {
  const ValueId id = place(name, dtype, shape, placement);
  graph.outputs.push_back(id);
  return id;
}

ValueId StepCase::output_over(const std::string& name, ValueId operand) {
  Value v = graph.value(operand);
  v.name = name;
  if (!v.view) v.view = View{operand, 0};
  const ValueId id = graph.add_value(std::move(v));
  graph.outputs.push_back(id);
  return id;
}

void StepCase::set(ValueId operand, const std::vector<double>& values) {
  Tensor& t = inputs_.at(graph.value(operand).name);
  if (values.size() != t.data.size()) throw std::runtime_error("StepCase::set: number of values");
  t.data = values;
}

const std::vector<double>& StepCase::values(ValueId operand) const {
  return inputs_.at(graph.value(operand).name).data;
}

Graph StepCase::complete() const {
  Graph g = graph;
  Node n = node;
  if (n.name.empty()) n.name = "case";
  g.add_node(std::move(n));
  return g;
}

DeviceStep::DeviceStep(const StepCase& c, const Graph& graph, const StepSpec& step,
                       const std::vector<std::byte>& cubin)
    : case_(c), graph_(graph), step_(step), kernel_(cubin, *step.launch) {
  add_operands();
}

size_t DeviceStep::operand_bytes() const {
  size_t bytes = operands_[0].workspace.size() + operands_[0].state.size();
  for (const auto& [id, memory] : operands_[0].storages) bytes += memory.size();
  return bytes;
}

size_t DeviceStep::add_operands() {
  Operands o;
  const auto address = [&](ValueId id) {
    const ValueId storage = storage_of(graph_, id);
    const Value& v = graph_.value(id);
    if (o.storages.count(storage) == 0) {
      const Value& s = graph_.value(storage);
      DeviceMemory memory(storage_bytes(graph_, storage) + kGuard);
      memory.fill(kPoison);
      if (s.is_constant()) memory.upload(s.constant->data(), s.constant->size());
      o.storages[storage] = std::move(memory);
    }
    return o.storages.at(storage).address() +
           static_cast<uint64_t>(offset_of(v)) * dtype_bytes(v.dtype);
  };
  for (const ValueId id : step_.inputs) o.parameters.push_back(address(id));
  for (const ValueId id : step_.outputs) o.parameters.push_back(address(id));
  if (step_.workspace_bytes > 0) {
    o.workspace = DeviceMemory(step_.workspace_bytes);
    o.workspace.fill(kPoison);
    o.parameters.push_back(o.workspace.address());
  }
  if (step_.state_bytes > 0) {
    o.state = DeviceMemory(step_.state_bytes);
    o.state.fill(0);
    o.parameters.push_back(o.state.address());
  }
  if (step_.image_binding >= 0) {
    o.parameters.push_back(case_.frames);
    o.parameters.push_back(case_.limits);
  }
  // Random values in every input's storage; each storage is written whole, poison between the rows.
  for (const ValueId id : graph_.inputs) {
    const ValueId storage = storage_of(graph_, id);
    if (o.storages.count(storage) == 0) continue;
    const Value& v = graph_.value(id);
    std::vector<std::byte> bytes = o.storages.at(storage).download();
    const std::vector<double>& values = case_.inputs().at(v.name).data;
    for_each_element(v, [&](int64_t i, int64_t at) {
      store_number(bytes.data() + at * dtype_bytes(v.dtype), v, values[i]);
    });
    o.storages.at(storage).upload(bytes.data(), bytes.size());
  }
  operands_.push_back(std::move(o));
  return operands_.size() - 1;
}

void DeviceStep::enqueue(size_t operands, bool programmatic) const {
  kernel_.launch(operands_[operands].parameters, programmatic);
}

std::string DeviceStep::run_and_compare(const Tensors& expected, const Bounds& bounds) {
  Operands& o = operands_[0];
  std::map<ValueId, std::vector<std::byte>> before;
  for (const ValueId id : graph_.outputs) {  // NaN in the output's own elements only
    const ValueId storage = storage_of(graph_, id);
    const Value& v = graph_.value(id);
    if (o.storages.count(storage) == 0) continue;
    std::vector<std::byte> bytes = o.storages.at(storage).download();
    const bool over_an_input =
        std::any_of(graph_.inputs.begin(), graph_.inputs.end(),
                    [&](ValueId i) { return storage_of(graph_, i) == storage; });
    if (!over_an_input)
      for_each_element(v, [&](int64_t, int64_t at) {
        std::memset(bytes.data() + at * dtype_bytes(v.dtype), kNanPoison, dtype_bytes(v.dtype));
      });
    o.storages.at(storage).upload(bytes.data(), bytes.size());
  }
  for (const auto& [id, memory] : o.storages) before[id] = memory.download();
  enqueue(0, false);
  synchronize();

  std::ostringstream wrong;
  std::map<ValueId, std::vector<std::byte>> after;
  for (const auto& [id, memory] : o.storages) after[id] = memory.download();
  relative_l2 = max_abs = 0;
  for (const ValueId id : graph_.outputs) {
    const Value& v = graph_.value(id);
    const ValueId storage = storage_of(graph_, id);
    const auto found = expected.find(v.name);
    if (o.storages.count(storage) == 0 || found == expected.end()) {
      wrong << v.name << ": no step writes it or nothing is expected of it; ";
      continue;
    }
    const std::vector<double>& want = found->second.data;
    const bool exact = !is_floating(v.dtype) && !v.quant;
    const double steps = 0.5 + (bounds.steps > 0 ? bounds.steps : 0.02);
    const double l2_bound = bounds.relative_l2 > 0                              ? bounds.relative_l2
                            : v.dtype == DType::kF16 || v.dtype == DType::kBF16 ? 1e-3
                                                                                : 1e-4;
    const double abs_bound = bounds.max_abs > 0 ? bounds.max_abs : 5 * l2_bound;
    double difference = 0, norm = 0, worst = 0, range = 0;
    int64_t bad = -1, worst_at = 0;
    std::vector<std::byte>& bytes = after.at(storage);
    std::vector<std::byte>& old = before.at(storage);
    for_each_element(v, [&](int64_t i, int64_t at) {
      const size_t width = dtype_bytes(v.dtype);
      std::byte* p = bytes.data() + static_cast<size_t>(at) * width;
      const double got = load_number(p, v), ref = representable(v, want[static_cast<size_t>(i)]);
      std::memcpy(old.data() + static_cast<size_t>(at) * width, p, width);  // may change
      if (got == ref) {
        if (std::isfinite(ref)) norm += ref * ref, range = std::max(range, std::fabs(ref));
        return;
      }
      if (std::isnan(got) && std::isnan(ref)) return;
      if (v.quant) {
        if (std::fabs(got - ref) > steps * static_cast<double>(v.quant->scales[0]) && bad < 0)
          bad = i;
        return;
      }
      if (!std::isfinite(got) || !std::isfinite(ref) || exact) {
        if (bad < 0) bad = i;
        return;
      }
      difference += (got - ref) * (got - ref);
      norm += ref * ref;
      range = std::max(range, std::fabs(ref));
      if (std::fabs(got - ref) > worst) worst = std::fabs(got - ref), worst_at = i;
    });
    const auto describe = [&](int64_t i) {
      double got = NAN;
      for_each_element(v, [&](int64_t k, int64_t at) {
        if (k == i) got = load_number(bytes.data() + at * dtype_bytes(v.dtype), v);
      });
      std::ostringstream text;
      text << "element " << i << " of " << shape_text(v.shape) << " is " << got << ", expected "
           << want[static_cast<size_t>(i)];
      return text.str();
    };
    const double l2 = norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
    const double scaled = range > 0 ? worst / range : worst;
    relative_l2 = std::max(relative_l2, l2);
    max_abs = std::max(max_abs, scaled);
    if (bad >= 0) wrong << v.name << ": " << describe(bad) << "; ";
    if (!(l2 <= l2_bound))
      wrong << v.name << ": relative L2 error " << l2 << ", at most " << l2_bound << "; "
            << describe(worst_at) << "; ";
    else if (!(scaled <= abs_bound))
      wrong << v.name << ": error " << scaled << " of the range, at most " << abs_bound << "; "
            << describe(worst_at) << "; ";
  }
  // Outside the outputs' own elements nothing changed: gaps, guards, inputs and weights.
  for (const auto& [id, bytes] : after)
    if (bytes != before.at(id)) {
      const auto at =
          std::mismatch(bytes.begin(), bytes.end(), before.at(id).begin()).first - bytes.begin();
      wrong << graph_.value(id).name << ": byte " << at << " of " << bytes.size()
            << " was written and is not the step's; ";
    }
  for (const std::byte b : o.state.download())
    if (b != std::byte{0}) {
      wrong << "the state is not left zero; ";
      break;
    }
  return wrong.str();
}

namespace {

/// Which of a family's tactics are checked for a node on a target.
struct Selection {
  Target target;
  std::vector<Tactic> tactics;
};

/// On the host a check takes STINT_HOST_TACTICS (2) tactics in all, each for another of the targets
/// whose instructions differ: the next one that the family has tactics for.
std::vector<Selection> select_for_host(const Graph& graph, const Node& node, const Family& family,
                                       const Target* wanted, size_t most) {
  static const char* const kNames[] = {"sm_90", "orin", "sm_75", "xavier"};
  static std::mt19937 random;
  static size_t turn = 0;
  const char* count = std::getenv("STINT_HOST_TACTICS");
  const size_t wished = count == nullptr ? 2 : std::strtoul(count, nullptr, 10);
  std::vector<Selection> result;
  for (size_t i = 0; i < wished; ++i) {
    Selection s;
    for (size_t tries = 0; tries < std::size(kNames) && s.tactics.empty(); ++tries) {
      s.target = wanted != nullptr ? *wanted : find_target(kNames[turn++ % std::size(kNames)]);
      s.tactics = family.tactics(graph, node, s.target);
    }
    if (s.tactics.size() > most) s.tactics.resize(most);
    if (!s.tactics.empty()) s.tactics = {s.tactics[random() % s.tactics.size()]};
    result.push_back(std::move(s));
  }
  return result;
}

}  // namespace

bool cannot_check() {
  if (!compile_only_targets().empty() || on_host()) return false;
  return no_device();
}

void check_family(const StepCase& c, const Family& family, const Bounds& bounds,
                  const Target* wanted, size_t most) {
  INFO(family.name);
  const Graph graph = c.complete();
  const Node& node = graph.node(graph.order().back());
  std::vector<Selection> selections;
  const bool compile_only = !compile_only_targets().empty();
  if (compile_only) {
    for (const std::string& name : compile_only_targets())
      selections.push_back({find_target(name), {}});
  } else if (on_host()) {
    selections = select_for_host(graph, node, family, wanted, most);
  } else {
    if (no_device()) return;
    selections.push_back({wanted != nullptr ? *wanted : test_target(), {}});
  }
  std::optional<Tensors> reference;
  for (auto& [target, tactics] : selections) {
    CAPTURE(target.name);
    if (tactics.empty()) tactics = family.tactics(graph, node, target);
    if (tactics.size() > most) tactics.resize(most);
    REQUIRE_MESSAGE(!tactics.empty(), "the family offers no tactic for this node");
    std::vector<Graph> graphs(tactics.size(), graph);
    std::vector<StepSpec> steps;
    std::vector<GpuLaunch> launches;
    for (size_t i = 0; i < tactics.size(); ++i) {
      CAPTURE(tactics[i].id);
      steps.push_back(
          family.lower(graphs[i], graphs[i].node(graphs[i].order().back()), target, tactics[i]));
      const std::string error = launch_error(steps[i], target);
      REQUIRE_MESSAGE(error.empty(), error);
      launches.push_back(*steps[i].launch);
    }
    const std::vector<Cubin> cubins = compile_launches(launches, target);
    if (compile_only) continue;
    if (!reference)
      reference = c.expected ? *c.expected : builder::test::evaluate_reference(graph, c.inputs());
    for (size_t i = 0; i < tactics.size(); ++i) {
      CAPTURE(tactics[i].id);
      DeviceStep step(c, graphs[i], steps[i], *cubins[i]);
      for (int run = 0; run < 2; ++run) {  // the second finds what the first left behind
        const std::string wrong = step.run_and_compare(*reference, bounds);
        CHECK_MESSAGE(wrong.empty(), wrong);
        const bool in_place =
            std::any_of(graph.outputs.begin(), graph.outputs.end(), [&](ValueId y) {
              return std::any_of(graph.inputs.begin(), graph.inputs.end(), [&](ValueId x) {
                return storage_of(graph, x) == storage_of(graph, y);
              });
            });
        if (in_place) break;
      }
    }
  }
}

}  // namespace stint::test
