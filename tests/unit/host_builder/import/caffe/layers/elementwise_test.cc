// Activations, arithmetic, Scale and Bias.
#include <cmath>

#include "tests/support/caffe_net.h"

using namespace stint::builder;

namespace {

const std::vector<float> kX = {-2.0f, -0.5f, 0.25f, 3.0f};

std::vector<float> of(const std::string& layer) {
  return CaffeNet::of_layer({1, 4}, layer).result(kX);
}

template <typename Function>
std::vector<double> each(Function&& function) {
  std::vector<double> y;
  for (const float x : kX) y.push_back(function(static_cast<double>(x)));
  return y;
}

}  // namespace

TEST_CASE("activations") {
  close_to(of("type: 'ReLU'"), each([](double x) { return std::max(x, 0.0); }));
  close_to(of("type: 'ReLU' relu_param { negative_slope: 0.1 }"),
           each([](double x) { return x > 0 ? x : 0.1 * x; }));
  close_to(of("type: 'ReLU6'"), each([](double x) { return std::min(std::max(x, 0.0), 6.0); }));
  close_to(of("type: 'Clip' clip_param { min: -1 max: 2 }"),
           each([](double x) { return std::min(std::max(x, -1.0), 2.0); }));
  close_to(of("type: 'ELU' elu_param { alpha: 2 }"),
           each([](double x) { return x > 0 ? x : 2 * (std::exp(x) - 1); }));
  close_to(of("type: 'Sigmoid'"), each([](double x) { return 1 / (1 + std::exp(-x)); }));
  close_to(of("type: 'TanH'"), each([](double x) { return std::tanh(x); }));
  close_to(of("type: 'AbsVal'"), each([](double x) { return std::abs(x); }));
  close_to(of("type: 'BNLL'"), each([](double x) { return std::log(1 + std::exp(x)); }));
  close_to(of("type: 'Swish' swish_param { beta: 2 }"),
           each([](double x) { return x / (1 + std::exp(-2 * x)); }));
  close_to(of("type: 'Threshold' threshold_param { threshold: 0.25 }"),
           each([](double x) { return x > 0.25 ? 1.0 : 0.0; }));
}

TEST_CASE("powers, exponentials and logarithms of shift + scale * x") {
  close_to(of("type: 'Power' power_param { power: 3 scale: 0.5 shift: 2 }"),
           each([](double x) { return std::pow(2 + 0.5 * x, 3); }));
  close_to(of("type: 'Power' power_param { power: 2 scale: 2 }"),
           each([](double x) { return 4 * x * x; }));
  close_to(of("type: 'Power'"), each([](double x) { return x; }));
  close_to(of("type: 'Exp' exp_param { shift: 1 scale: 2 }"),
           each([](double x) { return std::exp(1 + 2 * x); }));
  close_to(of("type: 'Exp' exp_param { base: 2 }"), each([](double x) { return std::exp2(x); }));
  close_to(of("type: 'Log' log_param { base: 10 shift: 3 scale: 1 }"),
           each([](double x) { return std::log10(3 + x); }));
  mentions(CaffeNet::of_layer({1, 4}, "type: 'Exp' exp_param { base: 1 }").refusal(), "has base 1");
}

TEST_CASE("sums with coefficients, products and maxima") {
  const auto eltwise = [](const std::string& parameters) {
    return CaffeNet(
        "input: 'x' input_shape { dim: 1 dim: 2 }\n"
        "layer { name: 'p' type: 'Power' bottom: 'x' top: 'p' power_param { shift: 2 } }\n"
        "layer { name: 'e' type: 'Eltwise' bottom: 'x' bottom: 'p' top: 'y'\n"
        "  eltwise_param { " +
        parameters + " } }");
  };
  CHECK(eltwise("").result({1, -5}) == std::vector<float>{4, -8});
  CHECK(eltwise("operation: SUM coeff: 2 coeff: -1").result({1, -5}) == std::vector<float>{-1, -7});
  CHECK(eltwise("operation: PROD").result({1, -5}) == std::vector<float>{3, 15});
  CHECK(eltwise("operation: MAX").result({1, -5}) == std::vector<float>{3, -3});
  mentions(eltwise("operation: MAX coeff: 1 coeff: 1").refusal(),
           "coefficients, which are for a SUM");
  mentions(eltwise("coeff: 1").refusal(), "has 1 coefficients");
}

TEST_CASE("scales and biases of some axes") {
  CaffeNet scale =
      CaffeNet::of_layer({1, 2, 1, 2}, "type: 'Scale' scale_param { bias_term: true }");
  scale.blob("l", {2}, {10, 100}).blob("l", {2}, {1, 2});
  CHECK(scale.result({1, 2, 3, 4}) == std::vector<float>{11, 21, 302, 402});
  CaffeNet all = CaffeNet::of_layer({1, 2, 1, 2}, "type: 'Scale' scale_param { num_axes: -1 }");
  all.blob("l", {2, 1, 2}, {1, 2, 3, 4});
  CHECK(all.result({1, 1, 1, 1}) == std::vector<float>{1, 2, 3, 4});
  CaffeNet one = CaffeNet::of_layer({1, 2}, "type: 'Scale' scale_param { num_axes: 0 }");
  CHECK(one.blob("l", {}, {7}).result({1, 2}) == std::vector<float>{7, 14});
  CaffeNet bias = CaffeNet::of_layer({1, 2, 2}, "type: 'Bias' bias_param { axis: 2 }");
  CHECK(bias.blob("l", {2}, {10, 20}).result({1, 2, 3, 4}) == std::vector<float>{11, 22, 13, 24});
  mentions(CaffeNet::of_layer({1, 2}, "type: 'Scale' scale_param { num_axes: 2 }").refusal(),
           "has num_axes 2");
}

TEST_CASE("a second bottom is the scale") {
  const CaffeNet net(
      "input: 'x' input_shape { dim: 1 dim: 2 dim: 2 }\n"
      "layer { name: 'm' type: 'Reduction' bottom: 'x' top: 'm' reduction_param { axis: 2 } }\n"
      "layer { name: 's' type: 'Scale' bottom: 'x' bottom: 'm' top: 'y' scale_param { axis: 0 } }");
  CHECK(net.result({1, 2, 3, 4}) == std::vector<float>{3, 6, 21, 28});
}

TEST_CASE("slopes of channels") {
  CaffeNet net = CaffeNet::of_layer({1, 2, 1, 1}, "type: 'PReLU'");
  CHECK(net.blob("l", {2}, {0.5f, 2}).result({-1, -1}) == std::vector<float>{-0.5f, -2});
  CaffeNet shared =
      CaffeNet::of_layer({1, 2, 1, 1}, "type: 'PReLU' prelu_param { channel_shared: true }");
  CHECK(shared.blob("l", {1}, {0.5f}).result({-1, 4}) == std::vector<float>{-0.5f, 4});
}
