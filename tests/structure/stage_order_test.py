"""The tree's own includes point downwards, and the check notices those that do not."""
import pathlib
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("stage_order.py")


def check(*root):
    return subprocess.run([sys.executable, CHECK, *root], capture_output=True, text=True)


def made_up_tree(root, files):
    for name, text in {"host_builder/CMakeLists.txt": "set(STINT_STAGES graph passes\n    emit)\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def must_find(files, words):
    with tempfile.TemporaryDirectory() as folder:
        made_up_tree(pathlib.Path(folder), files)
        result = check(folder)
        assert (result.returncode == 0) == (words is None), result.stdout
        assert words is None or words in result.stdout, result.stdout


def include(what):
    return f'#pragma once\n#include "{what}"\n'


must_find({"host_builder/passes/a.h": include("host_builder/graph/b.h"), "core/c.h": include("plan_schema/d.h")}, None)
must_find({"host_builder/graph/a.cc": include("host_builder/passes/b.h")}, "stage 'graph' comes before 'passes'")
must_find({"host_builder/graph/a.h": include("host_builder/cli/b.h")}, "stage 'graph' comes before 'cli'")
must_find({"host_builder/graph/a.h": include("host_builder/old.h")}, "must not include")
must_find({"host_builder/elsewhere/a.h": ""}, "'elsewhere' is no stage")
must_find({"core/a.cc": include("host_builder/graph/b.h")}, "core must not include host_builder/graph/b.h")
must_find({"plan_schema/a.h": include("kernels/cpu/b.h")}, "plan_schema must not include")
must_find({"gst_plugin/a.cc": include("core/plan/b.h")}, "gst_plugin must not include core/plan/b.h")
must_find({f"host_builder/emit/f{i}.cc": "" for i in range(41)}, "41 sources lie in one folder")

result = check()
print(result.stdout, end="")
sys.exit(result.returncode)
