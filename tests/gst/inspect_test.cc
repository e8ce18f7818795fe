// gst-inspect-1.0 is the manual: everything is there and documented.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "gst_plugin/json_line.h"
#include "tests/gst/fixture.h"

using namespace stint::test;

TEST_CASE("the plugin and its three elements are there") {
  gst_init(nullptr, nullptr);
  GstPlugin* plugin = gst_registry_find_plugin(gst_registry_get(), "stint");
  REQUIRE(plugin);
  CHECK(std::string(gst_plugin_get_license(plugin)) == "Apache 2.0");
  gst_object_unref(plugin);
  for (const char* name : {"stintinfer", "stintoverlay", "stintjson"}) {
    CAPTURE(name);
    GstElementFactory* factory = gst_element_factory_find(name);
    REQUIRE(factory);
    CHECK(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)) == GST_RANK_NONE);
    gst_object_unref(factory);
  }
}

TEST_CASE("every property has a description, says when it may change, and holds what is put in") {
  gst_init(nullptr, nullptr);
  const std::set<std::string> expected = {
      "model",          "device",        "engine-id",       "batch-size",    "batch-timeout",
      "max-age",        "late-policy",   "every-n",         "max-rate",      "priority",
      "stream-id",      "region",        "threshold",       "iou-threshold", "max-detections",
      "labels-file",    "output-meta",   "message-results", "stats",         "stats-interval",
      "report-latency", "active-device", "threads"};
  GstElement* element = gst_element_factory_make("stintinfer", nullptr);
  REQUIRE(element);
  gst_object_ref_sink(element);
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  std::set<std::string> own;
  for (guint i = 0; i < count; ++i) {
    GParamSpec* spec = specs[i];
    if (std::string(g_type_name(spec->owner_type)) != "GstStintInfer") continue;
    CAPTURE(spec->name);
    own.insert(spec->name);
    CHECK(std::string(g_param_spec_get_blurb(spec)).size() > 20);
    const guint mutability = GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING;
    if (!(spec->flags & G_PARAM_WRITABLE)) continue;
    CHECK((spec->flags & mutability) != 0);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(G_OBJECT(element), spec->name, &value);
    CHECK(g_param_value_defaults(spec, &value));
    g_object_set_property(G_OBJECT(element), spec->name, &value);
    g_value_unset(&value);
  }
  g_free(specs);
  CHECK(own == expected);
  gst_object_unref(element);
}

TEST_CASE("set values come back") {
  gst_init(nullptr, nullptr);
  GstElement* element = gst_parse_launch(
      "stintinfer device=cpu engine-id=e threads=3 batch-size=4 batch-timeout=5 max-age=6 "
      "late-policy=drop every-n=7 "
      "max-rate=25/2 priority=-8 stream-id=s region=rois threshold=0.25 iou-threshold=0.5 "
      "max-detections=9 "
      "labels-file=l output-meta=roi message-results=true stats-interval=10 report-latency=false "
      "model=m",
      nullptr);
  REQUIRE(element);
  gst_object_ref_sink(element);
  const std::pair<const char*, const char*> expected[] = {{"device", "cpu"},
                                                          {"engine-id", "e"},
                                                          {"threads", "3"},
                                                          {"batch-size", "4"},
                                                          {"batch-timeout", "5"},
                                                          {"max-age", "6"},
                                                          {"late-policy", "drop"},
                                                          {"every-n", "7"},
                                                          {"max-rate", "25/2"},
                                                          {"priority", "-8"},
                                                          {"stream-id", "s"},
                                                          {"region", "rois"},
                                                          {"threshold", "0.25"},
                                                          {"iou-threshold", "0.5"},
                                                          {"max-detections", "9"},
                                                          {"labels-file", "l"},
                                                          {"message-results", "true"},
                                                          {"stats-interval", "10"},
                                                          {"report-latency", "false"},
                                                          {"model", "m"}};
  for (const auto& [name, text] : expected) {
    CAPTURE(name);
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(G_OBJECT(element), name, &value);
    gchar* written = gst_value_serialize(&value);
    CHECK(std::string(written) == text);
    g_free(written);
    g_value_unset(&value);
  }
  guint output_meta = 0;
  g_object_get(element, "output-meta", &output_meta, nullptr);
  CHECK(output_meta == 1);
  gst_object_unref(element);
}

TEST_CASE("JSON text is escaped and numbers are numbers in every locale") {
  setlocale(LC_ALL, "de_DE.UTF-8");
  stint::gst::JsonLine line;
  line.begin_object();
  line.key("a\"b\\").value("x\n\x01\t\"\xc3\xa9");
  line.key("f").value(0.5f);
  line.key("nan").value(std::numeric_limits<float>::quiet_NaN());
  line.key("big").value(std::numeric_limits<uint64_t>::max());
  line.key("list").begin_array();
  line.value(true);
  line.begin_array();
  line.end_array();
  line.value(int64_t{-1});
  line.end_array();
  line.end_object();
  setlocale(LC_ALL, "C");
  const Json parsed = Json::parse(line.text());
  CHECK(parsed["a\"b\\"] == "x\n\x01\t\"\xc3\xa9");
  CHECK(parsed["f"] == 0.5);
  CHECK(parsed["nan"] == nullptr);
  CHECK(parsed["big"] == std::numeric_limits<uint64_t>::max());
  CHECK(parsed["list"] == Json::array({true, Json::array(), -1}));
}
