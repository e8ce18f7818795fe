#include "host_builder/frames/preprocess_spec.h"

#include <cmath>

#include "host_builder/frames/spec_text.h"

namespace stint::builder {
namespace {

constexpr const char* kOption = "--preprocess";

struct Preset {
  const char* name;
  const char* words;
};

/// As the models' own papers and exporters prepare their input.
constexpr Preset kPresets[] = {
    {"yolox", "letterbox-topleft,bgr,pad=114"},
    {"yolo", "letterbox,rgb,pad=114,std=255"},
    {"imagenet", "crop,rgb,mean=123.675:116.28:103.53,std=58.395:57.12:57.375"},
    {"rfb", "stretch,rgb,mean=127,std=128"},
};

const char* preset_words(const std::string& name) {
  for (const Preset& preset : kPresets)
    if (name == preset.name) return preset.words;
  return nullptr;
}

void read(const SpecText& text, PreprocessSpec* spec);

void read_word(const SpecText& text, const SpecItem& item, PreprocessSpec* spec) {
  const std::string& key = item.key;
  text.want_word(item);
  if (key == "stretch") {
    spec->fit = FitMode::kStretch;
  } else if (key == "letterbox") {
    spec->fit = FitMode::kLetterbox;
  } else if (key == "letterbox-topleft") {
    spec->fit = FitMode::kLetterboxTopLeft;
  } else if (key == "crop") {
    spec->fit = FitMode::kCrop;
  } else if (key == "rgb" || key == "gray") {
    spec->order_bgr = false;
  } else if (key == "bgr") {
    spec->order_bgr = true;
  } else if (key == "nchw" || key == "nhwc") {
    spec->channels_last = key == "nhwc";
  } else if (const char* words = preset_words(key)) {
    read(SpecText(kOption, words), spec);
  } else {
    text.fail(item,
              "stretch, letterbox, letterbox-topleft, crop, rgb, bgr, gray, nchw, nhwc, pad=, "
              "mean=, scale=, std=, input= or a preset (yolox, yolo, imagenet, rfb)");
  }
}

void read(const SpecText& text, PreprocessSpec* spec) {
  for (const SpecItem& item : text.items()) {
    const std::string& key = item.key;
    if (key == "pad") {
      spec->pad_value = static_cast<float>(text.number(item, 0, 255));
    } else if (key == "mean") {
      spec->mean = text.numbers(item, 1, 3);
    } else if (key == "scale") {
      spec->scale = text.numbers(item, 1, 3);
    } else if (key == "std") {
      spec->scale = text.numbers(item, 1, 3);
      for (float& v : spec->scale) {
        if (std::abs(v) < 1e-30f)
          text.fail(item.value_position, *item.value, "numbers other than 0");
        v = static_cast<float>(1.0 / static_cast<double>(v));
      }
    } else if (key == "input") {
      spec->input = text.want_value(item, "the name of an input");
    } else {
      read_word(text, item, spec);
    }
  }
}

}  // namespace

PreprocessSpec parse_preprocess_spec(const std::string& text) {
  PreprocessSpec spec;
  read(SpecText(kOption, text), &spec);
  return spec;
}

const char* preprocess_grammar() {
  return R"(  words and key=value, separated by commas; a later one replaces an earlier one
    stretch            fit the frame to the input, both axes on their own (default)
    letterbox          keep the aspect, centre, pad
    letterbox-topleft  keep the aspect, place at the top left, pad right and below
    crop               keep the aspect, the frame's centre fills the input
    rgb | bgr | gray   channel order the network wants (default rgb)
    pad=V              value of the padding, 0..255 (default 0)
    mean=V[:V:V]       subtracted, per channel in network order, 0..255 scale (default 0)
    scale=V[:V:V]      multiplied afterwards (default 1)
    std=V[:V:V]        the same as scale=1/V
    input=NAME         the input that gets the frame (default: the only one that can)
    nchw | nhwc        its layout (default: seen from its shape)
  presets: yolox     letterbox-topleft,bgr,pad=114
           yolo      letterbox,rgb,pad=114,std=255
           imagenet  crop,rgb,mean=123.675:116.28:103.53,std=58.395:57.12:57.375
           rfb       stretch,rgb,mean=127,std=128
  example: --preprocess letterbox,bgr,pad=114,mean=0:0:0,scale=1
  Sampling is bilinear with half-pixel centres (OpenCV's INTER_LINEAR), in the frame's own colour space.
  An input of u8 gets the same values rounded to the nearest (halves to the even one), without mean and scale.
)";
}

}  // namespace stint::builder
