#include "host_builder/evaluate/plan_layers.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "core/cuda/cuda_session.h"
#include "core/exec/session.h"
#include "core/plan/plan_access.h"
#include "core/plan/tensor_extent.h"
#include "host_builder/support/error.h"
#include "host_builder/support/require_ok.h"
#include "plan_schema/checksum.h"

namespace stint::builder {
namespace {

/// A copy of a plan whose program can be made to end early. Lengths of vectors are written over in
/// place; everything else of the file stays where it is.
class CutPlan {
 public:
  CutPlan(const Plan& plan, const char* target, uint32_t batch)
      : size_(plan.get()->size),
        bytes_(static_cast<std::byte*>(std::aligned_alloc(64, (size_ + 63) / 64 * 64)), std::free) {
    if (bytes_ == nullptr) throw BuildError("not enough memory for a second copy of the plan");
    std::memcpy(bytes_.get(), plan.get()->bytes, size_);
    require(plan_.open(bytes_.get(), size_), "the plan");
    Program program;
    Selection selection;
    require(program.open(plan_, target, batch), "the plan");
    require(to_c(read_program(program.get(), &selection)), "the plan");
    program_ = selection.program;
    steps_ = program_->steps()->size();
    if (const auto* edges = program_->edges(); edges != nullptr)
      for (const fb::Edge* edge : *edges) edges_.push_back(*edge);
  }

  const Plan& plan() const { return plan_; }
  const fb::Program& program() const { return *program_; }
  uint32_t steps() const { return steps_; }

  void end_behind(uint32_t step) {
    set_length(program_->steps(), step + 1);
    if (const auto* edges = program_->edges(); edges != nullptr) {
      std::vector<fb::Edge> kept;
      for (const fb::Edge& edge : edges_)
        if (edge.to() <= step) kept.push_back(edge);
      if (!kept.empty())
        std::memcpy(writable(edges->Data()), kept.data(), kept.size() * sizeof(fb::Edge));
      set_length(edges, static_cast<uint32_t>(kept.size()));
    }
    FileHeader header;
    std::memcpy(&header, bytes_.get(), sizeof header);
    header.flatbuffer_checksum =
        checksum64(bytes_.get() + header.flatbuffer_offset, header.flatbuffer_bytes);
    std::memcpy(bytes_.get(), &header, sizeof header);
    require(plan_.open(bytes_.get(), size_), "the plan, cut off behind a step");
  }

 private:
  std::byte* writable(const void* part) {
    return bytes_.get() + (static_cast<const std::byte*>(part) - bytes_.get());
  }
  /// A vector starts with its length.
  void set_length(const void* vector, uint32_t length) {
    std::memcpy(writable(vector), &length, sizeof length);
  }

  size_t size_;
  std::unique_ptr<std::byte, decltype(&std::free)> bytes_;
  Plan plan_;
  const fb::Program* program_ = nullptr;
  uint32_t steps_ = 0;
  std::vector<fb::Edge> edges_;
};

/// The bytes from a tensor's first element to its last.
std::vector<std::byte> fetch(const stint_session& session, const fb::Tensor& tensor,
                             const cpu::TensorView* on_host, uint64_t bytes) {
  std::vector<std::byte> data(bytes);
  if (on_host != nullptr) {
    if (bytes > 0) std::memcpy(data.data(), on_host->data, bytes);
    return data;
  }
  const cuda::CudaSession& gpu = *session.gpu;
  const cuda::DeviceAddress base = tensor.storage() == fb::StorageKind::Binding
                                       ? gpu.bindings[tensor.index()].address
                                       : gpu.device.arenas[tensor.index()];
  const cuda::ContextScope scope(gpu.context);
  require(to_c(scope.status()), "reading a layer's result");
  if (bytes == 0) return data;
  require(
      to_c(cuda::check(gpu.driver->download(data.data(), base + tensor.offset(), bytes, gpu.stream),
                       "a layer's result cannot be copied from the device")),
      "reading a layer's result");
  require(to_c(cuda::check(gpu.driver->stream_synchronize(gpu.stream),
                           "a layer's result cannot be copied from the device")),
          "reading a layer's result");
  return data;
}

HostTensor dense(const cpu::TensorView& view, const std::vector<std::byte>& bytes) {
  HostTensor tensor;
  tensor.dtype = view.dtype;
  tensor.shape.assign(view.shape, view.shape + view.rank);
  const size_t element = dtype_bytes(view.dtype);
  const int64_t count = view.elements();
  tensor.data.resize(static_cast<size_t>(count) * element);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = 0;
    for (int axis = view.rank - 1; axis >= 0; --axis) {
      at += rest % view.shape[axis] * view.strides[axis];
      rest /= view.shape[axis];
    }
    std::memcpy(tensor.data.data() + static_cast<size_t>(i) * element,
                bytes.data() + static_cast<size_t>(at) * element, element);
  }
  return tensor;
}

}  // namespace

void observe_layers(
    const Plan& plan, const char* target, uint32_t batch, const stint_options& options,
    const std::function<void(Session&)>& set_inputs,
    const std::function<void(const std::string& name, const HostTensor&)>& observe) {
  CutPlan cut(plan, target, batch);
  // Made of the whole program: its kernels and weights are those of every part of it.
  OwnedEngine engine;
  require(engine.create(cut.plan(), target, options), "the engine");
  for (uint32_t i = 0; i < cut.steps(); ++i) {
    cut.end_behind(i);
    Program program;
    OwnedSession loaded;
    require(program.open(cut.plan(), target, batch), "a program that ends early");
    require(loaded.create(engine, program, options), "a session that ends early");
    set_inputs(loaded.session());
    require(loaded.session().run(), "a run that ends early");
    const stint_session& session = *loaded.session().get();
    const fb::Step& step = *cut.program().steps()->Get(i);
    for (uint32_t k = 0; k < step.outputs()->size(); ++k) {
      const uint32_t index = step.outputs()->Get(k);
      const fb::Tensor& tensor = *cut.program().tensors()->Get(index);
      if (tensor.name() == nullptr || tensor.name()->size() == 0) continue;
      TensorExtent extent;
      require(to_c(measure_tensor(tensor, index, &extent)), "a layer's result");
      const cpu::TensorView* on_host =
          session.gpu == nullptr ? &session.steps[i].args.outputs[k] : nullptr;
      if (extent.elements == 0) continue;
      observe(tensor.name()->str(),
              dense(to_view(tensor), fetch(session, tensor, on_host, extent.bytes)));
    }
  }
}

}  // namespace stint::builder
