"""Pipelines as text: what is understood, and what is said about what is not."""

import pytest

from imgfilt.catalog import builtin
from imgfilt.pipeline import PipelineError, Step, parse, resolve


def resolved(text):
    return [(spec.name, params) for spec, params in resolve(parse(text), builtin())]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("sobel", [Step("sobel", {}, 1)]),
        ("  sobel  ", [Step("sobel", {}, 3)]),
        ("a x=1 y=2|b", [Step("a", {"x": "1", "y": "2"}, 1), Step("b", {}, 11)]),
        ("a\n| b k=v", [Step("a", {}, 1), Step("b", {"k": "v"}, 5)]),
        ("a sigma-low=1", [Step("a", {"sigma_low": "1"}, 1)]),
        ("a k=\"0 1; 1 0\" l='x|y' m=''", [Step("a", {"k": "0 1; 1 0", "l": "x|y", "m": ""}, 1)]),
        ("a x=-1.5e3", [Step("a", {"x": "-1.5e3"}, 1)]),
    ],
)
def test_parse(text, steps):
    assert list(parse(text)) == steps


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "a pipeline needs a filter's name, got ''"),
        ("   ", 1, "a pipeline needs a filter's name"),
        ("sobel |", 8, "expected a filter's name after '|'"),
        ("| sobel", 1, "step 1: expected a filter's name before '|'"),
        ("box || sobel", 6, "step 2: expected a filter's name before '|'"),
        ("gaussian sigma 2", 10, "step 1 (gaussian): expected key=value or '|', got 'sigma'"),
        ("gaussian sigma=", 10, "got 'sigma='"),
        ("gaussian sigma= 2", 10, "got 'sigma='"),
        ("gaussian =2", 10, "got '=2'"),
        ('gaussian sigma="2', 10, "got 'sigma=\"2'"),
        ("sobel | sigma=3", 9, "step 2: expected a filter's name, got 'sigma=3'"),
        ("gaussian sigma=2 sigma=3", 18, "step 1 (gaussian): 'sigma' is given twice"),
    ],
)
def test_parse_errors_point_at_the_character(text, column, message):
    with pytest.raises(PipelineError) as caught:
        parse(text)
    assert caught.value.column == column
    assert message in str(caught.value)
    assert str(caught.value).endswith(f"(column {column})")
    assert "\n" not in str(caught.value)


def test_values_become_the_parameters_kinds():
    assert resolved("gaussian sigma=2 size=5 | unsharp-mask amount=1.5 | sobel axis=x") == [
        ("gaussian", {"sigma": 2.0, "size": 5}),
        ("unsharp_mask", {"sigma": 1.0, "amount": 1.5, "threshold": 0.0}),
        ("sobel", {"axis": "x"}),
    ]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("box | gausian sigma=2", 7, "step 2: unknown filter 'gausian' (did you mean 'gaussian'"),
        ("zzzzz", 1, "unknown filter 'zzzzz'; there are bilateral, box"),
        (
            "gaussian sgima=2",
            1,
            "gaussian has no parameter 'sgima' (did you mean 'sigma'?); it has sigma, size",
        ),
        ("identity x=2", 1, "identity has no parameters, got 'x'"),
        ("gaussian sigma=-1", 1, "gaussian: sigma must be a number from 0 to 500 (px), got '-1'"),
        ("gaussian sigma=two", 1, "got 'two'"),
        ("gaussian sigma=nan", 1, "got 'nan'"),
        ("gaussian sigma=1e999", 1, "got '1e999'"),
        ("median size=4", 1, "median: size must be an odd integer from 1 to 255 (px), got '4'"),
        ("median size=3.0", 1, "got '3.0'"),
        ("sobel axis=z", 1, "sobel: axis must be one of both, x, y, got 'z'"),
    ],
)
def test_resolve_errors_name_the_step_and_the_value(text, column, message):
    with pytest.raises(PipelineError) as caught:
        resolve(parse(text), builtin())
    assert caught.value.column == column
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
