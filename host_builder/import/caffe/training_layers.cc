#include "host_builder/import/caffe/training_layers.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace stint::builder {
namespace {

template <size_t n>
bool is_one_of(const std::string_view (&types)[n], const std::string& type) {
  return std::find(std::begin(types), std::end(types), type) != std::end(types);
}

constexpr std::string_view kTraining[] = {
    "Accuracy",
    "ContrastiveLoss",
    "DetectionEvaluate",
    "EuclideanLoss",
    "HingeLoss",
    "InfogainLoss",
    "MultiBoxLoss",
    "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss",
    "SmoothL1Loss",
    "SoftmaxWithLoss",
};
constexpr std::string_view kConsuming[] = {"Silence", "HDF5Output"};
constexpr std::string_view kDataSets[] = {
    "AnnotatedData", "Data", "HDF5Data", "ImageData", "MemoryData", "VideoData", "WindowData",
};

}  // namespace

bool is_of_training(const std::string& type) { return is_one_of(kTraining, type); }
bool only_consumes(const std::string& type) { return is_one_of(kConsuming, type); }
bool reads_data_set(const std::string& type) { return is_one_of(kDataSets, type); }

}  // namespace stint::builder
