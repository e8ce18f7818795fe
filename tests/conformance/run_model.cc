#include "tests/conformance/run_model.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "host_builder/builder/builder.h"
#include "host_builder/support/error.h"
#include "host_builder/targets/target.h"
#include "stint/engine.hpp"

namespace stint::conformance {
namespace {

using builder::BuildError;
using builder::HostTensor;

void require(const stint_status& status, const char* call) {
  if (status.code != STINT_OK)
    throw BuildError(std::string("runtime: ") + call + ": " + describe(status));
}

/// The plan's bytes where stint_plan_open wants them.
class AlignedCopy {
 public:
  explicit AlignedCopy(const std::vector<std::byte>& bytes)
      : data_(static_cast<std::byte*>(std::aligned_alloc(64, (bytes.size() + 63) / 64 * 64)),
              std::free) {
    if (!data_) throw std::bad_alloc();
    std::memcpy(data_.get(), bytes.data(), bytes.size());
  }
  const void* data() const { return data_.get(); }

 private:
  std::unique_ptr<std::byte, void (*)(void*)> data_;
};

HostTensor empty_tensor(const stint_binding_info& info) {
  HostTensor tensor;
  tensor.dtype = static_cast<DType>(info.dtype);
  tensor.shape.assign(info.shape, info.shape + info.rank);
  tensor.data.resize(info.bytes);
  return tensor;
}

}  // namespace

Device device_from_environment() {
  const char* wanted = std::getenv("STINT_DEVICE");
  Device device;
  if (wanted == nullptr || *wanted == '\0' || std::strcmp(wanted, "cpu") == 0) return device;
  device.on_gpu = true;
  if (std::strcmp(wanted, "cuda") == 0) {
    CudaDeviceInfo info;
    require(stint_cuda_device(0, &info), "stint_cuda_device");
    device.target = "sm_" + std::to_string(info.sm);
  } else {
    device.target = builder::find_target(wanted).name;
    device.runs = false;
  }
  return device;
}

std::vector<HostTensor> run_model(const Device& device, const std::filesystem::path& model,
                                  const std::vector<const HostTensor*>& inputs) {
  builder::BuildOptions build;
  build.targets = {device.target};
  build.threads = 1;  // the models are what runs in parallel
  const std::vector<std::byte> bytes = builder::build_plan(model, build, nullptr);
  const AlignedCopy file(bytes);
  Plan plan;
  require(plan.open(file.data(), bytes.size()), "stint_plan_open");
  if (!device.runs) return {};
  TargetInfo target;
  SingleSession loaded;
  std::vector<BindingInfo> takes, gives;
  require(plan.target(0, &target), "stint_plan_target");
  require(loaded.create(plan, target.name, 1, Options()), "stint_session_create");
  require(list_bindings(loaded.program(), &takes, &gives), "stint_program_input");
  if (takes.size() != inputs.size()) throw BuildError("the plan has another number of inputs");
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    const BindingInfo& info = takes[i];
    if (info.bytes != inputs[i]->data.size())
      throw BuildError("an input of the plan has another size than the model's");
    if (info.bytes > 0)
      std::memcpy(loaded.session().input_data(i), inputs[i]->data.data(), info.bytes);
  }
  require(loaded.session().run(), "stint_run");
  std::vector<HostTensor> outputs;
  for (uint32_t i = 0; i < gives.size(); ++i) {
    const BindingInfo& info = gives[i];
    outputs.push_back(empty_tensor(info));
    if (info.bytes > 0)
      std::memcpy(outputs.back().data.data(), loaded.session().output_data(i), info.bytes);
  }
  return outputs;
}

}  // namespace stint::conformance
