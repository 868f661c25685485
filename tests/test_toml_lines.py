"""The lines of tables and keys in TOML texts of every shape."""

import tomllib

import pytest

from imgfilt.toml_lines import line_of, lines_of

TEXT = '''# a comment with [[step]] and key = 1
name = "a"
text = """
[[step]]
inside = 1
"""
kernel = [
  [1, 2],  # ] in a comment
  [3, 4],
]
quoted = "[[step]]"

[[step]]
filter = "gaussian"
"sigma" = 2

[output]
quality = 90
note = \'\'\'one line\'\'\'
last = { a = 1,
  b = 2 }

[[ step ]]
filter = "sobel"
'''


def test_lines():
    assert lines_of(TEXT) == {
        ("", 0, "name"): 2,
        ("", 0, "text"): 3,
        ("", 0, "kernel"): 7,
        ("", 0, "quoted"): 11,
        ("step", 0, ""): 13,
        ("step", 0, "filter"): 14,
        ("step", 0, "sigma"): 15,
        ("output", 0, ""): 17,
        ("output", 0, "quality"): 18,
        ("output", 0, "note"): 19,
        ("output", 0, "last"): 20,
        ("step", 1, ""): 23,
        ("step", 1, "filter"): 24,
    }


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("step", 1, "filter"), 24),
        (("step", 1, "missing"), 23),
        (("step", 7, "filter"), None),
        (("", 0, "kernel"), 7),
        (("", 0, "missing"), None),
        (("text", 0, "x"), 3),
    ],
)
def test_line_of_falls_back_to_the_table(where, line):
    assert line_of(TEXT, *where) == line


def test_the_text_is_toml_without_the_lines_of_two():
    valid = TEXT.replace("last = { a = 1,\n  b = 2 }", "last = 1")
    assert [step["filter"] for step in tomllib.loads(valid)["step"]] == ["gaussian", "sobel"]
