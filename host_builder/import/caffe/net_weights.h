// The weights of a net: of a .caffemodel, or made up where there is none.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "caffe/caffe.pb.h"
#include "host_builder/graph/graph.h"
#include "host_builder/import/caffe/random_weights.h"

namespace stint::builder {

class NetWeights {
 public:
  /// Made up.
  NetWeights() = default;
  /// Of a file. Throws Refusal for what is none.
  explicit NetWeights(std::span<const std::byte> bytes);

  bool made_up() const { return !from_file_; }
  /// The layer has this many blobs. Throws Refusal if the file says otherwise.
  void check_layer(const std::string& layer, size_t blobs);
  /// Elements of blob `index`, in the order of the shape. Throws Refusal.
  std::vector<float> blob(const std::string& layer, size_t index, const Shape& shape,
                          const MadeUp& made_up);
  /// Layers of the file with weights that nobody asked for.
  std::vector<std::string> unused() const;

 private:
  struct LayerBlobs {
    google::protobuf::RepeatedPtrField<caffe::BlobProto> blobs;
    bool used = false;
  };
  LayerBlobs& find(const std::string& layer);

  bool from_file_ = false;
  std::map<std::string, LayerBlobs> layers_;
};

/// Whether the bytes are a binary net of Caffe's that holds layers, whatever it is meant for.
bool is_net_binary(std::span<const std::byte> bytes);

}  // namespace stint::builder
