"""The how-tos of docs/how-to name the files that a change of their kind touches. Each shows it by something that is there already:

    <!-- example: the decoder `detr`; found by: insert_detr|PostprocessKind::kDetr -->
    | file | what |
    |---|---|
    | `host_builder/frames/decoders/detr.cc` | ... |

The files of the table must be those in which the expression is found; of the product, for tests follow by themselves.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = re.compile(r"<!-- example: ([^;]*); found by: (.*?) -->\n\|[^\n]*\n\|[-| ]*\n((?:\|[^\n]*\n)+)")
PRODUCT = ["*.cc", "*.h", "*.hpp", "*.c", "*.cuh", "*.fbs", "*CMakeLists.txt", ":!tests/", ":!examples/"]


def files_with(expression, root):
    found = subprocess.run(["git", "grep", "-lP", expression, "--", *PRODUCT], cwd=root, capture_output=True, text=True)
    return set(found.stdout.split())


def problems(page, root):
    examples = EXAMPLE.findall(page)
    if not examples:
        yield "has no example of files to touch"
    for what, expression, table in examples:
        listed = set(re.findall(r"^\| `([^`]+)`", table, re.M))
        found = files_with(expression, root)
        for file in sorted(found - listed):
            yield f"{what} is in {file} too, which the table does not list"
        for file in sorted(listed - found):
            yield f"the table lists {file}, in which {what} is not (any more)"


# The check itself: a table that lacks a file, or has one too many, is found.
SELF = "<!-- example: x; found by: STINT_STAGES support -->\n| file | what |\n|---|---|\n"
assert not list(problems(SELF + "| `host_builder/CMakeLists.txt` | |\n", ROOT))
assert list(problems(SELF + "| `CMakeLists.txt` | |\n", ROOT)) == [
    "x is in host_builder/CMakeLists.txt too, which the table does not list",
    "the table lists CMakeLists.txt, in which x is not (any more)"]
assert list(problems("no table\n", ROOT))

pages = sorted(p for p in (ROOT / "docs/how-to").glob("*.md") if p.name != "README.md")
found = [f"docs/how-to/{page.name}: {problem}" for page in pages for problem in problems(page.read_text(), ROOT)]
index = (ROOT / "docs/how-to/README.md").read_text()
found += [f"docs/how-to/README.md does not mention {page.name}" for page in pages if f"({page.name})" not in index]
print("\n".join(found) or f"{len(pages)} how-tos name the files that there are")
sys.exit(1 if found else 0)
