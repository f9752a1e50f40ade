from xml.etree import ElementTree

from bench.ledger.svg_chart import Chart, Series, decades, svg, ticks


def test_ticks_are_round_and_reach_the_largest_value() -> None:
    assert ticks(1730) == [0, 500, 1000, 1500, 2000]
    assert ticks(0) == [0]


def test_decades_surround_the_values() -> None:
    assert decades(3, 240) == [1, 10, 100, 1000]
    assert decades(10, 10) == [10, 100]


def test_points_lie_within_the_axes() -> None:
    series = Series(name="a & b", points=[(100, 1), (2000, 99)])
    drawn = ElementTree.fromstring(
        svg([Chart(title="<t>", x_label="x", series=[series], logarithmic=True)])
    )
    [line] = drawn.iter("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]

    assert all(70 <= x <= 610 and 40 <= y <= 250 for x, y in points)
    assert points[0][1] > points[1][1], "a larger value is higher"
