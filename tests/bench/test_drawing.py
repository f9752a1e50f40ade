"""Charts are the same for the same numbers, and can be read on any page."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from bench.charts import Bars, Curves, Line, Panel, Span
from bench.drawing import svg

SVG = "{http://www.w3.org/2000/svg}"
LINE = Line(name="a & b", points=[(0, 1), (10, 2), (20, None), (30, 90)])


def curves(**changes: object) -> Curves:
    return Curves(**{"title": "<t>", "x_label": "s", "y_label": "ms", "lines": [LINE]} | changes)  # type: ignore[arg-type]


def bars(**changes: object) -> Bars:
    whole = {"title": "t", "x_label": "x", "names": ["one", "two"], "values": {"seen": [1.0, 2.0]}}
    return Bars(**whole | changes)  # type: ignore[arg-type]


def texts(drawn: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def lines(drawn: str) -> list[list[list[tuple[float, float]]]]:
    """Of each line of data: its parts, each with its points."""
    found = []
    for path in ElementTree.fromstring(drawn).iter(f"{SVG}path"):
        style = path.attrib.get("style", "")
        if "stroke: #2f81f7" in style and "clip-path" in path.attrib:
            parts = path.attrib["d"].split("M")[1:]
            pairs = [re.findall(r"(-?[\d.]+) (-?[\d.]+)", part) for part in parts]
            found.append([[(float(x), float(y)) for x, y in each] for each in pairs])
    return found


@pytest.mark.parametrize("panels", [[curves()], [bars(), curves(logarithmic=True)]])
def test_the_same_numbers_give_the_same_bytes(panels: Sequence[Panel]) -> None:
    drawn = svg(panels, footer="run")

    assert drawn == svg(panels, footer="run")
    assert "<dc:date>" not in drawn


def test_a_point_without_a_value_is_a_gap() -> None:
    [[before, after]] = lines(svg([curves(lines=[Line(name="n", points=[
        (0, 1), (10, 2), (20, None), (30, 90), (40, 80)
    ])])]))  # fmt: skip

    assert (len(before), len(after)) == (2, 2)
    assert before[-1][0] < after[0][0]
    assert before[0][1] > after[0][1], "a larger value is higher"


def test_a_fault_is_marked_where_it_began_and_ended() -> None:
    """From the second point of the line to its third."""
    line = Line(name="n", points=[(0, 1), (10, 2), (30, 90), (31, 90)])
    drawn = svg([curves(lines=[line], spans=[Span(begin=10, end=30, label="fault")])])

    [[points]] = lines(drawn)
    [area] = [
        [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path.attrib["d"])]
        for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")
        if "opacity: 0.2" in path.attrib.get("style", "") and "clip-path" in path.attrib
    ]
    assert (min(area), max(area)) == pytest.approx((points[1][0], points[2][0]), abs=0.01)


def test_words_are_text_and_stay_what_they_are() -> None:
    drawn = svg(
        [
            curves(
                title="cost in $ & <s>",
                spans=[Span(begin=5, end=None, label="fault: a $ task")],
                moments={"whole again": 12.0},
                levels={"bar": 4.0},
            ),
            bars(
                texts=["1 s", "2 s"],
                goals={"moonshot": [None, 3.0]},
                levels={"bar": 1.0},
            ),
        ],
        footer="make bench at commit abc",
    )

    said = texts(drawn)
    for words in (
        "cost in $ & <s>", "fault: a $ task", "whole again", "bar", "a & b", "moonshot", "2 s",
        "make bench at commit abc", "two",
    ):  # fmt: skip
        assert words in said


def test_marks_are_explained_once_if_the_chart_says_so() -> None:
    span = Span(begin=5, end=8, label="fault")

    drawn = svg([curves(spans=[span]), curves(spans=[span], explains_marks=False)])

    assert texts(drawn).count("fault") == 1


def test_a_logarithmic_axis_is_labelled_with_plain_numbers() -> None:
    said = texts(svg([curves(logarithmic=True)]))

    assert {"1", "10", "50"} <= set(said)
    assert not any("math" in each for each in said)


def test_many_decades_are_labelled_by_powers_of_ten() -> None:
    wide = Line(name="n", points=[(0, 1), (1, 100_000)])

    said = texts(svg([curves(logarithmic=True, lines=[wide])]))

    assert {"100", "10,000"} & set(said)
    assert "500" not in said


def test_parts_of_a_stacked_bar_follow_each_other() -> None:
    drawn = svg([bars(values={"a": [1.0, 1.0], "b": [1.0, 3.0]}, stacked=True)])

    edges = [
        [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path.attrib["d"])]
        for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")
        if re.search("fill: #(2f81f7|d9730d)", path.attrib.get("style", ""))
        and "clip-path" in path.attrib
    ]
    first, _, second, _ = edges
    assert max(first) == pytest.approx(min(second), abs=0.01)


def test_a_dark_page_gets_its_own_colours() -> None:
    """Every colour of text, lines of the grid and background has a rule for a dark page."""
    drawn = svg([curves(), bars(texts=["1 s", "2 s"])])
    [rules] = re.findall(r"<style>@media \(prefers-color-scheme: dark\)(.*?)</style>", drawn)

    fixed = {"#2f81f7", "none"}  # of lines and bars: can be read on both
    used = set(re.findall(r"(?:fill|stroke): (#\w+|none)", drawn.replace(rules, "")))
    assert used - fixed
    for colour in used - fixed:
        assert f'[style*="fill: {colour}"]' in rules, colour


def test_a_panel_less_than_the_places_leaves_the_last_one_empty() -> None:
    drawn = svg([curves(), curves(), curves()], columns=2)

    assert texts(drawn).count("<t>") == 3
