// One rule of the semantic pass per case: a good plan with one thing bent must be refused, at the
// right place.
#include <doctest/doctest.h>
#include <elf.h>

#include <limits>
#include <string>
#include <type_traits>

#include "core/include/stint/stint.h"
#include "core/plan/limits.h"
#include "plan_schema/kernel_id.h"
#include "plan_schema/params/copy.h"
#include "tests/support/pod_bytes.h"
#include "tests/support/tiny_plan.h"

using namespace stint;
using test::PlanSpec;
using test::ProgramSpec;

namespace {

stint_status open(const PlanSpec& spec) {
  const test::AlignedBytes file = test::write_plan(spec);
  stint_plan plan;
  return stint_plan_open(file.data(), file.size(), &plan);
}

struct Bent {
  PlanSpec spec = test::tiny_plan();
  ProgramSpec& program = spec.variants[0].programs[0];

  void check_refused(const char* message, uint32_t code = STINT_CORRUPT_PLAN) {
    const stint_status status = open(spec);
    CHECK(status.code == code);
    CHECK_MESSAGE(std::string(status.message).find(message) != std::string::npos, status.message);
  }
};

constexpr auto kI32 = static_cast<uint8_t>(DType::kI32);

/// The tiny plan with its output turned into detections [1, 2, 6] and counts.
void make_detections(ProgramSpec* p) {
  p->tensors.push_back({0, {1, 2, 6}, fb::StorageKind::Binding, 2, 0, {}});
  p->tensors.push_back({kI32, {1}, fb::StorageKind::Binding, 2, 48, {}});
  test::BindingSpec detections;
  detections.name = "detections";
  detections.kind = fb::BindingKind::Detections;
  detections.tensor = 4;
  detections.count_tensor = 5;
  detections.io_bytes = 52;
  detections.io_offset = (p->io_bytes + 63) / 64 * 64;
  p->io_bytes = detections.io_offset + 64;
  p->bindings.push_back(detections);
}

void add_image(ProgramSpec* p) {
  test::BindingSpec image;
  image.name = "frame";
  image.is_input = true;
  image.kind = fb::BindingKind::Image;
  image.image.present = true;
  p->bindings.push_back(image);
}

/// A GPU variant with one launch.
PlanSpec cuda_plan() {
  PlanSpec spec = test::tiny_plan();
  spec.segments.push_back(test::cubin_segment());
  test::VariantSpec variant = spec.variants[0];
  variant.name = "sm_87";
  variant.kind = fb::TargetKind::Cuda;
  variant.sm = 87;
  variant.programs[0].arenas[0].space = fb::MemorySpace::Device;
  variant.programs[0].steps.resize(1);
  variant.programs[0].edges.clear();
  test::TestStep& step = variant.programs[0].steps[0];
  step.params.assign(24, 0);
  step.launch.present = true;
  step.launch.module_segment = 1;
  step.launch.relocations = {fb::Relocation(0, 0), fb::Relocation(8, 1), fb::Relocation(16, 2)};
  spec.variants.push_back(variant);
  return spec;
}

}  // namespace

TEST_CASE("the plans these tests bend are good") {
  CHECK(open(test::tiny_plan()).code == STINT_OK);
  CHECK(open(cuda_plan()).code == STINT_OK);
  Bent detections, image;
  make_detections(&detections.program);
  CHECK(open(detections.spec).code == STINT_OK);
  add_image(&image.program);
  CHECK(open(image.spec).code == STINT_OK);
}

TEST_CASE("scales and zero points fit their tensor") {
  Bent bent;
  test::TensorSpec& t = bent.program.tensors[0];
  const auto places = static_cast<size_t>(t.shape.back());
  REQUIRE(places > 1);
  const auto last = static_cast<int32_t>(t.shape.size()) - 1;
  SUBCASE("one for the tensor, or one for each place of an axis, are good") {
    t.scale = {0.5f};
    t.zero_point = {-3};
    CHECK(open(bent.spec).code == STINT_OK);
    t.scale.assign(places, 0.5f);
    t.zero_point.clear();
    t.axis = last;
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("several without an axis") {
    t.scale = {0.5f, 0.25f};
    bent.check_refused("one scale for each place");
  }
  SUBCASE("too few for the axis") {
    t.scale.assign(places - 1, 0.5f);
    t.axis = last;
    bent.check_refused("one scale for each place");
  }
  SUBCASE("zero points without scales") {
    t.zero_point = {1};
    bent.check_refused("other numbers of zero points");
  }
  SUBCASE("more zero points than scales") {
    t.scale = {0.5f};
    t.zero_point = {1, 2};
    bent.check_refused("other numbers of zero points");
  }
  SUBCASE("no such axis") {
    t.scale = {0.5f};
    SUBCASE("beyond the last") { t.axis = last + 1; }
    SUBCASE("before the first") { t.axis = -2; }
    bent.check_refused("an axis that it has not");
  }
  SUBCASE("a scale that is no positive number") {
    SUBCASE("zero") { t.scale = {0.0f}; }
    SUBCASE("negative") { t.scale = {-1.0f}; }
    SUBCASE("infinite") { t.scale = {std::numeric_limits<float>::infinity()}; }
    SUBCASE("NaN") { t.scale = {std::numeric_limits<float>::quiet_NaN()}; }
    bent.check_refused("no positive number");
  }
}

TEST_CASE("targets and programs") {
  Bent bent;
  SUBCASE("no target") {
    bent.spec.variants.clear();
    bent.check_refused("number of targets");
  }
  SUBCASE("too many targets") {
    bent.spec.variants.resize(kMaxVariants + 1, bent.spec.variants[0]);
    bent.check_refused("number of targets");
  }
  SUBCASE("two targets of one name") {
    bent.spec.variants.resize(2, bent.spec.variants[0]);
    bent.check_refused("same name");
  }
  SUBCASE("target without a name") {
    bent.spec.variants[0].name.clear();
    bent.check_refused("name");
  }
  SUBCASE("target name with a zero byte") {
    bent.spec.variants[0].name = std::string("cpu\0x", 5);
    bent.check_refused("zero byte");
  }
  SUBCASE("unknown kind of target") {
    bent.spec.variants[0].kind = static_cast<fb::TargetKind>(9);
    bent.check_refused("unknown kind");
  }
  SUBCASE("a CPU with an SM") {
    bent.spec.variants[0].sm = 87;
    bent.check_refused("SM");
  }
  SUBCASE("a GPU without an SM") {
    bent.spec = cuda_plan();
    bent.spec.variants[1].sm = 0;
    bent.check_refused("SM");
  }
  SUBCASE("no program") {
    bent.spec.variants[0].programs.clear();
    bent.check_refused("no program");
  }
  SUBCASE("batch 0") {
    bent.program.batch = 0;
    bent.check_refused("different batches");
  }
  SUBCASE("batch too large") {
    bent.program.batch = kMaxBatch + 1;
    bent.check_refused("batch is out of range");
  }
  SUBCASE("two programs of one batch") {
    bent.spec.variants[0].programs.resize(2, bent.spec.variants[0].programs[0]);
    bent.check_refused("different batches");
  }
}

TEST_CASE("what a limit says is allowed, one more is not") {
  Bent bent;
  bent.spec = cuda_plan();
  ProgramSpec& program = bent.spec.variants[1].programs[0];
  test::TestStep& step = program.steps[0];
  test::LaunchSpec& launch = step.launch;
  const auto last_good = [&](const char* message, auto* value, uint64_t most) {
    using Value = std::remove_pointer_t<decltype(value)>;
    *value = static_cast<Value>(most);
    CHECK_MESSAGE(open(bent.spec).code == STINT_OK, open(bent.spec).message);
    *value = static_cast<Value>(most + 1);
    bent.check_refused(message);
  };
  SUBCASE("batch") { last_good("batch is out of range", &program.batch, kMaxBatch); }
  SUBCASE("length of a target's name") {
    bent.spec.variants[1].name.assign(kMaxTargetName, 'x');
    CHECK(open(bent.spec).code == STINT_OK);
    bent.spec.variants[1].name += 'x';
    bent.check_refused("too long");
  }
  SUBCASE("targets") {
    while (bent.spec.variants.size() < kMaxVariants) {
      bent.spec.variants.push_back(bent.spec.variants[0]);
      bent.spec.variants.back().name += std::to_string(bent.spec.variants.size());
    }
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("arenas") {
    program.arenas.resize(kMaxArenas, {64, 64, fb::MemorySpace::Device});
    CHECK(open(bent.spec).code == STINT_OK);
    program.arenas.push_back({64, 64, fb::MemorySpace::Device});
    bent.check_refused("too many arenas");
  }
  SUBCASE("alignment of an arena") {
    for (uint32_t alignment : {64, 4096}) {
      program.arenas[0].alignment = alignment;
      CHECK(open(bent.spec).code == STINT_OK);
    }
  }
  SUBCASE("scratch of a worker") {
    last_good("scratch", &program.worker_scratch, kMaxWorkerScratch);
  }
  SUBCASE("grid, x") { last_good("grid", &launch.grid[0], INT32_MAX); }
  SUBCASE("grid, y") { last_good("grid", &launch.grid[1], 65535); }
  SUBCASE("grid, z") { last_good("grid", &launch.grid[2], 65535); }
  SUBCASE("grid of nothing") {
    for (int axis = 0; axis < 3; ++axis) {
      launch.grid[axis] = 0;
      bent.check_refused("grid");
      launch.grid[axis] = 1;
      launch.block[axis] = 0;
      bent.check_refused("block");
      launch.block[axis] = 1;
    }
  }
  SUBCASE("block, x") { last_good("block", &launch.block[0], 1024); }
  SUBCASE("block, y") { last_good("block", &launch.block[1], 1024); }
  SUBCASE("block, z") { last_good("block", &launch.block[2], 64); }
  SUBCASE("block, product") {
    launch.block[0] = 32;
    launch.block[1] = 8;
    last_good("block", &launch.block[2], 4);
  }
  SUBCASE("shared memory") { last_good("shared memory", &launch.dynamic_smem, INT32_MAX); }
  SUBCASE("operands") {
    step.inputs.assign(kMaxOperands, 0);
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("weight segments") {
    for (uint32_t i = 1; i < kMaxWeightSegments; ++i) {
      bent.spec.segments.push_back({{0, 0, 0, 0}, SegmentKind::kWeights});
      launch.relocations.emplace_back(16 + 8 * i, static_cast<uint32_t>(program.tensors.size()));
      program.tensors.push_back({0, {1}, fb::StorageKind::Segment, 1 + i, 0, {}});
    }
    step.params.resize(16 + 8 * kMaxWeightSegments);
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("sides of an image") {
    add_image(&program);
    last_good("size is out of range", &program.bindings.back().image.width, 16384);
  }
}

TEST_CASE("memory") {
  Bent bent;
  SUBCASE("device arena on the CPU") {
    bent.program.arenas[0].space = fb::MemorySpace::Device;
    bent.check_refused("memory space");
  }
  SUBCASE("alignment not a power of two") {
    bent.program.arenas[0].alignment = 96;
    bent.check_refused("power of two");
  }
  SUBCASE("alignment too small") {
    bent.program.arenas[0].alignment = 32;
    bent.check_refused("power of two");
  }
  SUBCASE("alignment too large") {
    bent.program.arenas[0].alignment = 8192;
    bent.check_refused("power of two");
  }
  SUBCASE("sum of the arenas wraps around") {
    bent.program.arenas.push_back({~uint64_t{0} - 8192});
    bent.program.arenas.push_back({~uint64_t{0} - 8192});
    bent.check_refused("does not fit");
  }
  SUBCASE("too many arenas") {
    bent.program.arenas.resize(kMaxArenas + 1, {64});
    bent.check_refused("too many arenas");
  }
  SUBCASE("worker scratch too large") {
    bent.program.worker_scratch = ~uint64_t{0};
    bent.check_refused("scratch");
  }
}

TEST_CASE("tensors") {
  Bent bent;
  test::TensorSpec& t = bent.program.tensors[2];
  SUBCASE("unknown element type") {
    t.dtype = kDTypeCount;
    bent.check_refused("unknown element type");
  }
  SUBCASE("too many axes") {
    t.shape.assign(kMaxRank + 1, 1);
    bent.check_refused("too many axes");
  }
  SUBCASE("fewer strides than axes") {
    t.strides = {1};
    bent.check_refused("one stride per axis");
  }
  SUBCASE("negative extent") {
    t.shape[0] = -1;
    bent.check_refused("negative extent");
  }
  SUBCASE("negative stride") {
    t.strides = {15, -3, 1};
    bent.check_refused("negative stride");
  }
  SUBCASE("product of the shape wraps around") {
    t.shape = {int64_t{1} << 40, int64_t{1} << 40, 1};
    t.strides = {0, 0, 0};
    bent.check_refused("does not fit");
  }
  SUBCASE("reach of the strides wraps around") {
    t.shape = {int64_t{1} << 20, 2, 1};
    t.strides = {int64_t{1} << 50, 1, 1};
    bent.check_refused("does not fit");
  }
  SUBCASE("huge stride of an axis that has one element") {
    t.strides = {INT64_MAX, 3, 1};
    bent.check_refused("stride too large");
  }
  SUBCASE("reaches beyond its arena") {
    t.strides = {15, 4, 1};
    bent.check_refused("beyond its memory");
  }
  SUBCASE("offset beyond its arena") {
    t.offset = 4;
    bent.check_refused("beyond its memory");
  }
  SUBCASE("offset that wraps around") {
    t.offset = ~uint64_t{0} - 3;
    bent.check_refused("beyond its memory");
  }
  SUBCASE("misaligned offset") {
    bent.program.arenas[0].bytes += 64;
    t.offset = 2;
    bent.check_refused("not a multiple");
  }
  SUBCASE("no such arena") {
    t.index = 1;
    bent.check_refused("no such arena");
  }
  SUBCASE("no such segment") {
    bent.program.tensors[1].index = 1;
    bent.check_refused("no such segment");
  }
  SUBCASE("reaches beyond its segment") {
    bent.program.tensors[1].shape = {1, 2, test::kTinyColumns};
    bent.check_refused("beyond its memory");
  }
  SUBCASE("no such binding") {
    bent.program.tensors[0].index = 2;
    bent.check_refused("no such binding");
  }
  SUBCASE("unknown storage") {
    t.storage = static_cast<fb::StorageKind>(3);
    bent.check_refused("unknown storage");
  }
  SUBCASE("lies in an image") {
    add_image(&bent.program);
    bent.program.tensors.push_back({0, {1}, fb::StorageKind::Binding, 2, 0, {}});
    bent.check_refused("image binding");
  }
  SUBCASE("huge by strides of 0") {
    bent.program.tensors.push_back({0, {int64_t{1} << 40}, fb::StorageKind::Arena, 0, 0, {0}});
    bent.check_refused("more elements");
  }
}

TEST_CASE("bindings") {
  Bent bent;
  test::BindingSpec& b = bent.program.bindings[0];
  SUBCASE("no such tensor") {
    b.tensor = 99;
    bent.check_refused("no such tensor");
  }
  SUBCASE("tensor of another binding") {
    b.tensor = 3;
    bent.check_refused("fill its buffer");
  }
  SUBCASE("tensor with gaps") {
    b.io_bytes = 64;
    bent.program.tensors[0].strides = {16, 4, 1};
    bent.check_refused("fill its buffer");
  }
  SUBCASE("buffer larger than the tensor") {
    b.io_bytes += 4;
    bent.check_refused("not as large");
  }
  SUBCASE("buffer misaligned in the I/O block") {
    b.io_offset = 32;
    bent.check_refused("misaligned");
  }
  SUBCASE("buffer outside the I/O block") {
    b.io_offset = 1024;
    bent.check_refused("outside the I/O block");
  }
  SUBCASE("default buffers that overlap") {
    bent.program.bindings[1].io_offset = 0;
    bent.check_refused("overlaps another");
  }
  SUBCASE("unknown kind") {
    b.kind = static_cast<fb::BindingKind>(3);
    bent.check_refused("unknown kind");
  }
  SUBCASE("too many") {
    bent.program.bindings.resize(kMaxBindings + 1, bent.program.bindings[0]);
    bent.check_refused("too many bindings");
  }
}

TEST_CASE("images") {
  Bent bent;
  add_image(&bent.program);
  test::BindingSpec& b = bent.program.bindings[2];
  SUBCASE("as an output") {
    b.is_input = false;
    bent.check_refused("must be an input");
  }
  SUBCASE("without a description") {
    b.image.present = false;
    bent.check_refused("needs its description");
  }
  SUBCASE("with a buffer") {
    b.io_bytes = 64;
    bent.check_refused("no buffer");
  }
  SUBCASE("width 0") {
    b.image.width = 0;
    bent.check_refused("size is out of range");
  }
  SUBCASE("height 0") {
    b.image.height = 0;
    bent.check_refused("size is out of range");
  }
  SUBCASE("width too large") {
    b.image.width = 16385;
    bent.check_refused("size is out of range");
  }
  SUBCASE("height too large") {
    b.image.height = 16385;
    bent.check_refused("size is out of range");
  }
  SUBCASE("two channels") {
    b.image.channels = 2;
    bent.check_refused("1 or 3 channels");
  }
  SUBCASE("unknown fit") {
    b.image.fit = 4;
    bent.check_refused("unknown way");
  }
  SUBCASE("one mean for three channels") {
    b.image.mean = {0};
    bent.check_refused("one mean and one scale");
  }
  SUBCASE("no scale") {
    b.image.scale.clear();
    bent.check_refused("one mean and one scale");
  }
  SUBCASE("mean that is not a number") {
    b.image.mean[1] = __builtin_nanf("");
    bent.check_refused("finite");
  }
  SUBCASE("infinite padding") {
    b.image.pad_value = __builtin_inff();
    bent.check_refused("finite");
  }
}

TEST_CASE("detections") {
  Bent bent;
  make_detections(&bent.program);
  test::BindingSpec& b = bent.program.bindings[2];
  SUBCASE("as an input") {
    b.is_input = true;
    bent.check_refused("must be an output");
  }
  SUBCASE("five numbers per box") {
    bent.program.tensors[4].shape = {1, 2, 5};
    bent.check_refused("[batch, max, 6]");
  }
  SUBCASE("wrong batch") {
    bent.program.tensors[4].shape = {2, 1, 6};
    bent.check_refused("[batch, max, 6]");
  }
  SUBCASE("boxes of another type") {
    bent.program.tensors[4].dtype = kI32;
    bent.check_refused("[batch, max, 6]");
  }
  SUBCASE("boxes without the batch") {
    bent.program.tensors[4].shape = {2, 6};
    bent.check_refused("[batch, max, 6]");
  }
  SUBCASE("no room for a box") {
    bent.program.tensors[4].shape = {1, 0, 6};
    bent.check_refused("[batch, max, 6]");
  }
  SUBCASE("more boxes than a number of them can say") {
    bent.program.tensors[4].shape = {1, int64_t{1} << 31, 6};
    bent.program.tensors[4].strides = {0, 0, 1};
    bent.check_refused("");
  }
  SUBCASE("no such count tensor") {
    b.count_tensor = 6;
    bent.check_refused("no such tensor");
  }
  SUBCASE("counts of two axes") {
    bent.program.tensors[5].shape = {1, 1};
    bent.check_refused("i32 [batch]");
  }
  SUBCASE("counts of another batch") {
    b.io_bytes = 56;
    bent.program.tensors[5].shape = {2};
    bent.check_refused("i32 [batch]");
  }
  SUBCASE("counts of another type") {
    bent.program.tensors[5].dtype = 0;
    bent.check_refused("i32 [batch]");
  }
  SUBCASE("counts in the constants") {
    bent.program.tensors[5].storage = fb::StorageKind::Segment;
    bent.program.tensors[5].index = 0;
    bent.program.tensors[5].offset = 0;
    bent.check_refused("i32 [batch]");
  }
}

TEST_CASE("steps") {
  Bent bent;
  test::TestStep& step = bent.program.steps[0];
  SUBCASE("unknown kernel") {
    step.kernel = 999;
    bent.check_refused("CPU kernel", STINT_UNKNOWN_FEATURE);
  }
  SUBCASE("input that does not exist") {
    step.inputs[1] = 4;
    bent.check_refused("no such tensor");
  }
  SUBCASE("output that does not exist") {
    step.outputs[0] = kNone;
    bent.check_refused("no such tensor");
  }
  SUBCASE("no output") {
    step.outputs.clear();
    bent.check_refused("no output");
  }
  SUBCASE("too many inputs") {
    step.inputs.resize(kMaxOperands + 1, 0);
    bent.check_refused("too many operands");
  }
  SUBCASE("writes into the constants") {
    step.outputs[0] = 1;
    bent.check_refused("constants");
  }
  SUBCASE("writes into an input") {
    step.outputs[0] = 0;
    bent.check_refused("into an input");
  }
  SUBCASE("output elements share an address") {
    bent.program.tensors[2].strides = {15, 2, 1};
    bent.check_refused("share an address");
  }
  SUBCASE("parameters too short for the kernel") {
    step.params.resize(10);
    bent.check_refused("parameter block");
  }
  SUBCASE("parameters too large") {
    step.params.resize(kMaxParamsBytes + 1);
    bent.check_refused("too large");
  }
  SUBCASE("shapes that the kernel refuses") {
    step.inputs = {0};
    const stint_status status = open(bent.spec);
    CHECK(status.code == STINT_CORRUPT_PLAN);
    CHECK(status.detail == 0);
  }
  SUBCASE("kernel's check is told the step") {
    bent.program.steps[1].params.resize(3);
    CHECK(open(bent.spec).detail == 1);
  }
  SUBCASE("workspace that does not exist") {
    step.workspace = 77;
    bent.check_refused("no such tensor");
  }
  SUBCASE("workspace just behind the last tensor") {
    step.workspace = static_cast<uint32_t>(bent.program.tensors.size());
    bent.check_refused("no such tensor");
  }
  SUBCASE("workspaces that are no u8 [bytes] in an arena") {
    constexpr auto kU8 = static_cast<uint8_t>(DType::kU8);
    const auto arena = fb::StorageKind::Arena;
    bent.program.arenas[0].bytes = 256;
    step.workspace = 4;
    for (const test::TensorSpec& wrong : {
             test::TensorSpec{static_cast<uint8_t>(DType::kI8), {64}, arena, 0, 64, {}},
             test::TensorSpec{kU8, {8, 8}, arena, 0, 64, {}},
             test::TensorSpec{kU8, {}, arena, 0, 64, {}},
             test::TensorSpec{kU8, {32}, arena, 0, 64, {2}},
             test::TensorSpec{kU8, {32}, fb::StorageKind::Binding, 1, 0, {}},
         }) {
      bent.program.tensors.resize(4);
      bent.program.tensors.push_back(wrong);
      bent.check_refused("workspace must be");
    }
  }
  SUBCASE("workspace that overlaps an operand") {
    bent.program.tensors.push_back(
        {static_cast<uint8_t>(DType::kU8), {32}, fb::StorageKind::Arena, 0, 0, {}});
    step.workspace = 4;
    bent.check_refused("overlaps");
  }
  SUBCASE("workspace behind the operands is fine") {
    bent.program.arenas[0].bytes = 128;
    bent.program.tensors.push_back(
        {static_cast<uint8_t>(DType::kU8), {64}, fb::StorageKind::Arena, 0, 64, {}});
    step.workspace = 4;
    CHECK(open(bent.spec).code == STINT_OK);
    bent.program.tensors[4].offset = 32 + 64;
    bent.program.tensors[4].shape = {32};
    bent.check_refused("workspace must be");
  }
  SUBCASE("image binding that does not exist") {
    step.image_binding = 7;
    bent.check_refused("no such image binding");
  }
  SUBCASE("image binding that is a tensor") {
    step.image_binding = 0;
    bent.check_refused("no such image binding");
  }
  SUBCASE("negative image binding") {
    step.image_binding = -2;
    bent.check_refused("no such image binding");
  }
  SUBCASE("GPU launch on the CPU") {
    step.launch.present = true;
    bent.check_refused("cannot launch");
  }
  SUBCASE("edge back in time") {
    bent.program.edges = {fb::Edge(1, 0, fb::EdgeKind::Full)};
    bent.check_refused("edge");
  }
  SUBCASE("edge from a step to itself") {
    bent.program.edges = {fb::Edge(1, 1, fb::EdgeKind::Full)};
    bent.check_refused("edge");
  }
  SUBCASE("edge beyond the steps") {
    bent.program.edges = {fb::Edge(0, 2, fb::EdgeKind::Full)};
    bent.check_refused("edge");
  }
  SUBCASE("unknown kind of edge") {
    bent.program.edges = {fb::Edge(0, 1, static_cast<fb::EdgeKind>(2))};
    bent.check_refused("edge");
  }
}

TEST_CASE("operands of a step are apart or the same") {
  Bent bent;
  auto reshape = [&](test::TensorSpec from, test::TensorSpec to) {
    CopyParams params;
    params.mode = CopyMode::kReshape;
    bent.program.arenas[0].bytes = 4096;
    bent.program.tensors.push_back(from);
    bent.program.tensors.push_back(to);
    test::TestStep step;
    step.kernel = static_cast<uint16_t>(KernelId::kCopy);
    step.params = test::bytes_of(params);
    step.inputs = {4};
    step.outputs = {5};
    bent.program.steps.push_back(step);
  };
  const auto arena = fb::StorageKind::Arena;
  SUBCASE("ranges behind each other are fine") {
    reshape({0, {4, 4}, arena, 0, 0, {}}, {0, {16}, arena, 0, 64, {}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("the same region is fine") {
    reshape({0, {4, 4}, arena, 0, 0, {}}, {0, {16}, arena, 0, 0, {}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("the same strided region is fine") {
    reshape({0, {4, 4}, arena, 0, 0, {8, 1}}, {0, {4, 4}, arena, 0, 0, {8, 1}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("columns of one buffer, as in a concatenation, are fine") {
    reshape({0, {4, 4}, arena, 0, 0, {8, 1}}, {0, {4, 4}, arena, 0, 16, {8, 1}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("columns of a buffer that begins in the middle of a period are fine") {
    reshape({0, {4, 4}, arena, 0, 24, {8, 1}}, {0, {4, 4}, arena, 0, 40, {8, 1}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("columns of such a buffer that touch") {
    reshape({0, {4, 4}, arena, 0, 24, {8, 1}}, {0, {4, 4}, arena, 0, 36, {8, 1}});
    bent.check_refused("overlaps an input");
  }
  SUBCASE("rows of one buffer, image by image, are fine") {
    reshape({0, {2, 2, 4}, arena, 0, 0, {16, 4, 1}}, {0, {2, 2, 4}, arena, 0, 32, {16, 4, 1}});
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("shifted by one element") {
    reshape({0, {16}, arena, 0, 0, {}}, {0, {16}, arena, 0, 4, {}});
    bent.check_refused("overlaps an input");
  }
  SUBCASE("columns that touch") {
    reshape({0, {4, 4}, arena, 0, 0, {8, 1}}, {0, {4, 4}, arena, 0, 12, {8, 1}});
    bent.check_refused("overlaps an input");
  }
  SUBCASE("columns that wrap into the next row") {
    reshape({0, {4, 4}, arena, 0, 0, {8, 1}}, {0, {4, 4}, arena, 0, 20, {8, 1}});
    bent.check_refused("overlaps an input");
  }
  SUBCASE("different periods") {
    reshape({0, {4, 4}, arena, 0, 0, {8, 1}}, {0, {4, 4}, arena, 0, 16, {12, 1}});
    bent.check_refused("overlaps an input");
  }
  SUBCASE("two outputs that overlap") {
    make_detections(&bent.program);
    bent.program.steps[0].outputs = {2, 2};
    bent.check_refused("two of its outputs");
  }
}

TEST_CASE("GPU launches") {
  Bent bent;
  bent.spec = cuda_plan();
  ProgramSpec& program = bent.spec.variants[1].programs[0];
  test::TestStep& step = program.steps[0];
  test::LaunchSpec& launch = step.launch;
  SUBCASE("missing") {
    launch.present = false;
    bent.check_refused("needs a launch");
  }
  SUBCASE("module is not a cubin") {
    launch.module_segment = 0;
    bent.check_refused("kernel module");
  }
  SUBCASE("no such module") {
    launch.module_segment = 2;
    bent.check_refused("kernel module");
  }
  SUBCASE("kernel without a name") {
    launch.symbol.clear();
    bent.check_refused("no name");
  }
  SUBCASE("empty grid") {
    launch.grid[1] = 0;
    bent.check_refused("grid");
  }
  SUBCASE("block of too many threads") {
    launch.block[0] = 64;
    launch.block[1] = 32;
    bent.check_refused("block");
  }
  SUBCASE("block product that wraps around") {
    launch.block[0] = launch.block[1] = 0x80000000u;
    launch.block[2] = 4;
    bent.check_refused("block");
  }
  SUBCASE("relocation beyond the parameters") {
    launch.relocations[1] = fb::Relocation(24, 0);
    bent.check_refused("outside the parameters");
  }
  SUBCASE("misaligned relocation") {
    launch.relocations[1] = fb::Relocation(12, 0);
    bent.check_refused("outside the parameters");
  }
  SUBCASE("relocation at the end of the number range") {
    launch.relocations[1] = fb::Relocation(0xFFFFFFF8u, 0);
    bent.check_refused("outside the parameters");
  }
  SUBCASE("relocation to no tensor") {
    launch.relocations[1] = fb::Relocation(8, 99);
    bent.check_refused("names no tensor");
  }
  SUBCASE("two relocations in one place") {
    launch.relocations[1] = fb::Relocation(0, 1);
    bent.check_refused("one place");
  }
  SUBCASE("pointer that nothing writes") {
    launch.relocations.pop_back();
    bent.check_refused("no pointer to anything");
  }
  SUBCASE("parameters that are not whole pointers") {
    step.params.resize(28);
    bent.check_refused("no pointer to anything");
  }
  SUBCASE("relocation into machine code") {
    program.tensors[1].index = 1;
    bent.check_refused("machine code");
  }
  SUBCASE("shared memory beyond every device") {
    launch.dynamic_smem = 0x80000000u;
    bent.check_refused("shared memory");
  }
  SUBCASE("frames without an image binding") {
    launch.relocations.pop_back();
    launch.frames_param = 16;
    bent.check_refused("no image binding");
  }
  SUBCASE("frames of an image binding") {
    add_image(&program);
    step.image_binding = 2;
    launch.relocations.pop_back();
    launch.frames_param = 16;
    CHECK(open(bent.spec).code == STINT_OK);
    launch.frames_param = 24;
    bent.check_refused("outside the parameters");
    launch.frames_param = 8;
    bent.check_refused("one place");
  }
  SUBCASE("limits") {
    launch.relocations.pop_back();
    launch.limits_param = 16;
    CHECK(open(bent.spec).code == STINT_OK);
    launch.limits_param = 20;
    bent.check_refused("outside the parameters");
    launch.limits_param = 0;
    bent.check_refused("one place");
  }
  SUBCASE("arena on the host") {
    program.arenas[0].space = fb::MemorySpace::Host;
    bent.check_refused("memory space");
  }
  SUBCASE("step without an output") {
    step.outputs.clear();
    bent.check_refused("no output");
  }
  SUBCASE("writes into the constants") {
    step.outputs = {1};
    bent.check_refused("constants");
  }
  SUBCASE("weights in too many segments") {
    for (uint32_t i = 0; i <= kMaxWeightSegments; ++i) {
      bent.spec.segments.push_back({{0, 0, 0, 0}, SegmentKind::kWeights});
      launch.relocations.emplace_back(24 + 8 * i, static_cast<uint32_t>(program.tensors.size()));
      program.tensors.push_back({0, {1}, fb::StorageKind::Segment, 2 + i, 0, {}});
    }
    step.params.resize(24 + 8 * (kMaxWeightSegments + 1));
    bent.check_refused("too many segments");
  }
}

TEST_CASE("machine code stays inside its segment") {
  Bent bent;
  bent.spec = cuda_plan();
  std::vector<uint8_t>& code = bent.spec.segments[1].bytes;
  const auto header = [&] { return reinterpret_cast<Elf64_Ehdr*>(code.data()); };
  const auto add_tables = [&] {
    header()->e_shentsize = sizeof(Elf64_Shdr);
    header()->e_phentsize = sizeof(Elf64_Phdr);
    header()->e_shnum = header()->e_phnum = 1;
    header()->e_shoff = sizeof(Elf64_Ehdr);
    header()->e_phoff = sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr);
    code.resize(sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr) + sizeof(Elf64_Phdr), 0);
  };
  const auto section = [&] {
    return reinterpret_cast<Elf64_Shdr*>(code.data() + sizeof(Elf64_Ehdr));
  };
  SUBCASE("shorter than a header") {
    code.resize(63);
    bent.check_refused("shorter");
  }
  SUBCASE("not an ELF file") {
    code[0] = 'P';
    bent.check_refused("not a CUDA ELF");
  }
  SUBCASE("of another machine") {
    header()->e_machine = 62;
    bent.check_refused("not a CUDA ELF");
  }
  SUBCASE("tables and sections that fit") {
    add_tables();
    section()->sh_size = 4;
    section()->sh_offset = code.size() - 4;
    CHECK(open(bent.spec).code == STINT_OK);
    section()->sh_offset += 1;
    bent.check_refused("section");
    section()->sh_offset = ~uint64_t{0} - 1;
    bent.check_refused("section");
    section()->sh_type = SHT_NOBITS;
    CHECK(open(bent.spec).code == STINT_OK);
  }
  SUBCASE("part outside") {
    add_tables();
    reinterpret_cast<Elf64_Phdr*>(section() + 1)->p_filesz = code.size() + 1;
    bent.check_refused("part");
  }
  SUBCASE("table outside") {
    add_tables();
    header()->e_shoff = code.size() - 1;
    bent.check_refused("table");
  }
  SUBCASE("entries of another size") {
    add_tables();
    header()->e_shentsize = 8;
    bent.check_refused("another size");
  }
}
