#include "host_builder/import/caffe/legacy_layer.h"

#include <google/protobuf/descriptor.h>

namespace stint::builder {
namespace {

const char* name_of(caffe::LegacyType type) {
  switch (type) {
    case caffe::NONE:
      return "";
    case caffe::ACCURACY:
      return "Accuracy";
    case caffe::BNLL:
      return "BNLL";
    case caffe::CONCAT:
      return "Concat";
    case caffe::CONVOLUTION:
      return "Convolution";
    case caffe::DATA:
      return "Data";
    case caffe::DROPOUT:
      return "Dropout";
    case caffe::EUCLIDEAN_LOSS:
      return "EuclideanLoss";
    case caffe::FLATTEN:
      return "Flatten";
    case caffe::HDF5_DATA:
      return "HDF5Data";
    case caffe::HDF5_OUTPUT:
      return "HDF5Output";
    case caffe::IM2COL:
      return "Im2col";
    case caffe::IMAGE_DATA:
      return "ImageData";
    case caffe::INFOGAIN_LOSS:
      return "InfogainLoss";
    case caffe::INNER_PRODUCT:
      return "InnerProduct";
    case caffe::LRN:
      return "LRN";
    case caffe::MULTINOMIAL_LOGISTIC_LOSS:
      return "MultinomialLogisticLoss";
    case caffe::POOLING:
      return "Pooling";
    case caffe::RELU:
      return "ReLU";
    case caffe::SIGMOID:
      return "Sigmoid";
    case caffe::SOFTMAX:
      return "Softmax";
    case caffe::SOFTMAX_LOSS:
      return "SoftmaxWithLoss";
    case caffe::SPLIT:
      return "Split";
    case caffe::TANH:
      return "TanH";
    case caffe::WINDOW_DATA:
      return "WindowData";
    case caffe::ELTWISE:
      return "Eltwise";
    case caffe::POWER:
      return "Power";
    case caffe::SIGMOID_CROSS_ENTROPY_LOSS:
      return "SigmoidCrossEntropyLoss";
    case caffe::HINGE_LOSS:
      return "HingeLoss";
    case caffe::MEMORY_DATA:
      return "MemoryData";
    case caffe::ARGMAX:
      return "ArgMax";
    case caffe::THRESHOLD:
      return "Threshold";
    case caffe::DUMMY_DATA:
      return "DummyData";
    case caffe::SLICE:
      return "Slice";
    case caffe::MVN:
      return "MVN";
    case caffe::ABSVAL:
      return "AbsVal";
    case caffe::SILENCE:
      return "Silence";
    case caffe::CONTRASTIVE_LOSS:
      return "ContrastiveLoss";
    case caffe::EXP:
      return "Exp";
    case caffe::DECONVOLUTION:
      return "Deconvolution";
  }
  return "";
}

}  // namespace

caffe::Layer of_today(const caffe::LegacyLayer& layer) {
  caffe::Layer result;
  result.set_name(layer.name());
  result.set_type(name_of(layer.type()));
  *result.mutable_bottom() = layer.bottom();
  *result.mutable_top() = layer.top();
  *result.mutable_include() = layer.include();
  *result.mutable_exclude() = layer.exclude();
  // Parameters have the same names and types in both.
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  layer.GetReflection()->ListFields(layer, &fields);
  for (const auto* field : fields) {
    if (field->message_type() == nullptr || field->is_repeated()) continue;
    const auto* to = result.GetDescriptor()->FindFieldByName(field->name());
    result.GetReflection()
        ->MutableMessage(&result, to)
        ->CopyFrom(layer.GetReflection()->GetMessage(layer, field));
  }
  return result;
}

}  // namespace stint::builder
