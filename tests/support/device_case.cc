#include "tests/support/device_case.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include "host_builder/codegen/compiler.h"
#include "host_builder/lowering/candidates.h"
#include "host_builder/lowering/cuda/families.h"
#include "plan_schema/half.h"
#include "plan_schema/params/elementwise.h"
#include "tests/support/cuda_on_host.h"

namespace stint::test {
namespace {

using namespace builder;

double element(DType dtype, const std::byte* p) {
  const auto as = [p](auto zero) {
    std::memcpy(&zero, p, sizeof zero);
    return zero;
  };
  switch (dtype) {
    case DType::kF32:
      return static_cast<double>(as(float{}));
    case DType::kF16:
      return static_cast<double>(to_float(as(F16{})));
    case DType::kF64:
      return as(double{});
    case DType::kBF16:
      return static_cast<double>(to_float(as(BF16{})));
    case DType::kI8:
      return as(int8_t{});
    case DType::kU8:
    case DType::kBool:
      return as(uint8_t{});
    case DType::kI16:
      return as(int16_t{});
    case DType::kU16:
      return as(uint16_t{});
    case DType::kI32:
      return as(int32_t{});
    case DType::kU32:
      return as(uint32_t{});
    case DType::kI64:
      return static_cast<double>(as(int64_t{}));
    case DType::kU64:
      return static_cast<double>(as(uint64_t{}));
  }
  return 0;
}

void put_element(DType dtype, std::byte* p, double v) {
  const auto put = [p](auto value) { std::memcpy(p, &value, sizeof value); };
  switch (dtype) {
    case DType::kF32:
      return put(static_cast<float>(v));
    case DType::kF16:
      return put(to_f16(static_cast<float>(v)));
    case DType::kF64:
      return put(v);
    case DType::kBF16:
      return put(to_bf16(static_cast<float>(v)));
    case DType::kBool:
      return put(static_cast<uint8_t>(v > 0));
    case DType::kI8:
      return put(static_cast<int8_t>(v));
    case DType::kU8:
      return put(static_cast<uint8_t>(v));
    case DType::kI16:
      return put(static_cast<int16_t>(v));
    case DType::kU16:
      return put(static_cast<uint16_t>(v));
    case DType::kI32:
      return put(static_cast<int32_t>(v));
    case DType::kU32:
      return put(static_cast<uint32_t>(v));
    case DType::kI64:
      return put(static_cast<int64_t>(v));
    case DType::kU64:
      return put(static_cast<uint64_t>(v));
  }
}

/// Dense bytes of type `from` into a tensor, converted.
void fill(Tensor& tensor, DType from, const std::vector<std::byte>& dense) {
  const uint32_t in = dtype_bytes(from), out = dtype_bytes(tensor.view().dtype);
  auto* to = tensor.view().as<std::byte>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const std::byte* p = dense.data() + i * in;
    if (from == tensor.view().dtype)
      std::memcpy(to + tensor.offset(i) * out, p, in);
    else
      put_element(tensor.view().dtype, to + tensor.offset(i) * out, element(from, p));
  }
}

double read(const Tensor& tensor, int64_t i) {
  return element(tensor.view().dtype, tensor.view().as<std::byte>() +
                                          tensor.offset(i) * dtype_bytes(tensor.view().dtype));
}

/// Memory of a step's operands on one device.
class Operands {
 public:
  Operands(Graph& graph, const StepSpec& step, int64_t gap,
           const std::map<ValueId, std::vector<std::byte>>& contents,
           const std::map<ValueId, DType>& content_types) {
    const auto add = [&](ValueId id) {
      if (tensors_.count(id) != 0) return;
      const Value& value = graph.value(id);
      auto tensor =
          std::make_unique<Tensor>(value.dtype, value.shape, value.is_constant() ? 0 : gap);
      if (value.is_constant())
        fill(*tensor, value.dtype, *value.constant);
      else if (contents.count(id) != 0)
        fill(*tensor, content_types.at(id), contents.at(id));
      tensors_[id] = std::move(tensor);
    };
    for (const ValueId id : step.inputs) add(id);
    for (const ValueId id : step.outputs) add(id);
  }
  Tensor& at(ValueId id) { return *tensors_.at(id); }
  std::vector<const Tensor*> list(const std::vector<ValueId>& ids) {
    std::vector<const Tensor*> result;
    for (const ValueId id : ids) result.push_back(tensors_.at(id).get());
    return result;
  }

 private:
  std::map<ValueId, std::unique_ptr<Tensor>> tensors_;
};

std::vector<int64_t> gapped_strides(const Value& value, int64_t gap) {
  const Tensor tensor(value.dtype, value.shape, gap);
  return {tensor.view().strides, tensor.view().strides + tensor.view().rank};
}

void run_launch(const StepSpec& step, Operands& memory, const std::vector<ImageView>& images,
                const cpu::DetectionLimits& limits) {
  std::vector<uint64_t> workspace(step.workspace_bytes / 8 + 2, 0xAAAAAAAAAAAAAAAAull);
  std::vector<uint64_t> state(step.state_bytes / 8 + 1, 0);
  std::vector<void*> arguments;
  for (const ValueId id : step.inputs) arguments.push_back(memory.at(id).view().data);
  for (const ValueId id : step.outputs) arguments.push_back(memory.at(id).view().data);
  if (step.workspace_bytes > 0) arguments.push_back(workspace.data());
  if (step.state_bytes > 0) arguments.push_back(state.data());
  if (step.launch->takes_frames) arguments.push_back(const_cast<ImageView*>(images.data()));
  if (step.launch->takes_limits) arguments.push_back(const_cast<cpu::DetectionLimits*>(&limits));
  HostKernel(*step.launch).run(arguments);
  CHECK(workspace[(step.workspace_bytes + 7) / 8] == 0xAAAAAAAAAAAAAAAAull);
  for (const uint64_t word : state) CHECK(word == 0);
}

}  // namespace

std::vector<std::string>& DeviceCase::sources() {
  static std::vector<std::string> list;
  return list;
}

std::vector<std::byte> DeviceCase::random_bytes(DType dtype, int64_t count, double low,
                                                double high) {
  std::vector<std::byte> bytes(static_cast<size_t>(count) * dtype_bytes(dtype));
  std::uniform_real_distribution<double> value(low, high);
  for (int64_t i = 0; i < count; ++i) {
    double v = value(random_);
    // Exact in f16, so that both devices start from the same numbers.
    if (dtype == DType::kF32) v = static_cast<double>(to_float(to_f16(static_cast<float>(v))));
    put_element(dtype, bytes.data() + i * dtype_bytes(dtype), v);
  }
  return bytes;
}

ValueId DeviceCase::input(DType dtype, Shape shape, double low, double high) {
  const ValueId id =
      graph.add_value("in" + std::to_string(node.inputs.size()), dtype, std::move(shape));
  contents_[id] = random_bytes(dtype, graph.value(id).elements(), low, high);
  node.inputs.push_back(id);
  return id;
}

ValueId DeviceCase::constant(DType dtype, Shape shape, double low, double high) {
  int64_t elements = 1;
  for (const int64_t n : shape) elements *= n;
  const ValueId id = graph.add_constant("constant" + std::to_string(node.inputs.size()), dtype,
                                        std::move(shape), random_bytes(dtype, elements, low, high));
  node.inputs.push_back(id);
  return id;
}

ValueId DeviceCase::output(DType dtype, Shape shape) {
  const ValueId id =
      graph.add_value("out" + std::to_string(node.outputs.size()), dtype, std::move(shape));
  node.outputs.push_back(id);
  return id;
}

void compile_device_sources() {
  for (const char* name : {"xavier", "sm_75", "orin-jp7", "sm_90", "thor"}) {
    const builder::Target& target = find_target(name);
    if (nvrtc_version(target.gpu.nvrtc).empty()) {
      MESSAGE("skipped: no CUDA compiler library for ", std::string(name));
      continue;
    }
    for (const Cubin& cubin : compile_cuda(DeviceCase::sources(), target, {}).cubins)
      CHECK(cubin->size() > 0);
  }
  DeviceCase::sources().clear();
}

void DeviceCase::check() {
  check({"f32, dense", 0, false});
  check({"f32, odd gaps", 3, false});
  if (halves) check({"f16, even gaps", 4, true});
}

void DeviceCase::check(const Variant& variant) {
  CAPTURE(node.name);
  CAPTURE(variant.name);
  node.name = node.name.empty() ? std::string("node") : node.name;
  std::map<ValueId, DType> types;
  for (const auto& [id, bytes] : contents_) types[id] = graph.value(id).dtype;

  Graph cpu_graph = graph;
  const StepSpec cpu_step = lower_for_cpu(cpu_graph, node);
  Operands cpu_memory(cpu_graph, cpu_step, 0, contents_, types);
  KernelCall call{cpu_step.kernel.value(),
                  cpu_step.params,
                  cpu_memory.list(cpu_step.inputs),
                  cpu_memory.list(cpu_step.outputs),
                  cpu_step.workspace_bytes,
                  cpu_step.worker_scratch_bytes,
                  images,
                  &limits};
  const Status status = call.run();
  REQUIRE_MESSAGE(status.ok(), status.message);

  Graph gpu_graph = graph;
  const auto adapt = [&](ValueId id, bool half) {
    if (id == kNoValue) return;
    Value& value = gpu_graph.value(id);
    if (value.is_constant()) return;
    if (half && value.dtype == DType::kF32) value.dtype = DType::kF16;
    value.strides = gapped_strides(value, variant.gap);
  };
  // Detections have the bits of integers among their floats: they are never stored as f16.
  const bool detections = node.op == Op::kDecode || node.op == Op::kTopClasses;
  for (size_t i = 0; i < node.inputs.size(); ++i) adapt(node.inputs[i], variant.half && i % 3 != 1);
  for (const ValueId id : node.outputs) adapt(id, variant.half && !detections);
  const builder::Target& target = find_target("orin");
  const auto tactics = kGenericFamily.tactics(gpu_graph, node, target);
  REQUIRE(tactics.size() == 1);
  const StepSpec gpu_step = kGenericFamily.lower(gpu_graph, node, target, tactics[0]);
  REQUIRE(gpu_step.launch);
  sources().push_back(gpu_step.launch->source);
  Operands gpu_memory(gpu_graph, gpu_step, variant.gap, contents_, types);
  run_launch(gpu_step, gpu_memory, images, limits);

  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Tensor& expected = cpu_memory.at(id);
    const Tensor& found = gpu_memory.at(id);
    CHECK(found.gaps_untouched());
    const double allowed = variant.half ? half_tolerance : tolerance;
    const bool floating = is_float(graph.value(id).dtype);
    int64_t wrong = 0, first = -1;
    for (int64_t i = 0; i < expected.size(); ++i) {
      const double e = read(expected, i), f = read(found, i);
      // The last of a detection's six numbers has an integer's bits.
      const bool bits = detections && id == node.outputs[0] && i % 6 == 5;
      const auto word = [i](const Tensor& t) {
        uint32_t u;
        std::memcpy(&u, t.view().as<std::byte>() + t.offset(i) * 4, sizeof u);
        return u;
      };
      const bool same =
          bits ? word(expected) == word(found)
               : e == f || (std::isnan(e) && std::isnan(f)) ||
                     (floating && std::fabs(e - f) <= allowed * std::fmax(1.0, std::fabs(e)));
      if (same) continue;
      if (wrong++ == 0) first = i;
    }
    CAPTURE(wrong);
    CAPTURE(first);
    if (first >= 0) {
      CAPTURE(read(expected, first));
      CAPTURE(read(found, first));
      CHECK(wrong == 0);
    }
  }
}

}  // namespace stint::test
