// Products by warpgroups (wgmma) on the host: the part of one warp. Both ends of the time in
// which a device may read its operands are looked at, when a product is started and when it is
// waited for: what changes in between (a stage that is filled again too early), or arrives in
// between, is found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/cuda_on_host/services.h"

namespace stint::test {

/// The shared memory of a block as the tensor cores see it.
struct SharedTiles {
  const unsigned char* shared = nullptr;
  unsigned start = 0, bytes = 0;  // the address of its first byte
  // Per 16 bytes: copied to by a thread that has not shown it since.
  const std::vector<bool>* unseen = nullptr;
};

class WarpProducts {
 public:
  struct Operands {
    unsigned blocks = 0;  // of 8 columns
    HostOperand a = {}, b = {};
    HostFactors factors = kHostHalves;
    bool operator==(const Operands& o) const {
      return blocks == o.blocks && a.address == o.a.address && a.pitch == o.a.pitch &&
             b.address == o.b.address && b.pitch == o.b.pitch && factors == o.factors;
    }
  };

  /// `warp`: in its block; `sums`: of each lane, 4 for each block of columns. All return what is
  /// wrong, empty if nothing.
  std::string start(const SharedTiles& memory, unsigned warp, const Operands& operands,
                    const std::vector<void*>& sums);
  void commit() { ++groups_; }
  std::string wait(const SharedTiles& memory, int pending);

  bool under_way() const { return !products_.empty(); }
  void clear();

 private:
  struct Product {
    Operands operands;
    unsigned first_row = 0, group = 0;
    std::vector<void*> sums;
    std::vector<unsigned char> a, b;  // rows and columns of 32 bytes of k
  };
  std::vector<Product> products_;
  unsigned groups_ = 0;
};

}  // namespace stint::test
