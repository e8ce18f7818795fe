"""--target and --as of tests that run on the CPU and, on a machine that has one, on a GPU (in FP32, so that what they allow is
the same)."""


def add_target_options(parser):
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--as", dest="dressed_as")


class TargetFlags:
    """What `stint build` and `stint run` are given beside the test's own arguments."""

    def __init__(self, arguments):
        self.build, self.run = [], []
        if arguments.target != "cpu":
            self.build = ["--target", arguments.target, "--precision", "fp32"]
            self.build += ["--as", arguments.dressed_as] if arguments.dressed_as else []
            self.run = ["--device", "cuda"]
