#include "host_builder/network/input_shape.h"

#include <algorithm>
#include <cctype>

#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

using Axes = std::vector<DeclaredAxis>;

/// Whether the source itself says that the axis is the batch.
bool is_called_batch(const DeclaredAxis& axis) {
  std::string name = axis.symbol;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return name.find("batch") != std::string::npos;
}

/// As the source declares it, "[batch,3,?,224]".
std::string declared_text(const Axes& axes) {
  std::string text;
  for (const DeclaredAxis& axis : axes) {
    text += text.empty() ? "[" : ",";
    if (!axis.is_open())
      text += std::to_string(axis.extent);
    else
      text += axis.symbol.empty() ? "?" : axis.symbol;
  }
  return text.empty() ? "[]" : text + "]";
}

std::string shape_option(const std::string& name, const Shape& shape) {
  std::string text = "--shape " + name + "=";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : "x") + std::to_string(shape[i]);
  return text;
}

/// An example of --shape for the input: what the source fixes, and A, B... for the rest.
std::string wanted_option(const std::string& name, const Axes& axes) {
  std::string text = "--shape " + name + "=";
  char letter = 'A';
  for (size_t i = 0; i < axes.size(); ++i) {
    if (i > 0) text += "x";
    if (!axes[i].is_open())
      text += std::to_string(axes[i].extent);
    else
      text += i == 0 ? "1" : std::string(1, letter++);
  }
  return text;
}

class Resolution {
 public:
  Resolution(const InputDeclaration& input, const NetworkOptions& options, const SourceWords& words,
             std::vector<std::string>& notes)
      : name_(input.name),
        is_declared_(input.axes.has_value()),
        axes_(input.axes.value_or(Axes())),
        options_(options),
        batch_(options.batch.value_or(1)),
        words_(words),
        notes_(notes) {}

  InputShape run() {
    for (size_t i = 0; i < axes_.size(); ++i) {
      if (axes_[i].extent != 0) continue;
      throw Refusal("is " + declared_text(axes_) + ": axis " + std::to_string(i) +
                        " has extent 0, so there is nothing to compute",
                    "export the model with the real extent or an open axis", words_.set_extents);
    }
    const auto given = options_.shapes.find(name_);
    const bool is_given = given != options_.shapes.end();
    if (is_given) {
      if (is_declared_) check_given(given->second);
      result_.shape = given->second;
    } else if (!is_declared_) {
      throw Refusal("has no shape in the model", "give it with --shape ", name_ + "=1x3x224x224");
    } else {
      for (const DeclaredAxis& axis : axes_)
        result_.shape.push_back(axis.is_open() ? -1 : axis.extent);
    }
    apply_batch(is_given);
    check_static();
    return result_;
  }

 private:
  void check_static() const {
    const Shape& shape = result_.shape;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] != -1) continue;
      const std::string symbol = i < axes_.size() ? axes_[i].symbol : "";
      throw Refusal("is " + declared_text(axes_) + ": axis " + std::to_string(i) + " is open" +
                        (symbol.empty() ? "" : " ('" + symbol + "')") +
                        " in the model, and a plan is static",
                    "give the shape with ", wanted_option(name_, axes_));
    }
    if (shape.size() > static_cast<size_t>(kMaxRank)) {
      throw Refusal("shape " + shape_text(shape) + " has " + std::to_string(shape.size()) +
                        " axes, at most " + std::to_string(kMaxRank) + " are supported",
                    "reshape the input to fewer axes in the model");
    }
    if (!checked_elements(shape))
      throw Refusal("shape " + shape_text(shape) + " has too many elements", "reduce its extents");
  }

  void check_given(const Shape& given) const {
    if (given.size() != axes_.size()) {
      throw Refusal("is " + declared_text(axes_) + " in the model with " +
                        std::to_string(axes_.size()) + " axes, --shape gives " + shape_text(given),
                    "give as many extents: ", wanted_option(name_, axes_));
    }
    for (size_t i = 0; i < axes_.size(); ++i) {
      const DeclaredAxis& axis = axes_[i];
      // A first extent of 1 is the batch, which apply_batch looks at.
      if (axis.is_open() || axis.extent == given[i] ||
          (i == 0 && axis.extent == 1 && axes_.size() > 1))
        continue;
      throw Refusal(
          "is " + declared_text(axes_) + " in the model, --shape gives " + shape_text(given),
          "give ", wanted_option(name_, axes_) + ", or export the model with that axis open");
    }
  }

  /// With --shape the first extent must then be 1 or the batch; another extent of an open axis is
  /// taken for an axis that is no batch, unless the source calls it so.
  void apply_batch(bool is_given) {
    Shape& shape = result_.shape;
    if (shape.empty()) return;
    const bool declares = !axes_.empty();
    const bool open = !declares || axes_[0].is_open();
    const bool written_one = !open && axes_[0].extent == 1 && shape.size() > 1;
    result_.of_one = written_one;
    if (!is_given) {
      result_.batched = open || written_one;
    } else if (shape[0] == 1) {
      result_.batched = shape.size() > 1;
    } else {
      result_.batched = (open || written_one) && shape[0] == batch_;
      if (!result_.batched && (written_one || (declares && is_called_batch(axes_[0]))))
        refuse_batch(shape);
      if (!result_.batched && open) {
        notes_.push_back(
            "input '" + name_ + "': the first extent of " + shape_option(name_, shape) +
            " is no batch, the plan's batch is " + std::to_string(batch_) +
            (batch_ == 1 ? " (if it is meant as one, use --batch " + std::to_string(shape[0]) + ")"
                         : ""));
      }
    }
    if (result_.batched) shape[0] = batch_;
  }

  [[noreturn]] void refuse_batch(Shape shape) const {
    const std::string extent = std::to_string(shape[0]);
    shape[0] = 1;
    throw Refusal(
        "--shape gives a batch of " + extent + ", --batch is " + std::to_string(batch_), "give ",
        "--batch " + extent + " and leave the first extent at 1: " + shape_option(name_, shape));
  }

  const std::string& name_;
  bool is_declared_;
  Axes axes_;
  const NetworkOptions& options_;
  int64_t batch_;
  const SourceWords& words_;
  std::vector<std::string>& notes_;
  InputShape result_;
};

}  // namespace

InputDeclaration::InputDeclaration(std::string name, DType dtype, const Shape& shape)
    : name(std::move(name)), dtype(dtype), axes(Axes()) {
  for (const int64_t extent : shape) axes->push_back({extent, {}});
}

InputShape input_shape(const InputDeclaration& input, const NetworkOptions& options,
                       const SourceWords& words, std::vector<std::string>& notes) {
  return Resolution(input, options, words, notes).run();
}

}  // namespace stint::builder
